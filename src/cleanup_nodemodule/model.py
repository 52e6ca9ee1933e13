"""The stage types of the pipeline, one frozen type a stage, and the words every module shares.

    Settings ─▶ find ─▶ prove ─▶ size ─▶ decide ─▶ Plan ─▶ (approve) ─▶ remove ─▶ Outcome

Paths are ``str`` as ``os.fsdecode`` makes them: a name that is not UTF-8 keeps its bytes as lone
surrogates. Sizes are bytes, times are seconds since the epoch.
"""

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Literal, NamedTuple, TypeAlias

from cleanup_nodemodule import problems
from cleanup_nodemodule.problems import ProblemCode

DeletingMode: TypeAlias = Literal["delete", "trash"]
"""What a run does that deletes: for good, or by way of the desktop's trash."""

Mode: TypeAlias = Literal["dry-run", DeletingMode]
"""What a run does; a dry run deletes nothing."""


class Reason(StrEnum):
    """Why an artifact is kept, as a code that programs may rely on."""

    UNPROVEN = "unproven"
    """The name matches, but nothing proves that it can be rebuilt."""
    TRACKED = "tracked"
    """Git tracks files inside it."""
    GIT_FAILED = "git-failed"
    """It lies in a git repository, and git could not say whether it tracks files inside it."""
    INSTALLED = "installed"
    """It is part of installed software, not of a project."""
    PRECIOUS = "precious"
    """Something in it cannot be made again, such as a key pair or the state of a deployment."""
    KEPT = "kept"
    """The user said so, with a pattern or a file."""
    CURRENT_DIRECTORY = "current-directory"
    """The current directory lies inside it."""
    IN_USE = "in-use"
    """A process is at work in it or in its project."""
    REPOSITORY_INSIDE = "repository-inside"
    """A git repository lies inside it."""
    MOUNT_POINT = "mount-point"
    """Another file system, or another part of this one, is mounted at it or inside it."""
    FOREIGN = "foreign"
    """Only its owner may delete it, or something in it, and that is somebody else: it lies in a
    directory with the sticky bit, such as /tmp."""
    UNREADABLE = "unreadable"
    """Not all of it could be read, so nobody knows what would be lost."""
    INTERRUPTED = "interrupted"
    """The run was stopped before there was anything to decide by."""


class Level(Enum):
    """How good the evidence is, before anything that protects is considered."""

    PROVEN = "proven"
    """A proof of a rule holds."""
    NAMED = "named"
    """The user named it on the command line."""
    UNPROVEN = "unproven"
    """The name matches, and not enough else."""
    NONE = "none"
    """It shares a name that is used for other things too, and nothing else matches: no artifact."""


class Identity(NamedTuple):
    """What makes a directory that very directory, whatever its path."""

    device: int
    inode: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be read or done."""

    path: str
    code: ProblemCode
    errno: int | None = None
    """What the system said (errno(3)); None where only this program knows why."""
    message: str | None = None
    """Why it failed and what to do about it, where that says more than the error number."""
    detail: str | None = None
    """A word that the sentence of some codes needs, such as the reason that keeps it."""
    more: int = 0
    """How many more entries of the path this is about, which have no problem of their own; 0 if it is about the path
    itself."""

    @property
    def doing(self) -> str:
        """What was being done, as a verb phrase: ``open``, ``read``, ``delete``."""
        return problems.phrase(self.code, self.detail, self.more)

    @property
    def number(self) -> int:
        """The error number to show: the system's, or else what comes nearest to the code (errno(3))."""
        return self.errno or problems.number(self.code)

    @property
    def why(self) -> str:
        """Why it failed, in words."""
        return self.message or os.strerror(self.number)

    @property
    def sentence(self) -> str:
        """What could not be done, where, and why."""
        return problems.sentence(self.doing, self.path, self.why)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A directory with a name that is looked for."""

    path: str
    """Absolute, without symlinks."""
    root: str
    """The root it was found under."""
    identity: Identity
    mounted: bool
    """Something is mounted on it."""
    changed: int = 0
    """When the directory itself was last changed (st_ctime), nanoseconds; 0 if that is not known."""

    @property
    def name(self) -> str:
        """The directory's own name."""
        return os.path.basename(self.path)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a candidate being an artifact, and what protects it."""

    level: Level
    facts: tuple[str, ...]
    """What was found, a phrase each, fit for showing."""
    protection: Reason | None
    """Keeps it, whatever the level."""
    rule: str | None
    """Identifier of the rule that fits best, None for a name no rule knows."""
    ecosystem: str | None
    project: str
    """Absolute path of the project it belongs to."""
    regenerate: str | None
    """Command that brings it back."""
    regenerate_in: str | None
    """Absolute path of the directory to run that in: where the lock file is."""
    warnings: tuple[str, ...]
    """Why what comes back may differ, a phrase each."""
    last_used: int
    """When git or an editor was last at work in the project, seconds since the epoch; 0 if nobody
    knows."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What lies inside a candidate. The bytes are those of files with one link only.

    Files with several links are counted in :class:`Size`.
    """

    apparent_bytes: int
    allocated_bytes: int
    files: int
    directories: int
    newest: int
    """Newest modification time inside, seconds since the epoch; 0 if nothing was read."""
    complete: bool
    """Everything was read; if not, all numbers are lower bounds."""
    mounts: tuple[str, ...]
    """Absolute paths of what is mounted in it."""
    repositories: tuple[str, ...]
    """Absolute paths of the git repositories in it."""
    foreign: tuple[str, ...] = ()
    """Absolute paths that only somebody else may delete, by the sticky bit of the directory around them."""
    directory_bytes: int = 0
    """How many of the allocated bytes are those of directories."""


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of an artifact, hard links settled.

    An inode counts once over the whole run, with the last artifact in path order that links to it,
    so that what lies inside another artifact has its own.
    """

    apparent_bytes: int
    """Sum of ``st_size``, directories included."""
    allocated_bytes: int
    """Sum of ``st_blocks`` times 512, as ``du`` counts."""
    reclaimable_bytes: int
    """What deleting the plan's selection frees here: inodes all of whose links are in the selection.
    0 for what is kept."""


