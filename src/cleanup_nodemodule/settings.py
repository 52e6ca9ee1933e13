"""Everything a run depends on, validated once and frozen."""

import os
from dataclasses import dataclass

from cleanup_nodemodule.rules import default_names


class SettingsError(ValueError):
    """A setting that cannot be right. The message says what to type instead."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What to search, and for what. Raises SettingsError for a value that cannot be right."""

    roots: tuple[str, ...] = (".",)
    """Directories to search; nested and repeated ones count each artifact once."""
    targets: tuple[str, ...] | None = None
    """Names to look for instead of the default ones. Naming one here is the user's word that it is
    an artifact: it needs no further proof, though what protects it still does."""
    min_depth: int = 0
    """Depth of the shallowest artifact; the children of a root have depth 0."""
    excludes: tuple[str, ...] = ()
    """Patterns in gitignore syntax, relative to each root: neither shown nor searched."""

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

    @property
    def names(self) -> tuple[str, ...]:
        """The directory names to look for."""
        return default_names() if self.targets is None else self.targets


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
