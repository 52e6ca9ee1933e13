"""Reports of a test's own: each field has a value that says nothing, unless the test gives it one."""

from collections.abc import Sequence
from typing import Any, Final

from cleanup_nodemodule.report.rows import (
    ArtifactRow,
    EvidenceRow,
    ProblemRow,
    Report,
    Tool,
    Totals,
)

STARTED: Final = "2026-06-01T12:00:00+00:00"

HOSTILE: Final = (
    "/srv/plain/node_modules",
    "/srv/two\nlines/node_modules",
    "/srv/\x1b[31mred\x1b[0m/node_modules",
    "/srv/a|b/node_modules",
    "/srv/a\\|b/node_modules",
    "/srv/`tick`/``two``/node_modules",
    "/srv/<img src=x onerror=alert(1)>/[/b]/node_modules",
    "/srv/[link](http://example.org)/**bold**/_x_/node_modules",
    "/srv/&lt;/&#124;/node_modules",
    "/srv/@somebody/www.example.org/#1/node_modules",
    '/srv/"quoted", and/node_modules',
    "/srv/x;=1+1/node_modules",
    "/srv/\udcff\udcfe/node_modules",
    "/srv/\u202etxt.exe/node_modules",
    "/srv/ends with a space /node_modules ",
    "/srv/名前/node_modules",
)
"""Paths of which some program makes more than a path."""


def row(path: str = "/srv/a/node_modules", **fields: Any) -> ArtifactRow:
    """Return an artifact that is to be deleted, unless it has a *reason*."""
    kept = fields.get("reason") is not None
    values: dict[str, Any] = {
        "path": path,
        "name": path.rpartition("/")[2],
        "rule": "js/node_modules",
        "ecosystem": "js",
        "project": path.rpartition("/")[0],
        "root": "/srv",
        "host": "machine",
        "owner": "somebody",
        "file_system": None,
        "inode": 12,
        "evidence": EvidenceRow(["package.json beside it"], [], [], []),
        "decision": "keep" if kept else "delete",
        "reason": None,
        "reason_detail": None,
        "apparent_bytes": 4000,
        "allocated_bytes": 4096,
        "reclaimable_bytes": 0 if kept else 4096,
        "files": 1,
        "directories": 1,
        "inside": 0,
        "complete": True,
        "last_used_at": "2026-05-31T12:00:00+00:00",
        "regenerate": "npm ci",
        "regenerate_in": path.rpartition("/")[0],
        "warnings": [],
        "outcome": None,
        "error": None,
        "left_at": None,
        "shared_bytes": 0,
    }
    values |= fields
    values.setdefault("reclaimable_at_most_bytes", values["reclaimable_bytes"])
    return ArtifactRow(**values)


def report(
    rows: Sequence[ArtifactRow] = (), problems: Sequence[ProblemRow] = (), **fields: Any
) -> Report:
    """Return the report of a dry run that found *rows*."""
    values: dict[str, Any] = {
        "schema_version": 2,
        "tool": Tool("cleanup-nodemodule", "0", "native"),
        "host": "machine",
        "started_at": STARTED,
        "duration_s": 0.5,
        "mode": "dry-run",
        "roots": ["/srv"],
        "complete": not problems,
        "artifacts": list(rows),
        "problems": list(problems),
        "totals": Totals(
            found=len(rows),
            selected=sum(one.decision == "delete" for one in rows),
            allocated_bytes=sum(one.allocated_bytes for one in rows),
            reclaimable_bytes=sum(one.reclaimable_bytes for one in rows),
            deleted=sum(one.outcome == "deleted" for one in rows),
            failed=sum(one.outcome == "failed" for one in rows),
            trashed=sum(one.outcome == "trashed" for one in rows),
            freed_bytes=sum(one.reclaimable_bytes for one in rows if one.outcome == "deleted"),
            observed_freed_bytes=None,
            reclaimable_at_most_bytes=sum(one.reclaimable_at_most_bytes for one in rows),
            shared_bytes=sum(one.shared_bytes for one in rows),
            counted_bytes=0,
        ),
        "leftovers": [],
        "unseen_processes": 0,
        "unmatched_patterns": [],
        "other_ecosystems": [],
        "gates": [],
    }
    return Report(**{**values, **fields})
