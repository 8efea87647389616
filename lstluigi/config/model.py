"""What a production config holds once it has been read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from lstluigi.config.keys import Key, Setting
from lstluigi.errors import Problem, shown
from lstluigi.jobspec import SlurmSettings

__all__ = [
    "NoiseTuning",
    "Place",
    "ProductionConfig",
    "Shape",
    "SourceEnvironment",
    "Step",
    "Unfit",
    "fraction",
    "switch",
]

Backend: TypeAlias = Literal["local", "slurm", "auto"]


class Unfit(ValueError):
    """A value that does not fit its key.

    Parameters
    ----------
    what : str
        What is wrong with the value.
    mend : str
        What to write instead.
    """

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what, mend)
        self.what = what
        self.mend = mend


def fraction(text: str) -> float:
    """Read a share between 0 and 1, both excluded.

    Parameters
    ----------
    text : str
        The value as the config has it.

    Raises
    ------
    Unfit
        It is not such a number.
    """
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 < value < 1:
        raise Unfit(f"{shown(text)} is not between 0 and 1", "give a share such as 0.5")
    return value


def switch(text: str) -> bool:
    """Read whether something is wanted.

    Parameters
    ----------
    text : str
        The value as the config has it.

    Raises
    ------
    Unfit
        It is neither true nor false.
    """
    value = {"true": True, "false": False}.get(text.lower())
    if value is None:
        raise Unfit(f"{shown(text)} is neither true nor false", "write true or false")
    return value


@dataclass(frozen=True)
class Shape:
    """What a step of a stage may look like.

    Parameters
    ----------
    input, output : "path" or mapping of str to bool
        One path, or named paths, each required or not.
    options : "arguments" or mapping of str to Setting
        Arguments of a command line, or named settings.
    extra_keys : mapping of str to Key
        Further keys of a step that hold a path, such as ``path_model``.
    reasons : mapping of str to str
        Why other kinds of workflow have no such stage, by kind.
    excludes : tuple of str
        Stages that do not run together with this one.
    tunes : bool
        Whether its steps find how much noise real data have.
    adds_noise : str
        What its steps add such noise to, ``image`` or ``waveform``; empty if they add none.
    """

    input: Literal["path"] | Mapping[str, bool] = "path"
    output: Literal["path"] | Mapping[str, bool] = "path"
    options: Literal["arguments"] | Mapping[str, Setting] = "arguments"
    extra_keys: Mapping[str, Key] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    excludes: tuple[str, ...] = ()
    tunes: bool = False
    adds_noise: str = ""

    @property
    def extra_paths(self) -> dict[str, bool]:
        """Further keys that hold a path, each required or not."""
        return {name: key.needed for name, key in self.extra_keys.items()}

    def fits(self, step: Step) -> bool:
        """Does a step have every path that it must have? Not so where one was refused."""
        extra = {**step.extra, "path_model": step.path_model}
        return (
            _fits(step.input, self.input)
            and _fits(step.output, self.output)
            and _fits(extra, self.extra_paths)
        )


def _fits(given: object, wanted: Literal["path"] | Mapping[str, bool]) -> bool:
    """Is there a path, or one under every name that is required?"""
    if wanted == "path":
        return bool(given)
    required = [name for name, needed in wanted.items() if needed]
    return isinstance(given, Mapping) and all(given.get(name) for name in required)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a config.

    Parameters
    ----------
    source : str
        The config's name for messages.
    line : int
        Line it starts at; 0 if unknown.
    stage : str, optional
        The stage it belongs to.
    number : int, optional
        The step it belongs to, from 1.
    lines : mapping of str to int
        Line of each of its keys.
    prefix : str
        What stands before its keys, such as ``input.``.
    """

    source: str
    line: int = 0
    stage: str | None = None
    number: int | None = None
    lines: Mapping[str, int] = field(default_factory=dict)
    prefix: str = ""

    def where(self, key: str | None = None) -> str:
        """Say where this is: file, line, stage, step number, key."""
        line = self.lines.get(key, self.line) if key is not None else self.line
        words = [self.source]
        if line:
            words.append(f"line {line}")
        if self.stage is not None:
            words.append(f"stage {_word(self.stage)}")
        if self.number is not None:
            words.append(f"step {self.number}")
        if key is not None:
            words.append(f"key {shown(self.prefix + key)}")
        return ", ".join(words)

    def problem(self, what: str, mend: str, key: str | None = None) -> Problem:
        """Return a problem of this place, or of one of its keys."""
        first = f"{self.prefix}{key or ''}".partition(".")[0]
        loses = self.stage is not None and first not in _APART
        return Problem(self.where(key), what, mend, loses)


