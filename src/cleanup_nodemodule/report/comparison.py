"""What has changed from one audit to another: the types of the document of ``diff``. ``compare`` makes one."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

from cleanup_nodemodule.report.reach import Why
from cleanup_nodemodule.report.rows import GateRow, Tool

COMPARISON_VERSION: Final = 1

Change = Literal["new", "grown", "same", "shrunk", "gone"]

# Read by pydantic, as in ``rows``.
_CONFIG: Final = {"use_attribute_docstrings": True, "extra": "forbid"}


@dataclass(frozen=True, slots=True)
class NotCompared:
    """Artifacts of one audit that the other one could not have found."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    why: Why
    """What kept the other one from them: it searched elsewhere, it looked for no such rule or name, its depths,
    --exclude, it only looked at what a list named, it was stopped before its end, or it could not read the place."""
    artifacts: int


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two audits."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    file: str
    """Name of its file; - for standard input."""
    hosts: list[str]
    """The machines that it is about."""
    started_at: str
    """ISO 8601 time, in UTC."""
    mode: str
    complete: bool
    """Everything was searched and measured; if not, there may be more than it says."""
    roots: list[str]
    """What it searched. If it is about several machines, each with the name of its machine and a colon before it."""
    roots_not_compared: list[str]
    """Those of them that the other audit did not search, or not all of them."""
    ecosystems_not_compared: list[str]
    """Profiles of it that the other audit did not look for."""
    found: int
    """How many of its artifacts were compared; what its run deleted is none of them."""
    not_compared: int
    """How many were not."""
    not_compared_why: list[NotCompared]
    """Why not."""
    filters: list[str]
    """Options of it that keep some of what can be deleted, such as --older-than 30d."""
    allocated_bytes: int
    """Of what was compared."""
    reclaimable_bytes: int
    """What surely comes back, of what was compared."""
    reclaimable_at_most_bytes: int
    """What may come back at most, of what was compared."""


@dataclass(frozen=True, slots=True)
class ArtifactChange:
    """An artifact that is not as it was."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    host: str
    project: str
    path: str
    ecosystem: str | None
    change: Change
    """The same if only the decision has changed."""
    old_bytes: int | None
    """Allocated before; null if it was not there."""
    new_bytes: int | None
    """Allocated now; null if it is not there."""
    change_bytes: int
    """By how much it has grown; below 0 if it has shrunk."""
    old_decision: Literal["delete", "keep"] | None
    new_decision: Literal["delete", "keep"] | None
    old_reason: str | None
    new_reason: str | None
    complete: bool
    """Both audits could read all of it; if not, the numbers are lower bounds."""

    @property
    def kept_now(self) -> bool:
        """Whether it could be deleted before, and cannot be now."""
        return (self.old_decision, self.new_decision) == ("delete", "keep")

    @property
    def deletable_now(self) -> bool:
        """Whether it was kept before, and can be deleted now."""
        return (self.old_decision, self.new_decision) == ("keep", "delete")


@dataclass(frozen=True, slots=True)
class ProjectChange:
    """A project with artifacts that are not as they were."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    host: str
    project: str
    change: Change
    """What became of all its artifacts together."""
    old_bytes: int
    new_bytes: int
    change_bytes: int
    new: int
    """How many of its artifacts are new; so with the words below."""
    grown: int
    shrunk: int
    gone: int
    kept_now: int
    deletable_now: int


@dataclass(frozen=True, slots=True)
class ChangeTotals:
    """Sums over what was compared."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    old_bytes: int
    new_bytes: int
    change_bytes: int
    """By how much everything together has grown; below 0 if it has shrunk."""
    old_reclaimable_bytes: int
    new_reclaimable_bytes: int
    old_reclaimable_at_most_bytes: int
    new_reclaimable_at_most_bytes: int
    new: int
    new_added_bytes: int
    grown: int
    grown_added_bytes: int
    shrunk: int
    shrunk_removed_bytes: int
    gone: int
    gone_removed_bytes: int
    same: int
    kept_now: int
    """Artifacts that could be deleted before, and cannot be now."""
    kept_now_bytes: int
    deletable_now: int
    deletable_now_bytes: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What has changed from one audit to another."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    schema_version: Literal[1]
    document: Literal["diff"]
    tool: Tool
    old: Side
    new: Side
    by_path_only: bool
    """Each audit is of one machine, and not of the same: artifacts were compared by their paths alone."""
    totals: ChangeTotals
    projects: list[ProjectChange]
    """Those that have grown most first, and those that have shrunk most last."""
    artifacts: list[ArtifactChange]
    """In the same order."""
    gates: list[GateRow]
    """Limits that were exceeded. The exit code is 4 then."""
