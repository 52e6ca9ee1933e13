"""Puts the files of a schedule in their places, and takes them out: ours only, whole, and never through a symlink."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.record import trust
from cleanup_nodemodule.system import whole_file
from cleanup_nodemodule.system.files import UnfitError, read_small
from cleanup_nodemodule.unattended.schedule.scheduler import File, NotOursError, marked
from cleanup_nodemodule.words import printable

_LARGEST: Final = 1 << 18
"""Bytes that a file of ours may have."""


def content_of(path: str, job: str) -> bytes | None:
    """Return what our file for a *job* holds; None if there is no file. Raises NotOursError for any other."""
    try:
        content = read_small(path, _LARGEST)[0]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnfitError as error:
        raise NotOursError(
            f"{printable(path)} is not ours: {error.strerror}; move it away"
        ) from error
    except OSError as error:
        if os.path.islink(path):
            raise NotOursError(
                f"{printable(path)} is a symlink, and not ours; move it away"
            ) from error
        raise UsageError(f"cannot read {printable(path)}: {error.strerror}") from error
    found = marked(content.decode(errors="replace"))
    if found is None or found[0] != job:
        raise NotOursError(
            f"{printable(path)} was not made by this program for the job {job}; move it away, or use another name for"
            " the job"
        )
    return content


def ours_in(directory: str, beginning: str, ending: str) -> Iterator[tuple[str, str]]:
    """Give the path and the text of each file in a *directory* that may be ours by its name and is by its mark."""
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return
    for name in names:
        if not (name.startswith(beginning) and name.endswith(ending)):
            continue
        path = os.path.join(directory, name)
        with contextlib.suppress(OSError):
            text = read_small(path, _LARGEST)[0].decode(errors="replace")
            if marked(text) is not None:
                yield path, text


@contextlib.contextmanager
def put(files: Sequence[File], job: str) -> Iterator[bool]:
    """Put *files* in their places, and give whether they take the place of others; all is as it was after an error.

    Raises NotOursError before anything is written, and UsageError for a directory that somebody else could alter.
    """
    before = {one.path: content_of(one.path, job) for one in files}
    made = list(_make_directories(dict.fromkeys(os.path.dirname(one.path) for one in files)))
    try:
        for one in files:
            _write(one)
        yield any(content is not None for content in before.values())
    except BaseException:
        for one in files:
            old = before[one.path]
            with contextlib.suppress(OSError, UsageError):
                if old is None:
                    os.unlink(one.path)
                else:
                    _write(one._replace(content=old))
        _remove_empty(reversed(made))
        raise


def take_out(paths: Iterable[str], job: str) -> list[str]:
    """Delete those of our files for a *job* that are there; return their paths. Raises NotOursError and UsageError."""
    there = [path for path in paths if content_of(path, job) is not None]
    for path in there:
        _check_directory(os.path.dirname(path))
        try:
            os.unlink(path)
        except OSError as error:
            raise _refused("delete", path, error) from error
    return there


def remove_left(path: str) -> bool:
    """Delete what the system has made for a schedule that goes; return whether it was there."""
    try:
        os.unlink(path)
    except OSError:
        return False
    return True


def _remove_empty(directories: Iterable[str]) -> None:
    for directory in directories:
        with contextlib.suppress(OSError):
            os.rmdir(directory)


def remove_empty(directory: str, *names: str) -> None:
    """Remove the directory that *names* lead to beneath another one, and those around it, as far as they are empty."""
    while names:
        with contextlib.suppress(OSError):
            os.rmdir(os.path.join(directory, *names))
        names = names[:-1]


def _write(file: File) -> None:
    _check_directory(os.path.dirname(file.path))
    try:
        whole_file.write(file.path, [file.content], lambda: None, mode=file.mode)
    except OSError as error:
        raise _refused("write", file.path, error) from error


def _refused(what: str, path: str, error: OSError) -> UsageError:
    return UsageError(f"cannot {what} {printable(path)}: {error.strerror}")


def _make_directories(directories: Iterable[str]) -> Iterator[str]:
    """Make directories with all that lies above them; give those that were not there."""
    for directory in directories:
        missing: list[str] = []
        there = directory
        while not os.path.lexists(there):
            missing.append(there)
            there = os.path.dirname(there)
        _check_directory(there)
        for one in reversed(missing):
            try:
                os.mkdir(one, 0o755)
            except FileExistsError:
                continue
            except OSError as error:
                raise _refused("make", one, error) from error
            yield one


def _check_directory(directory: str) -> None:
    """Raise UsageError unless nobody but root and this user can alter a directory, or put another one there."""
    try:
        fault = trust.untrusted(directory)
    except OSError as error:
        raise _refused("write in", directory, error) from error
    if fault is not None:
        raise UsageError(
            f"what starts by itself cannot be written in {printable(directory)}: {fault}"
        )
