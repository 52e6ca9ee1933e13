"""What is approved, what comes of it, and what interrupted runs have left."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

from cleanup_nodemodule.model.plan import Artifact, Candidate, Plan
from cleanup_nodemodule.model.problem import Problem

DeletingMode: TypeAlias = Literal["delete", "trash"]
"""What a run does that deletes: for good, or by way of the desktop's trash."""

Mode: TypeAlias = Literal["dry-run", DeletingMode]
"""What a run does; a dry run deletes nothing."""


class Approved(ABC):
    """Permission to delete. What deletes takes nothing else.

    It is abstract so that nobody can make one by calling it: only :mod:`cleanup_nodemodule.delete.approval`
    has a concrete class, and gives one out against the user's word.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def plan(self) -> Plan:
        """The plan that was shown."""

    @property
    @abstractmethod
    def artifacts(self) -> tuple[Artifact, ...]:
        """What may be deleted: rows of the plan that are selected there."""

    @property
    @abstractmethod
    def mode(self) -> DeletingMode:
        """What may be done with them: delete them for good, or move them to the trash."""


@dataclass(frozen=True, slots=True)
class Removed:
    """An artifact that is not there any more."""

    artifact: Artifact
    freed_bytes: int
    """Bytes that surely came back."""
    gone: bool
    """It was gone already, by somebody else's doing."""
    counted_bytes: int = 0
    """Bytes that it took, as they were counted while it was deleted."""


@dataclass(frozen=True, slots=True)
class Failed:
    """An artifact that is still there, in part or whole."""

    artifact: Artifact
    freed_bytes: int
    """Bytes that were freed all the same, as a part of it could be deleted."""
    problems: tuple[Problem, ...]
    interrupted: bool
    """The run was stopped before it was done."""
    untouched: bool = False
    """It is as it was: nothing of it was deleted."""
    left_at: str | None = None
    """Where the rest of it is, out of its project; None where it is still in its place."""
    counted_bytes: int = 0
    """Bytes that those parts took, as they were counted."""


@dataclass(frozen=True, slots=True)
class Trashed:
    """An artifact that is in the desktop's trash, where it takes as much space as before."""

    artifact: Artifact
    freed_bytes: int = 0
    counted_bytes: int = 0


Result: TypeAlias = Removed | Failed | Trashed


@dataclass(frozen=True, slots=True)
class Leftover:
    """What an interrupted run had taken out of a project and not deleted yet."""

    candidate: Candidate
    """Where it is now."""
    original: str | None
    """Absolute path it had in its project; None if no record of this user knows of it."""
    run: str | None
    """Id of the run in the journal."""
    number: int | None
    """Its number there."""
    at_work: bool = False
    """That run is still at work, and will delete it."""
    finished: bool = False
    """It has been deleted."""
    freed_bytes: int = 0
    problems: tuple[Problem, ...] = ()
    """Why it has not."""
    interrupted: bool = False
    owner: int | None = None
    """Account it belonged to when that run began with it; None if that is not known."""
    allocated_bytes: int = 0
    """Bytes that it takes at most: what it took when that run began with it, less what was freed since."""
    unrecorded: bool = False
    """The journal has no record of it, as there was no room for one: it is known by its mark."""
    earlier: str | None = None
    """Why the last run that tried could not delete it, or not all of it."""

    @property
    def to_finish(self) -> bool:
        """Whether a run that deletes there finishes it."""
        return self.run is not None and not self.at_work and not self.problems


class Difference(StrEnum):
    """Why free space has most likely not grown by what was to come back."""

    HELD_OPEN = "held-open"
    """A process has deleted files open."""
    OTHERS_AT_WORK = "others-at-work"
    """Free space went on to change when all was done: other programs write or delete there."""
    UNSETTLED = "unsettled"
    """The file system had not given back all of it in the time that there was."""
    LOWER_LAYERS = "lower-layers"
    """It is an overlay: what lies in its lower layers takes as much space as before."""
    SNAPSHOT = "snapshot"
    """It can keep snapshots, and copies that share their content with what was deleted."""
    OTHERS = "others"
    """Nothing else is known of: other programs have probably written or deleted something at the same time."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What became of the free space of one file system while something there was deleted."""

    file_system: str
    """Where it is mounted."""
    kind: str | None
    """Such as ``btrfs``; None if that is not known."""
    before_bytes: int | None
    """Free before anything was deleted; None if it did not answer."""
    after_bytes: int | None
    """Free when all was deleted; None if it did not answer, or the run was stopped before."""
    settled: bool
    """It had written everything to its disk, and its free space did not change any more."""
    freed_bytes: int
    """Bytes that surely came back there."""
    counted_bytes: int = 0
    """Bytes that it took, as they were counted while it was deleted."""
    promised_bytes: int | None = None
    """What was surely to come back of that; None if nobody can say, as when not all that was selected could be deleted."""
    at_most_bytes: int | None = None
    """The most that was to come back; None as the former."""
    difference: Difference | None = None
    """Why free space has grown by less or more than that; None if it has not, or nobody can say."""
    difference_by: str | None = None
    """The process that has the most of it open, by name and number."""
    difference_bytes: int | None = None
    """Bytes that processes have open, or by which free space went on to change; None if nobody knows."""

    @property
    def grown_bytes(self) -> int | None:
        """By how much free space has grown."""
        if self.before_bytes is None or self.after_bytes is None:
            return None
        return self.after_bytes - self.before_bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a plan that was approved."""

    plan: Plan
    results: tuple[Result, ...]
    """One for each artifact that was begun."""
    complete: bool
    """Everything was begun and came to its end; false if the run was stopped."""
    observed: tuple[Observed, ...] = ()
    """What became of free space, for each file system; empty if nothing was deleted."""
    leftovers: tuple[Leftover, ...] = ()
    """What interrupted runs had left, and what came of it."""
    unexpected: Exception | None = None
    """What ended the run early and should never have happened."""
    problems: tuple[Problem, ...] = ()
    """What else could not be done, such as to keep the record."""

    @property
    def freed_bytes(self) -> int:
        """Bytes that surely came back."""
        return sum(result.freed_bytes for result in self.results)

    @property
    def observed_freed_bytes(self) -> int | None:
        """By how much free space has grown; None if nothing was deleted, or a file system did not answer."""
        grown = [one.grown_bytes for one in self.observed]
        known = [one for one in grown if one is not None]
        return sum(known) if known and len(known) == len(grown) else None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come, for whoever watches it."""

    directories: int = 0
    """Directories searched."""
    artifacts: int = 0
    """Artifacts found."""
    measured_bytes: int = 0
    """Allocated bytes measured so far."""
    deleted: int = 0
    """Artifacts deleted."""
    freed_bytes: int = 0
    """Bytes freed so far."""
