"""One run from settings to exit code, with everything that is shown on the way.

Together with :mod:`cleanup_nodemodule.cli` the edge of the program: here are the terminal, the
environment, the clock and the signals.
"""

import errno
import gc
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, TextIO, TypeVar

from cleanup_nodemodule import (
    confirm,
    engine,
    patterns,
    pipeline,
    plain,
    protections,
    report,
)
from cleanup_nodemodule.errand import DEFAULT_PATIENCE, affordable, in_loop, print_failure, tool
from cleanup_nodemodule.exitcode import ExitCode
from cleanup_nodemodule.finder import RootError
from cleanup_nodemodule.interrupts import Interrupts
from cleanup_nodemodule.model import Approved, Leftover, Mode, Outcome, Plan, Problem
from cleanup_nodemodule.mounts import mounted
from cleanup_nodemodule.names import printable
from cleanup_nodemodule.paths import absolute, everywhere
from cleanup_nodemodule.report import Report
from cleanup_nodemodule.scheduler import Scheduler
from cleanup_nodemodule.settings import Settings, SettingsError
from cleanup_nodemodule.stdio import emit, is_terminal, say
from cleanup_nodemodule.workers import Workers, searching

if TYPE_CHECKING:
    from rich.console import Console

    from cleanup_nodemodule.deletion import Undertaking
    from cleanup_nodemodule.journal import Journal
    from cleanup_nodemodule.limits import Limit
    from cleanup_nodemodule.recovery import Begun, Unfinished

_T = TypeVar("_T")

GRACE: Final = 0.5
"""Seconds that a reader may take for a line when told to stop: all should be over within one."""

_MOST_PROBLEMS: Final = 20
"""Problems named one by one at a terminal, unless more are asked for."""


@dataclass(frozen=True, slots=True)
class Display:
    """How a run shows itself."""

    format: str | None
    """``table``, ``plain``, ``json`` or ``paths``; None: a table at a terminal, else plain."""
    sort: str
    """``size``, ``path`` or ``age``."""
    color: str
    """``auto``, ``always`` or ``never``."""
    progress: bool
    quiet: bool
    verbose: bool
    null: bool
    """Paths end with a NUL."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What a run is to do with what it finds."""

    mode: Mode
    ask: bool
    """Ask before anything is deleted, if there is somebody to ask."""
    wait: bool
    """Wait for another run that deletes in the same tree, rather than give up."""
    most: "Limit | None"
    """Delete nothing, what interrupted runs left included, if it would be more than this."""
    jobs: int | None
    """Threads; None for as many as suit the engine."""
    patience: float = DEFAULT_PATIENCE
    """Seconds that a disk may take to answer before a root on it is given up."""
    again: tuple[str, ...] = ()
    """The words of the command line that say what to look at, and not what to do with it."""


