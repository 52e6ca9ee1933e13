"""Reads the journals of this user: what was deleted, and what was begun and has no end."""

import heapq
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from cleanup_nodemodule.record import trust
from cleanup_nodemodule.record.entries import VERSION, End, Ending, Entry, Fault, Intent, Run
from cleanup_nodemodule.record.journal_files import files_in, open_to_read
from cleanup_nodemodule.system import machine


@dataclass(frozen=True, slots=True)
class History:
    """What the journal says."""

    entries: tuple[Entry, ...]
    """In the order of :attr:`Entry.at`."""
    runs: Mapping[str, Run]
    """By id, in the order they began."""
    faults: tuple[Fault, ...]
    left_out: int
    """Older entries than those, where only the latest were asked for."""

    def unfinished(self, *, failed: bool = False) -> tuple[Entry, ...]:
        """Return what is to be finished; with *failed* also what failed after it was renamed.

        What a run that is still at work has begun is among it; :func:`cleanup_nodemodule.record.lock.held`
        and :func:`cleanup_nodemodule.record.alive.writing` tell which runs are.
        """
        return tuple(
            entry for entry in self.entries if entry.unfinished or (failed and entry.left_staged)
        )


def read(
    directory: str,
    *,
    wanted: Callable[[Entry], bool] = lambda _: True,
    last: int | None = None,
) -> History:
    """Return the entries that are *wanted*, all or only the *last* so many.

    Takes memory for these alone. There need not be a journal. Raises StateError for a directory that
    cannot be trusted.
    """
    reader = Reader(directory)
    count = 0
    latest: list[tuple[float, int, Entry]] = []
    for entry in reader:
        if not wanted(entry):
            continue
        count += 1
        row = (entry.at, count, entry)
        if last is None:
            latest.append(row)
        elif len(latest) < last:
            heapq.heappush(latest, row)
        elif last:
            heapq.heappushpop(latest, row)
    latest.sort()
    entries = tuple(entry for _, _, entry in latest)
    runs = dict(sorted(reader.runs.items(), key=lambda item: item[1].started_at))
    return History(entries, runs, tuple(reader.faults), count - len(entries))


class Reader:
    """Gives the entries of a journal one by one, each once its end is known.

    Those that are unfinished or failed come last, as a later run may have ended them. What it takes
    memory for are these, and the runs. The directory is checked when reading begins, see :func:`read`.
    """

    def __init__(self, directory: str) -> None:
        self.runs: dict[str, Run] = {}
        """What is known of the runs by now, by id."""
        self.faults: list[Fault] = []
        """What could not be read by now."""
        self._directory = directory
        self._open: dict[tuple[str, int], Entry] = {}
        self._early: dict[tuple[str, int], End] = {}
        """Ends that stand in a file before the one with the beginning."""
        self._highest: dict[str, int] = {}
        """The last entry begun of each run: numbers only grow, so what is not beyond is repeated."""

    def __iter__(self) -> Iterator[Entry]:
        """Read one file after the other."""
        if not os.path.lexists(self._directory):
            return
        trust.check(self._directory)
        try:
            paths = files_in(self._directory)
        except OSError as error:
            self._fail(self._directory, None, str(error.strerror))
            return
        for path in paths:
            yield from self._file(path)
        boot = machine.boot()
        for entry in self._open.values():
            lost = boot is None or self.runs[entry.run].boot != boot
            yield replace(entry, waiting=not (entry.turned or entry.end is not None or lost))

    def _file(self, path: str) -> Iterator[Entry]:
        torn: dict[bytes, int] = {}
        try:
            with open(path, "rb", opener=open_to_read) as file:
                for number, line in enumerate(file, 1):
                    if line == b"\n":
                        continue
                    try:
                        facts = json.loads(line)
                    except (ValueError, RecursionError):
                        torn[line.rstrip(b"\n")] = number
                        continue
                    if torn:
                        # The disk was full; what stands there in part was written again in whole.
                        torn = {part: at for part, at in torn.items() if not line.startswith(part)}
                    try:
                        entry = self._take(facts)
                    except (KeyError, TypeError, ValueError) as error:
                        self._fail(path, number, _reason(facts, error))
                    else:
                        if entry is not None:
                            yield entry
        except OSError as error:
            strange = isinstance(error, trust.StateError)
            self._fail(path, None, str(error if strange else error.strerror))
        for number in torn.values():
            self._fail(path, number, "it is incomplete: a crash or a full disk cut it off")

    def _fail(self, path: str, line: int | None, message: str) -> None:
        self.faults.append(Fault(path, line, message))

    def _take(self, facts: Any) -> Entry | None:
        """Take a record in; return the entry that it settles. Raises for one that makes no sense."""
        if facts["v"] != VERSION:
            raise ValueError
        run = _text(facts["run"])
        match facts["kind"]:
            case "run":
                self.runs[run] = _run(run, facts)
            case "run-end":
                at, interrupted = _time(facts["at"]), bool(facts["interrupted"])
                known = self._known(run, facts)
                observed = _maybe(_number, facts.get("observed_freed_bytes"))
                self.runs[run] = replace(
                    known, ended_at=at, interrupted=interrupted, observed_freed_bytes=observed
                )
            case "begin":
                number = _number(facts["number"])
                if number <= self._highest.get(run, 0):
                    return None
                entry = Entry(run, number, _time(facts["at"]), _intent(facts), None)
                self._highest[run] = number
                self._known(run, facts)
                self._open[run, number] = entry
                early = self._early.pop((run, number), None)
                return None if early is None else self._settle(run, number, early)
            case "turn":
                key = run, _number(facts["number"])
                if key in self._open:
                    self._open[key] = replace(self._open[key], turned=True)
            case "end":
                return self._settle(run, _number(facts["number"]), _end(facts))
        return None

    def _known(self, run: str, facts: Any) -> Run:
        """Return what is known of the run, which is little where its own record was lost."""
        return self.runs.setdefault(run, Run(run, _time(facts["at"]), 0, "", "", "", "delete", ()))

    def _settle(self, run: str, number: int, end: End) -> Entry | None:
        entry = self._open.get((run, number))
        if entry is None:
            if number > self._highest.get(run, 0):
                self._early[run, number] = end
            return None
        if entry.end is not None:
            # A later run has gone on with it: what it freed comes on top.
            end = replace(end, freed_bytes=entry.end.freed_bytes + end.freed_bytes)
        entry = replace(entry, end=end)
        if end.ending in {Ending.FAILED, Ending.INTERRUPTED}:
            self._open[run, number] = entry
            return None
        del self._open[run, number]
        return entry


