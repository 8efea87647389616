"""What tells the layout of a source production, and in which order it is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstluigi.layouts import PathConfigAllSkyFull
from lstluigi.layouts.trees import LAYOUTS, LayoutName, layout_of
from lstluigi.request.source import guess_layout

OLD, NEW = "20240131_base", "20250131_base"


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of one's own; what is known of it is kept nowhere else."""
    place = tmp_path / "library"
    place.mkdir()
    monkeypatch.setenv("LSTLUIGI_LIBRARY", str(place))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return place


def test_a_date_tells() -> None:
    for name, layout in ((OLD, "until-2024-08"), (NEW, "current")):
        guess = guess_layout(name, "/nowhere")
        assert guess
        assert guess.layout == layout
        assert name in guess.sentence(name)
        assert "source_layout" in guess.sentence(name)
    assert guess_layout("base", "/nowhere") is None


@pytest.mark.parametrize("layout", ["until-2024-08", "current"])
def test_the_library_knows_better_than_the_date(library: Path, layout: LayoutName) -> None:
    source = PathConfigAllSkyFull(NEW, ["dec_931"], nodes="catalogue", layout=layout)
    source.save_yml(library / "one/config.yml")
    guess = guess_layout(NEW, "/nowhere")
    assert guess
    assert guess.layout == layout
    assert "library" in guess.why


def test_the_library_knows_the_date(library: Path) -> None:
    """Of a production that makes models alone the library has no directory that tells."""
    (library / "20240131_models").mkdir()
    (library / "20240131_models/config.yml").write_text(
        "workflow_kind: lstchain\nprod_id: base\nstages_to_run: [train_pipe]\n"
        "stages:\n  train_pipe:\n  - input: {gamma: /g.h5, proton: /p.h5}\n    output: /models\n"
    )
    guess = guess_layout("base", "/nowhere")
    assert guess
    assert guess.layout == "until-2024-08"
    assert "2024-01-31" in guess.why


@pytest.mark.parametrize("layout", ["until-2024-08", "current"])
def test_the_disk_knows_best(library: Path, tmp_path: Path, layout: LayoutName) -> None:
    other: LayoutName = "current" if layout == "until-2024-08" else "until-2024-08"
    source = PathConfigAllSkyFull(OLD, ["dec_931"], nodes="catalogue", layout=other)
    source.save_yml(library / "one/config.yml")
    made = PathConfigAllSkyFull(
        OLD, ["dec_931"], nodes="catalogue", layout=layout, root=str(tmp_path)
    )
    Path(made.generate()["r0_to_dl1"][0]["output"]).mkdir(parents=True)
    guess = guess_layout(OLD, str(tmp_path))
    assert guess
    assert guess.layout == layout


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_directory_of_a_layout_tells_it(layout: LayoutName) -> None:
    config = PathConfigAllSkyFull("p", ["dec_931"], nodes="catalogue", layout=layout)
    steps = config.generate()
    for stage in ("r0_to_dl1", "dl1_to_dl2"):
        assert {layout_of(step["output"]) for step in steps[stage]} == {layout}
    assert layout_of(config.train_configs["dec_931"].models_dir()) is None
    assert layout_of("TestingDataset/dl1_p_merged.h5") is None
