"""Fixtures for all tests."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from lab import Lab

pytest_plugins = ["slurm_fixtures"]

# started in the background or by nohup, we ignore these, and so would every run that a test starts
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A production in a temporary directory, with stand-ins for lstchain."""
    return Lab(tmp_path, monkeypatch)
