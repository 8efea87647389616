"""Runs of the ``luigi`` command and of luigid, as a user types them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent


def free_port() -> int:
    """Return a port nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait until a condition holds; a limit, not an expectation about time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def luigid_command(port: int, user: int | None = None) -> list[str]:
    """Return a command that starts a luigid, as another user if told so."""
    # the user is changed after the imports: others may not be able to read this Python
    become = f"import os; os.setuid({user});" if user else ""
    script = (
        "import luigi.process, luigi.server, tornado.platform.asyncio;"
        f"from luigi.cmdline import luigid; {become} luigid()"
    )
    return [
        *(sys.executable, "-c", script, "--port", str(port)),
        *("--address", "127.0.0.1", "--state-path", "no-such-directory/state"),
    ]


#: runs a command where nothing listens at any port; a first argument is started before it
ALONE = (
    *("unshare", "-n" if os.getuid() == 0 else "-rn", "sh", "-c"),
    'ip link set lo up; sh -c "$1" & shift; exec "$@"',
    "sh",
)


def can_be_alone() -> bool:
    """Tell whether this machine lets us make a network of our own."""
    try:
        return subprocess.run([*ALONE, "true", "true"], capture_output=True).returncode == 0
    except OSError:
        return False


class Run:
    """A ``luigi`` command in a directory."""

    def __init__(
        self, where: Path, *arguments: str, before: tuple[str, ...] = (), **environment: str
    ) -> None:
        self.where = where
        path = os.pathsep.join([str(HERE.parents[1]), str(HERE)])
        kept = {name: value for name, value in os.environ.items() if "LUIGI" not in name}
        # files, not pipes: a full pipe nobody reads would stop the run
        self._log = where / f"log{len(list(where.glob('log*')))}"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [*before, str(BIN / "luigi"), "--module", "fake_tasks", *arguments],
                cwd=where,
                env={**kept, "PYTHONPATH": path, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def text(self) -> str:
        """What the command has printed."""
        return self._log.read_text()

    def wait(self, seconds: float = 90) -> int:
        """Return the exit code."""
        try:
            return self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"still running; it printed:\n{self.text}") from None

    def kill(self, signum: int = signal.SIGKILL) -> None:
        """Send a signal."""
        self.process.send_signal(signum)
        if signum == signal.SIGKILL:
            self.process.wait()


class Luigid:
    """A real luigid on a free port."""

    def __init__(self, where: Path, port: int | None = None, user: int | None = None) -> None:
        self.port = port or free_port()
        self.url = f"http://localhost:{self.port}"
        self._where = where
        self._user = user
        self.start()

    def start(self) -> None:
        """Start with an empty memory."""
        command = luigid_command(self.port, self._user)
        with (self._where / "luigid.txt").open("a") as log:
            self._process = subprocess.Popen(command, cwd=self._where, stdout=log, stderr=log)
        wait_for(self.is_up)

    def stop(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()

    def hang(self) -> None:
        """Stop it in its tracks: it takes connections and never answers."""
        self._process.send_signal(signal.SIGSTOP)

    def is_up(self) -> bool:
        """Tell whether it answers."""
        try:
            return bool(self.ask("is_pause_enabled"))
        except OSError:
            return False

    def ask(self, method: str, **arguments: Any) -> Any:
        """Call a method of its API, as the visualiser does."""
        query = urlencode({"data": json.dumps(arguments)})
        opener = build_opener(ProxyHandler({}))
        with opener.open(f"{self.url}/api/{method}?{query}", timeout=10) as reply:
            return json.loads(reply.read())["response"]

    def tasks(self, status: str = "") -> dict[str, dict[str, Any]]:
        """Return its tasks by their display name."""
        found = self.ask("task_list", status=status)
        return {task["display_name"]: task for task in found.values()}


def events(where: Path) -> list[str]:
    """Return what the fake tasks have noted."""
    path = where / "events"
    return path.read_text().splitlines() if path.exists() else []


def allow(where: Path, *names: str, text: str = "ok") -> None:
    """Let jobs end."""
    for name in names:
        # renamed into place: a job must not read half a word
        (where / f"{name}.part").write_text(text)
        (where / f"{name}.part").rename(where / f"{name}.go")
