"""What variables of the environment ask of sbatch."""

from __future__ import annotations

import pytest

from lstluigi.jobs.slurm.wishes import honoured, unused


def test_who_pays_and_where_is_taken() -> None:
    environment = {"SBATCH_ACCOUNT": "lst", "SBATCH_QOS": "", "SBATCH_TIMELIMIT": "3:00"}
    assert honoured(environment) == {"account": "lst"}


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("SBATCH_PARTITION", "partition"),
        ("SBATCH_TIMELIMIT", "time"),
        ("SBATCH_MEM_PER_NODE", "mem"),
        ("SBATCH_MEM_PER_CPU", "mem-per-cpu"),
        ("SBATCH_GPUS_PER_NODE", "gpus-per-node"),
        ("SBATCH_OUTPUT", ""),
        ("SBATCH_CLUSTERS", ""),
        ("SLURM_CLUSTERS", ""),
        ("SBATCH_SOMETHING_NEW", "something-new"),
    ],
)
def test_the_others_are_named(name: str, option: str) -> None:
    """With what to write in their place, where lstluigi does not set it itself."""
    (sentence,) = unused({"SBATCH_ACCOUNT": "lst", "SBATCH_DEBUG": "1", name: "x", "HOME": "/"})
    assert f"{name}=x" in sentence
    assert (f"{{{option}: x}}" in sentence) == bool(option)


def test_a_job_has_variables_that_nobody_asked_for() -> None:
    assert (
        unused({"SLURM_JOB_ID": "1", "SLURM_HINT": "nomultithread", "SLURM_CPUS_PER_TASK": "1"})
        == []
    )
