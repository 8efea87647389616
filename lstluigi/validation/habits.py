"""Habits of the library of productions: names that tell, a readme, nothing private in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from lstluigi.config import ProductionConfig
from lstluigi.errors import shown
from lstluigi.files import leaves, odd_file
from lstluigi.validation.findings import Finding, warning

_VERSION = re.compile(r"(\d+\.\d+\.\d+)")
_NAMED_VERSION = re.compile(r"v(\d+\.\d+\.\d+)")
_DATE = re.compile(r"(?<!\d)20\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?!\d)")
#: No more of a readme is looked at.
READ = 256 * 1024

#: Catalogues that name their sources by numbers.
_CATALOGUES = (
    "1ES|1RXS|3C|4C|B2|B3|TXS|PKS|PG|RGB|S[2-5]|OP|OJ|OT|RX|RS|NGC|IC|GRB|GW|FRB|SN|SNR|PSR|MAXI|H|"
    "HESS|VER|MAGIC|LHAASO|HAWC|MGRO|[1-4]FGL|[1-3]FHL|[1-3]HWC"
)
#: Sources with a name. Not the Crab nebula: every tuning is compared with it.
_NAMED = (
    r"BL Lac(?:ertae)?|Boomerang|Cas(?:siopeia)? A|Cen(?:taurus)? A|Coma Berenices|Draco|Dragonfly|"
    r"Cyg(?:nus)? X-[13]|Galactic Cent(?:er|re)|Geminga|LS 5039|LS I \+61 303|M31|M82|M87|"
    r"(?:Mrk|Mkn|Markarian)[ _-]?\d{2,4}|Perseus cluster|RS Oph(?:iuchi)?|Segue 1|Sgr A\*?|"
    r"SS ?433|T CrB|Tycho|W44|W51"
)
_SOURCES = re.compile(
    rf"(?<!\w)(?:{_NAMED}|(?:{_CATALOGUES})[ _-]?[JGB]?\d{{3,}}(?:[.+-]\d+)*[A-Z]?)(?!\w)",
    re.IGNORECASE,
)
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
    (_SOURCES, "names a source"),
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


def _outputs(config: ProductionConfig) -> Iterator[Finding]:
    """Outputs that are named after the production that this one is a copy of."""
    around = f"{config.path.parent}/"
    given = (step.output for step in config.steps)
    paths = [p for one in given for p in ([one] if isinstance(one, str) else (one or {}).values())]
    names = [path.removeprefix(around).split("/") for path in paths]
    if not config.prod_id or any(config.prod_id in name for parts in names for name in parts):
        return
    others = Counter(
        name for parts in names for name in {n for n in parts if _is_prod_id(n)}
    ).most_common(1)
    for other, count in others:
        if 2 * count > len(names):
            where = f"{config.path}, key 'prod_id'"
            what = f"outputs are named after {shown(other)}, the production {shown(config.prod_id)}"
            yield warning(where, what, "correct one of them, or the two share their files")


def _is_prod_id(name: str) -> bool:
    """Is this the name of a production, as a directory?"""
    return _DATE.match(name) is not None and _NAMED_VERSION.search(name) is not None


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
        for pattern, what in _PRIVATE:
            if found := pattern.search(text):
                line = text.count("\n", 0, found.start()) + 1
                where = f"{readme}, line {line}"
                said = f"the readme {what}: {shown(found[0].strip(), 60)}"
                yield warning(where, said, "keep it out: the library is public")


def _has_name(path: Path) -> bool:
    """Is this the name of a readme?"""
    return path.name.lower() in ("readme", "readme.md", "readme.txt", "readme.rst")
