"""The index of IRFs: which files lstchain can interpolate between."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstluigi.stages.scripts import irf_index

fits = pytest.importorskip("astropy.io.fits")

#: Pointings in deg: zenith, azimuth, angle to the geomagnetic field.
NODES = [(20.0, 100.0, 50.0), (30.0, 150.0, 40.0), (40.0, 200.0, 70.0)]
CUTS = {"HDUCLAS3": "POINT-LIKE", "INSTRUME": "LST-1", "GH_EFF": 0.7, "TH_CONT": 0.7}


def irf(
    path: Path, node: Sequence[float], edges: Sequence[float] = (0.1, 1.0), **cuts: Any
) -> Path:
    """A file with headers and bins in the form of lstchain's, without an effective area."""
    column = fits.Column("ENERG_LO", f"{len(edges)}D", "TeV", array=[list(edges)])
    hdu = fits.BinTableHDU.from_columns([column], name="EFFECTIVE AREA")
    pointing = dict(zip(("ZEN_PNT", "AZ_PNT", "B_DELTA"), node, strict=True))
    for key, value in {**CUTS, **pointing, **cuts}.items():
        if value is not None:
            hdu.header[key] = value
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    return path


def index(tmp_path: Path) -> int:
    """Exit code of the script."""
    return irf_index.main([str(tmp_path), "-o", str(tmp_path / "irf_index.ecsv")])


def test_every_file_has_a_row(tmp_path: Path) -> None:
    from astropy.table import Table

    for number, node in enumerate(NODES):
        irf(tmp_path / f"irf_{number}.fits.gz", node)
    assert index(tmp_path) == 0
    table = Table.read(tmp_path / "irf_index.ecsv")
    assert list(table["file"]) == ["irf_0.fits.gz", "irf_1.fits.gz", "irf_2.fits.gz"]
    rows = zip(table["zen_pnt"], table["az_pnt"], table["b_delta"], strict=True)
    np.testing.assert_allclose(list(rows), NODES)
    assert table.meta == {"cuts": CUTS, "interpolation": True}


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ((20.0, 0.0), (20.0, 360.0), True),
        ((20.0, 359.9999), (20.0, 0.0001), True),
        ((0.0, 10.0), (0.0, 200.0), True),
        ((20.0, 0.0), (20.0, 180.0), False),
        ((20.0, 100.0), (20.0, 100.1), False),
    ],
)
def test_angles_are_angles(
    tmp_path: Path, one: tuple[float, float], two: tuple[float, float], same: bool
) -> None:
    for name, pointing in (("a", one), ("b", two)):
        irf(tmp_path / f"{name}.fits", (*pointing, 50.0))
    assert index(tmp_path) == int(same)


def test_flat_triangles_are_named_with_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two nodes that lstchain takes for one, as east and west of the field have them."""
    from astropy.table import Table

    nodes = [(20.0, 100.0, 50.0), (20.0, 260.0, 50.01), (40.0, 180.0, 70.0), (30.0, 20.0, 30.0)]
    for number, node in enumerate(nodes):
        irf(tmp_path / f"irf_{number}.fits", node)
    assert index(tmp_path) == 0
    said = capsys.readouterr().out
    flat = Table.read(tmp_path / "irf_index.ecsv").meta["flat_triangles"]
    assert flat
    assert all({"irf_0.fits", "irf_1.fits"} <= set(names) for names in flat)
    assert "--use-nearest-irf-node" in said


@pytest.mark.parametrize(
    ("nodes", "triangle"),
    [
        (NODES, True),
        (NODES[:1], False),
        (NODES[:2], False),
        # same angle to the field: on one line
        ([(zenith, azimuth, 50.0) for zenith, azimuth, _ in NODES], False),
    ],
)
def test_a_triangle_is_what_lstchain_needs(
    tmp_path: Path, nodes: Sequence[Sequence[float]], triangle: bool
) -> None:
    paths = [irf(tmp_path / f"irf_{n}.fits", node) for n, node in enumerate(nodes)]
    assert irf_index.spans([irf_index.read(path) for path in paths]) == triangle
    assert index(tmp_path) == 0


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"GH_EFF": 0.9}, "GH_EFF is 0.7 in one and 0.9 in the other"),
        ({"TH_CONT": None, "RAD_MAX": 0.2}, "RAD_MAX is None in one and 0.2 in the other"),
        ({"HDUCLAS3": "FULL-ENCLOSURE"}, "HDUCLAS3"),
        ({"edges": (0.1, 2.0)}, "they differ in ENERG_LO of EFFECTIVE AREA"),
        ({"edges": (0.1, 1.0, 10.0)}, "they differ in ENERG_LO of EFFECTIVE AREA"),
    ],
)
def test_files_that_do_not_go_together_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], other: dict[str, Any], words: str
) -> None:
    irf(tmp_path / "irf_a.fits", NODES[0])
    irf(tmp_path / "irf_b.fits", NODES[1], **other)
    assert index(tmp_path) == 1
    told = capsys.readouterr().err
    assert words in told
    assert "irf_a.fits and irf_b.fits cannot be interpolated" in told
    assert not (tmp_path / "irf_index.ecsv").exists()


def test_two_files_of_one_pointing_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    irf(tmp_path / "irf_a.fits", NODES[0])
    irf(tmp_path / "irf_b.fits", NODES[0])
    assert index(tmp_path) == 1
    assert "irf_a.fits and irf_b.fits have one pointing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"text", "is not readable as FITS"), (b"", "is not readable as FITS")],
)
def test_what_is_no_irf_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, words: str
) -> None:
    (tmp_path / "irf.fits").write_bytes(content)
    assert index(tmp_path) == 1
    assert words in capsys.readouterr().err


def test_an_irf_without_a_pointing_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    irf(tmp_path / "irf.fits", NODES[0], B_DELTA=None)
    assert index(tmp_path) == 1
    assert "B_DELTA" in capsys.readouterr().err


def test_a_directory_without_irfs_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert index(tmp_path) == 2
    assert "holds no IRF file" in capsys.readouterr().err
