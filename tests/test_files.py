"""Listings, glob, and files that are written whole."""

from __future__ import annotations

import errno
import glob
import os
from pathlib import Path

import pytest

from lstluigi.errors import LstluigiError
from lstluigi.files import (
    Damaged,
    Listing,
    nearest_existing,
    read_json,
    write_json,
    write_text,
    written,
    written_together,
)
from lstluigi.jobs.runner import publish

TREE = (
    *("a.h5", "b.h5", ".hidden.h5", "c.txt", "one/a.h5", "one/deep/a.h5", "two/b.h5"),
    *(".dot/a.h5", "one/.x/a.h5", "sp ace/[q]/a.h5", "dir.h5/a.h5"),
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in TREE:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    "pattern",
    ["*.h5", "*/*.h5", "*/*/*.h5", "**/*.h5", "one/*.h5", "?.h5", "[ab].h5", ".*.h5", "*", "no/*"],
)
def test_glob_finds_what_python_finds(tree: Path, pattern: str) -> None:
    found = list(Listing().glob(str(tree), pattern))
    expected = glob.glob(str(tree / pattern), recursive=True)
    assert sorted(found) == sorted(path for path in expected if os.path.isfile(path))


def test_glob_gives_each_file_once(tree: Path) -> None:
    found = list(Listing().glob(str(tree), "**/**/*.h5"))
    assert len(found) == len(set(found))


def test_glob_of_nothing(tmp_path: Path) -> None:
    assert list(Listing().glob(str(tmp_path / "not there"), "*.h5")) == []


def test_a_directory_is_listed_once_until_forgotten(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    scandir = os.scandir

    def counted(path: str) -> object:
        calls.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counted)
    listing = Listing()
    assert listing.exists(str(tree / "a.h5"))
    assert not listing.exists(str(tree / "new.h5"))
    assert listing.exists(str(tree / "one"))
    assert calls == [str(tree)]
    (tree / "new.h5").touch()
    assert not listing.exists(str(tree / "new.h5"))
    listing.forget(str(tree))
    assert listing.exists(str(tree / "new.h5"))


def test_what_lies_below_a_file_does_not_exist(tree: Path) -> None:
    assert not Listing().exists(str(tree / "a.h5" / "x"))
    assert not Listing().exists(str(tree / "nowhere" / "x"))


def test_a_directory_that_cannot_be_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(LstluigiError, match=r"/data cannot be listed \(Permission denied\)"):
        Listing().exists("/data/x")


def test_json_comes_back(tmp_path: Path) -> None:
    path = str(tmp_path / "new" / "x.json")
    write_json(path, {"a": [1, "é"]})
    assert read_json(path) == {"a": [1, "é"]}
    assert read_json(str(tmp_path / "absent.json")) is None


def test_damaged_json_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"a": ')
    with pytest.raises(Damaged) as caught:
        read_json(str(path))
    # of any file: the record of a controller has no product
    assert str(caught.value) == f"{path} is damaged (not JSON); move it away and try again"


