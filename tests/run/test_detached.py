"""Runs that go on without their terminal, on this machine."""

from __future__ import annotations

import os
import re
import shlex
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from lab import Lab, small

from lstluigi.cli.production import run as run_command
from lstluigi.production.load import Choices
from lstluigi.run.session import Session
from lstluigi.run.start import command_line


@pytest.fixture
def config(lab: Lab) -> str:
    small(lab)
    content = yaml.safe_load(lab.config.read_text())
    content["source_environment"] = {"source_file": str(lab.environment())}
    lab.config.write_text(yaml.safe_dump({**content, "backend": "local"}))
    return str(lab.config)


def until(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)


def log_of(lab: Lab) -> Path:
    return lab.prod_logs / "logs_test_prod" / "run_test_prod.log"


def test_it_survives_its_terminal_and_can_be_ended(lab: Lab, config: str) -> None:
    lab.simtel("dl0/node", a="sleep 60 4")
    run = lab.type("run", config, "--detach", program="lstluigi")
    assert run.code == 0, run.text
    (pid,) = map(int, re.findall(r"goes on as process (\d+) ", run.text))
    assert f"tail -f {log_of(lab)}" in run.text
    assert f"kill {pid}" in run.text
    assert os.getsid(pid) == pid
    assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
    begun = Path(lab.path("dl1/node/job_logs_r0dl1/a.simtel.gz.log"))
    until(begun.exists, "the first job")
    os.kill(pid, signal.SIGHUP)
    again = lab.type("run", config, "--detach", program="lstluigi")
    assert again.code == 10
    assert f"process id {pid}" in again.text
    ended = lab.type("cancel", config, program="lstluigi")
    assert ended.code == 0, ended.text
    assert f"process id {pid}" in ended.text
    until(lambda: not Path(f"/proc/{pid}").exists(), "the run to end")
    assert "were stopped" in log_of(lab).read_text()
    assert "Traceback" not in log_of(lab).read_text()
    assert not list(lab.root.rglob("*.lock"))


def test_errors_are_told_here(lab: Lab, config: str) -> None:
    for file in (lab.root / "dl0/node").iterdir():
        file.unlink()
    run = lab.type("run", config, "--detach", program="lstluigi")
    assert run.code == 2
    assert "dl0/node" in run.text
    assert not lab.prod_logs.exists()


def test_decisions_are_asked_for_here(lab: Lab, config: str) -> None:
    assert lab.type("run", config, program="lstluigi").code == 0
    lab.configure(threshold=2)
    run = lab.type("run", config, "--detach", program="lstluigi")
    assert run.code == 30
    assert "--accept-changed" in run.text
    assert not log_of(lab).exists()
    kept = lab.type("run", config, "--detach", "--accept-changed", program="lstluigi")
    assert kept.code == 0, kept.text


def test_nothing_to_do(lab: Lab, config: str) -> None:
    assert lab.type("run", config, program="lstluigi").code == 0
    run = lab.type("run", config, "--detach", program="lstluigi")
    assert run.code == 0
    assert "nothing is started" in run.text
    assert not log_of(lab).exists()


def test_the_command_line_says_the_same_again(lab: Lab, config: str) -> None:
    """What it is made of comes back, whatever characters there are."""
    session = Session(Choices(config))
    given = {
        "backend": "config",
        "environment": "current",
        "lstchain_config": "it's.json",
        "accept_changed": True,
        "remake": "merge_dl1,*/a b*",
        "site": "",
        "on_interrupt": "cancel",
    }
    words = command_line(session, given)
    read = words[words.index("run") + 1 :]
    found = run_command.make_context("run", list(shlex.split(shlex.join(read)))).params
    assert found["config"] == config
    assert found["backend"] == "local"
    assert found["remake"] == ("merge_dl1,*/a b*",)  # a list in one argument is one, too
    assert {k: found[k] for k in ("environment", "lstchain_config", "accept_changed")} == {
        "environment": "current",
        "lstchain_config": "it's.json",
        "accept_changed": True,
    }
    assert (found["site"], found["on_interrupt"]) == ("", "cancel")


@pytest.mark.parametrize(
    "options",
    [
        ("--detach", "--submit-controller"),
        ("--remake", ""),
        ("--remake", "merge_dl1", "--remake", ","),
        ("--controller-time", "10"),
        ("--submit-controller", "--backend", "local"),
    ],
)
def test_options_that_do_not_go_together(lab: Lab, config: str, options: tuple[str, ...]) -> None:
    run = lab.type("run", config, *options, program="lstluigi")
    assert run.code == 2
    assert "Usage" in run.text
    assert not lab.prod_logs.exists()
