"""DL1 of toy DL0 as HiPeRTA would write it, and the script that makes lstchain's of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from chain_runs import BIN, SCRIPTS, by_hand, in_parallel, made_once

STAND_INS = Path(__file__).parents[1] / "stand_ins"
PROGRAM = STAND_INS / "hiperta_r0_dl1"
CONVERTER = SCRIPTS / "hiperta_to_dl1.py"
RTA_CONFIG = Path(__file__).parents[2] / "configs" / "hiperta_rta_config.txt"
#: Where the program is looked for, and what it is itself started with.
PATH = os.pathsep.join(map(str, (BIN, STAND_INS, os.environ["PATH"])))


def own_file(where: Path, simtel: Path | str) -> Path:
    """What HiPeRTA makes of a simtel file, in a directory for its node."""
    return where / Path(simtel).parent.name / f"dl1_{Path(simtel).name}"


def call(simtel: Path) -> list[str]:
    """The stand-in's call, with the masks."""
    files = ("-i", str(simtel), "-c", str(RTA_CONFIG), "-o", ".")
    return [sys.executable, str(PROGRAM), *files, "--selectedtel", "1", "-g"]


def reconstruct(where: Path, simtels: Iterable[Path]) -> None:
    """Let the stand-in make those that are not there."""
    where.mkdir(parents=True, exist_ok=True)
    with made_once(where):
        missing = [file for file in simtels if not own_file(where, file).exists()]
        in_parallel(by_hand(own_file(where, f).parent, *call(f)) for f in missing)


def converter() -> ModuleType:
    """The script as a module."""
    import importlib

    return importlib.import_module("lstluigi.stages.scripts.hiperta_to_dl1")
