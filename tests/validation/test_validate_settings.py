"""Keys and values of lstchain configs."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from right_production import Production

from lstluigi.validation import validate

OTHER = {"source_environment": {"source_file": "/x", "conda_env": "lstchain-v0.10.4"}}


def test_what_lstchain_writes_itself_is_right(production: Production) -> None:
    assert production.told() == ([], [])


@pytest.mark.parametrize(
    ("section", "key", "value", "told"),
    [
        ("tailcut", "picture_tresh", 8, "write 'picture_thresh'"),
        ("", "tailcuts", {}, "write 'tailcut'"),
        ("random_forest_disp_regressor_args", "n_estimator", 3, "write 'n_estimators'"),
        ("LocalPeakWindowSum", "window_with", 3, "write 'window_width'"),
        ("events_filters", "intensty", [0, 1], "write 'intensity'"),
        ("waveform_nsb_tuning", "nsb_tuning_ratio", 0.5, "write 'nsb_tuning_rate_GHz'"),
        ("tailcut", "picture_thresh", "8", "'8' is not a number"),
        ("tailcut", "picture_thresh", float("nan"), "nan is not a number"),
        ("tailcut", "keep_isolated_pixels", 0, "0 is not true or false"),
        ("random_forest_energy_regressor_args", "verbose", 0.0, "0.0 is not a whole number"),
        ("random_forest_energy_regressor_args", "criterion", "mse", "none of"),
        ("", "energy_regression_features", "x", "'x' is not a list"),
        ("", "tailcut", 8, "a section is expected"),
        ("", "xyz\x1b[31m", 8, "does not read"),
    ],
)
def test_a_key_or_value_that_lstchain_does_not_know(
    production: Production, section: str, key: str, value: Any, told: str
) -> None:
    place = production.lstchain[section] if section else production.lstchain
    place[key] = value
    errors, _ = production.told()
    (wrong,) = [error for error in errors if key[:3] in error]
    assert told in wrong
    assert "lstchain_config.json, key " in wrong
    assert wrong.isprintable()
    production.production |= OTHER  # of another lstchain it is not known
    errors, warnings = production.told()
    assert not errors
    assert any("lstchain 0.10.4" in warning and key[:3] in warning for warning in warnings)


@pytest.mark.parametrize(
    "more",
    [
        {"source_config": {"EventSource": {"focal_length_choice": "EFFECTIVE"}}},
        {"DL3Cuts": {"global_gh_cut": 0.7, "allowed_tels": [1]}},
        {"EventSelector": {"filters": {"intensity": [50, 1e9]}}},
        {"NeighborPeakWindowSum": {"window_width": 7}},
        {"image_modifier": {"increase_nsb": False, "increase_psf": False}},
        {"lh_fit_config": {"sigma_space": 3, "n_peaks": 0}},
    ],
)
def test_what_lstchain_reads_beyond_its_own_config(
    production: Production, more: dict[str, Any]
) -> None:
    for key, section in more.items():
        production.lstchain[key] = {**production.lstchain.get(key, {}), **section}
    assert production.told() == ([], [])


def test_a_config_that_is_not_exhaustive(production: Production) -> None:
    del production.lstchain["dynamic_cleaning"]
    del production.lstchain["tailcut"]["delta_time"]
    errors, (warning,) = production.told()
    assert not errors
    assert "dynamic_cleaning" in warning
    assert "tailcut.delta_time" in warning
    assert "lstchain_dump_config --mc" in warning


def test_a_key_given_twice(production: Production) -> None:
    production.write()
    file = production.directory / "lstchain_config.json"
    text = file.read_text().replace('"tailcut": {', '"tailcut": {"delta_time": 1, ', 1)
    file.write_text(text)
    (warning,) = validate(production.config).warnings
    assert "'delta_time' is given twice" in str(warning)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "it is not JSON"),
        ("[1]", "does not hold a JSON object"),
        ("", "it is not JSON"),
        ("[" * 100_000, "it is nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "it is not JSON"),
        (b"\xff\xfe{}", "it is not JSON"),
        ('{"a": "' + "x" * 5_000_000 + '"}', "longer than"),
    ],
    ids=["half", "list", "empty", "deep", "digits", "bytes", "long"],
)
def test_what_is_no_lstchain_config(production: Production, text: str | bytes, told: str) -> None:
    production.write()
    production.production["stages"]["merge_dl1"][0]["options"] = "--no-images"
    file = production.directory / "lstchain_config.json"
    production.write()
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    errors = [str(error) for error in validate(production.config).errors]
    assert any(told in error and str(file) in error for error in errors)
    assert any("--no-images" in error for error in errors)  # the rest is told as well


STRANGE = (
    None,
    True,
    -1,
    1e308,
    math.nan,
    10**400,
    "",
    "\x1b[31m\n",
    [],
    [[{}]],
    {},
    {"\0": {"": 1}},
)


@pytest.mark.parametrize("value", STRANGE, ids=repr)
def test_any_value_anywhere_is_a_sentence(production: Production, value: Any) -> None:
    right = production.lstchain
    keys = [(key,) for key in right]
    keys += [(key, name) for key in ("source_config", "waveform_nsb_tuning") for name in right[key]]
    for first, *rest in keys:
        production.lstchain = copy.deepcopy(right)
        place = production.lstchain[first] if rest else production.lstchain
        place[rest[0] if rest else first] = value
        errors, warnings = production.told()
        for sentence in (*errors, *warnings):
            assert sentence.isprintable()
            assert len(sentence) < 2000
