"""The base of all config classes: stages with their steps, and the config file made of them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import date
from typing import Any, TypeAlias, TypedDict, TypeVar, get_args

import yaml

from lstluigi._version import __version__
from lstluigi.config import Unfit
from lstluigi.config.section import meant, nearest
from lstluigi.config.values import file_name, path
from lstluigi.errors import LstluigiError, shown
from lstluigi.files import write_text
from lstluigi.layouts.dl0 import DL0, NodeSource
from lstluigi.layouts.trees import LayoutName, find_layout

__all__ = ["ROOT", "PathConfig", "Step", "Where", "checked_name", "checked_source", "refuse_absent"]

#: One entry of a stage, as a config holds it.
Step: TypeAlias = dict[str, Any]
C = TypeVar("C", bound="PathConfig")

#: Where the data of the LST lie on the cluster at La Palma.
ROOT = "/fefs/aswg/data"

#: What lstmcpipe writes, for the lstchain version that this package is tested with.
ENVIRONMENT = {
    "source_file": "/fefs/aswg/software/conda/etc/profile.d/conda.sh",
    "conda_env": "lstchain-v0.12.3",
}
SLURM = {"user_account": "dpps"}

#: The C version of PyYAML's emitter is ten times as fast.
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class Where(TypedDict, total=False):
    """Keyword arguments that all config classes share; see `PathConfig`."""

    root: str
    nodes: NodeSource
    layout: LayoutName


#: A name that nobody needs to quote.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


def checked_name(value: str, what: str) -> str:
    """Return a name that becomes part of paths.

    Raises
    ------
    LstluigiError
        It cannot be part of a file name, looks like an option, or means something to shells.
    """
    if not isinstance(value, str):
        raise LstluigiError(f"the {what} is {shown(value)}; give its name")
    if value.startswith("-"):
        raise LstluigiError(f"the {what} {shown(value)} starts like an option; write another one")
    try:
        file_name(value)
    except Unfit as unfit:
        raise LstluigiError(f"the {what} does not fit: {unfit.what}; choose another") from None
    if not _PLAIN.fullmatch(value):
        raise LstluigiError(
            f"the {what} {shown(value)} may contain only letters, digits and . _ + -, and must "
            "start with a letter or digit; choose another"
        )
    return value


def checked_source(source_prod_id: str, prod_id: str) -> str:
    """Return the name of a source production.

    Raises
    ------
    LstluigiError
        It is no name, or that of the new production, which would read what it is to write.
    """
    if checked_name(source_prod_id, "source_prod_id") == prod_id:
        raise LstluigiError(
            f"prod_id and source_prod_id are both {shown(prod_id)}, so the production would be "
            "made of itself; give the new one a name of its own"
        )
    return source_prod_id


def refuse_absent(source_prod_id: str, directory: str) -> None:
    """Look whether a source production is among those of a directory.

    Raises
    ------
    LstluigiError
        It is not.
    """
    try:
        there = sorted(os.listdir(directory))
    except OSError:  # not here, or not for everybody: what is missed in it is told
        return
    if source_prod_id not in there:
        near = meant(source_prod_id, tuple(there))
        mend = f"write {near!r}" if near else "name one that is there"
        raise LstluigiError(
            f"the source production {shown(source_prod_id)} is not in {shown(directory)}; {mend}"
        )


class PathConfig:
    """A production config to be: stages, and for each the steps with their paths.

    A class of one's own names its stages in `stages` and has a method or a property of the name
    of each, which returns the list of its steps.

    Parameters
    ----------
    prod_id : str
        Name of the production.
    root : str
        Directory that holds ``mc`` and ``models``.
    nodes : {"auto", "scan", "catalogue"}
        Where the pointing nodes are looked up: in DL0 below `root`, or in the catalogue that
        lstluigi carries. "auto" scans where there is DL0.
    layout : {"current", "until-2024-08"}
        Which directories and file names an all-sky production has.

    Attributes
    ----------
    stages : list of str
        The stages in the order in which they run.
    paths : dict of str to list of dict
        The steps of each stage, once `generate` has been called.

    Raises
    ------
    LstluigiError
        An argument does not fit.
    """

    #: Whether all is simulated for one pointing: its models then know no pointing.
    one_pointing = False
    #: Arguments that are no choice of who asks for a production by name, each with the reason.
    no_choice: Mapping[str, str] = {}
    #: What the lstchain config has to hold beside lstchain's own for Monte Carlo.
    lstchain: Mapping[str, Any] = {}

    def __init__(
        self,
        prod_id: str,
        *,
        root: str = ROOT,
        nodes: NodeSource = "auto",
        layout: LayoutName = "current",
    ) -> None:
        self.prod_id = checked_name(prod_id, "prod_id")
        self.layout = find_layout(layout)
        if nodes not in get_args(NodeSource):
            raise LstluigiError(
                f"there is no node source {shown(nodes)}; {nearest(nodes, get_args(NodeSource))}"
            )
        self.nodes = nodes
        self.dl0 = DL0(_root(root), nodes)
        self.stages: list[str] = []
        self.paths: dict[str, list[Step]] = {}
        self._parts: list[PathConfig] = []

    @property
    def root(self) -> str:
        """Absolute path of the directory that holds ``mc`` and ``models``."""
        return self.dl0.root

    @property
    def notices(self) -> tuple[str, ...]:
        """What was noticed while the steps were made, in sentences."""
        return tuple(self.dl0.notices)

    def part(self, kind: type[C], *arguments: Any, **settings: Any) -> C:
        """Return a config of another class for the same data.

        Parameters
        ----------
        kind : type
            The class.
        arguments, settings
            What it is made with; `root`, `nodes` and `layout` are this config's unless given.
        """
        where = {"root": self.root, "nodes": self.nodes, "layout": self.layout.name}
        made = kind(*arguments, **(where | settings))
        self._parts.append(made)
        made._share(self.dl0)
        return made

    def _share(self, dl0: DL0) -> None:
        """Let this config and its parts list each directory once, with notices in one place."""
        self.dl0 = dl0
        for part in self._parts:
            part._share(dl0)

    def generate(self) -> dict[str, list[Step]]:
        """Make the steps of all stages.

        Returns
        -------
        dict of str to list of dict
            `paths`.

        Raises
        ------
        LstluigiError
            There are no stages, one has no method, or there is nothing to make steps for.
        """
        if not self.stages:
            raise LstluigiError(f"{type(self).__name__} names no stages; set its stages")
        self.paths = {stage: self._steps(stage) for stage in self.stages}
        return self.paths

    def _steps(self, stage: str) -> list[Step]:
        name = type(self).__name__
        if not hasattr(type(self), stage):
            raise LstluigiError(
                f"{name} names the stage {shown(stage)} and has no method of that name; add it, or "
                "take the stage out of stages"
            )
        found = getattr(self, stage)
        steps = found() if callable(found) else found
        if not isinstance(steps, list):
            raise LstluigiError(
                f"the stage {stage} of {name} gives a {type(steps).__name__}; return a list of "
                "steps"
            )
        return steps

    def content(self) -> dict[str, Any]:
        """Everything the config file holds; the steps are made if they are not there yet."""
        return {
            "workflow_kind": "lstchain",
            "prod_id": self.prod_id,
            "source_environment": ENVIRONMENT,
            "slurm_config": SLURM,
            "prod_type": type(self).__name__,
            "stages_to_run": self.stages,
            "stages": self.paths or self.generate(),
        }

    def save_yml(self, filename: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write the config file, whole or not at all.

        Parameters
        ----------
        filename : str or path-like
            Where; missing directories are made.
        overwrite : bool
            Whether a file that is there may be replaced.

        Raises
        ------
        LstluigiError
            The file is there, or it cannot be written.
        """
        full = os.path.abspath(filename)
        if not overwrite and os.path.lexists(full):
            raise LstluigiError(f"{shown(full)} exists; name another file, or allow to overwrite")
        write_text(full, self.text(self.content()))

    def text(self, content: Mapping[str, Any]) -> str:
        """Return the text of a config file that holds this; `content`, and what is to be added."""
        head = f"# lstluigi {__version__}, {type(self).__name__}, {date.today()}\n\n"
        return head + _yaml(content)


def _yaml(content: Mapping[str, Any]) -> str:
    """YAML that versions 1.1 and 1.2 read alike: ``11:30:00`` is quoted, since 1.1 has it as 41400.

    Equal parts are written in full, not as aliases.
    """
    dumper = type("Dumper", (_Dumper,), {"ignore_aliases": lambda self, data: True})
    text: str = yaml.dump(
        dict(content), Dumper=dumper, sort_keys=False, width=4096, allow_unicode=True
    )
    return text


def _root(root: str) -> str:
    try:
        return path(str(root), os.getcwd())
    except Unfit as unfit:
        raise LstluigiError(f"the root does not fit: {unfit.what}; {unfit.mend}") from None
