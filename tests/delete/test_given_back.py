"""What a deletion has given back is what was promised, where the file system was asked, and what was counted elsewhere."""

from dataclasses import replace
from pathlib import Path

import pytest

from cleanup_nodemodule.delete.given_back import given_back, is_asked
from cleanup_nodemodule.engine.contract import (
    AS_COUNTED,
    ATTRIBUTES,
    EXTENTS,
    LAYERS,
    TREE,
    Accounting,
)
from cleanup_nodemodule.model import (
    Accounted,
    Artifact,
    Failed,
    Plan,
    Problem,
    Removed,
    Result,
    Size,
    Trashed,
)
from cleanup_nodemodule.problems import ProblemCode
from support.removals import artifact

PROMISE, MOST = 1000, 5000


@pytest.fixture
def one(tmp_path: Path) -> Artifact:
    """An artifact with a promise, wherever it lies."""
    path = tmp_path / "dist"
    path.mkdir()
    return replace(artifact(path), size=Size(1, 8000, PROMISE, MOST, 4000))


def told(result: Result, kind: int, *, elsewhere: bool = False) -> tuple[int, int]:
    """Return the bytes that came back, and those that were counted."""
    device = result.artifact.candidate.identity.device + elsewhere
    accounted = Accounted(
        "/", "", "measured", exact=False, accounting=Accounting(kind), devices=frozenset({device})
    )
    found = given_back([accounted])(result)
    assert replace(found, freed_bytes=result.freed_bytes, counted_bytes=0) == result
    return found.freed_bytes, found.counted_bytes


@pytest.mark.parametrize("counted", [0, 700, 1000, 40_000])
def test_what_went_as_a_whole(one: Artifact, counted: int) -> None:
    gone = Removed(one, counted, gone=False)
    assert told(gone, AS_COUNTED) == (counted, counted)
    for kind in (EXTENTS, TREE):
        assert told(gone, kind) == (PROMISE, counted)
        assert told(gone, kind, elsewhere=True) == (counted, counted)
    for kind in (ATTRIBUTES, LAYERS):
        assert told(gone, kind) == (min(counted, PROMISE), counted)


@pytest.mark.parametrize("kind", [ATTRIBUTES, EXTENTS, TREE, LAYERS])
def test_what_went_in_part_has_not_given_back_more_than_was_counted(
    one: Artifact, kind: int
) -> None:
    problem = Problem(one.path, ProblemCode.CHANGED)
    assert told(Failed(one, 40_000, (problem,), interrupted=False), kind) == (PROMISE, 40_000)
    assert told(Failed(one, 70, (problem,), interrupted=True), kind) == (70, 70)
    assert told(Removed(one, 0, gone=True), kind) == (0, 0)
    assert told(Trashed(one), kind) == (0, 0)


@pytest.mark.parametrize("kind", [ATTRIBUTES, LAYERS])
def test_a_file_with_links_in_two_is_counted_with_whichever_goes_last(
    one: Artifact, kind: int
) -> None:
    device = one.candidate.identity.device
    accounted = Accounted(
        "/", "", "measured", exact=False, accounting=Accounting(kind), devices=frozenset({device})
    )
    a, b = (replace(one, size=Size.exact(1, 1, promise)) for promise in (8192, 86016))
    for first, second in (
        (Removed(b, 77824, gone=False), Removed(a, 16384, gone=False)),
        (Removed(a, 8192, gone=False), Removed(b, 86016, gone=False)),
    ):
        told = given_back([accounted])
        assert sum(told(each).freed_bytes for each in (first, second)) == 8192 + 86016
    # Its last link is in what could not be deleted.
    told = given_back([accounted])
    problem = Problem(one.path, ProblemCode.CHANGED)
    left = Failed(a, 0, (problem,), interrupted=False)
    assert told(left).freed_bytes == 0
    assert told(Removed(b, 77824, gone=False)).freed_bytes == 77824
    # What went in part leaves nothing for others to claim.
    told = given_back([accounted])
    assert told(Failed(a, 70, (problem,), interrupted=False)).freed_bytes == 70
    assert told(Removed(b, 400_000, gone=False)).freed_bytes == 86016


def test_what_snapshots_may_have_is_not_said_to_have_come_back(one: Artifact) -> None:
    devices = frozenset({one.candidate.identity.device})
    accounted = Accounted("/", "zfs", "untested", exact=False, doubtful=True, devices=devices)
    assert given_back([accounted])(Removed(one, 40_000, gone=False)).freed_bytes == PROMISE
    assert is_asked([accounted])


def test_whether_anybody_was_asked() -> None:
    asked = Accounted("/", "xfs", "measured", exact=False, accounting=Accounting(EXTENTS))
    as_du = Accounted("/mnt", "nfs4", "as du counts", exact=False)
    assert [is_asked(one) for one in ([], [as_du], [as_du, asked])] == [False, False, True]
    assert not is_asked(Plan((), (), (), complete=True).accounted)
