"""What goes wrong with real lstchain: a clear sentence, nothing partial, the rest finished."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from chain_compare import DL1_PARAMETERS, DL2_PARAMETERS, assert_same_tables, leaves, rows
from chain_config import DL1_FILES, DL2, MERGED_TEST, MERGED_TRAINING, MODELS, TESTED, config_of
from chain_runs import Ended, Production, small_lstchain_config

pytestmark = pytest.mark.chain

SAMPLE = TESTED["electron_file"]
SIMTEL = SAMPLE.file(1)
MERGED = MERGED_TEST["electron_file"]
THROWN = "/simulation/thrown_event_distribution"
SECOND_SHOWERS = 800
Mount = Callable[..., Path]


def assert_told(ended: Ended, *words: str) -> None:
    """In sentences, on an exit code that is not 0."""
    assert ended.code not in (0, None)
    for word in words:
        assert word in ended.sentences, ended.text
    assert "Traceback" not in ended.sentences, ended.text


def contents(directory: Path) -> list[str]:
    """Names of the files of a directory that are there for users to read."""
    return sorted(path.name for path in directory.glob("*") if path.is_file())


# ---- DL0 that cannot be processed ------------------------------------------------------------


def cut(source: Path, target: Path, share: float) -> None:
    """The beginning of a file, as a copy that was interrupted leaves it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    content = source.read_bytes()
    target.write_bytes(content[: int(len(content) * share)])


def second_file(path: Path) -> None:
    """More showers of the same kind."""
    from lstluigi.toy.simulation import Beam, Particle, Pointing, simulate_file

    beam = Beam(Particle.ELECTRON, (0.02, 50.0), -1.8, (0.0, 3.0))
    simulate_file(
        path,
        beam=beam,
        pointing=Pointing(*SAMPLE.pointing),
        n_showers=SECOND_SHOWERS,
        seed=2,
        run_number=99,
    )


