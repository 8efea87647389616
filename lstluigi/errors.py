"""What goes wrong because of what the user gave, told in sentences."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from lstluigi.folding import shortened

__all__ = [
    "NOTHING_DONE",
    "Busy",
    "ConfigError",
    "Declined",
    "LstluigiError",
    "Problem",
    "Refused",
    "counted",
    "sentence",
    "shown",
]

#: How a command ends that was only to say what it would do, or whose question was declined.
NOTHING_DONE = "nothing was done"

log = logging.getLogger("lstluigi")


def shown(value: object, limit: int = 120) -> str:
    """Quote a value of a config for a message.

    Parameters
    ----------
    value : object
        Anything, from a hostile config too.
    limit : int
        Longest text shown, in characters.

    Returns
    -------
    str
        One line of printable characters, so that no value can break a terminal or a log.
    """
    text = repr(value[: limit + 1]) if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class LstluigiError(Exception):
    """An error that the user can mend; its text is the sentence to show, without a traceback."""

    exit_code = 2


class Declined(LstluigiError):
    """The user was asked, and did not agree."""

    exit_code = 1

    def __init__(self) -> None:
        super().__init__(NOTHING_DONE)


def sentence(error: BaseException) -> str:
    """Return what to tell the user of something that went wrong.

    Where it is no fault of the user's, the log has the traceback at its level DEBUG.
    """
    if isinstance(error, LstluigiError):
        return str(error)
    log.debug("a fault of lstluigi", exc_info=error)
    return f"{type(error).__name__}: {error}; this is a fault of lstluigi, please report it"


class Refused(LstluigiError):
    """What is asked for cannot be had.

    Parameters
    ----------
    what : str
        What is wrong with it.
    mend : str
        What to ask for instead.
    """

    def __init__(self, what: str, mend: str) -> None:
        self.what, self.mend = what, mend
        super().__init__(f"{what}; {mend}")


@dataclass(frozen=True)
class Problem:
    """One thing to mend in a config.

    Parameters
    ----------
    where : str
        File, line, stage, step number and key, as far as they are known.
    what : str
        What is wrong there.
    mend : str
        What to do about it.
    loses : bool
        Whether a step, or what it reads or makes, is not known for it: what steps have to do with
        each other can then not be told.
    """

    where: str
    what: str
    mend: str
    loses: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.mend}."


class ConfigError(LstluigiError):
    """Every problem found in a config, or in what it needs, at once.

    Parameters
    ----------
    problems : iterable of Problem
        At least one.
    read : object, optional
        The config without what is wrong in it, in which more may be found.
    """

    def __init__(self, problems: Iterable[Problem], read: object = None) -> None:
        self.problems = tuple(problems)
        self.read = read
        super().__init__(self.problems)

    def __str__(self) -> str:
        count = len(self.problems)
        head = f"{count} problem{'s keep' if count != 1 else ' keeps'} the production from running:"
        found = ((problem.what, str(problem)) for problem in self.problems)
        return "\n".join([head, *shortened(found, "lstluigi validate --check-paths --all")])


class Busy(ConfigError):
    """Another run makes the same products; nothing else is in the way."""

    exit_code = 10
