"""The real production configs of 2021-2025: each loads and gives its graph, or gets its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstluigi.config import ProductionConfig, load_config
from lstluigi.errors import ConfigError
from lstluigi.production.graph import Graph
from lstluigi.production.paths import Read
from lstluigi.stages import SHAPES, STAGES

CORPUS = Path(__file__).parents[3] / "shared" / "data" / "production_corpus"
CONFIGS = sorted(path for path in CORPUS.rglob("*") if path.suffix in (".yml", ".yaml"))

pytestmark = pytest.mark.skipif(not CONFIGS, reason="../shared/data/production_corpus is absent")


#: Line, stage, key and reason of what each of these is refused for, read off the files by eye.
REFUSED = {
    "20210416_v0.7.3_prod5_trans_80_local_taicut_8_4": [("line 47", "2021-22")],
    "20210923_v0.7.5_prod5_trans_80_dynamic_cleaning": [("line 43", "2021-22")],
    "20220218_v0.9.2_prod5_trans_80_dl1ab_tune_MC_to_Crab": [("line 46", "2021-22")],
    "nsb_psf_tuned_zen40_src2": [("line 35", "2021-22")],
    "psf_tuned_zen20": [("line 35", "2021-22")],
    "20230517_v0.9.13_large_offset": [("line 19, stage merge_dl1", "put '- ' before")],
    "template_prod": [
        ("line 22, stage r0_to_dl1, step 1, key 'ouput'", "write 'output'"),
        ("line 21, stage r0_to_dl1, step 1, key 'input'", "missing"),
        ("line 22, stage r0_to_dl1, step 1, key 'output'", "missing"),
    ],
}
ACCEPTED = [path for path in CONFIGS if path.parent.name not in REFUSED]

#: Two splits write into the same directories: fault H of facts/lstmcpipe.md.
SAME_OUTPUT = "20240122_v0.10.4_prod5_trans_80"


def graph_of(config: ProductionConfig) -> Graph:
    return Graph.build(
        [
            (
                STAGES[step.stage].makes(step),
                [Read(reading.path, reading.pattern) for reading in STAGES[step.stage].reads(step)],
            )
            for step in config.steps
        ]
    )


def config_of(production: str) -> ProductionConfig:
    (path,) = (path for path in CONFIGS if production in path.parts[-2:-1])
    return load_config(path, SHAPES)


@pytest.mark.parametrize("path", ACCEPTED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_config_gives_its_graph(path: Path) -> None:
    config = load_config(path, SHAPES)
    beside = list(path.parent.glob("*.json"))
    assert [config.tool_configs["lstchain"]] == beside
    graph = graph_of(config)
    assert sorted(graph.order) == list(range(len(config.steps)))
    if path.parent.name != SAME_OUTPUT:
        assert graph.problems == ()
        assert graph.notices == ()
    stages = [step.stage for step in config.steps]
    for node, stage in enumerate(stages):
        makers = {stages[maker] for maker in graph.producers[node]}
        assert makers <= set(config.stages_to_run) - {stage}
        assert graph.producers[node] or graph.external[node]


@pytest.mark.parametrize("production", REFUSED)
def test_a_config_gets_its_reason(production: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config_of(production)
    problems = caught.value.problems
    assert len(problems) == len(REFUSED[production])
    for problem, (where, words) in zip(problems, REFUSED[production], strict=True):
        assert f", {where}" in problem.where
        assert words in str(problem)


def test_nsb_0_07() -> None:
    """The largest: its steps, its links, and which stage feeds which."""
    config = config_of("NSB-0.07")
    counts = dict.fromkeys(config.stages_to_run, 0)
    for step in config.steps:
        counts[step.stage] += 1
    assert counts == {
        "r0_to_dl1": 521,
        "train_test_split": 208,
        "merge_dl1": 331,
        "train_pipe": 9,
        "dl1_to_dl2": 1153,
        "dl2_to_irfs": 1153,
    }
    graph = graph_of(config)
    assert sum(map(len, graph.producers)) == 4414
    stages = [step.stage for step in config.steps]
    external = {stages[node] for node, reads in enumerate(graph.external) if reads}
    assert external == {"r0_to_dl1"}
    fed_by: dict[str, set[str]] = {}
    for node, makers in enumerate(graph.producers):
        fed_by.setdefault(stages[node], set()).update(stages[maker] for maker in makers)
    assert fed_by == {
        "r0_to_dl1": set(),
        "train_test_split": {"r0_to_dl1"},
        "merge_dl1": {"r0_to_dl1", "train_test_split"},
        "train_pipe": {"merge_dl1"},
        "dl1_to_dl2": {"merge_dl1", "train_pipe"},
        "dl2_to_irfs": {"dl1_to_dl2"},
    }
    times = {step.slurm.get("time") for step in config.steps}
    assert times == {"11:30:00", "06:00:00", "03-00:00:00", None}


def test_two_splits_with_the_same_directories() -> None:
    config = config_of(SAME_OUTPUT)
    problems = graph_of(config).problems
    assert [problem.kind for problem in problems] == ["same output"] * 2
    for problem, side in zip(problems, ("train", "test"), strict=True):
        assert problem.paths[0].endswith(f"/off0.4deg/{side}")
        assert [config.steps[node].where() for node in problem.nodes] == [
            f"{config.path}, line 48, stage train_test_split, step 1",
            f"{config.path}, line 55, stage train_test_split, step 2",
        ]


def test_a_restart_takes_models_and_dl1_as_they_are() -> None:
    """train_pipe and dl1_to_dl2 only: 9 x 2 merged files for training, 945 to reconstruct."""
    config = config_of("20240219_allsky_v0.10.7_all_dec_srcdep_base")
    graph = graph_of(config)
    assert sum(map(len, graph.producers)) == 945
    assert sum(map(len, graph.external)) == 9 * 2 + 945


def test_the_row_that_the_dl1ab_generator_dropped() -> None:
    """Fault A of facts/lstmcpipe.md: the last training node is split and never made."""
    config = config_of("20240716_v0.10.7_src10_dec3476_tuned")
    graph = graph_of(config)
    lone = [
        config.steps[node].input
        for node, reads in enumerate(graph.external)
        if reads and config.steps[node].stage == "train_test_split"
    ]
    assert [str(path).rpartition("/")[2] for path in lone] == [
        "node_corsika_theta_7.093_az_328.91_"
    ]


def test_older_slurm_options_are_read() -> None:
    config = config_of("20220511_v0.9.6_allsky_std")
    assert [step.slurm for step in config.steps if step.stage == "train_pipe"] == [
        {"partition": "xxl", "mem": "260G", "cpus-per-task": "16"}
    ]
    (notice,) = config.notices
    assert "10 of merge_dl1, 1 of train_pipe" in notice


def test_merge_patterns_quoted_or_not() -> None:
    patterns = {
        step.arguments
        for path in ACCEPTED
        for step in load_config(path, SHAPES).steps
        if step.stage == "merge_dl1"
    }
    assert patterns == {
        (),
        ("--no-image",),
        ("--pattern", "*/*.h5", "--no-image"),
        ("--pattern", "*/*/*.h5", "--no-image"),
    }
