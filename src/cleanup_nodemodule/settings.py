"""Everything a run depends on, validated once and frozen.

Defaults, then the configuration file, then the command line: the later one wins, and what protects
adds up.
"""

import os
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from cleanup_nodemodule.protections import compile_keep
from cleanup_nodemodule.rules import (
    DEFAULT_PROFILE,
    EVERYTHING,
    Rule,
    RuleError,
    of_profiles,
    read_rules,
)

CONFIG_NAME: Final = "config.toml"
"""Name of the configuration file in the user's configuration directory."""


class SettingsError(ValueError):
    """A setting that cannot be right. The message says what to type instead."""


@dataclass(frozen=True, slots=True)
class Config:
    """What the user's configuration file says."""

    profiles: tuple[str, ...] = ()
    """Instead of the default profile."""
    rules: tuple[Rule, ...] = ()
    """Rules of the user's own, beside those of the profiles."""
    keep: tuple[str, ...] = ()
    """Patterns of what is kept."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What to search, and for what. Raises SettingsError for a value that cannot be right."""

    roots: tuple[str, ...] = (".",)
    """Directories to search; nested and repeated ones count each artifact once."""
    targets: tuple[str, ...] | None = None
    """Names to look for instead of the rules'. Naming one here is the user's word that it is
    an artifact: it needs no further proof, though what protects it still does."""
    min_depth: int = 0
    """Depth of the shallowest artifact; the children of a root have depth 0."""
    excludes: tuple[str, ...] = ()
    """Patterns in gitignore syntax, relative to each root: neither shown nor searched."""
    profiles: tuple[str, ...] = (DEFAULT_PROFILE,)
    """Ecosystems whose rules are used."""
    own_rules: tuple[Rule, ...] = ()
    """Rules beside those of the profiles."""
    keep: tuple[str, ...] = ()
    """Patterns in gitignore syntax, relative to the root of the file system: kept, whatever else."""
    foreign_too: bool = False
    """Delete also what only other users may, by the sticky bit of a directory."""
    assume_unused: bool = False
    """Nobody works where nobody can say who does: see :meth:`protections.Processes.at_work_in`."""
    home: str | None = None
    """The user's home directory; what programs keep there is protected."""
    cwd: str | None = None
    """The current directory; what it lies in is protected."""

    def __post_init__(self) -> None:
        if not self.roots:
            raise SettingsError("there is nothing to search; name a directory, as in: -p .")
        if self.min_depth < 0:
            raise SettingsError(
                f"--min-depth cannot be {self.min_depth}; use 0 for every depth, or a larger number"
            )
        if self.targets is not None:
            if not self.targets:
                raise SettingsError("--targets needs a name, as in: --targets node_modules dist")
            for name in self.targets:
                _check_target(name)
        try:
            of_profiles(self.profiles)
        except RuleError as error:
            raise SettingsError(f"--profile: {error}") from error
        try:
            compile_keep(self.keep, self.home)
        except ValueError as error:
            raise SettingsError(f"keep takes patterns in gitignore syntax: {error}") from error

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that candidates are held against: with targets, those of every ecosystem."""
        chosen = of_profiles(self.profiles if self.targets is None else (EVERYTHING,))
        return (*self.own_rules, *chosen)


def read_config(path: str) -> Config:
    """Read the configuration file; there need not be one.

    Raises SettingsError, with the place in the file, for one that makes no sense.
    """
    try:
        with open(path, "rb") as file:
            data = tomllib.load(file)
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; it has to be readable") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    known = {"profiles", "rule", "keep"}
    for key in data:
        if key not in known:
            raise SettingsError(f"{path}: there is no key {key!r}; there are {_list(known)}")
    try:
        rules = read_rules(data.get("rule", []), path)
        profiles = _names(data, "profiles", path)
    except RuleError as error:
        raise SettingsError(str(error)) from error
    keep = _names(data, "keep", path)
    try:
        of_profiles(profiles)
        compile_keep(keep, None)
    except RuleError as error:
        raise SettingsError(f"{path}: profiles: {error}") from error
    except ValueError as error:
        raise SettingsError(f"{path}: keep takes patterns in gitignore syntax: {error}") from error
    return Config(profiles, rules, keep)


def _names(data: dict[str, Any], key: str, path: str) -> tuple[str, ...]:
    value = data.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise SettingsError(f"{path}: {key} has to be a list of texts")
    return tuple(value)


def _list(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))


def _check_target(name: str) -> None:
    """Refuse what is no name of a directory that may be deleted."""
    separators = {os.sep, os.altsep or os.sep, "/"}
    if name in {"", ".", ".."} or "\0" in name or any(mark in name for mark in separators):
        raise SettingsError(
            f"--targets takes names of directories, not paths, and {name!r} is none;"
            " to search somewhere else, use -p PATH"
        )
    if name == ".git":
        raise SettingsError("--targets .git would delete repositories; that is never done")