class Session:
    """One run."""

    def __init__(self, settings: Settings, display: Display, orders: Orders) -> None:
        self._settings = settings
        self._display = display
        self._orders = orders
        self._delete = orders.mode != "dry-run"
        self._mode = orders.mode
        self._lookers = 1
        """Calls at a time that only look; how many depends on the disk."""
        self._removers = affordable(orders.jobs or engine.default_removers())
        self._most_removers = affordable(orders.jobs or engine.most_removers())
        self._format = display.format or ("table" if is_terminal(sys.stdout) else "plain")
        self._interactive = is_terminal(sys.stdin) and (
            is_terminal(sys.stderr) or is_terminal(sys.stdout)
        )
        self._interrupts = Interrupts()
        self._executors: list[Executor] = []
        """What makes the calls, as far as that is known."""
        self._apart = False
        """It is processes that do, each of the calls."""
        self._result: Report | None = None
        """What is known of the outcome by now."""
        self._silent: set[str] = set()
        """Roots that do not answer."""
        self._silent_mounts: set[str] = set()
        """Mount points where nothing answers that was asked about what interrupted runs left."""
        self._shown = False
        """Printing that was begun."""
        self._exceeded = False
        """More would be deleted than the limit allows."""
        self._started_at = time.time()
        self._start = time.monotonic()

    def run(self) -> int:
        """Do it all and return the exit code."""
        return self._guarded(self._run)

    def resume(self, forget: Sequence[str] = ()) -> int:
        """Finish what interrupted runs left, wherever that is, and return the exit code.

        What of it cannot be reached, and was at or beneath one of the paths *forget*, is asked for no more.
        """
        return self._guarded(lambda: self._take_up([absolute(path) for path in forget]))

    def _guarded(self, work: Callable[[], int]) -> int:
        begun = False

        def begin() -> int:
            nonlocal begun
            begun = True
            return work()

        try:
            return self._interruptible(begin)
        except KeyboardInterrupt:
            # While the signals were being taken, as later ones are dealt with.
            if begun:
                raise
            return self._cut_off()

    def _interruptible(self, work: Callable[[], int]) -> int:
        # What was imported lives as long as the process; looking through it for garbage again and
        # again takes a sixth of the time of a large run (measured on 530,000 entries).
        gc.freeze()
        gc.enable()
        with self._interrupts:
            try:
                code = work()
            except KeyboardInterrupt:
                return self._cut_off()
            else:
                # It may have come while the lock was given back, when all was said.
                return code if self._signal is None else 128 + self._signal
            finally:
                # A call that still runs only looks, or waits for a disk that does not answer.
                for executor in self._executors:
                    executor.shutdown(wait=False, cancel_futures=True)

    def _workers(self, paths: Iterable[str]) -> Executor:
        """Return what makes the calls: threads, and where a disk with *paths* may fall silent, processes."""
        from cleanup_nodemodule import apart

        self._apart = apart.is_needed(paths, mounted())
        self._lookers = affordable(self._orders.jobs or engine.default_lookers(distant=self._apart))
        return self._employ(Workers("engine", apart.Apart if self._apart else None))

    def _searchers(self, executor: Executor) -> Executor:
        """Return what makes the calls of a search, where *executor* makes all the others."""
        if self._lookers == 1 or self._apart:
            return executor
        return self._employ(searching())

    def _employ(self, executor: Executor) -> Executor:
        self._executors.append(executor)
        return executor

    @property
    def _signal(self) -> int | None:
        return self._interrupts.number

    def _cut_off(self) -> int:
        """Say what is known, where a signal came between two steps."""
        if self._result is None:
            self._print_failure("interrupted; nothing was done", errno.EINTR, None, "begin")
            return 128 + (self._signal or signal.SIGINT)
        return self._finish(self._result, shown=self._shown)

    def _run(self) -> int:
        settings = self._settings
        named = patterns.places((*settings.excludes, *settings.keep), settings.home)
        executor = self._workers((*settings.roots, *settings.include_unproven, *named))
        if self._mode == "dry-run":
            return self._plan(executor, None)
        # The lock asks about each root, and would wait for one that does not answer.
        roots = self._in_loop(
            executor, lambda scheduler: pipeline.answering(self._settings.roots, scheduler)
        )
        try:
            places = [everywhere(root) for root in roots]
        except OSError:  # Without a current directory it is no place: the search says so.
            return self._plan(executor, None)
        return self._undertake(
            places,
            lambda undertaking: self._plan(executor, undertaking),
        )

    def _undertake(self, roots: Sequence[str], work: "Callable[[Undertaking], int]") -> int:
        """Do *work* with the trees beneath *roots* locked."""
        from cleanup_nodemodule import deletion, lock
        from cleanup_nodemodule.state import StateError

        try:
            with deletion.undertake(
                roots,
                "trash" if self._mode == "trash" else "delete",
                wait=self._orders.wait,
                waiting=lambda why: say(f"{plain.PROGRAM}: waiting: {why.partition(';')[0]}"),
                stopped=lambda: self._signal is not None,
            ) as undertaking:
                return work(undertaking)
        except lock.Locked as locked:
            if self._signal is not None:
                raise KeyboardInterrupt from locked
            self._print_failure(str(locked), errno.EWOULDBLOCK, locked.root, "lock")
            return ExitCode.LOCKED
        except StateError as error:
            self._print_failure(str(error), error.errno or errno.EIO, None, "keep a record")
            return ExitCode.UNEXPECTED

    def _plan(self, executor: Executor, undertaking: "Undertaking | None") -> int:
        try:
            with self._progress() as watch:
                plan = self._in_loop(
                    self._searchers(executor),
                    lambda scheduler: pipeline.make_plan(self._settings, scheduler, watch),
                )
        except RootError as error:
            path = os.fsdecode(error.filename)
            self._print_failure(
                f"cannot search {printable(path)}: {error.advice}",
                error.errno or errno.ENOENT,
                absolute(path),
                "search",
            )
            return ExitCode.USAGE
        except SettingsError as error:
            self._print_failure(str(error), errno.EINVAL, None, "understand the command line")
            return ExitCode.USAGE
        leftovers = self._recognise(plan, executor)
        result = self._sorted(report.of_plan(plan, self._facts(), leftovers))
        if self._signal is not None:
            return self._finish(result)
        # Before anything is deleted that somebody wanted to keep.
        for line in plain.unmatched(result):
            say(line)
        self._result = result
        if self._orders.most is not None:
            from cleanup_nodemodule.limits import exceeded

            left = [one for one in leftovers if one.to_finish]
            why = exceeded(plan, self._orders.most, left, dry_run=not self._delete)
            if why is not None:
                say(f"{plain.PROGRAM}: {why}")
                self._exceeded = True
                code = self._finish(result)
                return ExitCode.EXCEEDED if self._signal is None else code
        if undertaking is None:
            return self._finish(result)
        return self._finish_deletion(plan, leftovers, undertaking, executor)

    def _recognise(self, plan: Plan, executor: Executor) -> tuple[Leftover, ...]:
        """Tell what interrupted runs left; without a journal to ask, all of it is unknown."""
        if not plan.leftovers:
            return ()
        from cleanup_nodemodule import recovery, state

        try:
            directory = state.directory()
            return self._in_loop(
                executor,
                lambda scheduler: recovery.recognise(plan.leftovers, directory, scheduler),
            )
        except state.StateError as error:
            say(f"{plain.PROGRAM}: {error}")
            return tuple(Leftover(candidate, None, None, None) for candidate in plan.leftovers)

    def _finish_deletion(
        self,
        plan: Plan,
        leftovers: tuple[Leftover, ...],
        undertaking: "Undertaking",
        executor: Executor,
    ) -> int:
        shown = self._interactive and self._show_plan(plan)
        if self._interactive and self._orders.ask:
            approved = confirm.by_question(plan, self._question, mode=self._mode)
        else:
            approved = confirm.by_flag(plan, mode=self._mode)
        if approved is None:
            result = report.of_plan(plan, self._facts(), leftovers)
            return self._finish(self._sorted(result), shown=shown)
        # From here on a signal is noted, and stops what can be stopped, until it is known what was done.
        with self._interrupts.telling(lambda: None):
            outcome = self._execute(approved, leftovers, undertaking, executor)
            self._result = self._sorted(report.of_outcome(outcome, self._facts()))
        code = self._finish(self._result, shown=shown)
        if outcome.unexpected is None:
            return code
        traceback.print_exception(outcome.unexpected)
        name = type(outcome.unexpected).__name__
        say(f"{plain.PROGRAM}: unexpected failure, please report it: {name}")
        return ExitCode.UNEXPECTED

    def _execute(
        self,
        approved: Approved,
        leftovers: tuple[Leftover, ...],
        undertaking: "Undertaking",
        executor: Executor,
    ) -> Outcome:
        """Do what was approved, and finish what interrupted runs left."""
        from cleanup_nodemodule import recovery

        roots = [root for root in approved.plan.roots if root not in self._silent]
        found = self._look(recovery.begun(undertaking.directory, roots), executor)
        mounts = protections.mount_points()
        # What lies there is not asked for once more, and waited for again.
        self._silent.update(
            root
            for root in roots
            if protections.mount_point_of(root, mounts) in self._silent_mounts
        )
        shown = {one.candidate.path for one in leftovers}
        chosen = {artifact.path for artifact in approved.artifacts}
        more = (*found.silent, *(one for one in found.in_place if one.candidate.path not in chosen))
        leftovers += tuple(one for one in more if one.candidate.path not in shown)
        known = [one for one in leftovers if one.to_finish]
        settled = found.settled
        outcome = Outcome(approved.plan, (), 0, complete=True)
        if not (approved.artifacts or known or settled):
            return replace(outcome, leftovers=leftovers)
        finished: dict[str, Leftover] = {}
        lost: list[Problem] = []
        with undertaking.journal(lost) as journal:
            places = {one.candidate.name for one in known}
            recovery.settle((one for one in settled if one.name not in places), journal)
            for one in self._resume(known, journal, executor):
                finished[one.candidate.path] = one
            outcome = self._carry_out(approved, journal, executor)
            journal.close(interrupted=self._signal is not None)
        rows = tuple(finished.get(one.candidate.path, one) for one in leftovers)
        return replace(outcome, leftovers=rows, problems=tuple(lost))

    def _carry_out(self, approved: Approved, journal: "Journal", executor: Executor) -> Outcome:
        from cleanup_nodemodule import recheck
        from cleanup_nodemodule.delete.carry_out import carry_out

        with self._progress() as watch:
            return self._in_loop(
                executor,
                lambda scheduler: carry_out(
                    *(approved, scheduler, journal),
                    partial(recheck.prepared, self._settings, scheduler),
                    watch,
                    foreign_too=self._settings.foreign_too,
                ),
                removing=True,
            )

    def _resume(
        self, leftovers: Sequence[Leftover], journal: "Journal", executor: Executor
    ) -> tuple[Leftover, ...]:
        if not leftovers:
            return ()
        from cleanup_nodemodule.delete.carry_out import delete_leftovers

        with self._progress() as watch:
            return self._in_loop(
                executor,
                lambda scheduler: delete_leftovers(
                    *(leftovers, scheduler, journal, watch),
                    foreign_too=self._settings.foreign_too,
                ),
                removing=True,
            )

    def _look(self, begun: "Begun", executor: Executor) -> "Unfinished":
        from cleanup_nodemodule import recovery

        silent = self._silent_mounts
        # One each, so that those which do not answer keep nobody else waiting.
        mounts = len(_mounts_of(begun.places))
        return self._in_loop(
            executor, lambda scheduler: recovery.look(begun, scheduler, silent), least=mounts
        )

    def _take_up(self, forget: Sequence[str]) -> int:
        from cleanup_nodemodule import recovery, state

        def finish(undertaking: "Undertaking | None") -> int:
            found = self._look(
                begun if undertaking is None else recovery.begun(directory), executor
            )
            for fault in found.faults:
                line = "" if fault.line is None else f", line {fault.line}"
                say(f"{plain.PROGRAM}: {printable(fault.file)}{line}: {fault.message}")
            finished: dict[str, Leftover] = {}
            lost: list[Problem] = []
            forgotten = [
                one
                for one in found.leftovers
                if undertaking is not None and one.problems and _is_in(one, forget)
            ]
            if undertaking is not None:
                for path in forget:
                    if not any(_is_in(one, [path]) for one in forgotten):
                        where = f"at or beneath {printable(path)}"
                        say(f"{plain.PROGRAM}: nothing was left {where} that cannot be reached")
            # A signal is noted, and stops what can be stopped, until it is known what was done.
            with self._interrupts.telling(lambda: None):
                if undertaking is not None and (found.to_finish or found.settled or forgotten):
                    with undertaking.journal(lost) as journal:
                        recovery.settle(found.settled, journal)
                        recovery.forget(forgotten, journal)
                        done = self._resume(found.to_finish, journal, executor)
                        finished = {one.candidate.path: one for one in done}
                        journal.close(interrupted=self._signal is not None)
                rows = tuple(
                    finished.get(one.candidate.path, one)
                    for one in found.leftovers
                    if one not in forgotten
                )
                nothing = Plan((), (), (), complete=True)
                outcome = Outcome(nothing, (), None, complete=self._signal is None, leftovers=rows)
                outcome = replace(outcome, problems=tuple(lost))
                self._result = report.of_outcome(outcome, self._facts())
            return self._finish(self._result)

        try:
            directory = state.directory()
            begun = recovery.begun(directory)
        except state.StateError as error:
            self._print_failure(str(error), error.errno or errno.EIO, None, "read the record")
            return ExitCode.UNEXPECTED
        executor = self._workers(_mounts_of(begun.places))
        if self._mode == "dry-run":
            return finish(None)
        found = self._look(begun, executor)
        if self._signal is not None:
            raise KeyboardInterrupt
        # What a run at work will delete is left to it, and what cannot be got at is not locked.
        places = {one.candidate.root for one in found.to_finish}
        return self._undertake(sorted(places), finish)

    def _print_failure(self, message: str, number: int, path: str | None, doing: str) -> None:
        as_json = self._format == "json"
        print_failure(message, number, path, doing, mode=self._mode, as_json=as_json)

    def _in_loop(
        self,
        executor: Executor,
        work: Callable[[Scheduler], Awaitable[_T]],
        *,
        removing: bool = False,
        least: int = 1,
    ) -> _T:
        """Run *work*, with *least* workers or more, in an event loop that a signal tells to stop."""
        workers = max(least, self._removers if removing else self._lookers)

        return in_loop(
            self._interrupts,
            lambda: Scheduler(
                executor,
                workers,
                patience=self._orders.patience,
                silent=self._silent,
                most=self._most_removers if removing else workers,
            ),
            work,
            to_the_end=removing,
        )

    def _progress(self) -> AbstractContextManager[pipeline.Watch]:
        display = self._display
        wanted = display.progress and not display.quiet
        if not (wanted and is_terminal(sys.stdout) and is_terminal(sys.stderr)):
            return nullcontext(pipeline.unwatched)
        from cleanup_nodemodule.live import ProgressLine

        return ProgressLine(self._console(sys.stderr))

    def _question(self, plan: Plan) -> bool:
        count = len(plan.selected)
        what = "1 artifact" if count == 1 else f"{count} artifacts"
        size = plain.size(plan.reclaimable_bytes)
        while True:
            # Not input(), which writes to standard output, and that is for the result.
            asked = f"Delete {what}, {size}"
            if self._mode == "trash":
                asked = f"Move {what}, {size}, to the trash"
            say(f"{asked}? [y/N]: ", end="")
            try:
                answer = sys.stdin.readline()
            except (KeyboardInterrupt, OSError):  # EIO: the terminal is gone.
                answer = ""
            if not answer:
                # Ctrl-C or Ctrl-D, which asks to stop rather than answers.
                say("")
                self._interrupts.number = self._signal or signal.SIGINT
                return False
            match answer.strip().lower():
                case "y" | "yes":
                    return True
                case "" | "n" | "no":
                    return False
            say("Please type y or n.")

    def _show_plan(self, plan: Plan) -> bool:
        """Show what is about to be deleted; return whether that was on standard output."""
        planned = self._sorted(report.of_plan(plan, self._facts("dry-run")))
        if self._format == "table" and is_terminal(sys.stdout):
            return emit(lambda: self._print_table(planned)) is None
        for line in plain.lines(planned):
            say(line)
        return False

    def _finish(self, result: Report, *, shown: bool = False) -> int:
        """Print the result and the last words, and return the exit code."""
        self._result = result
        lost = None
        if not is_terminal(sys.stdout):
            # Half a document is of no use to a program. A reader may also never read it.
            self._interrupts.grant(GRACE)
        try:
            if not shown:
                self._shown = True
                try:
                    lost = emit(lambda: self._print(result))
                except KeyboardInterrupt:
                    say("")
            if lost is not None:
                say(f"{plain.PROGRAM}: could not print the result: {lost}")
            for line in plain.problems(
                result,
                _MOST_PROBLEMS if is_terminal(sys.stderr) and not self._display.verbose else None,
            ):
                say(line)
            if not self._display.quiet and self._format != "json":
                self._last_words(result)
        except KeyboardInterrupt:
            pass  # Whoever does not want to hear it has been told the rest.
        self._interrupts.hold()
        if self._signal is not None:
            return 128 + self._signal
        if lost is not None:
            return ExitCode.UNEXPECTED
        if result.problems or result.totals.failed:
            return ExitCode.INCOMPLETE
        return ExitCode.DONE

    def _last_words(self, result: Report) -> None:
        if self._display.verbose and self._format != "table":
            for line in plain.evidence(result):
                say(line)
        for line in plain.summary(result, signalled=self._signal is not None):
            say(line)
        if self._signal is not None:
            return
        if result.mode == "dry-run" and result.totals.selected and not self._exceeded:
            say("This was a dry run: nothing was deleted. To delete, add --no-dry-run.")
        for hint in plain.hints(result):
            say(hint)
        if paths := plain.unproven_paths(result):
            some = paths[:_MOST_INCLUDED]
            which = "" if some == paths else f", the first {len(some)} of {len(paths):,}"
            say(f"To include what is unproven{which}: {self._command_including(some)}")

    def _command_including(self, paths: Iterable[str]) -> str:
        """Return this command line as a dry run that includes what is unproven at *paths*."""
        # They are absolute, so none begins with a dash.
        return plain.command(*self._orders.again, "--include-unproven", *paths)

    def _print(self, result: Report) -> None:
        match self._format:
            case "json":
                for line in report.json_lines(result):
                    sys.stdout.write(line)
                    self._interrupts.goes_on()
                print()
            case "paths":
                self._print_paths(result)
            case "plain":
                for line in plain.lines(plain.known(result)):
                    print(line)
                    self._interrupts.goes_on()
            case _:
                self._print_table(plain.known(result))

    def _print_paths(self, result: Report) -> None:
        end = b"\0" if self._display.null else b"\n"
        for path in plain.chosen_paths(result):
            self._interrupts.goes_on()
            if not self._display.null and is_terminal(sys.stdout):
                print(printable(os.fsdecode(path)))
            else:
                sys.stdout.buffer.write(path + end)

    def _print_table(self, result: Report) -> None:
        from cleanup_nodemodule.render import table

        console = self._console(sys.stdout)
        for piece in table(result, console.width, verbose=self._display.verbose):
            console.print(piece)
            self._interrupts.goes_on()

    def _console(self, file: TextIO) -> "Console":
        from rich.console import Console

        terminal = is_terminal(file)
        match self._display.color:
            case "always":
                colored = True
            case "never":
                colored = False
            case _:
                colored = terminal and not os.environ.get("NO_COLOR")
        return Console(
            file=file,
            force_terminal=terminal or colored,
            no_color=not colored,
            color_system="auto" if colored else None,
            # Off a terminal there is no edge to fit in, and nothing is folded.
            width=None if terminal else _WIDE,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def _sorted(self, result: Report) -> Report:
        rows = sorted(result.artifacts, key=lambda row: row.path)
        match self._display.sort:
            case "size":
                rows.sort(key=lambda row: -plain.gain(row))
            case "age":
                # ISO 8601 times of one zone sort as text; what has none was never used.
                rows.sort(key=lambda row: row.last_used_at or "")
        return replace(result, artifacts=rows)

    def _facts(self, mode: Mode | None = None) -> report.Run:
        return report.Run(
            tool=tool(),
            host=socket.gethostname(),
            started_at=self._started_at,
            duration=round(time.monotonic() - self._start, 3),
            mode=mode or self._mode,
        )


_MOST_INCLUDED: Final = 5
"""Paths in the command that would include what is unproven."""

_WIDE: Final = 1_000_000
"""Columns enough for any path."""


def _is_in(leftover: Leftover, places: Iterable[str]) -> bool:
    """Whether it was, or is, at or beneath one of these absolute paths."""
    paths = [os.path.join(path, "") for path in (leftover.candidate.path, leftover.original or "")]
    around = [os.path.join(place, "") for place in places]
    return any(path.startswith(place) for path in paths for place in around)


def _mounts_of(paths: Iterable[str]) -> set[str]:
    """Return the mount points that *paths* without symlinks lie beneath; no disk is asked."""
    mounts = protections.mount_points()
    return {protections.mount_point_of(path, mounts) for path in paths}
