"""Tells whether an option of CMake or Meson can only say how to build, and cannot have anything else run.

Sources: cmake-variables(7) and Meson's "Built-in options". A variable can name a compiler, a launcher, or a script to
include: then whoever wrote the option decides what is run.
"""

import os
import re
from typing import Final

_OPTION: Final = re.compile(r"-D(?P<name>[\w.:+-]+?)(?::[A-Z]+)?=(?P<value>.*)", re.ASCII)

_SAID: Final = re.compile(r"(?:on|off|true|false|yes|no|y|n|[\d.]*)", re.IGNORECASE | re.ASCII)
"""Values that name nothing."""

_OF_CMAKE: Final = re.compile(
    r"CMAKE_(?:BUILD_TYPE|CONFIGURATION_TYPES|EXPORT_COMPILE_COMMANDS|OSX_\w+|POSITION_INDEPENDENT_CODE"
    r"|INSTALL_(?:PREFIX|\w*DIR|MESSAGE)|PREFIX_PATH|TOOLCHAIN_FILE|\w+_(?:STANDARD|EXTENSIONS|FLAGS(?:_\w+)?)"
    r"|(?:C|CXX)_COMPILER|SYSTEM_(?:NAME|PROCESSOR|VERSION)|MODULE_PATH)"
)
"""Variables of CMake's own that say how to build."""

_PROGRAMS: Final = re.compile(
    r"(?i).*(?:compiler|launcher|executable|program|command|linker|emulator|tool|tidy|include|_run|script|exe|wrapper)"
)
"""How the names of options end whose value is run."""

_COMPILERS: Final = re.compile(r"(?:gcc|g\+\+|clang|clang\+\+|cc|c\+\+|icx|icpx)(?:-[\d.]+)?")

_FLAGS: Final = re.compile(r"(?i).*(?:flags(?:_\w+)?|_args)")

_FLAG: Final = re.compile(
    r"-(?:O\w?|g\w*|W(?!l,|p,|a,)[\w-]+(?:=\w+)?|[DU]\w+(?:=[\w.]*)?|m[\w-]+(?:=[\w.+-]+)?|f(?!plugin)[\w-]+"
    r"|std=[\w+:]+|pedantic|pthread|pipe)?",
    re.ASCII,
)
"""Flags of compilers that load nothing and name no file."""

_WORDS: Final = re.compile(r"[\w.+:=,@;-]*", re.ASCII)

_OF_SYSTEM: Final = frozenset({"CMAKE_INSTALL_PREFIX", "CMAKE_PREFIX_PATH", "prefix"})
"""Options that often name a place of the system."""


def is_harmless(option: str, source: str) -> bool:
    """Whether *option*, written ``-DNAME=VALUE``, runs nothing but what the sources in *source* say."""
    match = _OPTION.fullmatch(option)
    if match is None:
        return False
    name, value = match["name"], match["value"]
    if name.startswith("CMAKE_") and not _OF_CMAKE.fullmatch(name):
        return False
    if _SAID.fullmatch(value):
        return True
    if _PROGRAMS.fullmatch(name):
        return _COMPILERS.fullmatch(value) is not None
    if _FLAGS.fullmatch(name):
        return all(map(_FLAG.fullmatch, filter(None, re.split(r"[\s,'\[\]]+", value))))
    if "/" in value or ".." in value:
        place = os.path.normpath(os.path.join(source, value))
        fine = _WORDS.fullmatch(place.replace("/", "").replace(" ", "")) and ";" not in value
        within = (source, "/usr") if name in _OF_SYSTEM else (source,)
        return bool(fine) and any(f"{place}/".startswith(f"{one.rstrip('/')}/") for one in within)
    return _WORDS.fullmatch(value) is not None
