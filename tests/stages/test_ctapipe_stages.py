"""What the stages of the workflow `ctapipe` do that those of lstchain do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from steps import Files, step_of
from test_stages import ALL, DL2, STEPS

from lstluigi.config import load_config
from lstluigi.jobspec import Command
from lstluigi.production.plan import Plan
from lstluigi.stages import SHAPES, WORKFLOWS, checks
from lstluigi.stages.base import CTAPIPE_CONFIG
from lstluigi.stages.ctapipe import observation
from lstluigi.validation.preflight import config_problems

NAMES = [name for kind, name in ALL if kind == "ctapipe"]


def value(command: Command, option: str) -> str:
    """The word after an option."""
    return command[command.index(option) + 1]


@pytest.mark.parametrize("name", NAMES)
def test_every_command_reads_the_config(tmp_path: Path, name: str) -> None:
    stage, step = step_of(tmp_path, name, "ctapipe", **STEPS[name])
    for command in stage.commands(step, Files([["/dl0/a.simtel.gz"], []])):
        assert command[-2:] == ("-c", CTAPIPE_CONFIG)


def test_dl1_has_the_name_that_lstchain_gives_it(tmp_path: Path) -> None:
    stage, step = step_of(tmp_path, "r0_to_dl1", "ctapipe", input="/dl0", output="/dl1")
    files = Files([["/dl0/a.simtel.gz"], ["/dl0/b.simtel.zst"]])
    commands = stage.commands(step, files)
    assert [command[0] for command in commands] == ["ctapipe-process"] * 2
    assert [value(command, "-o") for command in commands] == ["dl1_a.h5", "dl1_b.h5"]
    assert [product.made for product in stage.products(step, files)] == ["dl1_a.h5", "dl1_b.h5"]


def test_numbers_of_observations_may_be_made_unique(tmp_path: Path) -> None:
    options = "--unique-obs-id --max-events 5"
    stage, step = step_of(
        tmp_path, "r0_to_dl1", "ctapipe", input="/dl0", output="/dl1", options=options
    )
    files = [f"/dl0/node{node}/run{run}.simtel.gz" for node in range(20) for run in range(20)]
    commands = stage.commands(step, Files([files, []]))
    assert not any("--unique-obs-id" in command for command in commands)  # not ctapipe's
    assert all(value(command, "--max-events") == "5" for command in commands)
    given = [word for command in commands for word in command if "override_obs_id=" in word]
    numbers = [int(word.split("=")[1]) for word in given]
    assert len(set(numbers)) == len(files)
    assert max(numbers) < 2**48  # exact in a double, and in what HDF5 and FITS keep
    assert numbers == [observation(file) for file in files]


@pytest.mark.parametrize(
    ("options", "images"), [("", False), ("--no-image", False), ("--image", True)]
)
def test_dl1ab_makes_parameters_anew(tmp_path: Path, options: str, images: bool) -> None:
    """Else ctapipe would copy the old ones (measured)."""
    stage, step = step_of(
        tmp_path, "dl1ab", "ctapipe", input="/dl1", output="/new", options=options
    )
    (command,) = stage.commands(step, Files([["/dl1/a.h5"]]))
    assert "--recompute-dl1" in command
    assert ("--write-images" in command) == images
    assert ("--no-write-images" in command) == (not images)
    assert not {"--image", "--no-image"} & set(command)  # not ctapipe's
    (product,) = stage.products(step, Files([["/dl1/a.h5"]]))
    assert (checks.CTAPIPE_IMAGES in product.check.get("of_events", ())) == images
    assert checks.CTAPIPE_IMAGES in stage.reads(step)[0].check["of_events"]


def test_a_merge_leaves_images_out_in_ctapipes_words(tmp_path: Path) -> None:
    options = "--pattern */*.h5 --no-image"
    stage, step = step_of(
        tmp_path, "merge_dl1", "ctapipe", input="/dl1", output="/m.h5", options=options
    )
    (command,) = stage.commands(step, Files([[]]))
    assert "--no-image" not in command
    assert {"--no-dl1-images", "--no-true-images"} <= set(command)
    assert value(command, "--pattern") == "*/*.h5"
    assert value(command, "-i") == "inputs"
    assert stage.links(step, Files([["/dl1/n/b.h5"]])) == [("/dl1/n/b.h5", "inputs/n/b.h5")]


@pytest.mark.parametrize("apart", [False, True])
def test_models_are_trained_on_what_those_before_say(tmp_path: Path, apart: bool) -> None:
    gammas = {
        "gamma": "/g.h5",
        "proton": "/p.h5",
        **({"gamma_classifier": "/c.h5"} if apart else {}),
    }
    stage, step = step_of(tmp_path, "train_pipe", "ctapipe", input=gammas, output="/models")
    commands = stage.commands(step, Files([]))
    made: dict[str, tuple[str, set[str]]] = {}  # file: what it comes from, models applied
    for command in commands:
        tool, models = command[0], {command[i + 1] for i, w in enumerate(command) if w == "-r"}
        if tool == "ctapipe-apply-models":
            source, before = made.get(value(command, "-i"), (value(command, "-i"), set()))
            made[value(command, "-o")] = (source, before | models)
        elif tool == "ctapipe-train-disp-reconstructor":
            assert made[value(command, "-i")] == ("/g.h5", {"energy_regressor.pkl"})
        elif tool == "ctapipe-train-particle-classifier":
            both = {"energy_regressor.pkl", "disp_reconstructor.pkl"}
            signal = "/c.h5" if apart else "/g.h5"
            assert made[value(command, "--signal")] == (signal, both)
            assert made[value(command, "--background")] == ("/p.h5", both)
    trained = [value(command, "-o") for command in commands if "-train-" in command[0]]
    assert trained == [product.made for product in stage.products(step, Files([]))]
    assert {reading.path for reading in stage.reads(step)} == set(gammas.values())
    meeting = stage.meeting(step, Files([]))
    assert meeting
    wanted = {path: "proton" if name == "proton" else "gamma" for name, path in gammas.items()}
    assert dict(meeting.files) == wanted
    assert meeting.pointing == "same"


def test_models_are_applied_in_the_order_of_their_training(tmp_path: Path) -> None:
    stage, step = step_of(
        tmp_path, "dl1_to_dl2", "ctapipe", input="/x/dl1_a.h5", output="/dl2", path_model="/m"
    )
    (command,) = stage.commands(step, Files([]))
    applied = [command[i + 1] for i, word in enumerate(command) if word == "-r"]
    names = ("energy_regressor", "disp_reconstructor", "particle_classifier")
    assert applied == [f"/m/{name}.pkl" for name in names]
    assert value(command, "-o") == "dl2_a.h5"


@pytest.mark.parametrize("missing", [(), ("electron_file",), ("electron_file", "proton_file")])
def test_irfs_have_background_where_there_are_protons(
    tmp_path: Path, missing: tuple[str, ...]
) -> None:
    given = {name: None if name in missing else path for name, path in DL2.items()}
    stage, step = step_of(tmp_path, "dl2_to_irfs", "ctapipe", input=given, output="/irf/x.fits.gz")
    assert not stage.problems(step)
    optimize, compute = stage.commands(step, Files([]))
    percentile = "--EventSelectionOptimizer.optimization_algorithm=PercentileCuts"
    alone = "proton_file" in missing
    assert (percentile in optimize) == ("--no-do-background" in compute) == alone
    for command in (optimize, compute):
        for name in DL2:
            option = f"--{name.replace('_', '-')}"
            assert (option in command) == (name not in missing)
    irf, cuts, benchmarks = stage.products(step, Files([]))
    assert (value(optimize, "--output"), value(compute, "--cuts")) == (cuts.made, cuts.made)
    assert value(compute, "--output") == irf.made == "x.fits.gz"
    assert value(compute, "--benchmark-output") == benchmarks.made
    assert ("SENSITIVITY" in benchmarks.check["fits"]) == (not alone)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"output": "/irf.h5"}, "does not end in .fits"),
        ({"input": {"gamma_file": "/g.h5", "electron_file": "/e.h5"}}, "electrons alone"),
        ({"options": "--point-like"}, "'--point-like' does not have the form"),
        ({"options": "--IrfTool.obs_time 5h"}, "does not have the form --Class.name=value"),
    ],
)
def test_what_ctapipe_cannot_do_for_irfs_is_said(
    tmp_path: Path, keys: dict[str, object], said: str
) -> None:
    stage, step = step_of(tmp_path, "dl2_to_irfs", "ctapipe", **{**STEPS["dl2_to_irfs"], **keys})
    (problem,) = stage.problems(step)
    assert said in str(problem)


def test_options_of_a_training_are_for_all_its_commands(tmp_path: Path) -> None:
    wanted = "--EnergyRegressor.n_jobs=1 --CrossValidator.n_cross_validations=0"
    for options, problems in ((wanted, 0), (f"{wanted} --n-jobs 2", 1)):
        stage, step = step_of(
            tmp_path, "train_pipe", "ctapipe", **STEPS["train_pipe"], options=options
        )
        assert len(stage.problems(step)) == problems
    for command in stage.commands(step, Files([])):
        assert set(wanted.split()) < set(command)


def test_a_config_that_lstmcpipe_has_written_loads(tmp_path: Path) -> None:
    """As lstmcpipe 0.11 takes it: its ctapipe workflow ends with merged DL1."""
    text = """
