"""CPU of a chunk of 20 small files through r0_to_dl1 against 20 calls of the command."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Lines, cost_of

from lstluigi.jobs.script import RUNNER
from lstluigi.stages.checks import DL1

FILES = 20
#: Thrown showers that give about 100 triggered events a file.
SHOWERS = 500


@pytest.fixture(scope="module")
def simtel(tmp_path_factory: pytest.TempPathFactory, miniature: bool) -> list[Path]:
    from lstluigi.toy.simulation import run

    root = tmp_path_factory.mktemp("toy")
    count = 1 if miniature else FILES
    run("allsky", root, preset="tiny", files=count, showers=SHOWERS, training_nodes=["20,180"])
    files = sorted(root.glob("mc/DL0/**/GammaDiffuse/**/*.simtel.gz"))
    assert len(files) == count
    return files


def spec(root: Path, files: list[Path]) -> Path:
    """One chunk, as the local backend would hand it to the runner."""
    items = [
        {
            "id": file.name,
            "commands": [["lstchain_mc_r0_to_dl1", "-f", str(file), "-o", "."]],
            "scratch": str(root / "scratch" / file.name),
            "links": [],
            "verify": [],
            "products": [
                {
                    "made": f"dl1_{file.name.removesuffix('.simtel.gz')}.h5",
                    "final": str(root / f"dl1_{file.name.removesuffix('.simtel.gz')}.h5"),
                    "check": dict(DL1),
                }
            ],
            "log": str(root / f"{file.name}.log"),
        }
        for file in files
    ]
    chunk = {"result": str(root / "r.json"), "log": None, "cpus": 1, "warm": True, "items": items}
    path = root / "spec.json"
    path.write_text(json.dumps({"format": 1, "chunks": [chunk]}))
    return path


def test_chunk_against_calls(
    benchmark: Any, results: Lines, simtel: list[Path], tmp_path: Path
) -> None:
    threads = ("OMP", "OPENBLAS", "MKL", "NUMBA", "NUMEXPR")
    environment = {**os.environ, **{f"{name}_NUM_THREADS": "1" for name in threads}}
    runner = [sys.executable, RUNNER, str(spec(tmp_path, simtel)), "0"]
    costs = []
    benchmark.pedantic(lambda: costs.append(cost_of(runner, environment)), rounds=1)

    command = shutil.which("lstchain_mc_r0_to_dl1", path=os.path.dirname(sys.executable))
    assert command is not None
    calls = [
        cost_of([command, "-f", str(file), "-o", str(tmp_path / "by_hand")], environment)
        for file in simtel
    ]
    cpu = sum(call.cpu for call in calls)
    results.say(
        f"r0_to_dl1 of {len(simtel)} files: {costs[0].cpu:.1f} s of CPU in one chunk, {cpu:.1f} s "
        f"in {len(simtel)} calls, ratio {costs[0].cpu / cpu:.3f} (0.2)"
    )
