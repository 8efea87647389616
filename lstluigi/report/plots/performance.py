"""What a file of `dl2_to_irfs` or `dl2_to_sensitivity` says, as curves over energy with units.

Files are read by what their tables are (HDUCLAS4 of GADF, or the names of pyirf's tables), so
those of lstchain, of ctapipe and of the sensitivity script of lstluigi and lstmcpipe all serve.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.table import QTable

from lstluigi.errors import LstluigiError, shown
from lstluigi.layouts.nodes import sample

__all__ = ["OFFSET", "Curve", "NothingToDraw", "Performance", "labels", "read"]

#: Where the source usually stands in the field of view of the LST
OFFSET = 0.4
#: Events, or bins that hold some, without which a distribution has no width.
SPREAD = 2
ENERGY_FLUX = u.erg / u.cm**2 / u.s


@dataclass(frozen=True)
class Curve:
    """A quantity in bins of energy; under- and overflow are left out.

    Parameters
    ----------
    low, high : Quantity
        Edges of the bins in TeV, shape (n,).
    value : Quantity
        One for each bin, NaN where there is none.
    """

    low: u.Quantity
    high: u.Quantity
    value: u.Quantity

    @property
    def energy(self) -> u.Quantity:
        """Middle of each bin on a logarithmic axis."""
        return np.sqrt(self.low * self.high)


@dataclass(frozen=True)
class Performance:
    """What one file holds; None for what it does not.

    Parameters
    ----------
    path : str
        The file.
    sensitivity : Curve, optional
        Flux times energy squared that is detected with 5 sigma in 50 h, erg / (cm2 s); over
        reconstructed energy.
    effective_area : Curve, optional
        After all cuts, m2; over true energy.
    background : Curve, optional
        Rate in the region of the source, 1/s for each bin; over reconstructed energy. The region
        is the theta cut, or the containment of 68 % where there is no cut.
    angular_resolution : Curve, optional
        Containment of 68 %, deg; over true energy.
    theta_cut : Curve, optional
        In deg; over reconstructed energy.
    energy_resolution, energy_bias : Curve, optional
        Relative to the true energy, over true energy.
    """

    path: str
    sensitivity: Curve | None = None
    effective_area: Curve | None = None
    background: Curve | None = None
    angular_resolution: Curve | None = None
    theta_cut: Curve | None = None
    energy_resolution: Curve | None = None
    energy_bias: Curve | None = None


#: Quantities of which zero means that there was nothing.
POSITIVE = ("sensitivity", "effective_area", "background", "angular_resolution", "theta_cut")


class NothingToDraw(LstluigiError):
    """A sound FITS file of another kind, such as cuts of ctapipe."""


def read(path: str | os.PathLike[str], offset: float = OFFSET) -> Performance:
    """Read a FITS file of instrument responses or of a sensitivity.

    Parameters
    ----------
    path : path
        The file; it may be compressed.
    offset : float
        Of the source in the field of view, in degrees: where a table has several, the nearest is
        taken.

    Raises
    ------
    LstluigiError
        It cannot be read, or has nothing to draw.
    """
    name = os.fspath(path)
    try:
        content = io.BytesIO(_content(name))
        with warnings.catch_warnings(), fits.open(content) as hdus:
            warnings.simplefilter("ignore")
            # astropy goes on with what it can read of a truncated file
            warnings.filterwarnings("error", ".*(truncated|Error validating header)")
            found = _Tables(hdus, offset).performance(name)
    except FileNotFoundError:
        raise LstluigiError(
            f"{shown(name, 4096)} does not exist; name a file that dl2_to_irfs or "
            "dl2_to_sensitivity made"
        ) from None
    except IsADirectoryError:
        raise LstluigiError(
            f"{shown(name, 4096)} is a directory; name the files in it, e.g. with *.fits.gz"
        ) from None
    except Exception as error:  # astropy, gzip and numpy each raise their own on damaged files
        reason = shown(str(error) or type(error).__name__)[1:-1]
        raise LstluigiError(f"{shown(name, 4096)} is not readable as FITS ({reason})") from error
    if all(getattr(found, field.name) is None for field in _curves()):
        raise NothingToDraw(
            f"{shown(name, 4096)} has no table of an instrument response or a sensitivity; name a "
            "file that dl2_to_irfs or dl2_to_sensitivity made"
        )
    filled: dict[str, Any] = {
        field.name: _drawable(field.name, getattr(found, field.name)) for field in _curves()
    }
    if not any(filled.values()):
        raise NothingToDraw(
            f"{shown(name, 4096)} has no number above zero in its tables: no event has passed its "
            "cuts; see the log of the step that made it"
        )
    return replace(found, **filled)


def _curves() -> Sequence[Any]:
    """The fields of a performance that are curves."""
    return fields(Performance)[1:]


def _drawable(name: str, curve: Curve | None) -> Curve | None:
    """A curve that has something to draw: a finite number, above zero where zero means nothing."""
    if curve is None:
        return None
    values = np.isfinite(curve.value)
    if name in POSITIVE:
        values = values & (curve.value.value > 0)
    return curve if values.any() else None


def _content(path: str) -> bytes:
    """Read it whole: of a truncated compressed file, astropy silently reads what there is."""
    with open(path, "rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path) if compressed else open(path, "rb") as stream:
        start = stream.read(9)
        if start != b"SIMPLE  =":  # nor is a huge file of another kind read whole
            raise ValueError("it begins otherwise" if start else "it is empty")
        return start + stream.read()


class _Tables:
    """Tables of a file, and what they say about a source at an offset."""

    def __init__(self, hdus: Iterable[Any], offset: float) -> None:
        self._offset = offset * u.deg
        self._tables: dict[str, QTable] = {}
        for hdu in (hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU)):
            # the first of a kind is the one after all cuts, those that follow are for comparison
            for key in filter(None, (hdu.header.get("HDUCLAS4"), hdu.name.replace(" ", "_"))):
                if key not in self._tables:
                    self._tables[key] = _lower(QTable.read(hdu))

    def performance(self, path: str) -> Performance:
        resolution, bias = self._energy()
        angular = self._width("ANGULAR_RESOLUTION", ("angular_resolution_68", *_OLD), u.deg)
        angular = angular or self._containment()
        theta_cut = self._curve("RAD_MAX_2D", ("rad_max",), u.deg)
        return Performance(
            path,
            sensitivity=self._sensitivity(),
            effective_area=self._curve("AEFF_2D", ("effarea",), u.m**2),
            background=self._background(theta_cut or angular),
            angular_resolution=angular,
            theta_cut=theta_cut,
            energy_resolution=resolution,
            energy_bias=bias,
        )

    def _curve(self, key: str, columns: Sequence[str], unit: Any) -> Curve | None:
        """A column over energy: one row for each bin, or (GADF) one row with all of them."""
        table = self._tables.get(key)
        column = next(
            (name for name in columns if table is not None and name in table.colnames), ""
        )
        if table is None or not column:
            return None
        value = self._at_offset(table, column) if "energ_lo" in table.colnames else table[column]
        return _curve(*_edges(table), u.Quantity(_filled(value), copy=False).to(unit))

    def _width(self, key: str, columns: Sequence[str], unit: Any) -> Curve | None:
        """The width of a distribution over energy, where the table tells of enough events."""
        curve = self._curve(key, columns, unit)
        counted = self._curve(key, ("n_events",), u.dimensionless_unscaled)
        if curve is None or counted is None:
            return curve
        value = np.where(counted.value >= SPREAD, curve.value, np.nan * unit)
        return Curve(curve.low, curve.high, value)

    def _at_offset(self, table: QTable, column: str) -> u.Quantity:
        """Values at the source's offset; energy is their last axis."""
        middle = (table["theta_lo"][0] + table["theta_hi"][0]) / 2
        nearest = int(np.argmin(np.abs(middle - self._offset)))
        # radius, offset, energy in a table of the PSF; in all others the offset comes first
        return u.Quantity(table[column][0]).take(nearest, axis=1 if column == "rpsf" else 0)

    def _sensitivity(self) -> Curve | None:
        flux = self._curve("SENSITIVITY", ("flux_sensitivity",), 1 / (u.erg * u.cm**2 * u.s))
        if flux is None:
            return None
        # pyirf takes the arithmetic middle of a bin for the energy of its flux
        middle = (flux.low + flux.high) / 2
        return Curve(flux.low, flux.high, (middle**2 * flux.value).to(ENERGY_FLUX))

    def _energy(self) -> tuple[Curve | None, Curve | None]:
        """Resolution and bias: as tabled, else from the matrix of the dispersion."""
        key, one = "ENERGY_BIAS_RESOLUTION", u.dimensionless_unscaled
        if key in self._tables:
            return self._width(key, ("resolution",), one), self._curve(key, ("bias",), one)
        table = self._tables.get("EDISP_2D")
        if table is None:
            return None, None
        from pyirf.benchmarks import energy_bias_resolution_from_energy_dispersion

        edges = np.append(table["migra_lo"][0], table["migra_hi"][0][-1])
        matrix = self._at_offset(table, "matrix").to_value(one).T  # energy, migration
        total = (matrix * np.diff(edges)).sum(axis=1, keepdims=True)
        matrix = np.divide(matrix, total, out=np.zeros_like(matrix), where=total > 0)
        found = energy_bias_resolution_from_energy_dispersion(matrix[..., np.newaxis], edges)
        bias, resolution = (value[:, 0] for value in found)
        resolution[np.count_nonzero(matrix, axis=1) < SPREAD] = np.nan
        return _curve(*_edges(table), resolution * one), _curve(*_edges(table), bias * one)

    def _containment(self) -> Curve | None:
        """Radius that holds 68 % of the point spread function."""
        table = self._tables.get("PSF_TABLE")
        if table is None:
            return None
        low, high = table["rad_lo"][0], table["rad_hi"][0]
        area = 2 * np.pi * (np.cos(low) - np.cos(high)) * u.sr
        inside = np.cumsum((self._at_offset(table, "rpsf").T * area).to_value(u.one), axis=1)
        radius = [
            np.interp(0.68 * row[-1], row, high.to_value(u.deg)) if row[-1] > 0 else np.nan
            for row in inside
        ]
        return _curve(*_edges(table), radius * u.deg)

    def _background(self, region: Curve | None) -> Curve | None:
        """Rate inside a radius around the source."""
        density = self._curve("BKG_2D", ("bkg",), 1 / (u.TeV * u.s * u.sr))
        if density is None or region is None:
            return None
        known = np.isfinite(region.value)
        if not known.any():
            return None
        at, radius = np.log(region.energy[known].to_value(u.TeV)), region.value[known]
        radius = np.interp(np.log(density.energy.to_value(u.TeV)), at, radius.to_value(u.rad))
        area = 2 * np.pi * (1 - np.cos(radius)) * u.sr
        rate = density.value * (density.high - density.low) * area
        return Curve(density.low, density.high, rate.to(1 / u.s))


