"""What ``history`` prints: the runs with a chart for people, or one line a run for pipes."""

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias

from cleanup_nodemodule.errors import ExitCode
from cleanup_nodemodule.record.history.clock import straightened
from cleanup_nodemodule.record.history.runs import Passed
from cleanup_nodemodule.report.history import ForecastRow, HistoryRunRow
from cleanup_nodemodule.run.looking_back import Past
from cleanup_nodemodule.show.chart import Chart, bars, levels_for
from cleanup_nodemodule.show.fitting import Marks, cropped, marks_for
from cleanup_nodemodule.show.layout import bold, columns, dim
from cleanup_nodemodule.words import command, printable, size

_CODES: Final[dict[int, str]] = {
    ExitCode.DONE: "done",
    ExitCode.UNEXPECTED: "error",
    ExitCode.USAGE: "wrong usage",
    ExitCode.INCOMPLETE: "incomplete",
    ExitCode.EXCEEDED: "over limit",
    ExitCode.LOCKED: "locked out",
}

_MOST: Final = 100
"""Columns of the chart and the table, at most."""

_NARROW: Final = 70
"""Columns below which times have no year, and nobody is told how long a run took."""

_TOOK: Final = 5
"""The column of that."""

_LABEL: Final = 8
"""Cells before the bars of the chart."""

_DAY: Final = 86_400

Drawn: TypeAlias = tuple[str, Sequence[tuple[float, float]], bool]
"""A line of a chart: what it is called, numbers with their times, and whether those of one cell are added up."""


def result_of(code: int) -> str:
    """Return in a word or two how a run ended."""
    return "stopped" if code >= 128 else _CODES.get(code, f"code {code}")  # noqa: PLR2004 - signals


def name_of(run: HistoryRunRow) -> str:
    """Return what to call a run: its job, or what it did."""
    return run.job or run.command or run.mode.replace("-", " ")


def lines(runs: Sequence[HistoryRunRow]) -> Iterator[str]:
    """Give one line a run, its fields parted by tabs.

    When it began, how it ended, run, job, command, mode, artifacts found, deleted (or moved to the trash) and failed,
    bytes that everything found takes, bytes that surely come back of the selection, bytes freed, seconds, exit code. A
    ``-`` stands for what is not known.
    """
    for run in runs:
        gone = None if run.deleted is None else run.deleted + (run.trashed or 0)
        numbers = (run.found, gone, run.failed, run.allocated_bytes, run.reclaimable_bytes)
        yield "\t".join(
            (
                run.began_at,
                result_of(run.exit_code),
                run.run,
                printable(run.job or "-"),
                run.command or "-",
                run.mode,
                *("-" if one is None else str(one) for one in (*numbers, run.freed_bytes)),
                f"{run.duration_s:.1f}",
                str(run.exit_code),
            )
        )


def page(past: Past) -> Iterator[str]:
    """Give the runs and their chart for people, times in this machine's zone."""
    if not past.document.runs:
        return
    width = min(columns(), _MOST)
    yield from _table(past.document.runs, width, marks_for(sys.stdout))
    charted = list(chart(past.passed, width))
    yield from ("", *charted) if charted else ()


