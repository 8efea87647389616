"""Noise tuned to real data: from two keys of a config to the step that reads the numbers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import tables
import yaml
from lab import Lab, write_dl1

from lstluigi.errors import ConfigError
from lstluigi.production.load import Choices
from lstluigi.production.noise_tuning import without_tuning
from lstluigi.production.plan import Plan
from lstluigi.production.states import State
from lstluigi.report.document import write
from lstluigi.run.session import Session
from lstluigi.stages import STAGES, checks
from lstluigi.toy.simulation import Beam, Particle, Pointing, simulate_file
from lstluigi.toy.smoke.configs import moved_step
from lstluigi.toy.smoke.standins import stand_ins
from lstluigi.validation import validate
from lstluigi.validation.examine import examine

EXAMPLE = Path(__file__).parents[2] / "configs" / "lstluigi_noise_tuning_example.yml"
WAVEFORM = {"nsb_tuning": False, "nsb_tuning_rate_GHz": 0.15}


def write_real_dl1(path: Path) -> None:
    """A file with the tables that noise is measured in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tables.open_file(str(path), "w") as h5:
        for name in checks.REAL_DL1["hdf5"]:
            where, _, leaf = name.rpartition("/")
            h5.create_array(where, leaf, [1], createparents=True)


def tuned(lab: Lab, noise: str = "1.5", **top: Any) -> None:
    """A production of dl1ab and merge from DL1 with images, tuned to a file named for its noise."""
    write_real_dl1(lab.root / f"real/{noise}.h5")
    lab.simtel("dl0/mc", run="4")
    for name in "ab":
        write_dl1(lab.root / f"base/node/dl1_{name}.h5")
    stages = {
        "dl1ab": [{"input": lab.path("base/node"), "output": lab.path("dl1/node")}],
        "merge_dl1": [{"input": lab.path("dl1/node"), "output": lab.path("merged/node.h5")}],
    }
    keys = {
        "dl1_noise_tune_data_run": lab.path(f"real/{noise}.h5"),
        "dl1_noise_tune_mc_run": lab.path("dl0/mc/run.simtel.gz"),
    }
    lab.write(**{"stages": stages, **keys, **top})


def tuned_config(lab: Lab) -> Path:
    return lab.prod_logs / "logs_test_prod" / "tune_nsb" / "lstchain_config_tuned.json"


def problems(lab: Lab) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Session(Choices(config=str(lab.config))).check()
    return [str(problem) for problem in caught.value.problems]


def test_dl1ab_reads_what_was_tuned(lab: Lab) -> None:
    tuned(lab)
    lab.configure(threshold=1, weight=float("inf"))
    base = lab.lstchain_config.read_bytes()
    run = lab.run()
    assert run.code == 0, run.text
    assert run.begun == [str(tuned_config(lab)), lab.path("dl1/node"), lab.path("merged/node.h5")]
    assert lab.lstchain_config.read_bytes() == base
    content = json.loads(tuned_config(lab).read_text())
    assert "Infinity" in tuned_config(lab).read_text()  # as lstchain writes and reads it
    assert content.pop("image_modifier")["increase_nsb"] is True
    assert content == json.loads(base)
    by_stage = {array.title.split()[0]: array for array in run.arrays}
    commands = [c for i in by_stage["dl1ab"].chunks[0].items for c in i.commands]
    assert [command[command.index("-c") + 1] for command in commands] == [
        str(tuned_config(lab))
    ] * 2
    assert lab.ok() == []


def test_the_numbers_are_told_and_written_down(lab: Lab) -> None:
    tuned(lab, "2.25")
    said = lab.run().text
    assert "found extra_noise_in_dim_pixels = 2.25" in said
    assert "transition_charge = 8" in said
    log = lab.prod_logs / "logs_test_prod/log_onsite_mc_r0_to_dl3_test_prod.yml"
    (entry,) = yaml.safe_load(log.read_text())["tune_nsb"].values()
    assert entry["found"]["extra_noise_in_bright_pixels"] == 2.25
    assert entry["output"] == str(tuned_config(lab))


