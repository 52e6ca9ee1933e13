"""What can go wrong: a code for each kind, with the words and the error number that stand for it. Pure.

A sentence about a problem is made here, by :func:`sentence`, and nowhere else.
"""

import errno
from enum import StrEnum
from typing import Final, NamedTuple


class ProblemCode(StrEnum):
    """What could not be done, and why where only this program knows why.

    The values stand in the JSON document, so they stay as they are.
    """

    # Looking.
    OPEN = "open"
    READ = "read"
    STAT = "stat"
    SEARCH = "search"
    SEARCH_ROOT = "search-root"
    """A root cannot be searched at all."""
    ROOT_EXCLUDED = "root-excluded"
    """The user wants a root searched and excluded at once."""
    ROOT_UNANSWERED = "root-unanswered"
    """A disk did not answer in time; so with all codes that end in ``-unanswered``."""
    MEASURE = "measure"
    """What is mounted in an artifact is no part of it."""
    MEASURE_VANISHED = "measure-vanished"
    """It was deleted while it was looked at."""
    EXAMINE = "examine"
    WEIGH = "weigh"
    DECIDE = "decide"
    ASK_GIT = "ask-git"
    LAST_USE = "last-use"
    IN_USE = "in-use"
    PATTERN_UNANSWERED = "pattern-unanswered"
    INCLUDE_UNANSWERED = "include-unanswered"
    INCLUDE_UNLISTED = "include-unlisted"
    """What the user includes was not found to be unproven."""
    NAMED = "named"
    """A list names it, and it is no directory that a run comes to."""
    NAMED_GONE = "named-gone"
    """A list names it, and it is not there."""

    SAVE_PLAN = "save-plan"

    # Before anything of an artifact is deleted.
    LOOK_AGAIN = "look-again"
    LOOK_AGAIN_UNANSWERED = "look-again-unanswered"
    LOOK_AGAIN_PATTERN = "look-again-pattern"
    """A pattern of the user means nothing any more."""
    PROTECTED = "protected"
    """A reason to keep it has come up since it was shown; the detail is its code."""
    VITAL = "vital"
    """It is never deleted; the detail says what it is."""
    CHANGED = "changed"
    """It has changed since it was shown."""
    INNER_STAYS = "inner-stays"
    """What lies in it could not be deleted."""
    REPOSITORY_INSIDE = "repository-inside"
    RENAME = "rename"
    READ_ONLY = "read-only"
    PUT_BACK = "put-back"
    PUT_BACK_UNANSWERED = "put-back-unanswered"

    # Deleting.
    DELETE = "delete"
    DELETE_UNANSWERED = "delete-unanswered"
    DELETE_FOREIGN = "delete-foreign"
    """Only its owner may, by the sticky bit of the directory around it."""
    REMOVE_DIRECTORY = "remove-directory"
    MOVED_AWAY = "moved-away"
    """Somebody has moved it away meanwhile."""
    WRITTEN_TO = "written-to"
    """Something writes to it as fast as it is deleted."""
    KEEP_ON_DISK = "keep-on-disk"
    UNEXPECTED = "unexpected"
    """A fault of this program; the detail is the name of the exception."""
    TRASH = "trash"
    TRASH_CHANGED = "trash-changed"
    """It has changed since it was shown."""
    TRASH_REFUSED = "trash-refused"
    """The trash did not take it; the detail is what it says."""
    TRASH_UNSAFE = "trash-unsafe"
    """Somebody else could lead the path elsewhere; the detail says how."""

    # What interrupted runs left.
    LOOK_AT = "look-at"
    LOOK_AT_UNANSWERED = "look-at-unanswered"
    LOST = "lost"
    """It is not where it was, and nor is the directory around it."""
    REPLACED = "replaced"
    """Another directory is in its place."""
    RECOGNISE = "recognise"
    PARTLY_DELETED = "partly-deleted"
    """It was being deleted in its place, and may have been mended since."""

    # The record of what is deleted.
    RECORD_DELETION = "record-deletion"
    KEEP_RECORD = "keep-record"

    # What ends a command.
    USAGE = "usage"
    INTERRUPTED = "interrupted"
    LOCKED = "locked"
    USE_RECORD = "use-record"
    READ_RECORD = "read-record"
    READ_DOCUMENT = "read-document"
    """An audit that was saved."""
    FAILURE = "failure"
    """A fault of this program."""


