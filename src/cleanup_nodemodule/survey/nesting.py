"""Rows that lie in other rows: which lie in which, and whose numbers are counted where. Pure."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from cleanup_nodemodule.model import Candidate, Contents
from cleanup_nodemodule.proof.stat_cache import ancestors
from cleanup_nodemodule.survey.rows import Row


def innermost_around(rows: Sequence[Row]) -> dict[int, int | None]:
    """Return for each row the innermost other one that lies around it, if any.

    What lies around a row comes before it.
    """
    around: dict[int, int | None] = {}
    open_: list[int] = []

    def prefix(number: int) -> str:
        return os.path.join(rows[number].candidate.path, "")

    for number in sorted(range(len(rows)), key=prefix):
        while open_ and not prefix(number).startswith(prefix(open_[-1])):
            open_.pop()
        around[number] = open_[-1] if open_ else None
        open_.append(number)
    return around


def shown_around(shown: Sequence[int], around: Mapping[int, int | None]) -> dict[int, int | None]:
    """Return for each row that is shown the innermost other one around it that is shown, too."""
    there = set(shown)
    outer: dict[int, int | None] = {}
    for number in shown:
        around_it = around[number]
        while around_it is not None and around_it not in there:
            around_it = around[around_it]
        outer[number] = around_it
    return outer


def hide_parts(rows: Sequence[Row], around: Mapping[int, int | None]) -> None:
    """Mark the rows that are parts of an artifact, and so no artifacts of their own."""
    for number, around_it in around.items():
        # What lies around it is told first.
        if around_it is not None:
            outer = rows[around_it]
            rows[number].hidden = outer.hidden or not outer.entered


def measured_without(rows: Sequence[Row], around: Mapping[int, int | None]) -> dict[int, list[str]]:
    """Return, by the number of a row that waits, the paths of those in it that it is measured without.

    So each directory is measured once, however deep they nest.
    """
    inside: dict[int, list[str]] = {}
    for number, row in enumerate(rows):
        if row.hidden:
            continue
        around_it = around[number]
        if around_it is not None and rows[around_it].waits:
            inside.setdefault(around_it, []).append(row.candidate.path)
    return inside


def outside_of_artifacts(leftovers: Iterable[Candidate], rows: Iterable[Row]) -> list[Candidate]:
    """Return those of the *leftovers* that are no part of an artifact which was searched all the same."""
    whole = {row.candidate.path for row in rows if row.searched and not row.entered}
    return [
        one
        for one in leftovers
        if not (whole and whole.intersection(ancestors(one.path, one.root)))
    ]


def add_inner(rows: Sequence[Row], shown: Sequence[int], outer: Mapping[int, int | None]) -> None:
    """Add to what was measured without others what these hold; what lies deepest comes first.

    *shown* is in path order. None of the rows waits any more then.
    """
    for number in reversed(shown):
        around_it, inner = outer[number], rows[number].contents
        if around_it is not None and inner is not None:
            row = rows[around_it]
            if row.waits and row.contents is not None:
                row.contents = joined(row.contents, inner)
    for number in shown:
        rows[number].waits = False


def joined(outer: Contents, inner: Contents) -> Contents:
    """Add what lies in an artifact of its own to what lies around it, which was measured without it."""
    return Contents(
        outer.apparent_bytes + inner.apparent_bytes,
        outer.allocated_bytes + inner.allocated_bytes,
        outer.files + inner.files,
        outer.directories + inner.directories,
        max(outer.newest, inner.newest),
        outer.complete and inner.complete,
        _merged(outer.mounts, inner.mounts),
        _merged(outer.repositories, inner.repositories),
        _merged(outer.foreign, inner.foreign),
        outer.directory_bytes + inner.directory_bytes,
        clones=_merged(outer.clones, inner.clones),
    )


def _merged(some: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*some, *others})) if others else some


def less_inner(outer: Contents, inner: Contents) -> Contents:
    """Take what lies in an artifact of its own out of what lies around it."""
    return replace(
        outer,
        apparent_bytes=outer.apparent_bytes - inner.apparent_bytes,
        allocated_bytes=outer.allocated_bytes - inner.allocated_bytes,
        files=outer.files - inner.files,
        directories=outer.directories - inner.directories,
        directory_bytes=outer.directory_bytes - inner.directory_bytes,
    )
