"""What the history takes in of a run that is over."""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Final

from cleanup_nodemodule.report.digest import Portion
from cleanup_nodemodule.report.finished import FinishedRun, RootSpace
from cleanup_nodemodule.report.rows import Report, Totals

_SEARCHED_BY: Final = ("profiles", "rules", "names", "min_depth", "max_depth", "excluded")
"""What decides what a search finds. Filters leave nothing out, so they are not among it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A run, without its rows."""

    run: FinishedRun
    """Without report and digest."""
    version: str
    """Of the program; empty if the run came to no result."""
    complete: bool | None
    """Everything was searched and measured; None if it came to no result, and so with the totals."""
    totals: Totals | None
    problems: int
    kept: dict[str, int]
    """How many artifacts were kept, by the code of the reason."""
    question: str | None
    """What was searched for and where, as a text that is the same for the same question. None if it did not come
    everywhere that it was to, or looked only at what a list named: then it compares with no other run."""
    roots: tuple[str, ...] = ()
    """Absolute paths."""
    elsewhere: tuple[tuple[str, int], ...] = ()
    """Bytes that were freed on file systems that no root lies on, as by ``resume``, each with where that is mounted."""
    portions: tuple[Portion, ...] = field(default=(), repr=False)


def entry_of(run: FinishedRun) -> Entry:
    """Return what the history takes in of *run*."""
    plain = replace(run, report=None, digest=None)
    if run.report is None:
        return Entry(plain, "", None, None, 0, {}, None)
    digest = run.digest
    known = {space.point for space in run.spaces}
    observed = run.report.observed
    elsewhere = [
        (row.file_system, row.freed_bytes) for row in observed if row.file_system not in known
    ]
    return Entry(
        plain,
        run.report.tool.version,
        run.report.complete,
        run.report.totals,
        len(run.report.problems),
        {} if digest is None else dict(digest.kept),
        question_of(run.report),
        tuple(run.report.roots),
        tuple(elsewhere),
        () if digest is None else tuple(digest.portions),
    )


def question_of(report: Report) -> str | None:
    """Return what a run searched for and where, the same text for the same question; None if it compares with none."""
    asked = report.asked
    if asked is None or not asked.ended or asked.only_listed:
        return None
    roots = sorted(report.roots)
    if any(problem.path in {None, *roots} for problem in report.problems):
        return None  # A root was not searched, for all that is known.
    said = asdict(asked)
    return json.dumps([roots, [said[name] for name in _SEARCHED_BY]], separators=(",", ":"))


@dataclass(slots=True)
class RootSums:
    """The sums of a run over one root."""

    space: RootSpace | None
    found: int = 0
    allocated_bytes: int = 0
    reclaimable_bytes: int = 0
    freed_bytes: int = 0


def by_root(entry: Entry) -> dict[str, RootSums]:
    """Return the sums for each root that was searched."""
    spaces = {space.root: space for space in entry.run.spaces}
    found = {root: RootSums(spaces.get(root)) for root in entry.roots}
    for portion in entry.portions:
        one = found.setdefault(portion.root, RootSums(spaces.get(portion.root)))
        one.found += portion.found
        one.allocated_bytes += portion.allocated_bytes
        one.reclaimable_bytes += portion.reclaimable_bytes
        one.freed_bytes += portion.freed_bytes
    for point, freed in entry.elsewhere:
        found.setdefault(point, RootSums(None)).freed_bytes += freed
    return found


def storable(text: str) -> str:
    """Return a text as UTF-8 can have it: what is no character stands as its escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
