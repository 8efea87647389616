"""Say how many gammas each cut leaves of those that instrument responses are made of.

Runs inside a job, after `lstchain_create_irf_files` has made responses without any event in them.
It runs the same command once more, with lstchain's own cuts counted, and prints one line.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

#: lstchain's cuts by their methods, in words.
CUTS = {
    "filter_cut": "the event filters",
    "allowed_tels_filter": "allowed_tels",
    "apply_global_gh_cut": "the gammaness cut",
    "apply_energy_dependent_gh_cuts": "the gammaness cuts",
    "apply_global_theta_cut": "the theta cut",
    "apply_energy_dependent_theta_cuts": "the theta cuts",
    "apply_global_alpha_cut": "the alpha cut",
    "apply_energy_dependent_alpha_cuts": "the alpha cuts",
}
OFFSETS = "the offsets in the field of view"


class Counts:
    """Gammas that are left, cut by cut: the first sample that passes a cut is that of gammas."""

    def __init__(self) -> None:
        self.left: list[tuple[str, int]] = []

    def counted(self, name: str, cut: Callable[..., Any]) -> Callable[..., Any]:
        """Return the cut, which notes what it is given and leaves."""

        def wrapped(cuts: Any, events: Any, *more: Any) -> Any:
            result = cut(cuts, events, *more)
            words = CUTS[name]
            if all(words != known for known, _ in self.left):
                if not self.left:
                    self.left.append(("", len(events)))
                elif len(events) < self.left[-1][1]:
                    self.left.append((OFFSETS, len(events)))
                self.left.append((words, len(result)))
            return result

        return wrapped

    def sentence(self) -> str:
        """Return the counts, up to the cut that leaves nothing."""
        if not self.left:
            return "no cut was reached"
        parts = []
        for words, count in self.left[1:]:
            parts.append(f"{count} after {words}")
            if not count:
                break
        return f"of {self.left[0][1]} gammas, {', '.join(parts)}"


def main() -> None:
    """Run lstchain's command with counted cuts; how it ends does not matter."""
    from lstchain.io.event_selection import DL3Cuts, EventSelector
    from lstchain.tools.lstchain_create_irf_files import IRFFITSWriter

    counts = Counts()
    for owner in (EventSelector, DL3Cuts):
        for name in CUTS:
            if name in vars(owner):
                setattr(owner, name, counts.counted(name, getattr(owner, name)))
    tool = IRFFITSWriter()
    tool.initialize(sys.argv[1:])
    try:
        tool.setup()
        tool.start()
    except Exception as error:  # it did not fail before, or did for want of events
        print(f"# {type(error).__name__}: {error}", file=sys.stderr)
    print(counts.sentence())


if __name__ == "__main__":
    main()
