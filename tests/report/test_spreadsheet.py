"""The report as CSV: what any reader of it gets, and that no spreadsheet takes a name for a formula."""

import csv
import io
import re
import unicodedata
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanup_nodemodule.report import spreadsheet
from cleanup_nodemodule.report.groups import with_groups
from cleanup_nodemodule.report.rows import EvidenceRow
from cleanup_nodemodule.words import printable
from support.reports import HOSTILE, report, row

SIGNS: Final = "=+-@\N{MINUS SIGN}"


def read(data: bytes, delimiter: str = ",") -> list[list[str]]:
    """Return the cells as the csv module reads them."""
    text = data.decode("utf-8")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def written(*paths: str) -> bytes:
    return b"".join(spreadsheet.lines(report([row(path) for path in paths])))


def test_each_line_ends_as_the_standard_says() -> None:
    """RFC 4180, 2: CR and LF, and the header has as many fields as each line."""
    lines = list(spreadsheet.lines(report([row(path) for path in HOSTILE])))
    assert all(line.endswith(b"\r\n") and line.count(b"\n") == 1 for line in lines)
    assert not lines[0].startswith(b"\xef\xbb\xbf")
    assert {len(cells) for cells in read(b"".join(lines))} == {len(spreadsheet.COLUMNS)}


def test_every_path_is_read_back_as_it_is_shown_elsewhere() -> None:
    head, *rows = read(written(*HOSTILE))
    paths = [cells[head.index("path")] for cells in rows]
    shown = [printable(path) for path in HOSTILE]
    assert paths == [one.replace(";=", ";'=") for one in shown]
    assert [one for one in shown if one not in paths] == ["/srv/x;=1+1/node_modules"]


def test_numbers_stay_numbers_and_nothing_is_an_empty_cell() -> None:
    evidence = EvidenceRow(["one", "two"], [], [], [])
    told = report([row("/srv/a/dist", rule=None, evidence=evidence, warnings=["a", "b"])])
    _, line = spreadsheet.lines(told)
    assert line.startswith(
        b'"/srv/a/dist","dist","","js","/srv/a","/srv","machine","somebody","",12,"one; two",""'
    )
    [cells] = read(line)
    told_of = dict(zip(spreadsheet.COLUMNS, cells, strict=True))
    assert told_of["allocated_bytes"] == "4096"
    assert told_of["warnings"] == "a; b"
    assert told_of["complete"] == "true"
    assert told_of["reason"] == told_of["error"] == ""


@pytest.mark.parametrize(
    "text",
    [
        *("=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1", "\n=1", "\u3000=1", "\xa0=1"),
        *("\uff1d1", "\uff0b1", "\uff0d1", "\uff20x", "\ufe631", "\u22121", "\u200b=1"),
        *("x;=1", "x; =1", "x;\uff1d1", ";;@y"),
    ],
)
def test_what_begins_like_a_formula_does_not_any_more(text: str) -> None:
    """Neither in a spreadsheet that parts fields by commas nor in one that parts them by semicolons."""
    for delimiter in ",;":
        for cell in read(written(text), delimiter)[1]:
            begins = unicodedata.normalize("NFKC", cell.strip()[:1])
            assert begins not in {*SIGNS}, cell


@pytest.mark.parametrize("text", ["a=b", "a-b", "me@home", "/x/-y", "名前", "ﬀ", "_=", "a; b"])
def test_what_only_has_such_a_sign_stays_as_it_is(text: str) -> None:
    assert spreadsheet.safe(text) == text


@given(st.text(max_size=40))
def test_whatever_a_name_is_it_takes_one_cell_and_is_no_formula(name: str) -> None:
    shown = spreadsheet.safe(name)
    assert not re.match(rf"\s*[{re.escape(SIGNS)}]", unicodedata.normalize("NFKC", shown[:3]))
    head, cells = read(written(f"/srv/{name}"))
    assert len(head) == len(cells)
    assert cells[0] == spreadsheet.safe(f"/srv/{name}")


def test_the_header_is_there_where_nothing_is_found() -> None:
    assert read(b"".join(spreadsheet.lines(report()))) == [list(spreadsheet.COLUMNS)]
    grouped = with_groups(report(), "owner")
    assert read(b"".join(spreadsheet.lines(grouped))) == [list(spreadsheet.GROUP_COLUMNS)]
