"""The question before anything is deleted: yes, no, or which of it."""

import os
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import Final

from cleanup_nodemodule import words
from cleanup_nodemodule.model import Artifact, Mode, Plan
from cleanup_nodemodule.proof.stat_cache import ancestors
from cleanup_nodemodule.run.signals import Interrupts
from cleanup_nodemodule.show.streams import end_line, say
from cleanup_nodemodule.survey.choose import choose
from cleanup_nodemodule.words import printable
from cleanup_nodemodule.work.tasks import Stopped

_NOTHING: Final[AbstractSet[str]] = frozenset()

_RANGE: Final = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", re.ASCII)

_HELP: Final = """\
y      {does} these directories
n      {does} nothing; so does Enter
l      list them with their numbers
1,3-5  choose only these numbers; you are asked again
-2,4   leave out these numbers; you are asked again
?      show this help
Ctrl-C stops the run; nothing is deleted then."""

_LISTED: Final = 10
"""Directories that are listed when they are chosen; of more only the sum is told."""


class _AnswerError(Exception):
    """An answer that means nothing. The message says what to type."""


def ask(
    plan: Plan, mode: Mode, interrupts: Interrupts, numbered: Sequence[str] = ()
) -> AbstractSet[str]:
    """Return the paths of what a person at the terminal wants deleted, of what *plan* selects; none for a no.

    Their numbers are those of the table, which has them in the order of *numbered*. Raises Stopped for Ctrl-C, Ctrl-D or a terminal that is gone, which ask to stop rather than answer.
    """
    choice = _Choice(plan, numbered)
    while True:
        try:
            # A signal has to end the wait for the answer, which nothing else can.
            with interrupts.raising():
                forget_keys()
                # Not input(), which writes to standard output, and that is for the result.
                say(f"{choice.question(mode)} ", end="")
                answer = sys.stdin.readline()
                # Without a newline it is what stood there when Ctrl-D or the terminal's end came.
                if not answer.endswith("\n"):
                    answer = ""
                if answer and (done := _answered(choice, answer.strip().lower(), mode)) is not None:
                    return done
        except (KeyboardInterrupt, OSError):  # EIO: the terminal is gone.
            answer = ""
        if not answer:
            end_line()
            interrupts.number = interrupts.number or signal.SIGINT
            raise Stopped


def forget_keys() -> None:
    """Throw away what was typed before the question is on the screen, as nobody can have answered it.

    A ``y`` that was meant for something else would delete. This is done before each question and not only the
    first, because each asks about another sum: of several lines that are pasted, only the first counts.
    """
    if sys.platform == "win32":
        import msvcrt

        while msvcrt.kbhit():
            msvcrt.getwch()
    else:
        import termios

        # Where that fails the terminal is gone, and to read from it says so.
        with suppress(termios.error):
            termios.tcflush(sys.stdin, termios.TCIFLUSH)


def _answered(choice: "_Choice", answer: str, mode: Mode) -> AbstractSet[str] | None:
    """Return what to delete, or None if the question is to be asked once more."""
    match answer:
        case "y" | "yes":
            return choice.paths
        case "" | "n" | "no":
            return _NOTHING
        case "l" | "list":
            say("\n".join(choice.listed()))
        case "?" | "h" | "help":
            say(_HELP.format(does="move" if mode == "trash" else "delete"))
        case _:
            try:
                for line in choice.take(answer):
                    say(line)
            except _AnswerError as error:
                say(str(error))
    return None


