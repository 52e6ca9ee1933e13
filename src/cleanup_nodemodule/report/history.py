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
    """Absolute path. Of what was freed where no root lies, as by resume, the place where that is mounted."""
    file_system: str | None
    """What names it, as in a report, or else by its kind and where it is mounted; null if it was not asked."""
    mounted_on: str | None
    """Absolute path; null if it was not asked."""
    total_bytes: int | None
    """Null if it did not answer."""
    free_before_bytes: int | None
    """Free for users other than root when the run began, as df says it; null if it did not answer."""
    free_after_bytes: int | None
    """The same when the run ended."""
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
class ComparedRow:
    """The audits that growth was found out by: runs that searched the same roots for the same."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    roots: list[str]
    """Absolute paths."""
    profiles: list[str]
    """Ecosystems whose rules they used; empty with --targets."""
    names: list[str]
    """Names of directories that they looked for besides."""
    audits: int
    """So many there are."""
    read: int
    """So many of them were looked at, spread evenly over the time."""
    others: int
    """Audits that searched elsewhere or for something else, and are not compared."""
    first: str
    last: str
    """When the first and the last of them began; ISO 8601, UTC."""


@dataclass(frozen=True, slots=True)
class GrowthRow:
    """How fast something grows. What runs have deleted counts as if it were still there."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    group: str
    """The project or the root, absolute paths, or the ecosystem."""
    allocated_bytes: int
    """What it takes now, as far as the last audit knows."""
    growth_bytes_per_day: float
    """The median of the slopes between all pairs of audits (Theil and Sen). Negative if it shrinks."""
    at_least_bytes_per_day: float | None
    at_most_bytes_per_day: float | None
    """The bounds of that with a confidence of 95 %; null if there are too few audits for one."""


@dataclass(frozen=True, slots=True)
class PointRow:
    """What one audit found of a project, and what its run did."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    number: int
    """That of the run."""
    began_at: str
    """ISO 8601, UTC."""
    found: int
    allocated_bytes: int
    reclaimable_bytes: int
    """What surely comes back, of the selection."""
    deleted: int
    """Artifacts that were deleted, or moved to the trash."""
    freed_bytes: int
    failed: int


@dataclass(frozen=True, slots=True)
class ForecastRow:
    """When a file system will be full, if it fills as fast as it did."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    file_system: str
    """What names it, as with the runs."""
    mounted_on: str
    total_bytes: int
    free_bytes: int
    """Free for users other than root, at the end of the last run there."""
    as_of: str
    """When that was; ISO 8601, UTC."""
    readings: int
    """By so many readings of free space it was found out."""
    span_days: float
    """The time between the first and the last of them."""
    growth_bytes_per_day: float | None
    """By how much more is used each day, without what runs have freed; null without two readings."""
    freed_bytes_per_day: float
    """What runs free each day, if they do so again and again; else 0."""
    reclaimable_bytes: int
    """What can be deleted there now, by the last audit."""
    full_in_days: float | None
    """Null if nothing can be said; reason tells why."""
    full_in_days_if_deleted: float | None
    """The same if all that is deleted."""
    reason: (
        Literal[
            "too-few-readings",
            "too-short",
            "not-growing",
            "too-noisy",
            "changing",
            "too-far-ahead",
            "kept-up",
        ]
        | None
    )
    """Why there is no forecast. kept-up: runs free as much as is added."""


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
    project: str | None = None
    """The absolute path that was asked about: all projects there and beneath. Null if none was."""
    by: Literal["project", "ecosystem", "root"] | None = None
    """What growth was asked by; null if it was not."""
    runs: list[HistoryRunRow] = field(default_factory=list)
    """In the order in which they came into the history, which their times may contradict. None with a project or --by."""
    left_out: int = 0
    """Earlier runs that are not among them, or rows of growth, because of --limit."""
    compared: ComparedRow | None = None
    """With a project or --by: which audits were compared; null if there are none."""
    growth: list[GrowthRow] = field(default_factory=list)
    """With a project or --by, what grows fastest first. None if there are fewer than four audits, or less than a day
    between the first and the last."""
    points: list[PointRow] = field(default_factory=list)
    """With a project: what each audit found of it."""
    forecasts: list[ForecastRow] = field(default_factory=list)
    """For each file system on which the last runs have searched."""