def _table(runs: Sequence[HistoryRunRow], width: int, marks: Marks) -> Iterator[str]:
    narrow = width < _NARROW
    headings: tuple[str, ...] = ("When", "What", "Found", "Freed", "Failed", "Took", "Result")
    rows: list[tuple[str, ...]] = [
        (
            when(run.began_at, short=narrow),
            printable(name_of(run)),
            "-" if run.allocated_bytes is None else size(run.allocated_bytes),
            size(run.freed_bytes) if run.freed_bytes else "-",
            f"{run.failed:,}" if run.failed else "-",
            took(run.duration_s),
            result_of(run.exit_code),
        )
        for run in runs
    ]
    if narrow:
        headings, *rows = ((*row[:_TOOK], *row[_TOOK + 1 :]) for row in (headings, *rows))
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    numbers = range(2, len(widths) - 1)
    # A job may have any name: it takes what the others leave.
    others = sum(widths) - widths[1] + 2 * (len(widths) - 1)
    widths[1] = min(widths[1], max(4, width - others))
    for number, row in enumerate((headings, *rows)):
        cells = (row[0], cropped(row[1], widths[1], marks), *row[2:])
        line = "  ".join(
            cell.rjust(room) if place in numbers else cell.ljust(room)
            for place, (cell, room) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        yield bold(line) if not number else line


def when(began_at: str, *, short: bool) -> str:
    """Return a time in this machine's zone; *short* without the year."""
    time = datetime.fromisoformat(began_at).astimezone()
    return time.strftime("%m-%d %H:%M" if short else "%Y-%m-%d %H:%M")


def took(seconds: float) -> str:
    """Return how long a run took, for people."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def chart(passed: Sequence[Passed], width: int) -> Iterator[str]:
    """Give a chart of runs over time; nothing where all of them began at once."""
    times = straightened([run.began_at for run in passed])
    found = [
        (time, run.allocated_bytes)
        for time, run in zip(times, passed, strict=True)
        if run.allocated_bytes is not None
    ]
    rows: list[Drawn] = [
        ("Runs", [(time, 1) for time in times], True),
        ("Found", found, False),
        ("Freed", [(time, run.freed_bytes) for time, run in zip(times, passed, strict=True)], True),
        ("Failed", [(time, run.failed) for time, run in zip(times, passed, strict=True)], True),
    ]
    yield from drawn(times, rows, width)


def drawn(times: Sequence[float], rows: Sequence[Drawn], width: int) -> Iterator[str]:
    """Give the lines of a chart for *times* in order; nothing where all are the same."""
    if not times or times[0] == times[-1]:
        return
    levels = levels_for(sys.stdout)
    said = {name: _most(name, values) for name, values, _ in rows}
    room = width - _LABEL - 2 - max(map(len, said.values()))
    axis = Chart.of(times, max(10, room))
    for name, values, adds in rows:
        if not any(value for _, value in values) and name != "Found":
            continue
        cells = axis.gathered(values, _sum if adds else _last)
        yield f"{name.ljust(_LABEL)}{bars(cells, levels)}  {said[name]}"
    yield dim(" " * _LABEL + _ends(axis, width - _LABEL))


def _sum(before: float, value: float) -> float:
    return before + value


def _last(_before: float, value: float) -> float:
    return value


def _most(name: str, values: Sequence[tuple[float, float]]) -> str:
    """Return what stands behind the bars."""
    numbers = [int(value) for _, value in values]
    match name:
        case "Found" | "Takes":
            return f"now {size(numbers[-1])}" if numbers else ""
        case "Freed":
            return f"{size(sum(numbers))} in all"
        case _:
            return f"{sum(numbers):,} in all"


def _ends(axis: Chart, width: int) -> str:
    """Return the first and the last time, at the ends of the axis if there is room."""
    span = axis.slot * (axis.width - 1)
    form = "%Y-%m-%d" if span >= _DAY else "%H:%M"
    first, last = (
        datetime.fromtimestamp(time, UTC).astimezone().strftime(form)
        for time in (axis.begin, axis.begin + span)
    )
    between = axis.width - len(first) - len(last)
    return first + (" " * between + last if between > 0 else f" to {last}")[: width - len(first)]


def remarks(past: Past) -> Iterator[str]:
    """Give what is not shown, what is strange, and the forecasts, as sentences."""
    document = past.document
    if not document.runs:
        narrowed = document.job is not None or document.since is not None
        yield f"The history has no {'such runs' if narrowed else 'runs yet'}."
        return
    if document.left_out:
        yield (
            f"{document.left_out:,} earlier runs are not shown. To see all: {command('history', '--limit', '0')}"
        )
    yield from clock(past.passed)
    yield from filter(None, map(forecast, document.forecasts))


def clock(passed: Sequence[Passed]) -> Iterator[str]:
    """Give a sentence if the clock was wrong."""
    strange = sum(not run.trusted for run in passed)
    if strange:
        runs = "1 run" if strange == 1 else f"{strange:,} runs"
        yield (
            f"The clock was wrong in {runs}: the time contradicts those of the runs before or after. Runs are listed in the"
            " order in which they ended."
        )


def forecast(row: ForecastRow) -> str | None:
    """Return a forecast as a sentence, safe to show; None where there is nothing to say."""
    where = printable(row.mounted_on)
    growth = row.growth_bytes_per_day or 0
    if row.reason == "kept-up":
        return f"{where}: {size(round(growth))} a day are added, and runs free {size(round(row.freed_bytes_per_day))} a day."
    if row.full_in_days is None or row.full_in_days_if_deleted is None:
        return None
    more = ""
    if row.reclaimable_bytes and round(row.full_in_days_if_deleted) > round(row.full_in_days):
        more = f" What is rebuildable now would give {_days(row.full_in_days_if_deleted)}."
    freed = (
        f", and runs free {size(round(row.freed_bytes_per_day))}" if row.freed_bytes_per_day else ""
    )
    return (
        f"{where}: at this rate the disk is full in {_days(row.full_in_days)} ({size(row.free_bytes)} are free,"
        f" {size(round(growth))} a day are added{freed}).{more}"
    )


def _days(count: float) -> str:
    if count < 1:
        return "less than a day"
    return "1 day" if round(count) == 1 else f"{round(count):,} days"
