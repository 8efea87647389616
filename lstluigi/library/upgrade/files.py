"""From an old file to a new one that loads, or to every reason why there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lstluigi.config.document import forget_lines
from lstluigi.config.load import LEGACY_KEY, interpret
from lstluigi.config.model import Place
from lstluigi.config.section import Section
from lstluigi.config.tools import TOOL_KEYS, lone_json, main_tool
from lstluigi.config.yaml12 import YamlMapping, kind, read_yaml
from lstluigi.errors import ConfigError, LstluigiError, Problem, shown
from lstluigi.files import written
from lstluigi.library.upgrade.comments import comments_of
from lstluigi.library.upgrade.legacy import from_legacy
from lstluigi.library.upgrade.mends import Mender
from lstluigi.stages import SHAPES

#: The writer in C where PyYAML has it: a config may have thousands of steps.
Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
#: Keys that hold a path, wherever they stand.
PATHS = ("input", "output", "path_model", *TOOL_KEYS.values(), "source_file", "site")


def upgrade(old: Path | str, new: Path | str, *, overwrite: bool = False) -> list[str]:
    """Write an older config in the current format.

    Parameters
    ----------
    old : path-like
        The older config, which is not changed.
    new : path-like
        Where to write.
    overwrite : bool
        Whether `new` may be there already.

    Returns
    -------
    list of str
        Sentences: what was put right, what the old file does not say, which comments went where.

    Raises
    ------
    ConfigError
        With every problem that is left; nothing is written then.
    """
    source, target = Path(os.path.abspath(old)), Path(os.path.abspath(new))
    _check_target(source, target, overwrite)
    name = shown(str(old), 4096)[1:-1]
    content, said = _converted(source, name)
    if source.parent != target.parent:
        content = _away_from_home(content, source, name)
    if not said:
        said = ["Nothing had to be put right."]
    comments = comments_of(source.read_text(encoding="utf-8-sig"))
    if comments:
        said.append(f"{len(comments)} comment(s) of the old file stand together at the top now.")
    header = "\n".join(f"# {text}".rstrip() for text in _header(source, said, comments))
    form: dict[str, Any] = {"sort_keys": False, "allow_unicode": True, "width": 1000}
    body = yaml.dump(_plain(content), Dumper=Dumper, **form)
    _publish(f"{header}\n\n{body}", target, name)
    return said


def _converted(source: Path, name: str) -> tuple[dict[str, Any], list[str]]:
    """The content of the new config, and what is to be said of it."""
    top, line, problems = read_yaml(source, name)
    if not isinstance(top, YamlMapping):
        what = "the config is empty" if top is None else f"the config is {kind(top)}"
        raise ConfigError([Problem(name, what, "give a production config")])
    if LEGACY_KEY in top and "stages" not in top:
        place = Place(name, line, lines=top.lines)
        content, said = from_legacy(Section(top, place, problems), source)
    else:
        workflow = top.get("workflow_kind")
        mender = Mender(SHAPES.get(str(workflow), SHAPES["lstchain"]), name)
        content, said = mender.mended(top), mender.said
    if problems:
        raise ConfigError(problems)
    return content, said


def _check_target(source: Path, target: Path, overwrite: bool) -> None:
    if os.path.realpath(source) == os.path.realpath(target):
        raise LstluigiError(f"{target} is the old config, which is not changed; name another file")
    if target.is_dir():
        raise LstluigiError(f"{target} is a directory; name a file")
    if target.exists() and not overwrite:
        raise LstluigiError(f"{target} is there already; name another file or add --overwrite")
    if not target.parent.is_dir():
        raise LstluigiError(f"there is no directory {target.parent}; make it first")


def _away_from_home(content: dict[str, Any], source: Path, name: str) -> dict[str, Any]:
    """The config as it has to be in another directory to mean the same files.

    Raises
    ------
    LstluigiError
        Where it names relative paths, which are relative to its directory.
    """
    relative = next((path for path in _paths(content) if not path.startswith("/")), None)
    if relative is not None:
        raise LstluigiError(
            f"{name} names the relative path {shown(relative)}, which means another file in "
            f"another directory; write the new config into {source.parent}"
        )
    key = TOOL_KEYS[main_tool(str(content.get("workflow_kind")))]
    taken = [path for other in TOOL_KEYS.values() if isinstance(path := content.get(other), str)]
    alone = lone_json(source.parent, [os.path.normpath(path) for path in taken])
    if alone is None or content.get(key) is not None:
        return content
    return {**_without_stages(content), key: str(alone), **content}


def _without_stages(content: Mapping[str, Any]) -> dict[str, Any]:
    """What stands above the long part of a config."""
    return {key: value for key, value in content.items() if not key.startswith("stages")}


def _paths(value: object, key: str = "") -> Iterator[str]:
    """Texts below keys that hold paths."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _paths(inner, key if key in ("input", "output") else name)
    elif isinstance(value, list):
        for inner in value:
            yield from _paths(inner, key)
    elif isinstance(value, str) and key in PATHS:
        yield value


def _header(
    source: Path, said: Sequence[str], comments: Sequence[tuple[int, str]]
) -> Iterator[str]:
    yield f"Written by lstluigi upgrade-config from {shown(source.name)}."
    yield "What was put right, or is not in the old file:"
    yield from (f"- {sentence}" for sentence in said)
    if comments:
        yield ""
        yield "Comments of the old file, by its lines:"
        yield from (f"{line:>5}: {text}" for line, text in comments)


def _plain(value: Any) -> Any:
    """The same as plain dicts and lists, which YAML writes without tags."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


def _publish(text: str, target: Path, name: str) -> None:
    """Write the new config if it loads, where it is to lie; else tell what the old one lacks."""
    with written(target) as trial:
        trial.write_text(text, encoding="utf-8")
        value, _, problems = read_yaml(trial, name)
        forget_lines(value)
        interpret(value, Place(name), problems, target, SHAPES)