def test_the_report_has_the_numbers_where_they_were_found(lab: Lab, tmp_path: Path) -> None:
    tuned(lab, "2.25")
    write(str(lab.config), str(tmp_path / "before"), {})
    assert "Numbers found" not in (tmp_path / "before/index.html").read_text()
    lab.ok()
    write(str(lab.config), str(tmp_path / "after"), {})
    page = (tmp_path / "after/index.html").read_text()
    row = page[page.index(">extra_noise_in_dim_pixels</td>") :].partition("</tr>")[0]
    assert ">2.25</td>" in row
    assert f">{tuned_config(lab)}</td>" in row
    activities = json.loads((tmp_path / "after/provenance.json").read_text())["activity"]
    assert json.loads(activities["step:tune_nsb-1"]["lstluigi:found"])["transition_charge"] == 8


def test_other_real_data_change_what_was_made(lab: Lab) -> None:
    tuned(lab, "1.5")
    lab.ok()
    tuned(lab, "2.5")
    plan = lab.plan()
    assert plan.states == [State.OUTDATED] * 3
    assert f"e.g. {tuned_config(lab)}" in " ".join(plan.changes(plan.steps[1]))
    assert lab.run().code != 0
    lab.ok(remake=("tune_nsb",))
    noise = json.loads(tuned_config(lab).read_text())["image_modifier"]
    assert noise["extra_noise_in_dim_pixels"] == 2.5


def test_another_base_config_changes_what_was_made(lab: Lab) -> None:
    tuned(lab)
    lab.ok()
    lab.configure(threshold=2)
    plan = lab.plan()
    assert plan.states[1] is State.OUTDATED
    assert any("threshold: 1 -> 2" in change for change in plan.changes(plan.steps[0]))


def test_waveforms_are_tuned_for_r0_to_dl1(lab: Lab) -> None:
    lab.configure(waveform_nsb_tuning=WAVEFORM)
    lab.simtel("dl0/node", a="4")
    tuned(
        lab,
        "0.25",
        nsb_tuning="waveform",
        stages_to_run=["r0_to_dl1"],
        stages={"r0_to_dl1": [{"input": lab.path("dl0/node"), "output": lab.path("dl1/node")}]},
    )
    run = lab.run()
    assert run.code == 0, run.text
    assert run.begun == [str(tuned_config(lab)), lab.path("dl1/node")]
    assert "found nsb_tuning_rate_GHz = 0.25" in run.text
    section = json.loads(tuned_config(lab).read_text())["waveform_nsb_tuning"]
    assert section == {"nsb_tuning": True, "nsb_tuning_rate_GHz": 0.25}


def test_nothing_is_tuned_where_the_stage_does_not_run(lab: Lab) -> None:
    tuned(lab)
    lab.ok()
    tuned(lab, stages_to_run=["merge_dl1"])
    assert [node.step.stage for node in lab.plan().steps] == ["merge_dl1"]


def test_a_tuning_step_may_be_written_out(lab: Lab) -> None:
    """As a stage like any other: two nodes, each with noise of its own."""
    tuned(lab)
    for noise in ("1", "2"):
        write_real_dl1(lab.root / f"real/{noise}.h5")
        write_dl1(lab.root / f"base/{noise}/dl1_x.h5")
    mc = lab.path("dl0/mc/run.simtel.gz")
    lab.write(
        {
            "tune_nsb": [
                {
                    "input": {"data": lab.path(f"real/{noise}.h5"), "mc": mc},
                    "output": lab.path(f"noise/{noise}.json"),
                    "options": {"level": "image"},
                }
                for noise in ("1", "2")
            ],
            "dl1ab": [
                {
                    "input": lab.path("base", noise),
                    "output": lab.path("dl1", noise),
                    "lstchain_config": lab.path(f"noise/{noise}.json"),
                }
                for noise in ("1", "2")
            ],
        }
    )
    lab.ok()
    for noise in ("1", "2"):
        content = json.loads(Path(lab.path(f"noise/{noise}.json")).read_text())
        assert content["image_modifier"]["extra_noise_in_dim_pixels"] == float(noise)


