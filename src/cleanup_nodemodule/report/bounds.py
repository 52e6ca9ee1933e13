"""Why what surely comes back is less than what may, or than what is taken: in sentences, each said once. Pure."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from cleanup_nodemodule.model import Size
from cleanup_nodemodule.report.file_systems import MEASURED_KINDS, FileSystemRow
from cleanup_nodemodule.report.rows import ArtifactRow, Report, SharedRow
from cleanup_nodemodule.words import Advice, bound, printable, promised, size

_NAMED: Final = 3
"""Mount points that are named in one sentence."""

LAYERED: Final = "overlay"
"""A kind of file system of which the lower layers stay as they are."""

_TREES: Final = {
    "btrfs": "small files and names lie in its tree",
    "xfs": "inodes come back 64 at a time",
}
"""By the kind of a file system, what makes its own part of a number an estimate."""

_UNTESTED: Final = "worked out from its documentation; nobody has measured what comes back there"
_NOT_MEASURED: Final = "counted as du counts; nobody has measured what comes back there"
_UNKNOWN: Final = "A file system that nobody knows"
_NOT_ASKED: Final = "counted as du counts; the file system was not asked"
"""What has to be said of the numbers of a file system."""


def why(report: Report) -> Iterator[str]:
    """Say why the numbers of what can be deleted are not what it takes, and where nobody knows better than ``du``."""
    places = _Places(report.file_systems)
    on: dict[FileSystemRow | None, list[ArtifactRow]] = {}
    for row in report.artifacts:
        if row.decision == "delete":
            on.setdefault(places.of(row), []).append(row)
    layered = [rows for place, rows in on.items() if place and place.kind == LAYERED]
    beneath = sum(row.shared_bytes for rows in layered for row in rows)
    elsewhere = report.totals.shared_bytes - beneath
    told = tuple(shared(report.totals.reclaimable_bytes, elsewhere, beneath))
    yield from told
    if told:
        several = len({row.host for row in report.artifacts}) > 1
        yield from _stores((row for rows in on.values() for row in rows), hosts=several)
    yield from _estimates(on)
    yield from unsure(place for place in report.file_systems if _promises(on.get(place, ())))


def shared(promise: int, elsewhere: int, beneath: int = 0) -> Iterator[str]:
    """Say what is not in a *promise* because others have it, too: copies *elsewhere*, or layers *beneath*; all in bytes."""
    if bound(promise, promise + elsewhere):
        yield (
            f"Shared with copies elsewhere: {size(elsewhere)}. That comes back only when the last copy goes."
        )
    if bound(promise, promise + beneath):
        yield (
            f"In lower layers, or shared with copies elsewhere: {size(beneath)}. What lies in lower layers stays there."
        )


def with_store(row: SharedRow, shared_bytes: int) -> str:
    """Say with which store so many bytes are shared, and what frees them there."""
    sentence = f"{_are_shared(shared_bytes, proved=row.proved)} the {printable(row.store)}"
    if row.command is None:
        return f"{sentence}, {printable(row.path)}"
    return Advice(sentence, printable(row.command))


def in_short(row: ArtifactRow) -> str:
    """Say what it takes, what comes back, and with which store it shares the rest; empty if it shares with none."""
    if row.shared_with is None:
        return ""
    comes = promised(row.reclaimable_bytes, row.reclaimable_at_most_bytes)
    return (
        f"{size(row.allocated_bytes)} here, {comes} come back;"
        f" {with_store(row.shared_with, row.shared_bytes)}"
    )


def briefly(row: ArtifactRow) -> str:
    """Say in a few words with which store it shares what does not come back; empty if it shares with none."""
    if (store := row.shared_with) is None:
        return ""
    return f"{size(row.shared_bytes)} {'' if store.proved else 'probably '}shared with the {printable(store.store)}"


def _are_shared(shared_bytes: int, *, proved: bool) -> str:
    return f"{size(shared_bytes)} are {'' if proved else 'probably '}shared with"


def _stores(rows: Iterable[ArtifactRow], *, hosts: bool) -> Iterator[str]:
    """Say with which stores all of it is shared, those first that have the most."""
    found: dict[tuple[str, SharedRow], int] = {}
    for row in rows:
        if row.shared_with is not None:
            key = row.host if hosts else "", row.shared_with
            found[key] = found.get(key, 0) + row.shared_bytes
    for (host, store), shared_bytes in sorted(found.items(), key=lambda one: -one[1])[:_NAMED]:
        sentence = with_store(store, shared_bytes)
        on = f"On {printable(host)} " if host else "Of that, "
        yield sentence.behind(on.rstrip()) if isinstance(sentence, Advice) else f"{on}{sentence}."


def _promises(rows: Sequence[ArtifactRow]) -> bool:
    return any(row.reclaimable_at_most_bytes for row in rows)


def _estimates(on: "dict[FileSystemRow | None, list[ArtifactRow]]") -> Iterator[str]:
    """Say where the rest of the difference comes from, which is not shared."""
    told = set[str]()
    for place, rows in on.items():
        if place is None or place.kind not in _TREES:
            continue
        least = sum(row.reclaimable_bytes for row in rows)
        besides = sum(
            max(0, row.reclaimable_at_most_bytes - row.reclaimable_bytes - row.shared_bytes)
            for row in rows
        )
        if bound(least, least + besides):
            told.add(place.kind)
    yield from map(_is_estimated, sorted(told))


def estimated(places: Iterable[FileSystemRow], bytes_: Size) -> Iterator[str]:
    """Say of one artifact, which lies on one of these *places*, where the rest of the difference comes from."""
    least = bytes_.reclaimable_bytes
    if bound(least, bytes_.reclaimable_at_most_bytes - bytes_.shared_bytes):
        yield from map(_is_estimated, sorted({place.kind for place in places} & _TREES.keys()))


def _is_estimated(kind: str) -> str:
    return f"What {kind} itself gives back is estimated: {_TREES[kind]}."


def unsure(places: Iterable[FileSystemRow]) -> Iterator[str]:
    """Say of which of some file systems nobody knows better than ``du``, or has compared with what comes back."""
    alike: dict[tuple[str, str], dict[str, None]] = {}
    places = list(places)
    several = len({place.host for place in places}) > 1
    for place in places:
        if place.accounting == "untested":
            how = _UNTESTED
        elif place.accounting == "as-du-counts":
            how = _NOT_ASKED if place.kind in MEASURED_KINDS else _NOT_MEASURED
        else:
            continue
        name = printable(place.mount_point) or _UNKNOWN
        if several:
            name = f"{name} on {printable(place.host)}"
        alike.setdefault((place.kind, how), {})[name] = None
    for (kind, how), each in alike.items():
        names = list(each)
        rest = len(names) - _NAMED
        where = ", ".join(names[:_NAMED]) + (f" and {rest:,} more" if rest > 0 else "")
        yield f"{where}{f' ({printable(kind)})' if kind else ''}: {how}."


class _Places:
    """On which file system an artifact lies, as far as a report says."""

    def __init__(self, rows: Sequence[FileSystemRow]) -> None:
        self._known: Final[dict[tuple[str, str], FileSystemRow | None]] = {
            (row.host, row.mount_point): row for row in rows
        }
        # One file system may be mounted in several places, of which only one is told.
        self._named: Final[dict[tuple[str, str | None], FileSystemRow]] = {
            (row.host, row.name): row for row in rows if row.name is not None
        }

    def of(self, row: ArtifactRow) -> FileSystemRow | None:
        if not self._known:
            return None
        return self._named.get((row.host, row.file_system)) or self._at(row.host, row.path)

    def _at(self, host: str, path: str) -> FileSystemRow | None:
        """Return the one that a path lies on: where it is mounted, or what is around it."""
        above: list[tuple[str, str]] = []
        while (place := (host, path)) not in self._known:
            above.append(place)
            if (path := os.path.dirname(path)) == place[1]:
                break
        found = self._known.get(place)
        self._known.update(dict.fromkeys(above, found))
        return found
