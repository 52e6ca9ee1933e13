"""The report as whole lines of text: for pipes, cron mails, scripts, and the last words of a run."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from cleanup_nodemodule.problems import sentence
from cleanup_nodemodule.proof.in_use import OVERRIDE, describe_unseen
from cleanup_nodemodule.report.rows import INTERRUPTED, ArtifactRow, Report
from cleanup_nodemodule.words import PROGRAM, command, printable, size

MEANINGS: Final = {
    "unproven": "nothing proves that it can be rebuilt",
    "tracked": "version control tracks files in it",
    "git-failed": "git is missing, or could not say whether it tracks files in it",
    "installed": "part of installed software",
    "undeclared": "nothing declares a package in it, so nothing brings it back",
    "modified": "something in it was changed after it was installed",
    "precious": "something in it was not made by its tool",
    "kept": "you said so",
    "current-directory": "the current directory is inside",
    "in-use": "a process is at work in it or its project, or may be",
    "repository-inside": "a git repository lies inside it",
    "mount-point": "something is mounted at it or inside it",
    "foreign": "only its owner may delete it or something in it",
    "unreadable": "not all of it could be read",
    "interrupted": "the run was stopped before it was decided",
}
"""What each reason for keeping means."""


_TOLD_BY_EVIDENCE: Final = {"git-failed", "in-use"}
"""Reasons that leave open what to do: only the evidence has git's own words, or which process it is."""

_TOLD_BY_DETAIL: Final = {"unproven", "undeclared", "modified", "precious"}
"""Reasons that are one of the three questions: the detail names the file, the package or what is missing."""

_UNDECIDED: Final = "interrupted"
"""The reason for keeping what there was no time to decide about."""

_SHORT: Final = 40
"""Characters of evidence that a row of the table has room for."""


def gain(row: ArtifactRow) -> int:
    """Return the bytes to show for an artifact: what deleting it frees, or what it takes if kept."""
    return row.reclaimable_bytes if row.decision == "delete" else row.allocated_bytes


def age(row: ArtifactRow, report: Report) -> str:
    """Return how long before the run the artifact was last used, or ``-``."""
    if row.last_used_at is None:
        return "-"
    import humanize

    started = datetime.fromisoformat(report.started_at)
    words = humanize.naturaldelta(started - datetime.fromisoformat(row.last_used_at), months=True)
    return words.partition(",")[0]


def verdict(row: ArtifactRow) -> str:
    """Return in a word what is to be done, or was."""
    return row.outcome or row.decision


def because(row: ArtifactRow) -> str:
    """Return why, in short: the reason for keeping it, the failure, or what proves it."""
    if row.error is not None:
        return printable(row.error)
    if row.reason is not None:
        shown = row.reason in _TOLD_BY_DETAIL and row.reason_detail
        return printable(f"{row.reason}: {row.reason_detail}") if shown else row.reason
    facts = row.evidence.facts
    words = ", ".join((*facts, *row.warnings))
    return printable(words if len(words) <= _SHORT else facts[0])


def known(report: Report) -> Report:
    """Leave out the artifacts of which a stopped run knows no more than that they are there."""
    rows = [row for row in report.artifacts if row.reason != _UNDECIDED or row.complete]
    return replace(report, artifacts=rows)


def lines(report: Report) -> Iterator[str]:
    """Give one line an artifact, its fields parted by tabs, the path last and whole.

    Verdict, reason (``-`` for none), bytes, the same for people, date of last use, path. A path
    with characters that cannot be seen is spelled as :func:`printable` does; no line breaks.
    """
    for row in report.artifacts:
        count = gain(row)
        used = (row.last_used_at or "-").partition("T")[0]
        path = printable(row.path)
        yield "\t".join((verdict(row), row.reason or "-", str(count), size(count), used, path))


def chosen_paths(report: Report) -> Iterator[bytes]:
    """Give the path, as the file system has it, of each artifact that would be or was deleted.

    What is kept is left out: somebody will feed this to ``rm``.
    """
    for row in report.artifacts:
        wanted = {"delete"} if report.mode == "dry-run" else {"deleted", "trashed"}
        if verdict(row) in wanted:
            yield os.fsencode(row.path)


def problems(report: Report, limit: int | None) -> Iterator[str]:
    """Give a line for each problem, at most *limit* and then how many more there are."""
    for problem in report.problems[:limit]:
        where = None if problem.path is None else printable(problem.path)
        what = sentence(problem.doing, where, problem.message)
        yield f"{PROGRAM}: {what} ({problem.errno})"
    if limit is not None and len(report.problems) > limit:
        more = len(report.problems) - limit
        yield f"{PROGRAM}: {more} more could not be read; --verbose shows all"


def evidence(report: Report) -> Iterator[str]:
    """Give what is known of each artifact, for those who want to know."""
    for row in report.artifacts:
        yield f"{printable(row.path)}: {because_in_full(row)}"


def because_in_full(row: ArtifactRow) -> str:
    """Return everything that led to the decision, and how to get the artifact back."""
    parts = row.evidence.facts or ["no proof found"]
    if row.reason is not None:
        parts.append(f"kept, as {MEANINGS[row.reason]}")
    parts += row.warnings
    if row.regenerate is not None:
        where = "" if row.regenerate_in == row.project else f", in {row.regenerate_in}"
        parts.append(f"to get it back: {row.regenerate}{where}")
    return printable("; ".join(parts))


