"""Comparison of products, and files handled for it."""

from __future__ import annotations

import math
import os
import shutil
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import yaml
from chain_config import (
    DL1_FILES,
    DL2,
    IMPORTANCE,
    IRF,
    MERGED_TEST,
    MERGED_TRAINING,
    MODEL_NAMES,
    MODELS,
    POINTINGS,
    SENSITIVITY,
    SENSITIVITY_PLOT,
    TESTED,
)
from chain_runs import Production

#: where a file says how, when and of what paths it was made
HISTORY = ("/source_filenames", "/provenance")
DL1_PARAMETERS = "/dl1/event/telescope/parameters/LST_LSTCam"
IMAGES = "/dl1/event/telescope/image/LST_LSTCam"
DL2_PARAMETERS = "/dl2/event/telescope/parameters/LST_LSTCam"


def leaves(path: Path) -> dict[str, np.ndarray]:
    """Every table and array of an HDF5 file by its path, its history aside."""
    import tables

    with warnings.catch_warnings(), tables.open_file(str(path)) as h5:
        # provenance is text of variable length, which pytables does not read
        warnings.filterwarnings("ignore", "problems loading leaf")
        return {
            leaf._v_pathname: np.asarray(leaf.read())
            for leaf in h5.walk_nodes("/", "Leaf")
            if not leaf._v_pathname.startswith(HISTORY)
        }


def assert_same_tables(found: Path, expected: Path, rtol: float = 0.0) -> None:
    """Same leaves, same columns, same rows in the same order."""
    ours, theirs = leaves(found), leaves(expected)
    assert sorted(ours) == sorted(theirs)
    assert theirs, f"{expected} has no table"
    for name, wanted in theirs.items():
        assert ours[name].dtype == wanted.dtype, name
        assert ours[name].shape == wanted.shape, name
        for column in wanted.dtype.names or ("",):
            pair = (x[column] if column else x for x in (ours[name], wanted))
            _assert_same_values(*pair, rtol=rtol, where=f"{name} {column}")


def _assert_same_values(
    ours: np.ndarray, theirs: np.ndarray, *, rtol: float, where: str = ""
) -> None:
    if theirs.dtype.kind == "f":
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=0, equal_nan=True, err_msg=where)
    else:
        np.testing.assert_array_equal(ours, theirs, err_msg=where)


def assert_same_fits(found: Path, expected: Path, rtol: float = 1e-12) -> None:
    """Same HDUs with the same columns, units and values."""
    from astropy.io import fits

    with fits.open(found) as ours, fits.open(expected) as theirs:
        assert [hdu.name for hdu in ours] == [hdu.name for hdu in theirs]
        for mine, wanted in zip(ours[1:], theirs[1:], strict=True):
            assert mine.columns.names == wanted.columns.names
            assert mine.columns.units == wanted.columns.units
            for column in wanted.columns.names:
                where = f"{wanted.name} {column}"
                _assert_same_values(mine.data[column], wanted.data[column], rtol=rtol, where=where)


def rows(path: Path, table: str = DL1_PARAMETERS) -> int:
    """Number of rows of a table."""
    return len(leaves(path)[table])


def png_size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG, from its header (IHDR is the first chunk)."""
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert head[12:16] == b"IHDR"
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def products(production: Production) -> dict[str, Path]:
    """Every file of the small production by its path below it."""
    names = [
        *DL1_FILES.values(),
        *MERGED_TRAINING.values(),
        *MERGED_TEST.values(),
        *(f"{MODELS}/{name}" for name in MODEL_NAMES),
        *(IMPORTANCE, POINTINGS, IRF, SENSITIVITY, SENSITIVITY_PLOT),
        *DL2.values(),
    ]
    return {name: production / name for name in names}


def assert_same_production(found: Production, expected: Production) -> None:
    """DL1 exactly, DL2 and what follows as steady as lstchain itself; all that `found` makes."""
    made = yaml.safe_load(found.config.read_text())["stages"]
    without_sensitivity = (*_beyond_gammas(), SENSITIVITY, SENSITIVITY_PLOT)
    left_out = set() if "dl2_to_sensitivity" in made else set(without_sensitivity)
    names = [name for name in products(expected) if name not in left_out]
    assert [name for name in names if not (found / name).exists()] == []
    for name in names:
        if name.startswith("dl1/"):
            assert_same_tables(found / name, expected / name)
        elif name.startswith("dl2/"):
            assert_same_tables(found / name, expected / name, rtol=1e-12)
        elif name.endswith(".fits.gz"):
            assert_same_fits(found / name, expected / name)


def _beyond_gammas() -> Iterator[str]:
    for key in ("proton_file", "electron_file"):
        yield from (DL1_FILES[TESTED[key].file(n + 1)] for n in range(TESTED[key].files))
        yield from (MERGED_TEST[key], DL2[key])


#: the HDUs of lstmcpipe's sensitivity file
SENSITIVITY_HDUS = {
    *("SENSITIVITY", "SENSITIVITY_STEP_2", "THETA_CUTS", "THETA_CUTS_OPT", "GH_CUTS"),
    *("EFFECTIVE_AREA", "EFFECTIVE_AREA_NO_CUTS"),
    *("EFFECTIVE_AREA_ONLY_GH", "EFFECTIVE_AREA_ONLY_THETA"),
    *("ENERGY_DISPERSION", "ENERGY_DISPERSION_NO_CUTS"),
    *("ENERGY_DISPERSION_ONLY_GH", "ENERGY_DISPERSION_ONLY_THETA"),
    *("BACKGROUND", "PSF", "RAD_MAX", "ANGULAR_RESOLUTION", "ENERGY_BIAS_RESOLUTION"),
}


def assert_irf_opens(path: Path) -> None:
    """In gammapy, with an area between nothing and what was thrown at."""
    irf = pytest.importorskip("gammapy.irf")
    opened = irf.load_irf_dict_from_file(path)
    assert {"aeff", "edisp", "rad_max"} <= set(opened)
    area = opened["aeff"].quantity.to_value("m2")
    thrown = math.pi * 500.0**2
    assert np.isfinite(area).all()
    assert ((area >= 0) & (area <= thrown)).all()
    at_300_gev = opened["aeff"].evaluate(energy_true="0.3 TeV", offset="0.4 deg")
    assert at_300_gev.to_value("m2") > 0
    assert np.count_nonzero(area) >= 5


def finite_bins(path: Path) -> int:
    """Bins with a sensitivity, of a file that has everything it should."""
    from astropy.io import fits

    with fits.open(path) as hdus:
        assert {hdu.name for hdu in hdus} >= SENSITIVITY_HDUS
        flux = hdus["SENSITIVITY"].data["flux_sensitivity"]
    finite = flux[np.isfinite(flux)]
    assert (finite > 0).all()
    return len(finite)


def snapshot(where: Path) -> dict[str, tuple[int, int]]:
    """Every file below a directory with its inode and time."""
    return {
        str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns)
        for path in sorted(where.rglob("*"))
        if path.is_file()
    }


@contextmanager
def aside(*paths: Path) -> Iterator[None]:
    """Paths out of sight for a while; what came into their place is removed again."""
    hidden = [path.with_name(f"{path.name}.aside") for path in paths]
    for path, other in zip(paths, hidden, strict=True):
        path.rename(other)
    try:
        yield
    finally:
        for path, other in zip(paths, hidden, strict=True):
            if path.is_dir():
                shutil.rmtree(path)
            other.replace(path)


def link_files(source: Path, target: Path, names: Iterable[str]) -> None:
    """Hard links below a directory to files of another one."""
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        os.link(source / name, target / name)