class _Choice:
    """What is chosen by now. The numbers stay the same all the time."""

    def __init__(self, plan: Plan, numbered: Sequence[str]) -> None:
        self._plan = plan
        at = {path: number for number, path in enumerate(numbered)}
        self._numbered: Sequence[Artifact] = sorted(
            plan.selected, key=lambda one: (at.get(one.path, len(at)), one.path)
        )
        self._numbers = {one.path: number for number, one in enumerate(self._numbered, 1)}
        self._chosen = set(self._numbers.values())
        self._narrowed = plan

    @property
    def paths(self) -> AbstractSet[str]:
        """The paths of what is chosen."""
        return {path for path, number in self._numbers.items() if number in self._chosen}

    def question(self, mode: Mode) -> str:
        """Return the question, with the answers to choose from."""
        count = len(self._chosen)
        what = "1 directory" if count == 1 else f"{count:,} directories"
        narrowed = self._narrowed
        size = words.promised(narrowed.reclaimable_bytes, narrowed.reclaimable_at_most_bytes)
        asked = f"Delete {what}, {size}"
        if mode == "trash":
            asked = f"Move {what}, {size}, to the trash"
        numbers = "1,3-5/" if len(self._numbered) > 1 else ""
        return f"{asked}? [y/N/l/{numbers}?]"

    def listed(self) -> Iterator[str]:
        """Give a line for each that is chosen, with its number."""
        root = self._plan.roots[0] if len(self._plan.roots) == 1 else None
        if root is not None:
            yield f"In {printable(root)}:"
        digits = len(str(len(self._numbered)))
        sizes = {
            one.path: words.promised(one.size.reclaimable_bytes, one.size.reclaimable_at_most_bytes)
            for one in self._narrowed.selected
        }
        wide = max([9, *map(len, sizes.values())])
        for number, one in enumerate(self._numbered, 1):
            if number in self._chosen:
                path = one.path if root is None else os.path.relpath(one.path, root)
                yield f"{number:>{digits}}  {sizes[one.path]:>{wide}}  {printable(path)}"
        if left_out := len(self._numbered) - len(self._chosen):
            yield f"{left_out:,} left out"

    def take(self, answer: str) -> Iterator[str]:
        """Choose only the numbers of an *answer*, or leave them out; give what else that means.

        Raises _AnswerError, and nothing has changed then.
        """
        leaves_out = answer.startswith("-")
        numbers = self._understood(answer, leaves_out=leaves_out)
        if leaves_out:
            more = self._around(numbers)
            chosen = self._chosen - numbers - more
            told = [
                f"{number} is left out too, because one of these lies inside it."
                for number in sorted(more & self._chosen - numbers)
            ]
        else:
            more = self._inside(numbers)
            chosen = numbers | more
            told = [
                f"{number} is chosen too, because it lies inside one of these."
                for number in sorted(more - numbers)
            ]
        if not chosen:
            raise _AnswerError("That leaves nothing to delete. To delete nothing, type n.")
        self._chosen = chosen
        self._narrowed = choose(self._plan, self.paths)
        yield from told
        if len(chosen) <= _LISTED:
            yield from self.listed()

    def _understood(self, answer: str, *, leaves_out: bool) -> set[int]:
        """Return the numbers that an answer names."""
        numbers: set[int] = set()
        for word in re.split(r"[,\s]+", answer.strip(", ")):
            match = _RANGE.fullmatch(word.removeprefix("-") if leaves_out else word)
            if match is None:
                raise _AnswerError(
                    "Please type y or n, l for a list, numbers such as 1,3-5 to choose, or ? for help."
                )
            first, last = int(match[1]), int(match[2] or match[1])
            if last < first:
                raise _AnswerError(f"{word} runs backwards. Type {last}-{first} for these.")
            if first < 1 or last > len(self._numbered):
                raise _AnswerError(
                    f"The numbers go from 1 to {len(self._numbered)}. Type l to see them."
                )
            numbers.update(range(first, last + 1))
        return numbers

    def _around(self, numbers: AbstractSet[int]) -> set[int]:
        """Return the numbers of what lies around one of these."""
        paths = (self._numbered[number - 1].path for number in numbers)
        above = {one for path in paths for one in ancestors(os.path.dirname(path), None)}
        return {number for path, number in self._numbers.items() if path in above}

    def _inside(self, numbers: AbstractSet[int]) -> set[int]:
        """Return the numbers of what lies inside one of these."""
        tops = {self._numbered[number - 1].path for number in numbers}
        return {
            number
            for path, number in self._numbers.items()
            if not tops.isdisjoint(ancestors(os.path.dirname(path), None))
        }
