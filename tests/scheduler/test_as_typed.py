"""The ``luigi`` command without any option, and what configuration and flags change."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import ALONE, Run, allow, can_be_alone, events, luigid_command, wait_for

Start = Callable[..., Run]
alone = pytest.mark.skipif(not can_be_alone(), reason="needs a network namespace")


@alone
def test_without_luigid(tmp_path: Path, start: Start) -> None:
    allow(tmp_path, "job0", "job1", "job2")
    run = start("Many", before=(*ALONE, "true"))
    assert run.wait() == 0, run.text
    assert "4 ran successfully" in run.text


@alone
@pytest.mark.slow
@pytest.mark.parametrize("user", [None, 65534])
def test_only_my_own_luigid_is_used(tmp_path: Path, start: Start, user: int | None) -> None:
    if user and os.getuid() != 0:
        pytest.skip("needs another user")
    allow(tmp_path, "job0")
    wait = (
        "import socket, time, os\n"
        "while True:\n"
        "  try: socket.create_connection(('127.0.0.1', 8082)); break\n"
        "  except OSError: time.sleep(.1)\n"
        "os.execvp(os.sys.argv[1], os.sys.argv[1:])"
    )
    daemon = f"timeout 60 {shlex.join(luigid_command(8082, user))} 2>luigid.txt"
    run = start("Many", "--count", "1", before=(*ALONE, daemon, "python3", "-c", wait))
    assert run.wait() == 0, run.text
    assert ("Your luigid" in run.text) == (user is None)


def test_a_failure_shows_in_the_exit_code(tmp_path: Path, start: Start) -> None:
    allow(tmp_path, "first", text="bad file")
    run = start("Chain", "--local-scheduler")
    assert run.wait() == 30
    assert "first" in run.text
    assert "bad file" in run.text
    assert "Traceback" not in run.text
    assert events(tmp_path) == ["start first"]


def test_missing_data_show_in_the_exit_code(start: Start) -> None:
    assert start("NeedsData", "--local-scheduler").wait() == 20


def test_an_incomplete_product_is_a_failure(tmp_path: Path, start: Start) -> None:
    allow(tmp_path, "lost")
    run = start("Job", "--name", "lost", "--local-scheduler", FAKE_LOSES="1")
    assert run.wait() == 30
    assert "is not there" in run.text


@pytest.mark.parametrize("where", ["prepare", "complete", "requires"])
def test_the_users_errors_are_sentences(start: Start, where: str) -> None:
    run = start("Broken", "--where", where, "--local-scheduler")
    assert run.wait() == 3
    assert run.text.count(f"prod.yml, stage r0_to_dl1: bad in {where}; mend it.") == 1
    assert "Traceback" not in run.text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["Job"], "lstluigi: Job needs --name (it has no default): add it."),
        (["Jobb", "--name", "x"], "lstluigi: there is no task 'Jobb'; write Job."),
        (["Many", "--cuont", "1"], "lstluigi: unrecognized arguments: --cuont 1; --help after "),
        (["Many", "--count", "one"], "lstluigi: Many cannot take --count one: "),
        (["Job", "--name"], "lstluigi: argument --name: expected one argument; --help after "),
    ],
)
def test_what_is_mistyped_is_told_in_a_sentence(
    start: Start, arguments: list[str], sentence: str
) -> None:
    run = start(*arguments, "--local-scheduler")
    assert run.wait() == 2
    told = [line for line in run.text.splitlines() if line.startswith("lstluigi:")]
    assert len(told) == 1
    assert told[0].startswith(sentence)
    assert "Traceback" not in run.text
    assert "usage:" not in run.text


def test_help_is_still_there(start: Start) -> None:
    run = start("Job", "--help")
    assert run.wait() == 0
    assert "--name" in run.text


@pytest.mark.parametrize(
    ("name", "text", "environment"),
    [
        ("luigi.cfg", "[retcode]\ntask_failed=7\n", {}),
        ("luigi.cfg", "[retcode]\ntask-failed=7\n", {}),
        ("mine.cfg", "[retcode]\ntask_failed=7\n", {"LUIGI_CONFIG_PATH": "mine.cfg"}),
        ("luigi.toml", "[retcode]\ntask_failed=7\n", {"LUIGI_CONFIG_PARSER": "toml"}),
        ("luigi.toml", "[retcode]\ntask-failed=7\n", {"LUIGI_CONFIG_PARSER": "toml"}),
    ],
)
def test_the_users_configuration_wins(
    tmp_path: Path, start: Start, name: str, text: str, environment: dict[str, str]
) -> None:
    (tmp_path / name).write_text(text)
    allow(tmp_path, "job0", text="no")
    run = start("Many", "--count", "1", "--local-scheduler", **environment)
    assert run.wait() == 7, run.text


def test_flags_win_over_the_configuration(tmp_path: Path, start: Start) -> None:
    (tmp_path / "luigi.cfg").write_text("[retcode]\ntask_failed=7\n")
    allow(tmp_path, "job0", text="no")
    run = start("Many", "--count", "1", "--local-scheduler", "--retcode-task-failed", "9")
    assert run.wait() == 9


def test_one_worker_runs_one_job_at_a_time(tmp_path: Path, start: Start) -> None:
    run = start("Many", "--local-scheduler", "--workers", "1")
    for done in range(1, 4):
        wait_for(lambda done=done: len(events(tmp_path)) == done)
        allow(tmp_path, events(tmp_path)[-1].split()[1])
    assert run.wait() == 0


def test_plain_tasks_run_beside_jobs(tmp_path: Path, start: Start) -> None:
    allow(tmp_path, "job")
    run = start("Mixed", "--local-scheduler")
    assert run.wait() == 0, run.text
    plain = [line.split() for line in events(tmp_path) if line.startswith("plain")]
    assert len(plain) == 6
    assert {parent for *_, parent in plain} == {str(run.process.pid)}
    assert len({pid for _, _, pid, _ in plain}) == 6


def test_requirements_found_while_running(tmp_path: Path, start: Start) -> None:
    allow(tmp_path, "job")
    run = start("Dynamic", "--local-scheduler")
    assert run.wait() == 0, run.text
    assert (tmp_path / "job.out").exists()
    assert (tmp_path / "plain.out").exists()


def test_a_signal_ends_plain_tasks(tmp_path: Path, start: Start) -> None:
    run = start("Plain", "--name", "long", "--seconds", "300", "--local-scheduler")
    (line,) = wait_for(lambda: events(tmp_path))
    run.kill(signal.SIGTERM)
    assert run.wait() == 143
    assert "Traceback" not in run.text
    with pytest.raises(ProcessLookupError):
        os.kill(int(line.split()[2]), 0)


def test_a_plain_task_that_fails(tmp_path: Path, start: Start) -> None:
    run = start("Plain", "--name", "bad", "--fails", "--local-scheduler")
    assert run.wait() == 30
    assert "plain trouble" in run.text


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_detach(tmp_path: Path, start: Start, signum: int) -> None:
    run = start("Many", "--count", "2", "--local-scheduler")
    wait_for(lambda: len(events(tmp_path)) == 2)
    run.kill(signum)
    assert run.wait() == 128 + signum
    assert {"detach job0", "detach job1"} <= set(events(tmp_path))
    assert "Type the same command again" in run.text
    assert "Traceback" not in run.text


def test_a_task_says_what_to_type_after_a_signal(tmp_path: Path, start: Start) -> None:
    run = start("Once", "--count", "1", "--local-scheduler")
    wait_for(lambda: events(tmp_path))
    run.kill(signal.SIGINT)
    assert run.wait() == 130
    assert "Type another command to continue" in run.text


def test_a_signal_waits_for_the_submission_under_way(tmp_path: Path, start: Start) -> None:
    (tmp_path / "note_pumps").write_text("3")
    run = start("Many", "--count", "1", "--local-scheduler")
    wait_for(lambda: "pump" in events(tmp_path))
    run.kill(signal.SIGINT)
    assert run.wait() == 130
    assert events(tmp_path) == ["start job0", "pump", "pump ended", "detach job0"]


def test_an_ignored_hangup_stays_ignored(tmp_path: Path, start: Start) -> None:
    run = start("Many", "--count", "1", "--local-scheduler", before=("nohup",))
    wait_for(lambda: events(tmp_path))
    run.kill(signal.SIGHUP)
    allow(tmp_path, "job0")
    assert run.wait() == 0
