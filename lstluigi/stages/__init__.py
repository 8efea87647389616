"""The stages of the workflows, one module each; scripts/ that they run in a job."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from inspect import isabstract

from lstluigi.config import Shape
from lstluigi.stages.base import Stage


def _stages() -> Iterator[Stage]:
    for module in pkgutil.iter_modules(__path__):
        members = vars(importlib.import_module(f"{__name__}.{module.name}")).values()
        for member in members:
            own = isinstance(member, type) and member.__module__ == f"{__name__}.{module.name}"
            if own and issubclass(member, Stage) and not isabstract(member):
                yield member()


_ALL = tuple(_stages())
#: Every stage by its name in configs, for each kind of workflow.
WORKFLOWS: dict[str, dict[str, Stage]] = {
    kind: {stage.name: stage for stage in _ALL if kind in stage.workflows}
    for kind in ("lstchain", "ctapipe", "hiperta")
}
#: Those of lstchain's workflow.
STAGES = WORKFLOWS["lstchain"]
#: What the steps of each stage look like, for each kind of workflow.
SHAPES: dict[str, dict[str, Shape]] = {
    kind: {name: stage.shape for name, stage in stages.items()}
    for kind, stages in WORKFLOWS.items()
}
