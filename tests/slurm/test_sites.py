"""Clusters that are set up in other ways than most."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cluster_production import MODEST, ClusterProduction
from slurm_lab import SlurmLab

pytestmark = pytest.mark.slurm

Maker = Callable[..., SlurmLab]
Production = Callable[..., ClusterProduction]
FILES = {"dl1/0/dl1_a.h5", "dl1/0/dl1_b.h5"}
#: A site's job_submit plugin that takes only one way to ask for memory.
NO_MEM = """
for word in "$@"; do
    if [[ $word == --mem=* ]]; then
        echo "sbatch: error: ask for memory by --mem-per-cpu here" >&2
        echo "sbatch: error: Batch job submission failed: Unspecified error" >&2
        exit 1
    fi
done
exec "$sbatch" "$@"
"""


@pytest.fixture
def production(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bare_slurm: Maker
) -> Callable[..., ClusterProduction]:
    """A production of two files on a cluster of these settings; the jobs wait for `go`."""

    def make(**settings: object) -> ClusterProduction:
        found = ClusterProduction(tmp_path / "production", bare_slurm(**settings), monkeypatch)
        return found

    return make


Production = Callable[..., ClusterProduction]


def two_files(production: ClusterProduction, wait: bool = False) -> None:
    first = f"wait {production.go} 4" if wait else "4"
    production.nodes({"a": first, "b": "5"})


def test_hidden_partition(production: Production) -> None:
    """Its jobs are followed, found again, known to status, and cancelled."""
    hidden = {"short": "MaxTime=01:00:00", "secret": "MaxTime=01:00:00 Hidden=YES"}
    one = production(partitions=hidden, accounting=True)
    one.settings["options"] = {**MODEST, "partition": "secret"}
    two_files(one, wait=True)
    first = one.start()
    one.wait(lambda: sum(one.starts().values()), "the job to begin")
    first.kill()
    first.wait()
    again = one.start()
    one.wait(lambda: "found again in the queue" in one.said(), "the job to be found again")
    again.kill()
    again.wait()
    known = json.loads(one.look("status", "--json"))["steps"][0]
    assert (known["status"], known["files"]["unknown"]) == ("running", 0)
    assert "would be cancelled" in one.look("cancel", "--dry-run")
    one.go.touch()
    one.complete(one.type(), FILES)
    assert one.sbatch_calls() == 1


def test_no_arrays(production: Production) -> None:
    one = production(max_array=0)
    one.nodes({"a": "4", "b": "5"}, {"a": "4"}, {"a": "4"})
    one.complete(one.type(), {*FILES, "dl1/1/dl1_a.h5", "dl1/2/dl1_a.h5"})


def test_no_arrays_cancelled(production: Production) -> None:
    one = production(max_array=0)
    two_files(one, wait=True)
    process = one.start()
    one.wait_running()
    process.kill()
    process.wait()
    assert "1 job(s) cancelled" in one.look("cancel")
    one.wait(lambda: not one.queue(), "the job to end")


def test_remark_behind_the_id(production: Production) -> None:
    one = production()
    one.wrap_sbatch('"$sbatch" "$@" && echo && echo "*** your project has 3 h left ***"')
    two_files(one)
    one.complete(one.type(), FILES)
    assert one.type("--submit-controller").code == 0
    assert one.sbatch_calls() == 1  # there was nothing to do


def test_remark_behind_the_id_of_a_controller(production: Production) -> None:
    one = production()
    one.wrap_sbatch('"$sbatch" "$@" && echo && echo "*** your project has 3 h left ***"')
    two_files(one)
    run = one.type("--submit-controller", "--controller-partition", "short")
    assert run.code == 0, run.text
    one.wait(lambda: one.files() == FILES, "the products")


def test_memory_for_each_core(production: Production) -> None:
    one = production()
    one.wrap_sbatch(NO_MEM)
    two_files(one)
    run = one.type()
    assert run.code == 30
    assert "ask for memory by --mem-per-cpu here" in run.text
    options = {key: value for key, value in MODEST.items() if key != "mem"}
    one.settings["options"] = {**options, "mem-per-cpu": "450M", "cpus-per-task": 2}
    two_files(one)
    one.complete(one.type(), FILES)


def test_logs_that_no_node_sees(production: Production) -> None:
    """Two nodes are tried, and the directory is named."""
    one = production(nodes=3)
    one.wrap_sbatch('exec "$sbatch" "${@/#--output=*/--output=/nowhere/x}" --error=/nowhere/y')
    two_files(one)
    run = one.type()
    assert run.code == 30, run.text
    assert one.sbatch_calls() == 2
    assert "LSTLUIGI_PROD_LOGS" in run.text
    assert str(one.prod_logs) in run.text
