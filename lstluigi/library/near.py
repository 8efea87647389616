"""Productions whose lines, stages, lstchain settings and nodes equal mine, or nearly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lstluigi.config.tool_config import canonical, is_lstchain
from lstluigi.errors import LstluigiError, shown
from lstluigi.files import YAML
from lstluigi.layouts.nodes import Node, node, separation
from lstluigi.library.likeness import Likeness, Names, Overlap
from lstluigi.library.model import Production
from lstluigi.library.settings import read_settings

__all__ = ["Request", "likenesses", "request_of"]

#: Pointings so near (deg) are one; names have two or three decimals.
_SAME_DEG = 0.01
#: Lists longer than this are told by their differences.
_FEW = 4
_ABSENT = object()


@dataclass(frozen=True)
class Request:
    """What a production is compared with.

    Parameters
    ----------
    settings : mapping
        Of the lstchain config.
    own : Production, optional
        What the production config says; None where an lstchain config alone was given.
    path : Path, optional
        The file; a production is not compared with itself.
    """

    settings: Mapping[str, Any]
    own: Production | None = None
    path: Path | None = None


def request_of(path: Path) -> Request:
    """Read what is compared: a production config with its lstchain config, or the latter alone.

    Raises
    ------
    LstluigiError
        It is neither, or the lstchain config is not known.
    """
    if not path.name.endswith(YAML):
        return Request(_settings(path))
    from lstluigi.library.read import read_file

    own = read_file(path.absolute())
    if own.lstchain_config is None:
        raise LstluigiError(
            f"the lstchain config of {shown(str(path))} is not known: there is not exactly one "
            "*.json beside it; name it with the key lstchain_config, or give its path instead"
        )
    return Request(_settings(Path(own.lstchain_config)), own, path.resolve())


def _settings(path: Path) -> Mapping[str, Any]:
    content = read_settings(path)
    if not is_lstchain(content):
        raise LstluigiError(
            f"{shown(str(path))} is no lstchain config (it has neither tailcut nor image_extractor)"
            "; give one, or a production config with one beside it"
        )
    plain = _plain(content)
    assert isinstance(plain, dict)
    return plain


def _plain(value: Any) -> Any:
    """Return a value so that equal numbers are written equally: 8 and 8.0."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def likenesses(
    productions: Iterable[Production], request: Request
) -> tuple[list[Likeness], list[Production]]:
    """Compare productions with a request.

    Returns
    -------
    likenesses : list of Likeness
        The most like first: in lines and stages, then in settings, then in nodes.
    others : list of Production
        Those whose lstchain config is not known or cannot be read.
    """
    found: list[Likeness] = []
    others: list[Production] = []
    ours = dict(_leaves(request.settings))
    nodes = _angles(request.own.nodes) if request.own is not None else {}
    for production in productions:
        directory = Path(production.directory).resolve()
        own = [directory / name for name in production.configs]
        if request.path is not None and request.path in own:
            continue
        try:
            if production.lstchain_config is None:
                raise LstluigiError("not known")
            theirs = dict(_leaves(_settings(Path(production.lstchain_config))))
        except LstluigiError:
            others.append(production)
            continue
        like = Likeness(production, len({*theirs, *ours}), list(_differences(theirs, ours)))
        if request.own is not None:
            like = replace(
                like,
                lines=Names.of(production.lines, request.own.lines),
                stages=Names.of(production.stages_to_run, request.own.stages_to_run),
                nodes=_overlaps(_angles(production.nodes), nodes),
                versions=_versions(production, request.own),
            )
        found.append(like)
    found.sort(key=lambda like: like.order)
    return found, others


def _versions(production: Production, own: Production) -> tuple[str, str] | None:
    theirs, mine = production.lstchain, own.lstchain
    return (theirs, mine) if theirs and mine and theirs != mine else None


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield single settings by their full keys; a list is one."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{key}.{name}" if key else name)
    else:
        yield key, value


def _differences(theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted({*theirs, *mine}):
        one, other = theirs.get(key, _ABSENT), mine.get(key, _ABSENT)
        # as JSON, where true is not 1
        if one is _ABSENT or other is _ABSENT or canonical(one) != canonical(other):
            yield f"{key}: {_change(one, other)}"


def _change(one: Any, other: Any) -> str:
    """Say how a setting differs; of lists of features, what the other has more and less."""
    if isinstance(one, list) and isinstance(other, list):
        more = [f"+{item}" for item in other if item not in one]
        less = [f"-{item}" for item in one if item not in other]
        if len(one) != len(other) or len(one) > _FEW:
            return " ".join([*less, *more]) or "in another order or number"
    return " -> ".join("absent" if value is _ABSENT else shown(value) for value in (one, other))


def _angles(nodes: Mapping[str, Sequence[str]]) -> dict[str, list[Node]]:
    return {
        group: [found for name in names if (found := node(name)) is not None]
        for group, names in nodes.items()
    }


def _overlaps(
    theirs: Mapping[str, list[Node]], mine: Mapping[str, list[Node]]
) -> dict[str, Overlap]:
    return {
        group: _overlap(theirs.get(group, []), mine.get(group, []))
        for group in sorted({*theirs, *mine})
    }


def _overlap(theirs: list[Node], mine: list[Node]) -> Overlap:
    left = list(mine)
    both = 0
    for one in theirs:
        match = next((other for other in left if _same(one, other)), None)
        if match is not None:
            left.remove(match)
            both += 1
    return Overlap(both, len(theirs) - both, len(left))


def _same(one: Node, other: Node) -> bool:
    # most differ in zenith, which is told without an angle
    return abs(one.zenith - other.zenith) < _SAME_DEG and separation(one, other) < _SAME_DEG
