"""Options of steps that the tools of ctapipe would refuse, or that would spoil what they make."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import ClassVar

from lstluigi.config import Step
from lstluigi.errors import Problem, shown
from lstluigi.jobspec import Command
from lstluigi.stages.base import Stage

#: The form of an option that every tool of ctapipe takes, whether it has the class or not.
_OF_A_CLASS = re.compile(r"--[A-Z]\w*\.[\w.]+=.*", re.DOTALL)
#: Options of ctapipe-process by which events are left out at the end of a file.
_FEWER = re.compile(r"-m|--max-events|--([A-Z]\w*\.)*\w*EventSource\.max_events")
#: Names of the options that say what a tool reads and makes; those of traits without the class.
_NAMES = {
    "--input": ("-i", "--input-dir", "input_url", "input_dir"),
    "--output": ("-o", "output_path"),
    "--config": ("-c", "config_file", "config_files"),
    "--reconstructor": ("-r", "reconstructor_paths"),
}


class OfCtapipe(Stage):
    """A stage whose commands are tools of ctapipe, which refuse an option that is given twice."""

    workflows: ClassVar[tuple[str, ...]] = ("ctapipe",)

    def refused(self, step: Step, commands: Sequence[Command]) -> Sequence[Problem]:
        """Options that lstluigi gives, too."""
        return list(_given_twice(step, commands))


def not_for_all_tools(step: Step) -> Iterator[Problem]:
    """The first option that only some of the ctapipe tools would take that a step runs."""
    for word in step.arguments:
        if not _OF_A_CLASS.fullmatch(word):
            what = f"{shown(word)} does not have the form --Class.name=value"
            mend = f"write it so: {step.stage} runs several tools of ctapipe, which all take that"
            yield Problem(step.where("options"), what, mend)
            return


def fewer_events(step: Step) -> Iterator[Problem]:
    """Options by which DL1 would not be whole: of DL0, it would fail when the job has run."""
    for word in step.arguments:
        if _FEWER.fullmatch(word.partition("=")[0]):
            what = (
                f"{shown(word)}: events that are left out take the distribution of thrown showers "
                "with them, or count as thrown and not triggered"
            )
            yield Problem(step.where("options"), what, "take it out, and read fewer files instead")


def _given_twice(step: Step, commands: Sequence[Command]) -> Iterator[Problem]:
    theirs = Counter(_with_value(step.arguments))
    ours = {name for words in commands for name in Counter(_with_value(words)) - theirs}
    for word in step.arguments:
        if _long(word) in ours:
            what = f"{shown(word)}: lstluigi gives this option itself, and it may be given once"
            mend = "take it out: the paths of the step are what counts"
            yield Problem(step.where("options"), what, mend)


def _with_value(words: Sequence[str]) -> Iterator[str]:
    """Full names of the options among words that have a value: flags may be given twice."""
    for word, following in zip_longest(words, words[1:], fillvalue="-"):
        if word.startswith("-") and ("=" in word or not following.startswith("-")):
            yield _long(word)


def _long(word: str) -> str:
    """The full name of an option that a tool is given under several, without its value."""
    name = word.partition("=")[0]
    trait = name.rpartition(".")[2] if name.startswith("--") else name
    return next((full for full, names in _NAMES.items() if trait in names), name)
