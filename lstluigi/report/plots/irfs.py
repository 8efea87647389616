"""Figures of instrument responses and sensitivities, one file or several against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np

from lstluigi.errors import LstluigiError
from lstluigi.report.plots.performance import ENERGY_FLUX, Curve, Performance

__all__ = ["PANELS", "compare", "cta_north", "figure", "panel", "summary"]


@dataclass(frozen=True)
class Panel:
    """How a quantity is drawn.

    Parameters
    ----------
    title : str
        Stands above it.
    label : str
        Of its axis.
    energy : {"true", "reconstructed"}
        What it is over.
    unit : Unit
        What it is drawn in.
    log : bool
        Whether its axis is logarithmic.
    """

    title: str
    label: str
    energy: str
    unit: Any
    log: bool = False


#: Quantities of `Performance` in the order of the figures.
PANELS: Mapping[str, Panel] = {
    "sensitivity": Panel(
        r"Sensitivity, $5\,\sigma$ in 50 h",
        "E² flux [erg / (cm² s)]",
        "reconstructed",
        ENERGY_FLUX,
        log=True,
    ),
    "effective_area": Panel("Effective area", "area [m²]", "true", u.m**2, log=True),
    "background": Panel(
        "Background in the θ cut", "rate per bin [1 / s]", "reconstructed", 1 / u.s, log=True
    ),
    "angular_resolution": Panel("Angular resolution", "containment of 68 % [°]", "true", u.deg),
    "theta_cut": Panel("θ cut", "radius [°]", "reconstructed", u.deg),
    "energy_resolution": Panel("Energy resolution", "ΔE / E", "true", u.one),
    "energy_bias": Panel("Energy bias", "E reconstructed / E true - 1", "true", u.one),
}
#: Okabe and Ito's colours, which the colour-blind tell apart
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
#: Shares of the Crab Nebula's flux that are shown with the sensitivity
CRAB = {1.0: "Crab", 0.1: "10 % Crab", 0.01: "1 % Crab"}
WIDTH, HEIGHT = 4.6, 3.5


def summary(one: Performance, title: str = "") -> Any:
    """Draw everything that a file holds.

    Parameters
    ----------
    one : Performance
        As `performance.read` returns it.
    title : str
        Stands above it.

    Returns
    -------
    matplotlib.figure.Figure
        It belongs to no window.
    """
    return figure([one], [""], title=title)


def compare(
    several: Sequence[Performance],
    labels: Sequence[str],
    reference: Performance | None = None,
    title: str = "",
) -> Any:
    """Draw several files into the same panels, and the ratio of sensitivities to the first.

    Parameters
    ----------
    several : sequence of Performance
        As `performance.read` returns them.
    labels : sequence of str
        Their names in the legend, such as `performance.labels` makes.
    reference : Performance, optional
        Drawn in grey for orientation, such as `cta_north` returns.
    title : str
        Stands above it.

    Returns
    -------
    matplotlib.figure.Figure
        It belongs to no window.
    """
    return figure(several, labels, reference, title, ratio=True)


def figure(
    several: Sequence[Performance],
    labels: Sequence[str],
    reference: Performance | None = None,
    title: str = "",
    *,
    ratio: bool = False,
    only: Sequence[str] = tuple(PANELS),
) -> Any:
    """Draw a panel for each quantity that any of the files holds.

    Parameters
    ----------
    several, labels, reference, title
        As for `compare`.
    ratio : bool
        Whether sensitivities are divided by the first in a panel of its own.
    only : sequence of str
        Quantities, of `PANELS`.

    Returns
    -------
    matplotlib.figure.Figure
        It belongs to no window.
    """
    from matplotlib.figure import Figure

    names = [name for name in only if any(getattr(one, name) is not None for one in several)]
    with_ratio = ratio and len(_of(several, "sensitivity")) > 1
    count = len(names) + with_ratio
    rows, columns = _rows_and_columns(count)
    drawing = Figure(figsize=(WIDTH * columns, HEIGHT * rows + 0.4), layout="constrained")
    grid = drawing.subplots(rows, columns, squeeze=False).ravel()
    for axes, name in zip(grid, names, strict=False):
        panel(axes, name, several, labels, reference)
    if with_ratio:
        _ratio(grid[len(names)], several, labels)
    for axes in grid[count:]:
        axes.set_axis_off()
    _legend(drawing, grid[:count], labels)
    drawing.suptitle(title, parse_math=False)
    return drawing


def _rows_and_columns(count: int) -> tuple[int, int]:
    """Four panels stand in a square, eight on two lines."""
    columns = max(1, count if count < 4 else -(-count // 2))
    return max(1, -(-count // columns)), columns


def panel(
    axes: Any,
    name: str,
    several: Sequence[Performance],
    labels: Sequence[str],
    reference: Performance | None = None,
) -> None:
    """Draw one quantity of several files.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to.
    name : str
        Which, of `PANELS`.
    several, labels, reference
        As for `compare`.
    """
    how = PANELS[name]
    for one, label, colour in zip(several, labels, _colours(len(several)), strict=True):
        curve: Curve | None = getattr(one, name)
        if curve is not None:
            _draw(axes, curve, curve.value.to_value(how.unit), label, colour, how.log)
    axes.set(xscale="log", yscale="log" if how.log else "linear", title=how.title)
    axes.set(xlabel=f"{how.energy} energy [TeV]", ylabel=how.label)
    axes.grid(alpha=0.3)
    known: Curve | None = getattr(reference, name, None)
    if known is not None and reference is not None:
        values = known.value.to_value(how.unit)
        axes.plot(known.energy.to_value(u.TeV), values, color="0.45", lw=1.5, label=reference.path)
    if name == "sensitivity":
        _crab(axes)
    if name == "energy_bias":
        axes.axhline(0, color="0.4", lw=0.8)


def _of(several: Sequence[Performance], name: str) -> list[Curve]:
    return [curve for one in several if (curve := getattr(one, name)) is not None]


def _draw(axes: Any, curve: Curve, values: Any, label: str, colour: Any, log: bool = False) -> None:
    """Draw points with the width of their bins; nothing where a logarithm has no place for it."""
    if log:
        values = np.where(values > 0, values, np.nan)
    energy = curve.energy.to_value(u.TeV)
    width = [energy - curve.low.to_value(u.TeV), curve.high.to_value(u.TeV) - energy]
    style = {"lw": 1.0, "elinewidth": 0.8, "markersize": 4, "marker": "o"}
    axes.errorbar(energy, values, xerr=width, color=colour, label=label or None, **style)


def _ratio(axes: Any, several: Sequence[Performance], labels: Sequence[str]) -> None:
    """Divide sensitivities by the first one, where their bins are the same."""
    first = _of(several, "sensitivity")[0]
    for one, label, colour in zip(several, labels, _colours(len(several)), strict=True):
        curve = one.sensitivity
        if curve is not None and _same_bins(curve, first):
            share = (curve.value / first.value).to_value(u.one)
            _draw(axes, curve, share, label, colour, log=True)
    axes.set(xscale="log", yscale="log", title="Sensitivity divided by the first one's")
    axes.set(xlabel="reconstructed energy [TeV]", ylabel="ratio, lower is better")
    axes.grid(alpha=0.3)


def _same_bins(one: Curve, other: Curve) -> bool:
    return len(one.low) == len(other.low) and bool(np.allclose(one.low / other.low, 1, rtol=1e-3))


def _crab(axes: Any) -> None:
    """Show shares of the Crab Nebula's flux, in the range of energy that there is."""
    from matplotlib.patheffects import withStroke
    from pyirf.spectral import CRAB_HEGRA

    style = {
        "fontsize": 7,
        "color": "0.4",
        "path_effects": [withStroke(linewidth=2, foreground="w")],
    }
    low, high = axes.get_xlim()
    energy = np.geomspace(low, high, 50) * u.TeV
    flux = (energy**2 * CRAB_HEGRA(energy)).to_value(ENERGY_FLUX)
    for share, name in CRAB.items():
        axes.plot(energy.to_value(u.TeV), share * flux, color="0.6", lw=0.9, ls="--", zorder=1)
        where = (energy[2].to_value(u.TeV), share * flux[2])
        axes.annotate(name, where, (0, 2), textcoords="offset points", zorder=1.5, **style)
    axes.set_xlim(low, high)


