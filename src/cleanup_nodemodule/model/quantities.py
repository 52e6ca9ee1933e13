"""Lengths of time, sizes and shares, as people write them. Pure.

Parsers of others read some of what people write as something else: ``30`` as seconds, ``m`` as minutes here and as
months there, ``1,5GB`` as one byte, ``10 GBit`` as bytes. Here everything that can be read in two ways is refused, in a
sentence that says what to type.
"""

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

_LONGEST: Final = 40
"""Characters; nobody writes a longer quantity."""

_NUMBER: Final = r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY
YEAR: Final = 365 * DAY + DAY // 4
MONTH: Final = YEAR // 12
"""Seconds. A year has 365.25 days, and a month is a twelfth of that (systemd.time(7))."""

_MOST: Final = 1000 * YEAR
"""Seconds that no length of time may have more of: no file is as old."""

_LONGEST_WAIT: Final = 30 * DAY
"""Seconds beyond which nobody waits for a run."""

_TIMES: Final = {
    **dict.fromkeys(("y", "yr", "yrs", "year", "years"), YEAR),
    **dict.fromkeys(("mo", "mos", "month", "months"), MONTH),
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks"), WEEK),
    **dict.fromkeys(("d", "day", "days"), DAY),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), HOUR),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), MINUTE),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
}
"""Seconds of a unit, by what people call it, in small letters."""

_SHORT: Final = {"y": YEAR, "mo": MONTH, "w": WEEK, "d": DAY, "h": HOUR, "min": MINUTE, "s": 1}

_DURATION: Final = re.compile(rf"({_NUMBER}) ?([a-z]+)(?:\s+|(?=[0-9.])|\Z)", re.ASCII)

_UNITS: Final = "KMGTPE"

_SIZE: Final = re.compile(rf"(?P<number>{_NUMBER}) ?(?P<unit>[{_UNITS}])?(?P<base>IB|B)?", re.ASCII)

_LARGEST: Final = 2**63
"""Bytes that no file system has (off_t)."""


