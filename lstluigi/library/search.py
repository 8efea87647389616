"""Which productions of the libraries are meant."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from lstluigi.errors import LstluigiError, shown
from lstluigi.library.model import Production
from lstluigi.library.names import version_parts

__all__ = ["Filters", "alone", "find", "known", "select"]


@dataclass(frozen=True)
class Filters:
    """What a production must be like; everything that is given must be so.

    Parameters
    ----------
    dec : sequence of str
        It has each of these training lines, with or without ``dec_``.
    nsb : float, optional
        It has this NSB level.
    lstchain : str, optional
        Its version of lstchain is this one or starts with it: ``0.10`` is not ``0.1``.
    stage : sequence of str
        Each of these stages is run.
    text : sequence of str
        Each of these texts is in one of its names or in its readme, in whatever case.
    """

    dec: Sequence[str] = ()
    nsb: float | None = None
    lstchain: str | None = None
    stage: Sequence[str] = ()
    text: Sequence[str] = ()

    @property
    def given(self) -> bool:
        """True if there is any."""
        return self != Filters()


def select(productions: Iterable[Production], filters: Filters) -> list[Production]:
    """Return the productions that are as the filters want them."""
    return [production for production in productions if _fits(production, filters)]


def _fits(production: Production, filters: Filters) -> bool:
    lines = {_line(line) for line in production.lines}
    stages = {*production.stages_to_run}
    return (
        all(_line(line) in lines for line in filters.dec)
        and (filters.nsb is None or any(abs(x - filters.nsb) < 1e-6 for x in production.levels))
        and (filters.lstchain is None or _is_version(production.lstchain, filters.lstchain))
        and all(stage in stages for stage in filters.stage)
        and _holds(production, filters.text)
    )


def _line(line: str) -> str:
    return line.lower().removeprefix("dec_")


def _is_version(version: str | None, wanted: str) -> bool:
    parts = version_parts(wanted)
    return version is not None and version_parts(version)[: len(parts)] == parts


def _holds(production: Production, texts: Sequence[str]) -> bool:
    own = (production.name, production.prod_id, production.prod_type, production.text)
    held = "\n".join(filter(None, [*own, *production.configs])).casefold()
    return all(text.casefold() in held for text in texts)


def alone(productions: Sequence[Production], filters: Filters) -> list[str]:
    """Say how many productions each thing that is asked for leaves by itself, if it is several."""
    parts = [
        (field.name, one)
        for field in fields(filters)
        if (value := getattr(filters, field.name)) != field.default
        for one in (value if isinstance(value, (list, tuple)) else [value])
    ]
    if len(parts) < 2:
        return []
    said = []
    for name, one in parts:
        several = isinstance(getattr(Filters, name), tuple)
        only: dict[str, Any] = {name: [one] if several else one}
        wanted = Filters(**only)
        said.append(f"{name} {shown(str(one))} {len(select(productions, wanted))}")
    return [f"left by each alone: {', '.join(said)}"]


def known(productions: Sequence[Production], filters: Filters) -> list[str]:
    """Say which values there are for what is asked for; for a search without a result."""
    values: list[tuple[bool, str, Callable[[Production], Iterable[object]]]] = [
        (bool(filters.dec), "declinations", lambda p: p.lines),
        (filters.nsb is not None, "NSB levels", lambda p: p.levels),
        (
            filters.lstchain is not None,
            "versions of lstchain",
            lambda p: filter(None, [p.lstchain]),
        ),
        (bool(filters.stage), "stages", lambda p: p.stages_to_run),
    ]
    said = []
    for asked, what, of in values:
        if asked:
            there = sorted({str(value) for production in productions for value in of(production)})
            said.append(f"{what} there: {', '.join(map(_word, there)) or 'none'}")
    return said


def _word(value: str) -> str:
    return value if value.isprintable() else shown(value)


def find(productions: Sequence[Production], name: str) -> Production:
    """Return the production that is called so.

    Parameters
    ----------
    name : str
        Its directory in the library or the last part of it, its prod_id, its directory's path, or
        a part of one of these that no other production has.

    Raises
    ------
    LstluigiError
        None is, or several are.
    """
    wanted = name.rstrip("/")
    ways: list[Callable[[Production], bool]] = [
        lambda p: wanted in (p.name, p.directory),
        lambda p: wanted == p.name.rpartition("/")[2],
        lambda p: wanted == p.prod_id,
        lambda p: wanted in p.name or wanted in (p.prod_id or ""),
    ]
    for way in ways if wanted else ():
        found = [production for production in productions if way(production)]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(shown(_called(production)) for production in found[:10])
            raise LstluigiError(
                f"{shown(name)} may be {len(found)} productions ({names}"
                f"{', ...' if len(found) > 10 else ''}); give the whole name"
            )
    near = difflib.get_close_matches(wanted, [production.name for production in productions])
    mend = f"near: {', '.join(map(shown, near))}" if near else "lstluigi productions list has all"
    raise LstluigiError(f"there is no production {shown(name)}; {mend}")


def _called(production: Production) -> str:
    return f"{production.name} ({production.prod_id})" if production.prod_id else production.name
