"""Configuration files: where they are, whether they can be trusted, and what they say.

What a file says decides what is deleted. So it is a layer like the command line, and nobody but the user and root
may be able to write it.
"""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from cleanup_nodemodule.config.keys import KEYS, Key, Kind, Where
from cleanup_nodemodule.config.layers import Given, Layer, Order, Source
from cleanup_nodemodule.config.lines import line_of
from cleanup_nodemodule.config.reading import no_key, value_of, word_of
from cleanup_nodemodule.config.settings import SettingsError
from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.system.files import read_small
from cleanup_nodemodule.words import printable

CONFIG_NAME: Final = "config.toml"
"""Name of a configuration file in its directory."""

SYSTEM_DIRECTORY: Final = "/etc/cleanup-nodemodule"
"""Where the configuration of all users is (hier(7)); Windows has none."""

FRAGMENTS: Final = "conf.d"
"""The directory in there whose files are read in the order of their names."""

_LARGEST: Final = 1024 * 1024
"""Bytes that a configuration file may have."""


class Job(NamedTuple):
    """A run with a name, which a file defines."""

    name: str
    says: Layer
    order: Order
    """Whose file it is in: a job of the system's files is for root, and for those that it names."""
    source: Source

    @property
    def about(self) -> str:
        """What it is for, in the words of who wrote it."""
        given = self.says.get("about")
        return given.value if given is not None else ""

    @property
    def users(self) -> tuple[str, ...]:
        """Accounts that may run it, too."""
        given = self.says.get("users")
        return given.value if given is not None else ()

    @property
    def deletes(self) -> bool:
        """Whether it deletes unless somebody types ``--dry-run``."""
        given = self.says.get("delete")
        return given is not None and bool(given.value)


class Said(NamedTuple):
    """What a file says."""

    path: str
    layer: Layer
    jobs: Mapping[str, Job]


def paths() -> list[tuple[str, Order]]:
    """Return the paths of the files that every run reads, in the order in which they are read.

    Like the rest of the edge, this reads the environment. Raises SettingsError for a directory that cannot be read.
    """
    found = []
    if os.name == "posix":
        found.append((os.path.join(SYSTEM_DIRECTORY, CONFIG_NAME), Order.SYSTEM))
        fragments = os.path.join(SYSTEM_DIRECTORY, FRAGMENTS)
        try:
            names = sorted(os.listdir(fragments))
        except FileNotFoundError:
            refuse_dangling(fragments)
            names = []
        except OSError as error:
            raise SettingsError(
                f"{fragments}: {error.strerror}; make it a directory that you can read"
            ) from error
        found += [
            (os.path.join(fragments, name), Order.SYSTEM)
            for name in names
            if name.endswith(".toml") and not name.startswith(".")
        ]
    with contextlib.suppress(RuntimeError):  # Nobody has a home directory, and so no configuration.
        found.append((user_path(), Order.USER))
    return found


def user_path() -> str:
    """Return the path of this user's configuration file; it need not be there.

    Like the state directory it is not looked for in a home directory of another account, as ``sudo`` leaves
    it in HOME on some systems: that one's rules are not for root to follow. ``$XDG_CONFIG_HOME`` counts if
    it is set. Like the rest of the edge, this reads the environment. Raises RuntimeError where nobody has a home
    directory.
    """
    import platformdirs  # noqa: PLC0415 - the library has no use for it

    path = platformdirs.user_config_dir("cleanup-nodemodule")
    home = os.path.expanduser("~")
    with contextlib.suppress(OSError):
        if hasattr(os, "geteuid") and os.stat(home).st_uid != os.geteuid():
            from cleanup_nodemodule.record import state_directory  # noqa: PLC0415 - for start-up's sake

            path = state_directory.of_own_account(path, "XDG_CONFIG_HOME")
    return os.path.join(path, CONFIG_NAME)


def read_file(path: str, order: Order, *, faults: list[UsageError] | None = None) -> Said | None:
    """Return what a configuration file says; None if there is none.

    Raises SettingsError and SaidWronglyError, with the place in the file, for one that is not to be trusted or
    makes no sense; with *faults* it goes on where it can, and adds the errors to those.
    """
    try:
        content, status = read_small(path, _LARGEST, follow=True)
    except FileNotFoundError:
        refuse_dangling(path)
        return None
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; make it readable for you") from error
    _trust(path, status, order)
    return said_by(content, path, order, faults=faults)


def refuse_dangling(path: str) -> None:
    """Raise SettingsError where *path*, which leads nowhere, does so by a symlink: nobody knows what it was to protect."""
    while not os.path.lexists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    if os.path.islink(path):
        raise SettingsError(
            f"{path} leads to {os.path.realpath(path)}, and nothing is there; mount the disk, or delete the symlink"
        )


def said_by(
    content: bytes, path: str, order: Order, *, faults: list[UsageError] | None = None
) -> Said:
    """Return what *content* says in a configuration file *path*; see :func:`read_file`."""
    text, data = _parsed(path, content)
    reading = _Reading(path, order, text, faults)
    layer = reading.layer({name: value for name, value in data.items() if name != "job"}, order)
    jobs = dict(reading.jobs(data.get("job", {})))
    return Said(path, layer, jobs)


