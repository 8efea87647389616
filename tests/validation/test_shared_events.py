"""IRFs of events that the models were trained on, or of several sets of models, are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from lab import Lab, full

from lstluigi.errors import ConfigError
from lstluigi.validation.shared_events import event_problems

Stages = dict[str, list[dict[str, Any]]]


def found(lab: Lab, change: Callable[[Stages], None] = lambda stages: None) -> list[str]:
    """Steps of the full production, changed in some way, of which something is refused."""
    full(lab)
    config = yaml.safe_load(lab.config.read_text())
    change(config["stages"])
    lab.config.write_text(yaml.safe_dump(config, sort_keys=False))
    try:
        plan = lab.plan()
    except ConfigError as error:
        return [said for said in map(str, error.problems) if "stage dl2_to_" in said]
    return [str(problem) for problem in event_problems(plan)]


def test_other_events_are_fine(lab: Lab) -> None:
    assert found(lab) == []


@pytest.mark.parametrize(
    ("read", "where"),
    [
        ("merged/dl1_gamma.h5", "dl1/split/train"),  # the training file itself
        ("dl1/split/train", "dl1/split/train"),  # merged once more
        ("dl1/proton", "dl0/proton"),
    ],
)
def test_events_of_the_training_are_refused(lab: Lab, read: str, where: str) -> None:
    def change(stages: Stages) -> None:
        if read.endswith(".h5"):
            stages["dl1_to_dl2"][0]["input"] = lab.path(read)
            stages["dl2_to_irfs"][0]["input"] = {"gamma_file": lab.path("dl2/dl2_gamma.h5")}
            stages["dl2_to_sensitivity"][0]["input"]["gamma_file"] = lab.path("dl2/dl2_gamma.h5")
        else:
            stages["merge_dl1"][2]["input"] = lab.path(read)

    problems = found(lab, change)
    assert problems
    assert any(lab.path(where) in problem for problem in problems)


def test_the_other_half_of_a_split_is_fine(lab: Lab) -> None:
    def change(stages: Stages) -> None:
        stages["merge_dl1"][2]["input"] = lab.path("dl1/split/test")

    assert found(lab, change) == []


def test_the_same_dl0_twice_is_refused(lab: Lab) -> None:
    """Processed into two directories: the events are the same."""

    def change(stages: Stages) -> None:
        stages["r0_to_dl1"][2]["input"] = lab.path("dl0/proton")

    assert found(lab, change)


def test_models_of_two_trainings_do_not_meet(lab: Lab) -> None:
    def change(stages: Stages) -> None:
        (one,) = stages["dl1_to_dl2"]
        more = {"path_model": lab.path("elsewhere"), "output": lab.path("dl2b")}
        stages["dl1_to_dl2"].append({**one, **more})
        stages["dl2_to_sensitivity"][0]["input"]["proton_file"] = lab.path("dl2b/dl2_test.h5")

    (problem,) = found(lab, change)
    assert lab.path("models") in problem
    assert lab.path("elsewhere") in problem
