"""Tells what a build wrote from what a person did, by names and content that only build tools make.

``dist``, ``build`` and ``out`` are names that people use as well, and that git ignores one says nothing about who
made it. So one of these has to be met: a name that a compiler or bundler gives (source maps, declarations,
hashes in names, manifests), or code that begins as they write it. Sources of the marks: the outputs of tsc, Babel,
webpack 5, Rollup 4, esbuild, Vite 6, Parcel 2, Next.js, Nuxt, SvelteKit and Astro, made and looked at.
"""

import os
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from cleanup_nodemodule.proof.stat_cache import StatCache

_MOST_NAMES: Final = 2000
"""Names that are looked at. A build that shows no mark by then is not known for one."""

_DEEPEST: Final = 4
"""Directories from the top to a name."""

_MOST_FILES: Final = 12
"""Files whose content is looked at."""

_MARKS: Final = re.compile(
    r"[^/]+\.(?:[cm]?js|css|d\.[cm]?ts)\.map"
    r"|[^/]+\.d\.[cm]?ts"
    r"|[^/]+\.tsbuildinfo"
    r"|[^/]+\.(?:chunk|bundle)\.(?:js|css)"
    r"|[^/]+\.js\.LICENSE\.txt"
    r"|(?:asset-manifest|\.vite/manifest|ssr-manifest|prerender-manifest|build-manifest|\.vite/ssr-manifest)\.json"
    r"|_(?:next|nuxt|astro)/|_app/immutable/|BUILD_ID|workbox-[0-9a-f]{8}\.js",
)
"""Names that a tool gives."""

_HASHED: Final = re.compile(r".+[-.]([A-Za-z0-9_-]{8,32})\.[a-z0-9]+")
"""Names that have a hash of the content in them, or look so."""

_TYPED: Final = (".ts", ".tsx", ".mts", ".cts")
"""Endings of sources that are compiled to JavaScript."""

_SOURCES: Final = ("", "src/", "lib/", "source/")
"""Where the sources lie, from the project."""

_CODE: Final = re.compile(
    rb"__webpack_require__|webpackBootstrap|webpackChunk|Object\.defineProperty\(exports,\s*['\"]__esModule"
    rb"|_interopRequireDefault|^var __(?:defProp|create|getOwnPropNames|esm|commonJS)\b|^// src/\S+\.[cm]?[jt]sx?$"
    rb"|^//#region |^System\.register\(|parcelRequire|^//# sourceMappingURL=|__vitePreload|__commonJS\(",
    re.MULTILINE,
)
"""How code begins that compilers and bundlers write."""

_MINIFIED: Final = re.compile(
    rb"\A(?:/\*!.*?\*/\s*)?(?:\(\(\)=>\{|!function\([\w,]*\)\{)\S", re.DOTALL
)
"""How webpack begins what it has minified."""

_HELPERS: Final = re.compile(
    rb"\A(?:\"use strict\";)?\s*var __(?:importDefault|importStar|awaiter) = \(this && "
)
"""What tsc writes before code for older targets."""

_LONGEST_HASH: Final = 20
"""Characters of a hash that is not hexadecimal."""

_LONG_LINE: Final = 1500
"""Bytes in one line that nobody writes by hand."""

_SCRIPTS: Final = (".js", ".mjs", ".cjs", ".css")


def javascript(directory: str, cache: StatCache) -> str | None:
    """Return what shows that a JavaScript build made *directory*, None if nothing does.

    Raises OSError where something could not be looked at.
    """
    scripts: list[str] = []
    for path in _names(directory, cache):
        name = path.rstrip("/").rpartition("/")[2] + ("/" if path.endswith("/") else "")
        if _MARKS.fullmatch(name) or _MARKS.fullmatch(path):
            return path
        if name.endswith(_SCRIPTS) and is_hashed(name):
            return path
        if name.endswith(_SCRIPTS):
            scripts.append(path)
    for path in scripts[:_MOST_FILES]:
        if _is_generated(cache.read(directory, path) or b""):
            return path
    modules = [path for path in scripts if not path.endswith(".css")]
    if modules and all(_is_compiled(path, directory, cache) for path in modules[:_MOST_FILES]):
        return modules[0]
    return None


def _is_compiled(path: str, directory: str, cache: StatCache) -> bool:
    """Whether a source in TypeScript lies in the project where *path* has it in its *directory*."""
    project, stem = os.path.dirname(directory), os.path.splitext(path)[0]
    return any(
        cache.exists(project, f"{place}{stem}{ending}") for place in _SOURCES for ending in _TYPED
    )


def is_hashed(name: str) -> bool:
    """Whether a bundler may have put a hash of the content into this *name*: ``logo-BdK7x2Qp.png``."""
    found = _HASHED.fullmatch(name)
    if found is None:
        return False
    # A word is no hash: it has a digit, and letters that are not all of one word's kind.
    text: str = found[1]
    digits = sum(letter.isdigit() for letter in text)
    if re.fullmatch(r"[0-9a-f]{8,32}", text):
        return 0 < digits < len(text)  # All digits may be a date.
    return len(text) <= _LONGEST_HASH and bool(
        digits >= 1 and text != text.lower() and "-" not in text.strip("-")
    )


def _is_generated(content: bytes) -> bool:
    start = content[:65536]
    if (
        _CODE.search(start)
        or _HELPERS.match(start)
        or _MINIFIED.match(start)
        or b"//# sourceMappingURL=" in content[-400:]
    ):
        return True
    return any(len(line) > _LONG_LINE for line in start.splitlines())


def _names(directory: str, cache: StatCache) -> Iterator[str]:
    """Give the paths in *directory*, what lies higher first; a directory's ends with a slash."""
    queue = deque([("", 0)])
    count = 0
    while queue:
        place, depth = queue.popleft()
        for name, is_directory in sorted(cache.entries(directory, place)):
            count += 1
            if count > _MOST_NAMES:
                return
            path = f"{place}{name}" + ("/" if is_directory else "")
            yield path
            if is_directory and depth + 1 < _DEEPEST and name not in {"node_modules", ".git"}:
                queue.append((path, depth + 1))


BUILDS: Final[Mapping[str, Callable[[str, StatCache], str | None]]] = {"javascript": javascript}
"""By the word that rules write for ``output``."""
