"""The stages and steps of a config."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Literal

from lstluigi.config import values
from lstluigi.config.keys import NEEDED, Key, Setting
from lstluigi.config.model import Place, Shape, Step
from lstluigi.config.sbatch import read_line, read_mapping
from lstluigi.config.section import Section, meant, nearest
from lstluigi.config.yaml12 import Value, YamlList, YamlMapping, kind

__all__ = ["Workflows", "no_such_stage", "read_stages", "read_stages_to_run"]

STEP_KEYS = {
    "input": Key(
        "a path, or named paths",
        "What is read, as its [stage](#keys-by-stage) wants it.",
        NEEDED,
    ),
    "output": Key(
        "a path, or named paths",
        "What is made, as its [stage](#keys-by-stage) wants it. It may not hold `..`.",
        NEEDED,
    ),
    "options": Key(
        "one line, or a list of texts",
        "Arguments of the command; a line is split as a shell would, and nothing is expanded. Some "
        "[stages](#keys-by-stage) have named options instead.",
    ),
    "extra_slurm_options": Key(
        "`name: value` lines",
        "Options of sbatch by their long names: `mem`, `partition`, `time`, `cpus-per-task`, "
        "`nice`, ... Those that lstluigi "
        "[sets itself](slurm.md#options-that-lstluigi-sets) are refused.",
        "what `slurm_config` and the stage ask for",
    ),
    "slurm_options": Key(
        "one line",
        "The older form: one text such as `-p xxl --mem=100G`. lstmcpipe ignores it; lstluigi "
        "reads it, and says so.",
    ),
    "max_failed_fraction": Key(
        "a number from 0 to 1",
        "Share of the step's files that may fail. For `r0_to_dl1` and `dl1ab`.",
        "0",
        new=True,
    ),
}

ReadPath = Callable[[Value], str]


#: What the steps of each stage look like, by kind of workflow.
Workflows = Mapping[str, Mapping[str, Shape]]


def read_stages_to_run(top: Section, kind: str, workflows: Workflows) -> tuple[str, ...]:
    """Return the known stages to run, each once, in the config's order.

    A name that is unknown counts as the one it is told to be, unless that is there, too.
    """
    shapes = workflows[kind]
    given: tuple[str, ...] = top.require("stages_to_run", values.word_list, ())
    if not given and isinstance(top.entries.get("stages_to_run"), YamlList):
        top.note("no stage is to run", "list the stages to run", "stages_to_run")
    stages = Counter(given)
    for name, count in stages.items():
        if count > 1:
            what = f"the stage {name!r} is listed {count} times"
            top.note(what, "keep one of them", "stages_to_run", entry=name)
        if name not in shapes:
            loses = _stage_meant(name, kind, workflows) is None
            unknown = no_such_stage(name, kind, workflows)
            top.note(*unknown, "stages_to_run", entry=name, loses=loses)
    read = dict.fromkeys(_stage_meant(name, kind, workflows) for name in stages)
    known = tuple(name for name in read if name is not None)
    for name in known:
        for other in filter(known.__contains__, shapes[name].excludes):
            what = f"{other} and {name} are both to run"
            mend = "keep one of them, and the other in a config of its own"
            top.note(what, mend, "stages_to_run", entry=other)
    return known


def _stage_meant(name: str, kind: str, workflows: Workflows) -> str | None:
    """The stage of a workflow that a name is, or is told to be."""
    shapes = workflows[kind]
    if name in shapes:
        return name
    return None if _having(name, workflows) else meant(name, tuple(shapes))


def _having(stage: str, workflows: Workflows) -> list[str]:
    """Kinds of workflow that have a stage."""
    return [kind for kind, shapes in workflows.items() if stage in shapes]


def no_such_stage(name: str, kind: str, workflows: Workflows) -> tuple[str, str]:
    """Say that a workflow has no stage of this name, why if that is known, and what to do."""
    others = _having(name, workflows)
    if others:
        reason = workflows[others[0]][name].reasons.get(kind)
        what = f"the workflow {kind} has no stage {name!r}" + (f": {reason}" if reason else "")
        return what, f"take it out, or use workflow_kind: {' or '.join(others)}"
    return f"the stage {name!r} is unknown", nearest(name, tuple(workflows[kind]))


def read_stages(
    top: Section,
    stages_to_run: tuple[str, ...],
    kind: str,
    workflows: Workflows,
    base: str,
    known: frozenset[str],
) -> tuple[Step, ...]:
    """Return the steps of the stages to run.

    Parameters
    ----------
    top : Section
        The config.
    stages_to_run : tuple of str
        Known stages.
    kind : str
        The kind of workflow.
    workflows : mapping of str to mapping of str to Shape
        What the steps of each stage look like, by kind.
    base : str
        Absolute directory relative paths are relative to.
    known : frozenset of str
        The long options of sbatch.
    """
    shapes = workflows[kind]
    stages = top.inner("stages")
    if stages is None:
        if top.entries.get("stages") is None:
            top.note("the key is missing", "add it, with the steps of each stage", "stages")
        return ()
    for name in tuple(stages.entries):
        if name not in shapes:
            stages.note(*no_such_stage(name, kind, workflows), name)
            stages.read_as(name, _stage_meant(name, kind, workflows))
    return tuple(
        _read_step(entry, shapes[name], base, known)
        for name in stages_to_run
        for entry in _entries(stages, name)
    )


def _entries(stages: Section, stage: str) -> Iterator[Section]:
    """Yield the steps of a stage that are mappings."""
    source, problems = stages.place.source, stages.problems
    place = Place(source, stages.place.lines.get(stage, stages.place.line), stage)
    given = stages.entries.get(stage)
    if not given:
        what, mend = "it is to run and has no steps", "add steps, or take it out of stages_to_run"
        problems.append(place.problem(what, mend))
    elif not isinstance(given, YamlList):
        what = f"expected a list of steps, got {kind(given)}"
        mend = "put '- ' before the first key of each step and indent its other keys by two more"
        problems.append(place.problem(what, mend))
    else:
        for number, (entry, line) in enumerate(zip(given, given.lines, strict=True), 1):
            if isinstance(entry, YamlMapping):
                place = Place(source, line, stage, number, entry.lines)
                yield Section(entry, place, problems)
            else:
                place = Place(source, line, stage, number)
                problems.append(
                    place.problem("the step is no mapping", "write input: and output: in it")
                )


def _read_step(step: Section, shape: Shape, base: str, known: frozenset[str]) -> Step:
    for key, names in (("input", shape.input), ("output", shape.output)):
        if not isinstance(names, str):
            step.gather(key, names)
    place = step.place
    step.refuse_unknown((*STEP_KEYS, *shape.extra_keys))
    to_read = partial(values.path, base=base)
    to_make = partial(values.path, base=base, output=True)
    read_from = _paths(step, "input", shape.input, to_read)
    made_at = _paths(step, "output", shape.output, to_make)
    extra = _named_paths(step, shape.extra_paths, to_read)
    as_arguments = shape.options == "arguments"
    return Step(
        stage=place.stage or "",
        number=place.number or 0,
        line=place.line,
        input=read_from,
        output=made_at,
        arguments=step.take("options", values.arguments, ()) if as_arguments else (),
        settings={} if shape.options == "arguments" else _settings(step, shape.options),
        path_model=extra.pop("path_model", None),
        slurm=_slurm(step, known),
        max_failed_fraction=step.take("max_failed_fraction", values.share, 0.0),
        extra=extra,
        place=place,
    )


def _paths(
    step: Section, key: str, shape: Literal["path"] | Mapping[str, bool], read: ReadPath
) -> str | dict[str, str]:
    """Return one path, or named ones."""
    if shape == "path":
        return step.require(key, read, "")
    names = step.inner(key)
    if names is None:
        if step.entries.get(key) is None:
            step.note("the key is missing or empty", f"write {', '.join(shape)} below it", key)
        return {}
    names.refuse_unknown(shape)
    return _named_paths(names, shape, read)


def _named_paths(section: Section, shape: Mapping[str, bool], read: ReadPath) -> dict[str, str]:
    """Return the paths that are given, noting those required and missing."""
    paths: dict[str, str] = {}
    for name, required in shape.items():
        if required:
            paths[name] = section.require(name, read, "")
        elif (given := section.take(name, read)) is not None:
            paths[name] = given
    return paths


def _settings(step: Section, shape: Mapping[str, Setting]) -> dict[str, object]:
    """Return named options; an empty text is as none at all."""
    if step.entries.get("options") == "":
        return {}
    options = step.inner("options")
    if options is None:
        return {}
    options.refuse_unknown(shape)
    settings: dict[str, object] = {}
    for name, setting in shape.items():
        given = options.take(name, partial(_setting, setting))
        if given is not None:  # what was refused is left out: who reads the rest has the default
            settings[name] = given
    return settings


def _setting(setting: Setting, value: Value) -> object:
    return setting.read(values.text(value))


def _slurm(step: Section, known: frozenset[str]) -> dict[str, str]:
    if step.entries.get("slurm_options") is None:
        return read_mapping(step, "extra_slurm_options", known)
    if step.entries.get("extra_slurm_options") is not None:
        step.note(
            "slurm_options and extra_slurm_options are both given",
            "keep extra_slurm_options",
            "slurm_options",
        )
    return read_line(step, "slurm_options", known)
