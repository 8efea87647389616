"""Steps that do not find each other."""

from __future__ import annotations

from copy import deepcopy

import pytest
from right_production import Production, step
from test_validate_nearby import DL2, MERGED, MODELS, TEST, allsky


def test_input_and_models_swapped(production: Production) -> None:
    one = allsky(production)["dl1_to_dl2"][0]
    one["input"], one["path_model"] = one["path_model"], one["input"]
    errors, warnings = production.told()
    (error,) = [error for error in errors if "stage dl1_to_dl2" in error]
    assert "a directory is expected, and merge_dl1 step 3" in error
    assert "path_model and input seem swapped" in error
    assert not [warning for warning in warnings if "nearest" in warning]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--pattern */*.hd5", "'*/*.hd5' matches no DL1 file"),
        ("--pattern *.h5", "'*.h5' matches nothing of what steps make there, such as node_"),
    ],
)
def test_a_merge_that_finds_nothing(production: Production, options: str, told: str) -> None:
    production.stages["merge_dl1"][0]["options"] = options
    errors, _ = production.told()
    (error,) = [error for error in errors if told in error]
    assert "stage merge_dl1, step 1" in error


@pytest.mark.parametrize("pattern", ["''", "../*.h5"])
def test_a_pattern_that_leads_nowhere_is_told_once(production: Production, pattern: str) -> None:
    production.stages["merge_dl1"][0]["options"] = f"--pattern {pattern}"
    (error,), _ = production.told()
    assert "does not stay below the input directory" in error


@pytest.mark.parametrize("pattern", ["**/*.h5", "*/*", "*/dl1_*.h5", "*/*5", "*/*.h[5]"])
def test_patterns_that_find_something(production: Production, pattern: str) -> None:
    for entry in production.stages["merge_dl1"]:
        entry["options"] = f"--pattern {pattern} --no-image"
    assert production.told() == ([], [])


def test_a_merge_of_what_it_makes(production: Production) -> None:
    production.stages["merge_dl1"][0]["input"] = "dl1_g.h5"
    errors, _ = production.told()
    assert any("a directory is expected, and merge_dl1 step 1" in error for error in errors)


def test_a_merged_file_by_another_name_than_it_is_read_by(production: Production) -> None:
    production.stages["merge_dl1"][0]["output"] = "foo.h5"
    _, warnings = production.told()
    (warning,) = [warning for warning in warnings if "foo.h5" in warning]
    assert "no step reads it, and no step makes" in warning
    assert "dl1_g.h5, which train_pipe step 1" in warning


def test_a_product_that_nobody_reads(production: Production) -> None:
    stages = allsky(production)
    stages["r0_to_dl1"][0]["output"] = stages["r0_to_dl1"][0]["output"].replace("ffuse", "fuse")
    _, warnings = production.told()
    (warning,) = [warning for warning in warnings if "no step reads it" in warning]
    assert "GammaDifuse" in warning
    assert "stage r0_to_dl1, step 1, key 'output'" in warning


def test_a_pointing_of_one_particle_only(production: Production) -> None:
    stages = allsky(production)
    lost = stages["r0_to_dl1"].pop(3)
    assert "Protons" in lost["output"]
    errors, warnings = production.told()
    (warning,) = [warning for warning in warnings if "has not, such" in warning]
    assert not errors
    assert "gamma has 1 pointing(s) that proton has not, such as zenith 23.161 deg" in warning


def test_a_pointing_is_the_same_though_its_names_differ(production: Production) -> None:
    stages = allsky(production)
    for entry in stages["r0_to_dl1"]:
        if "Protons" in entry["output"]:
            entry["input"] = entry["input"].replace("99.261", "99.281")
            entry["output"] = entry["output"].replace("99.261", "99.281")
    assert production.told() == ([], [])


def test_what_is_made_last_is_read_by_nobody(production: Production) -> None:
    stages = deepcopy(allsky(production))
    del stages["dl2_to_irfs"]
    production.run(stages)
    assert production.told() == ([], [])


def test_two_levels_swapped(production: Production) -> None:
    dl0 = "mc/DL0/LSTProd2/TrainingDataset/Protons/sim_telarray/n"
    production.run({"r0_to_dl1": [step("mc/DL1/p/n", dl0)]})
    (error,), _ = production.told()
    assert "it is DL0 by its directory, and the input is DL1" in error
    assert "input and output seem swapped" in error
    production.run({"dl1_to_dl2": [{**step(TEST, DL2), "path_model": MODELS}]})
    assert production.told() == ([], [])


def test_forests_trained_on_the_test_data_set(production: Production) -> None:
    allsky(production)["train_pipe"][0]["input"]["gamma"] = TEST
    _, warnings = production.told()
    (warning,) = [warning for warning in warnings if "are trained on" in warning]
    assert "the gamma of the test data set" in warning
    assert MERGED["GammaDiffuse"] not in warning
