"""The configs of tools that a production has, and the kind of workflow that they speak for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from lstluigi.config import missing_tool_config
from lstluigi.config.tool_config import ToolConfig, tool_of
from lstluigi.production.load import Choices
from lstluigi.validation import Report, validate
from lstluigi.validation.examine import examine

ROOT = Path(__file__).parents[2] / "production_configs"
TOYS = {"lstchain": "toy_demo", "ctapipe": "toy_ctapipe", "hiperta": "toy_hiperta"}


def of_another_kind(tmp_path: Path, toy: str, kind: str, *without: str) -> Report:
    """A production whose kind of workflow is wrong, without some of its keys."""
    directory = tmp_path / "toy"
    shutil.copytree(ROOT / TOYS[toy], directory)
    config = directory / "lstluigi_config.yml"
    content = yaml.safe_load(config.read_text()) | {"workflow_kind": kind}
    config.write_text(yaml.safe_dump({k: v for k, v in content.items() if k not in without}))
    return validate(config)


@pytest.mark.parametrize("without", ["", "key"])
@pytest.mark.parametrize(("meant", "kind"), [("lstchain", "ctapipe"), ("ctapipe", "lstchain")])
def test_a_wrong_kind_of_workflow_is_one_error(
    tmp_path: Path, meant: str, kind: str, without: str
) -> None:
    """Be the config of the tool named or lie beside: options and config are not those of it."""
    right = validate(ROOT / TOYS[meant] / "lstluigi_config.yml")
    report = of_another_kind(tmp_path, meant, kind, *([f"{meant}_config"] if without else []))
    (told,) = report.errors
    assert told.problem.where.endswith("key 'workflow_kind'")
    assert f"no {kind} config, which the workflow {kind} needs" in told.problem.what
    assert told.problem.mend.startswith(f"write {meant}")
    assert report.stages == right.stages
    assert report.notices == right.notices


@pytest.mark.parametrize("named", [True, False])
def test_what_reads_no_config_may_lie_beside_that_of_another_tool(
    tmp_path: Path, named: bool
) -> None:
    """lstchain merges DL1 files without its config."""
    (tmp_path / "ctapipe_config.json").write_text('{"EventSource": {}}')
    (tmp_path / "dl1").mkdir()
    content = {
        "workflow_kind": "lstchain",
        "prod_id": "merged",
        "stages_to_run": ["merge_dl1"],
        "stages": {"merge_dl1": [{"input": "dl1", "output": "merged.h5"}]},
    }
    if named:
        content["ctapipe_config"] = "ctapipe_config.json"
    (tmp_path / "config.yml").write_text(yaml.safe_dump(content))
    report = validate(tmp_path / "config.yml", check_paths=False)
    assert not report.errors
    assert any("nothing in the workflow lstchain reads it" in n for n in report.notices) == named


def test_a_json_beside_is_not_looked_into_where_the_config_of_the_tool_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked_into(path: Path) -> None:
        raise AssertionError(path)

    monkeypatch.setattr("lstluigi.config.tools.tool_of", looked_into)
    shutil.copytree(ROOT / TOYS["lstchain"], tmp_path / "toy")
    (tmp_path / "toy" / "other.json").write_text("{}")
    examine(Choices(str(tmp_path / "toy" / "lstluigi_config.yml")))


def test_hiperta_without_any_config_is_one_error(tmp_path: Path) -> None:
    report = of_another_kind(tmp_path, "lstchain", "hiperta")
    (told,) = report.errors
    assert "the rta config is not known" in told.problem.what
    assert "if it is not meant to be hiperta" in told.problem.mend
    (tmp_path / "toy" / "lstchain_config.json").unlink()
    config = tmp_path / "toy" / "lstluigi_config.yml"
    config.write_text(config.read_text().replace("lstchain_config: lstchain_config.json\n", ""))
    (told,) = (report := validate(config)).errors
    assert "the lstchain and rta configs are not known" in told.problem.what
    assert not any("hiperta_r0_dl1" in str(warning) for warning in report.warnings)


def test_a_json_of_another_tool_alone_beside_is_not_that_of_the_workflow_s(tmp_path: Path) -> None:
    """hiperta needs two configs, so ctapipe's speaks for no other kind of workflow."""
    shutil.copytree(ROOT / TOYS["hiperta"], tmp_path / "toy")
    config = tmp_path / "toy" / "lstluigi_config.yml"
    content = yaml.safe_load(config.read_text())
    assert content.pop("rta_config")
    content.pop("lstchain_config", None)
    for file in (tmp_path / "toy").glob("*.json"):
        file.unlink()
    (tmp_path / "toy" / "ctapipe.json").write_text('{"EventSource": {}}')
    (tmp_path / "toy" / "hiperta.txt").write_text("keepIsolatedPixels = 1;\n")
    config.write_text(yaml.safe_dump({**content, "rta_config": "hiperta.txt"}))
    (told,) = validate(config).errors
    assert (
        told.problem.what == "the lstchain config is not known (*.json beside it: 'ctapipe.json')"
    )


def test_one_config_or_several_are_not_known(tmp_path: Path) -> None:
    (tmp_path / "a.json").touch()
    path = tmp_path / "config.yml"
    assert missing_tool_config(["rta"], path, "lstchain") == (
        "the rta config is not known",
        "name one with the key rta_config or with --rta-config",
    )
    what, mend = missing_tool_config(["ctapipe", "rta"], path, "hiperta")
    assert what == "the ctapipe and rta configs are not known (*.json beside it: 'a.json')"
    assert "keys ctapipe_config and rta_config or with --ctapipe-config and --rta-config" in mend


@pytest.mark.parametrize(
    ("content", "tool"),
    [
        ('{"tailcut": {}}', "lstchain"),
        ('{"EventSource": {}}', "ctapipe"),
        ('{"a": 1}', None),
        ("[]", None),
        ("{", None),
    ],
)
def test_the_tool_of_a_json_file(tmp_path: Path, content: str, tool: str | None) -> None:
    file = tmp_path / "a.json"
    file.write_text(content)
    assert tool_of(file) == tool


def test_a_json_file_that_tells_nothing_is_that_of_the_tool(tmp_path: Path) -> None:
    shutil.copytree(ROOT / TOYS["ctapipe"], tmp_path / "toy")
    (tmp_path / "toy" / "ctapipe_config.json").write_text(json.dumps({"any": 1}))
    report = validate(tmp_path / "toy" / "lstluigi_config.yml")
    (told,) = report.errors
    assert "no section of a ctapipe config is called so" in told.problem.what


def test_an_absent_config_that_nothing_reads_is_told_once(tmp_path: Path) -> None:
    directory = tmp_path / "toy"
    shutil.copytree(ROOT / TOYS["ctapipe"], directory)
    config = directory / "lstluigi_config.yml"
    config.write_text(f"{config.read_text()}\nrta_config: none.txt\n")
    report = validate(config)
    assert report.errors == []
    (told,) = [notice for notice in report.notices if "rta_config" in notice]
    assert "nothing in the workflow ctapipe reads it" in told


def test_the_config_of_another_tool_is_told_once(tmp_path: Path) -> None:
    """Not key by key."""
    (tmp_path / "lstchain.json").write_text('{"tailcut": {},\n"other": {}}')
    config = ToolConfig.read("rta", tmp_path / "lstchain.json")
    (told,) = config.problems()
    assert "none of the keys of HiPeRTA" in told.what
    assert list(config.remarks()) == []
