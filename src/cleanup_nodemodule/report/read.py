"""Documents that this program has written, read back: an audit that was saved becomes a report again. Pure.

Whoever made a document may have been anybody. So everything in it is checked before it is believed: that each field is
there, of its type and within its bounds. The types of ``rows`` say which fields there are. One that is added within a
version needs a default there, or documents from before it cannot be read any more.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.report.rows import GONE, SCHEMA_VERSION, ArtifactRow, Report
from cleanup_nodemodule.report.shapes import Shape, WrongError, briefly, shape_of
from cleanup_nodemodule.words import PROGRAM, command, printable

_START: Final = b'\n  "artifacts": [\n'
_END: Final = b"\n  ]"
"""Between these stand the artifacts, one a line, as ``document`` writes them."""

_FIRST_RECORD: Final = b'{"record":"run",'
_ARTIFACT: Final = b'{"record":"artifact",'
"""How records begin (``records``)."""

_BEGUN: Final = {"usage", "interrupted", "locked", "use-record", "read-record", "failure"}
"""Codes of the one problem that the document of a failed run has."""


_PEEK: Final = 100
"""Bytes in which a document has begun."""

_AT_ONCE: Final = 1_000
"""Rows that are checked together, which is much faster than one by one."""

_T = TypeVar("_T")


class DocumentError(UsageError):
    """A document that cannot be read. The message begins with its name, and says what to do."""


@dataclass(frozen=True, slots=True)
class BriefRow:
    """The fields of an artifact by which two audits are compared."""

    path: str
    project: str
    host: str
    rule: str | None
    ecosystem: str | None
    decision: Literal["delete", "keep"]
    reason: str | None
    allocated_bytes: int
    reclaimable_bytes: int
    reclaimable_at_most_bytes: int
    complete: bool
    outcome: Literal["deleted", "trashed", "failed"] | None
    error: str | None


class SavedRow(ArtifactRow):
    """An artifact of a document, with the text that stood there.

    Writing that again is ten times as fast as making it anew. A row that is changed has no text.
    """

    __slots__ = ("text",)

    text: str


@dataclass(frozen=True, slots=True)
class Audit(Generic[_T]):
    """A document that was read."""

    name: str
    """What it is called in sentences, fit for showing."""
    report: Report
    """All of it but the artifacts."""
    rows: list[_T]


def is_there(row: ArtifactRow | BriefRow) -> bool:
    """Whether an artifact was still in its place when the run that found it had ended."""
    if row.outcome is None:
        return row.error != GONE
    return row.outcome == "failed"


def read_audit(data: bytes, name: str) -> Audit[ArtifactRow]:
    """Return the audit that *data*, the document called *name*, holds. Raises DocumentError."""
    return _read(data, name, shape_of(SavedRow, ArtifactRow))


class Reader:
    """Reads as much of audits as a comparison needs: in less time, and a row that stands in two of them only once."""

    def __init__(self) -> None:
        self._known: dict[bytes, BriefRow] = {}

    def read(self, data: bytes, name: str) -> Audit[BriefRow]:
        """Return the audit that *data*, the document called *name*, holds. Raises DocumentError."""
        return _read(data, name, shape_of(BriefRow, BriefRow), self._known)


def _read(
    data: bytes, name: str, shape: "Shape[_T]", known: dict[bytes, _T] | None = None
) -> Audit[_T]:
    name = printable(name)
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    if not (data[:_PEEK].strip() or data.strip()):  # The whole would be copied.
        raise DocumentError(
            f"{name} is empty; the run that was to write it failed, or is still at work"
        )
    try:
        document, rows = _parted(data) or _records(data, name) or _whole(data, name)
        report = _report_of(document, name)
        return Audit(name, report, _rows_of(rows, shape, known))
    except WrongError as error:
        raise DocumentError(
            f"{name} is damaged: {error}; make it again with: {command('PATH', '--json')}"
        ) from error


_Rows: TypeAlias = Iterator[tuple[bytes | None, Any]]
"""Rows: as the text of a line that is still to be read, or else as JSON has them."""


def _parted(data: bytes) -> tuple[Any, _Rows] | None:
    """Return a document without its artifacts, and these; None if it does not have one a line.

    A program may have laid it out anew, as jq does. Then it is read as a whole, which takes more memory.
    """
    start = data.find(_START)
    end = data.find(_END, start + len(_START) - 1)
    if start < 0 or end < 0:
        return None
    first = start + len(_START)
    line = data[first : data.find(b"\n", first)]
    if not (line.startswith(b"    {") and line.endswith((b"},", b"}"))):
        return None
    try:
        document = json.loads(data[:first] + data[end:], parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return document, _lines_of(data, first, end)


def _lines_of(data: bytes, first: int, end: int) -> _Rows:
    lines = BytesIO(data)
    lines.seek(first)
    while lines.tell() < end:
        yield lines.readline().strip().removesuffix(b","), None


def _parsed(text: bytes) -> Any:
    from pydantic_core import from_json

    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError:
        # That knows no lone surrogates, which stand for the bytes of a name that is not UTF-8.
        try:
            return json.loads(text, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise WrongError("it is no JSON") from error


def _records(data: bytes, name: str) -> tuple[Any, _Rows] | None:
    """Return an audit that was written as NDJSON, as JSON has it, and its artifacts; None for anything else."""
    if not data.startswith(_FIRST_RECORD):
        return None
    artifacts: list[bytes] = []
    others: dict[str, list[Any]] = {"run": [], "problem": [], "leftover": [], "totals": []}
    for number, line in enumerate(BytesIO(data), 1):
        if line.startswith(_ARTIFACT):
            artifacts.append(b"{" + line[len(_ARTIFACT) :].rstrip())
            continue
        try:
            record = json.loads(line, parse_constant=_no_number)
            others[record.pop("record")].append(record)
        except (ValueError, RecursionError, TypeError, AttributeError, KeyError) as error:
            if not line.endswith(b"\n"):
                break  # The last one, and not whole.
            if b'"record":"group"' in line:
                raise DocumentError(
                    f"{name} has sums and no artifacts; make it again without --by"
                ) from error
            raise WrongError(f"line {number} is no record") from error
    if len(others["totals"]) != 1 or len(others["run"]) != 1:
        raise DocumentError(
            f"{name} is cut short: the last record is missing; its run was killed, or is still at work"
        )
    [run], [end] = others["run"], others["totals"]
    rest = {"problems": others["problem"], "leftovers": others["leftover"]}
    return {**end, **run, "totals": end, "artifacts": [], **rest}, (
        (one, None) for one in artifacts
    )


def _whole(data: bytes, name: str) -> tuple[Any, _Rows]:
    try:
        document = json.loads(data, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise DocumentError(f"{name} is no JSON, and no text in UTF-8") from error
    except RecursionError as error:
        raise DocumentError(f"{name} is no audit: its lists are nested too deeply") from error
    except json.JSONDecodeError as error:
        rest = error.doc[error.pos :].strip()
        # It may also end in the midst of a number or a word.
        cut = error.msg.startswith("Unterminated") or re.fullmatch(r"[\w.+-]*", rest, re.ASCII)
        if cut and error.doc.lstrip()[:1] == "{":
            raise DocumentError(
                f"{name} is cut short: it ends in line {error.lineno}, before the end of the document;"
                " the run that was to write it failed, or is still at work"
            ) from error
        raise DocumentError(f"{name} is no JSON: {error.msg} in line {error.lineno}") from error
    except ValueError as error:  # A number that is none, or has thousands of digits.
        raise DocumentError(f"{name} is no audit: {error}") from error
    rows = document.get("artifacts", []) if isinstance(document, dict) else []
    if not isinstance(rows, list):
        raise WrongError("artifacts is no list")
    return document, ((None, row) for row in rows)


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")


def _report_of(document: Any, name: str) -> Report:
    """Return the report without its artifacts."""
    tool = document.get("tool") if isinstance(document, dict) else None
    ours = isinstance(tool, dict) and tool.get("name") == PROGRAM and "artifacts" in document
    if not ours or "roots" not in document:
        raise DocumentError(
            f"{name} is no audit of {PROGRAM}; an audit is what this prints:"
            f" {command('PATH', '--json')}"
        )
    version = document.get("schema_version")
    if version != SCHEMA_VERSION or isinstance(version, bool):
        which = "newer" if isinstance(version, int) and version > SCHEMA_VERSION else "older"
        advice = (
            "read it with the program that wrote it, or a later one"
            if which == "newer"
            else f"make it again with: {command('PATH', '--json')}"
        )
        raise DocumentError(
            f"{name} is of schema version {briefly(version)}, {which} than"
            f" {SCHEMA_VERSION}, which this program reads; {advice}"
        )
    report: Report = shape_of(Report, Report).made([{**document, "artifacts": []}])[0]
    codes = {problem.code for problem in report.problems}
    if not report.roots and codes & _BEGUN:
        message = report.problems[0].message
        raise DocumentError(f"{name} is no audit, because its run failed: {message}")
    return report


def _rows_of(rows: _Rows, shape: "Shape[_T]", known: dict[bytes, _T] | None) -> list[_T]:
    made: list[_T] = []
    while some := list(islice(rows, _AT_ONCE)):
        if known:
            made += [known[text] for text, _ in some if text in known]
            some = [(text, row) for text, row in some if text not in known]
        try:
            plain = [row if text is None else _parsed(text) for text, row in some]
            these = shape.made(plain)
        except WrongError:
            _find_wrong(some, shape, len(made))
            raise
        texts = [text for text, _ in some if text is not None]
        if known is not None:
            known.update(zip(texts, these, strict=False))
        elif texts:
            for one, row, text in zip(these, plain, texts, strict=True):
                # With fields that only a later program knows, or others than ASCII allows, it is written anew.
                if len(row) == shape.width and text.isascii():
                    _set_text(one, text.decode("ascii"))
        made += these
    return made


def _find_wrong(rows: list[tuple[bytes | None, Any]], shape: "Shape[Any]", before: int) -> None:
    """Raise WrongError for the first row that is wrong, with its number."""
    for number, (text, row) in enumerate(rows, before + 1):
        try:
            shape.made([row if text is None else _parsed(text)])
        except WrongError as error:
            raise WrongError(f"artifact {number}: {error}") from error


_set_text: Callable[[Any, str], None] = SavedRow.__dict__["text"].__set__
