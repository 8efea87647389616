"""Fixtures for tests of the library."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own."""
    directory = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(directory))
    monkeypatch.delenv("LSTLUIGI_LIBRARY", raising=False)
    return directory


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """An empty library."""
    directory = tmp_path / "library"
    directory.mkdir()
    return directory
