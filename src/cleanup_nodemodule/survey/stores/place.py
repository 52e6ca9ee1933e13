"""Where an artifact lies, and what settings say there: of its project, of its owner and of the environment."""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.system.files import content

_SETTINGS_BYTES: Final = 16 << 20
"""A file with settings that is larger is not read. Those that managers write name every package of a workspace."""

_LEVELS: Final = 32
"""Directories above a project that are asked for settings, at most."""


class Surroundings(NamedTuple):
    """What is the same for all artifacts of a run. Pickles."""

    environment: Mapping[str, str]
    """The variables of the run."""
    kinds: Mapping[str, str]
    """For each mount point what is mounted there, such as ``nfs``."""


class Place:
    """One artifact. Looking for settings raises nothing: what cannot be read says nothing."""

    def __init__(
        self, artifact: str, project: str, root: str, owner: int | None, around: Surroundings
    ) -> None:
        """*artifact*, its *project* and the *root* it was found under are absolute, without symlinks."""
        self.artifact: Final = artifact
        self.project: Final = project
        self.root: Final = root
        self.owner: Final = owner
        """The number of its owner, if there is such a thing."""
        self._environment: Final = around.environment
        self._kinds: Final = around.kinds
        self._points: Final = tuple(around.kinds)
        self.mount: Final = mounts.mount_point_of(artifact, self._points)
        """What its file system is mounted on."""
        self.homes: Final = tuple(dict.fromkeys(self._homes()))
        """Absolute paths of the home directories whose settings may count."""

    def _homes(self) -> Iterator[str]:
        home = self.variable("HOME") or (self.variable("USERPROFILE") if os.name == "nt" else "")
        if home:
            yield home
        if self.owner is None:
            return
        try:
            import pwd

            yield pwd.getpwuid(self.owner).pw_dir
        except (ImportError, KeyError, OverflowError):
            return

    def variable(self, *names: str) -> str:
        """Return what the first of these variables says that says something."""
        return next((value for name in names if (value := self._environment.get(name))), "")

    def reach(self, path: str) -> str | None:
        """Return the absolute *path* without symlinks; None if it leads to what may not answer.

        The file system of the artifact itself has answered.
        """
        if not os.path.isabs(path) or "\0" in path:
            return None
        resolved, silent = mounts.resolve(path, self._kinds)
        if silent and mounts.mount_point_of(resolved, self._points) != self.mount:
            return None
        return resolved

    def read(self, *parts: str) -> str:
        """Return the text of a file with settings; nothing if there is none, or it is no regular file, or too large."""
        directory = self.reach(os.path.join(*parts[:-1]))
        if directory is None:
            return ""
        try:
            # A link is not followed: it may lead anywhere.
            read = content(os.path.join(directory, parts[-1]), _SETTINGS_BYTES)
        except (OSError, ValueError):
            return ""
        return (read or b"").decode("utf-8", "surrogateescape")

    def said(self, name: str, key: str, *directories: str) -> Iterator[str]:
        """Give what a *key* is said to be in the files of that *name* in these *directories*, as absolute paths.

        The files are of ``key=value``, ``key: value`` or ``key "value"`` lines, with or without quotes: .npmrc, YAML, TOML,
        JSON that is not packed into one line.
        """
        for directory in directories:
            text = self.read(directory, name)
            if text and (value := said_in(text, key)):
                yield self.absolute(value, directory)

    def table(self, directory: str, name: str, *keys: str) -> Mapping[str, Any]:
        """Return the table under these *keys* of a TOML file with settings; an empty one if there is none."""
        import tomllib

        text = self.read(directory, name)
        if not text or (keys and keys[-1] not in text):
            return {}
        try:
            found: Any = tomllib.loads(text)
        except (ValueError, RecursionError):
            return {}
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    def absolute(self, path: str, directory: str) -> str:
        """Return a *path* that settings in *directory* have: it may begin with a home, or be relative."""
        for variable in ("~", "$HOME", "${HOME}", "$env:HOME"):
            if (path == variable or path.startswith(variable + "/")) and self.homes:
                path = self.homes[0] + path[len(variable) :]
        return os.path.normpath(os.path.join(directory, path))

    @property
    def above(self) -> Iterator[str]:
        """The project and the directories above it, up to the root that was searched."""
        directory = self.project
        for _ in range(_LEVELS):
            yield directory
            if directory == self.root or directory == os.path.dirname(directory):
                return
            directory = os.path.dirname(directory)

    def in_homes(self, variable: str, *defaults: str) -> Iterator[str]:
        """Give a directory for the data of programs: where the *variable* says, and the *defaults* in each home."""
        if value := self.variable(variable):
            yield value
        for home in self.homes:
            yield from (os.path.join(home, default) for default in defaults)


def said_in(text: str, key: str) -> str:
    """Return what a *key* is said to be in the lines of a file; nothing if nothing is said."""
    found = re.search(
        rf"""^[ \t{{,]*["']?{re.escape(key)}["']?[ \t]*[:=\s][ \t]*(?:"([^"\n]*)"|'([^'\n]*)'|([^"'\n#,]+))""",
        text,
        re.MULTILINE,
    )
    return next((value.strip() for value in found.groups() if value), "") if found else ""
