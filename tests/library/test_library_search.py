"""Which productions are found, by filter and by name."""

from __future__ import annotations

import pytest

from lstluigi.errors import LstluigiError
from lstluigi.library.model import Production
from lstluigi.library.search import Filters, find, known, select

BASE = Production(
    "grid/NSB-0.14",
    "/l/grid/NSB-0.14",
    prod_id="20240918_v0.10.12_nsb_tuning_0.14",
    lstchain="0.10.12",
    lines=["dec_2276", "dec_min_413"],
    levels=[0.14],
    stages={"r0_to_dl1": 3, "dl2_to_irfs": 1},
    stages_to_run=["r0_to_dl1", "dl2_to_irfs"],
    text="For the Crab",
)
OTHER = Production(
    "20230101_v0.1.9_other",
    "/l/20230101_v0.1.9_other",
    prod_id="grid",
    lstchain="0.1.9",
    stages={"dl2_to_irfs": 1},
)
BOTH = [BASE, OTHER]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), BOTH),
        (Filters(dec=["dec_2276"]), [BASE]),
        (Filters(dec=["2276", "min_413"]), [BASE]),
        (Filters(dec=["413"]), []),
        (Filters(nsb=0.14), [BASE]),
        (Filters(nsb=0.1), []),
        (Filters(lstchain="0.1"), [OTHER]),  # 0.10 is another version
        (Filters(lstchain="0.10"), [BASE]),
        (Filters(lstchain="v0.10.12"), [BASE]),
        (Filters(lstchain="0.10.1"), []),
        (Filters(stage=["dl2_to_irfs"]), [BASE]),  # of the other it is not run
        (Filters(text=["CRAB"]), [BASE]),
        (Filters(text=["crab", "other"]), []),
    ],
)
def test_filters(filters: Filters, expected: list[Production]) -> None:
    assert select(BOTH, filters) == expected


def test_a_search_in_vain_says_what_there_is() -> None:
    (said,) = known(BOTH, Filters(lstchain="0.9"))
    assert said == "versions of lstchain there: 0.1.9, 0.10.12"
    assert known(BOTH, Filters(text=["x"])) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("grid/NSB-0.14", BASE),
        ("NSB-0.14", BASE),
        ("/l/grid/NSB-0.14/", BASE),
        ("20240918_v0.10.12_nsb_tuning_0.14", BASE),
        ("grid", OTHER),  # its whole prod_id comes before a part of a name
        ("other", OTHER),
    ],
)
def test_a_production_by_name(name: str, expected: Production) -> None:
    assert find(BOTH, name) is expected


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("_v0", "may be 2 productions"),
        ("20230101_v0.1.9_othr", "near: '20230101_v0.1.9_other'"),
        ("", "there is no production"),
    ],
)
def test_a_name_that_is_none(name: str, words: str) -> None:
    with pytest.raises(LstluigiError, match=words):
        find(BOTH, name)
