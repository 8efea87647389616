"""What files say of themselves, and which may meet."""

from __future__ import annotations

import gzip
import math
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tables

from lstluigi.jobs.runner.base import ItemError, Unsound
from lstluigi.jobs.runner.facts import Facts, facts_of, pointing_of
from lstluigi.jobs.runner.meeting import compare, in_words
from lstluigi.jobs.runner.simtel import thrown

PARAMETERS = "/dl1/event/telescope/parameters", "LST_LSTCam"
DEGREE = math.pi / 180


def dl1(
    path: Path,
    run: int = 1,
    events: Sequence[int] = (100, 200, 300),
    particle: int = 0,
    zenith: float = 20.0,
    azimuth: float = 180.0,
    version: str = "0.12.3",
    telescope: int = 1,
    runs: Sequence[int] = (),
) -> str:
    """A DL1 file with the tables that are read; each run has 500 showers, used twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    alt, az = (90 - zenith) * DEGREE, azimuth * DEGREE
    names = ["obs_id", "n_showers", "shower_reuse", "min_alt", "max_alt", "min_az", "max_az"]
    kinds = [np.int32, np.int64, np.int64, *[np.float32] * 4]
    config = np.array(
        [(number, 500, 2, alt, alt, az, az) for number in runs or [run]],
        dtype=list(zip(names, kinds, strict=True)),
    )
    rows = np.array(
        [(run, event, telescope, particle) for event in events],
        dtype=[(n, np.int64) for n in ("obs_id", "event_id", "tel_id", "mc_type")],
    )
    layout = np.array([(telescope, b"LSTCam")], dtype=[("tel_id", np.int16), ("camera_name", "S8")])
    with tables.open_file(str(path), "w") as h5:
        if version:
            h5.root._v_attrs["LSTCHAIN_VERSION"] = version
        h5.create_table("/simulation", "run_config", config, createparents=True)
        place = "/configuration/instrument/subarray"
        h5.create_table(place, "layout", layout, createparents=True)
        if len(rows):
            h5.create_table(*PARAMETERS, rows, createparents=True)
    return str(path)


def meeting(*files: str, pointing: str = "each", **wanted: str) -> dict[str, Any]:
    pairs = [*((file, "") for file in files), *((file, kind) for kind, file in wanted.items())]
    return {"files": pairs, "pointing": pointing}


def refused(given: dict[str, Any], *words: str) -> None:
    with pytest.raises(ItemError) as caught:
        compare(given)
    outcome = caught.value.outcome
    assert outcome["bad_data"]
    for word in words:
        assert word in outcome["reason"]


# ---- one file


def test_what_a_file_says(tmp_path: Path) -> None:
    facts = Facts(dl1(tmp_path / "a.h5", runs=(1, 2)), identities=True)
    assert facts.as_json() == {
        "runs": 2,
        "showers": 2 * 500 * 2,
        "events": 3,
        "pointings": ["zenith 20.00, azimuth 180.00"],
        "particles": ["gamma"],
        "telescopes": ["1 LSTCam"],
        "version": "lstchain 0.12",
    }
    assert facts.twice == 0


def test_a_file_without_events_says_the_rest(tmp_path: Path) -> None:
    facts = Facts(dl1(tmp_path / "a.h5", events=()), identities=True)
    assert (facts.showers, facts.events, facts.particles) == (1000, 0, [])


@pytest.mark.parametrize(
    ("alt", "az", "name"),
    [
        (70.0, 0.0, "zenith 20.00, azimuth 0.00"),
        (70.0, 360.0, "zenith 20.00, azimuth 0.00"),
        (70.0, -90.0, "zenith 20.00, azimuth 270.00"),
        (90.0, 123.0, "zenith 0.00, azimuth 0.00"),
        (70.0, 359.999, "zenith 20.00, azimuth 0.00"),
    ],
)
def test_a_pointing_has_one_name(alt: float, az: float, name: str) -> None:
    assert pointing_of(alt * DEGREE, az * DEGREE) == name


def test_products_are_described_by_name(tmp_path: Path) -> None:
    check = {"nonempty": ["/".join(PARAMETERS)]}
    made = dl1(tmp_path / "made.h5")
    found = facts_of([{"made": made, "final": "/x/final.h5", "check": check}])
    assert found["final.h5"]["showers"] == 1000
    (tmp_path / "no.h5").write_text("text")
    assert facts_of([{"made": str(tmp_path / "no.h5"), "final": "/x/a", "check": check}]) == {}


# ---- files that meet


def test_files_of_one_node_go_together(tmp_path: Path) -> None:
    compare(meeting(*(dl1(tmp_path / f"{n}.h5", run=n) for n in range(3))))


def test_numbers_repeat_between_nodes(tmp_path: Path) -> None:
    """As in LSTProd2: each node begins with run 1."""
    files = [dl1(tmp_path / f"n{az}/a.h5", run=1, azimuth=az) for az in (100.0, 180.0)]
    compare(meeting(*files))


@pytest.mark.parametrize("events", [(100, 200), ()])
def test_the_same_run_under_two_names(tmp_path: Path, events: Sequence[int]) -> None:
    first = dl1(tmp_path / "a.h5", run=7, events=events)
    again = dl1(tmp_path / "sub" / "b.h5", run=7, events=events)
    refused(meeting(first, again), "run 7", first, again)


def test_events_twice_in_one_file(tmp_path: Path) -> None:
    """A simtel file of two runs: lstchain gives the events of both the number of the first."""
    file = dl1(tmp_path / "a.h5", events=(100, 200, 300, 100, 300))
    refused(meeting(file), "2 of its 5 events", file)


def test_events_of_two_runs_that_share_no_number(tmp_path: Path) -> None:
    """With few events none is there twice, but their numbers begin again."""
    file = dl1(tmp_path / "a.h5", events=(100, 300, 200, 400))
    refused(meeting(file), "2 runs", "1000 showers of 1", file)


def test_particles_of_two_kinds_in_one_file(tmp_path: Path) -> None:
    file = dl1(tmp_path / "a.h5")
    with tables.open_file(file, "a") as h5:
        h5.get_node("/".join(PARAMETERS)).modify_column(2, 3, column=[101], colname="mc_type")
    refused(meeting(file), "gamma and proton", file)


def test_ctapipe_says_its_version_elsewhere(tmp_path: Path) -> None:
    file = dl1(tmp_path / "a.h5", version="")
    with tables.open_file(file, "a") as h5:
        h5.root._v_attrs["CTA ACTIVITY SOFTWARE VERSION"] = "0.25.1"
    assert Facts(file).version == "ctapipe 0.25"


def test_a_run_merged_twice(tmp_path: Path) -> None:
    refused(meeting(dl1(tmp_path / "a.h5", runs=(3, 4, 3))), "run 3")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"particle": 101}, ["gamma and proton"]),
        ({"zenith": 23.0}, ["zenith 20.00", "zenith 23.00"]),
        ({"azimuth": 0.0}, ["azimuth 180.00", "azimuth 0.00"]),
        ({"version": "0.9.13"}, ["lstchain 0.12", "lstchain 0.9"]),
        ({"telescope": 3}, ["1 LSTCam", "3 LSTCam"]),
    ],
)
def test_what_does_not_go_together(tmp_path: Path, other: Any, words: list[str]) -> None:
    files = [dl1(tmp_path / "a.h5", run=1), dl1(tmp_path / "b.h5", run=2, **other)]
    refused(meeting(*files), *words, *files)


def test_a_patch_of_lstchain_is_no_other_version(tmp_path: Path) -> None:
    compare(meeting(*(dl1(tmp_path / f"{n}.h5", run=n, version=f"0.12.{n}") for n in (2, 3))))


def test_particles_are_those_that_are_named(tmp_path: Path) -> None:
    gamma = dl1(tmp_path / "g.h5", particle=0)
    proton = dl1(tmp_path / "p.h5", particle=101)
    electron = dl1(tmp_path / "e.h5", particle=1)
    compare(meeting(pointing="one", gamma=gamma, proton=proton, electron=electron))
    swapped = meeting(pointing="one", gamma=gamma, proton=electron, electron=proton)
    refused(swapped, "expected protons", "got electrons", electron)


def test_inputs_of_irfs_have_one_pointing(tmp_path: Path) -> None:
    """Gammas at zenith 15 with protons at zenith 23 made a sensitivity without a word."""
    gamma = dl1(tmp_path / "g.h5", zenith=15.0)
    proton = dl1(tmp_path / "p.h5", zenith=23.0, particle=101)
    refused(meeting(pointing="one", gamma=gamma, proton=proton), "zenith 15.00", "zenith 23.00")
    compare(meeting(pointing="", gamma=gamma, proton=proton))


def test_particles_of_a_training_have_the_same_pointings(tmp_path: Path) -> None:
    """Forests would learn particles from the pointing that only one of them has."""
    gamma = dl1(tmp_path / "g.h5", zenith=15.0)
    proton = dl1(tmp_path / "p.h5", zenith=23.0, particle=101)
    refused(meeting(pointing="same", gamma=gamma, proton=proton), "zenith 15.00", "zenith 23.00")
    other = dl1(tmp_path / "q.h5", zenith=15.0, particle=101)
    compare(meeting(pointing="same", gamma=gamma, proton=other))


def with_energies(path: str, first: float) -> str:
    """Give the events of a file energies, by which a copy is known."""
    with tables.open_file(path, "a") as h5:
        old = h5.get_node(*PARAMETERS)
        rows = old.read()
        new = np.zeros(len(rows), dtype=[*rows.dtype.descr, ("mc_energy", np.float64)])
        for name in rows.dtype.names:
            new[name] = rows[name]
        new["mc_energy"] = first + np.arange(len(rows))
        old.remove()
        h5.create_table(*PARAMETERS, new)
    return path


def test_a_copy_is_known_by_its_events(tmp_path: Path) -> None:
    """ctapipe's --unique-obs-id gives a copy under another name another number."""
    events = range(100, 700, 100)
    first = with_energies(dl1(tmp_path / "a.h5", run=1, events=events), 1.0)
    copy = with_energies(dl1(tmp_path / "b.h5", run=2, events=events), 1.0)
    other = with_energies(dl1(tmp_path / "c.h5", run=3, events=events), 2.0)
    compare(meeting(first, other))
    refused(meeting(first, copy), "same 5 events", first, copy)


