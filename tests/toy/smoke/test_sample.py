"""The few steps that stand for all."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from lstluigi.config import load_config
from lstluigi.production.plan import Plan
from lstluigi.stages import SHAPES, STAGES
from lstluigi.toy.smoke.sample import representatives

PARTICLES = {"gamma": "GammaDiffuse", "proton": "Protons"}


def plan_of(directory: Path, stages: dict[str, list[dict[str, Any]]]) -> Plan:
    content = {
        "workflow_kind": "lstchain",
        "prod_id": "p",
        "stages_to_run": list(stages),
        "stages": stages,
    }
    path = directory / "config.yml"
    path.write_text(yaml.safe_dump(content))
    return Plan(load_config(path, SHAPES), STAGES, {})


def allsky(lines: int, nodes: int) -> dict[str, list[dict[str, Any]]]:
    """A production of several declination lines, with test nodes that all of them share."""
    dl1: list[dict[str, Any]] = []
    merge: list[dict[str, Any]] = []
    train, dl2, irf = [], [], []
    for node in range(nodes):
        dl1.append({"input": f"/dl0/test/{node}", "output": f"/dl1/test/{node}"})
        merge.append({"input": f"/dl1/test/{node}", "output": f"/dl1/test/dl1_{node}.h5"})
    for line in range(lines):
        for name in PARTICLES.values():
            place = f"{name}/{line}"
            for node in range(nodes):
                dl1.append({"input": f"/dl0/{place}/{node}", "output": f"/dl1/{place}/{node}"})
            merged = {"input": f"/dl1/{place}", "output": f"/dl1/{place}/dl1_all.h5"}
            merge.append({**merged, "options": "--pattern */*.h5"})
        files = {key: f"/dl1/{name}/{line}/dl1_all.h5" for key, name in PARTICLES.items()}
        train.append({"input": files, "output": f"/models/{line}"})
        for node in range(nodes):
            made = {"path_model": f"/models/{line}", "output": f"/dl2/{line}/{node}"}
            dl2.append({"input": f"/dl1/test/dl1_{node}.h5", **made})
            gammas = {"gamma_file": f"/dl2/{line}/{node}/dl2_{node}.h5"}
            irf.append({"input": gammas, "output": f"/irf/{line}_{node}.fits"})
    return {
        "r0_to_dl1": dl1,
        "merge_dl1": merge,
        "train_pipe": train,
        "dl1_to_dl2": dl2,
        "dl2_to_irfs": irf,
    }


def counts(plan: Plan) -> Counter[str]:
    return Counter(plan.steps[index].step.stage for index in representatives(plan))


def test_one_step_of_each_kind_whatever_their_number(tmp_path: Path) -> None:
    expected = {"r0_to_dl1": 3, "merge_dl1": 3, "train_pipe": 1, "dl1_to_dl2": 1, "dl2_to_irfs": 1}
    assert counts(plan_of(tmp_path, allsky(1, 1))) == expected
    assert counts(plan_of(tmp_path, allsky(4, 7))) == expected


def test_what_a_chosen_step_reads_is_chosen_as_far_as_it_differs(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, allsky(3, 4))
    chosen = set(representatives(plan))
    for index in chosen:
        for reading in plan.steps[index].readings:
            makers = {
                producer.index
                for producer in plan.producers(plan.steps[index])
                if any(made.path.startswith(reading.path) for made in producer.makes)
            }
            assert makers & chosen or reading in plan.external(plan.steps[index])


def test_other_options_are_another_kind(tmp_path: Path) -> None:
    stages = allsky(2, 5)
    stages["dl2_to_irfs"][7]["options"] = "--point-like"
    plan = plan_of(tmp_path, stages)
    steps = [plan.steps[index].step for index in representatives(plan)]
    assert {s.arguments for s in steps if s.stage == "dl2_to_irfs"} == {(), ("--point-like",)}
    assert Counter(s.stage for s in steps)["dl2_to_irfs"] == 2


def test_other_options_upstream_are_tried_too(tmp_path: Path) -> None:
    stages = allsky(2, 5)
    stages["r0_to_dl1"][-1]["options"] = "--odd"
    plan = plan_of(tmp_path, stages)
    chosen = [plan.steps[index].step for index in representatives(plan)]
    assert ("--odd",) in {s.arguments for s in chosen}


def test_a_line_without_protons_is_a_kind_of_its_own(tmp_path: Path) -> None:
    """As dec_5573, for which there are gammas only."""
    stages = allsky(1, 2)
    lone = {"input": "/dl0/GammaDiffuse/9/0", "output": "/dl1/GammaDiffuse/9/0"}
    stages["r0_to_dl1"].append(lone)
    stages["merge_dl1"].append({"input": "/dl1/GammaDiffuse/9/0", "output": "/dl1/x/dl1_lone.h5"})
    plan = plan_of(tmp_path, stages)
    outputs = {plan.steps[index].output for index in representatives(plan)}
    assert {"/dl1/GammaDiffuse/9/0", "/dl1/x/dl1_lone.h5"} <= outputs


def test_products_of_two_kinds_share_a_line(tmp_path: Path) -> None:
    stages = allsky(3, 4)
    stages["dl2_to_irfs"] += [
        {
            **step,
            "output": step["output"].replace("irf", "point"),
            "options": "--point-like",
        }
        for step in reversed(stages["dl2_to_irfs"][:-1])  # one node has no such step
    ]
    found = counts(plan_of(tmp_path, stages))
    assert (found["train_pipe"], found["dl2_to_irfs"]) == (1, 2)


def test_both_sides_of_a_split_come_of_one_node(tmp_path: Path) -> None:
    nodes = range(4)
    stages: dict[str, list[dict[str, Any]]] = {
        "r0_to_dl1": [{"input": f"/dl0/{n}", "output": f"/dl1/{n}"} for n in nodes],
        "train_test_split": [
            {"input": f"/dl1/{n}", "output": {"train": f"/train/{n}", "test": f"/test/{n}"}}
            for n in nodes
        ],
        "merge_dl1": [
            *({"input": f"/test/{n}", "output": f"/merged/dl1_{n}.h5"} for n in nodes),
            {"input": "/train", "output": "/merged/dl1_train.h5", "options": "-p */*.h5"},
            {"input": "/train", "output": "/merged/dl1_bare.h5", "options": "-p */*.h5 --bare"},
        ],
    }
    found = counts(plan_of(tmp_path, stages))
    assert found == {"r0_to_dl1": 1, "train_test_split": 1, "merge_dl1": 3}
