"""Remembers what was found out about directories, and forgets what was not asked for in a while."""

import os
from collections.abc import Hashable
from typing import Any, Final, NamedTuple

from cleanup_nodemodule.model import Identity

MAX_ANSWERS: Final = 4096
"""Answers that are remembered. What lies above is asked for by one candidate after the other, and so is
remembered however many there are of them."""

FILES: Final = 16
"""Files whose content is remembered, for as long as the same artifact is looked at."""

FILE_BYTES: Final = 64 * 1024
"""Bytes of such a file at most."""

UNASKED: Final[Any] = object()
"""What is remembered of a question that was not asked."""


class Standing(NamedTuple):
    """What lstat(2) says of a directory, as far as it is remembered."""

    identity: Identity
    owner: int
    """User id; 0 where there are none."""
    mode: int


def standing_of(status: os.stat_result) -> Standing:
    """Return what is remembered of a directory with that *status*."""
    return Standing(Identity(status.st_dev, status.st_ino), status.st_uid, status.st_mode)


class Memory:
    """Answers about directories, in two halves: what was asked for since one was filled, and before.

    When the younger half is full the older one is forgotten. Several threads may use one: what one of them
    forgets another asks again.
    """

    def __init__(self, max_answers: int, max_characters: int) -> None:
        """Remember so many answers at most, about paths of so many characters together."""
        self._max_answers: Final = max(1, max_answers // 2)
        self._max_characters: Final = max_characters // 2
        self._young: dict[Hashable, tuple[int, Any]] = {}
        self._old: dict[Hashable, tuple[int, Any]] = {}
        self._taken = 0
        self._taken_before = 0

    @property
    def characters(self) -> int:
        """Characters of the paths that something is remembered of."""
        return self._taken + self._taken_before

    def get(self, key: Hashable) -> Any:
        """Return what is remembered by that *key*, or :data:`UNASKED`."""
        known = self._young.get(key)
        if known is None:
            known = self._old.get(key)
            if known is None:
                return UNASKED
            self._put(key, known)
        return known[1]

    def put(self, key: Hashable, path: str, value: object) -> None:
        """Remember *value* by that *key*, which is about *path*."""
        self._put(key, (len(path), value))

    def _put(self, key: Hashable, known: tuple[int, Any]) -> None:
        if len(self._young) >= self._max_answers or self._taken + known[0] > self._max_characters:
            self._old, self._young = self._young, {}
            self._taken_before, self._taken = self._taken, 0
        if known[0] <= self._max_characters:
            self._taken += known[0]
            self._young[key] = known
