"""How all-sky productions are laid out on disk: today's tree, and that until August 2024."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from lstluigi.config.section import nearest
from lstluigi.errors import LstluigiError, shown
from lstluigi.layouts.nodes import declination, node

__all__ = ["LAYOUTS", "Layout", "LayoutName", "find_layout", "layout_of"]

LayoutName: TypeAlias = Literal["current", "until-2024-08"]

#: What comes first below a data set: the particle, or until August 2024 a line or a test node.
_FIRST = re.compile(r"(?:Training|Testing)Dataset/([^/]+)")
_PARTICLES = frozenset(("Gamma", "GammaDiffuse", "Protons"))


@dataclass(frozen=True)
class Layout:
    """Directories, file names and options that changed in August 2024.

    Parameters
    ----------
    name : str
        What users call it.
    directories : mapping of str to str
        For each data set, where a node lies below a production's directory of a data level.
    train_file, test_file, irf_file : str
        Names of the merged DL1 of a line, of the merged DL1 of a test node, and of its IRFs.
    diffuse_file : str
        Name of the merged test half of a split diffuse node; empty where there is no such thing.
    irf_options : str
        Options of all IRFs.
    merge_slurm, train_slurm : mapping of str to str
        sbatch options of the merge of a line, and further ones of the training.
    """

    name: LayoutName
    directories: Mapping[str, str]
    train_file: str
    test_file: str
    irf_file: str
    diffuse_file: str
    irf_options: str
    merge_slurm: Mapping[str, str]
    train_slurm: Mapping[str, str]

    def require_split(self) -> None:
        """Refuse a layout in which the diffuse gammas cannot be split.

        Raises
        ------
        LstluigiError
            This is one.
        """
        if not self.diffuse_file:
            raise LstluigiError(
                f"the layout {self.name} has no place for split diffuse gammas; take the layout "
                "current, or a class that does not split"
            )


_CURRENT = Layout(
    name="current",
    directories={
        "TrainingDataset": "TrainingDataset/{particle}/{dec}/{pointing}",
        "TestingDataset": "TestingDataset/{particle}/{dec}/{pointing}",
    },
    train_file="dl1_{prod_id}_train_{dec}_{particle}_merged.h5",
    test_file="dl1_{prod_id}_{particle}_test_{pointing}_merged.h5",
    irf_file="irf_{prod_id}_{particle}_{dec}_{pointing}.fits.gz",
    diffuse_file="dl1_{prod_id}_{particle}_test_{dec}_{pointing}_merged.h5",
    irf_options=(
        "--gh-efficiency 0.7 --theta-containment 0.7 --energy-dependent-gh --energy-dependent-theta"
    ),
    merge_slurm={"partition": "long", "time": "06:00:00"},
    train_slurm={"time": "03-00:00:00"},
)
_UNTIL_2024_08 = Layout(
    name="until-2024-08",
    directories={
        "TrainingDataset": "TrainingDataset/{dec}/{particle}/{pointing}",
        "TestingDataset": "TestingDataset/{dec}/{pointing}",
    },
    train_file="dl1_{prod_id}_{dec}_{particle}_merged.h5",
    test_file="dl1_{prod_id}_{pointing}_merged.h5",
    irf_file="irf_{prod_id}_{pointing}.fits.gz",
    diffuse_file="",
    irf_options="",
    merge_slurm={"partition": "long"},
    train_slurm={},
)
LAYOUTS: dict[str, Layout] = {tree.name: tree for tree in (_CURRENT, _UNTIL_2024_08)}


def find_layout(name: str) -> Layout:
    """Return a layout by its name.

    Raises
    ------
    LstluigiError
        There is none of that name.
    """
    if name not in LAYOUTS:
        raise LstluigiError(f"there is no layout {shown(name)}; {nearest(name, tuple(LAYOUTS))}")
    return LAYOUTS[name]


def layout_of(path: str) -> LayoutName | None:
    """Tell the layout that has such a directory; None if it is of both, or of none.

    Parameters
    ----------
    path : str
        Of a directory of an all-sky production, from its data set on or from further up.
    """
    found = _FIRST.search(path)
    if found is None:
        return None
    if found[1] in _PARTICLES:
        return _CURRENT.name
    return _UNTIL_2024_08.name if declination(found[1]) is not None or node(found[1]) else None