#: Name of this column in tables of pyirf before 0.11
_OLD = ("angular_resolution",)


def _lower(table: QTable) -> QTable:
    table.rename_columns(table.colnames, [name.lower() for name in table.colnames])
    return table


def _edges(table: QTable) -> tuple[u.Quantity, u.Quantity]:
    if "energ_lo" in table.colnames:
        return table["energ_lo"][0], table["energ_hi"][0]
    low = next(name for name in table.colnames if name.endswith("_low"))
    return _filled(table[low]), _filled(table[low.removesuffix("low") + "high"])


def _filled(column: Any) -> Any:
    """NaN for what is masked."""
    return column.filled(np.nan) if hasattr(column, "filled") else column


def _curve(low: u.Quantity, high: u.Quantity, value: u.Quantity) -> Curve:
    """Leave out under- and overflow; infinite is what could not be determined."""
    whole = (low > 0 * u.TeV) & np.isfinite(high) & (high < 1e6 * u.TeV)
    value = np.where(np.isfinite(value), value, np.nan * value.unit)
    return Curve(low[whole].to(u.TeV), high[whole].to(u.TeV), value[whole])


def labels(paths: Sequence[str]) -> list[str]:
    """Short names that tell files apart: their lines and nodes, else what differs in the paths."""
    kinds = (_pointing, _file_of_pointing, os.path.basename, _parent)
    for kind in kinds:
        short = [kind(path) for path in paths]
        if all(short) and len(set(short)) == len(short):
            return short
    return _differing(paths)


def _pointing(path: str) -> str:
    about = sample(path)
    if about.node is None:
        return ""
    node = f"zenith {about.node.zenith:g}°, azimuth {about.node.azimuth:g}°"
    return f"{about.line}, {node}" if about.line else node


def _file_of_pointing(path: str) -> str:
    """Begin with what the file is: irf or sensitivity, as file names do."""
    pointing = _pointing(path)
    kind = re.split(r"[_.]", os.path.basename(path))[0]
    return f"{kind}, {pointing}" if pointing else ""


def _parent(path: str) -> str:
    return "/".join(os.path.abspath(path).split("/")[-2:])


def _differing(paths: Sequence[str]) -> list[str]:
    parts = [os.path.abspath(path).split("/") for path in paths]
    common = set(parts[0]).intersection(*parts[1:])
    short = ["/".join(part for part in one if part not in common) for one in parts]
    # the same file twice stays the same
    return [name or os.path.basename(path) for name, path in zip(short, paths, strict=True)]
