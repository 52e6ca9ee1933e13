"""The shape of a directory tree: recorded from a real one, kept in a line of JSON, and laid down again.

A shape has names, kinds, sizes, modes and times, and of some manifests and markers what says who made
a directory and what it declares. It has no other content: a file is laid down as that many zeros, and a
script as an empty line, or as the sign of the tool that wrote it.
"""

import fnmatch
import json
import lzma
import os
import re
import stat
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

Node: TypeAlias = dict[str, Any] | list[Any] | int | str
"""``dict``: a directory, name to node. ``str``: a symlink to it. ``int``: a file of that many bytes.
``list``: a file as [size, executable, seconds older than usual, content], without what is usual."""

CORPORA: Final = Path(__file__).parent.parent / "corpora"
_USUAL: Final[list[Any]] = [0, 0, 0, ""]
"""What a file has where a node says nothing."""

SHIPPED: Final = CORPORA / "shipped.jsonl.xz"
"""Shapes of what was published or committed: nothing of it may be selected."""
INSTALLED: Final = CORPORA / "installed.jsonl.xz"
"""Shapes of what package managers and build tools made: it is selected."""


_SIGNS: Final = {
    re.compile(
        r"defineProperty\(exports, *.__esModule"
    ): '"use strict";\nObject.defineProperty(exports, "__esModule");\n',
    re.compile(r"# sourceMappingURL="): "\n//# sourceMappingURL=index.js.map\n",
    re.compile(r"__webpack_require__"): "var __webpack_require__;\n",
    re.compile(r"[^\n]{1500}"): " " * 1501 + "\n",
}
"""How the scripts begin or end that compilers and bundlers write, and what is laid down for them."""


def _words(text: str) -> list[str]:
    return text.split()


_LIKE: Final = frozenset(
    _words(
        """
        node_modules bower_components jspm_packages .next .nuxt .output .svelte-kit .astro .angular
        .turbo .nx .parcel-cache .vite .swc .rollup.cache dist build out .cache coverage .nyc_output
        .docusaurus storybook-static .vitepress .expo .metro .vercel __pycache__ .pytest_cache
        .mypy_cache .ruff_cache .venv venv env .tox .nox .eggs htmlcov _build site _site public
        resources target vendor bin obj pkg Pods Carthage DerivedData .build .swiftpm .gradle .kotlin
        .bsp .bloop .metals deps _deps ebin .elixir_ls dist-newstyle .stack-work .dart_tool .pub-cache
        .terraform .terragrunt-cache cdk.out .serverless .aws-sam .godot .import Library Temp Logs
        Intermediate Binaries Saved DerivedDataCache artifacts cache typechain .zig-cache zig-out
        zig-cache _opam .lake lib_managed elm-stuff .pub .bundle .idea .vs .sass-cache .jekyll-cache
        .hugo_build.lock .eslintcache .yarn .pnpm-store packages.lock .pulumi builddir __pypackages__
        .ipynb_checkpoints wheelhouse .hypothesis .pixi .conda debug release Debug Release x64 tmp log
        logs generated gen .generated cmake-build-debug CMakeFiles autom4te.cache blib _Inline local
        """
    )
)
"""Names of directories that some tool makes. More than the tool under test knows, on purpose."""

_LIKE_TOO: Final = ("*.egg-info", "*.dist-info", "cmake-build-*")

_TAGS: Final = frozenset({"CACHEDIR.TAG", "pyvenv.cfg", "CMakeCache.txt"})
"""A directory with one of these inside is looked at, whatever its name."""

_LOCKS: Final = frozenset(
    _words(
        """
        yarn.lock pnpm-lock.yaml .modules.yaml .yarn-integrity .yarn-state.yml pnpm-workspace.yaml
        bun.lock Gemfile Gemfile.lock Podfile Podfile.lock Manifest.lock Cargo.lock go.mod modules.txt
        mix.lock Pipfile uv.lock poetry.lock pdm.lock requirements.txt lock.yaml RECORD INSTALLER
        top_level.txt
        """
    )
)
"""Lists of names and versions in a format of their own."""