@dataclass(frozen=True, slots=True)
class Delete:
    """The decision to delete, if the user approves."""


@dataclass(frozen=True, slots=True)
class Keep:
    """The decision to keep, and why."""

    reason: Reason


Decision: TypeAlias = Delete | Keep


@dataclass(frozen=True, slots=True)
class Artifact:
    """One directory that was found, with everything that is known of it. A row of the plan."""

    candidate: Candidate
    evidence: Evidence
    contents: Contents
    size: Size
    decision: Decision

    @property
    def path(self) -> str:
        """Absolute path."""
        return self.candidate.path

    @property
    def selected(self) -> bool:
        """Whether it would be deleted."""
        return isinstance(self.decision, Delete)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that was found, and what would be done with it. A dry run ends here."""

    roots: tuple[str, ...]
    artifacts: tuple[Artifact, ...]
    """In path order, which does not depend on who finished first."""
    problems: tuple[Problem, ...]
    complete: bool
    """The search and every measurement came to their end."""
    leftovers: tuple[Candidate, ...] = ()
    """Directories with a name that only this program gives to what it deletes."""
    unseen_processes: int | None = 0
    """Processes that could not be looked at, where that mattered; None if nobody can say how many."""
    unmatched: tuple[str, ...] = ()
    """Patterns of the user that matched nothing, and may be misspelt."""

    @property
    def selected(self) -> tuple[Artifact, ...]:
        """What would be deleted."""
        return tuple(artifact for artifact in self.artifacts if artifact.selected)

    @property
    def reclaimable_bytes(self) -> int:
        """What deleting the selection frees."""
        return sum(artifact.size.reclaimable_bytes for artifact in self.artifacts)


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
    gone: bool
    """It was gone already, by somebody else's doing."""


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


@dataclass(frozen=True, slots=True)
class Trashed:
    """An artifact that is in the desktop's trash, where it takes as much space as before."""

    artifact: Artifact
    freed_bytes: int = 0


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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a plan that was approved."""

    plan: Plan
    results: tuple[Result, ...]
    """One for each artifact that was begun."""
    observed_freed_bytes: int | None
    """Change of free space as the file systems report it; None if they could not be asked."""
    complete: bool
    """Everything was begun and came to its end; false if the run was stopped."""
    leftovers: tuple[Leftover, ...] = ()
    """What interrupted runs had left, and what came of it."""
    unexpected: Exception | None = None
    """What ended the run early and should never have happened."""
    problems: tuple[Problem, ...] = ()
    """What else could not be done, such as to keep the record."""

    @property
    def freed_bytes(self) -> int:
        """Bytes that were really freed, as the engine counted them."""
        return sum(result.freed_bytes for result in self.results)


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
