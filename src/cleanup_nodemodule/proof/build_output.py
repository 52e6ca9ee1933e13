"""Tells what a build wrote from what a person did, by names and content that only build tools make.

``dist``, ``build`` and ``out`` are names that people use as well, and that git ignores one says nothing about who
made it. So one of these has to be met: a manifest or a directory that only one tool writes, or that most scripts in it
are as compilers and bundlers write them. One file is not enough: people put libraries there that were built elsewhere,
and code of their own beside them. Sources of the marks: the outputs of tsc, Babel, webpack 5, Rollup 4, esbuild,
Vite 6, Parcel 2, Next.js, Nuxt, SvelteKit and Astro, made and looked at.
"""

import json
import os
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from cleanup_nodemodule.proof.stat_cache import StatCache

_MOST_NAMES: Final = 2000
"""Names that are looked at. A build that shows no mark by then is not known for one."""

_DEEPEST: Final = 4
"""Directories from the top to a name."""

_MOST_FILES: Final = 16
"""Scripts that are looked at, those that are higher first."""

_MARKS: Final = re.compile(
    r"(?:[^/]+/)*[^/]+\.tsbuildinfo"
    r"|(?:[^/]+/)*(?:asset-manifest|\.vite/manifest|ssr-manifest|prerender-manifest|build-manifest"
    r"|\.vite/ssr-manifest)\.json"
    r"|(?:[^/]+/)*_(?:next|nuxt|astro)/|(?:[^/]+/)*_app/immutable/",
)
"""Paths that only one tool writes."""

_BY_NAME: Final = re.compile(r"[^/]+\.(?:chunk|bundle)\.(?:js|css)|workbox-[0-9a-f]{8}\.js")
"""Names of scripts that bundlers give."""

_OTHER: Final = re.compile(r"(.+)\.(?:map|LICENSE\.txt)")
"""Names of what bundlers write beside a script."""

_HASHED: Final = re.compile(r".+[-.]([A-Za-z0-9_-]{8,32})\.[a-z0-9]+")
"""Names that have a hash of the content in them, or look so."""

_TYPED: Final = (".ts", ".tsx", ".mts", ".cts")
"""Endings of sources that are compiled to JavaScript."""

_SOURCES: Final = ("", "src/", "lib/", "source/")
"""Where the sources lie, from the project."""

_CODE: Final = re.compile(
    rb"__webpack_require__|webpackBootstrap|webpackChunk|Object\.defineProperty\(exports,\s*['\"]__esModule"
    rb"|_interopRequireDefault|^\s*var __(?:defProp|create|getOwnPropNames|esm|commonJS)\b"
    rb"|^\s*// (?:\.\./)*(?:src|node_modules)/\S+\.[cm]?[jt]sx?$"
    rb"|^//#region |^System\.register\(|parcelRequire|^//# sourceMappingURL=|__vitePreload|__commonJS\("
    # Vite puts this before every entry, whatever the hash in its name looks like (modulepreload-polyfill).
    rb"|createElement\([\"'`]link[\"'`]\)\.relList;[^\n]{0,80}modulepreload",
    re.MULTILINE,
)
"""How code begins that compilers and bundlers write."""

_MINIFIED: Final = re.compile(
    rb"\A(?:/\*!.*?\*/\s*)?(?:\(\(\)=>\{|!function\([\w,]*\)\{|import\{|import\"|import \w+ from\"|export\{)\S",
    re.DOTALL,
)
"""How webpack and Rollup begin what they have minified."""

_HELPERS: Final = re.compile(
    rb"\A(?:\"use strict\";)?\s*var __(?:importDefault|importStar|awaiter) = \(this && "
)
"""What tsc writes before code for older targets."""

_LONGEST_HASH: Final = 20
"""Characters of a hash that is not hexadecimal."""

_LONG_LINE: Final = 1500
"""Bytes in one line that nobody writes by hand."""

_CODE_SIGNS: Final = re.compile(rb"\b(?:function|return)\b|=>|\{[\w-]+:[^{}]*\}")
"""What code has more than once in a long line, and data has not."""

_FEWEST_SIGNS: Final = 3

_MODULES: Final = (".js", ".mjs", ".cjs")

_STYLED: Final = (".scss", ".sass", ".less", ".styl", ".pcss")
"""Endings of sources that are compiled to style sheets."""

_DECLARATION: Final = re.compile(r"(.+)\.d\.[cm]?ts")

_COPIED_FROM: Final = ("public", "static", "assets", "src/public", "src/assets", "src/static")
"""Directories of a project whose scripts are copied as they are."""

_OTHERS: Final = re.compile(
    r"[-.@_]v?\d+\.\d+(?:\.\d+)?(?=[-.]|$)|[-.]min(?=\.)"
    r"|^(?:jquery|bootstrap|lodash|underscore|backbone|moment|dayjs|d3|three|chart|react|react-dom|vue|angular|ember"
    r"|popper|htmx|alpine|axios|leaflet|highlight|prism|mathjax|katex|modernizr|require|socket\.io|swiper|tailwind"
    r"|normalize|font-?awesome|plotly|p5|hls|video)(?:\.(?:bundle|global|umd|esm|slim|core|all|prod(?:uction)?))*"
    r"\.(?:[cm]?js|css)$"
)
"""How libraries are called that people download: with a version, minified, or by a name that everybody knows."""