def _colours(count: int) -> list[Any]:
    from matplotlib import colormaps

    if count <= len(COLOURS):
        return list(COLOURS[:count])
    return [colormaps["viridis"](value) for value in np.linspace(0, 0.92, count)]


def _legend(drawing: Any, grid: Any, labels: Sequence[str]) -> None:
    """Name each file once, below all panels, in the order in which they are given."""
    found: dict[str, Any] = {}
    for axes in grid:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    if not found:
        return
    names = [*filter(found.get, labels), *(name for name in found if name not in labels)]
    longest = max(map(len, names))
    room = int(drawing.get_figwidth() * 13)  # letters on a line
    columns = max(1, min(len(found), room // (longest + 8)))
    # a long legend takes nothing from the panels
    drawing.set_figheight(drawing.get_figheight() + 0.2 * -(-len(names) // columns))
    place = {"loc": "outside lower center", "ncols": columns, "frameon": False}
    legend = drawing.legend([found[name] for name in names], names, fontsize="small", **place)
    for text in legend.get_texts():
        text.set_parse_math(False)  # a name may hold a dollar


def cta_north() -> Performance:
    """Return the published performance of CTAO's northern array, as ctaplot has it.

    Raises
    ------
    LstluigiError
        ctaplot is not installed.
    """
    try:
        from ctaplot.ana import cta_performance
    except ImportError as error:
        raise LstluigiError(
            "the curves of CTAO North come with ctaplot, which is not installed; "
            "pip install ctaplot brings them, or leave --add-cta-north out"
        ) from error
    known = cta_performance("north")
    return Performance(
        "CTAO North, 50 h at zenith 20° (prod3b-v2)",
        sensitivity=_points(*known.get_sensitivity()),
        effective_area=_points(*known.get_effective_area()),
        angular_resolution=_points(*known.get_angular_resolution()),
        energy_resolution=_points(*known.get_energy_resolution()),
    )


def _points(energy: Any, value: Any) -> Curve:
    """Make a curve of points, which have no bins."""
    at = u.Quantity(energy).to(u.TeV)
    return Curve(at, at, u.Quantity(value))
