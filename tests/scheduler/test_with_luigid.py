"""Runs under a real luigid."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import Luigid, Run, allow, events, free_port, wait_for

from lstluigi.scheduler.luigid_client import answers, is_my_luigid

Start = Callable[..., Run]
pytestmark = pytest.mark.slow


def port(luigid: Luigid) -> tuple[str, str]:
    return "--scheduler-port", str(luigid.port)


def test_the_graph_and_messages_are_visible(tmp_path: Path, luigid: Luigid, start: Start) -> None:
    run = start("Many", "--count", "2", *port(luigid))
    running = wait_for(lambda: [t for t in luigid.tasks("RUNNING").values() if t["status_message"]])
    job = wait_for(lambda: luigid.tasks("RUNNING").get("Job(name=job0, needs=[])"))
    wait_for(lambda: luigid.tasks()["Job(name=job0, needs=[])"]["progress_percentage"] == 25)
    job = luigid.tasks()["Job(name=job0, needs=[])"]
    assert running
    assert job["status_message"] == "job0 is going on"
    assert job["tracking_url"] == "http://example.invalid/job0"
    assert luigid.tasks()["Many(count=2)"]["status"] == "PENDING"
    allow(tmp_path, "job0", "job1")
    assert run.wait() == 0
    assert luigid.tasks()["Many(count=2)"]["status"] == "DONE"


def test_killed_and_typed_again_at_once(tmp_path: Path, luigid: Luigid, start: Start) -> None:
    first = start("Chain", *port(luigid))
    wait_for(lambda: "start first" in events(tmp_path))
    first.kill()
    allow(tmp_path, "first", "second", "chain")
    again = start("Chain", *port(luigid))
    assert again.wait() == 0, again.text
    assert luigid.tasks()["Chain()"]["status"] == "DONE"
    assert (tmp_path / "chain.out").exists()


def test_luigid_restarted_empty(tmp_path: Path, luigid: Luigid, start: Start) -> None:
    run = start("Chain", *port(luigid))
    wait_for(lambda: "start first" in events(tmp_path))
    allow(tmp_path, "first")
    wait_for(lambda: "start second" in events(tmp_path))
    luigid.stop()
    wait_for(lambda: "does not answer" in run.text)
    luigid.start()
    wait_for(lambda: luigid.tasks().get("Chain()"))
    allow(tmp_path, "second", "chain")
    assert run.wait() == 0, run.text
    started = [line for line in events(tmp_path) if line.startswith("start")]
    assert started == ["start first", "start second", "start chain"]
    assert {task["status"] for task in luigid.tasks().values()} == {"DONE"}


def test_luigid_restarted_unnoticed(tmp_path: Path, luigid: Luigid, start: Start) -> None:
    """The run sends nothing in between; it looks whether it is still known."""
    run = start("Chain", *port(luigid))
    wait_for(lambda: luigid.tasks("RUNNING"))
    luigid.stop()
    luigid.start()
    wait_for(lambda: luigid.tasks("RUNNING"))
    allow(tmp_path, "first", "second", "chain")
    assert run.wait() == 0, run.text
    assert {task["status"] for task in luigid.tasks().values()} == {"DONE"}


def test_a_luigid_that_hangs_costs_the_run_nothing(
    tmp_path: Path, luigid: Luigid, start: Start
) -> None:
    run = start("Chain", *port(luigid))
    wait_for(lambda: "start first" in events(tmp_path))
    luigid.hang()
    allow(tmp_path, "first", "second", "chain")
    assert run.wait() == 0, run.text
    assert (tmp_path / "chain.out").exists()


def test_what_people_do_on_the_page_decides_nothing(
    tmp_path: Path, luigid: Luigid, start: Start
) -> None:
    run = start("Chain", *port(luigid))
    wait_for(lambda: luigid.tasks("RUNNING"))
    (worker,) = luigid.ask("worker_list")
    luigid.ask("disable_worker", worker=worker["name"])
    luigid.ask("pause")
    allow(tmp_path, "first", "second", "chain")
    assert run.wait() == 0, run.text


def test_failed_stays_failed(tmp_path: Path, luigid: Luigid, start: Start) -> None:
    run = start("Many", "--count", "2", *port(luigid))
    allow(tmp_path, "job0", text="the disk is full")
    wait_for(lambda: luigid.tasks("FAILED"))
    (name,) = luigid.ask("task_list", status="FAILED")
    luigid.ask("forgive_failures", task_id=name)
    allow(tmp_path, "job1")
    assert run.wait() == 30, run.text
    assert events(tmp_path).count("start job0") == 1
    assert "the disk is full" in run.text
    assert "the disk is full" in luigid.ask("fetch_error", task_id=name)["error"]


def test_a_failure_is_forgiven_in_the_next_run(
    tmp_path: Path, luigid: Luigid, start: Start
) -> None:
    allow(tmp_path, "job0", text="the disk is full")
    assert start("Many", "--count", "1", *port(luigid)).wait() == 30
    allow(tmp_path, "job0")
    assert start("Many", "--count", "1", *port(luigid)).wait() == 0


def test_a_product_removed_just_after_it_was_made(
    tmp_path: Path, luigid: Luigid, start: Start
) -> None:
    allow(tmp_path, "first", "second", "chain")
    assert start("Chain", *port(luigid)).wait() == 0
    for name in ("first", "second", "chain"):
        (tmp_path / f"{name}.out").unlink()
    again = start("Chain", *port(luigid))
    assert again.wait() == 0, again.text
    started = [line for line in events(tmp_path) if line.startswith("start")]
    assert started == ["start first", "start second", "start chain"] * 2


def test_a_requirement_that_is_made_again_and_fails(
    tmp_path: Path, luigid: Luigid, start: Start
) -> None:
    """luigid takes it for done and hands out what depends on it."""
    allow(tmp_path, "first", "second")
    assert start("Job", "--name", "first", *port(luigid)).wait() == 0
    (tmp_path / "first.out").unlink()
    allow(tmp_path, "first", text="the disk is full")
    again = start("Chain", *port(luigid))
    assert again.wait() == 30, again.text
    assert [line for line in events(tmp_path) if line.startswith("start")] == ["start first"] * 2


def test_a_named_luigid_that_is_down(tmp_path: Path, start: Start) -> None:
    allow(tmp_path, "job0")
    run = start("Many", "--count", "1", "--scheduler-port", str(free_port()))
    assert run.wait() == 0, run.text
    assert "does not answer" in run.text
    assert "Traceback" not in run.text


@pytest.mark.parametrize("key", ["scheduler_port", "scheduler-port", "default-scheduler-port"])
def test_a_luigid_named_in_the_configuration_shows_the_run(
    tmp_path: Path, luigid: Luigid, start: Start, key: str
) -> None:
    (tmp_path / "luigi.cfg").write_text(f"[core]\n{key}={luigid.port}\n")
    allow(tmp_path, "job0")
    assert start("Many", "--count", "1").wait() == 0
    assert luigid.tasks()["Many(count=1)"]["status"] == "DONE"


def test_something_else_that_answers_is_no_luigid(tmp_path: Path, luigid: Luigid) -> None:
    assert answers(luigid.url)
    assert not answers(f"{luigid.url}/static")


def test_my_own_luigid_is_mine(luigid: Luigid) -> None:
    assert is_my_luigid(luigid.url)
    assert not is_my_luigid(f"http://localhost:{free_port()}")


@pytest.mark.skipif(os.getuid() != 0, reason="needs another user")
def test_a_luigid_of_a_stranger_is_not_mine(tmp_path_factory: pytest.TempPathFactory) -> None:
    where = tmp_path_factory.mktemp("stranger")
    where.chmod(0o777)
    stranger = Luigid(where, user=65534)
    try:
        assert answers(stranger.url)
        assert not is_my_luigid(stranger.url)
    finally:
        stranger.stop()


def test_an_interrupt_detaches(tmp_path: Path, luigid: Luigid, start: Start) -> None:
    run = start("Many", "--count", "2", *port(luigid))
    wait_for(lambda: len(events(tmp_path)) == 2)
    run.kill(signal.SIGINT)
    assert run.wait() == 130
    assert {"detach job0", "detach job1"} <= set(events(tmp_path))
    assert "Traceback" not in run.text


def test_pings_go_on_while_the_pump_is_slow(tmp_path: Path, luigid: Luigid, start: Start) -> None:
    (tmp_path / "note_pumps").write_text("10")
    run = start("Many", "--count", "1", *port(luigid))
    wait_for(lambda: "pump" in events(tmp_path))

    def last_ping() -> float:
        return float(luigid.ask("worker_list")[0]["last_active"])

    before = last_ping()
    wait_for(lambda: last_ping() > before + 2)
    assert "pump ended" not in events(tmp_path)
    (tmp_path / "note_pumps").unlink()
    allow(tmp_path, "job0")
    assert run.wait() == 0
