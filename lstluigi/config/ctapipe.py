"""What is wrong with a config of ctapipe, seen without ctapipe.

A tool of ctapipe refuses an unknown name in a section it reads, when its job has begun. Sections
that no tool knows are passed over in silence, so with a mistyped one, or with a config of lstchain,
the defaults would count. (Both measured on ctapipe 0.25.1.)
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lstluigi.errors import Problem, shown

#: How alike two names of classes are where one is taken for the other mistyped: plug-ins of ctapipe
#: bring classes of their own.
ALIKE = 0.85
#: What the JSON of a traitlets config may say of its own format.
FORMAT_KEY = "version"
START = "start from configs/ctapipe_lst.yml"


@cache
def known_classes() -> Mapping[str, list[str]]:
    """Traits of each class of ctapipe and its subclasses: see `tools/ctapipe_classes.py`."""
    text = Path(__file__).with_name("ctapipe_classes.json").read_text(encoding="utf-8")
    found: dict[str, list[str]] = json.loads(text)
    return found


def ctapipe_problems(where: str, content: Mapping[str, Any]) -> Iterator[Problem]:
    """Say what ctapipe would pass over or refuse.

    Parameters
    ----------
    where : str
        The config's name for messages.
    content : mapping
        What it says.
    """
    no_classes = [key for key in content if not _is_class(key) and key != FORMAT_KEY]
    if no_classes:
        others = f" and {len(no_classes) - 1} more" if len(no_classes) > 1 else ""
        what = f"{shown(no_classes[0])}{others}: no section of a ctapipe config is called so"
        mend = (
            f"name sections by classes, such as EventSource, or, if this is another tool's, {START}"
        )
        yield Problem(where, what, mend)
        return
    for key, value in content.items():
        if key != FORMAT_KEY:
            yield from _section(where, key, key, value)


def ctapipe_remarks(content: Mapping[str, Any]) -> Iterator[str]:
    """Say what products will hold that one telescope has no use for.

    Parameters
    ----------
    content : mapping
        What the config says.
    """
    for key, value in content.items():
        if not isinstance(value, Mapping):
            continue
        if key == "DataWriter" and value.get("write_dl2") is True:
            yield (
                "DataWriter.write_dl2 has DL1 hold the directions that several telescopes would "
                "see, too (/dl2, by HillasReconstructor): of one they are all nan, and no later "
                "stage reads them"
            )
        yield from ctapipe_remarks(value)


def _is_class(key: object) -> bool:
    return isinstance(key, str) and key[:1].isupper()


def _section(where: str, path: str, name: str, value: Any) -> Iterator[Problem]:
    """Yield what is wrong with the section of a class and with those inside it."""
    here, classes = f"{where}, key {shown(path)}", known_classes()
    near = difflib.get_close_matches(name, classes, 1, ALIKE) if name not in classes else []
    if near:
        yield Problem(here, f"ctapipe has no class {shown(name)}", f"write {near[0]!r}")
    elif not isinstance(value, Mapping):
        mend = "write the names of its settings below it, or take it out"
        yield Problem(here, "the section holds no names and values", mend)
    else:
        for key, inner in value.items():
            if _is_class(key):
                yield from _section(where, f"{path}.{key}", key, inner)
            elif name in classes and key not in classes[name]:
                close = difflib.get_close_matches(str(key), classes[name], 1)
                mend = (
                    f"write {close[0]!r}"
                    if close
                    else f"`--help-all` of its tools tells what {name} has"
                )
                yield Problem(
                    f"{where}, key {shown(f'{path}.{key}')}", f"{name} has no such setting", mend
                )
