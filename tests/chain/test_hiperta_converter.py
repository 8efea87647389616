"""DL1 of HiPeRTA's layout becomes the DL1 that lstchain makes of the same toy DL0."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import tables
from chain_compare import DL1_PARAMETERS, leaves
from chain_config import DL1_FILES, TRAINING_GAMMAS, TRAINING_PROTONS
from chain_runs import ROOT, Production
from hiperta_files import CONVERTER, converter, own_file, reconstruct

from lstluigi.jobs.runner.checks import check_file
from lstluigi.stages import checks

pytestmark = pytest.mark.chain

GAMMA, PROTON = TRAINING_GAMMAS[0].file(1), TRAINING_PROTONS[0].file(1)
IMAGES = "/dl1/event/telescope/image/LST_LSTCam"
TRIGGER = "/dl1/event/subarray/trigger"
PARAMETERS_HERE = "/dl1/event/telescope/parameters/tel_001"
IMAGES_HERE = "/dl1/event/telescope/images/tel_001"
SHOWERS = "/simulation/event/subarray/shower"
RUN = "/configuration/simulation/run"
#: Known of every shower, whoever reconstructs it.
TRUTH = (
    *("obs_id", "event_id", "tel_id", "mc_energy", "log_mc_energy", "mc_alt", "mc_az", "mc_type"),
    *("mc_core_x", "mc_core_y", "mc_core_distance", "mc_h_first_int", "mc_x_max", "mc_alt_tel"),
    *("mc_az_tel", "alt_tel", "az_tel", "sin_az_tel", "tel_pos_x", "tel_pos_y", "tel_pos_z"),
    *("src_x", "src_y", "trigger_type", "event_type", "trigger_time", "calibration_id"),
)
#: What early ctapipe did not have.
UNKNOWN = ("length_uncertainty", "width_uncertainty")


@pytest.fixture(scope="module")
def theirs(chain_root: Path, dl0: Path) -> Path:
    """Directory of HiPeRTA's files of gammas and protons."""
    where = chain_root / "hiperta"
    reconstruct(where, [dl0 / GAMMA, dl0 / PROTON])
    return where


