"""Which luigid shows a run, and talking to it."""

from __future__ import annotations

import http.client
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit

from luigi import configuration
from luigi.cmdline_parser import CmdlineParser
from luigi.rpc import RemoteScheduler, RPCError, URLLibFetcher

__all__ = ["Luigid", "Refused", "answers", "is_my_luigid", "named_by_user"]

DEFAULT_URL = "http://localhost:8082/"
_PROBE = 3.0  # s, for a luigid to answer whether it is there
_HURRY = 5.0  # s, for a call
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
        reply = Luigid(url, timeout=_PROBE).is_pause_enabled()
    except (RPCError, OSError, AssertionError):
        return False
    return isinstance(reply, dict) and "enabled" in reply


class _DirectFetcher(URLLibFetcher):  # type: ignore[misc]
    """Luigi's fetcher with one connection to this host, without a proxy, which would not find it.

    To connect anew takes more CPU than everything else of a call.
    """

    def __init__(self) -> None:
        self._connection: tuple[int, http.client.HTTPConnection] | None = None

    def fetch(self, full_url: str, body: dict[str, str], timeout: float) -> str:
        url = urlsplit(full_url)
        kept, self._connection = self._connection, None
        if kept is None or kept[0] != os.getpid():  # a fork must not share it
            kept = os.getpid(), http.client.HTTPConnection(str(url.hostname), url.port, timeout)
        connection = kept[1]
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", url.path, urlencode(body), headers)
        reply = connection.getresponse()
        text = reply.read().decode()
        self._connection = kept
        if reply.status != http.client.OK:
            raise HTTPError(full_url, reply.status, text, reply.headers, None)
        return text


class Refused(RPCError):  # type: ignore[misc]
    """Luigid answers, but with an error: a call that it cannot carry out."""


class Luigid(RemoteScheduler):  # type: ignore[misc]
    """Luigi's proxy of a luigid that tries each call once; whatever fails raises RPCError.

    Parameters
    ----------
    url : str
        Where luigid listens.
    timeout : float
        How long a call waits, in s.
    """

    def __init__(self, url: str, timeout: float = _HURRY) -> None:
        super().__init__(url, connect_timeout=timeout)
        self.url = url
        here = urlsplit(url)
        if here.scheme == "http" and here.hostname in ("localhost", "127.0.0.1", "::1"):
            self._fetcher = _DirectFetcher()

    def knows(self, worker: str) -> bool:
        """Ping; tell whether luigid knows who pings, so that it was not restarted."""
        self.ping(worker=worker)
        found = self.worker_list(include_running=False)
        return any(one["name"] == worker and "pid" in one for one in found)

    def _get_retryer(self) -> Callable[..., Any]:
        return _call

    def _fetch(self, url_suffix: str, body: dict[str, str]) -> str:
        try:
            return str(super()._fetch(url_suffix, body))
        except RPCError as error:
            cause = error.sub_exception  # of urllib, or of requests
            if hasattr(cause, "code") or getattr(cause, "response", None) is not None:
                raise Refused(str(error), cause) from error
            raise self._silent(cause) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from error

    def _request(self, url: str, data: dict[str, Any], **options: Any) -> Any:
        try:
            return super()._request(url, data, **options)
        except (ValueError, LookupError, TypeError) as error:  # no JSON, or not luigid's
            raise self._silent(error) from error

    def _silent(self, error: object) -> RPCError:
        return RPCError(f"luigid at {self._url} does not answer ({error})", error)


def _call(function: Callable[..., Any], *args: Any) -> Any:
    return function(*args)
