"""What an all-sky production starts from, if not from DL0: the DL1 of another production."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Unpack

from lstluigi.errors import LstluigiError, shown
from lstluigi.layouts.allsky import PathConfigAllSkyBase
from lstluigi.layouts.base import Step, Where, checked_source, refuse_absent
from lstluigi.layouts.dl0 import MANY, Pointing, some
from lstluigi.layouts.testing import PathConfigAllSkyTesting
from lstluigi.layouts.training import PathConfigAllSkyTraining
from lstluigi.layouts.trees import LAYOUTS, LayoutName

__all__ = [
    "FromDL1",
    "PathConfigAllSkyTestingDL1ab",
    "PathConfigAllSkyTrainingDL1ab",
    "TestingFromMerged",
    "TrainingFromMerged",
]


class FromSource(PathConfigAllSkyBase):
    """A data set that starts from files of a source production; goes before the data set's class.

    Parameters
    ----------
    prod_id : str
        Name of the new production.
    source_prod_id : str
        Name of the source production.
    dec : str
        Training declination line.
    run_checker : bool
        Whether to look if the source production has every node, where its tree is there. Those
        that are missing leave.
    source_layout : str, optional
        Layout of the source production, if it is not that of the new one.
    **where
        `root`, `nodes` and `layout`, as for `PathConfig`.
    """

    #: The same data set from DL0.
    source_kind: type[PathConfigAllSkyBase]
    #: Stages from DL0, each with the one that stands for it; empty if none does.
    instead: ClassVar[Mapping[str, str]]

    def __init__(
        self,
        prod_id: str,
        source_prod_id: str,
        dec: str,
        run_checker: bool = True,
        *,
        source_layout: LayoutName | None = None,
        **where: Unpack[Where],
    ) -> None:
        super().__init__(prod_id, dec, **where)
        self.source_prod_id = checked_source(source_prod_id, self.prod_id)
        self.run_checker = run_checker
        self.source_config = self.part(
            self.source_kind, source_prod_id, dec, layout=source_layout or self.layout.name
        )
        stages = [self.instead.get(stage, stage) for stage in self.stages]
        self.stages = [stage for stage in stages if stage]

    def load_pointings(self) -> list[Pointing]:
        """Pointings for which the source production has what is needed."""
        found = super().load_pointings()
        return list(self._whole(found)) if self.checks_source() else found

    def checks_source(self) -> bool:
        """Whether the source production is looked at; a tree that is not there is told.

        Raises
        ------
        LstluigiError
            The tree is there, and the source production is not in it.
        """
        tree = f"{self.root}/mc/DL1/AllSky"
        if self.run_checker and not os.path.isdir(tree):
            self.dl0.note(
                f"The source production {self.source_prod_id} was not looked at ({tree} does not "
                "exist here); it has to have every node."
            )
            return False
        if self.run_checker:
            refuse_absent(self.source_prod_id, tree)
        return self.run_checker

    def _whole(self, pointings: list[Pointing]) -> Iterator[Pointing]:
        lacking = [(pointing, self.missing(pointing)) for pointing in pointings]
        whole = [pointing for pointing, missing in lacking if not missing]
        if whole:
            self._say_missing([(pointing, missing) for pointing, missing in lacking if missing])
            yield from whole
        else:
            raise LstluigiError(
                f"the source production {shown(self.source_prod_id)} has no node of "
                f"{self.dataset_type} for {shown(self.dec)} below {self.root}/mc/DL1/AllSky; "
                + self.mend()
            )

    def _say_missing(self, lacking: Sequence[tuple[Pointing, list[str]]]) -> None:
        """Tell the pointings that leave; of many some."""
        if len(lacking) > MANY:
            paths = [path for _, missing in lacking for path in missing]
            self.dl0.note(
                f"{len(lacking)} nodes of {self.dataset_type} are left out: the source production "
                f"lacks {len(paths)} of their paths{some(paths)}."
            )
            return
        for pointing, missing in lacking:
            names = dict.fromkeys(node.name for node in pointing.values())
            leave = f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} left out"
            for path in missing:
                self.dl0.note(f"{leave}: the source production lacks {path}.")

    def missing(self, pointing: Pointing) -> list[str]:
        """Return what the source production lacks for a pointing."""
        raise NotImplementedError

    def mend(self) -> str:
        """Name the layouts in which the source production was not looked for."""
        taken = self.source_config.layout.name
        others = " or ".join(f"source_layout={name}" for name in LAYOUTS if name != taken)
        return (
            f"name another one, or give {others} (with --kwargs on the command line) if it does "
            f"not lie in the layout {taken}"
        )


class FromDL1(FromSource):
    """A data set whose DL1 is made of the DL1 of the source production, node by node."""

    instead: ClassVar[Mapping[str, str]] = {"r0_to_dl1": "dl1ab"}

    def missing(self, pointing: Pointing) -> list[str]:
        """Return the source's directories without DL1 files."""
        samples = [self.sample(particle, node.name) for particle, node in pointing.items()]
        paths = [self.source_config.dl1_dir(*sample) for sample in samples]
        return [f"{path}/*.h5" for path in paths if not self.dl0.holds(path, ".h5")]

    @property
    def dl1ab(self) -> list[Step]:
        """DL1 of every node from the source's DL1."""
        return [
            {"input": self.source_config.dl1_dir(*sample), "output": self.dl1_dir(*sample)}
            for sample in self.samples()
        ]


class PathConfigAllSkyTrainingDL1ab(FromDL1, PathConfigAllSkyTraining):
    """From the training DL1 of a source production to models."""

    source_kind = PathConfigAllSkyTraining


class PathConfigAllSkyTestingDL1ab(FromDL1, PathConfigAllSkyTesting):
    """From the test DL1 of a source production to IRFs."""

    source_kind = PathConfigAllSkyTesting


class TrainingFromMerged(FromSource, PathConfigAllSkyTraining):
    """Models from the merged training DL1 of a source production."""

    source_kind = PathConfigAllSkyTraining
    source_config: PathConfigAllSkyTraining
    instead: ClassVar[Mapping[str, str]] = {"r0_to_dl1": "", "merge_dl1": ""}

    def training_merged_dl1(self, particle: str) -> str:
        """Return the path of the source's merged DL1."""
        return self.source_config.training_merged_dl1(particle)

    def available(self) -> bool:
        """Whether the source production has both merged files; what it lacks is told."""
        if not self.checks_source():
            return True
        merged = [self.training_merged_dl1(particle) for particle in self.particles]
        lacking = [path for path in merged if not os.path.isfile(path)]
        for path in lacking:
            self.dl0.note(f"{self.dec} is left out: the source production lacks {path}.")
        return not lacking


class TestingFromMerged(FromSource, PathConfigAllSkyTesting):
    """DL2 from the merged test DL1 of a source production."""

    source_kind = PathConfigAllSkyTesting
    source_config: PathConfigAllSkyTesting
    instead: ClassVar[Mapping[str, str]] = {"r0_to_dl1": "", "merge_dl1": "", "dl2_to_irfs": ""}

    def testing_merged_dl1(self, pointing: str) -> str:
        """Return the path of the source's merged DL1."""
        return self.source_config.testing_merged_dl1(pointing)

    def missing(self, pointing: Pointing) -> list[str]:
        """Return the merged file if the source production does not have it."""
        path = self.testing_merged_dl1(pointing[self.particle].name)
        return [] if os.path.isfile(path) else [path]
