"""Which versions of programs made a production, and how to cite them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from lstluigi.errors import LstluigiError
from lstluigi.production.places import directory_of

__all__ = ["CITED", "logged_versions"]

#: What to cite, by program: the words, the address.
CITED: Mapping[str, tuple[str, str]] = {
    "lstluigi": ("this version, as CITATION.cff beside its source says", ""),
    "lstMCpipe": (
        "the format of configs and the layout of productions: E. Garcia et al. (2022)",
        "https://arxiv.org/abs/2212.00120",
    ),
    "lstchain": (
        "the exact version from its record on Zenodo",
        "https://doi.org/10.5281/zenodo.6344673",
    ),
    "pyirf": (
        "the exact version from its record on Zenodo",
        "https://doi.org/10.5281/zenodo.4740755",
    ),
    "ctapipe": ("as its documentation says", "https://ctapipe.readthedocs.io"),
    "LST-1": (
        "performance of the telescope: H. Abe et al. (2023), ApJ 956, 80",
        "https://doi.org/10.3847/1538-4357/ace89d",
    ),
}


def logged_versions(prod_id: str) -> dict[str, str]:
    """Return the versions that the last run of a production wrote down; none if it did not.

    Raises
    ------
    LstluigiError
        The file is there and is damaged.
    """
    path = Path(directory_of(prod_id), "versions.yml")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, yaml.YAMLError):
        content = None
    if not isinstance(content, dict):
        raise LstluigiError(f"{path} is damaged, so its versions are not told")
    return {str(program): str(version) for program, version in content.items()}
