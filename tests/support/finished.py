"""Runs that are over, each field with a value that says nothing, unless the test gives it one."""

from typing import Any

from cleanup_nodemodule.report.finished import FinishedRun


def finished(exit_code: int = 0, **fields: Any) -> FinishedRun:
    """Return a run that ended with this code."""
    values: dict[str, Any] = {
        "id": "abcd1234",
        "command": "run",
        "job": "nightly",
        "mode": "delete",
        "began_at": 1_790_000_000.0,
        "duration": 12.5,
        "exit_code": exit_code,
        "report": None,
        "digest": None,
    }
    return FinishedRun(**{**values, **fields})
