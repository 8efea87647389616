"""irf_index: IRFs of many pointings in one directory, for lstchain to interpolate between."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence

from lstluigi.config import Shape, Step
from lstluigi.errors import Problem, shown
from lstluigi.jobspec import Command, Product, Resources
from lstluigi.stages import checks
from lstluigi.stages.base import SCRIPTS, Inputs, Made, Reading, Stage, same_name
from lstluigi.stages.merge_dl1 import pattern_of, pattern_problems

INDEX = "irf_index.ecsv"
#: One directory for each node, and there the name that lstchain looks for.
DEFAULT_PATTERN = "*/*irf*.fits.gz"


class IRFIndex(Stage):
    """The IRF files below a directory that match a pattern to one directory, with an index."""

    name = "irf_index"
    task = "IRFIndex"
    workflows = ("lstchain", "hiperta")
    shape = Shape(
        input="path",
        output="path",
        reasons={"ctapipe": "ctapipe has no tool that interpolates between IRFs"},
    )
    logs = "job_logs_irf_index"
    delivered = True
    resources = Resources(options=(("partition", "short"),))
    per_chunk = 20

    def reads(self, step: Step) -> Sequence[Reading]:
        """The files that match."""
        pattern = pattern_of(step.arguments, DEFAULT_PATTERN)
        return [
            Reading(
                step.path("input"), checks.irf(background=False, psf=False), pattern, probed=True
            )
        ]

    def makes(self, step: Step) -> Sequence[Made]:
        """A directory."""
        return [Made(step.path("output"), directory=True)]

    def products(self, step: Step, inputs: Inputs) -> Sequence[Product]:
        """Each file, and the index."""
        output = step.path("output")
        names = [name for _, name in self.links(step, inputs)]
        files = [Product(name, os.path.join(output, name), checks.LINK) for name in names]
        return [*files, same_name(os.path.join(output, INDEX), checks.TABLE)]

    def links(self, step: Step, inputs: Inputs) -> Sequence[tuple[str, str]]:
        """The files themselves; where nodes share a name, under that of the path to it."""
        times = Counter(map(os.path.basename, inputs[0]))
        root = step.path("input")
        return [
            (file, name if times[name] == 1 else os.path.relpath(file, root).replace("/", "_"))
            for file in inputs[0]
            for name in [os.path.basename(file)]
        ]

    def commands(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """One call of lstluigi's own script."""
        return [(f"{SCRIPTS}/irf_index.py", ".", "-o", INDEX)]

    def problems(self, step: Step) -> Sequence[Problem]:
        """A pattern that leads out of the input directory, and options other than it."""
        if (other := next(_others(step.arguments), None)) is None:
            return pattern_problems(step, DEFAULT_PATTERN)
        what = f"it has no option {shown(other)}"
        return [Problem(step.where("options"), what, "write --pattern PATTERN, or nothing")]


def _others(arguments: Sequence[str]) -> Iterator[str]:
    """Words that do not say which files are meant."""
    words = iter(arguments)
    for word in words:
        if word in ("-p", "--pattern"):
            next(words, None)
        elif not word.startswith("--pattern="):
            yield word
