"""The last words of a run: what came of it, what went wrong, what is kept and why, and what to do next."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from cleanup_nodemodule.problems import sentence
from cleanup_nodemodule.proof.in_use import OVERRIDE, describe_unseen
from cleanup_nodemodule.report.rows import INTERRUPTED, Report
from cleanup_nodemodule.show.reasons import MEANINGS, TOLD_BY_DETAIL, UNDECIDED
from cleanup_nodemodule.words import PROGRAM, command, printable, size

_TOLD_BY_EVIDENCE: Final = {"git-failed", "in-use"}
"""Reasons that leave open what to do: only the evidence has git's own words, or which process it is."""

_MAX_INCLUDED: Final = 5
"""Paths in the command that would include what is unproven."""


def last_words(
    report: Report, words: Sequence[str], *, signalled: bool, exceeded: bool
) -> Iterator[str]:
    """Give everything that is said behind the result; *words* are those that say what to look at."""
    yield from summary(report, signalled=signalled)
    if signalled:
        return
    if report.mode == "dry-run" and report.totals.selected and not exceeded:
        yield "This was a dry run: nothing was deleted. To delete, add --no-dry-run."
    yield from hints(report)
    yield from others(report)
    if paths := doubtful_paths(report):
        some = paths[:_MAX_INCLUDED]
        which = "" if some == paths else f", the first {len(some)} of {len(paths):,}"
        # They are absolute, so none begins with a dash.
        included = command(*words, "--include-unproven", *some)
        yield f"To include what is in doubt{which}: {included}"


def problems(report: Report, limit: int | None) -> Iterator[str]:
    """Give a line for each problem, at most *limit* and then how many more there are."""
    for problem in report.problems[:limit]:
        where = None if problem.path is None else printable(problem.path)
        what = sentence(problem.doing, where, problem.message)
        yield f"{PROGRAM}: {what} ({problem.errno})"
    if limit is not None and len(report.problems) > limit:
        more = len(report.problems) - limit
        yield f"{PROGRAM}: {more} more could not be read; --verbose shows all"


def unmatched(report: Report) -> Iterator[str]:
    """Give a line for each pattern that matched nothing."""
    for pattern in report.unmatched_patterns:
        yield f"{PROGRAM}: the pattern {printable(pattern)} matched nothing, so it left nothing alone"


def summary(report: Report, *, signalled: bool) -> Iterator[str]:
    """Give the last words of a run: what was deleted, what failed, what was kept and why."""
    totals = report.totals
    undecided = sum(row.reason == UNDECIDED for row in report.artifacts)
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
        del kept[UNDECIDED]
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
    return tuple(sorted(row.path for row in report.artifacts if row.reason in TOLD_BY_DETAIL))
