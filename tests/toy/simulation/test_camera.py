"""The toy camera: geometry against ctapipe, charges against what was put in."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("ctapipe_io_lst")

from lstluigi.toy.simulation.camera import (
    N_SAMPLES,
    NSB_RATE,
    PE_PER_ADC,
    PEDESTAL,
    SPE_SPREAD,
    Camera,
    lst_camera,
)


@pytest.fixture(scope="module")
def camera() -> Camera:
    return lst_camera()


def charge(adc: np.ndarray, gain: int) -> np.ndarray:
    return (adc[gain].astype(float) - PEDESTAL).sum(axis=1) * lst_camera().pe_per_adc[gain]


def test_pixel_centres_are_found(camera: Camera) -> None:
    found = camera.find_pixels(camera.pixel_x, camera.pixel_y)
    assert np.array_equal(found, np.arange(camera.n_pixels))


def test_positions_outside_belong_to_no_pixel(camera: Camera) -> None:
    x = np.array([2.0, -1.3, 0.0, 1e3])
    assert (camera.find_pixels(x, np.array([0.0, 0.0, -1.3, 1e3])) == -1).all()


def test_neighbours_are_mutual_and_one_pitch_away(camera: Camera) -> None:
    assert camera.n_pixels == 1855
    some = np.flatnonzero(camera.neighbors[0] < camera.n_pixels)
    assert len(some) == 6  # pixel 0 is the central one
    for pixel in range(0, camera.n_pixels, 50):
        near = camera.neighbors[pixel][camera.neighbors[pixel] < camera.n_pixels]
        dx = camera.pixel_x[near] - camera.pixel_x[pixel]
        dy = camera.pixel_y[near] - camera.pixel_y[pixel]
        assert np.hypot(dx, dy) == pytest.approx(0.05, abs=0.001)
        assert all(pixel in camera.neighbors[n] for n in near)


def test_stored_pixels_lie_in_straight_columns(camera: Camera) -> None:
    # before derotation, hexagons stand in columns half a pitch times sqrt(3) apart
    x, _ = camera.stored_pixels()
    columns = x / (0.05 * np.sqrt(3) / 2)
    assert columns == pytest.approx(np.rint(columns), abs=0.01)


def test_one_photoelectron_has_the_charge_of_one(camera: Camera) -> None:
    middle = camera.n_fine // 2
    for gain, template in enumerate(camera.templates):
        assert template[middle].sum() == pytest.approx(1, abs=0.03), gain


def test_charge_is_recovered_and_peaks_at_its_time(camera: Camera) -> None:
    rng = np.random.default_rng(2)
    n_pe, repeats = 100, 200
    sums = []
    for _ in range(repeats):
        adc = camera.digitise(np.zeros(n_pe, int), np.full(n_pe, 15.0), 1.0, rng)
        sums.append(charge(adc, 0)[0])
    error = np.sqrt(n_pe * SPE_SPREAD**2 + NSB_RATE * 39 * 2) / np.sqrt(repeats)
    assert np.mean(sums) == pytest.approx(n_pe, abs=0.03 * n_pe + 5 * error)
    assert adc[0, 0].argmax() == pytest.approx(15.0 / camera.sample_width, abs=1)


def test_weight_multiplies_the_charge(camera: Camera) -> None:
    rng = np.random.default_rng(3)
    adc = camera.digitise(np.zeros(100, int), np.full(100, 15.0), 20.0, rng)
    assert charge(adc, 1)[0] == pytest.approx(2000, rel=0.1)


def test_noise_is_added_around_the_image_only(camera: Camera) -> None:
    rng = np.random.default_rng(4)
    adc = camera.digitise(np.zeros(50, int), np.full(50, 15.0), 1.0, rng)
    distance = np.hypot(camera.pixel_x, camera.pixel_y)
    varies = adc[0].std(axis=1) > 0
    assert varies[distance < 2.1 * 0.05 * np.sqrt(3) / 2].all()
    assert not varies[distance > 2.5 * 0.05].any()
    assert (adc[:, ~varies] == PEDESTAL).all()


@pytest.mark.parametrize("nsb", [1.0, 3.0])
def test_noise_everywhere_has_the_variance_of_the_night_sky(camera: Camera, nsb: float) -> None:
    rng = np.random.default_rng(5)
    no_light = (np.empty(0, int), np.empty(0), 1.0)
    adc = camera.digitise(*no_light, rng, noise_everywhere=True, nsb=nsb)
    charges = charge(adc, 0)
    window = N_SAMPLES * camera.sample_width
    # Poisson number of photoelectrons in the window, each with its own amplitude
    expected = nsb * NSB_RATE * window * (1 + SPE_SPREAD**2)
    assert charges.mean() == pytest.approx(0, abs=5 * np.sqrt(expected / camera.n_pixels) + 0.1)
    assert charges.var() == pytest.approx(expected, rel=0.2)


def test_counts_are_worth_something_else_in_each_pixel(camera: Camera) -> None:
    """So the charges of a camera are no comb, in which a histogram would find false peaks."""
    for gain, mean in enumerate(PE_PER_ADC):
        assert camera.pe_per_adc[gain].mean() == pytest.approx(mean, rel=0.01)
        assert len(np.unique(camera.pe_per_adc[gain])) == camera.n_pixels
    rng = np.random.default_rng(6)
    no_light = (np.empty(0, int), np.empty(0), 1.0)
    frames = [charge(camera.digitise(*no_light, rng, noise_everywhere=True), 0) for _ in range(60)]
    counts, _ = np.histogram(np.concatenate(frames), bins=250, range=(-3, 3))
    # neighbouring bins hold nearly the same: what they differ by is chance
    differences = np.diff(counts)[::2] / np.sqrt(counts[1:] + counts[:-1])[::2]
    assert differences.std() < 1.25
