"""Times how a result is printed, by how many rows it has: the table at two widths, and the document.

What is printed goes nowhere. The time is that of the processor, for each row, so that a table whose time
grows with more than its rows shows at once.
"""

import sys
import time
from collections.abc import Callable
from typing import Final, TextIO

from rich.console import Console

import machine
from cleanup_nodemodule import words
from cleanup_nodemodule.report import document
from cleanup_nodemodule.report import rows as report_rows
from cleanup_nodemodule.show import lines
from cleanup_nodemodule.show.table import Look, table

ROWS: Final = (12_500, 25_000, 50_000, 100_000)


def made(count: int) -> report_rows.Report:
    """Return a report of so many artifacts, every third of which is kept."""
    rows = [_row(number) for number in range(count)]
    totals = report_rows.Totals(count, count - count // 3, 0, 0, 0, 0, 0, 0, None, 0, 0, 0)
    tool = report_rows.Tool(words.PROGRAM, "0", "native")
    return report_rows.Report(
        *(2, tool, "host", "2026-02-01T00:00:00+00:00", 1.0, "dry-run", ["/srv"], True),
        *(rows, [], totals, [], 0, [], [], []),
    )


def _row(number: int) -> report_rows.ArtifactRow:
    kept = number % 3 == 0
    project = f"/srv/user-{number % 100}/work/project-{number}"
    return report_rows.ArtifactRow(
        path=f"{project}/node_modules",
        name="node_modules",
        rule="js/node_modules",
        ecosystem="js",
        project=project,
        root="/srv",
        host="host",
        owner="somebody",
        file_system="uuid:5d1f86a1-7e51-4d54-a1a6-0f5b3c9f2a11",
        inode=number + 12,
        evidence=report_rows.EvidenceRow([".package-lock.json inside"], [], [], []),
        decision="keep" if kept else "delete",
        reason="tracked" if kept else None,
        reason_detail="git tracks files inside" if kept else None,
        apparent_bytes=number * 1000,
        allocated_bytes=number * 1000,
        reclaimable_bytes=0 if kept else number * 1000,
        files=number,
        directories=1,
        inside=0,
        complete=True,
        last_used_at="2026-01-01T00:00:00+00:00",
        regenerate="npm ci",
        regenerate_in=project,
        warnings=[],
        outcome=None,
        error=None,
        left_at=None,
        reclaimable_at_most_bytes=0 if kept else number * 1000,
        shared_bytes=0,
    )


def _table(width: int) -> Callable[[report_rows.Report, TextIO], None]:
    def show(result: report_rows.Report, file: TextIO) -> None:
        console = Console(
            file=file, width=width, force_terminal=True, highlight=False, markup=False, emoji=False
        )
        for piece in table(result, Look(width=width)):
            console.print(piece, crop=False)

    return show


def _document(result: report_rows.Report, file: TextIO) -> None:
    file.writelines(document.json_lines(result))


def _lines(result: report_rows.Report, file: TextIO) -> None:
    file.writelines(f"{line}\n" for line in lines.lines(result))


KINDS: Final = (
    ("table, 80 columns", _table(80)),
    ("table, 200 columns", _table(200)),
    ("`--json`", _document),
    ("`--format plain`", _lines),
)


def main() -> int:
    """Print the table."""
    for line in machine.describe():
        print(line)
    print()
    print("|", *(f" | {count:,} rows" for count in ROWS), " |", sep="")
    print("|---", "|---:" * len(ROWS), "|", sep="")
    for name, show in KINDS:
        cells = []
        for count in ROWS:
            result = made(count)
            with open("/dev/null", "w", encoding="utf-8") as nowhere:
                start = time.process_time()
                show(result, nowhere)
                seconds = time.process_time() - start
            cells.append(f"{seconds:.2f} s ({1e6 * seconds / count:.0f} µs a row)")
        print("|", name, "|", " | ".join(cells), "|")
    return 0


if __name__ == "__main__":
    sys.exit(main())
