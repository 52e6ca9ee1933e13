"""Measures the tool beside what it is compared with, and prints the tables.

Before anything is timed, what the tool finds and counts is held against ``find`` and ``du``. See
``race.py`` for how programs race, ``races.py`` for which.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import agreement
import build_tree
import machine
import memory
import peers
import phases
import places
import races
import source_tree
from race import Race, Result, Verdict, WrongError, header, judgement, run, table

TABLES: Final = ("sizing", "finding", "job", "memory", "start-up", "phases")
"""What is measured, unless only some of it is asked for."""


class Bench:
    """One run of the benchmarks: prints each table as soon as it is there."""

    def __init__(self, field: races.Field, artifacts: int) -> None:
        self._field = field
        self._artifacts = artifacts
        self.missed = False
        """Whether a target was missed."""

    def sizing(self) -> None:
        """Race for sums, on the tree with artifacts and on the one without."""
        for tree, kind in ((self._field.tree, "artifacts"), (self._field.source, "source code")):
            title = f"Sizing {kind}, warm cache"
            self._race(races.sizing(self._field, tree, title), also_cold=True)

    def finding(self) -> None:
        """Race for nothing."""
        self._race(races.finding(self._field), also_cold=True)

    def job(self) -> None:
        """Race for the list of artifacts and their sizes."""
        for tree, count, kind in (
            (self._field.tree, self._artifacts, _several(self._artifacts)),
            (self._field.single, 1, "one large artifact"),
        ):
            title = f"The whole job, start-up included, {kind}, warm cache"
            self._race(races.whole_job(self._field, tree, title, count), also_cold=True)

    def memory(self) -> None:
        """Measure memory on trees of two sizes."""
        try:
            taken = memory.measure(self._field)
        except machine.UnableError as error:
            print(f"\nmissing: {error}", flush=True)
            return
        self.missed |= any(not verdict.met for row in taken for verdict in row.verdicts)
        print("", *memory.table(taken), sep="\n", flush=True)

    def start_up(self) -> None:
        """Race to do nothing."""
        self._race(races.start_up(self._field), also_cold=False)

    def phases(self) -> None:
        """Race two stages of the pipeline against each other."""
        repositories = phases.build(self._field.tree, f"{self._field.tree}-repositories")
        taken = phases.race(repositories, self._field.rounds)
        verdict = _verdict(taken)
        self.missed |= not verdict.met
        print("", *stages(taken, verdict), sep="\n", flush=True)

    def _race(self, race: Race, *, also_cold: bool) -> None:
        self._show(run(race))
        if not also_cold or not self._field.cold_rounds:
            return
        try:
            machine.require_cold()
        except machine.UnableError as error:
            print(f"\nmissing: {race.title.partition(',')[0]}, {error}", flush=True)
        else:
            self._show(run(races.cold(race, self._field.cold_rounds, machine.drop_caches)))

    def _show(self, result: Result) -> None:
        self.missed |= result.missed
        print("", *table(result), sep="\n", flush=True)


def facts(field: races.Field, report: dict[str, Any]) -> Iterator[str]:
    """Yield the lines that say what was measured, and where.

    Raises WrongError if somebody counts otherwise than ``du``.
    """
    found = report["totals"]["found"]
    for tree, what in (
        (field.tree, _several(found)),
        (field.single, "one artifact"),
        (field.source, "no artifact"),
    ):
        sums = agreement.check_floor(tree)
        yield (
            f"- {sums.entries:,} entries in {sums.directories:,} directories, {what},"
            f" on {machine.file_system(tree)}"
        )
    yield "- Sizes: equal to du's, allocated and apparent, of everything found, both engines"
    tool = report["tool"]
    yield f"- Tool: {tool['name']} {tool['version']}"
    yield f"- Peers: {', '.join(peers.described(field.peers))}"
    yield from machine.describe()


def _several(artifacts: int) -> str:
    return "1 artifact" if artifacts == 1 else f"{artifacts} artifacts"


def _verdict(taken: phases.Phases) -> Verdict:
    ratio = statistics.median(taken.ratios)
    return Verdict(f"{ratio:.2f} of sizing (at most 1)", ratio <= 1)


def stages(taken: phases.Phases, verdict: Verdict) -> list[str]:
    """Return the two stages of the pipeline as a table in Markdown."""
    ratio = f"**{statistics.median(taken.ratios):.2f}**"
    spread = f"{min(taken.ratios):.2f} to {max(taken.ratios):.2f}"
    heads = ("", "median", "fastest to slowest", "ratio", "lowest to highest", "target")
    return [
        (
            f"**Proving against sizing**, {taken.candidates:,} candidates of {taken.entries:,}"
            f" entries in {phases.REPOSITORIES} repositories ({len(taken.ratios)} rounds)"
        ),
        "",
        *header(heads, judged=True),
        _stage("sizing", taken.sizing, ("1", "", "")),
        _stage(
            "all evidence: markers, git, last use, processes",
            taken.proving,
            (ratio, spread, judgement((verdict,))),
        ),
    ]


def _stage(label: str, times: Sequence[float], rest: Sequence[str]) -> str:
    spread = f"{min(times):.3f} to {max(times):.3f} s"
    return f"| {' | '.join((label, f'{statistics.median(times):.3f} s', spread, *rest))} |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measures the tool beside what it is compared with.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--tree", default=places.tree(), help="built if need be")
    parser.add_argument("--peers", default=places.peers(), help="got if there are none")
    parser.add_argument(
        "--entries", type=int, default=build_tree.ENTRIES, help="the tree must have"
    )
    parser.add_argument(
        "--directories", type=int, default=source_tree.DIRECTORIES, help="the sources must have"
    )
    parser.add_argument("--rounds", type=int, default=7, help="with a warm cache")
    parser.add_argument("--cold-rounds", type=int, default=5, help="with a cold cache")
    parser.add_argument("--short-rounds", type=int, default=21, help="of start-ups")
    parser.add_argument(
        "--tables", nargs="+", choices=TABLES, default=TABLES, metavar="TABLE", help="to print"
    )
    parser.add_argument("--check", action="store_true", help="exit 1 if a target is missed")
    return parser.parse_args()


def prepare(options: argparse.Namespace) -> races.Field:
    """Build what is missing of the trees, and get what is missing of the peers."""
    tree = os.path.abspath(options.tree)
    single, source = f"{tree}-single", f"{tree}-source"
    build_tree.build(tree, options.entries)
    build_tree.merge(tree, single)
    source_tree.build(tree, source, options.directories)
    found = peers.load(os.path.abspath(options.peers))
    rounds = (options.rounds, options.short_rounds, options.cold_rounds)
    return races.Field(tree, single, source, found, *rounds)


def main() -> int:
    """Build the trees, check the sizes, measure, and print."""
    options = _options()
    machine.end_tidily()
    machine.compile_tool()
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        # What the programs leave behind; npkill writes a log.
        os.environ["TMPDIR"] = directory
        try:
            field = prepare(options)
            agreement.check_source(field.source)
            for engine in ("native", "python"):
                report = agreement.check_artifacts(field.tree, engine)
            print("\n".join(facts(field, report)), flush=True)
            bench = Bench(field, report["totals"]["found"])
            made: dict[str, Callable[[], None]] = {
                "sizing": bench.sizing,
                "finding": bench.finding,
                "job": bench.job,
                "memory": bench.memory,
                "start-up": bench.start_up,
                "phases": bench.phases,
            }
            for name in options.tables:
                made[name]()
        except (build_tree.TooSmallError, WrongError, subprocess.CalledProcessError) as error:
            print(f"bench: {error}", file=sys.stderr)
            return 1
    return 1 if bench.missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
