"""Global cuts that the options of lstchain's IRFs name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from lstluigi.errors import shown

#: Cuts in an angle around the source.
ANGLES = ("alpha", "theta")


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


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:  # the parser of the command says so
        return False
    return True
