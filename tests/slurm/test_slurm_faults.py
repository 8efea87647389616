"""Everything that clusters do to productions, done to them on real Slurm.

Whatever happens: no job is lost, none is done twice, no half product is at its place, and what the
user reads is a sentence (`ClusterProduction.end` asserts the last three for every run).

Faults that concern one production alone are provoked side by side, from the start of this module
on; those that concern the whole cluster have clusters of their own meanwhile.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from cluster_production import ClusterProduction
from lab import FULL, full
from slurm_files import PARTITIONS
from slurm_lab import SlurmLab

pytestmark = pytest.mark.slurm

Fault = Callable[[ClusterProduction], None]
Maker = Callable[..., SlurmLab]
SIDE_BY_SIDE: list[Fault] = []
AB = {"dl1/0/dl1_a.h5", "dl1/0/dl1_b.h5"}
#: A chunk holds twenty files, so that nodes of twenty make an array.
MORE = {f"b{number:02}": "1" for number in range(19)}
THREE = {f"dl1/{n}/dl1_{name}.h5" for n in range(3) for name in ("a", *MORE)}


def side_by_side(fault: Fault) -> Fault:
    """A fault that concerns nobody else on the cluster."""
    SIDE_BY_SIDE.append(fault)
    return fault


@pytest.fixture(scope="module")
def crowded(slurm_here: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmLab]:
    """A cluster with room for all of them at once."""
    top = tmp_path_factory.mktemp("crowded")
    with SlurmLab(top / "slurm", nodes=3, cpus=32, memory_mb=64000) as lab:
        yield lab


@pytest.fixture(scope="module", autouse=True)
def at_work(
    request: pytest.FixtureRequest, crowded: SlurmLab, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[None]]]:
    """The chosen faults, all under way."""
    chosen = [
        item.callspec.params.get("fault")
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
    ]
    top = tmp_path_factory.mktemp("faults")
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(len(SIDE_BY_SIDE)) as pool:
        futures = {}
        for fault in (fault for fault in SIDE_BY_SIDE if fault in chosen):
            production = ClusterProduction(top / fault.__name__, crowded, patch)
            futures[fault.__name__] = pool.submit(fault, production)
        yield futures


# ---- a command, a job


@side_by_side
def exit_1(production: ClusterProduction) -> None:
    production.nodes({"a": "4", "b": "truncated"})
    run = production.type()
    assert run.code == 30
    assert (
        "1 of 2 files failed, first b.simtel.gz: lstchain_mc_r0_to_dl1 ended with exit code 1"
        in run.text
    )
    assert production.files() == {"dl1/0/dl1_a.h5"}
    assert production.attempts("a") == 1
    assert production.attempts("b") == 2, "once more, then it is the data's fault"


@side_by_side
def killed_by_a_signal(production: ClusterProduction) -> None:
    production.settings["retries"] = {"out_of_memory": 1}
    production.nodes({"a": "4", "b": "crash"})
    run = production.type()
    assert run.code == 30
    assert "1 of 2 files failed, first b.simtel.gz: killed by SIGKILL" in run.text
    assert production.files() == {"dl1/0/dl1_a.h5"}
    assert production.attempts("b") == 2


@side_by_side
def job_killed_by_a_signal(production: ClusterProduction) -> None:
    production.nodes({"a": f"wait {production.go} 4", "b": "5"})
    process = production.start()
    production.wait(production.runners, "the runner to begin")
    os.kill(*production.runners(), signal.SIGKILL)
    production.wait(lambda: "once more" in production.said(), "another try")
    production.go.touch()
    run = production.end(process)
    production.complete(run, AB)
    assert "its job was killed, most likely for memory" in run.text


@side_by_side
def too_much_memory(production: ClusterProduction) -> None:
    production.nodes({"a": "hold 300 4 4", "b": "5"}, extra_slurm_options={"mem": "250M"})
    run = production.type()
    production.complete(run, AB)
    assert re.search(r"once more: .*more memory than it had", run.text)


@side_by_side
def too_much_time(production: ClusterProduction) -> None:
    production.nodes({"a": f"wait {production.go} 4", "b": "5"}, extra_slurm_options={"time": "1"})
    process = production.start()
    (job,) = production.wait_running()
    production.slurm.time_out(job.id)
    production.wait(lambda: "reached its time limit" in production.said(), "the time limit")
    production.go.touch()
    production.complete(production.end(process), AB)


@side_by_side
def running_job_cancelled(production: ClusterProduction) -> None:
    production.nodes(*[{"a": f"wait {production.go} 4", **MORE}] * 3)
    process = production.start()
    jobs = production.wait_running(3)
    production.slurm.run("scancel", jobs[1].id)
    production.wait(lambda: "was cancelled" in production.said(), "the news")
    production.go.touch()
    run = production.end(process)
    assert run.code == 30
    assert "its job was cancelled" in run.text
    assert len(production.files()) == 40
    production.complete(production.type(), THREE)


@side_by_side
def one_of_the_pending_cancelled(production: ClusterProduction) -> None:
    production.settings["throttle"] = 1
    production.nodes(*[{"a": f"wait {production.go} 4", **MORE}] * 3)
    process = production.start()
    (job,) = production.wait_running()
    array = job.id.partition("_")[0]
    production.slurm.run("scancel", f"{array}_[1]")  # vanishes from squeue, sacct and scontrol
    production.wait(
        lambda: "its job was cancelled before it began" in production.said(), "the news"
    )
    production.go.touch()
    run = production.end(process)
    assert run.code == 30
    assert "once more" not in run.text
    assert len(production.files()) == 40
    production.complete(production.type(), THREE)


@side_by_side
def all_pending_cancelled(production: ClusterProduction) -> None:
    production.settings["throttle"] = 1
    production.nodes(*[{"a": f"wait {production.go} 4", **MORE}] * 3)
    process = production.start()
    (job,) = production.wait_running()
    array = job.id.partition("_")[0]
    production.slurm.run("scancel", f"{array}_[1-2]")
    production.wait(lambda: "its job was cancelled" in production.said(), "the news")
    production.go.touch()
    run = production.end(process)
    assert run.code == 30
    assert "once more" not in run.text
    assert len(production.files()) == 20
    production.complete(production.type(), THREE)


@side_by_side
def all_cancelled_before_they_begin(production: ClusterProduction) -> None:
    production.nodes({"a": "4", "b": "5"}, extra_slurm_options={"begin": "now+1hour"})
    process = production.start()
    production.wait(production.jobs, "the job to be there")
    production.slurm.run("scancel", production.jobs()[0].id.partition("_")[0])
    run = production.end(process)
    assert run.code == 30
    assert "its job was cancelled" in run.text
    assert production.sbatch_calls() == 1


@side_by_side
def requeued(production: ClusterProduction) -> None:
    production.nodes({"a": f"wait {production.go} 4", "b": "5"})
    process = production.start()
    (job,) = production.wait_running()
    production.slurm.run("scontrol", "update", f"jobid={job.id}", "requeue=1")
    production.slurm.run("scontrol", "requeue", job.id)
    production.wait(lambda: production.jobs()[0].state == "PENDING", "the job to wait again")
    # Slurm's own delay is two minutes; a node refuses what it is still killing
    production.slurm.run("scontrol", "update", f"jobid={job.id}", "StartTime=now+5")
    production.go.touch()
    run = production.end(process)
    production.complete(run, AB)
    assert "once more" not in run.text


@side_by_side
def environment_fails(production: ClusterProduction) -> None:
    production.nodes({"a": "4"})
    production.source.write_text("false\n")
    run = production.type()
    assert run.code == 30
    assert f"this failed in the job's environment: source {production.source}" in run.text
    assert production.files() == set()


# ---- refusals


@side_by_side
def no_such_partition(production: ClusterProduction) -> None:
    production.nodes({"a": "4"}, extra_slurm_options={"partition": "none"})
    run = production.type()
    assert run.code == 2
    assert "partition 'none' does not exist here (there are: long, short, xxl)" in run.text
    assert "extra_slurm_options" in run.text


@side_by_side
def no_such_account(production: ClusterProduction) -> None:
    production.settings["user_account"] = "nobody"
    production.nodes({"a": "4"})
    run = production.type()
    assert run.code == 2  # before anything is submitted
    assert "Invalid account or account/partition combination specified" in run.text
    assert production.files() == set()


@side_by_side
def no_such_qos(production: ClusterProduction) -> None:
    production.nodes({"a": "4"}, extra_slurm_options={"qos": "none"})
    run = production.type()
    assert run.code == 2
    assert "Invalid qos specification" in run.text
    assert "extra_slurm_options" in run.text


# ---- the run itself is killed


@side_by_side
def run_killed_before_sbatch(production: ClusterProduction) -> None:
    production.nodes({"a": "4", "b": "5"})
    production.wrap_sbatch("kill -9 $PPID")
    assert production.type().code == -9
    production.unwrap_sbatch()
    production.complete(production.type(), AB)
    assert sum(production.starts().values()) == 1


@side_by_side
def run_killed_before_its_ledger_knows(production: ClusterProduction) -> None:
    production.nodes({"a": f"wait {production.go} 4", "b": "5"})
    production.wrap_sbatch('"$sbatch" "$@"; kill -9 $PPID')
    assert production.type().code == -9
    production.unwrap_sbatch()
    process = production.start()
    production.wait(lambda: "found again in the queue" in production.said(), "the job to be found")
    production.go.touch()
    production.complete(production.end(process), AB)
    assert sum(production.starts().values()) == 1


#: Takes the script, and submits it when the run that gave it has been dead for a while.
LATE = 'script="$(cat)"; kill -9 $PPID; sleep 8; exec "$sbatch" "$@" <<< "$script"'


@side_by_side
def submission_arrives_after_the_run_is_killed(production: ClusterProduction) -> None:
    production.nodes({"a": f"wait {production.go} 4", "b": "5"})
    arrive = production.go.with_name("arrive")
    production.wrap_sbatch(LATE.replace("sleep 8", f"until [ -e {arrive} ]; do sleep 0.2; done"))
    assert production.type().code == -9
    production.unwrap_sbatch()
    process = production.start()
    production.wait(lambda: "may still arrive" in production.said(), "the run to look for it")
    arrive.touch()
    production.wait(lambda: "found again in the queue" in production.said(), "the job to be found")
    production.go.touch()
    production.complete(production.end(process), AB)
    assert production.sbatch_calls() == 1


@side_by_side
def submission_arrives_and_ends_while_nobody_looks(production: ClusterProduction) -> None:
    production.nodes({"a": "4", "b": "5"})
    production.wrap_sbatch(LATE)
    assert production.type().code == -9
    production.unwrap_sbatch()
    production.complete(production.type(), AB)
    assert production.attempts("a") == production.attempts("b") == 1


@side_by_side
def run_killed_while_jobs_run(production: ClusterProduction) -> None:
    production.nodes(*[{"a": f"wait {production.go} 4", **MORE}] * 3)
    process = production.start()
    production.wait_running(3)
    process.send_signal(signal.SIGKILL)
    assert production.end(process).code == -9
    process = production.start()
    production.wait(lambda: "found again in the queue" in production.said(), "the jobs to be found")
    production.go.touch()
    production.complete(production.end(process), THREE)
    assert sum(production.starts().values()) == 3


@side_by_side
def run_killed_after_each_submission(production: ClusterProduction) -> None:
    full(production)

    def submitted() -> int:
        return sum(event["event"] == "submitted" for event in production.ledger())

    for _ in range(4):
        before = submitted()
        process = production.start()
        production.wait(lambda before=before: submitted() > before, "a submission")
        process.send_signal(signal.SIGKILL)
        assert production.end(process).code == -9
    split = {"dl1/split/train/dl1_a.h5", "dl1/split/test/dl1_b.h5"}
    production.complete(production.type(), FULL | split)


@side_by_side
def jobs_end_while_nobody_follows(production: ClusterProduction) -> None:
    first = ("4", f"wait {production.go} 4", f"wait {production.go} truncated")
    production.nodes(*[{"a": content, **MORE} for content in first])
    process = production.start()
    production.wait_running(3)
    process.send_signal(signal.SIGKILL)
    production.end(process)
    production.go.touch()
    production.wait(lambda: not production.queue(), "the jobs to end")
    production.simtel("dl0/2", a="4")
    production.complete(production.type(), THREE)
    assert production.attempts("a") == 4


# ---- the whole cluster


@pytest.fixture(scope="module")
def shared_rough(slurm_here: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmLab]:
    """A cluster of two nodes: urgent jobs preempt, and a file `refuse-NODE` keeps jobs off it."""
    top = tmp_path_factory.mktemp("rough")
    prolog = top / "prolog"
    prolog.write_text(f'#!/bin/sh\n[ ! -e "{top}/refuse-$SLURMD_NODENAME" ]\n')
    prolog.chmod(0o755)
    options = {"Prolog": str(prolog), "PreemptMode": "REQUEUE"}
    options |= {"PreemptType": "preempt/partition_prio"}
    partitions = {**PARTITIONS, "urgent": "PriorityTier=10"}
    lab = SlurmLab(top / "slurm", min_job_age=5, options=options, partitions=partitions)
    with lab:
        yield lab


@pytest.fixture
def rough(shared_rough: SlurmLab) -> Iterator[SlurmLab]:
    """The same, put in order after the test."""
    yield shared_rough
    for path in shared_rough.directory.parent.glob("refuse-*"):
        path.unlink()
        node = path.name.removeprefix("refuse-")
        shared_rough.run("scontrol", "update", f"nodename={node}", "state=resume")
    shared_rough.reset()


@pytest.fixture
def make(
    rough: SlurmLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], ClusterProduction]:
    """A production on it, by its name."""
    return lambda name: ClusterProduction(tmp_path / name, rough, monkeypatch)


Make = Callable[[str], ClusterProduction]


def _one_polls_one_submits(make: Make) -> tuple[ClusterProduction, ClusterProduction]:
    """Two productions under way: the jobs of one run, the other waits before its sbatch."""
    polls, submits = make("polls"), make("submits")
    polls.nodes(*[{"a": f"wait {polls.go} 4", **MORE}] * 3)
    submits.nodes({"a": "4", "b": "5"})
    submits.gate_sbatch()
    return polls, submits


def test_controller_restarted(rough: SlurmLab, make: Make) -> None:
    production = make("production")
    production.nodes({"a": f"wait {production.go} 4", "b": "5"})
    process = production.start()
    production.wait_running()
    rough.stop("slurmctld")
    rough.start("slurmctld")
    production.go.touch()
    production.complete(production.end(process), AB)
    assert sum(production.starts().values()) == 1


@pytest.mark.slow
def test_controller_killed_while_one_run_polls_and_another_submits(
    rough: SlurmLab, make: Make
) -> None:
    polls, submits = _one_polls_one_submits(make)
    runs = [polls.start(), submits.start()]
    job, *_ = polls.wait_running(3)
    submits.wait_at_gate()
    rough.wait_saved(job.id)
    rough.kill("slurmctld")
    submits.go.touch()
    submits.wait(lambda: "no answer from Slurm" in submits.said(), "the run to notice")
    assert "Unable to contact slurm controller" in submits.said()
    polls.go.touch()
    rough.start("slurmctld")
    polls.complete(polls.end(runs[0]), THREE)
    submits.complete(submits.end(runs[1]), AB)
    assert sum(polls.starts().values()) == 3
    assert sum(submits.starts().values()) == 1


def test_controller_hangs_and_a_submission_arrives_that_timed_out(
    rough: SlurmLab, make: Make
) -> None:
    polls, submits = _one_polls_one_submits(make)
    runs = [polls.start(), submits.start()]
    polls.wait_running(3)
    submits.wait_at_gate()
    rough.freeze("slurmctld")
    submits.go.touch()
    submits.wait(lambda: "no answer from Slurm" in submits.said(), "the run to notice")
    assert "timed out" in submits.said()
    polls.go.touch()
    rough.thaw("slurmctld")
    submits.complete(submits.end(runs[1]), AB)
    polls.complete(polls.end(runs[0]), THREE)
    assert sum(polls.starts().values()) == 3
    assert submits.sbatch_calls() == 1, "the job was there, though sbatch had no answer"
    assert sum(submits.starts().values()) == 1


def test_controller_down_at_the_start(rough: SlurmLab, make: Make) -> None:
    production = make("production")
    production.nodes({"a": "4"})
    rough.stop("slurmctld")
    run = production.type()
    assert run.code == 2
    assert "Slurm does not answer" in run.text
    assert production.files() == set()


def test_accounting_down(rough: SlurmLab, make: Make) -> None:
    during, before = make("during"), make("before")
    during.nodes({"a": f"wait {during.go} 4", "b": "5"})
    run = during.start()
    during.wait_running()
    rough.kill("slurmdbd")
    before.nodes({"a": "4", "b": "5"})
    before.complete(before.type(), AB)
    during.go.touch()
    during.complete(during.end(run), AB)
    assert sum(during.starts().values()) == 1


def test_node_declared_down(rough: SlurmLab, make: Make) -> None:
    production = make("production")
    production.nodes({"a": f"wait {production.go} 4", "b": "5"})
    process = production.start()
    (job,) = production.wait_running()
    rough.fail_node(job.node)
    production.wait(lambda: "once more" in production.said(), "another try")
    production.go.touch()
    run = production.end(process)
    production.complete(run, AB)
    assert "the node failed under its job" in run.text


@pytest.mark.slow
def test_node_dies(rough: SlurmLab, make: Make) -> None:
    production = make("production")
    production.nodes({"a": f"wait {production.go} 4", "b": "5"})
    process = production.start()
    (job,) = production.wait_running()
    rough.kill_node(job.node)
    production.wait(lambda: "once more" in production.said(), "another try")
    production.go.touch()
    run = production.end(process)
    production.complete(run, AB)
    assert "the node failed under its job" in run.text


def test_launch_fails(rough: SlurmLab, make: Make) -> None:
    (rough.directory.parent / "refuse-n1").touch()
    production = make("production")
    production.nodes({"a": "4", "b": "5"})
    run = production.type()
    production.complete(run, AB)
    assert "its job could not be started" in run.text
    assert sum(production.starts().values()) == 1


def test_a_node_without_the_commands_costs_no_file(rough: SlurmLab, make: Make) -> None:
    """Its Python is broken: it took every try, and sound files were dropped for ever."""
    production = make("production")
    with production.source.open("a") as stream:
        stream.write('[ "$SLURMD_NODENAME" != n1 ] || export PYTHONPATH=/nowhere\n')
    production.nodes(dict.fromkeys("abcd", "4"), max_failed_fraction=0.9)
    run = production.type()
    production.complete(run, {f"dl1/0/dl1_{name}.h5" for name in "abcd"})
    assert "goes on without" not in run.text


def test_preempted(rough: SlurmLab, make: Make) -> None:
    production = make("production")
    production.nodes({"a": f"wait {production.go} 4", "b": "5"})
    process = production.start()
    production.wait_running()
    rough.submit("sleep 2", "-p", "urgent", "-N2", "--exclusive")
    production.wait(lambda: "once more" in production.said(), "another try")
    production.go.touch()
    run = production.end(process)
    production.complete(run, AB)
    assert "Slurm preempted the job" in run.text


# ---- limits


def test_as_many_jobs_as_the_account_may_have(rough: SlurmLab, make: Make) -> None:
    rough.set_max_submit(2)
    production = make("production")
    production.nodes(*[{"a": "4", **MORE}] * 3)
    production.complete(production.type(), THREE)
    assert production.sbatch_calls() == 2


def test_queue_is_full_of_jobs_of_others(rough: SlurmLab, make: Make) -> None:
    rough.set_max_submit(2)
    others = [rough.submit("sleep 1000") for _ in range(2)]
    production = make("production")
    production.nodes({"a": "4", "b": "5"})
    process = production.start()
    production.wait(lambda: "Slurm takes no more jobs for now" in production.said(), "the news")
    rough.run("scancel", *others)
    production.complete(production.end(process), AB)


def test_limit_that_was_not_to_be_seen(rough: SlurmLab, make: Make) -> None:
    production = make("production")
    production.nodes(*[{"a": "4", **MORE}] * 3)
    production.gate_sbatch()
    process = production.start()
    production.wait_at_gate()
    rough.set_max_submit(2)
    production.go.touch()
    run = production.end(process)
    assert run.code == 30
    assert "job submit limit" in run.text
    assert "max_jobs" in run.text
    assert production.files() == set()


def test_small_arrays_and_no_accounting(
    bare_slurm: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm = bare_slurm(max_array=4, cpus=8)
    production = ClusterProduction(tmp_path / "production", slurm, monkeypatch)
    production.nodes(*[{"a": "4", **MORE}] * 5)
    files = {f"dl1/{n}/dl1_{name}.h5" for n in range(5) for name in ("a", *MORE)}
    production.complete(production.type(), files)
    assert production.sbatch_calls() == 2


@pytest.mark.slow
def test_job_of_which_nobody_knows_any_more(
    bare_slurm: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm = bare_slurm(min_job_age=2)
    production = ClusterProduction(tmp_path / "production", slurm, monkeypatch)
    production.nodes({"a": f"wait {production.go} 4", "b": "5"})
    process = production.start()
    (job,) = production.wait_running()
    process.send_signal(signal.SIGSTOP)  # as if it asked every few minutes
    slurm.run("scancel", job.id)
    production.wait(lambda: not production.jobs(), "Slurm to forget the job")
    process.send_signal(signal.SIGCONT)
    production.go.touch()
    run = production.end(process)
    production.complete(run, AB)
    assert "Slurm knows nothing of its job any more" in run.text


def test_out_of_memory_as_the_kernel_sees_it(
    bare_slurm: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm = bare_slurm(cgroup=True, nodes=1)
    production = ClusterProduction(tmp_path / "production", slurm, monkeypatch)
    production.nodes({"a": "hold 300 1 4", "b": "5"}, extra_slurm_options={"mem": "250M"})
    run = production.type()
    production.complete(run, AB)
    assert "once more" in run.text
    assert "memory" in run.text


@pytest.mark.parametrize("fault", SIDE_BY_SIDE, ids=lambda fault: fault.__name__)
def test_side_by_side(at_work: dict[str, Future[None]], fault: Fault) -> None:
    at_work[fault.__name__].result()
