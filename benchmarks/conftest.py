"""What the benchmarks share: one line for each result, with ratios taken in the same run."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from large import commit


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option by which tests run the benchmarks."""
    parser.addoption("--miniature", action="store_true", help="as small as it can be, once")


@pytest.fixture(scope="session")
def miniature(pytestconfig: pytest.Config) -> bool:
    """Whether this is only to see that the benchmarks run."""
    return bool(pytestconfig.getoption("--miniature"))


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds of wall clock and of CPU, children included."""

    wall: float
    cpu: float


def cost_of(command: Sequence[str], environment: Mapping[str, str]) -> Cost:
    """Run a command to its end.

    Raises
    ------
    subprocess.CalledProcessError
        When it fails.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(command, check=True, env=dict(environment), stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu)


class Lines:
    """Results as sentences, printed at the end of the session."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        """Add a result."""
        self.lines.append(line)


@pytest.fixture(scope="session")
def results() -> Iterator[Lines]:
    """Where benchmarks put their sentences."""
    lines = Lines()
    yield lines
    print("\n" + "\n".join([f"commit {commit()}", *lines.lines]))
