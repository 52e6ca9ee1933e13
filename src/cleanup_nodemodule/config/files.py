"""Configuration files: where they are, whether they can be trusted, and what they say.

What a file says decides what is deleted. So it is a layer like the command line, and nobody but the user and root
may be able to write it.
"""

import contextlib
import difflib
import os
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

from cleanup_nodemodule.config.keys import KEYS, Key, Kind, Where
from cleanup_nodemodule.config.layers import Given, Layer, Order, Source, typed_value
from cleanup_nodemodule.config.settings import SettingsError
from cleanup_nodemodule.proof.rules import RuleError, read_rules
from cleanup_nodemodule.system.files import read_small
from cleanup_nodemodule.words import printable

CONFIG_NAME: Final = "config.toml"
"""Name of the configuration file in the user's configuration directory."""

_LARGEST: Final = 1024 * 1024
"""Bytes that a configuration file may have."""


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


def read_file(path: str, order: Order) -> Layer:
    """Return what a configuration file says for all runs; nothing if there is none.

    Raises SettingsError and SaidWronglyError, with the place in the file, for one that is not to be trusted or
    makes no sense.
    """
    try:
        content, status = read_small(path, _LARGEST, follow=True)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; make it readable for you") from error
    _trust(path, status)
    text, data = _parsed(path, content)
    layer: dict[str, Given] = {}
    names = {name: key for key in KEYS.values() for name in (key.name, *key.also_called)}
    for name, value in data.items():
        source = Source(order, path, partial(line_of, text, (name,)))
        key = names.get(name)
        if key is None:
            raise SettingsError(f"{source}: {_no_key(name, names)}")
        if key.name in layer:
            raise SettingsError(f"{source}: {name} is said twice; use {key.name} only")
        if key.where in {Where.ORDERED, Where.TYPED}:
            raise SettingsError(f"{source}: {key.name} can only stand {key.where.value}")
        layer[key.name] = Given(_value(key, value, source), source)
    return layer


def _parsed(path: str, content: bytes) -> tuple[str, Mapping[str, Any]]:
    import tomllib  # noqa: PLC0415 - only for those who have a configuration

    try:
        text = content.decode()
        return text, tomllib.loads(text)
    except RecursionError as error:
        raise SettingsError(f"{path}: it is nested too deeply") from error
    except ValueError as error:  # Of TOML or of UTF-8.
        # Python's own words on this are for programmers.
        long = "a number in it has too many digits" if "int_max_str" in str(error) else error
        raise SettingsError(f"{path}: {long}") from error


def _trust(path: str, status: os.stat_result) -> None:
    from cleanup_nodemodule.record import trust  # noqa: PLC0415 - only for those who have a configuration

    try:
        fault = trust.untrusted_file(path, status)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; make it readable for you") from error
    if fault is not None:
        raise SettingsError(
            f"{path} says what is deleted, and somebody else could write it: {fault}; make it yours"
            " (chown, chmod go-w), or set XDG_CONFIG_HOME to a directory that only you can write to"
        )


def _value(key: Key, value: object, source: Source) -> Any:
    if key.kind is Kind.RULES:
        return _rules(value, source)
    typed = typed_value(key, value, source)
    match key.kind:
        case Kind.PATH:
            return _place(key, typed, source)
        case Kind.PATHS:
            return tuple(_place(key, path, source) for path in typed)
        case _:
            return typed


def _rules(value: object, source: Source) -> tuple[Any, ...]:
    """Return the rules of a file: tables as in the catalogue, and texts as ``--rule`` takes them."""
    several = value if isinstance(value, list) else [value]
    texts = tuple(one for one in several if isinstance(one, str))
    tables = [one for one in several if not isinstance(one, str)]
    try:
        return (*texts, *read_rules(tables, source.place, own=True))
    except RuleError as error:
        raise SettingsError(str(error)) from error


def _place(key: Key, path: str, source: Source) -> str:
    """Return a path of a file, in which a run may begin anywhere."""
    whole = os.path.expanduser(path)
    if not os.path.isabs(whole):
        raise SettingsError(
            f"{source}: {key.name}: {printable(path)!r} is relative, and a run may begin anywhere;"
            " write the whole path, or one that begins with ~/"
        )
    return whole


def _no_key(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name.replace("_", "-"), list(known), n=1, cutoff=0.6)
    advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(KEYS))}"
    return f"there is no key {printable(name)!r}; {advice}"


_MOST_TRIED: Final = 64
"""Lines that are tried, as each takes reading the file up to there."""


def line_of(text: str, keys: tuple[str, ...]) -> int | None:
    """Return the line of a TOML document, from 1, in which a key is first said; None if it cannot be told.

    *keys* is the way to it, from the top. It is where the document up to there has it, and before has not.
    """
    lines = text.split("\n")
    tried = 0
    for number, line in enumerate(lines):
        if keys[-1] not in line:
            continue
        # A value may go on in the lines that follow.
        for end in range(number + 1, len(lines) + 1):
            tried += 1
            if tried > _MOST_TRIED:
                return None
            has = _has("\n".join(lines[:end]), keys)
            if has is not None:
                break
        if has:
            return number + 1
    return None


def _has(text: str, keys: tuple[str, ...]) -> bool | None:
    """Whether a TOML document has a key; None for one that is none, or not yet."""
    import tomllib  # noqa: PLC0415 - only for those who have a configuration

    try:
        data: Any = tomllib.loads(text)
    except (ValueError, RecursionError):
        return None
    for key in keys:
        if not isinstance(data, dict) or key not in data:
            return False
        data = data[key]
    return True
