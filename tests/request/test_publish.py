"""Files that are written together or not at all."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from lstluigi.errors import LstluigiError
from lstluigi.request.publish import publish


def content(root: Path) -> dict[str, str]:
    """Every file below a directory, and the empty directories."""
    return {
        str(path.relative_to(root)): path.read_text() if path.is_file() else ""
        for path in root.rglob("*")
        if path.is_file() or not list(path.iterdir())
    }


def test_files_and_their_directories_appear(tmp_path: Path) -> None:
    publish({tmp_path / "new/deep/a.yml": "a", tmp_path / "new/b.json": "b"})
    assert content(tmp_path) == {"new/deep/a.yml": "a", "new/b.json": "b"}


def test_one_file_that_exists_keeps_all_from_being_written(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("mine")
    with pytest.raises(LstluigiError, match=r"b' exists already; .*--overwrite"):
        publish({tmp_path / "a": "a", tmp_path / "new" / "c": "c", tmp_path / "b": "b"})
    assert content(tmp_path) == {"b": "mine"}


def test_no_room_names_the_file_and_leaves_nothing(tmp_path: Path) -> None:
    """A limit of the size of files stands for a disk that gets full amid a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    place = tmp_path / "new/b.yml"
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(LstluigiError) as caught:
            publish({tmp_path / "new/a.yml": "a", place: "b" * 5000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(caught.value).startswith(f"{place} cannot be written (File too large); ")
    assert content(tmp_path) == {}


def test_overwrite_replaces_whole_files_and_leaves_others(tmp_path: Path) -> None:
    for name in ("a", "b", "other"):
        (tmp_path / name).write_text("a long text of before")
    publish({tmp_path / "a": "a", tmp_path / "b": "b"}, overwrite=True)
    assert content(tmp_path) == {"a": "a", "b": "b", "other": "a long text of before"}


@pytest.mark.parametrize("at", [1, 2, 3, 4, 5])
def test_a_failure_halfway_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Whichever of the five renames fails: old to spare, new to place, for two; and one new."""
    (tmp_path / "a").write_text("before")
    (tmp_path / "b").write_text("before")
    calls = 0
    replace = os.replace

    def failing(source: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == at:
            raise OSError(28, "No space left on device", str(target))
        return replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    texts = {tmp_path / "a": "new", tmp_path / "sub/c": "new", tmp_path / "b": "new"}
    with pytest.raises(LstluigiError, match="No space left"):
        publish(texts, overwrite=True)
    assert content(tmp_path) == {"a": "before", "b": "before"}


@pytest.mark.parametrize("target", ["nowhere", "other"])
def test_links_that_were_there_are_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    """Also one to nothing."""
    (tmp_path / "other").write_text("other")
    (tmp_path / "a").symlink_to(target)
    replace = os.replace

    def failing(source: Path, goal: Path) -> None:
        if Path(goal) == tmp_path / "b":
            raise OSError(28, "No space left on device", str(goal))
        return replace(source, goal)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(LstluigiError, match="No space left"):
        publish({tmp_path / "a": "a", tmp_path / "b": "b"}, overwrite=True)
    assert os.readlink(tmp_path / "a") == target
    assert sorted(os.listdir(tmp_path)) == ["a", "other"]


def test_what_cannot_be_written_is_told_before_anything_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LstluigiError, match="nothing can be written below"):
        publish({tmp_path / "a": "a", tmp_path / "file" / "b": "b"})
    with pytest.raises(LstluigiError, match="is a directory"):
        publish({tmp_path / "c": "c", tmp_path: "x"}, overwrite=True)
    assert content(tmp_path) == {"file": ""}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_without_permission_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(LstluigiError, match="nothing can be written below"):
        publish({tmp_path / "a": "a"})
