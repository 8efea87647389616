"""What models (joblib files of scikit-learn) say of themselves, without loading any.

A pickle is a program: its words are read one by one here, and none is carried out. Attributes come
in front of the trees, so that the beginning of a file of many GB is enough.
"""

from __future__ import annotations

import importlib.metadata
import io
import os
import pickletools
import zlib
from typing import Any, Iterator, List, Optional, Tuple

from .base import ItemError, Json

LIMIT = 1 << 20  # bytes of the unpacked beginning
VERSION, NAMES, COUNT, TREES = (
    "_sklearn_version",
    "feature_names_in_",
    "n_features_in_",
    "estimators_",
)
# Trees of scikit-learn before this version do not load in it or later ones (lstchain#1366).
TREES_CHANGED = (1, 3)
MARKS = {"b", "latin1", "O8", "|"}  # how numpy begins an array of names


class Model:
    """What a model says: its features, their number, and the scikit-learn that made it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.version = ""
        self.features: List[str] = []
        self.count: Optional[int] = None
        self._read(words(path))
        if self.count != len(self.features):  # trained with bare arrays, or not understood
            self.features = []

    def _read(self, found: Iterator[Tuple[str, Any]]) -> None:
        attribute, named = "", False
        for kind, value in found:
            if value == TREES:
                return
            if value in (VERSION, NAMES, COUNT):
                attribute, named = value, False
            elif attribute == VERSION and isinstance(value, str):
                self.version, attribute = self.version or value, ""
            elif attribute == COUNT and kind.startswith(("BININT", "INT")):
                self.count, attribute = value, ""
            elif attribute == NAMES and kind == "STOP":
                attribute = ""
            elif attribute == NAMES and kind.startswith("GLOBAL"):
                named = True
            elif attribute == NAMES and named and kind == "BINUNICODE" and value not in MARKS:
                self.features.append(value)


def words(path: str) -> Iterator[Tuple[str, Any]]:
    """Yield kind and argument of each word of the pickles at the beginning of a file."""
    try:
        stream = beginning(path)
        while True:  # joblib writes an array of names as a pickle within the pickle
            for word, value, _ in pickletools.genops(stream):
                yield word.name, value
    except (ValueError, EOFError, zlib.error, UnicodeDecodeError, IndexError):
        return  # the end of the beginning, or bytes of an array


def beginning(path: str) -> io.BytesIO:
    """Return the beginning of a file, unpacked where it is packed by zlib or gzip."""
    with open(path, "rb") as file:
        start = file.read(LIMIT)
    if start.startswith((b"\x1f\x8b", b"\x78")):
        start = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(start, LIMIT)
    return io.BytesIO(start)


def differing(path: str, wanted: List[str]) -> str:
    """Say in what the features of a model differ from those wanted; nothing if they agree."""
    model = Model(path)
    if model.features:
        if model.features == wanted:
            return ""
        more = [name for name in model.features if name not in wanted]
        less = [name for name in wanted if name not in model.features]
        parts = [f"it alone has {', '.join(more)}"] * bool(more)
        parts += [f"the lstchain config alone has {', '.join(less)}"] * bool(less)
        how = " and ".join(parts) or "the order is another"
    elif model.count is None or model.count == len(wanted):
        return ""
    else:
        how = f"it has {model.count}, the lstchain config {len(wanted)}"
    return f"the model {path} was trained with other features: {how}"


def refuse_models(models: Json) -> None:
    """Refuse models that cannot be applied with the features wanted.

    Parameters
    ----------
    models : dict
        Features, in their order, by the path of a model. A file that is missing is not looked at.

    Raises
    ------
    ItemError
        Naming the model, and in what it differs.
    """
    for path, wanted in models.items():
        if not os.path.isfile(path):
            continue
        reason = differing(path, wanted)
        if reason:
            raise ItemError(reason, bad_data=True, certain=True)


def refuse_outdated(models: List[str]) -> None:
    """Refuse models that this environment's scikit-learn cannot load."""
    for path in models:
        reason = outdated(path) if path.endswith(".sav") and os.path.isfile(path) else ""
        if reason:
            raise ItemError(reason, bad_data=True, certain=True)


def outdated(path: str) -> str:
    """Say so where this environment's scikit-learn cannot load a model of another version."""
    try:
        here = importlib.metadata.version("scikit-learn")
    except importlib.metadata.PackageNotFoundError:
        return ""
    made = Model(path).version
    numbers = [tuple(int(n) for n in v.split(".")[:2] if n.isdigit()) for v in (made, here)]
    if made and len({number < TREES_CHANGED for number in numbers}) > 1:
        return (
            f"the model {path} was trained with scikit-learn {made}, and {here} of the jobs' "
            "environment cannot load it: train it again, or take the environment that it was "
            "trained in"
        )
    return ""
