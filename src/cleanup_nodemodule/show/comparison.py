"""What has changed between two audits: as a table for people, as lines for pipes, and in last words."""

import sys
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from cleanup_nodemodule.report.comparison import ArtifactChange, Comparison, ProjectChange, Side
from cleanup_nodemodule.show.fitting import Marks, cells, marks_for, shortened, with_tilde
from cleanup_nodemodule.show.layout import bold, dim
from cleanup_nodemodule.words import printable, promised, size

_MOST: Final = 20
"""Rows of a section that are shown at a terminal unless more are asked for."""

_NAMED: Final = 3
"""Roots that are named in a sentence."""

_BECAUSE: Final[dict[str, str]] = {
    "name": "looked for other names (--profile, --targets or --also)",
    "min-depth": "did not look so high (--min-depth)",
    "max-depth": "did not look so deep (--max-depth)",
    "excluded": "was made with --exclude",
    "only-listed": "only looked at what a list named",
    "not-ended": "was stopped before its end",
    "not-read": "could not read the place",
}
"""What kept the other audit from an artifact. That it searched elsewhere is said with the roots."""

_WIDE: Final = 1_000_000
"""Columns enough for any path."""


class Look(NamedTuple):
    """How the table is to look."""

    width: int | None
    """Columns of the terminal; None: as many as it takes."""
    top: int | None = None
    """How many rows a section has, 0 for all; None: some at a terminal, else all."""
    verbose: bool = False
    """Each artifact is shown beneath its project."""
    home: str | None = None


def signed(count: int) -> str:
    """Return by how much something has grown, for people."""
    return f"{'+' if count > 0 else '-' if count < 0 else ''}{size(abs(count))}"


def named(comparison: Comparison, host: str, path: str) -> str:
    """Return a path, with its machine before it if the comparison is about several."""
    several = len({*comparison.old.hosts, *comparison.new.hosts}) > 1
    return f"{host}:{path}" if several and not comparison.by_path_only else path


# Lines for pipes.


def lines(comparison: Comparison, *, verbose: bool) -> Iterator[str]:
    """Give one line a project, or with *verbose* one an artifact, its fields parted by tabs, the path last and whole.

    What has become of it, bytes by which it has grown, the same for people, bytes before, bytes now (``-`` where it was
    not there), what could be done with it before and what can be done now, machine, path. All artifacts of a project
    together have no decision, so there is a ``-`` in its place.
    """
    if not verbose:
        for project in comparison.projects:
            yield _line(project, project.old_bytes, project.new_bytes, ("-", "-"), project.project)
        return
    for change in comparison.artifacts:
        decisions = (change.old_decision or "-", change.new_decision or "-")
        yield _line(change, change.old_bytes, change.new_bytes, decisions, change.path)


def _line(
    row: ProjectChange | ArtifactChange,
    old: int | None,
    new: int | None,
    decisions: tuple[str, str],
    path: str,
) -> str:
    before = "-" if old is None or row.change == "new" else str(old)
    now = "-" if new is None or row.change == "gone" else str(new)
    change = row.change_bytes
    fields = (row.change, str(change), signed(change), before, now, *decisions, row.host, path)
    return "\t".join(map(printable, fields))


# The table.


class _Row(NamedTuple):
    change: str
    now: str
    word: str
    path: str
    indent: int = 0


def table(comparison: Comparison, look: Look) -> Iterator[str]:
    """Give the lines of the table."""
    drawn = _Table(comparison, look)
    for number, lines in enumerate(filter(None, drawn.sections())):
        if number:
            yield ""
        yield from lines


class _Table:
    def __init__(self, comparison: Comparison, look: Look) -> None:
        self._comparison: Final = comparison
        self._look: Final = look
        self._marks: Final[Marks] = marks_for(sys.stdout)
        most = look.top
        if most is None:
            most = 0 if look.verbose or look.width is None else _MOST
        self._most: Final = most
        self._of_project: Final[dict[tuple[str, str], list[ArtifactChange]]] = {}
        if look.verbose:
            for change in comparison.artifacts:
                self._of_project.setdefault((change.host, change.project), []).append(change)

    def sections(self) -> Iterator[list[str]]:
        """Give the lines of each section, which may be none."""
        projects = self._comparison.projects
        grown = [one for one in projects if one.change_bytes > 0]
        less = [one for one in reversed(projects) if one.change_bytes < 0]
        yield self._projects("Takes more", grown)
        yield self._projects("Takes less", less)
        kept = [one for one in self._comparison.artifacts if one.kept_now]
        free = [one for one in self._comparison.artifacts if one.deletable_now]
        yield self._decisions("Could be deleted, and is kept now", kept)
        yield self._decisions("Was kept, and can be deleted now", free)

    def _projects(self, title: str, projects: Sequence[ProjectChange]) -> list[str]:
        rows: list[_Row] = []
        shown = projects[: self._most or None]
        for one in shown:
            now = "-" if one.change == "gone" else size(one.new_bytes)
            path = self._path(one.host, one.project)
            rows.append(_Row(signed(one.change_bytes), now, one.change, path))
            rows += self._artifacts(one)
        rest = sum(one.change_bytes for one in projects[len(shown) :])
        head = _Row("Change", "Now", "", "Path")
        return self._section(title, head, rows, len(projects) - len(shown), signed(rest))

    def _artifacts(self, project: ProjectChange) -> Iterator[_Row]:
        for one in self._of_project.get((project.host, project.project), ()):
            now = "-" if one.new_bytes is None else size(one.new_bytes)
            path = one.path.removeprefix(project.project.rstrip("/") + "/")
            yield _Row(signed(one.change_bytes), now, one.change, path, indent=2)

    def _decisions(self, title: str, changes: Sequence[ArtifactChange]) -> list[str]:
        changes = sorted(changes, key=lambda one: (-(one.new_bytes or 0), one.host, one.path))
        shown = changes[: self._most or None]
        rows = [
            _Row(
                "",
                size(one.new_bytes or 0),
                printable(one.new_reason or one.old_reason or "-"),
                self._path(one.host, one.path),
            )
            for one in shown
        ]
        rest = sum(one.new_bytes or 0 for one in changes[len(shown) :])
        head = _Row("", "Now", "Reason", "Path")
        return self._section(title, head, rows, len(changes) - len(shown), size(rest))

    def _section(
        self, title: str, head: _Row, rows: Sequence[_Row], more: int, rest: str
    ) -> list[str]:
        if not rows:
            return []
        widths = [max(cells(str(row[at])) for row in (head, *rows)) for at in range(3)]
        before = sum(width + 2 for width in widths if width) + 2
        lines = [bold(f"{title}:")]
        for number, row in enumerate((head, *rows)):
            left = f"  {row.change.rjust(widths[0])}" if widths[0] else ""
            left += f"  {row.now.rjust(widths[1])}  {row.word.ljust(widths[2])}  "
            left += " " * row.indent
            width = self._look.width
            room = _WIDE if width is None else max(10, width - before - row.indent)
            line = left + shortened(row.path, room, self._marks)
            lines.append(dim(line) if not number or row.indent else line)
        if more:
            words = f"and {more:,} more, {rest}"
            hint = f"{words} (--top 0 shows all)"
            fits = self._look.width is None or before + len(hint) <= self._look.width
            lines.append(dim(" " * before + (hint if fits else words)))
        return lines

    def _path(self, host: str, path: str) -> str:
        shown = named(self._comparison, host, path)
        return with_tilde(path, self._look.home) if shown == path else shown


