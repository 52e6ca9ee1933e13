"""Asks what proves and what protects the rows: first the disk, then git, last what needs all rows."""

import asyncio
import contextlib
import time
from collections.abc import Container, MutableMapping, Sequence
from dataclasses import replace
from typing import Final

from cleanup_nodemodule.model import Candidate, Evidence
from cleanup_nodemodule.proof.in_use import Processes
from cleanup_nodemodule.proof.sighting import Circumstances
from cleanup_nodemodule.proof.stat_cache import StatCache
from cleanup_nodemodule.proof.use import Uses, in_use
from cleanup_nodemodule.proof.weigh import kept_for
from cleanup_nodemodule.proof.witnesses import Witnesses
from cleanup_nodemodule.survey import looking
from cleanup_nodemodule.survey.accounting import Accountings
from cleanup_nodemodule.survey.last_use import last_used
from cleanup_nodemodule.survey.looking import Look
from cleanup_nodemodule.survey.rows import Row
from cleanup_nodemodule.survey.weighing import weigh
from cleanup_nodemodule.work.containment import each
from cleanup_nodemodule.work.pace import Pace
from cleanup_nodemodule.work.scheduler import Scheduler
from cleanup_nodemodule.work.silence import Silence, Unanswered

_SECONDS: Final = 0.12
"""What a call should take at most that looks at candidates: nobody hears of one before all in it are looked at. With
less than half of it the processor takes a twentieth more, as measuring begins before most are looked at."""

_LOOK_AGAIN: Final = 1.0
"""Seconds after which processes are looked at again, when rows are decided in portions. Right before something is
deleted they are looked at in any case."""

_FIRST: Final = 64
_MOST: Final = 4096
"""Candidates that the first call looks at, and any at most."""


class Prover:
    """Asks, and remembers what directories above others say, for as long as a survey takes."""

    def __init__(
        self,
        circumstances: Circumstances,
        witnesses: Witnesses,
        scheduler: Scheduler,
        accountings: Accountings,
    ) -> None:
        self.circumstances: Final = circumstances
        self._witnesses: Final = witnesses
        self._scheduler: Final = scheduler
        self._accountings: Final = accountings
        self._mounts: Final = sorted(circumstances.mounts)
        self._turn: Final = asyncio.Lock()
        self._pace: Final = Pace(_SECONDS, _FIRST, _MOST)
        self._waited = 0
        """How many of the last calls waited for a disk, without one between them that did not."""
        self._processes: Processes | None = None
        """What was seen of processes by the last look."""
        self._looked_at = 0.0
        self.cache: Final = StatCache(circumstances.mounts, lists=True)

    @property
    def silence(self) -> Silence:
        """What does not answer."""
        return self._scheduler.silence

    @property
    def hurried(self) -> bool:
        """Whether there is no time to begin with others."""
        return bool(self._scheduler.hurried)

    @property
    def portion(self) -> int:
        """How many candidates to look at in the next call."""
        return self._pace.entries

    async def look(self, candidates: Sequence[Candidate], *, doubted: bool = False) -> list[Look]:
        """Ask the disk; what goes wrong with one of the *candidates* is its own problem.

        One batch at a time, unless that waits for a disk and not for the interpreter. All lie beneath one
        root. Raises Stopped and Unanswered.
        """

        async def ask(some: Sequence[Candidate]) -> list[Look]:
            looks = await self._scheduler.read(
                looking.look,
                some,
                self.circumstances,
                self.cache,
                self._mounts,
                told,
                doubted,
                lacked=looking.lacked,
                took=self._pace.took,
            )
            self._pace.did(len(some), of=len(some))
            self._scheduler.handled(looking.measured(looks))
            self._waited = self._waited + 1 if looks.waited else 0
            return looks.seen

        # What a single call has waited for may have been a module of this program.
        spread = self._scheduler.apart or self._waited > 1
        async with contextlib.nullcontext() if spread else self._turn:
            # Who waited for a turn may hear only now that the disk does not answer.
            if candidates[0].root in self._scheduler.silence:
                raise Unanswered
            await self._accountings.know(candidates)
            told = self._accountings.all_told()
            portion = self._scheduler.portion(len(candidates) * looking.SMALL) // looking.SMALL or 1
            looks: list[Look] = []
            for first in range(0, len(candidates), portion):
                some = candidates[first : first + portion]
                looks += await each(some, ask, looking.unseen)
            return looks

    async def ask_git(self, rows: Sequence[Row]) -> None:
        """Ask git about the rows, each repository once, but none beneath a root that is silent."""
        for row in rows:
            row.asked = True
        loud = [row for row in rows if row.candidate.root not in self._scheduler.silence]
        answers = await self._witnesses.ask([row.sighting for row in loud])
        for row, answer in zip(loud, answers, strict=True):
            row.answer = answer

    def weigh(self, row: Row, last_used: int = 0) -> Evidence:
        """Return the evidence of a row by now."""
        return weigh(row, has_git=self._witnesses.has_git, last_used=last_used)

    async def take_last_use(
        self, rows: Sequence[Row], passed: Container[str], known: MutableMapping[str, int]
    ) -> None:
        """Find out when the projects of *rows* were last used, as far as anybody answers.

        All that lies in these projects has to be found: *passed* has the paths of it, whatever is mounted aside.
        *known* has what is known of projects by now, and takes these.
        """
        times = await last_used(rows, passed, known, self._scheduler, self.cache)
        for row in rows:
            row.last_used = times.get(row.candidate.path, 0)

    async def conclude(self, rows: Sequence[Row], *, assume_unused: bool) -> int | None:
        """Ask where processes are at work, and put together what is known of *rows*, the last use with it.

        Returns how many processes could not be looked at, as in the plan.
        """
        weighed = [self.weigh(row, row.last_used or 0) for row in rows]
        uses = await self._in_use(rows, weighed, assume_unused=assume_unused)
        for row, item, use in zip(rows, weighed, uses.protections, strict=True):
            if use is not None:
                item = replace(item, protection=use.reason, besides=(*item.besides, use.detail))  # noqa: PLW2901 - the same, with more known
                if use.problem is not None:
                    row.keep_for(use.problem)
            row.evidence = kept_for(row.problems, item)
        return uses.unseen

    async def _in_use(
        self, rows: Sequence[Row], weighed: Sequence[Evidence], *, assume_unused: bool
    ) -> Uses:
        """Ask for processes at work; what was seen within the last second is not looked at again."""
        now = time.monotonic()
        if now > self._looked_at + _LOOK_AGAIN:
            self._processes, self._looked_at = None, now
        uses = await in_use(
            [row.sighting for row in rows],
            weighed,
            self._scheduler,
            assume_unused=assume_unused,
            seen=self._processes,
        )
        self._processes = uses.processes
        return uses
