"""Measures the memory that programs take on a tree, and on one ten times larger."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import agreement
import floor
import machine
import races
import synthetic
from race import (
    Subject,
    Verdict,
    header,
    judgement,
    megabytes,
    memory_verdict,
    peak_memory,
)

SMALLER: Final = 530_000
"""Entries of the smaller tree: those of the tree that everything else is measured on."""

LARGER: Final = 10 * SMALLER


@dataclass(frozen=True, slots=True)
class Memory:
    """The most memory a program had at once, in bytes: on the smaller tree and the larger one."""

    subject: Subject
    smaller: int
    larger: int
    bound: bool
    """It is the one that has promised something."""

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Whether the target is met, which is the same for both trees."""
        if not self.bound:
            return ()
        return (memory_verdict(max(self.smaller, self.larger), races.MOST_MEMORY),)


def measure(field: races.Field) -> tuple[Memory, ...]:
    """Have each program do its job once on both trees.

    Raises UnableError where no file system in memory can be mounted to hold them.
    """
    with machine.memory_disk("75%") as disk:
        smaller = os.path.join(disk, "smaller")
        larger = os.path.join(disk, "larger")
        taken: list[dict[str, int]] = []
        subjects: list[Subject] = []
        for directory, entries in ((smaller, SMALLER), (larger, LARGER)):
            synthetic.build(directory, entries)
            agreement.check_floor(directory)
            subjects = list(_subjects(field, directory))
            taken.append({subject.key: _peak(subject) for subject in subjects})
    return tuple(
        Memory(subject, taken[0][subject.key], taken[1][subject.key], subject.key == "whole-native")
        for subject in subjects
    )


def _subjects(field: races.Field, directory: str) -> Iterator[Subject]:
    """Yield the programs that size, the tool with its whole job."""
    yield from races.tool(directory)
    yield Subject("floor", "the floor", floor.command("size", directory))
    yield from races.sizers(field, directory)
    yield from races.kondo(field, directory)


def _peak(subject: Subject) -> int:
    peak, _output = peak_memory(subject)
    if peak is None:
        raise machine.UnableError("memory: only Linux says how much a program took")
    return peak


def table(taken: Sequence[Memory]) -> list[str]:
    """Return what was measured as a table in Markdown."""
    heads = ("", f"{SMALLER:,} entries", f"{LARGER:,} entries", "ratio", "target")
    lines = [
        "**Memory on a tree ten times larger**, many small directories in one artifact, on tmpfs",
        "",
        *header(heads, judged=True),
    ]
    for row in taken:
        cells = (
            row.subject.label,
            megabytes(row.smaller),
            megabytes(row.larger),
            f"**{row.larger / row.smaller:.2f}**",
            judgement(row.verdicts),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines
