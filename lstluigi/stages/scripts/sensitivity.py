"""Sensitivity and instrument response of a Monte Carlo production, from its DL2 files.

Runs inside a job with the python of the lstchain environment (lstchain 0.12, pyirf 0.12).

Method (EventDisplay-like optimisation of pyirf, with the parameters of lstmcpipe's sensitivity):

1. Weight gammas to the Crab Nebula (HEGRA), protons and electrons to the CTA IRF document.
2. Theta cut: 68 % containment per bin of reconstructed energy, of the 40 % most gamma-like gammas.
3. Gammaness cut: per bin, the efficiency of best sensitivity with that theta cut.
4. Theta cut again for what survives, then sensitivity (5 sigma of Li & Ma, at least 10 gammas, at
   least 5 % of the background) and the instrument response.

Geometry. Test gammas of the all-sky productions come from a ring around the pointing, so there is
no single source position. Theta of a gamma is therefore its distance to its own true position; for
gammas from one point that is the distance to the source. Only the source's offset in the field of
view matters for the background: it is counted in an annulus of that offset which has the solid
angle of a disc of 1 deg and the source's mean squared offset, as far as the centre allows:

    inner^2 = max(0, offset^2 - (1 deg)^2 / 2),    outer^2 = inner^2 + (1 deg)^2

A background rate that falls with the square of the offset has its value at the source as mean over
this annulus. On axis, and up to 0.7 deg, it is the disc of 1 deg around the pointing (lstmcpipe's
ON-axis method). Gammas are taken from the same annulus, and their simulated flux, per sr if they
fill a ring or a cone, is integrated over the part they fill before they are weighted to a point
source. Gammas simulated over a wide cone need ``--source-alt`` and ``--source-az``.
"""

from __future__ import annotations

import argparse
import json
import logging
import operator
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import angular_separation
from astropy.io import fits
from astropy.table import QTable, vstack
from astropy.time import Time
from pyirf.benchmarks import angular_resolution, energy_bias_resolution
from pyirf.benchmarks.energy_bias_resolution import energy_resolution_absolute_68
from pyirf.binning import add_overflow_bins, create_bins_per_decade, create_histogram_table
from pyirf.cut_optimization import optimize_gh_cut
from pyirf.cuts import calculate_percentile_cut, evaluate_binned_cut
from pyirf.io import (
    create_aeff2d_hdu,
    create_background_2d_hdu,
    create_energy_dispersion_hdu,
    create_psf_table_hdu,
    create_rad_max_hdu,
)
from pyirf.irf import background_2d, effective_area_per_energy, energy_dispersion, psf_table
from pyirf.sensitivity import calculate_sensitivity, estimate_background
from pyirf.simulations import SimulatedEventsInfo
from pyirf.spectral import (
    CRAB_HEGRA,
    DIFFUSE_FLUX_UNIT,
    IRFDOC_ELECTRON_SPECTRUM,
    IRFDOC_PROTON_SPECTRUM,
    PowerLaw,
    calculate_event_weights,
)
from pyirf.utils import calculate_source_fov_offset, calculate_theta

log = logging.getLogger("sensitivity")

#: Observation time of the sensitivity
T_OBS = 50 * u.hour
#: Exposure of the on region over that of the off region
ALPHA = 0.1
#: Radius of the disc whose solid angle the background is counted in
BACKGROUND_RADIUS = 1 * u.deg
#: Gamma efficiency of the gammaness cut with which the first theta cuts are found
INITIAL_GH_EFFICIENCY = 0.4
#: Gamma efficiencies tried for the gammaness cut: first and last, and step
GH_EFFICIENCY_RANGE = (0.01, 0.9)
GH_EFFICIENCY_STEP = 0.01
#: Percentage of gammas inside the theta cut, and the limits of that cut
THETA_CONTAINMENT = 68
MIN_THETA_CUT = 0.1 * u.deg
MAX_THETA_CUT = 0.5 * u.deg
#: Energy axis, true and reconstructed
MIN_ENERGY = 20.0 * u.GeV
MAX_ENERGY = 20.05 * u.TeV
BINS_PER_DECADE = 5
#: Axes of the response tables
MIGRATION_BINS = np.geomspace(0.2, 5, 200)
PSF_BINS = np.arange(0, 1 + 1e-4, 1e-3) * u.deg
BACKGROUND_FOV_BINS = np.arange(0, 11) * u.deg
#: A viewcone narrower than this is a ring (lstchain.io.io.check_mc_type)
RING_WIDTH = 0.1 * u.deg
#: Columns of DL2 that are used; the others are dropped, DL2 of a production fills gigabytes
COLUMNS = [
    *("true_energy", "true_alt", "true_az"),
    *("reco_energy", "reco_alt", "reco_az", "gh_score"),
    *("pointing_alt", "pointing_az"),
]