class QuantityError(ValueError):
    """A quantity that cannot be understood. The message is a sentence that says what to type."""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, such as of a file system."""

    percent: float
    """Above 0 and below 100."""

    def of(self, whole: int) -> int:
        """Return so many of *whole*, rounded up."""
        return math.ceil(Fraction(self.percent) * whole / 100)

    def __str__(self) -> str:
        return f"{self.percent:g}%"


def read_duration(text: str, what: str, *, waited: bool = False) -> int:
    """Return the seconds of a length of time such as ``30d``, ``2 weeks``, ``6mo`` or ``1w 3d``.

    Each part is a number, with a point for its fraction, and a unit, from the longest to the shortest. Upper and
    lower case are alike. A month has 30.4375 days, a year 365.25. What is left of a second does not count. *what* is
    whose value it is, for the message. If the time is *waited*, ``m`` means minutes: nobody waits for months. Raises
    QuantityError.
    """
    # There are letters that become a k or an s in small ones.
    plain = text.strip().lower() if text.isascii() else text
    examples, example = (
        ("30s, 10min or 2h", "30min") if waited else ("30d, 2 weeks, 6mo or 1y", "30d")
    )
    _check(text, plain, what, examples, example)
    if re.fullmatch(_NUMBER, plain, re.ASCII):
        first, others = (
            ("min for minutes", "s, h, d") if waited else ("d for days", "s, min, h, w, mo, y")
        )
        raise QuantityError(
            f"{what} {plain} needs a unit; type {plain}{first}, or one of {others} instead of {first.split()[0]}"
        )
    seconds = Fraction(0)
    position, last = 0, math.inf
    while position < len(plain):
        part = _DURATION.match(plain, position)
        if part is not None and part[2] == "m" and not waited:
            raise QuantityError(
                f"{what} {shown(plain)} may mean minutes or months; type {part[1]}min or {part[1]}mo"
            )
        unit = {"m": MINUTE, **_TIMES}.get(part[2]) if part is not None else None
        if part is None or unit is None or unit >= last:
            raise QuantityError(
                f"{what} takes a length of time such as {examples}, and {shown(text)} is none"
            )
        seconds += Fraction(part[1]) * unit
        position, last = part.end(), unit
    if waited and seconds > _LONGEST_WAIT:
        raise QuantityError(f"{what} cannot be longer than 30 days; type for instance {example}")
    if seconds > _MOST:
        raise QuantityError(f"{what} cannot be longer than 1000 years; type for instance 1y")
    return int(seconds)


def duration(seconds: int) -> str:
    """Return a length of time as :func:`read_duration` reads it, such as ``30d``: exactly that many seconds."""
    for unit, length in _SHORT.items():
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    parts: list[str] = []
    left = seconds
    for unit, length in _SHORT.items():
        count, left = divmod(left, length) if unit not in {"y", "mo", "w"} else (0, left)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"


def spoken(seconds: int) -> str:
    """Return a length of time for people, such as ``3 days``, cut to a whole number of one unit."""
    for unit, length in (("day", DAY), ("hour", HOUR), ("minute", MINUTE)):
        if count := seconds // length:
            return f"{count:,} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"


def bytes_of(text: str) -> int | None:
    """Return the bytes of a size such as ``500 MB``, ``1.5GiB`` or ``10G``; None for anything else.

    The unit, in capitals or not, is one of ``du --block-size`` and ``rsync --max-size``: ``K``, ``M``, ``G``, ``T``,
    ``P``, ``E`` and ``KiB``, ``MiB``, ... are powers of 1024, ``KB``, ``MB``, ... powers of 1000, ``B`` is bytes.
    (fd(1), which has ``k`` for 1000, would let through less than what du(1) shows by the same letter.) A number
    without a unit is no size.
    """
    match = _SIZE.fullmatch(text.strip().upper())
    if (
        not text.isascii()
        or len(text) > _LONGEST
        or match is None
        or not (match["unit"] or match["base"])
    ):
        return None
    if match["base"] == "IB" and not match["unit"]:
        return None
    power = _UNITS.index(match["unit"]) + 1 if match["unit"] else 0
    base = 1000 if match["base"] == "B" else 1024
    return int(Fraction(match["number"]) * base**power)


def read_size(text: str, what: str) -> int:
    """Return the bytes of a size, as :func:`bytes_of` reads it.

    *what* is whose value it is, for the message. Raises QuantityError.
    """
    plain = text.strip()
    _check(text, plain, what, "500MB, 1.5GiB or 10G", "500MB")
    if re.fullmatch(_NUMBER, plain, re.ASCII):
        raise QuantityError(
            f"{what} {plain} needs a unit; type {plain}MB, or one of B, KB, GB, TB, KiB, MiB, GiB, TiB instead of MB"
        )
    size = bytes_of(plain)
    if size is None:
        raise QuantityError(
            f"{what} takes a size such as 500MB, 1.5GiB or 10G, and {shown(text)} is none"
        )
    if size >= _LARGEST:
        raise QuantityError(f"{what} cannot be 8 EiB or more; type for instance 500GB")
    return size


def size(count: int) -> str:
    """Return a number of bytes as :func:`read_size` reads it, such as ``10GB``: exactly that many."""
    for base, ending in ((1000, "B"), (1024, "iB")):
        power = 0
        while count and power < len(_UNITS) and count % base ** (power + 1) == 0:
            power += 1
        if power:
            return f"{count // base**power}{_UNITS[power - 1]}{ending}"
    return f"{count}B"


def read_size_or_share(text: str, what: str) -> int | Share:
    """Return the bytes of a size, or a share such as ``15%``.

    *what* is whose value it is, for the message. Raises QuantityError.
    """
    plain = text.strip()
    number = plain.removesuffix("%").removesuffix(" ")
    if not plain.endswith("%") or not re.fullmatch(_NUMBER, number, re.ASCII):
        if "%" in plain:
            _check(text, plain, what, "15% or 50GB", "15%")
            raise QuantityError(f"{what} takes a share such as 15%, and {shown(text)} is none")
        return read_size(text, what)
    if len(text) > _LONGEST or not 0 < float(number) < 100:  # noqa: PLR2004 - percent
        raise QuantityError(f"{what} takes a share above 0% and below 100%, as in 15%")
    return Share(float(number))


def _check(text: str, plain: str, what: str, examples: str, example: str) -> None:
    """Refuse what no quantity is, and say what is wrong with what people write most."""
    if len(text) > _LONGEST or not plain:
        raise QuantityError(f"{what} takes a value such as {examples}")
    if plain.startswith(("-", "+")):
        raise QuantityError(f"{what} takes no sign before the number; type for instance {example}")
    if re.search(r"[0-9],[0-9]", plain):
        raise QuantityError(
            f"{what} {shown(text)} has a comma; type a point before a fraction, as in 1.5, and nothing between thousands"
        )


def shown(text: str) -> str:
    """Return what somebody typed, so that all of it can be seen, and not endlessly."""
    return repr(text[:_LONGEST])
