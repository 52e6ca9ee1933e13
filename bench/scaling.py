"""Measures how time grows with the size of a tree, and shrinks with the number of workers.

Trees of many small directories, each on a tmpfs of its own, so that no disk and no other file system
has a part in it. Prints the numbers as tables and draws them into docs/scaling.svg. Needs root, as
only root can mount one, Linux, and for the drawing the extra ``bench`` of this package.
"""

import argparse
import contextlib
import math
import os
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import agreement
import floor
import machine
import places
import race
import races
import synthetic

SIZES: Final = (10_000, 30_000, 100_000, 300_000, 1_000_000, 2_000_000, 5_000_000)
"""Entries."""

SHARED: Final = 1_000_000
"""Entries of the tree that different numbers of workers share."""

PICTURE: Final = os.path.join(os.path.dirname(places.SCRIPTS), "docs", "scaling.svg")

_LABELS: Final = {"floor": "floor, in C", "native": "native engine", "python": "Python engine"}

_COLOURS: Final = {"floor": "#8a8f98", "native": "#1f6feb", "python": "#d9730d"}

_STEPS: Final = 100
"""In a line that is drawn where its axes bend it."""

_LARGE: Final = 100_000
"""Entries from which on the start of a program counts for little."""

_BYTES_AN_ENTRY: Final = 1300
"""Memory of an empty file on tmpfs, its name included; measured: some 1.1 KB."""


@dataclass(frozen=True, slots=True)
class Point:
    """What a program took, in one place of a figure."""

    at: int
    """Entries, or workers."""
    seconds: float
    """Median."""
    fastest: float
    slowest: float


Curves = Mapping[str, Sequence[Point]]
"""Points by program, each in ascending order."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A straight line through some points."""

    microseconds: float
    """For each entry."""
    start: float
    """Seconds for no entry at all."""
    determination: float
    """The share of the variance that the line explains (R squared)."""
    exponent: float
    """The power of the number of entries that time grows with, large trees only: 1 for a line."""

    def at(self, entries: float) -> float:
        """Return the seconds that the line says."""
        return self.start + self.microseconds / 1e6 * entries


def fit(points: Sequence[Point]) -> Fit:
    """Fit a line to *points*, and another one to their logarithms, whose slope is the exponent.

    Least squares of what the line is off as a share of the time: otherwise the largest tree alone
    would say where the line goes.
    """
    weights = [point.seconds**-2 for point in points]
    total = sum(weights)
    entries = sum(weight * point.at for weight, point in zip(weights, points, strict=True)) / total
    seconds = sum(weight * point.seconds for weight, point in zip(weights, points, strict=True))
    seconds /= total
    slope = sum(
        weight * (point.at - entries) * (point.seconds - seconds)
        for weight, point in zip(weights, points, strict=True)
    ) / sum(
        weight * (point.at - entries) ** 2 for weight, point in zip(weights, points, strict=True)
    )
    start = seconds - slope * entries
    mean = statistics.fmean(point.seconds for point in points)
    unexplained = sum((point.seconds - start - slope * point.at) ** 2 for point in points)
    variance = sum((point.seconds - mean) ** 2 for point in points)
    large = [point for point in points if point.at >= _LARGE]
    if len(large) <= 1:
        large = list(points)
    power = statistics.linear_regression(
        [math.log(point.at) for point in large], [math.log(point.seconds) for point in large]
    )
    return Fit(slope * 1e6, start, 1 - unexplained / variance, power.slope)


def by_entries(sizes: Sequence[int], rounds: int) -> Curves:
    """Race on a tree of each size; return the times by the entries there really are."""
    curves: dict[str, list[Point]] = {name: [] for name in _LABELS}
    for size in sizes:
        with _tree(size) as (tree, entries):
            contest = race.Race(f"{entries} entries", tuple(_subjects(tree, None)), rounds)
            for row in _rows(contest):
                curves[row.key].append(_point(entries, row))
    return curves


