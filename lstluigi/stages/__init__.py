"""The stages of the workflows, one module each: found here by being here."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from inspect import isabstract

from lstluigi.stages.base import Stage


def _stages() -> Iterator[Stage]:
    for module in pkgutil.iter_modules(__path__):
        members = vars(importlib.import_module(f"{__name__}.{module.name}")).values()
        for member in members:
            if isinstance(member, type) and issubclass(member, Stage) and not isabstract(member):
                yield member()


#: Every stage by its name in configs.
STAGES: dict[str, Stage] = {stage.name: stage for stage in _stages()}