def test_numbers_of_runs_may_be_long(tmp_path: Path) -> None:
    """ctapipe's have 48 bits: cut to 24, two runs of a merge would look like one."""
    path = tmp_path / "a.h5"
    dl1(path, runs=(1, 1 + (1 << 24)))
    with tables.open_file(str(path), "a") as h5:
        old = h5.get_node(*PARAMETERS)
        rows = np.concatenate([old.read(), old.read()]).astype(old.dtype)
        rows["obs_id"][3:] = 1 + (1 << 24)
        old.remove()
        h5.create_table(*PARAMETERS, rows)
    assert Facts(str(path)).twice == 0


def test_merged_files_of_several_nodes_may_share_a_directory(tmp_path: Path) -> None:
    compare(
        meeting(dl1(tmp_path / "a.h5", runs=(1, 2)), dl1(tmp_path / "b.h5", runs=(3, 4), zenith=9))
    )


def test_an_empty_file_may_be_of_an_older_version(tmp_path: Path) -> None:
    """lstluigi copies it where others are made again from their images."""
    old = dl1(tmp_path / "b.h5", run=2, events=(), version="0.11.4")
    compare(meeting(dl1(tmp_path / "a.h5", run=1), old))


def test_runs_that_were_simulated_differently_make_no_irfs(tmp_path: Path) -> None:
    """lstchain asserts that they were not, without a word."""
    file = dl1(tmp_path / "g.h5", runs=(1, 2))
    with tables.open_file(file, "a") as h5:
        h5.root.simulation.run_config.modify_column(column=[2, 5], colname="shower_reuse")
    refused(meeting(pointing="one", gamma=file), "differ in shower_reuse", file)
    compare(meeting(file))


