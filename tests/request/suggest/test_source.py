"""Coordinates as people write them, and names over a network of this test's own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from astropy.coordinates.name_resolve import sesame_url

from lstluigi.errors import LstluigiError
from lstluigi.request.suggest import named, read_coordinates


@pytest.mark.parametrize(
    "words",
    [
        ("83.633083", "22.0145"),
        ("83.633083d", "22.0145d"),
        ("05h34m31.94s", "+22d00m52.2s"),
        ("5:34:31.94", "22:00:52.2"),
        ("05h34m31.94s +22d00m52.2s",),
        ("83.633083, 22.0145",),
    ],
)
def test_forms(words: tuple[str, ...]) -> None:
    source = read_coordinates(words)
    assert source.ra == pytest.approx(83.633083, abs=1e-5)
    assert source.dec == pytest.approx(22.0145, abs=1e-5)


def test_south() -> None:
    assert read_coordinates(("17h45m40s", "-29d00m28s")).dec == pytest.approx(-29.00778, abs=1e-5)
    assert read_coordinates(("0", "-0:30:00")).dec == -0.5


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("a", "1"), "right ascension 'a' cannot be read"),
        (("1", "nan"), "declination 'nan' cannot be read"),
        (("1", "5x5"), "declination '5x5' cannot be read"),
        (("1", "5m/s"), "declination '5m/s' cannot be read"),
        (("1", "22:99:00"), "declination '22:99:00' cannot be read"),
        (("inf", "0"), "right ascension 'inf'"),
        (("-1", "0"), "not between 0 and 360"),
        (("25h00m00s", "0"), "right ascension '25h00m00s'"),
        (("0", "90.1"), "not between -90 and 90"),
        (("83.6",), "not one right ascension and one declination"),
        (("83.6 22", "1"), "not one right ascension and one declination"),
        (("\x1b[31m", "1"), r"right ascension '\\x1b\[31m'"),
    ],
)
def test_what_is_none(words: tuple[str, ...], what: str) -> None:
    with pytest.raises(LstluigiError, match=what):
        read_coordinates(words)


@contextmanager
def sesame(answer: bytes | None) -> Iterator[list[str]]:
    """A name server that gives this answer, or breaks off; yields what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if answer is None:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with sesame_url.set([f"http://127.0.0.1:{server.server_port}/"]):
            yield asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_name() -> None:
    with sesame(b"# Crab\n%J 083.6324 +22.0174 = 05 34 31.8  +22 01 03\n") as asked:
        source = named("Crab Nebula")
    assert (source.name, source.ra, source.dec) == ("Crab Nebula", 83.6324, 22.0174)
    assert "Crab%20Nebula" in asked[0]


def test_a_name_nobody_knows() -> None:
    with (
        sesame(b"#!SIMBAD: No known catalog could be found\n"),
        pytest.raises(LstluigiError, match=r"knows 'Crap'; give --coordinates"),
    ):
        named("Crap")


def test_no_network() -> None:
    with (
        sesame(None),
        pytest.raises(LstluigiError, match=r"'Crab' cannot be looked up.*give --coordinates"),
    ):
        named("Crab")