def by_workers(workers: Sequence[int], size: int, rounds: int) -> tuple[int, Curves]:
    """Race on one tree, every number of workers against the others.

    Returns the tree's entries, and the times by the number of workers.
    """
    curves: dict[str, list[Point]] = {name: [] for name in _LABELS}
    with _tree(size) as (tree, entries):
        subjects = [
            (count, replace(subject, key=f"{subject.key} {count}"))
            for count in workers
            for subject in _subjects(tree, count)
        ]
        contest = race.Race("workers", tuple(subject for _, subject in subjects), rounds)
        rows = {row.key: row for row in _rows(contest)}
        for count, subject in subjects:
            curves[subject.key.partition(" ")[0]].append(_point(count, rows[subject.key]))
    return entries, curves


@contextlib.contextmanager
def _tree(size: int) -> Iterator[tuple[str, int]]:
    """Build a tree in memory; yields its path, and how many entries it came to have."""
    _say(f"building {size:,} entries")
    room = machine.available_memory()
    if room < size * _BYTES_AN_ENTRY:
        raise machine.UnableError(
            f"{size:,} entries in memory: they take some {size * _BYTES_AN_ENTRY >> 20:,} MiB,"
            f" and {room >> 20:,} MiB are available"
        )
    with machine.memory_disk("90%") as disk:
        tree = synthetic.build(os.path.join(disk, "project"), size)
        yield tree, agreement.check_floor(tree).entries


def _subjects(tree: str, workers: int | None) -> Iterator[race.Subject]:
    """Yield the programs, each with that many workers; None: as many as it chooses itself."""
    total = {"floor": r"^(\d+) ", "stage": r'"allocated": (\d+)'}
    command = floor.command("size", tree, workers)
    yield race.Subject("floor", _LABELS["floor"], command, total=total["floor"])
    jobs = () if workers is None else ("--jobs", str(workers))
    for engine in ("native", "python"):
        yield race.Subject(
            engine,
            _LABELS[engine],
            (*races.stage("size", tree, engine), *jobs),
            process="with the start of Python",
            total=total["stage"],
        )


def _rows(contest: race.Race) -> Iterator[race.Row]:
    """Run a race; yield what was to be measured, without what the whole processes took."""
    keys = {subject.key for subject in contest.subjects}
    _say(f"measuring {contest.title}")
    yield from (row for row in race.run(contest).rows if row.key in keys)


def _point(at: int, row: race.Row) -> Point:
    walls = [times.wall for times in row.times]
    return Point(at, row.median, min(walls), max(walls))


def table(head: str, curves: Curves) -> list[str]:
    """Return the points of some curves as a table in Markdown."""
    lines = [*race.header((head, *(_LABELS[name] for name in curves)), judged=False)]
    for points in zip(*curves.values(), strict=True):
        cells = [
            f"{point.seconds:.4f} s ({point.fastest:.4f} to {point.slowest:.4f})"
            for point in points
        ]
        lines.append(f"| {points[0].at:,} | {' | '.join(cells)} |")
    return lines


