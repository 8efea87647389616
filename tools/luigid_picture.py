"""Take the pictures of luigid's visualiser that docs/luigid.md shows, in the midst of a toy run.

    python tools/luigid_picture.py [DIRECTORY]

DIRECTORY holds a toy simulation (`lstluigi simulate DIRECTORY --preset demo`); without it one is
made, which takes minutes. Everything else lies in a temporary directory and ends with the script.
It is run by hand when the visualiser, or what is told to it, changes; look at the pictures then.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
BIN = Path(sys.executable).parent
DEMO = ROOT / "production_configs" / "toy_demo"
PATIENCE = 600.0  # s, for the run to come into its midst
#: Pictures by name: where they are on the page (tasks by status, running first; the workers).
VIEWS = {
    "luigid": "tab=tasks&order=0,desc&length=25",
    "luigid-workers": "tab=workers",
}
CHROMIUM = (
    *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--hide-scrollbars", "--window-size=1400,900"),
    # the page must do with what luigid has: no other host is found
    *("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--virtual-time-budget=5000"),
)


def main(arguments: list[str]) -> int:
    """Simulate, run, take the pictures, end everything."""
    with tempfile.TemporaryDirectory(prefix="luigid-picture-") as name:
        where = Path(name)
        simulated = Path(arguments[0]) if arguments else _simulated(where / "simulated")
        home = where / "demo"
        home.mkdir()
        (home / "mc").mkdir()
        (home / "mc" / "DL0").symlink_to((simulated / "mc" / "DL0").resolve())
        for config in DEMO.glob("lst*_config.*"):
            shutil.copy(config, home)
        with _luigid(where) as address, _production(home, address):
            _wait_for_its_midst(address)
            IMAGES.mkdir(exist_ok=True)
            for picture, view in VIEWS.items():
                _take(IMAGES / f"{picture}.png", f"{address}/static/visualiser/index.html#{view}")
    return 0


def _simulated(where: Path) -> Path:
    command = [str(BIN / "lstluigi"), "simulate", str(where), "--preset", "demo"]
    subprocess.run(command, check=True)
    return where


@contextmanager
def _luigid(where: Path) -> Iterator[str]:
    """A luigid on a free port that keeps nothing; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    state = ["--state-path", str(where / "luigid.pickle"), "--logdir", str(where)]
    command = [str(BIN / "luigid"), "--address", "127.0.0.1", "--port", port, *state]
    with (
        (where / "luigid.txt").open("w") as log,
        subprocess.Popen(command, cwd=where, stdout=log, stderr=log) as process,
    ):
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@contextmanager
def _production(home: Path, address: str) -> Iterator[None]:
    """The toy production under way, on this machine."""
    while not _answers(address):
        time.sleep(0.2)
    task = ["--module", "lstluigi", "Production", "--config", str(home / "lstluigi_config.yml")]
    options = ["--backend", "local", "--scheduler-url", address]
    with subprocess.Popen([str(BIN / "luigi"), *task, *options], cwd=home) as process:
        try:
            yield
        finally:
            process.terminate()


def _wait_for_its_midst(address: str) -> None:
    """Wait until something is done, something has come halfway, and something waits."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        tasks = _ask(address, "task_list", status="", upstream_status="").values()
        done = any(task["status"] == "DONE" for task in tasks)
        halfway = any(0 < (task["progress_percentage"] or 0) < 100 for task in tasks)
        if done and halfway:
            return
        time.sleep(0.5)
    raise SystemExit("luigid_picture: the run did not come halfway")


def _answers(address: str) -> bool:
    try:
        return bool(_ask(address, "is_pause_enabled"))
    except OSError:
        return False


def _ask(address: str, method: str, **arguments: str) -> Mapping[str, Any]:
    query = urlencode({"data": json.dumps(arguments)})
    with build_opener(ProxyHandler({})).open(f"{address}/api/{method}?{query}") as reply:
        answer: Mapping[str, Any] = json.loads(reply.read())["response"]
        return answer


def _take(picture: Path, address: str) -> None:
    with tempfile.TemporaryDirectory() as profile:
        options = [f"--user-data-dir={profile}", f"--screenshot={picture}"]
        command = [*CHROMIUM, *options, address]
        # it complains of what a machine without a screen lacks
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise SystemExit(done.stderr)
    print(f"{picture}: {picture.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
