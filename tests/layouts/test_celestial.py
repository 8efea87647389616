"""Sources that names speak of."""

from __future__ import annotations

import pytest

from lstluigi.layouts.celestial import celestial, far_from_lines


@pytest.mark.parametrize(
    ("text", "name", "declination"),
    [
        ("20240131_allsky_v0.10.5_mrk421", "mrk421", 38.21),
        ("20240131_Mrk_421_tuned", "mrk421", 38.21),
        ("mrk-421", "mrk421", 38.21),
        ("tuned to Markarian 421", "mrk421", 38.21),
        ("Mkn 501", "mrk501", 39.76),
        ("mrk1501", "mrk1501", None),
        ("20220913_crab_test_nodes", "crab", 22.01),
        ("Crab_Nebula", "crab", 22.01),
        ("a_BLLac_b", "bllac", 42.28),
        ("BL Lacertae", "bllac", 42.28),
        # names with coordinates: a third digit is a tenth of a degree, four are degrees and minutes
        ("1ES 1959+650", "1es1959+650", 65.0),
        ("20240131_1es1959+650", "1es1959+650", 65.0),
        ("PKS1510-089", "pks1510089", -8.9),
        ("LHAASO J2226+6057", "lhaasoj2226+6057", 60.95),
        ("4FGL J1104.4+3812", "4fglj1104.4+3812", 38.2),
        # a dash that parts words, and no declination at all
        ("1ES-1959-650", "1es1959650", None),
        ("GRB 221009A", "grb221009a", None),
        ("1es1959", "1es1959", None),
    ],
)
def test_a_source_in_a_name(text: str, name: str, declination: float | None) -> None:
    (found,) = celestial(text)
    assert found.name == name
    assert found.spelt in text
    if declination is None:
        assert found.declination is None
    else:
        assert found.declination == pytest.approx(declination, abs=0.01)
    assert found.private is (name != "crab")


@pytest.mark.parametrize(
    "text",
    [
        "20240430_v0.10.4_src9_dec3476_tuned",
        "20261101_v0.12.3_dec_2276_nsb_0.07",
        "node_theta_10.0_az_102.199_",
        "20240131_allsky_v0.10.5_all_dec_base",
        "zen40az180_dl1ab_tuned_nsb_psf_src2",
    ],
)
def test_names_without_a_source(text: str) -> None:
    assert not [*celestial(text)]


@pytest.mark.parametrize(
    ("prod_id", "lines", "told"),
    [
        ("20240131_mrk421", ["dec_3476"], None),
        ("20240131_mrk421", ["dec_2276", "dec_3476"], None),
        ("20240131_mrk421", ["dec_2276"], "dec_2276, 15.4 deg away; dec_3476 is 3.5 deg away"),
        ("20240131_mrk421", [], None),
        ("20240131_mrk1501", ["dec_2276"], None),
        ("20240131_src9", ["dec_2276"], None),
        ("20240131_crab", ["dec_2276"], None),
        ("20240131_crab", ["dec_6676"], "dec_2276 is 0.8 deg away"),
        # about as far from one line as from the other
        ("20240131_3c66a", ["dec_3476"], "8.3 deg away; dec_4822 is 5.2 deg away"),
        ("20240131_ngc1275", ["dec_3476"], None),
        ("20240131_dec_2276", ["dec_2276", "dec_931"], None),
        ("20240131_dec2276_dec_min_413", ["dec_min_413"], None),
        ("20240131_dec_6166", ["dec_6166_high_density"], None),
        ("20240131_v0.10.4_base_dec_min_2924_min_1802", ["dec_min_2924"], None),
        ("20240131_dec_2276", ["dec_931"], "it names dec_2276, and the production has dec_931"),
    ],
)
def test_a_source_far_from_the_lines(prod_id: str, lines: list[str], told: str | None) -> None:
    paths = [
        f"/mc/{prod_id}/TrainingDataset/Protons/{line}/node_theta_1.0_az_2.0_" for line in lines
    ]
    found = [*far_from_lines(prod_id, [*paths, "/models"])]
    assert len(found) == (told is not None)
    assert all(str(told) in sentence for sentence in found)
