"""What to search, and for what: validated once and frozen."""

import contextlib
import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from cleanup_nodemodule.config.filters import NO_FILTERS, Filters
from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.patterns.globs import PatternError
from cleanup_nodemodule.patterns.patterns import check
from cleanup_nodemodule.proof.rules import (
    DEFAULT_PROFILE,
    EVERYTHING,
    SNAPSHOTS,
    Rule,
    RuleError,
    of_profiles,
)

_DEEPEST: Final = 1_000_000
"""Depth beyond which nothing can lie that has a name."""


class SettingsError(UsageError):
    """A setting that cannot be right. The message says what to type instead."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What to search, and for what: each option of the command line by its name.

    Raises SettingsError, a CleanupError, for a value that cannot be right.
    """

    roots: tuple[str, ...] = (".",)
    """Directories to search; nested and repeated ones count each artifact once."""
    artifacts: tuple[str, ...] | None = None
    """Paths of directories to look at; then nothing is searched. Each is decided as a search of the first of the roots
    decides that it lies in. If there are no roots, that is the current directory if it lies in that, and else the
    nearest directory around all others."""
    targets: tuple[str, ...] | None = None
    """Names to look for instead of those of the rules. Every directory of that name can be rebuilt: no other proof is
    needed, but for packages, which have to be declared. What protects a directory still does."""
    min_depth: int = 0
    """Depth of the shallowest artifact; the children of a root have depth 0."""
    max_depth: int | None = None
    """Depth of the deepest artifact; None for any. Nothing deeper is searched."""
    also: tuple[str, ...] = ()
    """More names to look for. Naming one means the same as in targets."""
    include_unproven: tuple[str, ...] = ()
    """Paths of directories about which one of the three questions is open. They are included unless something
    protects them."""
    excludes: tuple[str, ...] = ()
    """Patterns of what is neither shown nor searched, in gitignore syntax."""
    profiles: tuple[str, ...] = (DEFAULT_PROFILE,)
    """Ecosystems whose rules are used, such as ``python``, or ``all``."""
    own_rules: tuple[Rule, ...] = ()
    """Rules beside those of the profiles."""
    keep: tuple[str, ...] = ()
    """Patterns of what is kept in any case, in gitignore syntax."""
    include_foreign: bool = False
    """Include what only another user may delete, by the sticky bit of a directory such as ``/tmp``."""
    assume_unused: bool = False
    """Take what belongs to other users for unused, even if some processes may not be looked at."""
    exact: bool | None = None
    """Ask file systems about everything to find out what deleting gives back. False: about nothing. None: about what most
    likely matters."""
    begin_with: str | None = None
    """The root, or the listed artifact, to begin with, an absolute path; those before it come last."""
    filters: Filters = NO_FILTERS
    """Which of those that can be deleted go."""
    home: str | None = None
    """The user's home directory: what programs keep there is protected. None means that of whoever calls."""
    cwd: str | None = None
    """The current directory: an artifact around it is protected. None means that of the process."""

    def __post_init__(self) -> None:
        for name in (
            "roots",
            "artifacts",
            "targets",
            "also",
            "include_unproven",
            "excludes",
            "profiles",
            "keep",
        ):
            _check_texts(name, getattr(self, name))
        if not self.roots and self.artifacts is None:
            raise SettingsError("there is nothing to search; name a directory, as in: -p .")
        _check_depths(self.min_depth, self.max_depth)
        if self.targets is not None and not self.targets:
            raise SettingsError("--targets needs a name, as in: --targets node_modules dist")
        for name in self.targets or ():
            _check_name("--targets", name)
        for name in self.also:
            _check_name("--also", name)
        for path in self.include_unproven:
            if not path or "\0" in path:
                raise SettingsError(
                    f"--include-unproven takes paths of directories, and {path!r} is none"
                )
        try:
            of_profiles(self.profiles)
        except RuleError as error:
            raise SettingsError(f"--profile: {error}") from error
        check_patterns("--exclude", self.excludes)
        check_patterns("keep", self.keep)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that candidates are held against: with targets, those of every ecosystem."""
        chosen = of_profiles(self.profiles if self.targets is None else (EVERYTHING,))
        return (*self.own_rules, *chosen)


def with_surroundings(settings: Settings) -> Settings:
    """Return the settings with this user's home directory and the current directory, where they have none.

    Like the rest of the edge, this reads the environment.
    """
    home = settings.home
    if home is None:
        found = os.path.expanduser("~")
        home = os.path.realpath(found) if os.path.isabs(found) else None
    cwd = settings.cwd
    if cwd is None:
        with contextlib.suppress(OSError):  # It was deleted.
            cwd = os.getcwd()
    return replace(settings, home=home, cwd=cwd)


def _check_texts(name: str, value: object) -> None:
    """Refuse what programs without a type checker may give: a text, say, whose letters would be taken for names."""
    if value is None and name in {"artifacts", "targets"}:
        return
    if not isinstance(value, tuple) or not all(isinstance(one, str) for one in value):
        raise SettingsError(f"{name} has to be a tuple of texts, and {value!r} is none")


def _check_depths(least: int, most: int | None) -> None:
    if least < 0:
        raise SettingsError(
            f"--min-depth cannot be {least}; use 0 for every depth, or a larger number"
        )
    if least > _DEEPEST:
        raise SettingsError(
            f"--min-depth is larger than any depth; use 0 for every depth, or up to {_DEEPEST:,}"
        )
    if most is None:
        return
    if most < 0:
        raise SettingsError(
            f"--max-depth cannot be {most}; use 0 for what lies directly in PATH, or a larger number"
        )
    if most > _DEEPEST:
        raise SettingsError(
            f"--max-depth is larger than any depth; leave it out, or use up to {_DEEPEST:,}"
        )
    if most < least:
        raise SettingsError(
            f"nothing lies at depth {least} or deeper and at {most} or higher; swap --min-depth and --max-depth,"
            " or leave one out"
        )


def check_patterns(what: str, texts: Sequence[str]) -> None:
    """Raise SettingsError, whose sentence begins with *what*, for patterns that cannot be right."""
    for number, text in enumerate(texts):
        try:
            check(text)
        except PatternError as error:
            raise SettingsError(f"{what} takes patterns in gitignore syntax: {error}") from error
        if text.startswith("!") and all(one.startswith("!") for one in texts[:number]):
            raise SettingsError(
                f"{what}: {text!r} takes back what an earlier pattern excludes, and there is none;"
                f" to exclude it, type {text[1:]!r}, or '\\{text}' for a name that begins with !"
            )


def _check_name(option: str, name: str) -> None:
    """Refuse what is no name of a directory that may be deleted."""
    separators = {os.sep, os.altsep or os.sep, "/"}
    if name in {"", ".", "..", "~"} or "\0" in name or any(mark in name for mark in separators):
        raise SettingsError(
            f"{option} takes names of directories, not paths, and {name!r} is none;"
            " to search somewhere else, use -p PATH"
        )
    if any(mark in name for mark in "*?["):
        of_files = (
            f". This program deletes directories; to find files, type: find . -name {shlex.quote(name)}"
            if re.fullmatch(r"\*\.\w+", name)
            else ""
        )
        raise SettingsError(
            f"{option} takes names of directories, and {name!r} is a pattern; type each name, as in:"
            f" {option} dist .cache{of_files}"
        )
    if "," in name:
        names = " ".join(filter(None, (part.strip() for part in name.split(","))))
        raise SettingsError(
            f"{option} takes names with spaces between them; type: {option} {names or 'dist out'}"
        )
    if name == ".git":
        raise SettingsError(f"{option} .git would delete repositories; that is never done")
    if name in SNAPSHOTS:
        raise SettingsError(f"{option} {name}: what lies there are snapshots; that is never done")
