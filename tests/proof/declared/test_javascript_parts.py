"""What came with packages, what tools wrote among them, and what people put there."""

import json
import os
import random
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.proof.declared import is_part_of
from cleanup_nodemodule.proof.stat_cache import StatCache
from support import installed
from support.installed import MANIFEST, Tree
from support.trees import declare

INSTALLED: Final = 1_700_000_000
"""When everything was installed, in seconds."""


def install(top: Path, tree: Tree) -> Path:
    """Make *tree*, all of it installed at the same time; return its ``node_modules``."""
    declare(top, tree)
    for path, directories, files in os.walk(top):
        for name in directories + files:
            os.utime(os.path.join(path, name), (INSTALLED, INSTALLED), follow_symlinks=False)
    return top / "node_modules"


def put(modules: Path, path: str, after: int, content: str = "x") -> None:
    """Write a file *after* so many seconds."""
    place = modules / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(content)
    os.utime(place, (INSTALLED + after, INSTALLED + after))


def unexpected(modules: Path, *paths: str) -> tuple[str, ...]:
    """Return which of the *paths* that were met came with no package."""
    return is_part_of("npm")(str(modules), paths, (), StatCache())[0]


def modified(modules: Path, *late: str) -> tuple[str, ...]:
    """Return which of the *late* files no tool has written."""
    return is_part_of("npm")(str(modules), (), late, StatCache())[1]


TREES: Final = {
    "npm": (installed.npm, "chalk/"),
    "pnpm": (installed.pnpm, ".pnpm/chalk@4.1.2/node_modules/chalk/"),
    "Yarn 1": (installed.yarn_1, "chalk/"),
    "Yarn": (installed.yarn, "chalk/"),
    "Yarn, store": (installed.yarn_store, ".store/chalk-npm-4.1.2-0123456789/package/"),
    "Bun isolated": (installed.bun_isolated, ".bun/chalk@4.1.2/node_modules/chalk/"),
    "Deno": (installed.deno, ".deno/chalk@4.1.2/node_modules/chalk/"),
}
"""What each tool leaves, and where a package of it lies."""


@pytest.mark.parametrize("tool", TREES)
@pytest.mark.parametrize("after", [1, 5, 3600, 10_000_000])
def test_a_file_that_was_edited_is_modified(tmp_path: Path, tool: str, after: int) -> None:
    tree, package = TREES[tool]
    modules = install(tmp_path, tree())
    put(modules, package + "index.js", after)
    assert modified(modules, package + "index.js") == (package + "index.js",)


@pytest.mark.parametrize("tool", TREES)
@pytest.mark.parametrize(
    "name", ["users.sqlite", ".env", "data/app.db", "test/users.db", "secret.pem"]
)
def test_what_programs_and_people_wrote_into_a_package_came_with_none(
    tmp_path: Path, tool: str, name: str
) -> None:
    tree, package = TREES[tool]
    modules = install(tmp_path, tree())
    put(modules, package + name, 3600)
    assert unexpected(modules, package + name) == (package + name,)


@pytest.mark.parametrize(
    "path",
    [
        "users.sqlite",
        "uploads/users.zip",
        "uploads",
        ".cache/users.sqlite",
        ".cache/.env",
        ".cache/film.mp4",
        ".cache/llm/answers.zip",
        ".vite/deps/secret.key",
        ".pnpm/users.db",
        "chalk/.git",
        "@sindresorhus/notes.docx",
    ],
)
def test_what_lies_in_no_package_came_with_none(tmp_path: Path, path: str) -> None:
    modules = install(tmp_path, installed.npm())
    put(modules, path if "." in path else path + "/x", 0)
    assert unexpected(modules, path) == (path,)


@pytest.mark.parametrize(
    "path",
    [
        "chalk/test/key.pem",
        "chalk/test-fixtures/users.db",
        "chalk/__tests__/.env",
        "chalk/examples/app/.env.local",
        "chalk/.env.example",
        "chalk/vendor/win.zip",
        "chalk/docs/manual.pdf",
        "@angular/cli/lib/code-examples.db",
        ".cache/puppeteer/chrome.zip",
        ".cache/webpack-dev-server/server.pem",
    ],
)
def test_what_came_with_a_package_or_lies_in_a_cache_is_expected(tmp_path: Path, path: str) -> None:
    tree = installed.npm()
    tree["node_modules"]["@angular/cli"] = installed.package("@angular/cli")
    modules = install(tmp_path, tree)
    put(modules, path, 1)
    assert unexpected(modules, path) == ()


