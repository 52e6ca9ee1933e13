"""The voice of a run at a terminal, in a pipe or in a file: what it says, asks and prints in the end."""

import os
import sys
import traceback
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final, TextIO

from cleanup_nodemodule import words
from cleanup_nodemodule.config.keys import By, Format
from cleanup_nodemodule.errors import ExitCode
from cleanup_nodemodule.model import Mode, Plan, Result
from cleanup_nodemodule.report.groups import with_groups
from cleanup_nodemodule.report.rows import Report
from cleanup_nodemodule.run.signals import Interrupts
from cleanup_nodemodule.run.voice import Ended
from cleanup_nodemodule.show import last_words, lines, warning
from cleanup_nodemodule.show.formats import KINDS, Wanted
from cleanup_nodemodule.show.last_words import Asked
from cleanup_nodemodule.show.output_files import OutputFiles
from cleanup_nodemodule.show.question import ask
from cleanup_nodemodule.show.record_stream import RecordStream
from cleanup_nodemodule.show.streams import emit, end_line, is_terminal, say, warn
from cleanup_nodemodule.work.progress import Watch, unwatched

if TYPE_CHECKING:
    from rich.console import Console

    from cleanup_nodemodule.show.progress import Live
    from cleanup_nodemodule.show.table import Look
    from cleanup_nodemodule.unattended.log_file import LogFile

GRACE: Final = 0.5
"""Seconds that a reader may take for a line when told to stop: all should be over within one."""

_PATIENCE: Final = 10.0
"""Seconds that a disk may take for a file when told to stop: it is the record of what was done."""

_MAX_PROBLEMS: Final = 20
"""Problems named one by one at a terminal, unless more are asked for."""

_WIDE: Final = 1_000_000
"""Columns enough for any path."""


@dataclass(frozen=True, slots=True)
class Display:
    """How a run shows itself."""

    format: Format | None = None
    """None: a table at a terminal, else plain."""
    sort: str = "path"
    """``size``, ``path`` or ``age``."""
    sorts: bool = False
    """The user asked for that order."""
    top: int | None = None
    """How many artifacts the table shows, 0 for all; None: some at a terminal, else all."""
    color: str = "auto"
    """``auto``, ``always`` or ``never``."""
    progress: bool = True
    quiet: bool = False
    """Nothing is printed if nothing went wrong, but for a format that was asked for."""
    others_words: bool = False
    """Whoever shows the result has last words for it."""
    verbose: bool = False
    null: bool = False
    """Paths end with a NUL."""
    by: By | None = None
    """Groups are shown instead of artifacts: what these have in common."""
    files: OutputFiles = field(default_factory=OutputFiles)
    """What else the result is written to."""
    asked: Asked = field(default_factory=Asked)
    """What the user asked for, to be said again."""


