"""What the data sets of an all-sky production (LSTProd2) have in common."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Unpack

from lstluigi.layouts.base import PathConfig, Step, Where, checked_name
from lstluigi.layouts.dl0 import Pointing

__all__ = ["CRAB_LINE", "PathConfigAllSkyBase"]

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

    def mend(self) -> str:
        """Say what to do when there is nothing to make the config of."""
        return "choose another declination"

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
