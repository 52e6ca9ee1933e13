"""Candidates to evidence: what on disk and in git speaks for each, and what protects it."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from cleanup_nodemodule.model import Candidate, Reason
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.proof import homes, installed, protections, same_again
from cleanup_nodemodule.proof.declared import NAMES, Declared, look_of
from cleanup_nodemodule.proof.in_use import Whose, whose
from cleanup_nodemodule.proof.installed import Protection
from cleanup_nodemodule.proof.markers import Examination, examine
from cleanup_nodemodule.proof.regeneration import NO_WAY, command_for
from cleanup_nodemodule.proof.rules import Rule, RuleIndex
from cleanup_nodemodule.proof.sighting import Circumstances, Sighting, not_known
from cleanup_nodemodule.proof.stat_cache import StatCache
from cleanup_nodemodule.proof.version_control.ask import innermost
from cleanup_nodemodule.system.file_systems import FileSystems
from cleanup_nodemodule.work.containment import Contained, problem_of
from cleanup_nodemodule.work.conversion import LACKED


def gather(
    candidates: Sequence[Candidate], circumstances: Circumstances, cache: StatCache | None = None
) -> list[Sighting]:
    """Look at the disk for every rule that fits each candidate's name, and for what protects it.

    Whatever goes wrong with one of them is among its problems, and it is kept. A *cache* that has
    looked at others before remembers what it saw above them; without one everything is looked at anew.
    """
    cache = cache or StatCache(circumstances.mounts)
    # What is known of homes serves as long as the cache does.
    directories = cache.made("homes", partial(homes.Known, circumstances.home, cache))
    index = cache.made("rules", partial(RuleIndex, circumstances.rules))
    return [_gather_one(one, circumstances, cache, directories, index) for one in candidates]


def lacked(sightings: Sequence[Sighting]) -> bool:
    """Whether something could not be looked at for want of descriptors or memory."""
    return any(problem.errno in LACKED for one in sightings for problem in one.problems)


def unseen(candidate: Candidate, error: Exception) -> Sighting:
    """Return what is known of a candidate where looking at it came to nothing."""
    problem = problem_of(error, candidate.path, ProblemCode.EXAMINE)
    return Sighting(
        candidate=candidate,
        examinations=(),
        protection=not_known(problem),
        repositories=(),
        project=os.path.dirname(candidate.path),
        word=None,
        regenerate=None,
        regenerate_in=None,
        warnings=(),
        whose=Whose(),
        problems=(problem,),
    )


def _gather_one(
    candidate: Candidate,
    circumstances: Circumstances,
    cache: StatCache,
    directories: homes.Known,
    index: RuleIndex,
) -> Sighting:
    path = candidate.path
    asked = Contained(path)
    names = tuple(path.split(os.sep))
    project = os.path.dirname(path)
    none: tuple[str, ...] = ()
    repositories = asked.ask(ProblemCode.EXAMINE, none, cache.repositories, project)
    boundary = repositories[0] if repositories else candidate.root
    # What is mounted is not asked: it may be a disk that does not answer, or mounted only by being looked at.
    enter = not candidate.mounted

    def examined(rule: Rule) -> Examination:
        return examine(rule, path, boundary, enter=enter, cache=cache)

    tried = (
        asked.ask(ProblemCode.EXAMINE, None, examined, rule)
        for rule in index.to_try(names[-1])
        if asked.ask(ProblemCode.EXAMINE, False, rule.fits, names)  # noqa: FBT003 - it does not fit then
    )
    examinations = sorted((one for one in tried if one is not None), key=_rank)
    best = examinations[0] if examinations else None
    kept = asked.ask(
        ProblemCode.EXAMINE,
        None,
        lambda: _protection(candidate, circumstances, asked, cache, repositories, directories),
    )
    if best is not None and len(best.rule.names) > 1:
        project = os.sep.join(names[: -len(best.rule.names)]) or os.sep
    declared = None
    word = _word(candidate.name, circumstances)
    # What is kept whatever declares it is not asked.
    if enter and kept is None and best is not None and _is_asked(best, word, circumstances):
        declared = asked.ask(
            ProblemCode.EXAMINE, None, _declared, best.rule, path, project, boundary, cache
        )
    way = NO_WAY
    if best is not None and _is_its_kind(best, declared):
        if not circumstances.again:
            rule = best.rule
            way = asked.ask(
                ProblemCode.EXAMINE, NO_WAY, command_for, rule, path, project, boundary, cache
            )
        if declared is not None and declared.command is not None:
            way = way._replace(command=declared.command, directory=declared.command_in or project)

    def warnings() -> tuple[str, ...]:
        if declared is not None:
            return declared.warnings
        locked = best is not None and best.rule.locked
        return same_again.warnings(path, way.lock, locked=locked, cache=cache)

    places = (project, path) if enter else (project,)
    owners = asked.ask(ProblemCode.EXAMINE, Whose(), whose, places, directories)
    return Sighting(
        candidate,
        tuple(examinations),
        kept,
        repositories,
        project,
        word,
        way.command,
        way.directory,
        asked.ask(ProblemCode.EXAMINE, none, warnings) if enter and not circumstances.again else (),
        owners,
        asked.ask(ProblemCode.EXAMINE, none, _remarks, path, repositories, cache)
        if repositories
        else (),
        included=path in circumstances.included,
        met=asked.ask(ProblemCode.EXAMINE, _NONE, _met, path, circumstances, enter),
        declared=declared,
        working_copies=asked.ask(ProblemCode.EXAMINE, (), _working_copies, path, cache),
        owner=owners.owner if enter else None,
        file_system=_file_system(candidate, cache) if enter and not circumstances.again else None,
    ).with_problems(asked.problems)


def _file_system(candidate: Candidate, cache: StatCache) -> str | None:
    systems = cache.made("file systems", FileSystems)
    return systems.name_of(candidate.identity.device, candidate.path, candidate.root)


def _is_its_kind(best: Examination, declared: Declared | None) -> bool:
    """Whether a proof of the rule holds, or all of one but a mark inside: else its command would be made up."""
    if declared is not None and declared.made_by is not None:
        return True
    return best.hindrance is None and any(trial.holds for trial in best.trials)


def _working_copies(path: str, cache: StatCache) -> tuple[tuple[str, str], ...]:
    return innermost(cache.working_copies(os.path.dirname(path)))


def _is_asked(best: Examination, word: str | None, circumstances: Circumstances) -> bool:
    """Whether it has to be known what declares the packages inside."""
    if best.rule.packages is None or best.hindrance is not None:
        return False
    if not best.some_found and word is None:
        return False
    # Right before it is deleted, only if nothing else says who made it: to read all lock files again is dear.
    return not circumstances.again or best.proven_on_disk is None


def _declared(
    rule: Rule, artifact: str, project: str, boundary: str, cache: StatCache
) -> Declared | None:
    if rule.packages is None or rule.packages not in NAMES:
        return None
    return look_of(rule.packages)(artifact, project, boundary, cache)


_NONE: Final[frozenset[str]] = frozenset()


def _met(path: str, circumstances: Circumstances, enter: bool) -> frozenset[str]:  # noqa: FBT001 - as a question takes it
    spared = circumstances.spared
    return spared.met(path, enter=enter) if spared.given else _NONE


def _word(name: str, circumstances: Circumstances) -> str | None:
    if name in circumstances.named:
        return "named with --targets"
    return "named with --also" if name in circumstances.also else None


def _rank(examination: Examination) -> tuple[int, bool, bool]:
    """Order rules by how much they say for a directory: of two tools that make one, that which is used here."""
    lacking = 2 if examination.missing is not None else 0
    if examination.proven_on_disk:
        rank = lacking
    elif examination.proven_if_ignored:
        rank = 1 + lacking
    else:
        rank = 4 if examination.hint else 5 if examination.some_found else 6
    return rank, examination.rule.names == ("*",), examination.rule.generic


def _protection(
    candidate: Candidate,
    circumstances: Circumstances,
    asked: Contained,
    cache: StatCache,
    repositories: tuple[str, ...],
    directories: homes.Known,
) -> Protection | None:
    path = candidate.path
    if candidate.mounted:
        return Protection(Reason.MOUNT_POINT, "something is mounted on it")
    # Each on its own: where one of them fails, another may still say why it is kept.
    questions: tuple[Callable[[], Protection | None], ...] = (
        lambda: protections.mounted_in(path, circumstances.mounts),
        lambda: protections.kept(path, circumstances.spared, cache),
        lambda: protections.current_directory(
            path, candidate.identity, circumstances.cwd, circumstances.around
        ),
        lambda: installed.installed(
            path,
            circumstances.home,
            in_repository=bool(repositories),
            known=directories,
            cache=cache,
        ),
    )
    answers = (asked.ask(ProblemCode.EXAMINE, None, question) for question in questions)
    found = next((answer for answer in answers if answer is not None), None)
    if found is not None and found.problem is not None:
        asked.problems.append(found.problem)
    return found


def _remarks(path: str, repositories: Sequence[str], cache: StatCache) -> tuple[str, ...]:
    """Name whoever put a ``.git`` around what is somebody else's."""
    found = ((place, cache.by_whom(place, ".git", path)) for place in repositories)
    return tuple(f"{place} holds a .git{by_whom}" for place, by_whom in found if by_whom)
