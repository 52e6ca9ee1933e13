"""Values of our dataclasses, made from what JSON has, and checked while they are made. Pure.

All of a field is checked at once, one column of the rows after the other: 200,000 rows have six million values.
"""

import json
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from functools import cache
from itertools import chain
from operator import itemgetter
from types import NoneType, UnionType
from typing import (
    Any,
    Final,
    Generic,
    Literal,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from cleanup_nodemodule.words import printable

_MOST: Final = 2**70
"""More than anybody has, in bytes or in directories."""

_TIMES: Final = frozenset({"last_used_at", "started_at"})
_PATHS: Final = frozenset({"path", "project", "root"})

_WORDS: Final = re.compile(r"[a-z-]{1,40}", re.ASCII)
_PHRASE: Final = re.compile(r"[A-Za-z0-9 ,.'-]{1,100}", re.ASCII)
_OURS: Final = {"reason": _WORDS, "code": _WORDS, "doing": _PHRASE}
"""What is of our making in every document, and is shown as it is."""

_SENTENCES: Final = frozenset({"message", "sentence"})

_BRIEF: Final = 40
"""Characters of a wrong value that are shown."""

_ADDED: Final[Mapping[str, Callable[[Mapping[str, Any]], Any]]] = {
    "reclaimable_at_most_bytes": itemgetter("reclaimable_bytes"),
    "shared_bytes": lambda _: 0,
    "counted_bytes": itemgetter("freed_bytes"),
}
"""Fields that were added within a version, with what is in their place where a document does not have them."""

_T = TypeVar("_T")

_Check: TypeAlias = Callable[[Sequence[Any], str], Sequence[Any]]


class WrongError(ValueError):
    """What is wrong in a document, and in which field."""


class Shape(Generic[_T]):
    """Makes values of a dataclass from what JSON has, many at a time: one column after the other."""

    def __init__(self, made: type[_T], declared: type[Any]) -> None:
        hints = get_type_hints(declared)
        self._fields = fields(declared)
        self._names = [field.name for field in self._fields]
        self._get = itemgetter(*self._names)
        self._new = made
        self._setters = [getattr(declared, name).__set__ for name in self._names]
        self._allowed = [_types_of(hints[name]) for name in self._names]
        self._checks = [_check_of(name, hints[name]) for name in self._names]

    @property
    def width(self) -> int:
        """How many fields there are."""
        return len(self._names)

    def made(self, rows: Sequence[Any]) -> list[_T]:
        """Return the values that *rows* stand for. Raises WrongError, which does not say in which row."""
        try:
            values = list(map(self._get, rows))
        except (KeyError, TypeError, IndexError):
            values = list(map(self._with_defaults, rows))
        new: list[_T] = [object.__new__(self._new) for _ in values]
        for at, column in enumerate(zip(*values, strict=True)):
            name, allowed, check = self._names[at], self._allowed[at], self._checks[at]
            if not set(map(type, column)) <= allowed:
                wrong = next(value for value in column if type(value) not in allowed)
                raise WrongError(f"{name} cannot be {briefly(wrong)}")
            checked = column if check is None else check(column, name)
            deque(map(self._setters[at], new, checked), maxlen=0)
        return new

    def _with_defaults(self, row: Any) -> tuple[Any, ...]:
        if not isinstance(row, dict):
            raise WrongError("it is no object")
        values = []
        for field in self._fields:
            if field.name in row:
                values.append(row[field.name])
            elif (before := _ADDED.get(field.name)) is not None:
                values.append(before(row))
            elif field.default is not MISSING:
                values.append(field.default)
            elif field.default_factory is not MISSING:
                values.append(field.default_factory())
            else:
                raise WrongError(f"{field.name} is missing")
        return tuple(values)


def briefly(value: Any) -> str:
    """Return a value as JSON, or the beginning of it."""
    text = json.dumps(value)
    return text if len(text) <= _BRIEF else f"{text[:_BRIEF]}..."


@cache
def shape_of(made: type[_T], declared: type[Any]) -> Shape[_T]:
    """Return the shape of *made*, which is *declared* or a subclass of it with the same fields."""
    return Shape(made, declared)


def _types_of(hint: Any) -> set[type]:
    """Return the types that JSON may have for a field."""
    origin = get_origin(hint)
    if origin in {Union, UnionType}:
        return set().union(*map(_types_of, get_args(hint)))
    if origin is Literal:
        return {type(value) for value in get_args(hint)}
    if origin is list:
        return {list}
    if is_dataclass(hint):
        return {dict}
    return {int, float} if hint is float else {hint}


# Each check takes what a field has in all rows, of the right types, and returns what the field is to hold.


def _check_of(name: str, hint: Any) -> _Check | None:
    if get_origin(hint) in {Union, UnionType}:
        [hint] = [one for one in get_args(hint) if one is not NoneType]
    if get_origin(hint) is Literal:
        values = frozenset({*get_args(hint), None})
        return lambda column, name: _all(column, values.__contains__, name)
    if get_origin(hint) is list:
        [element] = get_args(hint)
        return _strings if element is str else _lists_of(shape_of(element, element))
    if is_dataclass(hint):
        return _objects_of(shape_of(hint, hint))  # type: ignore[arg-type]
    if hint is int and name != "observed_freed_bytes":
        return lambda column, name: _within(column, 0, name)
    if hint in {int, float}:
        return lambda column, name: _within(column, -_MOST, name)
    if (ours := _OURS.get(name)) is not None:
        return lambda column, name: _all(column, ours.fullmatch, name)
    if name in _SENTENCES:
        return lambda column, _name: [
            one if one.isprintable() else printable(one) for one in column
        ]
    if name in _TIMES:
        return lambda column, name: _all(column, _is_time, name)
    if name in _PATHS and hint is str:
        return lambda column, name: _all(column, _is_path, name)
    return None


def _all(column: Sequence[Any], right: Callable[[Any], object], name: str) -> Sequence[Any]:
    # Many rows have the same project, time or word.
    for value in set(column):
        if value is not None and not right(value):
            raise WrongError(f"{name} cannot be {briefly(value)}")
    return column


def _within(column: Sequence[Any], least: int, name: str) -> Sequence[Any]:
    numbers = [value for value in column if value is not None] or [0]
    for value in (min(numbers), max(numbers)):
        if not least <= value <= _MOST:
            raise WrongError(f"{name} cannot be {briefly(value)}")
    return column


def _strings(column: Sequence[Any], name: str) -> Sequence[Any]:
    if not set(map(type, chain.from_iterable(column))) <= {str}:
        wrong = next(one for one in chain.from_iterable(column) if type(one) is not str)
        raise WrongError(f"{name} cannot have {briefly(wrong)}")
    return column


def _objects_of(shape: Shape[Any]) -> _Check:
    def made(column: Sequence[Any], _name: str) -> Sequence[Any]:
        if None not in column:
            return shape.made(column)
        return [None if one is None else shape.made([one])[0] for one in column]

    return made


def _lists_of(shape: Shape[Any]) -> _Check:
    return lambda column, _name: [shape.made(rows) for rows in column]


def _is_time(value: str) -> bool:
    try:
        aware = datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
    return aware and re.match(r"[12]\d\d\d-", value, re.ASCII) is not None


def _is_path(value: str) -> bool:
    return value[:1] == "/"