def test_a_file_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.txt"
    write_text(str(path), "before")

    def full(source: str, target: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(LstluigiError, match="No space left"):
        write_text(str(path), "after")
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["x.txt"]


def test_others_may_read_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    write_text(str(tmp_path / "x.txt"), "text")
    assert (tmp_path / "x.txt").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_nearest_existing(tmp_path: Path) -> None:
    assert nearest_existing(str(tmp_path / "a" / "b")) == str(tmp_path)
    assert nearest_existing(str(tmp_path)) == str(tmp_path)
    assert nearest_existing("/surely-not-here/x") == "/"


def test_files_written_together(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("mine")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a").write_text("before")
    with written_together() as beside:
        place = beside(tmp_path)
        (place / "sub" / "new").mkdir(parents=True)
        (place / "sub" / "a").write_text("after")
        (place / "sub" / "new" / "b").write_text("b")
        assert (tmp_path / "sub" / "a").read_text() == "before"
    assert files(tmp_path) == {"own": "mine", "sub/a": "after", "sub/new/b": "b"}
    assert sorted(os.listdir(tmp_path)) == ["own", "sub"]


def test_what_cannot_get_to_its_place_takes_the_others_back(tmp_path: Path) -> None:
    directory = tmp_path / "there"
    (directory / "z").mkdir(parents=True)
    (directory / "a").write_text("before")
    with pytest.raises(LstluigiError, match=r"there/.* cannot be written .Is a directory"):
        put(directory, "deep/x", "a", "b", "z")
    assert files(directory) == {"a": "before"}
    assert sorted(os.listdir(directory)) == ["a", "z"]


def test_a_link_to_a_directory_is_put_back(tmp_path: Path) -> None:
    (tmp_path / "there" / "z").mkdir(parents=True)
    (tmp_path / "there" / "a").symlink_to(tmp_path)
    with pytest.raises(LstluigiError, match="Is a directory"):
        put(tmp_path / "there", "a", "z")
    assert (tmp_path / "there" / "a").is_symlink()


def test_files_of_several_directories_written_together(tmp_path: Path) -> None:
    (tmp_path / "b" / "z").mkdir(parents=True)
    with pytest.raises(LstluigiError, match=r"b/z cannot be written .Is a directory"):
        put_each(tmp_path / "a" / "y", tmp_path / "b" / "z")
    assert [path.name for path in tmp_path.rglob("*")] == ["b", "z"]


def test_a_file_written_within_others_is_named_where_it_was_to_be(tmp_path: Path) -> None:
    with (
        pytest.raises(LstluigiError) as caught,
        written_together() as beside,
        written(beside(tmp_path) / "deep" / "a.png"),
    ):
        raise OSError(28, "No space left on device")
    said = f"{tmp_path}/deep/a.png cannot be written (No space left on device); "
    assert str(caught.value) == f"{said}make room below {tmp_path}, or choose another place"
    assert os.listdir(tmp_path) == []


def test_the_place_of_a_file_has_its_ending(tmp_path: Path) -> None:
    with written(tmp_path / "new" / "a.png") as place:
        place.write_bytes(b"x")
        assert (place.suffix, place.parent) == (".png", tmp_path / "new")
        assert place.name != "a.png"
    assert files(tmp_path) == {"new/a.png": "x"}


def test_a_directory_made_for_what_fails_is_gone(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        put(tmp_path / "a" / "b", "x", then=KeyboardInterrupt())
    assert os.listdir(tmp_path) == []


def put(directory: Path, *names: str, then: BaseException | None = None) -> None:
    """Write files together, and then fail or not."""
    with written_together() as beside:
        place = beside(directory)
        for name in names:
            (place / name).parent.mkdir(exist_ok=True)
            (place / name).write_text("after")
        if then is not None:
            raise then


def put_each(*paths: Path) -> None:
    """Write files of several directories together."""
    with written_together() as beside:
        for path in paths:
            (beside(path.parent) / path.name).touch()


def files(directory: Path) -> dict[str, str]:
    """Content of each file below a directory."""
    found = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_text() for path in found}


@pytest.mark.parametrize(
    ("where", "remedy"),
    [
        ("file/a.png", "{0}/file is a file, so choose another place"),
        ("directory", "move away what is there, or choose another place"),
        ("/proc/nothing/a.png", "see that you may write below /proc, or choose another place"),
    ],
)
def test_what_to_do_where_nothing_can_be_written(tmp_path: Path, where: str, remedy: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "directory" / "full").mkdir(parents=True)
    with pytest.raises(LstluigiError) as caught:
        write_text(str(tmp_path / where), "text")
    assert str(caught.value).startswith(f"{tmp_path / where} cannot be written (")
    assert str(caught.value).endswith(remedy.format(tmp_path))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["directory", "file", "full"]


def test_a_file_system_without_chmod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CIFS and some FUSE file systems refuse it; their files have the modes of the mount."""

    def refused(*args: object, **more: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    for name in ("chmod", "fchmod", "lchmod"):
        monkeypatch.setattr(os, name, refused, raising=False)
    write_text(str(tmp_path / "x.txt"), "text", 0o755)
    assert (tmp_path / "x.txt").read_text() == "text"
    made = tmp_path / "made"
    made.write_text("product")
    publish.copy_beside(str(made), str(tmp_path / "final"))
    assert (tmp_path / "final").read_text() == "product"
