"""Messages for the visualiser: on change only."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from lstluigi.scheduler.progress import StatusReports


class Reporter:
    """Records what it is given."""

    def __init__(self) -> None:
        self.given: list[Any] = []

    def update_status_message(self, message: str) -> None:
        self.given.append(message)

    update_tracking_url = update_progress_percentage = update_status_message


def process(reporter: Reporter, **handle: Any) -> Any:
    return SimpleNamespace(
        task=SimpleNamespace(task_id="t"),
        status_reporter=reporter,
        handle=SimpleNamespace(**handle),
    )


def test_only_changes_are_given() -> None:
    reporter, reports = Reporter(), StatusReports()
    one = process(reporter, status_message="1 of 2", progress=0.5, tracking_url="http://x")
    for _ in range(3):
        reports.send([one])
    one.handle.status_message, one.handle.progress = "2 of 2", 1.0
    reports.send_last([one])
    assert reporter.given == ["http://x", "1 of 2", 50, "2 of 2", 100]


def test_messages_are_no_html() -> None:
    """The visualiser takes them for HTML."""
    reporter = Reporter()
    StatusReports().send([process(reporter, status_message="log: /<script>/a&b's")])
    assert reporter.given == ["log: /&lt;script&gt;/a&amp;b's"]
