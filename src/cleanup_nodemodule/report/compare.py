"""Two audits become a comparison: what has grown, shrunk, come and gone. Pure.

Only what both could see is compared. What one of them has not looked at has neither come nor gone. An audit says what
was there when its run had ended: what that run deleted is not there any more.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cleanup_nodemodule.report.comparison import (
    COMPARISON_VERSION,
    ArtifactChange,
    Change,
    ChangeTotals,
    Comparison,
    NotCompared,
    ProjectChange,
    Side,
)
from cleanup_nodemodule.report.reach import Reach, Why
from cleanup_nodemodule.report.read import Audit, BriefRow, is_there
from cleanup_nodemodule.report.rows import Tool
from cleanup_nodemodule.report.sources import roots_by_host, sources_of


def compare(old: Audit[BriefRow], new: Audit[BriefRow], tool: Tool) -> Comparison:
    """Compare two audits, artifact by artifact, by machine and path."""
    roots = [roots_by_host(audit.report) for audit in (old, new)]
    alone = all(len(of_hosts) == 1 for of_hosts in roots) and roots[0].keys() != roots[1].keys()
    if alone:
        roots = [{"": next(iter(of_hosts.values()))} for of_hosts in roots]
    reaches = [_reaches(audit, alone=alone) for audit in (old, new)]
    sides = [
        _Side(old, roots[0], roots[1], reaches, new, alone=alone),
        _Side(new, roots[1], roots[0], reaches[::-1], old, alone=alone),
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


def _reaches(audit: Audit[BriefRow], *, alone: bool) -> dict[str, list[Reach]]:
    """Return what the runs of an audit could see, by machine."""
    reaches: dict[str, list[Reach]] = {}
    unseen = _unseen(audit)
    for source in sources_of(audit.report):
        reach = Reach(source, audit.report.problems, unseen)
        reaches.setdefault("" if alone else source.host, []).append(reach)
    return reaches


class _Side:
    """One of the two audits, with those rows that the other one would have, too, if they were there."""

    def __init__(
        self,
        audit: Audit[BriefRow],
        roots: Mapping[str, list[str]],
        others: Mapping[str, list[str]],
        reaches: Sequence[Mapping[str, Sequence[Reach]]],
        other: Audit[BriefRow],
        *,
        alone: bool,
    ) -> None:
        self._audit = audit
        self._roots = roots
        self._unseen = set[str]()
        self._missed: Counter[Why] = Counter()
        mine, theirs = reaches
        all_seen = {
            host
            for host, own in mine.items()
            if all(any(one.includes(reach) for one in theirs.get(host, ())) for reach in own)
        }
        self._partly = [
            (host, root)
            for host, mine in roots.items()
            for root in mine
            if not _covers(others.get(host, []), root)
        ]
        self.rows: dict[str, dict[str, BriefRow]] = defaultdict(dict)
        found: set[tuple[str, str]] | None = None
        self._gone = 0
        for row in audit.rows:
            if not is_there(row):
                self._gone += 1
                continue
            host = "" if alone else row.host
            if host not in all_seen and (why := _missed(row, theirs.get(host, ()))) is not None:
                if found is None:
                    found = {("" if alone else one.host, one.path) for one in other.rows}
                # What it has it could find, be it that somebody has named it.
                if (host, row.path) not in found:
                    self._take_missed(row, why, theirs.get(host, ()))
                    continue
            self.rows[host][row.path] = row

    def _take_missed(self, row: BriefRow, why: Why, theirs: Sequence[Reach]) -> None:
        self._missed[why] += 1
        if why == "name" and row.ecosystem is not None:
            known = [one.source.asked for one in theirs]
            # With --targets it had no profiles.
            if all(
                asked is None or row.ecosystem not in (asked.profiles or [row.ecosystem])
                for asked in known
            ):
                self._unseen.add(row.ecosystem)

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
            not_compared=len(self._audit.rows) - self._gone - len(rows),
            not_compared_why=[NotCompared(*one) for one in sorted(self._missed.items())],
            filters=sorted(
                {
                    one
                    for source in sources_of(report)
                    for one in (source.asked.filters if source.asked else ())
                }
            ),
            allocated_bytes=sum(row.allocated_bytes for row in rows),
            reclaimable_bytes=sum(row.reclaimable_bytes for row in rows),
            reclaimable_at_most_bytes=sum(row.reclaimable_at_most_bytes for row in rows),
        )


def _covers(roots: Iterable[str], root: str) -> bool:
    return (root.rstrip("/") + "/").startswith(tuple(one.rstrip("/") + "/" for one in roots))


def _missed(row: BriefRow, reaches: Sequence[Reach]) -> Why | None:
    """Return why none of these could see an artifact: what kept the one from it that came nearest."""
    why: Why | None = "root"
    for reach in reaches:
        this = reach.misses(row)
        if this != "root":
            why = this
        if this is None:
            break
    return why


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
            *(old.reclaimable_at_most_bytes, new.reclaimable_at_most_bytes),
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
