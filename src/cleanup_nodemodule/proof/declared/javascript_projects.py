"""The project that installed packages belong to: its manifest, and the workspace that it is a part of."""

import fnmatch
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from cleanup_nodemodule.proof.declared.javascript_locks import DIRECT, direct, document, table
from cleanup_nodemodule.proof.stat_cache import StatCache

MANIFEST: Final = "package.json"

RUSH: Final = "rush.json"

_LERNA: Final = "lerna.json"

_DENO: Final = ("deno.json", "deno.jsonc")

_SCRIPTS: Final = frozenset(
    {
        *(
            "preinstall",
            "install",
            "postinstall",
            "prepublish",
            "preprepare",
            "prepare",
            "postprepare",
        ),
        *("dependencies", "pnpm:devPreinstall"),
    }
)
"""Scripts of a manifest that are run when packages are installed (npm-docs, scripts; pnpm.io, Scripts)."""


_HARMLESS: Final = re.compile(
    r"(?:\s*(?:npx +)?(?:husky|simple-git-hooks|lefthook|pre-commit|is-ci|git|true|exit 0|echo)\b[^&|;]*(?:&&|\|\||;|$))+"
)
"""Scripts that set up git's hooks, and write nothing among the packages."""


_NONE: Final[Mapping[str, str]] = {}


class Manifest(NamedTuple):
    """What a ``package.json`` says, as far as it is asked for."""

    asks: Mapping[str, str] = _NONE
    """What it depends on in whatever way: names and ranges."""
    peers: frozenset[str] = frozenset()
    """Those that it asks for as peers only."""
    bundled: frozenset[str] = frozenset()
    """What comes with the package once it is published."""
    tool: str = ""
    """What ``packageManager`` says (nodejs.org, Corepack)."""
    name: str = ""
    scripts: bool = False
    """Whether scripts of its own may write something when packages are installed."""
    patched: frozenset[str] = frozenset()
    """Packages that its tool patches: ``name`` or ``name@version``."""
    rewritten: bool = False
    """Whether it has other versions installed than are asked for."""

    def asking(self, asks: Mapping[str, str]) -> "Manifest":
        """Return the same, asking for more."""
        return self._replace(asks={**self.asks, **asks})


class Root(NamedTuple):
    """The directory that packages are installed from."""

    path: str
    member: str = ""
    """The project's path in it; "" if it is the project itself."""
    patterns: tuple[str, ...] = ()
    """Which projects are installed together there."""
    rush: bool = False
    """It is a Rush monorepo."""
    lerna: bool = False
    """Lerna installs each of its projects by itself."""


def manifest(directory: str, artifact: str, cache: StatCache) -> Manifest | str:
    """Return what the manifest in *directory* says, or in a few words why nothing.

    It counts only if nobody but those whose the *artifact* is can have put it there. Raises OSError.
    """
    if not cache.proves(directory, MANIFEST, artifact):
        return "no package.json"
    content = cache.read(directory, MANIFEST)
    read = document(content or b"")
    if not read:
        return "package.json is not a JSON object, or is empty"
    bundles = read.get("bundleDependencies", read.get("bundledDependencies"))
    asks = direct(read)
    if bundles is True:
        bundles = list(table(read.get("dependencies")))
    patched = {
        **table(read.get("patchedDependencies")),
        **table(table(read.get("pnpm")).get("patchedDependencies")),
    }
    scripts = table(read.get("scripts"))
    tool, name = read.get("packageManager"), read.get("name")
    peers = set(table(read.get("peerDependencies"))).difference(
        *(table(read.get(kind)) for kind in DIRECT[:-1])
    )
    return Manifest(
        asks,
        frozenset(peers),
        frozenset(one for one in bundles if isinstance(one, str))
        if isinstance(bundles, list)
        else frozenset(),
        tool if isinstance(tool, str) else "",
        name if isinstance(name, str) else "",
        any(
            name in _SCRIPTS and not _HARMLESS.fullmatch(str(text))
            for name, text in scripts.items()
        ),
        frozenset(patched),
        any(key in read for key in ("overrides", "resolutions"))
        or "overrides" in table(read.get("pnpm")),
    )


