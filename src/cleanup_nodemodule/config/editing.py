"""Changes one value in a configuration file, and leaves all else in it as somebody wrote it, comments too."""

import os
import re
from collections.abc import MutableMapping
from typing import Any, Final

from cleanup_nodemodule.config.files import refuse_dangling
from cleanup_nodemodule.config.keys import KEYS, Key, Kind
from cleanup_nodemodule.config.layers import Order, Source
from cleanup_nodemodule.config.reading import no_key, value_of_words
from cleanup_nodemodule.config.settings import SettingsError
from cleanup_nodemodule.system import whole_file
from cleanup_nodemodule.system.files import read_small
from cleanup_nodemodule.words import command, printable

_LARGEST: Final = 1024 * 1024

_PRIVATE: Final = 0o700
"""Mode of a directory that is made for the file."""


def key_called(name: str) -> tuple[tuple[str, ...], Key]:
    """Return the table that *name* leads to, and the key: ``job.nightly.path`` is ``path`` in that job.

    Raises SettingsError for what is none.
    """
    *table, last = name.split(".")
    if table and (len(table) != 2 or table[0] != "job" or not table[1]):  # noqa: PLR2004 - job and its name
        raise SettingsError(
            f"{printable(name)!r} is no key; type one such as sort, or job.nightly.sort for a job"
        )
    names = {one: key for key in KEYS.values() for one in (key.name, *key.also_called)}
    key = names.get(last.removeprefix("--"))
    if key is None:
        raise SettingsError(no_key(last, names))
    return tuple(table), key


def with_value(text: str, name: str, words: list[str], path: str) -> str:
    """Return a configuration file with a value for a key, as people type it. Raises SettingsError."""
    import tomlkit  # noqa: PLC0415 - only to edit a file

    table, key = key_called(name)
    value_of_words(key, words, Source(Order.COMMAND_LINE, name))
    document = _parsed(text, path)
    if not table and _name_in(document, key) not in document:
        placed = _at_its_place(text, key.name, _as_written(key, words))
        if placed is not None:
            return placed
    place: MutableMapping[str, Any] = document
    for number, part in enumerate(table):
        if part not in place:
            place[part] = tomlkit.table(is_super_table=number == 0)
        place = place[part]
        if not isinstance(place, MutableMapping):
            raise SettingsError(f"{path}: {part} is no table; edit the file by hand")
    place[_name_in(place, key)] = _as_written(key, words)
    return tomlkit.dumps(document)


def _at_its_place(text: str, name: str, value: Any) -> str | None:
    """Return a file with a new key above all tables: for its line that is commented out, or else above the first table.

    A table that is commented out counts too: somebody may take away the # there. None if the place cannot be told.
    """
    import tomllib  # noqa: PLC0415 - only to edit a file

    import tomlkit  # noqa: PLC0415 - only to edit a file

    said = tomlkit.dumps({name: value})
    lines = text.splitlines(keepends=True)
    tables = (number for number, line in enumerate(lines) if _TABLE.match(line))
    first = next(tables, None)
    if first is None:
        return None
    own = re.compile(rf"#\s*{re.escape(name)}\s*=")
    at = next((number for number in range(first) if own.match(lines[number])), None)
    if at is not None:
        lines[at] = said
    else:
        while first and lines[first - 1].startswith("#"):  # What is said about the table.
            first -= 1
        lines[first:first] = [said, "\n"]
    placed = "".join(lines)
    try:  # What looks like a table may be in a text of several lines.
        right = tomllib.loads(placed) == {**tomllib.loads(text), name: value}
    except ValueError:
        right = False
    return placed if right else None


_TABLE: Final = re.compile(r"\s*(#\s*)?\[{1,2}[\w.\"'-]+\]{1,2}\s*(#.*)?$")


def without_value(text: str, name: str, path: str) -> str | None:
    """Return a configuration file without a key; None if it does not have that. Raises SettingsError."""
    import tomlkit  # noqa: PLC0415 - only to edit a file

    table, key = key_called(name)
    document = _parsed(text, path)
    place: MutableMapping[str, Any] = document
    for part in table:
        if not isinstance(place.get(part), MutableMapping):
            return None
        place = place[part]
    if _name_in(place, key) not in place:
        return None
    del place[_name_in(place, key)]
    return tomlkit.dumps(document)


def _name_in(place: MutableMapping[str, Any], key: Key) -> str:
    return next((name for name in key.also_called if name in place), key.name)


def _as_written(key: Key, words: list[str]) -> Any:
    """Return the value of a key as a file has it: a path as it was typed, so that ~ stays what it is."""
    if key.kind in {Kind.TEXTS, Kind.PATHS, Kind.RULES}:
        return list(words)
    if key.kind in {Kind.TEXT, Kind.PATH}:
        return words[0]
    return value_of_words(key, words, Source(Order.COMMAND_LINE))


def _parsed(text: str, path: str) -> Any:
    import tomlkit  # noqa: PLC0415 - only to edit a file
    from tomlkit.exceptions import TOMLKitError  # noqa: PLC0415 - only to edit a file

    try:
        return tomlkit.parse(text)
    except (TOMLKitError, ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: {error}") from error


def text_of(path: str) -> str:
    """Return what a configuration file holds, nothing if there is none. Raises SettingsError."""
    try:
        return read_small(path, _LARGEST, follow=True)[0].decode("utf-8-sig")
    except FileNotFoundError:
        refuse_dangling(path)
        return ""
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; make it readable for you") from error
    except ValueError as error:
        raise SettingsError(f"{path}: it is no text in UTF-8") from error


def write(path: str, text: str) -> None:
    """Put *text* in the place of a configuration file: all of it or nothing, with the mode that the file has.

    A symlink stays one. Raises SettingsError.
    """
    target = os.path.realpath(path)
    try:
        os.makedirs(os.path.dirname(target), mode=_PRIVATE, exist_ok=True)
        whole_file.write(target, [text.encode()], lambda: None)
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be written: {error.strerror}; nothing was changed"
        ) from error


def create(path: str, text: str) -> None:
    """Write a new configuration file. Raises SettingsError, also if there is anything of that name."""
    try:
        os.makedirs(os.path.dirname(path), mode=_PRIVATE, exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise SettingsError(
            f"{path} is there already, and stays as it is; to change a value, type:"
            f" {command('config', 'set')} KEY VALUE"
        ) from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}") from error
