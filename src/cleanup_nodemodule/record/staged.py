"""The name that an artifact has while it is deleted: one that only this program gives."""

import os
from typing import Final

PREFIX: Final = ".cleanup-nodemodule-"
"""How the names of what is being deleted begin."""


def new_name(path: str) -> str:
    """Return a path beside *path* that nobody can have thought of before."""
    return os.path.join(os.path.dirname(path), PREFIX + os.urandom(8).hex())


def is_staged(name: str) -> bool:
    """Whether a directory of this name may be what an interrupted run left."""
    return name.startswith(PREFIX)
