"""What scripts rely on: names, types, order of columns and exit codes of every format, however a run ends."""

import csv
import io
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, TypeAlias

import jsonschema
import pytest

from cleanup_nodemodule.config.keys import By, Format
from cleanup_nodemodule.show.formats import KINDS
from support.places import CHECKOUT, COMMAND
from support.processes import execute, start, strace
from support.tool import Run, Tool
from support.trees import declare, listing
from support.waiting import TIMEOUT, await_condition

FIELDS: Final = {
    "path": str,
    "name": str,
    "rule": str,
    "ecosystem": str,
    "project": str,
    "root": str,
    "host": str,
    "owner": str,
    "file_system": str,
    "inode": int,
    "evidence.made_by": str,
    "evidence.comes_back": str,
    "evidence.also_inside": str,
    "evidence.besides": str,
    "decision": str,
    "reason": str,
    "reason_detail": str,
    "apparent_bytes": int,
    "allocated_bytes": int,
    "reclaimable_bytes": int,
    "files": int,
    "directories": int,
    "inside": int,
    "complete": str,
    "last_used_at": str,
    "regenerate": str,
    "regenerate_in": str,
    "warnings": str,
    "outcome": str,
    "error": str,
    "left_at": str,
    "reclaimable_at_most_bytes": int,
    "shared_bytes": int,
    "shared_with.store": str,
    "shared_with.path": str,
    "shared_with.command": str,
    "shared_with.proved": str,
}
"""The columns of CSV in order, each with its type."""

GROUP_FIELDS: Final = {
    "by": str,
    "group": str,
    "found": int,
    "selected": int,
    "deleted": int,
    "reclaimable_bytes": int,
    "allocated_bytes": int,
    "oldest": str,
    "newest": str,
    "reclaimable_at_most_bytes": int,
    "shared_bytes": int,
}

TOTALS: Final = [
    *("found", "selected", "allocated_bytes", "reclaimable_bytes", "deleted", "failed", "trashed"),
    *("freed_bytes", "observed_freed_bytes", "reclaimable_at_most_bytes", "shared_bytes"),
    "counted_bytes",
]

RECORDS: Final = {
    "run": ["record", "schema_version", "tool", "host", "started_at", "mode", "roots"],
    "artifact": [
        "record",
        *dict.fromkeys(name.partition(".")[0] for name in FIELDS),
    ],
    "group": ["record", *GROUP_FIELDS],
    "problem": ["record", "host", "path", "doing", "errno", "message", "code"],
    "leftover": ["record", "host", "path", "original", "run", "outcome", "error"],
    "totals": [
        *("record", *TOTALS, "duration_s", "complete", "unseen_processes", "unmatched_patterns"),
        *("other_ecosystems", "gates", "gone", "goals", "sources", "asked", "file_systems"),
        "observed",
        "out_of_time",
    ],
}
"""The fields of each record of NDJSON, in order."""

Table: TypeAlias = list[dict[str, str | int]]

SCHEMAS: Final = CHECKOUT / "docs/schema"


