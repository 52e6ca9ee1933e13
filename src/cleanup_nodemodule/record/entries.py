"""What the journal has of a run, and of each artifact that it deleted."""

import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

from cleanup_nodemodule.model import Artifact, DeletingMode
from cleanup_nodemodule.record import trust
from cleanup_nodemodule.record.identity import Being
from cleanup_nodemodule.system import accounts
from cleanup_nodemodule.system import machine as system_machine

VERSION: Final = 1
"""Version of the records."""


RUN_ID: Final = re.compile(r"[0-9a-f]{12}")


class JournalError(trust.StateError):
    """The journal cannot be written, so nothing may be deleted. The message says what to do."""


class Ending(StrEnum):
    """What came of something that was begun."""

    DELETED = "deleted"
    TRASHED = "trashed"
    """It is in the desktop's trash."""
    GONE = "gone"
    """It was gone already, by somebody else's doing."""
    KEPT = "kept"
    """It is as it was: put back, or spared before anything was touched."""
    FAILED = "failed"
    """It could not be deleted, or not all of it."""
    INTERRUPTED = "interrupted"
    """The run was stopped before it was done."""
    NOT_BEGUN = "not-begun"
    """The run ended before its turn: this program has done nothing to it."""
    FORGOTTEN = "forgotten"
    """It cannot be reached, and the user does not want to hear of it any more."""


