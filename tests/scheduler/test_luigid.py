"""Patience with a luigid, without one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness import free_port
from luigi import configuration
from luigi.rpc import RPCError

from lstluigi.scheduler.luigid_client import PatientScheduler, named_by_user


class Fetcher:
    """Answers after some failures."""

    raises = OSError

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0

    def fetch(self, full_url: str, body: dict[str, str], timeout: float) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise ConnectionResetError("gone")
        return json.dumps({"response": full_url})


def scheduler(failures: int, **options: Any) -> PatientScheduler:
    made = PatientScheduler("http://localhost:1", **options)
    made._fetcher = Fetcher(failures)
    return made


def test_a_short_absence_is_waited_for() -> None:
    luigid = scheduler(failures=2)
    looks: list[int] = []
    luigid.while_waiting = lambda: looks.append(1)
    assert luigid.is_paused() == "http://localhost:1/api/is_paused"
    assert len(looks) == 2
    assert luigid.was_away()
    assert not luigid.was_away()


def test_patience_ends() -> None:
    with pytest.raises(RPCError, match="does not answer"):
        scheduler(failures=1000, patience=0.3).is_paused()


def test_a_stranger_in_its_place_is_not_talked_to() -> None:
    luigid = scheduler(failures=1, check=lambda url: False, patience=0.5)
    with pytest.raises(RPCError, match="nothing that belongs to you"):
        luigid.is_paused()
    assert luigid._fetcher.calls == 1


def test_a_ping_is_tried_once() -> None:
    luigid = PatientScheduler(f"http://localhost:{free_port()}")
    with pytest.raises(RPCError):
        luigid.ping(worker="me")
    assert luigid.was_away()


@pytest.mark.parametrize(
    ("key", "value"),
    [("scheduler_host", "h"), ("default-scheduler-url", "http://localhost:8082/")],
)
def test_the_configuration_names_a_scheduler(key: str, value: str) -> None:
    config = configuration.get_config()
    assert not named_by_user("http://localhost:8082/")
    config.set("core", key, value)
    try:
        assert named_by_user("http://localhost:8082/")
    finally:
        config.remove_option("core", key)


def test_another_address_than_luigis_default_was_named_by_somebody() -> None:
    assert named_by_user("http://localhost:8083/")
