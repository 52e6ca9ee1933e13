"""What this program has written is read back as it was, and what is wrong with anything else is said in a sentence."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.report import records
from cleanup_nodemodule.report.build import of_failure
from cleanup_nodemodule.report.document import to_json
from cleanup_nodemodule.report.groups import with_groups
from cleanup_nodemodule.report.read import DocumentError, Reader, SavedRow, read_audit
from cleanup_nodemodule.report.rows import ArtifactRow, EvidenceRow, Report, Run
from support.audits import TOOL, artifact, audit_of, data


def as_written(report: Report) -> Report:
    """Return a report with the rows that reading it back gives, which have their text beside them."""
    audit = read_audit(data(report), "a.json")
    assert all(type(row) is SavedRow for row in audit.rows)
    plain = [
        ArtifactRow(**{name: getattr(row, name) for name in ArtifactRow.__slots__})
        for row in audit.rows
    ]
    return replace(audit.report, artifacts=plain)


_NAMES = st.text(st.characters(max_codepoint=0x10FFFF), max_size=8).map(
    lambda name: name.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")
)
_BYTES = st.integers(0, 2**63)
_ROWS = st.builds(
    artifact,
    st.lists(_NAMES, min_size=1).map(lambda names: "/" + "/".join(names)),
    _BYTES,
    keep=st.none() | st.sampled_from(["unproven", "in-use"]),
    evidence=st.builds(EvidenceRow, *[st.lists(_NAMES, max_size=2)] * 4),
    warnings=st.lists(_NAMES, max_size=2),
    owner=st.none() | _NAMES,
    last_used_at=st.none() | st.just("2026-05-01T03:00:00+00:00"),
    complete=st.booleans(),
)


@given(st.lists(_ROWS, max_size=4))
def test_what_was_written_is_read_as_it_was(rows: list[ArtifactRow]) -> None:
    report = audit_of(*rows)
    assert as_written(report) == report


@given(st.lists(_ROWS, max_size=4))
def test_another_layout_makes_no_difference(rows: list[ArtifactRow]) -> None:
    document = json.loads(data(audit_of(*rows)))
    one = read_audit(data(audit_of(*rows)), "a.json")
    for laid_out in (
        json.dumps(document, indent=2),
        json.dumps(document),
        json.dumps(document, indent="\t"),
    ):
        other = read_audit(laid_out.encode(), "a.json")
        assert [row.path for row in other.rows] == [row.path for row in one.rows]
        assert to_json(replace(other.report, artifacts=other.rows)) == to_json(audit_of(*rows))


def test_a_row_is_written_again_as_it_stood_there() -> None:
    report = audit_of(artifact("/srv/\udcff/node_modules"), artifact("/srv/b/node_modules"))
    audit = read_audit(data(report), "a.json")
    assert data(replace(audit.report, artifacts=audit.rows)) == data(report)
    changed = [replace(row, host="there") for row in audit.rows]
    assert '"host": "there"' in to_json(replace(audit.report, artifacts=changed))


def test_a_row_that_two_documents_have_is_read_once() -> None:
    reader = Reader()
    rows = [artifact(f"/srv/{name}/node_modules") for name in "abc"]
    old = reader.read(data(audit_of(*rows)), "old.json")
    new = reader.read(data(audit_of(*rows[1:], artifact("/srv/d/node_modules"), day=2)), "new.json")
    assert {row.path for row in new.rows} == {f"/srv/{name}/node_modules" for name in "bcd"}
    assert sum(any(row is one for one in old.rows) for row in new.rows) == 2


def ndjson(report: Report) -> bytes:
    return b"".join(records.lines(report))


@given(st.lists(_ROWS, max_size=4))
def test_ndjson_holds_the_same(rows: list[ArtifactRow]) -> None:
    report = audit_of(*rows, others=["rust"], complete=False)
    audit = read_audit(ndjson(report), "a.ndjson")
    assert audit.report == replace(report, artifacts=[])
    plain = [
        ArtifactRow(**{one: getattr(row, one) for one in ArtifactRow.__slots__})
        for row in audit.rows
    ]
    assert plain == rows


def test_ndjson_that_is_cut_short() -> None:
    whole = ndjson(audit_of(artifact("/srv/a/dist"), artifact("/srv/b/dist")))
    for length in range(20, len(whole) - 1):
        assert "is cut short" in wrong(whole[:length], "a.ndjson")


def test_ndjson_with_sums_has_no_artifacts() -> None:
    summed = with_groups(audit_of(artifact("/srv/a/dist")), "owner")
    assert wrong(ndjson(summed)) == "a.json has sums and no artifacts; make it again without --by"


def test_ndjson_with_a_line_that_is_none() -> None:
    whole = ndjson(audit_of(artifact("/srv/a/dist")))
    assert "line 2 is no record" in wrong(
        whole.replace(b'"record":"artifact"', b'"record":"weather"')
    )
    assert "artifact 1: path cannot be" in wrong(whole.replace(b'"path":"/srv', b'"path":"srv'))


def test_a_mark_before_the_document_is_passed_over() -> None:
    assert len(read_audit(b"\xef\xbb\xbf" + data(audit_of(artifact("/srv/a/dist"))), "a").rows) == 1


def test_a_field_that_a_later_program_adds_is_passed_over() -> None:
    document = json.loads(data(audit_of(artifact("/srv/a/dist"))))
    document["weather"] = "fine"
    document["artifacts"][0]["colour"] = "blue"
    assert read_audit(json.dumps(document).encode(), "a").rows[0].path == "/srv/a/dist"


def test_what_was_written_before_there_were_two_numbers_has_the_promise_for_both() -> None:
    made = json.loads(data(audit_of(artifact("/srv/a/dist", 5000), artifact("/srv/b/dist", 7000))))
    made["totals"]["freed_bytes"] = 900
    for one in (*made["artifacts"], made["totals"]):
        del one["reclaimable_at_most_bytes"], one["shared_bytes"]
    del made["totals"]["counted_bytes"]
    del made["file_systems"]
    old = json.dumps(made).encode()
    audit = read_audit(old, "a")
    assert [(one.reclaimable_at_most_bytes, one.shared_bytes) for one in audit.rows] == [
        (5000, 0),
        (7000, 0),
    ]
    assert audit.report.totals.reclaimable_at_most_bytes == 12000
    assert audit.report.totals.counted_bytes == 900
    assert audit.report.file_systems == []
    # It goes into a document as if it had been written today.
    again = read_audit(data(replace(audit.report, artifacts=list(audit.rows))), "b")
    assert again.rows == audit.rows
    assert [one.reclaimable_at_most_bytes for one in Reader().read(old, "a").rows] == [5000, 7000]


def wrong(text: bytes | str, name: str = "a.json") -> str:
    """Return what is said of a document that cannot be read."""
    with pytest.raises(DocumentError) as caught:
        read_audit(text.encode() if isinstance(text, str) else text, name)
    said = str(caught.value)
    assert "\n" not in said
    assert len(said) < 300
    with pytest.raises(DocumentError):
        Reader().read(text.encode() if isinstance(text, str) else text, name)
    return said


def document(**changes: Any) -> str:
    """Return a document with two artifacts of which some fields are changed, ``row__`` for those of the second."""
    made = json.loads(data(audit_of(artifact("/srv/a/dist"), artifact("/srv/b/dist"))))
    for name, value in changes.items():
        row = name.removeprefix("row__")
        (made["artifacts"][1] if row != name else made)[row] = value
    return json.dumps(made)


def test_sentences_are_safe_to_show() -> None:
    made = json.loads(document())
    problem = {
        "host": "h",
        "path": None,
        "doing": "read",
        "errno": "EIO",
        "message": "x\x1b[2J",
        "code": "read",
    }
    made["problems"] = [problem]
    [row] = read_audit(json.dumps(made).encode(), "a").report.problems
    assert row.message == "$'x\\e[2J'"
    problem["doing"] = "<img src=x>"
    assert "doing cannot be" in wrong(json.dumps(made))


def test_what_is_no_document() -> None:
    assert "a.json is empty" in wrong(b" \n")
    assert "a.json is no JSON: Expecting value in line 1" in wrong("hello")
    assert "a.json is no JSON" in wrong('{"a": 1} {"b": 2}')
    assert "no text in UTF-8" in wrong('{"a": "ü"}'.encode("latin-1"))
    assert "nested too deeply" in wrong("[" * 200_000)
    assert "a.json is no audit" in wrong(f'{{"a": {"9" * 5000}}}')
    assert "NaN is no number" in wrong('{"a": NaN}')


@pytest.mark.parametrize(
    "text", ["[]", "{}", "3", "null", '{"entries": []}', '{"tool": {"name": "other"}}']
)
def test_what_is_no_audit(text: str) -> None:
    assert wrong(text) == (
        "a.json is no audit of cleanup-nodemodule; an audit is what this prints: cleanup-nodemodule PATH --json"
    )


def test_a_document_that_is_cut_short() -> None:
    whole = data(audit_of(*(artifact(f"/srv/{number}/dist") for number in range(5))))
    for length in range(1, len(whole) - 2):
        said = wrong(whole[:length])
        assert "is cut short" in said, (length, said)


def test_versions() -> None:
    assert (
        "newer than 2, which this program reads; read it with the program that wrote it"
        in wrong(document(schema_version=3))
    )
    assert "of schema version 1, older than 2" in wrong(document(schema_version=1))
    for odd in (None, True, "2", [2], 2.5):
        assert "of schema version" in wrong(document(schema_version=odd))


def test_the_document_of_a_run_that_failed() -> None:
    run = Run(TOOL, "here", 0.0, 1.0, "dry-run")
    failed = of_failure("busy\x1b", ProblemCode.LOCKED, None, run)
    assert wrong(data(failed)) == "a.json is no audit, because its run failed: $'busy\\e'"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"row__reason": "x\x1b[2J"}, "artifact 2: reason cannot be"),
        ({"row__reason": "| <img src=x>"}, "artifact 2: reason cannot be"),
        ({"row__path": "relative"}, "artifact 2: path cannot be"),
        ({"row__path": 3}, "artifact 2: path cannot be 3"),
        ({"row__allocated_bytes": -1}, "artifact 2: allocated_bytes cannot be -1"),
        ({"row__allocated_bytes": 10**30}, "artifact 2: allocated_bytes cannot be 1000"),
        ({"row__allocated_bytes": True}, "artifact 2: allocated_bytes cannot be true"),
        ({"row__reclaimable_at_most_bytes": -1}, "reclaimable_at_most_bytes cannot be -1"),
        ({"row__reclaimable_bytes": 1.5}, "artifact 2: reclaimable_bytes cannot be 1.5"),
        ({"row__decision": "burn"}, 'artifact 2: decision cannot be "burn"'),
        ({"row__complete": 1}, "artifact 2: complete cannot be 1"),
        ({"row__host": None}, "artifact 2: host cannot be null"),
        ({"row__outcome": "lost"}, 'artifact 2: outcome cannot be "lost"'),
        ({"artifacts": [3]}, "artifact 1: it is no object"),
        ({"artifacts": [None]}, "artifact 1: it is no object"),
        ({"artifacts": {}}, "artifacts is no list"),
        ({"roots": [1]}, "roots cannot have 1"),
        ({"roots": None}, "roots cannot be null"),
        ({"started_at": "yesterday"}, 'started_at cannot be "yesterday"'),
        ({"started_at": "2026-05-01"}, "started_at cannot be"),
        ({"duration_s": 1e300}, "duration_s cannot be"),
        ({"totals": []}, "totals cannot be []"),
        ({"totals": {}}, "found is missing"),
        ({"mode": "undo"}, 'mode cannot be "undo"'),
    ],
)
def test_what_is_wrong_is_said_with_its_place(change: dict[str, Any], where: str) -> None:
    said = wrong(document(**change))
    assert said.startswith("a.json is damaged: ")
    assert where in said
    assert said.endswith("make it again with: cleanup-nodemodule PATH --json")


@pytest.mark.parametrize(
    "change",
    [
        {"row__evidence": []},
        {"row__evidence": {"made_by": [1], "comes_back": [], "also_inside": [], "besides": []}},
        {"row__warnings": [None]},
        {"row__last_used_at": "2026-05-01T00:00:00"},
        {"row__last_used_at": "0001-01-01T00:00:00+23:59"},
        {"row__files": None},
    ],
)
def test_what_a_comparison_does_not_need_is_checked_for_the_rest(change: dict[str, Any]) -> None:
    with pytest.raises(DocumentError, match="artifact 2"):
        read_audit(document(**change).encode(), "a.json")


def test_a_line_that_is_wrong_is_found_among_those_that_are_right() -> None:
    whole = data(audit_of(*(artifact(f"/srv/{number}/dist") for number in range(2500))))
    said = wrong(whole.replace(b'"path": "/srv/2222/dist"', b'"path": ["/srv/2222/dist"]'))
    assert "artifact 2223: path cannot be" in said


def test_an_odd_name_is_safe_to_show() -> None:
    assert wrong(b"", "a\x1b[2J.json").startswith("$'a\\e[2J.json' is empty")
