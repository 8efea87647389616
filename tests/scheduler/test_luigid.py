"""Talking to a luigid, without one."""

from __future__ import annotations

from email.message import Message
from http.client import HTTPException
from urllib.error import HTTPError

import pytest
from harness import wait_for
from luigi import configuration
from luigi.rpc import RPCError

from lstluigi.scheduler import mirror
from lstluigi.scheduler.luigid_client import Luigid, Refused, named_by_user


class Fetcher:
    """Fails in some way."""

    raises = OSError

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.calls = 0

    def fetch(self, full_url: str, body: dict[str, str], timeout: float) -> str:
        self.calls += 1
        raise self._error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionResetError("gone"), RPCError),
        (HTTPException("half an answer"), RPCError),
        (HTTPError("u", 500, "no such batch", Message(), None), Refused),
    ],
)
def test_a_call_is_tried_once(error: Exception, kind: type[RPCError]) -> None:
    luigid = Luigid("http://localhost:1")
    luigid._fetcher = Fetcher(error)
    with pytest.raises(kind) as raised:
        luigid.is_paused()
    assert type(raised.value) is kind
    assert luigid._fetcher.calls == 1


def test_a_stranger_in_its_place_is_not_talked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "_RETRY_EVERY", 0.01)
    asked: list[str] = []

    def check(url: str) -> bool:
        asked.append(url)
        return False

    luigid = Luigid("http://localhost:1")
    luigid._fetcher = Fetcher(OSError())
    shown = mirror.Mirror(luigid, check)
    shown.show_worker("me", {})
    shown.show_task("t", status="PENDING")
    wait_for(lambda: len(asked) > 2)
    shown.close()
    assert luigid._fetcher.calls == 0


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
