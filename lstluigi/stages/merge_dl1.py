"""merge_dl1: DL1 files of a node, or of all nodes of a line, to one file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, ClassVar

from lstluigi.config import Shape, Step
from lstluigi.errors import Problem
from lstluigi.jobspec import Check, Command, Meeting, Product, Resources
from lstluigi.stages import checks
from lstluigi.stages.base import (
    CTAPIPE_CONFIG,
    WITH_LSTCHAIN,
    Inputs,
    Made,
    Reading,
    Stage,
    same_name,
)
from lstluigi.stages.ctapipe import NO_IMAGES, UNIQUE
from lstluigi.stages.ctapipe_options import OfCtapipe

#: Directory of links that the merge command is given, below the scratch directory.
INPUTS = "inputs"
DEFAULT_PATTERN = "*.h5"
WITHOUT_IMAGES = "--no-image"


def pattern_of(arguments: Sequence[str], default: str = DEFAULT_PATTERN) -> str:
    """The value of the last `--pattern` (or `-p`) among the arguments of the merge command."""
    pattern = default
    for argument, following in zip_longest(arguments, arguments[1:], fillvalue=""):
        if argument in ("-p", "--pattern"):
            pattern = following
        elif argument.startswith("--pattern="):
            pattern = argument.removeprefix("--pattern=")
        elif argument.startswith("-p"):
            pattern = argument.removeprefix("-p")
    return pattern


def stays_below(pattern: str) -> bool:
    """Does a pattern name files below the input directory?"""
    return bool(pattern) and not pattern.startswith("/") and ".." not in pattern.split("/")


def pattern_problems(step: Step, default: str = DEFAULT_PATTERN) -> Sequence[Problem]:
    """A pattern that leads out of the input directory."""
    pattern = pattern_of(step.arguments, default)
    if stays_below(pattern):
        return ()
    what = f"the pattern {pattern!r} does not stay below the input directory"
    return [Problem(step.where("options"), what, f"write a relative pattern such as {default}")]


class MergeDL1(Stage):
    """The files below a directory that match a pattern to one file."""

    name = "merge_dl1"
    task = "MergeDL1"
    workflows = WITH_LSTCHAIN
    shape = Shape(input="path", output="path")
    logs = "job_logs_merge_dl1"
    resources = Resources(options=(("partition", "long"),))
    per_chunk = 5
    whole: ClassVar[Check] = checks.DL1
    merged: ClassVar[Check] = checks.MERGED
    imageless: ClassVar[Sequence[str]] = (WITHOUT_IMAGES,)
    first: ClassVar[Mapping[str, Any] | None] = {"table": checks.PARAMETERS, "rows": True}

    def reads(self, step: Step) -> Sequence[Reading]:
        """The files that match."""
        return [Reading(step.path("input"), self.whole, pattern_of(step.arguments))]

    def makes(self, step: Step) -> Sequence[Made]:
        """One file."""
        return [Made(step.path("output"), directory=False)]

    def products(self, step: Step, inputs: Inputs) -> Sequence[Product]:
        """One file that has the rows of all inputs."""
        return [same_name(step.path("output"), self.merged)]

    def links(self, step: Step, inputs: Inputs) -> Sequence[tuple[str, str]]:
        """Just the files to merge, so that the command's own pattern finds no stray ones."""
        root = step.path("input")
        return [(file, os.path.join(INPUTS, os.path.relpath(file, root))) for file in inputs[0]]

    def meeting(self, step: Step, inputs: Inputs) -> Meeting | None:
        """Files of a node have one pointing, all have one particle, and no run is there twice."""
        return Meeting([(file, "") for file in inputs[0]], "each")

    def commands(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """One call of lstchain."""
        name = os.path.basename(step.path("output"))
        return [("lstchain_merge_hdf5_files", *step.arguments, "-d", INPUTS, "-o", name)]

    def no_images(self, step: Step) -> str:
        """The option that leaves them out."""
        option = next((word for word in step.arguments if word in self.imageless), None)
        return "" if option is None else f"take its option {option} out"

    def problems(self, step: Step) -> Sequence[Problem]:
        """A pattern that leads out of the input directory."""
        return pattern_problems(step, "*/*.h5")


class CtapipeMergeDL1(OfCtapipe, MergeDL1):
    """The DL1 files of ctapipe below a directory that match a pattern to one file."""

    whole = checks.CTAPIPE_DL1
    merged = checks.CTAPIPE_MERGED
    imageless = (WITHOUT_IMAGES, NO_IMAGES[0])
    first: ClassVar[Mapping[str, Any] | None] = {"table": checks.TRIGGER, "rows": False}
    mends: ClassVar[Mapping[str, str]] = {
        "contains obs_ids already": f"give each r0_to_dl1 step the option {UNIQUE}, by which no "
        "two files have one number"
    }

    def commands(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """One call of ctapipe; `--no-image` is understood as the options of that meaning."""
        name = os.path.basename(step.path("output"))
        meant = {WITHOUT_IMAGES: NO_IMAGES}
        options = [word for given in step.arguments for word in meant.get(given, (given,))]
        return [("ctapipe-merge", *options, "-i", INPUTS, "-o", name, "-c", CTAPIPE_CONFIG)]
