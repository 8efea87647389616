"""Write down which classes of ctapipe a config may have sections for, and their traits.

Called with the python of an environment that has ctapipe, when lstchain pins another one:
``python tools/ctapipe_classes.py > lstluigi/ctapipe_classes.json``
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator

import ctapipe.tools
from ctapipe.core import Component, Tool
from ctapipe.io import metadata
from traitlets.config import Configurable


def classes() -> dict[str, list[str]]:
    """Traits by class: those of subclasses, too, since they read the sections of their bases."""
    for module in pkgutil.iter_modules(ctapipe.tools.__path__):
        if module.name not in ("conftest", "tests"):
            importlib.import_module(f"ctapipe.tools.{module.name}")
    importlib.import_module("ctapipe_io_lst")  # the plug-in that comes with lstchain
    found = {c.__name__: sorted(_traits(c)) for top in (Component, Tool) for c in _family(top)}
    plain = (metadata.Contact, metadata.Instrument)
    found |= {c.__name__: sorted(c.class_trait_names(config=True)) for c in plain}
    return dict(sorted(found.items()))


def _family(top: type[Configurable]) -> Iterator[type[Configurable]]:
    yield top
    for below in top.__subclasses__():
        yield from _family(below)


def _traits(top: type[Configurable]) -> set[str]:
    return {name for c in _family(top) for name in c.class_trait_names(config=True)}


if __name__ == "__main__":
    lines = (f"{json.dumps(name)}: {json.dumps(traits)}" for name, traits in classes().items())
    print("{", ",\n".join(lines), "}", sep="\n")
