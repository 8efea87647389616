"""What the libraries know of the productions that a request names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lstluigi.errors import LstluigiError, shown
from lstluigi.layouts.base import PathConfig
from lstluigi.layouts.celestial import celestial, far_from_lines
from lstluigi.layouts.nodes import sample
from lstluigi.library import index
from lstluigi.library.model import Production
from lstluigi.request import settings

__all__ = ["entries", "named_sources", "same_name", "source_notices"]

#: What lstchain has for an image that is modified.
_MODIFIERS = ("increase_nsb", "increase_psf")


def entries(prod_id: str) -> list[Production]:
    """Return the productions of a name that the libraries have; examples were never made."""
    try:
        every = index.every_production(index.default_places())
    except LstluigiError:  # there is no library, or none that can be read: it is only asked aside
        return []
    return [one for one in every if one.prod_id == prod_id and not one.example]


def same_name(prod_id: str, home: Path) -> Iterator[str]:
    """Tell the productions of this name that lie elsewhere than the new one.

    Parameters
    ----------
    prod_id : str
        Name of the new production.
    home : Path
        Its directory.
    """
    for one in entries(prod_id):
        if os.path.realpath(one.directory) != os.path.realpath(home):
            yield (
                f"The library has a production of this prod_id at {shown(one.directory)}, "
                "whose products lie where those of this one would; choose another prod_id unless "
                "it is that one."
            )


def named_sources(config: PathConfig) -> Iterator[str]:
    """Tell what the prod_id of a new production gives away, and which of its sources lie elsewhere.

    Parameters
    ----------
    config : PathConfig
        The production, with its steps.
    """
    prod_id = config.prod_id
    for one in celestial(prod_id):
        if one.private:
            yield (
                f"The prod_id {prod_id} names a source ({one.spelt}), and the library is public: "
                "give it a number, such as src9."
            )
    paths = (
        path
        for steps in config.paths.values()
        for step in steps
        for key in ("input", "output", "path_model")
        for path in _texts(step.get(key))
    )
    for what in far_from_lines(prod_id, paths):
        yield f"The prod_id {prod_id} may be that of another production: {what}."


def source_notices(config: PathConfig, made: Mapping[str, Any]) -> Iterator[str]:
    """Tell where the source of a production, as the libraries know it, does not fit.

    Parameters
    ----------
    config : PathConfig
        The production, with its steps; it may have no source.
    made : mapping
        Its lstchain config.
    """
    source = getattr(config, "source_prod_id", None)
    found = entries(source) if source is not None else []
    has = {line for one in found for line in one.lines}
    lacking = [line for line in _lines_of(config, f"/{source}/") if has and line not in has]
    if lacking:
        yield (
            f"The source production {source} has no {' and no '.join(lacking)}, says the library "
            f"({found[0].name}): it has {', '.join(sorted(has))}."
        )
    if "dl1ab" in config.stages and settings.is_on(made, "image_modifier", *_MODIFIERS):
        for one in found:
            if settings.is_on(one.tuning, "image_modifier", *_MODIFIERS):
                yield (
                    f"The images of the source production {source} are tuned already, "
                    f"says the library ({one.name}), and image_modifier is on here: lstchain "
                    "refuses to tune images twice; name the production that one was made of."
                )


def _lines_of(config: PathConfig, source: str) -> Iterator[str]:
    """Yield the training lines, each once, that are read of the source."""
    paths = (
        path
        for steps in config.paths.values()
        for step in steps
        for path in _texts(step.get("input"))
        if source in path
    )
    about = map(sample, dict.fromkeys(paths))
    yield from dict.fromkeys(a.line for a in about if a.dataset == "training" and a.line)


def _texts(value: Any) -> list[str]:
    given = value.values() if isinstance(value, Mapping) else [value]
    return [f"{path}/" for path in given if isinstance(path, str)]
