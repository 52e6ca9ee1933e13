"""Sums over the artifacts by what they have in common."""

from datetime import datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanup_nodemodule.config.keys import By as Choice
from cleanup_nodemodule.report.groups import groups_of, with_groups
from cleanup_nodemodule.report.rows import ArtifactRow, By
from support.reports import STARTED, report, row


def ago(**time: float) -> str:
    return (datetime.fromisoformat(STARTED) - timedelta(**time)).isoformat(timespec="seconds")


def test_what_can_be_typed_is_what_there_is() -> None:
    assert tuple(one.value for one in Choice) == get_args(By)


def test_a_group_has_the_sums_of_its_artifacts() -> None:
    rows = [
        row("/srv/a/x", ecosystem="rust", last_used_at=ago(days=3), outcome="deleted"),
        row("/srv/b/x", ecosystem="rust", reason="tracked", last_used_at=ago(days=9)),
        row("/srv/c/x", ecosystem=None, last_used_at=None, reclaimable_bytes=1, outcome="trashed"),
    ]
    rust, unknown = groups_of(report(rows), "ecosystem")
    assert (rust.group, rust.found, rust.selected, rust.deleted) == ("rust", 2, 1, 1)
    assert (rust.reclaimable_bytes, rust.allocated_bytes) == (4096, 8192)
    assert (rust.oldest, rust.newest) == (ago(days=9), ago(days=3))
    assert (unknown.group, unknown.found, unknown.deleted) == ("unknown", 1, 1)
    assert (unknown.oldest, unknown.newest) == (None, None)


@pytest.mark.parametrize(
    ("age", "group"),
    [
        (timedelta(0), "today"),
        (timedelta(hours=23, minutes=59), "today"),
        (timedelta(days=1), "week"),
        (timedelta(days=7), "month"),
        (timedelta(days=30), "3 months"),
        (timedelta(days=91), "half a year"),
        (timedelta(days=182), "year"),
        (timedelta(days=364), "year"),
        (timedelta(days=365), "older"),
        (None, "unknown"),
    ],
)
def test_each_age_has_its_group(age: timedelta | None, group: str) -> None:
    used = None if age is None else ago(seconds=age.total_seconds())
    [found] = groups_of(report([row(last_used_at=used)]), "age")
    assert found.group == group


def test_ages_go_from_the_youngest_to_the_oldest_whatever_they_free() -> None:
    rows = [
        row("/1", last_used_at=None, reclaimable_bytes=9),
        row("/2", last_used_at=ago(days=900), reclaimable_bytes=5),
        row("/3", last_used_at=ago(hours=1), reclaimable_bytes=1),
        row("/4", last_used_at=ago(days=2), reclaimable_bytes=7),
    ]
    for sort in ("size", "path", "age"):
        groups = [one.group for one in groups_of(report(rows), "age", sort)]
        assert groups == ["today", "week", "older", "unknown"]


@pytest.mark.parametrize(
    ("sort", "owners"),
    [("size", ["b", "c", "a"]), ("path", ["a", "b", "c"]), ("age", ["c", "a", "b"])],
)
def test_groups_are_ordered_as_rows_are(sort: str, owners: list[str]) -> None:
    rows = [
        row("/1", owner="a", reclaimable_bytes=1, last_used_at=ago(days=5)),
        row("/2", owner="b", reclaimable_bytes=9, last_used_at=ago(days=1)),
        row("/3", owner="c", reclaimable_bytes=5, last_used_at=ago(days=9)),
    ]
    assert [one.group for one in groups_of(report(rows), "owner", sort)] == owners


ROWS = st.builds(
    row,
    st.sampled_from(["/srv/a/x", "/srv/b/x", "/srv/c/y"]),
    ecosystem=st.sampled_from(["js", "rust", None]),
    owner=st.sampled_from(["me", None]),
    root=st.sampled_from(["/srv", "/home"]),
    reason=st.sampled_from([None, "tracked"]),
    allocated_bytes=st.integers(0, 1 << 50),
    reclaimable_at_most_bytes=st.integers(4096, 1 << 50),
    shared_bytes=st.integers(0, 1 << 50),
    last_used_at=st.sampled_from([None, ago(days=1), ago(days=40)]),
)


@given(st.lists(ROWS), st.sampled_from(get_args(By)))
def test_the_groups_add_up_to_the_totals(rows: list[ArtifactRow], by: By) -> None:
    told = with_groups(report(rows), by)
    assert told.by == by
    for field in (
        *("found", "selected", "allocated_bytes", "reclaimable_bytes"),
        *("reclaimable_at_most_bytes", "shared_bytes"),
    ):
        assert sum(getattr(one, field) for one in told.groups) == getattr(told.totals, field)
    assert len({one.group for one in told.groups}) == len(told.groups)
