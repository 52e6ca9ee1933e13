"""Artifacts whose sizes depend on what they share with others: they wait, packed, for the end of a survey."""

import pickle
import zlib
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from cleanup_nodemodule.engine.contract import TREE
from cleanup_nodemodule.model import Accounted, Artifact, Records
from cleanup_nodemodule.survey.giving_back import Item, Sums, item, ranked, settle, size_of
from cleanup_nodemodule.survey.ledger import dependent, many
from cleanup_nodemodule.survey.summary import Settled

_MANY: Final = 200_000
"""Records of one portion in which nobody looks for what others have: that takes some hundred bytes each."""

_AT_ONCE: Final = 256
"""Artifacts that are handed out together."""


class Linked:
    """Artifacts that wait: each takes some hundred bytes, and each record of what it shares 40 at most."""

    def __init__(self, known: Mapping[int, Accounted]) -> None:
        """*known* says how each device is accounted, and grows."""
        self._known: Final = known
        self._artifacts: Final[list[bytes]] = []
        self._selected: Final = bytearray()
        self._bytes: Final = array("q")
        """An :class:`Item` of each, without its rank."""
        self._books: Final[tuple[list[tuple[int, int, bytes]], ...]] = ([], [], [], [])

    def without_waiting(self, settled: Settled) -> tuple[Artifact, ...]:
        """Return the artifacts whose sizes are final; the others wait from now on."""
        records = settled.records
        waiting: set[int] = set()
        if settled.doubled or many(records) > _MANY:
            waiting.update(place for book in records for place, _, _ in book if place >= 0)
        else:
            waiting.update(dependent(records))
        waiting.update(
            place for place, one in enumerate(settled.artifacts) if self._is_doubtful(one)
        )
        # What the tree of btrfs says of files with several links is promised only where nothing anywhere is shared.
        waiting.update(
            place for place, device, _ in records.links if place >= 0 and self._is_tree(device)
        )
        if not waiting:
            return settled.artifacts
        numbers: dict[int, int] = {}
        for place in sorted(waiting):
            numbers[place] = len(self._artifacts)
            artifact = settled.artifacts[place]
            self._artifacts.append(zlib.compress(pickle.dumps(artifact), 1))
            self._selected.append(artifact.selected)
            self._bytes.extend(item(0, artifact.candidate.identity.device, artifact.contents)[1:])
        for mine, theirs in zip(self._books, records, strict=True):
            mine.extend(
                (numbers[place], device, packed)
                for place, device, packed in theirs
                if place in waiting
            )
        return tuple(
            artifact for place, artifact in enumerate(settled.artifacts) if place not in waiting
        )

    def _is_doubtful(self, artifact: Artifact) -> bool:
        """Whether nothing in an artifact tells if a snapshot has it, and something elsewhere may."""
        contents = artifact.contents
        if not contents.metadata_bytes or contents.proven_bytes:
            return False
        return self._is_tree(artifact.candidate.identity.device)

    def _is_tree(self, device: int) -> bool:
        known = self._known.get(device)
        return known is not None and known.accounting.kind == TREE

    def settled(self) -> Iterator[tuple[Artifact, ...]]:
        """Give all that wait, in path order, with their sizes; they are known now that nothing else is found."""
        paths = [_unpacked(packed).path for packed in self._artifacts]
        order = sorted(range(len(paths)), key=paths.__getitem__)
        del paths
        # As in a plan: with what lies deepest, which is behind what lies around it.
        ranks = array("Q", bytes(8 * len(order)))
        for rank, number in enumerate(reversed(order)):
            ranks[number] = rank
        records = ranked(Records(*map(tuple, self._books)), ranks.__getitem__)
        goes = bytes(self._selected[number] for number in reversed(order))
        sums = settle(_Items(self._bytes, ranks), records, goes, self._known)
        for start in range(0, len(order), _AT_ONCE):
            yield tuple(
                _with_sums(_unpacked(self._artifacts[number]), sums, ranks[number])
                for number in order[start : start + _AT_ONCE]
            )


class _Items:
    """The items of those that wait, made one at a time."""

    def __init__(self, packed: "array[int]", ranks: "array[int]") -> None:
        self._packed: Final = packed
        self._ranks: Final = ranks

    def __iter__(self) -> Iterator[Item]:
        size = len(Item._fields) - 1
        for number, rank in enumerate(self._ranks):
            yield Item(rank, *self._packed[number * size : (number + 1) * size])


def _unpacked(packed: bytes) -> Artifact:
    artifact: Artifact = pickle.loads(zlib.decompress(packed))  # noqa: S301 - what this process has packed itself
    return artifact


def _with_sums(artifact: Artifact, sums: Sums, rank: int) -> Artifact:
    """Return an artifact with the size that it has now."""
    return replace(artifact, size=size_of(artifact.contents, sums, rank))
