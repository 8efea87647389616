"""dl1_to_dl2 steps in one chunk: models loaded once, and nothing else in common."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from chain_compare import assert_same_tables
from chain_config import MERGED_TEST, MODEL_NAMES, MODELS, config_of
from chain_runs import Ended, Production, by_hand, in_parallel

pytestmark = pytest.mark.chain

#: lstchain needs it beside the parameters, and no check looks for it
INSTRUMENT = "/configuration"
STEPS = ("broken_first", "gamma_file", "broken", "proton_file", "truncated", "electron_file")


@pytest.fixture(scope="module")
def inputs(production: Production, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Merged DL1 of three particles, and copies of one that are of no use."""
    import tables

    root = tmp_path_factory.mktemp("dl1")
    found = {key: production / name for key, name in MERGED_TEST.items()}
    for key in set(STEPS) - set(found):
        found[key] = root / f"dl1_{key}.h5"
        shutil.copy(production / MERGED_TEST["gamma_file"], found[key])
    for key in ("broken_first", "broken"):
        with tables.open_file(str(found[key]), "a") as h5:
            h5.remove_node(INSTRUMENT, recursive=True)
    os.truncate(found["truncated"], found["truncated"].stat().st_size // 2)
    return found


@pytest.fixture(scope="module")
def together(
    production: Production, inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Production, Ended]:
    """All steps in a run of their own; each asks for every core, so they share one chunk."""
    cores = {"cpus-per-task": len(os.sched_getaffinity(0))}
    common = {"path_model": str(production / MODELS), "extra_slurm_options": cores}
    steps = [{"input": str(inputs[key]), "output": f"dl2/{key}", **common} for key in STEPS]
    run = Production(tmp_path_factory.mktemp("together"))
    run.write(config_of({"dl1_to_dl2": steps}))
    return run, run.run()


@pytest.mark.parametrize("key", MERGED_TEST)
def test_each_file_equals_a_call_by_hand(
    together: tuple[Production, Ended], inputs: dict[str, Path], production: Production, key: str
) -> None:
    run, _ = together
    output = run / "hand" / key
    call = ("lstchain_dl1_to_dl2", "-f", inputs[key], "-p", production / MODELS, "-o", ".")
    in_parallel([by_hand(output, *call, "-c", production.lstchain_config)])
    (expected,) = output.glob("dl2_*.h5")
    assert_same_tables(run / "dl2" / key / expected.name, expected, rtol=1e-12)


def test_what_is_broken_fails_alone(
    together: tuple[Production, Ended], inputs: dict[str, Path]
) -> None:
    run, ended = together
    assert ended.code != 0
    made = {path.parent.name for path in (run / "dl2").glob("*/*.h5")}
    assert made == set(MERGED_TEST)
    for number, key in enumerate(STEPS, start=1):
        made_by = run / "dl2" / key / inputs[key].name.replace("dl1", "dl2", 1)
        told = f"dl1_to_dl2 step {number} ({made_by}) failed"
        assert (told in ended.sentences) == (key not in MERGED_TEST)
    assert "dl1_truncated.h5 is not whole" in ended.sentences
    # the reason is the file's own, not that of a neighbour
    assert "lstchain_dl1_to_dl2 ended with exit code 1" in ended.sentences
    assert INSTRUMENT.strip("/") in ended.text
    assert run.left_over() == []


def test_models_are_loaded_once(together: tuple[Production, Ended]) -> None:
    """By the first file that gets that far; all others find them in memory."""
    run, _ = together
    (chunk,) = (path for array in run.jobs() for path in Path(array).glob("chunk-*.spec.json"))
    assert len(json.loads(chunk.read_text())["chunks"][0]["items"]) == len(STEPS)
    logs = [log for key in MERGED_TEST for log in (run / "dl2" / key).glob("job_logs*/*.log")]
    found = sorted(log.read_text().count("# in memory already: ") for log in logs)
    assert found == [0, len(MODEL_NAMES), len(MODEL_NAMES)]
