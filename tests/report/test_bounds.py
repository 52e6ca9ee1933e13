"""Why the numbers are not what ``du`` says is told in a sentence, once, and only where it matters."""

from dataclasses import replace
from typing import Any, Literal

import pytest

from cleanup_nodemodule.model import Size
from cleanup_nodemodule.report import bounds
from cleanup_nodemodule.report.file_systems import MEASURED_KINDS, FileSystemRow
from cleanup_nodemodule.report.rows import ArtifactRow
from cleanup_nodemodule.survey.accounting import MEASURED
from support.reports import report, row

MIB = 1 << 20

SHARED = "Shared with copies elsewhere: 107.0 MiB. That comes back only when the last copy goes."


def artifact(
    path: str, promise: int, most: int, shared: int = 0, reason: str | None = None
) -> ArtifactRow:
    return row(
        path,
        reason=reason,
        allocated_bytes=promise + shared,
        reclaimable_bytes=promise,
        reclaimable_at_most_bytes=most,
        shared_bytes=shared,
    )


def mounted(
    place: str,
    kind: str,
    accounting: Literal["measured", "untested", "as-du-counts"] = "measured",
    host: str = "machine",
) -> FileSystemRow:
    return FileSystemRow(host, None, kind, place, accounting, exact=False)


def said(*rows: ArtifactRow, on: Any = ()) -> list[str]:
    return list(bounds.why(report(rows, file_systems=list(on))))


def test_where_nothing_is_shared_nothing_is_said() -> None:
    assert said() == []
    assert said(artifact("/srv/a", MIB, MIB), on=[mounted("/", "ext4")]) == []
    # What is kept gives back nothing, whatever it is.
    kept = artifact("/srv/a", 0, 0, reason="tracked")
    assert said(kept, on=[mounted("/srv", "nfs4", "as-du-counts")]) == []


@pytest.mark.parametrize("on", [[], [mounted("/", "xfs")]])
def test_what_is_shared_is_said_once_for_all(on: list[FileSystemRow]) -> None:
    rows = [
        artifact("/srv/a", 5 * MIB, 5 * MIB, 100 * MIB),
        artifact("/srv/b", 0, 7 * MIB, 7 * MIB),
    ]
    assert said(*rows, on=on) == [SHARED]


def test_what_is_hardly_anything_is_not_worth_a_sentence() -> None:
    assert said(artifact("/srv/a", 0, 0, 65535)) == []
    assert said(artifact("/srv/a", 100 * MIB, 100 * MIB, 5 * MIB)) == []
    assert said(artifact("/srv/a", 100 * MIB, 100 * MIB, 6 * MIB)) != []


def test_lower_layers_are_no_copies() -> None:
    rows = [artifact("/a", 0, 0, 3 * MIB), artifact("/srv/b", 5 * MIB, 5 * MIB, 107 * MIB)]
    assert said(*rows, on=[mounted("/", "overlay"), mounted("/srv", "xfs")]) == [
        SHARED,
        "In lower layers, or shared with copies elsewhere: 3.0 MiB. What lies in lower layers stays there.",
    ]
    assert said(artifact("/a", 0, 0, 3 * MIB), on=[mounted("/", "overlay")]) == [
        "In lower layers, or shared with copies elsewhere: 3.0 MiB. What lies in lower layers stays there."
    ]


def test_what_is_only_estimated_is_said_where_it_matters() -> None:
    estimated = artifact("/srv/a", 80 * MIB, 100 * MIB)
    assert said(estimated, on=[mounted("/srv", "btrfs")]) == [
        "What btrfs itself gives back is estimated: small files and names lie in its tree."
    ]
    assert said(estimated, on=[mounted("/srv", "xfs")]) == [
        "What xfs itself gives back is estimated: inodes come back 64 at a time."
    ]
    assert said(artifact("/srv/a", 98 * MIB, 100 * MIB), on=[mounted("/srv", "btrfs")]) == []
    # All of that is shared, which is said already.
    rows = [artifact("/srv/a", 0, 107 * MIB, 107 * MIB), artifact("/srv/b", 9 * MIB, 9 * MIB)]
    assert said(*rows, on=[mounted("/srv", "btrfs")]) == [SHARED]


