"""Fixtures for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab import Lab


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A production in a temporary directory, with stand-ins for lstchain."""
    return Lab(tmp_path, monkeypatch)


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file together, and all that share the toy production."""
    for item in items:
        group = "chain" if item.path.parent.name == "chain" else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
