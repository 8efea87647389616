"""Runs on a real Slurm that end before their time, or go on without a terminal."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from lab import Lab, Run
from slurm_lab import ENDED, SlurmLab

from lstluigi.jobs.ledger import events

pytestmark = pytest.mark.slurm

QUICK = {"interval": "0.5", "longest_interval": "1", "latency_wait": "5", "gather": "0.2"}
LEDGER = "job_logs_r0dl1/step.ledger.jsonl"


def production(lab: Lab, prod_id: str = "test_prod", wait: float = 0, files: str = "ab") -> str:
    """Write a production of one directory of DL1, whose files take a while; return its config."""
    lab.simtel(f"{prod_id}/dl0", **dict.fromkeys(files, f"sleep {wait} 4"))
    lab.config = lab.root / f"{prod_id}.yml"
    step = {
        "input": lab.path(prod_id, "dl0"),
        "output": lab.path(prod_id, "dl1"),
        "extra_slurm_options": {"time": "10", "mem": "300M"},
    }
    lab.write(
        {"r0_to_dl1": [step]},
        prod_id=prod_id,
        backend="slurm",
        slurm_config=QUICK,
        source_environment={"source_file": str(lab.environment())},
    )
    return str(lab.config)


def products(prod_id: str = "test_prod") -> set[str]:
    return {f"{prod_id}/dl1/dl1_{name}.h5" for name in "ab"}


def queued(slurm: SlurmLab, words: str) -> set[str]:
    """Jobs in the queue, by words in their name."""
    return {job.id for job in slurm.jobs() if words in job.name and job.state not in ENDED}


def until(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)


@contextmanager
def running(lab: Lab, slurm: SlurmLab, config: str, *more: str) -> Iterator[subprocess.Popen[str]]:
    """A run whose jobs are under way, and in its ledger."""
    prod_id = Path(config).stem
    run = lab.start("run", config, *more, program="lstluigi")
    ledger = lab.path(prod_id, "dl1", LEDGER)
    try:
        until(lambda: "submitted" in told(ledger), "jobs")
        yield run
    finally:
        run.kill()
        run.communicate()


def told(ledger: str) -> list[str]:
    return [event["event"] for event in events(ledger)]


def cancel(lab: Lab, config: str, *more: str) -> Run:
    run = lab.type("cancel", config, *more, program="lstluigi")
    assert "Traceback" not in run.text
    return run


def test_ends_what_a_killed_run_has_left_and_nothing_else(slurm: SlurmLab, lab: Lab) -> None:
    mine, other = (production(lab, name, wait=60) for name in ("mine", "other"))
    foreign = slurm.submit("sleep 60", "--job-name=r0_to_dl1_step_1_mine")
    for config in (mine, other):
        with running(lab, slurm, config) as run:
            run.kill()
    jobs = {name: queued(slurm, f"_{name}.") for name in ("mine", "other")}
    assert len(jobs["mine"]) == len(jobs["other"]) >= 1
    planned = cancel(lab, mine, "--dry-run")
    assert f"{len(jobs['mine'])} job(s) would be cancelled" in planned.text
    assert queued(slurm, "_mine.") == jobs["mine"]
    ended = cancel(lab, mine)
    assert ended.code == 0, ended.text
    assert f"{len(jobs['mine'])} job(s) cancelled" in ended.text
    until(lambda: not queued(slurm, "_mine."), "the jobs to end")
    assert queued(slurm, "_other.") == jobs["other"]
    assert {job.state for job in slurm.jobs("-j", foreign)} <= {"PENDING", "RUNNING"}
    assert told(lab.path("mine/dl1", LEDGER))[-1] == "cancelled"
    assert "nothing is under way" in cancel(lab, mine).text
    lab.simtel("mine/dl0", a="4", b="4")
    assert lab.type("run", mine, program="lstluigi").code == 0
    assert products("mine") <= lab.files()


def test_what_slurm_still_makes_is_not_made_here(slurm: SlurmLab, lab: Lab) -> None:
    config = production(lab, wait=60)
    with running(lab, slurm, config) as run:
        run.kill()
    here = lab.type("run", config, "--backend", "local", program="lstluigi")
    assert here.code == 2
    assert "Slurm has jobs of an earlier run" in here.text
    assert "lstluigi cancel" in here.text
    slurm.run("scancel", "--user=root")
    until(lambda: not queued(slurm, "test_prod"), "the jobs to end")
    lab.simtel("test_prod/dl0", a="4", b="4")
    assert lab.type("run", config, "--backend", "local", program="lstluigi").code == 0


def test_ends_a_run_that_is_alive_first(slurm: SlurmLab, lab: Lab) -> None:
    config = production(lab, wait=60)
    with running(lab, slurm, config) as run:
        ended = cancel(lab, config)
        text = run.communicate(timeout=30)[0]
    assert ended.code == 0, ended.text
    assert f"process id {run.pid}" in ended.text
    assert run.returncode == 143
    assert "go on in Slurm" in text
    assert "Traceback" not in text
    until(lambda: not queued(slurm, "test_prod"), "the jobs to end")
    assert not list(lab.root.rglob("*.lock"))


def test_what_is_wrong_in_the_config_does_not_matter(slurm: SlurmLab, lab: Lab) -> None:
    config = production(lab, wait=60)
    with running(lab, slurm, config) as run:
        run.kill()
    content = yaml.safe_load(lab.config.read_text())
    content["lstchain_config"] = "/nowhere.json"
    absent = {"input": "/nowhere", "output": lab.path("other")}
    content["stages"]["r0_to_dl1"] += [{"input": "x"}, absent]
    lab.config.write_text(yaml.safe_dump(content))
    ended = cancel(lab, config)
    assert ended.code == 0, ended.text
    assert "2 problem(s) in the config" in ended.text
    assert re.search("[1-9] job.s. cancelled", ended.text)
    until(lambda: not queued(slurm, "test_prod"), "the jobs to end")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_it_says_what_goes_on(
    slurm: SlurmLab, lab: Lab, signum: signal.Signals
) -> None:
    config = production(lab, wait=60)
    with running(lab, slurm, config) as run:
        run.send_signal(signum)
        text = run.communicate(timeout=30)[0]
    assert run.returncode == 128 + signum
    assert re.search(r"\d job\(s\) go on in Slurm, .*lstluigi cancel", text.replace("\n", " "))
    assert "Traceback" not in text
    assert queued(slurm, "test_prod")
    assert told(lab.path("test_prod/dl1", LEDGER))[-1] == "detached"
    ending = lab.prod_logs / "logs_test_prod" / "scancel_test_prod.sh"
    assert ending.stat().st_mode & 0o777 == 0o700
    subprocess.run([str(ending)], check=True)
    until(lambda: not queued(slurm, "test_prod"), "the jobs to end")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_ends_its_jobs_if_told_so(
    slurm: SlurmLab, lab: Lab, signum: signal.Signals
) -> None:
    config = production(lab, wait=60)
    foreign = slurm.submit("sleep 60")
    with running(lab, slurm, config, "--on-interrupt", "cancel") as run:
        run.send_signal(signum)
        text = run.communicate(timeout=30)[0]
    assert run.returncode == 128 + signum
    assert "job(s) were cancelled" in text
    assert "Traceback" not in text
    until(lambda: not queued(slurm, "test_prod"), "the jobs to end")
    assert {job.state for job in slurm.jobs("-j", foreign)} <= {"PENDING", "RUNNING"}
    assert told(lab.path("test_prod/dl1", LEDGER))[-1] == "abandoned"
    assert "nothing is under way" in cancel(lab, config).text


def test_no_answer_is_no_cancelled_job(slurm: SlurmLab, lab: Lab) -> None:
    config = production(lab, wait=60)
    with running(lab, slurm, config) as run:
        run.kill()
    slurm.wait_saved(next(iter(queued(slurm, "test_prod"))))
    slurm.kill("slurmctld")
    ended = cancel(lab, config)
    assert ended.code == 2
    assert "no answer from Slurm" in ended.text
    assert "cancelled" not in told(lab.path("test_prod/dl1", LEDGER))
    slurm.start("slurmctld")
    assert cancel(lab, config).code == 0
    until(lambda: not queued(slurm, "test_prod"), "the jobs to end")


def test_a_detached_run_goes_on_without_its_terminal(slurm: SlurmLab, lab: Lab) -> None:
    config = production(lab, wait=1)
    run = lab.type("run", config, "--detach", program="lstluigi")
    assert run.code == 0, run.text
    assert lab.files() == set()
    until(lambda: products() <= lab.files(), "the products")
    log = lab.prod_logs / "logs_test_prod" / "run_test_prod.log"
    until(lambda: "all 1 steps are satisfied" in log.read_text(), "the run to end")


# the run as a job


def controlled(lab: Lab, config: str, *more: str) -> Run:
    run = lab.type("run", config, "--submit-controller", *more, program="lstluigi")
    assert "Traceback" not in run.text
    return run


def test_a_run_as_a_job(slurm: SlurmLab, lab: Lab) -> None:
    config = production(lab)
    run = controlled(lab, config)
    assert run.code == 0, run.text
    logs = lab.prod_logs / "logs_test_prod"
    job = json.loads((logs / "controller.json").read_text())["job"]
    assert f"is job {job} (long, 1-00:00:00)" in run.text  # all that the partition allows
    until(lambda: products() <= lab.files(), "the products")
    (ended,) = slurm.wait_ended(job)
    assert (ended.name, ended.state) == ("lstluigi_test_prod", "COMPLETED")
    assert "all 1 steps are satisfied" in (logs / "run_test_prod.log").read_text()
    check = (logs / "check_test_prod.txt").read_text().splitlines()
    assert check[0].startswith("JobID|")
    assert {line.split("|")[4] for line in check[1:]} == {"COMPLETED"}
    again = controlled(lab, config)
    assert "nothing is started" in again.text
    assert again.code == 0


def test_one_controller_at_a_time_and_cancel_ends_it_first(slurm: SlurmLab, lab: Lab) -> None:
    config = production(lab, wait=60)
    options = ("--controller-time", "20", "--controller-partition", "short")
    assert "(short, 0-00:20:00)" in controlled(lab, config, *options).text
    second = controlled(lab, config)
    assert second.code in (0, 10), second.text  # the first may hold its locks by then
    (job,) = queued(slurm, "lstluigi_test_prod")
    until(lambda: len(queued(slurm, "test_prod")) > 1, "its jobs")
    ended = cancel(lab, config)
    assert ended.code == 0, ended.text
    assert f"job {job} (running), the run, is ended first" in ended.text
    until(lambda: not queued(slurm, "test_prod"), "all jobs to end")
    assert not list(lab.root.rglob("*.lock"))
    assert "go on in Slurm" in (lab.prod_logs / "logs_test_prod/run_test_prod.log").read_text()


def test_errors_are_told_before_a_job_is_submitted(slurm: SlurmLab, lab: Lab) -> None:
    config = production(lab)
    refused = controlled(lab, config, "--controller-time", "3-00:00:00")
    assert refused.code == 2
    assert "more than partition long allows" in refused.text
    for file in lab.root.glob("test_prod/dl0/*"):
        file.unlink()
    assert controlled(lab, config).code == 2
    assert not queued(slurm, "test_prod")
