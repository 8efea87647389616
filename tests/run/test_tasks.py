"""A production as Luigi sees it, from DL0 to IRFs, and what one failure does to the rest."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import luigi
import pytest
import tables
from lab import FULL, HereBackend, Lab, events_in, fake, full, small, write_dl1

import lstluigi
from lstluigi.run import tasks as production
from lstluigi.stages import STAGES


def test_everything_is_made(lab: Lab) -> None:
    full(lab)
    lab.ok()
    split = {name for name in lab.files() if name.startswith("dl1/split")}
    assert lab.files() - split == FULL
    train, test = (lab.files(f"dl1/split/{side}") for side in ("train", "test"))
    assert train | test == {"dl1_a.h5", "dl1_b.h5"}
    assert not train & test
    assert lab.leftovers() == set()
    merged = events_in(lab.path("merged/dl1_gamma.h5"))
    assert merged == events_in(lab.path("dl1/split/train", *train))


def test_every_stage_has_a_task_for_luigi() -> None:
    names = {stage.task for stage in STAGES.values()}
    assert names == {
        *("R0ToDL1", "DL1ab", "TrainTestSplit", "MergeDL1", "TrainPipe"),
        *("DL1ToDL2", "DL2ToIRFs", "DL2ToSensitivity", "IRFIndex", "TuneNSB"),
    }
    for name in names:
        assert issubclass(getattr(lstluigi, name), luigi.WrapperTask)
        assert luigi.task_register.Register.get_task_cls(name) is getattr(lstluigi, name)


def test_the_graph_is_production_stage_step(lab: Lab) -> None:
    small(lab)
    production.session.cache_clear()
    luigi.Task.clear_instance_cache()
    top = lstluigi.Production(config=str(lab.config))
    stages = top.requires()
    assert [stage.get_task_family() for stage in stages] == ["R0ToDL1", "MergeDL1"]
    (merge,) = stages[1].requires()
    (dl1,) = merge.requires()
    assert dl1 in stages[0].requires()
    assert merge not in stages[0].requires()
    assert isinstance(merge.output(), luigi.Target)
    assert not merge.output().exists()
    assert merge.output().path == lab.path("merged/node.h5")
    production.session.cache_clear()


def test_a_task_runs_under_any_worker(lab: Lab) -> None:
    """`run` alone submits, waits and publishes, as luigi's own worker calls it."""
    small(lab)
    production.session.cache_clear()
    luigi.Task.clear_instance_cache()
    top = lstluigi.Production(config=str(lab.config))
    top.session.__dict__["backend"] = HereBackend()
    (dl1,) = top.requires()[0].requires()
    dl1.run()
    assert dl1.complete()
    assert lab.files() == {"dl1/node/dl1_a.h5", "dl1/node/dl1_b.h5"}
    production.session.cache_clear()


def test_tasks_of_one_production_share_its_run_beside_others(lab: Lab) -> None:
    small(lab)
    production.session.cache_clear()
    configs = [lab.config.rename(lab.path("0.yml"))]
    configs += [shutil.copy(configs[0], lab.path(f"{n}.yml")) for n in range(1, 9)]
    tasks = [lstluigi.Production(config=str(config)) for config in configs]
    runs = [task.session for task in tasks]
    assert all(production.session(t.choices) is run for t, run in zip(tasks, runs, strict=True))
    production.session.cache_clear()


# failures


def test_a_bad_file_fails_its_step_alone(lab: Lab) -> None:
    full(lab)
    lab.simtel("dl0/proton", b="truncated")
    run = lab.run()
    assert run.code == 30
    assert lab.path("dl1/proton/job_logs_r0dl1/b.simtel.gz.log") in run.text
    assert "1 of 2 files failed" in run.text
    assert "lstchain_mc_r0_to_dl1 ended with exit code 1" in run.text
    assert "EOFError: the simtel file ends in the middle of an event" in run.text
    assert "Traceback" not in run.text
    # its neighbour in the chunk, and the steps that need neither
    assert lab.files("dl1/proton") == {"dl1_a.h5"}
    assert lab.files("merged") == {"dl1_gamma.h5", "dl1_test.h5"}
    assert lab.files("models") == set()
    assert lab.leftovers() == set()
    lab.simtel("dl0/proton", b="6")
    made = lab.ok()
    assert made[:2] == [lab.path("dl1/proton"), lab.path("merged/dl1_proton.h5")]
    assert lab.path("dl1/test") not in made
    assert lab.files() >= FULL


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("silent", "dl1_b.h5 was not made"),
        ("partial", "lacks /simulation/thrown_event_distribution"),
        ("garbage", "ValueError: invalid literal"),
    ],
)
def test_every_way_to_fail_has_its_reason(lab: Lab, content: str, reason: str) -> None:
    small(lab)
    lab.simtel("dl0/node", b=content)
    run = lab.run()
    assert run.code == 30
    assert reason in run.text
    assert "b.simtel.gz" in run.text
    assert lab.files() == {"dl1/node/dl1_a.h5"}
    assert lab.leftovers() == set()


