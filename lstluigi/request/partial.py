"""Partial lstchain configs, looked at before they are put on top of a whole one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstluigi.errors import ConfigError, Problem, shown
from lstluigi.request.settings import in_section
from lstluigi.tool_config import ToolConfig
from lstluigi.validation.settings import odd_settings

__all__ = ["Partial", "read_partial"]


@dataclass(frozen=True)
class Partial:
    """A partial config.

    Parameters
    ----------
    content : mapping
        Sections of an lstchain config.
    notices : tuple of str
        What is to be known of it.
    """

    content: Mapping[str, Any]
    notices: tuple[str, ...] = ()


def read_partial(path: Path, base: Mapping[str, Any]) -> Partial:
    """Read a partial config.

    Parameters
    ----------
    path : Path
        Its file.
    base : mapping
        The whole config it is put on top of; what that has itself is never wrong.

    Raises
    ------
    ConfigError
        The file cannot be read, or there are keys or values in it that lstchain does not know.
    """
    content = in_section(ToolConfig.read("lstchain", path).content, base)
    usual = {key for key, _, _ in odd_settings(base)}
    odd = {key: (what, mend) for key, what, mend in odd_settings(content) if key not in usual}
    odd |= dict.fromkeys(_not_numbers(content), ("NaN is not a number", "correct it"))
    if odd:
        raise ConfigError(
            Problem(f"{path}, key {shown(key)}", what, mend) for key, (what, mend) in odd.items()
        )
    if 2 * len({*content} & {*base}) > len(base):
        return Partial(
            content,
            (
                f"{path.name} is a whole lstchain config, not a part of one, so every setting is "
                "as it has it; --lstchain_base starts from one.",
            ),
        )
    return Partial(content)


def _not_numbers(value: Any, key: str = "") -> Iterator[str]:
    """Keys of which the value is NaN, or a list with one in it."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _not_numbers(inner, f"{key}.{name}" if key else name)
    elif isinstance(value, list):
        for inner in value:
            yield from _not_numbers(inner, key)
    elif isinstance(value, float) and value != value:
        yield key