@pytest.fixture(scope="module")
def record_schema() -> jsonschema.Draft202012Validator:
    """The schema of a record, as it is published."""
    return jsonschema.Draft202012Validator(json.loads((SCHEMAS / "record-2.json").read_text()))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Two projects with proof, and one directory without."""
    top = tmp_path / "work"
    declare(
        top,
        {
            "a": {"package.json": "{}", "node_modules": {"x.js": 5000}},
            "b": {"package.json": "{}", "node_modules": {"x.js": 90000}},
            "c": {"dist": {"essay.txt": 100}},
        },
    )
    return top


def table(output: str, fields: dict[str, type]) -> Table:
    """Return the lines of CSV, whose columns, types and line endings are checked."""
    lines = output.split("\r\n")
    assert lines.pop() == ""
    assert not any("\n" in line or "\r" in line for line in lines)
    head, *rows = csv.reader(io.StringIO(output, newline=""), quoting=csv.QUOTE_NONNUMERIC)
    assert head == list(fields)
    for row in rows:
        for value, (name, kind) in zip(row, fields.items(), strict=True):
            assert isinstance(value, float) == (kind is int) or value == "", name
    return [dict(zip(head, row, strict=True)) for row in rows]


def records(output: str, validator: jsonschema.Draft202012Validator) -> list[dict[str, Any]]:
    """Return the records of NDJSON, whose order and shape are checked."""
    assert output.endswith("\n")
    told: list[dict[str, Any]] = [json.loads(line) for line in output.splitlines()]
    for one in told:
        validator.validate(one)
        assert list(one) == RECORDS[one["record"]]
    kinds = [one["record"] for one in told]
    assert (kinds[0], kinds[-1]) == ("run", "totals")
    assert {"run", "totals"}.isdisjoint(kinds[1:-1])
    return told


def kept(told: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [one for one in told if one["record"] == kind]


def as_read(value: Any) -> str | float:
    """Return a value of JSON as CSV has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "; ".join(value)
    return "" if value is None else value


def test_every_format_says_the_same(
    run: Run, work: Path, schema: dict[str, Any], record_schema: jsonschema.Draft202012Validator
) -> None:
    done = {form: run("-p", work, "--format", form) for form in Format}
    assert {one.returncode for one in done.values()} == {0}
    document = json.loads(done[Format.JSON].stdout)
    jsonschema.Draft202012Validator(schema).validate(document)
    artifacts = document["artifacts"]
    assert [row["path"] for row in artifacts] == [
        f"{work}/{path}" for path in ("b/node_modules", "a/node_modules", "c/dist")
    ]
    lines = table(done[Format.CSV].stdout, FIELDS)
    flat = [
        {
            **row,
            **{f"evidence.{name}": facts for name, facts in row["evidence"].items()},
            # None of them shares anything.
            **{name: row["shared_with"] for name in FIELDS if name.startswith("shared_with.")},
        }
        for row in artifacts
    ]
    assert lines == [{name: as_read(row[name]) for name in FIELDS} for row in flat]
    told = records(done[Format.NDJSON].stdout, record_schema)
    # They come when they are decided.
    assert sorted(kept(told, "artifact"), key=itemgetter("path")) == [
        {"record": "artifact", **row} for row in sorted(artifacts, key=itemgetter("path"))
    ]
    assert {key: told[-1][key] for key in TOTALS} == document["totals"]
    plain = [line.split("\t") for line in done[Format.PLAIN].stdout.splitlines()]
    assert [(row[0], row[1], row[5]) for row in plain] == [
        (row["decision"], row["reason"] or "-", row["path"]) for row in artifacts
    ]
    assert done[Format.PATHS].stdout.splitlines() == [
        row["path"] for row in artifacts if row["decision"] == "delete"
    ]
    text = done[Format.MARKDOWN].stdout
    assert text.startswith("## 2 of 3 directories can be deleted, which frees ")
    assert all((f"`{row['path']}`" in text) == (row["decision"] == "delete") for row in artifacts)
    for form in (Format.JSON, Format.NDJSON):
        assert done[form].stderr == ""


def test_lines_that_cannot_hold_a_name_are_told_of(one_tool: Tool, work: Path) -> None:
    said = "lines cannot tell where it ends; type -0"
    assert said not in one_tool.tell(work, "--format", "paths").stderr
    declare(work, {"two\nlines": {"package.json": "{}", "node_modules": {"x.js": 1}}})
    assert said in one_tool.tell(work, "--format", "paths", "--quiet").stderr
    assert said in one_tool.tell(work, "--json", "-o", f"paths:{work / 'list'}").stderr
    assert said not in one_tool.tell(work, "-0").stderr
    assert said not in one_tool.tell(work, "--exclude", "two*").stderr


