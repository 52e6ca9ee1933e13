"""The exit codes, and what ends a command as an exception: why, in a sentence for the user, and with which of them.

Whoever finds that something is wrong raises one of these, and the edge turns all of them into the sentence,
the document and the exit code alike. What is dealt with inside the program is no such error.
"""

from enum import IntEnum

from cleanup_nodemodule.problems import ProblemCode


class ExitCode(IntEnum):
    """What the process says when it ends."""

    DONE = 0
    """Done, and everything could be read and deleted."""
    UNEXPECTED = 1
    """Something failed that should not have."""
    USAGE = 2
    """The command line is wrong; nothing was touched."""
    INCOMPLETE = 3
    """Done, but something could not be read or deleted."""
    EXCEEDED = 4
    """More than a limit allows: with ``--max-delete`` nothing was touched."""
    LOCKED = 5
    """Another run is deleting in the same tree; nothing was touched."""
    HUNG_UP = 129
    """Stopped by SIGHUP, as when its terminal was closed (128 + 1, as shells count it)."""
    INTERRUPTED = 130
    """Stopped by SIGINT (128 + 2)."""
    TERMINATED = 143
    """Stopped by SIGTERM (128 + 15)."""


class CleanupError(Exception):
    """What ends a command. The text is a sentence for the user: what is wrong, and what to do."""

    exit_code: ExitCode = ExitCode.UNEXPECTED
    code: ProblemCode = ProblemCode.FAILURE
    """What the command was doing, for the document."""

    @property
    def path(self) -> str | None:
        """Absolute path of what it is about; None if it is about no place on disk."""
        return None

    @property
    def number(self) -> int | None:
        """What the system said (errno(3)); None where only this program knows what is wrong."""
        return None


class UsageError(CleanupError):
    """The command line is wrong, or what it depends on; nothing was touched."""

    exit_code = ExitCode.USAGE
    code = ProblemCode.USAGE
