"""What happened to which folder, and how to get it back: the journal for people and programs."""

import os
import sys
from collections.abc import Collection, Sequence

from cleanup_nodemodule import words
from cleanup_nodemodule.commands import query
from cleanup_nodemodule.exit_codes import ExitCode
from cleanup_nodemodule.record import trust
from cleanup_nodemodule.record.entries import Entry
from cleanup_nodemodule.record.read import read
from cleanup_nodemodule.run.loop import DEFAULT_TIMEOUT, Runtime
from cleanup_nodemodule.run.signals import Interrupts
from cleanup_nodemodule.show.deletions import document_of, lines, print_table, say_last_words
from cleanup_nodemodule.show.journal import fault_line
from cleanup_nodemodule.show.streams import emit, is_terminal, say
from cleanup_nodemodule.words import printable
from cleanup_nodemodule.work.conversion import everywhere


def show(
    directory: str,
    paths: Sequence[str],
    *,
    last: int | None,
    timeout: float = DEFAULT_TIMEOUT,
    as_json: bool,
) -> int:
    """Print the journal of a state directory; return the exit code.

    Of everything, or of what was deleted at, beneath or around one of *paths*; the *last* so many, or
    all, and only then also what was written down before its turn came, which it never did. Raises
    StateError.
    """

    async def work(runtime: Runtime, _interrupts: Interrupts) -> list[str] | OSError:
        places: list[str] = []
        try:
            for path in map(everywhere, paths):
                places += await runtime.call(_places, path)
        except OSError as error:
            return error
        return places

    def show(places: list[str] | OSError) -> int:
        if isinstance(places, OSError):
            say(f"{words.PROGRAM}: cannot look for {', '.join(map(printable, paths))}: {places}")
            return ExitCode.USAGE
        return _show(directory, paths, places, last=last, as_json=as_json)

    return query.run(work, show, timeout=timeout, as_json=as_json)


def _show(
    directory: str, paths: Sequence[str], places: Sequence[str], *, last: int | None, as_json: bool
) -> int:
    unfinished: set[str] = set()
    """Runs that something unfinished is from, whether it is shown or not."""
    waiting: set[str] = set()
    """Runs that something is from whose turn has not come."""

    def wanted(entry: Entry) -> bool:
        if not _concerns(entry.intent.path, places):
            return False
        if entry.waiting:
            waiting.add(entry.run)
        elif entry.unfinished:
            unfinished.add(entry.run)
        return entry.happened or last is None

    history = read(directory, wanted=wanted, last=last)
    running = _running(directory, unfinished | waiting)
    if as_json:
        lost = emit(lambda: sys.stdout.writelines(document_of(history, running)))
    elif is_terminal(sys.stdout):
        lost = print_table(history, running)
    else:
        told = (f"{line}\n" for line in lines(history, running))
        lost = emit(lambda: sys.stdout.writelines(told))
    if lost is not None:
        say(f"{words.PROGRAM}: could not print the result: {lost}")
        return ExitCode.UNEXPECTED
    for fault in history.faults:
        say(f"{words.PROGRAM}: {fault_line(fault)}")
    if not as_json:
        say_last_words(history, paths, unfinished - running)
    # A record that a crash cut off is no failure of this run; a file that cannot be read is.
    unread = any(fault.line is None for fault in history.faults)
    return ExitCode.INCOMPLETE if unread else ExitCode.DONE


def _running(directory: str, unfinished: Collection[str]) -> frozenset[str]:
    """Return the ids of the runs that are at work, if any of the *unfinished* may be."""
    if not unfinished:
        return frozenset()
    from cleanup_nodemodule.record import unfinished as recovery

    try:
        return recovery.at_work(directory, unfinished)
    except trust.StateError:
        return frozenset()  # As on a disk that may only be read, where none can be.


def _places(path: str) -> tuple[str, ...]:
    """Return what an absolute path is in the journal, which has them without symlinks.

    The last name may have been an artifact's, and be a symlink by now.
    """
    above, name = os.path.split(path.rstrip(os.sep))
    places = [os.path.realpath(path)]
    if name not in {"", os.curdir, os.pardir}:
        places.append(os.path.join(os.path.realpath(above), name))
    return tuple(os.path.join(place, "") for place in dict.fromkeys(places))


def _concerns(path: str, places: Sequence[str]) -> bool:
    whole = os.path.join(path, "")
    return not places or any(whole.startswith(place) or place.startswith(whole) for place in places)