@pytest.mark.parametrize(
    ("command", "fault", "stage", "reason", "made"),
    [
        (
            *("lstchain_merge_hdf5_files", "loses a file", "merge_dl1"),
            *("rows in /dl1/event/telescope/parameters/LST_LSTCam, its inputs", set()),
        ),
        (
            *("lstchain_mc_trainpipe", "three models", "train_pipe"),
            *("cls_gh.sav was not made", {"merged"}),
        ),
        (
            *("lstchain_dl1_to_dl2", "unreadable config", "dl1_to_dl2"),
            *("dl2_test.h5 was not made", {"merged", "models"}),
        ),
    ],
)
def test_success_without_a_whole_product_is_a_failure(
    lab: Lab, command: str, fault: str, stage: str, reason: str, made: set[str]
) -> None:
    full(lab)
    lab.fault(**{command: fault})
    run = lab.run()
    assert run.code == 30
    assert reason in run.text
    assert f"{stage} step 1" in run.text
    there = {name for name in ("merged", "models", "dl2", "irf") if lab.files(name)}
    assert there == made
    assert lab.leftovers() == set()


def test_a_file_that_was_mended_has_its_size_of_today_in_the_manifest(lab: Lab) -> None:
    small(lab)
    lab.simtel("dl0/node", b="truncated")
    assert lab.run().code
    kept = Path(lab.plan().steps[0].places.manifest)
    before = json.loads(kept.read_text())
    lab.simtel("dl0/node", b="5")
    lab.ok()
    sizes = {f.name: f.stat().st_size for f in Path(lab.path("dl0/node")).iterdir()}
    after = json.loads(kept.read_text())
    assert list(after["inputs"].values()) == [sizes]
    assert before["inputs"] != after["inputs"]
    assert {**before, "inputs": 0} == {**after, "inputs": 0}


def test_files_that_may_fail(lab: Lab) -> None:
    small(lab)
    lab.simtel("dl0/node", b="truncated")
    text = lab.config.read_text()
    lab.config.write_text(
        text.replace("  merge_dl1:\n", "    max_failed_fraction: 0.5\n  merge_dl1:\n")
    )
    assert lab.ok() == [lab.path("dl1/node"), lab.path("merged/node.h5")]
    assert lab.files() == {"dl1/node/dl1_a.h5", "merged/node.h5"}
    assert len(events_in(lab.path("merged/node.h5"))) == 4
    assert lab.ok() == []
    os.unlink(lab.path("merged/node.h5"))
    assert lab.ok() == [lab.path("merged/node.h5")]


@pytest.mark.parametrize("bad", ["empty", "missing", "cut"])
def test_a_file_that_fails_before_its_command_may_fail_too(lab: Lab, bad: str) -> None:
    small(lab)
    file = Path(lab.path("dl0/node/b.simtel.gz"))
    if bad == "missing":  # since the manifest was written
        lab.simtel("dl0/node", b="silent")
        assert lab.run().code == 30
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[: 0 if bad == "empty" else -4])
    text = lab.config.read_text()
    lab.config.write_text(
        text.replace("  merge_dl1:\n", "    max_failed_fraction: 0.5\n  merge_dl1:\n")
    )
    run = lab.run()
    assert run.code == 0, run.text
    assert f"goes on without {file.name} (input {file} is" in run.text
    assert lab.files() == {"dl1/node/dl1_a.h5", "merged/node.h5"}
    (manifest,) = Path(lab.path("dl1/node")).rglob("*.manifest.json")
    assert set(json.loads(manifest.read_text())["dropped"]) == {str(file)}
    assert lab.ok() == []


