"""What is found, and what would be done with it: the stages up to the plan, one frozen type a stage."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Self, TypeAlias

from cleanup_nodemodule.engine.contract import Accounting
from cleanup_nodemodule.model.problem import Problem
from cleanup_nodemodule.model.reasons import Level, Reason

UNKNOWN_USE: Final = 2**62
"""When something was last used of which not everything could be looked at: it counts as used just now."""


class Identity(NamedTuple):
    """What makes a directory that very directory, whatever its path."""

    device: int
    inode: int


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
class Doubt:
    """Why an artifact is kept though nothing protects it: one of the three questions is open."""

    reason: Reason
    detail: str
    """What makes it so: the file, the package or the missing thing, fit for showing."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a candidate being an artifact, and what protects it.

    It answers three questions, with a phrase for each fact, fit for showing: who made it, how it comes back,
    and what else is inside.
    """

    level: Level
    made_by: tuple[str, ...]
    """What shows who made it."""
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
    """When git or an editor was last at work in the project, seconds since the epoch; 0 if it has no sources, and
    UNKNOWN_USE if not all of them could be looked at."""
    comes_back: tuple[str, ...] = ()
    """What brings it back."""
    also_inside: tuple[str, ...] = ()
    """What was met inside that its tool did not make."""
    besides: tuple[str, ...] = ()
    """What else decides: what protects it, and what the user said."""
    repository: str | None = None
    """Absolute path of the innermost working tree of git that it lies in; None if it lies in none."""
    doubt: Doubt | None = None
    """The first question that is open, if the user has not answered it."""

    @property
    def facts(self) -> tuple[str, ...]:
        """All that was found."""
        return (*self.made_by, *self.comes_back, *self.also_inside, *self.besides)


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
    met: tuple[str, ...] = ()
    """Paths of what was watched for by its name, in order: relative to the candidate, with slashes between names."""
    late: tuple[str, ...] = ()
    """The same of what was modified after the time asked for."""
    unlisted: int = 0
    """How many more of both there are, at most; one in both counts twice."""
    clones: tuple[str, ...] = ()
    """Absolute paths of the git repositories in it that its tool has cloned, and that it can clone again:
    nothing in them is anybody's work. They are none of the *repositories*."""
    measured_at: int = field(default=0, compare=False)
    """When it was measured, seconds since the epoch: what was written into it later may not be counted here. 0 if it was
    not measured. Two that hold the same are equal, whenever they were measured."""
    own_bytes: int = 0
    """What surely comes back of what they take, as the file system tells (``Usage.own`` of engine/contract.py).
    This and what follows say something only where the file system was asked (:class:`Accounted`)."""
    perhaps_bytes: int = 0
    """What may come back besides, as nobody could be asked."""
    shared_bytes: int = 0
    """What lies in places on the disk that other files may have, too."""
    metadata_bytes: int = 0
    """What they take in the tree of btrfs, and in those that all files have in common."""
    dense_bytes: int = 0
    """What of that lies where few others do, so that it comes back."""
    proven_bytes: int = 0
    """What of these no snapshot has."""
    inline_bytes: int = 0
    """What of the dense ones is the content of files. It may take less, if the file system compresses."""


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
    """The promise: what deleting the plan's selection surely gives back here. A file with several links counts if all
    of them are in the selection. 0 for what is kept."""
    reclaimable_at_most_bytes: int
    """The most that it may give back here, never less than the promise. 0 for what is kept."""
    shared_bytes: int
    """How much of what it takes is not promised because something that stays, or that nobody knows, may have it
    too: a link, a copy that shares its content, a snapshot, a lower layer. 0 for what is kept."""

    @classmethod
    def exact(cls, apparent_bytes: int, allocated_bytes: int, reclaimable_bytes: int) -> Self:
        """Make one of which is known what it gives back, and that shares nothing."""
        return cls(apparent_bytes, allocated_bytes, reclaimable_bytes, reclaimable_bytes, 0)


@dataclass(frozen=True, slots=True)
class SharedWith:
    """The store of a package manager that has the other ends of links or clones in an artifact."""

    store: str
    """What it is called in a sentence, such as ``pnpm store``."""
    path: str
    """Absolute path, without symlinks."""
    command: str | None
    """What frees what is in it and nobody uses, as a line for a shell; None if no command does."""
    proved: bool
    """Files of the artifact are in it, by inode or by their place on the disk. If not, nobody could be asked, and it has
    files with the same content where this artifact's would be."""


@dataclass(frozen=True, slots=True)
class Delete:
    """The decision to delete, if the user approves."""


@dataclass(frozen=True, slots=True)
class Keep:
    """The decision to keep, and why."""

    reason: Reason
    detail: str | None = None
    """What exactly makes it so, fit for showing, where nothing else of the artifact says it."""


Decision: TypeAlias = Delete | Keep


