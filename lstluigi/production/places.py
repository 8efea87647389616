"""Where products lie, and what is kept beside them."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lstluigi.errors import LstluigiError, shown

if TYPE_CHECKING:  # to look a cost up loads no stage
    from lstluigi.stages.base import Made

SCRATCH = ".lstluigi"

#: Written at the root of toy data: the parameters the data set was made with.
PARAMETERS_FILE = "toy_dataset.json"


@dataclass(frozen=True, slots=True)
class Places:
    """Where a step keeps what is not a product.

    Attributes
    ----------
    anchor
        The product itself if it is one directory, else the directory of the first product.
    label
        Name that is the step's own in `anchor`.
    logs
        Directory of scripts, logs, manifest, recipe, ledger and lock.
    """

    anchor: str
    label: str
    logs: str

    @classmethod
    def of(cls, makes: Sequence[Made], logs: str) -> Places:
        """Places of a step that makes these paths and names its log directory `logs`."""
        first = makes[0]
        if len(makes) == 1 and first.directory:
            anchor, label = first.path, "step"
        else:
            anchor, label = os.path.split(first.path)
        return cls(anchor, label, os.path.join(anchor, logs))

    def beside(self, suffix: str) -> str:
        """Path of a file of this step in its log directory."""
        return os.path.join(self.logs, f"{self.label}.{suffix}")

    @property
    def recipe(self) -> str:
        """What determined the product's content."""
        return self.beside("recipe.json")

    @property
    def manifest(self) -> str:
        """The files behind a directory that no step makes, and what became of them."""
        return self.beside("manifest.json")

    @property
    def ledger(self) -> str:
        """What was submitted for the step."""
        return self.beside("ledger.jsonl")

    @property
    def lock(self) -> str:
        """Held while a run makes the step."""
        return self.beside("lock")

    @property
    def scratch(self) -> str:
        """Directory for what is not whole yet, on the file system of the product."""
        return os.path.join(self.anchor, SCRATCH, self.label)

    def clear_scratch(self) -> None:
        """Remove the scratch directory, and the one around it if no other step is using it."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(self.scratch))


def cost_in(logs: str, prod_id: str) -> str:
    """Path of what a production has cost, in a directory of its logs."""
    return os.path.join(logs, f"cost_{prod_id}.json")


VARIABLE = "LSTLUIGI_PROD_LOGS"


def logs_root() -> Path:
    """`$LSTLUIGI_PROD_LOGS`, or its default in the user's home."""
    given = Path(os.environ.get(VARIABLE) or f"~/{VARIABLE}")
    try:
        return given.expanduser().absolute()
    except RuntimeError:
        raise LstluigiError(
            f"the home directory in {shown(str(given))}, for logs of productions, is not known "
            f"here; give ${VARIABLE} as a path without ~"
        ) from None


def directory_of(prod_id: str) -> str:
    """Directory of a production's own logs."""
    return str(logs_root() / f"logs_{prod_id}")


def run_log(prod_id: str) -> str:
    """What a run without a terminal writes its output to."""
    return os.path.join(directory_of(prod_id), f"run_{prod_id}.log")


def cost_file(prod_id: str) -> str:
    """What a production has cost, as it was at the end of its last run."""
    return cost_in(directory_of(prod_id), prod_id)
