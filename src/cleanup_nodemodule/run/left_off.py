"""Where runs with too little time left off, so that the next one over the same list goes on there.

All of it is advice: it says what comes first, and leaves nothing out. A file that is damaged, or not there, means that
a run begins at the beginning. Two runs that write it at once may lose what one of them remembered.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple

from cleanup_nodemodule.record import state_directory
from cleanup_nodemodule.record.trust import StateError
from cleanup_nodemodule.report.rows import Report
from cleanup_nodemodule.system import whole_file
from cleanup_nodemodule.system.files import read_small
from cleanup_nodemodule.work.time_limit import within

_NAME: Final = "left-off.json"

_MAX_LISTS: Final = 100
"""Lists that are remembered, those of the last runs."""

_LARGEST: Final = 1 << 20
"""Bytes of a file that is read."""

_LONGEST: Final = 4096
"""Characters of a path (PATH_MAX, limits.h)."""

_PATIENCE: Final = 5.0
"""Seconds that a state directory may take which another machine or program answers for."""

HALF: Final = 0.5
"""The part of its time in which a run that deletes begins with another root, unless that was too much the last time."""

_LEAST: Final = 1 / 64


class LeftOff(NamedTuple):
    """Where a run left off."""

    search: str | None = None
    """The root, or the listed artifact, to begin with next: the first one that was not begun."""
    delete: str | None = None
    """The artifact whose turn to be deleted is the first next: the first one that was not begun."""
    share: float = HALF
    """The part of the time after which the search begins with no other root."""


BEGINNING: Final = LeftOff()


def key_of(names: Sequence[str], list_file: str | None) -> str:
    """Return what a list is remembered by: the path of its file, whose names may change, or all its *names*."""
    text = "\0".join(names) if list_file is None else f"\0{os.path.abspath(list_file)}"
    return hashlib.blake2b(os.fsencode(text), digest_size=16).hexdigest()


def read(key: str) -> LeftOff:
    """Return where the last run over the list of this *key* left off."""
    return _of(_all().get(key))


def write(key: str, left: LeftOff) -> None:
    """Remember where a run left off, if that can be written."""
    lists = _all()
    if lists.pop(key, None) is None and left == BEGINNING:
        return
    if left != BEGINNING:
        lists[key] = left._asdict()  # The last of them.
    some = dict(list(lists.items())[-_MAX_LISTS:])
    with suppress(OSError, StateError):
        directory = state_directory.directory()
        text = json.dumps({"version": 1, "lists": some}).encode("ascii")
        within(_PATIENCE, directory, partial(_write, directory, text))


def _write(directory: str, text: bytes) -> None:
    state_directory.prepare(directory)
    whole_file.write(os.path.join(directory, _NAME), [text], lambda: None)


def after(report: Report, unreached: Sequence[str], before: LeftOff, *, listed: bool) -> LeftOff:
    """Return where the next run goes on after one that *report* tells of, and that began where *before* says.

    It did not come to the *unreached*. It looked at artifacts that were *listed*, or else searched roots.
    """
    late = report.out_of_time
    if late is None:
        return LeftOff(share=min(HALF, 2 * before.share))
    if not late.searched:
        # Nothing was deleted. With fewer roots there is time for that; and the first one may be what takes so long.
        looked = [row.path for row in report.artifacts] if listed else report.roots
        return LeftOff(
            _second(looked, before.search, listed=listed),
            before.delete,
            max(_LEAST, before.share / 2),
        )
    not_begun = [
        row.path
        for row in report.artifacts
        if row.decision == "delete" and row.outcome is None and row.error is None
    ]
    rest = [path for path in not_begun if path >= (before.delete or "")] or not_begun
    search = unreached[0] if unreached else None
    return LeftOff(search, min(rest, default=None), before.share)


def _second(looked: Sequence[str], first: str | None, *, listed: bool) -> str | None:
    """Return the second of what was looked at: listed artifacts are told by their paths, roots in their turn."""
    if listed:
        looked = sorted(looked)
        at = looked.index(first) if first in looked else 0
        looked = looked[at:] + looked[:at]
    return looked[1] if len(looked) > 1 else None


def _all() -> dict[str, Any]:
    with suppress(OSError, StateError, ValueError, RecursionError):
        directory = state_directory.directory()
        text, _ = within(
            _PATIENCE, directory, partial(read_small, os.path.join(directory, _NAME), _LARGEST)
        )
        said = json.loads(text)
        if isinstance(said, dict) and said.get("version") == 1:
            lists = said.get("lists")
            if isinstance(lists, dict):
                return lists
    return {}


def _of(said: Any) -> LeftOff:
    if not isinstance(said, dict):
        return BEGINNING
    share = said.get("share")
    if not (isinstance(share, float) and _LEAST <= share <= HALF):
        share = HALF
    return LeftOff(_path(said.get("search")), _path(said.get("delete")), share)


def _path(said: Any) -> str | None:
    usual = isinstance(said, str) and os.path.isabs(said) and len(said) <= _LONGEST
    return said if usual else None