def _workspaces(found: object) -> tuple[str, ...]:
    """Return the patterns in ``workspaces``: a list, or an object with ``packages`` (yarnpkg.com, Workspaces)."""
    patterns = found if isinstance(found, list) else table(found).get("packages")
    return (
        tuple(one for one in patterns if isinstance(one, str)) if isinstance(patterns, list) else ()
    )


def members(root: Root, cache: StatCache) -> list[str]:
    """Return the paths of the projects that are installed together in *root*, a thousand at most. Raises OSError."""
    found: set[str] = set()
    for pattern in root.patterns:
        for one in () if pattern.startswith("!") else _braces(pattern):
            plain = "/".join(part for part in one.split("/") if part not in {"", "."})
            # Of what "**" stands for, the first three levels are looked at.
            levels = (
                [plain.replace("**", "/".join("*" * level)) for level in (1, 2, 3)]
                if "**" in plain
                else [plain]
            )
            for level in levels:
                for manifest_path in cache.matches(root.path, f"{level}/{MANIFEST}"):
                    path = os.path.dirname(manifest_path)
                    if "node_modules" not in path.split("/") and is_member(path, root.patterns):
                        found.add(path)
            if len(found) > _MOST_MEMBERS:
                return sorted(found)[:_MOST_MEMBERS]
    return sorted(found)


_MOST_MEMBERS: Final = 1000


def has_deno(directory: str, artifact: str, cache: StatCache) -> bool:
    """Whether Deno is told in *directory* what to install."""
    return any(cache.proves(directory, name, artifact) for name in _DENO)


def deno_asks(directory: str, artifact: str, cache: StatCache) -> dict[str, str]:
    """Return the packages that ``deno.json`` imports (docs.deno.com, Configuration)."""
    asked: dict[str, str] = {}
    for name in _DENO:
        if cache.proves(directory, name, artifact):
            for wanted in table(_commented(cache.read(directory, name)).get("imports")).values():
                if isinstance(wanted, str) and wanted.startswith("npm:"):
                    package = wanted.removeprefix("npm:").lstrip("/")
                    at = package.find("@", 1)
                    asked[package if at < 0 else package[:at]] = "" if at < 0 else package[at + 1 :]
    return asked


def root_of(project: str, boundary: str, artifact: str, cache: StatCache) -> Root:
    """Return what *project* is installed from: itself, or a workspace above it that it is a part of.

    Nothing above *boundary* is looked at. Raises OSError.
    """
    own: tuple[str, ...] = ()
    start = project
    while True:
        found = cache.nearest(
            "javascript members", start, boundary, lambda one: _members(one, cache)
        )
        if found is None:
            return Root(project, patterns=own)
        place, known = found
        member = os.path.relpath(project, place).replace(os.sep, "/")
        if cache.proves(place, known.told, artifact):
            if known.told == RUSH and (known.has(member) or member.startswith("common/temp")):
                return Root(place, member, known.patterns, rush=True)
            if member == "." and known.told not in {RUSH, _LERNA}:
                own = known.patterns
            elif known.has(member):
                return Root(place, member, known.patterns, lerna=known.told == _LERNA)
        start = os.path.dirname(place)
        if place in {boundary, start}:
            return Root(project, patterns=own)


class _Members(NamedTuple):
    """Which projects a directory installs together."""

    told: str
    """The file that says so."""
    patterns: tuple[str, ...]

    def has(self, member: str) -> bool:
        """Whether the project at the path *member* is one of them."""
        return is_member(member, self.patterns)


def _members(place: str, cache: StatCache) -> _Members | None:
    for name, read in _TELLING:
        content = cache.read(place, name)
        if content is not None and (patterns := read(content)):
            return _Members(name, tuple(patterns))
    return None


def _rush_projects(content: bytes) -> list[str]:
    """Return the paths of the projects in ``rush.json`` (rushjs.io, rush.json), which are no patterns."""
    found = _commented(content).get("projects")
    folders = (
        table(one).get("projectFolder") for one in (found if isinstance(found, list) else ())
    )
    return [one for one in folders if isinstance(one, str)]


