"""A home directory full of projects, applications and repositories, and what is right for each.

Declared, not stored: :data:`PROJECTS` says what lies where and what has to be decided about it, and
:func:`build` makes it. Where the tool that makes an artifact is at hand and works offline, it makes
it (git always, cargo, cmake, npm and python where they are installed); else its shape is declared.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from support.git import git
from support.rule_trees import TREES, Tree
from support.trees import declare

Files: TypeAlias = Mapping[str, str | bytes | Path]
"""What lies in a directory: path to content, or to a ``Path`` (a symlink to it); a path that ends
with a slash is a directory."""

DELETE: Final = "delete"
NOTHING: Final = "nothing"
"""Not even mentioned."""
INSTALLED: Final = "keep:installed"
EXCLUDED: Final = "keep:excluded"
PRECIOUS: Final = "keep:precious"
TRACKED: Final = "keep:tracked"
UNDECLARED: Final = "keep:undeclared"
UNPROVEN: Final = "keep:unproven"

SIGNATURE: Final = "Signature: 8a477f597d28d172789f06886806bc55"
TAG: Final = SIGNATURE + "\n# This file is a cache directory tag.\n"

CURRENT: Final = "code/here/node_modules/dep"
"""The current directory of the command."""
SERVED: Final = "code/served"
"""The project in which a server is running."""


@dataclass(frozen=True, slots=True)
class Label:
    """One directory, and what has to come out for it."""

    path: str
    """Relative to the home directory."""
    expected: str
    """``delete``, ``keep:`` and the reason, or ``nothing``."""
    story: str
    rule: str | None = None
    """The rule that has to say so, where it matters."""


@dataclass(frozen=True, slots=True)
class Project:
    """Something that lies somewhere in the home directory."""

    place: str
    story: str
    files: Files
    labels: Mapping[str, str]
    """Directory in it, ``.`` for itself, to what has to come out."""
    ignores: str | None = None
    """Content of its ``.gitignore``; it is a git repository if there is one."""
    tracks: tuple[str, ...] = ()
    """What is committed, ignored or not."""
    rule: str | None = None
    after: Callable[[Path], None] | None = None
    """Does the rest, given its directory."""


def labels() -> list[Label]:
    """Return every labelled directory."""
    return [
        Label(os.path.normpath(f"{project.place}/{name}"), expected, project.story, project.rule)
        for project in PROJECTS
        for name, expected in project.labels.items()
    ]


def build(home: Path) -> None:
    """Build everything in *home*, which is made."""
    home.mkdir()
    for project in PROJECTS:
        top = home / project.place
        plant(top, project.files)
        if project.ignores is not None:
            plant(top, {".gitignore": project.ignores})
            git(top, "init", "--quiet", "--template=")
            if project.tracks:
                git(top, "add", "--force", "--", *project.tracks)
                git(top, "commit", "--quiet", "--message=all")
        if project.after is not None:
            project.after(top)
    plant(home / _configuration(), {"config.toml": _CONFIGURATION})


def environment(home: Path) -> dict[str, str]:
    """Return the variables that make *home* the home directory."""
    return {"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config")}


def plant(top: Path, files: Files) -> None:
    """Make *files* in *top*; what ends in a slash is a directory."""
    declare(top, {name: {} if name.endswith("/") else what for name, what in files.items()})


def real(top: Path, made: str, *command: str | Path) -> bool:
    """Have a tool make the directory *made* of *top*; say whether it did."""
    program = shutil.which(command[0])
    if program is None:
        return False
    confusing = ("CARGO_", "npm_config_", "PYTHON", "VIRTUAL_ENV")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(confusing)}
    try:
        subprocess.run(
            [program, *command[1:]],
            cwd=top,
            env=clean,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        shutil.rmtree(top / made, ignore_errors=True)
        return False
    return (top / made).is_dir()


def _configuration() -> Path:
    name = "cleanup-nodemodule"
    return Path("Library/Application Support" if sys.platform == "darwin" else ".config", name)


_CONFIGURATION: Final = """\
keep = ["~/clients/acme/", "**/golden/**/target/", "~/attic/*", "!~/attic/junk"]
"""

PROJECTS: Final[list[Project]] = []


def _project(
    place: str,
    story: str,
    files: Files,
    labels: Mapping[str, str],
    *,
    ignores: str | None = None,
    tracks: tuple[str, ...] = (),
    rule: str | None = None,
    after: Callable[[Path], None] | None = None,
) -> None:
    PROJECTS.append(Project(place, story, files, labels, ignores, tracks, rule, after))


# Every rule: what its tool leaves behind, which has to be found.


def _plant(tree: Tree) -> Callable[[Path], None]:
    """Have *tree* built in a place that is there already."""

    def build(top: Path) -> None:
        tree.build(top / "made")

    return build


_MARK: Final = "node_modules/.package-lock.json"
for _name, _tree in TREES.items():
    _project(
        f"code/{_name.replace('/', '-').replace('#', '-')}",
        f"what the tool of {_tree.rule} makes",
        {},
        {f"made/{_tree.directory}": DELETE},
        rule=_tree.rule,
        after=_plant(_tree),
    )
    _place = f"code/{_name.replace('/', '-').replace('#', '-')}/made"
    if _MARK in _tree.around:
        _project(_place, "some builds are known by it", {}, {"node_modules": UNPROVEN})
    if _tree.directory.startswith(".cache/"):
        _project(_place, "the directory around has a name of its own", {}, {".cache": UNPROVEN})


def _missed(
    rule: str,
    slug: str,
    directory: str,
    expected: str,
    beside: Files,
    inside: Files,
    *,
    ignores: str | None = None,
    tracks: tuple[str, ...] = (),
) -> None:
    """Declare what only looks like an artifact of *rule*."""
    _project(
        f"lookalikes/{rule.replace('/', '-')}-{slug}",
        f"looks like {rule}: {slug}",
        {**beside, **{f"{directory}/{name}": content for name, content in inside.items()}},
        {directory: expected},
        ignores=ignores,
        tracks=tracks,
    )


def _package(**fields: object) -> str:
    return json.dumps({"name": "x", "version": "1.0.0", **fields})


_PACKAGE: Final[Files] = {"package.json": _package()}
_BUILDS: Final = _package(scripts={"build": "tsc"})
_MODULES: Final[Files] = {"dep/package.json": _package(), "dep/index.js": "module.exports = 1\n"}
_STALE: Final[Files] = {"a": "content", "b/c": "more content"}
"""Content that says nothing."""


_missed("js/node_modules", "no-marker", "node_modules", UNPROVEN, {}, _MODULES)
_missed(
    "js/node_modules", "lock-only", "node_modules", UNPROVEN, {"package-lock.json": "{}"}, _MODULES
)
_missed(
    "js/node_modules",
    "manifest-is-a-symlink",
    "node_modules",
    UNPROVEN,
    {"other.json": "{}", "package.json": Path("other.json")},
    _MODULES,
)
_missed(
    "js/node_modules",
    "manifest-is-a-directory",
    "node_modules",
    UNPROVEN,
    {"package.json/readme": "no manifest"},
    _MODULES,
)
_missed(
    "js/node_modules",
    "marker-is-a-symlink",
    "node_modules",
    UNPROVEN,
    {"lock": "{}"},
    {**_MODULES, ".package-lock.json": Path("../lock"), ".yarn-integrity/x": ""},
)
_missed("js/node_modules", "other-case", "Node_Modules", NOTHING, _PACKAGE, _MODULES)
_missed("js/node_modules", "set-aside", "node_modules.bak", NOTHING, _PACKAGE, _MODULES)
_missed(
    "js/node_modules",
    "patched-and-tracked",
    "node_modules",
    TRACKED,
    _PACKAGE,
    {**_MODULES, ".package-lock.json": "{}"},
    ignores="node_modules\n",
    tracks=("node_modules/dep/index.js",),
)
_missed(
    "js/node_modules",
    "cloned-dependency",
    "node_modules",
    "keep:repository-inside",
    _PACKAGE,
    {**_MODULES, "fork/.git/HEAD": "ref: refs/heads/main\n", "fork/work.js": "mine"},
)

_BUILT: Final[Files] = {"BUILD_ID": "1", "build-manifest.json": "{}", "cache/webpack/0.pack": "x"}
_missed("js/next", "nothing-in-it", ".next", UNPROVEN, _PACKAGE, _STALE)
_missed(
    "js/next",
    "wrong-kinds",
    ".next",
    UNPROVEN,
    {"real.js": "", "next.config.js": Path("real.js")},
    {"BUILD_ID/": "", "cache": "a file"},
)
_missed(
    "js/next",
    "committed-for-deployment",
    ".next",
    TRACKED,
    _PACKAGE,
    _BUILT,
    ignores=".next\n",
    tracks=(".next/BUILD_ID",),
)

_missed("js/nuxt", "no-config", ".nuxt", UNPROVEN, _PACKAGE, _STALE)
_missed("js/nuxt-output", "no-config", ".output", UNPROVEN, _PACKAGE, _STALE)
_missed("js/svelte-kit", "no-config", ".svelte-kit", UNPROVEN, _PACKAGE, _STALE)
_missed("js/astro", "no-config", ".astro", UNPROVEN, _PACKAGE, _STALE)
_missed("js/angular", "no-config", ".angular/cache", UNPROVEN, _PACKAGE, _STALE)
_missed("js/angular", "around-the-cache", ".angular", NOTHING, {"angular.json": "{}"}, _STALE)
_missed("js/turbo", "no-config", ".turbo", UNPROVEN, _PACKAGE, _STALE)
_missed(
    "js/turbo",
    "linked-to-a-team",
    ".turbo",
    UNPROVEN,
    {"turbo.json": "{}"},
    {"config.json": '{"teamId": "t"}'},
)
_missed("js/nx-cache", "no-config", ".nx/cache", UNPROVEN, _PACKAGE, _STALE)
_missed("js/nx-workspace-data", "no-config", ".nx/workspace-data", UNPROVEN, _PACKAGE, _STALE)
_missed("js/parcel-cache", "no-manifest", ".parcel-cache", UNPROVEN, {}, _STALE)
_missed("js/vite", "no-manifest", ".vite", UNPROVEN, {}, _STALE)
_missed("js/swc", "no-manifest", ".swc", UNPROVEN, {}, _STALE)
_missed("js/rollup-cache", "no-manifest", ".rollup.cache", UNPROVEN, {}, _STALE)
for _name in ("dist", "build", "out", ".cache"):
    _rule = f"js/{_name.lstrip('.')}"
    _missed(_rule, "outside-git", _name, UNPROVEN, _PACKAGE, _STALE)
    _missed(_rule, "not-ignored", _name, UNPROVEN, _PACKAGE, _STALE, ignores="*.log\n")
    _missed(
        _rule,
        "published",
        _name,
        TRACKED,
        _PACKAGE,
        {"deep/index.js": "x"},
        ignores=f"{_name}\n",
        tracks=(f"{_name}/deep/index.js",),
    )
    _missed(
        _rule,
        "ignored-without-manifest",
        _name,
        UNPROVEN if _name in {"dist", ".cache"} else NOTHING,
        {},
        _STALE,
        ignores=f"{_name}\n",
    )
_missed("js/coverage", "a-package-about-insurance", "coverage", UNPROVEN, _PACKAGE, _STALE)
_missed("js/coverage", "no-manifest", "coverage", NOTHING, {}, {"plan.txt": "x"})
_missed("js/nyc-output", "no-manifest", ".nyc_output", UNPROVEN, {}, _STALE)
_missed("js/docusaurus", "no-config", ".docusaurus", UNPROVEN, _PACKAGE, _STALE)
_missed("js/storybook-static", "no-manifest", "storybook-static", UNPROVEN, {}, _STALE)
_missed("js/vitepress-cache", "no-manifest", ".vitepress/cache", UNPROVEN, {}, _STALE)
_missed("js/vitepress-dist", "no-manifest", ".vitepress/dist", UNPROVEN, {}, _STALE)
_missed("js/vitepress-dist", "config", ".vitepress", NOTHING, _PACKAGE, {"config.ts": "", "t/": ""})
_EXPO: Final[Files] = {"app.json": "{}", "package.json": _package(dependencies={"expo": "53"})}
_missed("js/expo", "no-app", ".expo", UNPROVEN, _PACKAGE, _STALE)
_missed("js/metro", "no-app", ".metro", UNPROVEN, _PACKAGE, _STALE)
_missed("js/vercel-output", "no-link", ".vercel/output", UNPROVEN, _PACKAGE, _STALE)

# Python

_missed("python/pycache", "a-script-in-it", "__pycache__", PRECIOUS, {}, {"a.pyc": "", "b.py": ""})
_missed("python/pycache", "empty", "__pycache__", UNPROVEN, {}, {"": ""})
_missed("python/pycache", "bytecode-only-package", "licensed", NOTHING, {}, {"core.pyc": b"\xa7"})
_missed("python/pytest-cache", "no-tag", ".pytest_cache", UNPROVEN, {}, _STALE)
_missed(
    "python/mypy-cache",
    "other-signature",
    ".mypy_cache",
    UNPROVEN,
    {},
    {"CACHEDIR.TAG": TAG.replace("8a47", "0000")},
)
_missed(
    "python/ruff-cache",
    "tag-is-a-symlink",
    ".ruff_cache",
    UNPROVEN,
    {"tag": TAG},
    {"CACHEDIR.TAG": Path("../tag")},
)

_ENVIRONMENT: Final[Files] = {
    "pyvenv.cfg": "home = /usr/bin\n",
    "bin/activate": "",
    "lib/python3.11/site-packages/x/__init__.py": "",
}
_TAGGED_ENVIRONMENT: Final[Files] = {**_ENVIRONMENT, "CACHEDIR.TAG": SIGNATURE, ".gitignore": "*"}
for _name in (".venv", "venv", "env"):
    _rule = f"python/venv-{_name.lstrip('.')}"
    _missed(_rule, "unrecorded", _name, UNDECLARED, {"notes.txt": ""}, _ENVIRONMENT)
    _missed(_rule, "unrecorded-uv", _name, UNDECLARED, {"notes.txt": ""}, _TAGGED_ENVIRONMENT)
    _missed(
        _rule,
        "settings",
        _name,
        NOTHING,
        {},
        {"production": "SECRET=1"},
    )
_missed("python/venv", "another-name", "analysis", NOTHING, {"uv.lock": ""}, _TAGGED_ENVIRONMENT)
_missed(
    "python/venv", "conda", "conda", NOTHING, {}, {"CACHEDIR.TAG": TAG, "conda-meta/history": ""}
)
_missed(
    "python/venv",
    "marker-is-a-directory",
    "venv",
    NOTHING,
    {"pyproject.toml/": ""},
    {"pyvenv.cfg/x": ""},
)
_missed("python/tox", "no-config", ".tox", UNPROVEN, {}, {"py311/pyvenv.cfg": "home = /usr\n"})
_missed("python/nox", "no-config", ".nox", UNPROVEN, {}, _STALE)
_missed("python/pixi", "no-config", ".pixi", UNPROVEN, {}, _STALE)
_missed("python/pypackages", "no-config", "__pypackages__", UNPROVEN, {}, _STALE)
for _name, _rule in (("build", "python/build"), ("dist", "python/dist"), (".eggs", "python/eggs")):
    _missed(
        *(_rule, "outside-git", _name, NOTHING if _name == "build" else UNPROVEN),
        *({"setup.py": ""}, _STALE),
    )
    _missed(
        _rule,
        "released",
        _name,
        NOTHING if _name == "build" else TRACKED,
        {"pyproject.toml": ""},
        {"x-1.0.whl": "PK"},
        ignores=f"{_name}\n",
        tracks=(f"{_name}/x-1.0.whl",),
    )
_missed(
    "python/egg-info", "not-ignored", "x.egg-info", UNPROVEN, {"setup.py": ""}, {"PKG-INFO": ""}
)
_missed("python/egg-info", "no-project", "x.egg-info", UNPROVEN, {}, {"PKG-INFO": ""})
_missed("python/htmlcov", "no-status", "htmlcov", UNPROVEN, {}, {"index.html": ""})

# Compiled languages

_CRATE: Final[Files] = {"Cargo.toml": "", "Cargo.lock": "", "src/lib.rs": ""}
_missed("rust/target", "no-manifest", "target", NOTHING, {}, {"list.txt": "customers"})
_missed("rust/target", "own-files", "target", NOTHING, _CRATE, {"list.txt": "customers"})
_missed(
    "rust/target",
    "baselines",
    "target",
    TRACKED,
    _CRATE,
    {"CACHEDIR.TAG": TAG, "criterion/sort/v1/estimates.json": "{}"},
    ignores="target\n",
    tracks=("target/criterion",),
)
for _slug, _kept in (
    ("keypair", "deploy/program-keypair.json"),
    ("deployed-id", "deploy/id.json"),
    ("keypair-on-top", "program-keypair.json"),
    ("state", "terraform.tfstate"),
    ("state-backup", "terraform.tfstate.backup"),
):
    _missed(
        "rust/target",
        _slug,
        "target",
        PRECIOUS,
        _CRATE,
        {"CACHEDIR.TAG": TAG, ".rustc_info.json": "{}", _kept: "[1, 2, 3]"},
    )
_missed(
    "rust/target",
    "untagged-key",
    "target",
    PRECIOUS,
    _CRATE,
    {".rustc_info.json": "{}", "deploy/p-keypair.json": "[1]"},
)
_missed("go/vendor", "not-ignored", "vendor", DELETE, {"go.mod": ""}, {"modules.txt": ""})
_missed(
    "go/vendor",
    "committed",
    "vendor",
    TRACKED,
    {"go.mod": ""},
    {"modules.txt": "# x v1\n"},
    ignores="vendor\n",
    tracks=("vendor/modules.txt",),
)
_missed("go/vendor", "no-list", "vendor", NOTHING, {"go.mod": ""}, _STALE, ignores="vendor\n")
_missed("go/vendor", "suppliers", "vendor", NOTHING, {}, {"list.txt": "suppliers"})
_MESON: Final[Files] = {"meson-private/coredata.dat": "", "meson-info/meson-info.json": "{}"}
_missed("meson/builddir", "own-files", "builddir", NOTHING, {"meson.build": ""}, _STALE)
_missed("platformio/pio", "no-config", ".pio", UNPROVEN, {}, _STALE)
for _rule, _name, _marker_name in (
    ("zig/zig-cache", ".zig-cache", "build.zig"),
    ("zig/old-zig-cache", "zig-cache", "build.zig"),
    ("zig/zig-out", "zig-out", "build.zig"),
    ("nim/nimcache", "nimcache", "x.nimble"),
    ("haskell/stack-work", ".stack-work", "stack.yaml"),
    ("haskell/dist-newstyle", "dist-newstyle", "x.cabal"),
    ("elm/elm-stuff", "elm-stuff", "elm.json"),
    ("lean/lake", ".lake", "lakefile.toml"),
    ("elixir/elixir-ls", ".elixir_ls", "mix.exs"),
    ("android/cxx", ".cxx", "build.gradle.kts"),
    ("android/external-native-build", ".externalNativeBuild", "build.gradle"),
    ("java/gradle", ".gradle", "settings.gradle.kts"),
    ("scala/bloop", ".bloop", "build.sbt"),
    ("clojure/cpcache", ".cpcache", "deps.edn"),
    ("clojure/shadow-cljs", ".shadow-cljs", "shadow-cljs.edn"),
    ("unreal/derived-data-cache", "DerivedDataCache", "Game.uproject"),
    ("godot/godot", ".godot", "project.godot"),
    ("godot/import", ".import", "project.godot"),
    ("iac/cdk-out", "cdk.out", "cdk.json"),
    ("iac/aws-sam", ".aws-sam", "template.yaml"),
    ("iac/serverless", ".serverless", "serverless.yml"),
    ("sites/jekyll", "_site", "_config.yml"),
    ("sites/jekyll-cache", ".jekyll-cache", "_config.yml"),
):
    _missed(_rule, "no-marker", _name, UNPROVEN, {"README": ""}, _STALE)
for _rule, _name, _marker_name in (
    ("ocaml/build", "_build", "dune-project"),
    ("swift/build", ".build", "Package.swift"),
    ("elixir/build", "_build", "mix.exs"),
    ("scala/target", "target", "build.sbt"),
    ("unity/library", "Library", "ProjectSettings/ProjectVersion.txt"),
    ("unity/temp", "Temp", "ProjectSettings/ProjectVersion.txt"),
    ("unity/obj", "Obj", "ProjectSettings/ProjectVersion.txt"),
    ("unity/logs", "Logs", "ProjectSettings/ProjectVersion.txt"),
    ("unreal/intermediate", "Intermediate", "Game.uproject"),
):
    _extra = {"Assets/a.cs": ""} if _rule.startswith("unity") else {}
    _missed(
        *(_rule, "no-marker", _name, UNPROVEN if _name == ".build" else NOTHING),
        *({"README": ""}, _STALE),
    )
_missed(
    "unity/library",
    "no-assets",
    "Library",
    NOTHING,
    {"ProjectSettings/ProjectVersion.txt": ""},
    _STALE,
)
_missed("purescript/output", "results", "output", NOTHING, {"spago.yaml": ""}, _STALE)
_missed("purescript/output", "no-project", "output", NOTHING, {}, _STALE)
_missed("elixir/deps", "patched", "deps", NOTHING, {"mix.exs": ""}, _STALE, ignores="*.log\n")

# The JVM and .NET

_missed("java/maven-target", "release", "target", UNPROVEN, {"pom.xml": ""}, {"app-1.0.jar": "PK"})
_missed("java/maven-target", "no-project", "target", UNPROVEN, {}, {"classes/A.class": ""})
_missed(
    "java/maven-target",
    "state",
    "target",
    UNPROVEN,
    {"pom.xml": ""},
    {"classes/A.class": "", "terraform.tfstate": "{}"},
)
_GRADLE: Final[Files] = {"build.gradle": ""}
_missed("java/gradle-build", "not-ignored", "build", NOTHING, _GRADLE, {"libs/a.jar": ""})
_missed("java/gradle-build", "own-files", "build", NOTHING, _GRADLE, _STALE, ignores="build\n")
_missed("scala/project-target", "no-sbt", "project/target", UNPROVEN, {}, {"streams/x": ""})
_missed("clojure/target", "not-ignored", "target", NOTHING, {"deps.edn": ""}, {"app.jar": ""})
_missed("dotnet/obj", "meshes", "obj", NOTHING, {"A.csproj": ""}, {"teapot.obj": "v 0 0 0"})
_missed("dotnet/obj", "no-project", "obj", NOTHING, {}, {"teapot.obj": "v 0 0 0"})
_missed("dotnet/bin", "scripts", "bin", UNPROVEN, {"A.csproj": ""}, {"deploy.sh": "#!/bin/sh\n"})
_missed("dotnet/bin", "no-project", "bin", NOTHING, {}, {"deploy.sh": "#!/bin/sh\n"})

# Apple, Flutter, PHP, Ruby, infrastructure, sites

_PLIST: Final = "<plist><dict><key>WorkspacePath</key><string>/x</string></dict></plist>"
_missed(
    "apple/derived-data", "archives", "DerivedData", UNPROVEN, {}, {"App.xcarchive/Info.plist": ""}
)
_missed("apple/pods", "no-lock", "Pods", UNPROVEN, {}, {"Manifest.lock": ""})
_missed("apple/carthage", "no-lock", "Carthage/Build", UNPROVEN, {}, {"iOS/A.framework/A": ""})
_PUB: Final[Files] = {"pubspec.yaml": "name: x\n"}
_missed("flutter/dart-tool", "no-config", ".dart_tool", UNPROVEN, _PUB, _STALE)
_missed("flutter/build", "releases", "build", NOTHING, _PUB, {"app/release.aab": ""})
_COMPOSER: Final[Files] = {"composer.json": "{}", "composer.lock": "{}"}
_missed("php/vendor", "by-hand", "vendor", NOTHING, _COMPOSER, {"lib.php": ""})
_missed(
    "php/vendor",
    "no-manifest",
    "vendor",
    NOTHING,
    {},
    {"autoload.php": "", "composer/installed.json": "{}"},
)
_missed("ruby/bundle", "no-lock", "vendor/bundle", UNPROVEN, {}, {"ruby/3.1.0/gems/x": ""})
_missed("ruby/bundle", "packed-gems", "vendor/cache", NOTHING, {"Gemfile.lock": ""}, {"x.gem": ""})
_missed("ruby/tmp-cache", "no-lock", "tmp/cache", UNPROVEN, {}, _STALE)
_missed("terraform/providers", "no-lock", ".terraform/providers", UNPROVEN, {"main.tf": ""}, _STALE)
_missed("sites/hugo-resources", "no-config", "resources/_gen", UNPROVEN, {}, _STALE)
_missed("sites/sphinx", "no-config", "_build", NOTHING, {}, {"html/index.html": ""})
_missed("sites/sphinx", "book", "public", UNPROVEN, {"hugo.toml": ""}, {"index.html": ""})
_missed("sites/sphinx", "mkdocs", "site", UNPROVEN, {"mkdocs.yml": ""}, {"index.html": ""})

# What is never an artifact, even where git ignores it in a project of every kind.

_NEVER: Final = (
    *(
        ".vercel",
        ".netlify",
        ".wrangler",
        ".firebase",
        ".dynamodb",
        ".data",
        ".yarn",
        ".yarn/cache",
    ),
    *(".yarn/releases", ".yarn/patches", ".hypothesis", ".ipynb_checkpoints", "mlruns", ".swiftpm"),
    *("Archives", "UserSettings", "Saved", "Build", ".vagrant", ".pulumi", ".terraform", ".bundle"),
    *("secrets", "uploads", ".idea", ".direnv", ".nx", ".docker"),
)
_project(
    "work/kitchen-sink",
    "ignored does not mean rebuildable",
    {
        **{f"{name}/state": "only here" for name in _NEVER},
        **dict.fromkeys(("package.json", "nx.json"), "{}"),
        **dict.fromkeys(("pyproject.toml", "Cargo.toml", "Gemfile.lock", "angular.json"), ""),
        ".hypothesis/.gitignore": "*\n",
        ".vercel/project.json": "{}",
        ".terraform/environment": "production",
        ".env": "PASSWORD=1\n",
        "private/.env": "PASSWORD=2\n",
    },
    {
        **dict.fromkeys(_NEVER, NOTHING),
        **dict.fromkeys((".yarn/cache", ".direnv"), UNPROVEN),
        "private": NOTHING,
    },
    ignores="".join(f"{name}/\n" for name in _NEVER) + ".env\nprivate\n",
)

# Native builds that name their project.


def _cmake(top: Path) -> None:
    """Configure out of source, then copy the build tree; configure another project in source."""
    script = "cmake_minimum_required(VERSION 3.5)\nproject(x NONE)\n"
    for source, tree in (
        ("engine", "engine/build"),
        ("engine", "engine/cmake-build-debug"),
        ("build-tools", "build-tools"),
        ("engine", "build-beside"),
        ("modules/gone", "modules/build"),
    ):
        plant(top / source, {"CMakeLists.txt": script, "main.c": "int main(void) { return 0; }\n"})
        home, made = top.resolve() / source, top.resolve() / tree
        if not real(top, f"{tree}/CMakeFiles", "cmake", "-S", home, "-B", made):
            cache = f"CMAKE_CACHEFILE_DIR:INTERNAL={made}\nCMAKE_HOME_DIRECTORY:INTERNAL={home}\n"
            plant(made, {"CMakeCache.txt": cache, "CMakeFiles/x": ""})
    shutil.copytree(top / "engine/build", top / "engine/build-old")
    plant(top / "engine", {"build-notes/CMakeCache.txt": "how the cache works"})
    plant(top / "engine", {"build-notes2/notes": "how the cache works"})
    plant(top / "other", {"CMakeLists.txt": script})
    shutil.copytree(top / "engine/build", top / "other/build")


_project(
    "code/native",
    "a build tree of CMake belongs to the sources it names",
    {},
    {
        "engine/build": DELETE,
        "engine/cmake-build-debug": DELETE,
        "engine/build-old": UNPROVEN,
        "engine/build-notes": UNPROVEN,
        "engine/build-notes2": NOTHING,
        "build-tools": UNPROVEN,
        "build-beside": UNPROVEN,
        "modules/build": UNPROVEN,
        "other/build": UNPROVEN,
    },
    after=_cmake,
)

# Real tools.


def _cargo(top: Path) -> None:
    manifest = '[workspace]\nmembers = ["crates/a"]\n'
    crate = '[package]\nname = "a"\nversion = "0.1.0"\nedition = "2021"\n'
    plant(top, {"Cargo.toml": manifest, "crates/a/Cargo.toml": crate, "crates/a/src/lib.rs": ""})
    if not real(top, "target", "cargo", "build", "--offline", "--quiet"):
        plant(top, {"target/CACHEDIR.TAG": TAG, "target/.rustc_info.json": "{}", "Cargo.lock": ""})


def _python(top: Path) -> None:
    plant(
        top, {"requirements.txt": "", "pkg/__init__.py": "", "test_a.py": "def test():\n    pass\n"}
    )
    if not real(top, ".venv", sys.executable, "-m", "venv", "--without-pip", ".venv"):
        plant(top / ".venv", _ENVIRONMENT)
    if not real(top, "pkg/__pycache__", sys.executable, "-m", "compileall", "-q", "pkg"):
        plant(top / "pkg", {"__pycache__/x.cpython-311.pyc": b"\xa7\r\r\n"})
    ruff = Path(sys.executable).with_name("ruff")
    if not real(top, ".ruff_cache", ruff, "check", "--isolated", "--exit-zero", "."):
        plant(top, {".ruff_cache/CACHEDIR.TAG": SIGNATURE})
    pytest = ("-m", "pytest", "-q", "--rootdir=.", "-p", "no:hypothesispytest")
    if not real(top, ".pytest_cache", sys.executable, *pytest):
        plant(top, {".pytest_cache/CACHEDIR.TAG": TAG})
    plant(top, {"__pycache__/test_a.cpython-311.pyc": b"\xa7\r\r\n"})


def _npm(top: Path) -> None:
    plant(top, {"package.json": _package(workspaces=["packages/*"], private=True)})
    plant(top, {"packages/a/package.json": json.dumps({"name": "a", "version": "1.0.0"})})
    options = ("--offline", "--no-audit", "--no-fund", "--ignore-scripts", "--cache=.npm-cache")
    if not real(top, "node_modules", "npm", "install", *options):
        plant(top, {"node_modules/.package-lock.json": "{}", "package-lock.json": "{}"})
        plant(top, {"node_modules/a": Path("../packages/a")})
    # A version conflict: npm puts the other version there, without any marker.
    plant(top, {"packages/a/node_modules/dep/package.json": _package()})


_project(
    "code/real/crates", "built by cargo", {}, {"target": DELETE, "crates": NOTHING}, after=_cargo
)
_project(
    "code/real/python",
    "made by Python and its tools",
    {},
    {
        ".venv": DELETE,
        "pkg/__pycache__": DELETE,
        "__pycache__": DELETE,
        ".ruff_cache": DELETE,
        ".pytest_cache": DELETE,
        "pkg": NOTHING,
    },
    after=_python,
)
_project(
    "code/real/npm",
    "installed by npm, with workspaces",
    {},
    {"node_modules": DELETE, "packages/a/node_modules": UNPROVEN, "packages/a": NOTHING},
    after=_npm,
)

# Workspaces: the lock file lies above.

REGENERATED: Final[dict[str, tuple[str, str]]] = {}
"""Directory to the command that has to be named, and where it has to be run."""

for _manager, _workspace, _files, _command in (
    ("npm", "packages/a", {"package-lock.json": "{}"}, "npm ci"),
    (
        "pnpm",
        "apps/web",
        {"pnpm-lock.yaml": "", "pnpm-workspace.yaml": ""},
        "pnpm install --frozen-lockfile",
    ),
    ("yarn", "packages/b", {"yarn.lock": ""}, "yarn install --frozen-lockfile"),
    ("bun", "packages/c", {"bun.lock": ""}, "bun install --frozen-lockfile"),
):
    _place = f"mono/{_manager}"
    _project(
        _place,
        "a workspace whose lock file lies above",
        {
            **_files,
            "package.json": _package(workspaces=[_workspace]),
            "node_modules/x/index.js": "",
            f"{_workspace}/package.json": _package(),
            f"{_workspace}/node_modules/x/index.js": "",
            f"{_workspace}/src/node_modules": "a file of that name",
        },
        {"node_modules": UNPROVEN, f"{_workspace}/node_modules": UNPROVEN},
        ignores="node_modules\n",
        tracks=("package.json",),
    )
    REGENERATED[f"{_place}/node_modules"] = (_command, _place)
    REGENERATED[f"{_place}/{_workspace}/node_modules"] = (_command, _place)
_project(
    "mono/tasks",
    "Turborepo and Nx in one repository",
    {
        **dict.fromkeys(("package.json", "turbo.json", "nx.json", "apps/web/package.json"), "{}"),
        "apps/web/package.json": _BUILDS,
        "apps/web/.turbo/turbo-build.log": "done",
        "apps/web/dist/index.js.map": "{}",
        "apps/web/.nx/cache/run.json": "{}",
        ".turbo/cache/1.tar.zst": "",
        "libs/plain/dist/index.js": "",
    },
    {
        "apps/web/.turbo": DELETE,
        "apps/web/dist": DELETE,
        "apps/web/.nx/cache": DELETE,
        ".turbo": DELETE,
        "libs/plain/dist": UNPROVEN,
    },
    ignores="dist\n.turbo\n",
)
_project(
    "mono/cargo",
    "a member built on its own; the workspace's manifest lies above",
    {
        "Cargo.toml": "[workspace]",
        "crates/a/src/lib.rs": "",
        "crates/a/target/.rustc_info.json": "{}",
        "crates/a/src/target/mod.rs": "a module called target",
    },
    {"crates/a/target": DELETE, "crates/a/src/target": NOTHING},
    ignores="target\n",
    tracks=("crates/a/src",),
)
_project(
    "mono/boundary",
    "what lies above the repository belongs to somebody else",
    {"turbo.json": "{}", "Cargo.toml": "", "package.json": "{}"},
    {},
)
_project(
    "mono/boundary/inner",
    "what lies above the repository belongs to somebody else",
    {".turbo/x": "", ".parcel-cache/x": "", "target/.rustc_info.json": "{}"},
    {".turbo": UNPROVEN, ".parcel-cache": UNPROVEN, "target": UNPROVEN},
    ignores="",
)

# Projects beneath folders with the names of artifacts.

_INSTALLED: Final[Files] = {
    "package.json": _package(dependencies={"dep": "1"}),
    "package-lock.json": json.dumps(
        {
            "lockfileVersion": 3,
            "packages": {
                "": {"dependencies": {"dep": "1"}},
                "node_modules/dep": {"version": "1.0.0"},
            },
        }
    ),
    "node_modules/.package-lock.json": json.dumps(
        {"lockfileVersion": 3, "packages": {"node_modules/dep": {"version": "1.0.0"}}}
    ),
    "node_modules/dep/package.json": json.dumps({"name": "dep", "version": "1.0.0"}),
    "node_modules/dep/index.js": "",
}
_INNER: Final[Files] = _INSTALLED
for _name in ("build", "target", "out", "vendor", "bin", "deps", "env", "output", "Temp"):
    _project(
        f"folders/{_name}",
        f"a project in a folder called {_name}",
        {f"shop/{name}": content for name, content in _INNER.items()},
        {".": NOTHING, "shop/node_modules": DELETE, "shop": NOTHING},
    )
for _name in ("dist", ".cache", "_site", ".output"):
    _project(
        f"folders/{_name}",
        f"a project in a folder called {_name}",
        {f"shop/{name}": content for name, content in _INNER.items()},
        {".": UNPROVEN, "shop/node_modules": INSTALLED if _name == ".output" else DELETE},
    )
_project(
    "folders/published",
    "an example in a dist that git tracks",
    {"package.json": "{}", "dist/a.js": "", **{f"dist/example/{k}": v for k, v in _INNER.items()}},
    {"dist": TRACKED, "dist/example/node_modules": DELETE},
    ignores="dist\nnode_modules\n",
    tracks=("dist/a.js",),
)
_project(
    "folders/not-ignored",
    "a project in a dist that git does not ignore",
    {"package.json": "{}", **{f"dist/example/{k}": v for k, v in _INNER.items()}},
    {"dist": UNPROVEN, "dist/example/node_modules": DELETE},
    ignores="node_modules\n",
)
_project(
    "code",
    "one stray script must not hide the projects beneath",
    {"scratch.py": "print()\n", "setup.py": "", "note.ipynb": "{}", "Makefile": ""},
    {".": NOTHING},
)
_project(
    "stray/deep/deeper",
    "projects beneath a stray script, and beneath a project",
    {"x.py": "", **_INNER, **{f"a/b/c/{k}": v for k, v in _INNER.items()}},
    {"node_modules": DELETE, "a/b/c/node_modules": DELETE},
)
_project("stray", "a stray script", {"x.py": "", "requirements.txt": ""}, {"deep": NOTHING})
_project(
    "code/näme with [x] 'quotes'",
    "names that mean something to a shell or to git",
    {
        "package.json": _BUILDS,
        "dist/a.js.map": "{}",
        ":(top)x/package.json": _BUILDS,
        ":(top)x/dist/a.js.map": "{}",
        "*/dist/a.js.map": "{}",
    },
    {"dist": DELETE, ":(top)x/dist": DELETE, "*/dist": UNPROVEN},
    ignores="dist\n",
)
_project(
    "code/blog.app",
    "a project called after a domain",
    _INSTALLED,
    {"node_modules": DELETE},
    ignores="node_modules\n",
)

# Git.


def _nested(top: Path) -> None:
    inner = top / "inner"
    plant(
        inner,
        {
            "package.json": _BUILDS,
            "dist/a.js.map": "{}",
            "build/a.js.map": "{}",
            ".gitignore": "dist\n",
        },
    )
    git(inner, "init", "--quiet", "--template=")
    library = top / "library"
    plant(library, {"package.json": _BUILDS, ".gitignore": "dist\n"})
    git(library, "init", "--quiet", "--template=")
    git(library, "add", "--all")
    git(library, "commit", "--quiet", "--message=all")
    git(top, "submodule", "--quiet", "add", "./library", "sub")
    git(top, "submodule", "--quiet", "add", "./library", "node_modules")
    plant(top, {"sub/dist/a.js.map": "{}", "sub/build/a": "", "node_modules/dist/a": ""})


_project(
    "git/nested",
    "each repository answers for itself",
    {"package.json": _BUILDS, "dist/a.js.map": "{}", "build/a.js.map": "{}"},
    {
        "dist": UNPROVEN,
        "build": DELETE,
        "inner/dist": DELETE,
        "inner/build": UNPROVEN,
        "sub/dist": DELETE,
        "sub/build": UNPROVEN,
        "node_modules": TRACKED,
        "node_modules/dist": NOTHING,
        "library": NOTHING,
    },
    ignores="build\nlibrary\ninner\n",
    after=_nested,
)


def _worktree(top: Path) -> None:
    git(top, "worktree", "add", "--quiet", "../worktree", "-b", "other")
    plant(top.with_name("worktree"), {"dist/a.js.map": "{}", "build/a.js.map": "{}"})


_project(
    "git/main",
    "a worktree has an index of its own",
    {"package.json": _BUILDS, "node_modules/dep/index.js": "", "dist/a.js.map": "{}"},
    {
        "node_modules": TRACKED,
        "dist": DELETE,
        "../worktree/node_modules": TRACKED,
        "../worktree/dist": DELETE,
        "../worktree/build": UNPROVEN,
    },
    ignores="dist\n",
    tracks=("package.json", ".gitignore", "node_modules"),
    after=_worktree,
)


def _broken(top: Path) -> None:
    (top / ".git/HEAD").unlink()


_project(
    "git/broken",
    "git cannot say what it tracks",
    {**_INNER, ".next/BUILD_ID": "", "dist/a.js.map": "{}"},
    {"node_modules": "keep:git-failed", ".next": "keep:git-failed", "dist": "keep:git-failed"},
    ignores="dist\n",
    after=_broken,
)


def _no_gitdir(top: Path) -> None:
    (top / ".git").write_text("gitdir: ../moved/away\n")


_project(
    "git/lost-worktree",
    "the repository of a worktree was moved",
    _INNER,
    {"node_modules": "keep:git-failed"},
    after=_no_gitdir,
)


def _exclude(top: Path) -> None:
    plant(top, {".git/info/exclude": "/dist/\n"})


_project(
    "git/exclude",
    "ignored by the repository's own list, which is not committed",
    {"package.json": _BUILDS, "dist/a.js.map": "{}", "build/a.js.map": "{}"},
    {"dist": UNPROVEN, "build": UNPROVEN},
    ignores="",
    after=_exclude,
)
_project(
    "git/files-in-it",
    "ignoring what is in a directory is not ignoring the directory",
    {"package.json": "{}", "dist/keep": "", "dist/a.js.map": "{}"},
    {"dist": UNPROVEN},
    ignores="/dist/*\n!/dist/keep\n",
)


def _sparse(top: Path) -> None:
    (top / ".git/info").mkdir()  # Of the template, and git does not make it.
    git(top, "sparse-checkout", "set", "--cone", "--sparse-index", "src")
    plant(top, {"dist/new": "built here", "packages/a/dist/new": "built here"})


_project(
    "git/sparse",
    "git tracks files that a sparse checkout leaves out",
    {
        "package.json": "{}",
        "src/a": "",
        "dist/deep/a": "",
        "packages/a/dist/a": "",
    },
    {"dist": TRACKED, "packages/a/dist": TRACKED},
    ignores="dist\n",
    tracks=("package.json", "src", "dist", "packages"),
    after=_sparse,
)
_project(
    "git/backup-of-dotfiles",
    "a directory that somebody tagged to keep it out of backups is a repository",
    {"work/CACHEDIR.TAG": TAG, "work/novel.txt": "mine", "work/.git/HEAD": "ref: refs/heads/x\n"},
    {"work": "nothing"},
)
_project(
    "git/cache-of-repositories",
    "a tagged cache that somebody works in",
    {
        "cache/CACHEDIR.TAG": TAG,
        "cache/novel.txt": "mine",
        "cache/.git/HEAD": "ref: refs/heads/x\n",
    },
    {"cache": "keep:repository-inside"},
)

# What is installed rather than a project.

_EXTENSION: Final[Files] = {
    "package.json": _package(engines={"vscode": "^1.90.0"}),
    ".vsixmanifest": "<PackageManifest/>",
    "node_modules/dep/index.js": "",
    "dist/extension.js": "",
    "out/extension.js": "",
}
_EXTENSION_LABELS: Final = {"node_modules": INSTALLED, "dist": INSTALLED, "out": INSTALLED}
for _place in (
    ".vscode/extensions/ms-python.python-2026.1.0",
    ".vscode-server/extensions/dbaeumer.vscode-eslint-3.0.0",
    ".assistant/extensions/helper-1.2.3",
    ".local/share/code-server/extensions/x.y-1.0.0",
    "apps/editor-portable/data/extensions/x.y-1.0.0",
    "backup/old-laptop/.vscode/extensions/x.y-1.0.0",
):
    _project(_place, "an extension is its node_modules", _EXTENSION, _EXTENSION_LABELS)
_project(
    ".atom/packages/linter",
    "an extension is its node_modules",
    _INNER,
    {"node_modules": INSTALLED},
)
_project(
    ".local/lib/python3.11/site-packages",
    "pip has a package called build",
    {
        "pip/_internal/operations/build/wheel.py": "",
        "pip/_internal/operations/build/__pycache__/wheel.cpython-311.pyc": b"\xa7",
        "pip/setup.py": "",
        "pip/build/a.py": "",
        "pip/dist/a.py": "",
        "numpy-1.0.egg-info/PKG-INFO": "",
        "notebook/node_modules/x/index.js": "",
        "notebook/package.json": "{}",
    },
    {
        "pip/_internal/operations/build": NOTHING,
        "pip/_internal/operations/build/__pycache__": NOTHING,
        "pip/build": NOTHING,
        "pip/dist": INSTALLED,
        "numpy-1.0.egg-info": INSTALLED,
        "notebook/node_modules": INSTALLED,
    },
)
_project(
    "code/analysis",
    "an environment that is recorded nowhere, and pip's build directory in it",
    {
        "venv/pyvenv.cfg": "home = /usr/bin\n",
        "venv/lib/python3.11/site-packages/pip/_internal/operations/build/wheel.py": "",
        "venv/lib/python3.11/site-packages/pip/setup.py": "",
        "venv/lib/python3.11/site-packages/pip/dist/x.py": "",
        "venv/lib/python3.11/site-packages/pip/__pycache__/a.pyc": "",
        "venv/share/x/package.json": "{}",
        "venv/share/x/node_modules/a": "",
    },
    {
        "venv": UNDECLARED,
        "venv/lib/python3.11/site-packages/pip/_internal/operations/build": NOTHING,
        "venv/lib/python3.11/site-packages/pip/dist": NOTHING,
        "venv/lib/python3.11/site-packages/pip/__pycache__": NOTHING,
        "venv/share/x/node_modules": NOTHING,
    },
)
_project(
    "code/tested-long-ago",
    "the environments of a .tox whose project is gone",
    {
        ".tox/py311/CACHEDIR.TAG": SIGNATURE,
        ".tox/py311/pyvenv.cfg": "home = /usr/bin\n",
        ".tox/py311/.pytest_cache/CACHEDIR.TAG": TAG,
        ".tox/py311/lib/python3.11/site-packages/x/__pycache__/x.pyc": "",
    },
    {
        ".tox": UNPROVEN,
        ".tox/py311": NOTHING,
        ".tox/py311/.pytest_cache": NOTHING,
        ".tox/py311/lib/python3.11/site-packages/x/__pycache__": NOTHING,
    },
)
_project(
    "node_modules",
    "a stray node_modules in the home directory",
    {
        "typescript/package.json": "{}",
        "typescript/dist/tsc.js": "",
        "typescript/build/x.js": "",
        "typescript/node_modules/x/index.js": "",
        "typescript/coverage/lcov.info": "",
    },
    {
        ".": UNPROVEN,
        "typescript/dist": NOTHING,
        "typescript/build": NOTHING,
        "typescript/node_modules": NOTHING,
        "typescript/coverage": NOTHING,
    },
)
_GLOBAL: Final[Files] = {
    "bin/tsc": Path("../lib/node_modules/typescript/bin/tsc"),
    "lib/node_modules/typescript/package.json": "{}",
    "lib/node_modules/typescript/bin/tsc": "",
    "lib/node_modules/typescript/node_modules/x/index.js": "",
}
for _place in (
    "npm-global",
    "tools/node-v20.1.0-linux-x64",
    ".nvm/versions/node/v20.1.0",
    ".npm-global",
):
    _project(
        _place,
        "packages installed globally",
        _GLOBAL,
        {"lib/node_modules": INSTALLED, "lib/node_modules/typescript/node_modules": NOTHING},
    )
for _place, _story in (
    ("Applications/Notes.app/Contents/Resources/app", "an application bundle"),
    ("apps/Chat.app/Contents/Resources/app", "an application bundle"),
    ("apps/chat-linux-x64/resources/app", "an Electron application"),
    ("apps/player/resources/app.asar.unpacked", "an Electron application"),
    ("snap/code/common/tool", "a snap"),
    (".var/app/org.example.App/data/tool", "a flatpak"),
    ("windows/Program Files/nodejs", "an installed program of Windows"),
    ("windows/Program Files (x86)/Tool/app", "an installed program of Windows"),
    ("windows/Users/me/AppData/Roaming/npm", "an installed program of Windows"),
    ("windows/Users/me/AppData/Local/Programs/Code/resources/app", "a program of Windows"),
    (".npm/_npx/0123456789abcdef", "what npx fetched"),
    (".config/yarn/global", "packages installed globally"),
    (".local/share/pnpm/global/5", "packages installed globally"),
    (".bun/install/global", "packages installed globally"),
    ("go/pkg/mod/example.com/web@v1.2.3", "a module that go downloaded"),
    ("miniconda3/lib/tool", "a conda installation"),
):
    _project(_place, _story, _INNER, {"node_modules": INSTALLED})
_project("miniconda3", "a conda installation", {"conda-meta/history": ""}, {"lib": NOTHING})
_project(
    ".",
    "the caches in a home directory are not those of a project",
    {
        ".cache/pip/x": "",
        ".gradle/caches/x": "",
        ".terraform.d/plugin-cache/x": "",
        ".cargo/registry/src/x-1.0/Cargo.toml": "",
        ".cargo/registry/src/x-1.0/target/.rustc_info.json": "{}",
        ".rustup/toolchains/stable/lib/x": "",
        ".m2/repository/x": "",
        ".cache/tool/CACHEDIR.TAG": TAG,
        ".stack-work/x": "",
        "bin/backup.sh": "#!/bin/sh\n",
        "Library/Application Support/Editor/package.json": "{}",
        "Library/Application Support/Editor/node_modules/dep/index.js": "",
        "Documents/build/plan.txt": "a house",
        "Documents/dist/book.pdf": "%PDF",
        "Documents/target/customers.txt": "a list",
        "Pictures/Library/1.jpg": "",
        "Pictures/output/1.jpg": "",
    },
    {
        ".cache": INSTALLED,
        ".gradle": NOTHING,
        ".stack-work": INSTALLED,
        ".cargo/registry/src/x-1.0/target": INSTALLED,
        ".m2": NOTHING,
        "bin": NOTHING,
        "Library/Application Support/Editor/node_modules": NOTHING,
        "Documents/build": NOTHING,
        "Documents/dist": UNPROVEN,
        "Documents/target": NOTHING,
        "Pictures/Library": NOTHING,
        "Pictures/output": NOTHING,
    },
)
_SERVER: Final[Files] = {"package.json": "{}", "server.js": "", "node_modules/dep/index.js": ""}
_project(
    "srv/next",
    "a server that is deployed from the repository",
    {
        "package.json": "{}",
        ".next/BUILD_ID": "",
        **{f".next/standalone/{k}": v for k, v in _SERVER.items()},
    },
    {".next": TRACKED, ".next/standalone/node_modules": INSTALLED},
    ignores=".next\n",
    tracks=(".next/standalone/server.js",),
)
_project(
    "srv/nuxt",
    "a server that was copied here, without its project",
    {f".output/server/{name}": content for name, content in _SERVER.items()},
    {".output": UNPROVEN, ".output/server/node_modules": INSTALLED},
)

# The user's word.

_project("clients/acme", "a keep pattern", _INNER, {"node_modules": EXCLUDED})
_project("clients/acme-2", "a keep pattern for another", _INNER, {"node_modules": DELETE})
_CARGO_BUILT: Final[Files] = {
    "Cargo.toml": "",
    "target/.rustc_info.json": "{}",
    "target/CACHEDIR.TAG": TAG,
}
_project("work/golden/crate", "a keep pattern with wildcards", _CARGO_BUILT, {"target": EXCLUDED})
_project("attic/precious", "a keep pattern", _INNER, {"node_modules": EXCLUDED})
_project("attic/junk", "a keep pattern, and an exception to it", _INNER, {"node_modules": DELETE})
_project(
    "clients/kept", "a file says so", {".cleanup-keep": "", **_INNER}, {"node_modules": EXCLUDED}
)
_project(
    "clients/kept-above",
    "a file above says so, and git tells projects apart",
    {".cleanup-keep": ""},
    {},
)
_project("clients/kept-above/plain", "a file above says so", _INNER, {"node_modules": EXCLUDED})
_project(
    "clients/kept-above/repository",
    "a file above the repository says so",
    {**_INNER, "dist/a.js.map": "{}"},
    {"node_modules": EXCLUDED, "dist": EXCLUDED},
    ignores="dist\nnode_modules\n",
)
_project(
    "clients/kept-inside",
    "a file in the artifact says so",
    {**_INNER, "node_modules/.cleanup-keep": ""},
    {"node_modules": EXCLUDED},
)

# Processes.

_project(
    "code/here",
    "the current directory",
    {**_INNER, ".next/BUILD_ID": "", "next.config.js": ""},
    {"node_modules": "keep:current-directory", ".next": DELETE},
)
_project(
    SERVED,
    "a server is running in the project",
    {
        **_INNER,
        ".next/BUILD_ID": "",
        "next.config.js": "",
        ".turbo/turbo-build.log": "",
        "turbo.json": "{}",
    },
    {".next": "keep:in-use", "node_modules": "keep:in-use", ".turbo": "keep:in-use"},
)
_project(
    f"{SERVED}-2",
    "a server is running in a project next door",
    {**_INNER, ".next/BUILD_ID": "", "next.config.js": ""},
    {".next": DELETE, "node_modules": DELETE},
)

# Permissions.

LOCKED: Final = "code/locked/node_modules"
"""What holds a directory that cannot be read."""


def _unreadable(top: Path) -> None:
    (top / "node_modules/dep").chmod(0)


_project(
    "code/locked",
    "nobody knows what is in it",
    _INNER,
    {"node_modules": "keep:unreadable"},
    after=_unreadable,
)

# Sizes: what is deleted shares its bytes with what is kept.

SHARED_BYTES: Final = 300_000
"""Of a file in ``code/shared`` that the store links to, and of its clone in ``code/cloned``."""


def _link(top: Path) -> None:
    os.link(top / "../../.local/share/pnpm/store/v10/big", top / "node_modules/dep/big")


def _clone(top: Path) -> None:
    """Clone a file that is kept; where the file system knows no clones, copy it."""
    with (top / "big").open("rb") as source, (top / "node_modules/dep/big").open("wb") as copy:
        try:
            fcntl.ioctl(copy, 0x40049409, source.fileno())  # FICLONE (ioctl_ficlone(2))
        except OSError:
            copy.write(source.read())


_project(
    ".local/share/pnpm/store/v10",
    "a store that projects link to",
    {"big": b"x" * SHARED_BYTES},
    {".": NOTHING},
)
_project(
    "code/shared", "files that a store links to", _INNER, {"node_modules": DELETE}, after=_link
)
_project(
    "code/cloned",
    "files that are clones of what is kept",
    {"big": b"x" * SHARED_BYTES, **_INNER},
    {"node_modules": DELETE},
    after=_clone,
)
_project(
    "code/linked",
    "a package that is linked from outside",
    {
        "library/index.js": "mine",
        "app/package.json": _package(dependencies={"library": "file:../library"}),
        "app/node_modules/.package-lock.json": "{}",
        "app/node_modules/library": Path("../../library"),
    },
    {"app/node_modules": DELETE, "library": NOTHING},
)
_project(
    "code/elsewhere",
    "a symlink with the name of an artifact",
    {
        "data/.package-lock.json": "{}",
        "package.json": "{}",
        "node_modules": Path("data"),
        "dist": Path("/"),
    },
    {"node_modules": NOTHING, "data": NOTHING, "dist": NOTHING},
)

# Times.

OLD: Final = 1_500_000_000
"""When ``code/old`` was last changed, seconds since the epoch."""


def _old(top: Path) -> None:
    os.utime(top / "package.json", (OLD, OLD))


def _future(top: Path) -> None:
    os.utime(top / "package.json", (time.time() + 10**8,) * 2)


_project("code/old", "unused for years", _INNER, {"node_modules": DELETE}, after=_old)
_project("code/future", "changed in the future", _INNER, {"node_modules": DELETE}, after=_future)


def beneath(paths: Iterator[str] | list[str], tops: frozenset[str]) -> Iterator[str]:
    """Give those of *paths* that are one of *tops* or lie beneath one."""
    for path in paths:
        above = path
        while above not in tops and above:
            above = os.path.dirname(above)
        if above:
            yield path
