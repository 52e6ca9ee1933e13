"""What a user was told once, and is not to be told again."""

import os

from cleanup_nodemodule.record import state_directory
from cleanup_nodemodule.record.trust import StateError


def is_first_time(what: str) -> bool:
    """Return whether this user has not been told *what* yet, and remember it.

    False, too, where that cannot be remembered: the same at every run is worse than nothing.
    """
    try:
        directory = state_directory.directory()
        state_directory.prepare(directory)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        os.close(os.open(os.path.join(directory, f"said-{what}"), flags, 0o600))
    except (StateError, OSError):
        return False
    return True
