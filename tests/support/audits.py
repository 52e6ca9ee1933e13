"""Audits made for a test: reports with the fields that matter there, and the documents of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from cleanup_nodemodule.report.document import to_json
from cleanup_nodemodule.report.rows import (
    ArtifactRow,
    EvidenceRow,
    OtherRow,
    ProblemRow,
    Report,
    SourceRow,
    Tool,
    Totals,
)

TOOL: Final = Tool("cleanup-nodemodule", "0.2.0", "native")


def artifact(
    path: str, allocated: int = 1000, *, keep: str | None = None, **more: Any
) -> ArtifactRow:
    """Return the row of an artifact of the host ``here``, to be deleted unless a reason to *keep* it is given."""
    project = path.rpartition("/")[0] or "/"
    row = ArtifactRow(
        path=path,
        name=path.rpartition("/")[2],
        rule="js/node_modules",
        ecosystem="js",
        project=project,
        root="/srv",
        host="here",
        owner="ada",
        file_system=None,
        inode=None,
        evidence=EvidenceRow(["npm: .package-lock.json inside"], ["1 package"], [], []),
        decision="delete" if keep is None else "keep",
        reason=keep,
        reason_detail=keep and "why",
        apparent_bytes=allocated,
        allocated_bytes=allocated,
        reclaimable_bytes=allocated if keep is None else 0,
        files=3,
        directories=1,
        inside=0,
        complete=True,
        last_used_at="2026-01-01T00:00:00+00:00",
        regenerate="npm ci",
        regenerate_in=project,
        warnings=[],
        outcome=None,
        error=None,
        left_at=None,
        reclaimable_at_most_bytes=allocated if keep is None else 0,
        shared_bytes=0,
    )
    return replace(row, **more)


def audit_of(
    *rows: ArtifactRow,
    host: str = "here",
    day: int = 1,
    roots: Sequence[str] = ("/srv",),
    others: Sequence[str] = (),
    problems: Sequence[ProblemRow] = (),
    sources: Sequence[SourceRow] = (),
    complete: bool = True,
    **more: Any,
) -> Report:
    """Return an audit of one machine, of a day of May 2026."""
    rows = tuple(replace(row, host=host) if row.host == "here" else row for row in rows)
    report = Report(
        *(2, TOOL, host, f"2026-05-{day:02}T03:00:00+00:00", 1.0, "dry-run", list(roots)),
        complete,
        list(rows),
        list(problems),
        totals_of(rows),
        *([], 0, [], [OtherRow(name, 1) for name in others]),
        gates=[],
        sources=list(sources),
    )
    return replace(report, **more)


def totals_of(rows: Sequence[ArtifactRow]) -> Totals:
    """Return the sums over rows of which nothing was deleted."""
    return Totals(
        found=len(rows),
        selected=sum(row.decision == "delete" for row in rows),
        allocated_bytes=sum(row.allocated_bytes for row in rows),
        reclaimable_bytes=sum(row.reclaimable_bytes for row in rows),
        deleted=0,
        failed=0,
        trashed=0,
        freed_bytes=0,
        observed_freed_bytes=None,
        reclaimable_at_most_bytes=sum(row.reclaimable_at_most_bytes for row in rows),
        shared_bytes=sum(row.shared_bytes for row in rows),
        counted_bytes=0,
    )


def data(report: Report) -> bytes:
    """Return the document of a report, as a run prints it."""
    return f"{to_json(report)}\n".encode("ascii")
