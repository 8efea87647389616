"""The recipe of a product: what its content depends on, and how two recipes differ.

Not in a recipe: where a config lies, its comments, Slurm options, how files were shared among jobs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import Any, TypeGuard

from lstluigi.config.tool_config import TOOLS, ToolConfigs, differences, digest, without
from lstluigi.files import are_texts, read_sound, write_json

Content = Mapping[str, Any]
#: Recipes of format 1 hold the digest of the whole lstchain config.
FORMAT = 2
#: One change, put in words when it is to be shown.
Change = Callable[[], str]


def short(path: str) -> str:
    """Name of a product in the lists of recipes."""
    return digest(path)[:12]


@dataclass(frozen=True)
class Recipe:
    """What determines a product's content.

    Attributes
    ----------
    content
        Stage, commands, settings, inputs, environment, hashes of the tools' configs.
    upstream
        Digest of every product that it was made of, near or far, by `short` name.
    """

    content: Content
    upstream: Mapping[str, str]

    @cached_property
    def digest(self) -> str:
        """Hash of the content; what is upstream is compared one by one."""
        return digest(self.content)


def record(path: str, recipe: Recipe, configs: ToolConfigs, **notes: Any) -> None:
    """Keep a recipe at a path, the content of the tools' configs with it.

    `notes` are kept beside it and not compared.
    """
    value = {
        "format": FORMAT,
        "digest": recipe.digest,
        "content": recipe.content,
        "upstream": dict(recipe.upstream),
        **{f"{tool}_config": config.content for tool, config in configs.items()},
        **notes,
    }
    write_json(path, value)


def recorded(path: str) -> Mapping[str, Any] | None:
    """The recipe kept at a path, if there is one.

    Raises
    ------
    LstluigiError
        When it is damaged (`Damaged`) or cannot be read.
    """
    complaint = "is damaged, so how its product was made is not known"
    return read_sound(path, _is_sound, complaint)


def _is_sound(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Does a recipe that was read hold what a recipe holds?"""
    if not isinstance(value, Mapping):
        return False
    content, upstream = value.get("content"), value.get("upstream")
    return (
        isinstance(value.get("digest"), str)
        and isinstance(content, Mapping)
        and isinstance(content.get("makes", {}), Mapping)
        and isinstance(content.get("commands", []), list)
        and all(map(are_texts, content.get("commands", [])))
        and isinstance(upstream, Mapping)
        and are_texts(list(upstream.values()))
        and isinstance(value.get("accepted", []), list)
        and all(map(_is_acceptance, value.get("accepted", [])))
        and are_texts(value.get("by_hand", []))
    )


def _is_acceptance(value: Any) -> bool:
    return isinstance(value, Mapping) and are_texts(value.get("changes"))


def accepted_changes(record: Mapping[str, Any]) -> tuple[str, ...]:
    """In which words a product differed from its recipe when the user kept it as it was."""
    notes = record.get("accepted", ())
    return tuple(change for note in notes for change in note["changes"])


def path_of(content: Content) -> str:
    """The path that names a product, by its recipe; empty where it does not say."""
    return next(iter(content.get("makes", ())), "")


def moved(old: Mapping[str, Any], new: Recipe) -> tuple[str, str] | None:
    """Directories that a product lay below when it was made and lies below now; None if the same.

    What both paths end with is left out.
    """
    before, after = path_of(old["content"]), path_of(new.content)
    if not (before and after) or before == after:
        return None
    while os.path.basename(before) == os.path.basename(after) and before != os.path.dirname(before):
        before, after = os.path.dirname(before), os.path.dirname(after)
    return before, after


def own_changes(
    old: Mapping[str, Any],
    new: Recipe,
    configs: ToolConfigs,
    unread: frozenset[str] = frozenset(),
) -> Iterator[Change]:
    """How a recorded recipe differs from today's, apart from what is upstream.

    `unread` are top-level keys of the lstchain config that the commands do not read. Paths that
    have changed because the production was moved are one change.
    """
    before, after = dict(old["content"]), dict(new.content)
    if (places := moved(old, new)) is not None:
        yield partial("it was made below {} and lies below {} now".format, *places)
        before = _below(*places, before)
    for tool in TOOLS:
        key = f"{tool}_config"
        was, now = before.pop(key, None), after.pop(key, None)
        if was != now:
            left_out = unread if tool == "lstchain" else frozenset[str]()
            content = without(configs[tool].content if tool in configs else {}, left_out)
            kept = without(old.get(key) or {}, left_out)
            if digest(kept) == now:  # format 1
                continue
            pair = _Known(str(was), kept), _Known(str(now), content)
            yield partial(_told, f"{tool} config", *pair)
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            yield partial(_differing, key, before.get(key), after.get(key))


def _differing(what: str, before: Any, after: Any) -> str:
    return f"{what} {few(list(differences(before, after)))}"


@dataclass(frozen=True)
class _Known:
    """A config's content, compared by its digest."""

    digest: str
    content: Any = field(compare=False)


@lru_cache(maxsize=8)  # most steps of a production were made by the same few configs
def _told(what: str, before: _Known, after: _Known) -> str:
    return _differing(what, before.content, after.content)


def _below(old: str, new: str, value: Any) -> Any:
    """The same content with its paths below another directory."""
    if isinstance(value, Mapping):
        return {_below(old, new, key): _below(old, new, item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_below(old, new, item) for item in value]
    if isinstance(value, str) and f"{value}/".startswith(os.path.join(old, "")):
        return os.path.normpath(os.path.join(new, os.path.relpath(value, old)))
    return value


def few(items: Sequence[str], most: int = 3) -> str:
    """The first of several changes, and how many more there are."""
    shown = "; ".join(item.removeprefix(": ") for item in items[:most])
    return shown + (f"; and {len(items) - most} more" if len(items) > most else "")
