"""The sums of a run by project, in little memory: one row at a time goes in. Pure."""

from dataclasses import dataclass, field
from typing import Final

from cleanup_nodemodule.report.rows import ArtifactRow

MAX_PORTIONS: Final = 100_000
"""Portions beyond which what comes next is added to one portion for each root and ecosystem."""


@dataclass(slots=True)
class Portion:
    """What one project has of one ecosystem below one root."""

    root: str
    """Absolute path."""
    project: str
    """Absolute path; empty for all that came after :data:`MAX_PORTIONS`."""
    ecosystem: str
    """Empty if it is not known."""
    found: int = 0
    """Artifacts."""
    selected: int = 0
    """Artifacts to be deleted."""
    allocated_bytes: int = 0
    """What they take."""
    reclaimable_bytes: int = 0
    """What surely comes back of the selection."""
    deleted: int = 0
    """Artifacts that were deleted, or moved to the trash."""
    freed_bytes: int = 0
    """What surely came back of those that were deleted. What lies in the trash takes as much as before."""
    gone_bytes: int = 0
    """What those took that were deleted, or moved to the trash."""
    failed: int = 0
    """Artifacts that could not be deleted."""


@dataclass(slots=True)
class Digest:
    """The sums of a run."""

    kept: dict[str, int] = field(default_factory=dict)
    """How many artifacts were kept, by the code of the reason."""
    _portions: dict[tuple[str, str, str], Portion] = field(default_factory=dict)

    def add(self, row: ArtifactRow) -> None:
        """Take in one row."""
        key = (row.root, row.project, row.ecosystem or "")
        portion = self._portions.get(key)
        if portion is None:
            if len(self._portions) >= MAX_PORTIONS:
                key = (row.root, "", row.ecosystem or "")
            portion = self._portions.setdefault(key, Portion(*key))
        portion.found += 1
        portion.allocated_bytes += row.allocated_bytes
        portion.reclaimable_bytes += row.reclaimable_bytes
        if row.decision == "delete":
            portion.selected += 1
        elif row.reason is not None:
            self.kept[row.reason] = self.kept.get(row.reason, 0) + 1
        match row.outcome:
            case "deleted":
                portion.deleted += 1
                portion.freed_bytes += row.reclaimable_bytes
                portion.gone_bytes += row.allocated_bytes
            case "trashed":
                portion.deleted += 1
                portion.gone_bytes += row.allocated_bytes
            case "failed":
                portion.failed += 1

    @property
    def portions(self) -> list[Portion]:
        """Return the portions, the largest first."""
        return sorted(
            self._portions.values(),
            key=lambda one: (-one.allocated_bytes, one.root, one.project, one.ecosystem),
        )