def test_a_directory_that_went_away_is_not_bad_data(lab: Lab) -> None:
    small(lab)
    lab.simtel("dl0/node", b="silent")
    assert lab.run().code == 30
    assert lab.files() == {"dl1/node/dl1_a.h5"}
    shutil.rmtree(lab.path("dl0/node"))
    text = lab.config.read_text()
    lab.config.write_text(
        text.replace("  merge_dl1:\n", "    max_failed_fraction: 0.5\n  merge_dl1:\n")
    )
    run = lab.run()
    assert run.code == 30
    assert "is missing" in run.text


def test_a_split_goes_on_without_files_that_may_fail(lab: Lab) -> None:
    splitting(lab)
    lab.simtel("dl0/node", run2="truncated", run5="truncated")
    text = lab.config.read_text()
    lab.config.write_text(
        text.replace("  train_test_split:\n", "    max_failed_fraction: 0.3\n  train_test_split:\n")
    )
    lab.ok()
    assert len(lab.files("train") | lab.files("test")) == 6
    assert lab.ok() == []


def test_not_more_files_than_may_fail(lab: Lab) -> None:
    small(lab)
    lab.simtel("dl0/node", b="truncated", c="truncated", d="1")
    text = lab.config.read_text()
    lab.config.write_text(
        text.replace("  merge_dl1:\n", "    max_failed_fraction: 0.49\n  merge_dl1:\n")
    )
    run = lab.run()
    assert run.code == 30
    assert "2 of 4 files failed" in run.text
    assert lab.files() == {"dl1/node/dl1_a.h5", "dl1/node/dl1_d.h5"}


def test_all_files_may_not_fail(lab: Lab) -> None:
    small(lab)
    lab.simtel("dl0/node", a="truncated", b="truncated")
    text = lab.config.read_text()
    lab.config.write_text(
        text.replace("  merge_dl1:\n", "    max_failed_fraction: 1\n  merge_dl1:\n")
    )
    assert lab.run().code == 30
    assert lab.files() == set()


# merge and split


def test_a_merge_reads_what_belongs_to_it_only(lab: Lab) -> None:
    small(lab)
    lab.ok(stage="r0_to_dl1")
    for stray in ("stray.h5", ".dl1_hidden.h5", ".lstluigi/step/a/dl1_a.h5"):
        target = Path(lab.path("dl1/node", stray))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(Path(lab.path("dl1/node/dl1_a.h5")).read_bytes())
    lab.ok()
    assert len(events_in(lab.path("merged/node.h5"))) == 4 + 5


def test_a_merge_into_its_own_input_leaves_its_output_out(lab: Lab) -> None:
    small(lab, output=lab.path("dl1/node/merged.h5"))
    run = lab.run()
    assert run.code == 0, run.text
    assert f"{lab.path('dl1/node/merged.h5')} matches its pattern and is left out" in run.text
    assert len(events_in(lab.path("dl1/node/merged.h5"))) == 9
    assert lab.ok() == []
    lab.ok(remake="merge_dl1")
    assert len(events_in(lab.path("dl1/node/merged.h5"))) == 9


def test_the_same_file_under_two_names_is_not_merged_twice(lab: Lab) -> None:
    small(lab)
    text = lab.config.read_text().replace("- r0_to_dl1\n", "")
    lab.config.write_text(text)
    Path(lab.path("dl1/node")).mkdir(parents=True)
    write_dl1(Path(lab.path("dl1/node/dl1_a.h5")))
    os.link(lab.path("dl1/node/dl1_a.h5"), lab.path("dl1/node/dl1_b.h5"))
    run = lab.run()
    assert run.code == 30
    assert "are the same file" in run.text
    assert lab.files("merged") == set()


def test_an_external_directory_is_written_down(lab: Lab) -> None:
    """A merge of files that no step makes: those of its first run, whatever comes later."""
    small(lab)
    lab.config.write_text(lab.config.read_text().replace("- r0_to_dl1\n", ""))
    write_dl1(Path(lab.path("dl1/node/x.h5")), 2)
    write_dl1(Path(lab.path("dl1/node/.hidden.h5")), 2)
    lab.ok()
    assert len(events_in(lab.path("merged/node.h5"))) == 2
    write_dl1(Path(lab.path("dl1/node/y.h5")), 3)
    run = lab.run()
    assert run.code == 30
    assert "1 new file(s)" in run.text
    lab.ok(remake="merge_dl1")
    assert len(events_in(lab.path("merged/node.h5"))) == 5


