"""What simulations ask of lstchain configs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from right_production import Production, step

from lstluigi.validation.lstchain_requirements import FEATURES, NOISE

TUNED: dict[str, Any] = {"increase_nsb": True, **dict.fromkeys(NOISE, 1.5)}


def test_the_integration_correction_is_on(production: Production) -> None:
    section = production.lstchain["LocalPeakWindowSum"]
    section["apply_integration_correction"] = False
    (error,), _ = production.told()
    assert "LocalPeakWindowSum.apply_integration_correction" in error
    section["apply_integration_correction"] = [["type", "*", True]]
    assert production.told() == ([], [])
    section["apply_integration_correction"] = [["type", "*", False]]
    assert production.told()[0]
    production.run({"dl1ab": [step("dl1/a", "dl1/b")]})  # the charges are there already
    errors, warnings = production.told()
    assert not errors
    assert any("integration correction" in warning for warning in warnings)


def test_a_section_that_is_missing_is_that_of_real_data(production: Production) -> None:
    del production.lstchain["LocalPeakWindowSum"]
    (error,), _ = production.told()
    assert "add the section LocalPeakWindowSum" in error


@pytest.mark.parametrize("extractor", ["LocalPeakWindowSums", 3, None, []])
def test_an_extractor_without_a_section(production: Production, extractor: Any) -> None:
    production.lstchain["image_extractor"] = extractor
    errors, _ = production.told()
    assert any("there is no such section" in error for error in errors)


def test_prod5_has_no_effective_focal_length(production: Production) -> None:
    prod5 = "mc/DL0/20200629_prod5_trans_80/gamma/zenith_20deg/south_pointing"
    production.run({"r0_to_dl1": [step(prod5, "dl1/gamma")]})
    (error,), _ = production.told()
    assert "focal_length_choice" in error
    for name in ("EventSource", "SimTelEventSource"):
        sources = production.lstchain["source_config"]
        sources[name] = {**sources.get(name, {}), "focal_length_choice": "EQUIVALENT"}
        assert production.told() == ([], [])
        del sources[name]["focal_length_choice"]
    sources["SimTelEventSource"] = {"focal_length_choice": "EFFECTIVE"}  # the nearer one counts
    sources["EventSource"]["focal_length_choice"] = "EQUIVALENT"
    assert production.told()[0]


def test_other_simulations_have_it(production: Production) -> None:
    production.lstchain["source_config"]["EventSource"]["focal_length_choice"] = "EQUIVALENT"
    errors, (warning,) = production.told()
    assert not errors
    assert "not of prod5" in warning


@pytest.mark.parametrize("rate", [None, 0, "0.1", True])
def test_noise_of_waveforms_has_a_rate(production: Production, rate: Any) -> None:
    section = production.lstchain["waveform_nsb_tuning"]
    section |= {"nsb_tuning": True, "nsb_tuning_rate_GHz": 0.15}
    assert production.told() == ([], [])
    section["nsb_tuning_rate_GHz"] = rate
    errors, _ = production.told()
    assert any("waveform_nsb_tuning.nsb_tuning_rate_GHz" in error for error in errors)


def test_noise_of_waveforms_has_a_switch(production: Production) -> None:
    del production.lstchain["waveform_nsb_tuning"]["nsb_tuning"]
    (error,), _ = production.told()
    assert "waveform_nsb_tuning.nsb_tuning" in error


@pytest.mark.parametrize("missing", NOISE)
def test_noise_of_images_has_its_numbers(production: Production, missing: str) -> None:
    production.run({"dl1ab": [step("dl1/a", "dl1/b")]})
    production.lstchain["image_modifier"] = dict(TUNED)
    assert production.told() == ([], [])
    del production.lstchain["image_modifier"][missing]
    (error,), _ = production.told()
    assert f"image_modifier.{missing}" in error
    production.lstchain["image_modifier"]["increase_nsb"] = False
    assert production.told() == ([], [])


def test_spread_of_light_has_its_fraction(production: Production) -> None:
    production.run({"dl1ab": [step("dl1/a", "dl1/b")]})
    production.lstchain["image_modifier"] = {"increase_psf": True}
    (error,), _ = production.told()
    assert "image_modifier.smeared_light_fraction" in error


def test_noise_that_no_stage_adds(production: Production) -> None:
    production.lstchain["image_modifier"] = dict(TUNED)
    errors, (warning,) = production.told()
    assert not errors
    assert "dl1ab, which alone heeds it, does not run" in warning
    del production.lstchain["image_modifier"]
    production.run({"dl1ab": [step("dl1/a", "dl1/b")]})
    production.lstchain["waveform_nsb_tuning"]["nsb_tuning"] = True
    errors, (warning,) = production.told()
    assert not errors
    assert "r0_to_dl1, which alone heeds it, does not run" in warning


def test_noise_added_twice(production: Production) -> None:
    production.lstchain["image_modifier"] = dict(TUNED)
    production.lstchain["waveform_nsb_tuning"]["nsb_tuning"] = True
    assert any("to waveforms and to images" in warning for warning in production.told()[1])


@pytest.mark.parametrize("key", FEATURES)
def test_features(production: Production, key: str) -> None:
    features = production.lstchain[key]
    features.append("widht")
    (error,), _ = production.told()
    assert key in error
    assert "write 'width'" in error
    features[-1] = "dist"
    (error,), _ = production.told()
    assert "source_dependent" in error
    production.lstchain["source_dependent"] = True
    assert production.told() == ([], [])
    features[-1] = ["width"]
    assert "there is no feature ['width']" in production.told()[0][0]


@pytest.mark.parametrize("key", FEATURES)
@pytest.mark.parametrize("missing", ["alt_tel", "sin_az_tel"])
def test_forests_for_many_pointings_know_the_pointing(
    production: Production, key: str, missing: str
) -> None:
    production.lstchain[key].remove(missing)
    errors, (warning,) = production.told()
    assert not errors
    assert f"2 pointings, and features lack {missing}" in warning
    assert key in warning


def test_a_pointing_counts_once_whatever_its_directory_is_named(production: Production) -> None:
    production.lstchain[FEATURES[0]].remove("alt_tel")
    for entry in production.stages["r0_to_dl1"]:
        if "/p/" in entry["input"]:
            for key in ("input", "output"):
                entry[key] = entry[key].replace("node_theta", "node_corsika_theta")
    _, (warning,) = production.told()
    assert "2 pointings" in warning


def test_az_tel_will_do_for_its_sine(production: Production) -> None:
    for key in FEATURES:
        features = production.lstchain[key]
        features[features.index("sin_az_tel")] = "az_tel"
    assert production.told() == ([], [])


def test_forests_for_one_pointing_do_not(production: Production) -> None:
    del production.stages["r0_to_dl1"][1], production.stages["r0_to_dl1"][-1]
    errors, (warning,) = production.told()
    assert not errors
    assert "is constant" in warning
    assert f"keys {', '.join(map(repr, FEATURES))}: the forests" in warning
    for key in FEATURES:
        production.lstchain[key] = [f for f in production.lstchain[key] if "tel" not in f]
    assert production.told() == ([], [])


def test_noise_is_not_trained_with(production: Production) -> None:
    """The node of the simulations by which noise is tuned is none of the training."""
    del production.stages["r0_to_dl1"][1], production.stages["r0_to_dl1"][-1]
    for key in FEATURES:
        production.lstchain[key] = [f for f in production.lstchain[key] if "tel" not in f]
    production.production |= {
        "nsb_tuning": "waveform",
        "dl1_noise_tune_data_run": "real/dl1_LST-1.Run02008.0000.h5",
        "dl1_noise_tune_mc_run": "dl0/node_theta_14.984_az_175.158_/run1.simtel.gz",
    }
    assert production.told() == ([], [])


def test_a_method_that_does_not_exist(production: Production) -> None:
    production.lstchain["disp_method"] = "disp_norm"
    (error,), _ = production.told()
    assert "disp_method" in error


def test_irfs_know_that_dl2_is_source_dependent(production: Production) -> None:
    production.lstchain["source_dependent"] = True
    irf = {**step({"gamma_file": "dl2.h5"}, "irf.fits"), "options": "--point-like"}
    production.run({"dl2_to_irfs": [irf]})
    # DL2 from elsewhere may be of another config
    assert any("--source-dep" in warning for warning in production.told()[1])
    dl2 = {**step("dl1.h5", "."), "path_model": "models"}
    for entry, key in ((dl2, "output"), (irf["input"], "gamma_file")):
        entry[key] = {"output": "dl2", "gamma_file": "dl2/dl2.h5"}[key]
    production.run({"dl1_to_dl2": [dl2], "dl2_to_irfs": [irf]})
    (error,), warnings = production.told()
    assert "step 1, key 'options'" in error
    assert "lstchain_create_dl3_file cannot use them" in error
    production.production["source_environment"] = {"conda_env": "lstchain-v0.9.12"}
    assert not production.told()[0]
    del production.production["source_environment"]
    irf["options"] += " --source-dep"
    assert production.told() == ([], warnings)
    particles = {f"{particle}_file": "dl2.h5" for particle in ("gamma", "proton", "electron")}
    production.run({"dl2_to_sensitivity": [step(particles, "sensitivity.fits")]})
    assert "sensitivities are not made" in production.told()[0][0]


@pytest.mark.parametrize(("stage", "told"), [("r0_to_dl1", True), ("merge_dl1", False)])
def test_thresholds_of_cleaning_the_wrong_way_round(
    production: Production, stage: str, told: bool
) -> None:
    """As lstchain takes them: an image is then cleaned by its edge."""
    production.lstchain["tailcut"] |= {"picture_thresh": 5, "boundary_thresh": 5}
    production.run({stage: production.stages[stage]})
    assert production.told() == ([], [])
    production.lstchain["tailcut"]["boundary_thresh"] = 10
    errors, warnings = production.told()
    assert not errors
    assert [
        "key 'tailcut.boundary_thresh'" in warning and "it is 10, and picture_thresh 5" in warning
        for warning in warnings
    ] == [True] * told


def test_a_rate_that_is_no_number_is_told_once(production: Production) -> None:
    tuning = production.lstchain["waveform_nsb_tuning"]
    tuning |= {"nsb_tuning": True, "nsb_tuning_rate_GHz": "0.1"}
    (error,), _ = production.told()
    assert "'0.1' is not a finite number" in error


def test_noise_that_a_tuning_finds(production: Production) -> None:
    """Its dl1ab runs, with another config than the production's."""
    example = Path(__file__).parents[2] / "configs" / "lstluigi_noise_tuning_example.yml"
    production.production = yaml.safe_load(example.read_text())
    production.lstchain["image_modifier"] = {"increase_nsb": True}
    (error,), warnings = production.told()
    assert "adds noise already" in error
    assert not [warning for warning in warnings if "does not run" in warning]
