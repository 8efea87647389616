"""How items ended, from what the runner wrote and what the backend says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lstluigi.jobs.results import (
    cause_of,
    has_ended,
    is_there,
    read_results,
    speaks_for_itself,
    without_result,
)
from lstluigi.jobs.states import Cause, JobState, JobStatus


def result(state: str = "failed", reason: str = "", **more: Any) -> dict[str, Any]:
    return {"state": state, "reason": reason, "rc": None, "signal": None, **more}


def ended(cause: Cause = Cause.COMMAND) -> JobStatus:
    return JobStatus(JobState.FAILED, "its job ended", cause)


def test_results_say_where_they_come_from(tmp_path: Path) -> None:
    path = tmp_path / "chunk-0.json"
    items = {"a": {"state": "ok"}, "b": {"state": "running"}, "c": "nonsense"}
    path.write_text(json.dumps({"host": "n1", "versions": {"lstchain": "1"}, "items": items}))
    assert read_results(str(path)) == {
        name: {"state": state, "host": "n1", "node": None, "versions": {"lstchain": "1"}}
        for name, state in (("a", "ok"), ("b", "running"))
    }


@pytest.mark.parametrize(
    "text", [None, "", '{"items": {"a', "[]", "null", '{"items": []}', '{"items": null}', "{}"]
)
def test_no_readable_results_are_none(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "chunk-0.json"
    if text is not None:
        path.write_text(text)
    assert read_results(str(path)) == {}


def test_is_there(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert is_there(str(tmp_path / "a"))
    assert not is_there(str(tmp_path / "b"))
    assert not is_there(str(tmp_path / "none" / "a"))


def test_has_ended() -> None:
    assert not has_ended(None)
    assert not has_ended(result("running"))
    assert all(has_ended(result(state)) for state in ("ok", "empty", "failed"))


@pytest.mark.parametrize(
    ("known", "speaks"),
    [
        (result("ok", rc=0), True),
        (result("empty", rc=0), True),
        (result("failed", rc=1), True),
        (result("failed", "input x is missing"), True),
        (result("failed", signal="SIGKILL"), False),
        (result("running"), False),
        (without_result(ended(), begun=True), False),
    ],
)
def test_when_the_backend_need_not_be_asked(known: dict[str, Any], speaks: bool) -> None:
    assert speaks_for_itself(known) == speaks


@pytest.mark.parametrize("of_job", list(Cause))
def test_what_the_runner_saw_is_not_the_jobs_fault(of_job: Cause) -> None:
    status = ended(of_job)
    assert cause_of(result(rc=1), status) is Cause.COMMAND
    assert cause_of(result(reason="x was not made", rc=0), status) is Cause.COMMAND
    assert cause_of(result(reason="input x is missing"), status) is Cause.COMMAND
    assert cause_of(result("empty", rc=0), status) is Cause.FINAL
    assert cause_of(result(cause="disk full", rc=1), status) is Cause.FINAL
    assert cause_of(result(cause="out of memory", rc=1), status) is Cause.MEMORY
    # not what a command says of itself
    assert cause_of(result(reason="disk full of files failed", rc=1), status) is Cause.COMMAND
    # a command that is not there
    assert cause_of(result(reason="x is not in this environment", rc=127), status) is Cause.NODE


@pytest.mark.parametrize("of_job", list(Cause))
def test_without_a_result_it_is_the_jobs_fault(of_job: Cause) -> None:
    assert cause_of(without_result(ended(of_job), begun=True), ended(of_job)) is of_job


@pytest.mark.parametrize(
    "of_job", [Cause.MEMORY, Cause.TIME, Cause.NODE, Cause.PREEMPTED, Cause.CANCELLED]
)
@pytest.mark.parametrize("signal", ["SIGTERM", "SIGKILL"])
def test_a_signal_comes_from_what_ended_the_job(of_job: Cause, signal: str) -> None:
    assert cause_of(result(signal=signal), ended(of_job)) is of_job


def test_a_signal_to_one_process_of_a_job_that_went_on() -> None:
    assert cause_of(result(signal="SIGKILL"), ended()) is Cause.MEMORY  # the kernel's choice
    assert cause_of(result(signal="SIGSEGV"), ended()) is Cause.COMMAND


def test_words_where_there_is_no_result() -> None:
    assert without_result(ended(), begun=True)["reason"] == "its job ended"
    silent = JobStatus(JobState.SUCCEEDED)
    assert (
        without_result(silent, begun=True)["reason"] == "the job ended while it worked on this file"
    )
    assert (
        without_result(silent, begun=False)["reason"] == "the job ended before it started this file"
    )
