"""Runs for a history of a test's own."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cleanup_nodemodule.record.history.entry import Entry, entry_of
from cleanup_nodemodule.record.history.listener import Limits
from cleanup_nodemodule.report.asked import AskedRow
from cleanup_nodemodule.report.digest import Digest
from cleanup_nodemodule.report.document import json_lines
from cleanup_nodemodule.report.finished import FinishedRun, RootSpace
from cleanup_nodemodule.report.rows import ArtifactRow
from support.reports import report, row

LONG: Final = Limits(10**9, 10**12)
"""Bounds that nothing exceeds."""

BEGAN: Final = 1_780_000_000.0
"""When the first run of a test begins; seconds since the epoch, in May 2026."""

DAY: Final = 86_400.0

GIB: Final = 1 << 30


def asked(**fields: Any) -> AskedRow:
    """Return what a run of the profile js was asked for."""
    values: dict[str, Any] = {
        "profiles": ["js"],
        "rules": ["js/node_modules"],
        "names": [],
        "min_depth": 0,
        "max_depth": None,
        "excluded": [],
        "only_listed": False,
        "ended": True,
        "filters": [],
    }
    return AskedRow(**{**values, **fields})


def finished(
    sizes: Mapping[str, int] | Sequence[ArtifactRow] = (),
    *,
    began_at: float = BEGAN,
    deleted: Sequence[str] = (),
    spaces: Sequence[RootSpace] = (),
    job: str | None = None,
    said: Mapping[str, Any] | None = None,
    **fields: Any,
) -> FinishedRun:
    """Return a run that found a ``node_modules`` of each of these *sizes* in bytes, by project, or these rows.

    It has *deleted* those of some projects. *said* are fields of its report.
    """
    rows = (
        [
            row(
                f"{project}/node_modules",
                project=project,
                allocated_bytes=size,
                reclaimable_bytes=size,
                outcome="deleted" if project in deleted else None,
            )
            for project, size in sizes.items()
        ]
        if isinstance(sizes, Mapping)
        else list(sizes)
    )
    digest = Digest()
    for one in rows:
        digest.add(one)
    mode = "delete" if deleted else "dry-run"
    values: dict[str, Any] = {
        "id": "abcdef012345",
        "command": "",
        "job": job,
        "mode": mode,
        "began_at": began_at,
        "duration": 1.5,
        "exit_code": 0,
        "report": report(rows, **{"asked": asked(), "mode": mode, **(said or {})}),
        "digest": digest,
        "spaces": tuple(spaces),
    }
    return FinishedRun(**{**values, **fields})


def failed(
    began_at: float = BEGAN, code: int = 5, failure: str = "another run has it"
) -> FinishedRun:
    """Return a run that came to no result."""
    return finished(began_at=began_at, exit_code=code, failure=failure, report=None, digest=None)


def entry(*args: Any, **fields: Any) -> Entry:
    """Return what the history takes in of :func:`finished`."""
    return entry_of(finished(*args, **fields))


def space(
    free: int,
    *,
    after: int | None = None,
    total: int = 100 * GIB,
    root: str = "/srv",
    name: str = "uuid:1",
) -> RootSpace:
    """Return a root on a file system with so many bytes *free* when the run began."""
    return RootSpace(root, name, "/", "ext4", total, free, free if after is None else after)


def plain(document: Any) -> Any:
    """Return a document as a program reads it."""
    return json.loads("".join(json_lines(document)))
