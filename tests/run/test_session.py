"""What a run does and does not do, given what is on disk: resume, changes, remakes, foreign files.

The productions are those of `lab`: real machinery, stand-ins for lstchain's commands.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest
from lab import FULL, Lab, events_in, full, small, write_dl1

from lstluigi.errors import LstluigiError
from lstluigi.production.load import Choices
from lstluigi.run.session import Session

SMALL = {"dl1/node/dl1_a.h5", "dl1/node/dl1_b.h5", "merged/node.h5"}


# resume


def test_only_what_is_missing_is_made(lab: Lab) -> None:
    full(lab)
    lab.ok()
    assert lab.files() >= FULL
    assert lab.ok() == []
    os.unlink(lab.path("dl1/test/dl1_a.h5"))  # its merged file is there: of no more use
    os.unlink(lab.path("irf/irf.fits"))
    assert lab.ok() == [lab.path("irf/irf.fits")]
    os.unlink(lab.path("merged/dl1_test.h5"))
    os.unlink(lab.path("dl2/dl2_test.h5"))
    os.unlink(lab.path("irf/sensitivity.png"))
    made = lab.ok()
    assert made == [
        lab.path(name)
        for name in ("dl1/test", "merged/dl1_test.h5", "dl2/dl2_test.h5", "irf/sensitivity.fits")
    ]
    assert lab.leftovers() == set()


def test_only_the_missing_file_of_a_directory_is_made(lab: Lab) -> None:
    small(lab)
    lab.ok()
    kept = os.stat(lab.path("dl1/node/dl1_b.h5")).st_ino
    os.unlink(lab.path("dl1/node/dl1_a.h5"))
    os.unlink(lab.path("merged/node.h5"))
    run = lab.run()
    assert run.code == 0, run.text
    assert lab.files() >= SMALL
    assert os.stat(lab.path("dl1/node/dl1_b.h5")).st_ino == kept
    (item,) = run.arrays[0].chunks[0].items
    assert item.id.endswith("/a.simtel.gz")


def test_what_is_of_no_more_use_may_be_deleted(lab: Lab) -> None:
    full(lab)
    lab.ok()
    for name in ("dl0", "dl1", "merged", "models"):
        shutil.rmtree(lab.path(name))
    assert lab.ok() == []


# changes


def test_a_changed_lstchain_config_stops_what_depends_on_it(lab: Lab) -> None:
    small(lab)
    lab.ok()
    lab.configure(threshold=2)
    os.unlink(lab.path("merged/node.h5"))
    run = lab.run()
    assert run.code != 0
    assert run.begun == []
    assert "r0_to_dl1 step 1" in run.text
    assert "lstchain config threshold: 1 -> 2" in run.text
    assert "--accept-changed" in run.text
    assert "--remake" in run.text
    assert not os.path.exists(lab.path("merged/node.h5"))


def test_a_change_does_not_stop_what_does_not_depend_on_it(lab: Lab) -> None:
    full(lab)
    lab.ok()
    text = lab.config.read_text()
    lab.config.write_text(text.replace("--point-like", "--energy-dependent-gh"))
    os.unlink(lab.path("irf/sensitivity.fits"))
    run = lab.run()
    assert run.code != 0
    assert run.begun == [lab.path("irf/sensitivity.fits")]
    assert os.path.exists(lab.path("irf/sensitivity.fits"))
    assert "dl2_to_irfs step 1" in run.text
    assert "'--point-like'" in run.text
    assert "'--energy-dependent-gh'" in run.text


def test_a_changed_product_does_not_bring_back_what_was_deleted(lab: Lab) -> None:
    small(lab)
    lab.ok()
    shutil.rmtree(lab.path("dl1"))
    text = lab.config.read_text()
    lab.config.write_text(text.replace(" --no-image", ""))
    run = lab.run()
    assert run.code != 0
    assert run.begun == []
    assert "merge_dl1 step 1" in run.text
    assert not os.path.exists(lab.path("dl1/node/dl1_a.h5"))
    assert lab.ok(accept_changed=True) == []


@pytest.mark.parametrize("kind", ["comment", "path", "slurm", "order", "backend"])
def test_what_does_not_change_the_content_is_no_change(lab: Lab, kind: str) -> None:
    small(lab)
    lab.ok()
    text = lab.config.read_text()
    match kind:
        case "comment":
            lab.config.write_text(f"# a remark\n{text}")
        case "path":
            lab.config.rename(lab.path("other.yml"))
            moved = lab.lstchain_config.rename(lab.path("moved.json"))
            lab.config = Path(lab.path("other.yml"))
            lab.config.write_text(text.replace("lstchain.json", moved.name))
        case "slurm":
            small(lab, extra_slurm_options={"partition": "short", "mem": "2G"})
        case "order":
            lab.lstchain_config.write_text(json.dumps({"threshold": 1}, indent=8))
        case "backend":
            lab.config.write_text(f"{text}backend: local\nslurm_config: {{user_account: dpps}}\n")
    os.unlink(lab.path("dl1/node/dl1_a.h5"))
    os.unlink(lab.path("merged/node.h5"))
    assert lab.ok() == [lab.path("dl1/node"), lab.path("merged/node.h5")]


def test_changes_are_accepted_for_good(lab: Lab) -> None:
    small(lab)
    lab.ok()
    before = {name: os.stat(lab.path(name)).st_ino for name in SMALL}
    lab.configure(threshold=2)
    run = lab.run(accept_changed=True)
    assert run.code == 0, run.text
    assert "threshold: 1 -> 2" in run.text
    assert run.begun == []
    assert lab.ok() == []
    assert {name: os.stat(lab.path(name)).st_ino for name in SMALL} == before
    recipe = json.loads(Path(lab.path("dl1/node/job_logs_r0dl1/step.recipe.json")).read_text())
    assert "threshold: 1 -> 2" in recipe["accepted"][0]["changes"][0]


# DL0 that grows and goes


def test_new_dl0_is_told_and_not_added(lab: Lab) -> None:
    small(lab)
    lab.ok()
    lab.simtel("dl0/node", c="6")
    run = lab.run()
    assert run.code != 0
    assert run.begun == []
    assert "1 new file(s)" in run.text
    assert "c.simtel.gz" in run.text
    assert lab.ok(accept_changed=True) == []
    assert lab.ok() == []
    assert lab.files() == SMALL


def test_new_dl0_is_part_of_what_is_made_again(lab: Lab) -> None:
    small(lab)
    lab.ok()
    lab.simtel("dl0/node", c="6")
    made = lab.ok(remake="r0_to_dl1")
    assert made == [lab.path("dl1/node"), lab.path("merged/node.h5")]
    assert len(events_in(lab.path("merged/node.h5"))) == 4 + 5 + 6


def test_dl0_purged_before_its_dl1_is_whole(lab: Lab) -> None:
    small(lab)
    lab.ok()
    shutil.rmtree(lab.path("dl0"))
    os.unlink(lab.path("merged/node.h5"))
    assert lab.ok() == [lab.path("merged/node.h5")]
    os.unlink(lab.path("merged/node.h5"))
    os.unlink(lab.path("dl1/node/dl1_a.h5"))
    run = lab.run()
    assert run.code != 0
    assert "a.simtel.gz" in run.text
    assert "missing" in run.text
    assert not os.path.exists(lab.path("merged/node.h5"))


# remake


def test_what_follows_is_made_again_too(lab: Lab) -> None:
    full(lab)
    lab.ok()
    following = {"models", "dl2/dl2_test.h5", "irf/irf.fits", "irf/sensitivity.fits"}
    for pattern, matched in {
        "merge_dl1:2": {"merged/dl1_proton.h5"},
        "*/merged/dl1_[gp]*": {"merged/dl1_proton.h5", "merged/dl1_gamma.h5"},
        "dl2_to_irfs": {"irf/irf.fits"},
    }.items():
        untouched = {name: os.stat(lab.path(name)).st_mtime_ns for name in FULL}
        ran = {os.path.relpath(path, lab.root) for path in lab.ok(remake=pattern)}
        assert ran == matched | (following if "irf" not in pattern else set())
        for name, time in untouched.items():
            new = name in ran or os.path.dirname(name) in ran or name.endswith("sensitivity.png")
            assert new or os.stat(lab.path(name)).st_mtime_ns == time


def test_remake_names_a_path_as_it_is_written(lab: Lab) -> None:
    small(lab, output=lab.path("merged/node [1].h5"))
    lab.ok()
    assert lab.ok(remake=lab.path("merged/node [1].h5")) == [lab.path("merged/node [1].h5")]


def test_remake_names_a_path_with_a_comma(lab: Lab) -> None:
    path = lab.path("merged/a, b.h5")
    small(lab, output=path)
    lab.ok()
    small(lab, output=path, options="--pattern *.h5")
    told = lab.run()
    assert told.code == 30
    (wanted,) = re.findall("--remake (.*)", told.text)
    (pattern,) = shlex.split(wanted)  # as a user would copy it, to either command
    assert lab.ok(remake=pattern) == [path]
    assert lab.ok(remake=(path,)) == [path]


def test_remake_of_what_is_not_there_is_refused(lab: Lab) -> None:
    small(lab)
    lab.ok()
    run = lab.run(remake="*/nonsense")
    assert run.code == 2
    assert "nonsense" in run.text
    assert lab.files() == SMALL


def test_remake_deletes_nothing_that_others_made(lab: Lab) -> None:
    small(lab)
    write_dl1(Path(lab.path("dl1/node/dl1_a.h5")))
    write_dl1(Path(lab.path("dl1/node/dl1_b.h5")))
    lab.ok()
    run = lab.run(remake="r0_to_dl1")
    assert run.code == 2
    assert "was not made by lstluigi" in run.text
    assert lab.files() == SMALL


def test_remake_deletes_nothing_that_cannot_be_made_again(lab: Lab) -> None:
    small(lab)
    lab.ok()
    shutil.rmtree(lab.path("dl0"))
    run = lab.run(remake="r0_to_dl1")
    assert run.code == 2
    assert lab.path("dl0/node") in run.text
    assert lab.files() == SMALL
    assert lab.ok() == []


def test_remake_with_the_new_config(lab: Lab) -> None:
    small(lab)
    lab.ok()
    lab.configure(threshold=2)
    assert lab.ok(remake="r0_to_dl1") == [lab.path("dl1/node"), lab.path("merged/node.h5")]
    assert lab.ok() == []


def test_a_preview_of_a_remake_deletes_nothing(lab: Lab) -> None:
    full(lab)
    lab.ok()
    session = Session(Choices(config=str(lab.config), remake=("dl1_to_dl2",)))
    steps = {node.step.stage for node in session.preview()}
    assert steps == {"dl1_to_dl2", "dl2_to_irfs", "dl2_to_sensitivity"}
    assert lab.files() >= FULL


# remake and accept at once


def _recipes(lab: Lab) -> dict[str, bytes]:
    kept = [path for kind in ("recipe", "manifest") for path in lab.root.rglob(f"*.{kind}.json")]
    return {str(path): path.read_bytes() for path in kept}


def test_a_refused_remake_accepts_nothing(lab: Lab) -> None:
    full(lab)
    lab.ok()
    lab.configure(threshold=2)
    for name in ("merged/dl1_test.h5", "dl1/test", "dl0/test"):  # dl1_to_dl2 cannot be done again
        shutil.rmtree(lab.path(name)) if "." not in name else os.unlink(lab.path(name))
    before, files = _recipes(lab), lab.files()
    for stage in ("", "train_pipe"):
        run = lab.run(stage=stage, accept_changed=True, remake="train_pipe")
        assert run.code == 2
        assert lab.path("dl0/test") in run.text
        assert "accepted" not in run.text
        assert _recipes(lab) == before
        assert lab.files() == files
    assert lab.run().code == 30


def test_a_refused_run_accepts_nothing(lab: Lab) -> None:
    full(lab)
    lab.ok()
    lab.configure(threshold=2)
    for name in ("irf", "dl2", "merged", "dl0"):
        shutil.rmtree(lab.path(name))
    shutil.rmtree(lab.path("dl1/test"))
    before = _recipes(lab)
    run = lab.run(accept_changed=True)
    assert run.code == 2
    assert lab.path("dl0/test") in run.text
    assert _recipes(lab) == before


@pytest.mark.parametrize("stage", ["", "train_pipe"])
def test_what_is_made_again_is_not_accepted_and_what_that_needs_is(lab: Lab, stage: str) -> None:
    full(lab)
    lab.ok()
    lab.configure(threshold=2)
    run = lab.run(stage=stage, accept_changed=True, remake="train_pipe")
    assert run.code == 0, run.text
    accepted = re.findall("accepted as it is: (.*?) ->", run.text)
    assert "r0_to_dl1 step 3" in "".join(accepted)  # read by dl1_to_dl2 alone
    following = ("train_pipe", "dl1_to_dl2", "dl2_to_irfs", "dl2_to_sensitivity")
    assert not [name for name in accepted if name.startswith(following)]
    assert lab.path("models") in run.begun
    if stage:  # what follows was deleted and is made by the next run
        made = {os.path.relpath(path, lab.root) for path in lab.ok()}
        assert made == {"dl2/dl2_test.h5", "irf/irf.fits", "irf/sensitivity.fits"}
    assert lab.ok() == []


def test_a_kill_while_deciding_leaves_nothing_accepted_that_was_to_be_made_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    full(lab)
    lab.ok()
    lab.configure(threshold=2)
    choices = Choices(str(lab.config), accept_changed=True, remake=("train_pipe",))
    calls = 0

    def killed(*_: object, **__: object) -> None:
        nonlocal calls
        calls += 1
        raise KeyboardInterrupt

    for name in ("delete", "accept"):
        with monkeypatch.context() as patch:
            patch.setattr(f"lstluigi.run.decisions.{name}", killed)
            with pytest.raises(KeyboardInterrupt):
                Session(choices).prepare()
        for node in lab.plan().steps:
            if node.step.stage not in ("r0_to_dl1", "train_test_split", "merge_dl1"):
                kept = json.loads(Path(node.places.recipe).read_text())
                assert kept["accepted"] == [], node
    assert calls == 2


def test_a_preview_shows_what_would_be_kept_and_keeps_nothing(lab: Lab) -> None:
    full(lab)
    lab.ok()
    lab.configure(threshold=2)
    before = _recipes(lab)
    choices = Choices(str(lab.config), accept_changed=True, remake=("train_pipe",))
    session = Session(choices)
    steps = {node.step.stage for node in session.preview()}
    assert steps == {"train_pipe", "dl1_to_dl2", "dl2_to_irfs", "dl2_to_sensitivity"}
    kept = {session.plan.steps[index].step.stage for index in session.plan.accepted}
    assert kept == {"r0_to_dl1", "train_test_split", "merge_dl1"}
    assert _recipes(lab) == before


# products without a recipe


def test_products_made_by_hand_are_taken_and_told(lab: Lab) -> None:
    small(lab)
    write_dl1(Path(lab.path("dl1/node/dl1_a.h5")), 7)
    write_dl1(Path(lab.path("dl1/node/dl1_b.h5")), 8)
    run = lab.run()
    assert run.code == 0, run.text
    assert run.begun == [lab.path("merged/node.h5")]
    assert "1 product(s) without a recipe" in run.text
    assert lab.path("dl1/node") in run.text
    assert len(events_in(lab.path("merged/node.h5"))) == 15


def test_a_broken_product_made_by_hand_fails_on_first_use(lab: Lab) -> None:
    small(lab)
    write_dl1(Path(lab.path("dl1/node/dl1_a.h5")), 7)
    write_dl1(Path(lab.path("dl1/node/dl1_b.h5")), 8, whole=False)
    run = lab.run()
    assert run.code != 0
    assert lab.path("dl1/node/dl1_b.h5") in run.text
    assert "is not whole" in run.text
    assert "thrown_event_distribution" in run.text
    assert not os.path.exists(lab.path("merged/node.h5"))


def test_a_directory_made_by_hand_in_part_is_verified_and_completed(lab: Lab) -> None:
    small(lab)
    write_dl1(Path(lab.path("dl1/node/dl1_a.h5")), 7)
    assert lab.ok() == [lab.path("dl1/node"), lab.path("merged/node.h5")]
    assert len(events_in(lab.path("merged/node.h5"))) == 7 + 5


def test_a_broken_file_made_by_hand_is_not_overwritten(lab: Lab) -> None:
    small(lab)
    write_dl1(Path(lab.path("dl1/node/dl1_a.h5")), 7, whole=False)
    content = Path(lab.path("dl1/node/dl1_a.h5")).read_bytes()
    run = lab.run()
    assert run.code != 0
    assert "dl1_a.h5" in run.text
    again = lab.run()  # now that the directory has a recipe, the file is still not lstluigi's
    assert again.code != 0
    assert "dl1_a.h5 is not whole" in again.text
    refused = lab.run(remake="r0_to_dl1")
    assert refused.code == 2
    assert f"{lab.path('dl1/node/dl1_a.h5')}, part of" in refused.text
    assert Path(lab.path("dl1/node/dl1_a.h5")).read_bytes() == content
    assert not os.path.exists(lab.path("merged/node.h5"))


def test_half_of_a_product_of_several_files_made_by_hand_is_refused(lab: Lab) -> None:
    full(lab)
    Path(lab.path("models")).mkdir()
    Path(lab.path("models/cls_gh.sav")).write_bytes(b"\x80by hand.")
    run = lab.run()
    assert run.code != 0
    assert lab.path("models/cls_gh.sav") in run.text
    assert "move it away" in run.text
    assert Path(lab.path("models/cls_gh.sav")).read_bytes() == b"\x80by hand."


# choices


def test_one_stage_or_one_step_with_what_it_needs(lab: Lab) -> None:
    full(lab)
    assert lab.ok(stage="merge_dl1", output=lab.path("merged/dl1_test.h5")) == [
        lab.path("dl1/test"),
        lab.path("merged/dl1_test.h5"),
    ]
    made = lab.ok(stage="merge_dl1")
    assert {os.path.relpath(path, lab.root) for path in made} == {
        *("dl1/gamma", "dl1/proton", "dl1/split/train"),
        *("merged/dl1_gamma.h5", "merged/dl1_proton.h5"),
    }


def test_an_output_that_no_step_makes(lab: Lab) -> None:
    small(lab)
    run = lab.run(stage="merge_dl1", output=lab.path("dl1/node"))
    assert run.code == 2
    assert f"no step of merge_dl1 makes {lab.path('dl1/node')}" in run.text


def test_unknown_choices_are_refused(lab: Lab) -> None:
    small(lab)
    with pytest.raises(LstluigiError, match="backend 'cloud'"):
        Session(Choices(config=str(lab.config), backend="cloud"))
    with pytest.raises(LstluigiError, match="environment 'mine'"):
        Session(Choices(config=str(lab.config), environment="mine"))


def test_nothing_to_do_asks_for_nothing(lab: Lab) -> None:
    """Neither the environment nor DL0 is needed where everything is whole."""
    small(lab)
    source = lab.environment()
    text = lab.config.read_text()
    lab.config.write_text(f"{text}source_environment: {{source_file: {source}}}\n")
    lab.ok()
    source.unlink()
    shutil.rmtree(lab.path("dl0"))
    assert lab.ok() == []


def test_accepting_asks_for_nothing(lab: Lab) -> None:
    small(lab)
    lab.ok()
    text = lab.config.read_text()
    lab.config.write_text(f"{text}source_environment: {{source_file: /not/on/this/machine}}\n")
    shutil.rmtree(lab.path("dl0"))
    run = lab.run()
    assert run.code == 30
    assert "environment" in run.text
    assert lab.ok(accept_changed=True) == []


def test_a_held_lock_and_a_missing_file_are_told_together(lab: Lab) -> None:
    full(lab)
    lock = next(n for n in lab.plan().steps if n.step.stage == "merge_dl1").places.lock
    os.makedirs(os.path.dirname(lock))
    Path(lock).write_text(json.dumps({"host": "elsewhere", "pid": 1, "started": 1.0}))
    shutil.rmtree(lab.path("dl0/test"))
    run = lab.run()
    assert run.code == 2
    assert "2 problems" in run.text
    assert "process id 1 on elsewhere is making merge_dl1 step 1" in run.text
    assert f"{lab.path('dl0/test')} does not exist" in run.text


def test_a_cycle_and_a_missing_input_are_told_together(lab: Lab) -> None:
    lab.write(
        {
            "r0_to_dl1": [{"input": lab.path("dl0/none"), "output": lab.path("dl1/node")}],
            "merge_dl1": [
                {"input": lab.path("a"), "output": lab.path("b/b.h5")},
                {"input": lab.path("b"), "output": lab.path("a/a.h5")},
            ],
        }
    )
    run = lab.run()
    assert run.code == 2
    assert "2 problems" in run.text
    assert "is waited for" in run.text
    assert f"{lab.path('dl0/none')} does not exist" in run.text


def test_a_production_is_the_same_by_the_other_name_of_its_home(lab: Lab, tmp_path: Path) -> None:
    """A home that is a symbolic link: the finished production counted as moved (exit 30)."""
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real", tmp_path / "link"
    link.symlink_to(real)
    lab.simtel("real/dl0", a="4")
    step = {"input": "dl0", "output": "dl1"}
    lab.write({"r0_to_dl1": [step]})
    for home in (real, link):
        lab.config.rename(home / "config.yml")
        lab.config = home / "config.yml"
        begun = lab.ok()
        assert begun == ([str(real / "dl1")] if home == real else [])
        assert lab.ok(remake=(str(link / "dl1"),)) == [str(real / "dl1")]
