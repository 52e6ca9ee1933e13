"""A saved plan: one person looks and saves what would be deleted, another one deletes just that, perhaps another day.

The file says what was found, by which settings, on which machine and until when it counts. Its digest tells whether it
is the one that was saved. ``docs/schema/plan-1.json`` has its JSON Schema. Pure.
"""

import hashlib
import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Literal

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.words import printable, promised
from cleanup_nodemodule.work.conversion import absolute

PLAN_VERSION: Final = 1

# Read by pydantic when it makes the JSON Schema: the docstrings below become descriptions.
_CONFIG: Final = {"use_attribute_docstrings": True, "extra": "forbid"}


class PlanFileError(UsageError):
    """A plan that cannot be saved, or that is not to be applied. The message says why, and what to do."""

    def __init__(self, path: str, why: str, number: int | None = None) -> None:
        super().__init__(f"{printable(path)}: {why}")
        self.why = why
        self._path = absolute(path)
        self._number = number

    @property
    def path(self) -> str:
        """Absolute path of the file."""
        return self._path

    @property
    def number(self) -> int | None:
        """What the system said (errno(3))."""
        return self._number


@dataclass(frozen=True, slots=True)
class SavedTool:
    """The program that saved the plan."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class SavedSettings:
    """What decides whether a directory is an artifact, as in the settings of the run."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    profiles: list[str]
    targets: list[str] | None
    """Names instead of those of the rules; null for none."""
    also: list[str]
    rules: list[dict[str, Any]]
    """Rules of the user's own, as in a configuration file."""
    include_unproven: list[str]
    """Absolute paths of directories that were included by hand."""
    excludes: list[str]
    """Patterns of what was not searched. They are not applied again: nothing of it is in the plan."""
    keep: list[str]
    """Patterns of what was kept, likewise."""
    include_foreign: bool
    assume_unused: bool
    older_than: int | None
    """Seconds since the last use, at least. This holds again when the plan is applied."""


@dataclass(frozen=True, slots=True)
class SavedArtifact:
    """One directory that is to be deleted, as it was found."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    path: str
    """Absolute path; bytes that are not UTF-8 are lone surrogates (Python's surrogateescape)."""
    root: str
    """Absolute path of the directory above which nothing proves anything."""
    file_system: str | None
    """What names its file system on every machine; null if nothing does."""
    device: int
    """st_dev, which means something until the machine is started again."""
    inode: int
    changed_ns: int
    """When the directory itself was last changed (st_ctime), nanoseconds since the epoch; 0 if unknown."""
    apparent_bytes: int
    """Of files with one link, and directories."""
    allocated_bytes: int
    reclaimable_bytes: int
    """What surely comes back here when the whole plan is deleted."""
    files: int
    directories: int
    newest: int
    """When anything inside was last modified, seconds since the epoch."""
    fingerprint: str
    """What shows whether anything inside was changed since, in hexadecimal; empty if nobody could look through all of
    it, so that it is kept."""
    last_used: int
    """When its project was last used, seconds since the epoch; 0 if nobody knows."""
    rule: str | None
    level: Literal["proven", "named"]
    evidence: list[str]
    """What shows who made it, and what brings it back."""
    reclaimable_at_most_bytes: int | None = None
    """What may come back here at most; missing in plans that were saved before this was known."""


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """Everything that a run would delete, and how that was decided."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    plan_version: Literal[1]
    tool: SavedTool
    host: str
    machine: str
    """What names the machine whatever it is called."""
    boot: str | None
    """What names the time since it was started."""
    user: str
    """Who saved it."""
    made_at: int
    """Seconds since the epoch."""
    expires_at: int
    """Seconds since the epoch."""
    roots: list[str]
    """Absolute paths that were searched."""
    settings: SavedSettings
    reclaimable_bytes: int
    """What surely comes back when all of it is deleted."""
    artifacts: list[SavedArtifact]
    digest: str
    """SHA-256, in hexadecimal. Of the JSON of everything but the artifacts and this, then of each artifact, each with
    a newline behind it, with sorted keys, in ASCII, without spaces between."""
    reclaimable_at_most_bytes: int | None = None
    """What may come back at most; missing in plans that were saved before this was known."""

    @property
    def frees(self) -> str:
        """What comes back when all of it is deleted, for people."""
        return promised(self.reclaimable_bytes, self.reclaimable_at_most_bytes or 0)


def row_of(row: Any) -> dict[str, Any]:
    """Return what a dataclass holds; not what is in there again, as asdict does."""
    return {one.name: getattr(row, one.name) for one in fields(row)}


def document_of(saved: SavedPlan) -> dict[str, Any]:
    """Return a plan as JSON has it."""
    document = row_of(saved)
    document["tool"] = row_of(saved.tool)
    document["settings"] = row_of(saved.settings)
    document["artifacts"] = [row_of(one) for one in saved.artifacts]
    return document


def digest_of(document: dict[str, Any]) -> str:
    """Return the digest of a plan as JSON has it, whatever digest it says itself."""
    digest = hashlib.sha256()
    head = {key: value for key, value in document.items() if key not in {"artifacts", "digest"}}
    artifacts = document.get("artifacts")
    for part in (head, *(artifacts if isinstance(artifacts, list) else ())):
        text = json.dumps(part, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        digest.update(f"{text}\n".encode())
    return digest.hexdigest()


def moment(seconds: float) -> str:
    """Return a time in words, in the zone of whoever reads it."""
    try:
        return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M %Z")
    except (
        ValueError,
        OverflowError,
        OSError,
    ):  # A file may have any time, and a plan that somebody wrote, too.
        return "a time that is in no calendar"


def plan_schema() -> str:
    """Return the JSON Schema of a saved plan."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(SavedPlan).json_schema(mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2)
