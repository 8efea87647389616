"""Which nodes a production trains with and which it tests with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from lab import Lab, full

from lstluigi.report.nodes import nodes

A, B, C = "node_theta_10.0_az_5.0_", "node_theta_20.0_az_5.0_", "node_theta_30.0_az_0.0_"
D = "node_theta_40.0_az_0.0_"


def found(lab: Lab) -> dict[str, set[float]]:
    """Zenith distances by kind, whatever the line."""
    sets: dict[str, set[float]] = {}
    for one in nodes(lab.plan()):
        sets.setdefault(one.kind, set()).update(n.zenith for n in one.nodes)
    return sets


def renamed(lab: Lab, **names: str) -> None:
    content = yaml.safe_load(lab.config.read_text())
    text = json.dumps(content)
    for sample, name in names.items():
        text = text.replace(f'/dl1/{sample}"', f'/dl1/{sample}/{name}"')
    lab.config.write_text(text)


def all_sky(lab: Lab, split: bool = False, **more: Any) -> Mapping[str, list[dict[str, Any]]]:
    """A line of two training nodes, a test node, and diffuse gammas that may be split."""
    dl1 = lab.path("DL1")
    train, test = f"{dl1}/TrainingDataset", f"{dl1}/TestingDataset"
    r0 = [
        *(f"{train}/{p}/dec_2276/{n}" for p in ("GammaDiffuse", "Protons") for n in (A, B)),
        f"{test}/Gamma/{C}",
    ]
    for place in r0:
        lab.simtel(place.replace("/DL1/", "/DL0/").removeprefix(f"{lab.root}/"), a="4", b="5")
    stages = {
        "r0_to_dl1": [{"input": p.replace("/DL1/", "/DL0/"), "output": p} for p in r0],
        "train_test_split": [
            {
                "input": place,
                "output": {"train": f"{place}/train", "test": f"{dl1}/{n}/test"},
                "options": {"test_size": 0.5},
            }
            for place, n in zip(r0[:2], (A, B), strict=True)
        ],
        "merge_dl1": [
            {
                "input": f"{train}/{particle}/dec_2276",
                "output": f"{train}/{particle}/dec_2276/dl1_{particle}.h5",
                "options": f"--pattern {pattern} --no-image",
            }
            for particle, pattern in (
                ("GammaDiffuse", "*/train/*.h5" if split else "*/*.h5"),
                ("Protons", "*/*.h5"),
            )
        ]
        + [{"input": r0[-1], "output": f"{test}/Gamma/dl1_test.h5", "options": "--no-image"}],
        "train_pipe": [
            {
                "input": {
                    "gamma": f"{train}/GammaDiffuse/dec_2276/dl1_GammaDiffuse.h5",
                    "proton": f"{train}/Protons/dec_2276/dl1_Protons.h5",
                },
                "output": lab.path("models/dec_2276"),
            }
        ],
        "dl1_to_dl2": [
            {
                "input": f"{test}/Gamma/dl1_test.h5",
                "path_model": lab.path("models/dec_2276"),
                "output": lab.path(f"DL2/Gamma/dec_2276/{C}"),
            }
        ],
    }
    if not split:
        del stages["train_test_split"]
    return stages


def test_by_what_is_read_not_by_names(lab: Lab) -> None:
    full(lab)
    renamed(lab, gamma=A, proton=B, test=C)
    # half of the gammas is kept from the training
    assert found(lab) == {"training": {10.0, 20.0}, "test": {10.0, 30.0}}


def test_all_sky(lab: Lab) -> None:
    lab.write(all_sky(lab))
    assert found(lab) == {"training": {10.0, 20.0}, "test": {30.0}}
    assert [(s.label, s.line) for s in nodes(lab.plan())] == [
        ("training dec_2276", "dec_2276"),
        ("test", ""),
    ]


def test_what_is_split_off_is_for_tests(lab: Lab) -> None:
    lab.write(all_sky(lab, split=True))
    assert found(lab) == {"training": {10.0, 20.0}, "test": {10.0, 20.0, 30.0}}


def test_products_of_an_earlier_production_that_a_merge_reads(lab: Lab) -> None:
    stages = dict(all_sky(lab))
    lab.write(stages)
    earlier = Path(lab.path(f"DL1/TrainingDataset/Protons/dec_2276/{D}/dl1_x.h5"))
    earlier.parent.mkdir(parents=True)
    earlier.write_text("x")
    assert found(lab) == {"training": {10.0, 20.0, 40.0}, "test": {30.0}}
    # all of the training is of an earlier one
    kept = stages["r0_to_dl1"][-1:]
    for step in stages["r0_to_dl1"][:-1]:
        place = Path(step["output"])
        place.mkdir(parents=True)
        (place / "dl1_a.h5").write_text("x")
    lab.write({**stages, "r0_to_dl1": kept})
    assert found(lab) == {"training": {10.0, 20.0, 40.0}, "test": {30.0}}


def test_without_training_or_tests_names_tell(lab: Lab) -> None:
    stages = all_sky(lab)
    lab.write({"r0_to_dl1": stages["r0_to_dl1"]})
    assert found(lab) == {"training": {10.0, 20.0}, "test": {30.0}}


def test_data_of_a_training_set_that_no_training_reads(lab: Lab) -> None:
    stages = dict(all_sky(lab))
    place = lab.path(f"DL1/TrainingDataset/Electrons/dec_2276/{D}")
    lab.simtel(f"DL0/TrainingDataset/Electrons/dec_2276/{D}", a="4")
    extra = {"input": place.replace("/DL1/", "/DL0/"), "output": place}
    lab.write({**stages, "r0_to_dl1": [*stages["r0_to_dl1"], extra]})
    labels = {one.label: {n.zenith for n in one.nodes} for one in nodes(lab.plan())}
    assert labels["training dec_2276"] == {10.0, 20.0}
    assert labels["training dec_2276, not trained with"] == {40.0}
    assert labels["test"] == {30.0}
