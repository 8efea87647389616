"""What each random forest may know: parameters of images, and what earlier forests found out.

Read off lstchain 0.12.3, reco/dl1_to_dl2.py: energy and disp are trained and applied on DL1, and
only the classification of particles comes after them. scikit-learn 1.9 refuses a column that is
given twice; an older one draws it twice as often as the others (both measured with its forests).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from lstluigi.config.tool_config import ToolConfig
from lstluigi.errors import shown
from lstluigi.validation.findings import Finding, error, warning

#: The list of the forest that is the last to be trained and applied.
LAST = "particle_classification_features"
#: Columns of DL1 that are no parameters of an image, and what they are.
_NEVER = {
    "simulation truth, which real data do not have": re.compile(r"(log_)?mc_.+|disp_.+|src_[xy]"),
    "bookkeeping, which tells a forest of the files and not of the shower": re.compile(
        r"(event|obs|tel|calibration)_id|(event|trigger|ucts_trigger)_type|ucts_jump"
        r"|(dragon|tib|trigger|ucts)_time"
    ),
}
_RECONSTRUCTED = re.compile(r"log_reco_energy|reco_.+|signed_.+")
#: Found only if disp is told as a length and a sign.
_NORM_AND_SIGN = re.compile(r"reco_disp_(norm|sign).*")


def forest_findings(
    lstchain: ToolConfig, lists: Mapping[str, list[Any]], method: object, sure: bool
) -> Iterator[Finding]:
    """Features that a forest must not have, or that are not there yet.

    Parameters
    ----------
    lstchain
        The config.
    lists
        Features by the key that lists them.
    method
        How disp is reconstructed.
    sure
        Whether the columns are known to be those of the production's lstchain.
    """
    tell = error if sure else warning
    for key, features in lists.items():
        where = f"{lstchain.path}, key {shown(key)}"
        for feature, count in Counter(name for name in features if isinstance(name, str)).items():
            if what := _wrong(key, feature, method):
                yield tell(where, f"{shown(feature)} is {what}", "take it out")
            elif count > 1:
                what = f"{shown(feature)} is listed {'twice' if count == 2 else f'{count} times'}, "
                what += "which scikit-learn refuses, or else draws it the more often"
                yield tell(where, what, "keep it once")


def _wrong(key: str, feature: str, method: object) -> str:
    """What is wrong with a feature; empty if nothing is."""
    for what, names in _NEVER.items():
        if names.fullmatch(feature):
            return what
    if key != LAST and _RECONSTRUCTED.fullmatch(feature):
        return f"reconstructed only after this forest, so that {LAST} alone can have it"
    if method == "disp_vector" and _NORM_AND_SIGN.fullmatch(feature):
        return "not reconstructed with the disp_method 'disp_vector'"
    return ""
