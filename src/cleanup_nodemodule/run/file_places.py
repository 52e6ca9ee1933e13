"""Files that a run writes, and what it deletes: none of them may lie in there."""

import os
from collections.abc import Mapping

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.model import Plan
from cleanup_nodemodule.words import printable


def check_stays(files: Mapping[str, str], plan: Plan) -> None:
    """Raise UsageError where one of these *files*, absolute paths with the option that names each, lies in what the plan selects: it would be lost.

    Directories are compared, and not their paths, of which one may have several.
    """
    selected = {
        (one.candidate.identity.device, one.candidate.identity.inode): one.path
        for one in plan.selected
    }
    for file, option in files.items():
        directory = os.path.dirname(file)
        while True:
            try:
                status = os.stat(directory)
            except OSError:
                break  # It is gone, or cannot be looked at: it will be said when the file is written.
            found = selected.get((status.st_dev, status.st_ino))
            if found is not None:
                raise UsageError(
                    f"{option} {printable(file)} lies in {printable(found)}, which this run deletes, and nothing was"
                    " deleted; type a file elsewhere"
                )
            above = os.path.dirname(directory)
            if above == directory:
                break
            directory = above
