"""What ``run --list`` prints: the jobs."""

import json
import os
import sys
from collections.abc import Iterator

from cleanup_nodemodule.config.definition import Said
from cleanup_nodemodule.config.files import Job
from cleanup_nodemodule.config.jobs import may_delete, to_begin
from cleanup_nodemodule.run.orders import mode_of
from cleanup_nodemodule.show.layout import bold, columns, folded
from cleanup_nodemodule.show.streams import is_terminal, print_lines, say
from cleanup_nodemodule.words import PROGRAM, command, printable

_INDENT = 4


def show_jobs(said: Said, *, as_json: bool) -> int:
    """Print the jobs: as a page at a terminal, as lines in a pipe, or as a document. Return the exit code."""
    rows = [_row(said, job) for _, job in sorted(said.jobs.items())]
    if as_json:
        return print_lines([json.dumps({"jobs": rows}, indent=2)])
    if not rows:
        say(f"{PROGRAM}: there are no jobs; to begin one, type: {to_begin('nightly')}")
    return print_lines(_page(rows) if is_terminal(sys.stdout) else _lines(rows))


def _row(said: Said, job: Job) -> dict[str, object]:
    values = said.values({}, job)
    return {
        "name": job.name,
        "mode": mode_of(values),
        "may_delete": may_delete(job),
        "path": list(values.texts("path")) if values.is_given("path") else [],
        "about": job.about,
        "file": job.source.place,
        "line": job.source.line,
    }


def _lines(rows: list[dict[str, object]]) -> Iterator[str]:
    """Give a line a job, its fields parted by tabs: name, mode, what it is for, the file."""
    for row in rows:
        fields = (row["name"], row["mode"], row["about"] or "-", row["file"])
        yield "\t".join(printable(str(field)) for field in fields)


def _page(rows: list[dict[str, object]]) -> Iterator[str]:
    width = columns(100)
    home = os.path.expanduser("~")
    for row in rows:
        yield bold(f"{row['name']}:")
        if row["about"]:
            yield from folded(printable(str(row["about"])), width, _INDENT)
        mode = {"dry-run": "deletes nothing", "delete": "deletes", "trash": "moves to the trash"}
        whose = "" if row["mode"] == "dry-run" or row["may_delete"] else ", but not for you"
        yield from folded(f"it {mode[str(row['mode'])]}{whose}", width, _INDENT)
        file = str(row["file"])
        if file.startswith(os.path.join(home, "")):
            file = f"~{file.removeprefix(home)}"
        line = f", line {row['line']}" if row["line"] else ""
        yield from folded(f"in {printable(file)}{line}", width, _INDENT)
    if rows:
        yield ""
        yield from folded(f"To see what one would do: {command('run', 'NAME', '--dry-run')}", width)