def _pnpm_packages(content: bytes) -> list[str]:
    """Return the patterns of ``pnpm-workspace.yaml``: a list on the lines below "packages", or on its line."""
    patterns: list[str] = []
    inside = False
    for line in content.decode("utf-8", "replace").splitlines():
        text = line.strip()
        if text.startswith("#") or not text:
            continue
        if not line.startswith((" ", "-")):
            inside = line.startswith("packages:")
            text = text.partition(":")[2].strip() if inside else ""
            if text.startswith("["):
                patterns += (one.strip(" \"'") for one in text.strip("[]").split(","))
        elif inside and text.startswith("-"):
            item = re.match(r"""-\s+(?:"([^"]*)"|'([^']*)'|([^#]*))""", text)
            if item:
                patterns.append((item[1] or item[2] or item[3] or "").strip())
    return [one for one in patterns if one]


def _manifest_workspaces(content: bytes) -> tuple[str, ...]:
    # Most have none, and need not be read for that.
    return _workspaces(document(content).get("workspaces")) if b'"workspaces"' in content else ()


def _lerna_packages(content: bytes) -> list[str]:
    """Return the patterns of ``lerna.json`` ("packages/*" where there are none: lerna.js.org, Configuration)."""
    read = document(content)
    if read.get("useWorkspaces"):
        return []
    packages = read.get("packages", ["packages/*"] if read else [])
    return [one for one in packages if isinstance(one, str)] if isinstance(packages, list) else []


def _deno_members(content: bytes) -> list[str]:
    """Return the patterns of ``workspace`` in ``deno.json`` (docs.deno.com, Workspaces)."""
    found = _commented(content).get("workspace")
    members = found if isinstance(found, list) else table(found).get("members")
    return [one for one in members if isinstance(one, str)] if isinstance(members, list) else []


_TELLING: Final[tuple[tuple[str, Callable[[bytes], Sequence[str]]], ...]] = (
    (RUSH, _rush_projects),
    ("pnpm-workspace.yaml", _pnpm_packages),
    (MANIFEST, _manifest_workspaces),
    ("deno.json", _deno_members),
    ("deno.jsonc", _deno_members),
    (_LERNA, _lerna_packages),
)
"""The files that say which projects are installed together, the one that decides first."""

_COMMENT: Final = re.compile(rb'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING: Final = re.compile(rb'"(?:[^"\\\n]|\\.)*"|,(?=\s*[}\]])')


def _commented(content: bytes | None) -> dict[str, Any]:
    """Read JSON with comments, and with commas at the ends."""

    def strings(found: re.Match[bytes]) -> bytes:
        return found[0] if found[0].startswith(b'"') else b" "

    return document(_TRAILING.sub(strings, _COMMENT.sub(strings, content or b"")))


_LONGEST: Final = 512
"""Characters of a pattern."""

_MOST: Final = 3
"""Times that a pattern may have a ``**``, or braces: with more, comparing may take for ever."""


def is_member(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether one of *patterns*, of ``workspaces``, fits *path*, and none that begins with "!" does."""
    parts = path.split("/")
    wanted = False
    for pattern in patterns:
        if len(pattern) > _LONGEST or pattern.count("**") > _MOST or pattern.count("{") > _MOST:
            continue
        excluded = pattern.startswith("!")
        for one in _braces(pattern.removeprefix("!")):
            if _fits(parts, [part for part in one.split("/") if part not in {"", "."}]):
                if excluded:
                    return False
                wanted = True
    return wanted


def _braces(pattern: str) -> Iterator[str]:
    """Give what ``{a,b}`` in a pattern stands for."""
    found = re.search(r"\{([^{}]*)\}", pattern)
    if found is None:
        yield pattern
        return
    for one in found[1].split(",")[:64]:
        yield from _braces(pattern[: found.start()] + one + pattern[found.end() :])


def _fits(parts: list[str], pattern: list[str]) -> bool:
    """Compare a path and a pattern, where ``**`` stands for any number of directories."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_fits(parts[number:], pattern[1:]) for number in range(len(parts) + 1))
    return (
        bool(parts) and fnmatch.fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])
    )