#: Keys of a step that no other step depends on.
_APART = ("extra_slurm_options", "slurm_options", "max_failed_fraction")


def _word(name: str) -> str:
    return name if name.isidentifier() else shown(name)


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a stage.

    Paths are absolute and normalised; what a config leaves empty is not there.

    Parameters
    ----------
    stage : str
        Name of the stage.
    number : int
        Position in the stage, from 1.
    line : int
        Line of the config the step starts at.
    input, output : str or dict of str to str
        One path, or named paths.
    arguments : tuple of str
        Options of the command line, split as a shell would and never expanded.
    settings : dict of str to object
        Named options.
    path_model : str, optional
        Directory of the models.
    slurm : dict of str to str
        Options of sbatch by their long names without dashes; a flag has the value ''.
    max_failed_fraction : float
        Share of the step's files that may fail, 0 to 1.
    extra : dict of str to str
        Paths of further declared keys.
    place : Place
        Where the step and its keys stand in the config.
    """

    stage: str
    number: int
    line: int
    input: str | dict[str, str]
    output: str | dict[str, str]
    arguments: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    path_model: str | None = None
    slurm: dict[str, str] = field(default_factory=dict)
    max_failed_fraction: float = 0.0
    extra: dict[str, str] = field(default_factory=dict)
    place: Place = field(default=Place("config"), repr=False, compare=False)

    @property
    def inputs(self) -> dict[str, str]:
        """Input paths by name; a single one is named ``input``."""
        return self.input if isinstance(self.input, dict) else {"input": self.input}

    def path(self, key: str, name: str | None = None) -> str:
        """Return a path of the step.

        Parameters
        ----------
        key : str
            ``input``, ``output``, ``path_model`` or a further declared key.
        name : str, optional
            Which of several named paths, such as ``train``.

        Raises
        ------
        KeyError
            The step has no such path.
        """
        own = {"input": self.input, "output": self.output, "path_model": self.path_model}
        found = own[key] if key in own else self.extra[key]
        if name is not None and isinstance(found, dict):
            found = found[name]
        if not isinstance(found, str):
            raise KeyError(f"{self.where(key)}: no single path")
        return found

    def where(self, key: str | None = None) -> str:
        """Say where this step stands: file, line, stage, step number, key."""
        return self.place.where(key)


@dataclass(frozen=True)
class SourceEnvironment:
    """The environment that jobs source.

    Parameters
    ----------
    source_file : str, optional
        Path of the file to source.
    conda_env : str, optional
        Name of the conda environment to activate.
    """

    source_file: str | None = None
    conda_env: str | None = None


@dataclass(frozen=True)
class NoiseTuning:
    """What is asked for by ``dl1_noise_tune_*`` and ``nsb_tuning``.

    Parameters
    ----------
    data, mc : str
        Real DL1, and DL0 of a simulated run.
    level, stage : str
        What noise is added to, ``image`` or ``waveform``, and the stage that adds it.
    place : Place
        The config.
    line : int
        Line of the first key.
    darker_data : str
        What to do with data that are not brighter than the simulation: ``stop`` or ``untuned``.
    """

    data: str
    mc: str
    level: str
    stage: str
    place: Place
    line: int
    darker_data: str = "stop"


@dataclass(frozen=True)
class ProductionConfig:
    """A production.

    Parameters
    ----------
    path : Path
        The config's absolute path.
    workflow_kind, prod_id : str
        As the config has them.
    source_environment : SourceEnvironment, optional
        None if the config names none.
    slurm : SlurmSettings
        ``slurm_config`` on top of the site profile.
    stages_to_run : tuple of str
        In the config's order.
    steps : tuple of Step
        Those of the stages to run, in that order.
    backend : {"local", "slurm", "auto"}, optional
        Where jobs run, if the config says.
    tool_configs : dict of str to Path
        Configs of the tools (``lstchain``, ``ctapipe``, ``rta``), given, named by the config, or
        found alone beside it.
    metadata : dict of str to str
        ``prod_type`` and ``lstmcpipe_version``, as far as they are there.
    noise_tuning : NoiseTuning, optional
        None if no stage that runs is to add tuned noise.
    notices : tuple of str
        What the user should know though nothing is wrong.
    """

    path: Path
    workflow_kind: str
    prod_id: str
    source_environment: SourceEnvironment | None = None
    slurm: SlurmSettings = field(default_factory=SlurmSettings)
    stages_to_run: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    backend: Backend | None = None
    tool_configs: dict[str, Path] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    noise_tuning: NoiseTuning | None = None
    notices: tuple[str, ...] = ()
