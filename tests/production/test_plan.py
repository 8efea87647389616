"""Where each step stands, what it is expected to make, and what its recipe holds."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
import yaml
from lab import FULL, Lab, full, small

from lstluigi.production.plan import Plan
from lstluigi.production.recipe import Recipe, recorded, short
from lstluigi.production.states import State


def touch(lab: Lab, *names: str) -> None:
    """Empty files stand for whole ones: the plan looks at names only."""
    for name in names:
        Path(lab.path(name)).parent.mkdir(parents=True, exist_ok=True)
        Path(lab.path(name)).touch()


def states(lab: Lab, plan: Plan) -> dict[str, State]:
    return {os.path.relpath(n.output, lab.root): plan.states[n.index] for n in plan.steps}


def recipe_of(lab: Lab, index: int) -> Recipe:
    plan = lab.plan()
    return plan.recipe(plan.steps[index])


def test_nothing_is_there(lab: Lab) -> None:
    full(lab)
    plan = lab.plan()
    assert set(states(lab, plan).values()) == {State.MISSING}
    order = [node.output for node in plan.to_do()]
    for node in plan.steps:
        for producer in plan.producers(node):
            assert order.index(producer.output) < order.index(node.output)
            assert node in plan.consumers(producer)


def test_expected_files(lab: Lab) -> None:
    full(lab)
    plan = lab.plan()
    expected = {os.path.relpath(f, lab.root) for n in plan.steps for f in plan.finals(n)}
    split = {name for name in expected if "split" in name}
    assert expected - split == FULL
    assert len(split) == 2


def test_names_that_were_let_go_are_put_together_again(lab: Lab) -> None:
    full(lab)
    plan = lab.plan()

    def names() -> list[object]:
        files = [plan.files(n, number) for n in plan.steps for number in range(len(n.readings))]
        return [*files, *map(plan.finals, plan.steps), *map(plan.final_set, plan.steps)]

    before = names()
    plan.forget_names()
    assert names() == before


def test_a_recipe_lists_all_that_is_upstream(lab: Lab) -> None:
    full(lab)
    plan = lab.plan()
    for node in plan.steps:
        above = [plan.steps[index] for index in plan.graph.ancestors(node.index)]
        expected = {short(other.output): plan.recipe(other).digest for other in above}
        assert plan.recipe(node).upstream == expected


def test_whole_and_passed(lab: Lab) -> None:
    full(lab)
    touch(lab, "irf/irf.fits", "irf/sensitivity.fits")
    plan = lab.plan()
    found = states(lab, plan)
    assert found["irf/irf.fits"] is State.COMPLETE
    assert found["irf/sensitivity.fits"] is State.MISSING  # its plot is not there
    assert found["dl2/dl2_test.h5"] is State.MISSING
    touch(lab, "irf/sensitivity.png")
    found = states(lab, lab.plan())
    assert found.pop("irf/irf.fits") is State.COMPLETE
    assert found.pop("irf/sensitivity.fits") is State.COMPLETE
    for delivered in ("models", "dl2/dl2_test.h5"):  # what is there was made elsewhere
        assert found.pop(delivered) is State.GONE
    assert set(found.values()) == {State.NOT_NEEDED}
    assert lab.plan().to_do() == []


def test_one_unsatisfied_consumer_is_enough(lab: Lab) -> None:
    full(lab)
    touch(lab, "irf/irf.fits", "merged/dl1_test.h5")
    found = states(lab, lab.plan())
    assert found["dl2/dl2_test.h5"] is State.MISSING
    assert found["merged/dl1_test.h5"] is State.COMPLETE
    assert found["dl1/test"] is State.NOT_NEEDED
    assert found["dl1/gamma"] is State.MISSING


def test_purged_dl0_and_dl1_without_a_manifest(lab: Lab) -> None:
    """DL1 made by lstmcpipe whose DL0 is gone: what is there is what there is."""
    small(lab)
    shutil.rmtree(lab.path("dl0"))
    touch(lab, "dl1/node/dl1_x.h5")
    plan = lab.plan()
    assert [n.output for n in plan.to_do()] == [lab.path("merged/node.h5")]
    (merge,) = plan.to_do()
    assert plan.files(merge, 0) == [lab.path("dl1/node/dl1_x.h5")]


def test_changed_and_grown(lab: Lab) -> None:
    small(lab)
    lab.ok()
    lab.simtel("dl0/node", c="1")
    plan = lab.plan()
    node = plan.steps[0]
    assert plan.states[0] is State.OUTDATED
    assert plan.grown(node) == [lab.path("dl0/node/c.simtel.gz")]
    assert lab.path("dl1/node/dl1_c.h5") not in plan.finals(node)
    plan.accept_inputs(node)
    assert lab.plan().states[0] is State.NOT_NEEDED
    lab.simtel("dl0/node", d="1")
    assert lab.plan().grown(node) == [lab.path("dl0/node/d.simtel.gz")]


@pytest.mark.parametrize("threshold", [1, 2])
def test_each_recipe_is_read_once(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, threshold: int
) -> None:
    """A production has thousands, on a network file system."""
    full(lab)
    lab.ok()
    lab.configure(threshold=threshold)
    plan = lab.plan()
    read: Counter[str] = Counter()

    def counted(path: str) -> object:
        read[path] += 1
        return recorded(path)

    monkeypatch.setattr("lstluigi.production.plan.recorded", counted)
    assert (State.OUTDATED in plan.states) == (threshold == 2)
    assert not [node for node in plan.steps if any(plan.damage(node)) or plan.foreign(node)]
    assert read
    assert set(read.values()) == {1}


def test_a_recipe_is_not_asked_for_where_nothing_is_there(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    full(lab)
    lab.ok()
    for sample in ("gamma", "proton", "test"):
        os.unlink(lab.path(f"merged/dl1_{sample}.h5"))
    read: list[str] = []
    monkeypatch.setattr(
        "lstluigi.production.plan.recorded", lambda path: read.append(path) or recorded(path)
    )
    assert State.NOT_NEEDED in lab.plan().states
    assert read
    assert not [path for path in read if path.startswith(lab.path("merged"))]


def test_changes_are_told_in_short(lab: Lab) -> None:
    small(lab)
    lab.ok()
    assert not lab.plan().why_changed(lab.plan().steps[0])
    lab.configure(threshold=2)
    lab.simtel("dl0/node", c="1")
    lab.environment()
    stages = yaml.safe_load(lab.config.read_text())["stages"]
    stages["r0_to_dl1"][0]["options"] = "--other"
    environment = {"source_file": lab.path("environment/environment.sh"), "conda_env": "x"}
    lab.write(stages, source_environment=environment)
    plan = lab.plan()
    changes = list(plan.changes(plan.steps[0]))
    assert len(changes) == 4
    assert plan.why_changed(plan.steps[0]) == f"{'; '.join(changes[:3])}; and 1 more"


def test_grown_dl0_does_not_matter_where_dl1_has_been_deleted(lab: Lab) -> None:
    small(lab)
    lab.ok()
    lab.simtel("dl0/node", c="1")
    for name in "ab":
        os.unlink(lab.path(f"dl1/node/dl1_{name}.h5"))
    assert lab.plan().to_do() == []


def test_a_manifest_names_what_was_there(lab: Lab) -> None:
    small(lab)
    lab.ok()
    kept = json.loads(Path(lab.path("dl1/node/job_logs_r0dl1/step.manifest.json")).read_text())
    sizes = {f"{n}.simtel.gz": os.stat(lab.path(f"dl0/node/{n}.simtel.gz")).st_size for n in "ab"}
    assert kept["inputs"] == {lab.path("dl0/node"): sizes}


def test_a_recipe_holds_what_the_content_depends_on(lab: Lab) -> None:
    small(lab)
    lab.ok()
    kept = json.loads(Path(lab.path("merged/job_logs_merge_dl1/node.h5.recipe.json")).read_text())
    content = kept["content"]
    assert content["stage"] == "merge_dl1"
    assert content["reads"] == [[lab.path("dl1/node"), "*.h5"]]
    assert content["makes"] == {lab.path("merged/node.h5"): "file"}
    assert content["commands"][0][0] == "lstchain_merge_hdf5_files"
    assert content["lstchain_config"] is None  # merging does not depend on it
    dl1 = json.loads(Path(lab.path("dl1/node/job_logs_r0dl1/step.recipe.json")).read_text())
    assert dl1["lstchain_config"] == {"threshold": 1}
    assert kept["upstream"] == {short(lab.path("dl1/node")): dl1["digest"]}
    text = json.dumps([kept["content"], dl1["content"]])
    for elsewhere in (".lstluigi", "config.yml", "lstchain.json", "extra_slurm_options"):
        assert elsewhere not in text


def test_the_environment_is_part_of_a_recipe_as_named(lab: Lab) -> None:
    small(lab)
    before = recipe_of(lab, 0)
    text = lab.config.read_text()
    lab.config.write_text(f"{text}source_environment: {{source_file: /a, conda_env: x}}\n")
    after = recipe_of(lab, 0)
    assert before.digest != after.digest
    assert after.content["environment"] == {"source_file": "/a", "conda_env": "x"}


@pytest.mark.parametrize("other", ["--pattern '*.h5'", "-p '*.h5' --no-image"])
def test_options_are_part_of_a_recipe(lab: Lab, other: str) -> None:
    small(lab)
    before = recipe_of(lab, 1).digest
    small(lab, options="--pattern '*.h5' --no-image")
    assert recipe_of(lab, 1).digest == before  # quoted or not
    small(lab, options=other)
    assert recipe_of(lab, 1).digest != before


def test_the_longest_line_of_steps_is_the_highest(lab: Lab) -> None:
    full(lab)
    plan = lab.plan()
    heights = {os.path.relpath(n.output, lab.root): plan.heights[n.index] for n in plan.steps}
    assert heights["irf/irf.fits"] == 0
    assert heights["models"] == 2
    assert heights["dl1/gamma"] == 5  # split, merge, models, DL2, IRFs
    assert heights["dl1/test"] == 3


def test_steps_taken_anew_are_as_if_never_made(lab: Lab) -> None:
    small(lab)
    lab.ok()
    lab.simtel("dl0/node", c="1")
    plan = lab.plan()
    anew = Plan(plan.config, {n.step.stage: n.stage for n in plan.steps}, {}, frozenset({0, 1}))
    assert set(anew.states) == {State.MISSING}
    assert len(anew.finals(anew.steps[0])) == 3


def mtimes(lab: Lab) -> dict[str, int]:
    return {name: os.stat(lab.path(name)).st_mtime_ns for name in lab.files()}


LOST = {
    "models": ["models"],
    "models merged": ["merged/dl1_gamma.h5", "merged/dl1_proton.h5", "models"],
    "models merged dl1": [
        *("dl1/gamma", "dl1/proton", "dl1/split/train"),
        *("merged/dl1_gamma.h5", "merged/dl1_proton.h5", "models"),
    ],
    "dl2": ["dl2/dl2_test.h5"],
    "dl2 models": ["dl2/dl2_test.h5", "models"],
}


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("how", ["run", "remake"])
def test_lost_products_are_made_again_and_what_follows_stays(lab: Lab, lost: str, how: str) -> None:
    """With the intermediate products that they need, and no others."""
    full(lab)
    lab.ok()
    before = mtimes(lab)
    for name in lost.split():
        shutil.rmtree(lab.path(name))
    kept = lab.files()
    patterns = ("train_pipe",) if lost == "models" else ()
    begun = lab.ok(remake=patterns) if how == "remake" else lab.ok()
    assert sorted(os.path.relpath(output, lab.root) for output in begun) == sorted(LOST[lost])
    after = mtimes(lab)
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert {name for name in before if name.startswith(("models", "dl2", "irf"))} <= set(after)
    assert not any(plan_node.stage.delivered for plan_node in lab.plan().to_do())
    assert lab.ok() == []


def test_what_follows_from_a_product_that_is_there_is_made_again_with_it(lab: Lab) -> None:
    full(lab)
    lab.ok()
    begun = {os.path.relpath(output, lab.root) for output in lab.ok(remake=("train_pipe",))}
    assert begun == {"models", "dl2/dl2_test.h5", "irf/irf.fits", "irf/sensitivity.fits"}


def test_steps_to_make_again_are_missing_whatever_follows(lab: Lab) -> None:
    full(lab)
    lab.ok()
    plan = lab.plan()
    stages = {n.step.stage: n.stage for n in plan.steps}
    (models,) = (n.index for n in plan.steps if n.step.stage == "train_pipe")
    anew = Plan(plan.config, stages, plan.configs, frozenset({models}))
    assert [node.index for node in anew.to_do()] == [models]


FOREST = ("models", "dl2/dl2_test.h5", "irf/irf.fits", "irf/sensitivity.fits")
CHANGES = {
    "random_forest_energy_regressor_args": FOREST,
    "energy_regression_features": FOREST,
    "random_forest_zd_interpolation": FOREST,
    "tailcut": ("dl1", "merged", *FOREST),
    "unknown": ("dl1", "merged", *FOREST),
    "DL3Cuts": ("irf/irf.fits",),
}


def changed(lab: Lab) -> set[str]:
    found = states(lab, lab.plan())
    return {name for name, state in found.items() if state is State.OUTDATED}


def as_in_format_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recipes are written with the digest of the whole lstchain config."""
    monkeypatch.setattr("lstluigi.production.step.unread_of", lambda node, tool: frozenset())
    monkeypatch.setattr("lstluigi.production.recipe.FORMAT", 1)


