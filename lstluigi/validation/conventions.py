"""Habits of the library of productions: names that tell, a readme, nothing private in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from lstluigi.config import ProductionConfig, Step
from lstluigi.errors import shown
from lstluigi.files import leaves, odd_file
from lstluigi.layouts.celestial import celestial, far_from_lines
from lstluigi.validation.findings import Finding, warning

_VERSION = re.compile(r"(\d+\.\d+\.\d+)")
_NAMED_VERSION = re.compile(r"v(\d+\.\d+\.\d+)")
_DATE = re.compile(r"(?<!\d)20\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?!\d)")
#: No more of a readme is looked at.
READ = 256 * 1024

_RA_DEC = re.compile(
    r"\b(?:RA|R\.A\.)\s*[:=]?\s*\d[\d.:hms ]*|\b\d{1,2}h\s?\d{1,2}m\s?\d", re.IGNORECASE
)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_USER = re.compile(r"(?<![\w/.])@[A-Za-z][\w-]+")
_CONTACT = re.compile(
    r"^[^\w\n]*(?:contact|requested by|requester|author|analy[sz]er)[^\w\n]*:[^\w\n]*\w.*",
    re.I | re.M,
)
_PRIVATE = (
    (_RA_DEC, "has the coordinates of a source"),
    (_MAIL, "has an e-mail address"),
    (_USER, "names a user"),
    (_CONTACT, "names a person"),
)

_HEADING = re.compile(r"^#+ ", re.MULTILINE)
#: Begins the name of the directory of a level of an NSB grid.
_LEVEL = "NSB-"


def version_named(config: ProductionConfig) -> str | None:
    """The version of lstchain that a production is for, by its environment, else by its prod_id."""
    source = config.source_environment
    environment = "" if source is None else source.conda_env or ""
    found = _VERSION.search(environment) or _NAMED_VERSION.search(config.prod_id)
    return None if found is None else found[1]


def habit_findings(config: ProductionConfig) -> Iterator[Finding]:
    """Where a production breaks with a habit."""
    yield from _names(config)
    yield from _sources(config)
    yield from _outputs(config)
    yield from _links(config)
    yield from _readmes(config)


def _links(config: ProductionConfig) -> Iterator[Finding]:
    """What nobody can read, or only who has what the link leads to; the library shows neither."""
    directory = config.path.parent
    visible = (path for path in directory.iterdir() if not path.name.startswith("."))
    beside = (path for path in visible if _has_name(path) or path.suffix == ".json")
    for path in sorted({config.path, *beside}):
        if what := odd_file(path):
            yield warning(str(path), what, "put the file itself there, or take it away")
        elif place := leaves(path):
            what = f"this is a link out of its directory ({shown(place, 4096)[1:-1]})"
            yield warning(str(path), what, "put a copy there: the library follows no such link")


def _names(config: ProductionConfig) -> Iterator[Finding]:
    where, prod_id = f"{config.path}, key 'prod_id'", config.prod_id
    if not prod_id:
        return
    directory = config.path.parent
    # levels of a grid: NSB-0.07 with a prod_id that ends in 0.07
    level = directory.name.startswith(_LEVEL) and prod_id.endswith(directory.name[len(_LEVEL) :])
    if directory.name != prod_id and not level:
        what = f"the directory is named {shown(directory.name)}, the production {shown(prod_id)}"
        yield warning(where, what, "give both the same name, by which it is found")
    if not _DATE.search(prod_id):
        what = f"{shown(prod_id)} has no date"
        yield warning(where, what, "begin it with one, such as 20260131")
    named = _NAMED_VERSION.search(prod_id)
    if named is None:
        what = f"{shown(prod_id)} does not say the version of lstchain"
        yield warning(where, what, "add it, such as v0.12.3")
    version = version_named(config)
    if named is not None and version != named[1]:
        what = f"{shown(prod_id)} says lstchain {named[1]}, the environment {version}"
        yield warning(where, what, "let both name the same")


def _sources(config: ProductionConfig) -> Iterator[Finding]:
    """Sources that the prod_id names."""
    where, prod_id = f"{config.path}, key 'prod_id'", config.prod_id
    for one in celestial(prod_id):
        if one.private:
            what = f"{shown(prod_id)} names a source: {shown(one.spelt)}"
            yield warning(where, what, "give it a number, such as src9: the library is public")
    for what in far_from_lines(prod_id, _paths(config)):
        yield warning(where, what, "correct the prod_id, or take the nearer line")


def _paths(config: ProductionConfig) -> Iterator[str]:
    """What steps read and make."""
    for step in config.steps:
        yield from step.inputs.values()
        yield from _made(step)
        if step.path_model is not None:
            yield step.path_model


def _made(step: Step) -> Iterable[str]:
    return [step.output] if isinstance(step.output, str) else (step.output or {}).values()


def _outputs(config: ProductionConfig) -> Iterator[Finding]:
    """Outputs that are named after the production that this one is a copy of, or its source."""
    around, prod_id = f"{config.path.parent}/", config.prod_id
    names = [path.removeprefix(around).split("/") for step in config.steps for path in _made(step)]
    if not prod_id:
        return
    where = f"{config.path}, key 'prod_id'"
    if not any(prod_id in name for parts in names for name in parts):
        for other in _of_most(names, lambda name: [name] if _is_prod_id(name) else []):
            what = f"outputs are named after {shown(other)}, the production {shown(prod_id)}"
            yield warning(where, what, "correct one of them, or the two share their files")
    elif own := {one.name for one in celestial(prod_id)}:
        for other in _of_most(names, _other_sources(prod_id, own)):
            what = f"outputs are named after the source {shown(other)}, the production "
            yield warning(where, what + shown(prod_id), "let both be of one source")


def _other_sources(prod_id: str, own: Collection[str]) -> Callable[[str], list[str]]:
    """What tells the sources, other than the production's own, that the name of a directory has."""

    @cache
    def told(name: str) -> list[str]:
        return [one.name for one in celestial(name.replace(prod_id, "")) if one.name not in own]

    return told


