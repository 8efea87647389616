"""A production's own stages with its own settings on toy data, in minutes and without private data.

Of the steps of a config a few are chosen that stand for all (`sample`); toy data stand in for what
they read from outside (`standins`, `toy`); all paths are moved below one directory (`configs`), and
the rest is a run like any other (`trial`), of which is told how it went (`outcome`).
"""

from __future__ import annotations

from lstluigi.toy.smoke.outcome import SmokeOutcome, StageOutcome
from lstluigi.toy.smoke.trial import smoke

__all__ = ["SmokeOutcome", "StageOutcome", "smoke"]
