"""Sets and maps of very many keys in a few bytes each: what a survey remembers of rows that it has let go of.

A key is remembered by 64 bits of its hash, with a secret, so that nobody can make two keys alike. Two of a million
are taken for one with a chance of one in forty million (birthday problem).
"""

import hashlib
import os
from array import array
from bisect import bisect_left
from collections.abc import Iterator, MutableMapping
from collections.abc import Set as AbstractSet
from itertools import chain
from typing import Final

_PARTS: Final = 256
"""The hashes are kept in so many parts, so that to sort one in takes no memory to speak of."""

_FRESH: Final = 16
"""Keys of a part that are sorted in at once, at least; of a large part it is a 32nd of it, as those that are not
sorted in yet take ten times as much memory."""


class _Part:
    """The hashes of some keys with a number each: most of them sorted and packed, the latest in a dictionary."""

    __slots__ = ("fresh", "hashes", "values")

    def __init__(self) -> None:
        self.hashes = array("Q")
        self.values = array("q")
        self.fresh: dict[int, int] = {}

    def get(self, key: int) -> int | None:
        found = self.fresh.get(key)
        if found is None:
            place = bisect_left(self.hashes, key)
            if place < len(self.hashes) and self.hashes[place] == key:
                # A set has no values.
                found = self.values[place] if self.values else 0
        return found

    def put(self, key: int, value: int, *, valued: bool) -> None:
        self.fresh[key] = value
        if len(self.fresh) < max(_FRESH, len(self.hashes) >> 5):
            return
        if not valued:
            # Two runs that are sorted already, which takes next to no time.
            self.hashes = array("Q", sorted(chain(self.hashes, sorted(self.fresh))))
        else:
            known = dict(zip(self.hashes, self.values, strict=True)) | self.fresh
            self.hashes = array("Q", sorted(known))
            self.values = array("q", (known[one] for one in self.hashes))
        self.fresh = {}


class _Packed:
    """What sets and maps have in common. Pickles."""

    def __init__(self) -> None:
        self._secret: Final = os.urandom(16)
        self._parts: Final = tuple(_Part() for _ in range(_PARTS))

    def _find(self, key: str) -> int | None:
        hashed = self._hash(key)
        return self._parts[hashed % _PARTS].get(hashed)

    def _hash(self, key: str) -> int:
        digest = hashlib.blake2b(os.fsencode(key), digest_size=8, key=self._secret).digest()
        return int.from_bytes(digest, "little")

    def __len__(self) -> int:
        return sum(len(part.hashes) + len(part.fresh) for part in self._parts)


class PackedSet(_Packed):
    """A set of strings that can only grow, in some ten bytes each."""

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._find(key) is not None

    def add(self, key: str) -> bool:
        """Add a key; return whether it is a new one."""
        hashed = self._hash(key)
        part = self._parts[hashed % _PARTS]
        if part.get(hashed) is not None:
            return False
        part.put(hashed, 0, valued=False)
        return True


class PackedMap(_Packed, MutableMapping[str, int]):
    """A map from strings to numbers of at most 63 bits that can only grow, in some twenty bytes each.

    The keys cannot be listed.
    """

    def __getitem__(self, key: str) -> int:
        found = self._find(key)
        if found is None:
            raise KeyError(key)
        return found

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._find(key) is not None

    def __iter__(self) -> Iterator[str]:
        raise TypeError("the keys of a packed map cannot be listed")

    def __setitem__(self, key: str, value: int) -> None:
        hashed = self._hash(key)
        self._parts[hashed % _PARTS].put(hashed, value, valued=True)

    def __delitem__(self, key: str) -> None:
        raise TypeError("a packed map forgets nothing")


class Passed:
    """Whether a path is one of some *named* now, or of *those before*. Pickles."""

    def __init__(self, named: AbstractSet[str], before: PackedSet) -> None:
        self._named: Final = named
        self._before: Final = before

    def __contains__(self, path: object) -> bool:
        return path in self._named or path in self._before
