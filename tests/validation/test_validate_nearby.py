"""Misspelt paths in the production's own tree, and those of another line or node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from right_production import NODES, PROD_ID, Production, step

DL1 = f"mc/DL1/AllSky/{PROD_ID}/TrainingDataset"
MERGED = {p: f"{DL1}/{p}/dec_2276/dl1_{p}_merged.h5" for p in ("GammaDiffuse", "Protons")}
MODELS = f"models/AllSky/{PROD_ID}/dec_2276"
TEST = f"mc/DL1/AllSky/{PROD_ID}/TestingDataset/Gamma/dl1_Gamma_{NODES[0]}_merged.h5"
DL2 = f"mc/DL2/AllSky/{PROD_ID}/TestingDataset/Gamma/dec_2276/{NODES[0]}"
FILE = f"{DL2}/{Path(TEST).name.replace('dl1', 'dl2')}"


def allsky(production: Production) -> dict[str, list[dict[str, Any]]]:
    """From merged DL1 on, in the layout of all-sky productions."""
    source = f"mc/DL1/AllSky/{PROD_ID}/TestingDataset/Gamma/{NODES[0]}"
    stages: dict[str, list[dict[str, Any]]] = {
        "r0_to_dl1": [
            *(step(f"dl0/{p}/{n}", f"{DL1}/{p}/dec_2276/{n}") for p in MERGED for n in NODES),
            step(f"dl0/{NODES[0]}", source),
        ],
        "merge_dl1": [
            *(
                {**step(f"{DL1}/{p}/dec_2276", MERGED[p]), "options": "--pattern */*.h5"}
                for p in MERGED
            ),
            step(source, TEST),
        ],
        "train_pipe": [
            step({"gamma": MERGED["GammaDiffuse"], "proton": MERGED["Protons"]}, MODELS)
        ],
        "dl1_to_dl2": [{**step(TEST, DL2), "path_model": MODELS}],
        "dl2_to_irfs": [
            step({"gamma_file": FILE}, f"{DL2.replace('DL2', 'IRF')}/irf_{NODES[0]}.fits.gz")
        ],
    }
    production.run(stages)
    return stages


def test_no_path_is_odd(production: Production) -> None:
    allsky(production)
    assert production.told() == ([], [])


@pytest.mark.parametrize(
    ("stage", "key", "path", "told"),
    [
        ("train_pipe", "gamma", ("merged", "mergd"), "merge_dl1 makes has 'dl1_Gamma"),
        ("train_pipe", "proton", ("TrainingDataset", "TrainingDatset"), "'TrainingDataset' in"),
        ("train_pipe", "gamma", (PROD_ID, f"{PROD_ID}s"), f"has '{PROD_ID}' in place of"),
        ("dl1_to_dl2", "path_model", ("dec_2276", "dec_2267"), "'dec_2276' in place of"),
        ("dl1_to_dl2", "path_model", ("dec_2276", "dec_2276/rf"), "inside what train_pipe makes"),
        ("dl1_to_dl2", "input", ("_az_180.000_", "_az_180.00_"), "merge_dl1 makes has 'dl1_G"),
        (
            "dl2_to_irfs",
            "gamma_file",
            ("/dec_2276", "/dec_2267"),
            "dl1_to_dl2 makes has 'dec_2276'",
        ),
        ("merge_dl1", "input", ("GammaDiffuse", "GammaDifuse"), "r0_to_dl1 makes has 'GammaDif"),
    ],
)
def test_a_misspelt_path(
    production: Production, stage: str, key: str, path: tuple[str, str], told: str
) -> None:
    one = allsky(production)[stage][0]
    place = one["input"] if key in ("gamma", "proton", "gamma_file") else one
    place[key] = place[key].replace(*path)
    _, warnings = production.told()
    (warning,) = [warning for warning in warnings if told in warning]
    assert "no step makes it" in warning
    assert str(production.directory / place[key]) in warning
    assert f"stage {stage}, step 1, key " in warning


def test_what_another_production_has_made_is_not_misspelt(production: Production) -> None:
    """Names of two productions are alike, and all else in such paths is the same."""
    other = MODELS.replace(PROD_ID, f"{PROD_ID}_base")
    production.run({"dl1_to_dl2": [{**step(TEST, DL2), "path_model": other}]})
    assert production.told() == ([], [])
    source, made = (f"mc/DL1/{name}/Gamma/{NODES[0]}" for name in (f"{PROD_ID}_base", PROD_ID))
    production.run({"dl1ab": [step(source, made)]})
    assert production.told() == ([], [])


def test_models_of_another_line(production: Production) -> None:
    stages = allsky(production)
    other = MODELS.replace("2276", "3476")
    stages["train_pipe"].append({**stages["train_pipe"][0], "output": other})
    stages["dl1_to_dl2"][0]["path_model"] = other
    _, warnings = production.told()
    told = "path_model is of dec_3476, and the output of dec_2276"
    (warning,) = [warning for warning in warnings if told in warning]
    assert other in warning


def test_input_of_another_node(production: Production) -> None:
    """The name of a node differs between particles; its pointing does not."""
    irfs = allsky(production)["dl2_to_irfs"][0]
    irfs["output"] = irfs["output"].replace(NODES[0], NODES[0].replace("theta", "corsika_theta", 1))
    _, warnings = production.told()
    assert not [warning for warning in warnings if "the output of" in warning]
    irfs["output"] = f"irf_{NODES[1]}.fits.gz"
    _, warnings = production.told()
    told = "input is of zenith 6 deg, azimuth 180 deg, and the output of zenith 23.161 deg"
    assert [warning for warning in warnings if told in warning]
