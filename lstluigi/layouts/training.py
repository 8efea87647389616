"""All-sky productions, one declination line: from training nodes to models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Unpack

from lstluigi.layouts.allsky import CRAB_LINE, PathConfigAllSkyBase
from lstluigi.layouts.base import Step, Where
from lstluigi.layouts.dl0 import TREE, Pointing

__all__ = ["PathConfigAllSkyTraining", "PathConfigAllSkyTrainingWithSplit"]


class PathConfigAllSkyTraining(PathConfigAllSkyBase):
    """From the DL0 of a declination line to models."""

    dataset_type = "TrainingDataset"
    particles = ("GammaDiffuse", "Protons")
    #: Pattern of each particle's DL1 files below its directory of the line.
    patterns: ClassVar[Mapping[str, str]] = {"GammaDiffuse": "*/*.h5", "Protons": "*/*.h5"}

    def __init__(self, prod_id: str, dec: str, **where: Unpack[Where]) -> None:
        super().__init__(prod_id, dec, **where)
        self.training_particles = list(self.particles)
        #: Where DL0 lies; another place may be set.
        self.training_dir = (
            f"{self.root}/{TREE}/TrainingDataset/{{particle}}/{self.dec}"
            "/sim_telarray/{pointing}/output_v1.4/"
        )
        self.stages = ["r0_to_dl1", "merge_dl1", "train_pipe"]

    def load_pointings(self) -> list[Pointing]:
        """Pointings that all training particles have."""
        places = {p: self.r0_dir(p, "{pointing}") for p in self.training_particles}
        return self.dl0.training(self.dec, places)

    def available(self) -> bool:
        """Whether models of the line can be trained at all, as far as it is known beforehand."""
        return True

    def pointing_dirs(self, particle: str) -> list[str]:
        """Names of a particle's nodes."""
        return self.node_names(particle)

    def r0_dir(self, particle: str, pointing: str) -> str:
        """Return the directory of a node's simtel files."""
        place = self.training_dir.replace("{particle}", particle)
        return place.replace("{pointing}", pointing)

    def dl1_dir(self, particle: str, pointing: str) -> str:
        """Return the directory of a node's DL1 files; of all the line's with an empty node."""
        return self.directory("DL1", particle, pointing, self.dec)

    def training_merged_dl1(self, particle: str) -> str:
        """Return the path of the line's merged DL1."""
        name = self.layout.train_file.format(prod_id=self.prod_id, dec=self.dec, particle=particle)
        return f"{self.dl1_dir(particle, '')}/{name}"

    @property
    def merge_dl1(self) -> list[Step]:
        """All nodes of a particle to one file."""
        return [
            {
                "input": self.dl1_dir(particle, ""),
                "output": self.training_merged_dl1(particle),
                "options": f"--pattern {self.patterns[particle]} --no-image",
                "extra_slurm_options": dict(self.layout.merge_slurm),
            }
            for particle in self.training_particles
        ]

    @property
    def train_pipe(self) -> list[Step]:
        """Both merged files to the models of the line."""
        slurm = {
            "partition": "xxl",
            "mem": "160G" if self.dec == CRAB_LINE else "100G",
            "cpus-per-task": 16,
            **self.layout.train_slurm,
        }
        files = {
            "gamma": self.training_merged_dl1("GammaDiffuse"),
            "proton": self.training_merged_dl1("Protons"),
        }
        return [{"input": files, "output": self.models_dir(), "extra_slurm_options": slurm}]


class PathConfigAllSkyTrainingWithSplit(PathConfigAllSkyTraining):
    """The same, half of the diffuse gammas being left for tests."""

    patterns: ClassVar[Mapping[str, str]] = {"GammaDiffuse": "*/*/*.h5", "Protons": "*/*.h5"}

    def __init__(self, prod_id: str, dec: str, **where: Unpack[Where]) -> None:
        super().__init__(prod_id, dec, **where)
        self.layout.require_split()
        self.stages.insert(1, "train_test_split")

    def dl1_diffuse_train_dir(self, pointing: str) -> str:
        """Return the directory of a node's half for training."""
        return f"{self.dl1_dir('GammaDiffuse', pointing)}/train"

    def dl1_diffuse_test_dir(self, pointing: str) -> str:
        """Return the directory of a node's half for tests."""
        node = self.directory("DL1", "GammaDiffuse", pointing, self.dec, "TestingDataset")
        return f"{node}/test"

    @property
    def train_test_split(self) -> list[Step]:
        """The diffuse gammas of every node in two halves."""
        return [
            {
                "input": self.dl1_dir("GammaDiffuse", pointing),
                "output": {
                    "train": self.dl1_diffuse_train_dir(pointing),
                    "test": self.dl1_diffuse_test_dir(pointing),
                },
                "options": {"test_size": 0.5},
            }
            for pointing in self.pointing_dirs("GammaDiffuse")
        ]
