"""Two audits become a comparison: what has grown, shrunk, come and gone. Pure.

Only what both have searched is compared. What one of them has not looked at has neither come nor gone.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal

from cleanup_nodemodule.report.read import Audit, BriefRow
from cleanup_nodemodule.report.rows import GateRow, Tool
from cleanup_nodemodule.report.sources import roots_by_host

COMPARISON_VERSION: Final = 1

Change = Literal["new", "grown", "same", "shrunk", "gone"]

# Read by pydantic, as in ``rows``.
_CONFIG: Final = {"use_attribute_docstrings": True, "extra": "forbid"}


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two audits."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    file: str
    """Name of its file; - for standard input."""
    hosts: list[str]
    """The machines that it is about."""
    started_at: str
    """ISO 8601 time, in UTC."""
    mode: str
    complete: bool
    """Everything was searched and measured; if not, there may be more than it says."""
    roots: list[str]
    """What it searched. If it is about several machines, each with the name of its machine and a colon before it."""
    roots_not_compared: list[str]
    """Those of them that the other audit did not search, or not all of them."""
    ecosystems_not_compared: list[str]
    """Profiles of it that the other audit did not look for."""
    found: int
    """How many of its artifacts were compared."""
    not_compared: int
    """How many were not."""
    allocated_bytes: int
    """Of what was compared."""
    reclaimable_bytes: int
    """Of what was compared."""


@dataclass(frozen=True, slots=True)
class ArtifactChange:
    """An artifact that is not as it was."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    host: str
    project: str
    path: str
    ecosystem: str | None
    change: Change
    """The same if only the decision has changed."""
    old_bytes: int | None
    """Allocated before; null if it was not there."""
    new_bytes: int | None
    """Allocated now; null if it is not there."""
    change_bytes: int
    """By how much it has grown; below 0 if it has shrunk."""
    old_decision: Literal["delete", "keep"] | None
    new_decision: Literal["delete", "keep"] | None
    old_reason: str | None
    new_reason: str | None
    complete: bool
    """Both audits could read all of it; if not, the numbers are lower bounds."""

    @property
    def kept_now(self) -> bool:
        """Whether it could be deleted before, and cannot be now."""
        return (self.old_decision, self.new_decision) == ("delete", "keep")

    @property
    def deletable_now(self) -> bool:
        """Whether it was kept before, and can be deleted now."""
        return (self.old_decision, self.new_decision) == ("keep", "delete")


@dataclass(frozen=True, slots=True)
class ProjectChange:
    """A project with artifacts that are not as they were."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    host: str
    project: str
    change: Change
    """What became of all its artifacts together."""
    old_bytes: int
    new_bytes: int
    change_bytes: int
    new: int
    """How many of its artifacts are new; so with the words below."""
    grown: int
    shrunk: int
    gone: int
    kept_now: int
    deletable_now: int


@dataclass(frozen=True, slots=True)
class ChangeTotals:
    """Sums over what was compared."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    old_bytes: int
    new_bytes: int
    change_bytes: int
    """By how much everything together has grown; below 0 if it has shrunk."""
    old_reclaimable_bytes: int
    new_reclaimable_bytes: int
    new: int
    new_added_bytes: int
    grown: int
    grown_added_bytes: int
    shrunk: int
    shrunk_removed_bytes: int
    gone: int
    gone_removed_bytes: int
    same: int
    kept_now: int
    """Artifacts that could be deleted before, and cannot be now."""
    kept_now_bytes: int
    deletable_now: int
    deletable_now_bytes: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What has changed from one audit to another."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    schema_version: Literal[1]
    document: Literal["diff"]
    tool: Tool
    old: Side
    new: Side
    by_path_only: bool
    """Each audit is of one machine, and not of the same: artifacts were compared by their paths alone."""
    totals: ChangeTotals
    projects: list[ProjectChange]
    """Those that have grown most first, and those that have shrunk most last."""
    artifacts: list[ArtifactChange]
    """In the same order."""
    gates: list[GateRow]
    """Limits that were exceeded. The exit code is 4 then."""


