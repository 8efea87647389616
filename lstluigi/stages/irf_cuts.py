"""Global cuts that the options of lstchain's IRFs name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from lstluigi.errors import shown

#: Cuts in an angle around the source.
ANGLES = ("alpha", "theta")
#: Lists of telescopes in the lstchain config: of what DL1 is made, and of what IRFs are.
MADE, KEPT = ("source_config", "EventSource", "allowed_tels"), ("DL3Cuts", "allowed_tels")
#: What the IRF tool of lstchain 0.12.3 keeps where the config says nothing.
DEFAULT = [1]
#: Options of the IRF tool that overrule the config: what they keep is left to the tool.
KEEPING = ("--allowed-tels", "--DL3Cuts.allowed_tels")


def given(cut: str, arguments: Sequence[str]) -> Iterator[str]:
    """Values that options give to a global cut, in each of the forms that lstchain takes."""
    names = (f"--global-{cut}-cut", f"--DL3Cuts.global_{cut}_cut")
    for word, following in pairwise((*arguments, "")):
        name, equals, value = word.partition("=")
        if name in names:
            yield value if equals else following


def of_no_event(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Cuts in an angle that no event passes: lstchain makes empty IRFs of them and ends well."""
    for cut in ANGLES:
        for value in given(cut, arguments):
            if _is_number(value) and float(value) <= 0:
                yield f"no event passes a cut in {cut} at {shown(value)}", "give a positive angle"


def of_other_telescopes(
    lstchain: Mapping[str, Any], arguments: Sequence[str] = ()
) -> Iterator[tuple[str, str]]:
    """Telescopes that DL1 is made of and of which the IRF tool keeps none (by default it keeps 1).

    lstchain makes IRFs of no event then, and ends well.
    """
    if any(argument.partition("=")[0] in KEEPING for argument in arguments):
        return
    made, kept = (_telescopes(lstchain, *path) for path in (MADE, KEPT))
    if made and not set(made) & set(kept or DEFAULT):
        keeps = "by default" if not kept else "by DL3Cuts.allowed_tels"
        what = (
            f"DL1 is made of telescopes {made} (source_config.EventSource.allowed_tels), and the "
            f"IRF tool keeps {kept or DEFAULT} {keeps}, so that no event is left"
        )
        yield what, f"set DL3Cuts.allowed_tels to {made} in the lstchain config"


def _telescopes(lstchain: Mapping[str, Any], *path: str) -> list[int]:
    """Numbers in a list of the config; none where there is none."""
    found: Any = lstchain
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    numbers = isinstance(found, list) and all(isinstance(number, int) for number in found)
    return list(found) if numbers else []


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:  # the parser of the command says so
        return False
    return True
