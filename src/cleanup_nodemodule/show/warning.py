"""The lines that warn: problems, limits that were exceeded, patterns that matched nothing, time that was up."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cleanup_nodemodule.model.quantities import duration
from cleanup_nodemodule.problems import sentence
from cleanup_nodemodule.words import PROGRAM, printable

if TYPE_CHECKING:
    from cleanup_nodemodule.report.comparison import Comparison
    from cleanup_nodemodule.report.rows import Report


def unmatched(report: "Report") -> Iterator[str]:
    """Give a line for each pattern that matched nothing."""
    for pattern in report.unmatched_patterns:
        yield (
            f"{PROGRAM}: the pattern {printable(pattern)} matched nothing, so it protects nothing;"
            " check how it is spelt"
        )


def problems(report: "Report", limit: int | None) -> Iterator[str]:
    """Give a line for each problem, at most *limit* and then how many more there are."""
    for problem in report.problems[:limit]:
        where = None if problem.path is None else printable(problem.path)
        yield f"{PROGRAM}: {sentence(problem.doing, where, problem.message)}"
    if limit is not None and len(report.problems) > limit:
        more = len(report.problems) - limit
        yield f"{PROGRAM}: {more:,} more problems; --verbose shows all"


def gates(report: "Report | Comparison") -> Iterator[str]:
    """Give a line for each limit that was exceeded."""
    return (f"{PROGRAM}: {gate.sentence}" for gate in report.gates)


def out_of_time(report: "Report") -> Iterator[str]:
    """Say that the time of a run was up, if it was too short."""
    if report.out_of_time is not None:
        yield (
            f"{PROGRAM}: the time of --max-runtime {duration(report.out_of_time.max_runtime_s)} was up;"
            " what was not done by then is left to the next run"
        )
