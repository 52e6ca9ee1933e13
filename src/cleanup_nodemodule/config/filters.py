"""Which of the artifacts that can be deleted go, and in which order if only a part has to go. Pure."""

import re
from dataclasses import dataclass, fields
from typing import Final, Literal, TypeAlias

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.model.quantities import Share, duration, size
from cleanup_nodemodule.patterns.globs import PatternError
from cleanup_nodemodule.patterns.patterns import check

Order: TypeAlias = Literal["age", "size"]
"""What goes first: what was not used for the longest time, or what is largest."""

Per: TypeAlias = Literal["run", "repository"]
"""Among what the latest are counted."""

_BYTES: Final = ("min_size", "max_size", "free", "until_free", "max_total")
_SECONDS: Final = ("older_than", "newer_than")


class FilterError(UsageError):
    """Filters that cannot be right. The message says what to type instead."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which of the artifacts that can be deleted go. All that is given has to hold.

    First each artifact is looked at alone, by age, size and path. Then the latest are spared. Of what is left, as much
    goes as the goals take: *free*, *until_free* and *max_total*. Each keeps with a reason of its own. Raises
    FilterError, a CleanupError, for a value that cannot be right.
    """

    older_than: int | None = None
    """Seconds since the last use, at least. What nobody knows the age of counts as used just now."""
    newer_than: int | None = None
    """Seconds since the last use, at most."""
    min_size: int | None = None
    """Bytes that it takes alone, as ``du -s`` counts, at least."""
    max_size: int | None = None
    """The same, at most."""
    only: tuple[str, ...] = ()
    """Patterns in gitignore syntax, one of which has to match."""
    keep_latest: int | None = None
    """So many of the projects that were used last stay."""
    keep_latest_per: Per = "run"
    """Among all projects that were found, or among the working trees of each repository."""
    free: int | None = None
    """Bytes that the deletion gives back, at least, on each file system."""
    until_free: int | Share | None = None
    """Bytes, or the share, that each file system has available in the end, at least."""
    max_total: int | None = None
    """Bytes that what remains of all that was found may take on each file system."""
    order: Order = "age"
    """What goes first where only a part has to go."""

    def __post_init__(self) -> None:
        for name in (*_SECONDS, *_BYTES):
            _check_number(name, getattr(self, name))
        if self.keep_latest is not None and (
            type(self.keep_latest) is not int or self.keep_latest < 1
        ):
            raise FilterError(
                f"{option('keep_latest')} cannot be {self.keep_latest}; type 1 or a larger number, or leave it out"
            )
        if self.keep_latest_per not in ("run", "repository"):
            raise FilterError(
                f"keep_latest_per cannot be {self.keep_latest_per!r}; it is run or repository"
            )
        if self.order not in ("age", "size"):
            raise FilterError(f"--order cannot be {self.order!r}; type age or size")
        if not isinstance(self.only, tuple) or not all(isinstance(one, str) for one in self.only):
            raise FilterError(f"only has to be a tuple of texts, and {self.only!r} is none")
        for text in self.only:
            try:
                check(text)
            except PatternError as error:
                raise FilterError(f"--only takes patterns in gitignore syntax: {error}") from error
            if "," in re.sub(r"\\.|\[[^]/]*\]", "", text):
                several = " ".join(
                    f"--only {one.strip()}" for one in text.split(",") if one.strip()
                )
                raise FilterError(
                    f"--only {text!r} has a comma, and each pattern stands for itself; type: {several},"
                    f" or {text.replace(',', '[,]')!r} for a name with a comma"
                )
        if self.only and all(text.startswith("!") for text in self.only):
            raise FilterError(
                f"--only {self.only[0]!r} takes back what an earlier pattern matches, and there is none;"
                f" to leave that alone, use --exclude {self.only[0][1:]!r}"
            )
        older, newer = self.older_than, self.newer_than
        if older is not None and newer is not None and older > newer:
            raise FilterError(
                f"nothing is older than {duration(older)} and newer than {duration(newer)};"
                " swap the two, or leave one out"
            )
        least, most = self.min_size, self.max_size
        if least is not None and most is not None and least > most:
            raise FilterError(
                f"nothing has at least {size(least)} and at most {size(most)};"
                " swap the two, or leave one out"
            )

    @property
    def goals(self) -> bool:
        """Whether only so much goes as it takes to reach something."""
        return any(goal is not None for goal in (self.free, self.until_free, self.max_total))

    @property
    def any(self) -> bool:
        """Whether they may keep anything."""
        return bool(self.given)

    @property
    def given(self) -> tuple[str, ...]:
        """The fields that may keep anything, by name."""
        return tuple(
            one.name
            for one in fields(self)
            if one.name not in ("keep_latest_per", "order")
            and getattr(self, one.name) not in (None, ())
        )

    @property
    def need_all(self) -> bool:
        """Whether nothing can be decided about one artifact before all are found and measured."""
        return self.goals or self.keep_latest is not None


def option(name: str) -> str:
    """Return the option of the command line that sets the field of this *name*."""
    return f"--{name.replace('_', '-')}"


def said(filters: Filters, name: str) -> str:
    """Return an option with its value, as it can be typed."""
    value = getattr(filters, name)
    if name in _SECONDS:
        value = duration(value)
    elif name in _BYTES and not isinstance(value, Share):
        value = size(value)
    elif name == "keep_latest" and filters.keep_latest_per == "repository":
        value = f"{value}/repo"
    return f"{option(name)} {value}"


def said_each(filters: Filters, name: str) -> list[str]:
    """Return the same, once for each of its values if it has several."""
    if name == "only":
        return [f"{option(name)} {text}" for text in filters.only]
    return [said(filters, name)]


def _check_number(name: str, value: object) -> None:
    """Refuse what programs without a type checker may give."""
    if value is None or (name == "until_free" and isinstance(value, Share)):
        if isinstance(value, Share) and not 0 < value.percent < 100:  # noqa: PLR2004 - percent
            raise FilterError(f"--until-free takes a share above 0% and below 100%, not {value}")
        return
    unit = "seconds" if name in _SECONDS else "bytes"
    if type(value) is not int or value < 0:
        raise FilterError(f"{name} takes a number of {unit}, 0 or more, and {value!r} is none")


NO_FILTERS: Final = Filters()