@dataclass(frozen=True, slots=True)
class Artifact:
    """One directory that was found, with everything that is known of it. A row of the plan."""

    candidate: Candidate
    evidence: Evidence
    contents: Contents
    size: Size
    decision: Decision
    inside: int = 0
    """Directories in it with the name of an artifact that are parts of it, and have no row."""
    owner: str | None = None
    """What its owner is called, or the number; None if that is not known, as of what is mounted."""
    file_system: str | None = None
    """What names its file system on every machine that mounts it; None if nothing does."""
    shared_with: SharedWith | None = None
    """The store that has what it does not give back; None if it shares little, or nobody knows with what."""

    @property
    def why(self) -> str | None:
        """What exactly keeps it, fit for showing; None if nothing does, or the reason says all."""
        match self.decision:
            case Keep(_, detail) if detail is not None:
                return detail
            case Keep(reason) if self.evidence.protection is reason:
                return self.evidence.besides[-1] if self.evidence.besides else None
            case Keep(reason) if self.evidence.doubt and self.evidence.doubt.reason is reason:
                return self.evidence.doubt.detail
            case Keep(Reason.MOUNT_POINT):
                return self._first(self.contents.mounts)
            case Keep(Reason.REPOSITORY_INSIDE):
                return self._first(self.contents.repositories)
            case Keep(Reason.FOREIGN):
                return self._first(self.contents.foreign)
            case _:
                return None

    def _first(self, inside: Sequence[str]) -> str:
        """Return the absolute path of the first of what lies *inside*."""
        return os.path.join(self.candidate.path, inside[0]) if inside else ""

    @property
    def path(self) -> str:
        """Absolute path."""
        return self.candidate.path

    @property
    def used(self) -> int | None:
        """When it was last used, seconds since the epoch; None if nobody knows.

        Without sources of its project, the last change in it counts.
        """
        used = self.evidence.last_used or self.contents.newest
        return used if 0 < used < UNKNOWN_USE else None

    @property
    def selected(self) -> bool:
        """Whether it would be deleted."""
        return isinstance(self.decision, Delete)


@dataclass(frozen=True, slots=True)
class Goal:
    """Something that the selection is to reach on one file system."""

    option: str
    """The option with its value, as it can be typed."""
    file_system: str
    """Where that is mounted."""
    wanted_bytes: int
    """What is to be given back, to be available, or to remain at most."""
    reached_bytes: int | None
    """What the selection gives back, what is available after it, or what remains; None if nobody knows."""
    missing_bytes: int | None
    """0 if it is reached; None if nobody knows."""
    devices: frozenset[int] = frozenset()
    """Numbers of the devices that are this file system."""
    cap: bool = False
    """It is reached by what remains, and not by what is given back."""


_NOT_ASKED: Final = Accounting()

How: TypeAlias = Literal["measured", "untested", "as du counts"]
"""How sure it is what deleting gives back: this was compared with what df said, it is written from documentation alone,
or nobody asks and it is what ``du`` counts."""


@dataclass(frozen=True, slots=True)
class Accounted:
    """How it is found out on one file system what deleting gives back."""

    name: str
    """Where the file system is mounted."""
    kind: str
    """What the system calls its kind, such as ``xfs``; empty if it does not tell."""
    how: How
    exact: bool
    """Everything is asked, also what most likely makes no difference."""
    accounting: Accounting = _NOT_ASKED
    """What the engine is told."""
    copies: float = 1.0
    """How often it keeps what is in its tree, for each time that it keeps content (btrfs)."""
    inode: int = 0
    """Bytes of an inode, where these come back, too (XFS)."""
    whole_chunks: bool = True
    """These surely come back when all 64 inodes go that follow a multiple of 64."""
    doubtful: bool = False
    """Something else may have any part of what lies there, and nobody tells of which: nothing is promised (ZFS, overlayfs
    over what may share or compress)."""
    compresses: bool = False
    """New content is compressed by what the mount says (btrfs), also what it keeps in its tree."""
    devices: frozenset[int] = frozenset()
    """Numbers of the devices that are this file system: each subvolume of btrfs has one of its own."""


class Records(NamedTuple):
    """What several files may have in common, packed as the engine does (engine/contract.py).

    Each time with the place of the artifact in the plan that they lie in, -1 for none, and the number of the device. With
    these the sizes can be settled for another selection.
    """

    links: tuple[tuple[int, int, bytes], ...] = ()
    """Files with several links."""
    ranges: tuple[tuple[int, int, bytes], ...] = ()
    """Places on the disk that files with one link have."""
    linked_ranges: tuple[tuple[int, int, bytes], ...] = ()
    """The same of files with several links."""
    chunks: tuple[tuple[int, int, bytes], ...] = ()
    """Chunks of inodes (XFS)."""


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
    others: tuple[tuple[str, int], ...] = ()
    """Other ecosystems that were seen on the way, each with how many directories of theirs."""
    records: Records = field(default=Records(), repr=False, compare=False)
    """What files have in common."""
    gone: tuple[str, ...] = ()
    """Paths that a saved plan names and that are not there any more."""
    goals: tuple[Goal, ...] = ()
    """What the selection was to reach, by file system."""
    excluded: tuple[str, ...] = ()
    """What was not searched because the user excluded it: lines of gitignore for absolute paths."""
    accounted: tuple[Accounted, ...] = ()
    """How it was found out what deleting gives back, by file system, in the order of their names."""
    unreached: tuple[str, ...] = ()
    """Roots, or listed artifacts, that there was no time to begin with, absolute paths in their turn."""
    begin_with: str | None = None
    """The path whose turn to be deleted is the first; those before it come last."""

    @property
    def selected(self) -> tuple[Artifact, ...]:
        """What would be deleted."""
        return tuple(artifact for artifact in self.artifacts if artifact.selected)

    @property
    def links(self) -> tuple[tuple[int, int, bytes], ...]:
        """The files with several links."""
        return self.records.links

    @property
    def reclaimable_bytes(self) -> int:
        """The promise: what surely comes back when the selection is deleted."""
        return sum(artifact.size.reclaimable_bytes for artifact in self.artifacts)

    @property
    def reclaimable_at_most_bytes(self) -> int:
        """What comes back at most."""
        return sum(artifact.size.reclaimable_at_most_bytes for artifact in self.artifacts)

    @property
    def shared_bytes(self) -> int:
        """What of the selection does not surely come back, because something else has it, too."""
        return sum(artifact.size.shared_bytes for artifact in self.artifacts)
