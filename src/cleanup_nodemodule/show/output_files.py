"""The files that a result is written to besides standard output: ``--output [FORMAT:]FILE``."""

import difflib
import errno
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TextIO

from cleanup_nodemodule.config.keys import Format
from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.report.rows import Report
from cleanup_nodemodule.show.formats import KINDS, Wanted, by_ending
from cleanup_nodemodule.system import whole_file
from cleanup_nodemodule.system.symlinks import LinkError, resolve_file
from cleanup_nodemodule.words import printable, quoted

STANDARD_OUTPUT: Final = frozenset({"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})

_SAYS_ITS_END: Final = frozenset({Format.JSON, Format.NDJSON})
"""Formats that say whether they have all that there is."""

_SAID: Final = re.compile(r"([A-Za-z]{2,}):(.*)", re.DOTALL)
"""A format before a file. One letter is a drive of Windows."""


class Target(NamedTuple):
    """One value of ``--output``."""

    format: Format
    path: str
    """As it was given, or ``-``."""


class OutputError(UsageError):
    """A file that cannot be written, said before anything else happens."""

    def __init__(self, message: str, path: str | None = None, number: int | None = None) -> None:
        super().__init__(message)
        self._path = path
        self._number = number

    @property
    def path(self) -> str | None:
        """Absolute path of the file."""
        return self._path

    @property
    def number(self) -> int | None:
        """What the system said (errno(3))."""
        return self._number


def parse(text: str) -> Target:
    """Return what a value of ``--output`` stands for. Raises OutputError."""
    said = _SAID.fullmatch(text)
    known = [one.value for one in Format]
    if said is not None and said[1] in known:
        format_, path = Format(said[1]), said[2]
        if not path:
            raise OutputError(
                f"--output {text} has no file; type for instance: --output {text}audit"
            )
    elif said is not None and os.sep not in said[1] and not os.path.lexists(text):
        near = difflib.get_close_matches(said[1].lower(), known, n=1, cutoff=0.5)
        meant = f"did you mean {near[0]}? There are" if near else "there are"
        raise OutputError(
            f"--output: there is no format {said[1]}; {meant} {', '.join(known)}. For a file of that name"
            f" type: --output {quoted(os.path.join(os.curdir, text))}"
        )
    elif not text:
        raise OutputError("--output needs a file, as in: --output audit.json")
    elif text in STANDARD_OUTPUT:
        raise OutputError(f"--output {text} needs a format, as in: --output json:{text}")
    else:
        path, found = text, by_ending(text)
        if found is None:
            raise OutputError(
                f"--output: the name {printable(text)} asks for no format; type it before the name, as in:"
                f" --output {quoted(f'json:{text}')}"
            )
        format_ = found
    if path in STANDARD_OUTPUT:
        return Target(format_, "-")
    return Target(format_, os.path.expanduser(path) if path.startswith("~") else path)


class OutputFiles:
    """Writes the result of one run into its files."""

    def __init__(
        self,
        targets: Iterable[Target] = (),
        *,
        top: int | None = None,
        others: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Look whether each file can be written. Raises OutputError where one cannot.

        The *others* are what files are for that the run reads or writes besides, and their paths. None of them may be
        one of these.
        """
        self._top = top
        self._places: dict[str, Target] = {}
        self._around: dict[str, whole_file.Identity] = {}
        for target in targets:
            place, around = _place(target.path)
            if around is not None:
                self._around[place] = around
            if place in self._places:
                raise OutputError(
                    f"--output {printable(target.path)} is there twice; give each format a file of its own"
                )
            self._places[place] = target
        for purpose, path in others if self._around else ():
            place = os.path.realpath(path)
            if place in self._around:
                raise OutputError(
                    f"--output {printable(self._places[place].path)} is the file of {purpose}, too; give each a file of"
                    " its own"
                )

    @property
    def paths(self) -> list[str]:
        """Absolute paths of what is a file once it is written."""
        return list(self._around)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._places)

    def has(self, format_: Format) -> bool:
        """Whether there is one of this format."""
        return any(target.format is format_ for target in self._places.values())

    def write(
        self,
        report: Report,
        goes_on: Callable[[], object] = lambda: None,
        table: Callable[[Report, TextIO], None] | None = None,
        *,
        stopped: bool = False,
    ) -> list[str]:
        """Write all of them; return a sentence for each that could not be written.

        Of a run that was *stopped* before it knew all, only what can say that is written: a short list would pass for
        the whole one.

        Calls *goes_on* now and then, and *table* to draw one. A KeyboardInterrupt ends what is written then, and is one
        of the sentences.
        """
        failures: list[str] = []
        for place, target in self._places.items():
            if stopped and target.format not in _SAYS_ITS_END:
                failures.append(_failure(place, "the run was interrupted"))
                continue
            pieces = _pieces(report, target, self._top, table)
            stream = place not in self._around
            try:
                if stream:
                    whole_file.write_stream(place, pieces, goes_on)
                else:
                    whole_file.write(place, pieces, goes_on, self._around[place])
            except OSError as error:
                if stream and error.errno == errno.EPIPE:
                    continue  # A reader that has seen enough.
                failures.append(_failure(place, error.strerror or str(error)))
            except KeyboardInterrupt:
                failures.append(_failure(place, "it was interrupted"))
        return failures


def _failure(place: str, why: str) -> str:
    old = "; the old file is as it was" if os.path.lexists(place) else ""
    return f"could not write {printable(place)}: {why}{old}"


def _pieces(
    report: Report,
    target: Target,
    top: int | None,
    table: Callable[[Report, TextIO], None] | None,
) -> Iterator[bytes]:
    write = KINDS[target.format].pieces
    if write is not None:
        for piece in write(report, Wanted(top=top)):
            yield piece.encode() if isinstance(piece, str) else piece
    elif table is not None:
        drawn = io.StringIO()
        table(report, drawn)
        yield drawn.getvalue().encode()


def _place(path: str) -> tuple[str, whole_file.Identity | None]:
    """Return where a file really is, and in which directory, of which nothing but its last name may be missing.

    A pipe or the like has no directory. Raises OutputError.
    """
    absolute = os.path.join(os.getcwd(), path)
    if whole_file.is_systems(absolute) and whole_file.is_stream(absolute):
        return absolute, None
    try:
        place = resolve_file(absolute)
        if whole_file.is_stream(place):
            return place, None
        around = whole_file.check(place)
    except IsADirectoryError as error:
        example = os.path.join(path, "audit.json")
        raise OutputError(
            f"--output takes a file, and {printable(path)} is a directory; type for instance:"
            f" --output {quoted(example)}",
            absolute,
            error.errno,
        ) from error
    except LinkError as error:
        raise OutputError(
            f"--output {printable(path)} leads through a symlink that somebody else has made; type the path"
            " that it leads to",
            absolute,
            error.errno,
        ) from error
    except (OSError, ValueError) as error:
        number = error.errno if isinstance(error, OSError) else None
        why = error.strerror if isinstance(error, OSError) else str(error)
        advice = "type a file in a directory that exists, and that you may write"
        raise OutputError(
            f"--output: cannot write {printable(path)}: {why}; {advice}", absolute, number
        ) from error
    return place, around


def parsed(texts: Sequence[str]) -> tuple[list[Target], Format | None]:
    """Return the files of all values of ``--output``, and the format that they ask for on standard output.

    Raises OutputError.
    """
    targets = [parse(text) for text in texts]
    printed = {target.format for target in targets if target.path == "-"}
    if len(printed) > 1:
        raise OutputError(
            "--output: standard output takes one format only; give the others a file, as in:"
            " --output json:audit.json"
        )
    return [target for target in targets if target.path != "-"], next(iter(printed), None)