_KEPT_FOR_OTHERS: Final = re.compile(
    r"(?:^|/)(?:vendors?|third[-_]?party|externals?|bower_components|node_modules)/"
)
"""Directories where people put libraries."""

_BANNER: Final = re.compile(
    rb"\A\s*(?:@charset[^;]*;\s*)?/\*[!*]?((?:(?!\*/).){0,400}?\bv?\d+\.\d+\.\d+(?:(?!\*/).){0,200})",
    re.DOTALL,
)
"""How libraries begin that were released: with their name and version."""


_TITLE: Final = 200
"""Bytes of such a banner in which the name is looked for."""


def javascript(directory: str, cache: StatCache) -> str | None:
    """Return what shows that a JavaScript build made *directory*, None if nothing does.

    Raises OSError where something could not be looked at.
    """
    paths = list(_names(directory, cache))
    mark = next((path for path in paths if _MARKS.fullmatch(path)), None)
    if mark is not None:
        return mark
    return _Scripts(directory, paths, cache).mostly_generated()


class _Scripts:
    """The scripts in a directory: each with its source map and its declarations, which are none of their own."""

    def __init__(self, directory: str, paths: Sequence[str], cache: StatCache) -> None:
        self._directory = directory
        self._project = os.path.dirname(directory)
        self._cache = cache
        self._files = frozenset(path for path in paths if not path.endswith("/"))
        self._own: str | None = None
        modules: dict[str, None] = {}
        styles: dict[str, None] = {}
        for path in paths:
            if path.endswith("/"):
                continue
            beside = _OTHER.fullmatch(path)
            script = beside[1] if beside else path
            declared = _DECLARATION.fullmatch(script)
            if declared:
                alone = not any(declared[1] + ending in self._files for ending in _MODULES)
                if alone:
                    modules[script] = None
            elif script.endswith(_MODULES):
                modules[script] = None
            elif script.endswith(".css"):
                styles[script] = None
        self._modules, self._styles = tuple(modules), tuple(styles)

    def mostly_generated(self) -> str | None:
        """Return the first script that a tool wrote, if a tool wrote most of those that somebody wrote here."""
        for scripts in (self._modules, self._styles):
            looked, generated = 0, []
            for path in scripts:
                if looked == _MOST_FILES:
                    break
                said = self._is_generated(path)
                looked += said is not None
                generated += [path] if said else []
            if looked:
                return generated[0] if 2 * len(generated) > looked else None
        return None

    def _is_generated(self, path: str) -> bool | None:
        """Whether a tool wrote it; None if it was only put here, as a library or a copy."""
        name = path.rpartition("/")[2]
        if any(self._cache.exists(self._project, f"{place}/{path}") for place in _COPIED_FROM):
            return None
        if self._has_source(path):
            return True
        if _KEPT_FOR_OTHERS.search(path) or (_OTHERS.search(name) and not self._is_own(name)):
            return None
        declared = bool(_DECLARATION.fullmatch(path))
        if declared:
            return f"{path}.map" in self._files
        if is_hashed(name) or _BY_NAME.fullmatch(name) or f"{path}.LICENSE.txt" in self._files:
            return True
        content = self._cache.read(self._directory, path) or b""
        banner = _BANNER.match(content[:2048])
        if banner and not self._is_own(banner[1][:_TITLE].decode("utf-8", "replace")):
            return None
        return f"{path}.map" in self._files or _is_written(content)

    def _has_source(self, path: str) -> bool:
        """Whether its source, in a language that is compiled, lies in the project where it has it in its directory."""
        declared = _DECLARATION.fullmatch(path)
        stem, ending = (declared[1], ".js") if declared else os.path.splitext(path)
        endings = _STYLED if ending == ".css" else _TYPED
        if stem.endswith(".min"):
            stem, endings = stem.removesuffix(".min"), (*endings, ending)
        return any(
            self._cache.exists(self._project, f"{place}{stem}{one}")
            for place in _SOURCES
            for one in endings
        )

    def _is_own(self, text: str) -> bool:
        """Whether a name or a banner is that of this very project."""
        if self._own is None:
            content = self._cache.read(self._project, "package.json")
            try:
                said = json.loads(content) if content is not None else None
            except (ValueError, RecursionError):
                said = None
            name = said.get("name") if isinstance(said, dict) else None
            self._own = name.rpartition("/")[2].lower() if isinstance(name, str) else ""
        own = re.escape(self._own)
        return bool(own and re.search(rf"(?<![\w-]){own}(?![a-z0-9_]|-[a-z])", text.lower()))


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


def _is_written(content: bytes) -> bool:
    """Whether a compiler or a bundler wrote this."""
    start = content[:65536]
    if (
        _CODE.search(start)
        or _HELPERS.match(start)
        or _MINIFIED.match(start)
        or b"//# sourceMappingURL=" in content[-400:]
    ):
        return True
    long = (line for line in start.splitlines() if len(line) > _LONG_LINE)
    return any(len(_CODE_SIGNS.findall(line)) >= _FEWEST_SIGNS for line in long)


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
