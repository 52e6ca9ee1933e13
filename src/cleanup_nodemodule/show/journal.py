"""A run of the journal, and what could not be read of it."""

from typing import Any

from cleanup_nodemodule.record.entries import Fault, Run
from cleanup_nodemodule.words import iso, printable


def fault_line(fault: Fault) -> str:
    """Return what could not be read of the journal, in a line."""
    where = printable(fault.file) if fault.line is None else f"{printable(fault.file)}:{fault.line}"
    return f"left out of the journal: {where}: {printable(fault.message)}"


def run_document(run: Run) -> dict[str, Any]:
    """Return a run as documents have it."""
    return {
        "id": run.id,
        "started_at": iso(run.started_at),
        "ended_at": None if run.ended_at is None else iso(run.ended_at),
        "interrupted": run.interrupted,
        "pid": run.pid,
        "host": run.host,
        "user": run.user,
        "tool": run.tool,
        "mode": run.mode,
        "roots": list(run.roots),
        "observed_freed_bytes": run.observed_freed_bytes,
    }
