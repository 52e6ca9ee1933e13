"""Tells how a build tree of Meson was configured, from what Meson wrote down in it."""

import json
import os
import shlex
from configparser import ConfigParser
from configparser import Error as ConfigurationError

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
    build = shlex.quote(os.path.relpath(artifact, project))
    words = ["meson", "setup", build]
    source = _source(cache.read(artifact, "meson-info/meson-info.json"))
    if source is None or source not in ancestors(project, None):
        return None
    if source != project:
        words.append(shlex.quote(os.path.relpath(source, project)))
    words += [shlex.quote(f"-D{name}={value}") for name, value in sorted(given.items())]
    return f"{' '.join(words)} && meson compile -C {build}"


def _source(content: bytes | None) -> str | None:
    """Return where the sources are (meson-info.json, "directories")."""
    try:
        source = json.loads(content or b"")["directories"]["source"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return source if isinstance(source, str) else None
