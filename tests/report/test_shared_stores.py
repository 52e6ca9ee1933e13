"""The store that an artifact shares with: in the document, in a spreadsheet, and in words."""

import csv
import io
import json
from dataclasses import replace
from typing import Any, Final

import pytest

from cleanup_nodemodule.report import bounds, spreadsheet
from cleanup_nodemodule.report.document import to_json
from cleanup_nodemodule.report.read import DocumentError, read_audit
from cleanup_nodemodule.report.rows import ArtifactRow, SharedRow
from cleanup_nodemodule.show import lines as plain
from support.reports import report, row

PNPM: Final = SharedRow(
    "pnpm store", "/home/me/.local/share/pnpm/store/v10", "pnpm store prune", proved=True
)
MEBIBYTE: Final = 1 << 20


def shares(path: str, store: SharedRow | None, mebibytes: int = 80, **fields: Any) -> ArtifactRow:
    """Return an artifact that shares so much with a *store*, and gives back 1.7 MiB."""
    return row(
        path,
        allocated_bytes=mebibytes * MEBIBYTE + 2 * MEBIBYTE,
        reclaimable_bytes=17 * MEBIBYTE // 10,
        shared_bytes=mebibytes * MEBIBYTE,
        shared_with=store,
        **fields,
    )


def test_one_line_says_what_it_takes_what_comes_back_and_what_frees_the_rest() -> None:
    line = "82.0 MiB here, 1.7 MiB come back; 80.0 MiB are shared with the pnpm store: pnpm store prune"
    one = shares("/srv/a/node_modules", PNPM)
    assert bounds.in_short(one) == line
    assert line in plain.known_of(one)
    likely = replace(one, shared_with=replace(PNPM, proved=False))
    assert "80.0 MiB are probably shared with the pnpm store: " in bounds.in_short(likely)
    assert bounds.briefly(likely) == "80.0 MiB probably shared with the pnpm store"
    without = replace(one, shared_with=replace(PNPM, command=None))
    assert bounds.in_short(without).endswith(f"shared with the pnpm store, {PNPM.path}")
    assert bounds.in_short(shares("/srv/b/node_modules", None)) == ""


def test_the_last_words_name_each_store_once_with_all_that_it_has() -> None:
    other = SharedRow("Yarn store", "/s\x1b[31m", None, proved=True)
    rows = [
        shares("/srv/a/node_modules", PNPM),
        shares("/srv/b/node_modules", PNPM),
        shares("/srv/c/node_modules", None),
        shares("/srv/d/node_modules", other, 10),
    ]
    first, pnpm, yarn = bounds.why(report(rows))
    assert first.startswith("Shared with copies elsewhere: 250.0 MiB.")
    assert pnpm == "Of that, 160.0 MiB are shared with the pnpm store: pnpm store prune"
    assert yarn.startswith("Of that, 10.0 MiB are shared with the Yarn store, ")
    assert yarn.isprintable()
    # Of several machines, which one it is.
    rows[1] = replace(rows[1], host="other")
    said = list(bounds.why(report(rows)))
    assert "On other 80.0 MiB are shared with the pnpm store: pnpm store prune" in said
    assert "On machine 80.0 MiB are shared with the pnpm store: pnpm store prune" in said


def test_it_is_in_the_document_and_read_back() -> None:
    made = report([shares("/srv/a/node_modules", PNPM), shares("/srv/b/node_modules", None)])
    text = to_json(made)
    first, second = json.loads(text)["artifacts"]
    assert first["shared_with"] == {
        "store": "pnpm store",
        "path": PNPM.path,
        "command": "pnpm store prune",
        "proved": True,
    }
    assert second["shared_with"] is None
    assert [one.shared_with for one in read_audit(text.encode(), "a.json").rows] == [PNPM, None]
    # Those of before have no such field.
    assert (
        read_audit(text.replace('"shared_with"', '"other"').encode(), "a.json").rows[0].shared_with
        is None
    )


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (1, "shared_with cannot be 1"),
        ([], "shared_with cannot be"),
        ({"store": 1, "path": "/b", "command": None, "proved": True}, "store cannot be 1"),
        ({"store": "a", "path": "b", "command": None, "proved": True}, "path cannot be"),
        ({"store": "a", "path": "/b"}, "command is missing"),
    ],
)
def test_a_document_with_anything_else_there_is_refused(wrong: Any, why: str) -> None:
    made = json.loads(to_json(report([shares("/srv/a/node_modules", PNPM)])))
    made["artifacts"][0]["shared_with"] = wrong
    with pytest.raises(DocumentError, match=why):
        read_audit(json.dumps(made).encode(), "a.json")


def test_a_spreadsheet_has_a_column_for_each_part_of_it() -> None:
    made = report([shares("/srv/a/node_modules", PNPM), shares("/srv/b/node_modules", None)])
    text = b"".join(spreadsheet.lines(made)).decode()
    first, second = csv.DictReader(io.StringIO(text))
    parts = ("store", "path", "command", "proved")
    assert [first[f"shared_with.{part}"] for part in parts] == [
        *("pnpm store", PNPM.path, "pnpm store prune", "true")
    ]
    assert [second[f"shared_with.{part}"] for part in parts] == ["", "", "", ""]
