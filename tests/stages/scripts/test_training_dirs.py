"""The table of training pointings: what lstchain 0.12.3 reads beside the models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lstluigi.stages.scripts import training_dirs

pytest.importorskip("astropy")
tables = pytest.importorskip("tables")

NODES = [(23.161, 99.261), (6.0, 180.0), (23.161, 260.739)]


def dl1(path: Path, nodes: list[tuple[float, float]], events: int = 3) -> Path:
    """DL1 parameters of some events at each node (zenith, azimuth in deg), nearly."""
    pointings = np.radians([(90 - zenith, azimuth) for zenith, azimuth in nodes]).reshape(-1, 2)
    data = np.zeros(events * len(nodes), dtype=[("alt_tel", "f4"), ("az_tel", "f4")])
    data["alt_tel"], data["az_tel"] = np.repeat(pointings, events, axis=0).T
    with tables.open_file(str(path), "w") as h5:
        folder, name = training_dirs.PARAMETERS.rsplit("/", 1)
        h5.create_table(folder, name, data, createparents=True)
    return path


def made(tmp_path: Path, nodes: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Rows of the table, as lstchain would read them."""
    from astropy import units as u
    from astropy.table import Table

    output = tmp_path / "training_dirs.ecsv"
    assert training_dirs.main([str(dl1(tmp_path / "dl1.h5", nodes)), "-o", str(output)]) == 0
    table = Table.read(output)
    columns = (table[name].to(u.rad).value for name in ("zd", "az"))
    return [tuple(np.round(np.degrees(row), 3)) for row in zip(*columns, strict=True)]


def test_one_row_for_each_node(tmp_path: Path) -> None:
    """But for one at culmination, which is on both sides."""
    rows = made(tmp_path, NODES)
    assert sorted(rows) == [(6.0, 179.999), (6.0, 180.001), NODES[0], NODES[2]]


@pytest.mark.parametrize(
    ("node", "sides"),
    [
        ((6.0, 0.0), [0.001, 359.999]),
        ((6.0, 359.9999), [0.001, 359.999]),
        ((6.0, 180.0), [179.999, 180.001]),
        ((0.0, 123.0), [90.0, 270.0]),
    ],
)
def test_a_node_at_culmination_is_on_both_sides(
    tmp_path: Path, node: tuple[float, float], sides: list[float]
) -> None:
    assert sorted({azimuth for _, azimuth in made(tmp_path, [node])}) == sides


def test_both_sides_of_culmination_are_interpolated_alike() -> None:
    """lstchain's own function; weights were 0.888, 0.112 to the east, 1.298, -0.298 to the west."""
    reco = pytest.importorskip("lstchain.reco.dl1_to_dl2")
    import pandas as pd
    from astropy import units as u
    from astropy.table import Table

    nodes = np.array([(6.0, 180.0), (23.161, 99.261), (23.161, 260.739), (32.06, 257.8)])
    table = Table(training_dirs.rows(nodes), names=("zd", "az"), units=(u.deg, u.deg))
    events = pd.DataFrame({"alt_tel": np.radians([80.0] * 2), "az_tel": np.radians([170.0, 190.0])})
    found = reco.add_zd_interpolation_info(events, table)
    zenith = np.degrees(np.pi / 2 - found[["alt0", "alt1"]].to_numpy())
    np.testing.assert_allclose(zenith, [[6.0, 23.161]] * 2)
    cosines = np.cos(np.radians([10.0, 6.0, 23.161]))
    second = (cosines[0] - cosines[1]) / (cosines[2] - cosines[1])  # linear in cos(zenith)
    np.testing.assert_allclose(found["w0"], [1 - second] * 2)
    np.testing.assert_allclose(found["w1"], [second] * 2)


@pytest.mark.parametrize("azimuth", [90.0, 300.0])
def test_a_single_node_is_both_of_the_two_that_lstchain_wants(
    tmp_path: Path, azimuth: float
) -> None:
    assert made(tmp_path, [(20.0, azimuth)]) == [(20.0, azimuth)] * 2


def test_azimuths_are_within_a_turn(tmp_path: Path) -> None:
    assert made(tmp_path, [(20.0, -60.0), (30.0, 359.99999)]) == [
        (20.0, 300.0),
        (30.0, 359.999),
        (30.0, 0.001),
        (30.0, 0.001),
    ]


def test_events_without_a_pointing_are_left_out(tmp_path: Path) -> None:
    nan = float("nan")
    assert set(made(tmp_path, [(20.0, 100.0), (nan, nan)])) == {(20.0, 100.0)}


def test_a_file_without_events_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = [str(dl1(tmp_path / "dl1.h5", [])), "-o", str(tmp_path / "t.ecsv")]
    assert training_dirs.main(call) == 1
    assert "has no event with a pointing" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"text"])
def test_what_is_no_dl1_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    (tmp_path / "dl1.h5").write_bytes(content)
    assert training_dirs.main([str(tmp_path / "dl1.h5"), "-o", str(tmp_path / "t.ecsv")]) == 1
    assert "has no pointings" in capsys.readouterr().err
    assert not (tmp_path / "t.ecsv").exists()


def test_a_table_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "t.ecsv").write_text("mine")
    call = [str(dl1(tmp_path / "dl1.h5", NODES)), "-o", str(tmp_path / "t.ecsv")]
    assert training_dirs.main(call) == 2
    assert (tmp_path / "t.ecsv").read_text() == "mine"
