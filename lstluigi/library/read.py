"""A directory of a library read: its productions, each with what can be known of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lstluigi.config.load import interpret
from lstluigi.config.model import Place, ProductionConfig
from lstluigi.config.tool_config import is_lstchain
from lstluigi.config.tools import missing_tool_config
from lstluigi.config.yaml12 import Value, YamlMapping, read_yaml
from lstluigi.errors import ConfigError, LstluigiError, Problem, shown
from lstluigi.files import YAML
from lstluigi.library.model import Production
from lstluigi.library.names import date_in, levels_in, version_in
from lstluigi.library.readme import read_readme, title_of
from lstluigi.library.settings import read_settings
from lstluigi.library.steps import Summary, contents_of
from lstluigi.production.places import Places
from lstluigi.stages import SHAPES, WORKFLOWS

__all__ = ["contents", "read_directory", "read_file"]

#: How production configs end.
#: A mapping with none of these is a file for something else.
_OWN_KEYS = ("workflow_kind", "prod_id", "stages_to_run", "stages", "stages_to_be_run")
#: Parts of an lstchain config that tell how noise was added.
_TUNING = ("waveform_nsb_tuning", "image_modifier")


@dataclass(frozen=True)
class _Config:
    """One production config: its document as far as it can be read, and what is wrong with it.

    `whole` is what a run would read; None where it would not run.
    """

    path: Path
    value: YamlMapping
    problems: list[Problem]
    whole: ProductionConfig | None = None

    def text(self, *keys: str) -> str | None:
        """Return the text at a key, or at a key below it; None where there is none."""
        value: Value = self.value
        for key in keys:
            value = value.get(key) if isinstance(value, YamlMapping) else None
        return value if isinstance(value, str) and value else None


def read_directory(directory: str, name: str, files: Sequence[str]) -> list[Production]:
    """Read the productions of a directory.

    Parameters
    ----------
    directory : str
        Absolute path.
    name : str
        What it is called in the library.
    files : sequence of str
        Names of its YAML and JSON files and of its readmes.

    Returns
    -------
    list of Production
        One for each prod_id, in the order of the files; none if nothing here is about one.
    """
    # a link may lead to any file of whoever looks, and what is read here gets published
    paths = {file: Path(directory, file) for file in files}
    own = [file for file, path in paths.items() if _is_own(directory, path) and path.exists()]
    foreign = [file for file in files if file not in own]
    configs = [found for file in own if (found := _read_config(directory, file)) is not None]
    if not configs:
        return _without_config(directory, name, own, foreign)
    said = [str(_led_away(file)) for file in foreign]
    groups: dict[str | None, list[_Config]] = {}
    for config in configs:
        groups.setdefault(config.text("prod_id"), []).append(config)
    return [_production(directory, name, own, group, said) for group in groups.values()]


def _led_away(file: str) -> Problem:
    what = "it is a link that leads to no file of this directory, and is not read"
    return Problem(shown(file, 400)[1:-1], what, "put a copy here in its place")


def contents(production: Production) -> Summary:
    """Read a production's configs again for all that its steps make."""
    directory = production.directory
    own = (file for file in production.configs if _is_own(directory, Path(directory, file)))
    found = (_read_config(directory, file) for file in own)
    return _contents([config for config in found if config is not None])


def read_file(path: Path) -> Production:
    """Read one production config as if it were in a library.

    Raises
    ------
    LstluigiError
        It is no production config, or cannot be read.
    """
    config = _read_config(str(path.parent), path.name, anywhere=True)
    if config is None:
        raise LstluigiError(f"{shown(str(path))} is no production config (*.yml, *.yaml)")
    if not config.value:
        problem = config.problems[0]
        raise LstluigiError(f"{shown(str(path))}: {problem.what}; {problem.mend}")
    files = [file.name for file in sorted(path.parent.glob("*.json"))]
    return _production(str(path.parent), path.name, files, [config], anywhere=True)


def _is_own(directory: str, path: Path) -> bool:
    """Whether a file lies in a directory, also when links are followed."""
    real = os.path.join(os.path.realpath(directory), "")
    return os.path.realpath(path).startswith(real)


def _may_read(directory: str, anywhere: bool, path: Path) -> bool:
    return anywhere or _is_own(directory, path)


def _read_config(directory: str, file: str, *, anywhere: bool = False) -> _Config | None:
    """Read a YAML file; None if it is no production config."""
    if not file.endswith(YAML):
        return None
    path, whole = Path(directory, file), None
    source = shown(file, 400)[1:-1]
    try:
        value, line, problems = read_yaml(path, source)
        if isinstance(value, YamlMapping) and not any(key in value for key in _OWN_KEYS):
            return None
        try:
            # what a config of anybody names is no more to be published than what a link leads to
            may_read = partial(_may_read, directory, anywhere)
            place = Place(source, line)
            whole = interpret(value, place, problems, path, SHAPES, may_read=may_read)
        except ConfigError as error:
            problems = list(error.problems)
    except ConfigError as error:
        value, problems = None, list(error.problems)
    document = value if isinstance(value, YamlMapping) else YamlMapping(0)
    return _Config(path, document, problems, whole)


