"""States of Slurm, by its documentation."""

from __future__ import annotations

import pytest

from lstluigi.jobs.slurm import states
from lstluigi.jobs.states import Cause, JobState

#: squeue(1), JOB STATE CODES, and sacct(1), Slurm 22.05; the states and flags of slurm.h that later
#: versions print by name.
WAITING = "PENDING CONFIGURING REQUEUED REQUEUE_HOLD REQUEUE_FED RESV_DEL_HOLD"
ACTIVE = "RUNNING COMPLETING RESIZING SIGNALING STAGE_OUT STOPPED SUSPENDED POWER_UP_NODE UPDATE_DB"
BAD = {
    "BOOT_FAIL": Cause.NODE,
    "CANCELLED": Cause.CANCELLED,
    "DEADLINE": Cause.FINAL,
    "FAILED": Cause.COMMAND,
    "LAUNCH_FAILED": Cause.LAUNCH,
    "NODE_FAIL": Cause.NODE,
    "OUT_OF_MEMORY": Cause.MEMORY,
    "PREEMPTED": Cause.PREEMPTED,
    "RECONFIG_FAIL": Cause.NODE,
    "REVOKED": Cause.PREEMPTED,
    "SPECIAL_EXIT": Cause.FINAL,
    "TIMEOUT": Cause.TIME,
}


@pytest.mark.parametrize("word", WAITING.split())
def test_waiting(word: str) -> None:
    assert states.status(word, "Priority").state is JobState.PENDING


@pytest.mark.parametrize("word", ACTIVE.split())
def test_active(word: str) -> None:
    assert states.status(word, "None", "n1").state is JobState.RUNNING


@pytest.mark.parametrize(("word", "cause"), BAD.items())
def test_ended_badly(word: str, cause: Cause) -> None:
    status = states.status(word, "", "n1")
    assert (status.state, status.cause, status.host) == (JobState.FAILED, cause, "n1")
    assert status.reason


def test_ended_well() -> None:
    assert states.status("COMPLETED").state is JobState.SUCCEEDED


def test_who_cancelled_is_told() -> None:
    status = states.status("CANCELLED by 1000")
    assert status.cause is Cause.CANCELLED
    assert "by 1000" in status.reason


@pytest.mark.parametrize("word", ["", "EXPEDITING", "0", "running", "N/A"])
def test_a_state_of_the_future_is_no_end(word: str) -> None:
    status = states.status(word)
    assert status.state is JobState.UNKNOWN
    assert repr(word.partition(" ")[0]) in status.reason


@pytest.mark.parametrize(
    "reason",
    [
        "launch failed requeued held",
        "(launch failed requeued held)",
        "launch_failed_requeued_held",
        "user env retrieval failed requeued held",
    ],
)
def test_a_failed_launch_is_held(reason: str) -> None:
    status = states.status("PENDING", reason)
    assert (status.state, status.cause) == (JobState.PENDING, Cause.LAUNCH)


def test_other_holds_are_no_failed_launch() -> None:
    assert states.status("PENDING", "JobHeldUser").cause is not Cause.LAUNCH


@pytest.mark.parametrize(
    "reason",
    [
        "PartitionConfig",
        "PartitionNodeLimit",
        "(PartitionDown)",
        "DependencyNeverSatisfied",
        "AssocGrpMemLimit",
        "QOSMaxCpuPerJobLimit",
        "QOSMaxWallDurationPerJobLimit",
        "JobHeldUser",
        "JobHoldMaxRequeue",
    ],
)
def test_what_waits_for_a_person(reason: str) -> None:
    assert states.stuck(reason)


@pytest.mark.parametrize(
    "reason",
    [
        *("Priority", "Resources", "None", "", "BeginTime", "JobArrayTaskLimit"),
        *("AssocMaxJobsLimit", "QOSMaxJobsPerUserLimit", "ReqNodeNotAvail, UnavailableNodes:n1"),
    ],
)
def test_what_starts_by_itself(reason: str) -> None:
    assert states.stuck(reason) == ""
