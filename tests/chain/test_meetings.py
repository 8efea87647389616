"""Files that do not belong together are refused by what they say, with real lstchain's products."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from chain_config import DL2, TESTED, config_of
from chain_runs import Production

from lstluigi.jobs.runner.facts import Facts

pytestmark = pytest.mark.chain

SCRIPTS = Path(sys.executable).parent
SAMPLE = TESTED["electron_file"]


def test_two_runs_in_one_file_and_a_file_left_twice(dl0: Path, place: Production) -> None:
    """The effective area was 2.000 times too large: events of both, showers of one."""
    other = TESTED["gamma_file"]
    for node in ("two", "twice"):
        (place.where / "dl0" / node).mkdir(parents=True)
    both = (dl0 / SAMPLE.file(1)).read_bytes() + (dl0 / other.file(1)).read_bytes()
    (place.where / "dl0/two/both.simtel.gz").write_bytes(both)
    for name in ("a", "b"):
        os.link(dl0 / SAMPLE.file(1), place.where / f"dl0/twice/{name}.simtel.gz")
    r0 = [{"input": f"dl0/{node}", "output": f"dl1/{node}"} for node in ("two", "twice")]
    merge = [{"input": "dl1/twice", "output": "merged/twice.h5"}]
    split = [{"input": "dl1/twice", "output": {"train": "split/train", "test": "split/test"}}]
    stages = {"r0_to_dl1": r0, "train_test_split": split, "merge_dl1": merge}
    place.write(config_of(stages, "chain_meetings"))
    ended = place.run()
    assert ended.code == 30
    assert "Traceback" not in ended.sentences
    assert f"2 runs (9, 7) of {SAMPLE.showers}, {other.showers} showers" in ended.sentences
    assert "inputs hold the same run 9 at zenith 14.98" in ended.sentences
    assert "failed for the same reason as" in ended.sentences
    assert not (place / "dl1/two").is_dir() or not list((place / "dl1/two").glob("*.h5"))
    for name in ("merged/twice.h5", "split/train", "split/test"):
        assert not (place / name).exists()
    said = [
        record.get("facts", {})
        for file in place.logs.rglob("chunk-*.json")
        for record in json.loads(file.read_text()).get("items", {}).values()
    ]
    showers = [one["dl1_a.h5"]["showers"] for one in said if "dl1_a.h5" in one]
    assert showers == [SAMPLE.showers]


def test_a_sensitivity_of_swapped_particles(production: Production, place: Production) -> None:
    """And one of gammas as protons: lstluigi's own script did not look."""
    swapped = {"gamma_file": "gamma_file", "proton_file": "electron_file"}
    inputs = {key: str(production / DL2[swapped.get(key, "proton_file")]) for key in DL2}
    step = {"input": inputs, "output": "irf/sensitivity.fits.gz"}
    place.write(config_of({"dl2_to_sensitivity": [step]}, "chain_meetings"))
    ended = place.run()
    assert ended.code == 30
    assert "expected protons in an input, got electrons" in ended.sentences
    assert not (place / "irf/sensitivity.fits.gz").exists()


def test_a_file_of_another_node_in_a_merge(production: Production, place: Production) -> None:
    """lstchain found it four stages on, as a bare AssertionError."""
    node = place.where / "dl1" / SAMPLE.node
    node.mkdir(parents=True)
    for number, file in enumerate(sorted((production / "dl1/Protons").rglob("node*/*.h5"))):
        shutil.copy(file, node / f"dl1_{number}.h5")
    place.write(
        config_of({"merge_dl1": [{"input": str(node), "output": "m.h5"}]}, "chain_meetings")
    )
    ended = place.run()
    assert ended.code == 30
    assert "lie in one directory and point to zenith" in ended.sentences
    assert not (place / "m.h5").exists()


def test_dl1_of_two_runs_from_outside(dl0: Path, place: Production) -> None:
    """Made elsewhere of one file with two runs: all events, and the showers of one run."""
    (place.where / "dl1").mkdir(parents=True)
    both = place.where / "two.simtel.gz"
    both.write_bytes((dl0 / SAMPLE.file(1)).read_bytes() * 2)
    command = [SCRIPTS / "lstchain_mc_r0_to_dl1", "-f", both, "-o", place.where / "dl1"]
    subprocess.run(command, check=True, capture_output=True)
    facts = Facts(str(place.where / "dl1/dl1_two.h5"))
    assert (facts.showers, len(facts.runs), facts.series) == (SAMPLE.showers, 1, 2)
    assert facts.twice == facts.events // 2 > 0
    place.write(config_of({"merge_dl1": [{"input": "dl1", "output": "m.h5"}]}, "chain_meetings"))
    ended = place.run()
    assert ended.code == 30
    assert f"{facts.twice} of its {facts.events} events twice" in ended.sentences
    assert not (place / "m.h5").exists()