@pytest.mark.parametrize("section", CHANGES)
@pytest.mark.parametrize("version", [1, 2])
def test_a_changed_section_outdates_what_reads_it(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, section: str, version: int
) -> None:
    full(lab)
    lab.configure(**{section: {"n": 50}}, threshold=1)
    with monkeypatch.context() as patch:
        if version == 1:
            as_in_format_1(patch)
        lab.ok()
    assert changed(lab) == set()
    assert lab.ok() == []
    lab.configure(**{section: {"n": 20}}, threshold=1)
    found = changed(lab)
    assert {n for n in found if n in FOREST} <= set(CHANGES[section])
    assert {"irf/irf.fits"} <= found
    dl1 = {name for name in found if name.startswith(("dl1", "merged"))}
    # what is passed is not looked at: all that is made of it is asked
    assert bool(dl1) <= ("dl1" in CHANGES[section])
    plan = lab.plan()
    for node in plan.steps:
        name = os.path.relpath(node.output, lab.root)
        assert plan.is_changed(node) == name.startswith(CHANGES[section]), name


def test_accepted_recipes_are_of_today(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    full(lab)
    with monkeypatch.context() as patch:
        as_in_format_1(patch)
        lab.ok()
    lab.configure(threshold=2)
    assert changed(lab)
    assert lab.ok(accept_changed=True) == []
    assert changed(lab) == set()


@pytest.mark.parametrize("version", [1, 2])
def test_merges_of_format_1_before_anything_follows(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    small(lab)
    with monkeypatch.context() as patch:
        if version == 1:
            as_in_format_1(patch)
        lab.ok()
    assert changed(lab) == set()
    lab.configure(threshold=1, disp_method="disp_vector")
    assert changed(lab) == set()
    lab.configure(threshold=3)
    assert changed(lab) == {"dl1/node", "merged/node.h5"}


def test_merges_of_format_1_whose_models_are_lost(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between such a merge and the config that was used there is a split."""
    full(lab)
    lab.configure(threshold=1, disp_method="disp_norm_sign")
    with monkeypatch.context() as patch:
        as_in_format_1(patch)
        lab.ok()
    shutil.rmtree(lab.path("models"))
    assert changed(lab) == set()
    assert lab.ok() == [lab.path("models")]
