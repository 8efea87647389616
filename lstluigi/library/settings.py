"""The lstchain configs of productions, from anybody."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lstluigi.config.tool_config import ToolConfig
from lstluigi.errors import ConfigError, LstluigiError

__all__ = ["read_settings"]

#: Real ones are nested four deep.
_MAX_DEPTH = 32


def read_settings(path: Path) -> Mapping[str, Any]:
    """Read an lstchain config.

    Raises
    ------
    LstluigiError
        It cannot be read, or is no JSON object of bounded depth; one sentence.
    """
    if path.exists() and not path.is_file():  # a pipe would wait for ever
        raise LstluigiError(f"lstchain config {path}: it is not a file; name one")
    try:
        content = ToolConfig.read("lstchain", path).content
    except ConfigError as error:
        problem = error.problems[0]
        raise LstluigiError(f"{problem.where}: {problem.what}; {problem.mend}") from None
    level: list[Any] = [content]
    for _ in range(_MAX_DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
    if level:
        raise LstluigiError(f"lstchain config {path}: it is nested more than {_MAX_DEPTH} deep")
    return content


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
