"""All-sky productions (LSTProd2), one declination line: training, testing, split diffuse gammas."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Unpack

from lstluigi.layouts.base import PathConfig, Step, Where, checked_name
from lstluigi.layouts.dl0 import TREE, Pointing

__all__ = [
    "PathConfigAllSkyBase",
    "PathConfigAllSkyTesting",
    "PathConfigAllSkyTestingGammaDiffuse",
    "PathConfigAllSkyTraining",
    "PathConfigAllSkyTrainingWithSplit",
]

#: The line of the Crab Nebula, which has the most events: its models take more memory.
CRAB_LINE = "dec_2276"


class PathConfigAllSkyBase(PathConfig):
    """What the data sets of a declination line have in common.

    Parameters
    ----------
    prod_id : str
        Name of the production.
    dec : str
        Training declination line, such as ``dec_2276``.
    **where
        `root`, `nodes` and `layout`, as for `PathConfig`.
    """

    #: Data set in the trees from DL1 on.
    dataset_type = ""
    #: Particles whose nodes lie in it.
    particles: Sequence[str] = ()

    def __init__(self, prod_id: str, dec: str, **where: Unpack[Where]) -> None:
        super().__init__(prod_id, **where)
        self.dec = checked_name(dec, "declination")

    # nodes

    @cached_property
    def pointings(self) -> list[Pointing]:
        """Pointings of the config, each with the node of every particle; may be set."""
        return self.load_pointings()

    def load_pointings(self) -> list[Pointing]:
        """Look the pointings up."""
        raise NotImplementedError

    def node_names(self, particle: str) -> list[str]:
        """Names of the nodes of a particle, in the order of the pointings."""
        return [pointing[particle].name for pointing in self.pointings]

    def sample(self, particle: str, pointing: str) -> tuple[str, ...]:
        """Return what `r0_dir` and `dl1_dir` take for a node of a particle."""
        return particle, pointing

    def samples(self) -> Iterator[tuple[str, ...]]:
        """Yield the same for every node of every particle."""
        for particle in self.particles:
            for pointing in self.node_names(particle):
                yield self.sample(particle, pointing)

    # places

    def directory(
        self, level: str, particle: str, pointing: str, dec: str, dataset: str = ""
    ) -> str:
        """Return a directory of the production at a data level (DL1, DL2, IRF)."""
        inner = self.layout.directories[dataset or self.dataset_type].format(
            particle=particle, pointing=pointing, dec=dec
        )
        return os.path.normpath(f"{self.root}/mc/{level}/AllSky/{self.prod_id}/{inner}")

    def models_dir(self) -> str:
        """Return the directory of the line's models."""
        return f"{self.root}/models/AllSky/{self.prod_id}/{self.dec}"

    def r0_dir(self, *sample: Any) -> str:
        """Return the directory of a node's simtel files."""
        raise NotImplementedError

    def dl1_dir(self, *sample: Any) -> str:
        """Return the directory of a node's DL1 files."""
        raise NotImplementedError

    # stages

    @property
    def r0_to_dl1(self) -> list[Step]:
        """DL0 of every node to DL1."""
        return [
            {"input": self.r0_dir(*sample), "output": self.dl1_dir(*sample)}
            for sample in self.samples()
        ]


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
        return self.training_dir.format(particle=particle, pointing=pointing)

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