class ScriptError(Exception):
    """What the user is told, in one sentence; ``exit_code`` 2 for the call, 1 for the data."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Annulus:
    """Part of the field of view: ``inner <= offset < outer`` (angles)."""

    inner: u.Quantity
    outer: u.Quantity

    @classmethod
    def around(cls, offset: u.Quantity) -> Annulus:
        """Annulus of the solid angle of a disc of `BACKGROUND_RADIUS`, for a source at `offset`."""
        area = BACKGROUND_RADIUS**2
        inner = np.sqrt(np.maximum(0 * u.deg**2, offset**2 - area / 2))
        return cls(inner.to(u.deg), np.sqrt(inner**2 + area).to(u.deg))

    def contains(self, offset: u.Quantity) -> Any:
        """Mask of the shape of `offset`."""
        return (offset >= self.inner) & (offset < self.outer)


@dataclass
class Particle:
    """Events of one DL2 file (`COLUMNS`, FoV offsets) and what was simulated for them."""

    events: QTable
    simulation: SimulatedEventsInfo


@dataclass
class Optimisation:
    """Tables of pyirf, one row per bin of reconstructed energy, under- and overflow included."""

    sensitivity: QTable
    sensitivity_step_2: QTable
    theta_cuts: QTable
    theta_cuts_opt: QTable
    gh_cuts: QTable


def energy_bins() -> u.Quantity:
    """Edges of the energy axis, shape (18,): 0, 15 bins from 20 GeV to 20 TeV, infinity."""
    return add_overflow_bins(create_bins_per_decade(MIN_ENERGY, MAX_ENERGY, BINS_PER_DECADE))


# ---------------------------------------------------------------------------------------- input


def read_particle(path: Path) -> Particle:
    """Read a Monte Carlo DL2 file of lstchain.

    Raises
    ------
    ScriptError
        If the file is not one, or holds a source-dependent analysis.
    """
    # importing lstchain takes seconds: not before the call has been checked
    from lstchain.io.io import (
        dl2_params_src_dep_lstcam_key,
        get_dataset_keys,
        read_mc_dl2_to_QTable,
    )

    try:
        if dl2_params_src_dep_lstcam_key in get_dataset_keys(path):
            raise ScriptError(
                f"{path} holds a source-dependent analysis, which has no sensitivity here: "
                "use DL2 of a source-independent one."
            )
        events, simulation, _ = read_mc_dl2_to_QTable(path)
        telescopes = sorted(set(events["tel_id"])) if "tel_id" in events.colnames else []
        if len(telescopes) > 1:
            raise ScriptError(
                f"{path} holds telescopes {', '.join(map(str, telescopes))}, and each shower would "
                "count once for each: make DL1 of one telescope (allowed_tels)."
            )
        events = events[COLUMNS]
    except ScriptError:
        raise
    except AssertionError as error:  # of lstchain, on merged files
        raise ScriptError(
            f"{path} mixes runs of different simulation settings: merge those of one node only."
        ) from error
    except Exception as error:  # PyTables, pandas and lstchain each raise their own
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise ScriptError(
            f"{path} is not readable as Monte Carlo DL2 of lstchain ({reason}): make it again."
        ) from error
    return prepare_particle(events, simulation)


def prepare_particle(events: QTable, simulation: SimulatedEventsInfo) -> Particle:
    """Drop events without reconstruction and add ``{true,reco}_source_fov_offset`` and ``theta``.

    Parameters
    ----------
    events : QTable
        With `COLUMNS`.
    simulation : SimulatedEventsInfo
        As lstchain reads it. It is converted to double precision: the solid angle of a ring some
        0.001 deg wide is lost in the rounding of single precision.
    """
    reconstructed = np.logical_and.reduce(
        [np.isfinite(events[key]) for key in ("reco_energy", "reco_alt", "reco_az", "gh_score")]
    )
    events = events[reconstructed]
    for prefix in ("true", "reco"):
        events[f"{prefix}_source_fov_offset"] = calculate_source_fov_offset(events, prefix)
    events["theta"] = calculate_theta(events, events["true_az"], events["true_alt"])
    double = {
        name: u.Quantity(getattr(simulation, name), dtype=float)
        for name in ("energy_min", "energy_max", "max_impact", "viewcone_min", "viewcone_max")
    }
    return Particle(
        events,
        SimulatedEventsInfo(
            n_showers=float(simulation.n_showers),
            spectral_index=float(simulation.spectral_index),
            **double,
        ),
    )


def refuse_source_dependent(config: Path) -> None:
    """Raise `ScriptError` if the lstchain config asks for a source-dependent analysis."""
    try:
        source_dependent = json.loads(config.read_text()).get("source_dependent", False)
    except (OSError, ValueError, AttributeError) as error:
        raise ScriptError(f"{config} is not readable as an lstchain config ({error}).") from error
    if source_dependent:
        raise ScriptError(
            f"{config} sets source_dependent, which has no sensitivity here: "
            "use a source-independent analysis."
        )


# ------------------------------------------------------------------------- geometry and weights


def viewcone_width(simulation: SimulatedEventsInfo) -> u.Quantity:
    """Opening of the simulated viewcone; 0 for gammas from a point or an infinitely thin ring."""
    return simulation.viewcone_max - simulation.viewcone_min


def source_offset(gamma: Particle, source: tuple[u.Quantity, u.Quantity] | None) -> u.Quantity:
    """Angle between the source and the pointing.

    Parameters
    ----------
    source : tuple of Quantity, optional
        Altitude and azimuth; the offset at which the gammas were simulated if not given.

    Raises
    ------
    ScriptError
        If no source is given and the gammas fill a wide cone.
    """
    if source is not None:
        alt, az = source
        pointing = gamma.events["pointing_az"], gamma.events["pointing_alt"]
        return np.median(angular_separation(az, alt, *pointing)).to(u.deg)
    if viewcone_width(gamma.simulation) >= RING_WIDTH:
        raise ScriptError(
            f"The gammas were simulated from {gamma.simulation.viewcone_min:.3g} to "
            f"{gamma.simulation.viewcone_max:.3g} around the pointing: "
            "give --source-alt and --source-az."
        )
    return np.median(gamma.events["true_source_fov_offset"])


def restrict_to(annulus: Annulus, gamma: Particle) -> Particle:
    """Keep the gammas of an annulus, and the share of the simulated showers that fell into it.

    Raises
    ------
    ScriptError
        If there are none.
    """
    events = gamma.events[annulus.contains(gamma.events["true_source_fov_offset"])]
    if len(events) == 0:
        raise ScriptError(
            f"There are no gammas between {annulus.inner:.2f} and {annulus.outer:.2f} from the "
            "pointing, where the source is: check its position and the gamma file."
        )
    full = gamma.simulation
    if viewcone_width(full) == 0:
        return Particle(events, full)
    inner = max(annulus.inner, full.viewcone_min)
    outer = min(annulus.outer, full.viewcone_max)
    part = SimulatedEventsInfo(
        n_showers=full.calculate_n_showers_per_fov(u.Quantity([inner, outer]))[0],
        energy_min=full.energy_min,
        energy_max=full.energy_max,
        max_impact=full.max_impact,
        spectral_index=full.spectral_index,
        viewcone_min=inner,
        viewcone_max=outer,
    )
    return Particle(events, part)


def weigh_as_point_source(gamma: Particle) -> None:
    """Set ``weight`` of the gammas: the Crab Nebula, seen for `T_OBS`."""
    simulated = PowerLaw.from_simulation(gamma.simulation, T_OBS)
    if simulated.normalization.unit.is_equivalent(DIFFUSE_FLUX_UNIT):
        simulated = simulated.integrate_cone(
            gamma.simulation.viewcone_min, gamma.simulation.viewcone_max
        )
    gamma.events["weight"] = calculate_event_weights(
        gamma.events["true_energy"], CRAB_HEGRA, simulated
    )


def weigh_as_diffuse(
    name: str, particle: Particle, spectrum: Callable[[Any], Any], annulus: Annulus
) -> None:
    """Set ``weight`` of a background: its spectrum per sr, seen for `T_OBS`.

    Raises
    ------
    ScriptError
        If it was not simulated over the whole annulus.
    """
    simulation = particle.simulation
    if simulation.viewcone_min > annulus.inner or simulation.viewcone_max < annulus.outer:
        raise ScriptError(
            f"{name} were simulated from {simulation.viewcone_min:.3g} to "
            f"{simulation.viewcone_max:.3g} around the pointing, but the background is counted "
            f"from {annulus.inner:.2f} to {annulus.outer:.2f}: use diffuse ones that cover it."
        )
    particle.events["weight"] = calculate_event_weights(
        particle.events["true_energy"], spectrum, PowerLaw.from_simulation(simulation, T_OBS)
    )


# --------------------------------------------------------------------------------- optimisation


def theta_cut(gammas: QTable) -> QTable:
    """Theta cut per bin of reconstructed energy (columns low, high, center, n_events, cut)."""
    return calculate_percentile_cut(
        gammas["theta"],
        gammas["reco_energy"],
        bins=energy_bins(),
        percentile=THETA_CONTAINMENT,
        fill_value=MAX_THETA_CUT,
        min_value=MIN_THETA_CUT,
        max_value=MAX_THETA_CUT,
    )


def optimise(gammas: QTable, background: QTable, annulus: Annulus) -> Optimisation:
    """Find the cuts of best sensitivity, and the sensitivity.

    Adds the masks ``selected_gh``, ``selected_theta`` and ``selected`` to `gammas`, and
    ``selected_gh`` to `background`.
    """
    first, last = GH_EFFICIENCY_RANGE
    initial_gh_cut = np.quantile(gammas["gh_score"], 1 - INITIAL_GH_EFFICIENCY)
    theta_cuts = theta_cut(gammas[gammas["gh_score"] >= initial_gh_cut])
    step_2, gh_cuts = optimize_gh_cut(
        gammas,
        background,
        reco_energy_bins=energy_bins(),
        gh_cut_efficiencies=np.arange(first, last + GH_EFFICIENCY_STEP / 2, GH_EFFICIENCY_STEP),
        theta_cuts=theta_cuts,
        op=operator.ge,
        fov_offset_min=annulus.inner,
        fov_offset_max=annulus.outer,
        alpha=ALPHA,
        progress=False,
    )
    for table in (gammas, background):
        table["selected_gh"] = evaluate_binned_cut(
            table["gh_score"], table["reco_energy"], gh_cuts, operator.ge
        )
    theta_cuts_opt = theta_cut(gammas[gammas["selected_gh"]])
    gammas["selected_theta"] = evaluate_binned_cut(
        gammas["theta"], gammas["reco_energy"], theta_cuts_opt, operator.le
    )
    gammas["selected"] = gammas["selected_theta"] & gammas["selected_gh"]
    final = final_sensitivity(gammas, background, annulus, theta_cuts_opt)
    for sensitivity in (final, step_2):
        # relative to the Crab Nebula that the gammas are weighted to
        crab = CRAB_HEGRA(sensitivity["reco_energy_center"])
        sensitivity["flux_sensitivity"] = sensitivity["relative_sensitivity"] * crab
    return Optimisation(final, step_2, theta_cuts, theta_cuts_opt, gh_cuts)


def final_sensitivity(
    gammas: QTable, background: QTable, annulus: Annulus, theta_cuts: QTable
) -> QTable:
    """Sensitivity, in units of the Crab Nebula, of the events that `optimise` has selected."""
    bins = energy_bins()
    off = estimate_background(
        background[background["selected_gh"]],
        reco_energy_bins=bins,
        theta_cuts=theta_cuts,
        alpha=ALPHA,
        fov_offset_min=annulus.inner,
        fov_offset_max=annulus.outer,
    )
    signal = create_histogram_table(gammas[gammas["selected"]], bins)
    return calculate_sensitivity(signal, off, alpha=ALPHA)


# ------------------------------------------------------------------------------ response, header


def gamma_response_hdus(gamma: Particle, fov_bins: u.Quantity) -> list[Any]:
    """EFFECTIVE_AREA and ENERGY_DISPERSION for each set of cuts (`optimise` has set the masks)."""
    gammas, bins = gamma.events, energy_bins()
    everything = np.ones(len(gammas), dtype=bool)
    selections = (
        ("", gammas["selected"], True),
        ("_NO_CUTS", everything, False),
        ("_ONLY_GH", gammas["selected_gh"], False),
        ("_ONLY_THETA", gammas["selected_theta"], True),
    )
    hdus = []
    for label, mask, point_like in selections:
        area = effective_area_per_energy(gammas[mask], gamma.simulation, bins)
        # no showers were simulated in some bins: no area, instead of 0 / 0
        area = np.nan_to_num(area, nan=0.0, posinf=0.0)[:, np.newaxis]
        migration = energy_dispersion(gammas[mask], bins, fov_bins, MIGRATION_BINS)
        hdus += [
            create_aeff2d_hdu(
                area, bins, fov_bins, extname="EFFECTIVE_AREA" + label, point_like=point_like
            ),
            create_energy_dispersion_hdu(
                migration,
                bins,
                MIGRATION_BINS,
                fov_bins,
                extname="ENERGY_DISPERSION" + label,
                point_like=point_like,
            ),
        ]
    return hdus


def result_hdus(
    header: fits.Header, gamma: Particle, background: QTable, result: Optimisation, annulus: Annulus
) -> fits.HDUList:
    """All HDUs of the output, in lstmcpipe's order and with its names."""
    bins = energy_bins()
    # one bin in the field of view: where the gammas and the background are taken from
    fov_bins = u.Quantity([annulus.inner, annulus.outer])
    after_gh = gamma.events[gamma.events["selected_gh"]]
    rate = background_2d(background[background["selected_gh"]], bins, BACKGROUND_FOV_BINS, T_OBS)
    psf = psf_table(after_gh, bins, PSF_BINS, fov_bins)
    resolution = energy_bias_resolution(
        gamma.events[gamma.events["selected"]],
        bins,
        resolution_function=energy_resolution_absolute_68,
    )
    return fits.HDUList(
        [
            fits.PrimaryHDU(header=header),
            fits.BinTableHDU(result.sensitivity, name="SENSITIVITY"),
            fits.BinTableHDU(result.sensitivity_step_2, name="SENSITIVITY_STEP_2"),
            fits.BinTableHDU(result.theta_cuts, name="THETA_CUTS"),
            fits.BinTableHDU(result.theta_cuts_opt, name="THETA_CUTS_OPT"),
            fits.BinTableHDU(result.gh_cuts, name="GH_CUTS"),
            *gamma_response_hdus(gamma, fov_bins),
            create_background_2d_hdu(rate, bins, BACKGROUND_FOV_BINS),
            create_psf_table_hdu(psf, bins, PSF_BINS, fov_bins),
            create_rad_max_hdu(result.theta_cuts_opt["cut"][:, np.newaxis], bins, fov_bins),
            fits.BinTableHDU(angular_resolution(after_gh, bins), name="ANGULAR_RESOLUTION"),
            fits.BinTableHDU(resolution, name="ENERGY_BIAS_RESOLUTION"),
        ]
    )