@pytest.mark.parametrize("by", By)
def test_groups_say_the_same_in_every_format(
    run: Run, work: Path, by: By, record_schema: jsonschema.Draft202012Validator
) -> None:
    forms = [form for form in Format if form is not Format.PATHS]
    done = {form: run("-p", work, "--by", by, "--format", form) for form in forms}
    assert {one.returncode for one in done.values()} == {0}
    document = json.loads(done[Format.JSON].stdout)
    groups = document["groups"]
    assert document["by"] == by
    # A document stays whole, as other commands read it.
    assert sum(one["found"] for one in groups) == len(document["artifacts"]) == 3
    assert table(done[Format.CSV].stdout, GROUP_FIELDS) == [
        {name: as_read(one[name]) for name in GROUP_FIELDS} for one in groups
    ]
    told = records(done[Format.NDJSON].stdout, record_schema)
    assert kept(told, "group") == [{"record": "group", **one} for one in groups]
    assert kept(told, "artifact") == []
    plain = [line.split("\t") for line in done[Format.PLAIN].stdout.splitlines()]
    numbers = ("reclaimable_bytes", "allocated_bytes", "found", "selected")
    assert [[*row[:4], row[6]] for row in plain] == [
        [*(str(one[name]) for name in numbers), one["group"]] for one in groups
    ]
    assert {len(row) for row in plain} == {7}
    for form in (Format.TABLE, Format.MARKDOWN):
        assert all(one["group"] in done[form].stdout for one in groups)
    assert done[Format.TABLE].stdout.startswith(f"By {by}:\n")


def test_nothing_found_is_a_result_too(
    run: Run, tmp_path: Path, record_schema: jsonschema.Draft202012Validator
) -> None:
    done = {form: run("--format", form) for form in Format}
    assert {one.returncode for one in done.values()} == {0}
    assert table(done[Format.CSV].stdout, FIELDS) == []
    assert table(run("--by", "age", "--format", "csv").stdout, GROUP_FIELDS) == []
    told = records(done[Format.NDJSON].stdout, record_schema)
    assert [one["record"] for one in told] == ["run", "totals"]
    assert (told[0]["roots"], told[-1]["complete"]) == ([str(tmp_path)], True)
    assert done[Format.MARKDOWN].stdout.startswith("## Nothing was found\n")
    for form in (Format.TABLE, Format.PLAIN, Format.PATHS):
        assert done[form].stdout == ""


def test_a_problem_is_in_every_format_that_has_a_place_for_it(
    run: Run, work: Path, record_schema: jsonschema.Draft202012Validator
) -> None:
    done = {form: run("-p", work, "-p", work / "nowhere", "--format", form) for form in Format}
    assert {one.returncode for one in done.values()} == {3}
    [problem] = json.loads(done[Format.JSON].stdout)["problems"]
    assert (problem["path"], problem["code"]) == (f"{work}/nowhere", "search-root")
    told = records(done[Format.NDJSON].stdout, record_schema)
    assert kept(told, "problem") == [{"record": "problem", **problem}]
    assert told[-1]["complete"] is False
    assert f"* could not search `{work}/nowhere`: " in done[Format.MARKDOWN].stdout
    assert len(table(done[Format.CSV].stdout, FIELDS)) == 3


@pytest.mark.parametrize("wrong", [("--dryrun",), ("--profile", "nope"), ("-p", "nowhere")])
def test_what_is_wrong_is_told_in_every_format_that_has_words_for_it(
    run: Run, wrong: tuple[str, ...], record_schema: jsonschema.Draft202012Validator
) -> None:
    done = {form: run("--format", form, *wrong) for form in Format}
    assert {one.returncode for one in done.values()} == {2}
    for form, one in done.items():
        assert (one.stdout != "") == KINDS[form].tells_failures
        assert one.stderr.startswith("cleanup-nodemodule: ")
    [problem] = json.loads(done[Format.JSON].stdout)["problems"]
    told = records(done[Format.NDJSON].stdout, record_schema)
    assert [one["record"] for one in told] == ["run", "problem", "totals"]
    assert told[1] == {"record": "problem", **problem}
    assert told[-1]["complete"] is False
    assert done[Format.MARKDOWN].stdout.startswith("## Nothing was done\n")
    assert table(done[Format.CSV].stdout, FIELDS) == []


