"""Checksums with a bound."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from lstluigi.report.checksums import FileFacts, facts_of


def test_small_files_come_first(tmp_path: Path) -> None:
    for name, size in (("a", 60), ("b", 10), ("c", 30)):
        (tmp_path / name).write_bytes(name.encode() * size)
    paths = [str(tmp_path / name) for name in "abc"]
    found = facts_of([*paths, str(tmp_path / "none")], 50, {})
    assert [found[path].size for path in paths] == [60, 10, 30]
    assert found[paths[0]].sha256 == ""
    assert found[paths[1]].sha256 == hashlib.sha256(b"b" * 10).hexdigest()
    assert found[paths[2]].sha256 == hashlib.sha256(b"c" * 30).hexdigest()
    assert str(tmp_path / "none") not in found


def test_an_earlier_checksum_holds_while_size_and_time_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("text")
    status = path.stat()
    known = {str(path): FileFacts(4, status.st_mtime_ns, "earlier")}
    assert facts_of([str(path)], 100, known)[str(path)].sha256 == "earlier"
    os.utime(path, ns=(1, 1))
    assert facts_of([str(path)], 100, known)[str(path)].sha256 != "earlier"


def test_facts_survive_being_written_down() -> None:
    facts = FileFacts(3, 1_700_000_000_123_456_789, "ab")
    assert FileFacts.of(facts.attributes()) == facts
    assert FileFacts.of(FileFacts(3, 5).attributes()) is None