def splitting(lab: Lab, files: int = 8) -> None:
    """A production that splits the DL1 of a node."""
    lab.simtel("dl0/node", **{f"run{number}": str(number) for number in range(1, files + 1)})
    lab.write(
        {
            "r0_to_dl1": [{"input": lab.path("dl0/node"), "output": lab.path("dl1/node")}],
            "train_test_split": [
                {
                    "input": lab.path("dl1/node"),
                    "output": {side: lab.path(side) for side in ("train", "test")},
                    "options": {"test_size": 0.25},
                }
            ],
        }
    )


def test_a_split_links_and_moves_nothing(lab: Lab) -> None:
    splitting(lab)
    lab.ok()
    train, test = lab.files("train"), lab.files("test")
    assert (len(train), len(test)) == (6, 2)
    assert train | test == lab.files("dl1/node")
    for side, names in (("train", train), ("test", test)):
        for name in names:
            assert os.path.samefile(lab.path(side, name), lab.path("dl1/node", name))


def test_a_split_is_the_same_again(lab: Lab) -> None:
    splitting(lab)
    lab.ok()
    train, test = lab.files("train"), lab.files("test")
    lab.ok(remake="train_test_split")
    assert (lab.files("train"), lab.files("test")) == (train, test)
    for name in test:
        os.unlink(lab.path("test", name))
    lab.ok()
    assert (lab.files("train"), lab.files("test")) == (train, test)


def test_two_simtel_files_of_one_dl1_name_are_refused(lab: Lab) -> None:
    small(lab)
    Path(lab.path("dl0/node/a.simtel.zst")).write_text("6")
    run = lab.run()
    assert run.code == 2
    assert f"several of its input files would become {lab.path('dl1/node/dl1_a.h5')}" in run.text
    assert lab.files() == set()


