"""Where toy data sets put their files, and that a second run leaves them alone."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest

pytest.importorskip("ctapipe_io_lst")

from lstluigi.errors import LstluigiError
from lstluigi.toy.simulation import Pointing, SimulationError, run
from lstluigi.toy.simulation.dataset import PARAMETERS_FILE, parse_pointing, write
from lstluigi.toy.simulation.samples import PRESETS

LSTPROD2 = "mc/DL0/LSTProd2"
SOUTH = "zenith_20deg/south_pointing"


def directories(root: Path) -> set[str]:
    return {str(path.parent.relative_to(root)) for path in root.rglob("*.simtel.*")}


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_allsky_layout(tmp_path: Path) -> None:
    report = run(
        "allsky",
        tmp_path,
        declination="dec_4822",
        training_nodes=["10,180", "20.5,90.25"],
        test_nodes=["15,175"],
        files=2,
        showers=3,
        n_jobs=1,
    )
    node = "sim_telarray/node_theta_{}_/output_v1.4".format
    training = {
        f"{LSTPROD2}/TrainingDataset/{particle}/dec_4822/{node(name)}"
        for particle in ("GammaDiffuse", "Protons")
        for name in ("10.000_az_180.000", "20.500_az_90.250")
    }
    test = {
        f"{LSTPROD2}/TestDataset/{particle}{node('15.000_az_175.000')}"
        for particle in ("", "Protons/", "Electrons/")
    }
    assert directories(tmp_path) == training | test
    assert len(report.written) == 2 * (len(training) + len(test))
    assert all((tmp_path / path).is_file() for path in report.written)
    names = [path.name for path in tmp_path.rglob("*.simtel.gz")]
    assert len(names) == len(set(names)) == len(report.written)


def test_no_room_leaves_nothing(tmp_path: Path) -> None:
    """A limit of the size of files stands for a disk that gets full amid a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(LstluigiError, match=f"{PARAMETERS_FILE} cannot be written"):
            write(tmp_path, [], n_jobs=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_prod5_layout(tmp_path: Path) -> None:
    run("prod5", tmp_path, files=1, showers=3, n_jobs=1, format_="zst")
    base = "mc/DL0/20200629_prod5_trans_80"
    assert directories(tmp_path) == {
        f"{base}/gamma-diffuse/{SOUTH}",
        f"{base}/proton/{SOUTH}",
        f"{base}/electron/{SOUTH}",
        f"{base}/gamma/{SOUTH}/off0.0deg",
        f"{base}/gamma/{SOUTH}/off0.4deg",
    }
    assert not list(tmp_path.rglob("*.gz"))


def test_second_run_writes_what_is_missing_and_touches_nothing_else(tmp_path: Path) -> None:
    first = run("prod5", tmp_path, files=1, showers=5, n_jobs=1)
    before = contents(tmp_path)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.simtel.gz")}

    again = run("prod5", tmp_path, files=1, showers=5, n_jobs=1)
    assert again.written == {}
    assert sorted(again.kept) == sorted(first.written)
    assert {path: path.stat().st_mtime_ns for path in times} == times

    victim = next(iter(first.written))
    (tmp_path / victim).unlink()
    assert list(run("prod5", tmp_path, files=1, showers=5, n_jobs=1).written) == [victim]
    assert contents(tmp_path) == before


def test_other_parameters_are_refused(tmp_path: Path) -> None:
    run("prod5", tmp_path, files=1, showers=3, n_jobs=1)
    with pytest.raises(SimulationError, match=PARAMETERS_FILE):
        run("prod5", tmp_path, files=1, showers=4, n_jobs=1)
    with pytest.raises(SimulationError, match="other parameters"):
        run("prod5", tmp_path, files=1, showers=3, seed=2, n_jobs=1)


def test_files_do_not_depend_on_the_number_of_processes(tmp_path: Path) -> None:
    for n_jobs in (1, 2):
        run("prod5", tmp_path / str(n_jobs), files=1, showers=40, n_jobs=n_jobs)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_files_differ_from_each_other_and_with_the_seed(tmp_path: Path) -> None:
    for seed in (1, 2):
        run("prod5", tmp_path / str(seed), files=2, showers=40, seed=seed, n_jobs=1)
    files = [path.read_bytes() for path in tmp_path.rglob("*.simtel.gz")]
    assert len(set(files)) == len(files) == 20


def test_parameters_are_recorded_with_the_label(tmp_path: Path) -> None:
    report = run("prod5", tmp_path, files=1, showers=3, n_jobs=1)
    record = json.loads((tmp_path / PARAMETERS_FILE).read_text())
    assert "not for science" in record["label"]
    assert set(record["files"]) == set(report.written)
    assert {entry["n_showers"] for entry in record["files"].values()} == {3}
    # as before there was such an option: data sets of that time are still known
    assert not any("nsb" in entry for entry in record["files"].values())


def test_a_brighter_sky_is_recorded_and_makes_other_files(tmp_path: Path) -> None:
    size = {"files": 1, "showers": 60, "n_jobs": 1, "preset": "tiny"}
    dark, bright = (
        run("prod5", tmp_path / str(nsb), nsb=nsb, **size)  # type: ignore[arg-type]
        for nsb in (1.0, 2.0)
    )
    record = json.loads((tmp_path / "2.0" / PARAMETERS_FILE).read_text())
    assert {entry["nsb"] for entry in record["files"].values()} == {2.0}
    assert dark.events > 0
    name = next(name for name, events in dark.written.items() if events)
    assert (dark.root / name).read_bytes() != (bright.root / name).read_bytes()


def test_report_counts_files_and_events(tmp_path: Path) -> None:
    report = run("prod5", tmp_path, files=2, showers=30, n_jobs=1)
    *per_directory, total = report.lines()
    assert len(per_directory) == 5
    assert all(": 2 files, " in line for line in per_directory)
    assert f"10 files written with {report.events} events, 0 already there" in total


def test_presets_have_all_samples() -> None:
    for size in PRESETS.values():
        assert set(size.training) == {"gamma-diffuse", "proton"}
        assert set(size.test) == {"gamma", "proton", "electron"}


@pytest.mark.parametrize("text", ["20,180", " 20.0 , 180.0"])
def test_pointing_is_read(text: str) -> None:
    assert parse_pointing(text) == Pointing(20.0, 180.0)


@pytest.mark.parametrize("text", ["20", "a,b", "1,2,3", "80,180", "-1,0", "20,361", "nan,0"])
def test_bad_pointing_is_named(text: str) -> None:
    with pytest.raises(SimulationError) as error:
        parse_pointing(text)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"layout": "prod3"},
        {"preset": "huge"},
        {"format_": "bz2"},
        {"layout": "prod5", "test_nodes": ["20,180"]},
        {"declination": "../elsewhere"},
        {"files": 0},
        {"showers": -5},
        {"nsb": -1.0},
        {"nsb": float("nan")},
    ],
)
def test_bad_arguments_are_sentences(tmp_path: Path, arguments: dict[str, object]) -> None:
    layout = arguments.pop("layout", "allsky")
    with pytest.raises(LstluigiError) as error:
        run(layout, tmp_path, **arguments)  # type: ignore[arg-type]
    assert str(error.value).endswith(".")
    assert not list(tmp_path.iterdir())


