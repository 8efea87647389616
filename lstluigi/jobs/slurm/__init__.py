"""Jobs on a Slurm cluster."""

from lstluigi.jobs.slurm.backend import SlurmBackend
from lstluigi.jobs.slurm.site import answers

__all__ = ["SlurmBackend", "answers"]
