"""Configs of the tools that jobs call: their content, not their path, is what counts."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from lstluigi.config.ctapipe import START, ctapipe_problems, ctapipe_remarks, known_classes
from lstluigi.errors import ConfigError, Problem, shown
from lstluigi.files import YAML


def canonical(value: Any) -> str:
    """JSON text that is the same for equal content, whatever the order of keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def digest(value: Any) -> str:
    """Short hash of the canonical JSON of a value."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:16]


#: The configs that lstchain writes have 10 kB.
MAX_CHARACTERS = 4 * 1024**2
#: Tools that have a config, by the key that names it in a production config (without `_config`).
TOOLS = ("lstchain", "ctapipe", "rta")


@dataclass(frozen=True)
class ToolConfig:
    """The parsed config of a tool that jobs call.

    Attributes
    ----------
    tool
        One of `TOOLS`.
    path, text
        Where it lies, and its text.
    content
        What it says.
    """

    tool: str
    path: Path
    text: str
    content: Mapping[str, Any]

    @cached_property
    def digest(self) -> str:
        """Hash of the content."""
        return digest(self.content)

    def digest_without(self, unread: frozenset[str]) -> str:
        """Hash of the content without these top-level keys."""
        if unread not in self._digests:
            self._digests[unread] = digest(without(self.content, unread))
        return self._digests[unread]

    @cached_property
    def _digests(self) -> dict[frozenset[str], str]:
        return {}

    @property
    def kept_name(self) -> str:
        """Name of the copy that is kept beside a product."""
        return f"{self.tool}_config_{self.digest}{self.path.suffix}"

    def problems(self) -> Iterator[Problem]:
        """What the tool would pass over in silence, or refuse when its job has begun."""
        if self.tool in _CHECKS:
            yield from _CHECKS[self.tool](f"{self.tool} config {self.path}", self.content)

    def remarks(self) -> Iterator[str]:
        """What people should know of it, though nothing keeps the tool from running."""
        if self.tool in _REMARKS:
            for said in _REMARKS[self.tool](self.content):
                yield f"{self.tool} config {self.path}: {said}"

    @classmethod
    def read(cls, tool: str, path: Path) -> ToolConfig:
        """Read a config: JSON (a bare Infinity allowed as lstchain writes it), YAML, TOML, text.

        Raises
        ------
        ConfigError
            When the file cannot be read or does not hold names and values.
        """
        try:
            with path.open(encoding="utf-8") as file:
                text = file.read(MAX_CHARACTERS + 1)
            if len(text) > MAX_CHARACTERS:
                raise _unfit(tool, path, f"it is longer than {MAX_CHARACTERS // 1024**2} MiB")
            content = _PARSERS[tool](path.suffix, text)
            canonical(content)
        except OSError as error:
            what = f"it cannot be read ({error.strerror})"
            raise _unfit(tool, path, what, "check the path") from None
        except json.JSONDecodeError as error:
            raise _unfit(tool, path, *_json_said(error)) from None
        except (ValueError, yaml.YAMLError, RecursionError) as error:
            raise _unfit(tool, path, _said(error)) from None
        except TypeError:
            raise _unfit(tool, path, "it has a key that is no text") from None
        if not isinstance(content, dict):
            raise _unfit(tool, path, "it does not hold a JSON object (names with values)")
        return cls(tool, path, text, content)


def without(content: Mapping[str, Any], unread: frozenset[str]) -> Mapping[str, Any]:
    """A config's content without these top-level keys."""
    return {key: value for key, value in content.items() if key not in unread}


def is_lstchain(content: Mapping[str, Any]) -> bool:
    """False for a JSON file about something else: every lstchain config has one of these."""
    return not content.keys().isdisjoint(("tailcut", "image_extractor", "source_config"))


def tool_of(path: Path) -> str | None:
    """Say which tool a JSON file is the config of, by what it holds; None if nothing tells."""
    try:
        content = ToolConfig.read("lstchain", path).content
    except ConfigError:
        return None
    if is_lstchain(content):
        return "lstchain"
    return "ctapipe" if known_classes().keys() & content.keys() else None


def _unfit(tool: str, path: Path, what: str, mend: str = "") -> ConfigError:
    return ConfigError([Problem(f"{tool} config {path}", what, mend or _MENDS[tool])])


#: The configs of a production, by tool.
ToolConfigs = Mapping[str, ToolConfig]


