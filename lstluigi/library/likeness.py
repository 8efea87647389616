"""How like two productions are: what is in both, and what in one only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from lstluigi.library.model import Production

__all__ = ["Likeness", "Names", "Overlap"]

#: Nearly equal: at most this share of the settings differs, ...
_SETTINGS = 0.1
#: ... and at least this share of my lines and of my nodes is in theirs.
_MINE = 0.5


@dataclass(frozen=True)
class Overlap:
    """How many are in both, only in the library's production, only in mine."""

    both: int
    theirs: int
    mine: int

    @property
    def covered(self) -> float:
        """Share of mine that is in theirs; where I have none, whether they have none either."""
        mine = self.both + self.mine
        return self.both / mine if mine else float(not self.theirs)

    @property
    def shared(self) -> float:
        """Share of all that is in both; 1 where there is none at all."""
        every = self.both + self.theirs + self.mine
        return self.both / every if every else 1.0


@dataclass(frozen=True)
class Names:
    """Lines, or stages: those in both, and those of one of us only."""

    both: list[str]
    theirs: list[str]
    mine: list[str]

    @classmethod
    def of(cls, theirs: Sequence[str], mine: Sequence[str]) -> Names:
        """Compare names, each in the order it was given."""
        return cls(
            [name for name in mine if name in theirs],
            [name for name in theirs if name not in mine],
            [name for name in mine if name not in theirs],
        )

    @property
    def overlap(self) -> Overlap:
        """How many they are."""
        return Overlap(len(self.both), len(self.theirs), len(self.mine))


_OVERLAP = tuple(item.name for item in fields(Overlap))
#: Of what is not compared.
_ALL = Overlap(0, 0, 0)


@dataclass(frozen=True)
class Likeness:
    """How like a production is to a request.

    Parameters
    ----------
    production : Production
        One of the library.
    settings : int
        How many settings the two lstchain configs have together.
    differences : list of str
        Settings that differ, each as ``key: theirs -> mine``.
    lines, stages : Names, optional
        Training lines, and stages that are run; None if an lstchain config alone is compared.
    nodes : dict of str to Overlap, optional
        By training line, and of the test nodes; None as before.
    versions : tuple of (str, str), optional
        Theirs and mine of lstchain, where they differ.
    """

    production: Production
    settings: int
    differences: list[str]
    lines: Names | None = None
    stages: Names | None = None
    nodes: dict[str, Overlap] | None = None
    versions: tuple[str, str] | None = None

    @property
    def all_nodes(self) -> Overlap:
        """Those of all lines and of the test together."""
        groups = list((self.nodes or {}).values())
        return Overlap(*(sum(getattr(one, name) for one in groups) for name in _OVERLAP))

    @property
    def shared(self) -> float:
        """Share of all nodes that is in both; 1 if none are compared."""
        return self.all_nodes.shared

    @property
    def order(self) -> tuple[float, ...]:
        """What is compared first stands first; less is more alike."""
        lines, stages = (names.overlap if names else _ALL for names in (self.lines, self.stages))
        asked = (1 - lines.covered, 1 - stages.covered, len(self.differences) / self._settings)
        more = (1 - lines.shared, 1 - stages.shared, 1 - self.shared)
        return (*asked, 1 - self.all_nodes.covered, *more, self.versions is not None)

    @property
    def _settings(self) -> int:
        return max(1, self.settings)

    @property
    def holds_mine(self) -> bool:
        """True where it has all of mine, with the same settings; it may have more."""
        compared = [self.all_nodes]
        compared += [names.overlap for names in (self.lines, self.stages) if names]
        same = not self.differences and self.versions is None
        return same and all(overlap.covered == 1.0 for overlap in compared)

    @property
    def equal(self) -> bool:
        """True where nothing differs."""
        names = [names for names in (self.lines, self.stages) if names]
        return (
            self.holds_mine
            and self.shared == 1.0
            and all(one.overlap.shared == 1.0 for one in names)
        )

    @property
    def near(self) -> bool:
        """True where it has most of mine, and few settings differ."""
        lines = self.lines.overlap if self.lines else _ALL
        return (
            len(self.differences) <= _SETTINGS * self.settings
            and lines.covered >= _MINE
            and self.all_nodes.covered >= _MINE
        )
