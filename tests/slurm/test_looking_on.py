"""`lstluigi status --json` and `lstluigi cancel CONFIG PATTERN` beside jobs on a real cluster."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster_production import ClusterProduction
from lab import BIN, HERE, Run
from slurm_lab import SlurmLab

pytestmark = pytest.mark.slurm

#: A chunk holds twenty files, so that each step of twenty is a job of its own.
MORE = {f"b{number:02}": "1" for number in range(19)}


@pytest.fixture
def production(
    slurm: SlurmLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ClusterProduction]:
    """One on the shared cluster; a run that a failing test leaves behind is ended."""
    production = ClusterProduction(tmp_path / "production", slurm, monkeypatch)
    yield production
    production.kill()


#: Has a job wait in the queue until it is told to start.
LATER = {"begin": "now+1hour"}


def merged(production: ClusterProduction, *firsts: str, later: int = 0) -> None:
    """A production of DL1 merged by node, of which the first file of DL0 is given.

    The job of DL1 number `later` waits in the queue.
    """
    dl1, merge = [], []
    for number, first in enumerate(firsts, 1):
        production.simtel(f"dl0/{number}", a=first, **MORE)
        names = ("dl0", "dl1", "merged")
        dl0, files, whole = (production.path(name, str(number)) for name in names)
        asked = {"extra_slurm_options": LATER} if number == later else {}
        dl1.append({"input": dl0, "output": files, **asked})
        merge.append({"input": files, "output": f"{whole}.h5"})
    production.write({"r0_to_dl1": dl1, "merge_dl1": merge})


def let_start(production: ClusterProduction) -> None:
    """Let the job start that waits."""
    for job in production.jobs():
        if job.state == "PENDING":
            production.slurm.run("scontrol", "update", f"jobid={job.id}", "StartTime=now")


def beside(production: ClusterProduction, command: str, *words: str) -> Run:
    """Type a command while a run may be going on."""
    line = [str(BIN / "lstluigi"), command, str(production.config), *words]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr, done.stderr
    return Run(done.returncode, done.stdout + done.stderr)


def status(production: ClusterProduction) -> dict[str, Any]:
    run = beside(production, "status", "--json")
    assert run.code == 0, run.text
    found: dict[str, Any] = json.loads(run.text)
    return found


def stands(found: dict[str, Any]) -> dict[str, str]:
    return {step["step"]: step["status"] for step in found["steps"]}


def count(part: dict[str, int]) -> dict[str, int]:
    """The counts that are not 0."""
    return {name: number for name, number in part.items() if number}


def until(
    production: ClusterProduction, true: Callable[[dict[str, Any]], bool], what: str
) -> dict[str, Any]:
    """Look again until something is true."""
    found: dict[str, Any] = {}

    def looked() -> bool:
        found.update(status(production))
        return true(found)

    production.wait(looked, what)
    return found


def test_status_of_what_runs_waits_and_has_failed(production: ClusterProduction) -> None:
    production.settings["retries"] = {"command": 0}
    merged(production, "truncated", f"wait {production.go} 4", "5", later=3)
    process = production.start()
    found = until(production, reached, "one step to fail and one to run")
    assert found["runs"] == [f"the run with process id {process.pid} on {os.uname().nodename}"]
    dl1, merge = (found["stages"][name] for name in ("r0_to_dl1", "merge_dl1"))
    assert count(dl1["steps"]) == {"failed": 1, "running": 1, "queued": 1, "all": 3}
    assert count(dl1["files"]) == {
        "complete": 19,
        "failed": 1,
        "running": 1,
        "queued": 39,
        "all": 60,
    }
    assert count(merge["steps"]) == {"blocked": 1, "missing": 2, "all": 3}
    assert found["time_left"]["seconds"] is None
    (group,) = found["failures"]
    assert (group["cause"], group["ending"], group["count"]) == ("command", "exit code 1", 1)
    assert (group["steps"], group["blocked"]) == (["r0_to_dl1:1"], ["merge_dl1:1"])
    assert Path(group["example"]["log"]).is_file()
    named = {step["jobs"][0] for step in found["steps"][1:3]}
    assert named == {job.id.partition("_")[0] for job in production.queue()}

    # all of it is seen without the run
    process.kill()
    process.wait()
    found = status(production)
    assert found["runs"] == []
    assert stands(found) == STANDS
    production.go.touch()
    let_start(production)
    production.wait(lambda: not production.queue(), "the jobs to end")
    found = until(production, lambda found: not found["total"]["files"]["running"], "their results")
    assert count(found["stages"]["r0_to_dl1"]["files"]) == {"complete": 59, "failed": 1, "all": 60}

    # and the next run ends what there is to end
    assert production.type().code == 30
    found = status(production)
    assert count(found["total"]["steps"]) == {"complete": 4, "failed": 1, "blocked": 1, "all": 6}
    production.simtel("dl0/1", a="2")
    run = production.type()
    assert run.code == 0, run.text
    found = status(production)
    assert count(found["total"]["steps"]) == {"complete": 6, "all": 6}
    assert found["failures"] == []
    assert found["stages"]["merge_dl1"]["events"] == 2 + 4 + 5 + 3 * 19


STANDS = {
    "r0_to_dl1:1": "failed",
    "r0_to_dl1:2": "running",
    "r0_to_dl1:3": "queued",
    "merge_dl1:1": "blocked",
    "merge_dl1:2": "missing",
    "merge_dl1:3": "missing",
}


def reached(found: dict[str, Any]) -> bool:
    return stands(found) == STANDS


def test_status_of_a_job_that_was_cancelled_under_the_run(production: ClusterProduction) -> None:
    merged(production, f"wait {production.go} 4")
    process = production.start()
    (job,) = production.wait_running()
    production.slurm.run("scancel", job.id)
    assert production.end(process).code == 30
    found = status(production)
    assert stands(found) == {"r0_to_dl1:1": "missing", "merge_dl1:1": "missing"}


def test_cancel_ends_jobs_of_the_pattern_alone(production: ClusterProduction) -> None:
    merged(production, *[f"wait {production.go} 4"] * 3)
    process = production.start()
    production.wait_running(3)
    before = {job.id for job in production.queue()}
    assert len(before) == 3

    planned = beside(production, "cancel", "r0_to_dl1:2", "--dry-run")
    assert planned.code == 0, planned.text
    assert "1 job(s) of 1 step(s) would be cancelled" in planned.text
    unknown = beside(production, "cancel", "r0_to_dl2")
    assert unknown.code == 2
    assert "matches no output, no stage" in unknown.text
    assert {job.id for job in production.queue()} == before

    ended = beside(production, "cancel", "r0_to_dl1:2")
    assert ended.code == 0, ended.text
    assert "1 job(s) of 1 step(s) cancelled" in ended.text
    production.wait(lambda: len(production.queue()) == 2, "one job to end")
    assert {job.id for job in production.queue()} < before
    production.go.touch()
    run = production.end(process)
    assert run.code == 30
    assert "its job was cancelled" in run.text
    for node in (1, 3):
        assert len(production.files(f"dl1/{node}")) == 20
    assert {"merged/1.h5", "merged/3.h5"} <= production.files()
    assert "merged/2.h5" not in production.files()
    found = status(production)
    assert stands(found)["r0_to_dl1:2"] == "missing"

    run = production.type()
    assert run.code == 0, run.text
    assert {f"merged/{node}.h5" for node in (1, 2, 3)} <= production.files()
    assert production.leftovers() == set()


def test_cancel_of_a_step_whose_job_waits_after_the_run_was_killed(
    production: ClusterProduction,
) -> None:
    merged(production, f"wait {production.go} 4", "5", later=2)
    process = production.start()
    production.wait(lambda: len(production.queue()) == 2, "both jobs to be in the queue")
    production.wait_running()
    process.kill()
    process.wait()
    ended = beside(production, "cancel", production.path("dl1", "2"))
    assert ended.code == 0, ended.text
    assert "1 job(s) of 1 step(s) cancelled" in ended.text
    production.wait(lambda: len(production.queue()) == 1, "one job to end")
    assert stands(status(production))["r0_to_dl1:1"] == "running"
    again = beside(production, "cancel", production.path("dl1", "2"))
    assert again.code == 0
    assert "nothing of 1 step(s) is under way" in again.text
    production.go.touch()
    production.wait(lambda: not production.queue(), "the other to end")
    assert len(production.files("dl1/1")) == 20
    assert production.files("dl1/2") == set()


def test_cancel_leaves_a_job_that_works_for_others_too(production: ClusterProduction) -> None:
    # both wait: whichever comes first in the job, the other is left
    production.nodes({"a": f"wait {production.go} 4"}, {"b": f"wait {production.go} 5"})
    process = production.start()
    production.wait_running()
    (job,) = production.queue()
    kept = beside(production, "cancel", "r0_to_dl1:1")
    assert kept.code == 2, kept.text
    assert "1 job(s) also make other steps and go on" in kept.text
    assert "nothing was cancelled" in kept.text
    assert [one.id for one in production.queue()] == [job.id]
    production.go.touch()
    production.complete(production.end(process), {"dl1/0/dl1_a.h5", "dl1/1/dl1_b.h5"})
