"""The lstchain config of a request: what is put on top of lstchain's own."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from lstluigi.config.tool_config import differences
from lstluigi.errors import LstluigiError
from lstluigi.request.settings import changes, for_one_pointing, merged, text, with_nsb
from lstluigi.validation.lstchain_catalogue import for_monte_carlo

Settings = dict[str, Any]


@pytest.fixture
def settings() -> Settings:
    """The parts that matter, as lstchain 0.12.3 has them for data."""
    features = ["log_intensity", "width", "sin_az_tel", "alt_tel"]
    names = ("energy_regression", "disp_regression", "disp_classification")
    return {
        "events_filters": {"intensity": [0, math.inf]},
        "tailcut": {"picture_thresh": 8, "boundary_thresh": 4},
        "image_extractor": "LocalPeakWindowSum",
        "image_extractor_for_muons": "GlobalPeakWindowSum",
        "LocalPeakWindowSum": {"window_width": 8, "apply_integration_correction": False},
        "GlobalPeakWindowSum": {"window_width": 8, "apply_integration_correction": False},
        **{f"{name}_features": list(features) for name in names},
        "particle_classification_features": ["width", "az_tel", "alt_tel"],
        "random_forest_zd_interpolation": {
            "interpolate_energy": True,
            "interpolate_gammaness": True,
            "interpolate_direction": True,
        },
        "waveform_nsb_tuning": {
            "nsb_tuning": False,
            "nsb_tuning_rate_GHz": 0.15,
            "spe_location": None,
        },
    }


def test_sections_are_merged_key_by_key(settings: Settings) -> None:
    both = merged(
        settings, {"tailcut": {"picture_thresh": 6}, "events_filters": {"intensity": [1]}}
    )
    assert both["tailcut"] == {"picture_thresh": 6, "boundary_thresh": 4}
    assert both["events_filters"] == {"intensity": [1]}
    assert settings["tailcut"]["picture_thresh"] == 8


def test_what_tune_nsb_prints_goes_where_lstchain_reads_it(settings: Settings) -> None:
    printed = {
        "increase_nsb": True,
        "extra_noise_in_dim_pixels": 1.62,
        "extra_bias_in_dim_pixels": 0.655,
        "transition_charge": 8,
        "extra_noise_in_bright_pixels": 2.08,
    }
    assert merged(settings, printed) == {**settings, "image_modifier": printed}
    assert merged(settings, {"image_modifier": printed}) == merged(settings, printed)
    waveform = {"nsb_tuning": True, "nsb_tuning_rate_GHz": 0.2, "spe_location": "a.dat"}
    assert merged(settings, waveform)["waveform_nsb_tuning"] == waveform
    assert merged(settings, {}) == settings


def test_monte_carlo_has_its_integration_corrected(settings: Settings) -> None:
    assert list(differences(settings, for_monte_carlo(settings))) == [
        "GlobalPeakWindowSum.apply_integration_correction: False -> True",
        "LocalPeakWindowSum.apply_integration_correction: False -> True",
    ]
    assert for_monte_carlo({"image_extractor": "Unknown"}) == {"image_extractor": "Unknown"}


def test_models_of_one_pointing_know_no_pointing(settings: Settings) -> None:
    one = for_one_pointing(settings)
    assert one["energy_regression_features"] == ["log_intensity", "width"]
    assert one["particle_classification_features"] == ["width"]
    # lstchain 0.12 looks alt_tel up among the features to interpolate
    assert set(one["random_forest_zd_interpolation"].values()) == {False}
    assert "alt_tel" in settings["energy_regression_features"]


@pytest.mark.parametrize(("rate", "tuned"), [(0.07, True), (0.0, False)])
def test_both_keys_of_the_nsb_are_set(settings: Settings, rate: float, tuned: bool) -> None:
    tuning = with_nsb(settings, rate)["waveform_nsb_tuning"]
    assert tuning == {"nsb_tuning": tuned, "nsb_tuning_rate_GHz": rate, "spe_location": None}


@pytest.mark.parametrize("rate", [-0.1, math.nan, math.inf])
def test_what_is_no_rate_is_refused(settings: Settings, rate: float) -> None:
    with pytest.raises(LstluigiError, match=r"not a number of GHz|is negative"):
        with_nsb(settings, rate)


def test_an_lstchain_without_rates_is_told(settings: Settings) -> None:
    settings["waveform_nsb_tuning"] = {"nsb_tuning": False, "nsb_tuning_ratio": 0.52}
    with pytest.raises(LstluigiError, match=r"since 0\.10\.12"):
        with_nsb(settings, 0.07)


def test_changes_are_told_value_by_value(settings: Settings) -> None:
    new = for_one_pointing(merged(settings, {"increase_nsb": True, "transition_charge": 8}))
    new["tailcut"] = {"picture_thresh": 6}
    new["energy_regression_features"].append("wl")
    new["events_filters"]["intensity"] = [50, math.inf]
    assert list(changes(settings, new)) == [
        "disp_classification_features: without sin_az_tel, alt_tel",
        "disp_regression_features: without sin_az_tel, alt_tel",
        "energy_regression_features: without sin_az_tel, alt_tel; with wl",
        "events_filters.intensity: [0, Infinity] -> [50, Infinity]",
        "image_modifier.increase_nsb: true",
        "image_modifier.transition_charge: 8",
        "particle_classification_features: without az_tel, alt_tel",
        "random_forest_zd_interpolation.interpolate_direction: true -> false",
        "random_forest_zd_interpolation.interpolate_energy: true -> false",
        "random_forest_zd_interpolation.interpolate_gammaness: true -> false",
        "tailcut.boundary_thresh: taken out",
        "tailcut.picture_thresh: 8 -> 6",
    ]
    assert list(changes(settings, dict(reversed(settings.items())))) == []
    assert list(changes(["a", "b"], ["b", "a"], "order")) == ['order: ["a", "b"] -> ["b", "a"]']


def test_infinity_is_written_as_lstchain_reads_it(settings: Settings) -> None:
    written = text(settings)
    assert "Infinity" in written
    assert '"Infinity"' not in written
    assert json.loads(written) == settings