class _Reading:
    """Reads what one file says."""

    def __init__(self, path: str, order: Order, text: str, faults: list[UsageError] | None) -> None:
        self._path = path
        self._order = order
        self._text = text
        self._faults = faults

    def layer(
        self, table: Mapping[str, Any], order: Order, way: tuple[str, ...] = ()
    ) -> dict[str, Given]:
        """Return what a table says, to which *way* leads."""
        layer: dict[str, Given] = {}
        names = {name: key for key in KEYS.values() for name in (key.name, *key.also_called)}
        for name, value in table.items():
            source = self._source(order, *way, name)
            with self._going_on():
                key = names.get(name)
                if key is None:
                    raise SettingsError(f"{source}: {no_key(name, [*names, *_TABLES[bool(way)]])}")
                if key.name == "jobs" and isinstance(value, dict):
                    raise SettingsError(
                        f"{source}: jobs is how many threads work; a job is written [job.nightly]"
                    )
                if key.name in layer:
                    raise SettingsError(f"{source}: {name} is said twice; use {key.name} only")
                if not _may_stand(key, in_job=bool(way)):
                    raise SettingsError(f"{source}: {key.name} can only stand {key.where.value}")
                layer[key.name] = Given(value_of(key, value, source), source)
        return layer

    def jobs(self, tables: Any) -> Iterator[tuple[str, Job]]:
        """Give the jobs of a file."""
        if not isinstance(tables, dict):
            source = self._source(self._order, "job")
            with self._going_on():
                raise SettingsError(f"{source}: job has to be a table, written [job.nightly]")
            return
        for name, table in tables.items():
            source = self._source(self._order, "job", name)
            with self._going_on():
                if not isinstance(table, dict):
                    raise SettingsError(
                        f"{source}: a job has to be a table with a name, written [job.nightly]"
                    )
                if not _is_name(name):
                    raise SettingsError(
                        f"{source}: a job cannot be called {word_of(name)}; use letters, digits,"
                        " - and _"
                    )
                says = self.layer(table, Order.JOB, ("job", name))
                yield name, Job(name, says, self._order, source)

    @contextlib.contextmanager
    def _going_on(self) -> Iterator[None]:
        try:
            yield
        except UsageError as error:
            if self._faults is None:
                raise
            self._faults.append(error)

    def _source(self, order: Order, *keys: str) -> Source:
        return Source(order, self._path, partial(line_of, self._text, keys))


_TABLES: Final = {False: ("job",), True: ()}
"""What else can stand in a file, at the top and in a job."""


def _may_stand(key: Key, *, in_job: bool) -> bool:
    if in_job:
        return key.where is not Where.TYPED
    return key.where in {Where.ANYWHERE, Where.FILES, Where.NO_VARIABLE}


def _is_name(name: str) -> bool:
    plain = name.replace("-", "").replace("_", "").replace(".", "")
    return plain.isascii() and plain.isalnum() and not name.startswith(("-", "."))


def _parsed(path: str, content: bytes) -> tuple[str, Mapping[str, Any]]:
    import tomllib  # noqa: PLC0415 - only for those who have a configuration

    try:
        text = content.decode("utf-8-sig")
        return text, tomllib.loads(text)
    except RecursionError as error:
        raise SettingsError(f"{path}: it is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"{path}: it is no text in UTF-8, from byte {error.start + 1} on; save it as UTF-8"
        ) from error
    except ValueError as error:
        # Python's own words on this are for programmers.
        long = "a number in it has too many digits" if "int_max_str" in str(error) else error
        _refuse_bare(path, text, str(error))
        raise SettingsError(f"{path}: {long}") from error


def _refuse_bare(path: str, text: str, message: str) -> None:
    """Raise SettingsError if the line that a *message* of the parser names has a text without quotes."""
    where = re.search(r"at line (\d+)", message)
    line = text.split("\n")[int(where[1]) - 1] if where is not None else ""
    said = re.match(r"\s*([a-z-]+)\s*=\s*([^\s\"'\[{#]+)\s*(#.*)?$", line)
    key = KEYS.get(said[1]) if said is not None else None
    texts = {Kind.TEXT, Kind.CHOICE, Kind.PATH, Kind.TEXTS, Kind.PATHS}
    if where is not None and said is not None and key is not None and key.kind in texts:
        raise SettingsError(
            f'{path}, line {where[1]}: a text needs quotes; write {key.name} = "{printable(said[2])}"'
        )


def _trust(path: str, status: os.stat_result, order: Order) -> None:
    from cleanup_nodemodule.record import trust  # noqa: PLC0415 - only for those who have a configuration

    try:
        fault = trust.untrusted_file(path, status)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; make it readable for you") from error
    if fault is None:
        return
    elsewhere = (
        ", or set XDG_CONFIG_HOME to a directory that only you can write to"
        if order is Order.USER
        else ""
    )
    whose = "root's" if order is Order.SYSTEM else "yours"
    raise SettingsError(
        f"{path} says what is deleted, and somebody else could write it: {fault}; make it {whose}"
        f" (chown, chmod go-w){elsewhere}"
    )