def fits(curves: Curves) -> list[str]:
    """Return the straight lines through some curves as a table in Markdown."""
    heads = ("", "an entry", "start", "R²", "exponent", "farthest from the line")
    lines = [*race.header(heads, judged=False)]
    for name, points in curves.items():
        line = fit(points)
        farthest = max(abs(point.seconds / line.at(point.at) - 1) for point in points)
        cells = (
            _LABELS[name],
            f"{line.microseconds:.3f} µs",
            f"{line.start * 1000:.1f} ms",
            f"{line.determination:.5f}",
            f"{line.exponent:.3f}",
            f"{farthest:.1%}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def draw(entries: Curves, workers: Curves, shared: int, path: str) -> None:
    """Draw both figures beside each other into the SVG file *path*."""
    # The numbers are worth having without it.
    import matplotlib as mpl  # noqa: PLC0415 - only drawing needs it
    from matplotlib.figure import Figure  # noqa: PLC0415 - only drawing needs it

    # Text stays text, and the same numbers give the same file.
    settings = {"svg.fonttype": "none", "svg.hashsalt": "scaling", "font.family": "sans-serif"}
    with mpl.rc_context(settings):
        figure = Figure(figsize=(10.5, 4.4), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        _draw_entries(left, entries)
        _draw_workers(right, workers, shared)
        figure.savefig(path, format="svg", metadata={"Date": None}, facecolor="white")


def _draw_entries(axes: Any, curves: Curves) -> None:
    for name, points in curves.items():
        line = fit(points)
        label = f"{_LABELS[name]}: {line.microseconds:.2f} µs an entry"
        _draw_points(axes, name, points, label)
        low, high = points[0].at, points[-1].at
        at = [low * (high / low) ** (step / _STEPS) for step in range(_STEPS + 1)]
        axes.plot(at, [line.at(entries) for entries in at], color=_COLOURS[name], linewidth=1.4)
    axes.set(xscale="log", yscale="log", xlabel="entries", ylabel="seconds")
    axes.set_title(
        "Time against entries, and the straight line through it", loc="left", fontsize=11
    )
    axes.xaxis.set_major_formatter(lambda value, _place: _short(value))
    axes.yaxis.set_major_formatter(lambda value, _place: f"{value:g}")
    axes.legend(loc="upper left", frameon=False, labelcolor="linecolor", fontsize=9.5)
    _plain(axes)


def _draw_workers(axes: Any, curves: Curves, shared: int) -> None:
    for name, points in curves.items():
        _draw_points(axes, name, points, _LABELS[name])
        at = [point.at for point in points]
        axes.plot(at, [point.seconds for point in points], color=_COLOURS[name], linewidth=1.4)
    axes.set(xlabel="workers", ylabel="seconds")
    axes.set_title(
        f"Time against workers, {_short(shared)} entries, {os.cpu_count()} cores",
        loc="left",
        fontsize=11,
    )
    axes.set_ylim(bottom=0)
    axes.set_xticks([point.at for point in next(iter(curves.values()))])
    _plain(axes)


def _draw_points(axes: Any, name: str, points: Sequence[Point], label: str) -> None:
    """Draw the medians, with bars from the fastest to the slowest round."""
    axes.errorbar(
        [point.at for point in points],
        [point.seconds for point in points],
        yerr=[
            [point.seconds - point.fastest for point in points],
            [point.slowest - point.seconds for point in points],
        ],
        fmt="o",
        markersize=4.5,
        elinewidth=1,
        color=_COLOURS[name],
        label=label,
    )


def _plain(axes: Any) -> None:
    """Leave out what is no data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#c9ced6")
    axes.tick_params(colors="#57606a", which="both", length=3)
    axes.grid(visible=True, which="major", color="#eaeef2", linewidth=0.8)
    axes.set_axisbelow(True)


def _short(number: float) -> str:
    """Return a number of entries as an axis shows it."""
    for unit, suffix in ((1_000_000, " million"), (1_000, ",000")):
        if number >= unit:
            return f"{number / unit:.3g}{suffix}"
    return f"{number:g}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measures how time grows with entries, and shrinks with workers.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="tree, in entries")
    parser.add_argument("--shared", type=int, default=SHARED, help="entries shared by workers")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", default=PICTURE, metavar="FILE", help="the drawing")
    return parser.parse_args()


def main() -> int:
    """Measure, print and draw."""
    options = _options()
    machine.end_tidily()
    machine.compile_tool()
    sizes = sorted({*(size for size in SIZES if size < options.largest), options.largest})
    workers = range(1, 2 * (os.cpu_count() or 1) + 1)
    try:
        entries = by_entries(sizes, options.rounds)
        shared, shares = by_workers(workers, options.shared, options.rounds)
    except (machine.UnableError, race.WrongError) as error:
        print(f"scaling: missing: {error}", file=sys.stderr)
        return 1
    print("\n".join(machine.describe()), "")
    print("**Time against entries**", "", *table("entries", entries), "", *fits(entries), sep="\n")
    print("", f"**Time against workers**, {shared:,} entries", "", sep="\n")
    print(*table("workers", shares), sep="\n", flush=True)
    draw(entries, shares, shared, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
