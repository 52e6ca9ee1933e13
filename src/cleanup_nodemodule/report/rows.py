"""The versioned report. Within a schema version fields are added, never changed or taken away."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal, TypeAlias

from cleanup_nodemodule.model import Mode
from cleanup_nodemodule.report.asked import AskedRow
from cleanup_nodemodule.report.file_systems import FileSystemRow
from cleanup_nodemodule.report.observed import ObservedRow

SCHEMA_VERSION: Final = 2
"""Version 2: ``evidence`` is an object and no list, ``reason_detail`` and ``inside`` are new (docs/json.md)."""


By: TypeAlias = Literal["ecosystem", "project", "root", "owner", "age", "host"]
"""What artifacts are put together by."""

INTERRUPTED: Final = "interrupted"
"""How what is said of something begins that a run was stopped in the midst of."""

GONE: Final = "it was gone already"
"""The error of a row that a run was to delete, and that somebody else had deleted by then."""


# Read by pydantic when it makes the JSON Schema: the docstrings below become descriptions.
_CONFIG: Final = {"use_attribute_docstrings": True, "extra": "forbid"}


@dataclass(frozen=True, slots=True)
class Tool:
    """The program that made the report."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    name: str
    version: str
    engine: str
    """The engine that walked the trees."""


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """The answers to the three questions, a phrase for each fact."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    made_by: list[str]
    """What shows who made it."""
    comes_back: list[str]
    """What brings it back."""
    also_inside: list[str]
    """What was met inside that its tool did not make."""
    besides: list[str]
    """What else decided: what protects it, and what the user said of it."""

    @property
    def facts(self) -> list[str]:
        """All of them, in this order."""
        return [*self.made_by, *self.comes_back, *self.also_inside, *self.besides]


@dataclass(frozen=True, slots=True)
class SharedRow:
    """A package manager's store that has the other ends of links or clones in an artifact."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    store: str
    """What it is called, such as pnpm store."""
    path: str
    """Absolute path."""
    command: str | None
    """What frees what is in it and nothing else uses, as a line for a shell; null if no command does."""
    proved: bool
    """Files of the artifact were found in it. If not, the file system does not tell, and it only has the same content where
    the settings say."""