def unmatched(report: Report) -> Iterator[str]:
    """Give a line for each pattern that matched nothing."""
    for pattern in report.unmatched_patterns:
        yield f"{PROGRAM}: the pattern {printable(pattern)} matched nothing, so it left nothing alone"


def summary(report: Report, *, signalled: bool) -> Iterator[str]:
    """Give the last words of a run: what was deleted, what failed, what was kept and why."""
    totals = report.totals
    undecided = sum(row.reason == _UNDECIDED for row in report.artifacts)
    decided = totals.found - undecided
    # A run that was stopped later has decided about everything.
    early = signalled and (undecided or not (report.artifacts or report.complete))
    if early:
        so_far = f", {decided} of them measured" if decided else " so far"
        yield (
            f"Interrupted while {'measuring' if decided else 'searching'}:"
            f" {totals.found} found{so_far}, nothing was deleted."
        )
    elif signalled:
        yield "Interrupted."
    tried = any(row.outcome or row.error for row in report.artifacts)
    if early and not decided:
        pass
    elif report.mode == "dry-run" or not tried:
        if not report.roots:
            if not report.leftovers:
                yield "Nothing is left of any interrupted run."
        elif not report.artifacts:
            yield f"Nothing found in {', '.join(printable(root) for root in report.roots)}."
        elif totals.selected:
            yield (
                f"{totals.selected} of {totals.found} can be deleted,"
                f" which frees {size(totals.reclaimable_bytes)}."
            )
        else:
            yield f"None of {totals.found} can be deleted."
        if report.mode != "dry-run" and report.artifacts and not early:
            yield "Nothing was deleted."
    else:
        if report.mode == "trash":
            yield (
                f"Moved {totals.trashed} of {totals.selected} to the trash;"
                " the space comes back when the trash is emptied."
            )
        gone = sum(row.outcome is None and row.error is not None for row in report.artifacts)
        observed = totals.observed_freed_bytes
        seen = "" if observed is None else f"; free space grew by {size(max(0, observed))}"
        if report.mode != "trash":
            yield (
                f"Deleted {totals.deleted} of {totals.selected}:"
                f" freed {size(totals.freed_bytes)}{seen}."
            )
        for row in report.artifacts:
            if row.outcome == "failed":
                yield f"Failed: {printable(row.path)}: {printable(row.error or '')}"
        if gone:
            yield f"Gone already: {gone}."
        untouched = totals.selected - totals.deleted - totals.trashed - totals.failed - gone
        if untouched:
            yield f"Not begun: {untouched}."
    yield from _leftovers(report)
    kept = Counter(row.reason for row in report.artifacts if row.reason is not None)
    if early:
        del kept[_UNDECIDED]
    for reason, count in kept.most_common():
        more = " --verbose tells more." if reason in _TOLD_BY_EVIDENCE else ""
        yield f"Kept {count}: {reason} ({MEANINGS[reason]}).{more}"
    if report.unseen_processes != 0:
        what = describe_unseen(report.unseen_processes)
        yield f"{what[0].upper()}{what[1:]}: it is not known what they use."
        if doubted := sum(
            fact.endswith(OVERRIDE) for row in report.artifacts for fact in row.evidence.facts
        ):
            yield f"Kept {doubted} because of that; to take them for unused, add --assume-unused."


def _leftovers(report: Report) -> Iterator[str]:
    """Say what interrupted runs had left, and what has become of it."""
    for row in report.leftovers:
        was = "" if row.original is None else f", which was {printable(row.original)}"
        place = f"{printable(row.path)}{was}"
        if row.outcome == "deleted":
            yield f"Finished what an interrupted run left: {place}."
        elif row.error is not None:
            yield f"Still there: {place}: {printable(row.error)}."
        else:
            yield f"Left by an interrupted run: {place}."


def others(report: Report) -> Iterator[str]:
    """Say which other ecosystems were seen on the way, and how to look for them."""
    seen = report.other_ecosystems
    if not seen:
        return
    what = ", ".join(f"{row.directories:,} of {row.ecosystem}" for row in seen)
    options = " ".join(f"--profile {row.ecosystem}" for row in seen)
    yield f"Directories of other profiles were seen: {what}. To look at those, run it with {options}"


def hints(report: Report) -> Iterator[str]:
    """Say how to get rid of what is out of its project and not gone.

    What was stopped goes on where it was. What failed would fail in the same way again, unless somebody sees
    to that first.
    """
    left = [(row.outcome, row.error or "") for row in report.artifacts if row.left_at]
    left += [(row.outcome, row.error or "") for row in report.leftovers if row.run]
    stopped = any(error.startswith(INTERRUPTED) for _, error in left)
    if stopped or any(outcome is None and not error for outcome, error in left):
        yield f"To finish what an interrupted run left: {command('resume')}"
    elif any(row.left_at for row in report.artifacts):
        yield f"When the cause is mended, this deletes the rest: {command('resume')}"


def doubtful_paths(report: Report) -> tuple[str, ...]:
    """Return the paths of what was kept because one of the three questions is open."""
    return tuple(sorted(row.path for row in report.artifacts if row.reason in _TOLD_BY_DETAIL))
