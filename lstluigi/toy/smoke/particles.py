"""What was simulated, as the names of LST paths tell it."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: Samples of the toy simulation by what the paths of LST productions call them; the last name of a
#: path counts. prod5 has gammas from a point (off0.0deg) and from a ring (off0.4deg).
_NAMES: Mapping[str, re.Pattern[str]] = {
    "gamma-diffuse": re.compile(r"gammas?[-_]?diffuse|diffuse[-_]?gammas?", re.IGNORECASE),
    "proton": re.compile("proton", re.IGNORECASE),
    "electron": re.compile("electron", re.IGNORECASE),
    "gamma-point": re.compile(r"off0\.0deg"),
}
#: What paths without such a name hold: the gammas of test nodes.
USUAL = "gamma-ring"


def particle_of(path: str, prod_id: str) -> str:
    """The toy sample that stands for the events below a path.

    Parameters
    ----------
    path : str
        Of DL0 or of anything made of it.
    prod_id : str
        Is part of many paths and says nothing about what was simulated.
    """
    text = path.replace(prod_id, "") if prod_id else path
    ends = {
        name: max((match.end() for match in pattern.finditer(text)), default=-1)
        for name, pattern in _NAMES.items()
    }
    best = max(ends, key=ends.__getitem__)
    return best if ends[best] >= 0 else USUAL
