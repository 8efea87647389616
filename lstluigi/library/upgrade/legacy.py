"""Configs of 2021-22, which name a production and none of its paths, in the current format."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from lstluigi.config import values
from lstluigi.config.section import Section, nearest
from lstluigi.config.yaml12 import Value, YamlMapping
from lstluigi.library.upgrade.layout import ELECTRON, GAMMA, PROTON, TRAINING, Layout, Sample

#: The stages of those years; what replaces each of them follows from the stage lists of `Steps`.
STAGES = (
    "r0_to_dl1",
    "dl1ab",
    "merge_and_copy_dl1",
    "train_pipe",
    "dl1_to_dl2",
    "dl2_to_irfs",
    "dl2_to_sensitivity",
)
CARRIED_OVER = ("source_environment", "slurm_config")
NOISE = ("dl1_noise_tune_data_run", "dl1_noise_tune_mc_run")
TOP_KEYS = (
    *("workflow_kind", "prod_id", "base_path", "base_path_dl0", "dl1_reference_id", "prod_type"),
    *("obs_date", "zenith", "pointing", "particles", "offset_gammas", "merging_options"),
    *("irf_config", "stages_to_be_run", *CARRIED_OVER, *NOISE),
)
#: Name of a production's directories in those years: day of the run, lstchain version, the rest.
FULL_NAME = re.compile(r"[0-9]{8}_v[0-9][0-9A-Za-z.]*_.+")
DEFAULT_PROD_ID = "v00"


@dataclass
class _Old:
    """What a config of those years says."""

    layout: Layout
    samples: list[Sample]
    stages: tuple[str, ...]
    reference: str
    no_image: bool
    point_like: bool
    irf_offsets: tuple[str, ...]
    said: list[str] = field(default_factory=list)

    def of(self, particle: str) -> list[Sample]:
        """Samples of a particle."""
        return [sample for sample in self.samples if sample.particle == particle]


def from_legacy(top: Section, path: Path) -> tuple[dict[str, Any], list[str]]:
    """Write a config of 2021-22 in the current format.

    Parameters
    ----------
    top : Section
        The config; what is wrong with it is noted there.
    path : Path
        Where it lies: its directory may be named after the production.

    Returns
    -------
    config : dict
        The new config.
    said : list of str
        Sentences on what the old one does not say and was taken to be so.
    """
    top.refuse_unknown(TOP_KEYS)
    old = _read(top, path)
    stages = _Steps(old).all()
    content: dict[str, Any] = {
        "workflow_kind": top.require("workflow_kind", values.text, ""),
        "prod_id": old.layout.prod,
        **{key: top.entries[key] for key in CARRIED_OVER if top.entries.get(key) is not None},
        **{key: top.entries[key] for key in NOISE if top.entries.get(key) is not None},
        "prod_type": top.take("prod_type", values.text, "prod5"),
        "stages_to_run": list(stages),
        "stages": stages,
    }
    return content, old.said


def _read(top: Section, path: Path) -> _Old:
    said: list[str] = []
    is_prod5 = top.take("prod_type", values.text, "prod5") == "prod5"
    if not is_prod5:
        said.append("The layout is that of prod5 without zenith: check the paths of an older one.")
    layout = _layout(top, path, is_prod5, said)
    offsets = top.take("offset_gammas", _names, ()) if is_prod5 else ()
    particles: tuple[str, ...] = top.require("particles", _names, ())
    samples = [
        Sample(particle, offset)
        for particle in dict.fromkeys(particles)
        for offset in (dict.fromkeys(offsets) if particle == GAMMA and offsets else ("",))
    ]
    merging, irf = _inner(top, "merging_options"), _inner(top, "irf_config")
    merging.refuse_unknown(("no_image",))
    irf.refuse_unknown(("point_like", "gamma_offset"))
    offset = irf.take("gamma_offset", values.file_name)
    return _Old(
        layout,
        samples,
        _stages(top),
        reference=top.take("dl1_reference_id", values.file_name, ""),
        no_image=merging.take("no_image", _truth, False),
        point_like=irf.take("point_like", _truth, True),
        irf_offsets=tuple(offsets) if offset is None else (f"off{offset.removeprefix('off')}",),
        said=said,
    )


def _layout(top: Section, path: Path, is_prod5: bool, said: list[str]) -> Layout:
    prod_id = top.take("prod_id", values.file_name, DEFAULT_PROD_ID)
    key = "base_path_dl0" if "base_path_dl0" in top.entries else "base_path"
    return Layout(
        top.require(key, partial(values.path, base=str(path.parent)), ""),
        top.require("obs_date", values.file_name, ""),
        top.require("zenith", values.file_name, "") if is_prod5 else "",
        top.require("pointing", values.file_name, ""),
        _full_name(prod_id, path, said),
    )


def _inner(top: Section, key: str) -> Section:
    """The mapping below a key, which may be absent."""
    return top.inner(key) or Section(YamlMapping(top.place.line), top.place, top.problems)


def _names(value: Value) -> tuple[str, ...]:
    """Components of paths."""
    return tuple(map(values.file_name, values.word_list(value)))


def _full_name(prod_id: str, path: Path, said: list[str]) -> str:
    """The name of the production's directories, which had date and version before the prod_id."""
    directory = path.absolute().parent.name
    if FULL_NAME.fullmatch(directory) and directory.endswith(prod_id):
        said.append(
            f"prod_id is now the name of the directories, day and version included: {directory}, "
            "as the config's own directory is called."
        )
        return directory
    if not FULL_NAME.fullmatch(prod_id):
        said.append(
            f"The directories were named after the day of the run, the lstchain version and "
            f"{prod_id}; day and version are not known, so they are named {prod_id} alone."
        )
    return prod_id


