"""What a survey knows: of each candidate, and of everything that it has found by now."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from cleanup_nodemodule.model import Accounted, Candidate, Contents, Evidence, Problem
from cleanup_nodemodule.proof import git
from cleanup_nodemodule.proof.sighting import Sighting
from cleanup_nodemodule.proof.weigh import Inside
from cleanup_nodemodule.survey.ledger import Ledger

UNKNOWN: Final = Contents(0, 0, 0, 0, 0, complete=False, mounts=(), repositories=())
"""The contents of what the run was stopped before it knew anything about."""

NOTHING: Final = replace(UNKNOWN, complete=True)
"""The contents of what nobody measures, as it is kept whatever it holds."""


@dataclass(slots=True)
class Row:
    """A candidate, and what is known of it by now."""

    sighting: Sighting
    number: int = 0
    """Its place among all that were found, by which others tell it apart."""
    answer: git.Answer | git.Refusal | None = None
    asked: bool = False
    """Git has been asked about it."""
    settled: bool = False
    """What git disproved has been searched, so that nothing more is found beneath it for that."""
    last_used: int | None = None
    """When its project was last used, seconds since the epoch, 0 if nobody can say; None before that was asked."""
    evidence: Evidence | None = None
    contents: Contents | None = None
    inside: Inside | None = None
    """What was met in it that its tool did not make, None where nobody has looked yet."""
    vanished: bool = False
    entered: bool = False
    """What is found beneath it has a row of its own."""
    searched: bool = False
    """It was searched for others beneath it, before anybody knows whether they have rows."""
    waits: bool = False
    """It is measured when all is found, without what has a row of its own by then."""
    hidden: bool = False
    """It lies in what is an artifact, and is a part of that."""
    problems: list[Problem] = field(default_factory=list)
    """What went wrong when it was asked about: for that it is kept."""

    def __post_init__(self) -> None:
        self.problems += self.sighting.problems

    def keep_for(self, problem: Problem) -> None:
        """Take down what went wrong."""
        if problem not in self.problems:
            self.problems.append(problem)

    @property
    def met_something(self) -> bool:
        """Whether the walk met anything in it that has to be looked at."""
        contents = self.contents
        return contents is not None and bool(contents.met or contents.late or contents.unlisted)

    @property
    def candidate(self) -> Candidate:
        """The directory itself."""
        return self.sighting.candidate


@dataclass(slots=True)
class Findings:
    """What a survey has found by now. Each stage adds to it, and the plan is made of it."""

    rows: list[Row] = field(default_factory=list)
    """In the order they were found: those that are not decided yet."""
    count: int = 0
    """How many were found by now."""
    problems: list[Problem] = field(default_factory=list)
    """What went wrong and is no row's own."""
    leftovers: list[Candidate] = field(default_factory=list)
    """Directories with a name that only this program gives to what it deletes."""
    around: dict[int, int | None] = field(default_factory=dict)
    """By number, the innermost other row around each. Known once all rows are found, empty before."""
    ledger: Ledger = field(default_factory=Ledger)
    """What files have in common, by the number of the row they lie in."""
    accounted: dict[int, Accounted] = field(default_factory=dict)
    """How each device is accounted that something was found on, by its number."""
    unseen_processes: int | None = 0
    """As in the plan."""
    unmatched: tuple[str, ...] = ()
    """As in the plan."""
    unreached: tuple[str, ...] = ()
    """As in the plan."""
    noticed: list[str] = field(default_factory=list)
    """Directories with a name that other ecosystems use than those that are looked for."""
    others: Mapping[str, int] = field(default_factory=dict)
    """As in the plan."""
    excluded: tuple[str, ...] = ()
    """As in the plan."""
    complete: bool = False
    """The survey came to its end."""

    def add(self, sighting: Sighting, *, entered: bool = False, searched: bool = False) -> Row:
        """Make a row of what was sighted, with the next number, and return it."""
        row = Row(sighting, self.count, entered=entered, searched=searched, waits=searched)
        self.count += 1
        self.rows.append(row)
        return row
