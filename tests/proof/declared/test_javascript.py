"""Who made a ``node_modules``, and whether it comes back: trees as the real tools leave them."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from cleanup_nodemodule.proof.declared import Declared, is_part_of, look_of
from cleanup_nodemodule.proof.stat_cache import StatCache
from support import installed
from support.installed import MANIFEST, Tree, package
from support.trees import declare

TOOLS: Final[dict[str, tuple[Callable[[], Tree], str, str]]] = {
    "npm": (installed.npm, "npm: .package-lock.json inside", "npm ci"),
    "npm 6": (installed.npm_6, "npm: each package.json inside says where it came from", "npm ci"),
    "pnpm": (installed.pnpm, "pnpm: .modules.yaml inside", "pnpm install --frozen-lockfile"),
    "pnpm hoisted": (
        installed.pnpm_hoisted,
        "pnpm: .modules.yaml inside",
        "pnpm install --frozen-lockfile",
    ),
    "Yarn 1": (
        installed.yarn_1,
        "Yarn 1: .yarn-integrity inside",
        "yarn install --frozen-lockfile",
    ),
    "Yarn": (installed.yarn, "Yarn: .yarn-state.yml inside", "yarn install --immutable"),
    "Yarn, store": (installed.yarn_store, "Yarn: .store/ inside", "yarn install --immutable"),
    "Bun": (
        installed.bun,
        "Bun: each package inside has the locked version",
        "bun install --frozen-lockfile",
    ),
    "Bun isolated": (
        installed.bun_isolated,
        "Bun: .bun/ inside",
        "bun install --frozen-lockfile",
    ),
    "Deno": (installed.deno, "Deno: .deno/ inside", "deno install"),
}
"""What each tool leaves, what tells that, and what brings it back."""

NO_LOCK: Final = "no lock file: the same versions may not come back"


def look(top: Path, project: str = ".") -> Declared:
    """Look at the ``node_modules`` of a project beneath *top*."""
    place = os.path.normpath(top / project)
    return look_of("npm")(os.path.join(place, "node_modules"), place, str(top), StatCache())


def made(top: Path, tree: Tree) -> Path:
    """Make *tree* in *top*."""
    declare(top, tree)
    return top


@pytest.fixture(params=TOOLS)
def tool(request: pytest.FixtureRequest) -> str:
    """Each tool in turn."""
    name: str = request.param
    return name


def test_what_a_tool_made_comes_back_by_its_command(tmp_path: Path, tool: str) -> None:
    tree, made_by, command = TOOLS[tool]
    found = look(made(tmp_path, tree()))
    assert (found.made_by, found.undeclared, found.missing) == (made_by, (), None)
    assert (found.command, found.command_in, found.warnings) == (command, str(tmp_path), ())
    assert found.finished > 0
    [fact] = found.facts
    assert "all declared by" in fact


@pytest.mark.parametrize("name", ["acme", "@acme/core", "zzz"])
def test_a_package_that_was_copied_in_is_undeclared(tmp_path: Path, tool: str, name: str) -> None:
    tree = TOOLS[tool][0]()
    tree["node_modules"][name] = package(name)
    found = look(made(tmp_path, tree))
    assert found.undeclared == (name,)
    assert found.facts == ()


@pytest.mark.parametrize(
    "name",
    [
        "data.sqlite",
        "uploads",
        ".private",
        "@acme/notes.txt",
        ".mine-AbCdEf12",
        ".tmp-work",
        ".bin/deploy.sh",
    ],
)
def test_what_is_no_package_is_undeclared(tmp_path: Path, tool: str, name: str) -> None:
    tree = TOOLS[tool][0]()
    tree["node_modules"][name] = {"photo.jpg": "x"} if name == "uploads" else "x"
    assert look(made(tmp_path, tree)).undeclared == (name,)


@pytest.mark.parametrize(
    ("mark", "content"),
    [(".package-lock.json", "{}"), (".yarn-integrity", ""), (".modules.yaml", "mine: 1\n")],
)
def test_a_mark_that_says_nothing_is_nobody_s(tmp_path: Path, mark: str, content: str) -> None:
    tree: Tree = {
        "package.json": json.dumps({"dependencies": {"mine": "*"}}),
        "node_modules": {mark: content, "mine": {"index.js": "by hand"}},
    }
    assert look(made(tmp_path, tree)).made_by is None


def test_what_stands_in_for_a_link_to_a_program_is_ordinary(tmp_path: Path) -> None:
    tree = installed.npm()
    tree["node_modules"][".bin"] = {
        "tsc": '#!/bin/sh\nbasedir=$(dirname "$0")\n',
        "tsc.cmd": "@ECHO off\r\n",
        "link": Path("../chalk/cli.js"),
    }
    assert look(made(tmp_path, tree)).undeclared == ()


@pytest.mark.parametrize("store", [".pnpm", ".bun", ".deno"])
def test_what_no_tool_put_into_a_store_is_undeclared(tmp_path: Path, store: str) -> None:
    tree = installed.isolated(store)
    tree[store] |= {
        "acme": package("acme"),
        "node_modules": {"chalk": Path("x"), "mine": package("mine")},
    }
    tree[store]["left@1.0.0"] = {"node_modules": {"left": package("left")}}
    declare(tmp_path, {"package.json": json.dumps(MANIFEST), "node_modules": tree})
    assert {f"{store}/acme", f"{store}/node_modules/mine"} <= set(look(tmp_path).undeclared)
    assert f"{store}/left@1.0.0" not in look(tmp_path).undeclared


@pytest.mark.parametrize(
    "name", [".cache", ".vite", ".prisma", ".vitest", ".chalk-AbCd_01-", ".DS_Store"]
)
def test_what_tools_write_at_the_top_is_not_asked_for(tmp_path: Path, name: str) -> None:
    tree = installed.npm()
    tree["node_modules"][name] = {"x": "x"}
    assert look(made(tmp_path, tree)).undeclared == ()


def test_without_a_manifest_nothing_comes_back(tmp_path: Path, tool: str) -> None:
    tree = TOOLS[tool][0]()
    del tree["package.json"]
    assert look(made(tmp_path, tree)).missing == "no package.json"


@pytest.mark.parametrize("content", ["", "[]", "{", "null", '"x"', b"\xff\xfe", "[" * 100_000])
def test_a_manifest_that_is_no_json_object_declares_nothing(
    tmp_path: Path, tool: str, content: str | bytes
) -> None:
    tree = TOOLS[tool][0]()
    tree["package.json"] = content
    assert look(made(tmp_path, tree)).missing == "package.json is not a JSON object, or is empty"


def test_a_manifest_that_declares_nothing_brings_nothing_back(tmp_path: Path, tool: str) -> None:
    tree = TOOLS[tool][0]()
    tree["package.json"] = '{"name": "application", "version": "1.0.0"}'
    found = look(made(tmp_path, tree))
    assert found.missing == "package.json declares no packages"
    assert "chalk" in found.undeclared


def test_what_the_manifest_no_longer_asks_for_does_not_come_back(tmp_path: Path, tool: str) -> None:
    tree = TOOLS[tool][0]()
    tree["package.json"] = json.dumps({**MANIFEST, "dependencies": {"@sindresorhus/is": "^4"}})
    found = look(made(tmp_path, tree))
    assert "chalk" in found.undeclared
    # The others install from a lock file that has more than is asked for.
    if tool not in {"Deno", "npm 6", "Yarn 1"}:
        assert any("differ" in warning for warning in found.warnings)
        assert found.command is not None
        assert found.command.endswith(" install")


def test_a_package_that_comes_with_the_published_one_does_not_come_back(
    tmp_path: Path, tool: str
) -> None:
    tree = TOOLS[tool][0]()
    tree["package.json"] = json.dumps({**MANIFEST, "bundleDependencies": ["chalk"]})
    assert look(made(tmp_path, tree)).undeclared == ("chalk",)


def test_a_node_modules_that_was_written_by_hand_was_made_by_nobody(tmp_path: Path) -> None:
    tree = installed.npm()
    del tree["node_modules"][".package-lock.json"]
    found = look(made(tmp_path, tree))
    assert found.made_by is None


def test_a_mark_alone_brings_nothing_back(tmp_path: Path, tool: str) -> None:
    tree = TOOLS[tool][0]()
    tree["package.json"] = '{"name": "application", "dependencies": {"other": "1"}}'
    for name in [*tree]:
        if "lock" in str(name):
            del tree[name]
    shutil.rmtree(tmp_path)
    assert look(made(tmp_path, tree)).undeclared != ()


@pytest.mark.parametrize("left_out", ["@sindresorhus/is", "ansi-styles", "version", "files"])
@pytest.mark.parametrize("tool", ["Bun", "npm 6"])
def test_content_has_to_be_all_that_its_tool_leaves(
    tmp_path: Path, tool: str, left_out: str
) -> None:
    tree = TOOLS[tool][0]()
    modules = tree["node_modules"]
    if left_out == "version":
        manifest = json.loads(modules["chalk"]["package.json"])
        modules["chalk"]["package.json"] = json.dumps({**manifest, "version": "4.1.1"})
    elif left_out == "files":
        for name in installed.VERSIONS:
            modules[name] = {"package.json": modules[name]["package.json"]}
    else:
        del modules[left_out]
        if left_out == "@sindresorhus/is":
            # It is asked for by the project alone, which may have it left out.
            return
    assert look(made(tmp_path, tree)).made_by is None


# Which tool.


def test_of_several_lock_files_the_maker_s_counts(tmp_path: Path, tool: str) -> None:
    tree = TOOLS[tool][0]()
    for other, _, _ in TOOLS.values():
        tree = {**{name: what for name, what in other().items() if "lock" in str(name)}, **tree}
    assert look(made(tmp_path, tree)).command == TOOLS[tool][2]


@pytest.mark.parametrize(
    ("manager", "command"),
    [
        ("pnpm@9.1.0", "pnpm install"),
        ("yarn@1.22.22", "yarn install"),
        ("bun@1.2.0", "bun install"),
        ("", "npm install"),
    ],
)
def test_without_a_mark_the_manifest_names_the_tool(
    tmp_path: Path, manager: str, command: str
) -> None:
    tree: Tree = {
        "package.json": json.dumps({**MANIFEST, "packageManager": manager}),
        "node_modules": installed.hoisted(),
    }
    found = look(made(tmp_path, tree))
    assert (found.command, found.warnings) == (command, (NO_LOCK,))


def test_the_manifest_decides_between_lock_files_of_others(tmp_path: Path) -> None:
    tree: Tree = {
        "package.json": json.dumps({**MANIFEST, "packageManager": "pnpm@9.1.0+sha512.x"}),
        "package-lock.json": installed.npm_lock(),
        "pnpm-lock.yaml": installed.PNPM_LOCK,
        "node_modules": installed.hoisted(),
    }
    assert look(made(tmp_path, tree)).command == "pnpm install --frozen-lockfile"


@pytest.mark.parametrize("tool", ["npm", "npm 6", "pnpm", "pnpm hoisted", "Yarn 1"])
def test_without_a_lock_file_what_the_tool_wrote_inside_tells_who_needs_what(
    tmp_path: Path, tool: str
) -> None:
    tree = TOOLS[tool][0]()
    for name in [*tree]:
        if "lock" in str(name):
            del tree[name]
    found = look(made(tmp_path, tree))
    assert (found.undeclared, found.missing, found.warnings) == ((), None, (NO_LOCK,))
    assert found.command is not None
    assert found.command.endswith(" install")


def test_what_was_installed_without_being_saved_is_undeclared(tmp_path: Path) -> None:
    tree = installed.npm()
    copy = json.loads(tree["node_modules"][".package-lock.json"])
    copy["packages"]["node_modules/left-pad"] = {"version": "1.3.0", "extraneous": True}
    tree["node_modules"][".package-lock.json"] = json.dumps(copy)
    tree["node_modules"]["left-pad"] = package("left-pad")
    assert look(made(tmp_path, tree)).undeclared == ("left-pad",)
    (tmp_path / "package-lock.json").unlink()
    assert look(tmp_path).undeclared == ("left-pad",)


def test_what_an_older_lock_file_had_installed_is_declared_by_npm_s_copy(tmp_path: Path) -> None:
    tree = installed.npm()
    lock = json.loads(tree["package-lock.json"])
    del lock["packages"]["node_modules/ansi-styles"]
    lock["packages"]["node_modules/chalk"] = {"version": "4.1.3"}
    tree["package-lock.json"] = json.dumps(lock)
    found = look(made(tmp_path, tree))
    assert found.undeclared == ()
    assert found.warnings == ("what is installed differs from the lock file",)


def test_what_is_locked_for_another_machine_and_copied_in_is_undeclared(tmp_path: Path) -> None:
    tree = installed.npm()
    lock = json.loads(tree["package-lock.json"])
    lock["packages"]["node_modules/chalk"]["optionalDependencies"] = {"chalk-darwin": "1"}
    lock["packages"]["node_modules/chalk-darwin"] = {"version": "1.0.0", "os": ["darwin"]}
    tree["package-lock.json"] = json.dumps(lock)
    assert look(made(tmp_path, tree)).undeclared == ()
    declare(tmp_path / "node_modules/chalk-darwin", package("chalk-darwin"))
    assert look(tmp_path).undeclared == ("chalk-darwin",)


def test_a_package_that_is_needed_as_an_optional_peer_only_is_undeclared(tmp_path: Path) -> None:
    tree = installed.npm()
    lock = json.loads(tree["package-lock.json"])
    lock["packages"]["node_modules/chalk"]["peerDependencies"] = {"typescript": "*"}
    lock["packages"]["node_modules/chalk"]["peerDependenciesMeta"] = {
        "typescript": {"optional": True}
    }
    tree["package-lock.json"] = json.dumps(lock)
    tree["node_modules"]["typescript"] = package("typescript")
    assert look(made(tmp_path, tree)).undeclared == ("typescript",)


@pytest.mark.parametrize(
    ("tool", "old", "new"),
    [
        ("npm", '"^4.1.2"', '"^5"'),
        ("pnpm", '"^4.1.2"', '"^5"'),
        ("Yarn 1", '"^4.1.2"', '"^5"'),
        ("Yarn", '"^4.1.2"', '"^5"'),
        ("Bun", '"^4.1.2"', '"^5"'),
        ("npm", '{"chalk"', '{"more": "1", "chalk"'),
        ("npm 6", '{"chalk"', '{"more": "1", "chalk"'),
        ("Bun isolated", '{"chalk"', '{"more": "1", "chalk"'),
    ],
)
def test_a_manifest_that_is_newer_than_the_lock_file_needs_the_other_command(
    tmp_path: Path, tool: str, old: str, new: str
) -> None:
    tree, _, command = TOOLS[tool]
    files = tree()
    files["package.json"] = files["package.json"].replace(old, new)
    found = look(made(tmp_path, files))
    [lock] = [str(name) for name in files if "lock" in str(name)]
    assert found.warnings == (f"package.json and {lock} differ: {command} fails",)
    assert found.command == command.replace(" ci", " install").partition(" --")[0]
    assert found.undeclared == ()


# Links, and what comes from other directories.


def test_a_package_that_was_linked_by_hand_is_undeclared(tmp_path: Path, tool: str) -> None:
    declare(tmp_path / "library", {"package.json": "{}"})
    tree = TOOLS[tool][0]()
    tree["node_modules"]["library"] = Path("../../library")
    declare(tmp_path / "project", tree)
    place = str(tmp_path / "project")
    found = look_of("npm")(os.path.join(place, "node_modules"), place, place, StatCache())
    assert found.undeclared == ("library",)
    assert found.warnings == ("linked from outside: library",)


def test_a_link_in_the_place_of_what_is_declared_deserves_a_warning(tmp_path: Path) -> None:
    tree = installed.npm()
    tree["node_modules"]["chalk"] = Path("/somewhere/chalk")
    found = look(made(tmp_path, tree))
    assert (found.undeclared, found.warnings) == ((), ("linked from outside: chalk",))


def workspace(**more: object) -> Tree:
    """Return a workspace of npm with two projects, one of which has a ``node_modules`` of its own."""
    entries = {
        "": {"name": "root", "workspaces": ["packages/*"], "dependencies": {"chalk": "^4.1.2"}},
        **installed.npm_entries(),
        "node_modules/@acme/a": {"resolved": "packages/a", "link": True},
        "node_modules/@acme/b": {"resolved": "packages/b", "link": True},
        "packages/a": {
            "name": "@acme/a",
            "dependencies": {"ms": "2.0.0", "@sindresorhus/is": "^4"},
        },
        "packages/a/node_modules/ms": {"version": "2.0.0"},
        "packages/b": {"name": "@acme/b", "dependencies": {"@acme/a": "1.0.0"}},
    }
    copy = {name: entry for name, entry in entries.items() if name}
    tree: Tree = {
        "package.json": json.dumps(
            {
                "name": "root",
                "workspaces": ["packages/*"],
                "dependencies": {"chalk": "^4.1.2"},
                **more,
            }
        ),
        "package-lock.json": json.dumps({"lockfileVersion": 3, "packages": entries}),
        "node_modules": {
            **installed.hoisted(),
            "@acme": {"a": Path("../../packages/a"), "b": Path("../../packages/b")},
            ".package-lock.json": json.dumps({"lockfileVersion": 3, "packages": copy}),
        },
        "packages/a": {
            "package.json": json.dumps(entries["packages/a"]),
            "node_modules": {"ms": package("ms")},
        },
        "packages/b": {"package.json": json.dumps(entries["packages/b"])},
    }
    return tree


def test_links_within_a_workspace_are_ordinary(tmp_path: Path) -> None:
    found = look(made(tmp_path, workspace()))
    assert (found.undeclared, found.missing, found.warnings) == ((), None, ())
    assert (found.command, found.command_in) == ("npm ci", str(tmp_path))


def test_a_project_of_a_workspace_comes_back_from_its_root(tmp_path: Path) -> None:
    found = look(made(tmp_path, workspace()), "packages/a")
    assert found.made_by == "npm: .package-lock.json of node_modules above has it"
    assert (found.undeclared, found.missing, found.warnings) == ((), None, ())
    assert (found.command, found.command_in) == ("npm ci", str(tmp_path))
    assert found.finished == int((tmp_path / "node_modules/.package-lock.json").stat().st_mtime)


def test_what_the_root_has_not_put_into_a_project_is_undeclared(tmp_path: Path) -> None:
    tree = workspace()
    tree["packages/a"]["node_modules"]["chalk"] = package("chalk")
    assert look(made(tmp_path, tree), "packages/a").undeclared == ("chalk",)


def test_a_link_to_a_project_that_is_gone_deserves_a_warning(tmp_path: Path) -> None:
    shutil.rmtree(made(tmp_path, workspace()) / "packages/b")
    assert look(tmp_path).warnings == ("linked to what is not there: @acme/b",)


def test_what_a_project_that_is_gone_asked_for_does_not_come_back(tmp_path: Path) -> None:
    shutil.rmtree(made(tmp_path, workspace()) / "packages")
    found = look(tmp_path)
    assert "@sindresorhus/is" in found.undeclared


def test_a_lock_file_above_counts_only_for_the_projects_of_its_workspace(tmp_path: Path) -> None:
    tree = workspace()
    tree["client"] = {
        "package.json": '{"dependencies": {"chalk": "^4.1.2"}}',
        "node_modules": {**installed.hoisted(), ".package-lock.json": installed.npm_lock()},
    }
    found = look(made(tmp_path, tree), "client")
    assert (found.command, found.command_in) == ("npm install", str(tmp_path / "client"))
    assert NO_LOCK in found.warnings
    assert found.undeclared == ("@sindresorhus/is",)


@pytest.mark.parametrize(
    ("files", "is_one"),
    [
        ({"package.json": '{"workspaces": ["packages/*"]}'}, True),
        ({"package.json": '{"workspaces": {"packages": ["./packages/app/"]}}'}, True),
        ({"package.json": '{"workspaces": ["packages/**"]}'}, True),
        ({"package.json": '{"workspaces": ["{libs,packages}/app"]}'}, True),
        ({"package.json": '{"workspaces": ["packages/*", "!packages/app"]}'}, False),
        ({"package.json": '{"workspaces": ["packages"]}'}, False),
        ({"package.json": '{"workspaces": 1}'}, False),
        ({"package.json": '{"workspaces": ["' + "**/" * 200 + '"]}'}, False),
        ({"pnpm-workspace.yaml": "packages:\n  # apps\n  - 'packages/*' # all\n"}, True),
        ({"pnpm-workspace.yaml": 'packages: ["packages/*"]\n'}, True),
        ({"pnpm-workspace.yaml": "packages:\n- packages/app\ncatalog:\n  - x\n"}, True),
        ({"pnpm-workspace.yaml": "catalog:\n  - packages/app\n"}, False),
        ({"deno.jsonc": '{"workspace": ["./packages/app"], /* two */ }'}, True),
        ({"rush.json": '{"projects": [{"projectFolder": "packages/app"}, // one\n]}'}, True),
    ],
)
def test_a_workspace_is_told_by_its_patterns(tmp_path: Path, files: Tree, *, is_one: bool) -> None:
    project: Tree = {
        "package.json": json.dumps(MANIFEST),
        "node_modules": {"chalk": package("chalk")},
    }
    declare(tmp_path, {**files, "package-lock.json": installed.npm_lock(), "packages/app": project})
    assert (look(tmp_path, "packages/app").command_in == str(tmp_path)) is (
        is_one or "rush.json" in files
    )
    assert (look(tmp_path, "packages/app").command == "npm ci") is False


def test_rush_installs_from_its_root(tmp_path: Path) -> None:
    lock = installed.PNPM_LOCK.replace("  .:\n", "  .: {}\n\n  ../../apps/a:\n")
    declare(
        tmp_path,
        {
            "rush.json": '{ /* Rush */ "projects": [{"packageName": "a", "projectFolder": "apps/a"},] }',
            "common/config/rush/pnpm-lock.yaml": lock,
            "common/temp": {**installed.pnpm(), "pnpm-lock.yaml": lock},
            "apps/a": {
                "package.json": json.dumps(MANIFEST),
                "node_modules": {
                    "chalk": Path(
                        "../../../common/temp/node_modules/.pnpm/chalk@4.1.2/node_modules/chalk"
                    ),
                },
            },
        },
    )
    found = look(tmp_path, "apps/a")
    assert found.made_by == "pnpm: .modules.yaml of common/temp/node_modules above has it"
    assert (found.command, found.command_in) == ("rush install", str(tmp_path))
    assert (found.undeclared, found.missing, found.warnings) == ((), None, ())
    found = look(tmp_path, "common/temp")
    assert (found.command, found.command_in) == ("rush install", str(tmp_path))
    assert (found.undeclared, found.missing, found.warnings) == ((), None, ())


def test_lerna_installs_each_project_by_itself(tmp_path: Path) -> None:
    tree = installed.npm()
    manifest = {**MANIFEST, "dependencies": {**MANIFEST["dependencies"], "b": "1.0.0"}}  # type: ignore[dict-item]
    tree["package.json"] = json.dumps(manifest)
    tree["node_modules"]["b"] = Path("../../b")
    declare(
        tmp_path,
        {"lerna.json": '{"version": "0"}', "packages": {"a": tree, "b": {"package.json": "{}"}}},
    )
    found = look(tmp_path, "packages/a")
    assert (found.command, found.command_in) == ("npx lerna bootstrap", str(tmp_path))
    assert found.undeclared == ()


@pytest.mark.parametrize("kind", ["file", "link", "portal"])
def test_a_package_from_a_path_that_is_gone_does_not_come_back(tmp_path: Path, kind: str) -> None:
    asks: dict[str, Any] = {"chalk": "^4.1.2", "lib": f"{kind}:../lib.tgz"}
    tree: Tree = {
        "package.json": json.dumps({"dependencies": asks}),
        "node_modules": {"lib": package("lib"), ".package-lock.json": "{}"},
    }
    declare(tmp_path / "project", tree)
    assert look(tmp_path, "project").missing == "lib comes from ../lib.tgz, which is not there"
    (tmp_path / "lib.tgz").write_bytes(b"x")
    assert look(tmp_path, "project").missing is None


def test_what_a_project_of_the_workspace_takes_from_a_path_that_is_gone_does_not_come_back(
    tmp_path: Path,
) -> None:
    tree = workspace()
    for place, name in ((tree, "package-lock.json"), (tree["node_modules"], ".package-lock.json")):
        lock = json.loads(place[name])
        lock["packages"]["packages/b"]["dependencies"]["lib"] = "file:../../lib.tgz"
        lock["packages"]["node_modules/lib"] = {"version": "1.0.0", "resolved": "file:lib.tgz"}
        place[name] = json.dumps(lock)
    tree["node_modules"]["lib"] = package("lib")
    found = look(made(tmp_path, tree))
    assert found.missing == "lib comes from ../../lib.tgz, which is not there"
    (tmp_path / "lib.tgz").write_bytes(b"x")
    assert look(tmp_path).missing is None


# Times.


def aged(top: Path, mark: float, packages: float, later: int = 0) -> Path:
    """Make what npm leaves of eight packages, with these times; the first *later* packages are a day later."""
    names = [f"p{number}" for number in range(8)]
    entries = {f"node_modules/{name}": {"version": "1.0.0"} for name in names}
    manifest = {"dependencies": dict.fromkeys(names, "1.0.0")}
    modules: Tree = {name: package(name) for name in names}
    modules[".package-lock.json"] = json.dumps({"packages": entries})
    made(
        top,
        {
            "package.json": json.dumps(manifest),
            "package-lock.json": json.dumps({"packages": {"": manifest, **entries}}),
            "node_modules": modules,
        },
    )
    for number, name in enumerate(names):
        time = packages + 86_400 * (number < later)
        for file in (top / "node_modules" / name).iterdir():
            os.utime(file, (time, time))
    os.utime(top / "node_modules/.package-lock.json", (mark, mark))
    return top / "node_modules"


COPIED: Final = "it was copied: nothing tells whether a file in it was changed"


@pytest.mark.parametrize(
    ("later", "finished", "warnings"),
    [(number, 1_700_000_000, ()) for number in (0, 3, 6)] + [(7, 0, (COPIED,)), (8, 0, (COPIED,))],
)
def test_only_where_nearly_all_is_later_it_was_copied(
    tmp_path: Path, later: int, finished: int, warnings: tuple[str, ...]
) -> None:
    aged(tmp_path, 1.7e9, 1.7e9, later)
    found = look(tmp_path)
    assert (found.finished, found.warnings) == (finished, warnings)


def test_few_packages_that_are_later_are_no_copy(tmp_path: Path) -> None:
    made(tmp_path, installed.npm())
    os.utime(tmp_path / "node_modules/.package-lock.json", (1e9, 1e9))
    found = look(tmp_path)
    assert (found.finished, found.warnings) == (1_000_000_000, ())


@pytest.mark.parametrize("mark", [0, 499_162_500, 4e9])
def test_where_the_mark_has_an_odd_time_the_packages_tell_it(tmp_path: Path, mark: float) -> None:
    modules = aged(tmp_path, mark, 1.7e9)
    assert look(tmp_path).finished == 1_700_000_000
    os.utime(modules / "p0/index.js", (1.75e9, 1.75e9))
    assert parts(modules, "p0/index.js") == ("p0/index.js",)


@pytest.mark.parametrize(
    ("odd", "finished"), [(0, 1), (1, 1), (499_162_500, 499_162_500), (4e9, 1)]
)
@pytest.mark.parametrize("edited", [{"index.js"}, {"index.js", "package.json"}])
def test_where_all_times_are_odd_each_file_is_compared_with_its_package(
    tmp_path: Path, odd: float, finished: int, edited: set[str]
) -> None:
    modules = aged(tmp_path, odd, odd)
    assert look(tmp_path).finished == finished
    assert parts(modules, "p0/index.js", "p0/package.json", "p0/license") == ()
    for name in edited:
        os.utime(modules / "p0" / name, (1.75e9, 1.75e9))
    assert look(tmp_path).finished == finished
    assert f"p0/{min(edited & {'package.json'} or edited)}" in parts(
        modules, "p0/index.js", "p0/package.json"
    )
    assert parts(modules, "p1/index.js", "p1/package.json") == ()


def parts(modules: Path, *late: str) -> tuple[str, ...]:
    """Return which of the *late* files no tool has written."""
    return is_part_of("npm")(str(modules), (), late, StatCache())[1]


def test_the_last_mark_is_the_maker_s(tmp_path: Path) -> None:
    tree = installed.npm()
    tree["yarn.lock"] = installed.YARN_1_LOCK
    tree["node_modules"][".yarn-integrity"] = installed.INTEGRITY
    made(tmp_path, tree)
    for name, time in ((".package-lock.json", 1.6e9), (".yarn-integrity", 1.5e9)):
        os.utime(tmp_path / "node_modules" / name, (time, time))
    assert look(tmp_path).command == "npm ci"
    os.utime(tmp_path / "node_modules/.yarn-integrity", (1.7e9, 1.7e9))
    found = look(tmp_path)
    assert (found.command, found.finished) == ("yarn install --frozen-lockfile", 1_700_000_000)


# What nobody means well with.


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[" * 200_000,
        b'{"packages": {"": 1, "node_modules/evil": 2}, "dependencies": [], "npm": 3}',
        b'{"packages": {"node_modules/../../evil": {}, "node_modules/": {}}}',
        b"__metadata:\n\n- evil:\n",
        b"importers:\n  .: []\npackages:\n  evil: |\n      evil:\n",
    ],
)
def test_a_lock_file_that_is_none_declares_nothing(
    tmp_path: Path, tool: str, content: bytes
) -> None:
    tree = TOOLS[tool][0]()
    tree["node_modules"]["evil"] = package("evil")
    for name in [*tree]:
        if "lock" in str(name):
            tree[name] = content
    found = look(made(tmp_path, tree))
    assert not found.comes_back


@pytest.mark.parametrize("what", ["fifo", "symlink", "directory"])
def test_a_lock_file_that_is_no_file_is_none(tmp_path: Path, tool: str, what: str) -> None:
    tree = TOOLS[tool][0]()
    [name] = [str(name) for name in tree if "lock" in str(name)]
    content = tree.pop(name)
    declare(tmp_path, {"project": tree, "elsewhere": content})
    lock = tmp_path / "project" / name
    if what == "fifo":
        os.mkfifo(lock)
    elif what == "symlink":
        lock.symlink_to("../elsewhere")
    else:
        lock.mkdir()
    assert NO_LOCK in look(tmp_path, "project").warnings


def test_a_lock_file_that_is_too_large_is_not_read(tmp_path: Path, tool: str) -> None:
    tree = TOOLS[tool][0]()
    made(tmp_path, tree)
    [name] = [str(name) for name in tree if "lock" in str(name)]
    with open(tmp_path / name, "ab") as file:
        file.truncate(33 * 1024 * 1024)
    assert look(tmp_path).missing == f"{name} cannot be read"


def test_a_lock_file_of_more_than_four_mebibytes_is_read(tmp_path: Path) -> None:
    tree = installed.npm()
    more = {f"node_modules/{'x' * 100}-{number}": {"version": "1.0.0"} for number in range(40_000)}
    tree["package-lock.json"] = installed.npm_lock(**more)
    assert len(tree["package-lock.json"]) > 4 * 1024 * 1024
    assert look(made(tmp_path, tree)).undeclared == ()


@pytest.mark.parametrize("what", ["fifo", "symlink", "directory"])
def test_a_manifest_that_is_no_file_is_none(tmp_path: Path, what: str) -> None:
    tree = installed.npm()
    content = tree.pop("package.json")
    declare(tmp_path, {"project": tree, "elsewhere": content})
    place = tmp_path / "project/package.json"
    if what == "fifo":
        os.mkfifo(place)
    elif what == "symlink":
        place.symlink_to("../elsewhere")
    else:
        place.mkdir()
    assert look(tmp_path, "project").missing == "no package.json"


@pytest.mark.parametrize("what", ["fifo", "symlink", "directory"])
@pytest.mark.parametrize(
    "name", ["chalk/package.json", ".package-lock.json", ".modules.yaml", ".yarn-integrity"]
)
def test_what_lies_inside_and_is_no_file_is_never_waited_for(
    tmp_path: Path, what: str, name: str
) -> None:
    tree = {key: value for key, value in installed.npm().items() if key != "package-lock.json"}
    made(tmp_path, tree)
    place = tmp_path / "node_modules" / name
    place.unlink(missing_ok=True)
    if what == "fifo":
        os.mkfifo(place)
    elif what == "symlink":
        place.symlink_to("/dev/zero")
    else:
        place.mkdir()
    found = look(tmp_path)
    assert (found.made_by is None) or name == "chalk/package.json" or "npm" in found.made_by


@pytest.mark.parametrize("name", [b"\xff\xfe", b"a\nb", b"\x1b[31m", b"...", b"-rf", b" "])
def test_names_of_any_bytes_are_undeclared(tmp_path: Path, tool: str, name: bytes) -> None:
    tree = TOOLS[tool][0]()
    tree["node_modules"][name] = {"index.js": "x"}
    assert look(made(tmp_path, tree)).undeclared == (os.fsdecode(name),)


def test_a_scope_that_is_a_link_is_no_scope(tmp_path: Path) -> None:
    tree = installed.npm()
    tree["node_modules"]["@acme"] = Path("../../acme")
    assert look(made(tmp_path, tree)).undeclared == ("@acme",)


def test_a_lock_file_is_read_once_for_all_projects_of_a_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path, workspace())
    read: list[str] = []
    original = StatCache.read

    def counting(self: StatCache, directory: str, name: str, *arguments: int) -> bytes | None:
        read.append(name)
        return original(self, directory, name, *arguments)

    monkeypatch.setattr(StatCache, "read", counting)
    cache = StatCache()
    for _ in range(3):
        for project in (".", "packages/a"):
            place = os.path.normpath(tmp_path / project)
            look_of("npm")(os.path.join(place, "node_modules"), place, str(tmp_path), cache)
    assert (read.count("package-lock.json"), read.count(".package-lock.json")) == (1, 1)
