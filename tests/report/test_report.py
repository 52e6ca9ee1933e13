"""The report: one document, always of the same shape, whose numbers add up."""

import itertools
import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import jsonschema
import pytest

from cleanup_nodemodule import __version__, engine
from cleanup_nodemodule.model import Contents, Decision, Delete, Evidence, Keep, Level, Reason
from cleanup_nodemodule.survey.decide import decide
from support.places import COMMAND
from support.processes import Terminal, bound, execute, mode
from support.tool import Run, facts
from support.trees import declare, listing

Document: TypeAlias = dict[str, Any]

ARTIFACT = [
    *("path", "name", "rule", "ecosystem", "project", "root", "host", "owner"),
    *("file_system", "inode", "evidence", "decision", "reason"),
    "reason_detail",
    *("apparent_bytes", "allocated_bytes", "reclaimable_bytes", "files", "directories"),
    "inside",
    *("complete", "last_used_at", "regenerate", "regenerate_in", "warnings", "outcome", "error"),
    *("left_at", "reclaimable_at_most_bytes", "shared_bytes", "shared_with"),
]
PROBLEM = ["host", "path", "doing", "errno", "message", "code"]
LEFTOVER = ["host", "path", "original", "run", "outcome", "error"]
TOTALS = [
    *("found", "selected", "allocated_bytes", "reclaimable_bytes"),
    *("deleted", "failed", "trashed", "freed_bytes", "observed_freed_bytes"),
    *("reclaimable_at_most_bytes", "shared_bytes", "counted_bytes"),
]
REPORT = [
    *("schema_version", "tool", "host", "started_at", "duration_s", "mode", "roots"),
    *("complete", "artifacts", "problems", "totals", "leftovers", "unseen_processes"),
    "unmatched_patterns",
    *("other_ecosystems", "gates", "goals", "sources", "gone", "by", "groups"),
    *("asked", "file_systems", "observed", "out_of_time"),
]
GATE = ["option", "unit", "limit", "actual", "sentence"]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Two projects with proof, sharing a hard link, and a folder without."""
    top = tmp_path / "work"
    declare(
        top,
        {
            "a": {"package.json": "{}", "node_modules": {"x.js": 5000, "deep": {"y.js": 1}}},
            "b": {"package.json": "{}", "package-lock.json": "{}", "node_modules": {"z": 70000}},
            "c": {"dist": {"essay.txt": 100}},
        },
    )
    os.link(top / "a/node_modules/x.js", top / "b/node_modules/x.js")
    os.link(top / "a/node_modules/deep/y.js", top / "c/dist/y.js")
    return top


def checked(schema: Document, output: str | bytes) -> Document:
    """Return the one document in *output*, its shape, keys and sums checked."""
    document: Document = json.loads(output)
    jsonschema.Draft202012Validator(schema).validate(document)
    assert list(document) == REPORT
    assert document["schema_version"] == 2
    name = "cleanup-nodemodule"
    assert document["tool"] == {"name": name, "version": __version__, "engine": engine.name()}
    rows, totals = document["artifacts"], document["totals"]
    assert list(totals) == TOTALS
    assert [list(row) for row in rows] == [ARTIFACT] * len(rows)
    assert all(list(problem) == PROBLEM for problem in document["problems"])
    assert totals["found"] == len(rows)
    assert totals["selected"] == _count(rows, decision="delete")
    assert totals["deleted"] == _count(rows, outcome="deleted")
    assert totals["failed"] == _count(rows, outcome="failed")
    assert totals["trashed"] == _count(rows, outcome="trashed")
    assert all(list(gate) == GATE for gate in document["gates"])
    assert [list(row) for row in document["leftovers"]] == [LEFTOVER] * len(document["leftovers"])
    for key in ("allocated_bytes", "reclaimable_bytes"):
        assert totals[key] == sum(row[key] for row in rows)
    for row in rows:
        assert (row["reason"] is None) == (row["decision"] == "delete")
        assert (row["error"] is None) == (row["outcome"] != "failed")
        assert row["left_at"] is None or row["outcome"] == "failed"
        assert row["decision"] == "delete" or row["reclaimable_bytes"] == 0
        assert row["name"] == os.path.basename(row["path"])
    return document


def _count(rows: list[Document], **wanted: str) -> int:
    return sum(all(row[key] == value for key, value in wanted.items()) for row in rows)


def by_name(document: Document) -> dict[str, Document]:
    """Return the rows by the name of their project."""
    return {os.path.basename(row["project"]): row for row in document["artifacts"]}


def disk_use(*paths: Path) -> list[int]:
    """Return what ``du`` counts for each of *paths*, in the order given."""
    output = execute("du", "-s", "--block-size=1", *paths, cwd=paths[0].parent).stdout
    return [int(line.split(b"\t")[0]) for line in output.splitlines()]


def test_what_is_found_is_reported_with_its_numbers(run: Run, work: Path, schema: Document) -> None:
    result = run("-p", work, "--json", "--sort", "path")
    document = checked(schema, result.stdout)
    assert result.returncode == 0
    assert (document["mode"], document["complete"], document["problems"]) == ("dry-run", True, [])
    assert document["roots"] == [str(work)]
    a, b, c = document["artifacts"]
    # Given all three, du counts each inode once too, in the order given; here the last path has it.
    sizes = disk_use(work / "c/dist", work / "b/node_modules", work / "a/node_modules")[::-1]
    assert [row["allocated_bytes"] for row in (a, b, c)] == sizes
    # The last link to y.js stays behind in dist, so its block does not come back.
    assert [row["reclaimable_bytes"] for row in (a, b, c)] == [sizes[0], sizes[1], 0]
    differs = {"last_used_at", "apparent_bytes", "owner", "file_system"}
    assert {key: b[key] for key in ARTIFACT if key not in differs} == {
        "path": f"{work}/b/node_modules",
        "name": "node_modules",
        "rule": "js/node_modules",
        "ecosystem": "js",
        "project": f"{work}/b",
        "root": str(work),
        "host": socket.gethostname(),
        "inode": (work / "b/node_modules").stat().st_ino,
        "evidence": {
            "made_by": ["package.json beside it"],
            "comes_back": [],
            "also_inside": [],
            "besides": [],
        },
        "decision": "delete",
        "reason": None,
        "reason_detail": None,
        "allocated_bytes": sizes[1],
        "reclaimable_bytes": sizes[1],
        "reclaimable_at_most_bytes": sizes[1],
        "shared_bytes": 0,
        "shared_with": None,
        "files": 2,
        "directories": 1,
        "inside": 0,
        "complete": True,
        "regenerate": "npm ci",
        "regenerate_in": f"{work}/b",
        "warnings": [],
        "outcome": None,
        "error": None,
        "left_at": None,
    }
    assert (c["decision"], c["reason"], facts(c)) == ("keep", "unproven", [])
    assert document["totals"] == {
        "found": 3,
        "selected": 2,
        "allocated_bytes": sum(sizes),
        "reclaimable_bytes": sizes[0] + sizes[1],
        "reclaimable_at_most_bytes": sizes[0] + sizes[1],
        "shared_bytes": document["totals"]["shared_bytes"],
        "counted_bytes": 0,
        "deleted": 0,
        "failed": 0,
        "trashed": 0,
        "freed_bytes": 0,
        "observed_freed_bytes": None,
    }


def test_nothing_found_is_a_document_too(run: Run, tmp_path: Path, schema: Document) -> None:
    document = checked(schema, run("--json").stdout)
    assert (document["artifacts"], document["problems"]) == ([], [])
    assert (document["complete"], document["totals"]["found"]) == (True, 0)
    assert document["roots"] == [str(tmp_path)]


def test_a_deletion_reports_what_was_freed(run: Run, work: Path, schema: Document) -> None:
    planned = checked(schema, run("-p", work, "--json").stdout)
    result = run("-p", work, "--json", "--no-dry-run")
    document = checked(schema, result.stdout)
    assert (result.returncode, document["mode"], document["complete"]) == (0, "delete", True)
    rows = by_name(document)
    assert {name: row["outcome"] for name, row in rows.items()} == {
        "a": "deleted",
        "b": "deleted",
        "c": None,
    }
    totals = document["totals"]
    assert totals["freed_bytes"] == planned["totals"]["reclaimable_bytes"]
    assert isinstance(totals["observed_freed_bytes"], int)
    assert [sorted(os.listdir(work / name)) for name in "abc"] == [
        ["package.json"],
        ["package-lock.json", "package.json"],
        ["dist"],
    ]


def test_a_failure_is_reported_and_stops_nothing_else(work: Path, schema: Document) -> None:
    gone = ("b/node_modules", "b/node_modules/x.js", "b/node_modules/z")
    freed = sum((work / path).stat().st_blocks * 512 for path in gone)
    with mode(work / "a/node_modules/deep", 0o555):
        result = execute(
            *(*bound(), COMMAND, "--json", "--no-dry-run", "--sort", "path"),
            cwd=work,
        )
    document = checked(schema, result.stdout)
    assert (result.returncode, document["complete"]) == (3, True)
    [left] = (work / "a").glob(".cleanup-nodemodule-*")
    stuck = f"{left}/deep/y.js"
    why = f"could not delete {stuck}: Permission denied; what is left of it is at {left}"
    assert [(row["outcome"], row["error"], row["left_at"]) for row in document["artifacts"]] == [
        ("failed", why, str(left)),
        ("deleted", None, None),
        (None, None, None),
    ]
    assert document["problems"] == [
        {
            "host": socket.gethostname(),
            "path": stuck,
            "doing": "delete",
            "errno": "EACCES",
            "message": "Permission denied",
            "code": "delete",
        }
    ]
    assert (document["totals"]["deleted"], document["totals"]["failed"]) == (1, 1)
    assert document["totals"]["freed_bytes"] == freed
    assert listing(work / "a") == sorted(
        [
            b"package.json",
            *(os.fsencode(f"{left.name}{path}") for path in ("", "/deep", "/deep/y.js")),
        ]
    )
    assert not (work / "b/node_modules").exists()


def test_what_cannot_be_read_is_a_lower_bound_and_kept(work: Path, schema: Document) -> None:
    with mode(work / "a/node_modules/deep", 0):
        result = execute(*bound(), COMMAND, "--json", "--no-dry-run", cwd=work)
    document = checked(schema, result.stdout)
    assert result.returncode == 3
    row = by_name(document)["a"]
    assert (row["decision"], row["reason"], row["complete"]) == ("keep", "unreadable", False)
    assert document["complete"] is False
    assert document["problems"] == [
        {
            "host": socket.gethostname(),
            "path": f"{work}/a/node_modules/deep",
            "doing": "open",
            "errno": "EACCES",
            "message": "Permission denied",
            "code": "open",
        }
    ]
    assert (work / "a/node_modules/deep/y.js").exists()


def test_wrong_usage_is_a_document_too(run: Run, tmp_path: Path, schema: Document) -> None:
    misspelt = checked(schema, run("--json", "--dryrun").stdout)
    assert misspelt["problems"] == [
        {
            "host": socket.gethostname(),
            "path": None,
            "doing": "understand the command line",
            "errno": "EINVAL",
            "message": "there is no option --dryrun; did you mean --dry-run?",
            "code": "usage",
        }
    ]
    missing = checked(schema, run("--json", "-p", "nowhere").stdout)
    assert [(row["path"], row["errno"]) for row in missing["problems"]] == [
        (f"{tmp_path}/nowhere", "ENOENT")
    ]
    for document in (misspelt, missing):
        assert (document["complete"], document["artifacts"], document["roots"]) == (False, [], [])


def test_a_no_at_the_question_is_a_deletion_of_nothing(work: Path, schema: Document) -> None:
    read, write = os.pipe()
    with (
        os.fdopen(read) as pipe,
        Terminal("--json", "--no-dry-run", cwd=work, stdout=write) as terminal,
    ):
        os.close(write)
        terminal.expect("?] ")
        terminal.type("n\n")
        assert terminal.finish() == 0
        document = checked(schema, pipe.read())
    assert (document["mode"], document["complete"]) == ("delete", True)
    assert [row["outcome"] for row in document["artifacts"]] == [None] * 3


def test_the_schema_takes_nothing_else(run: Run, work: Path, schema: Document) -> None:
    document = checked(schema, run("-p", work, "--json").stdout)
    validator = jsonschema.Draft202012Validator(schema)
    row = document["artifacts"][0]
    wrong: list[Mapping[str, Any]] = [
        {**document, "extra": 1},
        {**document, "schema_version": 3},
        {**document, "mode": "pretend"},
        {key: value for key, value in document.items() if key != "totals"},
        {**document, "artifacts": [{**row, "extra": 1}]},
        {**document, "artifacts": [{**row, "outcome": "gone"}]},
        {**document, "artifacts": [{**row, "allocated_bytes": "1"}]},
        {**document, "artifacts": [{key: row[key] for key in row if key != "path"}]},
    ]
    assert [validator.is_valid(candidate) for candidate in wrong] == [False] * len(wrong)


def test_the_schema_says_what_each_field_means(schema: Document) -> None:
    fields = schema["$defs"]["ArtifactRow"]["properties"]
    assert list(fields) == ARTIFACT
    assert "du counts" in fields["allocated_bytes"]["description"]
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


# The decision, over everything there is to decide by.

PROTECTIONS = [Reason.INSTALLED, Reason.TRACKED, Reason.GIT_FAILED]


def decision(
    level: Level,
    protection: Reason | None = None,
    *,
    mounts: bool = False,
    repositories: bool = False,
    complete: bool = True,
) -> Decision:
    evidence = Evidence(level, (), protection, "js/node_modules", "js", "/p", None, None, (), 0)
    contents = Contents(
        *(1, 1, 1, 1, 1),
        complete=complete,
        mounts=("/p/node_modules/m",) if mounts else (),
        repositories=("/p/node_modules/r",) if repositories else (),
    )
    return decide(evidence, contents)


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (Level.PROVEN, Delete()),
        (Level.NAMED, Delete()),
        (Level.UNPROVEN, Keep(Reason.UNPROVEN)),
    ],
)
def test_only_what_is_proven_or_named_is_deleted(level: Level, expected: Decision) -> None:
    assert decision(level) == expected


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("protection", PROTECTIONS)
def test_every_protection_beats_every_proof(level: Level, protection: Reason) -> None:
    assert decision(level, protection) == Keep(protection)


@pytest.mark.parametrize("level", Level)
def test_what_lies_inside_beats_every_proof(level: Level) -> None:
    assert decision(level, mounts=True) == Keep(Reason.MOUNT_POINT)
    assert decision(level, repositories=True) == Keep(Reason.REPOSITORY_INSIDE)
    assert decision(level, complete=False) == Keep(Reason.UNREADABLE)


@pytest.mark.parametrize("level", Level)
def test_nothing_is_deleted_unless_nothing_protects_it(level: Level) -> None:
    flags = itertools.product([False, True], repeat=3)
    for protection, (mounts, repositories, unread) in itertools.product(
        [None, *PROTECTIONS], flags
    ):
        decided = decision(
            level, protection, mounts=mounts, repositories=repositories, complete=not unread
        )
        free = not (protection or mounts or repositories or unread)
        assert isinstance(decided, Delete) == (free and level in {Level.PROVEN, Level.NAMED})