@pytest.fixture(scope="session")
def bad_dl0(dl0: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good node, and two with a truncated file."""
    root = tmp_path_factory.mktemp("bad_dl0")
    for name in ("good", "truncated"):
        (root / name).mkdir()
        os.link(dl0 / SIMTEL, root / name / "sound.simtel.gz")
    second_file(root / "whole.simtel.gz")
    cut(root / "whole.simtel.gz", root / "truncated" / "cut.simtel.gz", share=0.6)
    shutil.copytree(root / "truncated", root / "allowed", copy_function=os.link)
    second_file(root / "allowed" / "second.simtel.gz")
    return root


@pytest.fixture(scope="session")
def bad_run(bad_dl0: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Production, Ended]:
    """One run over all of it; a step may do without a third of its files, and loses one."""
    nodes = ("good", "truncated", "allowed")
    r0 = [{"input": str(bad_dl0 / node), "output": f"dl1/{node}"} for node in nodes]
    r0[-1]["max_failed_fraction"] = 0.34
    merge = [{"input": f"dl1/{n}", "output": f"merged/{n}.h5"} for n in nodes]
    run = Production(tmp_path_factory.mktemp("bad_run"))
    run.write(config_of({"r0_to_dl1": r0, "merge_dl1": merge}, "chain_faults"))
    return run, run.run()


def test_bad_files_are_named_with_the_reason(bad_run: tuple[Production, Ended]) -> None:
    run, ended = bad_run
    assert_told(ended, "1 of 2 files failed", "cut.simtel.gz is truncated or damaged")
    assert str(run / "dl1/truncated/job_logs_r0dl1/cut.simtel.gz.log") in ended.sentences


def test_nothing_partial_is_at_a_final_path(bad_run: tuple[Production, Ended]) -> None:
    run, _ = bad_run
    assert contents(run / "dl1/truncated") == ["dl1_sound.h5"]
    assert contents(run / "dl1/allowed") == ["dl1_second.h5", "dl1_sound.h5"]
    assert run.left_over() == []


def test_what_does_not_depend_on_bad_files_is_finished(bad_run: tuple[Production, Ended]) -> None:
    run, _ = bad_run
    assert contents(run / "merged") == ["allowed.h5", "good.h5"]
    assert rows(run / "merged/good.h5") == rows(run / "dl1/good/dl1_sound.h5") > 0


def test_files_that_may_fail_are_left_out(bad_run: tuple[Production, Ended]) -> None:
    """The merged file says that just the showers of the files used were thrown."""
    run, _ = bad_run
    merged = leaves(run / "merged/allowed.h5")
    files = [leaves(run / f"dl1/allowed/dl1_{name}.h5") for name in ("second", "sound")]
    showers = [SECOND_SHOWERS, SAMPLE.showers]
    assert list(merged["/simulation/run_config"]["n_showers"]) == showers
    assert set(merged["/simulation/run_config"]["shower_reuse"]) == {1}
    thrown = [content[THROWN] for content in files]
    assert [int(table["histogram"].sum()) for table in thrown] == showers
    for column in ("histogram", "num_entries"):
        total = sum(table[column].sum(axis=0) for table in thrown)
        np.testing.assert_array_equal(merged[THROWN][column].sum(axis=0), total)
    assert len(merged[DL1_PARAMETERS]) == sum(len(content[DL1_PARAMETERS]) for content in files)


def test_what_lstchain_takes_as_thrown_is_what_was_used(bad_run: tuple[Production, Ended]) -> None:
    """Effective areas are computed with these numbers."""
    from lstchain.io import read_simu_info_merged_hdf5

    told = read_simu_info_merged_hdf5(bad_run[0] / "merged/allowed.h5")
    assert told.n_showers == SAMPLE.showers + SECOND_SHOWERS


def test_the_loss_is_written_down(bad_run: tuple[Production, Ended]) -> None:
    """In the ledger as a failure, in the manifest as a file that is done without."""
    run, _ = bad_run
    logs = run / "dl1/allowed/job_logs_r0dl1"
    (dropped,) = json.loads((logs / "step.manifest.json").read_text())["dropped"]
    assert Path(dropped).name == "cut.simtel.gz"
    lines = [json.loads(line) for line in (logs / "step.ledger.jsonl").read_text().splitlines()]
    ended = {line["item"].split("/")[1]: line for line in lines if line["event"] == "ended"}
    states = {name: line["state"] for name, line in ended.items()}
    assert states == {"cut.simtel.gz": "failed", "second.simtel.gz": "ok", "sound.simtel.gz": "ok"}
    assert "is truncated or damaged" in ended["cut.simtel.gz"]["reason"]
    assert lines[-1]["event"] == "done"


def test_a_repaired_file_is_made_up_for(bad_run: tuple[Production, Ended], bad_dl0: Path) -> None:
    """Only the step of the repaired file, and what follows, runs again."""
    run, _ = bad_run
    before = (run / "merged/good.h5").stat().st_mtime_ns
    sound = (run / "dl1/truncated/dl1_sound.h5").stat().st_mtime_ns
    shutil.copy(bad_dl0 / "whole.simtel.gz", bad_dl0 / "truncated" / "cut.simtel.gz")
    ended = run.run()
    assert ended.code == 0, ended.text
    assert contents(run / "dl1/truncated") == ["dl1_cut.h5", "dl1_sound.h5"]
    made = rows(run / "dl1/truncated/dl1_cut.h5")
    assert rows(run / "merged/truncated.h5") == made + rows(run / "merged/good.h5")
    assert (run / "merged/good.h5").stat().st_mtime_ns == before
    assert (run / "dl1/truncated/dl1_sound.h5").stat().st_mtime_ns == sound


# ---- lstchain configs ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("tailcut: {picture_thresh: 8}", "is not JSON"),
        ('{"tailcut": {', "is not JSON"),
        ('["tailcut"]', "does not hold a JSON object"),
    ],
)
def test_a_garbled_lstchain_config_is_refused_before_anything_runs(
    place: Production, dl0: Path, content: str, words: str
) -> None:
    step = {"input": str((dl0 / SIMTEL).parent), "output": "dl1"}
    place.write(config_of({"r0_to_dl1": [step]}), content)
    assert_told(place.run(), str(place.lstchain_config), words)
    assert not (place / "dl1").exists()
    assert place.jobs() == []


def test_a_missing_lstchain_config_is_refused(place: Production, dl0: Path) -> None:
    step = {"input": str((dl0 / SIMTEL).parent), "output": "dl1"}
    place.write(config_of({"r0_to_dl1": [step]}))
    ended = place.run("--lstchain-config", str(place / "no_such_file.json"))
    assert_told(ended, "--lstchain-config", "no_such_file.json")
    assert not (place / "dl1").exists()


def test_a_config_value_that_lstchain_cannot_use(place: Production, dl0: Path) -> None:
    content = small_lstchain_config() | {"image_extractor": "NoSuchExtractor"}
    step = {"input": str((dl0 / SIMTEL).parent), "output": "dl1"}
    place.write(config_of({"r0_to_dl1": [step]}), content)
    assert_told(place.run(), "NoSuchExtractor", "r0_to_dl1 step 1")
    assert contents(place / "dl1") == []
    assert place.left_over() == []


def test_training_that_fails_late_leaves_no_model(
    place: Production, production: Production
) -> None:
    """The classifier of gammaness comes last, when lstchain has written the other forests."""
    content = small_lstchain_config()
    content["particle_classification_features"] = ["log_intensity", "no_such_feature"]
    inputs = {key: str(production / name) for key, name in MERGED_TRAINING.items()}
    place.write(config_of({"train_pipe": [{"input": inputs, "output": "models"}]}), content)
    assert_told(place.run(), "no_such_feature", "train_pipe step 1")
    assert contents(place / "models") == []
    assert place.left_over() == []


# ---- Models ----------------------------------------------------------------------------------


def test_missing_and_truncated_models(place: Production, production: Production) -> None:
    """Each fails its own step only."""
    models = {name: place / f"given/{name}" for name in ("good", "missing", "truncated")}
    for directory in models.values():
        shutil.copytree(production / MODELS, directory, ignore=shutil.ignore_patterns("job_logs*"))
    (models["missing"] / "cls_gh.sav").unlink()
    cut(production / MODELS / "cls_gh.sav", models["truncated"] / "cls_gh.sav", share=0.5)
    steps = [
        {"input": str(production / MERGED), "path_model": str(directory), "output": f"dl2/{name}"}
        for name, directory in models.items()
    ]
    place.write(config_of({"dl1_to_dl2": steps}))
    ended = place.run()
    cut_model = models["truncated"] / "cls_gh.sav"
    assert_told(ended, "dl1_to_dl2 step 2", "No such file", str(models["missing"] / "cls_gh.sav"))
    assert_told(ended, "dl1_to_dl2 step 3", f"{cut_model} is truncated or damaged")
    (made,) = (place / "dl2/good").glob("*.h5")
    assert rows(made, DL2_PARAMETERS) > 0
    assert contents(place / "dl2/missing") == []
    assert contents(place / "dl2/truncated") == []
    assert place.left_over() == []


def test_no_model_at_all_is_refused_before_anything_runs(
    place: Production, production: Production
) -> None:
    (place / "given").mkdir(parents=True)
    step = {"input": str(production / MERGED), "path_model": "given", "output": "dl2"}
    place.write(config_of({"dl1_to_dl2": [step]}))
    assert_told(place.run(), "dl1_to_dl2", "step 1", "path_model", f"{place / 'given'} holds no")
    assert place.jobs() == []


# ---- IRFs -------------------------------------------------------------------------------------


def test_too_few_events_for_cuts_by_energy(place: Production, production: Production) -> None:
    option = "--DL3Cuts.min_event_p_en_bin"
    step = {
        "input": {"gamma_file": str(production / DL2["gamma_file"])},
        "output": "irf.fits.gz",
        "options": f"--energy-dependent-gh {option}=100000",
    }
    place.write(config_of({"dl2_to_irfs": [step]}))
    assert_told(place.run(), "IndexError", f"the option {option}=")
    assert not (place / "irf.fits.gz").exists()


def test_filters_that_leave_no_event(place: Production, production: Production) -> None:
    content = small_lstchain_config()
    content["events_filters"]["intensity"] = [1e9, 1e12]
    inputs = {key: str(production / name) for key, name in MERGED_TRAINING.items()}
    source, models = str(production / MERGED), str(production / MODELS)
    stages = {
        "train_pipe": [{"input": inputs, "output": "models"}],
        "dl1_to_dl2": [{"input": source, "path_model": models, "output": "dl2"}],
    }
    ended = place.write(config_of(stages), content).run()
    failed = ended.sentences.split(" failed: ")[1:]
    assert len(failed) == 2
    assert all("events_filters" in words for words in failed)


# ---- Disks -----------------------------------------------------------------------------------


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Mount a small file system of one's own, or mount it anew with other options."""
    if os.getuid() != 0:
        pytest.skip("mounting needs root")
    disk = tmp_path / "disk"
    disk.mkdir()

    def begin(options: str) -> Path:
        call = ["mount", "-t", "tmpfs", "-o", options, "lstluigi-test", str(disk)]
        done = subprocess.run(call, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"mounting is not possible here: {done.stderr.strip()}")
        return disk

    yield begin
    while os.path.ismount(disk):
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk(place: Production, dl0: Path, production: Production, mount: Mount) -> None:
    made = production / DL1_FILES[SIMTEL]
    half = made.stat().st_size // 2
    disk = mount(f"size={half}")
    source = str((dl0 / SIMTEL).parent)
    outputs = [str(disk / "dl1"), "dl1"]
    steps = [{"input": source, "output": output} for output in outputs]
    place.write(config_of({"r0_to_dl1": steps}))
    assert_told(place.run(), "r0_to_dl1 step 1", "disk full", str(disk))
    assert contents(disk / "dl1") == []
    assert not (disk / "dl1/.lstluigi").exists()
    assert_same_tables(place / "dl1" / made.name, made)
    # once there is room, the same command makes what is missing
    mount("remount,size=64m")
    again = place.run()
    assert again.code == 0, again.text
    assert_same_tables(disk / "dl1" / made.name, made)


def test_a_disk_without_room_for_a_lock(place: Production, dl0: Path, mount: Mount) -> None:
    disk = mount("size=64k")
    (disk / "filler").write_bytes(b"\0" * shutil.disk_usage(disk).free)
    source = str((dl0 / SIMTEL).parent)
    place.write(config_of({"r0_to_dl1": [{"input": source, "output": str(disk / "dl1")}]}))
    assert_told(place.run(), "r0_to_dl1 step 1", "No space left on device", str(disk))
    assert place.jobs() == []


def test_a_read_only_destination_is_refused_before_anything_runs(
    place: Production, dl0: Path, mount: Mount
) -> None:
    disk = mount("ro")
    source = str((dl0 / SIMTEL).parent)
    steps = [{"input": source, "output": output} for output in (str(disk / "dl1"), "dl1")]
    place.write(config_of({"r0_to_dl1": steps}))
    words = ("r0_to_dl1", "step 1", f"nothing can be written below {disk}")
    assert_told(place.run(), *words)
    assert place.jobs() == []
    assert not (place / "dl1").exists()