@pytest.mark.parametrize(("version", "old"), [("0.12.3", False), ("0.9.13", True), ("", True)])
def test_dl1_of_old_versions_is_refused_by_newer_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, old: bool
) -> None:
    """Four stages on, lstchain said "no field of name n_showers"."""
    monkeypatch.setattr("lstluigi.jobs.runner.meeting.installed", lambda: version)
    path = dl1(tmp_path / "a.h5", version="0.9.13")
    with tables.open_file(path, "a") as h5:
        table = h5.root.simulation.run_config
        rows = table.read()
        rows.dtype.names = ["num_showers" if n == "n_showers" else n for n in rows.dtype.names]
        table.remove()
        h5.create_table("/simulation", "run_config", rows)
    if old:
        compare(meeting(path))
    else:
        refused(meeting(path), "lstchain 0.9", "make it again", path)


def test_what_differs_is_shown_however_long_the_lists_are() -> None:
    one = [f"{n} LSTCam" for n in range(9)]
    assert in_words(one, [*one[:-1], "8 Other"]) == ("8 LSTCam", "8 Other")


# ---- simtel files


def simtel(*runs: tuple[int, int], order: str = "<") -> bytes:
    """Objects of EventIO: for each run a header, and another object with an extended length."""
    sync = b"\x37\x8a\x1f\xd4" if order == "<" else b"\xd4\x1f\x8a\x37"
    content = b""
    for number, showers in runs:
        header = struct.pack(f"{order}6if2i", 1, 2, 3, 4, 5, 6, 2158.0, showers, 10) + b"\0" * 60
        content += sync + struct.pack(f"{order}IiI", 2001 | 4 << 20, number, len(header)) + header
        body = b"\1" * 5000
        content += sync + struct.pack(f"{order}IiII", 2010 | 1 << 17, 9, len(body) | 1 << 30, 0)
        content += body
    return content


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("packed", [True, False])
def test_runs_of_a_simtel_file(tmp_path: Path, packed: bool, order: str) -> None:
    content = simtel((5, 300), (6, 400), order=order)
    path = tmp_path / "a.simtel.gz"
    path.write_bytes(gzip.compress(content) if packed else content)
    assert thrown(str(path)) == [(5, 3000), (6, 4000)]
    path.write_bytes(gzip.compress(simtel((5, 300))) + gzip.compress(simtel((6, 400))))
    assert thrown(str(path)) == [(5, 3000), (6, 4000)]  # cat a.gz b.gz
    rule = {"files": [(str(path), "")], "pointing": "", "runs": True}
    refused(rule, "2 runs (5, 6)", "3000, 4000 showers", str(path))
    path.write_bytes(content[:-10])
    with pytest.raises(Unsound):
        thrown(str(path))


def test_one_run_and_what_cannot_be_read_pass(tmp_path: Path) -> None:
    """Whether a file is damaged, the command says."""
    for content in (gzip.compress(simtel((5, 300))), b"", b"text", gzip.compress(b"x" * 100)[:30]):
        path = tmp_path / "a.simtel.gz"
        path.write_bytes(content)
        compare({"files": [(str(path), "")], "pointing": "", "runs": True})
