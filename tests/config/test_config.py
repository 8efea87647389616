"""From a config file to steps, and every problem told with its place and its mend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lstluigi.config import (
    NEEDED,
    Key,
    ProductionConfig,
    Setting,
    Shape,
    SourceEnvironment,
    Step,
    fraction,
    load_config,
    missing_tool_config,
)
from lstluigi.errors import ConfigError
from lstluigi.jobspec import OWN_OPTIONS, SlurmSettings

FILES = {"gamma_file": True, "proton_file": False, "electron_file": False}
SIZE = Setting("a number", "A share.", "0.5", read=fraction)
PATH, MAYBE = Key("a path", "A path.", NEEDED), Key("a path", "A path.")
STAGE_SHAPES = {
    "r0_to_dl1": Shape(),
    "dl1ab": Shape(excludes=("r0_to_dl1",)),
    "train_test_split": Shape(output={"train": True, "test": True}, options={"test_size": SIZE}),
    "merge_dl1": Shape(),
    "train_pipe": Shape(input={"gamma": True, "proton": True}),
    "dl1_to_dl2": Shape(extra_keys={"path_model": PATH, "atmosphere": MAYBE}),
    "dl2_to_irfs": Shape(input=FILES),
}
SHAPES = {"lstchain": STAGE_SHAPES}

#: Whatever JSON can write is YAML: hostile values go in without a quoting rule of our own.
STEP = {"input": "/dl0/node", "output": "/dl1/node"}


def config(stage: str = "r0_to_dl1", *steps: Any, **keys: Any) -> dict[str, Any]:
    return {
        "workflow_kind": "lstchain",
        "prod_id": "20240101_v0.10.4_test",
        "stages_to_run": [stage],
        "stages": {stage: list(steps) or [STEP]},
        **keys,
    }


def load(tmp_path: Path, content: Any) -> ProductionConfig:
    file = tmp_path / "config.yml"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return load_config(file, SHAPES)


def step(tmp_path: Path, stage: str, **keys: Any) -> Step:
    (read,) = load(tmp_path, config(stage, {**STEP, **keys})).steps
    return read


def sentences(tmp_path: Path, content: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, content)
    found = [str(problem) for problem in caught.value.problems]
    assert all(sentence.isprintable() for sentence in found)
    head, *lines = str(caught.value).splitlines()
    assert str(len(found)) in head
    assert lines == found
    return [sentence.removeprefix(str(tmp_path / "config.yml")) for sentence in found]


WHOLE = """\
workflow_kind: lstchain
prod_id: 20240101
prod_type: PathConfigAllSkyFull
lstmcpipe_version: 0.10
source_environment:
  source_file: /conda.sh
  conda_env: lstchain-v0.12.3
slurm_config:
  user_account: dpps
  qos: 010
backend: local
stages_to_run:
- train_test_split
- dl1_to_dl2
- dl2_to_irfs
stages:
  dl2_to_irfs:
  - input:
      gamma_file: /dl2/dl2_gamma.h5
      proton_file:
      electron_file: ~
    output: /irf/irf.fits.gz
    options: --point-like   --energy-dependent-gh
  dl1_to_dl2:
  - input: /dl1/dl1_gamma.h5
    path_model: /models/dec_2276
    output: /dl2//sub/./
    max_failed_fraction: 0.05
    extra_slurm_options:
      time: 11:30:00
      nice: 10
  merge_dl1:
  - a: b
  train_test_split:
  - input: /dl1/node
    output: {train: /dl1/train, test: /dl1/test}
    options: {test_size: 0.3}
