"""On which file systems a run has found artifacts, and how sure its numbers are there."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

# Read by pydantic, as in ``rows``.
_CONFIG: Final = {"use_attribute_docstrings": True, "extra": "forbid"}


MEASURED_KINDS: Final = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "overlay", "tmpfs"})
"""Kinds of which it was measured what deleting gives back. Where one is counted as ``du`` counts all the same, nobody
has asked it (``--no-exact``), or it did not tell."""


@dataclass(frozen=True, slots=True)
class FileSystemRow:
    """A file system on which artifacts were found, and how it was found out there what deleting them gives back."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _CONFIG

    host: str
    """The machine that has it mounted."""
    name: str | None
    """What names it, as file_system of an artifact; null if nothing does."""
    kind: str
    """What the system calls its kind, such as xfs; empty if it does not tell."""
    mount_point: str
    """Absolute path of where it is mounted."""
    accounting: Literal["measured", "untested", "as-du-counts"]
    """How sure the numbers are: measured means that they were compared with what such file systems gave back. Untested
    means that they are worked out from its documentation. Otherwise they are what du counts."""
    exact: bool
    """Everything was asked about, also what most likely shares nothing (--exact), or there is nothing to ask."""
