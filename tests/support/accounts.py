"""Other users than the one who runs the tests."""

import os
from pathlib import Path
from typing import Final

NOBODY: Final = 65534
"""A user and a group who own nothing."""


def give_away(top: Path) -> None:
    """Make everything in *top* the property of nobody."""
    for directory, directories, files in os.walk(top):
        for name in [".", *directories, *files]:
            os.lchown(os.path.join(directory, name), NOBODY, NOBODY)
