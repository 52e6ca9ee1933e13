"""Which runs can be compared: those that searched the same roots for the same, and came everywhere there."""

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from cleanup_nodemodule.record.history.packing import DamagedError, Packed
from cleanup_nodemodule.record.history.runs import Passed
from cleanup_nodemodule.record.history.trend import thinned
from cleanup_nodemodule.report.history import ComparedRow
from cleanup_nodemodule.words import iso

_LATEST: Final = 20
"""The last audits, among which the question that was asked most often is the one that counts: it is not asked any more
if it is older, and a search by the way does not change it."""


class Audit(NamedTuple):
    """One run that can be compared, with its portions."""

    number: int
    began_at: float
    portions: Packed | None
    """None if it found nothing."""


class Audits(NamedTuple):
    """Runs that can be compared with each other."""

    question: int
    """Its number in the database."""
    all: Sequence[Passed]
    others: int
    """Audits that asked something else."""


def comparable(
    connection: sqlite3.Connection, runs: Sequence[Passed], among: Collection[int] | None = None
) -> Audits | None:
    """Return those of *runs* that can be compared; None if none can. Only runs *among* these numbers count, if that is given.

    A run whose clock is not believed cannot. Raises sqlite3.Error.
    """
    known = {run.number: run for run in runs if run.trusted}
    asked = [
        (number, question)
        for number, question in connection.execute(
            "SELECT id, question FROM run WHERE question NOT NULL ORDER BY id"
        )
        if number in known and (among is None or number in among)
    ]
    if not asked:
        return None
    # Of those that were asked equally often the latest is the first that is met.
    [(question, _)] = Counter(one for _, one in reversed(asked[-_LATEST:])).most_common(1)
    chosen = [known[number] for number, one in asked if one == question]
    return Audits(question, chosen, len(asked) - len(chosen))


def read(connection: sqlite3.Connection, audits: Audits, most: int) -> list[Audit]:
    """Return *most* of the audits at most, with their portions. One that is damaged is left out. Raises sqlite3.Error."""
    chosen = thinned(audits.all, [run.began_at for run in audits.all], most)
    found: list[Audit] = []
    for run in chosen:
        row = connection.execute("SELECT packed FROM audit WHERE run = ?", (run.number,)).fetchone()
        try:
            packed = None if row is None else Packed(row[0])
        except DamagedError:
            continue
        found.append(Audit(run.number, run.began_at, packed))
    return found


def described(connection: sqlite3.Connection, audits: Audits, read: int) -> ComparedRow:
    """Return what to tell of the audits, of which so many were *read*. Raises sqlite3.Error."""
    [(said,)] = connection.execute("SELECT said FROM question WHERE id = ?", (audits.question,))
    roots, (profiles, _rules, names, *_) = json.loads(said)
    return ComparedRow(
        roots=roots,
        profiles=profiles,
        names=names,
        audits=len(audits.all),
        read=read,
        others=audits.others,
        first=iso(audits.all[0].began_at),
        last=iso(audits.all[-1].began_at),
    )
