"""Files that a run writes, and what it deletes: none of them may lie in there."""

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Final

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.model import Plan
from cleanup_nodemodule.words import printable
from cleanup_nodemodule.work.time_limit import within

_LIMIT: Final = 2.0
"""Seconds for all directories around a file, should their disk not answer."""


def check_stays(files: Mapping[str, str], plan: Plan) -> None:
    """Raise UsageError where one of these *files*, absolute paths with the option that names each, lies in what the plan selects: it would be lost.

    Directories are compared, and not their paths, of which one may have several.
    """
    selected = {
        (one.candidate.identity.device, one.candidate.identity.inode): one.path
        for one in plan.selected
    }
    for file, option in files.items():
        # It will be said when the file is written that its disk does not answer.
        with suppress(OSError):
            around = within(_LIMIT, file, partial(_around, file))
            found = next((selected[one] for one in around if one in selected), None)
            if found is not None:
                raise UsageError(
                    f"{option} {printable(file)} lies in {printable(found)}, which this run deletes, and nothing was"
                    " deleted; type a file elsewhere"
                )


def _around(file: str) -> list[tuple[int, int]]:
    """Return device and inode of each directory around a file, from within, as far as they can be looked at."""
    found: list[tuple[int, int]] = []
    directory = os.path.dirname(file)
    while True:
        try:
            status = os.stat(directory)
        except OSError:
            return found  # It is gone, or cannot be looked at: it will be said when the file is written.
        found.append((status.st_dev, status.st_ino))
        above = os.path.dirname(directory)
        if above == directory:
            return found
        directory = above
