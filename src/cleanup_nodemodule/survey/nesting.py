"""Rows that lie in other rows: which lie in which, and whose numbers are counted where. Pure."""

import bisect
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from cleanup_nodemodule.model import Candidate, Contents, Decision, Keep, Reason
from cleanup_nodemodule.proof.stat_cache import ancestors
from cleanup_nodemodule.proof.weigh import NOTHING_MET, Inside
from cleanup_nodemodule.survey import around as by_paths
from cleanup_nodemodule.survey.measure import MAX_LISTED
from cleanup_nodemodule.survey.rows import Row
from cleanup_nodemodule.work.conversion import relative


def innermost_around(rows: Sequence[Row]) -> dict[int, int | None]:
    """Return for each row the innermost other one that lies around it, if any.

    What lies around a row comes before it.
    """
    return by_paths.innermost_around([row.candidate.path for row in rows])


def groups(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Give rows that lie in one another together, the outermost first."""
    group: list[Row] = []
    top = ""
    for prefix, row in sorted(
        ((os.path.join(row.candidate.path, ""), row) for row in rows), key=lambda one: one[0]
    ):
        if group and prefix.startswith(top):
            group.append(row)
            continue
        if group:
            yield group
        group, top = [row], prefix
    if group:
        yield group


def any_in_another(paths: Sequence[str]) -> bool:
    """Whether one of these directories lies in another one."""
    prefixes = sorted(os.path.join(path, "") for path in paths)
    return any(one.startswith(before) for before, one in pairwise(prefixes))


def place_of_first(first: str | None, roots: Sequence[str]) -> int:
    """Return at which of the *roots* a search is to begin, by the path of the *first*; the others follow it, and wrap round.

    0 where one lies in another: what is found belongs to the first of them.
    """
    return 0 if first not in roots or any_in_another(roots) else roots.index(first)


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


def measured_with_others(rows: Sequence[Row], around: Mapping[int, int | None]) -> frozenset[int]:
    """Return the numbers of the rows that are parts of an artifact which was measured with them, to its end."""
    parts: set[int] = set()
    for number, row in enumerate(rows):
        at: int | None = number
        while at is not None and rows[at].hidden:
            at = around[at]
        if row.hidden and at is not None:
            contents = rows[at].contents
            if contents is not None and contents.complete and not contents.mounts:
                parts.add(row.number)
    return frozenset(parts)


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
                row.contents = joined(row.contents, inner, within(row, rows[number]))
                row.inside = _with(row.inside, rows[number].inside, within(row, rows[number]))
    for number in shown:
        rows[number].waits = False


def _with(outer: Inside | None, inner: Inside | None, place: str) -> Inside | None:
    """Add what was met in an artifact of its own, at *place*, to what was met around it."""
    if inner is None:
        return outer
    outer = outer or NOTHING_MET
    return Inside(
        (*outer.precious, *(f"{place}/{path}" for path in inner.precious)),
        (*outer.modified, *(f"{place}/{path}" for path in inner.modified)),
        outer.unlisted + inner.unlisted,
    )


def folded(
    rows: Sequence[Row],
    shown: Sequence[int],
    outer: Mapping[int, int | None],
    decided: Mapping[int, Decision],
) -> dict[int, int]:
    """Return the rows that are parts of what another row shows and keeps, each with the number of that.

    An environment or a ``node_modules`` that is kept would add a row for each ``dist`` or ``__pycache__`` of
    every package in it, all kept for the same reason.
    """
    parts: dict[int, int] = {}
    for number in shown:  # What lies around another one comes first.
        around = outer[number]
        if around is None or decided[number] != Keep(Reason.INSTALLED):
            continue
        if around in parts:
            parts[number] = parts[around]
        elif isinstance(decided[around], Keep) and _holds_packages(rows[around]):
            parts[number] = around
    return parts


def _holds_packages(row: Row) -> bool:
    return any(one.rule.packages is not None for one in row.sighting.examinations)


def within(outer: Row, inner: Row) -> str:
    """Return where a row lies in one around it: its relative path, with slashes between the names."""
    return os.fsdecode(relative(inner.candidate.path, outer.candidate.path))


def joined(outer: Contents, inner: Contents, place: str) -> Contents:
    """Add what lies in an artifact of its own to what lies around it, which was measured without it.

    *place* is where: its path, relative to the outer one, with slashes between the names.
    """
    met, more_met = _listed(outer.met, inner.met, place)
    late, more_late = _listed(outer.late, inner.late, place)
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
        met,
        late,
        outer.unlisted + inner.unlisted + more_met + more_late,
        clones=_merged(outer.clones, inner.clones),
        measured_at=min(filter(None, (outer.measured_at, inner.measured_at)), default=0),
        own_bytes=outer.own_bytes + inner.own_bytes,
        perhaps_bytes=outer.perhaps_bytes + inner.perhaps_bytes,
        shared_bytes=outer.shared_bytes + inner.shared_bytes,
        metadata_bytes=outer.metadata_bytes + inner.metadata_bytes,
        dense_bytes=outer.dense_bytes + inner.dense_bytes,
        proven_bytes=outer.proven_bytes + inner.proven_bytes,
        inline_bytes=outer.inline_bytes + inner.inline_bytes,
    )


def _merged(some: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*some, *others})) if others else some


def _listed(
    outer: tuple[str, ...], inner: tuple[str, ...], place: str
) -> tuple[tuple[str, ...], int]:
    """Return both lists as one, with the paths of the inner one made longer, and how many are too many."""
    if not inner:
        return outer, 0
    both = _merged(outer, tuple(f"{place}/{path}" for path in inner))
    return both[:MAX_LISTED], max(len(both) - MAX_LISTED, 0)


def less_inner(outer: Contents, inner: Contents, place: str) -> Contents:
    """Take what lies in an artifact of its own, at *place* as in :func:`joined`, out of what lies around it.

    What is not listed may lie anywhere, so as much stays unlisted as was.
    """
    return replace(
        outer,
        apparent_bytes=outer.apparent_bytes - inner.apparent_bytes,
        allocated_bytes=outer.allocated_bytes - inner.allocated_bytes,
        files=outer.files - inner.files,
        directories=outer.directories - inner.directories,
        directory_bytes=outer.directory_bytes - inner.directory_bytes,
        own_bytes=outer.own_bytes - inner.own_bytes,
        perhaps_bytes=outer.perhaps_bytes - inner.perhaps_bytes,
        shared_bytes=outer.shared_bytes - inner.shared_bytes,
        metadata_bytes=outer.metadata_bytes - inner.metadata_bytes,
        dense_bytes=outer.dense_bytes - inner.dense_bytes,
        proven_bytes=outer.proven_bytes - inner.proven_bytes,
        inline_bytes=outer.inline_bytes - inner.inline_bytes,
        met=_outside(outer.met, place),
        late=_outside(outer.late, place),
    )


def _outside(paths: tuple[str, ...], place: str) -> tuple[str, ...]:
    """Return those of *paths*, which are in order, that do not lie in *place*."""
    # What lies there comes one after the other, and the character behind the slash is a zero.
    start = bisect.bisect_left(paths, f"{place}/")
    end = bisect.bisect_left(paths, f"{place}0")
    return paths[:start] + paths[end:] if start < end else paths
