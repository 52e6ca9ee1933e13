"""Looks at everything that unattended runs need."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from cleanup_nodemodule.run import checkup_places as places
from cleanup_nodemodule.run import checkup_programs as programs
from cleanup_nodemodule.run import checkup_runs as runs
from cleanup_nodemodule.run.checkup import Check, State, missing
from cleanup_nodemodule.run.checkup_programs import Configured
from cleanup_nodemodule.run.checkup_runs import Earlier
from cleanup_nodemodule.run.loop import Runtime
from cleanup_nodemodule.words import printable
from cleanup_nodemodule.work.silence import Unanswered
from cleanup_nodemodule.work.tasks import tasks

TIMEOUT: Final = 10.0
"""Seconds that a disk may take to answer, unless somebody says otherwise: one file is asked for here, and no tree."""


async def examine(config: Sequence[str], runtime: Runtime) -> list[Check]:
    """Return what there is to say of each thing, in the order in which it is told.

    *config* are the absolute paths of configuration files besides those that every run reads. Raises Stopped.
    """
    return await _Examination(config, runtime).examine()


class _Examination:
    def __init__(self, config: Sequence[str], runtime: Runtime) -> None:
        self._config: Final = config
        self._runtime: Final = runtime
        # Not asked whether it is there, as its disk may be silent.
        self._home: Final = os.path.abspath(os.environ.get("HOME") or os.sep)

    async def examine(self) -> list[Check]:
        checks, configured = await self._of_configuration()
        files = [
            self._ask(name, partial(places.of_file, name, path), os.path.dirname(path))
            for name, path in configured.files
        ]
        state = os.environ.get("XDG_STATE_HOME", "")
        where = state if os.path.isabs(state) else self._home
        others = [
            self._ask(places.STATE, places.of_state, where),
            self._ask("processes", programs.of_processes, "/proc"),
            self._ask("git", programs.of_git, os.sep),
            self._ask(runs.SCHEDULE, partial(runs.of_schedules, configured.jobs), self._home),
            *files,
        ]
        if configured.mail:
            others.append(self._ask("notify", partial(programs.of_mail, configured.mail), os.sep))
        if configured.trash:
            others.append(self._ask("trash", places.of_trash, self._home))
        # Side by side, so that several disks that do not answer hold it up once.
        async with tasks() as group:
            history = group.create_task(self._of_history(configured.jobs, where))
            each = [group.create_task(one) for one in others]
        for done in each:
            checks += done.result()
        earlier = history.result()
        clock = places.of_clock(earlier.last_run)
        if clock.state is not State.OK or all(one.name != places.CLOCK for one in checks):
            checks.append(clock)
        return [*checks, programs.of_engine(configured.engine), *earlier.checks]

    async def _of_history(self, jobs: Sequence[str], where: str) -> Earlier:
        try:
            return await self._runtime.call(partial(runs.of_history, tuple(jobs)), where)
        except Unanswered:
            return Earlier([])  # So did the state directory, in which it lies.

    async def _of_configuration(self) -> tuple[list[Check], Configured]:
        config = tuple(self._config)
        try:
            return await self._runtime.call(partial(programs.of_configuration, config), self._home)
        except Unanswered:
            return [self._unanswered(programs.CONFIGURATION, self._home)], Configured()

    async def _ask(
        self, name: str, look: Callable[[str], Check | list[Check]], path: str
    ) -> list[Check]:
        """Return what *look* says, which asks about the absolute *path*."""
        try:
            found = await self._runtime.call(look, path)
        except Unanswered:
            return [self._unanswered(name, path)]
        return found if isinstance(found, list) else [found]

    def _unanswered(self, name: str, path: str) -> Check:
        # What is asked at the root asks more than a disk: git reads its configuration, wherever that lies.
        who = "it" if path == os.sep else f"{printable(path)}: its disk"
        return missing(
            name,
            f"{who} did not answer for {self._runtime.timeout:g} seconds",
            "look after the disks, or wait longer with --timeout",
        )
