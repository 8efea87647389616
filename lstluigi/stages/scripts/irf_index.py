"""An index of IRF files, and the proof that lstchain can interpolate between them.

Runs inside a job; needs astropy. `lstchain_create_dl3_file` takes a directory of IRF files and
interpolates in the cosine of the zenith distance (ZEN_PNT) and the sine of the angle to the
geomagnetic field (B_DELTA); of files that agree in both it takes the one that is nearer in azimuth
(AZ_PNT). All files must have the same cuts and the same bins.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

PATTERNS = ("*.fits", "*.fits.gz")
POINTING = ("ZEN_PNT", "AZ_PNT", "B_DELTA")
#: What must be the same in all headers, present or absent.
CUTS = (
    *("HDUCLAS3", "INSTRUME", "ETRUE_SCALE", "GH_CUT", "GH_EFF"),
    *("RAD_MAX", "TH_CONT", "AL_CUT", "AL_CONT"),
)
#: lstchain leaves it out when it interpolates.
NOT_INTERPOLATED = "BACKGROUND"
#: Pointings that are nearer than this (deg) are one; nodes are degrees apart.
SAME_DEG = 1e-3
#: So many flat triangles are named.
SHOWN = 5
#: Decimals to which lstchain compares cos(zenith) and sin(delta) of nodes.
ALIKE = 3


class ScriptError(Exception):
    """What the user is told, in one sentence; ``exit_code`` 2 for the call, 1 for the data."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class IRF:
    """What an IRF file says of its pointing, its cuts and its bins.

    Attributes
    ----------
    zenith, azimuth, delta
        Pointing, and its angle to the geomagnetic field, in deg.
    cuts
        Values of `CUTS`, None where the header has none.
    bins
        Edges by name of the HDU and column.
    """

    name: str
    zenith: float
    azimuth: float
    delta: float
    cuts: dict[str, Any]
    bins: dict[tuple[str, str], np.ndarray[Any, Any]]

    @property
    def point(self) -> tuple[float, float]:
        """Where lstchain interpolates: cos(zenith), sin(delta)."""
        return float(np.cos(np.radians(self.zenith))), float(np.sin(np.radians(self.delta)))


def read(path: Path) -> IRF:
    """Read headers and bins of one file."""
    from astropy.io import fits

    try:
        with fits.open(path) as hdus:
            header = hdus[1].header
            zenith, azimuth, delta = (float(header[key]) for key in POINTING)
            cuts = {key: header.get(key) for key in CUTS}
            bins = {
                (hdu.name, column): np.array(hdu.data[column])
                for hdu in hdus[1:]
                if hdu.name != NOT_INTERPOLATED
                for column in hdu.columns.names
                if column.endswith(("_LO", "_HI")) or column in ("low", "high")
            }
    except KeyError as error:
        raise ScriptError(f"{path.name} is no IRF of lstchain: {error.args[0]}") from error
    except (OSError, IndexError, TypeError, ValueError) as error:
        raise ScriptError(f"{path.name} is not readable as FITS ({error}).") from error
    return IRF(path.name, zenith, azimuth, delta, cuts, bins)


def differences(first: IRF, other: IRF) -> Iterator[str]:
    """Say in what two files differ that they must have in common."""
    for key in CUTS:
        before, now = first.cuts[key], other.cuts[key]
        if before != now:
            yield f"{key} is {before} in one and {now} in the other"
    for hdu, column in first.bins.keys() | other.bins.keys():
        one, two = first.bins.get((hdu, column)), other.bins.get((hdu, column))
        if one is None or two is None:
            yield f"only one has {column} of {hdu}"
        elif not np.array_equal(one, two):
            yield f"they differ in {column} of {hdu}"


def compare(irfs: Sequence[IRF]) -> None:
    """Refuse files that lstchain could not interpolate.

    Raises
    ------
    ScriptError
        With the first two files that do not go together.
    """
    first = irfs[0]
    for other in irfs[1:]:
        if found := sorted(differences(first, other)):
            raise ScriptError(
                f"{first.name} and {other.name} cannot be interpolated: {'; '.join(found)}. "
                "Gather IRFs of one set of options, in one directory each."
            )
    for one, two in combinations(irfs, 2):
        if separation(one, two) < SAME_DEG:
            raise ScriptError(
                f"{one.name} and {two.name} have one pointing (zenith {one.zenith:.3f}, azimuth "
                f"{one.azimuth:.3f} deg). Let the pattern match one of them."
            )