def compare(old: Audit[BriefRow], new: Audit[BriefRow], tool: Tool) -> Comparison:
    """Compare two audits, artifact by artifact, by machine and path."""
    roots = [roots_by_host(audit.report) for audit in (old, new)]
    alone = all(len(of_hosts) == 1 for of_hosts in roots) and roots[0].keys() != roots[1].keys()
    if alone:
        roots = [{"": next(iter(of_hosts.values()))} for of_hosts in roots]
    sides = [
        _Side(old, roots[0], roots[1], _unseen(new), alone=alone),
        _Side(new, roots[1], roots[0], _unseen(old), alone=alone),
    ]
    changes = _Changes(next(iter(roots_by_host(new.report)), "") if alone else None)
    for host in dict.fromkeys((*sides[0].rows, *sides[1].rows)):
        changes.add(host, sides[0].rows.get(host, {}), sides[1].rows.get(host, {}))
    told_old, told_new = (side.told() for side in sides)
    totals = changes.totals(told_old, told_new)
    projects, artifacts = changes.in_order()
    return Comparison(
        *(COMPARISON_VERSION, "diff", tool, told_old, told_new, alone),
        *(totals, projects, artifacts, []),
    )


def _unseen(audit: Audit[BriefRow]) -> set[str]:
    """Return the ecosystems that an audit did not look for, as far as it has seen any of theirs."""
    others = {row.ecosystem for row in audit.report.other_ecosystems}
    return others - {row.ecosystem for row in audit.rows} if others else others


class _Side:
    """One of the two audits, with those rows that the other one would have, too, if they were there."""

    def __init__(
        self,
        audit: Audit[BriefRow],
        roots: Mapping[str, list[str]],
        others: Mapping[str, list[str]],
        unseen: set[str],
        *,
        alone: bool,
    ) -> None:
        self._audit = audit
        self._roots = roots
        self._unseen = set[str]()
        covers = {host: _covers(others.get(host, []), mine) for host, mine in roots.items()}
        self._partly = [
            (host, root)
            for host, mine in roots.items()
            for root in mine
            if not _covers(others.get(host, []), [root])(root)
        ]
        self.rows: dict[str, dict[str, BriefRow]] = defaultdict(dict)
        nothing = _covers([], ["/"])
        for row in audit.rows:
            host = "" if alone else row.host
            if row.ecosystem in unseen:
                self._unseen.add(row.ecosystem or "")
            elif covers.get(host, nothing)(row.path):
                self.rows[host][row.path] = row

    def told(self) -> Side:
        report = self._audit.report
        rows = [row for rows in self.rows.values() for row in rows.values()]
        hosts = list(roots_by_host(report))
        several = len(hosts) > 1
        return Side(
            file=self._audit.name,
            hosts=hosts,
            started_at=report.started_at,
            mode=report.mode,
            complete=report.complete,
            roots=list(report.roots),
            roots_not_compared=[
                f"{host}:{root}" if several else root for host, root in self._partly
            ],
            ecosystems_not_compared=sorted(self._unseen),
            found=len(rows),
            not_compared=len(self._audit.rows) - len(rows),
            allocated_bytes=sum(row.allocated_bytes for row in rows),
            reclaimable_bytes=sum(row.reclaimable_bytes for row in rows),
        )


def _covers(roots: Iterable[str], mine: Iterable[str]) -> Callable[[str], bool]:
    """Return what says whether a path beneath the roots *mine* lies in one of *roots*."""
    around = tuple(root.rstrip("/") + "/" for root in roots)
    if all((root.rstrip("/") + "/").startswith(around) for root in mine):
        return lambda _path: True
    return lambda path: (path + "/").startswith(around)


@dataclass(slots=True)
class _Project:
    old: int = 0
    new: int = 0
    before: int = 0
    """Artifacts that it had."""
    now: int = 0
    changes: list[ArtifactChange] = field(default_factory=list)


