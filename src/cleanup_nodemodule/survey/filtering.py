"""Chooses by the user's filters what of a plan goes. Pure: what has to be asked is in the :class:`Known`.

First each artifact is looked at alone. Then the latest projects are spared, and last only as much goes as the goals
take (:mod:`~cleanup_nodemodule.survey.goals`). What lies around something that stays stays too. Only what is too small
does not hold back what lies around it: it goes along with that.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple, TypeAlias

from cleanup_nodemodule.config.filters import Filters, said
from cleanup_nodemodule.model import Artifact, Goal, Keep, Plan, Reason
from cleanup_nodemodule.model.plan import UNKNOWN_USE
from cleanup_nodemodule.model.quantities import spoken
from cleanup_nodemodule.patterns.patterns import NO_PATTERNS, Patterns
from cleanup_nodemodule.survey.around import innermost_around
from cleanup_nodemodule.survey.choose import narrowed
from cleanup_nodemodule.survey.giving_back import accounted_by_device
from cleanup_nodemodule.survey.goals import Candidates, FileSystem, reach
from cleanup_nodemodule.survey.hard_links import alone
from cleanup_nodemodule.words import printable, size


class OwnUse(NamedTuple):
    """When a project was last used itself, without the projects in it, in seconds since the epoch; 0 for never."""

    used: int
    edited: int
    """When its newest source file was changed: git may have been at work in several projects at once."""


class Known(NamedTuple):
    """What the filters depend on besides the plan."""

    now: int
    """When the run began, seconds since the epoch."""
    only: Patterns = NO_PATTERNS
    repositories: Mapping[str, str] = {}
    """By a working tree, what its repository is called; all working trees of one repository have the same."""
    file_systems: Mapping[int, FileSystem] = {}
    """By the number of a device."""
    own_uses: Mapping[str, OwnUse] = {}
    """Of projects whose last use may be that of another one: of one in it, or of its whole repository."""


def filtered(plan: Plan, filters: Filters, known: Known) -> Plan:
    """Return *plan* with no more selected than the *filters* let go. Each of the rest says which filter keeps it."""
    if not filters.any or not plan.artifacts:
        return plan
    return _Choice(plan, filters, known).made()


def age(artifact: Artifact, now: int) -> int:
    """Return the seconds since an artifact was last used; 0 if nobody knows, or if that is to come."""
    used = artifact.used
    return 0 if used is None else max(now - used, 0)


class _Choice:
    """What is to go by now, and what is kept for which filter; each artifact by its place in the plan."""

    def __init__(self, plan: Plan, filters: Filters, known: Known) -> None:
        self._plan: Final = plan
        self._artifacts: Final = plan.artifacts
        self._filters: Final = filters
        self._known: Final = known
        self._ages: Final = [age(one, known.now) for one in plan.artifacts]
        around = innermost_around([one.path for one in plan.artifacts])
        self._around: Final = [around[place] for place in range(len(plan.artifacts))]
        self._goes: Final = [one.selected for one in plan.artifacts]
        self._keeps: Final[dict[int, Keep]] = {}
        self._small: Final[set[int]] = set()
        """Those that are too small, and may go along with what lies around them."""

    def made(self) -> Plan:
        """Return the plan, narrowed."""
        filters = self._filters
        if self._looks_at_each:
            self._keep(self._by_themselves())
        if filters.keep_latest is not None:
            self._keep(self._latest(filters.keep_latest))
        goals: tuple[Goal, ...] = ()
        if filters.goals:
            # What is kept for another reason than a filter's is not counted on.
            along = [
                top if one.selected else None
                for one, top in zip(self._artifacts, self._along(), strict=True)
            ]
            candidates = Candidates(self._artifacts, self._goes, along, self._ages)
            reached = reach(
                candidates,
                self._plan.records,
                accounted_by_device(self._plan.accounted),
                filters,
                self._known.file_systems,
            )
            goals = reached.goals
            for place, detail in reached.spared.items():
                self._goes[place] = False
                self._keeps[place] = Keep(Reason.ENOUGH, detail)
        for place, top in enumerate(self._along()):
            if place in self._small and top is not None:
                del self._keeps[place]
        return replace(narrowed(self._plan, self._keeps), goals=goals)

    @property
    def _looks_at_each(self) -> bool:
        filters = self._filters
        return filters != Filters(
            keep_latest=filters.keep_latest,
            keep_latest_per=filters.keep_latest_per,
            free=filters.free,
            until_free=filters.until_free,
            max_total=filters.max_total,
            order=filters.order,
        )

    def _along(self) -> list[int | None]:
        """Return for each artifact the innermost one around it that goes."""
        tops: list[int | None] = []
        for around in self._around:  # What lies around another one has its place before that.
            goes = around is None or self._goes[around]
            tops.append(around if around is None or goes else tops[around])
        return tops

    def _keep(self, keeps: Iterable[tuple[int, Keep]]) -> None:
        """Keep these, and what lies around those that are not only too small."""
        for place, keep in list(keeps):
            if place not in self._keeps:
                self._keeps[place] = keep
                self._goes[place] = False
            if keep.reason is Reason.TOO_SMALL:
                self._small.add(place)
                continue
            self._small.discard(place)
            around = self._around[place]
            while around is not None:
                if self._goes[around] or around in self._small:
                    inner = os.path.relpath(
                        self._artifacts[place].path, self._artifacts[around].path
                    )
                    detail = f"{printable(inner)} in it is kept: {keep.detail}"
                    self._keeps.setdefault(around, Keep(keep.reason, detail))
                    self._goes[around] = False
                    self._small.discard(around)
                around = self._around[around]

    def _by_themselves(self) -> Iterator[tuple[int, Keep]]:
        filters = self._filters
        sized = filters.min_size is not None or filters.max_size is not None
        sizes = alone(self._artifacts, self._around, self._plan.links) if sized else ()
        for place, artifact in enumerate(self._artifacts):
            if not artifact.selected:
                continue
            keep = (
                self._by_age(artifact, self._ages[place])
                or self._by_path(artifact)
                # Last, because what is only too small may go along with something else.
                or (self._by_size(sizes[place]) if sized else None)
            )
            if keep is not None:
                yield place, keep

    def _by_age(self, artifact: Artifact, seconds: int) -> Keep | None:
        filters = self._filters
        if filters.older_than is not None and seconds < filters.older_than:
            return Keep(
                Reason.TOO_RECENT,
                f"{_last_used(artifact, seconds)} ({said(filters, 'older_than')})",
            )
        if filters.newer_than is not None and seconds > filters.newer_than:
            return Keep(
                Reason.TOO_OLD, f"{_last_used(artifact, seconds)} ({said(filters, 'newer_than')})"
            )
        return None

    def _by_size(self, taken: int) -> Keep | None:
        filters = self._filters
        if filters.max_size is not None and taken > filters.max_size:
            return Keep(Reason.TOO_LARGE, f"it takes {size(taken)} ({said(filters, 'max_size')})")
        if filters.min_size is not None and taken < filters.min_size:
            return Keep(Reason.TOO_SMALL, f"it takes {size(taken)} ({said(filters, 'min_size')})")
        return None

    def _by_path(self, artifact: Artifact) -> Keep | None:
        only = self._known.only
        if not only.given or only.covering(artifact.path, set()) is not None:
            return None
        patterns = " ".join(f"--only {printable(one.text)}" for one in only.given)
        return Keep(Reason.NOT_MATCHED, f"its path does not match {patterns}")

    def _latest(self, count: int) -> Iterator[tuple[int, Keep]]:
        """Give what the latest projects have, or the latest working trees of each repository."""
        filters = self._filters
        option = said(filters, "keep_latest")
        groups: dict[str | None, dict[str, _Use]] = {}
        of: list[tuple[str | None, str]] = []
        for artifact in self._artifacts:
            group, member = self._group(artifact)
            of.append((group, member))
            members = groups.setdefault(group, {})
            use = self._use(artifact)
            members[member] = max(use, members.get(member, use))
        latest: dict[str | None, set[str]] = {}
        unknown: dict[str | None, set[str]] = {}
        for group, members in groups.items():
            unknown[group] = {one for one, use in members.items() if use == _UNKNOWN}
            # Of two that were used at once it is the inner one that was.
            ordered = sorted(members.keys() - unknown[group], key=lambda one: (-len(one), one))
            ordered.sort(key=members.__getitem__, reverse=True)
            latest[group] = set(ordered[:count])
        if filters.keep_latest_per == "run":
            why = "its project is the one that was used last"
            if count > 1:
                why = f"its project is one of the {count:,} that were used last"
        else:
            why = "it lies in the working tree of its repository that was used last"
            if count > 1:
                why = f"it lies in one of the {count:,} working trees of its repository that were used last"
        keep = Keep(Reason.LATEST, f"{why} ({option})")
        alone = Keep(Reason.LATEST, f"it lies in no repository of git ({option})")
        nobody = Keep(Reason.LATEST, f"nobody knows when its project was last used ({option})")
        later = Keep(Reason.LATEST, f"its project was last used after this run began ({option})")
        for place, (group, member) in enumerate(of):
            if not (self._goes[place] or place in self._small):
                continue
            tree = self._artifacts[place].evidence.repository
            if filters.keep_latest_per == "repository" and tree is None:
                yield place, alone
            elif member in unknown[group]:
                yield place, nobody if self._artifacts[place].used is None else later
            elif member in latest[group]:
                yield place, keep

    def _use(self, artifact: Artifact) -> "_Use":
        """Return when the project of an artifact was last used itself; _UNKNOWN also for what is still to come."""
        own = self._known.own_uses.get(artifact.evidence.project)
        if own is not None and own.used:
            used, edited = own
        elif own is not None:
            used = edited = artifact.contents.newest or UNKNOWN_USE
        else:
            used = edited = artifact.used or UNKNOWN_USE
        return (used, edited) if used <= self._known.now else _UNKNOWN

    def _group(self, artifact: Artifact) -> tuple[str | None, str]:
        """Return what an artifact competes in, and as what."""
        project = artifact.evidence.project
        if self._filters.keep_latest_per == "run":
            return None, project
        tree = artifact.evidence.repository
        if tree is None:
            return f"/{project}", project
        return self._known.repositories.get(tree, tree), tree


def _last_used(artifact: Artifact, seconds: int) -> str:
    if artifact.used is None:
        return "nobody knows when it was last used"
    return f"last used {spoken(seconds)} ago"


_Use: TypeAlias = tuple[int, int]
"""When something was used, and when its sources were changed."""

_UNKNOWN: Final = (UNKNOWN_USE, UNKNOWN_USE)