def provenance_header(
    inputs: Mapping[str, Path], offset: u.Quantity, annulus: Annulus
) -> fits.Header:
    """Primary header: parameters, inputs and versions."""
    first, last = GH_EFFICIENCY_RANGE
    header = fits.Header()
    header["CREATOR"] = "lstluigi sensitivity.py"
    header["DATE"] = (Time.now().utc.isot, "UTC")
    for package in ("lstchain", "pyirf", "astropy", "numpy"):
        header[package.upper()] = (version(package), "version")
    for name, path in inputs.items():
        header[name.upper()] = str(path).encode("ascii", "backslashreplace").decode()
    parameters = (
        ("SPEC_GAM", "CRAB_HEGRA", "pyirf.spectral"),
        ("SPEC_PRO", "IRFDOC_PROTON_SPECTRUM", "pyirf.spectral"),
        ("SPEC_ELE", "IRFDOC_ELECTRON_SPECTRUM", "pyirf.spectral"),
        ("T_OBS", T_OBS.to_value(u.hour), "[h] observation time"),
        ("ALPHA", ALPHA, "on / off exposure"),
        ("E_MIN", MIN_ENERGY.to_value(u.TeV), "[TeV]"),
        ("E_MAX", MAX_ENERGY.to_value(u.TeV), "[TeV]"),
        ("E_BINS", BINS_PER_DECADE, "bins per decade of energy"),
        ("GH_EFF0", INITIAL_GH_EFFICIENCY, "g/h efficiency for the first theta cuts"),
        ("GH_EFFLO", first, "lowest g/h efficiency tried"),
        ("GH_EFFHI", last, "highest g/h efficiency tried"),
        ("GH_EFFST", GH_EFFICIENCY_STEP, "step of g/h efficiency"),
        ("TH_CONT", THETA_CONTAINMENT, "[%] gammas inside the theta cut"),
        ("TH_MIN", MIN_THETA_CUT.to_value(u.deg), "[deg] smallest theta cut"),
        ("TH_MAX", MAX_THETA_CUT.to_value(u.deg), "[deg] largest theta cut"),
        ("BKG_RAD", BACKGROUND_RADIUS.to_value(u.deg), "[deg] disc of the annulus' solid angle"),
        ("FOV_OFF", round(offset.to_value(u.deg), 4), "[deg] source from pointing"),
        ("FOV_MIN", annulus.inner.to_value(u.deg), "[deg] events taken from this offset"),
        ("FOV_MAX", annulus.outer.to_value(u.deg), "[deg] to this offset"),
    )
    for keyword, value, comment in parameters:
        header[keyword] = (value, comment)
    return header


