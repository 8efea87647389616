"""What names of productions say."""

from __future__ import annotations

import pytest

from lstluigi.library.names import date_in, levels_in, version_in
from lstluigi.library.readme import title_of


@pytest.mark.parametrize(
    ("names", "date"),
    [
        (["20240101_v0.10.4_crab"], "2024-01-01"),
        (["lstmcpipe_config_2024-02-05_PathConfigAllSkyFull"], "2024-02-05"),
        (["20240235_v0.10.5", "config_2024-02-05"], "2024-02-05"),  # no 35th of February
        (["template", "1202401011"], None),
    ],
)
def test_dates(names: list[str], date: str | None) -> None:
    assert date_in(names) == date


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("lstchain-v0.10.12", "0.10.12"),
        ("20240101_v0.9.13_large_offset", "0.9.13"),
        ("lstchain-0.12.3", "0.12.3"),
        ("cta", None),
        ("v0.9", None),
    ],
)
def test_versions(name: str, version: str | None) -> None:
    assert version_in([name]) == version


def test_levels() -> None:
    assert levels_in(["NSB-0.07", "20240918_v0.10.12_allsky_nsb_tuning_0.07"]) == [0.07]
    assert levels_in(["lstchain_config_nsb0.14"]) == [0.14]
    assert levels_in(["src4_high_NSB_LZA", "20230315_src_dec2276_tuned_nsb"]) == []


def test_title_is_the_first_line_that_says_something() -> None:
    assert title_of("\n# New Prod Config\n\n## Prod_ID\n\n---\n## 2024_crab ##\n") == "2024_crab ##"
    assert title_of("\n\n") == ""
