"""The user's patterns: what they mean beneath the roots, and which of them have matched nothing."""

import os
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, TypeVar, TypeVarTuple

from cleanup_nodemodule.config.settings import Settings, SettingsError
from cleanup_nodemodule.model import Problem
from cleanup_nodemodule.patterns import patterns
from cleanup_nodemodule.patterns.globs import PatternError
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.proof.protections import Spared
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Unanswered

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class UserPatterns:
    """Asks the disk about the patterns of ``--exclude`` and ``keep``.

    Where it does not answer that is added to the *problems*.
    """

    def __init__(self, settings: Settings, scheduler: Scheduler, problems: list[Problem]) -> None:
        self._settings: Final = settings
        self._scheduler: Final = scheduler
        self._problems: Final = problems

    async def read(self, roots: Sequence[str], *, searching: bool = False) -> Spared:
        """Return what the patterns mean beneath *roots*.

        Raises SettingsError for what can mean nothing, when *searching* anywhere beneath them.
        """
        settings = self._settings
        keep = [await self._read_one(text, roots) for text in settings.keep]
        excluded = [await self._read_one(text, roots) for text in settings.excludes]
        if searching and roots:
            if not any(pattern.negated for pattern in excluded):
                everything = patterns.Patterns(tuple(excluded))
                self._problems.extend(_wholly_excluded(everything, roots))
            for pattern in excluded:
                await self._ask(
                    pattern.text,
                    patterns.check_reach,
                    pattern,
                    settings.home,
                    settings.cwd,
                    tuple(roots),
                )
        return Spared(patterns.Patterns(tuple(keep)), patterns.Patterns(tuple(excluded)))

    async def only(self, roots: Sequence[str]) -> patterns.Patterns:
        """Return what the patterns of ``--only`` mean beneath *roots*. Raises SettingsError."""
        only = [await self._read_one(text, roots) for text in self._settings.filters.only]
        return patterns.Patterns(tuple(only))

    async def unmatched(self, spared: Spared, met: AbstractSet[str]) -> tuple[str, ...]:
        """Return which patterns have *met* nothing, and may be misspelt."""
        settings = self._settings
        unmatched: dict[str, None] = {}
        for pattern in (*spared.excluded.given, *spared.keep.given):
            if pattern.negated or pattern.text in met or pattern.within(spared.excluded):
                continue
            # The configuration is for all runs, and what it names is not misspelt if it is there.
            there = pattern.text in settings.keep and await self._ask(
                pattern.text,
                patterns.names_existing_place,
                pattern.text,
                settings.home,
                settings.cwd,
            )
            if not there:
                unmatched[pattern.text] = None
        return tuple(unmatched)

    async def _read_one(self, text: str, roots: Sequence[str]) -> patterns.Pattern:
        settings = self._settings
        where = (text, settings.home, settings.cwd, tuple(roots))
        read = await self._ask(text, patterns.compile_pattern, *where)
        # The disk that it lies on does not answer, so nothing there is deleted either.
        return read or patterns.compile_pattern(*where, ask=False)

    async def _ask(self, text: str, function: Callable[[*_Ts], _T], *args: *_Ts) -> _T | None:
        """Ask the disk about a pattern; None where it does not answer, which is a problem."""
        try:
            return await self._scheduler.call(function, *args)
        except PatternError as error:
            option = "--exclude" if text in self._settings.excludes else "keep"
            option = "--only" if text in self._settings.filters.only else option
            raise SettingsError(f"{option}: {error}") from error
        except Unanswered:
            self._problems.append(Problem(text, ProblemCode.PATTERN_UNANSWERED))
            return None


def _wholly_excluded(excluded: patterns.Patterns, roots: Sequence[str]) -> Iterator[Problem]:
    """Give what the user wants searched and excluded at once."""
    for root in roots:
        text = excluded.covering(root, set())
        if text is not None:
            yield Problem(
                root,
                ProblemCode.ROOT_EXCLUDED,
                message=f"--exclude {text!r} matches this very directory, or one above it; for one beneath it"
                f" type the path, as in: -e {os.path.join(root, 'name')!r}",
            )
