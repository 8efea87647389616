"""Which luigid is used, and talking to it with patience."""

from __future__ import annotations

import http.client
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from luigi import configuration
from luigi.cmdline_parser import CmdlineParser
from luigi.rpc import RemoteScheduler, RPCError, URLLibFetcher
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential

__all__ = ["PatientScheduler", "answers", "is_my_luigid", "named_by_user"]

log = logging.getLogger("lstluigi")

DEFAULT_URL = "http://localhost:8082/"
_PATIENCE = 600.0  # s, without an answer of luigid before the run ends
_PROBE = 3.0  # s, for a luigid to answer whether it is there
_HURRY = 5.0  # s, for a call that may fail
_STATUS_ATTEMPTS = 3  # when luigid answers, but with an HTTP error
_LISTEN = "0A"  # linux, include/net/tcp_states.h
_FLAGS = ("scheduler_host", "scheduler_port", "scheduler_url")


def named_by_user(url: str) -> bool:
    """Tell whether the user chose this scheduler: by flag, configuration or option of a call."""
    parser = CmdlineParser.get_instance()
    flags = vars(parser.known_args) if parser else {}
    config = configuration.get_config()
    return (
        url != DEFAULT_URL
        or any(flags.get(f"core_{flag}") for flag in _FLAGS)
        or any(
            config.has_option("core", key)
            for flag in _FLAGS
            for key in (flag, flag.replace("_", "-"), f"default-{flag.replace('_', '-')}")
        )
    )


def is_my_luigid(url: str) -> bool:
    """Tell whether everything that listens at a port of this host belongs to this user.

    A scheduler can make a worker import modules: one of another user is never asked.
    """
    port = urlsplit(url).port
    owners = set() if port is None else _owners(port)
    return owners == {os.getuid()}


def _owners(port: int) -> set[int]:
    owners = set()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                # sl local_address rem_address st tx:rx tr:tm retrnsmt uid ... (proc_net_tcp.txt)
                fields = line.split()
                if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    owners.add(int(fields[7]))
    return owners


def answers(url: str) -> bool:
    """Tell whether a luigid answers at a URL."""
    try:
        reply = _HastyScheduler(url, connect_timeout=_PROBE).is_pause_enabled()
    except (RPCError, OSError, ValueError, LookupError, TypeError, AssertionError):
        return False
    return isinstance(reply, dict) and "enabled" in reply


class _DirectFetcher(URLLibFetcher):  # type: ignore[misc]
    """Luigi's fetcher without a proxy, which would not find this host's luigid."""

    _opener = build_opener(ProxyHandler({}))

    def fetch(self, full_url: str, body: dict[str, str], timeout: float) -> str:
        request = self._create_request(full_url, body=body)
        with self._opener.open(request, timeout=timeout) as reply:
            return str(reply.read().decode())


class _Scheduler(RemoteScheduler):  # type: ignore[misc]
    """Luigi's proxy of a luigid; whatever fails on the way raises RPCError."""

    def __init__(self, url: str, connect_timeout: float | None = None) -> None:
        super().__init__(url, connect_timeout=connect_timeout)
        if urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1"):
            self._fetcher = _DirectFetcher()

    def _fetch(self, url_suffix: str, body: dict[str, str]) -> str:
        try:
            return str(super()._fetch(url_suffix, body))
        except (OSError, http.client.HTTPException) as error:
            raise RPCError(f"luigid at {self._url} does not answer ({error})", error) from error


class _HastyScheduler(_Scheduler):
    """Tries once."""

    def _get_retryer(self) -> Callable[..., Any]:
        return _call


def _call(function: Callable[..., Any], *args: Any) -> Any:
    return function(*args)


class PatientScheduler(_Scheduler):
    """A luigid that may be restarted while the run goes on.

    Parameters
    ----------
    url : str
        Where luigid listens.
    check : callable
        Whether the luigid at ``url`` may be talked to; asked again after each time it was away.
    patience : float
        How long to wait for an answer, in s.
    """

    def __init__(
        self,
        url: str,
        check: Callable[[str], bool] = lambda url: True,
        patience: float = _PATIENCE,
    ) -> None:
        super().__init__(url)
        self.hasty = _HastyScheduler(url, connect_timeout=_HURRY)
        self.while_waiting: Callable[[], None] = lambda: None
        self._check = check
        self._patience = patience
        self._was_away = threading.Event()

    def ping(self, **kwargs: Any) -> Any:
        """As Luigi's, once: the next ping comes soon, and the worker's lock must not be held."""
        try:
            return self.hasty.ping(**kwargs)
        except RPCError:
            self._was_away.set()
            raise

    def was_away(self) -> bool:
        """Tell, once, whether luigid has been out of reach since the last call."""
        was_away = self._was_away.is_set()
        self._was_away.clear()
        return was_away

    def _fetch(self, url_suffix: str, body: dict[str, str]) -> str:
        away = False

        def fetch(full_url: str, body: dict[str, str], timeout: float) -> str:
            if away and not self._check(self._url):
                raise OSError("nothing that belongs to you listens there")
            return str(self._fetcher.fetch(full_url, body, timeout))

        def note(state: RetryCallState) -> None:
            nonlocal away
            if not away:
                log.warning(
                    "luigid at %s does not answer; waiting for it up to %.0f minutes.",
                    self._url,
                    self._patience / 60,
                )
            away = True
            self._was_away.set()

        retry = Retrying(
            wait=wait_exponential(multiplier=0.2, max=10),
            stop=self._is_enough,
            retry=retry_if_exception_type((OSError, http.client.HTTPException)),
            before_sleep=note,
            sleep=self._sleep,
            reraise=True,
        )
        full_url = f"{self._url}{url_suffix}"
        try:
            page: str = retry(fetch, full_url, body, self._connect_timeout)
        except (OSError, http.client.HTTPException) as error:
            raise RPCError(f"luigid at {self._url} does not answer ({error})", error) from error
        if away:
            log.info("luigid at %s answers again.", self._url)
        return page

    def _is_enough(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        status = getattr(error, "code", None) or getattr(error, "response", None)
        if status is not None and state.attempt_number >= _STATUS_ATTEMPTS:
            return True
        return (state.seconds_since_start or 0.0) > self._patience

    def _sleep(self, seconds: float) -> None:
        self.while_waiting()
        time.sleep(seconds)
