"""The directories of ``--include-unproven``: where they are, and which of them were not found."""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from cleanup_nodemodule.config.settings import Settings, SettingsError
from cleanup_nodemodule.model import Problem
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.survey.roots import locate
from cleanup_nodemodule.survey.search import RootError
from cleanup_nodemodule.words import printable
from cleanup_nodemodule.work.conversion import absolute
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered


async def resolved(
    settings: Settings, scheduler: Scheduler, problems: list[Problem], *, strict: bool
) -> frozenset[str]:
    """Return the paths of the directories that the user includes, absolute and without symlinks.

    One that does not answer is added to the *problems*; one that is not there is passed over, or if
    *strict* raises SettingsError.
    """
    included: dict[str, None] = {}
    for path in settings.include_unproven:
        try:
            one = await locate(path, scheduler)
        except RootError as error:
            if strict:
                raise SettingsError(
                    f"--include-unproven {path!r}: {error.strerror}; it takes a directory that is"
                    " listed as unproven"
                ) from error
        except Unanswered:
            problems.append(Problem(absolute(path), ProblemCode.INCLUDE_UNANSWERED))
        else:
            included[one.path] = None
    return frozenset(included)


def not_found(included: AbstractSet[str], found: AbstractSet[str]) -> Iterator[Problem]:
    """Give a problem for each included path that is not among those that were *found*."""
    for path in sorted(included - found):
        yield Problem(
            path,
            ProblemCode.INCLUDE_UNLISTED,
            message="this run lists nothing as unproven there; to search elsewhere, add -p PATH, and for a"
            " name that no rule knows, add --also NAME",
        )


class NotListedError(SettingsError):
    """A directory to include that the run does not list, so that something else may have been meant."""

    code = ProblemCode.INCLUDE_UNLISTED

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"cannot include {printable(problem.path)}: {problem.message}")
        self._path = problem.path

    @property
    def path(self) -> str:
        """Absolute path of the directory."""
        return self._path


def check_listed(problems: Iterable[Problem]) -> None:
    """Raise NotListedError if one of the *problems* is a directory to include that was not found."""
    for problem in problems:
        if problem.code is ProblemCode.INCLUDE_UNLISTED:
            raise NotListedError(problem)
