"""Takes each run that is over into the history. Nothing depends on it, so it never makes a run fail.

It is light: SQLite is imported when a run is over.
"""

from dataclasses import dataclass

from cleanup_nodemodule.report.finished import FinishedRun


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of the history."""

    max_age: int
    """Seconds; older runs go."""
    max_bytes: int
    """The most that the database may take."""


@dataclass(frozen=True, slots=True)
class History:
    """A listener."""

    limits: Limits
    asked_for: bool = False

    def hear(self, run: FinishedRun) -> str | None:
        """Take in the run; return what could not be done, or was strange, in a sentence."""
        from cleanup_nodemodule.record.history.keeping import hear  # noqa: PLC0415 - for start-up's sake

        return hear(run, self.limits)
