"""Production configs behind the paths that users give: a file, or a directory that holds some."""

from __future__ import annotations

from pathlib import Path

from lstluigi.errors import LstluigiError, shown
from lstluigi.files import YAML

__all__ = ["config_file", "config_files"]

#: Key at the top of each production config, by which other YAML files are told from it.
MARK = "stages_to_run"


def config_files(path: Path) -> list[Path]:
    """Return the configs that a path names: itself, those in a directory, else those below it.

    Raises
    ------
    LstluigiError
        Where there is none.
    """
    if not path.is_dir():
        return [path]
    found = _yaml_files(path, "*")
    if not any(file.is_file() for file in found):
        found = _yaml_files(path, "**/*")
    if not found:
        raise LstluigiError(
            f"{shown(str(path))[1:-1]} holds no production config (*.yml or *.yaml); name one, or "
            "write one with lstluigi generate-config"
        )
    return found


def config_file(path: Path) -> Path:
    """Return the one production config that a path names: itself, or the one in a directory.

    Raises
    ------
    LstluigiError
        Where a directory holds none, or several.
    """
    found = config_files(path)
    if len(found) > 1:
        found = [file for file in found if _is_marked(file)] or found
    if len(found) > 1:
        names = ", ".join(str(file.relative_to(path)) for file in found[:3])
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        raise LstluigiError(
            f"{shown(str(path))[1:-1]} holds {len(found)} production configs ({names}{more}); "
            "name one of them"
        )
    return found[0]


def _is_marked(file: Path) -> bool:
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return any(line.startswith(f"{MARK}:") for line in text.splitlines())


def _yaml_files(directory: Path, pattern: str) -> list[Path]:
    """Visible YAML files, and what only has their name; links to directories are not followed."""
    return sorted(
        file
        for file in directory.glob(pattern)
        if file.suffix in YAML
        and not any(part.startswith(".") for part in file.relative_to(directory).parts)
        and not file.is_dir()
    )
