"""Messages for the visualiser: on change, rarely, harmless."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lstluigi.scheduler import progress as reports
from lstluigi.scheduler.progress import StatusReports


class Reporter:
    """Records what is sent."""

    def __init__(self, fails: bool = False) -> None:
        self.sent: list[Any] = []
        self.fails = fails

    def update_status_message(self, message: str) -> None:
        self.sent.append(message)
        if self.fails:
            raise OSError("luigid is away")

    update_tracking_url = update_progress_percentage = update_status_message


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(reports, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def process(reporter: Reporter, **handle: Any) -> Any:
    return SimpleNamespace(
        task=SimpleNamespace(task_id="t"),
        status_reporter=reporter,
        handle=SimpleNamespace(**handle),
    )


def test_only_changes_are_sent(clock: SimpleNamespace) -> None:
    reporter, status = Reporter(), StatusReports()
    one = process(reporter, status_message="queued", progress=0.5)
    for _ in range(3):
        status.send([one])
        clock.now += 10
    assert reporter.sent == ["queued", 50]


def test_not_more_often_than_every_two_seconds(clock: SimpleNamespace) -> None:
    reporter, status = Reporter(), StatusReports()
    for eighths in range(40):
        status.send([process(reporter, status_message=f"at {eighths}")])
        clock.now += 0.125
    assert reporter.sent == ["at 0", "at 16", "at 32"]


def test_a_scheduler_that_is_away_is_left_alone(clock: SimpleNamespace) -> None:
    reporter, status = Reporter(fails=True), StatusReports()
    one = process(reporter, status_message="queued")
    status.send([one])
    clock.now += 10
    status.send([one])
    assert reporter.sent == ["queued"]
    reporter.fails = False
    clock.now += 30
    status.send([one])
    assert reporter.sent == ["queued", "queued"]


def test_the_last_word_is_sent_at_once_if_it_is_news(clock: SimpleNamespace) -> None:
    reporter, status = Reporter(), StatusReports()
    one = process(reporter, status_message="1 of 2", progress=0.5)
    status.send([one])
    one.handle.status_message, one.handle.progress = "2 of 2", 1.0
    status.send_last([one])
    assert reporter.sent == ["1 of 2", 50, "2 of 2", 100]
    other = process(reporter, status_message="done")
    status.send([other])
    status.send_last([other])
    assert reporter.sent[4:] == ["done"]


def test_messages_are_no_html(clock: SimpleNamespace) -> None:
    """The visualiser takes them for HTML."""
    reporter = Reporter()
    StatusReports().send([process(reporter, status_message="log: /<script>/a&b's")])
    assert reporter.sent == ["log: /&lt;script&gt;/a&amp;b's"]


def test_everything_again_after_luigid_has_forgotten(clock: SimpleNamespace) -> None:
    reporter, status = Reporter(), StatusReports()
    one = process(reporter, tracking_url="http://x")
    status.send([one])
    status.forget_all()
    clock.now += 10
    status.send([one])
    assert reporter.sent == ["http://x"] * 2