_NO_FACT: Final = re.compile(
    r"^\s*(#|//|resolved |resolution:|integrity|checksum|\"?checksum|hash|url|source|\.\.\.|deprecated|engines:|cpu:|os:|$)"
)
"""Lines of those that say nothing about what is declared."""

_PLACE: Final = re.compile(
    r"[\w+.-]*://[^\s\"',)]*|/(?:home|root|srv|tmp|Users|usr|var|work)/[^\s\"',]*"
)
"""A place in the network or on somebody's machine."""

_FACTS: Final = frozenset(
    _words(
        """
        name version private type packageManager workspaces bundleDependencies bundledDependencies
        dependencies devDependencies peerDependencies optionalDependencies scripts require require-dev
        config lockfileVersion packages link dev-package-names install-path imports nodeModulesDir
        vendor-dir optional packages-dev hasInstallScript resolved inBundle extraneous lockVersion
        main module bin exports files browser types directories specifiers npm jsr workspace
        """
    )
)
"""Keys of JSON manifests and lock files that are kept."""

_JSON: Final = frozenset(
    _words(
        """
        package.json package-lock.json npm-shrinkwrap.json .package-lock.json composer.json
        composer.lock installed.json deno.json deno.lock .package-map.json
        """
    )
)

_NAMES_OF_JSON: Final = frozenset(
    {
        "dependencies",
        "devDependencies",
        "peerDependencies",
        "optionalDependencies",
        "require",
        "require-dev",
        "scripts",
        "imports",
        "exports",
        "bin",
        "specifiers",
        "npm",
        "jsr",
        "workspace",
    }
)
"""Keys below which every key is a name."""

_LARGEST_MANIFEST: Final = 4_000_000
"""Bytes: larger than any manifest that people write."""

_LARGEST_LOCK: Final = 30_000
"""Bytes of a reduced lock file; a longer one ends there."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a tree is recorded. What is over it is left out, the first names are kept."""

    artifacts: int = 40
    """Artifact-like directories of a tree, as many of each name as of the other ones."""
    entries: int = 40
    """Of a directory."""
    total: int = 500
    """In an artifact-like directory, at every depth."""
    beside: int = 12
    """In any other directory beside one."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A recorded tree."""

    origin: str
    """The registry, or ``made`` for what a tool made here."""
    package: str
    version: str
    artifacts: tuple[str, ...]
    """Paths of the directories that look like artifacts, or of those that are, relative to the top."""
    tree: dict[str, Any]

    @property
    def name(self) -> str:
        """What it is called in messages, and its directory."""
        return f"{self.origin} {self.package} {self.version}".replace("/", "+").replace(" ", "-")


def read(file: Path) -> list[Shape]:
    """Return the shapes in *file*."""
    with lzma.open(file, "rt", encoding="utf-8", errors="surrogateescape") as lines:
        return [
            Shape(**{**(line := json.loads(text)), "artifacts": tuple(line["artifacts"])})
            for text in lines
        ]


def write(file: Path, shapes: list[Shape]) -> None:
    """Write *shapes* into *file*."""
    file.parent.mkdir(exist_ok=True)
    with lzma.open(file, "wt", encoding="utf-8", errors="surrogateescape", preset=9) as lines:
        for shape in shapes:
            record = {key: getattr(shape, key) for key in Shape.__slots__}
            lines.write(json.dumps(record, separators=(",", ":"), sort_keys=True) + "\n")


def lay(shape: Shape, top: Path, *, now: float, largest: int | None = None) -> None:
    """Lay *shape* down in *top*, which is made; the usual time of a file is *now*.

    Files are sparse. With *largest*, none has more bytes, as git would have to read them all.
    """
    top.mkdir(parents=True)
    times = []
    stack = [(os.fsencode(top), shape.tree)]
    while stack:
        place, tree = stack.pop()
        for name, node in tree.items():
            path = os.path.join(place, os.fsencode(name))
            if isinstance(node, dict):
                os.mkdir(path)
                stack.append((path, node))
            elif isinstance(node, str):
                os.symlink(os.fsencode(node), path)
            else:
                size, executable, older, content = _file(node)
                data = os.fsencode(content)
                with open(path, "wb") as file:
                    file.write(data)
                    if not data:
                        file.truncate(size if largest is None else min(size, largest))
                if executable:
                    os.chmod(path, 0o700)
                times.append((path, now - older))
    for path, when in times:
        os.utime(path, (when, when))


