"""Is a production made of toy data, which no reader may take for science?"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator

from lstluigi.production.places import PARAMETERS_FILE
from lstluigi.production.status.model import ProductionState
from lstluigi.report.figures import there

__all__ = ["toy_data"]

#: Directories above an input in which the label of a toy data set is looked for.
LEVELS = 10
RUNS = "/simulation/run_config"


def toy_data(state: ProductionState) -> str:
    """Return how one knows that a production is made of toy data; empty where it is not.

    The label lies in the directory of the DL0; where that is away, DL1 and DL2 say which program
    simulated the showers: CORSIKA's number is 1, `lstluigi simulate` writes 0.
    """
    for label in _labels(state):
        if os.path.isfile(label):
            return f"{label} says so"
    for step in state.steps:
        for file in there(state, step):
            if file.endswith(".h5"):
                return f"{file} has showers of no version of CORSIKA" if _is_toy(file) else ""
    return ""


def _labels(state: ProductionState) -> Iterator[str]:
    """Where the label would lie: above each path that the production reads from outside."""
    seen: set[str] = set()
    outside = state.plan.outside
    paths = (reading.path for node in state.plan.steps for reading in outside.external(node))
    for path in dict.fromkeys(paths):
        for _ in range(LEVELS):
            path = os.path.dirname(path)
            if path in seen:
                break
            seen.add(path)
            yield os.path.join(path, PARAMETERS_FILE)


def _is_toy(path: str) -> bool:
    """Tell from a DL1 or DL2 file; one that cannot be read says nothing."""
    import tables

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # strings of variable length in the provenance
            with tables.open_file(path) as file:
                runs = file.get_node(RUNS)
                names = {"corsika_version", "shower_prog_id"}
                return names <= set(runs.colnames) and all(
                    not runs.col(name).any() for name in names
                )
    except Exception:  # HDF5 and its readers each raise their own
        return False
