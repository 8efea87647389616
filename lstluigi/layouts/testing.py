"""All-sky productions, one declination line: from test nodes to IRFs."""

from __future__ import annotations

import os
from typing import Unpack

from lstluigi.layouts.allsky import CRAB_LINE, PathConfigAllSkyBase
from lstluigi.layouts.base import Step, Where
from lstluigi.layouts.dl0 import TREE, Pointing
from lstluigi.layouts.training import PathConfigAllSkyTraining, PathConfigAllSkyTrainingWithSplit

__all__ = ["PathConfigAllSkyTesting", "PathConfigAllSkyTestingGammaDiffuse"]


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
        found = self.dl0.test(self.particle, self.r0_dir("{pointing}"))
        lines = self.dl0.lines(PathConfigAllSkyTraining.particles)
        if self.dec not in lines:
            self.dl0.note(
                f"{self.dec} is none of the lines that models can be trained with: "
                f"{', '.join(lines)}."
            )
        return found

    def pointing_dirs(self) -> list[str]:
        """Names of the nodes."""
        return self.node_names(self.particle)

    def sample(self, particle: str, pointing: str) -> tuple[str, ...]:
        """Return the node alone: there is one particle."""
        return (pointing,)

    def r0_dir(self, pointing: str) -> str:
        """Return the directory of a node's simtel files."""
        return self.testing_dir.replace("{pointing}", pointing)

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
