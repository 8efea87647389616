"""Toy DL0 and one small production of it, made by real lstchain, shared by all these tests.

Set LSTLUIGI_CHAIN_CACHE to a directory to keep both from one pytest run to the next while tests
are being written.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from chain_config import simulate, small_config
from chain_runs import Production, Running, need_lstchain


@pytest.fixture(scope="session")
def chain_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of what the tests share."""
    need_lstchain()
    cache = os.environ.get("LSTLUIGI_CHAIN_CACHE")
    return Path(cache) if cache else tmp_path_factory.mktemp("chain")


@pytest.fixture(scope="session")
def dl0(chain_root: Path) -> Path:
    """Toy DL0 of all samples."""
    simulate(chain_root / "dl0")
    return chain_root / "dl0"


@pytest.fixture(scope="session")
def production(chain_root: Path, dl0: Path) -> Production:
    """The small production, as `lstluigi run` has made it; tests leave it as they found it."""
    made = Production(chain_root / "production").write(small_config(dl0))
    ended = made.run()
    assert ended.code == 0, ended.text
    return made


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Production]:
    """A directory for a production of the test's own."""
    yield Production(tmp_path / "own")
    shutil.rmtree(tmp_path / "own", ignore_errors=True)


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    """Start a command for a production; none outlives the test."""
    runs: list[Running] = []

    def begin(production: Production, *command: str) -> Running:
        runs.append(production.started(command or production.command()))
        return runs[-1]

    yield begin
    for run in runs:
        if run.process.poll() is None:
            run.kill()
