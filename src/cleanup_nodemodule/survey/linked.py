"""Artifacts whose sizes depend on files with links in others: they wait, packed, for the end of a survey."""

import pickle
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from cleanup_nodemodule.model import Artifact, Size
from cleanup_nodemodule.survey.hard_links import Ledger
from cleanup_nodemodule.survey.summary import Settled

_MANY: Final = 200_000
"""Links of one portion in which nobody looks for their other ends: that takes some hundred bytes each."""

_AT_ONCE: Final = 256
"""Artifacts that are handed out together."""


class Linked:
    """Artifacts that wait: each takes some hundred bytes, and each link in it 40."""

    def __init__(self) -> None:
        self._artifacts: Final[list[bytes]] = []
        self._selected: Final = bytearray()
        self._ledger: Final = Ledger()

    def without_waiting(self, known: Settled) -> tuple[Artifact, ...]:
        """Return the artifacts whose sizes are final; the others wait from now on."""
        ledger = Ledger()
        for place, links in known.links:
            if place >= 0:
                ledger.add(place, links)
        if known.doubled or len(ledger) > _MANY:
            waiting = frozenset(place for place, _ in known.links if place >= 0)
        else:
            waiting = ledger.unmet()
        if not waiting:
            return known.artifacts
        numbers: dict[int, int] = {}
        for place in sorted(waiting):
            numbers[place] = len(self._artifacts)
            artifact = known.artifacts[place]
            self._artifacts.append(zlib.compress(pickle.dumps(artifact), 1))
            self._selected.append(artifact.selected)
        for place, links in known.links:
            if place in waiting:
                self._ledger.add(numbers[place], links)
        return tuple(
            artifact for place, artifact in enumerate(known.artifacts) if place not in waiting
        )

    def settled(self) -> Iterator[tuple[Artifact, ...]]:
        """Give all that wait, in path order, with their sizes; they are known now that nothing else is found."""
        paths = [_unpacked(packed).path for packed in self._artifacts]
        order = sorted(range(len(paths)), key=paths.__getitem__)
        del paths
        # As in a plan: with what lies deepest, which is behind what lies around it.
        ranks = {number: rank for rank, number in enumerate(reversed(order))}
        selected = [bool(self._selected[number]) for number in reversed(order)]
        sizes = self._ledger.attribute(ranks, selected)
        for start in range(0, len(order), _AT_ONCE):
            yield tuple(
                _with_links(_unpacked(self._artifacts[number]), sizes[ranks[number]])
                for number in order[start : start + _AT_ONCE]
            )


def _unpacked(packed: bytes) -> Artifact:
    artifact: Artifact = pickle.loads(zlib.decompress(packed))  # noqa: S301 - what this process has packed itself
    return artifact


def _with_links(artifact: Artifact, linked: Size) -> Artifact:
    """Return an artifact with what files with several links add to it now."""
    contents = artifact.contents
    return replace(
        artifact,
        size=Size.exact(
            contents.apparent_bytes + linked.apparent_bytes,
            contents.allocated_bytes + linked.allocated_bytes,
            contents.allocated_bytes + linked.reclaimable_bytes if artifact.selected else 0,
        ),
    )
