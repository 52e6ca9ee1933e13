"""Reads the files of a version control system, which somebody else may have made."""

import os
import stat
from typing import Final

from cleanup_nodemodule.system.files import UnfitError, read_small
from cleanup_nodemodule.work.conversion import LACKED

LARGEST: Final = 256 * 1024 * 1024
"""Bytes of a list of all tracked files, or of a data base; two million files are about that."""

TEXT: Final = 4 * 1024 * 1024
"""Bytes of any other file."""


class Unknown(Exception):
    """Nobody can say what is tracked. The message says why, in words."""


def read(top: str, *names: str, max_bytes: int = TEXT) -> bytes | None:
    """Return what is in the file at *names* beneath the directory *top*; None if it is not there.

    Follows no symlink, and never waits. Raises Unknown where it is no regular file, is too large, or may not
    be read; OSError where there are too few descriptors or too little memory.
    """
    if (path := reach(top, *names)) is None:
        return None
    try:
        return read_small(path, max_bytes)[0]
    except FileNotFoundError:
        return None
    except UnfitError as error:
        raise Unknown(f"{path}: {error.strerror}") from error
    except OSError as error:
        if error.errno in LACKED:
            raise
        raise Unknown(f"{path}: {error.strerror}") from error


def reach(top: str, *names: str) -> str | None:
    """Return the path of *names* beneath *top* if it is there, and a directory all the way to it.

    Raises Unknown if a symlink or a file is on the way, and OSError as :func:`read` does.
    """
    path = top
    for number, name in enumerate(names):
        path = os.path.join(path, name)
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in LACKED:
                raise
            raise Unknown(f"{path}: {error.strerror}") from error
        if number + 1 < len(names) and not stat.S_ISDIR(mode):
            raise Unknown(f"{path} is no directory")
    return path
