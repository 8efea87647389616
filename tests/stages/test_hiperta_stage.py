"""Stages of the workflow of HiPeRTA."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from steps import Files, step_of

from lstluigi.config import load_config
from lstluigi.jobs.runner import spec
from lstluigi.production.plan import Plan
from lstluigi.production.step import tools_of
from lstluigi.stages import SHAPES, WORKFLOWS
from lstluigi.stages.base import RTA_CONFIG, SCRIPTS

ROOT = Path(__file__).parents[2]
FILES = Files([["/dl0/run1.simtel.gz"], ["/dl0/run2.simtel.zst"]])


def of_step(tmp_path: Path, **options: Any) -> tuple[Any, Any]:
    keys = {"input": "/dl0", "output": "/dl1", "options": options or None}
    return step_of(tmp_path, "r0_to_dl1", workflow="hiperta", **keys)


def test_only_its_first_stage_is_its_own() -> None:
    lstchain, hiperta = WORKFLOWS["lstchain"], WORKFLOWS["hiperta"]
    assert lstchain.keys() == hiperta.keys()
    assert [name for name in lstchain if lstchain[name] is not hiperta[name]] == ["r0_to_dl1"]


def test_each_file_takes_two_commands(tmp_path: Path) -> None:
    stage, step = of_step(tmp_path)
    commands = stage.commands(step, FILES)
    assert tools_of(commands) == ["rta"]
    call = ("-c", RTA_CONFIG, "-o", ".", "--selectedtel", "1")
    assert commands == [
        ("hiperta_r0_dl1", "-i", "/dl0/run1.simtel.gz", *call),
        (f"{SCRIPTS}/hiperta_to_dl1.py", "dl1_run1.simtel.gz", "-o", "dl1_run1.h5"),
        ("hiperta_r0_dl1", "-i", "/dl0/run2.simtel.zst", *call),
        (f"{SCRIPTS}/hiperta_to_dl1.py", "dl1_run2.simtel.zst", "-o", "dl1_run2.h5"),
    ]
    assert {command[0] for command in commands[::2]} == set(stage.programs)


def test_products_are_those_of_lstchain(tmp_path: Path) -> None:
    stage, step = of_step(tmp_path)
    _, other = step_of(tmp_path, "r0_to_dl1", input="/dl0", output="/dl1")
    theirs = WORKFLOWS["lstchain"]["r0_to_dl1"].products(other, FILES)
    assert stage.products(step, FILES) == theirs


def test_the_mask_is_asked_for_in_debug_mode(tmp_path: Path) -> None:
    stage, step = of_step(tmp_path, debug_mode=True)
    calls = stage.commands(step, FILES)[::2]
    assert all(call[-1] == "-g" for call in calls)
    stage, step = of_step(tmp_path, debug_mode=False)
    assert not any("-g" in command for command in stage.commands(step, FILES))


def test_a_kept_file_has_a_name_that_no_step_reads(tmp_path: Path) -> None:
    stage, step = of_step(tmp_path, keep_file=True)
    kept = [p for p in stage.products(step, FILES) if not p.final.endswith(".h5")]
    assert [(p.made, p.final) for p in kept] == [
        ("dl1_run1.simtel.gz", "/dl1/dl1_run1.hiperta.hdf5"),
        ("dl1_run2.simtel.zst", "/dl1/dl1_run2.hiperta.hdf5"),
    ]
    for product in kept:
        spec.validate_check(dict(product.check), product.final)
    stage, step = of_step(tmp_path, keep_file=False)
    assert all(product.final.endswith(".h5") for product in stage.products(step, FILES))


@pytest.mark.parametrize("options", [{"keep_file": True}, {"keep_file": False}, {}])
def test_a_kept_file_does_not_change_what_is_made(tmp_path: Path, options: dict[str, bool]) -> None:
    stage, step = of_step(tmp_path, **options)
    assert not stage.settings(step)
    plain, other = of_step(tmp_path)
    assert stage.commands(step, FILES) == plain.commands(other, FILES)


# ---- configs and docs


def test_the_page_has_the_commands_and_the_options(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "workflow-hiperta.md").read_text()
    stage, step = of_step(tmp_path, debug_mode=True)
    names = {"/dl0/": "", "run1.simtel.gz": "FILE", "run1.h5": "NAME.h5"}
    names |= {f"{SCRIPTS}/": "", RTA_CONFIG: "RTA_CONFIG", " -g": " [-g]"}
    text = "\n".join(" ".join(command) for command in stage.commands(step, FILES)[:2])
    for word, told in names.items():
        text = text.replace(word, told)
    assert f"```text\n{text}\n```" in page
    assert set(re.findall(r"^\| `(\w+)` \| `false`", page, re.MULTILINE)) == set(
        stage.shape.options
    )


def test_the_example_of_the_page_loads(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "workflow-hiperta.md").read_text()
    (block,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "hiperta_rta_config.txt").touch()
    (tmp_path / "config.yml").write_text(block)
    assert load_config(tmp_path / "config.yml", SHAPES).steps[0].settings == {"keep_file": True}


@pytest.mark.parametrize(
    "directory", ["configs/hiperta_config_example.yml", "production_configs/toy_hiperta"]
)
def test_configs_read_dl0_and_nothing_else_from_outside(tmp_path: Path, directory: str) -> None:
    given = ROOT / directory
    there = tmp_path / "there"
    shutil.copytree(given if given.is_dir() else given.parent, there)
    (there / "lstchain_config.json").touch()
    config = load_config(there / (given.name if given.is_file() else "lstluigi_config.yml"), SHAPES)
    assert set(config.tool_configs) == {"lstchain", "rta"}
    plan = Plan(config, WORKFLOWS[config.workflow_kind], {})
    assert not plan.graph.problems
    outside = {r.path.split("/mc/")[1][:3] for node in plan.steps for r in plan.external(node)}
    assert outside == {"DL0"}