# --------------------------------------------------------------------------------------- output


def plot_sensitivity(table: QTable, offset: u.Quantity, path: Path) -> None:
    """Draw E^2 dN/dE of a SENSITIVITY table and fractions of the Crab Nebula.

    Open symbols: bins where the cuts leave no simulated background, so that its true rate, and
    with it the sensitivity, is not known from this production.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    flux_unit = u.erg / (u.cm**2 * u.s)
    energy = table["reco_energy_center"].to(u.TeV)
    flux = (energy**2 * table["flux_sensitivity"]).to_value(flux_unit)
    low, high = (table[f"reco_energy_{edge}"].to_value(u.TeV) for edge in ("low", "high"))
    limits = u.Quantity([MIN_ENERGY, MAX_ENERGY]).to(u.TeV)
    crab = (limits**2 * CRAB_HEGRA(limits)).to_value(flux_unit)

    figure = Figure(figsize=(7, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for fraction, style in ((1, "-"), (0.1, "--"), (0.01, "-."), (0.001, ":")):
        label = f"{fraction:.1%}".replace(".0%", "%") + " Crab (HEGRA)"
        axes.plot(limits.value, fraction * crab, style, color="0.6", lw=1, label=label)
    some_background = table["n_background"] > 0
    for mask, fill, label in (
        (some_background, "full", "this production"),
        (~some_background, "none", "no simulated background left"),
    ):
        shown = mask & np.isfinite(flux) & np.isfinite(energy)
        x = energy.value[shown]
        axes.errorbar(
            x,
            flux[shown],
            xerr=(x - low[shown], high[shown] - x),
            fmt="o",
            ms=5,
            color="C0",
            fillstyle=fill,
            label=label,
        )
    axes.set(
        xscale="log",
        yscale="log",
        xlim=limits.value,
        xlabel=r"Reconstructed energy $E$ [TeV]",
        ylabel=r"$E^2\,\mathrm{d}N/\mathrm{d}E$ [erg cm$^{-2}$ s$^{-1}$]",
        title=f"Sensitivity, 5 sigma in {T_OBS:.0f}, {offset.to_value(u.deg):.2g} deg off axis",
    )
    axes.grid(which="both", alpha=0.2)
    axes.legend(loc="lower left", fontsize="small")
    figure.savefig(path, dpi=150)


def publish(writers: Mapping[Path, Callable[[Path], None]]) -> None:
    """Write every file under a temporary name beside its own; rename once all are whole."""
    temporary = {path: path.with_name(f".{os.getpid()}-{path.name}") for path in writers}
    try:
        for path, write in writers.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            write(temporary[path])
        for path, written in temporary.items():
            written.replace(path)
    finally:
        for written in temporary.values():
            written.unlink(missing_ok=True)


# ----------------------------------------------------------------------------------------- main


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line (argparse exits with 2 where it is wrong)."""
    parser = argparse.ArgumentParser(
        prog="sensitivity.py",
        description="Sensitivity and instrument response from Monte Carlo DL2 files of lstchain.",
    )
    for letter, name in (("g", "gamma"), ("p", "proton"), ("e", "electron")):
        parser.add_argument(
            f"-{letter}", f"--{name}-dl2", type=Path, required=True, help=f"DL2 file of {name}s"
        )
    parser.add_argument(
        "-o", "--outfile", type=Path, default=Path("sensitivity.fits.gz"), help="FITS file to make"
    )
    for name in ("alt", "az"):
        parser.add_argument(
            f"--source-{name}",
            f"--source_{name}",
            type=float,
            metavar="DEG",
            help="source position in degrees; by default the offset of the simulated gammas",
        )
    parser.add_argument("--plot", type=Path, metavar="PNG", help="also draw the sensitivity")
    parser.add_argument("-c", "--config", type=Path, help="lstchain config of the production")
    parser.add_argument("--overwrite", action="store_true", help="replace existing outputs")
    return parser.parse_args(argv)


