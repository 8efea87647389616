"""What all stages have in common."""

from __future__ import annotations

import importlib
import importlib.metadata
import shlex
from pathlib import Path
from typing import Any

import pytest
from steps import Files, step_of

from lstluigi.jobs.runner import spec
from lstluigi.stages import STAGES, WORKFLOWS, base, checks

DL2 = {f"{particle}_file": f"/{particle}.h5" for particle in ("gamma", "proton", "electron")}
STEPS: dict[str, dict[str, Any]] = {
    "r0_to_dl1": {"input": "/dl0", "output": "/out"},
    "dl1ab": {"input": "/dl1", "output": "/out"},
    "tune_nsb": {"input": {"data": "/d.h5", "mc": "/m.simtel.gz"}, "output": "/out/tuned.json"},
    "train_test_split": {"input": "/dl1", "output": {"train": "/out/a", "test": "/out/b"}},
    "merge_dl1": {"input": "/dl0", "output": "/out/m.h5"},
    "train_pipe": {"input": {"gamma": "/g.h5", "proton": "/p.h5"}, "output": "/out"},
    "dl1_to_dl2": {"input": "/dl1_x.h5", "output": "/out", "path_model": "/models"},
    "dl2_to_irfs": {"input": {"gamma_file": "/g.h5"}, "output": "/out/irf.fits.gz"},
    "dl2_to_sensitivity": {"input": DL2, "output": "/out/s.fits.gz"},
    "irf_index": {"input": "/dl0", "output": "/out"},
}
#: Stages whose options say something to lstluigi, not to a command.
KEPT = ("train_test_split", "tune_nsb", "irf_index")
ALL = [(kind, name) for kind, stages in WORKFLOWS.items() for name in stages]
FILES = Files([["/dl0/a.simtel.gz", "/dl0/b.simtel.gz"], [], []])


def test_all_stages_are_here() -> None:
    assert STAGES.keys() == STEPS.keys()
    assert WORKFLOWS["ctapipe"].keys() == STEPS.keys() - {
        "dl2_to_sensitivity",
        "irf_index",
        "tune_nsb",
    }
    for stages in WORKFLOWS.values():
        assert len({stage.logs for stage in stages.values()}) == len(stages)
    tasks = {(name, WORKFLOWS[kind][name].task) for kind, name in ALL}
    assert len(tasks) == len({task for _, task in tasks}) == len(STEPS)
    assert {STAGES["r0_to_dl1"].logs, STAGES["dl1ab"].logs} == {"job_logs_r0dl1", "job_logs_dl1ab"}


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_products_lie_where_the_step_makes_them(tmp_path: Path, kind: str, name: str) -> None:
    stage, step = step_of(tmp_path, name, kind, **STEPS[name])
    made = stage.makes(step)
    products = stage.products(step, FILES)
    assert products
    assert len({product.final for product in products}) == len(products)
    for product in products:
        folder = product.final.rpartition("/")[0]
        assert any(
            folder == place.path if place.directory else product.final == place.path
            for place in made
        )
        assert spec.is_inside(product.made)
        spec.validate_check(dict(product.check), name)  # raises for one it does not know
    for reading in stage.reads(step):
        spec.validate_check(dict(reading.check), name)
    for source, link in stage.links(step, FILES):
        assert spec.is_absolute(source)
        assert spec.is_inside(link)


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_commands_exist(tmp_path: Path, kind: str, name: str) -> None:
    stage, step = step_of(tmp_path, name, kind, **STEPS[name])
    scripts = {entry.name for entry in importlib.metadata.entry_points(group="console_scripts")}
    for command in stage.commands(step, FILES):
        if command[0].startswith(base.SCRIPTS):
            assert Path(
                base.SCRIPTS_DIRECTORY, command[0].removeprefix(f"{base.SCRIPTS}/")
            ).is_file()
        elif "lstchain_dl1ab" in scripts and command[0] not in stage.programs:
            assert command[0] in scripts


@pytest.mark.parametrize(
    ("kind", "name"),
    [(k, n) for k, n in ALL if n not in KEPT and WORKFLOWS[k][n].shape.options == "arguments"],
)
def test_options_are_passed_through(tmp_path: Path, kind: str, name: str) -> None:
    options = "--point-like --name='a b; $(c)' --energy 1 2"
    stage, step = step_of(tmp_path, name, kind, **STEPS[name], options=options)
    (command, *_) = stage.commands(step, FILES)
    words = shlex.split(options)
    start = command.index(words[0])
    assert list(command[start : start + len(words)]) == words


@pytest.mark.parametrize(
    ("stage", "units", "capacity"),
    [
        *(("r0_to_dl1", 1, 20), ("r0_to_dl1", 49, 20), ("r0_to_dl1", 50, 50)),
        *(("dl1ab", 1000, 50), ("train_pipe", 1, 1)),
    ],
)
def test_chunks_are_those_of_lstmcpipe(stage: str, units: int, capacity: int) -> None:
    assert STAGES[stage].capacity(units) == capacity


def test_small_steps_may_share_a_process() -> None:
    for name in ("merge_dl1", "dl1_to_dl2", "dl2_to_irfs", "train_test_split"):
        assert STAGES[name].capacity(1) > 1


def test_checks_name_what_lstchain_writes_last() -> None:
    for check in (checks.DL1, checks.DL1_WITH_IMAGES, checks.MERGED):
        assert "/simulation/thrown_event_distribution" in check["hdf5"]
        assert "/_temp_table" in check["absent"]
