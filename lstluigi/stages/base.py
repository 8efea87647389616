"""What a stage is: which paths its steps read and make, and by which commands.

A stage describes one unit of work. With `per_file` a unit is one input file (a step has as many as
there are files), else it is the whole step. Commands run with the scratch directory as working
directory, so products are named without a path there.
"""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

from lstluigi.config import OWN_CONFIG, Key, Shape, Step
from lstluigi.config.tool_config import TOOLS
from lstluigi.errors import Problem
from lstluigi.jobspec import Check, Command, Meeting, Product, Resources
from lstluigi.stages.checks import CONFIG

#: Stand in commands for the configs of tools, so that a recipe does not depend on where they lie.
LSTCHAIN_CONFIG, CTAPIPE_CONFIG, RTA_CONFIG = TOOL_WORDS = tuple(f"@{t}_config@" for t in TOOLS)
#: What is said of the key `OWN_CONFIG`.
OWN_CONFIG_KEY = Key(
    "a path",
    "An lstchain config of the step's own: a file, or what a `tune_nsb` step makes.",
    "the production's",
    new=True,
)
#: Stands in commands for the directory of lstluigi's own scripts.
SCRIPTS = "@lstluigi_scripts@"
SCRIPTS_DIRECTORY = str(Path(__file__).resolve().parent / "scripts")
#: The workflows whose products are lstchain's.
WITH_LSTCHAIN: tuple[str, ...] = ("lstchain", "hiperta")
FITS = re.compile(r"\.fits(\.gz)?$")


class Reading(NamedTuple):
    """A path that a step reads: a file, or the files of a directory that match `pattern`.

    What is read `aside`, such as models, belongs to every unit and makes none of its own. Of what
    is `probed` and comes from outside, one file is looked into before anything is submitted; and
    each job looks into its own, whoever has made them.
    """

    path: str
    check: Check
    pattern: str | None = None
    aside: bool = False
    probed: bool = False


class Inputs(Protocol):
    """The files behind each `Reading` of a step, listed only when asked for."""

    @property
    def lstchain(self) -> Mapping[str, Any]:
        """Parsed lstchain config; empty where the production has none."""

    def __getitem__(self, reading: int) -> Sequence[str]:
        """Paths behind a reading, by its position in `Stage.reads`."""


