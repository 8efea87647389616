"""The cluster that the tests of the Slurm backend use is a real one, and can fail in all ways."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from slurm_lab import SlurmLab

pytestmark = pytest.mark.slurm

# uses 300 MB for longer than Slurm needs to see it
HOG = "/usr/bin/python3 -c 'import time; x = bytearray(300 << 20); time.sleep(30)'"
Maker = Callable[..., SlurmLab]


def _ends(lab: SlurmLab, job: str) -> list[tuple[str, str, str]]:
    return [(row.state, row.reason, row.exit) for row in lab.wait_ended(job)]


def _wait_accounted(lab: SlurmLab, job: str, expected: dict[str, tuple[str, str]]) -> None:
    """What sacct says lags behind by seconds."""
    lab.wait_until(lambda: lab.accounted(job) == expected, f"sacct to say {expected}")


def _refused(lab: SlurmLab, *options: str) -> str:
    done = lab.run("sbatch", *options, stdin="#!/bin/sh\n", check=False)
    assert done.returncode == 1
    return done.stderr


def test_array(slurm: SlurmLab, tmp_path: Path) -> None:
    body = 'echo here; exit "$SLURM_ARRAY_TASK_ID"'
    job = slurm.submit(
        body, "--array=0-3", f"--output={tmp_path}/%a", "--job-name=a|b", "-p", "long"
    )
    rows = {row.id: row for row in slurm.wait_ended(job)}
    assert {key: row.exit for key, row in rows.items()} == {
        f"{job}_{n}": f"{n}:0" for n in range(4)
    }
    assert [rows[f"{job}_{n}"].state for n in (0, 1)] == ["COMPLETED", "FAILED"]
    assert {(row.partition, row.name) for row in rows.values()} == {("long", "a|b")}
    assert (tmp_path / "3").read_text() == "here\n"
    expected = {f"{job}_{n}": ("FAILED", f"{n}:0") for n in range(1, 4)}
    _wait_accounted(slurm, job, expected | {f"{job}_0": ("COMPLETED", "0:0")})


def test_this_process_speaks_to_the_cluster(slurm: SlurmLab) -> None:
    done = subprocess.run(["sinfo", "-h", "-o", "%R"], capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == ["long", "short", "xxl"]


def test_controller_killed_under_a_job(slurm: SlurmLab, tmp_path: Path) -> None:
    job = slurm.submit(f"while [ ! -e {tmp_path}/go ]; do sleep 0.1; done; exit 5")
    slurm.wait_state(job, "RUNNING")
    slurm.wait_saved(job)
    slurm.kill("slurmctld")
    assert slurm.run("scontrol", "ping", check=False).returncode == 1
    slurm.start("slurmctld")
    slurm.wait_state(job, "RUNNING")
    (tmp_path / "go").touch()
    assert _ends(slurm, job) == [("FAILED", "NonZeroExitCode", "5:0")]


def test_accounting_stopped(slurm: SlurmLab) -> None:
    slurm.stop("slurmdbd")
    job = slurm.submit("exit 0")
    assert _ends(slurm, job) == [("COMPLETED", "None", "0:0")]
    assert slurm.run("sacct", check=False).returncode == 1
    slurm.start("slurmdbd")
    _wait_accounted(slurm, job, {job: ("COMPLETED", "0:0")})


@pytest.mark.slow
def test_frozen_controller(slurm: SlurmLab) -> None:
    slurm.freeze("slurmctld")
    done = slurm.run("squeue", check=False)
    assert done.returncode == 1
    assert "timed out" in done.stderr
    slurm.thaw("slurmctld")
    assert slurm.jobs("-j", slurm.submit("exit 0"))


def test_node_declared_down(slurm: SlurmLab) -> None:
    job = slurm.submit("sleep 1000", "--no-requeue", "-w", "n1")
    slurm.wait_state(job, "RUNNING")
    slurm.fail_node("n1")
    assert _ends(slurm, job) == [("NODE_FAIL", "NodeDown", "0:0")]
    again = slurm.submit("exit 0", "-w", "n1")
    assert _ends(slurm, again) == [("COMPLETED", "None", "0:0")]


@pytest.mark.slow
def test_node_dies(slurm: SlurmLab) -> None:
    job = slurm.submit("sleep 1000", "--no-requeue", "-w", "n1")
    slurm.wait_state(job, "RUNNING")
    slurm.kill_node("n1")
    assert _ends(slurm, job) == [("NODE_FAIL", "NodeDown", "0:0")]
    _wait_accounted(slurm, job, {job: ("NODE_FAIL", "0:0")})
    slurm.start("slurmd:n1")
    again = slurm.submit("exit 0", "-w", "n1")
    assert _ends(slurm, again) == [("COMPLETED", "None", "0:0")]


@pytest.mark.slow
def test_time_limit(slurm: SlurmLab) -> None:
    job = slurm.submit("sleep 1000", "--time=1")
    slurm.wait_state(job, "RUNNING")
    slurm.time_out(job)
    assert [end[:2] for end in _ends(slurm, job)] == [("TIMEOUT", "TimeLimit")]
    _wait_accounted(slurm, job, {job: ("TIMEOUT", "0:0")})


def test_too_much_memory_as_slurm_sees_it(slurm: SlurmLab, tmp_path: Path) -> None:
    job = slurm.submit(HOG, "--mem=100", f"--output={tmp_path}/out")
    assert _ends(slurm, job) == [("FAILED", "JobLaunchFailure", "0:9")]
    assert "exceeded memory limit" in (tmp_path / "out").read_text()


def test_too_much_memory_as_the_kernel_sees_it(bare_slurm: Maker) -> None:
    lab = bare_slurm(cgroup=True)
    job = lab.submit(f"{HOG}; exit 0", "--mem=100")
    assert _ends(lab, job) == [("OUT_OF_MEMORY", "OutOfMemory", "0:125")]


def test_too_many_jobs(slurm: SlurmLab) -> None:
    slurm.set_max_submit(5)
    slurm.submit("sleep 1000", "--array=0-3")
    assert "job submit limit" in _refused(slurm, "--array=0-1")
    slurm.submit("sleep 1000")
    slurm.set_max_submit(-1)
    slurm.submit("sleep 1000", "--array=0-9")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["-p", "none"], "Invalid partition name specified"),
        (["-A", "none"], "Invalid account"),
        (["--array=0-1001"], "Invalid job array specification"),
        (["--mem=9000"], "Requested node configuration is not available"),
    ],
)
def test_refused(slurm: SlurmLab, options: list[str], text: str) -> None:
    assert text in _refused(slurm, *options)


def test_other_settings(bare_slurm: Maker) -> None:
    first = bare_slurm(max_array=5, min_job_age=2, partitions={"only": "MaxTime=1:00"}, nodes=1)
    assert "Invalid job array specification" in _refused(first, "--array=0-5")
    job = first.submit("exit 0", "--array=0-4")
    assert {row.partition for row in first.wait_ended(job)} == {"only"}
    assert "accounting storage is disabled" in first.run("sacct", check=False).stderr
    second = bare_slurm(options={"FirstJobId": "700"})
    assert second.submit("exit 0") == "700"
    assert os.environ["SLURM_CONF"] == second.environment["SLURM_CONF"]


def test_nothing_is_left(slurm_here: None, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    started: list[str] = []

    def break_off() -> None:
        with SlurmLab(tmp_path / "lab", accounting=False) as lab:
            lab.submit(f"setsid sleep 1000 & echo $! $$ > {pids}; wait", "--export=NONE")
            lab.wait_until(lambda: pids.exists() and pids.read_text() != "", "the job to run")
            started.extend(str(daemon.pid) for daemon in lab._daemons.values())
            lab.freeze("slurmctld")
            raise KeyError("broken")

    with pytest.raises(KeyError, match="broken"):
        break_off()
    started += pids.read_text().split()
    assert len(started) == 4 + 2
    for pid in started:
        status = Path(f"/proc/{pid}/status")
        assert not status.exists() or "State:\tZ" in status.read_text()
