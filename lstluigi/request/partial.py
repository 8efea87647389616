"""The lstchain configs that a user gives, whole or in part, looked at before they are used."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstluigi.config.tool_config import MAX_CHARACTERS, ToolConfig
from lstluigi.errors import ConfigError, Problem, shown
from lstluigi.request.settings import in_section
from lstluigi.validation.lstchain_catalogue import catalogue
from lstluigi.validation.lstchain_settings import odd_settings

__all__ = ["Partial", "read_base", "read_partial"]

#: Sections that are named in one sentence.
_NAMED = 6
_MEND = (
    "give some sections of an lstchain config as JSON, or what lstchain_tune_nsb or "
    "lstchain_tune_nsb_waveform has printed"
)


@dataclass(frozen=True)
class Partial:
    """A config, whole or in part.

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
    read, notices = _read_printed(path)
    content = in_section(read, base)
    _refuse_odd(path, content, {key for key, _, _ in odd_settings(base)})
    if 2 * len({*content} & {*base}) > len(base):
        notices.append(
            f"{path.name} is a whole lstchain config, not a part of one, so every setting is "
            "as it has it; --lstchain_base starts from one."
        )
    return Partial(content, (*notices, *_absolute(path, content)))


def read_base(path: Path) -> Partial:
    """Read a config to start from.

    Parameters
    ----------
    path : Path
        Its file.

    Raises
    ------
    ConfigError
        The file cannot be read, has nothing of an lstchain config, or a number that is none.
    """
    content = ToolConfig.read("lstchain", path).content
    _refuse(path, _no_numbers(content))
    missing = [name for name in catalogue().standard if name not in content]
    if len(missing) == len(catalogue().standard):
        what = "there is no section in it that every lstchain config has"
        mend = "name a whole lstchain config, and what is to be put on top of one with --merge"
        raise ConfigError([Problem(f"{path}", what, mend)])
    notices = []
    if odd := [key for key, _, _ in odd_settings(content)]:
        # older configs have some: validate refuses those that matter, and says the mend of each
        notices.append(
            f"the pinned lstchain does not know these keys of {path.name}, or not their values: "
            f"{_some(odd)}; lstluigi validate says what to write."
        )
    if missing:
        notices.append(
            f"{path.name} is not exhaustive: {_some(missing)} are missing; "
            "--merge puts a part on top of a whole config."
        )
    return Partial(content, tuple(notices))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _refuse_odd(path: Path, content: Mapping[str, Any], usual: Collection[str] = ()) -> None:
    odd = {key: (what, mend) for key, what, mend in odd_settings(content) if key not in usual}
    _refuse(path, odd | _no_numbers(content))


def _no_numbers(content: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    return dict.fromkeys(_not_numbers(content), ("NaN is not a number", "correct it"))


def _refuse(path: Path, odd: Mapping[str, tuple[str, str]]) -> None:
    if odd:
        raise ConfigError(
            Problem(f"{path}, key {shown(key)}", what, mend) for key, (what, mend) in odd.items()
        )


def _read_printed(path: Path) -> tuple[Mapping[str, Any], list[str]]:
    """Read JSON, perhaps among the lines that a tool logs before and after it."""
    notices = []
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_CHARACTERS)
        try:
            content = json.loads(text)
        except ValueError:
            if (inner := _between_braces(text)) is None:
                raise
            content = json.loads(inner)
            notices.append(f"Of {path.name} only the JSON is taken, not the lines around it.")
    except OSError as error:
        raise _unfit(path, f"it cannot be read ({error.strerror})") from None
    except RecursionError:
        raise _unfit(path, "it is nested too deeply") from None
    except ValueError as error:
        raise _unfit(path, f"it is not JSON ({error})") from None
    if not isinstance(content, dict):
        raise _unfit(path, "it does not hold a JSON object (names with values)")
    return content, notices


def _between_braces(text: str) -> str | None:
    """Return the lines from the first that opens an object to the last that closes one."""
    lines = [line.strip() for line in text.splitlines()]
    opening = [at for at, line in enumerate(lines) if line.startswith("{")]
    closing = [at for at, line in enumerate(lines) if line.endswith("}")]
    if not (opening and closing):
        return None
    return "\n".join(lines[opening[0] : closing[-1] + 1])


def _unfit(path: Path, what: str) -> ConfigError:
    return ConfigError([Problem(f"{path}", what, _MEND)])


def _absolute(path: Path, value: Any, key: str = "") -> Iterator[str]:
    """Tell settings that name a file by a path of this machine, which others may not have."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _absolute(path, inner, f"{key}.{name}" if key else name)
    elif isinstance(value, str) and value.startswith("/"):
        yield (
            f"{key} of {path.name} is an absolute path: the file has to be there for whoever runs "
            "the production, and the path is public with the lstchain config."
        )


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