class Stage(ABC):
    """One stage of a workflow, as a table.

    Attributes
    ----------
    name, task
        The stage's name in configs, and its task's name for Luigi.
    workflows
        The kinds of workflow it belongs to; in each of them a name stands for one stage.
    shape
        What a step of this stage looks like in a config.
    logs
        Name of the directory of logs, beside the products.
    resources
        What a chunk asks of the cluster where a step asks for nothing itself.
    per_file
        True where each input file is done, and may fail, by itself.
    per_chunk, loads
        How many units may be done by one process, one after the other, to share its start and what
        joblib loads (models: position in `reads`; only those that read the same there share it).
    programs
        Commands that do not come with the environment's lstchain, so they may be missing in it.
    delivered
        True for what people make productions for, though other steps may read it, too: it is made
        again when it is lost, even if all that is made of it is there.
    unread
        Top-level keys of the lstchain config that its commands do not read: no part of its recipe.
    first
        Which link of a unit must come first by name: see `lstluigi.jobspec.Item`.
    mends
        What to do about a failure that the config can mend, by words of its reason.
    """

    name: ClassVar[str]
    task: ClassVar[str]
    workflows: ClassVar[tuple[str, ...]] = ("lstchain",)
    shape: ClassVar[Shape]
    logs: ClassVar[str]
    resources: ClassVar[Resources]
    per_file: ClassVar[bool] = False
    per_chunk: ClassVar[int] = 1
    loads: ClassVar[int | None] = None
    programs: ClassVar[tuple[str, ...]] = ()
    delivered: ClassVar[bool] = False
    unread: ClassVar[frozenset[str]] = frozenset()
    first: ClassVar[Mapping[str, Any] | None] = None
    mends: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def reads(self, step: Step) -> Sequence[Reading]:
        """Paths that the step reads."""

    @abstractmethod
    def makes(self, step: Step) -> Sequence[Made]:
        """Paths that the step makes."""

    @abstractmethod
    def products(self, step: Step, inputs: Inputs) -> Sequence[Product]:
        """Files made of the inputs of a unit, or of a whole step: looked at only where needed."""

    @abstractmethod
    def commands(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """Commands of a unit, in order.

        The step's own options come first: of an option given twice, the stage's word counts.
        """

    def meeting(self, step: Step, inputs: Inputs) -> Meeting | None:
        """Inputs of a unit that must agree by what they say of themselves; None for no rule."""
        return None

    def explain(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """Commands that print, in one line, why a product of a unit has no event in it."""
        return ()

    def without_events(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """Commands for a unit whose input has no events, where its own cannot make the product."""
        return ()

    def capacity(self, units: int) -> int:
        """How many units a chunk may hold if a step has so many; lstmcpipe's rule for files."""
        few_files, files = 20, 50
        if not self.per_file:
            return self.per_chunk
        return few_files if units < files else files

    def links(self, step: Step, inputs: Inputs) -> Sequence[tuple[str, str]]:
        """Links (source, name in the scratch directory) made before the commands run."""
        return ()

    def settings(self, step: Step) -> Mapping[str, Any]:
        """What else determines the products' content, for the recipe."""
        return step.settings

    def problems(self, step: Step) -> Sequence[Problem]:
        """What is wrong with a step beyond its shape."""
        return ()

    def refused(self, step: Step, commands: Sequence[Command]) -> Sequence[Problem]:
        """Options of a step that its commands, which have them, would refuse."""
        return ()

    def conflicts(self, step: Step, lstchain: Mapping[str, Any]) -> Sequence[Problem]:
        """What the step and the production's lstchain config do not agree on."""
        return ()

    def remarks(self, step: Step) -> Sequence[str]:
        """What the products of a step that is right will lack, and why."""
        return ()

    def named_files(self, lstchain: Mapping[str, Any]) -> Mapping[str, str]:
        """Files that an lstchain config names and the commands read, by the key that names them."""
        return {}

    def mend(self, reason: str) -> str:
        """What the config can do about a failure for this reason; nothing if unknown."""
        return next((mend for words, mend in self.mends.items() if words in reason), "")

    def no_images(self, step: Step) -> str:
        """What to do for products with images, where the step's options leave them out."""
        return ""

    def found(self, step: Step) -> Mapping[str, Any]:
        """Numbers in a product that is there which people want told."""
        return {}


def own_config(step: Step) -> list[Reading]:
    """The lstchain config that a step is given for itself, as something that it reads."""
    path = step.extra.get(OWN_CONFIG)
    return [] if path is None else [Reading(path, CONFIG, aside=True)]


def config_of(step: Step) -> str:
    """The word for a step's lstchain config in its commands."""
    return step.extra.get(OWN_CONFIG, LSTCHAIN_CONFIG)


def same_name(final: str, check: Check) -> Product:
    """A product made in the scratch directory under the name it ends with."""
    return Product(os.path.basename(final), final, check)


def fits_stem(path: str) -> str:
    """The path of a FITS file without its suffix; of another file, as it stands."""
    return FITS.sub("", path)


def not_fits(step: Step) -> Iterator[Problem]:
    """An output whose name is not that of a FITS file."""
    output = step.path("output")
    if not FITS.search(output):
        what = f"{os.path.basename(output)} does not end in .fits or .fits.gz"
        yield Problem(step.where("output"), what, "name a FITS file")


@dataclass(frozen=True, slots=True)
class Made:
    """What a step makes.

    Parameters
    ----------
    path : str
        Absolute, normalised path.
    directory : bool
        Whether it is a directory of files (whose names are not known beforehand) or one file.
    """

    path: str
    directory: bool