class _Changes:
    """What has changed, collected machine by machine."""

    def __init__(self, host: str | None) -> None:
        self._host = host
        """How to call the machine, where that does not count."""
        self._projects: dict[tuple[str, str], _Project] = defaultdict(_Project)
        self._same = 0

    def add(self, host: str, old: Mapping[str, BriefRow], new: Mapping[str, BriefRow]) -> None:
        """Compare the artifacts of one machine."""
        called = host if self._host is None else self._host
        projects = self._projects
        for path, now in new.items():
            before = old.get(path)
            project = projects[called, now.project]
            project.now += 1
            project.new += now.allocated_bytes
            if before is not None:
                project.before += 1
                project.old += before.allocated_bytes
                if now is before or _is_as_it_was(before, now):
                    self._same += 1
                    continue
            project.changes.append(_change(called, before, now))
        for path, before in old.items():
            if path not in new:
                project = projects[called, before.project]
                project.before += 1
                project.old += before.allocated_bytes
                project.changes.append(_change(called, before, None))

    def in_order(self) -> tuple[list[ProjectChange], list[ArtifactChange]]:
        """Return the projects and the artifacts that have changed, those first that have grown most."""
        projects = [_told(*key, one) for key, one in self._projects.items() if one.changes]
        projects.sort(key=lambda one: (-one.change_bytes, one.host, one.project))
        artifacts = [
            change
            for one in projects
            for change in sorted(
                self._projects[one.host, one.project].changes,
                key=lambda change: (-change.change_bytes, change.path),
            )
        ]
        return projects, artifacts

    def totals(self, old: Side, new: Side) -> ChangeTotals:
        """Return the sums."""
        counts: dict[str, int] = defaultdict(int)
        sums: dict[str, int] = defaultdict(int)
        for project in self._projects.values():
            for change in project.changes:
                counts[change.change] += 1
                sums[change.change] += abs(change.change_bytes)
                for word, moved in (("kept", change.kept_now), ("free", change.deletable_now)):
                    counts[word] += moved
                    sums[word] += (change.new_bytes or 0) if moved else 0
        return ChangeTotals(
            *(old.allocated_bytes, new.allocated_bytes),
            new.allocated_bytes - old.allocated_bytes,
            *(old.reclaimable_bytes, new.reclaimable_bytes),
            *(counts["new"], sums["new"], counts["grown"], sums["grown"]),
            *(counts["shrunk"], sums["shrunk"], counts["gone"], sums["gone"]),
            self._same + counts["same"],
            *(counts["kept"], sums["kept"], counts["free"], sums["free"]),
        )


def _is_as_it_was(old: BriefRow, new: BriefRow) -> bool:
    return new.allocated_bytes == old.allocated_bytes and new.decision == old.decision


def _change(host: str, old: BriefRow | None, new: BriefRow | None) -> ArtifactChange:
    row = new or old
    assert row is not None  # noqa: S101 - one of the two is there
    before = None if old is None else old.allocated_bytes
    now = None if new is None else new.allocated_bytes
    return ArtifactChange(
        host=host,
        project=row.project,
        path=row.path,
        ecosystem=row.ecosystem,
        change=_word(before, now),
        old_bytes=before,
        new_bytes=now,
        change_bytes=(now or 0) - (before or 0),
        old_decision=None if old is None else old.decision,
        new_decision=None if new is None else new.decision,
        old_reason=None if old is None else old.reason,
        new_reason=None if new is None else new.reason,
        complete=all(one.complete for one in (old, new) if one is not None),
    )


def _word(before: int | None, now: int | None) -> Change:
    if before is None or now is None:
        return "new" if before is None else "gone"
    if before == now:
        return "same"
    return "grown" if now > before else "shrunk"


def _told(host: str, name: str, project: _Project) -> ProjectChange:
    counts: dict[str, int] = defaultdict(int)
    for change in project.changes:
        counts[change.change] += 1
    return ProjectChange(
        host=host,
        project=name,
        change=_word(project.old if project.before else None, project.new if project.now else None),
        old_bytes=project.old,
        new_bytes=project.new,
        change_bytes=project.new - project.old,
        new=counts["new"],
        grown=counts["grown"],
        shrunk=counts["shrunk"],
        gone=counts["gone"],
        kept_now=sum(change.kept_now for change in project.changes),
        deletable_now=sum(change.deletable_now for change in project.changes),
    )
