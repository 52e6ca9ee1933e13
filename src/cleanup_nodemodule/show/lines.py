"""The report as whole lines of text: for pipes, cron mails and scripts."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cleanup_nodemodule.report import bounds
from cleanup_nodemodule.report.rows import ArtifactRow, GroupRow, Report
from cleanup_nodemodule.report.sources import place_in
from cleanup_nodemodule.show.reasons import FILTERED, MEANINGS, UNDECIDED
from cleanup_nodemodule.words import bound, printable, promised


def gain(row: ArtifactRow) -> int:
    """Return the bytes to show for an artifact: what surely comes back when it goes, or what it takes if kept."""
    return row.reclaimable_bytes if row.decision == "delete" else row.allocated_bytes


def most(row: ArtifactRow) -> int:
    """Return the most that these bytes may be."""
    return row.reclaimable_at_most_bytes if row.decision == "delete" else row.allocated_bytes


def up_to(row: ArtifactRow) -> str:
    """Return that for people; empty where it is about the same."""
    return bound(gain(row), most(row))


def age(row: ArtifactRow, report: Report) -> str:
    """Return how long before the run the artifact was last used, in days at least, or ``-``."""
    return since(row.last_used_at, report.started_at)


def since(time: str | None, started_at: str) -> str:
    """Return how long before *started_at* a time was, in days at least, or ``-``. Both are in ISO 8601."""
    if time is None:
        return "-"
    used = datetime.fromisoformat(started_at) - datetime.fromisoformat(time)
    if used < timedelta(days=1):
        return "today"
    import humanize

    words = humanize.naturaldelta(used, months=True).partition(",")[0]
    return words.replace("a ", "1 ")


def verdict(row: ArtifactRow) -> str:
    """Return in a word what is to be done, or was."""
    return row.outcome or row.decision


def known(report: Report) -> Report:
    """Leave out the artifacts of which a stopped run knows no more than that they are there."""
    rows = [row for row in report.artifacts if row.reason != UNDECIDED or row.complete]
    return replace(report, artifacts=rows)


def lines(report: Report) -> Iterator[str]:
    """Give one line an artifact, its fields parted by tabs, the path last and whole.

    Verdict, reason (``-`` for none), bytes, the same for people, date of last use, path. A path
    with characters that cannot be seen is spelled as :func:`printable` does; no line breaks. With
    groups there is one for each of those instead.
    """
    if report.by is not None:
        yield from group_lines(report.groups)
        return
    place = place_in(report)
    for row in report.artifacts:
        count = gain(row)
        used = (row.last_used_at or "-").partition("T")[0]
        path = printable(place(row))
        yield "\t".join(
            (verdict(row), row.reason or "-", str(count), promised(count, most(row)), used, path)
        )


def group_lines(groups: Sequence[GroupRow]) -> Iterator[str]:
    """Give one line a group, its fields parted by tabs.

    Bytes that come back, bytes taken, how many were found, how many of them can be deleted, days of the oldest and the newest last use (``-`` if nobody knows), and the group.
    """
    for group in groups:
        days = ((time or "-").partition("T")[0] for time in (group.oldest, group.newest))
        numbers = (group.reclaimable_bytes, group.allocated_bytes, group.found, group.selected)
        yield "\t".join((*map(str, numbers), *days, printable(group.group)))


def chosen_paths(report: Report) -> Iterator[bytes]:
    """Give the path, as the file system has it, of each artifact that would be or was deleted.

    What is kept is left out: somebody will feed this to ``rm``.
    """
    for row in report.artifacts:
        wanted = {"delete"} if report.mode == "dry-run" else {"deleted", "trashed"}
        if verdict(row) in wanted:
            yield os.fsencode(row.path)


def over_several_lines(report: Report) -> int:
    """Return how many of the chosen paths have a line break, so that a program that reads lines takes them for others."""
    return sum(b"\n" in path for path in chosen_paths(report))


def evidence(report: Report) -> Iterator[str]:
    """Give what is known of each artifact, for those who want to know."""
    for row in report.artifacts:
        yield f"{printable(row.path)}: {because_in_full(row)}"


def because_in_full(row: ArtifactRow) -> str:
    """Return everything that led to the decision, and how to get the artifact back."""
    return printable("; ".join(known_of(row)))


def known_of(row: ArtifactRow) -> list[str]:
    """Return a phrase for everything that is known of an artifact, the way to get it back last."""
    parts = row.evidence.facts or ["no proof found"]
    if row.error is not None:
        parts.append(row.error)
    if row.reason is not None:
        detail = f": {row.reason_detail}" if row.reason in FILTERED and row.reason_detail else ""
        parts.append(f"kept, because {MEANINGS.get(row.reason, row.reason)}{detail}")
    if shares := bounds.in_short(row):
        parts.append(shares)
    parts += [f"note: {warning}" for warning in row.warnings]
    if row.regenerate is not None:
        where = "" if row.regenerate_in == row.project else f", in {row.regenerate_in}"
        parts.append(f"to get it back: {row.regenerate}{where}")
    return parts
