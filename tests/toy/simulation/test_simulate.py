"""Toy DL0 read back with the readers that lstchain uses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ctapipe_io_lst")
pytest.importorskip("eventio")

import eventio

from lstluigi.toy.simulation import Beam, Particle, Pointing, simulate_file
from lstluigi.toy.simulation.camera import (
    ADC_MAX,
    N_SAMPLES,
    PE_PER_ADC,
    PEDESTAL,
    SPE_SPREAD,
    lst_camera,
)
from lstluigi.toy.simulation.light import TRIGGER_PE

POINTING = Pointing(23.161, 99.261)
BEAM = Beam(Particle.GAMMA, (0.05, 20.0), -1.8, (0.4, 0.4), max_impact=400.0)
N_SHOWERS = 200


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    path = tmp_path_factory.mktemp("toy") / "gamma.simtel.gz"
    n = simulate_file(
        path, beam=BEAM, pointing=POINTING, n_showers=N_SHOWERS, seed=7, run_number=12
    )
    return path, n


@pytest.fixture(scope="module")
def simtel(written: tuple[Path, int]):  # type: ignore[no-untyped-def]
    with eventio.SimTelFile(str(written[0])) as stream:
        events = list(stream)
        yield stream, events


def test_triggered_events_are_in_the_file(written, simtel) -> None:  # type: ignore[no-untyped-def]
    _, events = simtel
    assert 0 < written[1] < N_SHOWERS
    assert len(events) == written[1]
    numbers = [event["event_id"] for event in events]
    assert numbers == sorted(set(numbers))
    assert all(event["mc_shower"] is not None for event in events)


def test_all_thrown_showers_are_counted(simtel) -> None:  # type: ignore[no-untyped-def]
    stream, _ = simtel
    header = stream.mc_run_headers[-1]
    assert header["n_showers"] * header["n_use"] == N_SHOWERS
    (histogram,) = stream.histograms
    assert (histogram["id"], histogram["entries"]) == (6, N_SHOWERS)
    assert histogram["data"].sum() == N_SHOWERS
    # log10 of the energy along y, distance along x
    per_energy = histogram["data"].sum(axis=1)
    edges = np.linspace(histogram["lower_y"], histogram["upper_y"], histogram["n_bins_y"] + 1)
    filled = np.flatnonzero(per_energy)
    assert edges[filled[0] + 1] >= np.log10(0.05)
    assert edges[filled[-1]] <= np.log10(20.0)


def test_header_says_what_was_thrown(simtel) -> None:  # type: ignore[no-untyped-def]
    stream, _ = simtel
    header = stream.mc_run_headers[-1]
    assert header["E_range"] == pytest.approx([0.05, 20.0])
    assert header["viewcone"] == pytest.approx([0.4, 0.4])
    assert header["core_range"] == pytest.approx([0.0, 400.0])
    assert header["spectral_index"] == pytest.approx(-1.8)
    assert np.rad2deg(header["alt_range"]) == pytest.approx(90 - 23.161)


def test_file_says_that_it_is_a_toy(simtel) -> None:  # type: ignore[no-untyped-def]
    stream, _ = simtel
    texts = [
        bytes(stream.corsika_inputcards[0]),
        stream.global_meta[b"LABEL"],
        stream.header["target"],
        *(line for _, line in stream.history),
    ]
    assert all(b"toy simulation" in text and b"not for science" in text for text in texts)


@pytest.mark.parametrize("particle", list(Particle))
def test_primary_code(tmp_path: Path, particle: Particle) -> None:
    path = tmp_path / "x.simtel.zst"
    beam = Beam(particle, (1.0, 2.0), max_impact=100.0)
    assert simulate_file(path, beam=beam, pointing=POINTING, n_showers=5, seed=1) > 0
    with eventio.SimTelFile(str(path)) as stream:
        codes = {event["mc_shower"]["primary_id"] for event in stream}
    assert codes == {{"GAMMA": 0, "ELECTRON": 1, "PROTON": 101}[particle.name]}


def test_ctapipe_sees_lst1(written) -> None:  # type: ignore[no-untyped-def]
    io = pytest.importorskip("ctapipe.io")
    from astropy import units as u
    from astropy.coordinates import angular_separation

    with io.EventSource(written[0]) as source:
        subarray = source.subarray
        assert source.obs_ids == [12]
        assert list(subarray.tel) == [1]
        assert str(subarray.tel[1]) == "LST_LST_LSTCam"
        optics = subarray.tel[1].optics
        assert optics.equivalent_focal_length.to_value(u.m) == pytest.approx(28.0)
        assert optics.effective_focal_length.to_value(u.m) == pytest.approx(29.30565)
        location = subarray.reference_location.to_geodetic()
        assert location.lat.to_value(u.deg) == pytest.approx(28.76, abs=0.01)
        events = 0
        for event in source:
            events += 1
            pointing, shower = event.pointing.tel[1], event.simulation.shower
            assert pointing.altitude.to_value(u.deg) == pytest.approx(90 - 23.161, abs=1e-4)
            assert pointing.azimuth.to_value(u.deg) == pytest.approx(99.261, abs=1e-4)
            offset = angular_separation(shower.az, shower.alt, pointing.azimuth, pointing.altitude)
            assert offset.to_value(u.deg) == pytest.approx(0.4, abs=1e-3)
            assert event.simulation.tel[1].impact.distance.to_value(u.m) <= 400.5
            assert event.r0.tel[1].waveform.shape == (2, 1855, 40)
        assert events == written[1]
        camera = subarray.tel[1].camera
        assert camera.readout.sampling_rate.to_value(u.GHz) == pytest.approx(1.024)
        # after the derotation that ctapipe applies, pixels are where the simulation put light
        assert camera.geometry.pix_x.to_value(u.m) == pytest.approx(lst_camera().pixel_x, abs=1e-5)
        assert camera.geometry.pix_y.to_value(u.m) == pytest.approx(lst_camera().pixel_y, abs=1e-5)
        assert np.array_equal(
            camera.geometry.neighbor_matrix.sum(axis=1),
            (lst_camera().neighbors < lst_camera().n_pixels).sum(axis=1),
        )


def test_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    def content(name: str, seed: int) -> bytes:
        path = tmp_path / name
        simulate_file(path, beam=BEAM, pointing=POINTING, n_showers=30, seed=seed)
        return path.read_bytes()

    assert content("a.simtel.gz", 1) == content("b.simtel.gz", 1)
    assert content("a.simtel.gz", 1) != content("c.simtel.gz", 2)


def test_true_images_are_there_where_noise_is_measured(tmp_path: Path, simtel) -> None:  # type: ignore[no-untyped-def]
    """What a pixel has is its photoelectrons and the night sky, whose mean does not show."""
    _, without = simtel
    assert not any(event["photoelectrons"] for event in without)
    path = tmp_path / "x.simtel.gz"
    noise = {"noise_everywhere": True, "nsb": 0.0}
    simulate_file(path, beam=BEAM, pointing=POINTING, n_showers=60, seed=7, **noise)
    with eventio.SimTelFile(str(path)) as stream:
        events = list(stream)
    assert events
    for event in events:
        (true,) = event["photoelectrons"].values()
        drawn, times = true["photoelectrons"], true["time"]
        assert len(times) == drawn.sum() == true["n_pe"]
        samples = event["telescope_events"][1]["adc_samples"].astype(float) - PEDESTAL
        charges = samples[1].sum(axis=1) * lst_camera().pe_per_adc[1]
        # low gain does not saturate in these pixels, and their pulses lie in the window
        lit = (drawn > 0) & (drawn < 500)
        seen = lit[true["pixel_id"]] & (times > 0) & (times < 25)
        spread = np.sqrt(SPE_SPREAD**2 * seen.sum() + lit.sum() * N_SAMPLES * PE_PER_ADC[1] ** 2)
        outside = drawn[lit].sum() - seen.sum()
        assert abs(charges[lit].sum() - seen.sum()) < 5 * spread + outside + 0.03 * seen.sum()
        assert abs(charges[drawn == 0].mean()) < 0.3


def test_no_trigger_is_a_valid_file(tmp_path: Path) -> None:
    path = tmp_path / "x.simtel.gz"
    beam = Beam(Particle.GAMMA, (0.001, 0.002), max_impact=500.0)
    assert simulate_file(path, beam=beam, pointing=POINTING, n_showers=20, seed=1) == 0
    with eventio.SimTelFile(str(path)) as stream:
        assert list(stream) == []
        assert stream.histograms[0]["entries"] == 20


def test_photoelectrons_stand_beside_the_events_they_made(
    written: tuple[Path, int], tmp_path: Path
) -> None:
    """Without another effect on the file."""
    path = tmp_path / "true.simtel.gz"
    options = {"pointing": POINTING, "n_showers": N_SHOWERS, "seed": 7, "run_number": 12}
    assert simulate_file(path, beam=BEAM, true_images=True, **options) == written[1]  # type: ignore[arg-type]
    alike = []
    with eventio.SimTelFile(str(written[0])) as plain, eventio.SimTelFile(str(path)) as true:
        for event, other in zip(true, plain, strict=True):
            samples, same = (e["telescope_events"][1]["adc_samples"] for e in (event, other))
            np.testing.assert_array_equal(samples, same)
            image = event["photoelectrons"][0]["photoelectrons"]
            assert image.sum() >= TRIGGER_PE
            assert len(event["photoelectrons"][0]["time"]) == image.sum()
            charge = (samples[0].astype(float) - PEDESTAL).sum(axis=1)
            linear = samples[0].max(axis=1) < ADC_MAX
            alike.append(np.corrcoef(charge[linear], image[linear])[0, 1])
            assert not other["photoelectrons"]
    # light above the pedestal is where the photoelectrons are, noise aside
    assert np.median(alike) > 0.9