def test_a_config_of_its_own_counts_by_its_content(lab: Lab) -> None:
    own = lab.root / "own.json"
    own.write_text('{"threshold": 3}')
    write_dl1(lab.root / "base/node/dl1_a.h5")
    step = {"input": lab.path("base/node"), "output": lab.path("dl1/node")}
    lab.write({"dl1ab": [{**step, "lstchain_config": str(own)}]})
    lab.configure(threshold=1)
    lab.ok()
    own.write_text('{ "threshold":3}')  # the same, spelt otherwise, as long
    assert lab.plan().states == [State.COMPLETE]
    lab.configure(threshold=2)  # the production's, which the step does not read
    assert lab.plan().states == [State.COMPLETE]
    own.write_text('{"threshold": 4}')
    plan = lab.plan()
    assert plan.states == [State.OUTDATED]
    assert f"e.g. {own}" in " ".join(plan.changes(plan.steps[0]))


@pytest.mark.parametrize(
    ("text", "told"), [("{", "it is not JSON"), (None, "does not exist"), ("[]", "JSON object")]
)
def test_a_config_of_its_own_that_cannot_be_read(lab: Lab, text: str | None, told: str) -> None:
    write_dl1(lab.root / "base/node/dl1_a.h5")
    own = lab.root / "own.json"
    if text is not None:
        own.write_text(text)
    step = {"input": lab.path("base/node"), "output": lab.path("dl1/node")}
    lab.write({"dl1ab": [{**step, "lstchain_config": str(own)}]})
    (problem,) = problems(lab)
    assert told in problem
    assert str(own) in problem


def test_the_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSTLUIGI_PROD_LOGS", str(tmp_path / "logs"))
    example = shutil.copy(EXAMPLE, tmp_path / "config.yml")
    (tmp_path / "lstchain_config.json").write_text("{}")
    plan, found = examine(Choices(config=example))
    assert not found
    tune = plan.steps[0]
    assert tune.step.stage == "tune_nsb"
    assert plan.consumers(tune) == [n for n in plan.steps if n.step.stage == "dl1ab"]
    outside = {reading.path for node in plan.steps for reading in plan.external(node)}
    kinds = {tuple(Path(path).relative_to(tmp_path).parts[:2]) for path in outside}
    assert kinds == {("real", "DL1"), ("mc", "DL0"), ("mc", "DL1")}


# what is wrong with it


@pytest.mark.parametrize("absent", ["dl1_noise_tune_data_run", "dl1_noise_tune_mc_run"])
def test_one_key_without_the_other(lab: Lab, absent: str) -> None:
    tuned(lab, **{absent: None})
    (problem,) = problems(lab)
    assert f"is there without {absent}: noise is tuned by both files together" in problem
    keys = [line.partition(":")[0] for line in lab.config.read_text().splitlines()]
    there = next(key for key in keys if key.startswith("dl1_noise_tune") and key != absent)
    assert f"line {keys.index(there) + 1}, key '{there}'" in problem


def test_only_the_level(lab: Lab) -> None:
    tuned(lab, dl1_noise_tune_data_run=None, dl1_noise_tune_mc_run=None, nsb_tuning="image")
    (problem,) = problems(lab)
    both = "dl1_noise_tune_data_run and dl1_noise_tune_mc_run"
    assert f"nsb_tuning is there without {both}" in problem


def test_an_unknown_level(lab: Lab) -> None:
    tuned(lab, nsb_tuning="wave")
    (problem,) = problems(lab)
    assert "'wave' is unknown" in problem
    assert "write 'waveform'" in problem


def test_an_unknown_level_of_a_step_written_out(lab: Lab) -> None:
    """The step is kept, and so is looked at by what comes after the one who refused its level."""
    write_real_dl1(lab.root / "real/run.h5")
    lab.simtel("dl0/mc", run="4")
    lab.configure()
    made = {"data": lab.path("real/run.h5"), "mc": lab.path("dl0/mc/run.simtel.gz")}
    step = {"input": made, "output": lab.path("tuned.json"), "options": {"level": "imag"}}
    lab.write(stages_to_run=["tune_nsb"], stages={"tune_nsb": [step]})
    (problem,) = problems(lab)
    assert "'imag' is unknown" in problem


