"""The metrics that are written, with their names, types and texts. Pure.

The names are by https://prometheus.io/docs/practices/naming/: base units, and ``_total`` for what only grows.
"""

from typing import Final, Literal, NamedTuple, TypeAlias

PREFIX: Final = "cleanup_nodemodule_"

OWN_LABELS: Final = ("file", "job_name")
"""Labels of each metric: the name of the file without its ending, and that of the job, empty for a run without one.

Prometheus says ``job`` of what it scrapes. Files of one directory have different names, so no two have the same series:
node_exporter would refuse the second one.
"""

Kind: TypeAlias = Literal["gauge", "counter"]


class Metric(NamedTuple):
    """One metric."""

    name: str
    """Without the prefix."""
    kind: Kind
    help: str
    """A line. One that was released stays: node_exporter wants the same in all files, whichever version wrote them."""
    labels: tuple[str, ...] = ()
    """Its labels besides the own ones."""
    fractions: bool = False
    """Whether it may have fractions, as seconds have; else it is a whole number."""

    @property
    def full_name(self) -> str:
        """Return the name as it is written."""
        return PREFIX + self.name


# What the last run was, however it ended.
LAST_RUN: Final = (
    Metric(
        "last_start_timestamp_seconds",
        "gauge",
        "When the last run began, in seconds since the epoch. If none has ended since, it is at work, or it was killed.",
        fractions=True,
    ),
    Metric(
        "last_run_timestamp_seconds",
        "gauge",
        "When the last run ended, in seconds since the epoch.",
        fractions=True,
    ),
    Metric(
        "last_run_success",
        "gauge",
        "1 if the last run succeeded (exit code 0 or 3), else 0.",
    ),
    Metric("last_run_exit_code", "gauge", "Exit code of the last run."),
    Metric(
        "last_run_duration_seconds",
        "gauge",
        "How long the last run took, in seconds.",
        fractions=True,
    ),
    Metric("last_run_deleted", "gauge", "Artifacts that the last run deleted."),
    Metric("last_run_trashed", "gauge", "Artifacts that the last run moved to the trash."),
    Metric("last_run_failed", "gauge", "Artifacts that the last run could not delete."),
    Metric(
        "last_run_freed_bytes", "gauge", "Bytes that surely came back of what the last run deleted."
    ),
    Metric("last_run_problems", "gauge", "Problems of the last run: what it could not read or do."),
    Metric(
        "build_info",
        "gauge",
        "Version and engine of the program in the last run; always 1.",
        labels=("version", "engine"),
    ),
)

SINCE: Final = (
    Metric(
        "last_success_timestamp_seconds",
        "gauge",
        "When the last run ended that succeeded, in seconds since the epoch; 0 if none did.",
        fractions=True,
    ),
    Metric("runs_total", "counter", "Runs that have ended."),
    Metric("run_failures_total", "counter", "Runs that failed."),
    Metric("deleted_total", "counter", "Artifacts that all runs have deleted."),
    Metric(
        "freed_bytes_total", "counter", "Bytes that surely came back of what all runs have deleted."
    ),
)
"""What is known over all runs."""

SEARCH: Final = (
    Metric(
        "last_search_timestamp_seconds",
        "gauge",
        "When the last run ended that has searched everywhere, in seconds since the epoch.",
        fractions=True,
    ),
    Metric("found", "gauge", "Artifacts that the last search found."),
    Metric("selected", "gauge", "Artifacts that the last search selected to be deleted."),
    Metric(
        "kept",
        "gauge",
        "Artifacts that the last search found and that are kept, by the reason.",
        labels=("reason",),
    ),
    Metric(
        "allocated_bytes", "gauge", "Bytes that all artifacts take which the last search found."
    ),
    Metric(
        "reclaimable_bytes",
        "gauge",
        "Bytes that surely come back if what the last search selected is deleted.",
    ),
    Metric(
        "reclaimable_at_most_bytes",
        "gauge",
        "Bytes that come back at most if what the last search selected is deleted.",
    ),
    Metric(
        "ecosystem_found",
        "gauge",
        "Artifacts that the last search found, by ecosystem.",
        labels=("ecosystem",),
    ),
    Metric(
        "ecosystem_reclaimable_bytes",
        "gauge",
        "Bytes that surely come back if what the last search selected is deleted, by ecosystem.",
        labels=("ecosystem",),
    ),
)
"""What the last run has found that has searched everywhere. One that was stopped, or came to no result, leaves it."""

METRICS: Final = (*LAST_RUN, *SINCE, *SEARCH)
"""All of them, in the order in which they are written."""