def separation(one: IRF, two: IRF) -> float:
    """Return the angle between two pointings in deg; azimuths 0 and 360 are one."""
    (sin1, cos1), (sin2, cos2) = (
        (np.sin(np.radians(irf.zenith)), np.cos(np.radians(irf.zenith))) for irf in (one, two)
    )
    turn = np.radians(one.azimuth - two.azimuth)
    across = np.hypot(sin1 * np.cos(turn) - sin2, sin1 * np.sin(turn))
    return float(np.degrees(np.hypot(across, cos1 - cos2)))


def flat_triangles(irfs: Sequence[IRF]) -> list[list[str]]:
    """Find triangles of neighbours that lie on a line, where lstchain stops with a Qhull error.

    lstchain interpolates within the triangle of nodes around a pointing. Nodes that agree to
    `ALIKE` decimals are one to it, so a triangle with two of them is a line, as is one of three
    nodes in a row; the library that interpolates then stops (lstchain#1346).
    """
    from scipy.spatial import Delaunay, QhullError

    points = np.array([irf.point for irf in irfs])
    found = []
    try:
        triangles = Delaunay(points).simplices
    except QhullError:  # all nodes lie on one line: lstchain takes the nearest
        return []
    for corners in triangles:
        distinct = np.unique(np.around(points[corners], ALIKE), axis=0)
        try:
            flat = len(distinct) < len(corners) or Delaunay(points[corners]) is None
        except QhullError:
            flat = True
        if flat:
            found.append([irfs[n].name for n in corners])
    return found


def spans(irfs: Sequence[IRF]) -> bool:
    """Tell whether there is a triangle of nodes; without one lstchain takes the nearest node."""
    points = np.array([irf.point for irf in irfs])
    return bool(np.linalg.matrix_rank(points - points[0], tol=1e-6) == points.shape[1])


def write(irfs: Sequence[IRF], path: Path) -> None:
    """Write the index (ECSV)."""
    from astropy import units as u
    from astropy.table import Table

    table = Table(
        {
            "file": [irf.name for irf in irfs],
            "zen_pnt": [irf.zenith for irf in irfs] * u.deg,
            "az_pnt": [irf.azimuth for irf in irfs] * u.deg,
            "b_delta": [irf.delta for irf in irfs] * u.deg,
        }
    )
    table.meta["cuts"] = {key: value for key, value in irfs[0].cuts.items() if value is not None}
    table.meta["interpolation"] = spans(irfs)
    if flat := flat_triangles(irfs):
        table.meta["flat_triangles"] = flat
    table.write(path, format="ascii.ecsv")


def run(args: argparse.Namespace) -> None:
    """Check the call, read the files, compare them, write the index."""
    if args.output.exists():
        raise ScriptError(f"{args.output} exists already: remove it, or name another.", 2)
    paths = sorted(path for pattern in PATTERNS for path in args.directory.glob(pattern))
    if not paths:
        raise ScriptError(f"{args.directory} holds no IRF file ({' or '.join(PATTERNS)}).", 2)
    irfs = [read(path) for path in paths]
    compare(irfs)
    write(irfs, args.output)
    kind = "they can be interpolated" if spans(irfs) else "no triangle: lstchain takes the nearest"
    print(f"{len(irfs)} IRF file(s); {kind}")
    for names in (flat := flat_triangles(irfs))[:SHOWN]:
        print(f"flat triangle: {', '.join(names)}")
    if flat:
        print(
            f"{len(flat)} triangle(s) are flat: for pointings in them lstchain_create_dl3_file "
            "stops with a Qhull error; give it --use-nearest-irf-node there"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="irf_index.py", description="Index of IRF files that lstchain can interpolate."
    )
    parser.add_argument("directory", type=Path, help="where the IRF files lie")
    parser.add_argument("-o", "--output", type=Path, required=True, help="ECSV file to make")
    try:
        run(parser.parse_args(argv))
    except (ScriptError, OSError) as error:
        print(f"irf_index.py: {error}", file=sys.stderr)
        return getattr(error, "exit_code", 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
