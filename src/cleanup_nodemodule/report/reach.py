"""What a run could see: whether it would have found an artifact, had that been there. Pure.

Who takes what an audit does not have for gone has to know that first. A run sees what lies in its roots, at the depths
that it was asked for, what has one of its rules or names, and nothing that was excluded or could not be read.
"""

from collections.abc import Collection, Iterable
from typing import Final, Literal, Protocol, TypeAlias

from cleanup_nodemodule.patterns.globs import compiled, spelled
from cleanup_nodemodule.patterns.patterns import parts
from cleanup_nodemodule.report.rows import ProblemRow, SourceRow

Why: TypeAlias = Literal[
    "root", "name", "min-depth", "max-depth", "excluded", "only-listed", "not-ended", "not-read"
]
"""Why a run could not see an artifact."""

_NOT_SEARCHED: Final = {"search-root", "root-unanswered", "root-excluded"}
"""Codes of problems with which a root was not searched at all."""


class Seen(Protocol):
    """What has to be known of an artifact."""

    @property
    def path(self) -> str:
        """Absolute path."""

    @property
    def rule(self) -> str | None:
        """Its rule; None for a name that only the user knows."""

    @property
    def ecosystem(self) -> str | None:
        """The profile of that."""


class Reach:
    """What one run could see."""

    def __init__(
        self, source: SourceRow, problems: Iterable[ProblemRow], unseen: Collection[str]
    ) -> None:
        """Take what the run was asked for, and what it met: *problems*, and ecosystems that it left *unseen*."""
        met = [row for row in problems if row.host == source.host and row.path is not None]
        failed = {row.path for row in met if row.code in _NOT_SEARCHED}
        self.source: Final = source
        self.roots: Final = tuple(root for root in source.roots if root not in failed)
        """Those that it could search."""
        self._around: Final = tuple(root.rstrip("/") + "/" for root in self.roots)
        self._not_read: Final = frozenset(row.path for row in met if row.path not in source.roots)
        self._unseen: Final = frozenset(unseen)
        asked = source.asked
        self._names: Final = frozenset(() if asked is None else asked.names)
        self._rules: Final = frozenset(() if asked is None else asked.rules)
        self._excluded: Final = () if asked is None else tuple(asked.excluded)

    def covers(self, path: str) -> bool:
        """Whether it has searched around that path."""
        return (path + "/").startswith(self._around)

    def misses(self, row: Seen) -> Why | None:
        """Return why the run could not see an artifact; None if it could."""
        path, asked = row.path, self.source.asked
        if not (path + "/").startswith(self._around):
            return "root"
        if self._not_read and not self._not_read.isdisjoint(_around(path)):
            return "not-read"
        if asked is None:
            return "name" if row.ecosystem in self._unseen else None
        if row.rule not in self._rules and path.rpartition("/")[2] not in self._names:
            return "name"
        if asked.only_listed:
            return "only-listed"
        if not asked.ended:
            return "not-ended"
        if asked.min_depth or asked.max_depth is not None:
            depths = [
                max(0, (path + "/").count("/", len(one)) - 1)
                for one in self._around
                if (path + "/").startswith(one)
            ]
            if all(depth < asked.min_depth for depth in depths):
                return "min-depth"
            if asked.max_depth is not None and min(depths) > asked.max_depth:
                return "max-depth"
        if self._excluded and self._leaves_out(path):
            return "excluded"
        return None

    def includes(self, other: "Reach") -> bool:
        """Whether it could certainly see all that the *other* run could; if not, ask about each artifact."""
        mine, others = self.source.asked, other.source.asked
        if self._not_read or not all(map(self.covers, other.source.roots)):
            return False
        if mine is None or others is None:
            return mine is None and not self._unseen
        if mine.only_listed or not mine.ended:
            return False
        if not (set(mine.rules) >= set(others.rules) and set(mine.names) >= set(others.names)):
            return False
        if mine.excluded and mine.excluded != others.excluded:
            return False
        # A depth counts from a root.
        depths = (mine.min_depth, mine.max_depth)
        same = self.roots == other.roots and depths == (others.min_depth, others.max_depth)
        return depths == (0, None) or same

    def _leaves_out(self, path: str) -> bool:
        try:
            found = compiled(self._excluded).check_file(spelled(parts(path)), ())
        except (ValueError, TypeError):  # Nobody knows what it left out.
            return True
        return bool(found.include)


def _around(path: str) -> Iterable[str]:
    """Give a path and those of all directories around it."""
    while path:
        yield path
        path = path.rpartition("/")[0]
    yield "/"
