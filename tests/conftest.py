"""Fixtures for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab import Lab

pytest_plugins = ["slurm_fixtures"]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A production in a temporary directory, with stand-ins for lstchain."""
    return Lab(tmp_path, monkeypatch)
