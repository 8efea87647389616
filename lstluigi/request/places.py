"""Where the files of a request go."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lstluigi.errors import LstluigiError, shown
from lstluigi.files import YAML
from lstluigi.request import readme

__all__ = ["RequestPaths", "find_readme", "places"]

CONFIG = "lstluigi_config.yml"
LSTCHAIN = "lstchain_config.json"


@dataclass(frozen=True)
class RequestPaths:
    """Paths of the production config, the lstchain config and the readme."""

    config: Path
    lstchain: Path
    readme: Path

    @property
    def lstchain_name(self) -> str:
        """Path of the lstchain config from the production config."""
        return os.path.relpath(self.lstchain, self.config.parent)


def places(prod_id: str, output: str | None, lstchain: str | None) -> RequestPaths:
    """Find out where files go.

    Parameters
    ----------
    prod_id : str
        Name of the production, and of the directory unless another is asked for.
    output : str, optional
        The config, or a directory: one that exists, or a name that ends in a slash.
    lstchain : str, optional
        The lstchain config; by default it lies beside the config.

    Raises
    ------
    LstluigiError
        Two files would have one name, or the config has the name of something else.
    """
    chosen = Path(prod_id if output is None else output)
    if output is None or chosen.is_dir() or output.endswith("/"):
        chosen /= CONFIG
    if chosen.suffix not in YAML:
        raise LstluigiError(
            f"{shown(str(chosen))} has to end in {' or '.join(YAML)}, or in / to be a "
            "directory; name the config so"
        )
    beside = chosen.parent
    found = RequestPaths(
        chosen, Path(lstchain) if lstchain else beside / LSTCHAIN, find_readme(beside)
    )
    if len({os.path.abspath(p) for p in (found.config, found.lstchain, found.readme)}) < 3:
        raise LstluigiError(
            f"config, lstchain config and readme need names of their own, not {shown(str(chosen))} "
            "for two of them"
        )
    return found


def find_readme(directory: Path) -> Path:
    """Return the readme of a directory, whatever its case, or where it is to be."""
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        names = []
    there = (name for name in names if name.lower() == readme.NAME)
    return directory / next(there, readme.NAME)
