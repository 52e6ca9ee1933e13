"""The report as NDJSON: whole lines, each of them valid, the run first and the totals last."""

import json
from dataclasses import fields
from typing import Any

import jsonschema
import pytest

from cleanup_nodemodule.report import records
from cleanup_nodemodule.report.groups import with_groups
from cleanup_nodemodule.report.rows import GateRow, LeftoverRow, OtherRow, ProblemRow, Report
from support.reports import HOSTILE, report, row


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    """What says whether a record is as the schema has it."""
    schema = json.loads(records.records_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def full() -> Any:
    return report(
        [row(path) for path in HOSTILE],
        [ProblemRow("machine", path, "open", "EACCES", path, "open") for path in HOSTILE],
        leftovers=[LeftoverRow("machine", HOSTILE[1], None, None, None, None)],
        other_ecosystems=[OtherRow("rust", 2)],
        gates=[GateRow("--max-delete", "bytes", 1, 2, "no")],
    )


def test_each_record_is_one_line_that_the_schema_takes(
    validator: jsonschema.Draft202012Validator,
) -> None:
    lines = list(records.lines(full()))
    assert all(line.isascii() and line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
    told = [json.loads(line) for line in lines]
    for one in told:
        validator.validate(one)
        assert next(iter(one)) == "record"
    artifacts = ["artifact"] * len(HOSTILE)
    problems = ["problem"] * len(HOSTILE)
    kinds = [one["record"] for one in told]
    assert kinds == ["run", *artifacts, *problems, "leftover", "totals"]
    assert [one["path"] for one in told[1 : len(HOSTILE) + 1]] == list(HOSTILE)


def test_groups_stand_in_the_place_of_the_artifacts(
    validator: jsonschema.Draft202012Validator,
) -> None:
    told = [json.loads(line) for line in records.lines(with_groups(full(), "root"))]
    for one in told:
        validator.validate(one)
    assert [one["record"] for one in told if one["record"] in {"group", "artifact"}] == ["group"]


def test_the_schema_takes_nothing_else(validator: jsonschema.Draft202012Validator) -> None:
    first, second, *_, last = (json.loads(line) for line in records.lines(full()))
    assert validator.is_valid(second)
    wrong: list[dict[str, Any]] = [
        {**second, "record": "row"},
        {**second, "extra": 1},
        {**second, "record": "problem"},
        {key: value for key, value in second.items() if key != "record"},
        {**last, "complete": None},
        {**first, "schema_version": 3},
    ]
    assert [validator.is_valid(one) for one in wrong] == [False] * len(wrong)


def test_records_that_come_one_by_one_are_the_same() -> None:
    """Each is one call, so that what a reader has by then ends with a whole line."""
    told, written = full(), list[bytes]()
    writer = records.Records(written.append)
    writer.begin(records.run_record(told))
    for one in (*told.artifacts, *told.problems, *told.leftovers):
        writer.row(one)
    writer.end(records.totals_record(told))
    assert written == list(records.lines(told))


def test_each_field_of_a_document_is_in_a_record() -> None:
    told = {name for line in records.lines(full()) for name in json.loads(line)}
    rows = {"artifacts", "problems", "leftovers", "groups", "totals", "by"}
    assert {field.name for field in fields(Report)} - rows <= told