class _Kind(NamedTuple):
    phrase: str
    """What was being done: a verb phrase that goes before a path."""
    number: int = errno.EIO
    """The error number that is shown where the system has said none (errno(3))."""
    why: str | None = None
    """Why it failed, where only this program knows; ``{}`` is where the detail goes."""


_SILENT: Final = "the disk did not answer in time"

_CHANGED: Final = "it has changed since it was shown; run the command again to see what it is now"

_KINDS: Final = {
    ProblemCode.OPEN: _Kind("open"),
    ProblemCode.READ: _Kind("read"),
    ProblemCode.STAT: _Kind("look at"),
    ProblemCode.SEARCH: _Kind("search"),
    ProblemCode.SEARCH_ROOT: _Kind("search", errno.ENOENT),
    ProblemCode.ROOT_EXCLUDED: _Kind("search", errno.EINVAL),
    ProblemCode.ROOT_UNANSWERED: _Kind(
        "search", errno.ETIMEDOUT, f"{_SILENT}; to wait longer, add --timeout SECONDS"
    ),
    ProblemCode.MEASURE: _Kind("measure"),
    ProblemCode.MEASURE_VANISHED: _Kind(
        "measure", errno.ENOENT, "it was deleted while it was looked at"
    ),
    ProblemCode.EXAMINE: _Kind("examine"),
    ProblemCode.WEIGH: _Kind("decide about"),
    ProblemCode.DECIDE: _Kind("decide about"),
    ProblemCode.ASK_GIT: _Kind("ask git about"),
    ProblemCode.LAST_USE: _Kind("find out the last use of"),
    ProblemCode.IN_USE: _Kind("find out whether a process uses"),
    ProblemCode.PATTERN_UNANSWERED: _Kind("look up the pattern", errno.ETIMEDOUT, _SILENT),
    ProblemCode.INCLUDE_UNANSWERED: _Kind("include", errno.ETIMEDOUT, _SILENT),
    ProblemCode.INCLUDE_UNLISTED: _Kind("include", errno.ENOENT),
    ProblemCode.NAMED: _Kind("take from the list"),
    ProblemCode.NAMED_GONE: _Kind("take from the list", errno.ENOENT),
    ProblemCode.SAVE_PLAN: _Kind("save the plan in"),
    ProblemCode.LOOK_AGAIN: _Kind("look again at"),
    ProblemCode.LOOK_AGAIN_UNANSWERED: _Kind("look again at", errno.ETIMEDOUT, _SILENT),
    ProblemCode.LOOK_AGAIN_PATTERN: _Kind("look again at", errno.EINVAL),
    ProblemCode.PROTECTED: _Kind(
        "delete", errno.EPERM, "a reason to keep it came up after it was shown ({})"
    ),
    ProblemCode.VITAL: _Kind("delete", errno.EPERM, "it is {}, which is never deleted"),
    ProblemCode.CHANGED: _Kind("delete", errno.ESTALE, _CHANGED),
    ProblemCode.INNER_STAYS: _Kind(
        "delete it because of", errno.ENOTEMPTY, "that lies inside it, and could not be deleted"
    ),
    ProblemCode.REPOSITORY_INSIDE: _Kind(
        "delete", errno.EPERM, "it is a git repository now; to keep that, move it elsewhere"
    ),
    ProblemCode.RENAME: _Kind("rename"),
    ProblemCode.READ_ONLY: _Kind("delete anything in", errno.EROFS),
    ProblemCode.PUT_BACK: _Kind("put back", errno.EEXIST, "something else is in its place now"),
    ProblemCode.PUT_BACK_UNANSWERED: _Kind("put back", errno.ETIMEDOUT, _SILENT),
    ProblemCode.DELETE: _Kind("delete"),
    ProblemCode.DELETE_UNANSWERED: _Kind("delete", errno.ETIMEDOUT, _SILENT),
    ProblemCode.DELETE_FOREIGN: _Kind(
        "delete",
        errno.EPERM,
        "only its owner may, by the sticky bit of the directory around it; root can with --include-foreign",
    ),
    ProblemCode.REMOVE_DIRECTORY: _Kind("remove the directory", errno.ENOTEMPTY),
    ProblemCode.MOVED_AWAY: _Kind("delete", errno.ENOENT, "somebody has moved it away"),
    ProblemCode.WRITTEN_TO: _Kind(
        "delete",
        errno.EBUSY,
        "a process writes to it as fast as it is deleted; stop that process first",
    ),
    ProblemCode.KEEP_ON_DISK: _Kind("sync the disk after deleting"),
    ProblemCode.UNEXPECTED: _Kind(
        "finish with", errno.EIO, "this program failed ({}), please report it"
    ),
    ProblemCode.TRASH: _Kind("move to the trash"),
    ProblemCode.TRASH_CHANGED: _Kind("move to the trash", errno.ESTALE, _CHANGED),
    ProblemCode.TRASH_REFUSED: _Kind(
        "move to the trash", errno.EIO, "the trash did not take it ({})"
    ),
    ProblemCode.TRASH_UNSAFE: _Kind(
        "move to the trash", errno.EPERM, "the trash takes a path, which could lead elsewhere: {}"
    ),
    ProblemCode.LOOK_AT: _Kind("look at"),
    ProblemCode.LOOK_AT_UNANSWERED: _Kind("look at", errno.ETIMEDOUT, _SILENT),
    ProblemCode.LOST: _Kind("find", errno.ENOENT),
    ProblemCode.REPLACED: _Kind("recognise", errno.ESTALE),
    ProblemCode.RECOGNISE: _Kind("recognise", errno.ESTALE, "another directory is in its place"),
    ProblemCode.PARTLY_DELETED: _Kind("finish", errno.EEXIST),
    ProblemCode.RECORD_DELETION: _Kind("record the deletion in"),
    ProblemCode.KEEP_RECORD: _Kind("write down what was deleted in"),
    ProblemCode.USAGE: _Kind("understand the command line", errno.EINVAL),
    ProblemCode.INTERRUPTED: _Kind("begin", errno.EINTR),
    ProblemCode.LOCKED: _Kind("lock", errno.EWOULDBLOCK),
    ProblemCode.USE_RECORD: _Kind("keep a record"),
    ProblemCode.READ_RECORD: _Kind("read the record"),
    ProblemCode.READ_DOCUMENT: _Kind("merge everything", errno.EINVAL),
    ProblemCode.FAILURE: _Kind("finish"),
}

