"""What people read of an audit that was merged."""

from collections.abc import Iterator

from cleanup_nodemodule.report import bounds
from cleanup_nodemodule.run.comparing import Merged
from cleanup_nodemodule.words import printable, promised, size


def last_words(merged: Merged) -> Iterator[str]:
    """Give everything that is said behind the result."""
    report, dropped = merged.report, merged.dropped
    totals = report.totals
    hosts = len({source.host for source in report.sources})
    audits = "1 audit" if merged.documents == 1 else f"{merged.documents:,} audits"
    machines = "1 machine" if hosts == 1 else f"{hosts:,} machines"
    yield (
        f"{audits} of {machines}: {_directories(totals.found)} {_take(totals.found)} {size(totals.allocated_bytes)}, and"
        f" {promised(merged.deletable_bytes, merged.deletable_at_most_bytes)} in {_directories(merged.deletable)} can be deleted."
    )
    yield from bounds.why(report)
    stopped = sorted({printable(one.host) for one in report.sources if not one.complete})
    if stopped:
        yield (
            f"Not everything could be read on {', '.join(stopped)}, or the run was stopped. So there may be more."
        )
    if dropped.searched_again:
        names = ", ".join(map(printable, dropped.again_in))
        yield (
            f"{_directories(dropped.searched_again)} of {names} {_are(dropped.searched_again)} not counted, because a later audit of the"
            " same machine has searched there again."
        )
    if dropped.not_looked_for:
        yield (
            f"{_directories(dropped.not_looked_for)} {_are(dropped.not_looked_for)} counted as an earlier audit of the"
            " machine found it, because the later one did not look there or not for that."
        )
    if dropped.shared:
        yield (
            f"{_directories(dropped.shared)} ({size(dropped.shared_bytes)}) {_are(dropped.shared)} on disks that several"
            " machines share, and counted once."
        )
    modes = {source.mode for source in report.sources}
    if modes - {"dry-run"} and len(modes) > 1:
        yield "Some of these runs have deleted what they found, and others have not."
    if modes - {"dry-run"}:
        yield "What a run deleted is still listed, with its outcome. It does not count as what can be deleted."


def _take(count: int) -> str:
    return "takes" if count == 1 else "take"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _directories(count: int) -> str:
    return "1 directory" if count == 1 else f"{count:,} directories"