def _truth(value: Value) -> bool:
    return values.text(value).lower() in ("true", "yes", "on")


def _stages(top: Section) -> tuple[str, ...]:
    given: tuple[str, ...] = top.require("stages_to_be_run", values.word_list, ())
    for name in given:
        if name not in STAGES:
            what = f"the stage {name!r} is unknown"
            top.note(what, nearest(name, STAGES), "stages_to_be_run")
    return given


class _Steps:
    """The steps of each stage of today."""

    def __init__(self, old: _Old) -> None:
        self._old, self._layout = old, old.layout
        self._tuned = "dl1ab" in old.stages
        training = TRAINING.values()
        self._sides = [
            (sample, side)
            for sample in old.samples
            for side in ("train", "test")
            # a tuned production makes what is used; a split has two sides in any case
            if side == "test" or sample.particle in training
        ]

    def all(self) -> dict[str, list[dict[str, Any]]]:
        """Every stage that is to run and can."""
        makers = {
            "r0_to_dl1": self._r0_to_dl1,
            "dl1ab": self._dl1ab,
            "train_test_split": self._split,
            "merge_dl1": self._merge,
            "train_pipe": self._train,
            "dl1_to_dl2": self._dl2,
            "dl2_to_irfs": self._irfs,
            "dl2_to_sensitivity": self._sensitivity,
        }
        wanted = set(self._old.stages)
        if "merge_and_copy_dl1" in wanted:
            wanted |= {"merge_dl1"} | ({"train_test_split"} if not self._tuned else set())
        stages = {name: make() for name, make in makers.items() if name in wanted}
        for name in [name for name, steps in stages.items() if not steps]:
            self._say(
                f"The stage {name} is left out: no particles and offsets it needs are listed."
            )
            del stages[name]
        return stages

    def _say(self, sentence: str) -> None:
        self._old.said.append(sentence)

    def _r0_to_dl1(self) -> list[dict[str, Any]]:
        self._say(
            "DL1 files went through a directory running_analysis; they are made at their final "
            "places now."
        )
        layout = self._layout
        return [{"input": layout.dl0(s), "output": layout.dl1(s)} for s in self._old.samples]

    def _dl1ab(self) -> list[dict[str, Any]]:
        reference = self._old.reference or "REFERENCE"
        where = "" if self._old.reference else ": put its name in place of REFERENCE"
        self._say(
            "Which files of the production of reference are read is not said; taken are those in "
            f"the directories train and test of {reference}, which have to hold images{where}."
        )
        return [
            {
                "input": self._layout.side(sample, side, reference),
                "output": self._layout.side(sample, side),
            }
            for sample, side in self._sides
        ]

    def _split(self) -> list[dict[str, Any]]:
        self._say(
            "How many files go to training and to testing is not said: half of them each, as "
            "lstmcpipe does today; merge_and_copy_dl1 is now train_test_split and merge_dl1."
        )
        layout = self._layout
        return [
            {
                "input": layout.dl1(sample),
                "output": {side: layout.side(sample, side) for side in ("train", "test")},
                "options": {"test_size": "0.5"},
            }
            for sample in self._old.samples
        ]

    def _merge(self) -> list[dict[str, Any]]:
        options = {"options": "--no-image"} if self._old.no_image else {}
        layout = self._layout
        return [
            {"input": layout.side(sample, side), "output": layout.merged(sample, side), **options}
            for sample, side in self._sides
        ]

    def _train(self) -> list[dict[str, Any]]:
        if not all(self._old.of(particle) for particle in TRAINING.values()):
            return []
        files = {
            name: self._layout.merged(self._old.of(particle)[0], "train")
            for name, particle in TRAINING.items()
        }
        return [{"input": files, "output": self._layout.models()}]

    def _dl2(self) -> list[dict[str, Any]]:
        layout = self._layout
        return [
            {
                "input": layout.merged(sample, "test"),
                "path_model": layout.models(),
                "output": layout.dl2(sample),
            }
            for sample in self._old.samples
        ]

    def _irfs(self) -> list[dict[str, Any]]:
        options = {"options": "--point-like"} if self._old.point_like else {}
        self._say(
            "Cuts of the IRFs are not said: they are those of the lstchain config, or lstchain's "
            "own; lstmcpipe had other defaults over the years."
        )
        steps = []
        for gammas in self._old.of(GAMMA):
            if gammas.offset in self._old.irf_offsets or not gammas.offset:
                files = self._dl2_files(gammas)
                output = self._layout.response("irf", gammas.offset)
                steps.append({"input": files, "output": output, **options})
        return steps

    def _sensitivity(self) -> list[dict[str, Any]]:
        if not (self._old.of(ELECTRON) and self._old.of(PROTON)):
            return []
        return [
            {
                "input": self._dl2_files(gammas),
                "output": self._layout.response("sensitivity", gammas.offset),
            }
            for gammas in self._old.of(GAMMA)
        ]

    def _dl2_files(self, gammas: Sample) -> Mapping[str, str]:
        others = [s for p in (PROTON, ELECTRON) for s in self._old.of(p)]
        return {f"{s.particle}_file": self._layout.dl2_file(s) for s in (gammas, *others)}