def _reason(facts: Any, error: Exception) -> str:
    version = facts.get("v") if isinstance(facts, dict) else None
    if isinstance(version, int) and version > VERSION:
        return "a later version of this program wrote it"
    # Of what it says nothing is sure to be fit for showing.
    what = str(error).encode("ascii", "backslashreplace").decode("ascii")[:_MAX_SAID]
    return f"it is not as this program writes it ({type(error).__name__}: {what})"


_MAX_SAID: Final = 200
"""Characters of what is wrong with a record."""


def _run(run: str, facts: Any) -> Run:
    mode = facts["mode"]
    if mode not in {"delete", "trash"}:
        raise ValueError(mode)
    return Run(
        run,
        _time(facts["started_at"]),
        _number(facts["pid"]),
        _text(facts["host"]),
        _text(facts["user"]),
        _text(facts["tool"]),
        mode,
        _texts(facts["roots"]),
        machine=_maybe(_text, facts.get("machine")),
        boot=_maybe(_text, facts.get("boot")),
    )


def _intent(facts: Any) -> Intent:
    path = _absolute(facts["path"])
    staged = None if facts["staged"] is None else _absolute(facts["staged"])
    if staged is not None and os.path.dirname(staged) != os.path.dirname(path):
        raise ValueError(staged)  # Nothing is renamed but beside itself; resume relies on that.
    return Intent(
        path=path,
        staged=staged,
        device=_number(facts["device"]),
        inode=_number(facts["inode"]),
        changed_ns=_number(facts["changed_ns"]),
        apparent_bytes=_number(facts["apparent_bytes"]),
        allocated_bytes=_number(facts["allocated_bytes"]),
        reclaimable_bytes=_number(facts["reclaimable_bytes"]),
        rule=_maybe(_text, facts["rule"]),
        evidence=_texts(facts["evidence"]),
        project=_absolute(facts["project"]),
        regenerate=_maybe(_text, facts["regenerate"]),
        regenerate_in=_maybe(_absolute, facts["regenerate_in"]),
        warnings=_texts(facts["warnings"]),
        owner=_maybe(_number, facts.get("owner")),
        volume=_maybe(_text, facts.get("volume")),
        birth_ns=_number(facts.get("birth_ns", 0)),
        around_inode=_maybe(_number, facts.get("around_inode")),
        around_birth_ns=_number(facts.get("around_birth_ns", 0)),
        # Older ones knew one number, which meant both.
        reclaimable_at_most_bytes=_number(
            facts.get("reclaimable_at_most_bytes", facts["reclaimable_bytes"])
        ),
    )


def _end(facts: Any) -> End:
    error = _maybe(_text, facts["error"])
    return End(Ending(facts["ending"]), _number(facts["freed_bytes"]), error, _time(facts["at"]))


_T = TypeVar("_T")


def _maybe(take: Callable[[object], _T], value: object) -> _T | None:
    return None if value is None else take(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    if _NO_CHARACTER.search(value):
        raise ValueError(value)  # JSON can spell it, and nothing can print it.
    return value


_NO_CHARACTER: Final = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Surrogates but for those that stand for bytes of a name (``surrogateescape``)."""


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(value)
    return tuple(_text(item) for item in value)


def _absolute(value: object) -> str:
    path = _text(value)
    if not os.path.isabs(path) or "\0" in path:
        raise ValueError(path)
    os.fsencode(path)  # It raises UnicodeEncodeError where no path can be so, in this locale.
    return path


def _number(value: object) -> int:
    if not isinstance(value, int) or not -_LARGEST <= value < _LARGEST:
        raise TypeError(value)
    return value


_LARGEST: Final = 1 << 64
"""No number that a system gives is as large."""


def _time(value: object) -> float:
    if not isinstance(value, int | float) or not 0 <= value < _END_OF_TIME:
        raise TypeError(value)
    return value


_END_OF_TIME: Final = 253402300800
"""The year 10,000, which no calendar of Python's knows, in seconds since the epoch."""
