"""What the documentation says of a key of a config; it stands where the key is read.

The loader refuses every key that has no such entry, so the config reference, which is made of the
entries, has them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any

__all__ = ["NEEDED", "Key", "Setting"]

#: In place of a default: the key has to be there.
NEEDED = "needed"


@dataclass(frozen=True)
class Key:
    """A key of a config.

    Parameters
    ----------
    shape : str
        What stands after its colon, such as ``a path``.
    meaning : str
        What it is for; sentences in the markdown of the documentation.
    default : str
        What holds where it is absent or empty, or `NEEDED`.
    new : bool
        Whether lstmcpipe does not know it.
    """

    shape: str
    meaning: str
    default: str = "none"
    _: KW_ONLY
    new: bool = False

    @property
    def needed(self) -> bool:
        """Is a config without it refused?"""
        return self.default == NEEDED


@dataclass(frozen=True)
class Setting(Key):
    """A key with one value.

    Parameters
    ----------
    read : callable
        Reads the value, or raises `lstluigi.config.Unfit`.
    field : str
        Where what is read is put, if not under the key's own name.
    """

    _: KW_ONLY
    read: Callable[[Any], Any]
    field: str = ""
