"""What a user wants of sbatch by variables of the environment: honoured, or named as not used."""

from __future__ import annotations

from collections.abc import Mapping

from lstluigi.jobspec import is_own_option

#: Who pays for jobs and which nodes they may have: taken where the config does not say it.
HONOURED = {
    "SBATCH_ACCOUNT": "account",
    "SBATCH_CONSTRAINT": "constraint",
    "SBATCH_QOS": "qos",
    "SBATCH_RESERVATION": "reservation",
    "SBATCH_WCKEY": "wckey",
}
#: Other input variables of sbatch(1), Slurm 22.05 to 24.11, whose names are not the option's.
OPTIONS = {
    "SBATCH_ARRAY_INX": "array",
    "SBATCH_DEBUG": "verbose",
    "SBATCH_MEM_PER_NODE": "mem",
    "SBATCH_REQ_SWITCH": "switches",
    "SBATCH_TIMELIMIT": "time",
    "SBATCH_WAIT4SWITCH": "switches",
    "SLURM_CLUSTERS": "clusters",
    "SLURM_HINT": "hint",
}
#: They change what sbatch prints, not what jobs ask for.
HARMLESS = ("SBATCH_DEBUG", "SBATCH_IGNORE_PBS")


def honoured(environment: Mapping[str, str]) -> dict[str, str]:
    """Options of sbatch that variables ask for, and that the config may replace."""
    return {option: environment[name] for name, option in HONOURED.items() if environment.get(name)}


def unused(environment: Mapping[str, str]) -> list[str]:
    """A sentence for each variable that asks for something and changes nothing here."""
    inside = "SLURM_JOB_ID" in environment  # then Slurm has set SLURM_HINT and others itself
    sentences = []
    for name, value in sorted(environment.items()):
        known = name.startswith("SBATCH_") or (name in OPTIONS and not inside)
        if not known or not value or name in HONOURED or name in HARMLESS:
            continue
        option = OPTIONS.get(name, name.removeprefix("SBATCH_").lower().replace("_", "-"))
        if option == "clusters":
            do = "jobs go to the cluster of this machine; run lstluigi on one of the other cluster"
        elif is_own_option(option):
            do = "lstluigi sets this option of its jobs itself"
        else:
            do = f"write `options: {{{option}: {value}}}` below slurm_config if you want it"
        sentences.append(f"{name}={value} in the environment is not used: {do}")
    return sentences
