"""A terminal, or who reads a pipe, that goes away under a run."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from lab import BIN, HERE, Lab

PROGRAMS = {
    "lstluigi": ["lstluigi", "run"],
    "luigi": ["luigi", "--module", "lstluigi", "Production", "--local-scheduler", "--config"],
}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("channel", [os.openpty, os.pipe])
def test_a_run_ends_as_it_would(
    lab: Lab, program: str, channel: Callable[[], tuple[int, int]]
) -> None:
    go, begun = Path(lab.path("go")), Path(lab.path("begun"))
    lab.simtel("dl0", a=f"wait {go} 4", b="5")
    source = lab.environment()
    with source.open("a") as stream:
        stream.write(f"touch {begun}\n")
    steps = [{"input": lab.path("dl0"), "output": lab.path("dl1")}]
    lab.write(
        {"r0_to_dl1": steps}, source_environment={"source_file": str(source)}, backend="local"
    )
    reader, writer = channel()
    head, *rest = PROGRAMS[program]
    # a terminal that goes away also sends SIGHUP; nohup would write elsewhere
    run = subprocess.Popen(
        ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", str(BIN / head), *rest, str(lab.config)],
        cwd=lab.root,
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=writer,
    )
    os.close(writer)
    end = time.monotonic() + 60
    while not begun.exists() and run.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    os.close(reader)
    go.touch()
    assert run.wait(60) == 0
    assert {"dl1/dl1_a.h5", "dl1/dl1_b.h5"} <= lab.files()
