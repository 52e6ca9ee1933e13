"""Times how it is found out what comes back, against the commit before that counted as ``du`` does everywhere.

Trees of 500,000 entries: where nothing is shared, where all content is, and where each file has two links. Each is on a
file system of its own, on a loop device in memory.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from typing import Final

import build_tree
import disks
import machine
import peers
import places
import races
import synthetic
from race import Race, Result, Subject, Target, Verdict, WrongError, judgement, run, table

ENTRIES: Final = 500_000
BEFORE: Final = "8362042"
"""The last commit that counted as ``du`` does everywhere."""

ROUNDS: Final = 7
NO_PRICE: Final = 1.05
"""Times the time before that a run may take where nothing is shared."""
PRICE: Final = {"xfs": 1.5, "btrfs": 2.0}
"""The same where all content is shared, by file system."""
LINKED: Final = 1.25
"""Times the time of a tree without links that one may take in which each file has two."""
A_LINK: Final = 40
"""Bytes of memory for each link."""

_SIZES: Final = (160, 420, 750, 1_190, 1_810, 2_700, 4_090, 6_500, 11_600)
"""Bytes of the files, as of those that npm installs: five of nine are so small that btrfs keeps them in its tree."""

_COPIES: Final = {
    "plain": ("-a", "--reflink=never"),
    "cloned": ("-a", "--reflink=always"),
    "linked": ("-a", "--link"),
}
"""How the second half of a tree comes from the first one, as cp(1) is told."""

_KINDS: Final = {
    "ext4": ("plain", "linked"),
    "xfs": ("plain", "cloned", "linked"),
    "btrfs": ("plain", "cloned"),
}
"""Which trees are made on which file system."""

_WORDS: Final = {
    "plain": "nothing shared",
    "cloned": "all content shared by two",
    "linked": "each file with two links",
}


class Sharing:
    """One run of the benchmarks: prints each table as soon as it is there."""

    def __init__(self, before: str, found: dict[str, peers.Found], rounds: int) -> None:
        self._before = before
        self._rounds = rounds
        self._field = races.Field("", "", "", found, rounds, rounds, 0)
        self.missed = False
        """Whether a target was missed."""

    def on(self, kind: str, top: str, entries: int) -> None:
        """Measure all trees of one file system, in its directory *top*."""
        trees = {how: build(os.path.join(top, how), how, entries) for how in _KINDS[kind]}
        os.sync()
        for how, tree in trees.items():
            title = f"{_WORDS[how].capitalize()}, {kind}, {build_tree.count(tree):,} entries"
            if how == "linked":
                self._linked(title, trees["plain"], tree)
            else:
                self._then_and_now(title, tree, PRICE[kind] if how == "cloned" else NO_PRICE)

    def _then_and_now(self, title: str, tree: str, most: float) -> None:
        """Hold the stage and the whole job, as they are now, against what they were before."""
        targets = (Target(most, ("before",)),)
        for what, now in _doing(tree).items():
            self._race(
                f"{title}, {what}",
                replace(
                    self._earlier(now),
                    key="before",
                    label="before",
                    process=now.process and "before, with the start of Python",
                ),
                replace(
                    now,
                    key="now",
                    label="now",
                    targets=targets,
                    process=now.process and "now, with the start of Python",
                ),
            )

    def _earlier(self, subject: Subject) -> Subject:
        """Return a program of this tool as it was before."""
        programs = os.path.join(self._before, ".venv", "bin")
        theirs = {
            sys.executable: os.path.join(programs, "python"),
            places.TOOL: os.path.join(programs, os.path.basename(places.TOOL)),
            races.STAGE: os.path.join(self._before, "bench", os.path.basename(races.STAGE)),
        }
        return replace(subject, command=tuple(theirs.get(word, word) for word in subject.command))

    def _linked(self, title: str, plain: str, linked: str) -> None:
        """Hold a tree in which each file has two links against one of the same shape without."""
        trees = {"plain": plain, "linked": linked}
        targets = {"plain": (), "linked": (Target(LINKED, ("plain",)),)}
        du = [
            replace(one, key=f"du-{how}", label=f"{one.label}, {_WORDS[how]}")
            for how, tree in trees.items()
            for one in self._field.subject("du", ("-s", tree), ("-s", "TREE"))
        ]
        for what in _doing(plain):
            ours = [
                replace(
                    one,
                    key=how,
                    label=_WORDS[how],
                    targets=targets[how],
                    process=one.process and f"{_WORDS[how]}, with the start of Python",
                    total="",
                )
                for how, tree in trees.items()
                for one in (_doing(tree)[what],)
            ]
            result = self._race(f"{title}, {what}", *ours, *du)
        # That of the whole job, which comes last.
        peaks = {row.key: row.peak_bytes or 0 for row in result.rows}
        links = sum(len(files) for _, _, files in os.walk(linked))
        taken = (peaks["linked"] - peaks["plain"]) / links
        verdict = Verdict(f"{taken:.0f} bytes a link (at most {A_LINK})", taken <= A_LINK)
        self.missed |= not verdict.met
        print(f"\nMemory for {links:,} links: {judgement((verdict,))}.", flush=True)

    def _race(self, title: str, *subjects: Subject) -> Result:
        result = run(Race(title, subjects, self._rounds))
        self.missed |= result.missed
        print("", *table(result), sep="\n", flush=True)
        return result


def _doing(tree: str) -> dict[str, Subject]:
    """Return what is timed on a tree, by its words."""
    return {
        "the sizing stage": races.sizing_stage(tree, "native"),
        "the whole job": replace(races.tool(tree)[0], most_memory=None),
    }


def build(tree: str, how: str, entries: int) -> str:
    """Make two projects with so many entries together, and return the directory around them."""
    first, second = (os.path.join(tree, name) for name in ("first", "second"))
    synthetic.build(first, entries // 2, _SIZES)
    subprocess.run(("cp", *_COPIES[how], first, second), check=True)
    return tree


def main() -> int:
    """Make the file systems one after the other, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--on", nargs="+", choices=tuple(_KINDS), default=tuple(_KINDS))
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--before", default=BEFORE, help="the commit (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="exit 1 if a target is missed")
    options = parser.parse_args()
    machine.end_tidily()
    machine.compile_tool()
    with tempfile.TemporaryDirectory(prefix="bench-sharing-") as scratch:
        before = peers.built(options.before, os.path.join(places.cache(), options.before))
        found = peers.load(places.peers(), ("du",))
        print(f"- Before: {options.before}", *machine.describe(), sep="\n", flush=True)
        bench = Sharing(before, found, options.rounds)
        for kind in options.on:
            try:
                with disks.disk(kind, scratch) as top:
                    bench.on(kind, top, options.entries)
            except machine.UnableError as error:
                print(f"\nmissing: {error}", flush=True)
            except (WrongError, subprocess.CalledProcessError) as error:
                print(f"sharing: {error}", file=sys.stderr)
                return 1
    return 1 if bench.missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
