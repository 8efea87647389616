"""Where a step keeps things, its manifest, and when its product exists."""

from __future__ import annotations

import itertools
from pathlib import Path

import luigi
import pytest

from lstluigi.errors import LstluigiError
from lstluigi.files import Listing
from lstluigi.production.manifest import Manifest, sizes
from lstluigi.production.places import Places
from lstluigi.production.targets import ProductTarget, described
from lstluigi.stages.base import Made


def test_places_of_a_directory_are_inside_it() -> None:
    places = Places.of([Made("/d/node", directory=True)], "job_logs_r0dl1")
    assert places.logs == "/d/node/job_logs_r0dl1"
    assert places.scratch == "/d/node/.lstluigi/step"


def test_places_of_files_are_beside_them() -> None:
    places = Places.of([Made("/d/x.fits", False), Made("/d/x.png", False)], "logs")
    assert places.recipe == "/d/logs/x.fits.recipe.json"
    assert places.scratch == "/d/.lstluigi/x.fits"


def test_steps_that_share_a_directory_do_not_share_files() -> None:
    steps = [
        [Made("/d/a.h5", False)],
        [Made("/d/b.h5", False)],
        [Made("/d/train", True), Made("/d/test", True)],
    ]
    places = [Places.of(step, "logs") for step in steps]
    kinds = ("recipe", "manifest", "ledger", "lock", "scratch")
    paths = [getattr(place, kind) for place, kind in itertools.product(places, kinds)]
    assert len(set(paths)) == len(paths)


def test_a_manifest_comes_back(tmp_path: Path) -> None:
    path = str(tmp_path / "m.json")
    manifest = Manifest({"/dl0": {"a.simtel.gz": 7}}, {"/dl0/b.simtel.gz": "truncated"}, ["/dl0/c"])
    manifest.write(path)
    assert Manifest.read(path) == manifest
    assert Manifest.read(str(tmp_path / "absent")) is None


@pytest.mark.parametrize("content", ["[]", "{}", "1", "not json"])
def test_a_damaged_manifest_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "m.json").write_text(content)
    with pytest.raises(LstluigiError, match="damaged"):
        Manifest.read(str(tmp_path / "m.json"))


def test_sizes_are_in_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert sizes(str(tmp_path), ["a"]) == {"a": 5}


def test_a_target_exists_when_every_file_does(tmp_path: Path) -> None:
    files = [str(tmp_path / "one" / "a"), str(tmp_path / "two" / "b")]
    target = ProductTarget("name", files, Listing())
    assert isinstance(target, luigi.Target)
    assert not target.exists()
    for file in files:
        assert file in target.missing()
        Path(file).parent.mkdir()
        Path(file).touch()
        assert target.exists() == (file == files[-1])
    assert target.missing() == []
    Path(files[0]).unlink()
    assert not target.exists()


def test_a_target_without_files_does_not_exist(tmp_path: Path) -> None:
    assert not ProductTarget(str(tmp_path), [], Listing()).exists()


def test_described() -> None:
    assert described([Made("/a", True), Made("/b", False)]) == {"/a": "directory", "/b": "file"}
