"""Space that files take."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lstluigi.run.clean import freed, size


def test_space_of_links_is_free_with_the_last(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(os.urandom(100_000))
    os.link(one, other)
    assert freed([str(one)]) == 0
    assert freed([str(one), str(other), str(tmp_path / "none")]) >= 100_000


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2.5e12, "2.5 TB")]
)
def test_sizes_in_words(count: float, words: str) -> None:
    assert size(count) == words