# The last words.


def last_words(comparison: Comparison) -> Iterator[str]:
    """Give everything that is said behind the result."""
    yield from sums(comparison)
    yield from reservations(comparison)


def sums(comparison: Comparison) -> Iterator[str]:
    """Say how much has changed in all: numbers and words of ours, and no name."""
    totals, old, new = comparison.totals, comparison.old, comparison.new
    if totals.change_bytes:
        than = "more" if totals.change_bytes > 0 else "less"
        much = f"{size(abs(totals.change_bytes))} {than} than"
    else:
        much = "as much as"
    yield (
        f"{_directories(new.found)} {_take(new.found)} {size(totals.new_bytes)}: {much} on {_day(old)}, when"
        f" {_directories(old.found)} took {size(totals.old_bytes)}."
    )
    parts = [
        f"{count:,} {word}{f' ({sign}{size(much)})' if much else ''}"
        for count, word, sign, much in (
            (totals.new, "new", "+", totals.new_added_bytes),
            (totals.grown, "grown", "+", totals.grown_added_bytes),
            (totals.shrunk, "shrunk", "-", totals.shrunk_removed_bytes),
            (totals.gone, "gone", "-", totals.gone_removed_bytes),
            (totals.same, "of the same size", "", 0),
        )
        if count
    ]
    if parts:
        yield f"{', '.join(parts)}."
    now = promised(totals.new_reclaimable_bytes, totals.new_reclaimable_at_most_bytes)
    before = promised(totals.old_reclaimable_bytes, totals.old_reclaimable_at_most_bytes)
    yield f"{now} can be deleted; before, it was {before}."


def reservations(comparison: Comparison) -> Iterator[str]:
    """Say what the comparison does not tell, and why."""
    old, new = comparison.old, comparison.new
    if comparison.by_path_only:
        yield (
            f"{old.file} is of the machine {printable(old.hosts[0])}, and {new.file} of"
            f" {printable(new.hosts[0])}. What has the same path counts as the same."
        )
    for side, other in ((old, new), (new, old)):
        if side.roots_not_compared:
            roots = ", ".join(map(printable, side.roots_not_compared[:_NAMED]))
            more = len(side.roots_not_compared) - _NAMED
            more_words = f" and {more:,} more" if more > 0 else ""
            count = sum(one.artifacts for one in side.not_compared_why if one.why == "root")
            yield (
                f"{other.file} did not search all of {roots}{more_words}, so"
                f" {_directories(count)} of {side.file} {_are(count)} not compared."
            )
        for one in side.not_compared_why:
            if one.why == "name" and side.ecosystems_not_compared:
                continue  # It is said below.
            if (because := _BECAUSE.get(one.why)) is not None:
                yield (
                    f"{_directories(one.artifacts)} of {side.file} {_are(one.artifacts)} not compared,"
                    f" because {other.file} {because}."
                )
        if side.ecosystems_not_compared:
            profiles = ", ".join(map(printable, side.ecosystems_not_compared))
            yield (
                f"{other.file} did not look for {profiles}, so what {side.file} has of that is not"
                " compared."
            )
    if old.filters != new.filters:
        yield (
            f"What can be deleted is not counted alike: {old.file} was made with"
            f" {_options(old.filters)}, and {new.file} with {_options(new.filters)}."
        )
    for side, word in ((old, "new"), (new, "gone")):
        if not side.complete:
            yield (
                f"{side.file} is not complete: something could not be read then. So what is called"
                f" {word} here may have been there."
            )
        if side.mode != "dry-run":
            yield f"{side.file} is of a run that deleted. What it deleted counts as gone."


def _take(count: int) -> str:
    return "takes" if count == 1 else "take"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _options(filters: Sequence[str]) -> str:
    return ", ".join(map(printable, filters)) or "no filter"


def _directories(count: int) -> str:
    return "1 directory" if count == 1 else f"{count:,} directories"


def _day(side: Side) -> str:
    return side.started_at[:16].replace("T", " at ") + " UTC"