class PathConfigAllSkyTesting(PathConfigAllSkyBase):
    """From the DL0 of the test nodes to IRFs, with the models of a declination line."""

    dataset_type = "TestingDataset"
    particles = ("Gamma",)
    #: Options of the IRFs beside those of the layout.
    irf_options = "--point-like"

    def __init__(self, prod_id: str, dec: str, **where: Unpack[Where]) -> None:
        super().__init__(prod_id, dec, **where)
        (self.particle,) = self.particles
        #: Where DL0 lies; another place may be set.
        self.testing_dir = f"{self.root}/{TREE}/TestDataset/sim_telarray/{{pointing}}/output_v1.4/"
        self.stages = ["r0_to_dl1", "merge_dl1", "dl1_to_dl2", "dl2_to_irfs"]

    def load_pointings(self) -> list[Pointing]:
        """Pointings of the test nodes."""
        lines = self.dl0.lines(PathConfigAllSkyTraining.particles)
        if self.dec not in lines:
            self.dl0.note(
                f"{self.dec} is none of the lines that models can be trained with: "
                f"{', '.join(lines)}."
            )
        return self.dl0.test(self.particle, self.r0_dir("{pointing}"))

    def pointing_dirs(self) -> list[str]:
        """Names of the nodes."""
        return self.node_names(self.particle)

    def sample(self, particle: str, pointing: str) -> tuple[str, ...]:
        """Return the node alone: there is one particle."""
        return (pointing,)

    def r0_dir(self, pointing: str) -> str:
        """Return the directory of a node's simtel files."""
        return self.testing_dir.format(pointing=pointing)

    def dl1_dir(self, pointing: str, dec: str = "") -> str:
        """Return the directory of a node's DL1 files, which serve every line."""
        return self.directory("DL1", self.particle, pointing, dec)

    def dl2_dir(self, pointing: str) -> str:
        """Return the directory of a node's DL2 by the line's models."""
        return self.directory("DL2", self.particle, pointing, self.dec)

    def irf_dir(self, pointing: str) -> str:
        """Return the directory of a node's IRFs by the line's models."""
        return self.directory("IRF", self.particle, pointing, self.dec)

    def testing_merged_dl1(self, pointing: str) -> str:
        """Return the path of a node's merged DL1."""
        name = self.layout.test_file.format(
            prod_id=self.prod_id, particle=self.particle, pointing=pointing
        )
        return f"{self.dl1_dir('')}/{name}"

    def dl2_output_file(self, pointing: str) -> str:
        """Return the path of a node's DL2, named as lstchain does."""
        name = os.path.basename(self.testing_merged_dl1(pointing))
        return f"{self.dl2_dir(pointing)}/{name.replace('dl1', 'dl2', 1)}"

    def irf_output_file(self, pointing: str) -> str:
        """Return the path of a node's IRFs."""
        name = self.layout.irf_file.format(
            prod_id=self.prod_id, particle=self.particle, dec=self.dec, pointing=pointing
        )
        return f"{self.irf_dir(pointing)}/{name}"

    @property
    def merge_dl1(self) -> list[Step]:
        """Each node to one file."""
        return [
            {
                "input": self.dl1_dir(pointing),
                "output": self.testing_merged_dl1(pointing),
                "options": "--no-image",
            }
            for pointing in self.pointing_dirs()
        ]

    @property
    def dl1_to_dl2(self) -> list[Step]:
        """Each node by the models of the line."""
        memory = "80GB" if self.dec == CRAB_LINE else "60GB"
        return [
            {
                "input": self.testing_merged_dl1(pointing),
                "path_model": self.models_dir(),
                "output": self.dl2_dir(pointing),
                "extra_slurm_options": {"mem": memory},
            }
            for pointing in self.pointing_dirs()
        ]

    @property
    def dl2_to_irfs(self) -> list[Step]:
        """The gammas of each node to IRFs."""
        options = " ".join(filter(None, (self.layout.irf_options, self.irf_options)))
        return [
            {
                "input": {
                    "gamma_file": self.dl2_output_file(pointing),
                    "proton_file": None,
                    "electron_file": None,
                },
                "output": self.irf_output_file(pointing),
                "options": options,
                "extra_slurm_options": {"mem": "6GB"},
            }
            for pointing in self.pointing_dirs()
        ]


class PathConfigAllSkyTestingGammaDiffuse(PathConfigAllSkyTesting):
    """From the test halves of `PathConfigAllSkyTrainingWithSplit` to IRFs."""

    particles = ("GammaDiffuse",)
    irf_options = ""

    def __init__(self, prod_id: str, dec: str, **where: Unpack[Where]) -> None:
        super().__init__(prod_id, dec, **where)
        self.train_config = self.part(PathConfigAllSkyTrainingWithSplit, prod_id, dec)
        self.stages = ["merge_dl1", "dl1_to_dl2", "dl2_to_irfs"]

    def load_pointings(self) -> list[Pointing]:
        """Pointings that were split."""
        return self.train_config.pointings

    def dl1_dir(self, pointing: str, dec: str | None = None) -> str:
        """Return the directory around a node's test half."""
        return super().dl1_dir(pointing, self.dec if dec is None else dec)

    def testing_merged_dl1(self, pointing: str) -> str:
        """Return the path of a node's merged test half."""
        name = self.layout.diffuse_file.format(
            prod_id=self.prod_id, particle=self.particle, dec=self.dec, pointing=pointing
        )
        return f"{self.dl1_dir('')}/{name}"

    @property
    def merge_dl1(self) -> list[Step]:
        """Each node's test half to one file."""
        more = {
            "options": "--pattern */*.h5 --no-image",
            "extra_slurm_options": dict(self.layout.merge_slurm),
        }
        return [{**step, **more} for step in super().merge_dl1]