def test_a_split_links_symbolically_where_it_must(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    splitting(lab)
    monkeypatch.setattr(os, "link", refused)
    lab.ok()
    sides = {name: lab.files(name) for name in ("train", "test")}
    assert sides["train"] | sides["test"] == lab.files("dl1/node")
    for side, names in sides.items():
        for name in names:
            assert os.readlink(lab.path(side, name)) == lab.path("dl1/node", name)
            assert not os.path.islink(lab.path("dl1/node", name))
    assert lab.ok() == []


def divided(lab: Lab, read: str, **files: str) -> None:
    """A node whose files are divided, half of which may fail, and a merge of one side."""
    lab.simtel("dl0", **files)
    dl1 = {"input": lab.path("dl0"), "output": lab.path("dl1"), "max_failed_fraction": 0.5}
    split = {"input": lab.path("dl1"), "output": {s: lab.path(s) for s in ("train", "test")}}
    merge = {"input": lab.path(read), "output": lab.path("m.h5"), "options": "--pattern *.h5"}
    lab.write({"r0_to_dl1": [dl1], "train_test_split": [split], "merge_dl1": [merge]})


def test_a_side_that_gets_no_file_and_is_read(lab: Lab) -> None:
    """Known beforehand where one file is there; where others are lost, by the step that divides."""
    divided(lab, "test", a="4")
    run = lab.run()
    assert (run.code, run.begun) == (2, [])
    assert f"key 'input': no file for {lab.path('test')}" in run.text
    divided(lab, "test", a="4", b="truncated")
    run = lab.run()
    assert run.code == 30
    assert f"{lab.path('test')} gets none of its 1 file(s), and merge_dl1 step 1" in run.text
    assert lab.files() == {"dl1/dl1_a.h5"}


def test_a_side_that_gets_no_file_and_is_not_read(lab: Lab) -> None:
    divided(lab, "train", a="4", b="truncated")
    run = lab.run()
    assert run.code == 0
    assert f"{lab.path('test')} gets none of its 1 file(s)" in run.text
    assert lab.files() == {"dl1/dl1_a.h5", "train/dl1_a.h5", "m.h5"}


# dl1ab, models, and what comes from elsewhere


def tuning(lab: Lab, **step: str) -> None:
    """A production that processes DL1 from elsewhere again."""
    dl1ab = {"input": lab.path("old"), "output": lab.path("new/node"), **step}
    merge = {"input": lab.path("new/node"), "output": lab.path("new/merged.h5")}
    lab.write({"dl1ab": [dl1ab], "merge_dl1": [merge]})


def test_dl1ab(lab: Lab) -> None:
    for name in "ab":
        write_dl1(Path(lab.path(f"old/dl1_{name}.h5")), 3)
    tuning(lab)
    lab.ok()
    assert lab.files("new") == {"node/dl1_a.h5", "node/dl1_b.h5", "merged.h5"}
    assert len(events_in(lab.path("new/merged.h5"))) == 6
    with tables.open_file(lab.path("new/node/dl1_a.h5")) as h5:
        assert fake.IMAGES not in h5


def test_dl1ab_needs_images(lab: Lab) -> None:
    write_dl1(Path(lab.path("old/dl1_a.h5")))
    fake.write_dl1(lab.path("old/dl1_b.h5"), fake.events("b", 3), False)
    tuning(lab, options="--image")
    run = lab.run()
    assert run.code == 30
    assert f"input {lab.path('old/dl1_b.h5')} is not whole: it lacks {fake.IMAGES}" in run.text
    assert lab.files("new") == {"node/dl1_a.h5"}


def test_dl1ab_needs_images_of_what_the_production_makes(lab: Lab) -> None:
    """The merge keeps images, and what it merges has none: that shows in the job alone."""
    Path(lab.path("old")).mkdir()
    fake.write_dl1(lab.path("old/dl1_b.h5"), fake.events("b", 3), False)
    merge = {"input": lab.path("old"), "output": lab.path("m/dl1_m.h5")}
    dl1ab = {"input": lab.path("m/dl1_m.h5"), "output": lab.path("new")}
    lab.write({"merge_dl1": [merge], "dl1ab": [dl1ab]})
    run = lab.run()
    assert run.code == 30
    assert f"input {lab.path('m/dl1_m.h5')} is not whole: it lacks {fake.IMAGES}" in run.text
    assert "take DL1 with images" in run.text


def test_a_missing_model(lab: Lab) -> None:
    full(lab)
    lab.config.write_text(lab.config.read_text().replace("- train_pipe\n", ""))
    Path(lab.path("models")).mkdir()
    for name in fake.MODELS[:3]:
        Path(lab.path("models", name)).write_bytes(b"\x80.")
    run = lab.run()
    assert run.code == 30
    assert "dl1_to_dl2 step 1" in run.text
    assert "a model is missing" in run.text
    assert lab.files("dl2") == lab.files("irf") == set()
    assert lab.files("merged") == {"dl1_gamma.h5", "dl1_proton.h5", "dl1_test.h5"}


def test_a_broken_model(lab: Lab) -> None:
    full(lab)
    lab.config.write_text(lab.config.read_text().replace("- train_pipe\n", ""))
    Path(lab.path("models")).mkdir()
    for name in fake.MODELS:
        Path(lab.path("models", name)).write_bytes(b"\x80.")
    Path(lab.path("models/cls_gh.sav")).write_bytes(b"\x80 cut off")
    run = lab.run()
    assert run.code == 30
    assert f"input {lab.path('models/cls_gh.sav')} is not whole" in run.text


def test_a_file_from_elsewhere_that_is_replaced(lab: Lab) -> None:
    full(lab)
    text = lab.config.read_text().replace("- train_pipe\n", "").replace("- merge_dl1\n", "")
    lab.config.write_text(text.replace("- r0_to_dl1\n", "").replace("- train_test_split\n", ""))
    Path(lab.path("models")).mkdir()
    for name in fake.MODELS:
        Path(lab.path("models", name)).write_bytes(b"\x80.")
    write_dl1(Path(lab.path("merged/dl1_test.h5")), 3)
    lab.ok()
    write_dl1(Path(lab.path("merged/dl1_test.h5")), 30_000)
    for name in ("dl2/dl2_test.h5", "irf/irf.fits"):
        assert os.path.exists(lab.path(name))
    os.unlink(lab.path("irf/irf.fits"))
    run = lab.run()
    assert run.code == 30
    assert f"{lab.path('merged/dl1_test.h5')} has another size" in run.text
    assert run.begun == []
    lab.ok(remake="dl1_to_dl2")
    table = "/dl2/event/telescope/parameters/LST_LSTCam"
    assert len(events_in(lab.path("dl2/dl2_test.h5"), table)) == 30_000
