"""Tells how a build tree of CMake was configured, from the cache in it."""

import functools
import os
import re
import shlex
from collections.abc import Iterable
from typing import Final

from cleanup_nodemodule.proof.build_options import is_harmless
from cleanup_nodemodule.proof.stat_cache import StatCache, ancestors

_ENTRY: Final = re.compile(r"(?P<name>\"[^\"]*\"|[^:=\"]+):(?P<type>[A-Z]+)=(?P<value>.*)")
"""A line of CMakeCache.txt (cmCacheManager.cxx, ``ParseEntry``)."""

_ADVANCED: Final = "-ADVANCED"
"""What follows the name of a variable that is not for everybody (mark_as_advanced)."""

_GIVEN: Final = "No help, variable specified on the command line."
"""What CMake writes above a variable that was given with ``-D`` (cmake.cxx, ``SetCacheArgs``), as long as no project
has described it."""

_OPTION: Final = re.compile(
    r"^\s*option\s*\(\s*(\w+)\s+(?:\"[^\"]*\"|\S+)\s*(\w*)\s*\)", re.MULTILINE | re.IGNORECASE
)
"""An option of a project with its default (cmake-commands(7))."""

_DEFAULTS: Final = {
    "CMAKE_BUILD_TYPE": {""},
    "CMAKE_INSTALL_PREFIX": {"/usr/local", "C:/Program Files", "C:/Program Files (x86)"},
    "CMAKE_TOOLCHAIN_FILE": {""},
    "CMAKE_PREFIX_PATH": {""},
    "CMAKE_EXPORT_COMPILE_COMMANDS": {"", "OFF"},
    "CMAKE_C_FLAGS": {""},
    "CMAKE_CXX_FLAGS": {""},
    "CMAKE_EXE_LINKER_FLAGS": {""},
    "CMAKE_SHARED_LINKER_FLAGS": {""},
    "BUILD_TESTING": {"ON"},
}
"""Values of CMake's own variables that people set, if nobody does (cmake-variables(7), cmake-env-variables(7))."""

_OF_MODULES: Final = ("CMAKE_", "FETCHCONTENT_", "CPACK_", "CTEST_", "CPM_", "Python", "pkgcfg_")
"""How other variables of CMake's own modules begin."""

_GENERATORS: Final = {"Unix Makefiles"}
"""What CMake takes on this system if nobody names a generator (cmake-generators(7))."""


def command(artifact: str, project: str, cache: StatCache) -> str | None:
    """Return the commands that configure and build *artifact* again from *project*, None if its cache is not to be read.

    Options are those of the project that differ from what it says itself, and those that were given with ``-D`` as far as
    the cache still says so. Raises OSError where something
    could not be looked at.
    """
    content = cache.read(artifact, "CMakeCache.txt")
    if content is None:
        return None
    entries = _entries(content.decode(errors="replace"))
    _, home, _ = entries.get("CMAKE_HOME_DIRECTORY", ("", "", ""))
    if home not in ancestors(project, None):
        return None  # What else it names may lie anywhere, and on a disk that does not answer.
    generator = entries.get("CMAKE_GENERATOR", ("", "", ""))[1]
    options = []
    defaults = _options(cache.read(home, "CMakeLists.txt"))
    for name in sorted(entries):
        kind, value, said = entries[name]
        if _is_set(name, kind, value, said) and value not in defaults.get(name, ()):
            typed = "" if kind == "UNINITIALIZED" else f":{kind}"
            options.append(f"-D{name}{typed}={value}")
    source, build = os.path.relpath(home, project), os.path.relpath(artifact, project)
    return _line(source, build, "" if generator in _GENERATORS else generator, options)


def knows(command: str, artifact: str, project: str, cache: StatCache) -> bool:
    """Whether *command* configures and builds *artifact* from *project*, and can do nothing else.

    It is read word by word, and then written anew. An option that could run a program or read a file of somebody
    else is strange. Raises OSError.
    """
    try:
        words = shlex.split(command)
    except ValueError:
        return False
    source = words[2] if words[1:2] == ["-S"] and len(words) > 2 else ""  # noqa: PLR2004 - the word behind it
    home = os.path.normpath(os.path.join(project, source))
    generator = words[6] if words[5:6] == ["-G"] and _GENERATOR.fullmatch(words[6]) else ""
    options = [word for word in words if word.startswith("-D")]
    build = os.path.relpath(artifact, project)
    return (
        source != ""
        and home in ancestors(project, None)
        and cache.exists(home, "CMakeLists.txt")
        and command == _line(source, build, generator, options)
        and all(map(functools.partial(is_harmless, source=home), options))
    )


_GENERATOR: Final = re.compile(r"[A-Z][\w .-]*", re.ASCII)
"""The names of generators (cmake-generators(7))."""


def _line(source: str, build: str, generator: str, options: Iterable[str]) -> str:
    words = [
        "cmake",
        "-S",
        source,
        "-B",
        build,
        *(["-G", generator] if generator else []),
        *options,
    ]
    return f"{shlex.join(words)} && cmake --build {shlex.quote(build)}"


def _is_set(name: str, kind: str, value: str, said: str) -> bool:
    """Whether somebody may have given a variable its value: where that is not known, it does no harm to repeat it."""
    if kind in {"INTERNAL", "STATIC"}:
        return False
    if name in _DEFAULTS:
        # CMake adds the project's name to the prefix on Windows.
        usual = _DEFAULTS[name]
        return not any(value == one or (one and value.startswith(f"{one}/")) for one in usual)
    return said == _GIVEN or (kind in {"BOOL", "STRING"} and not name.startswith(_OF_MODULES))


def _options(content: bytes | None) -> dict[str, set[str]]:
    text = (content or b"").decode(errors="replace")
    return {match[1]: {match[2] or "OFF"} for match in _OPTION.finditer(text)}


def _entries(text: str) -> dict[str, tuple[str, str, str]]:
    """Return the variables of a cache: name to type, value, and the words above it."""
    found: dict[str, tuple[str, str, str]] = {}
    advanced: set[str] = set()
    said = ""
    for line in text.splitlines():
        if line.startswith("//"):
            said += line[2:]
        elif match := _ENTRY.fullmatch(line):
            name = match["name"].strip('"')
            if name.endswith(_ADVANCED):
                advanced.add(name.removesuffix(_ADVANCED))
            else:
                found[name] = (match["type"], match["value"], said)
            said = ""
        else:
            said = ""
    for name in advanced - _DEFAULTS.keys():
        if found.get(name, ("", "", _GIVEN))[2] != _GIVEN:
            del found[name]
    return found
