"""Two audits are compared artifact by artifact, and only where both have looked."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cleanup_nodemodule.report.asked import AskedRow
from cleanup_nodemodule.report.compare import compare
from cleanup_nodemodule.report.comparison import Comparison, NotCompared
from cleanup_nodemodule.report.read import Reader
from cleanup_nodemodule.report.rows import GONE, ArtifactRow, ProblemRow, Report, SourceRow
from support.audits import TOOL, artifact, audit_of, data


def compared(old: Report, new: Report) -> Comparison:
    reader = Reader()
    return compare(reader.read(data(old), "old.json"), reader.read(data(new), "new.json"), TOOL)


def changes(comparison: Comparison) -> dict[str, tuple[str, int]]:
    return {one.path: (one.change, one.change_bytes) for one in comparison.artifacts}


def test_each_kind_of_change() -> None:
    old = [
        artifact("/srv/a/dist", 100),
        artifact("/srv/b/dist", 100),
        artifact("/srv/c/dist", 100),
        artifact("/srv/d/dist", 100),
    ]
    new = [
        artifact("/srv/a/dist", 150),
        artifact("/srv/b/dist", 60),
        artifact("/srv/c/dist", 100, files=9),
        artifact("/srv/e/dist", 70),
    ]
    result = compared(audit_of(*old), audit_of(*new, day=2))
    assert changes(result) == {
        "/srv/e/dist": ("new", 70),
        "/srv/a/dist": ("grown", 50),
        "/srv/b/dist": ("shrunk", -40),
        "/srv/d/dist": ("gone", -100),
    }
    assert list(changes(result)) == ["/srv/e/dist", "/srv/a/dist", "/srv/b/dist", "/srv/d/dist"]
    totals = result.totals
    assert (totals.old_bytes, totals.new_bytes, totals.change_bytes) == (400, 380, -20)
    assert (totals.new, totals.grown, totals.shrunk, totals.gone, totals.same) == (1, 1, 1, 1, 1)
    assert (totals.new_added_bytes, totals.grown_added_bytes) == (70, 50)
    assert (totals.shrunk_removed_bytes, totals.gone_removed_bytes) == (40, 100)


def test_a_project_is_the_sum_of_its_artifacts() -> None:
    old = [artifact("/srv/a/dist", 100), artifact("/srv/a/node_modules", 500)]
    new = [
        artifact("/srv/a/dist", 130),
        artifact("/srv/a/node_modules", 500),
        artifact("/srv/a/.next", 20),
    ]
    [project] = compared(audit_of(*old), audit_of(*new)).projects
    assert (project.project, project.change) == ("/srv/a", "grown")
    assert (project.old_bytes, project.new_bytes, project.change_bytes) == (600, 650, 50)
    assert (project.new, project.grown, project.shrunk, project.gone) == (1, 1, 0, 0)


def test_projects_come_and_go() -> None:
    result = compared(audit_of(artifact("/srv/a/dist", 0)), audit_of(artifact("/srv/b/dist", 0)))
    assert {one.project: one.change for one in result.projects} == {
        "/srv/a": "gone",
        "/srv/b": "new",
    }


def test_what_can_no_longer_be_deleted_is_told_although_its_size_is_the_same() -> None:
    old = [artifact("/srv/a/dist", 100), artifact("/srv/b/dist", 50, keep="unproven")]
    new = [artifact("/srv/a/dist", 100, keep="in-use"), artifact("/srv/b/dist", 50)]
    result = compared(audit_of(*old), audit_of(*new))
    kept, free = result.artifacts
    assert (kept.path, kept.change, kept.kept_now, kept.new_reason) == (
        "/srv/a/dist",
        "same",
        True,
        "in-use",
    )
    assert (free.path, free.change, free.deletable_now, free.old_reason) == (
        *("/srv/b/dist", "same", True),
        "unproven",
    )
    assert (result.totals.kept_now_bytes, result.totals.deletable_now_bytes) == (100, 50)
    assert (result.totals.old_reclaimable_bytes, result.totals.new_reclaimable_bytes) == (100, 50)
    assert (result.totals.same, result.totals.change_bytes) == (2, 0)


def test_only_what_both_have_searched_is_compared() -> None:
    old = audit_of(artifact("/srv/a/x/dist"), artifact("/data/dist"), roots=["/srv/a", "/data"])
    new = audit_of(artifact("/srv/a/x/dist", 7), artifact("/srv/b/dist"), roots=["/srv"])
    result = compared(old, new)
    assert changes(result) == {"/srv/a/x/dist": ("shrunk", -993)}
    assert (result.old.roots_not_compared, result.old.not_compared) == (["/data"], 1)
    assert (result.new.roots_not_compared, result.new.not_compared) == (["/srv"], 1)


def test_a_name_that_begins_like_a_root_is_not_in_it() -> None:
    old = audit_of(artifact("/srv/a/dist"), roots=["/srv/a"])
    new = audit_of(artifact("/srv/a/dist"), artifact("/srv/ab/dist"), roots=["/srv/a", "/srv/ab"])
    assert compared(old, new).artifacts == []
    everything = audit_of(artifact("/srv/a/dist"), artifact("/srv/ab/dist"), roots=["/"])
    assert set(changes(compared(everything, new))) == set()
    assert set(changes(compared(old, everything))) == set()


def test_a_root_that_is_an_artifact_itself() -> None:
    old = audit_of(artifact("/srv/a/dist"), roots=["/srv/a/dist"])
    new = audit_of(artifact("/srv/a/dist", 5), roots=["/srv"])
    assert changes(compared(old, new)) == {"/srv/a/dist": ("shrunk", -995)}


def test_an_ecosystem_that_one_did_not_look_for_has_not_come() -> None:
    old = audit_of(artifact("/srv/a/dist"), others=["python"])
    new = audit_of(artifact("/srv/a/dist"), artifact("/srv/a/.venv", ecosystem="python"))
    result = compared(old, new)
    assert result.artifacts == []
    assert (result.new.ecosystems_not_compared, result.new.not_compared) == (["python"], 1)
    # It counts if the earlier one has any of it all the same, by a name that the user gave.
    other = audit_of(
        artifact("/srv/a/dist"), artifact("/srv/b/.venv", ecosystem="python"), others=["python"]
    )
    assert set(changes(compared(other, new))) == {"/srv/a/.venv", "/srv/b/.venv"}


def test_two_audits_of_one_machine_each_are_compared_by_path() -> None:
    old = audit_of(artifact("/srv/a/dist", 1), host="runner-17")
    new = audit_of(artifact("/srv/a/dist", 3), host="runner-4")
    result = compared(old, new)
    assert result.by_path_only
    assert changes(result) == {"/srv/a/dist": ("grown", 2)}
    assert [one.host for one in result.projects] == ["runner-4"]
    assert [one.host for one in result.artifacts] == ["runner-4"]


def merged(*rows: ArtifactRow, hosts: Sequence[str]) -> Report:
    """Return an audit of several machines."""
    sources = [
        SourceRow(host, "2026-05-01T03:00:00+00:00", "dry-run", ["/srv"], complete=True)
        for host in hosts
    ]
    return audit_of(
        *rows, host=",".join(hosts), roots=[f"{host}:/srv" for host in hosts], sources=sources
    )


def test_the_same_path_on_two_machines_is_two_directories() -> None:
    path = "/srv/a/dist"
    old = merged(artifact(path, 1, host="one"), artifact(path, 2, host="two"), hosts=["one", "two"])
    new = merged(artifact(path, 5, host="one"), artifact(path, 2, host="two"), hosts=["one", "two"])
    [change] = compared(old, new).artifacts
    assert (change.host, change.change_bytes) == ("one", 4)


def test_a_machine_that_only_one_has_is_not_compared() -> None:
    path = "/srv/a/dist"
    old = merged(artifact(path, 1, host="one"), artifact(path, 2, host="two"), hosts=["one", "two"])
    new = audit_of(artifact(path, 5), host="one")
    result = compared(old, new)
    assert [(one.host, one.change_bytes) for one in result.artifacts] == [("one", 4)]
    assert result.old.roots_not_compared == ["two:/srv"]
    assert not result.by_path_only


_AUDITS = st.builds(
    lambda found, roots: audit_of(
        *(
            artifact(path, size, keep="unproven" if keep else None)
            for path, (size, keep) in found.items()
            if any(f"{path}/".startswith(f"{root}/") for root in roots)
        ),
        roots=sorted(roots),
    ),
    st.dictionaries(
        st.sampled_from([f"/{a}/{b}/{c}" for a in "ab" for b in "pq" for c in ("dist", "out")]),
        st.tuples(st.integers(0, 5), st.booleans()),
    ),
    st.sets(st.sampled_from(["/a", "/b", "/a/p", "/b/q"]), min_size=1),
)


@given(_AUDITS, _AUDITS)
def test_against_a_reference(old: Report, new: Report) -> None:
    """The reference goes by the definition, one path after the other."""

    def seen(path: str, audit: Report) -> bool:
        return any(path == root or path.startswith(root + "/") for root in audit.roots)

    before = {row.path: row for row in old.artifacts if seen(row.path, new)}
    now = {row.path: row for row in new.artifacts if seen(row.path, old)}
    expected = {}
    for path in before.keys() | now.keys():
        was = before[path].allocated_bytes if path in before else None
        is_ = now[path].allocated_bytes if path in now else None
        moved = path in before and path in now and before[path].decision != now[path].decision
        if was != is_ or moved:
            expected[path] = (was, is_)
    result = compared(old, new)
    assert {one.path: (one.old_bytes, one.new_bytes) for one in result.artifacts} == expected
    assert result.totals.change_bytes == sum(one.change_bytes for one in result.artifacts)
    assert result.totals.change_bytes == sum(one.change_bytes for one in result.projects)
    assert result.totals.new_bytes == sum(row.allocated_bytes for row in now.values())
    assert result.new.found + result.new.not_compared == len(new.artifacts)
    sums = result.totals
    assert sums.new_added_bytes + sums.grown_added_bytes - sums.shrunk_removed_bytes == (
        sums.change_bytes + sums.gone_removed_bytes
    )


@given(_AUDITS, _AUDITS)
def test_the_other_way_round_everything_is_the_opposite(old: Report, new: Report) -> None:
    opposite = {"new": "gone", "gone": "new", "grown": "shrunk", "shrunk": "grown", "same": "same"}
    there, back = compared(old, new), compared(new, old)
    assert changes(back) == {
        path: (opposite[word], -count) for path, (word, count) in changes(there).items()
    }
    assert compared(old, old).artifacts == []


def test_a_row_that_is_not_complete_is_told() -> None:
    old = audit_of(artifact("/srv/a/dist", 1))
    new = audit_of(replace(artifact("/srv/a/dist", 3), complete=False), complete=False)
    result = compared(old, new)
    assert [one.complete for one in result.artifacts] == [False]
    assert (result.old.complete, result.new.complete) == (True, False)


def test_what_could_not_be_read_or_came_behind_a_stop_is_not_gone() -> None:
    old = audit_of(artifact("/srv/a/x/dist"), artifact("/srv/b/dist", 5))
    closed = ProblemRow("here", "/srv/a", "open", "EACCES", "no", "open")
    result = compared(old, audit_of(day=2, complete=False, problems=[closed]))
    assert changes(result) == {"/srv/b/dist": ("gone", -5)}
    assert result.old.not_compared_why == [NotCompared("not-read", 1)]
    asked = AskedRow(
        profiles=["js"],
        rules=["js/node_modules"],
        names=[],
        min_depth=0,
        max_depth=None,
        excluded=[],
        only_listed=False,
        ended=False,
        filters=[],
    )
    new = audit_of(artifact("/srv/b/dist", 6), day=2, complete=False, asked=asked)
    result = compared(old, new)
    assert changes(result) == {"/srv/b/dist": ("grown", 1)}
    assert result.old.not_compared_why == [NotCompared("not-ended", 1)]


def test_an_audit_says_what_was_there_when_its_run_had_ended() -> None:
    rows = [artifact(f"/srv/{name}/dist", 100) for name in "abcdef"]
    done = [
        replace(rows[0], outcome="deleted"),
        replace(rows[1], outcome="trashed"),
        replace(rows[2], error=GONE),
        replace(rows[3], outcome="failed", error="Permission denied"),
        replace(rows[4], outcome="failed", left_at="/srv/e/.left"),
        rows[5],
    ]
    deleted, again = audit_of(*done), audit_of(*rows, day=2)
    gone = {f"/srv/{name}/dist" for name in "abc"}
    result = compared(deleted, again)
    assert changes(result) == dict.fromkeys(gone, ("new", 100))
    assert (result.old.found, result.old.not_compared, result.old.allocated_bytes) == (3, 0, 300)
    assert result.totals.old_reclaimable_bytes == 300
    assert changes(compared(again, deleted)) == dict.fromkeys(gone, ("gone", -100))
    assert changes(compared(deleted, deleted)) == {}