workflow_kind: ctapipe
prod_type: PathConfigProd5Trans80
prod_id: 20220101_prod5
source_environment: {source_file: /conda.sh, conda_env: cta-dev}
slurm_config: {user_account: dpps}
lstmcpipe_version: 0.9.0
stages_to_run: [r0_to_dl1, merge_dl1]
stages:
  r0_to_dl1:
  - {input: /dl0/gamma, output: /dl1/gamma}
  merge_dl1:
  - {input: /dl1/gamma, output: /dl1/dl1_gamma.h5, options: --pattern *.h5 --overwrite}
"""
    (tmp_path / "config.yml").write_text(text)
    config = load_config(tmp_path / "config.yml", SHAPES)
    plan = Plan(config, WORKFLOWS["ctapipe"], {})
    assert list(config_problems(plan)) == []
    assert [stage.stage.name for stage in plan.steps] == ["r0_to_dl1", "merge_dl1"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--max-events 100", "thrown showers"),
        ("--EventSource.max_events=100", "thrown showers"),
        ("--no-write-images --unique-obs-id", None),
    ],
)
@pytest.mark.parametrize("name", ["r0_to_dl1", "dl1ab"])
def test_options_that_leave_events_out(
    tmp_path: Path, name: str, options: str, told: str | None
) -> None:
    stage, step = step_of(tmp_path, name, "ctapipe", input="/dl0", output="/dl1", options=options)
    assert [told in problem.what for problem in stage.problems(step) if told] == [True] * bool(told)
    assert told or not stage.problems(step)


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("r0_to_dl1", "--output x.h5", "--output"),
        ("r0_to_dl1", "--DataWriter.output_path=x.h5", "--DataWriter.output_path=x.h5"),
        ("r0_to_dl1", "--unique-obs-id --SimTelEventSource.override_obs_id=1", "obs_id=1"),
        ("r0_to_dl1", "--SimTelEventSource.override_obs_id=1", None),
        ("r0_to_dl1", "--unique-obs-id --no-write-images", None),
        ("dl1ab", "--image -i x", "-i"),
        ("dl1ab", "--EventSource.input_url=x", "--EventSource.input_url=x"),
        ("merge_dl1", "--pattern *.h5 --input-dir x --no-image", "--input-dir"),
        ("merge_dl1", "--pattern *.h5 --no-dl1-images --no-image", None),
        ("dl1_to_dl2", "-r other.pkl", "-r"),
        ("dl1_to_dl2", "--chunk-size 1000 --no-dl1-images", None),
        ("train_pipe", "--TrainEnergyRegressor.input_url=x", "--TrainEnergyRegressor.input_url=x"),
        ("train_pipe", "--EnergyRegressor.n_jobs=2", None),
        ("dl2_to_irfs", "--IrfTool.output_path=x", "--IrfTool.output_path=x"),
    ],
)
def test_an_option_that_lstluigi_gives_itself_is_refused(
    tmp_path: Path, name: str, options: str, told: str | None
) -> None:
    """ctapipe's tools would refuse it, or read a model more, when the job has begun."""
    given: dict[str, Any] = {"input": "/in", "output": "/out/x.fits"}
    if name == "train_pipe":
        given["input"] = {"gamma": "/gamma.h5", "proton": "/proton.h5"}
    elif name == "dl2_to_irfs":
        given["input"] = {"gamma_file": "/gamma.h5"}
    elif name == "dl1_to_dl2":
        given |= {"input": "/dl1_x.h5", "path_model": "/models"}
    stage, _ = step_of(tmp_path, name, "ctapipe", options=options, **given)
    plan = Plan(load_config(tmp_path / "config.yml", SHAPES), {name: stage}, {})
    found = [p for p in config_problems(plan) if "gives this option itself" in p.what]
    assert [str(told) in p.what for p in found] == [True] * bool(told)