def _file(node: list[Any] | int) -> tuple[int, bool, float, str]:
    given: list[Any] = [node] if isinstance(node, int) else node
    size, executable, older, content = [*given, *_USUAL[len(given) :]]
    return size, bool(executable), older, content


def record(
    origin: str,
    package: str,
    version: str,
    top: Path,
    limits: Limits,
    artifacts: tuple[str, ...] | None = None,
) -> Shape | None:
    """Record the artifact-like directories of *top* and what lies beside and above them.

    None if there are none. With *artifacts* these are recorded, whatever they are called.
    """
    chosen = tuple(_spread(_like(top), limits.artifacts)) if artifacts is None else artifacts
    if not chosen:
        return None
    usual = _usual_time(top, chosen)
    tree: dict[str, Any] = {}
    for path in chosen:
        here = tree
        beside = top
        for part in Path(path).parts:
            for name, node in _level(beside, limits, usual):
                here.setdefault(name, node)
            here = here.setdefault(part, {})
            beside /= part
        here.update(_inside(beside, limits, [limits.total], usual))
    return Shape(origin, package, version, chosen, tree)


def _like(top: Path) -> Iterator[str]:
    """Yield the topmost directories that look like artifacts, relative to *top*."""
    for place, directories, files in os.walk(top):
        directories.sort()
        for name in list(directories):
            if name in _LIKE or any(fnmatch.fnmatchcase(name, one) for one in _LIKE_TOO):
                yield os.path.relpath(os.path.join(place, name), top)
                directories.remove(name)
        if _TAGS.intersection(files) and place != str(top):
            yield os.path.relpath(place, top)
            directories.clear()


def _spread(paths: Iterator[str], most: int) -> list[str]:
    """Return at most *most* of *paths*, as many of each last name as of the other ones."""
    by_name: dict[str, list[str]] = {}
    for path in paths:
        by_name.setdefault(os.path.basename(path), []).append(path)
    turns = sorted((turn, path) for group in by_name.values() for turn, path in enumerate(group))
    return sorted(path for _, path in turns[:most])


def _usual_time(top: Path, artifacts: tuple[str, ...]) -> int:
    """Return the time, in whole seconds, that most files have."""
    times = Counter(
        int(os.lstat(os.path.join(place, name)).st_mtime)
        for path in artifacts
        for place, _, files in os.walk(top / path)
        for name in files
    )
    return times.most_common(1)[0][0] if times else 0


def _level(place: Path, limits: Limits, usual: int) -> Iterator[tuple[str, Node]]:
    """Yield what lies directly in *place*, and of its directories a little."""
    for entry in _telling_first(place)[: limits.entries]:
        if not entry.is_dir(follow_symlinks=False):
            yield entry.name, _leaf(entry, usual)
        elif entry.name in _LIKE:
            yield entry.name, {}
        else:
            yield entry.name, _inside(Path(entry.path), limits, [limits.beside], usual)


def _inside(place: Path, limits: Limits, left: list[int], usual: int) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for entry in _telling_first(place)[: limits.entries]:
        if left[0] <= 0:
            break
        left[0] -= 1
        if entry.is_dir(follow_symlinks=False):
            tree[entry.name] = _inside(Path(entry.path), limits, left, usual)
        else:
            tree[entry.name] = _leaf(entry, usual)
    return tree


def _telling_first(place: Path) -> "list[os.DirEntry[str]]":
    """Return what lies in *place*, manifests and markers first, then the files, then the directories."""
    with os.scandir(place) as entries:
        return sorted(
            (entry for entry in entries if entry.name != ".git"),
            key=lambda entry: (
                _reducer(entry.name) is None,
                entry.is_dir(follow_symlinks=False),
                entry.name,
            ),
        )


