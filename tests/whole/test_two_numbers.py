"""Where content is shared, everything that is read says the same two numbers, from the table to the log."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cleanup_nodemodule.words import promised, size
from support.filesystems import Mounts
from support.tool import PROJECT, Tool
from support.trees import declare

MIB = 1 << 20

CHUNK = 64 * 512
"""Bytes of the inodes that XFS gives back together."""

NUMBERS = ("allocated_bytes", "reclaimable_bytes", "reclaimable_at_most_bytes", "shared_bytes")


def clone(what: Path, where: Path) -> None:
    subprocess.run(["cp", "--reflink=always", what, where], check=True)


@pytest.fixture
def disk(disks: Mounts, tmp_path: Path) -> Path:
    """Two projects that have one another's content, one that has that of a store, and one that shares nothing."""
    top = disks.image("xfs", tmp_path / "disk")
    declare(top, {"work": dict.fromkeys(("a", "b", "c", "d"), PROJECT), "store": {}})
    work, store = top / "work", top / "store"
    (work / "a/node_modules/twin").write_bytes(os.urandom(5 * MIB))
    (store / "kept").write_bytes(os.urandom(3 * MIB))
    (work / "d/node_modules/own").write_bytes(os.urandom(2 * MIB))
    subprocess.run(["sync", "-f", top], check=True)
    clone(work / "a/node_modules/twin", work / "b/node_modules/twin")
    clone(store / "kept", work / "c/node_modules/kept")
    subprocess.run(["sync", "-f", top], check=True)
    return top


def numbers(row: dict[str, Any]) -> tuple[int, ...]:
    return tuple(row[name] for name in NUMBERS)


def test_everything_that_is_read_says_the_same(one_tool: Tool, disk: Path) -> None:
    work = disk / "work"
    told = one_tool.run(work)
    rows = {name: told.rows[f"{name}/node_modules"] for name in "abcd"}
    totals = told.document["totals"]
    for name in NUMBERS:
        assert totals[name] == sum(row[name] for row in rows.values())
    a, b, c, d = (numbers(rows[name]) for name in "abcd")
    # Which of the two has the content in the end is all one: it comes back if both go.
    assert totals["reclaimable_at_most_bytes"] - totals["reclaimable_bytes"] >= 5 * MIB
    assert a[1] + b[1] + c[1] < MIB
    assert (a[3], b[3], c[3], d[3]) == (5 * MIB, 5 * MIB, 3 * MIB, 0)
    # What the store has, too, does not come back.
    assert c[2] < MIB
    assert 2 * MIB <= d[1] <= d[2] < 3 * MIB
    [place] = told.document["file_systems"]
    assert (place["kind"], place["accounting"], place["mount_point"]) == (
        *("xfs", "measured"),
        str(disk),
    )
    assert place["name"] == rows["a"]["file_system"]
    both = promised(totals["reclaimable_bytes"], totals["reclaimable_at_most_bytes"])
    assert ", up to " in both
    shared = "Shared with copies elsewhere: 13.0 MiB. That comes back only when the last copy goes."
    plain = one_tool.tell("-p", work)
    assert f"4 of 4 can be deleted, which frees {both}." in plain.stderr
    assert plain.stderr.count(shared) == 1
    lines = [line.split("\t") for line in plain.stdout.splitlines()]
    assert {line[5]: (int(line[2]), line[3]) for line in lines} == {
        row["path"]: (
            row["reclaimable_bytes"],
            promised(row["reclaimable_bytes"], row["reclaimable_at_most_bytes"]),
        )
        for row in rows.values()
    }
    page = one_tool.tell("-p", work, "--format", "markdown").stdout
    assert f"which frees {both}" in page
    assert page.count("Shared with copies elsewhere: 13.0 MiB.") == 1


def test_explain_says_what_comes_back_if_that_one_alone_goes(one_tool: Tool, disk: Path) -> None:
    work = disk / "work"
    rows = one_tool.run(work).rows
    for name in "cd":
        path = work / name / "node_modules"
        known = json.loads(one_tool.tell("explain", "-p", work, path, "--json").stdout)
        # Nothing else that goes has anything to do with it, but for chunks of inodes that are told of one of several.
        row = rows[f"{name}/node_modules"]
        at_most = known["reclaimable_at_most_bytes"], row["reclaimable_at_most_bytes"]
        assert abs(at_most[0] - at_most[1]) <= 4 * CHUNK
        assert (*numbers(known)[:2], known["shared_bytes"]) == (
            *numbers(row)[:2],
            row["shared_bytes"],
        )
        said = " ".join(one_tool.tell("explain", "-p", work, path).stdout.split())
        frees = promised(known["reclaimable_bytes"], known["reclaimable_at_most_bytes"])
        takes = size(known["allocated_bytes"])
        assert f" {takes} in 4 files; deleting it alone gives back {frees} " in said
        assert ("Shared with copies elsewhere: 3.0 MiB." in said) == (name == "c")
    # Alone it frees nothing of what the other one has, too.
    path = work / "a/node_modules"
    alone = json.loads(one_tool.tell("explain", "-p", work, path, "--json").stdout)
    assert alone["reclaimable_at_most_bytes"] < MIB
    assert alone["shared_bytes"] == 5 * MIB


def test_what_is_said_to_be_freed_is_what_was_promised(one_tool: Tool, disk: Path) -> None:
    work = disk / "work"
    planned = one_tool.run(work)
    (work / "a").rename(disk / "a")
    (work / "b").rename(disk / "b")
    totals = one_tool.delete(work).document["totals"]
    rows = [planned.rows[f"{name}/node_modules"] for name in "cd"]
    promise = sum(row["reclaimable_bytes"] for row in rows)
    assert totals["freed_bytes"] == promise < 3 * MIB
    # The files took what the store still has.
    assert totals["counted_bytes"] >= 5 * MIB
    entries = json.loads(one_tool.tell("log", "--all", "--json").stdout)["entries"]
    assert {(entry["path"], entry["freed_bytes"]) for entry in entries} == {
        (row["path"], row["reclaimable_bytes"]) for row in rows
    }
    assert all(
        entry["reclaimable_bytes"] == entry["freed_bytes"] <= entry["reclaimable_at_most_bytes"]
        for entry in entries
    )


def test_where_nobody_is_asked_du_counts_and_that_is_said(one_tool: Tool, disk: Path) -> None:
    work = disk / "work"
    told = one_tool.run(work, "--no-exact")
    for row in told.rows.values():
        assert (
            row["reclaimable_bytes"] == row["reclaimable_at_most_bytes"] == row["allocated_bytes"]
        )
        assert row["shared_bytes"] == 0
    [place] = told.document["file_systems"]
    assert place["accounting"] == "as-du-counts"
    said = f"{disk} (xfs): counted as du counts; the file system was not asked.\n"
    assert one_tool.tell("-p", work, "--no-exact").stderr.count(said) == 1
