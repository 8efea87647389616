"""train_test_split: the files of a node divided for training and testing, by links."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from lstluigi.config import Setting, Shape, Step, fraction
from lstluigi.jobspec import Check, Command, Meeting, Product, Resources
from lstluigi.stages import checks
from lstluigi.stages.base import WITH_LSTCHAIN, Inputs, Made, Reading, Stage

#: Share of the files that go to test where the options say nothing: lstmcpipe's.
TEST_SIZE = 0.5
SEED = 42
SIZE = Setting(
    "a number between 0 and 1",
    "Share of the files that go to test.",
    f"{TEST_SIZE}",
    read=fraction,
)


class TrainTestSplit(Stage):
    """A directory of DL1 files to two directories of links; nothing is moved."""

    name = "train_test_split"
    task = "TrainTestSplit"
    workflows = WITH_LSTCHAIN
    shape = Shape(input="path", output={"train": True, "test": True}, options={"test_size": SIZE})
    logs = "job_logs_train_test_split"
    resources = Resources(options=(("partition", "short"),))
    per_chunk = 50
    whole: ClassVar[Check] = checks.DL1

    def reads(self, step: Step) -> Sequence[Reading]:
        """The DL1 files of a directory."""
        return [Reading(step.path("input"), self.whole, "*.h5")]

    def makes(self, step: Step) -> Sequence[Made]:
        """Two directories."""
        return [Made(step.path("output", side), directory=True) for side in ("train", "test")]

    def settings(self, step: Step) -> Mapping[str, Any]:
        """Seed and share of the test files."""
        return {"seed": SEED, "test_size": step.settings.get("test_size", TEST_SIZE)}

    def _sides(self, step: Step, inputs: Inputs) -> list[tuple[str, str]]:
        """Each input file with the side it goes to, the same whatever the order of the listing."""
        files = sorted(inputs[0])
        shuffled = list(files)
        random.Random(SEED).shuffle(shuffled)
        test = set(shuffled[: _share(len(files), self.settings(step)["test_size"])])
        return [(file, "test" if file in test else "train") for file in files]

    def products(self, step: Step, inputs: Inputs) -> Sequence[Product]:
        """Every input file, on one of the two sides."""
        outputs = {side: step.path("output", side) for side in ("train", "test")}
        named = [(os.path.basename(file), side) for file, side in self._sides(step, inputs)]
        return [
            Product(f"{side}/{name}", f"{outputs[side]}/{name}", checks.LINK)
            for name, side in named
        ]

    def links(self, step: Step, inputs: Inputs) -> Sequence[tuple[str, str]]:
        """The products themselves."""
        return [
            (file, f"{side}/{os.path.basename(file)}") for file, side in self._sides(step, inputs)
        ]

    def meeting(self, step: Step, inputs: Inputs) -> Meeting | None:
        """As for a merge: a run on both sides would test forests with what they have learnt."""
        return Meeting([(file, "") for file in inputs[0]], "each")

    def commands(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """None: the links are all there is to do."""
        return ()


class CtapipeTrainTestSplit(TrainTestSplit):
    """A directory of DL1 files of ctapipe to two directories of links; nothing is moved."""

    workflows = ("ctapipe",)
    whole = checks.CTAPIPE_DL1


def _share(files: int, test_size: float) -> int:
    """Number of test files: at least one on each side as soon as there are two files."""
    return min(max(round(files * test_size), 1), max(files - 1, 0))
