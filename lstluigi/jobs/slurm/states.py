"""Every state that Slurm has, and what it means for a job that is not requeued.

Names are those of squeue's and sacct's long form (slurm.h, `enum job_states` and its flags,
Slurm 22.05 to 24.11). Figures of how jobs end were measured with 22.05.8.
"""

from __future__ import annotations

from lstluigi.jobs.states import Cause, JobState, JobStatus

PENDING = frozenset(
    {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED"} | {"RESV_DEL_HOLD"}
)
RUNNING = frozenset(
    {"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"}
    | {"POWER_UP_NODE", "UPDATE_DB"}
)
#: How a job can end: what it is told as, and the cause.
ENDED = {
    "COMPLETED": (JobState.SUCCEEDED, "", Cause.COMMAND),
    "FAILED": (JobState.FAILED, "its job failed", Cause.COMMAND),
    "TIMEOUT": (JobState.FAILED, "its job reached its time limit", Cause.TIME),
    "DEADLINE": (JobState.FAILED, "its job was ended at its deadline", Cause.FINAL),
    "OUT_OF_MEMORY": (JobState.FAILED, "its job needed more memory than it had", Cause.MEMORY),
    "NODE_FAIL": (JobState.FAILED, "the node failed under its job", Cause.NODE),
    "BOOT_FAIL": (JobState.FAILED, "the node of its job did not start", Cause.NODE),
    "LAUNCH_FAILED": (JobState.FAILED, "its job could not be started on the node", Cause.LAUNCH),
    "RECONFIG_FAIL": (JobState.FAILED, "the node of its job was not set up", Cause.NODE),
    "PREEMPTED": (JobState.FAILED, "Slurm preempted the job", Cause.PREEMPTED),
    "REVOKED": (JobState.FAILED, "its job was taken away by another cluster", Cause.PREEMPTED),
    "CANCELLED": (JobState.FAILED, "its job was cancelled", Cause.CANCELLED),
    "SPECIAL_EXIT": (JobState.FAILED, "its job was held with a special exit", Cause.FINAL),
}
#: End of the reason of a job that is held after a launch that failed: it will not start by itself.
REQUEUED_HELD = "requeued held"
#: Reasons for which a pending job waits until a person does something.
STUCK = {
    "PartitionConfig": "it asks for more than its partition has",
    "PartitionNodeLimit": "it asks for more nodes than its partition has",
    "PartitionTimeLimit": "it asks for more time than its partition allows",
    "PartitionDown": "its partition is down",
    "PartitionInactive": "its partition is inactive",
    "BadConstraints": "no node fulfils its constraints",
    "DependencyNeverSatisfied": "it depends on a job that failed",
    "JobHeldUser": "it is held (scontrol release starts it)",
    "JobHoldMaxRequeue": "it was requeued too often (scontrol release starts it)",
    "JobHeldAdmin": "an administrator holds it",
    "InvalidAccount": "its account is not valid",
    "InvalidQOS": "its QOS is not valid",
    "QOSNotAllowed": "its partition does not allow its QOS",
    "AccountNotAllowed": "its partition does not allow its account",
}
#: The same for limits of an account or a QOS that a single job exceeds by itself.
STUCK_SUFFIX = (
    "MemLimit",
    "MaxMemPerJob",
    "MaxCpuPerJobLimit",
    "MaxWallDurationPerJobLimit",
)


def status(word: str, reason: str = "", host: str = "") -> JobStatus:
    """What a state of squeue or sacct says; UNKNOWN for one that is not in the table.

    Parameters
    ----------
    word
        E.g. ``RUNNING`` or ``CANCELLED by 1000``.
    """
    name, _, rest = word.partition(" ")
    if name in PENDING:
        plain = reason.strip("()").replace("_", " ")  # written either way
        if plain.endswith(REQUEUED_HELD):
            return JobStatus(JobState.PENDING, plain, Cause.LAUNCH, host)
        return JobStatus(JobState.PENDING, reason, host=host)
    if name in RUNNING:
        return JobStatus(JobState.RUNNING, host=host)
    if name not in ENDED:
        reason = f"state {name!r} of Slurm is not known to lstluigi"
        return JobStatus(JobState.UNKNOWN, reason, host=host)
    state, told, cause = ENDED[name]
    if cause is Cause.CANCELLED and rest:
        told = f"{told} ({rest})"
    return JobStatus(state, told, cause, host)


#: Reasons for which jobs wait everywhere, and the one by which our own throttle holds them.
USUAL = ("Priority", "Resources", "None", "JobArrayTaskLimit", "")


def goes_on(word: str) -> bool:
    """Is a job in this state waiting or running, and not about to end?"""
    name = word.partition(" ")[0]
    return name in PENDING or (name in RUNNING and name != "COMPLETING")


def is_remarkable(reason: str) -> bool:
    """Should a person know of this reason, if jobs wait long for it?"""
    return reason.strip("()") not in USUAL


def waits_for(reason: str) -> str:
    """What is told of a job that has waited long for a reason, in words as far as it is known."""
    if known := stuck(reason):
        return known
    return (
        f"Slurm lets it wait because of {reason.strip('()')}; if that does not end by itself, "
        "ask the administrator of the cluster"
    )


def stuck(reason: str) -> str:
    """Why a pending job will not start by itself, in words; empty if it will."""
    plain = reason.strip("()")
    if plain in STUCK:
        return STUCK[plain]
    if plain.startswith(("Assoc", "QOS")) and plain.endswith(STUCK_SUFFIX):
        return "a limit of its account or QOS holds it back"
    return ""
