"""Paths that tell of another particle than the key they are given under."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from right_production import Production, step

GAMMA = "mc/DL1/AllSky/p/TrainingDataset/GammaDiffuse/dec_2276/dl1_p_GammaDiffuse_merged.h5"
PROTON = "mc/DL1/AllSky/p/TrainingDataset/Protons/dec_2276/dl1_p_Protons_merged.h5"
ELECTRON = "mc/DL2/AllSky/p/TestingDataset/Electrons/dl2_p_Electrons_merged.h5"


def told(production: Production, stage: str, one: dict[str, Any]) -> list[str]:
    """Warnings of a production with one step, those of its own habits and forests aside."""
    production.run({stage: [one]})
    _, warnings = production.told()
    words = ("named after", "the same path")
    return [warning for warning in warnings if any(word in warning for word in words)]


def test_swapped_particles_of_the_training(production: Production) -> None:
    warnings = told(production, "train_pipe", step({"gamma": PROTON, "proton": GAMMA}, "models"))
    first, second = warnings
    assert "what is given as gamma is named after proton, not gamma" in first
    assert "what is given as proton is named after gamma, not proton" in second
    assert "stage train_pipe, step 1, key 'input'" in first
    assert PROTON in first
    assert not told(production, "train_pipe", step({"gamma": GAMMA, "proton": PROTON}, "models"))


@pytest.mark.parametrize("stage", ["dl2_to_irfs", "dl2_to_sensitivity"])
def test_swapped_particles_of_the_responses(production: Production, stage: str) -> None:
    wrong = {"gamma_file": GAMMA, "proton_file": ELECTRON, "electron_file": PROTON}
    first, second = told(production, stage, step(wrong, "x.fits.gz"))
    assert "what is given as proton_file is named after electron, not proton" in first
    assert "what is given as electron_file is named after proton, not electron" in second


def test_a_file_given_twice(production: Production) -> None:
    """Its name tells one particle, or none."""
    (one,) = told(production, "train_pipe", step({"gamma": GAMMA, "proton": GAMMA}, "models"))
    assert "what is given as proton is named after gamma, not proton" in one
    (same,) = told(production, "train_pipe", step({"gamma": "a.h5", "proton": "a.h5"}, "models"))
    assert "gamma and proton are the same path" in same


def test_a_prod_id_tells_nothing(production: Production) -> None:
    production.production["prod_id"] += "_diffgamma"
    path = f"mc/{production.production['prod_id']}/background.h5"
    assert not told(production, "train_pipe", step({"gamma": GAMMA, "proton": path}, "models"))


def test_swapped_sides_of_a_split(production: Production) -> None:
    top = "mc/DL1/AllSky/p"
    sides = {
        "train": f"{top}/TrainingDataset/GammaDiffuse/train",
        "test": f"{top}/TestingDataset/GammaDiffuse/test",
    }
    source = f"{top}/TrainingDataset/GammaDiffuse"
    assert not told(production, "train_test_split", {"input": source, "output": sides})
    swapped = {"train": sides["test"], "test": sides["train"]}
    one = {"input": source, "output": swapped}
    first, second = told(production, "train_test_split", one)
    assert "what is given as train is named after test, not train" in first
    assert "what is given as test is named after train, not test" in second


def test_another_particle_goes_in_than_comes_out(production: Production) -> None:
    one = step("DL0/Gamma/node_theta_6.000_az_180.000_", "DL1/Protons/node_theta_6.000_az_180.000_")
    (warning,) = told(production, "r0_to_dl1", one)
    assert "it is named after protons, the input after gammas" in warning


def test_what_is_wrong_in_many_steps_is_one_sentence(production: Production) -> None:
    steps = [step({"gamma_file": PROTON}, f"x{number}.fits.gz") for number in range(9)]
    production.run({"dl2_to_irfs": steps})
    _, warnings = production.told()
    (one,) = [warning for warning in warnings if "named after proton, not gamma" in warning]
    assert "(and in 8 more places)" in one


def test_a_directory_around_the_production_tells_nothing(tmp_path: Path) -> None:
    inside = Production(tmp_path / "noproton")
    assert not told(inside, "r0_to_dl1", step("/simulations/gamma/n", "dl1/n"))