@pytest.fixture(scope="module")
def ours(theirs: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The files that the script has made of them."""
    where = tmp_path_factory.mktemp("converted")
    made = {name: where / f"{Path(name).name}.h5" for name in (GAMMA, PROTON)}
    for name, path in made.items():
        assert converter().main([str(own_file(theirs, name)), "-o", str(path)]) == 0
    return made


@pytest.fixture
def changed(theirs: Path, tmp_path: Path) -> Callable[[], Path]:
    """A copy of HiPeRTA's file of gammas, to be changed."""
    return lambda: Path(shutil.copy(own_file(theirs, GAMMA), tmp_path / "own.h5"))


def attempt(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, str]:
    """Run the script; return what it makes and what it says, having left nothing half-made."""
    made = path.with_name("made.h5")
    code = converter().main([str(path), "-o", str(made)])
    said = capsys.readouterr().err
    assert (code == 0) == made.exists()
    assert [p.name for p in path.parent.glob(".*")] == []
    return made, said


def convert(path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Run the script to a good end."""
    made, said = attempt(path, capsys)
    assert made.exists(), said
    return made


def close(found: np.ndarray, expected: np.ndarray, where: str, rtol: float = 1e-12) -> None:
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=0, equal_nan=True, err_msg=where)


# ---- against lstchain ------------------------------------------------------------------------


@pytest.mark.parametrize("name", [GAMMA, PROTON])
def test_the_file_has_all_that_lstchains_has(
    ours: Mapping[str, Path], production: Production, name: str
) -> None:
    """Nodes, columns, types and order."""
    found, expected = leaves(ours[name]), leaves(production / DL1_FILES[name])
    assert sorted(found) == sorted(expected)
    for node, table in expected.items():
        assert found[node].dtype == table.dtype, node
        assert found[node].shape == table.shape, node
    check_file(str(ours[name]), dict(checks.DL1_WITH_IMAGES))


@pytest.mark.parametrize(("name", "particle"), [(GAMMA, 0), (PROTON, 101)])
def test_what_was_simulated_is_exact(
    ours: Mapping[str, Path], production: Production, name: str, particle: int
) -> None:
    found, expected = leaves(ours[name]), leaves(production / DL1_FILES[name])
    for column in TRUTH:
        close(found[DL1_PARAMETERS][column], expected[DL1_PARAMETERS][column], column)
    assert set(found[DL1_PARAMETERS]["mc_type"]) == {particle}
    for node in ("/simulation/run_config", "/simulation/thrown_event_distribution"):
        for column in expected[node].dtype.names:
            close(found[node][column], expected[node][column], f"{node} {column}", rtol=0)
    for column in ("obs_id", "event_id", "event_type", "tels_with_trigger"):
        np.testing.assert_array_equal(found[TRIGGER][column], expected[TRIGGER][column])
    seconds = [x[TRIGGER]["time"] @ [1.0, 0.25e-9] for x in (found, expected)]
    np.testing.assert_allclose(*seconds, rtol=0, atol=1e-5)  # a float of days
    for column in ("image", "peak_time", "event_id", "is_valid", "tel_id"):
        np.testing.assert_array_equal(found[IMAGES][column], expected[IMAGES][column], column)


@pytest.mark.parametrize("name", [GAMMA, PROTON])
def test_the_same_pixels_give_the_same_parameters(
    ours: Mapping[str, Path], production: Production, name: str
) -> None:
    """lstchain cleans by time and charge besides; events that this leaves as they are agree."""
    found, expected = leaves(ours[name]), leaves(production / DL1_FILES[name])
    pixels = [x[IMAGES]["image_mask"] for x in (found, expected)]
    same = (pixels[0] == pixels[1]).all(axis=1)
    image = np.isfinite(expected[DL1_PARAMETERS]["intensity"])
    assert np.count_nonzero(same & image) > 15
    assert np.count_nonzero(same & ~image) > 0
    for column in expected[DL1_PARAMETERS].dtype.names:
        values = found[DL1_PARAMETERS][column][same]
        if column in UNKNOWN:
            assert np.isnan(values).all()
        else:
            close(values, expected[DL1_PARAMETERS][column][same], column, rtol=1e-6)
    # where its cleaning takes pixels away, there is less light than here
    less = image & ~same
    with np.errstate(invalid="ignore"):
        more_light = found[DL1_PARAMETERS]["intensity"] >= expected[DL1_PARAMETERS]["intensity"]
    assert more_light[less].all()


def test_the_telescope_is_described_as_by_lstchain(
    ours: Mapping[str, Path], production: Production
) -> None:
    from ctapipe.instrument import SubarrayDescription

    found = SubarrayDescription.from_hdf(ours[GAMMA])
    expected = SubarrayDescription.from_hdf(production / DL1_FILES[GAMMA])
    assert found.name == expected.name
    mine, theirs = found.tel[1], expected.tel[1]
    assert mine.camera.geometry == theirs.camera.geometry
    assert mine.camera.readout == theirs.camera.readout
    for name in ("equivalent_focal_length", "effective_focal_length"):
        lengths = [getattr(t.optics, name).to_value("m") for t in (mine, theirs)]
        np.testing.assert_allclose(*lengths, rtol=1e-6)
    np.testing.assert_array_equal(found.positions[1], expected.positions[1])


# ---- by definition ---------------------------------------------------------------------------


def test_derived_columns_follow_their_definitions(ours: Mapping[str, Path]) -> None:
    dl1 = leaves(ours[GAMMA])[DL1_PARAMETERS]
    dl1 = dl1[np.isfinite(dl1["intensity"])]
    close(dl1["log_intensity"], np.log10(dl1["intensity"]), "log_intensity")
    close(dl1["wl"], dl1["width"] / dl1["length"], "wl")
    close(dl1["disp_dx"], dl1["src_x"] - dl1["x"], "disp_dx", rtol=1e-4)
    along = dl1["disp_dx"] * np.cos(dl1["psi"]) + dl1["disp_dy"] * np.sin(dl1["psi"])
    np.testing.assert_allclose(dl1["disp_norm"] * dl1["disp_sign"], along, atol=1e-6)
    assert (dl1["length"] >= dl1["width"]).all()


def test_units_are_read_where_they_are_given(
    ours: Mapping[str, Path],
    changed: Callable[[], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In degrees and GeV with attributes, as in radians and TeV without."""
    path = changed()
    scales = {
        (SHOWERS, "true_alt"): ("deg", np.degrees(1)),
        (SHOWERS, "true_az"): ("deg", np.degrees(1)),
        (SHOWERS, "true_energy"): ("GeV", 1000),
        (PARAMETERS_HERE, "hillas_psi"): ("deg", np.degrees(1)),
        (PARAMETERS_HERE, "hillas_length"): ("cm", 100),
        (PARAMETERS_HERE, "timing_slope"): ("cm**-1", 0.01),
    }
    with tables.open_file(str(path), "a") as h5:
        for (node, column), (unit, factor) in scales.items():
            table = h5.get_node(node)
            table.modify_column(column=table.col(column) * factor, colname=column)
            table.attrs[f"{column}_UNIT"] = unit
    made = convert(path, capsys)
    found, expected = leaves(made)[DL1_PARAMETERS], leaves(ours[GAMMA])[DL1_PARAMETERS]
    for column in expected.dtype.names:
        np.testing.assert_allclose(
            found[column], expected[column], rtol=1e-6, atol=1e-7, err_msg=column
        )


def rewrite(path: Path, node: str, edit: Callable[[np.ndarray], np.ndarray]) -> None:
    """Replace a table."""
    with tables.open_file(str(path), "a") as h5:
        content = np.ascontiguousarray(edit(h5.get_node(node).read()))
        h5.remove_node(node)
        where, _, name = node.rpartition("/")
        h5.create_table(where, name, obj=content, createparents=True)


def without(*columns: str) -> Callable[[np.ndarray], np.ndarray]:
    from numpy.lib import recfunctions

    return lambda table: recfunctions.drop_fields(table, columns)


def setting(column: str, value: float) -> Callable[[np.ndarray], np.ndarray]:
    def edit(table: np.ndarray) -> np.ndarray:
        table[column] = value
        return table

    return edit


def test_the_particle_is_what_was_simulated(
    changed: Callable[[], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = changed()
    rewrite(path, SHOWERS, setting("true_shower_primary_id", 1))
    made = convert(path, capsys)
    assert set(leaves(made)[DL1_PARAMETERS]["mc_type"]) == {1}


def test_showers_triggers_and_images_are_found_by_event(
    ours: Mapping[str, Path], changed: Callable[[], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever their order, and whichever others there are."""
    path = changed()
    for node in (SHOWERS, TRIGGER, IMAGES_HERE):
        rewrite(path, node, lambda table: table[::-1])
    rewrite(path, PARAMETERS_HERE, lambda table: table[5:])
    made = convert(path, capsys)
    found, expected = leaves(made), leaves(ours[GAMMA])
    for node in (DL1_PARAMETERS, IMAGES):
        for column in expected[node].dtype.names:
            np.testing.assert_array_equal(found[node][column], expected[node][column][5:], column)
    triggered = dict(
        zip(found[TRIGGER]["event_id"], found[TRIGGER]["tels_with_trigger"][:, 0], strict=True)
    )
    seen = set(found[DL1_PARAMETERS]["event_id"])
    assert {event for event, here in triggered.items() if here} == seen
    assert len(triggered) == len(seen) + 5


def test_events_are_in_the_order_of_their_numbers(
    ours: Mapping[str, Path], changed: Callable[[], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """By which merges tell runs apart, whatever the order in which HiPeRTA writes them."""
    path = changed()
    rewrite(path, PARAMETERS_HERE, lambda table: table[::-1])
    found, expected = leaves(convert(path, capsys)), leaves(ours[GAMMA])
    for node in (DL1_PARAMETERS, IMAGES):
        for column in expected[node].dtype.names:
            np.testing.assert_array_equal(found[node][column], expected[node][column], column)


def test_an_event_without_light_has_no_parameters(
    changed: Callable[[], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """As in lstchain, where they are not a number; counts are -1."""
    path = changed()
    rewrite(path, PARAMETERS_HERE, setting("hillas_intensity", 0.0))
    made = convert(path, capsys)
    dl1 = leaves(made)[DL1_PARAMETERS]
    for column in ("intensity", "log_intensity", "x", "width", "wl", "disp_norm", "time_gradient"):
        assert np.isnan(dl1[column]).all(), column
    assert set(dl1["n_pixels"]) == set(dl1["n_islands"]) == {-1}
    assert np.isfinite(dl1["src_x"]).all()


@pytest.mark.parametrize("images", [True, False])
def test_what_may_be_missing(
    changed: Callable[[], Path], capsys: pytest.CaptureFixture[str], images: bool
) -> None:
    """Concentrations, masks, or images altogether."""
    path = changed()
    rewrite(path, PARAMETERS_HERE, without("concentration_cog", "concentration_core"))
    rewrite(path, IMAGES_HERE, without("image_mask"))
    if not images:
        with tables.open_file(str(path), "a") as h5:
            h5.remove_node("/dl1/event/telescope/images", recursive=True)
    made = convert(path, capsys)
    found = leaves(made)
    assert np.isnan(found[DL1_PARAMETERS]["concentration_core"]).all()
    assert (IMAGES in found) == images
    if images:
        assert "image_mask" not in found[IMAGES].dtype.names
    check_file(str(made), dict(checks.DL1_WITH_IMAGES if images else checks.DL1))


# ---- bad input -------------------------------------------------------------------------------


def removing(node: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with tables.open_file(str(path), "a") as h5:
            h5.remove_node(node, recursive=True)

    return damage


def editing(node: str, edit: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    return lambda path: rewrite(path, node, edit)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def another_telescope(path: Path) -> None:
    with tables.open_file(str(path), "a") as h5:
        h5.rename_node(PARAMETERS_HERE, "tel_002")


def in_other_unit(path: Path) -> None:
    with tables.open_file(str(path), "a") as h5:
        h5.get_node(PARAMETERS_HERE).attrs["hillas_x_UNIT"] = "deg"


NODES = (
    *(RUN, SHOWERS, TRIGGER, "/simulation/service/shower_distribution"),
    *("/configuration/instrument/subarray/layout", "/dl1/event/telescope/parameters"),
    "/configuration/instrument/telescope/optics",
    "/configuration/instrument/telescope/camera/geometry_LSTCam",
    "/configuration/instrument/telescope/camera/readout_LSTCam",
)
DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "truncated": (truncated, "is not a whole HDF5 file"),
    "no HDF5": (lambda path: path.write_text("hello"), "is not a whole HDF5 file"),
    "empty": (lambda path: path.write_bytes(b""), "is not a whole HDF5 file"),
    "other telescope": (another_telescope, "has no telescope 1 below"),
    "no events": (editing(PARAMETERS_HERE, lambda t: t[:0]), "has no events of telescope 1"),
    "no column": (editing(PARAMETERS_HERE, without("hillas_psi")), "has no column hillas_psi"),
    "no showers of some": (editing(SHOWERS, lambda t: t[3:]), "events are not in /simulation/"),
    "no triggers of some": (editing(TRIGGER, lambda t: t[:-2]), "2 of 72"),
    "no images of some": (editing(IMAGES_HERE, lambda t: t[1:]), "events are not in /dl1/"),
    "showers twice": (editing(SHOWERS, lambda t: np.concatenate([t, t])), "has an event twice"),
    "two runs": (editing(RUN, lambda t: np.concatenate([t, t])), "has 2 rows"),
    "degrees": (editing(SHOWERS, setting("true_alt", 70.0)), "is not in radians"),
    "no pointing": (editing(RUN, without("run_array_direction")), "run_array_direction"),
    "pointing": (editing(RUN, setting("run_array_direction", 70.0)), "run_array_direction"),
    "unit": (in_other_unit, "is in 'deg', which is not a unit like m"),
    **{node: (removing(node), f"has no table {node}") for node in NODES},
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_bad_input_is_told_in_a_sentence(
    changed: Callable[[], Path], capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    path = changed()
    do, sentence = DAMAGES[damage]
    do(path)
    made, said = attempt(path, capsys)
    assert not made.exists()
    assert said.startswith("hiperta_to_dl1.py: ")
    assert sentence in said
    assert "Traceback" not in said
    assert len(said.splitlines()) == 1


def test_a_file_that_is_not_there_or_would_be_replaced(
    theirs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "made.h5"
    assert converter().main([str(tmp_path / "none.h5"), "-o", str(made)]) == 2
    assert "hiperta_r0_dl1 has not made it" in capsys.readouterr().err
    made.write_text("mine")
    assert converter().main([str(own_file(theirs, GAMMA)), "-o", str(made)]) == 2
    assert made.read_text() == "mine"


def described() -> dict[str, set[str]]:
    """Tables of the page with what it says of their columns and attributes."""
    page = (ROOT / "docs" / "workflow-hiperta.md").read_text()
    rows = re.findall(r"^\| `(/\w\S+)` \| [^|]+ \| (.+) \|$", page, re.MULTILINE)
    return {path: set(re.findall(r"`(\w+)`", text)) for path, text in rows}


def test_the_page_describes_the_layout(theirs: Path) -> None:
    """All that is read is there to be read about, and these files are what the page says."""
    told = described()
    with tables.open_file(str(own_file(theirs, GAMMA))) as h5:
        found = {table._v_pathname: table for table in h5.walk_nodes("/", "Table")}
        assert set(found) == set(told)
        for path, names in told.items():
            absent = {n for n in names - set(found[path].colnames) if n not in found[path].attrs}
            # early ctapipe had none of these
            assert absent <= {
                *("hillas_length_uncertainty", "hillas_width_uncertainty"),
                *("effective_focal_length", "is_valid"),
            }
    script = converter()
    assert {column.source for column in script.COLUMNS if column.source} <= set.union(
        *told.values()
    )
    assert {script.OLD_NAMES.get(n, n) for n in script.NEEDED_OF_RUN} <= told[RUN]


def test_the_script_stands_alone(theirs: Path, tmp_path: Path) -> None:
    """Called by its path, where there is no lstluigi."""
    script = shutil.copy(CONVERTER, tmp_path / "convert.py")
    call = [sys.executable, "-I", str(script), str(own_file(theirs, GAMMA)), "-o", "made.h5"]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "made.h5").exists()