def test_what_lies_in_a_package_since_it_was_packed_came_with_it(tmp_path: Path) -> None:
    modules = install(tmp_path, installed.npm())
    put(modules, "chalk/win.zip", 0)
    assert unexpected(modules, "chalk/win.zip") == ()
    os.utime(modules / "chalk/win.zip", (499162500, 499162500))
    assert unexpected(modules, "chalk/win.zip") == ()
    os.utime(modules / "chalk/win.zip", (1_200_000_000, 1_200_000_000))
    assert unexpected(modules, "chalk/win.zip") == ("chalk/win.zip",)


def test_what_is_older_came_with_a_package_whose_manifest_npm_wrote_anew(tmp_path: Path) -> None:
    modules = install(tmp_path, installed.npm_6())
    put(modules, "chalk/win.zip", -10_000_000)
    assert unexpected(modules, "chalk/win.zip") == ()
    put(modules, "chalk/win.zip", 3600)
    assert unexpected(modules, "chalk/win.zip") == ("chalk/win.zip",)


@pytest.mark.parametrize(
    "name", ["app.db", "secret.pem", ".env", "manual.pdf", "table.xlsx", "data.csv"]
)
@pytest.mark.parametrize(
    ("files", "listed"),
    [
        (["dist"], True),
        (["./dist/"], True),
        (["lib", "dist/**/*"], True),
        (["dist/*"], True),
        (["dist/app.*", "dist/*.p*", "dist/.env", "dist/*.xlsx", "dist/*.csv"], True),
        (["lib", "!dist"], False),
        (["*"], False),
        (["**/*"], False),
        ([1, None, "."], False),
        ("dist", False),
        ([], False),
    ],
)
def test_what_is_valuable_has_to_be_listed_by_its_package(
    tmp_path: Path, name: str, files: object, *, listed: bool
) -> None:
    tree = installed.npm()
    tree["node_modules"]["chalk"] = {**installed.package("chalk", files=files), f"dist/{name}": "x"}
    modules = install(tmp_path, tree)
    assert (unexpected(modules, f"chalk/dist/{name}") == ()) is listed
    put(modules, f"chalk/dist/{name}", 3600)
    assert unexpected(modules, f"chalk/dist/{name}") == (f"chalk/dist/{name}",)


def test_a_directory_that_was_installed_came_with_its_package(tmp_path: Path) -> None:
    modules = install(tmp_path, installed.npm())
    (modules / "chalk/credentials").mkdir()
    os.utime(modules / "chalk/credentials", (INSTALLED, INSTALLED))
    assert unexpected(modules, "chalk/credentials", "chalk") == ()
    os.utime(modules / "chalk/credentials", (INSTALLED + 3600, INSTALLED + 3600))
    assert unexpected(modules, "chalk/credentials") == ("chalk/credentials",)


@pytest.mark.parametrize(
    "path",
    [
        ".cache/babel-loader/x.json",
        ".vite/deps/chalk.js",
        ".vitest/results.json",
        ".prisma/client/index.js",
        ".pnpm/@prisma+client@5.0.0/node_modules/.prisma/client/index.js",
        "@prisma/client/runtime/library.js",
        ".package-lock.json",
        ".yarn-state.yml",
        ".modules.yaml",
        ".pnpm-workspace-state-v1.json",
        ".pnpm/lock.yaml",
        ".deno/.setup-cache.bin",
        ".bin/chalk",
        "chalk/node_modules/.bin/tsc",
        "chalk/.cache/x",
        "chalk/tsconfig.tsbuildinfo",
        "electron/dist/electron",
        "electron/path.txt",
        "next/next-swc-fallback/linux/next-swc.node",
        "playwright-core/.local-browsers/chromium/chrome",
        "esbuild/bin/esbuild",
        "sharp/prebuilds/linux-x64/sharp.node",
        "node-gyp/gyp/pylib/gyp/__pycache__/common.cpython-311.pyc",
        "@angular/core/__ivy_ngcc__/fesm2015/core.js",
        ".DS_Store",
    ],
)
def test_what_tools_write_whenever_they_run_is_no_modification(tmp_path: Path, path: str) -> None:
    modules = install(tmp_path, installed.npm())
    put(modules, path, 10_000_000)
    assert modified(modules, path) == ()


@pytest.mark.parametrize(
    ("beside", "written", "explained"),
    [
        ("binding.gyp", "build/Release/addon.o", True),
        ("index.js", "build/Release/addon.o", False),
        ("android/build.gradle", "android/build/generated/x.java", True),
        ("android/build.gradle.kts", "android/.cxx/Debug/x.txt", True),
        ("android/x", "android/build/generated/x.java", False),
        ("binding.gyp", "src/addon.cc", False),
    ],
)
def test_what_was_compiled_later_is_no_modification(
    tmp_path: Path, beside: str, written: str, *, explained: bool
) -> None:
    tree = installed.npm()
    tree["node_modules"]["chalk"][beside] = "x"
    modules = install(tmp_path, tree)
    put(modules, f"chalk/{written}", 10_000_000)
    assert (modified(modules, f"chalk/{written}") == ()) is explained


