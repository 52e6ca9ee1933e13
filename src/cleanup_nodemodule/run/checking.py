"""Looks whether what files and the environment say can be right, without a run."""

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cleanup_nodemodule.config import files
from cleanup_nodemodule.config.definition import Said, settings_of
from cleanup_nodemodule.config.environment import read_environment
from cleanup_nodemodule.config.jobs import refuse_nowhere
from cleanup_nodemodule.config.layers import Order, Values
from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.run.looking_back import limits_of
from cleanup_nodemodule.run.orders import orders_of
from cleanup_nodemodule.unattended.metrics import check_name
from cleanup_nodemodule.unattended.notifying.recipients import least_of, recipients_of


class Checked(NamedTuple):
    """A file, or the environment, and what is wrong with it."""

    place: str
    """The path of the file; empty for the environment, and for what only all of them together say."""
    faults: tuple[str, ...]
    """A sentence for each; none if all is right."""


def check_all(config: Sequence[str] = ()) -> list[Checked]:
    """Check all that a run of this user reads, with the files of ``--config``.

    Raises SettingsError for a directory that cannot be read.
    """
    checked: list[Checked] = []
    said: list[files.Said] = []
    for path, order in files.paths():
        one, faults = _read(path, order)
        if one is not None:
            said.append(one)
        if one is not None or faults:
            checked.append(Checked(path, faults))
    for path in config:
        one, faults = _named(path)
        said += [one] if one is not None else []
        checked.append(Checked(path, faults))
    try:
        environment = read_environment(os.environ)
    except UsageError as error:
        checked.append(Checked("", (str(error),)))
        environment = {}
    if not any(one.faults for one in checked):
        together = tuple(_faults_of(Said(tuple(said), environment), alone=False))
        if together:
            checked.append(Checked("", together))
    return checked


def check_file(path: str) -> Checked:
    """Check one file."""
    return Checked(path, _named(path)[1])


def check_text(text: str, path: str) -> None:
    """Raise the first UsageError that there is in what a file *path* is about to hold."""
    said = files.said_by(text.encode(), path, Order.USER)
    for error in _errors(Said((said,), {}), alone=True):
        raise error


def _named(path: str) -> tuple[files.Said | None, tuple[str, ...]]:
    """Read a file that somebody named: that it is not there is a fault."""
    said, faults = _read(path, Order.CONFIG)
    if said is None and not faults:
        faults = (f"there is no file {path}",)
    return said, faults


def _read(path: str, order: Order) -> tuple[files.Said | None, tuple[str, ...]]:
    faults: list[UsageError] = []
    try:
        said = files.read_file(path, order, faults=faults)
    except UsageError as error:
        return None, (str(error),)
    if said is not None and not faults:
        faults += _errors(Said((said,), {}), alone=True)
    return said, tuple(map(str, faults))


def _faults_of(said: Said, *, alone: bool) -> Iterator[str]:
    yield from (str(error) for error in _errors(said, alone=alone))


def _errors(said: Said, *, alone: bool) -> Iterator[UsageError]:
    """Give what makes no sense for all runs, and in each job. What a file says *alone* need not be all of a job."""
    known: set[str] = set()
    for job in (None, *said.jobs.values()):
        values: Values = said.values({}, job)
        try:
            settings_of(values)
            orders_of(values)
            limits_of(values)
            if (metrics := values.text("metrics")) is not None:
                with values.blaming():
                    check_name(metrics)
            with values.blaming():
                recipients_of(values.texts("notify"))
                least_of(values.text("notify-over"))
            if job is not None and not alone:
                refuse_nowhere(job, values)
        except UsageError as error:
            if str(error) not in known:
                known.add(str(error))
                yield error