def test_the_tuned_config_is_not_the_one_that_is_read(lab: Lab) -> None:
    """It would be taken as made already."""
    write_real_dl1(lab.root / "real/run.h5")
    lab.simtel("dl0/mc", run="4")
    lab.configure()
    made = {"data": lab.path("real/run.h5"), "mc": lab.path("dl0/mc/run.simtel.gz")}
    step = {"input": made, "output": str(lab.lstchain_config)}
    lab.write(stages_to_run=["tune_nsb"], stages={"tune_nsb": [step]})
    (problem,) = problems(lab)
    assert "is the lstchain config that the production reads" in problem
    assert "key 'output'" in problem


def test_the_stage_that_adds_the_noise_is_absent(lab: Lab) -> None:
    tuned(lab)
    content = yaml.safe_load(lab.config.read_text())
    del content["stages"]["dl1ab"]
    content["stages_to_run"].remove("dl1ab")
    write_dl1(lab.root / "dl1/node/dl1_a.h5")
    lab.config.write_text(yaml.safe_dump(content))
    (problem,) = problems(lab)
    assert "is tuned in dl1ab, which is not among the stages" in problem
    assert "write nsb_tuning: waveform for r0_to_dl1" in problem


def test_hiperta_reads_waveforms_without_an_lstchain_config(lab: Lab) -> None:
    """So what was tuned would reach nothing."""
    (lab.root / "rta.txt").write_text("cleaningType = 1;\n")
    lab.simtel("dl0/node", a="4")
    stages = {"r0_to_dl1": [{"input": lab.path("dl0/node"), "output": lab.path("dl1/node")}]}
    tools = {"workflow_kind": "hiperta", "rta_config": lab.path("rta.txt")}
    tuned(lab, stages=stages, stages_to_run=["r0_to_dl1"], nsb_tuning="waveform", **tools)
    (problem,) = problems(lab)
    assert "r0_to_dl1 of the workflow hiperta reads no lstchain config" in problem
    assert "write nsb_tuning: image for dl1ab" in problem
    tuned(lab, nsb_tuning="waveform", **tools)  # dl1ab: r0_to_dl1 is not said to have to run
    (problem,) = problems(lab)
    assert "r0_to_dl1 of the workflow hiperta reads no lstchain config" in problem
    assert "let r0_to_dl1 run" not in problem
    tuned(lab, workflow_kind="hiperta")
    assert examine(Choices(config=str(lab.config)))[1] == []


@pytest.mark.parametrize(
    ("level", "content", "told"),
    [
        ("image", {"image_modifier": {"increase_nsb": True}}, "(image_modifier.increase_nsb)"),
        ("waveform", {"waveform_nsb_tuning": {"nsb_tuning": True}}, "adds noise already"),
        ("waveform", {}, "no section waveform_nsb_tuning"),
    ],
)
def test_a_base_config_that_does_not_fit(
    lab: Lab, level: str, content: dict[str, Any], told: str
) -> None:
    lab.configure(**content)
    stages = {"r0_to_dl1": [{"input": lab.path("dl0/mc"), "output": lab.path("dl1/node")}]}
    wave = {"stages": stages, "stages_to_run": ["r0_to_dl1"]} if level == "waveform" else {}
    tuned(lab, nsb_tuning=level, **wave)
    (problem,) = problems(lab)
    assert told in problem
    assert f"{lab.config}, line" in problem


def test_files_are_looked_into_before_anything_is_submitted(lab: Lab) -> None:
    """Real data without images, and MC that a merge has left without them."""
    tuned(lab)
    write_dl1(lab.root / "real/1.5.h5")  # simulated: no monitoring
    for path in (lab.root / "base/node").iterdir():
        with tables.open_file(str(path), "a") as h5:
            h5.remove_node(checks.IMAGES)
    data, mc = problems(lab)
    assert "lacks /dl1/event/telescope/monitoring/calibration" in data
    assert f"stage dl1ab, step 1, key 'input': input {lab.path('base/node/dl1_a.h5')}" in mc
    assert f"lacks {checks.IMAGES}" in mc
    assert "--no-image leaves them out" in mc
    run = lab.run()
    assert run.code == 2
    assert run.arrays == []
    report = validate(lab.config, check_paths=True)
    assert sum("lacks /dl1/" in str(finding) for finding in report.errors) == 2
    assert not any("lacks" in str(finding) for finding in validate(lab.config).errors)


