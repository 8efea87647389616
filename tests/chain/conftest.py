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
from chain_runs import Production, Running, made_once, need_lstchain


@pytest.fixture(scope="session")
def chain_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of what the tests share, also between the processes of pytest-xdist."""
    need_lstchain()
    if cache := os.environ.get("LSTLUIGI_CHAIN_CACHE"):
        root = Path(cache)
    elif "PYTEST_XDIST_WORKER" in os.environ:
        root = tmp_path_factory.getbasetemp().parent / "chain"
    else:
        root = tmp_path_factory.mktemp("chain")
    root.mkdir(parents=True, exist_ok=True)
    return root


@pytest.fixture(scope="session")
def dl0(chain_root: Path) -> Path:
    """Toy DL0 of all samples."""
    with made_once(chain_root):
        simulate(chain_root / "dl0")
    return chain_root / "dl0"


@pytest.fixture(scope="session")
def production(chain_root: Path, dl0: Path) -> Production:
    """The small production, as `lstluigi run` has made it; tests leave it as they found it."""
    with made_once(chain_root):
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
