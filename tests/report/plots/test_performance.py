"""Files of instrument responses of which it is known what they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable
from pyirf.io import (
    create_aeff2d_hdu,
    create_background_2d_hdu,
    create_energy_dispersion_hdu,
    create_psf_table_hdu,
    create_rad_max_hdu,
)
from pyirf.spectral import CRAB_HEGRA
from scipy.stats import norm

from lstluigi.errors import LstluigiError
from lstluigi.report.plots.performance import labels, read

#: Five bins, and one below and above
ENERGY = [0, 0.01, 0.1, 1, 10, 100, 1000, np.inf] * u.TeV
OFFSETS = [0.3, 0.5, 0.7] * u.deg
AREA = np.arange(14.0).reshape(7, 2) * u.m**2
NODE = "/mc/DL2/dec_2276/node_theta_{}_az_102.2_/irf.fits.gz"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def made(*hdus: fits.BinTableHDU, name: str = "irf.fits.gz") -> Path:
        path = tmp_path / name
        fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
        return path

    return made


def area(**names: str) -> fits.BinTableHDU:
    return create_aeff2d_hdu(AREA, ENERGY, OFFSETS, **names)


def test_effective_area_at_the_offset_without_under_and_overflow(write: Write) -> None:
    path = write(area(), area(extname="EFFECTIVE AREA PROTONS"))
    near = read(path, offset=0.41).effective_area
    assert near is not None
    np.testing.assert_array_equal(near.value.to_value("m2"), [2, 4, 6, 8, 10])
    np.testing.assert_allclose(near.low.to_value("TeV"), [0.01, 0.1, 1, 10, 100])
    np.testing.assert_allclose(
        near.energy.to_value("TeV"), np.geomspace(0.01, 1000, 6)[:-1] * 10**0.5
    )
    far = read(path, offset=2).effective_area
    assert far is not None
    np.testing.assert_array_equal(far.value.to_value("m2"), [3, 5, 7, 9, 11])


def test_energy_resolution_of_a_normal_dispersion(write: Write) -> None:
    migration = np.linspace(0.2, 2, 400)
    matrix = np.diff(norm(1.1, 0.15).cdf(migration)) / np.diff(migration)
    matrix = np.repeat(matrix[np.newaxis, :, np.newaxis], 7, axis=0)
    # some writers let bins sum up to 1 instead of the integral
    for factor in (1, 0.01):
        hdu = create_energy_dispersion_hdu(factor * matrix, ENERGY, migration, OFFSETS[:2])
        found = read(write(hdu, name=f"{factor}.fits"))
        assert found.energy_resolution is not None
        assert found.energy_bias is not None
        np.testing.assert_allclose(found.energy_resolution.value, 0.15, rtol=1e-3)
        np.testing.assert_allclose(found.energy_bias.value, 0.1, rtol=1e-3)


def test_one_event_has_no_resolution(write: Write) -> None:
    migration = np.linspace(0.2, 2, 10)
    matrix = np.zeros((7, 9, 1))
    matrix[1, 4] = matrix[2, 4] = matrix[2, 5] = 1
    hdu = create_energy_dispersion_hdu(matrix, ENERGY, migration, OFFSETS[:2])
    found = read(write(hdu))
    assert found.energy_resolution is not None
    assert found.energy_bias is not None
    assert list(np.isfinite(found.energy_resolution.value)) == [False, True, False, False, False]
    assert list(np.isfinite(found.energy_bias.value)) == [True, True, False, False, False]
    few = {"n_events": np.array([9, 0, 1, 2, 9, 9, 9])}
    one = np.ones(7)
    path = write(
        benchmark("true_energy", "ANGULAR_RESOLUTION", angular_resolution_68=one * u.deg, **few),
        benchmark("true_energy", "ENERGY_BIAS_RESOLUTION", bias=one, resolution=one, **few),
        name="sensitivity.fits",
    )
    found = read(path)
    for curve in (found.angular_resolution, found.energy_resolution):
        assert curve is not None
        assert list(np.isfinite(curve.value)) == [False, False, True, True, True]
    assert found.energy_bias is not None
    assert np.isfinite(found.energy_bias.value).all()


def test_containment_of_a_normal_point_spread_function(write: Write) -> None:
    sigma, edges = 0.1, np.linspace(0, 1, 501)
    middle = (edges[1:] + edges[:-1]) / 2
    shape = np.exp(-0.5 * (middle / sigma) ** 2) / (2 * np.pi * np.radians(sigma) ** 2) / u.sr
    psf = np.broadcast_to(shape, (7, 1, 500), subok=True)
    found = read(write(create_psf_table_hdu(psf, ENERGY, edges * u.deg, OFFSETS[:2])))
    assert found.angular_resolution is not None
    expected = sigma * np.sqrt(-2 * np.log(1 - 0.68))
    np.testing.assert_allclose(found.angular_resolution.value.to_value("deg"), expected, rtol=1e-3)


def test_background_is_counted_in_the_theta_cut(write: Write) -> None:
    density = np.full((7, 1), 3.0) / (u.TeV * u.s * u.sr)
    cut = np.full((7, 1), 0.2) * u.deg
    bkg = create_background_2d_hdu(density, ENERGY, OFFSETS[:2])
    found = read(write(bkg, create_rad_max_hdu(cut, ENERGY, OFFSETS[:2])))
    assert found.background is not None
    solid_angle = 2 * np.pi * (1 - np.cos(np.radians(0.2)))
    expected = 3.0 * solid_angle * np.array([0.09, 0.9, 9, 90, 900])
    np.testing.assert_allclose(found.background.value.to_value("1/s"), expected)
    assert read(write(bkg, area(), name="b.fits")).background is None


def benchmark(energy: str, name: str, **columns: u.Quantity) -> fits.BinTableHDU:
    edges = ENERGY.to("GeV")
    table = QTable({f"{energy}_low": edges[:-1], f"{energy}_high": edges[1:], **columns})
    hdu = fits.table_to_hdu(table)
    hdu.name = name
    return hdu


def test_tables_of_pyirf(write: Write) -> None:
    middle = (ENERGY[:-1] + ENERGY[1:]) / 2
    flux = 0.1 * CRAB_HEGRA(middle)
    flux[2] = np.inf * flux.unit
    one = np.ones(7)
    path = write(
        area(),
        benchmark("reco_energy", "SENSITIVITY", flux_sensitivity=flux),
        benchmark("true_energy", "ANGULAR_RESOLUTION", angular_resolution=one * 6 * u.arcmin),
        benchmark("true_energy", "ENERGY_BIAS_RESOLUTION", bias=0.2 * one, resolution=0.3 * one),
    )
    found = read(path)
    assert found.sensitivity is not None
    assert found.angular_resolution is not None
    assert found.energy_resolution is not None
    assert found.energy_bias is not None
    expected = (0.1 * middle**2 * CRAB_HEGRA(middle)).to_value("erg / (cm2 s)")[1:-1]
    expected[1] = np.nan
    np.testing.assert_allclose(found.sensitivity.value.to_value("erg / (cm2 s)"), expected)
    np.testing.assert_allclose(found.angular_resolution.value.to_value("deg"), 0.1)
    np.testing.assert_allclose(found.energy_resolution.value, 0.3)
    np.testing.assert_allclose(found.energy_bias.value, 0.2)


def test_benchmarks_of_ctapipe(write: Write) -> None:
    table = QTable(
        {
            "ENERG_LO": ENERGY[np.newaxis, :-1],
            "ENERG_HI": ENERGY[np.newaxis, 1:],
            "THETA_LO": [[0.3]] * u.deg,
            "THETA_HI": [[0.5]] * u.deg,
            "BIAS": np.full((1, 1, 7), 0.2),
            "RESOLUTION": np.full((1, 1, 7), 0.3),
        }
    )
    hdu = fits.table_to_hdu(table)
    hdu.name = "ENERGY BIAS RESOLUTION"
    found = read(write(hdu))
    assert found.energy_resolution is not None
    np.testing.assert_allclose(found.energy_resolution.value, np.full(5, 0.3))


def test_an_empty_file_is_told_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "irf.fits.gz").touch()
    with pytest.raises(LstluigiError, match="it is empty"):
        read(tmp_path / "irf.fits.gz")


def test_what_cannot_be_read(write: Write, tmp_path: Path) -> None:
    with pytest.raises(LstluigiError, match=r"no\.fits' does not exist"):
        read(tmp_path / "no.fits")
    with pytest.raises(LstluigiError, match="is a directory"):
        read(tmp_path)
    (tmp_path / "text.fits").write_text("no FITS")
    with pytest.raises(LstluigiError, match="not readable as FITS"):
        read(tmp_path / "text.fits")
    whole = write(area()).read_bytes()
    (tmp_path / "half.fits.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LstluigiError, match="not readable as FITS"):
        read(tmp_path / "half.fits.gz")
    (tmp_path / "half.fits").write_bytes(write(area(), area(), name="w.fits").read_bytes()[:-8000])
    with pytest.raises(LstluigiError, match="not readable as FITS"):
        read(tmp_path / "half.fits")
    cuts = fits.table_to_hdu(QTable({"cut": [0.5]}))
    cuts.name = "GH_CUTS"
    with pytest.raises(LstluigiError, match="dl2_to_irfs or dl2_to_sensitivity"):
        read(write(cuts, name="cuts.fits"))


def test_files_are_told_apart_by_line_and_node_else_by_their_paths() -> None:
    near, far = NODE.format("10.0"), NODE.format("32.0")
    pointing = "dec_2276, zenith 10°, azimuth 102.2°"
    assert labels([near, far]) == [pointing, "dec_2276, zenith 32°, azimuth 102.2°"]
    of_one_node = labels([near, near.replace("irf.", "sensitivity_x.")])
    assert of_one_node == [f"irf, {pointing}", f"sensitivity, {pointing}"]
    assert labels(["/a/x.fits", "/a/y.fits"]) == ["x.fits", "y.fits"]
    assert labels(["/a/x/irf.fits", "/a/y/irf.fits"]) == ["x/irf.fits", "y/irf.fits"]
    assert labels(["/p/x/irf/irf.fits", "/p/y/irf/irf.fits"]) == ["x", "y"]


def test_a_file_of_no_event_is_named_and_draws_nothing(write: Write) -> None:
    """`report` and `plot-irfs` ended with a traceback of matplotlib."""
    empty = create_aeff2d_hdu(AREA * 0, ENERGY, OFFSETS)
    with pytest.raises(LstluigiError, match=r"no number above zero in its tables"):
        read(write(empty))


def test_a_quantity_without_numbers_is_left_out(write: Write) -> None:
    rad_max = create_rad_max_hdu(np.full((7, 2), np.nan) * u.deg, ENERGY, OFFSETS)
    found = read(write(area(), rad_max))
    assert found.effective_area is not None
    assert found.theta_cut is None
