"""Names of LST paths: facts/layouts.md, and the paths of published configs."""

from __future__ import annotations

import pytest

from lstluigi.toy.smoke.particles import particle_of

ALLSKY = "/fefs/aswg/data/mc/DL0/LSTProd2"
PROD5 = "/fefs/aswg/data/mc/DL0/20200629_prod5_trans_80"


@pytest.mark.parametrize(
    ("path", "particle"),
    [
        (f"{ALLSKY}/TrainingDataset/GammaDiffuse/dec_2276/sim_telarray/node", "gamma-diffuse"),
        (f"{ALLSKY}/TrainingDataset/dec_2276/Protons/node", "proton"),
        (f"{ALLSKY}/TestDataset/sim_telarray/node_theta_10.0_az_102.199_", "gamma-ring"),
        (f"{PROD5}/gamma-diffuse/zenith_20deg/south_pointing", "gamma-diffuse"),
        (f"{PROD5}/gamma/zenith_20deg/south_pointing/off0.0deg", "gamma-point"),
        (f"{PROD5}/gamma/zenith_20deg/south_pointing/off0.4deg", "gamma-ring"),
        (f"{PROD5}/electron/zenith_20deg/south_pointing", "electron"),
    ],
)
def test_of_a_path(path: str, particle: str) -> None:
    assert particle_of(path, "20240101_prod") == particle


def test_the_prod_id_says_nothing() -> None:
    path = "/mc/DL1/AllSky/2024_proton_study/TestingDataset/Gamma/node"
    assert particle_of(path, "2024_proton_study") == "gamma-ring"