_MORE: Final = "more entries of"


def phrase(code: ProblemCode, more: int = 0) -> str:
    """Return what was being done, as a verb phrase that goes before a path.

    With *more* it is about so many entries of the path.
    """
    words = _KINDS[code].phrase
    return f"{words} {more:,} {_MORE}" if more else words


def number(code: ProblemCode) -> int:
    """Return the error number that is shown where the system has said none (errno(3))."""
    return _KINDS[code].number


def why(code: ProblemCode, detail: str | None = None) -> str | None:
    """Return why it failed, where the code says so; None where only the system's error does.

    The *detail* is for those codes that have one.
    """
    words = _KINDS[code].why
    return None if words is None else words.format(detail)


def sentence(doing: str, path: str | None, why: str) -> str:
    """Return what could not be done, where, and why; *doing* is what :func:`phrase` returns.

    The *path* is None where it is not about a place on disk.
    """
    where = "" if path is None else f" {path}"
    return f"could not {doing}{where}: {why}"


_ENGINES: Final = {
    "open": ProblemCode.OPEN,
    "read": ProblemCode.READ,
    "stat": ProblemCode.STAT,
    "search": ProblemCode.SEARCH,
    "delete": ProblemCode.DELETE,
    "delete, as only its owner may,": ProblemCode.DELETE_FOREIGN,
    "remove the directory": ProblemCode.REMOVE_DIRECTORY,
}
"""What the engines know to say, which know nothing of codes."""


def of_engine(doing: str) -> tuple[ProblemCode, int]:
    """Return the code of what an engine was *doing*, and how many more entries it is about, if it says so.

    Raises KeyError for words that no engine has.
    """
    if not doing.endswith(_MORE):
        return _ENGINES[doing], 0
    words, _, count = doing.removesuffix(_MORE).rstrip().rpartition(" ")
    return _ENGINES[words], int(count.replace(",", ""))