"""


def line_of(text: str) -> int:
    """Line of WHOLE, counted from 1."""
    return WHOLE.splitlines().index(text) + 1


def test_a_whole_config(tmp_path: Path) -> None:
    read = load(tmp_path, WHOLE)
    assert read.path == tmp_path / "config.yml"
    assert (read.workflow_kind, read.prod_id, read.backend) == ("lstchain", "20240101", "local")
    assert read.source_environment == SourceEnvironment("/conda.sh", "lstchain-v0.12.3")
    assert read.slurm == SlurmSettings(account="dpps", qos="010")
    assert read.metadata == {
        "prod_type": "PathConfigAllSkyFull",
        "lstmcpipe_version": "0.10",
    }
    assert read.stages_to_run == ("train_test_split", "dl1_to_dl2", "dl2_to_irfs")
    assert read.steps == (
        Step(
            "train_test_split",
            1,
            line_of("  - input: /dl1/node"),
            "/dl1/node",
            {"train": "/dl1/train", "test": "/dl1/test"},
            settings={"test_size": 0.3},
        ),
        Step(
            "dl1_to_dl2",
            1,
            line_of("  - input: /dl1/dl1_gamma.h5"),
            "/dl1/dl1_gamma.h5",
            "/dl2/sub",
            path_model="/models/dec_2276",
            slurm={"time": "11:30:00", "nice": "10"},
            max_failed_fraction=0.05,
        ),
        Step(
            "dl2_to_irfs",
            1,
            line_of("  - input:"),
            {"gamma_file": "/dl2/dl2_gamma.h5"},
            "/irf/irf.fits.gz",
            ("--point-like", "--energy-dependent-gh"),
        ),
    )


def test_a_stage_that_is_not_run_is_said_and_not_checked(tmp_path: Path) -> None:
    (notice,) = load(tmp_path, WHOLE).notices
    assert "merge_dl1" in notice


def test_where_names_file_line_stage_step_key(tmp_path: Path) -> None:
    dl2 = load(tmp_path, WHOLE).steps[1]
    file, line = tmp_path / "config.yml", line_of("  - input: /dl1/dl1_gamma.h5")
    assert dl2.where() == f"{file}, line {line}, stage dl1_to_dl2, step 1"
    assert dl2.where("output") == f"{file}, line {line + 2}, stage dl1_to_dl2, step 1, key 'output'"


def test_path_of_a_step_by_key_and_name(tmp_path: Path) -> None:
    split, dl2, irf = load(tmp_path, WHOLE).steps
    assert split.path("output", "test") == "/dl1/test"
    assert dl2.path("path_model") == "/models/dec_2276"
    assert dl2.inputs == {"input": "/dl1/dl1_gamma.h5"}
    assert irf.path("input", "gamma_file") == "/dl2/dl2_gamma.h5"
    for key, name in [("input", "proton_file"), ("input", None), ("nonsense", None)]:
        with pytest.raises(KeyError):
            irf.path(key, name)


def test_further_declared_keys_are_paths(tmp_path: Path) -> None:
    read = step(tmp_path, "dl1_to_dl2", path_model="/m", atmosphere="winter.fits")
    assert read.extra == {"atmosphere": str(tmp_path / "winter.fits")}


def test_relative_paths_are_relative_to_the_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    read = step(tmp_path, "r0_to_dl1", input="../dl0//node/", output="./dl1/node")
    assert read.input == str(tmp_path.parent / "dl0/node")
    assert read.output == str(tmp_path / "dl1/node")


# options


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--no-image", ("--no-image",)),
        ("  --a   --b ", ("--a", "--b")),
        (None, ()),
        ("", ()),
        ("--pattern */*.h5 --no-image", ("--pattern", "*/*.h5", "--no-image")),
        ("--pattern '*/*.h5' --no-image", ("--pattern", "*/*.h5", "--no-image")),
        (["--pattern", "*/*.h5"], ("--pattern", "*/*.h5")),
        ("-x $(id) `id` ~ $HOME ; rm", ("-x", "$(id)", "`id`", "~", "$HOME", ";", "rm")),
        ('-x "a b" #c', ("-x", "a b", "#c")),
    ],
)
def test_options_become_arguments(tmp_path: Path, options: Any, expected: tuple[str, ...]) -> None:
    assert step(tmp_path, "merge_dl1", options=options).arguments == expected


@pytest.mark.parametrize(
    "options", ["--pattern '*/*.h5", 'a "b', "a\\", {"a": "b"}, ["a", ["b"]], "'a\nb'", ["a\0"]]
)
def test_options_that_are_none(tmp_path: Path, options: Any) -> None:
    (sentence,) = sentences(tmp_path, config("merge_dl1", {**STEP, "options": options}))
    assert "stage merge_dl1, step 1, key 'options': " in sentence


@pytest.mark.parametrize(
    "size", ["0", "1", "2", "-0.5", "nan", "inf", "half", "", "5e-324x", ["0.5"]]
)
def test_fraction_out_of_range(tmp_path: Path, size: Any) -> None:
    split = {"input": "/a", "output": {"train": "/b", "test": "/c"}, "options": {"test_size": size}}
    (sentence,) = sentences(tmp_path, config("train_test_split", split))
    assert "step 1, key 'options.test_size': " in sentence


@pytest.mark.parametrize("options", [None, "", {}, {"test_size": None}])
def test_no_settings(tmp_path: Path, options: Any) -> None:
    output = {"train": "/b", "test": "/c"}
    assert step(tmp_path, "train_test_split", output=output, options=options).settings == {}


# Slurm options


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            "-p xxl --mem=100G --cpus-per-task=16",
            {"partition": "xxl", "mem": "100G", "cpus-per-task": "16"},
        ),
        ("--mem=50GB", {"mem": "50GB"}),
        (
            "-pxxl -c16 --time 11:30:00",
            {"partition": "xxl", "cpus-per-task": "16", "time": "11:30:00"},
        ),
        ("--exclusive -t 10", {"exclusive": "", "time": "10"}),
        ("--constraint='a b' -w=x", {"constraint": "a b", "nodelist": "=x"}),
        ("", {}),
    ],
)
def test_slurm_options_as_sbatch_reads_them(
    tmp_path: Path, given: str, expected: dict[str, str]
) -> None:
    assert step(tmp_path, "merge_dl1", slurm_options=given).slurm == expected


def test_slurm_options_are_said(tmp_path: Path) -> None:
    steps = [{**STEP, "slurm_options": "-p long"}, {**STEP, "slurm_options": "-p long"}, STEP]
    (notice,) = load(tmp_path, config("merge_dl1", *steps)).notices
    assert "2 of merge_dl1" in notice


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"-p": "xxl", "--mem": "6GB"}, {"partition": "xxl", "mem": "6GB"}),
        (
            {"t": "1:00", "nice": 10, "exclusive": None},
            {"time": "1:00", "nice": "10", "exclusive": ""},
        ),
        ({}, {}),
        (None, {}),
    ],
)
def test_extra_slurm_options(tmp_path: Path, given: Any, expected: dict[str, str]) -> None:
    assert step(tmp_path, "merge_dl1", extra_slurm_options=given).slurm == expected


@pytest.mark.parametrize(
    ("key", "given"),
    [
        ("slurm_options", "long"),
        ("slurm_options", "-p 'long"),
        ("slurm_options", "-p long --partition=xxl"),
        ("slurm_options", {"partition": "long"}),
        ("slurm_options", "--mem;id=3"),
        ("extra_slurm_options", "-p long"),
        ("extra_slurm_options", ["-p"]),
        ("extra_slurm_options", {"p": "long", "partition": "xxl"}),
        ("extra_slurm_options", {"mem\nwrap": "1"}),
        ("extra_slurm_options", {"": "1"}),
        ("extra_slurm_options", {"mem": {"a": 1}}),
        ("extra_slurm_options", {"constraint": "a\n#SBATCH --x"}),
        ("extra_slurm_options", {"partition": "$(id)"}),
        ("slurm_options", "-A=x"),
    ],
)
def test_slurm_options_that_are_none(tmp_path: Path, key: str, given: Any) -> None:
    (sentence,) = sentences(tmp_path, config("merge_dl1", {**STEP, key: given}))
    assert f"stage merge_dl1, step 1, key '{key}" in sentence


@pytest.mark.parametrize("name", [*sorted(OWN_OPTIONS), "depend", "J", "-o", "--wra", "no-req"])
def test_slurm_options_that_lstluigi_sets(tmp_path: Path, name: str) -> None:
    given = {**STEP, "extra_slurm_options": {name: "x"}}
    (sentence,) = sentences(tmp_path, config("merge_dl1", given))
    assert f"step 1, key 'extra_slurm_options.{name}': lstluigi sets the sbatch opt" in sentence


@pytest.mark.parametrize(
    ("name", "meant"),
    [("foo", "sbatch(1)"), ("nodelst", "'nodelist'"), ("cpu-per-task", "'cpus-per-task'"),
     ("part", "'partition'"), ("mem_per_cpu", "long name")],
)  # fmt: skip
def test_slurm_options_that_sbatch_does_not_have(tmp_path: Path, name: str, meant: str) -> None:
    given = {**STEP, "extra_slurm_options": {name: "1"}}
    (sentence,) = sentences(tmp_path, config("merge_dl1", given))
    assert f"key 'extra_slurm_options.{name}'" in sentence
    assert meant in sentence
    given = {**STEP, "slurm_options": f"--mem=3G --{name}=1"}
    (sentence,) = sentences(tmp_path, config("merge_dl1", given))
    assert meant in sentence


def test_all_unfit_slurm_options_are_told_at_once(tmp_path: Path) -> None:
    wrong = {
        "mem": "12 potatoes",
        "time": "99:99:99:99",
        "cpus-per-task": "-3",
        "partition": "$(id)",
        "foo": "bar",
        "array": "1-3",
        "nodes": {"a": 1},
    }
    good = {"qos": "normal", "exclusive": None}
    given = {**STEP, "extra_slurm_options": {**wrong, **good}}
    found = sentences(tmp_path, config("merge_dl1", given))
    for sentence, name in zip(found, wrong, strict=True):
        assert f"step 1, key 'extra_slurm_options.{name}'" in sentence
    line = "--mem='12 potatoes' -t 99:99:99:99 -c-3 -p '$(id)' --foo --array=1-3"
    found = sentences(tmp_path, config("merge_dl1", {**STEP, "slurm_options": line}))
    assert len(found) == 6


@pytest.mark.parametrize(
    "name", ["nice", "exclude", "constraint", "nodelist", "licenses", "gres", "export", "time"]
)
def test_slurm_options_that_are_the_users(tmp_path: Path, name: str) -> None:
    assert step(tmp_path, "merge_dl1", extra_slurm_options={name: "1"}).slurm == {name: "1"}


def test_both_slurm_options(tmp_path: Path) -> None:
    both = {**STEP, "slurm_options": "-p long", "extra_slurm_options": {"partition": "long"}}
    (sentence,) = sentences(tmp_path, config("merge_dl1", both))
    assert "both" in sentence


# the config as a whole


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "empty"),
        ("# nothing\n", "empty"),
        ("- a\n", "a list"),
        ("text\n", "a string"),
        ("stages_to_be_run: [r0_to_dl1]\nbase_path: /a\n", "2021-22"),
        ('{"source_config": {}, "tailcut": {}, "n_jobs": 3}', "this is an lstchain config"),
    ],
)
def test_no_config_at_all(tmp_path: Path, content: str, words: str) -> None:
    (sentence,) = sentences(tmp_path, content)
    assert words in sentence


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"prod_id": None}, "prod_id", "missing"),
        ({"workflow_kind": None}, "workflow_kind", "missing"),
        ({"workflow_kind": "lst chain"}, "workflow_kind", "'lstchain'"),
        ({"prod_ids": "a"}, "prod_ids", "'prod_id'"),
        ({"backend": "slrum"}, "backend", "'slurm'"),
        ({"source_environment": "lstchain"}, "source_environment", "mapping"),
        ({"source_environment": {"conda": "x"}}, "source_environment.conda", "'conda_env'"),
        ({"slurm_config": ["dpps"]}, "slurm_config", "mapping"),
        ({"lstchain_config": "absent.json"}, "lstchain_config", "no file"),
        ({"stages": None}, "stages", "missing"),
        ({"stages": [1]}, "stages", "mapping"),
        ({"stages_to_run": None}, "stages_to_run", "missing"),
        ({"stages_to_run": []}, "stages_to_run", "no stage"),
        ({"stages_to_run": "r0_to_dl1"}, "stages_to_run", "list"),
        ({"stages_to_run": ["r0_to_dl1"] * 2}, "stages_to_run", "listed 2 times"),
        ({"stages_to_run": ["r0_to_dl2"]}, "stages_to_run", "'r0_to_dl1'"),
        ({"stages": {"r0_to_dl1": [STEP], "merge_dl": [STEP]}}, "stages.merge_dl", "'merge_dl1'"),
    ],
)
def test_one_problem_of_the_top(
    tmp_path: Path, changes: dict[str, Any], key: str, words: str
) -> None:
    (sentence,) = sentences(tmp_path, config(**changes))
    where, _, rest = sentence.partition(": ")
    assert where.endswith(f"key {key!r}")
    assert words in rest


SLIPS = {
    "workflow_kind": "workflow-kind",
    "prod_id": "prod-id",
    "stages_to_run": "stages_torun",
    "stages": "stage",
    "lstchain_config": "lstchain_conf",
}


@pytest.mark.parametrize("key", SLIPS)
def test_one_slip_in_a_key_is_one_problem(tmp_path: Path, key: str) -> None:
    """What is read is what it will be once the slip is mended, without a consequence of it."""
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "b.json").write_text("{}")
    right = config(lstchain_config="a.json")
    whole = load(tmp_path, right)
    slipped = {SLIPS[key] if name == key else name: value for name, value in right.items()}
    (tmp_path / "config.yml").write_text(json.dumps(slipped))
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "config.yml", SHAPES)
    (problem,) = caught.value.problems
    assert problem.where.endswith(f"key '{SLIPS[key]}'")
    assert problem.mend == f"write '{key}'"
    assert caught.value.read == whole


@pytest.mark.parametrize(
    ("text", "above"),
    [
        ("gamma: /g\n    proton: /p", "write 'input:' above and "),
        ("input:\n    gamma: /g\n    proton: /p", ""),
    ],
)
def test_named_paths_that_are_not_indented(tmp_path: Path, text: str, above: str) -> None:
    """One problem, and the step is read as it is meant."""
    head = "workflow_kind: lstchain\nprod_id: a\nstages_to_run: [train_pipe]\nstages:\n"
    (tmp_path / "config.yml").write_text(f"{head}  train_pipe:\n  - {text}\n    output: /m\n")
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "config.yml", SHAPES)
    (problem,) = caught.value.problems
    assert problem.what == "the keys gamma, proton are beside input, not below it"
    assert problem.mend == f"{above}indent by two more blanks"
    assert f"line {6 + (not above)}, stage train_pipe, step 1, key 'gamma'" in problem.where
    assert isinstance(caught.value.read, ProductionConfig)
    (one,) = caught.value.read.steps
    assert one.input == {"gamma": "/g", "proton": "/p"}


@pytest.mark.parametrize("where", ["stages_to_run", "stages"])
def test_one_slip_in_a_stage_is_one_problem(tmp_path: Path, where: str) -> None:
    stages = {"r0_to_dl1": [STEP], "merge_dl1": [STEP]}
    right = {"stages_to_run": list(stages), "stages": stages}
    slipped = json.loads(json.dumps({**right, where: right[where]}))
    text = json.dumps(slipped[where]).replace("merge_dl1", "marge_dl1")
    (sentence,) = sentences(tmp_path, config(**{**right, where: json.loads(text)}))
    assert "the stage 'marge_dl1' is unknown; write 'merge_dl1'" in sentence


@pytest.mark.parametrize("given", [None, [], "r0_to_dl1"])
def test_where_no_stage_is_to_run_it_is_not_said_of_each(tmp_path: Path, given: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, config(stages_to_run=given))
    assert isinstance(caught.value.read, ProductionConfig)
    assert not caught.value.read.notices


def test_a_kind_of_workflow_is_read_as_the_one_that_is_meant(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(
        json.dumps(config(workflow_kind="shrot", stages={"b": [STEP]}, stages_to_run=["b"]))
    )
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "config.yml", {**SHAPES, "short": {"b": Shape()}})
    (problem,) = caught.value.problems
    assert problem.mend == "write 'short'"


def test_a_slip_in_what_an_anchor_names_is_that_of_each(tmp_path: Path) -> None:
    """And what is shared is not changed by the first."""
    text = """\
