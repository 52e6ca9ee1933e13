"""What ends a command: each error has its sentence, its exit code and its place in the document."""

import errno
import importlib
import json
import os
import pickle
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import cleanup_nodemodule
from cleanup_nodemodule.config.keys import Format
from cleanup_nodemodule.errors import CleanupError, ExitCode, UsageError
from cleanup_nodemodule.record.entries import JournalError
from cleanup_nodemodule.record.lock import Holder, Locked, LockError
from cleanup_nodemodule.record.trust import StateError
from cleanup_nodemodule.show.failure import fail
from cleanup_nodemodule.survey.search import RootError

HOLDER = Holder("0123456789ab", 77, "here", 1.0, ("/work",))

PRIVATE = {
    # Of the engine, which knows nothing of the rest.
    *("UnavailableError", "ForeignError"),
    # Dealt with by whoever calls.
    *("CannotTellError", "ChangedError", "DamagedError", "HistoryError", "ImpossibleError"),
    "StuckError",
    *("EndedError", "LinkError", "NoAnswer", "Unfit", "UnfitError", "Stopped", "Unanswered"),
    *("QuantityError", "TextError", "Unknown", "WrongError"),
}
"""Exceptions that end no command."""


def exceptions() -> Iterator[type[BaseException]]:
    """Give the public exceptions of all modules."""
    for found in pkgutil.walk_packages(cleanup_nodemodule.__path__, "cleanup_nodemodule."):
        if found.name.rpartition(".")[2] in {"__main__", "_kernel"}:
            continue
        module = importlib.import_module(found.name)
        for name, value in vars(module).items():
            if name.startswith("_") or not isinstance(value, type):
                continue
            if value.__module__ == found.name and issubclass(value, BaseException):
                yield value


def test_what_ends_a_command_has_one_base() -> None:
    others = {one.__name__ for one in exceptions() if not issubclass(one, CleanupError)}
    assert others == PRIVATE


@pytest.mark.parametrize(
    ("error", "code", "problem"),
    [
        (
            UsageError("type that"),
            ExitCode.USAGE,
            (None, "understand the command line", "EINVAL", "type that", "usage"),
        ),
        (
            RootError(errno.ENOENT, "No such file", "/no\nwhere"),
            ExitCode.USAGE,
            (
                *("/no\nwhere", "search", "ENOENT"),
                "cannot search $'/no\\nwhere': No such file; type the path of a directory that exists",
                "search-root",
            ),
        ),
        (
            StateError(errno.EPERM, "not yours"),
            ExitCode.UNEXPECTED,
            (None, "keep a record", "EPERM", "not yours", "use-record"),
        ),
        (
            JournalError(errno.EROFS, "read-only"),
            ExitCode.UNEXPECTED,
            (None, "keep a record", "EROFS", "read-only", "use-record"),
        ),
        (
            LockError(errno.EIO, "no lock"),
            ExitCode.UNEXPECTED,
            (None, "keep a record", "EIO", "no lock", "use-record"),
        ),
        (
            Locked(HOLDER, "/work"),
            ExitCode.LOCKED,
            (
                *("/work", "lock", errno.errorcode[errno.EWOULDBLOCK]),
                *(str(Locked(HOLDER, "/work")), "locked"),
            ),
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, CleanupError) else "",
)
def test_an_error_says_all_that_the_edge_tells(
    error: CleanupError,
    code: ExitCode,
    problem: tuple[object, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert fail(error, mode="delete", format_=Format.JSON) is code
    told = capsys.readouterr()
    assert told.err == f"cleanup-nodemodule: {error}\n"
    document = json.loads(told.out)
    assert (document["mode"], document["complete"]) == ("delete", False)
    [row] = document["problems"]
    assert row.pop("host") == document["host"]
    assert tuple(row.values()) == problem


def test_a_root_that_cannot_be_searched_may_be_found_by_another_process(tmp_path: Path) -> None:
    error = RootError(errno.ENOENT, "No such file", os.fspath(tmp_path))
    other = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (type(other), str(other), other.errno) == (RootError, str(error), errno.ENOENT)
