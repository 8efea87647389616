"""Noise tuning by real lstchain: toy MC under a dark sky, toy data under a brighter one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from chain_compare import IMAGES, assert_same_tables
from chain_config import config_of
from chain_runs import STANDARD, Production, by_hand, in_parallel, need_lstchain

pytestmark = pytest.mark.chain

#: Light of the night sky in the data, in units of that of the MC.
BRIGHTER = 2.0
SHOWERS = 900
NAME = "simtel_toy_run1.simtel.gz"
DL1 = "dl1_simtel_toy_run1.h5"
QUANTILES = np.linspace(0.05, 0.95, 19)


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DL0 of MC and of what stands for data, and the DL1 of the latter."""
    need_lstchain()
    from lstluigi.toy.simulation import Beam, Particle, Pointing, simulate_file
    from lstluigi.toy.simulation.real_data import write_data_dl1

    root = tmp_path_factory.mktemp("sky")
    for number, (name, nsb) in enumerate((("mc", 1.0), ("data", BRIGHTER)), start=1):
        simulate_file(
            root / name / NAME,
            beam=Beam(Particle.PROTON, (0.05, 100.0), -1.8, (0.0, 3.0)),
            pointing=Pointing(20.0, 180.0),
            n_showers=SHOWERS,
            seed=number,
            noise_everywhere=True,
            nsb=nsb,
        )
    write_data_dl1(root / "data" / NAME, standard(), root / "dl1_data.h5")
    return root


def standard() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(STANDARD.read_text())
    return content


def tuned(place: Production, sky: Path, stages: dict[str, Any], **keys: str) -> Path:
    """Run a production that is tuned; the config that was made for it."""
    config = config_of(stages)
    config |= {
        "dl1_noise_tune_data_run": str(sky / "dl1_data.h5"),
        "dl1_noise_tune_mc_run": str(sky / "mc" / NAME),
        **keys,
    }
    before = place.write(config, STANDARD.read_text()).lstchain_config.read_bytes()
    ended = place.run()
    assert ended.code == 0, ended.text
    assert place.lstchain_config.read_bytes() == before
    (found,) = place.logs.glob("*/tune_nsb/*.json")
    return found


def dark_pixels(simtel: Path, dl1: Path) -> np.ndarray:
    """Charges of a DL1 file in pixels that no Cherenkov light has reached."""
    import tables
    from eventio import SimTelFile

    with SimTelFile(str(simtel)) as file:
        dark = {e["event_id"]: e["photoelectrons"][0]["photoelectrons"] == 0 for e in file}
    with tables.open_file(str(dl1)) as h5:
        rows = h5.get_node(IMAGES).read()
    return np.concatenate([row["image"][dark[row["event_id"]]] for row in rows])


def missed(charges: np.ndarray, sky: Path) -> float:
    """How far (p.e.) the median of these charges is from that of the data."""
    from lstluigi.toy.simulation.real_data import noise_charges

    _, data = noise_charges(sky / "data" / NAME, standard())
    return float(np.median(charges) - np.median(data))


def distance(charges: np.ndarray, sky: Path) -> float:
    """Largest distance (p.e.) between quantiles of these charges and those of the data."""
    from lstluigi.toy.simulation.real_data import noise_charges

    _, data = noise_charges(sky / "data" / NAME, standard())
    differences = np.quantile(charges, QUANTILES) - np.quantile(data, QUANTILES)
    return float(np.abs(differences).max())


def test_images_get_the_noise_of_the_data(place: Production, sky: Path, tmp_path: Path) -> None:
    hand = tmp_path / "hand"
    mc = ("-f", sky / "mc" / NAME, "-o", ".", "-c", STANDARD)
    tune = ("--input-mc", sky / "mc" / NAME, "--input-data", sky / "dl1_data.h5")
    in_parallel(
        [
            by_hand(tmp_path / "base", "lstchain_mc_r0_to_dl1", *mc),
            by_hand(hand, "lstchain_tune_nsb", "--config", STANDARD, *tune, "-o", "tuned.json"),
        ]
    )
    base = tmp_path / "base" / DL1
    stages = {"dl1ab": [{"input": str(base.parent), "output": "dl1", "options": "--image"}]}
    found = tuned(place, sky, stages)
    # the same config as by hand, byte for byte
    assert found.read_bytes() == (hand / "tuned.json").read_bytes()
    in_parallel([by_hand(hand, "lstchain_dl1ab", "-f", base, "-o", DL1, "-c", "tuned.json")])
    assert_same_tables(place / "dl1" / DL1, hand / DL1)
    dark, noisy = (dark_pixels(sky / "mc" / NAME, path) for path in (base, place / "dl1" / DL1))
    assert distance(dark, sky) > 0.5
    assert distance(noisy, sky) < 0.5 * distance(dark, sky)
    # lstchain compares the peaks of histograms, which it knows to some tenths of a p.e.
    assert missed(dark, sky) < -0.5
    assert abs(missed(noisy, sky)) < 0.3
    _numbers_are_told(place, json.loads(found.read_text())["image_modifier"])


@pytest.mark.slow
def test_waveforms_get_the_noise_of_the_data(place: Production, sky: Path, tmp_path: Path) -> None:
    from lstluigi.toy.simulation.camera import NSB_RATE

    mc = ("-f", sky / "mc" / NAME, "-o", ".", "-c", STANDARD)
    in_parallel([by_hand(tmp_path / "base", "lstchain_mc_r0_to_dl1", *mc)])
    stages = {"r0_to_dl1": [{"input": str(sky / "mc"), "output": "dl1"}]}
    found = tuned(place, sky, stages, nsb_tuning="waveform")
    section = json.loads(found.read_text())["waveform_nsb_tuning"]
    # lstchain finds the rate by a comparison with random noise: near the truth, not equal to it
    added = (BRIGHTER - 1) * NSB_RATE
    assert section["nsb_tuning_rate_GHz"] == pytest.approx(added, rel=0.3)
    before, after = (
        distance(dark_pixels(sky / "mc" / NAME, path), sky)
        for path in (tmp_path / "base" / DL1, place / "dl1" / DL1)
    )
    assert after < 0.5 * before
    _numbers_are_told(place, {"nsb_tuning_rate_GHz": section["nsb_tuning_rate_GHz"]})


