"""Features of each random forest: neither truth nor bookkeeping, nor what a later forest finds."""

from __future__ import annotations

import pytest
from right_production import Production

from lstluigi.validation.lstchain_requirements import FEATURES


@pytest.mark.parametrize("key", FEATURES)
@pytest.mark.parametrize(
    ("feature", "told"),
    [
        ("mc_type", "simulation truth"),
        ("mc_energy", "simulation truth"),
        ("log_mc_energy", "simulation truth"),
        ("mc_alt", "simulation truth"),
        ("disp_norm", "simulation truth"),
        ("disp_sign", "simulation truth"),
        ("src_x", "simulation truth"),
        ("event_id", "bookkeeping"),
        ("obs_id", "bookkeeping"),
        ("trigger_time", "bookkeeping"),
    ],
)
def test_what_no_forest_may_know(production: Production, key: str, feature: str, told: str) -> None:
    production.lstchain[key].append(feature)
    (error,), warnings = production.told()
    assert told in error
    assert key in error
    assert not warnings


@pytest.mark.parametrize("key", FEATURES[:-1])
@pytest.mark.parametrize("feature", ["log_reco_energy", "reco_disp_norm", "signed_skewness"])
def test_what_is_reconstructed_later(production: Production, key: str, feature: str) -> None:
    production.lstchain[key].append(feature)
    (error,), _ = production.told()
    assert f"'{feature}' is reconstructed only after this forest" in error
    assert key in error


def test_what_follows_from_the_method(production: Production) -> None:
    production.lstchain["disp_method"] = "disp_vector"
    errors, _ = production.told()
    assert len(errors) == 2
    assert all("not reconstructed with the disp_method" in error for error in errors)
    features = production.lstchain[FEATURES[-1]]
    for given, right in (("reco_disp_norm", "reco_disp_dx"), ("reco_disp_sign", "reco_disp_dy")):
        features[features.index(given)] = right
    assert production.told() == ([], [])


@pytest.mark.parametrize("key", FEATURES)
@pytest.mark.parametrize(("more", "times"), [(1, "twice"), (2, "3 times")])
def test_a_feature_that_is_listed_twice(
    production: Production, key: str, more: int, times: str
) -> None:
    """scikit-learn 1.9 stops at it; before, the forest draws it the more often."""
    production.lstchain[key] += ["width"] * more
    (error,), warnings = production.told()
    assert f"key '{key}': 'width' is listed {times}" in error
    assert "keep it once" in error
    assert not warnings
