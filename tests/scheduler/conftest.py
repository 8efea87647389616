"""Fixtures of the tests of scheduling."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness import Luigid, Run


@pytest.fixture
def luigid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Luigid]:
    """A luigid of this user."""
    daemon = Luigid(tmp_path_factory.mktemp("luigid"))
    yield daemon
    daemon.stop()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Start ``luigi`` commands in the temporary directory; none outlives the test."""
    runs: list[Run] = []

    def begin(*arguments: str, **options: Any) -> Run:
        runs.append(Run(tmp_path, *arguments, **options))
        return runs[-1]

    yield begin
    for run in runs:
        if run.process.poll() is None:
            run.kill()