@pytest.mark.parametrize(
    ("scripts", "after", "explained"),
    [
        ({"postinstall": "patch-package"}, 60, True),
        ({"prepare": "npm run build"}, 60, True),
        ({"postinstall": "patch-package"}, 600, False),
        ({"prepare": "husky"}, 5, False),
        ({"prepare": "husky install || true"}, 5, False),
        ({"build": "tsc", "test": "jest"}, 5, False),
    ],
)
def test_what_a_script_of_the_project_wrote_right_after_is_no_modification(
    tmp_path: Path, scripts: dict[str, str], after: int, *, explained: bool
) -> None:
    tree = installed.npm()
    tree["package.json"] = json.dumps({**MANIFEST, "scripts": scripts})
    modules = install(tmp_path, tree)
    put(modules, "chalk/index.js", after)
    assert (modified(modules, "chalk/index.js") == ()) is explained


@pytest.mark.parametrize("tool", TREES)
@pytest.mark.parametrize(
    ("script", "after"), [("postinstall", 60), ("postinstall", 3600), ("test", 60)]
)
def test_what_a_script_of_a_package_wrote_is_no_modification_if_its_tool_runs_it_then(
    tmp_path: Path, tool: str, script: str, after: int
) -> None:
    tree, package = TREES[tool]
    modules = install(tmp_path, tree())
    manifest = json.loads((modules / package / "package.json").read_text())
    put(
        modules,
        package + "package.json",
        0,
        json.dumps({**manifest, "scripts": {script: "node x"}}),
    )
    put(modules, package + "generated.js", after)
    explained = script == "postinstall" and after == 60 and tool not in {"npm", "Yarn 1"}
    assert (modified(modules, package + "generated.js") == ()) is explained


@pytest.mark.parametrize(
    ("patch", "explained"),
    [
        ("patches/chalk+4.1.2.patch", True),
        ("patches/chalk+4.1.2+001+first.patch", True),
        ("patches/ansi-styles++chalk+4.1.2.patch", True),
        ("patches/chalk.txt", False),
        ("patches/ansi-styles+4.3.0.patch", False),
        (".yarn/patches/chalk-npm-4.1.2-0123456789.patch", True),
    ],
)
def test_what_a_patch_of_the_project_changed_is_no_modification(
    tmp_path: Path, patch: str, *, explained: bool
) -> None:
    modules = install(tmp_path, installed.npm())
    put(tmp_path, patch, 7200)
    put(modules, "chalk/index.js", 3600)
    assert (modified(modules, "chalk/index.js") == ()) is explained
    put(modules, "chalk/index.js", 9000)
    assert modified(modules, "chalk/index.js") == ("chalk/index.js",)


def test_what_has_gone_meanwhile_is_no_modification(tmp_path: Path) -> None:
    modules = install(tmp_path, installed.npm())
    assert modified(modules, "chalk/gone.js") == ()


def test_nothing_met_is_nothing_to_look_at(tmp_path: Path) -> None:
    assert is_part_of("npm")(str(tmp_path / "gone"), (), (), StatCache()) == ((), ())


@pytest.mark.parametrize(
    ("name", "named"), [("users.db", True), (".env", True), ("key.pem", False)]
)
def test_in_a_copy_nothing_tells_that_a_package_brought_a_data_base(
    tmp_path: Path, name: str, *, named: bool
) -> None:
    tree = installed.npm()
    tree["node_modules"]["chalk"][f"test/{name}"] = "x"
    modules = install(tmp_path, tree)
    assert unexpected(modules, f"chalk/test/{name}") == ()
    os.utime(modules / ".package-lock.json", (INSTALLED - 3600, INSTALLED - 3600))
    assert (unexpected(modules, f"chalk/test/{name}") != ()) is named


@pytest.mark.parametrize("tool", TREES)
@pytest.mark.parametrize("seed", range(20))
def test_one_precious_file_anywhere_is_named(tmp_path: Path, tool: str, seed: int) -> None:
    chance = random.Random(f"{tool} {seed}")
    modules = install(tmp_path, TREES[tool][0]())
    places = [place for place, _, _ in os.walk(modules)]
    deeper = "/".join(chance.choices(["lib", "data", ".hidden", "dist"], k=chance.randrange(4)))
    name = chance.choice(
        ["users.sqlite", ".env", "server.key", "thesis.docx", "sales.xlsx", "app.db"]
    )
    place = os.path.join(os.path.relpath(chance.choice(places), modules), deeper, name)
    path = os.path.normpath(place)
    put(modules, path, chance.choice([0, 1, 5, 3600, -3600, 10_000_000]))
    assert unexpected(modules, path) == (path,)
