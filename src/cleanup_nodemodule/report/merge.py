"""Audits of many machines become one. Pure: what it is made of decides, and neither the clock nor this machine.

What two audits have both counted, counts once. That is so for what a machine has searched twice, where the later run
is right, and for a disk that several machines share, where one directory has several paths.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from cleanup_nodemodule.model import Mode
from cleanup_nodemodule.report.reach import Reach
from cleanup_nodemodule.report.read import Audit, is_there
from cleanup_nodemodule.report.rows import (
    SCHEMA_VERSION,
    ArtifactRow,
    OtherRow,
    Report,
    SourceRow,
    Tool,
    Totals,
)
from cleanup_nodemodule.report.sources import sources_of

_OVER_THE_NETWORK: Final = ("nfs:", "smb:", "lustre:", "ceph:", "glusterfs:")
"""How the names of file systems begin that are the same disk wherever they are seen."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """What did not go into the merged audit, because it counts elsewhere."""

    searched_again: int = 0
    """Artifacts that a later run of the same machine has looked for again."""
    again_in: tuple[str, ...] = ()
    """The documents that these were in."""
    not_looked_for: int = 0
    """Artifacts that did go in, as no later run of the machine that searched there has looked for them."""
    shared: int = 0
    """Artifacts on a disk that another machine has searched, too."""
    shared_bytes: int = 0
    """What they take."""


class _Part(NamedTuple):
    """What one document says of one run."""

    number: int
    """Which document it is."""
    name: str
    host: str
    source: SourceRow
    rows: list[ArtifactRow]
    unseen: frozenset[str]
    """Ecosystems that it did not look for, if it does not say for what it looked."""
    reach: Reach


def merge(audits: Sequence[Audit[ArtifactRow]], tool: Tool) -> tuple[Report, Dropped]:
    """Return one audit of all that *audits*, one at least, have found, and what of it counts only once."""
    # Times are whole seconds: of two in the same one, what was given last counts as the later.
    parts = sorted(
        (part for number, audit in enumerate(audits) for part in _parts(number, audit)),
        key=lambda part: (part.host, part.source.started_at, part.number),
    )
    kept, again, not_looked_for = _searched_last(parts)
    rows, shared = _once(_outermost(kept) if not_looked_for else _rows(kept))
    hosts = sorted({part.host for part in kept})
    several = len(hosts) > 1
    # What is said of a run counts only if anything of it does.
    reports = [audits[number].report for number in sorted({part.number for part in kept})]
    modes: set[Mode] = {part.source.mode for part in kept}
    problems = dict.fromkeys(row for report in reports for row in report.problems)
    report = Report(
        SCHEMA_VERSION,
        tool,
        ",".join(hosts),
        max(part.source.started_at for part in kept),
        max(report.duration_s for report in reports),
        modes.pop() if len(modes) == 1 else "dry-run",
        [f"{part.host}:{root}" if several else root for part in kept for root in part.source.roots],
        all(report.complete for report in reports),
        rows,
        list(problems),
        _totals(rows, reports),
        list(dict.fromkeys(row for report in reports for row in report.leftovers)),
        _sum_of(report.unseen_processes for report in reports),
        list(dict.fromkeys(text for report in reports for text in report.unmatched_patterns)),
        _others(reports, rows),
        gates=[],
        sources=[part.source for part in kept],
        file_systems=list(dict.fromkeys(row for report in reports for row in report.file_systems)),
        observed=[row for report in reports for row in report.observed],
    )
    dropped = Dropped(
        sum(again.values()),
        tuple(again),
        not_looked_for,
        len(shared),
        sum(row.allocated_bytes for row in shared),
    )
    return report, dropped


def _parts(number: int, audit: Audit[ArtifactRow]) -> Iterator[_Part]:
    """Give what an audit says of each run that it is made of; one that was merged has several."""
    report = audit.report
    sources = sources_of(report)
    unseen = frozenset(row.ecosystem for row in report.other_ecosystems) - {
        row.ecosystem or "" for row in audit.rows
    }
    reaches = [Reach(source, report.problems, unseen) for source in sources]
    of_source = _by_source(audit.rows, reaches)
    for at, (source, reach) in enumerate(zip(sources, reaches, strict=True)):
        rows = of_source.get(at, [])
        yield _Part(number, audit.name, source.host, source, rows, unseen, reach)


def _by_source(
    rows: Sequence[ArtifactRow], reaches: Sequence[Reach]
) -> dict[int, list[ArtifactRow]]:
    """Return the rows of each source, by its number."""
    if len(reaches) == 1:
        return {0: list(rows)}
    of_host: dict[str, list[int]] = {}
    for number, reach in enumerate(reaches):
        of_host.setdefault(reach.source.host, []).append(number)
    found: dict[int, list[ArtifactRow]] = {}
    for row in rows:
        # The last one that could see it, as it was the latest; of a host that no source has, whoever made the
        # document, it is of the first.
        numbers = of_host.get(row.host, [0])
        if len(numbers) == 1:
            number = numbers[0]
        else:
            able = [one for one in numbers if reaches[one].misses(row) is None]
            around = able or [one for one in numbers if reaches[one].covers(row.path)]
            number = around[-1] if around else numbers[0]
        found.setdefault(number, []).append(row)
    return found


def _rows(parts: Iterable[_Part]) -> list[ArtifactRow]:
    return [row for part in parts for row in part.rows]


def _outermost(parts: Sequence[_Part]) -> list[ArtifactRow]:
    """Return the rows without those that lie in what another run of the machine took as one."""
    of: dict[tuple[str, str], int] = {
        (part.host, row.path): number for number, part in enumerate(parts) for row in part.rows
    }

    def outermost(row: ArtifactRow, number: int, host: str) -> bool:
        around = row.path
        while around := around.rpartition("/")[0]:
            if of.get((host, around), number) != number:
                return False
        return True

    return [
        row
        for number, part in enumerate(parts)
        for row in part.rows
        if outermost(row, number, part.host)
    ]


def _searched_last(parts: Sequence[_Part]) -> tuple[list[_Part], dict[str, int], int]:
    """Return the parts with what no later run of the same machine could see, what was left out, and how many stay so."""
    kept: list[_Part] = []
    dropped: dict[str, int] = {}
    not_looked_for = 0
    later: list[_Part] = []
    paths: set[str] = set()
    for part in reversed(parts):
        if later and later[0].host != part.host:
            later, paths = [], set()
        rows = [row for row in part.rows if row.path not in paths and _is_missed(row, later)]
        not_looked_for += sum(any(one.reach.covers(row.path) for one in later) for row in rows)
        again = [root for root in part.source.roots if _all_again(root, part, later)]
        if len(rows) < len(part.rows):
            dropped[part.name] = dropped.get(part.name, 0) + len(part.rows) - len(rows)
        if rows or len(again) < len(part.source.roots) or not part.source.roots:
            roots = [root for root in part.source.roots if root not in again]
            source = replace(part.source, roots=roots) if again else part.source
            kept.append(part._replace(rows=rows, source=source))
        later.append(part)
        paths.update(row.path for row in part.rows)
    return kept[::-1], dropped, not_looked_for


def _is_missed(row: ArtifactRow, later: Iterable[_Part]) -> bool:
    """Whether none of the later runs could see it."""
    return all(one.reach.misses(row) is not None for one in later)


def _all_again(root: str, part: _Part, later: Iterable[_Part]) -> bool:
    """Whether a later run has looked for everything that this part has beneath a root."""
    beneath = Reach(replace(part.source, roots=[root]), (), part.unseen)
    return any(
        one.unseen.isdisjoint(row.ecosystem or "" for row in part.rows) and one.reach.covers(root)
        if one.source.asked is None
        else one.reach.includes(beneath)
        for one in later
    )


def _once(rows: Sequence[ArtifactRow]) -> tuple[list[ArtifactRow], list[ArtifactRow]]:
    """Return the rows with each directory once, in order, and those that are left out."""
    places: dict[tuple[object, ...], int] = {}
    kept: list[ArtifactRow] = []
    left: list[ArtifactRow] = []
    for row in rows:
        place = _place(row)
        at = None if place is None else places.get(place)
        if at is None or kept[at].host == row.host:
            if place is not None and at is None:
                places[place] = len(kept)
            kept.append(row)
            continue
        one, other = sorted((kept[at], row), key=_rank)
        kept[at] = one
        left.append(other)
    return kept, left


def _place(row: ArtifactRow) -> tuple[object, ...] | None:
    """Return what is the same for a directory on all machines that see it, None if nothing is.

    Machines that were copied from one image have the same UUID and the same inodes on disks of their own. So beside
    the UUID everything that was measured has to be the same.
    """
    if row.file_system is None or row.inode is None:
        return None
    if row.file_system.startswith(_OVER_THE_NETWORK):
        return row.file_system, row.inode
    return (
        *(row.file_system, row.inode, row.name),
        *(row.apparent_bytes, row.allocated_bytes, row.files, row.directories),
        row.last_used_at,
    )


def _rank(row: ArtifactRow) -> tuple[bool, bool, bool, str]:
    """Return which of the rows of one directory counts: one that read all of it, and rather one that keeps it.

    A process that uses it is seen on one machine only. What one machine has deleted is gone for all.
    """
    return is_there(row), not row.complete, row.decision == "delete", row.host


def _totals(rows: Sequence[ArtifactRow], reports: Sequence[Report]) -> Totals:
    return Totals(
        found=len(rows),
        selected=sum(row.decision == "delete" for row in rows),
        allocated_bytes=sum(row.allocated_bytes for row in rows),
        reclaimable_bytes=sum(row.reclaimable_bytes for row in rows),
        deleted=sum(row.outcome == "deleted" for row in rows),
        failed=sum(row.outcome == "failed" for row in rows),
        trashed=sum(row.outcome == "trashed" for row in rows),
        freed_bytes=sum(report.totals.freed_bytes for report in reports),
        observed_freed_bytes=_sum_of(
            [
                report.totals.observed_freed_bytes
                for report in reports
                if report.totals.observed_freed_bytes is not None
            ]
        ),
        reclaimable_at_most_bytes=sum(row.reclaimable_at_most_bytes for row in rows),
        shared_bytes=sum(row.shared_bytes for row in rows),
        counted_bytes=sum(report.totals.counted_bytes for report in reports),
    )


def _sum_of(numbers: Iterable[int | None]) -> int | None:
    known = list(numbers)
    return None if not known or None in known else sum(number or 0 for number in known)


def _others(reports: Sequence[Report], rows: Sequence[ArtifactRow]) -> list[OtherRow]:
    """Return the ecosystems that nobody has looked for."""
    found = {row.ecosystem for row in rows}
    counts: dict[str, int] = {}
    for report in reports:
        for other in report.other_ecosystems:
            if other.ecosystem not in found:
                counts[other.ecosystem] = counts.get(other.ecosystem, 0) + other.directories
    return [OtherRow(name, count) for name, count in counts.items()]
