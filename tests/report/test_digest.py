"""The sums of a run by project."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanup_nodemodule.report import digest as module
from cleanup_nodemodule.report.digest import Digest
from cleanup_nodemodule.report.rows import ArtifactRow
from support.reports import row

ROWS = st.builds(
    row,
    st.sampled_from([f"/srv/{name}/node_modules" for name in "abc"]),
    root=st.sampled_from(["/srv", "/home"]),
    ecosystem=st.sampled_from(["js", "python", None]),
    reason=st.sampled_from([None, "tracked", "in-use"]),
    outcome=st.sampled_from([None, "deleted", "trashed", "failed"]),
    allocated_bytes=st.integers(0, 2**50),
    reclaimable_bytes=st.integers(0, 2**50),
)


def digest_of(rows: list[ArtifactRow]) -> Digest:
    digest = Digest()
    for one in rows:
        digest.add(one)
    return digest


@given(st.lists(ROWS))
def test_a_digest_has_the_sums_of_all_rows(rows: list[ArtifactRow]) -> None:
    digest = digest_of(rows)
    portions = {(one.root, one.project, one.ecosystem): one for one in digest.portions}
    assert len(portions) == len(digest.portions)
    for key, portion in portions.items():
        of_it = [one for one in rows if (one.root, one.project, one.ecosystem or "") == key]
        gone = [one for one in of_it if one.outcome == "deleted"]
        assert portion.found == len(of_it)
        assert portion.selected == sum(one.decision == "delete" for one in of_it)
        assert portion.allocated_bytes == sum(one.allocated_bytes for one in of_it)
        assert portion.reclaimable_bytes == sum(one.reclaimable_bytes for one in of_it)
        assert portion.freed_bytes == sum(one.reclaimable_bytes for one in gone)
        assert portion.deleted == sum(one.outcome in {"deleted", "trashed"} for one in of_it)
        assert portion.failed == sum(one.outcome == "failed" for one in of_it)
    assert sum(one.found for one in digest.portions) == len(rows)
    assert digest.kept == Counter(one.reason for one in rows if one.reason)
    sizes = [one.allocated_bytes for one in digest.portions]
    assert sizes == sorted(sizes, reverse=True)


def test_what_comes_after_too_many_portions_is_put_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_PORTIONS", 2)
    rows = [row(f"/srv/{number}/node_modules", root="/srv") for number in (1, 2, 3, 4, 1)]
    found = {one.project: one.found for one in digest_of(rows).portions}
    assert found == {"/srv/1": 2, "/srv/2": 1, "": 2}