def _leaf(entry: "os.DirEntry[str]", usual: int) -> Node:
    if entry.is_symlink():
        return os.readlink(entry.path)
    status = entry.stat(follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode):
        return 0
    content = _content(entry.path, status.st_size)
    older = usual - int(status.st_mtime)
    node: list[Any] = [status.st_size, int(bool(status.st_mode & stat.S_IXUSR)), older, content]
    while len(node) > 1 and not node[-1]:
        node.pop()
    return node if len(node) > 1 else status.st_size


def _content(path: str, size: int) -> str:
    """Return what is kept of the content of a file: nothing, unless it is a manifest or a marker."""
    reduce = _reducer(os.path.basename(path))
    if reduce is None or size > _LARGEST_MANIFEST:
        return ""
    with open(path, "rb") as file:
        data = file.read()
    try:
        return reduce(data.decode())
    except (ValueError, TypeError, AttributeError):
        # It is no such file, and says so when it is laid down.
        return "\n" if data.strip() else ""


def _sign(text: str) -> str:
    """Return the sign of the tool that wrote a script, or an empty line if a person may have written it."""
    for sign, said in _SIGNS.items():
        if sign.search(text):
            return said
    return "\n"


def _reducer(name: str) -> Callable[[str], str] | None:
    if name.endswith((".js", ".mjs", ".cjs", ".css")):
        return _sign
    if name in _JSON:
        return _reduced_json
    if name in {"pyproject.toml", "Cargo.toml"}:
        return _reduced_toml
    if name in _LOCKS or fnmatch.fnmatchcase(name, "requirements*.txt"):
        return _reduced_lines
    return {"pyvenv.cfg": _reduced_environment, "CACHEDIR.TAG": _first_line}.get(name)


def _reduced_json(text: str) -> str:
    return json.dumps(_facts(json.loads(text)), separators=(",", ":"), ensure_ascii=False)[:300_000]


def _facts(value: Any, *, names: bool = False) -> Any:
    """Return *value* with nothing but names, versions and what is declared."""
    if isinstance(value, Mapping):
        return {
            key: _facts(one, names=key in _NAMES_OF_JSON or key == "packages")
            for key, one in value.items()
            if names or key in _FACTS
        }
    if isinstance(value, list):
        return [_facts(one) for one in value]
    # Of commands and places it is only asked whether there is one.
    if isinstance(value, str) and (" " in value or _PLACE.search(value)):
        return "true"
    return value


def _reduced_toml(text: str) -> str:
    """Return name, version and dependencies of a ``pyproject.toml`` or a ``Cargo.toml``, and its tables' names."""
    lines = []
    for table, content in tomllib.loads(text).items():
        if not isinstance(content, Mapping):
            continue
        if table == "tool":
            lines += [f"[tool.{json.dumps(name)}]" for name in content]
            continue
        lines.append(f"[{json.dumps(table)}]")
        for key, one in content.items():
            if key in {
                "name",
                "version",
                "requires",
                "build-backend",
                "dependencies",
                "members",
                "dynamic",
            } and isinstance(one, (str, list)):
                lines.append(f"{key} = {json.dumps(one)}")
            elif table.endswith("dependencies"):
                lines.append(f'{json.dumps(key)} = "*"')
    return "\n".join(lines) + "\n"


def _reduced_lines(text: str) -> str:
    # What begins like a comment names the modules, in the list that Go keeps of what it vendored.
    listed = "\n## explicit" in text
    kept = [line for line in text.splitlines() if listed or not _NO_FACT.match(line)]
    return _PLACE.sub("place", "".join(f"{line}\n" for line in kept))[:_LARGEST_LOCK]


def _reduced_environment(text: str) -> str:
    """Return a ``pyvenv.cfg`` without the paths of the machine it was made on."""
    known = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    facts = {key.strip(): value.strip() for key, value in known.items()}
    facts = {
        "home": "/usr/bin",
        **{key: value for key, value in facts.items() if "/" not in value and "\\" not in value},
    }
    return "".join(f"{key} = {value}\n" for key, value in facts.items())


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0] + "\n"
