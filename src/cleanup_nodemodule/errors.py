"""What ends a command, as an exception: why, in a sentence for the user, and with which exit code.

Whoever finds that something is wrong raises one of these, and the edge turns all of them into the sentence,
the document and the exit code alike. What is dealt with inside the program is no such error.
"""

from cleanup_nodemodule.exit_codes import ExitCode
from cleanup_nodemodule.problems import ProblemCode


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