UNTOUCHED: Final = frozenset({Ending.KEPT, Ending.GONE, Ending.NOT_BEGUN})
"""Ends of what this program has deleted nothing of."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the program that deletes."""

    id: str
    """Twelve hexadecimal digits."""
    started_at: float
    """Seconds since the epoch."""
    pid: int
    host: str
    user: str
    """Name of the account it acted for."""
    tool: str
    """Version of the program."""
    mode: DeletingMode
    roots: tuple[str, ...]
    """Absolute paths searched."""
    ended_at: float | None = None
    """Seconds since the epoch; None if it did not come to its end, or is still at work."""
    interrupted: bool = False
    """It was told to stop."""
    machine: str | None = None
    """As :func:`cleanup_nodemodule.system.machine.machine` has it, whatever the machine is called; None if unknown."""
    boot: str | None = None
    """As :func:`cleanup_nodemodule.system.machine.boot` has it; None if unknown."""
    observed_freed_bytes: int | None = None
    """By how much free space had grown when it ended; None if it could not be asked, or nothing was deleted."""

    @property
    def is_ours(self) -> bool:
        """Whether it was made on this machine: on another the same path may be something else."""
        if self.machine is not None:
            return self.machine == system_machine.machine()
        return self.host in {system_machine.host_name(), ""}


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be deleted. Sizes are bytes."""

    path: str
    """Absolute, without symlinks."""
    staged: str | None
    """Absolute path, in the same directory, that it is renamed to first; None if it is not."""
    device: int
    inode: int
    changed_ns: int
    """When the directory itself was last changed (st_ctime) as it was found, nanoseconds; 0 if that is
    not known. A rename changes it; device and inode stay, but alone they prove little, as ext4 gives
    the inode number of what was deleted to the next directory that is made."""
    apparent_bytes: int
    allocated_bytes: int
    reclaimable_bytes: int
    rule: str | None
    evidence: tuple[str, ...]
    project: str
    """Absolute path."""
    regenerate: str | None
    """Command that brings it back."""
    regenerate_in: str | None
    """Absolute path of the directory to run that in; None: the project."""
    warnings: tuple[str, ...]
    owner: int | None = None
    """Account that the directory belongs to (st_uid); None if that is not known."""
    volume: str | None = None
    """What names its file system; this and the next ones are those of Being."""
    birth_ns: int = 0
    around_inode: int | None = None
    """Of the directory around it; None if that is not known, nor the next one then."""
    around_birth_ns: int = 0
    reclaimable_at_most_bytes: int = 0
    """With ``reclaimable_bytes``, what was predicted to come back: at least that, and at most this."""

    @classmethod
    def to_delete(
        cls,
        artifact: Artifact,
        staged: str | None = None,
        being: Being | None = None,
        around: Being | None = None,
    ) -> Self:
        """Return what is to be written before *artifact* is deleted.

        It is renamed to *staged* first. *being* is what is known of it, and *around* of the directory around
        it, if anything is.
        """
        evidence, size = artifact.evidence, artifact.size
        return cls(
            path=artifact.path,
            staged=staged,
            device=artifact.candidate.identity.device,
            inode=artifact.candidate.identity.inode,
            changed_ns=artifact.candidate.changed,
            apparent_bytes=size.apparent_bytes,
            allocated_bytes=size.allocated_bytes,
            reclaimable_bytes=size.reclaimable_bytes,
            rule=evidence.rule,
            evidence=evidence.facts,
            project=evidence.project,
            regenerate=evidence.regenerate,
            regenerate_in=evidence.regenerate_in,
            warnings=evidence.warnings,
            reclaimable_at_most_bytes=size.reclaimable_at_most_bytes,
            **_known_of(being, around),
        )

    @classmethod
    def to_finish(cls, path: str, staged: str, being: Being, around: Being, fact: str) -> Self:
        """Return what is to be written before what is left of *path* is deleted, of which nothing was.

        *fact* says what it is known by.
        """
        return cls(
            path=path,
            staged=staged,
            device=being.device,
            inode=being.inode,
            changed_ns=0,
            apparent_bytes=0,
            allocated_bytes=0,
            reclaimable_bytes=0,
            rule=None,
            evidence=(fact,),
            project=os.path.dirname(path),
            regenerate=None,
            regenerate_in=None,
            warnings=(),
            **_known_of(being, around),
        )

    def is_of(self, being: Being) -> bool:
        """Whether *being* is the directory, whatever its path."""
        return being.is_same(self.device, self.inode, self.volume, self.birth_ns)

    def is_around(self, being: Being) -> bool | None:
        """Whether *being* is the directory that was around it; None if nobody knows."""
        if self.around_inode is None:
            return None
        return being.is_same(self.device, self.around_inode, self.volume, self.around_birth_ns)


def _known_of(being: Being | None, around: Being | None) -> dict[str, Any]:
    known: dict[str, Any] = {}
    if being is not None:
        known = {"owner": being.owner, "volume": being.volume, "birth_ns": being.birth_ns}
    # Of a mount point nothing is ever renamed.
    if being is not None and around is not None and around.device == being.device:
        known |= {"around_inode": around.inode, "around_birth_ns": around.birth_ns}
    return known


@dataclass(frozen=True, slots=True)
class End:
    """What came of an intent."""

    ending: Ending
    freed_bytes: int
    error: str | None
    """Why it failed or was kept."""
    at: float
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An intent with what came of it: one deletion."""

    run: str
    """The run's id; what is known of that is in :attr:`History.runs`."""
    number: int
    """Within the run, from 1."""
    began_at: float
    """Seconds since the epoch."""
    intent: Intent
    end: End | None
    """None if nobody knows, as the run was killed or is still at work."""
    turned: bool = False
    """It is written down that its turn had come."""
    waiting: bool = False
    """Its turn has not come, and never will if its run is over: nothing was done to it. That its turn comes is
    written down before, and is lost with the system at most, so that nobody knows after a restart."""

    @property
    def unfinished(self) -> bool:
        """Whether the run that began it did not get to say that it was done with it."""
        return self.end is None or self.end.ending is Ending.INTERRUPTED

    @property
    def happened(self) -> bool:
        """Whether anything may have been done to it, for all that is known."""
        return not self.waiting and (self.end is None or self.end.ending is not Ending.NOT_BEGUN)

    @property
    def left_staged(self) -> bool:
        """Whether it failed, in part or whole, after it may have been renamed."""
        failed = self.end is not None and self.end.ending is Ending.FAILED
        return failed and self.intent.staged is not None

    @property
    def at(self) -> float:
        """When it ended, or else began; seconds since the epoch."""
        return self.began_at if self.end is None else self.end.at


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in the journal that could not be read."""

    file: str
    """Absolute path."""
    line: int | None
    """From 1; None for the whole file."""
    message: str


def new_id() -> str:
    """Return what tells a run from all others."""
    return os.urandom(6).hex()


def new_run(version: str, mode: DeletingMode, roots: Sequence[str]) -> Run:
    """Return the run that this process begins now. *roots* are absolute paths."""
    return Run(
        new_id(),
        round(time.time(), 3),
        os.getpid(),
        system_machine.host_name(),
        accounts.user_name(),
        version,
        mode,
        tuple(roots),
        machine=system_machine.machine(),
        boot=system_machine.boot(),
    )
