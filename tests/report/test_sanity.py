"""What is drawn of DL1, DL2 and instrument responses: the numbers behind it."""

from __future__ import annotations

import math
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
import tables
from astropy.io import fits
from pyirf.spectral import CRAB_HEGRA

from lstluigi.errors import LstluigiError
from lstluigi.report import figures, sanity, sections
from lstluigi.report.figures import Source
from lstluigi.report.plots.performance import Curve, Performance
from lstluigi.report.sanity import separation, table
from lstluigi.report.table import Table


@pytest.mark.parametrize(
    ("one", "other", "degrees"),
    [
        ((70, 10), (70, 10), 0),
        ((90, 0), (60, 123), 30),  # from the zenith it is the zenith distance
        ((0, 350), (0, 20), 30),  # along the horizon it is the azimuth
        ((45, 0), (45, 180), 90),
        ((70, 10), (70.0001, 10), 0.0001),
    ],
)
def test_separation(one: tuple[float, float], other: tuple[float, float], degrees: float) -> None:
    angle = separation(*map(math.radians, (*one, *other)))
    assert math.degrees(angle) == pytest.approx(degrees, abs=1e-9)


def write(path: Path, rows: int, *names: str) -> str:
    content = np.ones(rows, dtype=[(name, "f8") for name in names])
    with tables.open_file(str(path), "w") as file:
        place, _, name = sanity.PARAMETERS[0].rpartition("/")
        file.create_table(place, name, obj=content, createparents=True)
    return str(path)


def test_so_many_rows_are_read_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sanity, "ROWS", 7)
    found = table(write(tmp_path / "a.h5", 20, "intensity", "mc_type", "unknown"))
    assert {name: len(values) for name, values in found.items()} == {"intensity": 7, "mc_type": 7}


def test_a_file_without_parameters_is_told(tmp_path: Path) -> None:
    with tables.open_file(str(tmp_path / "a.h5"), "w"):
        pass
    with pytest.raises(ValueError, match="no table of parameters"):
        table(str(tmp_path / "a.h5"))


def test_damaged_files_are_problems_of_their_node(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_text("no HDF5")
    sound = write(tmp_path / "b.h5", 3, "gammaness")
    group = sanity._group("node", {"DL1": [Source("s:1", [str(tmp_path / "a.h5"), sound])]})
    (said,) = group.unreadable
    assert said.startswith(f"'{tmp_path / 'a.h5'}' cannot be read (")
    assert "trace" not in said
    assert "H5F.c" not in said


def test_a_truncated_file_is_told_in_a_line(tmp_path: Path) -> None:
    content = Path(write(tmp_path / "a.h5", 5000, "gammaness")).read_bytes()
    (tmp_path / "a.h5").write_bytes(content[: len(content) // 2])
    group = sanity._group("node", {"DL2": [Source("s:1", [str(tmp_path / "a.h5")])]})
    (said,) = group.unreadable
    assert said.startswith(f"'{tmp_path / 'a.h5'}' cannot be read (truncated file: ")


def test_a_file_of_another_kind_is_not_unreadable(tmp_path: Path) -> None:
    tables.open_file(str(tmp_path / "a.h5"), "w").close()
    group = sanity._group("node", {"DL1": [Source("s:1", [str(tmp_path / "a.h5")])]})
    assert (len(group.problems), group.unreadable) == (1, [])


def test_files_that_cannot_be_read_are_named_in_one_sentence() -> None:
    assert sections.unreadable([]) == ""
    assert sections.unreadable(["a is empty"]) == "1 file cannot be read: a is empty."
    assert sections.unreadable(["a", "b", "c", "d", "e"]) == (
        "5 files cannot be read: a; b; c; and 2 more."
    )


def test_the_flux_of_the_crab_is_a_hundred_percent() -> None:
    edges = np.geomspace(0.1, 10, 6) * u.TeV
    low, high = edges[:-1], edges[1:]
    middle = (low + high) / 2
    crab = (middle**2 * CRAB_HEGRA(middle)).to(u.erg / u.cm**2 / u.s)
    one = Performance("x", sensitivity=Curve(low, high, crab / 4))
    assert figures._at_tev(one)[0] == "25"


def test_numbers_are_of_the_bin_that_holds_one_tev() -> None:
    low, high = [0.1, 1.0] * u.TeV, [1.0, 10.0] * u.TeV
    area = Curve(low, high, [5.0, 123456.0] * u.m**2)
    assert figures._at_tev(Performance("x", effective_area=area)) == ["", "123,000", "", "", ""]
    above = Curve([2.0] * u.TeV, [3.0] * u.TeV, [5.0] * u.m**2)
    assert figures._at_tev(Performance("x", effective_area=above)) == [""] * 5


def test_nodes_of_a_line_are_drawn_seven_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edges = [0.5, 2.0] * u.TeV

    def read(path: str) -> Performance:
        if "_10.000_" in path:
            raise LstluigiError(f"{path} is damaged")
        return Performance(path, effective_area=Curve(edges[:1], edges[1:], [7.0] * u.m**2))

    monkeypatch.setattr(figures, "read", read)
    paths = [f"/irf/dec_2276/node_theta_{z}.000_az_180.000_/irf.fits.gz" for z in range(10, 19)]
    group = figures._compared("Responses", "dec_2276", paths)
    nodes = [f"zenith {z}°, azimuth 180°" for z in range(11, 19)]
    assert group.title == "Responses, dec_2276"
    assert group.unreadable == [f"{paths[0]} is damaged"]
    assert [one.title for one in group.figures] == [
        "effective area: " + "; ".join(nodes[:7]),
        f"effective area: {nodes[7]}",
    ]
    assert group.table == Table(["file", "Effective area [m²]"], [[n, "7"] for n in nodes])


def test_fits_of_another_kind_is_not_unreadable(tmp_path: Path) -> None:
    path = str(tmp_path / "cuts.fits")
    fits.HDUList([fits.PrimaryHDU()]).writeto(path)
    group = figures._compared("Responses", "", [path])
    assert (len(group.problems), group.unreadable) == (1, [])


def test_images_of_other_programs_are_looked_at(tmp_path: Path) -> None:
    group = figures.Group("x")
    (tmp_path / "a.png").write_text("<svg onload=...>")
    figures._add_image(group, str(tmp_path / "a.png"))
    figures._add_image(group, str(tmp_path / "none.png"))
    (tmp_path / "large.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(figures.MAX_IMAGE))
    figures._add_image(group, str(tmp_path / "large.png"))
    assert not group.figures
    assert [p.partition(" ")[2] for p in group.unreadable] == [
        "is no PNG",
        "cannot be read (No such file or directory)",
    ]
    assert [p.partition(" ")[2] for p in group.problems] == ["is too large to be shown here"]


def test_columns_without_content_are_left_out() -> None:
    table = Table(["a", "b", "c"], [["1", "", "2"], ["3", "", ""]]).without_empty()
    assert table == Table(["a", "c"], [["1", "2"], ["3", ""]])