def _without_config(
    directory: str, name: str, files: Sequence[str], foreign: Sequence[str]
) -> list[Production]:
    """Name a directory that has no config but an lstchain config, or a link where one might be."""
    said = [_led_away(file) for file in foreign]
    jsons = [file for file in files if file.endswith(".json")]
    if any(_is_lstchain(Path(directory, file)) for file in jsons):
        what = "there is no production config (*.yml) here"
        said.append(Problem(name, what, "add it, or the stages"))
    elif not any(file.endswith(YAML) for file in foreign):
        return []
    return [_production(directory, name, files, [], map(str, said))]


def _is_lstchain(path: Path) -> bool:
    try:
        return is_lstchain(read_settings(path))
    except LstluigiError:
        return False


def _production(
    directory: str,
    name: str,
    files: Sequence[str],
    configs: Sequence[_Config],
    problems: Iterable[str] = (),
    *,
    anywhere: bool = False,
) -> Production:
    said = [*problems, *(str(problem) for config in configs for problem in config.problems)]
    names = [os.path.basename(directory), *(config.path.stem for config in configs)]
    prod_id = _first(config.text("prod_id") for config in configs)
    environment = _first(config.text("source_environment", "conda_env") for config in configs)
    all_names = [*filter(None, [prod_id]), *names]
    lstchain = _lstchain(directory, files, configs, said)
    sites = dict.fromkeys(config.text("slurm_config", "site") for config in configs)
    profiles = [_named(directory, site) for site in sites if site is not None]
    foreign = {
        path: what
        for what, paths in (("lstchain config", [lstchain]), ("site profile", profiles))
        for path in paths
        if path is not None and not _may_read(directory, anywhere, path)
    }
    for path, what in foreign.items():
        where = shown(str(path))
        said.append(f"the {what} {where} lies elsewhere and is not read; put it here.")
    lstchain = None if lstchain in foreign else lstchain
    tuning = _tuning(lstchain, said)
    made = _contents(configs)
    readme = next((file for file in files if file.lower().startswith("readme")), None)
    text = read_readme(os.path.join(directory, readme)) if readme else ""
    return Production(
        name=name,
        directory=directory,
        configs=[config.path.name for config in configs],
        lstchain_config=str(lstchain) if lstchain is not None else None,
        prod_id=prod_id,
        prod_type=_first(config.text("prod_type") for config in configs),
        environment=environment,
        date=date_in(all_names),
        lstchain=version_in([*filter(None, [environment]), *all_names]),
        lines=made.lines,
        nodes={group: sorted(found.values()) for group, found in made.nodes.items()},
        tuning=tuning,
        levels=_levels(tuning, all_names),
        stages=made.counts,
        stages_to_run=list(dict.fromkeys(s for config in configs for s in _to_run(config.value))),
        models=made.models,
        products=made.groups,
        readme=readme,
        title=title_of(text),
        text=text,
        problems=said,
    )


def _contents(configs: Sequence[_Config]) -> Summary:
    found = contents_of((config.value, str(config.path.parent)) for config in configs)
    logs = (path for config in configs if config.whole is not None for path in _logs(config.whole))
    found.logs = list(dict.fromkeys(logs))
    return found


def _logs(config: ProductionConfig) -> Iterator[str]:
    stages = WORKFLOWS[config.workflow_kind]
    first = {step.stage: step for step in reversed(config.steps)}
    for name, step in first.items():
        yield Places.of(tuple(stages[name].makes(step)), stages[name].logs).logs


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value is not None), None)


def _to_run(value: YamlMapping) -> Iterator[str]:
    listed = value.get("stages_to_run", value.get("stages_to_be_run"))
    yield from (item for item in listed or () if isinstance(item, str) and isinstance(listed, list))


def _lstchain(
    directory: str, files: Sequence[str], configs: Sequence[_Config], said: list[str]
) -> Path | None:
    """Return the lstchain config; without one, say so."""
    named = _first(config.text("lstchain_config") for config in configs)
    if named is not None:
        return _named(directory, named)
    beside = [file for file in files if file.endswith(".json")]
    if len(beside) == 1:
        return Path(directory, beside[0])
    for config in configs[:1]:
        what, mend = missing_tool_config(["lstchain"], config.path)
        said.append(str(Problem(config.path.name, what, mend)))
    return None


def _named(directory: str, path: str) -> Path:
    return Path(os.path.normpath(os.path.join(directory, path)))


def _tuning(lstchain: Path | None, said: list[str]) -> dict[str, dict[str, Any]]:
    if lstchain is None:
        return {}
    try:
        content = read_settings(lstchain)
    except LstluigiError as error:
        said.append(f"{error}.")
        return {}
    return {key: found for key in _TUNING if isinstance(found := content.get(key), dict) and found}


def _levels(tuning: dict[str, dict[str, Any]], names: Iterable[str]) -> list[float]:
    waveform = tuning.get("waveform_nsb_tuning", {})
    given: list[float] = []
    if waveform.get("nsb_tuning") is True:
        keys = ("nsb_tuning_rate_GHz", "nsb_tuning_ratio")
        values = [waveform.get(key) for key in keys]
        given = [float(value) for value in values if isinstance(value, int | float)]
    return list(dict.fromkeys([*given, *levels_in(names)]))