@pytest.mark.parametrize("true_images", [True, False])
def test_simulations_without_true_images_are_refused(lab: Lab, true_images: bool) -> None:
    """lstchain would tune the noise by them and end well."""
    tuned(lab)
    beam = Beam(Particle.GAMMA, (0.05, 20.0), -1.8, (0.4, 0.4), max_impact=400.0)
    simulate_file(
        lab.path("dl0/mc/run.simtel.gz"),
        beam=beam,
        pointing=Pointing(70.0, 180.0),
        n_showers=60,
        seed=7,
        true_images=true_images,
    )
    if true_images:
        Session(Choices(config=str(lab.config))).check()
    else:
        (problem,) = problems(lab)
        assert "run.simtel.gz is not whole: it has no true images" in problem


def test_dl1ab_of_single_merged_files(lab: Lab) -> None:
    """Merged files of two nodes, with images and without."""
    write_dl1(lab.root / "base/dl1_one.h5")
    write_dl1(lab.root / "base/dl1_two.h5")
    steps = [
        {"input": lab.path(f"base/dl1_{n}.h5"), "output": lab.path("dl1", n)}
        for n in ("one", "two")
    ]
    lab.write({"dl1ab": steps})
    lab.ok()
    assert lab.files("dl1") == {"one/dl1_one.h5", "two/dl1_two.h5"}
    with tables.open_file(lab.path("base/dl1_two.h5"), "a") as h5:
        h5.remove_node(checks.IMAGES)
    Path(lab.path("dl1/two/dl1_two.h5")).unlink()
    (problem,) = [p for p in problems(lab) if "lacks" in p]
    assert "step 2" in problem


def test_what_is_made_already_is_not_looked_into(lab: Lab) -> None:
    tuned(lab)
    lab.ok()
    (lab.root / "real/1.5.h5").write_bytes(b"no HDF5 any more")
    for path in (lab.root / "base/node").iterdir():
        path.unlink()
    assert Session(Choices(config=str(lab.config))).check() == []


def test_a_smoke_test_does_without(lab: Lab) -> None:
    """There is no toy data like real ones; configs that are there are read where they lie."""
    tuned(lab)
    (lab.root / "own.json").write_text("{}")
    content = yaml.safe_load(lab.config.read_text())
    own = {"input": lab.path("base/node"), "output": lab.path("dl1/own")}
    content["stages"]["dl1ab"].append({**own, "lstchain_config": lab.path("own.json")})
    lab.config.write_text(yaml.safe_dump(content))
    config = without_tuning(lab.plan().config)
    assert config.stages_to_run == ("dl1ab", "merge_dl1")
    plan = Plan(config, STAGES, {})
    first, second, _ = plan.steps
    assert first.step.extra == {}
    assert second.step.extra == {"lstchain_config": lab.path("own.json")}
    moved = moved_step(second.step, lab.root / "smoke", [])
    assert moved["lstchain_config"] == lab.path("own.json")
    assert moved["output"] == f"{lab.root}/smoke{lab.path('dl1/own')}"
    assert {toy.path for toy in stand_ins(plan, (0, 1))} == {lab.path("base/node")}


def test_darker_data_may_be_left_untuned(lab: Lab) -> None:
    """Not by default, and then the tuning is refused; a choice is part of how it is made."""
    tuned(lab, "0")
    assert lab.run().code != 0
    assert not tuned_config(lab).exists()
    tuned(lab, "0", dl1_noise_tune_darker_data="untuned")
    lab.ok()
    tuned(lab, "0", dl1_noise_tune_darker_data="untund")
    assert "untuned" in problems(lab)[0]
