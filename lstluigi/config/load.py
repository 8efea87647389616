"""From a config file to a `ProductionConfig`, or to every problem of the file at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from lstluigi.config import values
from lstluigi.config.keys import NEEDED, Key
from lstluigi.config.model import Backend, Place, ProductionConfig, Shape, SourceEnvironment, Unfit
from lstluigi.config.sbatch import KNOWN
from lstluigi.config.section import Section, meant, nearest
from lstluigi.config.slurm import read_slurm
from lstluigi.config.steps import read_stages, read_stages_to_run
from lstluigi.config.tool_config import is_lstchain
from lstluigi.config.tools import (
    TOOL_CONFIG_KEYS,
    MayRead,
    contradiction,
    idle_configs,
    main_tool,
    tool_configs,
)
from lstluigi.config.tuning import TUNING_KEYS, read_tuning
from lstluigi.config.yaml12 import Value, YamlList, YamlMapping, kind, read_yaml
from lstluigi.errors import ConfigError, Problem, shown
from lstluigi.jobspec import CONTROLLER

__all__ = ["interpret", "load_config"]

METADATA = ("prod_type", "lstmcpipe_version")
BACKENDS: tuple[Backend, ...] = ("local", "slurm", "auto")
ENVIRONMENT_KEYS = {
    "source_file": Key("a path", "A file that the shell of a job sources."),
    "conda_env": Key("a name", "The conda environment that it then activates."),
}
TOP_KEYS = {
    "workflow_kind": Key(
        "a word",
        "`lstchain`, [`ctapipe`](workflow-ctapipe.md), or [`hiperta`](workflow-hiperta.md).",
        NEEDED,
    ),
    "prod_id": Key(
        "a name",
        "Name of the production; part of file names. Best unique, with date and version.",
        NEEDED,
    ),
    "source_environment": Key(
        "[keys](#keys-of-source-environment)",
        "What a job sources and activates.",
        "jobs use the Python that runs lstluigi",
    ),
    "slurm_config": Key(
        "[keys](#keys-of-slurm-config)",
        "What the production wants of Slurm. Read, and not used by the local backend.",
        "what the site profile says",
    ),
    "stages_to_run": Key(
        "a list of stages",
        "Stages that are defined and not listed are not run: what their steps make is taken as it "
        "is on disk.",
        NEEDED,
    ),
    "stages": Key(
        "lists of steps, by stage", "The [steps](#keys-of-a-step) of each stage.", NEEDED
    ),
    **TOOL_CONFIG_KEYS,
    "backend": Key(
        " or ".join(f"`{name}`" for name in BACKENDS),
        "Where jobs run. `auto` is Slurm where there is one that answers, else this machine. "
        "`--backend` comes first.",
        "`auto`",
        new=True,
    ),
    **dict.fromkeys(METADATA, Key("a text", "Kept, and without effect.")),
    **TUNING_KEYS,
}
_NEEDED = tuple(name for name, key in TOP_KEYS.items() if key.needed)
#: The key that only configs in the format of 2021-22 have.
LEGACY_KEY = "stages_to_be_run"


#: Which tools' configs the steps of a production read that has been read so far.
Needs = Callable[[ProductionConfig], Collection[str]]


def load_config(
    path: Path | str,
    workflows: Mapping[str, Mapping[str, Shape]],
    given: Mapping[str, Path] | None = None,
    site: Path | None = None,
    needs: Needs | None = None,
) -> ProductionConfig:
    """Read and check a production config.

    Parameters
    ----------
    path : Path or str
        The config, in lstmcpipe's format. Relative paths in it are relative to its directory.
    workflows : mapping of str to mapping of str to Shape
        The kinds of workflow, the stages of each, and what their steps look like. A config whose
        ``workflow_kind`` is not among them is read as one of the first.
    given : mapping of str to Path, optional
        Configs of tools, used instead of those the config names or that lie beside it.
    site : Path, optional
        The site profile, used instead of the one the config names.
    needs : callable, optional
        Says of which tools the steps of what was read need the config. If the workflow's own is
        among them and lacking, and that of another's is there, it is read as one of that workflow,
        and the contradiction noted. By default it is read as what it says.

    Returns
    -------
    ProductionConfig

    Raises
    ------
    ConfigError
        With every problem found.
    """
    source = shown(str(path), 4096)[1:-1]
    full = Path(os.path.abspath(path))
    value, line, problems = read_yaml(full, source)
    place = Place(source, line)
    return interpret(value, place, problems, full, workflows, given, site, needs=needs)


@dataclass(frozen=True)
class _Around:
    """What a config is read with, beside itself: see `interpret`."""

    path: Path
    workflows: Mapping[str, Mapping[str, Shape]]
    given: Mapping[str, Path]
    site: Path | None
    may_read: MayRead

    @property
    def base(self) -> str:
        """Absolute directory of the config, as the file system sees it.

        A production is the same by whatever name its directory is typed.
        """
        return os.path.realpath(self.path.parent)


def interpret(
    value: Value,
    place: Place,
    problems: list[Problem],
    path: Path,
    workflows: Mapping[str, Mapping[str, Shape]],
    given: Mapping[str, Path] | None = None,
    site: Path | None = None,
    may_read: MayRead = lambda _: True,
    needs: Needs | None = None,
) -> ProductionConfig:
    """Check what has been read of a production config; the other half of `load_config`.

    Parameters
    ----------
    value, place, problems
        The document, where it starts, and what is wrong with it already.
    path : Path
        The config's absolute path.
    workflows, given, site, needs
        As for `load_config`.
    may_read : callable, optional
        Asked before a file that the config names is looked at; by default all are. Nothing is
        noted of one that may not be, not even whether it is there.

    Raises
    ------
    ConfigError
        With every problem found.
    """
    top, kinds = _top(value, place, problems), tuple(workflows)
    top.refuse_unknown(TOP_KEYS)
    said = top.require("workflow_kind", partial(_one_of, known=kinds), "")
    kind = said or _kind_meant(top, kinds)
    around = _Around(path, workflows, given or {}, site, may_read)
    noted = len(problems)
    config = _read_as(kind, top, around)
    if needs is not None:
        other = contradiction(top, kind, kinds, around.base, around.given, may_read)
        if other is not None and main_tool(kind) in needs(config):
            del problems[noted:]
            top.note(other.what, other.mend, "workflow_kind")
            config = _read_as(other.kind, top, around)
    if problems:
        raise ConfigError(problems, config)
    return config


def _read_as(workflow: str, top: Section, around: _Around) -> ProductionConfig:
    """Read a config as one of a kind of workflow, whatever it says."""
    base, workflows = around.base, around.workflows
    prod_id = top.require("prod_id", values.file_name, "")
    shapes = workflows[workflow]
    stages_to_run = read_stages_to_run(top, workflow, workflows)
    slurm = read_slurm(top, (*shapes, CONTROLLER), base, around.site, around.may_read)
    known = KNOWN | slurm.plugin_options
    return ProductionConfig(
        path=around.path,
        workflow_kind=workflow,
        prod_id=prod_id,
        steps=read_stages(top, stages_to_run, workflow, workflows, base, known),
        source_environment=_source_environment(top, base),
        slurm=slurm,
        stages_to_run=stages_to_run,
        backend=top.take("backend", _backend),
        tool_configs=dict(tool_configs(top, base, workflow, around.given, around.may_read)),
        metadata={
            key: text for key in METADATA if (text := top.take(key, values.text)) is not None
        },
        noise_tuning=read_tuning(top, base, stages_to_run, workflow, workflows),
        notices=(*idle_configs(top, workflow), *_notices(top, stages_to_run, shapes)),
    )


def _top(value: Value, place: Place, problems: list[Problem]) -> Section:
    """Return the config as a section; what is no config in the current format ends here."""
    if not isinstance(value, YamlMapping):
        what = "the config is empty" if value is None else f"the config is {kind(value)}"
        mend = "write workflow_kind, prod_id, stages_to_run and stages as keys at its top"
        raise ConfigError([*problems, place.problem(what, mend)])
    place = replace(place, lines=value.lines)
    if LEGACY_KEY in value:
        what = "this is the format of 2021-22, which does not have the paths of each step"
        mend = "write a config in the current format, e.g. with lstluigi generate-config"
        raise ConfigError([*problems, place.problem(what, mend, LEGACY_KEY)])
    if value.keys().isdisjoint(_NEEDED) and is_lstchain(value):
        what = "this is an lstchain config, not that of a production"
        raise ConfigError([place.problem(what, f"name the file that has {', '.join(_NEEDED)}")])
    return Section(value, place, problems)


def _one_of(value: Value, known: tuple[str, ...]) -> str:
    given = values.text(value)
    if given not in known:
        raise Unfit(f"{shown(given)} is unknown", nearest(given, known))
    return given


def _kind_meant(top: Section, known: tuple[str, ...]) -> str:
    """The kind of workflow that one which is missing or unknown is told to be, else the first."""
    given = top.entries.get("workflow_kind")
    return (meant(given, known) if isinstance(given, str) else None) or known[0]


def _backend(value: Value) -> Backend:
    given = _one_of(value, BACKENDS)
    return next(name for name in BACKENDS if name == given)


def _source_environment(top: Section, base: str) -> SourceEnvironment | None:
    section = top.inner("source_environment")
    if section is None:
        return None
    section.refuse_unknown(ENVIRONMENT_KEYS)
    environment = SourceEnvironment(
        source_file=section.take("source_file", partial(values.path, base=base)),
        conda_env=section.take("conda_env", values.text),
    )
    return environment if environment != SourceEnvironment() else None


def _notices(
    top: Section, stages_to_run: tuple[str, ...], known: Mapping[str, Shape]
) -> Iterator[str]:
    """Say what is not run, and what is read otherwise than lstmcpipe does."""
    stages = top.entries.get("stages")
    lists = {
        name: steps
        for name, steps in (stages.items() if isinstance(stages, YamlMapping) else ())
        if name in known and isinstance(steps, YamlList)
    }
    for name, steps in lists.items():
        # where none is to run, that is what is wrong
        if stages_to_run and name not in stages_to_run:
            yield (
                f"{top.place.source}: the stage {name} is not in stages_to_run; what its "
                f"{len(steps)} steps make is taken as it is on disk."
            )
    older = {
        name: sum(isinstance(step, YamlMapping) and "slurm_options" in step for step in steps)
        for name, steps in lists.items()
        if name in stages_to_run
    }
    if any(older.values()):
        counts = ", ".join(f"{count} of {name}" for name, count in older.items() if count)
        yield (
            f"{top.place.source}: steps ({counts}) have slurm_options, which lstmcpipe ignores; "
            "it is read as extra_slurm_options."
        )
