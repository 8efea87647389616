"""Which configs of tools a production names, and which lie beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from lstluigi.config import values
from lstluigi.config.keys import Key
from lstluigi.config.section import Section
from lstluigi.config.tool_config import TOOLS, tool_of
from lstluigi.errors import Problem, shown

__all__ = [
    "TOOL_CONFIG_KEYS",
    "TOOL_KEYS",
    "contradiction",
    "idle_configs",
    "json_files",
    "lone_json",
    "main_tool",
    "missing_tool_config",
    "tool_configs",
]

MayRead = Callable[[Path], bool]

TOOL_KEYS = {tool: f"{tool}_config" for tool in TOOLS}
#: The tool whose config is looked for beside the production config, if it is not lstchain.
_MAIN_TOOL = {"ctapipe": "ctapipe"}
_MAIN_TOOLS = ("lstchain", *_MAIN_TOOL.values())
#: The kinds of workflow that read the config of a tool.
_READ_IN = {"lstchain": ("lstchain", "hiperta"), "ctapipe": ("ctapipe",), "rta": ("hiperta",)}
#: What is said of the configs of the tools.
_TOOLS = {
    "lstchain": Key(
        "a path",
        "The lstchain config. `--lstchain-config` comes first, then this key.",
        "the only JSON file in the config's directory",
        new=True,
    ),
    "ctapipe": Key(
        "a path",
        "The ctapipe config, in the workflow `ctapipe`. `--ctapipe-config` comes first.",
        "there, the only JSON file in the config's directory",
        new=True,
    ),
    "rta": Key(
        "a path",
        "The config of HiPeRTA, in the workflow [`hiperta`](workflow-hiperta.md). `--rta-config` "
        "comes first.",
        new=True,
    ),
}
TOOL_CONFIG_KEYS = {TOOL_KEYS[tool]: _TOOLS[tool] for tool in TOOLS}


def main_tool(kind: str) -> str:
    """Return the tool of a kind of workflow whose config is looked for beside the production's."""
    return _MAIN_TOOL.get(kind, "lstchain")


class Contradiction(NamedTuple):
    """The kind of workflow that a production's configs of tools are for; what is wrong; a mend."""

    kind: str
    what: str
    mend: str


def contradiction(
    top: Section,
    kind: str,
    kinds: Iterable[str],
    base: str,
    given: Mapping[str, Path],
    may_read: MayRead,
) -> Contradiction | None:
    """Say that a production has the config of another kind of workflow's tool instead of its own.

    Parameters
    ----------
    top : Section
        The production config.
    kind : str
        The kind of workflow that it says it is of.
    kinds : iterable of str
        All that there are.
    base : str
        Absolute directory of the config.
    given, may_read
        As for `lstluigi.config.load.interpret`.

    Returns
    -------
    Contradiction or None
    """
    own = main_tool(kind)
    there = _there(top, own, base, given, may_read)
    others = [
        other
        for other in kinds
        if main_tool(other) in there and all(other in _READ_IN[tool] for tool in there)
    ]
    if own in there or not others or kind in others:
        return None
    meant = " or ".join(others)
    what = (
        f"the production has no {own} config, which the workflow {kind} needs, and "
        f"{shown(there[main_tool(others[0])])} is for {meant}"
    )
    mend = f"write {meant}, or name the {own} config with the key {TOOL_KEYS[own]}"
    return Contradiction(others[0], what, mend)


def _there(
    top: Section, own: str, base: str, given: Mapping[str, Path], may_read: MayRead
) -> dict[str, str]:
    """Tools of which a config is there, and what names it."""
    named = {t: key for t, key in TOOL_KEYS.items() if t in given or top.entries.get(key)}
    if own in named or (alone := _alone(top, base, given)) is None:
        return named
    return {_tool(alone, own, may_read): alone.name, **named}


def _tool(path: Path, own: str, may_read: MayRead) -> str:
    """The tool that a JSON file is the config of: a workflow's own, if nothing tells."""
    return (tool_of(path) if may_read(path) else None) or own


def missing_tool_config(tools: Sequence[str], path: Path, kind: str = "") -> tuple[str, str]:
    """Say that configs of tools are not known, and what to do.

    Parameters
    ----------
    tools : sequence of str
        One or more.
    path : Path
        The production config.
    kind : str, optional
        The kind of workflow that reads them, if it may be a mistake for another one.
    """
    keys, beside = [TOOL_KEYS[tool] for tool in tools], ""
    if any(tool in _MAIN_TOOLS for tool in tools):  # it may lie beside the config, and is JSON
        there = ", ".join(shown(file.name) for file in json_files(path.parent)[:10]) or "none"
        beside = f" (*.json beside it: {there})"
    several = len(tools) > 1
    options = " and ".join(f"--{key.replace('_', '-')}" for key in keys)
    named = "them with the keys" if several else "one with the key"
    mend = f"name {named} {' and '.join(keys)} "
    mend += f"or with {options}"
    if kind not in ("", "lstchain"):
        mend += f", or correct workflow_kind if it is not meant to be {kind}"
    are = "configs are" if several else "config is"
    return f"the {' and '.join(tools)} {are} not known{beside}", mend


def tool_configs(
    top: Section, base: str, kind: str, given: Mapping[str, Path], may_read: MayRead
) -> Iterator[tuple[str, Path]]:
    """Yield the configs of tools that are given, named, or found alone beside the config."""
    named = {key: top.take(key, partial(values.path, base=base)) for key in TOOL_KEYS.values()}
    for tool, key in TOOL_KEYS.items():
        path = named[key]
        if tool in given:
            where, chosen = f"--{key.replace('_', '-')}", Path(os.path.abspath(given[tool]))
        elif path is not None:
            where, chosen = top.place.where(key), Path(path)
        else:
            alone = _alone(top, base, given) if tool == main_tool(kind) else None
            if alone is not None and _tool(alone, tool, may_read) == tool:
                yield tool, alone
            continue
        if may_read(chosen) and not chosen.is_file():
            if tool not in given and kind not in _READ_IN[tool]:
                continue  # nothing needs it, which is told
            what = f"there is no file {shown(str(chosen))}"
            top.problems.append(Problem(where, what, f"name the {tool} config of the production"))
        yield tool, chosen


def _alone(top: Section, base: str, given: Mapping[str, Path]) -> Path | None:
    """The only JSON file in the config's directory, but for those named as configs of tools."""
    taken = {*map(os.path.abspath, given.values())}
    for key in TOOL_KEYS.values():
        if isinstance(named := top.entries.get(key), str):
            taken.add(os.path.normpath(os.path.join(base, named)))
    return lone_json(Path(base), taken)


def lone_json(directory: Path, taken: Collection[str]) -> Path | None:
    """Return the JSON file that lies alone in a directory, apart from those taken."""
    left = [file for file in json_files(directory) if str(file) not in taken]
    return left[0] if len(left) == 1 else None


def json_files(directory: Path) -> list[Path]:
    """Return the visible JSON files of a directory."""
    return sorted(
        path
        for path in directory.glob("*.json")
        if not path.name.startswith(".") and path.is_file()
    )


def idle_configs(top: Section, kind: str) -> Iterator[str]:
    """Say which configs of tools are named and read by nothing in this kind of workflow."""
    for tool, kinds in _READ_IN.items():
        if top.entries.get(TOOL_KEYS[tool]) is not None and kind not in kinds:
            yield (
                f"{top.place.where(TOOL_KEYS[tool])}: nothing in the workflow {kind} "
                f"reads it; it is for workflow_kind: {' or '.join(kinds)}."
            )
