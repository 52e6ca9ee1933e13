"""Keeps the history: takes a run in, prunes, and begins anew where the file is damaged."""

from functools import partial
from typing import Final

from cleanup_nodemodule.record import state_directory
from cleanup_nodemodule.record.history import files
from cleanup_nodemodule.record.history.database import errors_in_words, look_through, opened
from cleanup_nodemodule.record.history.entry import Entry, entry_of
from cleanup_nodemodule.record.history.files import DamagedError, HistoryError
from cleanup_nodemodule.record.history.listener import Limits
from cleanup_nodemodule.record.history.pruning import prune
from cleanup_nodemodule.record.history.store import store
from cleanup_nodemodule.record.trust import StateError
from cleanup_nodemodule.report.finished import FinishedRun
from cleanup_nodemodule.words import printable

_PATIENCE: Final = 5.0
"""Seconds that a state directory may take which another machine or program answers for."""


def hear(run: FinishedRun, limits: Limits) -> str | None:
    """Take a run into the history of this user and machine; return what to say, in a sentence.

    Why the state directory cannot be used is not said a second time of a run that failed for that.
    """
    said = _heard(run, limits)
    known = said is not None and run.failure is not None and said == _unable(run.failure)
    return None if known else said


def _heard(run: FinishedRun, limits: Limits) -> str | None:
    try:
        directory = state_directory.directory()
    except StateError as error:
        return _unable(str(error))
    entry = entry_of(run)
    if files.may_be_silent(directory):
        return _keep_apart(directory, entry, limits)
    return keep(directory, entry, limits)


def keep(directory: str, entry: Entry, limits: Limits) -> str | None:
    """Take a run into the history in a state directory; return what to say.

    A damaged file is set aside, and a new one begun.
    """
    try:
        try:
            _keep(directory, entry, limits)
        except DamagedError:
            said = set_aside(directory)
            _keep(directory, entry, limits)
            return said
    except HistoryError as error:
        return _unable(str(error))
    return None


def _keep(directory: str, entry: Entry, limits: Limits) -> None:
    with opened(directory) as connection:
        store(connection, entry)
        prune(connection, limits)


def set_aside(directory: str) -> str | None:
    """Set the file aside if it is still damaged, and return what to say; None if another run has done it by now.

    Raises HistoryError.
    """
    path = files.path_of(directory)
    with errors_in_words(), files.held(path, alone=True) as alone:
        if not alone:
            raise HistoryError("it is damaged, and in use by other runs")
        damage = look_through(directory)
        if damage is None:
            return None
        where = files.set_aside(path)
    return f"the history was damaged ({damage}); it is now {printable(where)}, and a new one begins"


def _unable(why: str) -> str:
    return f"this run is not in the history: {why}"


def _keep_apart(directory: str, entry: Entry, limits: Limits) -> str | None:
    """Do as :func:`keep`, but leave a disk behind that does not answer."""
    from cleanup_nodemodule.work.helper_process import EndedError  # noqa: PLC0415 - seldom needed
    from cleanup_nodemodule.work.time_limit import within  # noqa: PLC0415 - seldom needed

    try:
        return within(_PATIENCE, directory, partial(keep, directory, entry, limits))
    except TimeoutError:
        return _unable(f"{printable(directory)} did not answer for {_PATIENCE:g} seconds")
    except EndedError as error:
        return _unable(error.strerror or str(error))
