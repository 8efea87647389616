"""Sources that the names of productions speak of, and where on the sky those are.

A name of a catalogue may tell a declination: ``1ES 1959+650``, ``LHAASO J2226+6057``. That of
sources with a name is listed here, in degrees (J2000); most lines are more than ten apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from lstluigi.layouts.nodes import declination, declinations, sample

__all__ = ["Celestial", "celestial", "far_from_lines"]

#: Every tuning is compared with it, so naming it gives nothing away.
_PUBLIC = "crab"
#: Catalogues that name their sources by numbers.
_CATALOGUES = (
    "1ES|1RXS|3C|4C|B2|B3|TXS|PKS|PG|RGB|S[2-5]|OP|OJ|OT|RX|RS|NGC|IC|GRB|GW|FRB|SN|SNR|PSR|MAXI|H|"
    "HESS|VER|MAGIC|LHAASO|HAWC|MGRO|[1-4]FGL|[1-3]FHL|[1-3]HWC"
)
#: Sources with a name, as a regular expression, with the declination where it is one place.
_NAMED: Mapping[str, float | None] = {
    r"BL Lac(?:ertae)?": 42.28,
    "Boomerang": 61.24,
    r"Cas(?:siopeia)? A": 58.81,
    r"Cen(?:taurus)? A": -43.02,
    "Coma Berenices": 23.90,
    r"Crab(?: (?:nebula|pulsar))?": 22.01,
    "Cyg(?:nus)? X-?1": 35.20,
    "Cyg(?:nus)? X-?3": 40.96,
    "Draco": 57.92,
    "Dragonfly": None,
    "Galactic Cent(?:er|re)": -29.01,
    "Geminga": 17.77,
    "LS 5039": -14.85,
    r"LS I \+61 303": 61.23,
    "M31": 41.27,
    "M82": 69.68,
    "M87": 12.39,
    r"(?:Mrk|Mkn|Markarian) 180": 70.16,
    r"(?:Mrk|Mkn|Markarian) 421": 38.21,
    r"(?:Mrk|Mkn|Markarian) 501": 39.76,
    r"(?:Mrk|Mkn|Markarian) \d{2,4}": None,
    "IC 310": 41.32,
    "NGC 1275": 41.51,
    "Perseus cluster": 41.51,
    r"RS Oph(?:iuchi)?": -6.71,
    "Segue 1": 16.08,
    r"Sgr A\*?": -29.01,
    "SS 433": 4.98,
    "T CrB": 25.92,
    "Tycho": 64.14,
    "W44": None,
    "W51": None,
    "3C 66A": 43.04,
    "3C 273": 2.05,
    "3C 279": -5.79,
}
#: Between two words of a name, and none where it is written in one.
_GAP = "[ _-]?"
#: Neither side of a name goes on; an underscore parts the words of a prod_id.
_START, _END = "(?<![A-Za-z0-9])", "(?![A-Za-z0-9])"
_KNOWN = tuple(
    (re.compile(f"{name.replace(' ', _GAP)}", re.IGNORECASE), place)
    for name, place in _NAMED.items()
)
_ANY = re.compile(
    _START
    + "(?:"
    + "|".join(found.pattern for found, _ in _KNOWN)
    + rf"|(?:{_CATALOGUES}){_GAP}[JGB]?\d{{3,}}(?:[.+-]\d+)*[A-Z]?)"
    + _END,
    re.IGNORECASE,
)
#: Right ascension and declination in a name; not where a dash may as well part two words.
_COORDINATES = re.compile(r"[A-Z0-9]*?[A-Z][ _]?[JB]?\d{4,6}(?:\.\d+)?([+-])(\d{2})(\d{0,4})[A-Z]?")
#: Training lines in a prod_id: ``dec_2276``, ``dec3476``, ``dec_min_413``.
_LINES = re.compile(rf"{_START}dec_?(min_)?(\d{{3,4}})(?!\d)")
_SPELLINGS = (
    (re.compile("^(?:mkn|markarian)"), "mrk"),
    (re.compile("lacertae$"), "lac"),
    (re.compile("^crab.*"), _PUBLIC),
)


@dataclass(frozen=True)
class Celestial:
    """A source as a name speaks of it.

    Parameters
    ----------
    spelt : str
        How it is written there.
    name : str
        The same for each way of writing it.
    declination : float, optional
        In degrees, where it is known.
    """

    spelt: str
    name: str
    declination: float | None = None

    @property
    def private(self) -> bool:
        """Does its name give away what is analysed?"""
        return self.name != _PUBLIC


def celestial(text: str) -> Iterator[Celestial]:
    """Yield the sources that a text speaks of, in its order.

    Parameters
    ----------
    text : str
        A prod_id, the name of a directory, or sentences.
    """
    for found in _ANY.finditer(text):
        spelt = found[0]
        name = re.sub("[ _-]", "", spelt.lower())
        for pattern, usual in _SPELLINGS:
            name = pattern.sub(usual, name)
        yield Celestial(spelt, name, _declination(spelt))


def _declination(spelt: str) -> float | None:
    for pattern, place in _KNOWN:
        if pattern.fullmatch(spelt):
            return place
    if (found := _COORDINATES.fullmatch(spelt.upper())) is None:
        return None
    sign, degrees, rest = found.groups()
    # one digit more is a tenth of a degree, two are minutes
    part = int(rest[:2]) / 60 if len(rest) > 1 else int(rest or 0) / 10
    value = (-1 if sign == "-" else 1) * (int(degrees) + part)
    return value if abs(value) <= 90 else None


def far_from_lines(prod_id: str, paths: Iterable[str]) -> Iterator[str]:
    """Say which source or line of a prod_id is not one that the production's lines are for.

    Parameters
    ----------
    prod_id : str
        Name of a production.
    paths : iterable of str
        What its steps read and make.

    Yields
    ------
    str
        That it names other lines only, or a source that lies farther from each of its lines than
        any source from the nearest of all.
    """
    other = {f"dec_{low}{digits}" for low, digits in _LINES.findall(prod_id)}
    spoken = ((one.spelt, one.declination) for one in celestial(prod_id))
    known = [(spelt, place) for spelt, place in spoken if place is not None]
    if not (other or known) or not (lines := _places(sample(path).line for path in paths)):
        return
    if other and not any(line.removesuffix("_high_density") in other for line in lines):
        yield f"it names {', '.join(sorted(other))}, and the production has {', '.join(lines)}"
    every = _places(declinations())
    reach = max(high - low for low, high in pairwise(sorted({*every.values()}))) / 2
    for spelt, place in known:
        own, best = (min(some, key=lambda x: abs(some[x] - place)) for some in (lines, every))
        away, least = abs(lines[own] - place), abs(every[best] - place)
        if away > reach and away > least:
            yield (
                f"it names {spelt} (declination {place:.1f} deg), and the nearest line of the "
                f"production is {own}, {away:.1f} deg away; {best} is {least:.1f} deg away"
            )


def _places(lines: Iterable[str | None]) -> dict[str, float]:
    """Declinations of training lines."""
    named = (line for line in dict.fromkeys(lines) if line is not None)
    return {line: place for line in named if (place := declination(line)) is not None}
