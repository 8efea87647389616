"""Runs of lstluigi as a user types them, and commands of lstchain typed by hand."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from lstluigi.jobs.runner.randomness import seed_of

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BIN = Path(sys.executable).parent
SCRIPTS = ROOT / "lstluigi" / "stages" / "scripts"
STANDARD = ROOT / "production_configs" / "toy_demo" / "lstchain_config.json"
PYTHONPATH = os.pathsep.join(map(str, (ROOT, HERE)))


def need_lstchain() -> None:
    """Skip where lstchain is not installed; importing it here would take seconds."""
    if importlib.util.find_spec("lstchain") is None:
        pytest.skip("needs the lstchain environment")


@contextmanager
def made_once(root: Path) -> Iterator[None]:
    """Let one process at a time make what is shared in a directory; others find it made."""
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def small_lstchain_config() -> dict[str, Any]:
    """The standard config with forests that grow in seconds."""
    content: dict[str, Any] = json.loads(STANDARD.read_text())
    for key in content:
        if key.startswith("random_forest_") and key.endswith("_args"):
            content[key].update(n_estimators=10, max_depth=10, n_jobs=-1, random_state=42)
    return content


class Production:
    """A directory with a config, an lstchain config, logs, and the products."""

    def __init__(self, where: Path) -> None:
        self.where = where
        self.config = where / "config.yml"
        self.lstchain_config = where / "lstchain_config.json"
        self.logs = where / "logs"

    def write(
        self, config: Mapping[str, Any], lstchain: Mapping[str, Any] | str | None = None
    ) -> Production:
        """Write the production config and the lstchain config, a string as it stands."""
        self.where.mkdir(parents=True, exist_ok=True)
        self.config.write_text(yaml.safe_dump(dict(config), sort_keys=False))
        given = small_lstchain_config() if lstchain is None else lstchain
        self.lstchain_config.write_text(given if isinstance(given, str) else json.dumps(given))
        return self

    def __truediv__(self, name: str) -> Path:
        return self.where / name

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if "LUIGI" not in name}
        return {**kept, "PYTHONPATH": PYTHONPATH, "LSTLUIGI_PROD_LOGS": str(self.logs)}

    def command(self, *options: str) -> list[str]:
        return [sys.executable, "-m", "lstluigi.cli", "run", str(self.config), *options]

    def run(self, *options: str) -> Ended:
        """Type `lstluigi run` and wait for it to end."""
        return self.started(self.command(*options)).wait()

    def started(self, command: Sequence[str]) -> Running:
        number = len(list(self.where.glob("output_*.txt")))
        return Running(command, self.where / f"output_{number}.txt", self.where, self.environment)

    def jobs(self) -> list[str]:
        """Directories of the arrays that were submitted."""
        return sorted(str(path) for path in self.logs.glob("*/jobs/*"))

    def ledgers(self) -> dict[str, str]:
        """Every ledger with its content."""
        return {str(p): p.read_text() for p in sorted(self.where.rglob("*.ledger.jsonl"))}

    def left_over(self) -> list[str]:
        """Scratch directories, locks and half-written files."""
        found = [*self.where.rglob(".lstluigi*"), *self.where.rglob("*.lock")]
        products = [p for top in ("dl1", "dl2", "models", "irf") for p in (self / top).rglob(".*")]
        return sorted({str(path) for path in [*found, *products]})


@dataclass(frozen=True)
class Ended:
    """A run that has ended."""

    code: int
    text: str

    @property
    def sentences(self) -> str:
        """What was said, without the quoted ends of logs, on one line."""
        quoted = ("    |", "|")
        lines = [x for x in self.text.splitlines() if not x.strip().startswith(quoted)]
        return " ".join(" ".join(lines).split())


class Running:
    """A run under way."""

    def __init__(
        self, command: Sequence[str], output: Path, where: Path, environment: Mapping[str, str]
    ) -> None:
        self._output = output
        with output.open("wb") as stream:
            self.process = subprocess.Popen(
                list(command),
                cwd=where,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    @property
    def text(self) -> str:
        return self._output.read_text(errors="replace")

    def wait(self, seconds: float = 900) -> Ended:
        """Wait for the end; the limit is there for a run that hangs."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running; it printed:\n{self.text}") from None
        return Ended(self.process.returncode, self.text)

    def killed_after(self, seconds: float) -> bool:
        """Send SIGKILL at this moment; False if the run has ended before."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return True
        return False

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def wait_for(condition: Any, seconds: float = 120) -> Any:
    """Wait until a condition holds; a limit, not an expectation about time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError("waited in vain")


def processes_of(where: Path) -> list[str]:
    """Command lines of living processes that name a directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if f"{where}/" in words:
                found.append(f"{entry.name}: {words}")
    return found


def by_hand(where: Path, *command: object, product: str = "") -> list[str]:
    """Words of a command of lstchain that works in a directory of its own.

    lstchain draws from numpy's global generator: `product` gives it the seed of that product.
    """
    where.mkdir(parents=True, exist_ok=True)
    name, *arguments = map(str, command)
    call = [sys.executable, name] if name.endswith(".py") else [str(BIN / name)]
    seeded = f"{PYTHONPATH}{os.pathsep}{HERE / 'seeded'}"
    seed = (f"SEED={seed_of(product)}", f"PYTHONPATH={seeded}") if product else ()
    return ["env", "-C", str(where), *seed, *call, *arguments]


def in_parallel(commands: Iterable[Sequence[str]]) -> None:
    """Run commands, as many at once as there are cores; each has to succeed."""
    environment = {**os.environ, "PYTHONPATH": PYTHONPATH, "MPLBACKEND": "Agg"}

    def run(command: Sequence[str]) -> None:
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(run, commands))
