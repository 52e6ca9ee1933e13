"""The document of ``history``. Within a schema version fields are added, never changed or taken away."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal

from cleanup_nodemodule.model import Mode

HISTORY_VERSION: Final = 1

# Read by pydantic, as in ``rows``.
_CONFIG: Final = {"use_attribute_docstrings": True, "extra": "forbid"}


@dataclass(frozen=True, slots=True)
class SpaceRow:
    """What a run found in one root, and the space of the file system that it lies on. Bytes are those of statvfs(3)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    root: str
    """Absolute path."""
    file_system: str | None
    """What names it, as in a report, or else by its kind and where it is mounted; null if it was not asked."""
    mounted_on: str | None
    """Absolute path; null if it was not asked."""
    total_bytes: int | None
    """Null if it did not answer."""
    free_before_bytes: int | None
    """Free when the run began; null if it did not answer."""
    free_after_bytes: int | None
    """Free when the run ended; null if it did not answer."""
    found: int
    allocated_bytes: int
    """Of everything found there."""
    reclaimable_bytes: int
    """What surely comes back, of what was to be deleted."""
    freed_bytes: int
    """What surely came back of what was deleted."""


@dataclass(frozen=True, slots=True)
class HistoryRunRow:
    """One run. The numbers are null if it came to no result."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    number: int
    """In the order in which runs came into the history."""
    run: str
    """Its id. The journal has it too if the run deleted anything."""
    command: str
    """The command: empty for the one without a name, run, apply or resume."""
    job: str | None
    """The job that it carried out."""
    mode: Mode
    began_at: str
    """ISO 8601, UTC, as the clock said."""
    clock_trusted: bool
    """False if that contradicts the runs before and after it: the clock had been set back or ahead."""
    duration_s: float
    exit_code: int
    failure: str | None
    """Why it came to no result."""
    version: str
    """Of the program; empty if it came to no result."""
    complete: bool | None
    """Everything was searched and measured."""
    found: int | None
    selected: int | None
    """Artifacts to be deleted."""
    deleted: int | None
    trashed: int | None
    failed: int | None
    """Artifacts that could not be deleted."""
    problems: int
    """What could not be read or done."""
    allocated_bytes: int | None
    """Of everything found."""
    reclaimable_bytes: int | None
    """What surely comes back, of the selection."""
    reclaimable_at_most_bytes: int | None
    freed_bytes: int | None
    """What surely came back of what was deleted."""
    observed_freed_bytes: int | None
    """By how much free space had grown."""
    kept: dict[str, int]
    """How many artifacts were kept, by the code of the reason."""
    roots: list[SpaceRow]


@dataclass(frozen=True, slots=True)
class HistoryDocument:
    """What the history has of runs."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    schema_version: Literal[1]
    host: str
    """The machine. Each has a history of its own."""
    since: str | None
    """ISO 8601, UTC: earlier runs are left out. Null without --since."""
    job: str | None
    """The job that was asked about; null for all runs."""
    runs: list[HistoryRunRow] = field(default_factory=list)
    """In the order in which they came into the history, which their times may contradict."""
    left_out: int = 0
    """Earlier runs that are not among them, because of --limit."""
