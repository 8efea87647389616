"""The readme of a request: questions that its author answers, and how the configs were made."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["NAME", "Origin", "brought_up_to_date", "template"]

NAME = "readme.md"
_MADE = "## How the configs were made"

_QUESTIONS = """\
# {prod_id}

<!--
This file is public and says nothing private: no names of sources, persons or proposals.
Answer each question in a sentence or two below it, and take the question out.
-->

## What it is for

What is to be analysed with it: declination, zenith angles, brightness of the sky? Which products
are needed: models, DL2, IRFs, sensitivity?

## Why no production that exists is enough

Which is the nearest that `lstluigi productions search` finds, and what does it lack?

## What is not standard, and why

What differs from a standard production: cleaning, tuning, features, nodes, stages? Where do the
values of a tuning come from (which tool, what kind of data)?

## How it is checked

What will be looked at when it is ready, and against what is it compared?

## When it is needed

By when, and until when are the intermediate files (DL1, DL2) to be kept?

"""


@dataclass(frozen=True)
class Origin:
    """How the files of a request were made.

    Parameters
    ----------
    command : sequence of str
        The command line.
    lstchain : str
        What the lstchain config started from, in words.
    steps : mapping of str to int
        Number of steps by stage.
    changes : sequence of str
        What has been changed in the lstchain config.
    notices : sequence of str
        What else is to be known of it.
    """

    command: Sequence[str]
    lstchain: str
    steps: Mapping[str, int] = field(default_factory=dict)
    changes: Sequence[str] = ()
    notices: Sequence[str] = ()

    def section(self) -> str:
        """Return it as the last section of a readme."""
        lines = [_MADE, "", "```console", f"$ {shlex.join(self.command)}", "```", ""]
        if self.steps:
            lines += ["| Stage | Steps |", "|---|---|"]
            lines += [f"| {stage} | {count} |" for stage, count in self.steps.items()]
            lines += [""]
        lines += [f"The lstchain config is {self.lstchain}{', with' if self.changes else '.'}", ""]
        if self.changes:
            lines += [*(f"- `{change}`" for change in self.changes), ""]
        if self.notices:
            lines += ["To be known:", "", *(f"- {notice}" for notice in self.notices), ""]
        return _without_home("\n".join(lines))


def _without_home(text: str) -> str:
    """Write the user's home directory as the shell does: its name says whose it is."""
    home = os.path.expanduser("~")
    for private in {home, os.path.realpath(home)} - {"/", "~"}:
        text = re.sub(rf"(?<![\w./-]){re.escape(private)}(?![\w.-])", "~", text)
    return text


def template(prod_id: str, origin: Origin) -> str:
    """Return a readme whose questions are to be answered."""
    return _QUESTIONS.format(prod_id=prod_id) + origin.section()


def brought_up_to_date(readme: str, origin: Origin) -> str:
    """Return a readme with the answers it has, and with the section on its making as it is now."""
    section = re.compile(rf"^{_MADE}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    found = section.search(readme)
    if found is None:
        return f"{readme.rstrip()}\n\n{origin.section()}"
    after = readme[found.end() :]
    return readme[: found.start()] + origin.section() + (f"\n{after}" if after else "")
