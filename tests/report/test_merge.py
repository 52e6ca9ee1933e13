"""Audits become one: each directory counts once, whoever has seen it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cleanup_nodemodule.report.document import to_json
from cleanup_nodemodule.report.merge import Dropped, merge
from cleanup_nodemodule.report.read import read_audit
from cleanup_nodemodule.report.rows import ArtifactRow, OtherRow, ProblemRow, Report, Totals
from support.audits import TOOL, artifact, audit_of, data


def merged(*reports: Report) -> tuple[Report, Dropped]:
    audits = [
        read_audit(data(report), f"{number}.json") for number, report in enumerate(reports, 1)
    ]
    return merge(audits, TOOL)


def found(report: Report) -> set[tuple[str, str, int]]:
    return {(row.host, row.path, row.allocated_bytes) for row in report.artifacts}


def problem(path: str | None, code: str, host: str) -> ProblemRow:
    return ProblemRow(
        host=host, path=path, doing="search", errno="ENOENT", message="gone", code=code
    )


def test_two_machines() -> None:
    one = audit_of(artifact("/srv/a/dist", 5), host="one", roots=["/srv"])
    two = audit_of(
        artifact("/srv/a/dist", 7, keep="in-use"), host="two", day=2, roots=["/srv", "/data"]
    )
    report, dropped = merged(one, two)
    assert found(report) == {("one", "/srv/a/dist", 5), ("two", "/srv/a/dist", 7)}
    assert report.host == "one,two"
    assert report.roots == ["one:/srv", "two:/srv", "two:/data"]
    assert report.started_at == two.started_at
    assert [(one.host, one.roots) for one in report.sources] == [
        ("one", ["/srv"]),
        ("two", ["/srv", "/data"]),
    ]
    totals = report.totals
    assert (totals.found, totals.selected) == (2, 1)
    assert (totals.allocated_bytes, totals.reclaimable_bytes) == (12, 5)
    assert dropped == Dropped()


def test_of_one_machine_the_later_run_is_right_where_both_have_searched() -> None:
    old = audit_of(
        artifact("/srv/a/dist", 5),
        artifact("/srv/gone/dist", 6),
        artifact("/data/dist", 7),
        roots=["/srv", "/data"],
    )
    new = audit_of(artifact("/srv/a/dist", 9), day=2)
    for order in ((old, new), (new, old)):
        report, dropped = merged(*order)
        assert found(report) == {("here", "/srv/a/dist", 9), ("here", "/data/dist", 7)}
        assert report.roots == ["/data", "/srv"]
        assert (dropped.searched_again, dropped.again_in) == (2, (f"{order.index(old) + 1}.json",))


def test_a_wider_search_replaces_a_narrower_one_and_not_the_other_way_round() -> None:
    narrow = audit_of(artifact("/srv/a/dist", 1), roots=["/srv/a"])
    wide = audit_of(artifact("/srv/a/dist", 2), artifact("/srv/b/dist", 3), day=2)
    report, _ = merged(narrow, wide)
    assert (found(report), report.roots) == (found(wide), ["/srv"])
    later = replace(narrow, started_at="2026-05-03T00:00:00+00:00")
    report, _ = merged(later, wide)
    assert found(report) == {("here", "/srv/a/dist", 1), ("here", "/srv/b/dist", 3)}
    assert report.roots == ["/srv", "/srv/a"]


def test_a_root_that_the_later_run_could_not_search_is_as_the_earlier_one_found_it() -> None:
    old = audit_of(artifact("/srv/a/dist"))
    new = audit_of(day=2, complete=False, problems=[problem("/srv", "search-root", "here")])
    report, _ = merged(old, new)
    assert found(report) == {("here", "/srv/a/dist", 1000)}
    assert not report.complete


def test_what_the_later_run_did_not_look_for_stays() -> None:
    old = audit_of(artifact("/srv/a/dist", 1), artifact("/srv/a/.venv", 2, ecosystem="python"))
    new = audit_of(artifact("/srv/a/dist", 3), day=2, others=["python"])
    report, dropped = merged(old, new)
    assert found(report) == {("here", "/srv/a/dist", 3), ("here", "/srv/a/.venv", 2)}
    assert dropped.searched_again == 1
    assert report.other_ecosystems == []


def test_the_same_document_twice_counts_once() -> None:
    one = audit_of(artifact("/srv/a/dist"), problems=[problem("/srv/x", "read", "here")])
    report, _ = merged(one, one)
    assert found(report) == found(one)
    assert report.problems == one.problems
    assert report.totals == one.totals


def test_a_problem_of_a_run_that_counts_no_more_is_none() -> None:
    old = audit_of(
        artifact("/srv/a/dist"), complete=False, problems=[problem("/srv/x", "read", "here")]
    )
    report, _ = merged(old, audit_of(artifact("/srv/a/dist"), day=2))
    assert (report.complete, report.problems) == (True, [])


def on_disk(path: str, host: str, disk: str, inode: int, **more: Any) -> ArtifactRow:
    return artifact(path, host=host, file_system=disk, inode=inode, **more)


def test_a_disk_that_two_machines_share_counts_once() -> None:
    rows = [
        on_disk("/home/a/dist", "one", "nfs:server:/export", 7),
        on_disk("/mnt/home/a/dist", "two", "nfs:server:/export", 7, files=99),
        on_disk("/mnt/home/b/dist", "two", "nfs:server:/export", 8),
        on_disk("/mnt/home/b/dist", "three", "nfs:other:/export", 8),
    ]
    audits = [
        audit_of(*(row for row in rows if row.host == host), host=host, roots=["/"])
        for host in ("one", "two", "three")
    ]
    report, dropped = merged(*audits)
    assert len(report.artifacts) == 3
    assert report.totals.allocated_bytes == 3000
    assert (dropped.shared, dropped.shared_bytes) == (1, 1000)


def test_of_a_shared_directory_that_row_counts_which_keeps_it() -> None:
    one = on_disk("/home/a/dist", "one", "nfs:s:/e", 7)
    two = replace(
        on_disk("/home/a/dist", "two", "nfs:s:/e", 7),
        decision="keep",
        reason="in-use",
        reclaimable_bytes=0,
    )
    for order in ((one, two), (two, one)):
        report, _ = merged(*(audit_of(row, host=row.host, roots=["/"]) for row in order))
        [row] = report.artifacts
        assert (row.host, row.decision) == ("two", "keep")
        assert report.totals.reclaimable_bytes == 0


def test_what_one_machine_has_deleted_on_a_shared_disk_is_gone_for_all() -> None:
    one = on_disk("/home/a/dist", "one", "nfs:s:/e", 7, keep="in-use")
    two = on_disk("/home/a/dist", "two", "nfs:s:/e", 7, outcome="deleted")
    for order in ((one, two), (two, one)):
        report, _ = merged(*(audit_of(row, host=row.host, roots=["/"]) for row in order))
        assert [(row.host, row.outcome) for row in report.artifacts] == [("two", "deleted")]


def test_machines_of_one_image_have_disks_of_their_own() -> None:
    """They have the same UUID and the same inodes; what has changed since shows that it is another directory."""
    one = on_disk("/srv/a/dist", "one", "uuid:1", 7)
    two = on_disk("/srv/a/dist", "two", "uuid:1", 7, files=4)
    report, _ = merged(audit_of(one, host="one"), audit_of(two, host="two"))
    assert len(report.artifacts) == 2
    # A container sees the disk of its machine, and what it measures is the same.
    container = replace(one, host="container", path="/work/a/dist")
    report, _ = merged(
        audit_of(one, host="one"), audit_of(container, host="container", roots=["/work"])
    )
    assert len(report.artifacts) == 1


def test_what_has_no_name_for_its_disk_is_not_taken_for_shared() -> None:
    one = artifact("/srv/a/dist", host="one", inode=7)
    two = artifact("/srv/a/dist", host="two", inode=7)
    assert len(merged(audit_of(one, host="one"), audit_of(two, host="two"))[0].artifacts) == 2


def test_totals_of_runs_that_deleted() -> None:
    totals = Totals(1, 1, 1000, 1000, 1, 0, 0, 1000, 900, 1000, 0, 1000)
    one = audit_of(
        artifact("/srv/a/dist", outcome="deleted"), host="one", mode="delete", totals=totals
    )
    two = audit_of(artifact("/srv/a/dist"), host="two")
    report, _ = merged(one, two)
    assert (
        report.totals.deleted,
        report.totals.freed_bytes,
        report.totals.observed_freed_bytes,
    ) == (
        *(1, 1000),
        900,
    )
    assert (report.mode, [source.mode for source in report.sources]) == (
        "dry-run",
        ["delete", "dry-run"],
    )
    assert merged(one, replace(one, host="x", artifacts=[]))[0].mode == "delete"


def test_the_rest_of_a_document() -> None:
    one = audit_of(host="one", unseen_processes=2, unmatched_patterns=["x"], others=["rust"])
    two = audit_of(
        host="two", unseen_processes=3, unmatched_patterns=["x", "y"], others=["rust", "go"]
    )
    report, _ = merged(one, two)
    assert report.unseen_processes == 5
    assert report.unmatched_patterns == ["x", "y"]
    assert report.other_ecosystems == [OtherRow("rust", 2), OtherRow("go", 1)]
    nobody_knows = replace(two, unseen_processes=None)
    assert merged(one, nobody_knows)[0].unseen_processes is None


_RUNS = st.lists(
    st.builds(
        lambda host, day, roots, sizes: audit_of(
            *(
                artifact(path, size)
                for path, size in sizes.items()
                if any(f"{path}/".startswith(f"{root}/") for root in roots)
            ),
            host=host,
            day=day,
            roots=sorted(roots),
        ),
        st.sampled_from(["one", "two"]),
        st.integers(1, 4),
        st.sets(st.sampled_from(["/a", "/b", "/a/p"]), min_size=1),
        st.dictionaries(
            st.sampled_from([f"/{a}/{b}/dist" for a in "ab" for b in "pq"]), st.integers(1, 9)
        ),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda report: (report.host, report.started_at),
)


@given(_RUNS)
def test_against_a_reference(runs: Sequence[Report]) -> None:
    """The reference asks of each path which run of its machine has searched there last."""
    expected = set()
    for run in runs:
        for row in run.artifacts:
            later = [
                other
                for other in runs
                if other.host == run.host
                and other.started_at > run.started_at
                and any(row.path == root or row.path.startswith(root + "/") for root in other.roots)
            ]
            if not later:
                expected.add((row.host, row.path, row.allocated_bytes))
    report, dropped = merged(*runs)
    assert found(report) == expected
    assert report.totals.allocated_bytes == sum(size for _, _, size in expected)
    assert dropped.searched_again == sum(len(run.artifacts) for run in runs) - len(expected)


@given(_RUNS, st.randoms(use_true_random=False))
def test_the_order_makes_no_difference(runs: Sequence[Report], chance: Any) -> None:
    shuffled = list(runs)
    chance.shuffle(shuffled)
    one, other = merged(*runs)[0], merged(*shuffled)[0]
    assert to_json(one) == to_json(other)


@given(_RUNS, st.integers(0, 4))
def test_what_was_merged_can_be_merged_again(runs: Sequence[Report], cut: int) -> None:
    first, rest = runs[:cut], runs[cut:]
    if not first:
        return
    stepwise, _ = merged(merged(*first)[0], *rest)
    at_once, _ = merged(*runs)
    assert found(stepwise) == found(at_once)
    assert stepwise.totals == at_once.totals
    assert stepwise.roots == at_once.roots
