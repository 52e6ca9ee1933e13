"""The records of NDJSON that are no rows of a document: the first one and the last one."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

from cleanup_nodemodule.model import Mode
from cleanup_nodemodule.report.asked import AskedRow
from cleanup_nodemodule.report.file_systems import FileSystemRow
from cleanup_nodemodule.report.observed import ObservedRow
from cleanup_nodemodule.report.rows import (
    GateRow,
    GoalRow,
    OtherRow,
    OutOfTimeRow,
    SourceRow,
    Tool,
    Totals,
)

# Read by pydantic, as in ``rows``.
_CONFIG: Final = {"use_attribute_docstrings": True, "extra": "forbid"}


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The first record of NDJSON: what is known when a run begins."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    schema_version: Literal[2]
    tool: Tool
    host: str
    started_at: str
    """ISO 8601, UTC."""
    mode: Mode
    roots: list[str]
    """Absolute paths searched."""


@dataclass(frozen=True, slots=True)
class TotalsRecord(Totals):
    """The last record of NDJSON: the totals, and what is known when a run ends."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    duration_s: float
    complete: bool
    """Everything was searched and measured; if not, there may be more than the records say."""
    unseen_processes: int | None
    """How many processes could not be looked at, so that nobody knows what they use. Null if nobody knows how many."""
    unmatched_patterns: list[str]
    """Patterns of --exclude and keep that matched nothing, and may be misspelt."""
    other_ecosystems: list[OtherRow]
    """Ecosystems that were not looked for, and were seen on the way."""
    gates: list[GateRow]
    """Limits that were exceeded. If one of them is --max-delete, nothing was deleted."""
    gone: list[str]
    """Absolute paths of what a saved plan names and is not there any more; empty unless that is applied."""
    goals: list[GoalRow]
    """What --free, --until-free and --max-total were to reach, and what the selection reaches."""
    sources: list[SourceRow]
    """The runs that a document of merge is made of; empty if it is that of a run itself."""
    asked: AskedRow | None
    """What the run looked for; null if it searched nothing, and in a document of merge, where sources has it of each
    run."""
    file_systems: list[FileSystemRow]
    """Where artifacts were found, and how it was found out there what deleting them gives back."""
    observed: list[ObservedRow]
    """What became of free space, for each file system on which anything was deleted."""
    out_of_time: OutOfTimeRow | None
    """What the time of --max-runtime was too short for; null if it was long enough."""