@dataclass(frozen=True, slots=True)
class ArtifactRow:
    """One directory that was found."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    path: str
    """Absolute path; bytes that are not UTF-8 are lone surrogates (Python's surrogateescape)."""
    name: str
    rule: str | None
    """Rule of the catalogue, null for a name that only the user knows."""
    ecosystem: str | None
    project: str
    """Absolute path of the project it belongs to."""
    root: str
    """The searched root it was found under, one of those in roots."""
    host: str
    """The machine that it was found on."""
    owner: str | None
    """Name of the account that owns the directory, or the number where it has no name; null if it is not known, as of
    what is mounted."""
    file_system: str | None
    """What names its file system, the same on every machine that mounts it: uuid: and the UUID, nfs: and SERVER:/EXPORT
    (so too smb:, lustre:, ceph: and glusterfs:), or fsid: and a number for btrfs and ZFS. Null if nothing does, as for
    tmpfs."""
    inode: int | None
    """Number of the directory in its file system; null if it is not known."""
    evidence: EvidenceRow
    """What was found that proves it to be an artifact, or that keeps it."""
    decision: Literal["delete", "keep"]
    reason: str | None
    """Code of the reason for keeping it; null if it is to be deleted."""
    reason_detail: str | None
    """The file, the package, the missing thing or the protection that is the reason; null if it is to be deleted."""
    apparent_bytes: int
    """Sum of file sizes, as du --apparent-size counts; each inode once in the report."""
    allocated_bytes: int
    """Disk space taken, as du counts; each inode once in the report."""
    reclaimable_bytes: int
    """Bytes that surely come back here when the whole selection is deleted; 0 if it is kept."""
    files: int
    """Entries that are not directories."""
    directories: int
    """Directories, the artifact itself included."""
    inside: int
    """Directories in it that have the name of an artifact and are parts of it, so that they have no row."""
    complete: bool
    """Everything in it could be read; if not, the numbers are lower bounds."""
    last_used_at: str | None
    """ISO 8601 time, in UTC, when git was last active in its project or a source file was last changed there; if
    neither is known, when something inside it was last changed."""
    regenerate: str | None
    """Command that brings it back, to be run in regenerate_in."""
    regenerate_in: str | None
    """Absolute path of the directory that has the lock file, or else of the project."""
    warnings: list[str]
    """Why what comes back may differ."""
    outcome: Literal["deleted", "trashed", "failed"] | None
    """The result; null if it was not to be deleted, was not begun, or was gone already."""
    error: str | None
    """Why it failed, or a sentence that it was gone."""
    left_at: str | None
    """Absolute path of the rest, if only a part could be deleted and the rest is not in its place any more. The next
    run that deletes there finishes it, and so does resume."""
    reclaimable_at_most_bytes: int
    """Bytes that may come back here at most; never less than reclaimable_bytes; 0 if it is kept."""
    shared_bytes: int
    """Of what it takes, the bytes that reclaimable_bytes does not have because something else has them too: another link
    of a file, a copy that shares its content, a snapshot, a lower layer. 0 if it is kept."""
    shared_with: SharedRow | None = None
    """The store that has these bytes too, if they are 1 MiB and a tenth of what it takes at least; null if none was found."""


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """Something that could not be read or done."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    host: str
    """The machine that it was met on."""
    path: str | None
    """Null if it is not about a place on disk, but about an option, for instance."""
    doing: str
    errno: str
    """Name of the error number (errno(3))."""
    message: str
    code: str
    """What went wrong, as a word for programs, which stays the same when the sentences change."""


@dataclass(frozen=True, slots=True)
class LeftoverRow:
    """A directory with a name that only this program gives to what it is deleting."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    host: str
    """The machine that it is on."""
    path: str
    """Absolute path."""
    original: str | None
    """Absolute path it had in its project; null if the user's journal knows nothing of it."""
    run: str | None
    """Id of the run that left it, as the journal has it."""
    outcome: Literal["deleted", "failed"] | None
    """The result; null if nothing was done about it, as in a dry run."""
    error: str | None
    """Why it is still there."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the artifacts."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    found: int
    selected: int
    """Artifacts to be deleted."""
    allocated_bytes: int
    """Of everything found."""
    reclaimable_bytes: int
    """What surely comes back, of the selection."""
    deleted: int
    failed: int
    trashed: int
    """Moved to the trash, where they take as much space as before."""
    freed_bytes: int
    """Bytes that surely came back of what was deleted: what was promised of it where the file system was asked, else what
    was counted."""
    observed_freed_bytes: int | None
    """By how much free space has grown, as the file systems report it. Other programs change it too. Null if nothing
    was deleted, or a file system could not be asked; observed has it for each."""
    reclaimable_at_most_bytes: int
    """What may come back at most, of the selection."""
    shared_bytes: int
    """What else has, too, of the selection."""
    counted_bytes: int
    """What everything took that was really deleted, as du counts."""


@dataclass(frozen=True, slots=True)
class OtherRow:
    """An ecosystem that was not looked for, and was seen on the way."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    ecosystem: str
    """The profile to look for it with."""
    directories: int
    """Directories of its own that were seen; what lies in one of them does not count."""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """Sums over the artifacts that have one thing in common."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    by: By
    """What they have in common."""
    group: str
    """The ecosystem, the absolute path of the project or the root, the owner, or how long ago they were used; unknown
    for all that have none."""
    found: int
    selected: int
    """Artifacts to be deleted."""
    deleted: int
    """Artifacts that were deleted, or moved to the trash."""
    reclaimable_bytes: int
    """What surely comes back, of the selection."""
    allocated_bytes: int
    """Of everything found."""
    oldest: str | None
    """When the one was last used that was not used for the longest time; null if that is known of none."""
    newest: str | None
    """When the one was last used that was used last; null if that is known of none."""
    reclaimable_at_most_bytes: int
    """What may come back at most, of the selection."""
    shared_bytes: int
    """What else has, too, of the selection."""


@dataclass(frozen=True, slots=True)
class GoalRow:
    """What the selection was to reach on one file system."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    option: str
    """The option with its value, such as --free 20GB."""
    file_system: str
    """Where it is mounted."""
    wanted_bytes: int
    """What was to be freed, to be available, or to remain at most."""
    reached_bytes: int | None
    """What the selection frees, what is available when it is deleted, or what remains; null if nobody can say."""
    missing_bytes: int | None
    """0 if it is reached, null if nobody can say."""


@dataclass(frozen=True, slots=True)
class GateRow:
    """A limit that was exceeded. The exit code is 4 then."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    option: str
    """The option that sets the limit, such as --max-delete."""
    unit: Literal["bytes", "artifacts"]
    limit: int
    """What the option allows."""
    actual: int
    """What was found instead, which is more."""
    sentence: str
    """What that means, for people."""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One of the runs that a merged document is made of."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    host: str
    started_at: str
    """ISO 8601, UTC."""
    mode: Mode
    roots: list[str]
    """Absolute paths that it searched, and that no later run of its machine has searched again."""
    complete: bool
    asked: AskedRow | None = None
    """What it looked for there; null if that is not known."""


@dataclass(frozen=True, slots=True)
class OutOfTimeRow:
    """What the time of a run was too short for."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    max_runtime_s: int
    """What --max-runtime allowed, in seconds."""
    searched: bool
    """What was begun with was searched and measured to its end; if not, nothing was deleted."""
    not_begun: int
    """Selected artifacts that were not begun."""
    unreached: int
    """Roots, or artifacts of a list, that there was no time to look at. The next run begins with them."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a run has found and done."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    schema_version: Literal[2]
    tool: Tool
    host: str
    """The machine. If several documents were merged, the names of all, with commas between them."""
    started_at: str
    """ISO 8601, UTC. If several documents were merged, that of the last one."""
    duration_s: float
    mode: Mode
    roots: list[str]
    """Absolute paths searched. If they are of several machines, each with the name of its machine and a colon before
    it."""
    complete: bool
    """Everything was searched and measured; if not, there may be more than the report says."""
    artifacts: list[ArtifactRow]
    problems: list[ProblemRow]
    totals: Totals
    leftovers: list[LeftoverRow]
    """What interrupted runs had taken out of projects and not deleted yet."""
    unseen_processes: int | None
    """How many processes could not be looked at, so that nobody knows what they use. Null if nobody knows how many.
    0 also if it did not matter, as nothing could be deleted."""
    unmatched_patterns: list[str]
    """Patterns of --exclude and keep that matched nothing, and may be misspelt. A path in the configuration file that
    exists is not among them, as the file is for every run."""
    other_ecosystems: list[OtherRow]
    """Ecosystems that were not looked for, and were seen on the way."""
    gates: list[GateRow]
    """Limits that were exceeded. If one of them is --max-delete, nothing was deleted."""
    goals: list[GoalRow] = field(default_factory=list)
    """What --free, --until-free and --max-total were to reach, and what the selection reaches."""
    sources: list[SourceRow] = field(default_factory=list)
    """The runs that a document of merge is made of; empty if it is that of a run itself."""
    gone: list[str] = field(default_factory=list)
    """Absolute paths of what a saved plan names and is not there any more; empty unless that is applied."""
    by: By | None = None
    """What the artifacts are put together by in groups; null without --by."""
    groups: list[GroupRow] = field(default_factory=list)
    """With --by, sums over the artifacts by what they have in common."""
    asked: AskedRow | None = None
    """What the run looked for; null if it searched nothing, and in a document of merge, where sources has it of each
    run."""
    file_systems: list[FileSystemRow] = field(default_factory=list)
    """Where artifacts were found, and how it was found out there what deleting them gives back."""
    observed: list[ObservedRow] = field(default_factory=list)
    """What became of free space, for each file system on which anything was deleted."""
    out_of_time: OutOfTimeRow | None = None
    """What the time of --max-runtime was too short for; null if it was long enough."""


@dataclass(frozen=True, slots=True)
class Run:
    """What only the edge knows of a run: its surroundings and its times, in seconds."""

    tool: Tool
    host: str
    started_at: float
    """Seconds since the epoch."""
    duration: float
    mode: Mode
    asked: AskedRow | None = None
    """What it was asked for; the plan adds what was excluded, and whether the search came to its end."""