class Terminal:
    """Shows one run; a :class:`~cleanup_nodemodule.run.voice.Voice`."""

    def __init__(
        self, display: Display, mode: Mode, interrupts: Interrupts, log: "LogFile | None" = None
    ) -> None:
        self._display = display
        self._mode: Mode = mode
        self._interrupts = interrupts
        self._log = log
        self._format = display.format or (Format.TABLE if is_terminal(sys.stdout) else Format.PLAIN)
        self._shown = False
        """The rows are on standard output already, from before they were deleted."""
        self._numbered: list[str] = []
        """The paths of what can be deleted, in the order in which the table has numbered them."""
        self._live: Live | None = None
        """What shows how far it has come, or has done so."""
        self.taker: Final = RecordStream(interrupts, GRACE) if _is_streamed(display) else None
        """What takes the rows while the run goes on."""

    @property
    def asks(self) -> bool:
        """Whether a person is there who can answer."""
        return is_terminal(sys.stdin) and (is_terminal(sys.stderr) or is_terminal(sys.stdout))

    def say(self, message: str) -> None:
        """Tell a sentence about the run, on standard error."""
        if self._log is not None:
            self._log.said(message)
        with self._hurrying():
            self._make_way()
            say(f"{words.PROGRAM}: {message}")

    def note(self, message: str) -> None:
        """Tell a sentence about what is as it should be, unless only faults are to be told."""
        if not self._display.quiet:
            self.say(message)
        elif self._log is not None:
            self._log.said(message)

    def _make_way(self) -> None:
        """Take away what shows how far it has come. A terminal may take its time for that."""
        if self._live is not None:
            self._live.clear()
            with suppress(OSError):  # It is gone.
                self._live.outlet.settle()

    @contextmanager
    def _hurrying(self) -> Iterator[None]:
        """Write something that a signal ends, as a reader of standard error may never read it."""
        with suppress(KeyboardInterrupt), self._interrupts.raising(again=False):
            yield

    def planned(self, result: Report, *, deletes: bool) -> None:
        """Tell which patterns matched nothing, and at a terminal what is about to be deleted."""
        with self._hurrying():
            for line in warning.unmatched(result):
                self._make_way()
                warn(line)
        if not (deletes and self.asks):
            return
        rows = self._sorted(replace(result, mode="dry-run"), by=None)
        self._numbered = [row.path for row in rows.artifacts if row.decision == "delete"]
        try:
            # A terminal may take its time, and a signal ends that.
            with self._interrupts.raising():
                self._make_way()
                if self._format is Format.TABLE and is_terminal(sys.stdout):
                    self._shown = emit(partial(self._print_table, rows, about=True)) is None
                else:
                    for line in lines.lines(rows):
                        say(line)
        except KeyboardInterrupt:
            self._shown = self._format is Format.TABLE and is_terminal(sys.stdout)
            end_line()

    async def ask(self, plan: Plan) -> AbstractSet[str]:
        """Ask which of what the plan selects to delete. Raises Stopped for Ctrl-C and Ctrl-D."""
        return ask(plan, self._mode, self._interrupts, self._numbered)

    def came_of(self, result: Result) -> None:
        """Have the log tell what has just come of an artifact; people are told in the end."""
        if self._log is not None:
            self._log.came_of(result)

    def watch(self) -> AbstractContextManager[Watch]:
        """Show how far it has come, at a terminal."""
        # Rows that come meanwhile show that, too.
        wanted = self._display.progress and not self._display.quiet and self.taker is None
        if not (wanted and is_terminal(sys.stdout) and is_terminal(sys.stderr)):
            return nullcontext(unwatched)
        from cleanup_nodemodule.show.progress import Live

        outlet = None if self._live is None else self._live.outlet
        self._live = Live(sys.stderr, os.path.expanduser("~"), outlet)
        return self._live

    def finished(self, ended: Ended) -> int:
        """Print the result and the last words; return the exit code."""
        result = self._sorted(ended.report, self._display.by)
        lost = None if self._prints_nothing else self._print_all(result)
        if lost is not None:
            self.say(f"could not print the result: {lost}")
        # What was done is told by now, whatever becomes of the files.
        self._interrupts.grant(_PATIENCE)
        stopped = ended.signal is not None and result.mode == "dry-run"
        unwritten = self._display.files.write(
            result, self._interrupts.goes_on, self._draw, stopped=stopped
        )
        try:
            self._may_be_cut()
            for why in unwritten:
                warn(f"{words.PROGRAM}: {why}")
            if self._prints_lines and (broken := lines.over_several_lines(result)):
                have = (
                    "1 path has a line break"
                    if broken == 1
                    else f"{broken:,} paths have line breaks"
                )
                self.say(
                    f"{have}, and lines cannot tell where it ends; type -0 instead of --format paths"
                )
            few = is_terminal(sys.stderr) and not self._display.verbose
            for line in warning.problems(result, _MAX_PROBLEMS if few else None):
                warn(line)
            if self._display.others_words:
                pass
            elif KINDS[self._format].alone:
                for line in (*warning.gates(result), *warning.out_of_time(result)):
                    warn(line)
            elif self._display.quiet:
                signal = ended.signal or self._interrupts.number
                for line in last_words.what_went_wrong(result, signalled=signal is not None):
                    warn(line)
            else:
                self._last_words(result, ended)
        except KeyboardInterrupt:
            pass  # Whoever does not want to hear it has been told the rest.
        self._interrupts.hold()
        if ended.unexpected is not None:
            traceback.print_exception(ended.unexpected)
            name = type(ended.unexpected).__name__
            self.say(f"unexpected failure, please report it: {name}")
        # A signal may have come since, and stopped the printing.
        code = replace(ended, signal=ended.signal or self._interrupts.number).exit_code
        if (lost is not None or unwritten) and code in {ExitCode.DONE, ExitCode.INCOMPLETE}:
            return ExitCode.UNEXPECTED
        return code

    @property
    def _prints_nothing(self) -> bool:
        """Whether nobody has asked for the result, which is no mail that cron(8) should send each night."""
        display = self._display
        return display.quiet and display.format is None and not display.others_words

    @property
    def _prints_lines(self) -> bool:
        """Whether a program may read paths from lines."""
        printed = self._format is Format.PATHS and not self._display.null
        return (printed and not is_terminal(sys.stdout)) or self._display.files.has(Format.PATHS)

    def _print_all(self, result: Report) -> str | None:
        """Print the result, unless it is on the screen already; return why that could not be done, if so."""
        if self.taker is not None and self.taker.begun:
            self.taker.end(result)
            return self.taker.lost
        try:
            self._may_be_cut()
            self._make_way()
            if not self._shown or result.by is not None:
                return emit(lambda: self._print(result))
        except KeyboardInterrupt:
            self._interrupts.grant(GRACE)
            with suppress(KeyboardInterrupt):
                end_line()
        return None

    def _may_be_cut(self) -> None:
        """Say what a signal does from now on: at a terminal it ends what is printed at once."""
        whole = KINDS[self._format].at_once
        if is_terminal(sys.stdout) and self._interrupts.number is None and not whole:
            self._interrupts.let_raise()
        else:
            # Half a document is of no use to a program. A reader may also never read it, and a terminal
            # take nothing.
            self._interrupts.grant(GRACE)

    def _last_words(self, result: Report, ended: Ended) -> None:
        if self._display.verbose and self._format is not Format.TABLE:
            for line in lines.evidence(result):
                say(line)
        signal = ended.signal or self._interrupts.number
        asked = replace(self._display.asked, verbose=self._display.verbose)
        for line in last_words.last_words(
            result, asked, signalled=signal is not None, exceeded=ended.exceeded
        ):
            say(line)

    def _print(self, result: Report) -> None:
        kind = KINDS[self._format]
        if kind.pieces is None:
            self._print_table(result)
            return
        display = self._display
        wanted = Wanted(display.top, display.null, spelled=is_terminal(sys.stdout))
        for piece in kind.pieces(result, wanted):
            if isinstance(piece, str):
                sys.stdout.write(piece)
            else:
                sys.stdout.buffer.write(piece)
            if kind.at_once:
                sys.stdout.flush()
            self._interrupts.goes_on()

    def _print_table(self, result: Report, *, about: bool = False) -> None:
        from cleanup_nodemodule.show.group_table import group_table
        from cleanup_nodemodule.show.table import table

        console = self._console(sys.stdout)
        look = self._look(result, sys.stdout, console.height, about=about)
        if is_terminal(sys.stdout):
            look = replace(look, width=console.width)
        for piece in group_table(result, look) if result.by else table(result, look):
            console.print(piece, crop=False)
            self._interrupts.goes_on()
        if is_terminal(sys.stdout) and result.artifacts and not self._display.quiet:
            print()  # The last words come next, or the question.

    def _draw(self, result: Report, file: TextIO) -> None:
        """Draw the table into a file."""
        from cleanup_nodemodule.show.group_table import group_table
        from cleanup_nodemodule.show.table import table

        look = self._look(result, file, sys.maxsize)
        pieces = group_table(result, look) if result.by else table(result, look)
        file.writelines("".join(line.text for line in piece.segments) for piece in pieces)

    def _look(self, result: Report, file: TextIO, height: int, *, about: bool = False) -> "Look":
        from cleanup_nodemodule.show.enough import default_kept, default_top
        from cleanup_nodemodule.show.fitting import marks_for
        from cleanup_nodemodule.show.table import Look

        display, at_terminal = self._display, is_terminal(file)
        top = display.top
        if top is None:
            all_of_them = display.verbose or not at_terminal
            top = 0 if all_of_them else default_top(result, height)
        return Look(
            width=_columns(),
            top=top,
            kept=default_kept(height if at_terminal else sys.maxsize),
            verbose=display.verbose,
            about_to_delete=about,
            home=os.path.expanduser("~"),
            marks=marks_for(file),
        )

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

    def _sorted(self, result: Report, by: By | None) -> Report:
        sort = self._display.sort
        rows = sorted(result.artifacts, key=lambda row: row.path)
        match sort:
            case "size":
                rows.sort(key=lambda row: -lines.gain(row))
            case "age":
                # ISO 8601 times of one zone sort as text; what has none was never used.
                rows.sort(key=lambda row: row.last_used_at or "")
        if self._format is Format.TABLE:
            from cleanup_nodemodule.show.table import is_included

            # These are to be seen, however many others there are.
            rows.sort(key=lambda row: not is_included(row))
        result = replace(result, artifacts=rows)
        return result if by is None else with_groups(result, by.value, sort)


def _is_streamed(display: Display) -> bool:
    """Whether rows are printed while the run goes on: nothing is asked that needs all of them."""
    whole = display.sorts or display.top is not None or display.by is not None or display.files
    return display.format is Format.NDJSON and not whole


def _columns() -> int | None:
    """Return how many columns there are off a terminal: as many as somebody said, else no limit."""
    columns = os.environ.get("COLUMNS", "")
    return int(columns) or None if columns.isdecimal() else None
