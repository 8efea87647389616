"""Import luigi without two libraries that it can do without.

``import luigi`` takes 2.5 s and 60 MB where jsonschema and requests are installed, since
jsonschema parses a grammar on import. Luigi needs the first only for parameters with a schema
and the second only as a faster alternative to urllib.
"""

from __future__ import annotations

import configparser
import importlib
import importlib.util
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType

from lstluigi.errors import LstluigiError

__all__ = ["import_luigi"]

_KEPT_OUT = ("jsonschema", "rfc3987_syntax", "requests", "requests_unixsocket")


class _Absent:
    """A finder that reports some modules as not installed, to the thread that made it."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = frozenset(names)
        self._thread = threading.get_ident()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname in self._names and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"{fullname} is kept out for now", name=fullname)
        return None


@contextmanager
def _kept_out(names: Sequence[str]) -> Iterator[None]:
    finder = _Absent(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _OnFirstUse:
    """Stands in for a module and imports it when one of its names is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> object:
        return getattr(importlib.import_module(self._name), attribute)


def import_luigi() -> ModuleType:
    """Import luigi quickly, as far as nobody has imported it before.

    Afterwards ``import requests`` and ``import jsonschema`` work as ever. Luigi talks to a luigid
    through urllib. A parameter with a schema is validated as usual: jsonschema is imported when
    the first one is. A user of ``requests_unixsocket`` (a luigid behind a Unix socket) keeps
    requests.

    Returns
    -------
    module
        ``luigi``.

    Raises
    ------
    LstluigiError
        The user's ``luigi.cfg`` or ``luigi.toml`` cannot be read.
    """
    if "luigi" in sys.modules:
        return sys.modules["luigi"]
    unix_socket = importlib.util.find_spec("requests_unixsocket") is not None
    names = [
        name
        for name in _KEPT_OUT
        if name not in sys.modules and not (unix_socket and name.startswith("requests"))
    ]
    with _kept_out(names):
        try:
            luigi = importlib.import_module("luigi")
        except (configparser.Error, ValueError) as error:  # of luigi.cfg, of luigi.toml
            what = " ".join(str(error).split())
            raise LstluigiError(f"Luigi cannot read its configuration: {what}") from error
    if "jsonschema" in names and importlib.util.find_spec("jsonschema") is not None:
        parameter = importlib.import_module("luigi.parameter")
        vars(parameter).update(jsonschema=_OnFirstUse("jsonschema"), _JSONSCHEMA_ENABLED=True)
    return luigi
