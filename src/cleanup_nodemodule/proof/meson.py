"""Tells how a build tree of Meson was configured, from what Meson wrote down in it."""

import functools
import json
import os
import shlex
from collections.abc import Iterable
from configparser import ConfigParser
from configparser import Error as ConfigurationError

from cleanup_nodemodule.proof.build_options import is_harmless
from cleanup_nodemodule.proof.stat_cache import StatCache, ancestors


def command(artifact: str, project: str, cache: StatCache) -> str | None:
    """Return the commands that set up and build *artifact* again from *project*, None if nothing is written down.

    meson-private/cmd_line.txt has the options that were given (mesonbuild/coredata.py, ``write_cmd_line_file``).
    Raises OSError where something could not be looked at.
    """
    content = cache.read(artifact, "meson-private/cmd_line.txt")
    if content is None:
        return None
    parser = ConfigParser(interpolation=None, delimiters=("=",))
    # Names of options have capital letters, and a colon before those of subprojects.
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    try:
        parser.read_string(content.decode())
        given = dict(parser["options"]) if parser.has_section("options") else {}
    except (ConfigurationError, ValueError):
        return None
    source = _source(cache.read(artifact, "meson-info/meson-info.json"))
    if source is None or source not in ancestors(project, None):
        return None
    options = [f"-D{name}={value}" for name, value in sorted(given.items())]
    return _line(os.path.relpath(artifact, project), os.path.relpath(source, project), options)


def knows(command: str, artifact: str, project: str, cache: StatCache) -> bool:
    """Whether *command* sets up and builds *artifact* from *project*, and can do nothing else.

    It is read word by word, and then written anew. An option that could run a program or read a file of somebody
    else is strange. Raises OSError.
    """
    try:
        words = shlex.split(command)
    except ValueError:
        return False
    third = words[3:4] or [""]
    source = "." if third[0].startswith("-D") or third == ["&&"] else third[0]
    home = os.path.normpath(os.path.join(project, source))
    options = [word for word in words if word.startswith("-D")]
    return (
        home in ancestors(project, None)
        and cache.exists(home, "meson.build")
        and command == _line(os.path.relpath(artifact, project), source, options)
        and all(map(functools.partial(is_harmless, source=home), options))
    )


def _line(build: str, source: str, options: Iterable[str]) -> str:
    words = ["meson", "setup", build, *([] if source == "." else [source]), *options]
    return f"{shlex.join(words)} && meson compile -C {shlex.quote(build)}"


def _source(content: bytes | None) -> str | None:
    """Return where the sources are (meson-info.json, "directories")."""
    try:
        source = json.loads(content or b"")["directories"]["source"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return source if isinstance(source, str) else None