def test_a_limit_that_is_exceeded_is_told(
    run: Run, work: Path, record_schema: jsonschema.Draft202012Validator
) -> None:
    limit = ("--max-delete", "1")
    done = {form: run("-p", work, *limit, "--format", form) for form in Format}
    assert {one.returncode for one in done.values()} == {4}
    [gate] = json.loads(done[Format.JSON].stdout)["gates"]
    assert (gate["option"], gate["limit"], gate["actual"]) == ("--max-delete", 1, 2)
    assert records(done[Format.NDJSON].stdout, record_schema)[-1]["gates"] == [gate]
    assert "**--max-delete: " in done[Format.MARKDOWN].stdout


def test_a_deletion_is_told_in_every_format(
    run: Run, tmp_path: Path, record_schema: jsonschema.Draft202012Validator
) -> None:
    done = {}
    for form in Format:
        top = tmp_path / form
        declare(top, {"package.json": "{}", "node_modules": {"x.js": 5000}})
        done[form] = run("-p", top, "--no-dry-run", "--format", form)
        assert done[form].returncode == 0
        assert listing(top) == [b"package.json"]
    [line] = table(done[Format.CSV].stdout, FIELDS)
    assert (line["decision"], line["outcome"]) == ("delete", "deleted")
    told = records(done[Format.NDJSON].stdout, record_schema)
    assert [one["outcome"] for one in kept(told, "artifact")] == ["deleted"]
    assert (told[0]["mode"], told[-1]["deleted"]) == ("delete", 1)
    assert done[Format.MARKDOWN].stdout.startswith("## Deleted 1 of 1 directory, which freed ")
    assert done[Format.PATHS].stdout == f"{tmp_path}/paths/node_modules\n"


HOSTILE: Final = (
    *(b"two\nlines", b"tab\there", b"\x1b[31mred", b"\xff\xfe", b"[/b]", b"=1+1", b"-rf", b"a|b"),
    *(b"`tick`", b'"quoted", and', b"x;=cmd|' /C calc'!A0", "\u202etxt".encode(), b"<b>&amp;"),
)


def test_no_name_breaks_a_line(
    run: Run, tmp_path: Path, record_schema: jsonschema.Draft202012Validator
) -> None:
    top = tmp_path / "top"
    declare(top, {name: {"package.json": "{}", "node_modules": {"x": "y"}} for name in HOSTILE})
    done = {form: run("-p", top, "--format", form) for form in Format if form is not Format.PATHS}
    assert {one.returncode for one in done.values()} == {0}
    lines = table(done[Format.CSV].stdout, FIELDS)
    assert len(lines) == len(HOSTILE)
    assert not any(
        re.search(r"(^|;)\s*[=+\-@]", str(cell)) for line in lines for cell in line.values()
    )
    told = kept(records(done[Format.NDJSON].stdout, record_schema), "artifact")
    paths = {os.fsencode(one["path"]) for one in told}
    assert paths == {os.path.join(os.fsencode(top), name, b"node_modules") for name in HOSTILE}
    assert len(done[Format.PLAIN].stdout.splitlines()) == len(HOSTILE)
    for one in done.values():
        assert "\x1b" not in one.stdout


# However it ends.


