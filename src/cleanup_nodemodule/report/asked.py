"""What a run was asked for, as its document says it. What it could find by that is in ``reach``."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final

# Read by pydantic, as in ``rows``.
_CONFIG: Final = {"use_attribute_docstrings": True, "extra": "forbid"}


@dataclass(frozen=True, slots=True)
class AskedRow:
    """What a run looked for, and how far: without that nobody can tell what it would have found if it were there."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    profiles: list[str]
    """Ecosystems whose rules it used; empty with --targets."""
    rules: list[str]
    """Ids of these rules, and of the user's own ones, in alphabetical order."""
    names: list[str]
    """Names of directories that it looked for besides, or with --targets instead."""
    min_depth: int
    """Depth of the shallowest artifact that it looked for; what lies directly in a root has depth 0."""
    max_depth: int | None
    """Depth of the deepest one; null for any."""
    excluded: list[str]
    """What --exclude left out: lines of gitignore for absolute paths."""
    only_listed: bool
    """It looked at what a list named, and searched nothing (--artifacts-from, apply)."""
    ended: bool
    """The search came to its end; if not, the run was stopped, and did not come everywhere."""
    filters: list[str]
    """Options that keep some of what can be deleted, such as --older-than 30d. They leave nothing out."""