def test_where_nobody_knows_better_than_du_it_is_said_once_a_kind() -> None:
    rows = [artifact(f"/mnt/{name}/x", MIB, MIB) for name in "abcde"]
    nas = [mounted(f"/mnt/{name}", "nfs4", "as-du-counts") for name in "abcd"]
    assert said(*rows[:1], on=nas) == [
        "/mnt/a (nfs4): counted as du counts; nobody has measured what comes back there."
    ]
    assert said(*rows, on=[*nas, mounted("/mnt/e", "zfs", "untested")]) == [
        "/mnt/a, /mnt/b, /mnt/c and 1 more (nfs4): counted as du counts; nobody has measured what comes back there.",
        "/mnt/e (zfs): worked out from its documentation; nobody has measured what comes back there.",
    ]
    # The innermost mount point counts, and a name may be anything.
    odd = [mounted("/", "ext4"), mounted("/mnt/a", "nfs4\x1b", "as-du-counts")]
    assert said(artifact("/mnt/x", MIB, MIB), on=odd) == []
    assert said(*rows[:1], on=odd)[0].startswith("/mnt/a ($'nfs4\\e'): counted")


def test_machines_are_told_apart_where_there_are_several() -> None:
    places = [
        mounted("/srv", "nfs4", "as-du-counts", host=host) for host in ("one", "two", "two", "two")
    ]
    why = "(nfs4): counted as du counts; nobody has measured what comes back there."
    assert list(bounds.unsure(places)) == [f"/srv on one, /srv on two {why}"]
    # Two runs may know different things of one.
    assert list(bounds.unsure([*places[1:], replace(places[1], name="uuid:1")])) == [f"/srv {why}"]


def test_a_file_system_may_be_mounted_in_another_place_too() -> None:
    xfs = replace(mounted("/srv", "xfs"), name="uuid:1")
    on = [mounted("/", "overlay"), xfs]
    assert said(artifact("/a", 0, 0, 3 * MIB), on=on)[0].startswith("In lower layers")
    bound = replace(artifact("/a", 0, 0, 3 * MIB), file_system="uuid:1")
    assert said(bound, on=on)[0].startswith("Shared with copies elsewhere: 3.0 MiB.")


def test_of_one_artifact_it_is_said_as_of_all_what_is_estimated() -> None:
    for promise, most, shared in (
        *((80, 100, 0), (98, 100, 0), (0, 107, 107), (9, 116, 107), (0, 120, 107)),
    ):
        one = artifact("/srv/a", promise * MIB, most * MIB, shared * MIB)
        size = Size(*(2 * (one.allocated_bytes,)), promise * MIB, most * MIB, shared * MIB)
        on = [mounted("/srv", "btrfs")]
        told = [line for line in said(one, on=on) if "estimated" in line]
        assert list(bounds.estimated(on, size)) == told
        assert bool(told) == ((promise, most) in {(80, 100), (0, 120)})


def test_a_file_system_that_was_not_asked_is_not_called_unknown() -> None:
    on = [mounted("/srv", "xfs", "as-du-counts"), mounted("/", "", "as-du-counts")]
    assert said(artifact("/srv/a", MIB, MIB), on=on) == [
        "/srv (xfs): counted as du counts; the file system was not asked."
    ]
    nobody = FileSystemRow("machine", None, "", "", "as-du-counts", exact=False)
    assert list(bounds.unsure([nobody])) == [
        "A file system that nobody knows: counted as du counts; nobody has measured what comes back there."
    ]


def test_what_was_measured_is_what_is_called_so() -> None:
    assert set(MEASURED) == MEASURED_KINDS


def test_another_machine_has_other_mounts() -> None:
    nas = mounted("/srv", "nfs4", "as-du-counts", host="other")
    assert said(artifact("/srv/a", MIB, MIB), on=[nas]) == []
