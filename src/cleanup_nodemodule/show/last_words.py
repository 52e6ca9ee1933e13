"""The last words of a run: what came of it, what went wrong, what is kept and why, and what to do next.

They are whole sentences, the same at a terminal, in a pipe and in a mail from cron.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.proof.in_use import OVERRIDE, describe_unseen
from cleanup_nodemodule.report import bounds
from cleanup_nodemodule.report.observed import freed
from cleanup_nodemodule.report.rows import INTERRUPTED, ArtifactRow, LeftoverRow, Report
from cleanup_nodemodule.show.changed import changed
from cleanup_nodemodule.show.free_space import free_space
from cleanup_nodemodule.show.promising import Promising, all_of
from cleanup_nodemodule.show.reasons import (
    FILTERED,
    MEANINGS,
    TOLD_BY_DETAIL,
    UNDECIDED,
    UNEXPLAINED,
    Kept,
    from_here,
    what_to_do,
    why,
)
from cleanup_nodemodule.show.unreached import unreached
from cleanup_nodemodule.show.unsearched import not_searched
from cleanup_nodemodule.show.warning import gates, out_of_time
from cleanup_nodemodule.words import Advice, command, printable, promised

_MAX_REASONS: Final = 3
"""Reasons for keeping that are told in a line each, those with the most bytes, unless all are asked for."""

_MAX_INCLUDED: Final = 3
"""Paths in the command that would include what is unproven."""

_MAX_PROFILES: Final = 5
"""Profiles in a command, before it takes all of them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked for, to be said again."""

    again: tuple[str, ...] = ()
    """The words of the command line that say what to look at, and not what to do with it."""
    exactly: tuple[str, ...] = ()
    """The words that do the very same, but for those that choose between a dry run and a deletion."""
    looked_for: str = "artifacts"
    """What a run looks for, in words."""
    listed: bool = False
    """A list says what to look at."""
    saved: bool = False
    """It is a plan that was saved."""
    plan: Callable[[], tuple[str, ...]] = tuple
    """Tells, in the end, the words that apply the plan which this run has saved; none if it has saved none."""
    root: bool = False
    """Root runs this."""
    verbose: bool = False
    included: tuple[str, ...] = ()
    """What is to be included though not all is proven."""
    promising: Promising = all_of
    """What would go if it were included."""


def last_words(report: Report, asked: Asked, *, signalled: bool, exceeded: bool) -> Iterator[str]:
    """Give everything that is said behind the result."""
    signalled = signalled or report.out_of_time is not None
    if _is_early(report, signalled=signalled):
        yield from _interrupted_early(report, asked)
        return
    if asked.saved:
        yield from changed(report)
    tried = any(row.outcome or row.error for row in report.artifacts)
    if tried:
        yield from _done(report, signalled=signalled)
    elif report.mode == "dry-run" or not (signalled or report.totals.selected):
        yield from _planned(report, asked, signalled=signalled)
    elif exceeded:
        yield from _kept_and_deletable(report)
    else:
        yield "Interrupted: nothing was deleted." if signalled else "Nothing was deleted."
    yield from unreached(report)
    yield from _leftovers(report)
    yield from _unseen(report)
    if not asked.listed:
        yield from not_searched(report)
    if not signalled:
        # Before a deletion it was said, or nobody is there to read it.
        if not tried or asked.verbose:
            # First, because another profile may prove what is kept as unproven.
            yield from others(report, asked)
            if not asked.saved:
                yield from _advice(report, asked)
        if any(row.outcome == "deleted" and row.regenerate for row in report.artifacts):
            yield Advice("To bring it back", command("regenerate"))
    yield from gates(report)
    if not signalled and report.mode == "dry-run" and report.totals.selected:
        yield _dry(asked, exceeded=exceeded)
    yield from hints(report, asked, signalled=signalled)
    yield from out_of_time(report)


def _dry(asked: Asked, *, exceeded: bool) -> str:
    """Return what to type to delete what a dry run has found."""
    nothing = "Nothing was deleted, because this was a dry run."
    if exceeded:
        return nothing  # The sentence about the limit says what to type.
    if plan := asked.plan():
        return Advice(f"{nothing} To delete just that", command(*plan, "--no-dry-run"))
    return Advice(f"{nothing} To delete", command(*asked.exactly, "--no-dry-run"))


def _is_early(report: Report, *, signalled: bool) -> bool:
    """Whether the run was stopped before everything was decided."""
    undecided = any(row.reason == UNDECIDED for row in report.artifacts)
    return signalled and (undecided or not (report.artifacts or report.complete))


def _interrupted_early(report: Report, asked: Asked) -> Iterator[str]:
    found = report.totals.found
    decided = found - sum(row.reason == UNDECIDED for row in report.artifacts)
    so_far = f", {decided:,} of them measured" if decided else " so far"
    yield (
        f"Interrupted while {'measuring' if decided else 'searching'}:"
        f" {found:,} found{so_far}, nothing was deleted."
    )
    if decided:
        yield from _kept_and_deletable(report)
    yield from _leftovers(report)
    yield from hints(report, asked, signalled=True)
    yield from out_of_time(report)


def _planned(report: Report, asked: Asked, *, signalled: bool) -> Iterator[str]:
    if signalled:
        yield "Interrupted."
    if not report.roots:
        if asked.listed:
            if not (report.problems or report.gone):
                what = "plan names nothing" if asked.saved else "list is empty"
                yield f"The {what}, so there is nothing to do."
        elif not report.leftovers:
            yield "Nothing is left of any interrupted run."
    elif not report.artifacts:
        yield from _nothing_found(report, asked)
    else:
        yield from _kept_and_deletable(report)
        if report.mode != "dry-run":
            yield "Nothing was deleted."


def _kept_and_deletable(report: Report) -> Iterator[str]:
    totals = report.totals
    undecided = sum(row.reason == UNDECIDED for row in report.artifacts)
    kept = _kept(report, but=UNDECIDED if undecided < totals.found else "")
    if totals.selected:
        yield (
            f"{totals.selected:,} of {totals.found:,} can be deleted, which frees"
            f" {promised(totals.reclaimable_bytes, totals.reclaimable_at_most_bytes)}.{kept}"
        )
        yield from bounds.why(report)
    else:
        by_filters = any(row.reason in FILTERED for row in report.artifacts)
        yield f"None of {totals.found:,} {'is to' if by_filters else 'can'} be deleted.{kept}"


def _kept(report: Report, but: str = "") -> str:
    """Return how many are kept for which reasons, as a sentence behind another one."""
    reasons = Counter(row.reason for row in report.artifacts if row.reason not in {None, but})
    count = reasons.total()
    if not count:
        return ""
    if len(reasons) == 1:
        told = str(next(iter(reasons)))
    else:
        told = ", ".join(f"{number:,} {reason}" for reason, number in reasons.most_common())
    return f" {count:,} {'is' if count == 1 else 'are'} kept: {told}."


def _nothing_found(report: Report, asked: Asked) -> Iterator[str]:
    """Say what was looked for, and where else there may be something."""
    silent = {one.path for one in report.problems if one.code == ProblemCode.ROOT_UNANSWERED.value}
    searched = [root for root in report.roots if root not in silent]
    if not searched:
        return
    where = ", ".join(printable(root) for root in searched)
    yield f"Nothing was found in {where}. This run looked for {asked.looked_for}."
    if not (report.other_ecosystems or "--profile=all" in _flat(asked.again)):
        every = command(*_without_profiles(asked.again), "--profile", "all")
        yield Advice("To look for what the tools of other languages make", every)


def _flat(words: Sequence[str]) -> str:
    return " ".join(words).replace("--profile ", "--profile=")


def _without_profiles(words: Sequence[str]) -> list[str]:
    """Return the words without names that are looked for, as all profiles take their place."""
    left: list[str] = []
    skipped = False
    for word in words:
        if not skipped and word not in {"--profile", "--targets"}:
            left.append(word)
        skipped = not skipped and word in {"--profile", "--targets"}
    return left


def _done(report: Report, *, signalled: bool) -> Iterator[str]:
    totals = report.totals
    began = "Interrupted: " if signalled else ""
    kept = _kept(report)
    if report.mode == "trash":
        moved = f"moved {totals.trashed:,} of {totals.selected:,} to the trash"
        yield (
            f"{began}{moved if signalled else moved.capitalize()}."
            f" The space comes back when you empty the trash.{kept}"
        )
    else:
        deleted = f"{totals.deleted:,} of {totals.selected:,}, which freed {freed(totals.freed_bytes, report.observed)}"
        failed = f" {totals.failed:,} failed." if totals.failed and not signalled else ""
        yield f"{began}{'deleted' if signalled else 'Deleted'} {deleted}.{failed}{kept}"
        yield from free_space(report)
    yield from _failed(report)
    gone = sum(row.outcome is None and row.error is not None for row in report.artifacts)
    if gone:
        yield f"{gone:,} {'was' if gone == 1 else 'were'} gone already."
    untouched = totals.selected - totals.deleted - totals.trashed - totals.failed - gone
    if untouched:
        yield f"{untouched:,} {'was' if untouched == 1 else 'were'} not begun."


def _failed(report: Report) -> Iterator[str]:
    for row in report.artifacts:
        # What else failed is among the problems.
        if row.outcome == "failed" and (row.left_at or (row.error or "").startswith(INTERRUPTED)):
            yield f"Failed: {printable(row.path)}: {printable(row.error or '')}"


def what_went_wrong(report: Report, *, signalled: bool) -> Iterator[str]:
    """Give what is said besides the problems to whoever wants to hear of nothing else."""
    wrong = [*_failed(report), *(_still_there(row) for row in report.leftovers if row.error)]
    if signalled:
        tried = any(row.outcome or row.error for row in report.artifacts)
        early = _is_early(report, signalled=True)
        lines = _interrupted_early(report, Asked()) if early else _done(report, signalled=True)
        yield next(lines) if early or tried else "Interrupted: nothing was deleted."
    yield from wrong
    yield from gates(report)
    yield from out_of_time(report)
    if wrong:
        yield from hints(report, Asked(), signalled=False)


def _still_there(row: LeftoverRow) -> str:
    return f"Still there: {_place(row)}: {printable(row.error or '')}."


def _place(row: LeftoverRow) -> str:
    was = "" if row.original is None else f", which was {printable(row.original)}"
    return f"{printable(row.path)}{was}"


def _leftovers(report: Report) -> Iterator[str]:
    """Say what interrupted runs had left, and what has become of it."""
    for row in report.leftovers:
        place = _place(row)
        if row.outcome == "deleted":
            yield f"Finished what an interrupted run left: {place}."
        elif row.error is not None:
            yield _still_there(row)
        else:
            yield f"Left by an interrupted run: {place}."


def _unseen(report: Report) -> Iterator[str]:
    """Say that some processes could not be looked at, where nothing is kept for that."""
    count = report.unseen_processes
    if count == 0 or any(_doubted(row) for row in report.artifacts):
        return
    what = describe_unseen(count)
    they = "it uses" if count == 1 else "they use"
    yield f"{what[0].upper()}{what[1:]}, so nobody knows what {they}."


def _doubted(row: ArtifactRow) -> bool:
    return any(fact.endswith(OVERRIDE) for fact in row.evidence.facts)


def _advice(report: Report, asked: Asked) -> Iterator[str]:
    """Say of each reason for keeping what can be done about it, by the largest that is kept for it."""
    rows: dict[str, list[ArtifactRow]] = {}
    for row in sorted(report.artifacts, key=lambda row: (-row.allocated_bytes, row.path)):
        if row.reason is not None and row.reason not in UNEXPLAINED:
            rows.setdefault(row.reason, []).append(row)
    weights = {reason: sum(row.allocated_bytes for row in some) for reason, some in rows.items()}
    told = 0
    for reason in sorted(weights, key=lambda reason: -weights[reason]):
        some = rows[reason]
        if reason in TOLD_BY_DETAIL:
            some = list(asked.promising(some, report))
        kept = _kept_of(some or rows[reason], report, asked)
        advice = what_to_do(kept, asked.again, asked.included) if some else None
        if advice is None and reason != "git-failed" and not asked.verbose:
            continue
        if told == _MAX_REASONS and not asked.verbose:
            break
        told += 1
        # The details of filters differ from one to the next.
        several = reason in FILTERED and kept.many > 1
        said = f"{reason}: {MEANINGS[reason] if several else why(kept)}."
        if isinstance(advice, Advice):
            yield advice.behind(said)
        else:
            yield f"{said} {advice}" if advice else said
    if weights.keys() - FILTERED:
        yield Advice("To find out why one is kept", f"{command('explain')} PATH")


def _kept_of(rows: Sequence[ArtifactRow], report: Report, asked: Asked) -> Kept:
    """Return what is to be said of directories that are kept for one reason, the largest first."""
    row, reason = rows[0], str(rows[0].reason)
    detail = row.reason_detail
    if reason == "unreadable":
        inside = os.path.join(row.path, "")
        detail = next(
            (
                f"{one.path}: {one.message}"
                for one in report.problems
                if one.path is not None and (one.path == row.path or one.path.startswith(inside))
            ),
            detail,
        )
    alike = tuple(from_here(other.path) for other in rows[1:_MAX_INCLUDED])
    return Kept(reason, from_here(row.path), detail, asked.root, alike, len(rows))


def others(report: Report, asked: Asked) -> Iterator[str]:
    """Say which other ecosystems were seen on the way, and how to look for them."""
    seen = report.other_ecosystems
    if not seen:
        return
    what = ", ".join(f"{row.directories:,} of {row.ecosystem}" for row in seen)
    profiles = [word for row in seen for word in ("--profile", row.ecosystem)]
    if len(seen) > _MAX_PROFILES:
        profiles = ["--profile", "all"]
    there = command(*_without_profiles(asked.again), *profiles)
    yield Advice(f"Other profiles have directories there, too: {what}. To look at them", there)


def hints(report: Report, asked: Asked, *, signalled: bool) -> Iterator[str]:
    """Say how to get rid of what is out of its project and not gone.

    What was stopped goes on where it was. What failed would fail in the same way again, unless somebody sees
    to that first.
    """
    left = [(row.outcome, row.error or "") for row in report.artifacts if row.left_at]
    left += [(row.outcome, row.error or "") for row in report.leftovers if row.run]
    stopped = any(error.startswith(INTERRUPTED) for _, error in left)
    if stopped or any(outcome is None and not error for outcome, error in left):
        yield Advice("To finish what an interrupted run left", command("resume"))
    elif any(row.left_at for row in report.artifacts):
        yield Advice("When you have removed the cause, delete the rest", command("resume"))
    elif signalled and report.mode != "dry-run" and any(row.outcome for row in report.artifacts):
        yield Advice("To delete the rest", command(*asked.exactly, "--no-dry-run"))