@pytest.mark.slow
def test_noise_in_waveforms_is_a_products_own(tmp_path: Path) -> None:
    need_lstchain()
    from lstluigi.toy.simulation import Beam, Particle, Pointing, simulate_file

    first = tmp_path / "dl0" / NAME
    beam = Beam(Particle.PROTON, (0.05, 100.0), -1.8, (0.0, 3.0))
    simulate_file(first, beam=beam, pointing=Pointing(20.0, 180.0), n_showers=200, seed=1)
    shutil.copy(first, first.with_name(NAME.replace("run1", "run2")))
    lstchain = standard()
    lstchain["waveform_nsb_tuning"] |= {"nsb_tuning": True, "nsb_tuning_rate_GHz": 0.2}
    dl0 = [{"input": str(first.parent), "output": "dl1"}]
    places = [Production(tmp_path / name) for name in ("once", "again")]
    for place in places:
        place.write(config_of({"r0_to_dl1": dl0}), lstchain)
        ended = place.run()
        assert ended.code == 0, ended.text
    other = DL1.replace("run1", "run2")
    for name in (DL1, other):
        once, again = (images(place / "dl1" / name) for place in places)
        assert len(once)
        np.testing.assert_array_equal(once, again)
    # the same showers, by a fork of the process that made the first
    assert not (images(places[0] / "dl1" / DL1) == images(places[0] / "dl1" / other)).any()


def images(path: Path) -> np.ndarray:
    """Charges of the pixels in p.e., one row an event."""
    import tables

    with tables.open_file(path) as h5:
        charges: np.ndarray = h5.get_node(IMAGES).col("image")
    return charges


def _numbers_are_told(place: Production, numbers: dict[str, Any]) -> None:
    """In the step's log, in the run's output and in the production's log."""
    told = {name: value for name, value in numbers.items() if name != "increase_nsb"}
    (log,) = place.logs.glob("*/tune_nsb/job_logs_tune_nsb/*.log")
    said = "".join(_outputs(place))
    for name, value in told.items():
        assert f'"{name}": {value}' in log.read_text()
        assert f"{name} = {value}" in said
    (everything,) = place.logs.glob("*/log_onsite_*.yml")
    (entry,) = yaml.safe_load(everything.read_text())["tune_nsb"].values()
    assert entry["found"] == told
    page = place.where / "report"
    command = [sys.executable, "-m", "lstluigi.cli", "report", str(place.config), "-o", str(page)]
    subprocess.run(command, env=place.environment, check=True, capture_output=True)
    text = (page / "index.html").read_text()
    for name, value in told.items():
        assert f">{name}</td>" in text
        assert f">{value}</td>" in text


def _outputs(place: Production) -> Iterator[str]:
    for path in sorted(place.where.glob("output_*.txt")):
        yield path.read_text()


@pytest.fixture(scope="module")
def bright_sky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `sky`, with data that are darker than the simulation, and few showers."""
    need_lstchain()
    from lstluigi.toy.simulation import Beam, Particle, Pointing, simulate_file
    from lstluigi.toy.simulation.real_data import write_data_dl1

    root = tmp_path_factory.mktemp("bright")
    for number, (name, nsb) in enumerate((("mc", 1.5), ("data", 1.0)), start=1):
        beam = Beam(Particle.PROTON, (0.05, 100.0), -1.8, (0.0, 3.0))
        options: dict[str, Any] = {"n_showers": 300, "noise_everywhere": True, "nsb": nsb}
        path = root / name / NAME
        simulate_file(path, beam=beam, pointing=Pointing(20.0, 180.0), seed=number, **options)
    write_data_dl1(root / "data" / NAME, standard(), root / "dl1_data.h5")
    return root


@pytest.mark.slow
def test_darker_data_are_refused_with_numbers(place: Production, bright_sky: Path) -> None:
    """lstchain writes zeros for images, and stops with a TypeError for waveforms."""
    files = {"data": str(bright_sky / "dl1_data.h5"), "mc": str(bright_sky / "mc" / NAME)}
    steps = [
        {
            "input": files,
            "output": f"tuned_{level}_{darker}.json",
            "options": {"level": level, "darker_data": darker},
        }
        for level in ("image", "waveform")
        for darker in ("stop", "untuned")
    ]
    place.write(config_of({"tune_nsb": steps}), STANDARD.read_text())
    ended = place.run()
    assert ended.code != 0
    assert sorted(path.name for path in place.where.glob("tuned_*.json")) == [
        "tuned_image_untuned.json",
        "tuned_waveform_untuned.json",
    ]
    sentence = "no noise can be added: pixels without Cherenkov light have a mean charge of 2.043"
    assert sentence in ended.sentences, ended.text
    assert "failed for the same reason" in ended.sentences  # waveform and image
    assert "1.689 p.e. in the data" in ended.sentences
    assert "TypeError" not in ended.sentences
    content = json.loads((place / "tuned_waveform_untuned.json").read_text())
    assert content["waveform_nsb_tuning"]["nsb_tuning"] is False
    noise = json.loads((place / "tuned_image_untuned.json").read_text())["image_modifier"]
    assert noise["extra_noise_in_dim_pixels"] == noise["extra_noise_in_bright_pixels"] == 0
