"""Why an artifact is kept, and how good the evidence is."""

from enum import Enum, StrEnum


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
    UNDECLARED = "undeclared"
    """A package in it is declared nowhere, so nothing brings it back."""
    MODIFIED = "modified"
    """Something in it was changed after its installer was through."""
    PRECIOUS = "precious"
    """Something in it was not made by its tool, such as a data base, a key or a document."""
    EXCLUDED = "excluded"
    """A pattern of the user excludes it, or a ``.cleanup-keep`` file."""
    NOT_CHOSEN = "not-chosen"
    """The user chose others when asked, and not this one."""
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
    CHANGED = "changed"
    """It is not as it was when the plan was saved."""
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
