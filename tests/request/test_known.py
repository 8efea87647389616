"""What a request is told of the productions that the libraries have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lstluigi.layouts import PathConfigAllSkyFull, PathConfigAllSkyFullDL1ab
from lstluigi.request.known import named_sources, same_name, source_notices

TUNED = {"image_modifier": {"increase_nsb": True}}


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library with one production of one line, whose images are tuned."""
    place = tmp_path / "library"
    monkeypatch.setenv("LSTLUIGI_LIBRARY", str(place))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = PathConfigAllSkyFull("20240917_src", ["dec_min_2924"], nodes="catalogue")
    home = place / "one"
    made.save_yml(home / "config.yml")
    text = (home / "config.yml").read_text()
    (home / "config.yml").write_text(f"{text}lstchain_config: lstchain.json\n")
    (home / "lstchain.json").write_text(json.dumps(TUNED))
    return place


def request(*lines: str, source: str = "20240917_src") -> PathConfigAllSkyFullDL1ab:
    made = PathConfigAllSkyFullDL1ab("new", source, list(lines), nodes="catalogue")
    made.generate()
    return made


def test_a_name_that_is_taken(library: Path) -> None:
    (told,) = same_name("20240917_src", library / "two")
    assert f"has a production of this prod_id at '{library}/one'" in told
    assert not [*same_name("20240917_src", library / "one")]
    assert not [*same_name("new", library / "two")]
    (library / "EXAMPLES").write_text("one")  # which nobody has made
    assert not [*same_name("20240917_src", library / "two")]


def test_lines_that_the_source_does_not_have(library: Path) -> None:
    (told,) = source_notices(request("dec_2276", "dec_min_2924"), {})
    assert "20240917_src has no dec_2276, says the library (one): it has dec_min_2924." in told
    assert not [*source_notices(request("dec_min_2924"), {})]
    assert not [*source_notices(request("dec_2276", source="other"), {})]


def test_images_are_not_tuned_twice(library: Path) -> None:
    (told,) = source_notices(request("dec_min_2924"), TUNED)
    assert "lstchain refuses to tune images twice" in told
    (library / "one/lstchain.json").write_text('{"image_modifier": {"increase_nsb": false}}')
    assert not [*source_notices(request("dec_min_2924"), TUNED)]


def test_a_source_in_the_name_of_a_request() -> None:
    def told(prod_id: str) -> list[str]:
        made = PathConfigAllSkyFull(prod_id, ["dec_2276"], nodes="catalogue")
        made.generate()
        return [*named_sources(made)]

    private, far = told("20240131_mrk_421")
    assert "names a source (mrk_421), and the library is public" in private
    assert "declination 38.2 deg), and the nearest line of the production is dec_2276" in far
    assert told("20240131_crab") == told("20240131_src9") == []
