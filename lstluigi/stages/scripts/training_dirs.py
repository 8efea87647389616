"""The pointings of the training sample, for lstchain to interpolate between.

Runs inside a job with the python of the lstchain environment. lstchain's `lstchain_dl1_to_dl2`
looks for `training_dirs.ecsv` beside the models: a table with the columns `zd` and `az` (angles),
one row for each training node. For an event it takes the two rows that are nearest in altitude, on
the event's side of culmination, that is with the same sign of sin(az). It needs two of them: a node
that is alone on its side is written twice, so that it is both. A node at culmination is on both
sides: it is written once for each, a thousandth of a degree off the meridian, since lstchain takes
the sign of sin(180 deg) = 1e-16 for the east (lstchain#1317).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

PARAMETERS = "/dl1/event/telescope/parameters/LST_LSTCam"
#: Nodes are degrees apart; what simulations say of their pointing differs by 1e-5 deg.
DECIMALS = 3
#: Nodes nearer to the meridian than this (deg) are on it: on both sides of culmination.
MERIDIAN = 1e-3
Angles = np.ndarray[Any, np.dtype[np.float64]]


class ScriptError(Exception):
    """What the user is told, in one sentence; ``exit_code`` 2 for the call, 1 for the data."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def read_pointings(path: Path) -> Angles:
    """Read altitude and azimuth of the telescope, in rad, event by event.

    Returns
    -------
    numpy.ndarray
        Shape (events, 2).
    """
    import tables

    try:
        with tables.open_file(str(path)) as h5:
            table = h5.get_node(PARAMETERS)
            found = np.column_stack([table.col("alt_tel"), table.col("az_tel")])
    except (tables.HDF5ExtError, tables.NoSuchNodeError, KeyError, OSError) as error:
        said = " ".join(str(error).split()[-12:])
        raise ScriptError(f"{path} has no pointings in {PARAMETERS} ({said}).") from error
    return np.asarray(found, dtype=np.float64)


def nodes(pointings: Angles) -> Angles:
    """Find the training nodes.

    Parameters
    ----------
    pointings : numpy.ndarray
        Altitude and azimuth in rad, shape (events, 2).

    Returns
    -------
    numpy.ndarray
        Zenith distance and azimuth (0 to 360) in deg, shape (nodes, 2), in ascending order.
    """
    degrees = np.degrees(pointings[np.isfinite(pointings).all(axis=1)])
    zenith = np.round(90 - degrees[:, 0], DECIMALS)
    azimuth = np.round(degrees[:, 1], DECIMALS) % 360
    found: Angles = np.unique(np.column_stack([zenith, azimuth]), axis=0)
    return found


def sided(zenith: float, azimuth: float) -> Angles:
    """Return a node (deg) once for each side of the meridian that it is on.

    At the zenith all azimuths are one.
    """
    if zenith < MERIDIAN:
        return np.array([[zenith, 90.0], [zenith, 270.0]])
    middle = round(azimuth / 180) * 180
    if abs(azimuth - middle) >= MERIDIAN:
        return np.array([[zenith, azimuth]])
    return np.array([[zenith, (middle + off) % 360] for off in (-MERIDIAN, MERIDIAN)])


def rows(found: Angles) -> Angles:
    """List the nodes as lstchain can use them: two at least on each side that has any.

    Those at culmination are on both sides.
    """
    pairs = zip(found[:, 0], found[:, 1], strict=True)
    found = np.concatenate([sided(float(zenith), float(azimuth)) for zenith, azimuth in pairs])
    sides = np.sign(np.sin(np.radians(found[:, 1])))
    alone = [np.count_nonzero(sides == side) == 1 for side in sides]
    return np.repeat(found, np.where(alone, 2, 1), axis=0)


def write(found: Angles, path: Path) -> None:
    """Write the table (ECSV)."""
    from astropy import units as u
    from astropy.table import Table

    table = Table(rows(found), names=("zd", "az"), units=(u.deg, u.deg))
    table.meta["comments"] = [
        f"{len(found)} training nodes; one that is alone on its side of culmination is here twice"
    ]
    table.write(path, format="ascii.ecsv")


def run(args: argparse.Namespace) -> None:
    """Check the call, read, write."""
    if args.output.exists():
        raise ScriptError(f"{args.output} exists already: remove it, or name another.", 2)
    if not args.gammas.is_file():
        raise ScriptError(f"{args.gammas} does not exist or is not a file.", 2)
    found = nodes(read_pointings(args.gammas))
    if not len(found):
        raise ScriptError(f"{args.gammas} has no event with a pointing.")
    write(found, args.output)
    print(f"{len(found)} training nodes (zenith, azimuth in deg):")
    for zenith, azimuth in zip(found[:, 0], found[:, 1], strict=True):
        print(f"  {zenith:7.3f} {azimuth:8.3f}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="training_dirs.py", description="Pointings of the training sample for lstchain."
    )
    parser.add_argument("gammas", type=Path, help="merged DL1 of the training gammas")
    parser.add_argument("-o", "--output", type=Path, required=True, help="ECSV file to make")
    try:
        run(parser.parse_args(argv))
    except (ScriptError, OSError) as error:
        print(f"training_dirs.py: {error}", file=sys.stderr)
        return getattr(error, "exit_code", 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
