"""Sensitivity of invented telescopes whose response is known in closed form.

Every detected particle comes from a power law E^-2 between 1 and 2.5 TeV, is reconstructed at its
true energy, and of all simulated showers the share `acceptance` is detected. Gammas: Rayleigh
point spread with 68 % in 0.15 deg, gammaness uniform. Background: uniform per solid angle, one
fifth with gammaness 1, the others uniform below 0.3.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyirf", reason="needs the lstchain environment")
pytest.importorskip("lstchain", reason="needs the lstchain environment")

import astropy.units as u
from astropy.coordinates import offset_by
from astropy.io import fits
from astropy.table import QTable, vstack
from pyirf.simulations import SimulatedEventsInfo
from pyirf.spectral import IRFDOC_PROTON_SPECTRUM
from scipy.optimize import brentq

from lstluigi.stages.scripts import sensitivity

E_MIN, E_MAX = 1.0, 2.5  # TeV
IMPACT = 500 * u.m
THETA_68 = 0.15 * u.deg
IRREDUCIBLE, REJECTABLE_BELOW = 0.2, 0.3
POINTING = 70 * u.deg, 100 * u.deg
#: the bin of the 20 GeV, five per decade axis that lies wholly inside the simulated range
BIN = (0.02 * 10 ** (9 / 5), 0.02 * 10 ** (10 / 5))
HDUS = [
    "PRIMARY",
    *("SENSITIVITY", "SENSITIVITY_STEP_2", "THETA_CUTS", "THETA_CUTS_OPT", "GH_CUTS"),
    *("EFFECTIVE_AREA", "ENERGY_DISPERSION"),
    *("EFFECTIVE_AREA_NO_CUTS", "ENERGY_DISPERSION_NO_CUTS"),
    *("EFFECTIVE_AREA_ONLY_GH", "ENERGY_DISPERSION_ONLY_GH"),
    *("EFFECTIVE_AREA_ONLY_THETA", "ENERGY_DISPERSION_ONLY_THETA"),
    *("BACKGROUND", "PSF", "RAD_MAX", "ANGULAR_RESOLUTION", "ENERGY_BIAS_RESOLUTION"),
]


def simulated(n_showers: float, viewcone: tuple[float, float], dtype: type = np.float64):
    return SimulatedEventsInfo(
        n_showers=n_showers,
        energy_min=u.Quantity(E_MIN, u.TeV, dtype=dtype),
        energy_max=u.Quantity(E_MAX, u.TeV, dtype=dtype),
        max_impact=u.Quantity(IMPACT, dtype=dtype),
        spectral_index=-2,
        viewcone_min=u.Quantity(viewcone[0], u.deg, dtype=dtype),
        viewcone_max=u.Quantity(viewcone[1], u.deg, dtype=dtype),
    )


def shifted(alt: u.Quantity, az: u.Quantity, angle: u.Quantity, rng: np.random.Generator):
    """Positions at `angle` from (alt, az) in random directions."""
    position_angle = rng.uniform(0, 360, len(angle)) * u.deg
    new_az, new_alt = offset_by(az, alt, position_angle, angle)
    return u.Quantity(new_alt), u.Quantity(new_az)


def directions(n: int, viewcone: tuple[float, float], rng: np.random.Generator):
    """Uniform per solid angle between the edges of the viewcone (deg)."""
    cosines = np.cos(np.radians(viewcone))
    offset = np.degrees(np.arccos(np.clip(rng.uniform(cosines[1], cosines[0], n), -1, 1))) * u.deg
    return shifted(*POINTING, offset, rng)


def table(n: int, true, reco, gh_score, rng: np.random.Generator) -> QTable:
    energy = 1 / rng.uniform(1 / E_MAX, 1 / E_MIN, n) * u.TeV
    return QTable(
        {
            "true_energy": energy,
            "reco_energy": energy,
            "true_alt": true[0],
            "true_az": true[1],
            "reco_alt": reco[0],
            "reco_az": reco[1],
            "pointing_alt": np.full(n, 1.0) * POINTING[0],
            "pointing_az": np.full(n, 1.0) * POINTING[1],
            "gh_score": gh_score,
        }
    )


def gamma_events(n: int, viewcone: tuple[float, float], seed: int = 1) -> QTable:
    rng = np.random.default_rng(seed)
    true = directions(n, viewcone, rng)
    theta = THETA_68 / np.sqrt(-2 * np.log(0.32)) * rng.rayleigh(size=n)
    return table(n, true, shifted(*true, theta, rng), rng.uniform(size=n), rng)


def background_events(n: int, viewcone: tuple[float, float], seed: int = 2) -> QTable:
    rng = np.random.default_rng(seed)
    direction = directions(n, viewcone, rng)
    rejectable = rng.uniform(size=n) > IRREDUCIBLE
    gh_score = np.where(rejectable, rng.uniform(0, REJECTABLE_BELOW, n), 1.0)
    return table(n, direction, direction, gh_score, rng)


def particle(events: QTable, viewcone: tuple[float, float], acceptance: float = 1.0):
    return sensitivity.prepare_particle(events, simulated(len(events) / acceptance, viewcone))


def integral(norm: float, index: float, low: float, high: float) -> float:
    """Integral of norm * (E / TeV)^index."""
    return norm / (index + 1) * (high ** (index + 1) - low ** (index + 1))


def exposure() -> float:
    """Simulated area times observation time in cm2 s."""
    return float(np.pi * IMPACT.to_value(u.cm) ** 2 * 50 * 3600)


def li_ma(n_on: float, n_off: float, alpha: float) -> float:
    """Li & Ma (1983), equation 17."""
    on = n_on * np.log((1 + alpha) / alpha * n_on / (n_on + n_off))
    off = n_off * np.log((1 + alpha) * n_off / (n_on + n_off))
    return float(np.sqrt(2 * (on + off)))


def optimised(viewcone: tuple[float, float], background_acceptance: float, offset: float):
    gamma = particle(gamma_events(40_000, viewcone), viewcone)
    cone = (0.0, 1.6)
    annulus = sensitivity.Annulus.around(offset * u.deg)
    gamma = sensitivity.restrict_to(annulus, gamma)
    sensitivity.weigh_as_point_source(gamma)
    protons = particle(background_events(60_000, cone), cone, background_acceptance)
    sensitivity.weigh_as_diffuse("Protons", protons, IRFDOC_PROTON_SPECTRUM, annulus)
    return gamma, sensitivity.optimise(gamma.events, vstack([protons.events]), annulus)


# ------------------------------------------------------------------------------------- geometry


@pytest.mark.parametrize("offset", [0.0, 0.4, 0.7])
def test_background_is_the_disc_of_one_degree_near_the_centre(offset):
    annulus = sensitivity.Annulus.around(offset * u.deg)
    assert annulus.inner.to_value(u.deg) == pytest.approx(0, abs=1e-9)
    assert annulus.outer.to_value(u.deg) == pytest.approx(1)


@pytest.mark.parametrize("offset", [1.0, 2.5])
def test_annulus_keeps_the_solid_angle_and_the_mean_squared_offset(offset):
    annulus = sensitivity.Annulus.around(offset * u.deg)
    inner, outer = annulus.inner.to_value(u.deg), annulus.outer.to_value(u.deg)
    assert outer**2 - inner**2 == pytest.approx(1)
    # uniform per solid angle: the squared offset is uniform between the squared edges
    assert (outer**2 + inner**2) / 2 == pytest.approx(offset**2)


def test_theta_of_ring_gammas_is_measured_from_their_own_position():
    ring = particle(gamma_events(40_000, (0.4, 0.4)), (0.4, 0.4))
    assert np.quantile(ring.events["theta"], 0.68).to_value(u.deg) == pytest.approx(0.15, rel=0.02)
    assert sensitivity.source_offset(ring, None).to_value(u.deg) == pytest.approx(0.4)


def test_source_position_gives_the_offset():
    gamma = particle(gamma_events(10, (0, 3)), (0, 3))
    source = POINTING[0] + 0.5 * u.deg, POINTING[1]
    assert sensitivity.source_offset(gamma, source).to_value(u.deg) == pytest.approx(0.5)


def test_gammas_over_a_wide_cone_need_a_source():
    with pytest.raises(sensitivity.ScriptError, match="--source-alt and --source-az"):
        sensitivity.source_offset(particle(gamma_events(10, (0, 3)), (0, 3)), None)


def test_a_source_where_no_gammas_are_is_refused():
    ring = particle(gamma_events(10, (0.4, 0.4)), (0.4, 0.4))
    with pytest.raises(sensitivity.ScriptError, match="no gammas between"):
        sensitivity.restrict_to(sensitivity.Annulus.around(3 * u.deg), ring)


# -------------------------------------------------------------------------------------- weights


@pytest.mark.parametrize(
    ("viewcone", "offset"),
    [((0, 0), 0), ((0.4, 0.4), 0.4), ((0.3995, 0.4005), 0.4), ((0, 1.5), 0.5), ((0, 2.0), 1.2)],
    ids=["point", "thin ring", "ring", "cone, central source", "cone, source off axis"],
)
def test_gammas_weigh_as_the_crab_nebula_through_the_simulated_area(viewcone, offset):
    gamma = particle(gamma_events(200_000, viewcone), viewcone)
    gamma = sensitivity.restrict_to(sensitivity.Annulus.around(offset * u.deg), gamma)
    sensitivity.weigh_as_point_source(gamma)
    crab = integral(2.83e-11, -2.62, E_MIN, E_MAX) * exposure()
    assert gamma.events["weight"].sum() == pytest.approx(crab, rel=0.02)


def test_a_narrow_ring_in_single_precision_weighs_as_one_in_double_precision():
    viewcone = (0.3999, 0.4001)
    events = gamma_events(1000, viewcone)
    weights = []
    for dtype in (np.float32, np.float64):
        ring = sensitivity.prepare_particle(events, simulated(1000, viewcone, dtype))
        ring = sensitivity.restrict_to(sensitivity.Annulus.around(0.4 * u.deg), ring)
        sensitivity.weigh_as_point_source(ring)
        weights.append(ring.events["weight"])
    np.testing.assert_allclose(weights[0], weights[1], rtol=1e-5)


def test_protons_weigh_as_their_spectrum_over_the_cone():
    cone = (0.0, 1.6)
    protons = particle(background_events(100_000, cone), cone)
    annulus = sensitivity.Annulus.around(0 * u.deg)
    sensitivity.weigh_as_diffuse("Protons", protons, IRFDOC_PROTON_SPECTRUM, annulus)
    solid_angle = 2 * np.pi * (1 - np.cos(np.radians(1.6)))
    expected = integral(9.8e-6, -2.62, E_MIN, E_MAX) * exposure() * solid_angle
    assert protons.events["weight"].sum() == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("cone", [(0.0, 0.0), (0.0, 0.8)])
def test_background_that_does_not_cover_the_annulus_is_refused(cone):
    protons = particle(background_events(10, cone), cone)
    annulus = sensitivity.Annulus.around(0 * u.deg)
    with pytest.raises(sensitivity.ScriptError, match="Protons were simulated from"):
        sensitivity.weigh_as_diffuse("Protons", protons, IRFDOC_PROTON_SPECTRUM, annulus)


def test_events_without_reconstruction_are_dropped():
    events = gamma_events(10, (0, 0))
    events["reco_energy"][3] = np.nan * u.TeV
    assert len(particle(events, (0, 0)).events) == 9


# ---------------------------------------------------------------------------------- sensitivity


@pytest.mark.parametrize(
    ("viewcone", "offset"),
    [((0, 0), 0), ((0.4, 0.4), 0.4), ((0.3995, 0.4005), 0.4)],
    ids=["point", "thin ring", "ring"],
)
@pytest.mark.parametrize(
    ("background_acceptance", "limit"),
    [(1.0, "background"), (0.01, "significance"), (1e-6, "counts")],
)
def test_sensitivity_is_what_the_telescope_can_see(viewcone, offset, background_acceptance, limit):
    _, result = optimised(viewcone, background_acceptance, offset)
    row = int(np.argmin(np.abs(result.sensitivity["reco_energy_low"].to_value(u.TeV) - BIN[0])))
    gh_cut = result.gh_cuts["cut"][row]
    theta_cut = result.theta_cuts_opt["cut"][row]
    assert theta_cut.to_value(u.deg) == pytest.approx(0.15, rel=0.04)
    # what can be rejected is rejected, at the smallest loss of gammas; without background, nothing
    assert gh_cut == pytest.approx(0.1 if limit == "counts" else REJECTABLE_BELOW, abs=0.02)

    rejectable = max(0.0, 1 - gh_cut / REJECTABLE_BELOW)
    efficiency = IRREDUCIBLE + (1 - IRREDUCIBLE) * rejectable
    solid_angle = 2 * np.pi * (1 - np.cos(theta_cut.to_value(u.rad)))
    protons = integral(9.8e-6, -2.62, *BIN) * exposure() * solid_angle
    background = protons * background_acceptance * efficiency
    signal = integral(2.83e-11, -2.62, *BIN) * exposure() * 0.68 * (1 - gh_cut)

    def missing_significance(excess: float) -> float:
        return li_ma(excess + background, background / 0.1, 0.1) - 5

    needed = {
        "background": 0.05 * background,
        "significance": brentq(missing_significance, 1e-3, 1e5),
        "counts": 10.0,
    }
    assert max(needed, key=needed.__getitem__) == limit
    assert result.sensitivity["relative_sensitivity"][row] == pytest.approx(
        needed[limit] / signal, rel=0.05
    )


def test_flux_sensitivity_is_relative_to_the_crab_nebula():
    _, result = optimised((0, 0), 0.01, 0)
    for rows in (result.sensitivity, result.sensitivity_step_2):
        rows = rows[np.isfinite(rows["relative_sensitivity"])]
        crab = 2.83e-11 * rows["reco_energy_center"].to_value(u.TeV) ** -2.62
        flux = rows["flux_sensitivity"].to_value("TeV-1 cm-2 s-1")
        np.testing.assert_allclose(flux, rows["relative_sensitivity"] * crab)
        assert len(rows) >= 1


# ------------------------------------------------------------------------------- files, command


def write_dl2(path: Path, events: QTable, viewcone: tuple[float, float], acceptance: float = 1):
    """A DL2 file with what lstchain reads back from one."""
    from ctapipe.containers import SimulationConfigContainer
    from ctapipe.io import HDF5TableWriter
    from lstchain.io.io import dl2_params_lstcam_key

    simulation = SimulationConfigContainer(
        n_showers=int(len(events) / acceptance),
        shower_reuse=1,
        spectral_index=-2.0,
        energy_range_min=E_MIN * u.TeV,
        energy_range_max=E_MAX * u.TeV,
        max_scatter_range=IMPACT,
        min_viewcone_radius=viewcone[0] * u.deg,
        max_viewcone_radius=viewcone[1] * u.deg,
        min_alt=POINTING[0].to(u.rad),
        max_alt=POINTING[0].to(u.rad),
        min_az=POINTING[1].to(u.rad),
        max_az=POINTING[1].to(u.rad),
        prod_site_B_total=38.7 * u.uT,
        prod_site_B_declination=-0.1 * u.rad,
        prod_site_B_inclination=0.65 * u.rad,
    )
    for name, field in simulation.fields.items():
        # lstchain compares all of them between runs, and nan is not equal to itself
        if np.isnan(simulation[name]):
            simulation[name] = 0 * (field.unit or 1)
    with HDF5TableWriter(path, group_name="simulation") as writer:
        writer.write("run_config", simulation)
    names = {
        "true_energy": "mc_energy",
        "true_alt": "mc_alt",
        "true_az": "mc_az",
        "pointing_alt": "mc_alt_tel",
        "pointing_az": "mc_az_tel",
        "gh_score": "gammaness",
    }
    plain = QTable(events, copy=True)
    for name in plain.colnames:
        if name.endswith(("_alt", "_az")):
            plain[name] = plain[name].to(u.rad)
    frame = plain.to_pandas().rename(columns=names)
    frame.to_hdf(path, key=dl2_params_lstcam_key, mode="a", format="table")


@pytest.fixture(scope="module")
def dl2(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("dl2")
    paths = {name: folder / f"dl2_{name}.h5" for name in ("gamma", "proton", "electron", "diffuse")}
    ring, cone = (0.3995, 0.4005), (0.0, 6.0)
    write_dl2(paths["gamma"], gamma_events(5000, ring), ring)
    write_dl2(paths["proton"], background_events(20_000, cone), cone, 0.01)
    write_dl2(paths["electron"], background_events(5000, cone, seed=3), cone, 0.01)
    write_dl2(paths["diffuse"], gamma_events(5000, cone), cone)
    return paths


def call(dl2: dict[str, Path], outfile: Path, *more: object, gamma: Path | None = None) -> int:
    inputs = ["-g", gamma or dl2["gamma"], "-p", dl2["proton"], "-e", dl2["electron"]]
    return sensitivity.main([str(arg) for arg in (*inputs, "-o", outfile, *more)])


@pytest.fixture(scope="module")
def made(dl2, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    outfile = folder / "new" / "sensitivity.fits.gz"
    assert call(dl2, outfile, "--plot", folder / "new" / "sensitivity.png") == 0
    return outfile


def test_output_is_valid_fits_with_the_hdus_of_lstmcpipe(made):
    with fits.open(made) as hdus:
        hdus.verify("exception")
        assert [hdu.name for hdu in hdus] == HDUS
        sensitivity_table = hdus["SENSITIVITY"].data
        # 15 bins between 20 GeV and 20 TeV, and those beyond either end
        assert len(sensitivity_table) == 17
        assert np.isfinite(sensitivity_table["flux_sensitivity"]).any()


def test_nothing_but_the_products_is_left(made):
    assert sorted(p.name for p in made.parent.iterdir()) == [
        "sensitivity.fits.gz",
        "sensitivity.png",
    ]
    assert (made.parent / "sensitivity.png").read_bytes().startswith(b"\x89PNG")


def test_header_tells_parameters_inputs_and_versions(made, dl2):
    header = fits.getheader(made)
    parameters = {"T_OBS": 50, "ALPHA": 0.1, "TH_CONT": 68, "BKG_RAD": 1, "E_BINS": 5}
    assert {key: header[key] for key in parameters} == parameters
    assert header["FOV_OFF"] == pytest.approx(0.4, abs=1e-3)
    assert (header["FOV_MIN"], header["FOV_MAX"]) == (0, 1)
    for name in ("gamma", "proton", "electron"):
        assert header[name.upper()] == str(dl2[name])
    for package in ("LSTCHAIN", "PYIRF"):
        assert header[package][0].isdigit()


def test_background_rate_is_the_proton_and_electron_spectrum(made):
    """Rate per energy and solid angle at the centre: spectrum x area x acceptance x efficiency."""
    with fits.open(made) as hdus:
        data = hdus["BACKGROUND"].data[0]
        gh_cut = hdus["GH_CUTS"].data["cut"]
    # axes in FITS order: offset, energy
    assert data["BKG"].shape == (10, 17)
    row = int(np.argmin(np.abs(data["ENERG_LO"] - BIN[0])))
    rejectable = max(0.0, 1 - gh_cut[row] / REJECTABLE_BELOW)
    efficiency = IRREDUCIBLE + (1 - IRREDUCIBLE) * rejectable
    # electrons add less than 0.1 % at 1.6 TeV
    per_tev = integral(9.8e-6, -2.62, *BIN) / (BIN[1] - BIN[0])
    rate_per_mev = per_tev * np.pi * IMPACT.to_value(u.cm) ** 2 * 0.01 * efficiency * 1e-6
    assert data["BKG"][:6, row].mean() == pytest.approx(rate_per_mev, rel=0.15)
    assert (data["BKG"][7:] == 0).all()


def test_gammapy_reads_the_response(made):
    irf = pytest.importorskip("gammapy.irf")
    tev, at = 1.6 * u.TeV, 0.4 * u.deg
    area = np.pi * IMPACT**2
    read = {
        suffix: (
            irf.EffectiveAreaTable2D.read(made, hdu="EFFECTIVE_AREA" + suffix),
            irf.EnergyDispersion2D.read(made, hdu="ENERGY_DISPERSION" + suffix),
        )
        for suffix in ("", "_NO_CUTS", "_ONLY_GH", "_ONLY_THETA")
    }
    efficiency = {
        suffix: (aeff.evaluate(energy_true=tev, offset=at) / area).to_value(u.one)
        for suffix, (aeff, _) in read.items()
    }
    # the gammas of this telescope are all detected, and 68 % of them are in the theta cut
    assert efficiency["_NO_CUTS"] == pytest.approx(1, rel=0.05)
    assert efficiency["_ONLY_THETA"] == pytest.approx(0.68, rel=0.05)
    assert efficiency[""] == pytest.approx(0.68 * efficiency["_ONLY_GH"], rel=0.05)
    pointlike = {suffix: aeff.is_pointlike for suffix, (aeff, _) in read.items()}
    assert pointlike == {"": True, "_NO_CUTS": False, "_ONLY_GH": False, "_ONLY_THETA": True}
    for _, edisp in read.values():
        migra = edisp.axes["migra"].center
        density = edisp.evaluate(energy_true=tev, offset=at, migra=migra)
        assert migra[np.argmax(density)].value == pytest.approx(1, rel=0.02)

    psf = irf.PSF3D.read(made, hdu="PSF")
    radius = psf.containment_radius(fraction=0.68, energy_true=tev, offset=at)
    assert radius.to_value(u.deg) == pytest.approx(0.15, rel=0.1)
    background = irf.Background2D.read(made, hdu="BACKGROUND")
    assert background.axes.names == ["energy", "offset"]
    assert background.evaluate(energy=tev, offset=at).value > 0
    rad_max = irf.RadMax2D.read(made, hdu="RAD_MAX")
    assert rad_max.evaluate(energy=tev, offset=at).to_value(u.deg) == pytest.approx(0.15, rel=0.1)


def assert_refused(capsys, exit_code: int, expected_code: int, *words: str) -> None:
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert exit_code == expected_code
    assert message.startswith("sensitivity.py: ")
    for word in words:
        assert word in message


@pytest.mark.parametrize("missing", ["gamma", "proton", "electron"])
def test_a_missing_input_is_named_and_nothing_is_written(dl2, tmp_path, capsys, missing):
    absent = dl2 | {missing: tmp_path / "absent.h5"}
    code = call(absent, tmp_path / "out" / "s.fits")
    assert_refused(capsys, code, 2, str(tmp_path / "absent.h5"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"not HDF5", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_an_unreadable_input_is_named_and_nothing_is_written(dl2, tmp_path, capsys, content):
    broken = tmp_path / "broken.h5"
    broken.write_bytes(content)
    code = call(dl2 | {"proton": broken}, tmp_path / "s.fits", "--plot", tmp_path / "s.png")
    assert_refused(capsys, code, 1, str(broken))
    assert list(tmp_path.iterdir()) == [broken]


def test_dl1_is_not_taken_for_dl2(dl2, tmp_path, capsys):
    import tables

    with tables.open_file(tmp_path / "dl1.h5", "w") as file:
        file.create_group("/", "simulation")
    code = call(dl2, tmp_path / "s.fits", gamma=tmp_path / "dl1.h5")
    assert_refused(capsys, code, 1, "dl1.h5", "not readable as Monte Carlo DL2")


@pytest.mark.parametrize("existing", ["s.fits", "s.png"])
def test_an_existing_product_is_kept(dl2, tmp_path, capsys, existing):
    (tmp_path / existing).write_text("precious")
    code = call(dl2, tmp_path / "s.fits", "--plot", tmp_path / "s.png")
    assert_refused(capsys, code, 2, existing, "--overwrite")
    assert [p.name for p in tmp_path.iterdir()] == [existing]
    assert (tmp_path / existing).read_text() == "precious"


def test_overwrite_replaces_it(dl2, tmp_path):
    (tmp_path / "s.fits").write_text("old")
    assert call(dl2, tmp_path / "s.fits", "--overwrite") == 0
    assert fits.getheader(tmp_path / "s.fits")["T_OBS"] == 50


def test_a_product_that_cannot_be_written_leaves_the_old_ones(tmp_path):
    old = tmp_path / "a"
    old.write_text("old")

    def fail(path: Path) -> None:
        path.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        sensitivity.publish(
            {old: lambda path: path.write_text("new") and None, tmp_path / "b": fail}
        )
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a", "old")]


def test_diffuse_gammas_need_a_source_and_work_with_one(dl2, tmp_path, capsys):
    code = call(dl2, tmp_path / "s.fits", gamma=dl2["diffuse"])
    assert_refused(capsys, code, 1, "--source-alt and --source-az")
    alt, az = (angle.to_value(u.deg) for angle in POINTING)
    source = ("--source_alt", alt + 1.0, "--source_az", az)
    assert call(dl2, tmp_path / "s.fits", *source, gamma=dl2["diffuse"]) == 0
    header = fits.getheader(tmp_path / "s.fits")
    assert header["FOV_OFF"] == pytest.approx(1, abs=1e-3)
    assert header["FOV_MIN"] == pytest.approx(np.sqrt(0.5), abs=1e-3)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--source-alt", "70"], ["both", "--source-az"]),
        (["--plot", "s.pdf"], ["s.pdf", ".png"]),
        (["--config", "absent.json"], ["absent.json"]),
    ],
)
def test_a_wrong_call_is_refused_before_reading(dl2, tmp_path, capsys, more, words):
    assert_refused(capsys, call(dl2, tmp_path / "s.fits", *more), 2, *words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (json.dumps({"source_dependent": True}), ["source_dependent"]),
        ("{", ["not readable as an lstchain config"]),
    ],
)
def test_source_dependent_or_broken_config_is_refused(dl2, tmp_path, capsys, content, words):
    config = tmp_path / "lstchain.json"
    config.write_text(content)
    code = call(dl2, tmp_path / "s.fits", "--config", config)
    assert_refused(capsys, code, 1, str(config), *words)


def test_config_of_lstchain_is_accepted(dl2, tmp_path):
    config = tmp_path / "lstchain.json"
    # lstchain's dump_config writes bare Infinity
    config.write_text('{"events_filters": {"r": [0, Infinity]}, "source_dependent": false}')
    assert call(dl2, tmp_path / "s.fits", "--config", config) == 0
    assert fits.getheader(tmp_path / "s.fits")["CONFIG"] == str(config)


def test_the_script_runs_by_its_path_alone(tmp_path):
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-I", sensitivity.__file__, "--help"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "--gamma-dl2" in done.stdout
