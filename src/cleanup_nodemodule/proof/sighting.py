"""What the disk says about a candidate, and what that depends on."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from cleanup_nodemodule.model import Candidate, Identity, Level, Problem, Reason
from cleanup_nodemodule.proof.declared import Declared
from cleanup_nodemodule.proof.in_use import Whose
from cleanup_nodemodule.proof.installed import Protection
from cleanup_nodemodule.proof.markers import Examination
from cleanup_nodemodule.proof.protections import NOTHING_SPARED, Spared
from cleanup_nodemodule.proof.rules import Rule


class Circumstances(NamedTuple):
    """What evidence depends on besides the disk. Pickles."""

    rules: tuple[Rule, ...]
    named: frozenset[str] = frozenset()
    """Names the user gave with ``--targets``."""
    also: frozenset[str] = frozenset()
    """Names the user gave with ``--also``."""
    included: frozenset[str] = frozenset()
    """Paths the user gave with ``--include-unproven``, absolute and without symlinks."""
    spared: Spared = NOTHING_SPARED
    """What the user said to leave alone."""
    home: str | None = None
    """The home directory, absolute."""
    cwd: str | None = None
    """The current directory, absolute."""
    around: frozenset[Identity] = frozenset()
    """The current directory and all above it."""
    mounts: tuple[str, ...] = ()
    """Everything that something is mounted on, files too."""
    again: bool = False
    """It is the second proof: only what decides is asked for."""


class WorkingTrees(NamedTuple):
    """The working trees that a directory lies in, the innermost first. Pickles."""

    repositories: tuple[str, ...] = ()
    """Those of git."""
    working_copies: tuple[tuple[str, str], ...] = ()
    """Those of other version control, and the mark of each."""

    @property
    def innermost(self) -> str:
        """The innermost of all of them."""
        return max((*self.repositories, *(top for top, _ in self.working_copies)), key=len)


NO_TREES: Final = WorkingTrees()


class Sighting(NamedTuple):
    """What the disk says about a candidate; git and the processes are asked afterwards."""

    candidate: Candidate
    examinations: tuple[Examination, ...]
    """Every rule that its name fits, the one that says most first."""
    protection: Protection | None
    repositories: tuple[str, ...]
    """The working trees it lies in, the innermost first: an outer one may track what is in it."""
    project: str
    word: str | None
    """What the user said of its name, fit for showing: that every directory of that name is an artifact."""
    regenerate: str | None
    regenerate_in: str | None
    warnings: tuple[str, ...]
    whose: Whose
    remarks: tuple[str, ...] = ()
    """What else has to be known of what keeps it, a phrase each."""
    problems: tuple[Problem, ...] = ()
    """What went wrong when it was looked at: then it is kept."""

    def with_problems(self, problems: Sequence[Problem]) -> "Sighting":
        """Return the same, with what went wrong, for which it is kept unless for anything else."""
        if not problems:
            return self
        protection = self.protection or not_known(problems[0])
        return self._replace(protection=protection, problems=tuple(problems))

    included: bool = False
    """The user said that this very directory is an artifact, if nothing but a proof is missing."""
    met: frozenset[str] = frozenset()
    """The user's patterns that it meets."""
    declared: Declared | None = None
    """What declares the packages in it, None where its rule has no packages or nobody asked."""
    working_copies: tuple[tuple[str, str], ...] = ()
    """The directories around it with the mark of another version control than git, the innermost first, and
    the mark."""
    owner: str | None = None
    """What its owner is called, or the number; None if that is not known."""
    file_system: str | None = None
    """What names the file system that it is on (system/file_systems.py)."""

    @property
    def named(self) -> bool:
        """Whether the user gave its name."""
        return self.word is not None

    @property
    def working_trees(self) -> WorkingTrees:
        """All that may track something in it."""
        return WorkingTrees(self.repositories, self.working_copies)

    @property
    def repository(self) -> str | None:
        """The innermost working tree."""
        return self.repositories[0] if self.repositories else None

    @property
    def best(self) -> Examination | None:
        """The rule that says most."""
        return self.examinations[0] if self.examinations else None

    @property
    def rule(self) -> Rule | None:
        """The rule of the kind it is, None where only a name for many things fits."""
        best = self.best
        if best is None or (best.rule.generic and not best.some_found):
            return None
        return best.rule

    @property
    def made(self) -> bool:
        """Whether it shows who made it, if git says what is hoped for."""
        best = self.best
        if best is None or best.hindrance is not None:
            return False
        if self.declared is not None and self.declared.made_by is not None:
            return True
        return best.proven_on_disk is not None or (
            best.proven_if_ignored is not None and self.repository is not None
        )

    @property
    def level(self) -> Level:
        """How good the evidence is if git says what is hoped for."""
        best = self.best
        if self.made:
            return Level.PROVEN
        if self.named:
            return Level.NAMED
        if self.problems:
            return Level.UNPROVEN
        if best is None or best.hindrance is not None or self.rule is None:
            return Level.NONE
        return self.unproven

    @property
    def unproven(self) -> Level:
        """How good the evidence is where nothing but a proof is missing."""
        return Level.NAMED if self.named or self.included else Level.UNPROVEN


def not_known(problem: Problem) -> Protection:
    """Return what keeps a candidate of which not all is known."""
    return Protection(
        Reason.UNREADABLE, f"not everything about it is known: {problem.why}", problem
    )
