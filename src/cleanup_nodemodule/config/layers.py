"""What is said about a run, in layers, and what comes of it: the values, each with where it was said.

From the first to the last: the defaults, the system's files, the user's file, ``--config``, the environment, a job,
the command line. The last one that says something about a key decides. What protects adds up instead, from all of
them. Pure.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Final, NamedTuple

from cleanup_nodemodule.config.keys import KEYS, OPTIONS, Key, Kind
from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.problems import ProblemCode


class Order(StrEnum):
    """Where something can be said, from what counts least to what counts most."""

    DEFAULT = "default"
    SYSTEM = "system"
    USER = "user"
    CONFIG = "--config"
    ENVIRONMENT = "environment"
    JOB = "job"
    COMMAND_LINE = "command line"


class Source(NamedTuple):
    """Where something was said."""

    order: Order
    place: str = ""
    """The path of the file, or the name of the variable; empty where there is neither."""
    find_line: Callable[[], int | None] | None = None
    """Looks for the line of the file: only who tells of it needs that."""

    @property
    def line(self) -> int | None:
        """The line of the file, from 1; None where there is none, or it cannot be told."""
        return self.find_line() if self.find_line is not None else None

    def __str__(self) -> str:
        line = self.line
        place = self.place or self.order.value
        return place if line is None else f"{place}, line {line}"


DEFAULT: Final = Source(Order.DEFAULT)

COMMAND_LINE: Final = Source(Order.COMMAND_LINE)


class Given(NamedTuple):
    """One value, and where it was said."""

    value: Any
    """As its :class:`~cleanup_nodemodule.config.keys.Kind` has it; lists are tuples."""
    source: Source


class SaidWronglyError(UsageError):
    """A value that cannot be right. The message says where it was said, and what to say instead."""


class PathSaidWronglyError(SaidWronglyError):
    """A directory that cannot be searched, which nobody typed."""

    code = ProblemCode.SEARCH_ROOT

    def __init__(self, message: str, error: UsageError) -> None:
        super().__init__(message)
        self._error = error

    @property
    def path(self) -> str | None:
        """Absolute path of the directory."""
        return self._error.path

    @property
    def number(self) -> int | None:
        """What the system said (errno(3))."""
        return self._error.number


Layer = Mapping[str, Given]
"""What is said in one place, by the names of the keys."""


class Values:
    """What counts in a run: each key has a value, and where that was said."""

    def __init__(self, layers: Iterable[Layer] = ()) -> None:
        """Put *layers* over each other, the first of them undermost, and all over the defaults."""
        self._given: dict[str, tuple[Given, ...]] = {
            name: (Given(key.default, DEFAULT),) for name, key in KEYS.items()
        }
        for layer in layers:
            for name, given in {**self._taken_back(layer), **layer}.items():
                self._put(KEYS[name], given)

    def _taken_back(self, layer: Layer) -> Layer:
        """Return what a layer takes back of the layers before it, by saying something else."""
        return {
            name: Given(KEYS[name].default, given.source)
            for key, given in layer.items()
            if given.value
            for name in KEYS[key].instead_of
            if self.is_given(name)
        }

    def _put(self, key: Key, given: Given) -> None:
        before = self._given[key.name] if key.adds_up else ()
        said = tuple(one for one in before if one.source.order is not Order.DEFAULT)
        self._given[key.name] = (*said, given)

    def given(self, name: str) -> tuple[Given, ...]:
        """Return all that counts of a key: one value, or for what adds up one of each layer that says any."""
        return self._given[name]

    def source(self, name: str) -> Source:
        """Return where the value of a key was said, the last of them for what adds up."""
        return self._given[name][-1].source

    def is_given(self, name: str) -> bool:
        """Whether anybody said anything about a key."""
        return self.source(name).order is not Order.DEFAULT

    def value(self, name: str) -> Any:
        """Return what counts of a key, with lists as tuples."""
        given = self._given[name]
        if KEYS[name].adds_up:
            return tuple(value for one in given for value in one.value)
        return given[-1].value

    # By their kinds, for whoever wants to know the type. None where nobody said anything and nothing is the default.

    def text(self, name: str) -> str | None:
        """Return a text, a path or a word."""
        value: str | None = self._of(name, Kind.TEXT, Kind.PATH, Kind.CHOICE)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts or paths; empty where nobody said any."""
        value: tuple[str, ...] = self._of(name, Kind.TEXTS, Kind.PATHS)
        return value

    def number(self, name: str) -> int | None:
        """Return a whole number."""
        value: int | None = self._of(name, Kind.NUMBER)
        return value

    def seconds(self, name: str) -> float | None:
        """Return a number of seconds."""
        value: float | None = self._of(name, Kind.SECONDS)
        return value

    def flag(self, name: str) -> bool:
        """Return whether something is wanted."""
        value: bool = self._of(name, Kind.FLAG)
        return value

    def _of(self, name: str, *kinds: Kind) -> Any:
        if KEYS[name].kind not in kinds:
            raise TypeError(f"{name} is {KEYS[name].kind.value}")
        return self.value(name)

    @contextmanager
    def blaming(self) -> Iterator[None]:
        """Have an error whose sentence begins with an option say where that was said, if nobody typed it."""
        try:
            yield
        except UsageError as error:
            blamed = self.blame(error)
            if blamed is error:
                raise
            raise blamed from error

    def blame(self, error: UsageError) -> UsageError:
        """Return the error with the place where what is wrong was said; the same one if it was typed."""
        if error.code is ProblemCode.SEARCH_ROOT:
            return self._blame_path(error)
        match = re.match(r"(--[a-z][a-z-]*)\b", str(error))
        key = OPTIONS.get(match[1]) if match is not None else None
        if match is None or key is None:
            return error
        source = self.source(key.name)
        if source.order in {Order.DEFAULT, Order.COMMAND_LINE}:
            return error
        return SaidWronglyError(f"{source}: {key.name}{str(error)[match.end() :]}")

    def _blame_path(self, error: UsageError) -> UsageError:
        """Return the error about a directory that cannot be searched with who named it, if nobody typed that."""
        source = self.source("path")
        if source.order in {Order.DEFAULT, Order.COMMAND_LINE}:
            return error
        return PathSaidWronglyError(f"{source}: path: {error}", error)
