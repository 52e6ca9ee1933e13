"""Runs that are over, as listeners hear of them."""

from typing import Any, Final

from cleanup_nodemodule.report.asked import AskedRow
from cleanup_nodemodule.report.digest import Digest
from cleanup_nodemodule.report.finished import FinishedRun
from cleanup_nodemodule.report.rows import Report, Tool
from support.reports import report, row

PROGRAM: Final = Tool("cleanup-nodemodule", "0.2.0", "native")

ASKED: Final = AskedRow([], [], [], 0, None, [], only_listed=False, ended=True, filters=[])

RESULT: Final = report(
    [
        row(outcome="deleted"),
        row("/srv/b/target", ecosystem="rust", reclaimable_bytes=8192),
        row("/srv/c/own", ecosystem=None, reason="tracked"),
    ],
    asked=ASKED,
)


def finished(result: Report | None = RESULT, **fields: Any) -> FinishedRun:
    """Return a run that ended at 1010 seconds since the epoch, unless something else is said."""
    digest = None
    if result is not None:
        digest = Digest()
        for one in result.artifacts:
            digest.add(one)
    values: dict[str, Any] = {
        "id": "abc",
        "command": "run",
        "job": "nightly",
        "mode": "delete",
        "began_at": 1000.0,
        "duration": 10.0,
        "exit_code": 0,
        "report": result,
        "digest": digest,
    }
    return FinishedRun(**{**values, **fields})
