"""The small production under a real luigid, with the `luigi` command as a user types it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

import pytest
from chain_compare import assert_same_production, link_files
from chain_config import DL1_FILES, TRAINING_GAMMAS, small_config
from chain_runs import BIN, Production, Running, processes_of, wait_for

pytestmark = [pytest.mark.chain, pytest.mark.slow]

Start = Callable[..., Running]


class Luigid:
    """A luigid of this user that forgets everything when it is killed."""

    def __init__(self, where: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._where = where
        self.start()

    def start(self) -> None:
        command = [str(BIN / "luigid"), "--port", str(self.port), "--address", "127.0.0.1"]
        state = ["--state-path", str(self._where / "no-such-directory" / "state")]
        with (self._where / "luigid.txt").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *state], cwd=self._where, stdout=log, stderr=log
            )
        wait_for(self.answers)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def answers(self) -> bool:
        try:
            return bool(self.ask("is_pause_enabled"))
        except OSError:
            return False

    def ask(self, method: str, **arguments: Any) -> Any:
        """What the visualiser asks."""
        query = urlencode({"data": json.dumps(arguments)})
        address = f"http://127.0.0.1:{self.port}/api/{method}?{query}"
        with build_opener(ProxyHandler({})).open(address, timeout=30) as reply:
            return json.loads(reply.read())["response"]

    def tasks(self, status: str = "") -> dict[str, dict[str, Any]]:
        return dict(self.ask("task_list", status=status, upstream_status=""))


@pytest.fixture
def luigid(tmp_path: Path) -> Iterator[Luigid]:
    daemon = Luigid(tmp_path)
    yield daemon
    daemon.kill()


@pytest.fixture
def begun(place: Production, production: Production, dl0: Path) -> Production:
    """A production of which the DL1 of one training node is missing, and all that follows."""
    place.write(small_config(dl0))
    missing = {DL1_FILES[TRAINING_GAMMAS[0].file(number)] for number in (1, 2)}
    link_files(production.where, place.where, set(DL1_FILES.values()) - missing)
    return place


def typed(place: Production, luigid: Luigid) -> list[str]:
    task = ("--module", "lstluigi", "Production", "--config", str(place.config))
    return [str(BIN / "luigi"), *task, "--scheduler-port", str(luigid.port)]


def families(tasks: dict[str, dict[str, Any]]) -> set[str]:
    return {task["name"] for task in tasks.values()}


def test_the_graph_is_production_stage_step(
    begun: Production, luigid: Luigid, start: Start, production: Production
) -> None:
    run = start(begun, *typed(begun, luigid))
    wait_for(lambda: "R0ToDL1Step" in families(luigid.tasks("RUNNING")))
    tasks = luigid.tasks()
    stages = {"R0ToDL1", "TrainTestSplit", "MergeDL1", "TrainPipe"}
    stages |= {"DL1ToDL2", "DL2ToIRFs", "DL2ToSensitivity"}
    assert families(tasks) == {"Production", *stages, *(f"{stage}Step" for stage in stages)}
    (root,) = (name for name, task in tasks.items() if task["name"] == "Production")
    graph = luigid.ask("dep_graph", task_id=root)
    assert graph.keys() == tasks.keys()

    def below(name: str) -> list[str]:
        return [graph[dep]["name"] for dep in graph[name]["deps"]]

    assert set(below(root)) == stages
    steps = {graph[name]["name"]: below(name) for name in graph[root]["deps"]}
    assert all(set(found) == {f"{stage}Step"} for stage, found in steps.items())
    count = {stage: len(found) for stage, found in steps.items()}
    # the steps that are not satisfied: one node lacks its DL1
    assert count["R0ToDL1"] == count["TrainPipe"] == count["DL2ToSensitivity"] == 1
    assert count["MergeDL1"] == 5
    assert count["DL1ToDL2"] == 3
    (irf,) = (name for name, task in graph.items() if task["name"] == "DL2ToIRFsStep")
    assert below(irf) == ["DL1ToDL2Step"]
    assert run.wait().code == 0, run.text
    assert {task["status"] for task in luigid.tasks().values()} == {"DONE"}
    assert_same_production(begun, production)


def test_killed_and_typed_again_at_once(
    begun: Production, luigid: Luigid, start: Start, production: Production
) -> None:
    run = start(begun, *typed(begun, luigid))
    wait_for(lambda: "R0ToDL1Step" in families(luigid.tasks("RUNNING")))
    run.kill()
    again = start(begun, *typed(begun, luigid)).wait()
    assert again.code == 0, again.text
    assert_same_production(begun, production)
    assert begun.left_over() == []
    assert processes_of(begun.where) == []


def test_luigid_killed_and_restarted(
    begun: Production, luigid: Luigid, start: Start, production: Production
) -> None:
    run = start(begun, *typed(begun, luigid))
    wait_for(lambda: "R0ToDL1Step" in families(luigid.tasks("RUNNING")))
    luigid.kill()
    wait_for(lambda: "does not answer" in run.text)
    luigid.start()
    assert run.wait().code == 0, run.text
    # the graph is on the new luigid, too, and nothing was submitted twice
    assert "Production" in families(luigid.tasks("DONE"))
    assert_same_production(begun, production)
    submitted = [text.count('"event": "submitted"') for text in begun.ledgers().values()]
    assert set(submitted) == {1}