@pytest.mark.slow
@pytest.mark.parametrize("form", [Format.NDJSON, Format.CSV, Format.MARKDOWN])
def test_a_run_that_is_stopped_says_so_in_whole_lines(
    tmp_path: Path, record_schema: jsonschema.Draft202012Validator, form: Format
) -> None:
    """On standard output, and in a file, which is there in spite of the signal."""
    top, log, file = tmp_path / "tree", tmp_path / "log", tmp_path / f"written.{form}"
    project = {"package.json": "{}", "node_modules": {"a": "b"}}
    declare(top, {f"d{number:02}": project for number in range(40)})
    delay = [f"-P{path}" for path in sorted(top.glob("d*"))]
    prefix = strace(log, "--trace=getdents64", "--inject=getdents64:delay_enter=30000", *delay)
    process = start(
        *(*prefix, COMMAND, "--format", form, "-o", f"{form}:{file}", "-p", str(top)), cwd=tmp_path
    )
    with process:
        try:
            await_condition(
                lambda: log.exists() and len(re.findall(rf"{top}/d\d\d>", log.read_text())) >= 3,
                "three directories were listed",
            )
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=TIMEOUT)
        finally:
            process.kill()
    assert process.returncode == 130
    # What does not say that it was stopped is not written over yesterday's.
    assert file.exists() == (form is Format.NDJSON)
    for text in (output, file.read_text()) if file.exists() else (output,):
        if form is Format.NDJSON:
            told = records(text, record_schema)
            assert told[-1]["complete"] is False
            assert told[-1]["found"] == len(kept(told, "artifact")) < 40
        elif form is Format.CSV:
            table(text.replace("\n", "\r\n") if "\r" not in text else text, FIELDS)
        else:
            assert text.startswith("## ")


@pytest.mark.parametrize("form", Format)
def test_a_reader_that_has_gone_is_no_failure(work: Path, form: Format) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [COMMAND, "-p", work, "--format", form],
            stdout=write,
            stderr=subprocess.PIPE,
            timeout=TIMEOUT,
            check=False,
            cwd=work,
        )
    finally:
        os.close(write)
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("form", Format)
def test_a_full_disk_under_standard_output_is_a_failure_that_is_said(
    work: Path, form: Format
) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [COMMAND, "-p", work, "--format", form],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=TIMEOUT,
            check=False,
            cwd=work,
        )
    assert done.returncode == 1
    assert b"could not print the result: No space left on device" in done.stderr


@pytest.mark.parametrize("form", Format)
def test_a_locale_without_a_character_changes_no_byte_of_what_programs_read(
    tmp_path: Path, form: Format
) -> None:
    top = tmp_path / "名前"
    declare(top, {"package.json": "{}", "node_modules": {"x": "y"}})
    told: list[bytes] = [
        execute(
            *(COMMAND, "-p", top, "--format", form),
            cwd=tmp_path,
            env={**os.environ, "LC_ALL": locale},
        ).stdout
        for locale in ("C.UTF-8", "POSIX")
    ]
    if KINDS[form].endings and form is not Format.PLAIN:
        times: Callable[[bytes], bytes] = lambda data: re.sub(  # noqa: E731 - for two lines below
            rb'20\d\d-[0-9T:+-]+|"duration_s": ?[0-9.]+', b"", data
        )
        assert times(told[0]) == times(told[1])


def test_the_schemas_are_published_as_the_program_has_them(run: Run) -> None:
    """``make pages`` brings them up to date."""
    from cleanup_nodemodule.report.records import records_schema  # noqa: PLC0415 - it loads pydantic

    assert {path.name for path in SCHEMAS.iterdir()} >= {"report-2.json", "record-2.json"}
    assert (SCHEMAS / "report-2.json").read_text() == run("--json-schema").stdout
    assert (SCHEMAS / "record-2.json").read_text() == records_schema() + "\n"


def test_each_format_has_an_entry_and_no_ending_asks_for_two() -> None:
    assert set(KINDS) == set(Format)
    endings = [ending for kind in KINDS.values() for ending in kind.endings]
    assert len(set(endings)) == len(endings)


def test_the_page_for_scripts_names_the_columns_and_the_records() -> None:
    """In the order in which they stand."""
    text = (CHECKOUT / "docs/scripts.md").read_text()
    for fields in (FIELDS, GROUP_FIELDS):
        listed = r",\s".join(f"`{re.escape(name)}`" for name in fields)
        assert re.search(rf"{listed}\.", text), fields
    named = re.findall(r"^\| `(\w+)` \| one", text, re.MULTILINE)
    assert sorted(named) == sorted(RECORDS)