def _said(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    said = " ".join(str(error).split())
    kind = "YAML" if isinstance(error, yaml.YAMLError) else "JSON"
    return f"it is not {'TOML' if isinstance(error, tomllib.TOMLDecodeError) else kind} ({said})"


#: Words of Python that are no JSON, and those of JSON.
_PYTHON_WORDS = {"True": "true", "False": "false", "None": "null", "nan": "NaN", "inf": "Infinity"}


def _json_said(error: json.JSONDecodeError) -> tuple[str, str]:
    """What keeps a text from being JSON, and what to do."""
    if not error.doc.strip():
        return "it is not JSON (it is empty)", ""
    if error.doc.startswith("\ufeff"):
        return "it is not JSON (it begins with a byte order mark)", "save it as UTF-8 without one"
    line = error.doc.splitlines()[error.lineno - 1].strip()
    before = error.doc[: error.pos].rstrip()
    what = f"it is not JSON (line {error.lineno}, {shown(line, 60)}: {error.msg})"
    if line.startswith(("//", "/*", "#")) or error.doc.startswith(("//", "/*", "#"), error.pos):
        return what, "take the comment out: JSON has none"
    if before.endswith(",") and error.doc.startswith(("}", "]"), error.pos):
        return what, "take out the comma before it, after the last entry"
    word = re.match(r"[A-Za-z']+", error.doc[error.pos :])
    if word and word.group() in _PYTHON_WORDS:
        return what, f"write {_PYTHON_WORDS[word.group()]} in place of Python's {word.group()}"
    if error.doc.startswith("'", error.pos):
        return what, "put texts in double quotes"
    return what, "put a comma between two entries, and texts in double quotes"


def _json(suffix: str, text: str) -> Any:
    return json.loads(text)


def _traitlets(suffix: str, text: str) -> Any:
    """The formats that a ctapipe tool reads."""
    if suffix in YAML:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return tomllib.loads(text) if suffix == ".toml" else json.loads(text)


def _lines(suffix: str, text: str) -> Any:
    """Lines of the form `key = value;`; of two with one key the last counts."""
    content = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if line.strip():
            content[key.strip()] = value.strip().rstrip(";").strip() if equals else ""
    return content


def _rta_problems(where: str, content: Mapping[str, Any]) -> Iterator[Problem]:
    """Say that a file is another one's: nothing in it is a key of HiPeRTA's config."""
    if not RTA_KEYS.intersection(content):
        what = f"it has none of the keys of HiPeRTA ({', '.join(sorted(RTA_KEYS))})"
        yield Problem(where, what, "name HiPeRTA's own config, " + _RTA_LINES)


def _rta_remarks(content: Mapping[str, Any]) -> Iterator[str]:
    """Keys beside those known; where none is known it is another file, which is told."""
    for key in sorted(content.keys() - RTA_KEYS) if content.keys() & RTA_KEYS else ():
        yield f"{shown(key)} is no key of HiPeRTA that lstluigi knows"


_RTA_LINES = "lines of the form 'key = value;'"
#: What HiPeRTA's config may say.
RTA_KEYS = frozenset(
    (
        *("integrationType", "cleaningType", "nbSliceBeforePeak", "nbSliceWindow"),
        *("hillasThresholdCenter", "hillasThresholdNeigbours", "hillasThresholdSignalTel"),
        *("minNumberNeighboursPixels", "keepIsolatedPixels"),
    )
)
_PARSERS: Mapping[str, Callable[[str, str], Any]] = {
    "lstchain": _json,
    "ctapipe": _traitlets,
    "rta": _lines,
}
_CHECKS: Mapping[str, Callable[[str, Mapping[str, Any]], Iterator[Problem]]] = {
    "ctapipe": ctapipe_problems,
    "rta": _rta_problems,
}
_REMARKS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[str]]] = {
    "ctapipe": ctapipe_remarks,
    "rta": _rta_remarks,
}
_MENDS = {
    "lstchain": "write a fresh one with lstchain_dump_config --mc",
    "ctapipe": START,
    "rta": f"write {_RTA_LINES}",
}


#: Texts longer than this (characters) are shown from so many characters before a difference.
LONG, CONTEXT = 100, 30


def differences(old: Any, new: Any, key: str = "") -> Iterator[str]:
    """Keys in which two configs differ, as `a.b: 1 -> 2`."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            inner = f"{key}.{name}" if key else name
            yield from differences(old.get(name, "absent"), new.get(name, "absent"), inner)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (before, after) in enumerate(zip(old, new, strict=True), start=1):
            yield from differences(before, after, f"{key}[{number}]")
    elif isinstance(old, list) and isinstance(new, list):
        before, after = _without_common_ends(old, new)
        yield f"{key}: {_from_difference(before, after)}"
    elif canonical(old) != canonical(new):
        yield f"{key}: {_from_difference(old, new)}"


def _without_common_ends(old: list[Any], new: list[Any]) -> tuple[list[Any], list[Any]]:
    """Two lists without the elements that both begin or both end with."""
    pairs = list(zip(old, new, strict=False))
    head = next((n for n, (a, b) in enumerate(pairs) if a != b), len(pairs))
    old, new = old[head:], new[head:]
    pairs = list(zip(reversed(old), reversed(new), strict=False))
    tail = next((n for n, (a, b) in enumerate(pairs) if a != b), len(pairs))
    return old[: len(old) - tail], new[: len(new) - tail]


def _from_difference(old: Any, new: Any) -> str:
    """Two values as `1 -> 2`; long texts from shortly before their first difference."""
    if isinstance(old, str) and isinstance(new, str) and max(len(old), len(new)) > LONG:
        pairs = enumerate(zip(old, new, strict=False))
        first = next((n for n, (a, b) in pairs if a != b), min(len(old), len(new)))
        start = max(0, first - CONTEXT)
        if start:
            old, new = f"...{old[start:]}", f"...{new[start:]}"
    return f"{shown(old)} -> {shown(new)}"