workflow_kind: lstchain
prod_id: a
stages_to_run: [merge_dl1]
stages:
  merge_dl1:
  - &one {input: /a, ouput: /b}
  - *one
"""
    found = sentences(tmp_path, text)
    assert ["step 1" in found[0], "step 2" in found[1], len(found)] == [True, True, 2]
    assert all("'ouput': the key is unknown" in sentence for sentence in found)


def test_r0_to_dl1_with_dl1ab(tmp_path: Path) -> None:
    stages = {"r0_to_dl1": [STEP], "dl1ab": [STEP]}
    (sentence,) = sentences(tmp_path, config(stages=stages, stages_to_run=list(stages)))
    assert "r0_to_dl1 and dl1ab are both to run" in sentence
    assert load(tmp_path, config(stages=stages)).stages_to_run == ("r0_to_dl1",)


@pytest.mark.parametrize(
    ("stage", "words"),
    [(None, "no steps"), ([], "no steps"), (STEP, "put '- ' before"), ("x", "list of steps")],
)
def test_a_stage_to_run_without_a_list_of_steps(tmp_path: Path, stage: Any, words: str) -> None:
    (sentence,) = sentences(tmp_path, config(stages={"r0_to_dl1": stage}))
    assert "stage r0_to_dl1: " in sentence
    assert words in sentence


@pytest.mark.parametrize(
    ("stage", "given", "expected"),
    [
        ("r0_to_dl1", {"input": "/a"}, [("output", "missing")]),
        ("r0_to_dl1", {"input": None, "output": "/b"}, [("input", "missing")]),
        ("r0_to_dl1", {"input": "", "output": "/b"}, [("input", "empty")]),
        (
            "r0_to_dl1",
            {"input": "/a", "ouput": "/b"},
            [("ouput", "'output'")],
        ),
        ("r0_to_dl1", {**STEP, "path_model": "/m"}, [("path_model", "unknown")]),
        ("r0_to_dl1", {**STEP, "input": {"gamma": "/a"}}, [("input", "mapping")]),
        ("r0_to_dl1", {**STEP, "input": ["/a"]}, [("input", "list")]),
        ("dl1_to_dl2", STEP, [("path_model", "missing")]),
        ("dl1_to_dl2", {**STEP, "model_path": "/m"}, [("model_path", "'path_model'")]),
        ("dl1_to_dl2", {**STEP, "Path-Model": "/m"}, [("Path-Model", "'path_model'")]),
        ("train_pipe", STEP, [("input", "mapping")]),
        ("train_pipe", {"output": "/m"}, [("input", "gamma, proton")]),
        ("train_pipe", {"input": {"gamma": "/g"}, "output": "/m"}, [("input.proton", "missing")]),
        ("dl2_to_irfs", {"input": {"gamma": "/g"}, "output": "/m"},
         [("input.gamma", "'gamma_file'")]),
        ("dl2_to_irfs", {"input": {"gamma": ""}, "output": "/m"},
         [("input.gamma", "'gamma_file'"), ("input.gamma_file", "empty")]),
        ("dl2_to_irfs", {"input": {"gammas": "/a", "gamma_fil": "/b"}, "output": "/m"},
         [("input.gammas", "'gamma_file'"), ("input.gamma_fil", "'gamma_file'")]),
        ("train_test_split", STEP, [("output", "mapping")]),
        ("r0_to_dl1", {**STEP, "max_failed_fraction": 1.1}, [("max_failed_fraction", "0 to 1")]),
        ("r0_to_dl1", {**STEP, "max_failed_fraction": "nan"}, [("max_failed_fraction", "0 to 1")]),
    ],
)  # fmt: skip
def test_problems_of_a_step(
    tmp_path: Path, stage: str, given: Any, expected: list[tuple[str, str]]
) -> None:
    found = sentences(tmp_path, config(stage, given))
    assert len(found) == len(expected)
    for sentence, (key, words) in zip(found, expected, strict=True):
        where, _, rest = sentence.partition(": ")
        assert where.endswith(f"line 1, stage {stage}, step 1, key {key!r}")
        assert words in rest


def test_a_step_that_is_no_mapping(tmp_path: Path) -> None:
    found = sentences(tmp_path, config("r0_to_dl1", STEP, "/a", None, ["/b"]))
    assert [f"step {number}: " in s for number, s in zip((2, 3, 4), found, strict=True)] == [
        True
    ] * 3


def test_every_problem_at_once_with_its_line(tmp_path: Path) -> None:
    found = sentences(
        tmp_path,
        """\
