"""The three questions about one directory, put to one rule: who made it, can it come back, what else is in it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cleanup_nodemodule.proof.copies import only_here
from cleanup_nodemodule.proof.declared import NAMES, Declared, is_part_of, look_of
from cleanup_nodemodule.proof.markers import Examination, examine
from cleanup_nodemodule.proof.precious import unexpected, watch
from cleanup_nodemodule.proof.rules import Rule
from cleanup_nodemodule.proof.stat_cache import StatCache
from support.git import git


@dataclass(frozen=True, slots=True)
class Answers:
    """What a rule says of a directory."""

    made: bool
    """A mark inside says who made it, and the rest of a proof holds too."""
    missing: str | None
    """What is not here to bring it back."""
    named: tuple[str, ...]
    """The paths in it that keep it."""
    held: frozenset[int]
    """The numbers of the proofs that hold, from 0."""

    @property
    def selected(self) -> bool:
        """Whether nothing speaks against deleting it."""
        return self.made and self.missing is None and not self.named


def ask(rule: Rule, artifact: Path, boundary: Path) -> Answers:
    """Put the questions to *rule*, looking no further up than *boundary*."""
    cache = StatCache()
    project = artifact.parents[len(rule.names) - 1]
    examination = examine(rule, str(artifact), str(boundary), cache=cache)
    said = Declared()
    if rule.packages in NAMES:
        said = look_of(rule.packages)(str(artifact), str(project), str(boundary), cache)
    held = frozenset(_held(examination, artifact, made_by=said.made_by))
    made = bool(held) and examination.hindrance is None
    named = (
        *examination.stray,
        *filter(None, [examination.precious]),
        *said.undeclared,
        *_others(rule, artifact, cache),
    )
    return Answers(made, examination.missing or said.missing, named, held)


def _held(examination: Examination, artifact: Path, *, made_by: str | None) -> Iterator[int]:
    for number, trial in enumerate(examination.trials):
        ignored = not trial.ignored or _is_ignored(artifact)
        if trial.holds and ignored and (trial.marked or made_by is not None):
            yield number


def _is_ignored(artifact: Path) -> bool:
    if not any((above / ".git").exists() for above in artifact.parents):
        return False
    listed = git(
        artifact.parent, "ls-files", "--others", "--ignored", "--exclude-standard", "--directory"
    )
    return any((artifact.parent / os.fsdecode(line)) == artifact for line in listed.splitlines())


def _others(rule: Rule, artifact: Path, cache: StatCache) -> tuple[str, ...]:
    """Return the paths in *artifact* that *rule* does not expect, as the walk that measures meets them."""
    names = watch(rule).names
    met = [
        os.path.relpath(os.path.join(place, name), artifact)
        for place, directories, files in os.walk(artifact)
        for name in (*(one for one in directories if os.fsencode(one.lower()) in names), *files)
    ]
    found = only_here(rule, str(artifact), unexpected(rule, met), cache)
    if rule.packages not in NAMES:
        return found
    return is_part_of(rule.packages)(str(artifact), found, (), cache)[0]
