"""The exit codes. They have a module of their own, so that the program starts without loading the model."""

from enum import IntEnum


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
