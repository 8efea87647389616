"""What a real luigid shows of the steps of a production, through its HTTP API."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Luigid, wait_for
from lab import Lab

pytestmark = pytest.mark.slow

NODE = "GammaDiffuse/dec_2276/node_theta_6.000_az_180.000_"
CALLED = "(about=GammaDiffuse dec_2276 node_theta_6.000_az_180.000 step 1, test_prod)"
R0, MERGE = f"R0ToDL1Step{CALLED}", f"MergeDL1Step{CALLED}"
Start = Callable[[], subprocess.Popen[str]]


@pytest.fixture
def start(lab: Lab, luigid: Luigid) -> Iterator[Start]:
    """Start the production under luigid; its second file waits for the file `go`."""
    lab.simtel(f"dl0/{NODE}", a="4", b=f"wait {lab.path('go')} 5")
    merged = lab.path(f"merged/{NODE}merged.h5")
    lab.write(
        {
            "r0_to_dl1": [{"input": lab.path("dl0", NODE), "output": lab.path("dl1", NODE)}],
            "merge_dl1": [{"input": lab.path("dl1", NODE), "output": merged}],
        },
        source_environment={"source_file": str(lab.environment())},
        backend="local",
    )
    runs: list[subprocess.Popen[str]] = []

    def begin() -> subprocess.Popen[str]:
        port = ("--scheduler-port", str(luigid.port))
        runs.append(lab.start("Production", "--config", str(lab.config), *port))
        return runs[-1]

    yield begin
    for run in runs:
        run.kill()
        run.communicate()


def shown(task: dict[str, Any]) -> tuple[str, str | None, int | None]:
    """Status, message without the line of the log, and progress."""
    message = task["status_message"]
    return task["status"], message and message.splitlines()[0], task["progress_percentage"]


def logs(lab: Lab) -> Path:
    return Path(lab.path("dl1", NODE, "job_logs_r0dl1"))


def test_names_progress_message_and_log(lab: Lab, luigid: Luigid, start: Start) -> None:
    run = start()
    halfway = ("RUNNING", "1 of 2 files done", 50)
    wait_for(lambda: shown(luigid.tasks().get(R0, EMPTY)) == halfway)
    tasks = luigid.tasks()
    production = f"Production(config={lab.config})"
    stages = {f"{stage}(about=test_prod)" for stage in ("R0ToDL1", "MergeDL1")}
    assert tasks.keys() == {R0, MERGE, production, *stages}
    assert tasks[R0]["tracking_url"] == logs(lab).as_uri()
    assert tasks[R0]["status_message"].splitlines()[1] == f"log: {logs(lab)}"
    assert {path.stem.partition(".")[0] for path in logs(lab).glob("*simtel*.log")} == {"a", "b"}
    found = luigid.ask("task_search", task_str="R0ToDL1Step")
    assert [task["display_name"] for task in found["RUNNING"].values()] == [R0]
    waiting = tasks[MERGE]
    assert shown(waiting) == ("PENDING", None, None)
    assert waiting["tracking_url"] is None

    Path(lab.path("go")).touch()
    text, _ = run.communicate(timeout=90)
    assert run.returncode == 0, text
    tasks = luigid.tasks()
    assert shown(tasks[R0]) == ("DONE", "2 of 2 files done", 100)
    assert shown(tasks[MERGE]) == ("DONE", "done", 100)
    log = tasks[MERGE]["status_message"].splitlines()[1].removeprefix("log: ")
    assert Path(log).is_file()
    assert tasks[MERGE]["tracking_url"] == Path(log).as_uri()


def test_failures_are_counted_and_stay_to_be_seen(lab: Lab, luigid: Luigid, start: Start) -> None:
    lab.simtel(f"dl0/{NODE}", b="truncated")
    run = start()
    text, _ = run.communicate(timeout=90)
    assert run.returncode == 30, text
    tasks = luigid.tasks()
    assert shown(tasks[R0]) == ("FAILED", "1 of 2 files done, 1 failed", 100)
    assert shown(tasks[MERGE]) == ("PENDING", None, None)


def test_nothing_stale_after_a_kill(lab: Lab, luigid: Luigid, start: Start) -> None:
    run = start()
    wait_for(lambda: luigid.tasks().get(R0, EMPTY)["progress_percentage"] == 50)
    run.kill()
    run.wait()
    (merge,) = luigid.ask("task_search", task_str="MergeDL1Step")["PENDING"]
    # as if the dead run had come further, and its products had then been deleted
    luigid.ask("set_task_status_message", task_id=merge, status_message="of a dead run")
    luigid.ask("set_task_progress_percentage", task_id=merge, progress_percentage=70)
    again = start()
    wait_for(lambda: shown(luigid.tasks()[MERGE]) == ("PENDING", None, None))
    Path(lab.path("go")).touch()
    text, _ = again.communicate(timeout=90)
    assert again.returncode == 0, text
    tasks = luigid.tasks()
    assert shown(tasks[R0]) == ("DONE", "2 of 2 files done", 100)
    assert shown(tasks[MERGE]) == ("DONE", "done", 100)
    assert lab.leftovers() == set()


EMPTY = {"status": "", "status_message": None, "progress_percentage": None}
