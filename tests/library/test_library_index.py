"""The index: as good as reading everything, and never in the way."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from library_lab import CORPUS, add, config

from lstluigi.errors import LstluigiError
from lstluigi.library import index, read


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the directories that were read."""
    names: list[str] = []
    original = read.read_directory

    def counted(directory: str, name: str, files: list[str]) -> object:
        names.append(name)
        return original(directory, name, files)

    monkeypatch.setattr(read, "read_directory", counted)
    return names


def test_only_what_has_changed_is_read_again(library: Path, reads: list[str]) -> None:
    add(library, "a")
    add(library, "b")
    first = index.productions(str(library))
    assert sorted(reads) == ["a", "b"]
    assert index.productions(str(library)) == first
    assert len(reads) == 2
    text = (library / "a" / "readme.md").write_text("# New")
    assert text
    assert index.productions(str(library))[0].title == "New"
    assert reads[2:] == ["a"]
    (library / "b" / "lstmcpipe_config.yml").unlink()
    (library / "b" / "lstchain_config.json").unlink()
    assert [found.name for found in index.productions(str(library))] == ["a"]


def test_same_size_and_time_of_writing_is_still_seen(library: Path) -> None:
    file = add(library, "a", config("prod_a")) / "lstmcpipe_config.yml"
    index.productions(str(library))
    before = file.stat()
    file.write_text(file.read_text().replace("prod_a", "prod_b"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert index.productions(str(library))[0].prod_id == "prod_b"


def _foreign(content: dict[str, object]) -> str:
    return json.dumps({**content, "root": "/elsewhere"})


def _other_code(content: dict[str, object]) -> str:
    return json.dumps({**content, "reader": "0"})


def _wrong_shape(content: dict[str, object]) -> str:
    directories = content["directories"]
    assert isinstance(directories, dict)
    for entry in directories.values():
        entry["productions"][0]["lines"] = "dec_2276"
    return json.dumps(content)


def _short(content: dict[str, object]) -> str:
    return json.dumps({**content, "directories": {"a": {"productions": [{}]}}})


@pytest.mark.parametrize(
    "damage",
    [
        _foreign,
        _other_code,
        _wrong_shape,
        _short,
        lambda content: json.dumps(content)[:-20],
        lambda content: "[]",
        lambda content: "null",
        lambda content: "\0" * 100,
        lambda content: "[" * 100_000,
    ],
)
def test_a_broken_or_foreign_index_is_made_anew(
    damage: Callable[[dict[str, object]], str], library: Path, reads: list[str]
) -> None:
    add(library, "a")
    first = index.productions(str(library))
    file = Path(index.index_file(os.path.realpath(library)))
    file.write_text(damage(json.loads(file.read_text())))
    assert index.productions(str(library)) == first
    assert reads == ["a", "a"]
    assert index.productions(str(library)) == first
    assert len(reads) == 2


def test_an_index_that_cannot_be_kept_is_no_matter(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(library, "a")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(index.productions(str(library))) == 1


def test_libraries_without_being_told(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Path(index.__file__).parents[2] / "production_configs"
    monkeypatch.setenv("LSTLUIGI_LIBRARY", f"{library}::{tmp_path}")
    assert index.default_places() == [str(own), str(library), str(tmp_path)]


def test_no_library_is_said(library: Path) -> None:
    with pytest.raises(LstluigiError, match="does not exist"):
        index.productions(str(library / "absent"))
    (library / "file").touch()
    with pytest.raises(LstluigiError, match="is no directory"):
        index.productions(str(library / "file"))


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"{CORPUS} is absent")
def test_several_processes_and_the_index_give_what_one_process_reads(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    alone = index.productions(str(CORPUS))
    (file,) = (cache / "lstluigi").iterdir()
    file.unlink()
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2})
    assert index.productions(str(CORPUS)) == alone
    assert index.productions(str(CORPUS)) == alone
