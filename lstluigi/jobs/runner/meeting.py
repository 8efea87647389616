"""Files that a command takes together: refused where they do not agree by what they say."""

from __future__ import annotations

import importlib.metadata
import os
from typing import Any, Dict, Iterable, List, Tuple

from .base import ItemError, Json, Unsound
from .facts import FIRST, Facts
from .models import refuse_models
from .simtel import thrown


def compare(meeting: Json) -> None:
    """Refuse files that do not agree, naming them and in what they differ.

    Parameters
    ----------
    meeting : dict
        ``files``, each with the particle that it must hold (empty where all must hold one);
        ``pointing``: ``one`` where all files must have the same, ``same`` where all must have
        the same set, ``each`` where those of one directory must, and no run may be there twice;
        ``runs``, how many a simtel file may hold; ``models``, the features that each must have.

    Raises
    ------
    ItemError
        Always for the data: another try would end like this, too.
    """
    refuse_models(meeting.get("models", {}))
    try:
        if meeting.get("runs"):
            for path, _ in meeting["files"]:
                refuse_many_runs(path)
            return
        rule = meeting["pointing"]
        found = [(Facts(path), wanted) for path, wanted in meeting["files"]]
    except Unsound as error:
        raise ItemError(
            f"an input cannot be read: it {error}", bad_data=True, certain=True
        ) from None
    for one, wanted in found:
        refuse_alone(one, wanted)
    facts = [one for one, _ in found]
    with_events = [
        one for one in facts if one.events
    ]  # an empty file may be a copy of an older one
    refuse_other("version", with_events, "were made by {} and by {}")
    refuse_other("telescopes", facts, "hold telescopes {} and {}")
    if not any(wanted for _, wanted in found):
        refuse_other("particles", facts, "hold {} and {}")
    if rule == "one":
        refuse_other("pointings", facts, "point to {} and to {}")
        refuse_mixed_runs(facts)
    elif rule == "same":
        refuse_other("pointings", facts, "were not simulated at the same pointings: {} and {}")
    elif rule == "each":
        refuse_mixed_nodes(facts)
        refuse_runs_twice(facts)


def refuse_many_runs(path: str) -> None:
    """Refuse a simtel file of several runs."""
    try:
        runs = thrown(path)
    except (OSError, ImportError, Unsound):
        return  # whether it can be read, the command tells
    if len(runs) > 1:
        numbers = ", ".join(str(number) for number, _ in runs[:3])
        showers = ", ".join(str(count) for _, count in runs[:3])
        raise ItemError(
            f"an input holds {len(runs)} runs ({numbers}) of {showers} showers, of which only the "
            "first would count as thrown, and effective areas would be too large; split it into a "
            f"file for each run: {path}",
            bad_data=True,
            certain=True,
        )


def refuse_alone(one: Facts, wanted: str) -> None:
    """Refuse a file that is wrong whatever it meets."""
    if one.twice:
        raise ItemError(
            f"an input holds {one.twice} of its {one.events} events twice: it was made of several "
            f"runs, or of one run twice; make it again of one run: {one.path}",
            bad_data=True,
            certain=True,
        )
    if 0 < len(one.runs) < one.series:
        raise ItemError(
            f"an input holds events of {one.series} runs, by the order of their numbers, and the "
            f"{one.showers} showers of {len(one.runs)}, by which effective areas would be too "
            f"large; make it again with a file for each run: {one.path}",
            bad_data=True,
            certain=True,
        )
    if one.old and not is_old(installed()):
        raise ItemError(
            f"an input was made by {one.version or 'an old lstchain'}, and lstchain {installed()} "
            f"cannot read its table of runs; make it again of DL0: {one.path}",
            bad_data=True,
            certain=True,
        )
    runs = [(number, pointing) for number, _, pointing in one.runs]
    if len(set(runs)) < len(runs):
        number = next(run for run in runs if runs.count(run) > 1)[0]
        raise ItemError(
            f"an input holds run {number} more than once, and its showers would count more than "
            f"once; merge each file once: {one.path}",
            bad_data=True,
            certain=True,
        )
    if len(one.particles) > 1:
        raise ItemError(
            f"expected one kind of particle in an input, got {' and '.join(one.particles)}: "
            f"{one.path}",
            bad_data=True,
            certain=True,
        )
    if wanted and one.particles and one.particles != [wanted]:
        raise ItemError(
            f"expected {wanted}s in an input, got {' and '.join(one.particles)}s; name the file of "
            f"the {wanted}s in place of {one.path}",
            bad_data=True,
            certain=True,
        )


def installed() -> str:
    """Return the version of the lstchain that the job uses; empty where there is none."""
    try:
        return importlib.metadata.version("lstchain")
    except importlib.metadata.PackageNotFoundError:
        return ""


def is_old(version: str) -> bool:
    """Say whether a version of lstchain describes runs as it did until 0.9; so says no version."""
    numbers = [int(part) for part in version.split(".")[:2] if part.isdecimal()]
    return numbers < [0, 10]


def refuse_other(what: str, facts: Iterable[Facts], words: str) -> None:
    """Refuse the first file that differs from the first one that says anything."""
    first = None
    for one in facts:
        value = getattr(one, what)
        if not value:
            continue
        first = first or one
        if getattr(first, what) != value:
            shown = words.format(*in_words(getattr(first, what), value))
            reason = f"inputs do not go together, they {shown}: {first.path} and {one.path}"
            raise ItemError(reason, bad_data=True, certain=True)


def in_words(one: Any, other: Any) -> Tuple[str, str]:
    """Put two names, or two lists by what only one of them has, into words."""
    if isinstance(one, str):
        return one, other
    only = ([name for name in a if name not in b] for a, b in ((one, other), (other, one)))
    first, second = ("; ".join(names[:3]) or "no other" for names in only)
    return first, second


def refuse_mixed_runs(facts: Iterable[Facts]) -> None:
    """Refuse a file whose runs were simulated differently: lstchain ends with a bare assertion."""
    for one in facts:
        if one.mixed:
            raise ItemError(
                f"an input holds runs that differ in {', '.join(one.mixed[:5])}; merge runs that "
                f"were simulated alike: {one.path}",
                bad_data=True,
                certain=True,
            )


def refuse_mixed_nodes(facts: Iterable[Facts]) -> None:
    """Refuse files of one directory that point to several places: a directory of runs is a node.

    Merged files of several nodes may share a directory.
    """
    nodes: Dict[str, List[Facts]] = {}
    for one in (one for one in facts if len(one.runs) <= 1):
        nodes.setdefault(os.path.dirname(one.path), []).append(one)
    for node in nodes.values():
        refuse_other("pointings", node, "lie in one directory and point to {} and to {}")


def refuse_runs_twice(facts: Iterable[Facts]) -> None:
    """Refuse a run that two files hold: its showers and events would count twice.

    Numbers of runs repeat between nodes; so a run is known by its pointing, too.
    """
    seen: Dict[Any, str] = {}
    for one in facts:
        for number, _, pointing in one.runs:
            other = seen.setdefault((number, pointing), one.path)
            if other != one.path:
                raise ItemError(
                    f"inputs hold the same run {number} at {pointing}, whose showers and events "
                    f"would count twice; take one of them away: {other} and {one.path}",
                    bad_data=True,
                    certain=True,
                )
        if one.begin:
            other = seen.setdefault(one.begin, one.path)
            if other != one.path:
                raise ItemError(
                    f"inputs begin with the same {FIRST} events, which would count twice; take one "
                    f"of them away: {other} and {one.path}",
                    bad_data=True,
                    certain=True,
                )