def _of_most(names: Sequence[Sequence[str]], tell: Callable[[str], Iterable[str]]) -> list[str]:
    """What is told of the names in more than half of the paths."""
    counts = Counter(word for parts in names for word in {w for n in parts for w in tell(n)})
    return [word for word, count in counts.most_common(1) if 2 * count > len(names)]


def _is_prod_id(name: str) -> bool:
    """Is this the name of a production, as a directory?"""
    if _DATE.match(name) is None:
        return False
    return _NAMED_VERSION.search(name) is not None or any(celestial(name))


def _unanswered(text: str) -> list[str]:
    """Headings of a readme with nothing but questions below them."""
    found = []
    for section in _HEADING.split(text)[1:]:
        heading, _, body = section.partition("\n")
        told = [part.strip() for part in re.split(r"\n\s*\n", body) if part.strip()]
        if told and all(part.endswith("?") for part in told):
            found.append(heading.strip())
    return found


def _readmes(config: ProductionConfig) -> Iterator[Finding]:
    directory = config.path.parent
    readmes = sorted(path for path in directory.iterdir() if _has_name(path))
    if not readmes:
        # a level of a grid has the readme of the grid
        above = directory.parent.glob("[rR][eE][aA][dD]*")
        if not any(_has_name(path) and path.is_file() for path in above):
            what = "there is no readme.md beside the config"
            yield warning(
                str(directory), what, "write one: what the production is for, and how it was made"
            )
        return
    for readme in (path for path in readmes if path.is_file() and not leaves(path)):
        with readme.open(encoding="utf-8", errors="replace") as file:
            text = file.read(READ)
        if asked := _unanswered(text):
            what = f"questions of the readme are not answered, such as that under {shown(asked[0])}"
            yield warning(str(readme), what, "answer each below it, and take the question out")
        for what, given in _private(text.replace(config.prod_id or " ", "")):
            line = text.count("\n", 0, text.find(given)) + 1
            where = f"{readme}, line {line}"
            said = f"the readme {what}: {shown(given.strip(), 60)}"
            yield warning(where, said, "keep it out: the library is public")


def _private(text: str) -> Iterator[tuple[str, str]]:
    """What a text gives away first of each kind, and how it is written."""
    source = next((one.spelt for one in celestial(text) if one.private), None)
    if source is not None:
        yield "names a source", source
    for pattern, what in _PRIVATE:
        if found := pattern.search(text):
            yield what, found[0]


def _has_name(path: Path) -> bool:
    """Is this the name of a readme?"""
    return path.name.lower() in ("readme", "readme.md", "readme.txt", "readme.rst")