def test_preset_for_noise_has_data_under_a_brighter_sky(tmp_path: Path) -> None:
    pytest.importorskip("lstchain")
    tables = pytest.importorskip("tables")
    report = run("allsky", tmp_path, preset="noise", files=1, showers=3, n_jobs=1)
    assert "real/DL1/dl1_LST-1.Run00001.0000.h5" in report.written
    plans = json.loads((tmp_path / PARAMETERS_FILE).read_text())["files"]
    data = plans.pop("real/DL1/dl1_LST-1.Run00001.0000.h5")
    assert data["nsb"] == 2 * 1.0
    assert {plan["nsb"] for plan in plans.values()} == {1.0}
    assert not any("real" in plan for plan in plans.values())
    with tables.open_file(str(tmp_path / "real/DL1/dl1_LST-1.Run00001.0000.h5")) as h5:
        images = h5.root.dl1.event.telescope.image.LST_LSTCam.read()["image"]
        types = h5.root.dl1.event.telescope.parameters.LST_LSTCam.read()["event_type"]
        spread = h5.root.dl1.event.telescope.monitoring.pedestal.read()["charge_std"]
    assert images.shape == (len(types), 1855)
    assert set(types) == {2}
    # twice the light of a dark field, 0.25 p.e. per ns, in a window of 12 ns; see test_camera
    assert spread.mean() == pytest.approx((0.5 * 12 * (1 + 0.45**2)) ** 0.5, rel=0.1)
    again = run("allsky", tmp_path, preset="noise", files=1, showers=3, n_jobs=1)
    assert not again.written
