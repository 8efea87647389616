"""Keys and values of lstchain configs."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from right_production import Production

from lstluigi.validation import validate

FOREST = "random_forest_energy_regressor_args"
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
        ("tailcut", "picture_thresh", "8", "'8' is not a finite number"),
        ("tailcut", "picture_thresh", math.nan, "nan is not a number"),
        ("tailcut", "keep_isolated_pixels", 0, "0 is not true or false"),
        (FOREST, "verbose", 0.0, "0.0 is not a whole number"),
        (FOREST, "criterion", "mse", "none of"),
        (FOREST, "max_features", "auto", "'auto' is not "),
        (FOREST, "max_features", "auto", "'log2' or 'sqrt'"),
        (FOREST, "max_features", 1.5, "a number with a decimal point above 0 to 1"),
        (FOREST, "max_features", 0, "a whole number from 1"),
        (FOREST, "max_samples", -1, "-1 is not"),
        (FOREST, "n_jobs", 0, "0 has no meaning"),
        (FOREST, "n_jobs", 2.0, "2.0 is not a whole number"),
        (FOREST, "n_estimators", math.inf, "inf is not a whole number"),
        (FOREST, "n_estimators", 0, "0 is less than 1"),
        (FOREST, "min_samples_leaf", -3, "-3 is not"),
        (FOREST, "oob_score", "yes", "'yes' is not true or false"),
        (FOREST, "random_state", -1, "-1 is less than 0"),
        ("random_forest_disp_classifier_args", "class_weight", "even", "none of balanced"),
        ("events_filters", "intensity", [math.inf, 0], "two numbers in ascending order"),
        ("events_filters", "intensity", [0], "two numbers in ascending order"),
        ("events_filters", "intensity", ["0", "1"], "two numbers in ascending order"),
        ("events_filters", "intensity", 50, "two numbers in ascending order"),
        ("events_filters", "intensity", None, "two numbers in ascending order"),
        ("", "train_gamma_src_r_deg", [1, 0], "two numbers in ascending order"),
        ("", "allowed_tels", ["1"], "'1' is not a whole number"),
        ("", "allowed_tels", [0], "0 is less than 1"),
        ("", "allowed_tels", [], "it is empty"),
        ("n_training_events", "gamma_regressors", math.inf, "inf is not"),
        ("n_training_events", "gamma_regressors", -1, "-1 is not"),
        (
            "n_training_events",
            "gamma_classifier",
            1.5,
            "decimal point above 0 below 1",
        ),
        ("tailcut", "min_number_picture_neighbors", 2.5, "2.5 is not a whole number"),
        ("tailcut", "picture_thresh", math.inf, "inf is not a finite number"),
        ("LocalPeakWindowSum", "window_width", 7.5, "7.5 is not a whole number from 1"),
        ("LocalPeakWindowSum", "window_width", -8, "-8 is not a whole number from 1"),
        ("", "energy_regression_features", "x", "'x' is not a list"),
        ("", "energy_regression_features", [], "it is empty"),
        ("", "tailcut", 8, "expected a section"),
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
        {"EventSelector": {"filters": {"intensity": [50, 1e9], "gh_score": [0.7, math.inf]}}},
        {"EventSelector": {"finite_params": ["width", "reco_energy"]}},
        {"train_gamma_src_r_deg": [0, 1]},
        {FOREST: {"max_features": "sqrt", "n_jobs": 4, "max_samples": 0.5}},
        {FOREST: {"max_features": None, "min_samples_split": 2, "oob_score": True}},
        {"n_training_events": {"gamma_regressors": 100, "proton_classifier": None}},
        {"NeighborPeakWindowSum": {"window_width": [["type", "*", 7], ["id", 1, 8]]}},
        {"NeighborPeakWindowSum": {"window_width": 7}},
        {"image_modifier": {"increase_nsb": False, "increase_psf": False}},
        {"lh_fit_config": {"sigma_space": 3, "n_peaks": 0}},
    ],
)
def test_what_lstchain_reads_beyond_its_own_config(
    production: Production, more: dict[str, Any]
) -> None:
    for key, value in more.items():
        inside = {**production.lstchain.get(key, {}), **value} if isinstance(value, dict) else value
        production.lstchain[key] = inside
    assert production.told() == ([], [])


@pytest.mark.parametrize(
    ("section", "given", "told"),
    [
        ("EventSelector", {"filters": {"intensty": [0, 1]}}, "write 'intensity'"),
        ("EventSelector", {"filters": {"mc_energy": [0, 1]}}, "DL2 has no such column"),
        ("EventSelector", {"filters": {"intensity": [1, 0]}}, "two numbers in ascending order"),
        ("EventSelector", {"filters": [0, 1]}, "expected a section"),
        ("EventSelector", {"finite_params": ["widht"]}, "write 'width'"),
        ("EventSelector", {"finite_params": [3]}, "DL2 has no column 3"),
        ("DL3Cuts", {"global_gh_cutt": 0.7}, "write 'global_gh_cut'"),
        ("DL3Cuts", {"allowed_tels": ["1"]}, "'1' is not a whole number"),
        ("DL3Cuts", {"allowed_tels": []}, "it is empty"),
        ("DL3Cuts", {"gh_efficiency": 95}, "95 is more than 1"),
        ("DL3Cuts", {"min_event_p_en_bin": math.inf}, "inf is not a finite number"),
        ("DataBinning", {"true_energy_n_bins": -5}, "-5 is less than 1"),
        ("DataBinning", {"fov_offset_n_edges": 2.5}, "2.5 is not a whole number"),
        ("source_config", {"LSTEventSource": {"allowed_tels": ["1"]}}, "'1' is not a whole"),
        ("source_config", {"EventSource": {"max_events": -1}}, "-1 is less than 1"),
    ],
)
def test_values_of_the_responses_and_the_source(
    production: Production, section: str, given: dict[str, Any], told: str
) -> None:
    production.lstchain[section] = {**production.lstchain.get(section, {}), **given}
    (error,), _ = production.told()
    assert told in error
    assert f"key '{section}." in error


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
        ("// mine\n{}", "JSON has none"),
        ('{"a": 1, # mine\n"b": 2}', "JSON has none"),
        ('{"a": 1,\n}', "take out the comma before it"),
        ('{"a": [1,]}', "take out the comma before it"),
        ('{"a": 1\n"b": 2}', "a comma between two entries"),
        ("\ufeff{}", "save it as UTF-8 without one"),
        ('{"a": "' + "x" * 5_000_000 + '"}', "longer than"),
    ],
    ids=[
        "half",
        "list",
        "empty",
        "deep",
        "digits",
        "bytes",
        "comment",
        "hash",
        "comma",
        "list comma",
        "no comma",
        "bom",
        "long",
    ],
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
