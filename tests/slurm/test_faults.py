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

import pytest
from cluster_production import ClusterProduction
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
        item.callspec.params["fault"]
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
def pending_jobs_cancelled(production: ClusterProduction) -> None:
    production.settings["throttle"] = 1
    production.nodes(*[{"a": f"wait {production.go} 4", **MORE}] * 3)
    process = production.start()
    (job,) = production.wait_running()
    array = job.id.partition("_")[0]
    production.slurm.run("scancel", f"{array}_[1-2]")
    production.wait(lambda: len(production.queue()) == 1, "the others to be gone")
    production.wait(lambda: "failed: " in production.said(), "the news")
    production.go.touch()
    run = production.end(process)
    assert run.code == 30
    assert "its job was cancelled" in run.text
    assert len(production.files()) == 20
    production.complete(production.type(), THREE)


@side_by_side
def requeued(production: ClusterProduction) -> None:
    production.nodes({"a": f"wait {production.go} 4", "b": "5"})
    process = production.start()
    (job,) = production.wait_running()
    production.slurm.run("scontrol", "update", f"jobid={job.id}", "requeue=1")
    production.slurm.run("scontrol", "requeue", job.id)
    production.wait(lambda: production.jobs()[0].state == "PENDING", "the job to wait again")
    production.slurm.run("scontrol", "update", f"jobid={job.id}", "StartTime=now")
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
    assert run.code == 30
    assert "Slurm refuses the job: " in run.text
    assert "Invalid account or account/partition combination specified" in run.text
    assert production.files() == set()


@side_by_side
def no_such_qos(production: ClusterProduction) -> None:
    production.nodes({"a": "4"}, extra_slurm_options={"qos": "none"})
    run = production.type()
    assert run.code == 30
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


@side_by_side
def submission_arrives_after_the_run_is_killed(production: ClusterProduction) -> None:
    production.nodes({"a": "sleep 3 4", "b": "5"})
    production.wrap_sbatch('kill -9 $PPID; sleep 8; exec "$sbatch" "$@"')
    assert production.type().code == -9
    production.unwrap_sbatch()
    production.complete(production.type(), AB)
    assert sum(production.starts().values()) == 1


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


@pytest.mark.parametrize("fault", SIDE_BY_SIDE, ids=lambda fault: fault.__name__)
def test_side_by_side(at_work: dict[str, Future[None]], fault: Fault) -> None:
    at_work[fault.__name__].result()
