"""Fixtures of the tests of validate."""

from __future__ import annotations

from pathlib import Path

import pytest
from right_production import Production


@pytest.fixture
def production(tmp_path: Path) -> Production:
    """A small production that is right in every respect."""
    return Production(tmp_path)
