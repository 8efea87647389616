"""`lstluigi validate`: what run would refuse, what is told, and how."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from right_production import NODES, PROD_ID, Production, sentences, step

from lstluigi.cli import main
from lstluigi.errors import ConfigError, fold
from lstluigi.production.load import Choices
from lstluigi.run.session import Session
from lstluigi.validation import Report, validate

ROOT = Path(__file__).parents[2]
PRODUCTIONS = sorted(p.parent for p in (ROOT / "production_configs").rglob("*.y*ml"))


def typed(*words: object) -> Result:
    return CliRunner().invoke(main, ["validate", *map(str, words)])


@pytest.fixture
def toy_ctapipe() -> dict[str, Any]:
    """The toy production of ctapipe, to be changed."""
    path = ROOT / "production_configs" / "toy_ctapipe" / "lstluigi_config.yml"
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


def validated(content: dict[str, Any], directory: Path) -> Report:
    shutil.copy(ROOT / "production_configs" / "toy_ctapipe" / "ctapipe_config.json", directory)
    config = directory / "config.yml"
    config.write_text(yaml.safe_dump(content))
    return validate(config)


@pytest.mark.parametrize("directory", PRODUCTIONS, ids=lambda path: path.name)
def test_every_production_of_the_library_is_valid(directory: Path) -> None:
    done = typed(directory)
    assert done.exit_code == 0, done.output


def test_a_right_production(production: Production) -> None:
    production.write()
    done = typed(production.directory)
    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert lines[-1] == f"{PROD_ID}: ok, 7 steps in 3 stages, 4 external paths, 0 warnings"
    assert lines[0].startswith("read from outside (not looked for")
    assert lines[1:-1] == [
        f"  {production.directory}/dl0/{p}/{n}" for p in "gp" for n in sorted(NODES)
    ]


@pytest.mark.parametrize(
    ("stage", "number", "options", "told"),
    [
        ("merge_dl1", 1, "--no-imagee", "has no option '--no-imagee'; write '--no-image'"),
        ("merge_dl1", 0, "--run-number x", "'x' is not a whole number"),
        ("merge_dl1", 0, "--run-number", "expected one argument"),
        ("merge_dl1", 0, "no-image", "takes no further words"),
        ("r0_to_dl1", 2, "--no-image", "lstchain_mc_r0_to_dl1 has no option"),
        ("train_pipe", 0, "--no-save", None),
    ],
)
def test_options_are_those_of_the_command(
    production: Production, stage: str, number: int, options: str, told: str | None
) -> None:
    production.stages[stage][number]["options"] = options
    errors, _ = production.told()
    mine = [
        error for error in errors if f"stage {stage}, step {number + 1}, key 'options'" in error
    ]
    assert len(mine) == (told is not None)
    assert all(str(told) in error for error in mine)


@pytest.mark.parametrize(
    ("tool", "toy"), [("lstchain", "demo"), ("ctapipe", "ctapipe"), ("rta", "hiperta")]
)
def test_the_config_of_each_tool_may_be_named(tmp_path: Path, tool: str, toy: str) -> None:
    directory = tmp_path / "toy"
    shutil.copytree(ROOT / "production_configs" / f"toy_{toy}", directory)
    (own,) = directory.glob(f"{tool}_config.*")
    named = own.rename(tmp_path / f"elsewhere{own.suffix}")
    assert typed(directory).exit_code == 2
    done = typed(directory, f"--{tool}-config", named)
    assert done.exit_code == 0, done.output
    named.write_bytes(b"\xff")
    assert f"{tool} config {named}" in typed(directory, f"--{tool}-config", named).output


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        ("dl2_to_sensitivity", "dl2_to_irfs writes ctapipe's sensitivity, among its benchmarks"),
        ("irf_index", "ctapipe has no tool that interpolates between IRFs"),
        ("tune_nsb", "it writes an lstchain config, which the tools of ctapipe do not read"),
    ],
)
def test_what_ctapipe_cannot_do_is_said_with_the_reason(
    toy_ctapipe: dict[str, Any], tmp_path: Path, stage: str, reason: str
) -> None:
    toy_ctapipe["stages_to_run"].append(stage)
    toy_ctapipe["stages"][stage] = [{"input": "a", "output": "b"}]
    if stage == "tune_nsb":
        toy_ctapipe |= {"dl1_noise_tune_data_run": "a.h5", "dl1_noise_tune_mc_run": "b.simtel.gz"}
    report = validated(toy_ctapipe, tmp_path)
    said = f"the workflow ctapipe has no stage '{stage}': {reason}"
    assert [said in error for error in sentences(report.errors)] == [True] * len(report.errors)
    wheres = [finding.problem.where.partition("key ")[2] for finding in report.errors]
    noise = ["'dl1_noise_tune_data_run'"] * (stage == "tune_nsb")
    assert wheres == ["'stages_to_run'", f"'stages.{stage}'", *noise]
    assert not any(stage in notice for notice in report.notices)  # nothing of it is taken


@pytest.mark.parametrize(
    ("stage", "options", "said"),
    [
        ("train_pipe", "--CrossValidator.n_cross_validation=0", "write 'n_cross_validations'"),
        ("dl1_to_dl2", "--ApplyModel.overwrite=True", "write 'ApplyModels'"),
        ("r0_to_dl1", "--EventSource.max_event=3", "write 'max_events'"),
        ("r0_to_dl1", "--no-write-images --SimTelEventSource.back_seekable=True", None),
    ],
)
def test_settings_among_the_options_of_ctapipes_tools(
    toy_ctapipe: dict[str, Any], tmp_path: Path, stage: str, options: str, said: str | None
) -> None:
    toy_ctapipe["stages"][stage][0]["options"] = options
    errors = sentences(validated(toy_ctapipe, tmp_path).errors)
    assert len(errors) == (said is not None)
    assert all(f"stage {stage}, step 1, key 'options'" in e and str(said) in e for e in errors)


def test_irfs_of_ctapipe_without_protons_lack_something(
    toy_ctapipe: dict[str, Any], tmp_path: Path
) -> None:
    assert not validated(toy_ctapipe, tmp_path).notices
    given = toy_ctapipe["stages"]["dl2_to_irfs"][0]["input"]
    del given["proton_file"], given["electron_file"]
    report = validated(toy_ctapipe, tmp_path)
    assert not report.errors
    (notice,) = report.notices
    assert notice.startswith("dl2_to_irfs, 1 step(s): without proton_file there is no background")


@pytest.mark.parametrize("given", ["-o other", "--output-dir=other"])
def test_an_option_that_lstluigi_gives_itself(production: Production, given: str) -> None:
    production.stages["train_pipe"][0]["options"] = given
    errors, (warning,) = production.told()
    assert not errors
    assert "is given by lstluigi itself" in warning


def test_an_option_is_abbreviated(production: Production) -> None:
    production.stages["merge_dl1"][0]["options"] = "--no-im --pattern */*.h5"
    errors, (warning,) = production.told()
    assert not errors
    assert "'--no-im'" in warning


def test_dl1ab_has_an_option_of_lstluigi(production: Production) -> None:
    production.run({"dl1ab": [{**step("dl1/a", "dl1/b"), "options": "--image"}]})
    assert production.told() == ([], [])


def test_another_lstchain_may_have_other_options(production: Production) -> None:
    production.stages["merge_dl1"][0]["options"] = "--no-images --pattern */*.h5"
    production.production["source_environment"] = {"conda_env": "lstchain-v0.13.0"}
    errors, warnings = production.told()
    assert not errors
    assert any("has no option '--no-images'" in warning for warning in warnings)


def test_what_is_the_same_in_many_steps_is_told_once(production: Production) -> None:
    irfs = [
        {**step({"gamma_file": f"dl2_{n}.h5"}, f"irf_{n}.fits"), "options": "--pointlike"}
        for n in range(20)
    ]
    production.run({"dl2_to_irfs": irfs})
    (error,) = production.report().errors
    assert error.more == 19
    assert "step 1," in str(error)
    assert "(and in 19 more places)" in str(error)


def wrong(production: Production, kind: str) -> None:
    """What run refuses, in one way or another."""
    stages = production.stages
    match kind:
        case "unknown key":
            stages["train_pipe"][0]["inputs"] = "x"
        case "same output":
            stages["r0_to_dl1"][1]["output"] = stages["r0_to_dl1"][0]["output"]
        case "no step is whole":
            stages["train_pipe"] = [{"input": {"gamma": "x.h5"}, "output": "models"}]
        case "pattern":
            stages["merge_dl1"][0]["options"] = "--pattern ../*.h5"
        case "memory":
            stages["merge_dl1"][0]["extra_slurm_options"] = {"mem": "lots"}
        case "share":
            stages["merge_dl1"][0]["max_failed_fraction"] = 0.1
        case "no lstchain config":
            production.production["lstchain_config"] = "other.json"


KINDS = (
    "unknown key",
    "same output",
    "no step is whole",
    "pattern",
    "memory",
    "share",
    "no lstchain config",
)


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_run_refuses_is_refused(
    production: Production, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong(production, kind)
    report = production.report()
    for path in report.external:  # DL0, so that nothing else keeps it from running
        Path(path).mkdir(parents=True)
        (Path(path) / "a.simtel.gz").write_bytes(b"")
    with pytest.raises(ConfigError) as refused:
        Session(Choices(str(production.config), backend="local")).check()
    told = {finding.problem for finding in report.errors}
    assert set(refused.value.problems) <= told
    assert typed(production.config).exit_code == 2


def test_paths_are_looked_for_where_one_asks(production: Production) -> None:
    report = production.report()
    assert not report.errors
    looked = production.report(check_paths=True)
    assert [p for p in report.external if not any(p in str(e) for e in looked.errors)] == []
    assert len(looked.errors) == len(report.external) == 4
    for path in report.external:
        Path(path).mkdir(parents=True)
        (Path(path) / "a.simtel.gz").write_bytes(b"")
    assert production.report(check_paths=True).errors == []
    done = typed("--check-paths", production.directory)
    assert "read from outside:" in done.output


def test_a_config_that_insists_on_slurm_where_there_is_none(
    production: Production, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    production.production["backend"] = "slurm"
    assert not production.report().errors
    (told,) = production.report(check_paths=True).errors
    assert "there is no Slurm on this machine" in str(told)


@pytest.mark.parametrize("key", ["spe_location", "target_data"])
def test_files_that_the_lstchain_config_names(
    production: Production, tmp_path: Path, key: str
) -> None:
    """They come from outside, too: where noise is added to waveforms lstchain reads them."""
    named = tmp_path / "named.dat"
    section = production.lstchain["waveform_nsb_tuning"]
    section |= {"nsb_tuning": True, "nsb_tuning_rate_GHz": 0.3, key: str(named)}
    if key == "target_data":  # a rate that is given goes first
        assert str(named) not in production.report().external
        del section["nsb_tuning_rate_GHz"]
    assert str(named) in production.report().external
    told = [str(error) for error in production.report(check_paths=True).errors]
    (missing,) = [error for error in told if str(named) in error]
    assert f"lstchain_config.json, key 'waveform_nsb_tuning.{key}'" in missing
    assert "which r0_to_dl1 step 1" in missing
    named.touch()
    told = [str(error) for error in production.report(check_paths=True).errors]
    assert not [error for error in told if str(named) in error]
    section[key] = named.name
    (relative,) = production.report().errors
    assert "'named.dat' is relative" in str(relative)
    section["nsb_tuning"] = False
    report = production.report()
    assert not report.errors
    assert named.name not in report.external


def test_two_lstchain_configs_beside_it(production: Production) -> None:
    production.write()
    (production.directory / "other.json").write_text("{}")
    (error,) = validate(production.config).errors
    assert "the lstchain config is not known" in str(error)
    named = {"lstchain_config": str(production.directory / "lstchain_config.json")}
    chosen = validate(production.config, tools=named)
    assert not chosen.errors


def test_nothing_is_changed(production: Production) -> None:
    production.write()
    before = sorted((str(p), p.stat().st_mtime_ns) for p in production.directory.rglob("*"))
    typed("--check-paths", production.directory)
    assert before == sorted((str(p), p.stat().st_mtime_ns) for p in production.directory.rglob("*"))


def test_json(production: Production) -> None:
    production.stages["merge_dl1"][0]["options"] = "--no-images --pattern */*.h5"
    production.readme = ""
    production.write()
    done = typed("--json", production.directory)
    assert done.exit_code == 2
    (told,) = json.loads(done.output)
    assert told["prod_id"] == PROD_ID
    assert told["ok"] is False
    assert told["stages"] == {"r0_to_dl1": 4, "merge_dl1": 2, "train_pipe": 1}
    assert [set(error) for error in told["errors"]] == [{"where", "what", "mend", "more"}]
    assert len(told["warnings"]) == 1
    assert len(told["external"]) == 4
    assert told["paths_checked"] is False


def test_several_configs(production: Production) -> None:
    production.write()
    os.link(production.config, production.directory / "again.yaml")
    done = typed(production.directory)
    assert done.exit_code == 0
    assert done.output.count(f"{PROD_ID}: ok") == 2
    above = typed(production.directory.parent)  # a library: everything below it
    assert above.output == done.output
    (production.directory / "again.yaml").unlink()
    (production.directory / "again.yaml").write_text("a: [")
    done = typed(production.directory)
    assert done.exit_code == 2
    assert done.output.count(f"{PROD_ID}: ok") == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "holds no production config"),
        ("", "the config is empty"),
        ("- a\n- b", "the config is a list"),
        ("a: [", "this is not YAML"),
        ("stages_to_be_run: {}", "2021-22"),
        ("prod_id: x\x00", "config.yml"),
        ("a: " + "[" * 5000, "config.yml"),
    ],
    ids=["absent", "empty", "list", "half", "legacy", "nul", "deep"],
)
def test_what_is_no_config(tmp_path: Path, content: str | None, told: str) -> None:
    if content is not None:
        (tmp_path / "config.yml").write_text(content)
    done = typed(tmp_path)
    assert done.exit_code == 2
    assert told in done.output
    assert "Traceback" not in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_a_config_that_does_not_exist(tmp_path: Path) -> None:
    done = typed(tmp_path / "nowhere.yml")
    assert done.exit_code == 2
    assert "nowhere.yml" in done.output


@pytest.mark.parametrize(
    ("paths", "folded"),
    [
        ([], {}),
        (["/a/x", "/a/y", "/a/z"], {"/a/x": 1, "/a/y": 1, "/a/z": 1}),
        ([f"/a/{n}/b" for n in range(9)], {"/a/*/b": 9}),
        ([f"/a/{m}/{n}/b" for m in "xy" for n in range(5)], {"/a/x/*/b": 5, "/a/y/*/b": 5}),
        ([f"/a/{m}/{n}" for m in range(4) for n in range(4)], {"/a/*/*": 16}),
        (["/a/b", *(f"/a/{n}/c" for n in range(4))], {"/a/b": 1, "/a/*/c": 4}),
    ],
)
def test_paths_are_folded(paths: list[str], folded: dict[str, int]) -> None:
    assert fold(paths) == folded


@pytest.mark.parametrize(
    ("key", "value", "loses"),
    [
        ("output", "~/dl1", True),
        ("output", None, True),
        ("ouput", "dl1/g/a", True),
        ("extra_slurm_options", {"mem": "much"}, False),
        ("max_failed_fraction", 2, False),
    ],
)
def test_steps_that_are_not_known_are_not_compared(
    production: Production, key: str, value: Any, loses: bool
) -> None:
    """Nothing follows from an error in one: not that its product is missing, nor a pointing."""
    slipped = production.stages["r0_to_dl1"][0]
    slipped[key] = value
    if key == "ouput":
        slipped["in"] = "x"
    production.write()
    report = validate(production.config, check_paths=False)
    assert len(report.errors) == 1 + (key == "ouput") * 1
    assert not report.warnings
    assert any("was not compared" in notice for notice in report.notices) is loses
