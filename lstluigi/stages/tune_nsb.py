"""tune_nsb: an lstchain config by which simulations get the noise of real data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from lstluigi.config import DARKER_DATA, Setting, Shape, Step, darker_data, tuning_level
from lstluigi.errors import LstluigiError, Problem
from lstluigi.files import read_json
from lstluigi.jobspec import Command, Product, Resources
from lstluigi.stages import checks
from lstluigi.stages.base import LSTCHAIN_CONFIG, SCRIPTS, Inputs, Made, Reading, Stage, same_name


class _Level(NamedTuple):
    """Where noise is added: the command that finds how much, and where it writes that down."""

    command: str
    section: str
    switch: str
    numbers: tuple[str, ...]


LEVELS = {
    "image": _Level(
        "lstchain_tune_nsb",
        "image_modifier",
        "increase_nsb",
        (
            "extra_noise_in_dim_pixels",
            "extra_bias_in_dim_pixels",
            "transition_charge",
            "extra_noise_in_bright_pixels",
        ),
    ),
    "waveform": _Level(
        "lstchain_tune_nsb_waveform",
        "waveform_nsb_tuning",
        "nsb_tuning",
        ("nsb_tuning_rate_GHz",),
    ),
}
LEVEL = Setting(
    " or ".join(f"`{level}`" for level in LEVELS),
    "What the noise is added to.",
    "`image`",
    new=True,
    read=tuning_level,
)


DARKER = Setting(DARKER_DATA.shape, DARKER_DATA.meaning, "`stop`", new=True, read=darker_data)


def level_of(step: Step) -> _Level:
    """What a step tunes: images where its options say nothing."""
    return LEVELS[step.settings.get("level", "image")]


class TuneNSB(Stage):
    """Real DL1 and a simulated run to an lstchain config with the noise to add."""

    name = "tune_nsb"
    task = "TuneNSB"
    workflows = ("lstchain", "hiperta")
    shape = Shape(
        input={"data": True, "mc": True},
        output="path",
        options={"level": LEVEL, "darker_data": DARKER},
        tunes=True,
        reasons={"ctapipe": "it writes an lstchain config, which the tools of ctapipe do not read"},
    )
    mends: ClassVar[Mapping[str, str]] = {
        **checks.IMAGES_MISSING,
        "no noise can be added": "tune to brighter data, take the tuning out, or go on untuned "
        "(`dl1_noise_tune_darker_data: untuned`, in a step's options `darker_data: untuned`)",
    }
    logs = "job_logs_tune_nsb"
    resources = Resources(options=(("partition", "short"),))

    def reads(self, step: Step) -> Sequence[Reading]:
        """Real DL1 with images and interleaved events, and DL0 with its true images."""
        wanted = {"data": checks.REAL_DL1, "mc": checks.TRUE_IMAGES}
        return [Reading(step.path("input", x), check, probed=True) for x, check in wanted.items()]

    def makes(self, step: Step) -> Sequence[Made]:
        """A config."""
        return [Made(step.path("output"), directory=False)]

    def products(self, step: Step, inputs: Inputs) -> Sequence[Product]:
        """The base config, with the numbers found."""
        level = level_of(step)
        names = [f"{level.section}.{name}" for name in (level.switch, *level.numbers)]
        check: dict[str, Any] = {"json": names}
        if (
            step.settings.get("darker_data") != "untuned"
        ):  # lstchain writes zeros for data that are darker
            noise = (name for name in level.numbers if name != "transition_charge")
            check["positive"] = [f"{level.section}.{name}" for name in noise]
        return [same_name(step.path("output"), check)]

    def commands(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """One call of lstchain, which writes another config than the one it reads."""
        data, mc = (step.path("input", name) for name in ("data", "mc"))
        (product,) = self.products(step, inputs)
        files = ("--input-mc", mc, "--input-data", data, "-o", product.made)
        return [(level_of(step).command, "--config", LSTCHAIN_CONFIG, *files)]

    def without_events(self, step: Step, inputs: Inputs) -> Sequence[Command]:
        """Data that are not brighter: say so, or go on untuned."""
        ((_, *words),) = self.commands(step, inputs)
        level = ("--level", step.settings.get("level", "image"))
        untuned = ("--untuned",) if step.settings.get("darker_data") == "untuned" else ()
        return [(f"{SCRIPTS}/darker_data.py", *words, *level, *untuned)]

    def conflicts(self, step: Step, lstchain: Mapping[str, Any]) -> Sequence[Problem]:
        """A config that adds noise already: the numbers found would take the place of its own."""
        level, where = level_of(step), step.where()
        section = lstchain.get(level.section)
        if isinstance(section, Mapping) and section.get(level.switch):
            what = f"the lstchain config adds noise already ({level.section}.{level.switch})"
            mend = f"set {level.switch} to false there, or take the tuning out of this config"
            return [Problem(where, what, mend)]
        if level is LEVELS["waveform"] and not isinstance(section, Mapping):
            what = f"the lstchain config has no section {level.section}, which {level.command} asks"
            return [Problem(where, what, "add the one that lstchain_dump_config --mc writes")]
        return ()

    def found(self, step: Step) -> Mapping[str, Any]:
        """The numbers of a config that is there: p.e., or the rate in GHz."""
        level = level_of(step)
        try:
            content = read_json(step.path("output"))
        except LstluigiError:
            return {}
        section = content.get(level.section) if isinstance(content, Mapping) else None
        known = section if isinstance(section, Mapping) else {}
        return {name: known[name] for name in level.numbers if name in known}