def check_call(args: argparse.Namespace) -> None:
    """Raise `ScriptError` with exit code 2 for what can be known wrong before reading data."""
    if (args.source_alt is None) != (args.source_az is None):
        raise ScriptError("Give both --source-alt and --source-az, or neither.", 2)
    if not args.outfile.name.endswith((".fits", ".fits.gz")):
        raise ScriptError(f"--outfile {args.outfile} must end in .fits or .fits.gz.", 2)
    if args.plot and args.plot.suffix != ".png":
        raise ScriptError(f"--plot {args.plot} must end in .png.", 2)
    for path in (args.gamma_dl2, args.proton_dl2, args.electron_dl2, args.config):
        if path and not path.is_file():
            raise ScriptError(f"{path} does not exist or is not a file: check the path.", 2)
    for path in (args.outfile, args.plot):
        if path and path.exists() and not args.overwrite:
            raise ScriptError(f"{path} exists already: give --overwrite to replace it.", 2)
    if args.config:
        refuse_source_dependent(args.config)


def run(args: argparse.Namespace) -> None:
    """Read, optimise, write."""
    source = None
    if args.source_alt is not None:
        source = (args.source_alt * u.deg, args.source_az * u.deg)
    gamma, proton, electron = map(
        read_particle, (args.gamma_dl2, args.proton_dl2, args.electron_dl2)
    )
    if len(gamma.events) == 0:
        raise ScriptError(f"{args.gamma_dl2} holds no reconstructed events: check its production.")
    offset = source_offset(gamma, source)
    annulus = Annulus.around(offset)
    gamma = restrict_to(annulus, gamma)
    weigh_as_point_source(gamma)
    weigh_as_diffuse("Protons", proton, IRFDOC_PROTON_SPECTRUM, annulus)
    weigh_as_diffuse("Electrons", electron, IRFDOC_ELECTRON_SPECTRUM, annulus)
    background = vstack([proton.events, electron.events])
    counts = len(gamma.events), len(proton.events), len(electron.events)
    log.info("%d gammas, %d protons, %d electrons; source at offset %s", *counts, f"{offset:.2f}")

    result = optimise(gamma.events, background, annulus)
    inputs = {"gamma": args.gamma_dl2, "proton": args.proton_dl2, "electron": args.electron_dl2}
    if args.config:
        inputs["config"] = args.config
    header = provenance_header(inputs, offset, annulus)
    hdus = result_hdus(header, gamma, background, result, annulus)
    writers: dict[Path, Callable[[Path], None]] = {args.outfile: hdus.writeto}
    if args.plot:
        writers[args.plot] = lambda path: plot_sensitivity(result.sensitivity, offset, path)
    publish(writers)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script; return its exit code."""
    args = parse_arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    # one line for each bin without solution at each of 90 efficiencies
    logging.getLogger("pyirf").setLevel(logging.ERROR)
    try:
        check_call(args)
        # empty bins give 0 / 0 all along: nan and inf are their answer
        with np.errstate(divide="ignore", invalid="ignore"):
            run(args)
    except (ScriptError, OSError) as error:
        print(f"sensitivity.py: {error}", file=sys.stderr)
        return getattr(error, "exit_code", 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