workflow_kind: lstchain
prod_idd: a
stages_to_run: [r0_to_dl1, marge_dl1]
stages:
  r0_to_dl1:
  - input: /a
    input: /b
    output: /c
  - input: /d
    output: /../e
    option: x
  r0: []
""",
    )
    assert [sentence.split(": ")[0] for sentence in found] == [
        ", line 7, key 'input'",
        ", line 2, key 'prod_idd'",
        ", line 3, key 'stages_to_run'",
        ", line 12, key 'stages.r0'",
        ", line 11, stage r0_to_dl1, step 2, key 'option'",
        ", line 10, stage r0_to_dl1, step 2, key 'output'",
        ", line 5, stage merge_dl1",
    ]


# the lstchain config


def test_lstchain_config_alone_beside_the_config(tmp_path: Path) -> None:
    (tmp_path / "lstchain.json").write_text("{}")
    (tmp_path / ".hidden.json").write_text("{}")
    (tmp_path / "directory.json").mkdir()
    read = load(tmp_path, config())
    assert read.tool_configs["lstchain"] == tmp_path / "lstchain.json"


def test_lstchain_config_named_or_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text("{}")
    named = config(lstchain_config="b.json")
    assert load(tmp_path, named).tool_configs["lstchain"] == tmp_path / "b.json"
    monkeypatch.chdir(tmp_path)
    given = load_config(tmp_path / "config.yml", SHAPES, {"lstchain": Path("a.json")})
    assert given.tool_configs["lstchain"] == tmp_path / "a.json"
    with pytest.raises(ConfigError, match="--lstchain-config: there is no file"):
        load_config(tmp_path / "config.yml", SHAPES, {"lstchain": Path("c.json")})


@pytest.mark.parametrize("names", [[], ["a.json", "b.json"]])
def test_lstchain_config_not_known(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("{}")
    read = load(tmp_path, config())
    assert "lstchain" not in read.tool_configs
    what, mend = missing_tool_config(["lstchain"], read.path)
    assert all(name in what for name in names)
    assert "--lstchain-config" in mend


def test_a_stage_of_another_workflow_is_named_with_it(tmp_path: Path) -> None:
    """Not taken for another stage mistyped."""
    content = {
        "workflow_kind": "short",
        "prod_id": "x",
        "stages_to_run": ["dl2_to_irfs", "merge"],
        "stages": {"dl2_to_irfs": [{}], "merge": [STEP]},
    }
    (tmp_path / "config.yml").write_text(json.dumps(content))
    workflows = {"lstchain": STAGE_SHAPES, "short": {"merge_dl1": Shape()}}
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "config.yml", workflows)
    told = [f"{problem.what}; {problem.mend}" for problem in caught.value.problems]
    elsewhere = "the workflow short has no stage 'dl2_to_irfs'; take it out, or use workflow_kind: "
    assert [sentence for sentence in told if sentence == f"{elsewhere}lstchain"] == told[:1] * 2
    assert {"the stage 'merge' is unknown; write 'merge_dl1'"} == set(told) - {
        f"{elsewhere}lstchain"
    }


#: A workflow of other stages: what may run with what, and who adds noise, is said by their shapes.
OTHERS = {
    "lamp": {
        "measure": Shape(tunes=True, reasons={"dark": "it has no lamp"}),
        "expose": Shape(adds_noise="waveform"),
        "smear": Shape(adds_noise="image", excludes=("expose",)),
    },
    "dark": {"expose": Shape(), "smear": Shape()},
}
TUNING = {"dl1_noise_tune_data_run": "/data.h5", "dl1_noise_tune_mc_run": "/mc.simtel.gz"}


def other(tmp_path: Path, *stages: str, kind: str = "lamp", **keys: Any) -> ProductionConfig:
    file = tmp_path / "config.yml"
    steps = {name: [STEP] for name in stages}
    top = {"workflow_kind": kind, "stages_to_run": list(stages), "stages": steps}
    file.write_text(json.dumps(config(**top, **keys)))
    return load_config(file, OTHERS)


@pytest.mark.parametrize(("level", "stage"), [("image", "smear"), ("waveform", "expose")])
def test_the_stage_that_adds_noise_is_told_by_its_shape(
    level: str, stage: str, tmp_path: Path
) -> None:
    tuning = other(tmp_path, stage, nsb_tuning=level, **TUNING).noise_tuning
    assert tuning is not None
    assert tuning.stage == stage


@pytest.mark.parametrize(
    ("keys", "stages", "told"),
    [
        ({}, ("expose", "smear"), "expose and smear are both to run"),
        ({"kind": "dark", **TUNING}, ("smear",), "no stage 'measure': it has no lamp"),
        (TUNING, ("expose",), "tuned in smear, which is not among the stages"),
        (TUNING, ("expose",), "write nsb_tuning: waveform for expose"),
    ],
)
def test_shapes_say_what_does_not_go(
    keys: dict[str, str], stages: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        other(tmp_path, *stages, **keys)
    assert told in str(caught.value)


def test_a_file_named_for_another_tool_is_not_taken_for_the_lstchain_config(
    tmp_path: Path,
) -> None:
    (tmp_path / "ctapipe_config.json").write_text("{}")
    named = WHOLE + "\nctapipe_config: ctapipe_config.json\n"
    read = load(tmp_path, named)
    assert read.tool_configs == {"ctapipe": tmp_path / "ctapipe_config.json"}
    assert any("nothing in the workflow lstchain reads it" in told for told in read.notices)
    (tmp_path / "lstchain.json").write_text("{}")
    assert load(tmp_path, named).tool_configs["lstchain"] == tmp_path / "lstchain.json"


@pytest.mark.parametrize(
    "options", ["\u2013no-image", "--pattern x \u2014no-image", ["\u2212no-image"]]
)
def test_options_with_a_dash_of_a_word_processor(tmp_path: Path, options: Any) -> None:
    (sentence,) = sentences(tmp_path, config("merge_dl1", {**STEP, "options": options}))
    assert "key 'options': " in sentence
    assert "begins with a long dash; write '--no-image'" in sentence
