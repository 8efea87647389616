"""What the chain made of toy DL0: the products for themselves."""

from __future__ import annotations

import pytest
from chain_compare import DL2_PARAMETERS, assert_irf_opens, finite_bins, png_size, products, rows
from chain_config import (
    DL1_FILES,
    DL2,
    IMPORTANCE,
    IRF,
    MERGED_TEST,
    SENSITIVITY,
    SENSITIVITY_PLOT,
    TESTED,
    TRAINING_GAMMAS,
)
from chain_runs import Production

pytestmark = pytest.mark.chain


def test_every_product_is_there(production: Production) -> None:
    assert [name for name, path in products(production).items() if not path.is_file()] == []


def test_nothing_else_is_left(production: Production) -> None:
    assert production.left_over() == []


def test_a_node_is_split_by_links_and_nothing_is_moved(production: Production) -> None:
    for sample in TRAINING_GAMMAS:
        whole = production / f"dl1/{sample.place}"
        sides = [whole / "train", production / f"dl1/kept_apart/{sample.node}"]
        named = [{path.name for path in side.glob("*.h5")} for side in sides]
        assert [len(names) for names in named] == [1, 1]
        assert named[0] | named[1] == {path.name for path in whole.glob("*.h5")}
        for side, names in zip(sides, named, strict=True):
            assert all((side / name).samefile(whole / name) for name in names)


def test_no_event_is_lost_between_dl1_and_dl2(production: Production) -> None:
    for key, sample in TESTED.items():
        events = sum(rows(production / DL1_FILES[sample.file(n + 1)]) for n in range(sample.files))
        assert events > 0
        assert rows(production / MERGED_TEST[key]) == events
        # dl1_to_dl2 leaves out events without a reconstructible image only
        assert 0 < rows(production / DL2[key], DL2_PARAMETERS) <= events


def test_irf_opens_in_gammapy(production: Production) -> None:
    assert_irf_opens(production / IRF)


def test_sensitivity_is_whole(production: Production) -> None:
    assert finite_bins(production / SENSITIVITY) >= 1


@pytest.mark.parametrize("name", [IMPORTANCE, SENSITIVITY_PLOT])
def test_plots_are_images_of_a_sane_size(production: Production, name: str) -> None:
    width, height = png_size(production / name)
    assert 300 <= width <= 5000
    assert 200 <= height <= 5000
    # an empty canvas of this size compresses to less
    assert (production / name).stat().st_size > 10_000
