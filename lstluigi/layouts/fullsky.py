"""All-sky productions of several declination lines, put together of the data sets of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, Unpack

from lstluigi.errors import LstluigiError
from lstluigi.layouts.allsky import PathConfigAllSkyBase
from lstluigi.layouts.base import PathConfig, Step, Where, checked_name, checked_source
from lstluigi.layouts.sources import (
    PathConfigAllSkyTestingDL1ab,
    PathConfigAllSkyTrainingDL1ab,
    TestingFromMerged,
    TrainingFromMerged,
)
from lstluigi.layouts.testing import PathConfigAllSkyTesting, PathConfigAllSkyTestingGammaDiffuse
from lstluigi.layouts.training import PathConfigAllSkyTraining, PathConfigAllSkyTrainingWithSplit
from lstluigi.layouts.trees import LayoutName

__all__ = [
    "PathConfigAllSkyFull",
    "PathConfigAllSkyFullDL1ab",
    "PathConfigAllSkyFullSplitDiffuse",
    "PathConfigAllTrainTestDL1b",
]

P = TypeVar("P", bound=PathConfigAllSkyBase)

#: The stages in the order in which a production needs them.
ORDER = (
    "r0_to_dl1",
    "dl1ab",
    "train_test_split",
    "merge_dl1",
    "train_pipe",
    "dl1_to_dl2",
    "dl2_to_irfs",
)


class PathConfigAllSkyFull(PathConfig):
    """From DL0 to the models of several lines, and to the IRFs of the test nodes by each.

    Parameters
    ----------
    prod_id : str
        Name of the production.
    dec_list : sequence of str
        Training declination lines, such as ``["dec_2276", "dec_3476"]``, or one text with commas.
    **where
        `root`, `nodes` and `layout`, as for `PathConfig`.
    """

    training: type[PathConfigAllSkyTraining] = PathConfigAllSkyTraining
    testing: type[PathConfigAllSkyTesting] = PathConfigAllSkyTesting
    #: For diffuse gammas that were split off, if any were.
    diffuse: type[PathConfigAllSkyTesting] | None = None

    def __init__(self, prod_id: str, dec_list: Sequence[str], **where: Unpack[Where]) -> None:
        super().__init__(prod_id, **where)
        lines = dec_list.split(",") if isinstance(dec_list, str) else dec_list
        self.dec_list = [checked_name(dec, "declination") for dec in dict.fromkeys(lines)]
        if not self.dec_list:
            there = ", ".join(self.dl0.lines(self.training.particles))
            raise LstluigiError(f"no declination is given; there are {there}")
        every = self.of_lines(self.training)
        whole = {dec: c for dec, c in every.items() if c.available()}
        self.train_configs = whole
        self.dec_list = list(whole)
        if not whole:
            mend = next(iter(every.values())).mend()
            raise LstluigiError(f"no line is left: {' '.join(self.dl0.notices)} To mend it, {mend}")
        self.test_configs = self.of_lines(self.testing)
        self.test_diffuse_config = self.of_lines(self.diffuse) if self.diffuse else {}
        self.stages = self.ordered()

    def of_lines(self, kind: type[P]) -> dict[str, P]:
        """Return a config of this class for every line."""
        return {dec: self.part(kind, self.prod_id, dec) for dec in self.dec_list}

    @property
    def parts(self) -> list[PathConfigAllSkyBase]:
        """The configs that this one is put together of, in the order of their steps."""
        kinds = (self.train_configs, self.test_configs, self.test_diffuse_config)
        return [part for configs in kinds for part in configs.values()]

    @property
    def notices(self) -> tuple[str, ...]:
        """What was noticed, also by parts of one's own."""
        told = (notice for part in self.parts for notice in part.notices)
        return tuple(dict.fromkeys((*super().notices, *told)))

    def ordered(self) -> list[str]:
        """Return the stages of all parts."""
        return [stage for stage in ORDER if any(stage in part.stages for part in self.parts)]

    def of_parts(self, stage: str) -> list[Step]:
        """Return the steps of a stage; DL1 of the test nodes, which all lines share, once."""
        of_stage = (getattr(part, stage) for part in self.parts if stage in part.stages)
        return list({repr(step): step for steps in of_stage for step in steps}.values())

    @property
    def r0_to_dl1(self) -> list[Step]:
        """DL0 of every node to DL1."""
        return self.of_parts("r0_to_dl1")

    @property
    def dl1ab(self) -> list[Step]:
        """DL1 of every node from a source's DL1."""
        return self.of_parts("dl1ab")

    @property
    def train_test_split(self) -> list[Step]:
        """Diffuse gammas of every node in two halves."""
        return self.of_parts("train_test_split")

    @property
    def merge_dl1(self) -> list[Step]:
        """Training nodes to one file a line and particle, test nodes to one file each."""
        return self.of_parts("merge_dl1")

    @property
    def train_pipe(self) -> list[Step]:
        """The models of every line."""
        return self.of_parts("train_pipe")

    @property
    def dl1_to_dl2(self) -> list[Step]:
        """Every test node by the models of every line."""
        return self.of_parts("dl1_to_dl2")

    @property
    def dl2_to_irfs(self) -> list[Step]:
        """Every test node to IRFs for every line."""
        return self.of_parts("dl2_to_irfs")


class PathConfigAllSkyFullSplitDiffuse(PathConfigAllSkyFull):
    """The same, half of the diffuse gammas of the training nodes being left for tests."""

    training = PathConfigAllSkyTrainingWithSplit
    diffuse = PathConfigAllSkyTestingGammaDiffuse


class PathConfigAllSkyFullDL1ab(PathConfigAllSkyFull):
    """From the DL1 of a source production to models of several lines and to IRFs.

    Parameters
    ----------
    prod_id : str
        Name of the new production.
    source_prod_id : str
        Name of the source production, whose DL1 has images.
    dec_list : sequence of str
        Training declination lines.
    run_checker : bool
        Whether to look if the source production has every node, where its tree is there. Those
        that are missing leave.
    source_layout : str, optional
        Layout of the source production, if it is not that of the new one.
    **where
        `root`, `nodes` and `layout`, as for `PathConfig`.
    """

    training: type[PathConfigAllSkyTraining] = PathConfigAllSkyTrainingDL1ab
    testing: type[PathConfigAllSkyTesting] = PathConfigAllSkyTestingDL1ab

    def __init__(
        self,
        prod_id: str,
        source_prod_id: str,
        dec_list: Sequence[str],
        run_checker: bool = True,
        *,
        source_layout: LayoutName | None = None,
        **where: Unpack[Where],
    ) -> None:
        self.source_prod_id = checked_source(source_prod_id, prod_id)
        self.run_checker = run_checker
        self.source_layout = source_layout
        super().__init__(prod_id, dec_list, **where)

    def of_lines(self, kind: type[P]) -> dict[str, P]:
        """Return a config of this class for every line."""
        source = {"run_checker": self.run_checker, "source_layout": self.source_layout}
        return {
            dec: self.part(kind, self.prod_id, self.source_prod_id, dec, **source)
            for dec in self.dec_list
        }


class PathConfigAllTrainTestDL1b(PathConfigAllSkyFullDL1ab):
    """From the merged DL1 of a source production to models of several lines and to DL2.

    For models with other features or settings than the source's. The parameters are those of
    `PathConfigAllSkyFullDL1ab`.
    """

    training = TrainingFromMerged
    testing = TestingFromMerged
