"""Whether what is installed would come back: lock files, links, and where to run the command."""

import json
import os
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from cleanup_nodemodule.model import Evidence
from support.git import git
from support.judges import judge
from support.tool import Run
from support.trees import Declared, declare

Tree: TypeAlias = dict[str | bytes, Any]

NO_LOCK: Final = "no lock file: the same versions may not come back"
DIFFERS: Final = "what is installed differs from the lock file"
NEWER: Final = "the lock file is newer than what is installed"


def evidence(top: Path, path: str = "node_modules", **settings: object) -> Evidence:
    """Return what is known of the artifact *path* beneath *top*."""
    return judge(top, **settings)[path].evidence


def warnings(top: Path, path: str = "node_modules", **settings: object) -> tuple[str, ...]:
    """Return what is warned of."""
    return evidence(top, path, **settings).warnings


def npm(**packages: str) -> str:
    """Return an npm lock file, or npm's copy of it, of packages and their versions."""
    return json.dumps(
        {
            "lockfileVersion": 3,
            "packages": {
                "": {"name": "project"},
                **{
                    name.replace("__", "/"): {"version": version}
                    for name, version in packages.items()
                },
            },
        }
    )


def installed(locked: str | None, present: str | None, name: str = "package-lock.json") -> Tree:
    """Return a project with a lock file and npm's copy."""
    tree: Tree = {"package.json": "{}", "node_modules": {"a": {"index.js": ""}}}
    if locked is not None:
        tree[name] = locked
    if present is not None:
        tree["node_modules"][".package-lock.json"] = present
    return tree


# Lock files.


def test_no_lock_file_is_said(run: Run, tmp_path: Path) -> None:
    declare(tmp_path, installed(None, npm(node_modules__a="1")))
    assert warnings(tmp_path) == (NO_LOCK,)
    [row] = json.loads(run("--json").stdout)["artifacts"]
    assert (row["warnings"], row["decision"], row["regenerate"]) == (
        [NO_LOCK],
        "delete",
        "npm install",
    )
    declare(tmp_path, {"package-lock.json": npm(node_modules__a="1")})
    assert warnings(tmp_path) == ()


def test_what_is_built_needs_no_lock_file(tmp_path: Path) -> None:
    declare(tmp_path, {"package.json": "{}", ".next": {"BUILD_ID": ""}})
    assert warnings(tmp_path, ".next") == ()


@pytest.mark.parametrize("name", ["package-lock.json", "npm-shrinkwrap.json"])
@pytest.mark.parametrize(
    ("locked", "present", "expected"),
    [
        ({"a": "1", "b": "2"}, {"a": "1", "b": "2"}, ()),
        ({"a": "2"}, {"a": "1"}, (DIFFERS,)),
        ({"a": "1"}, {"a": "2"}, (DIFFERS,)),
        ({"a": "1"}, {"a": "1", "b": "1"}, (DIFFERS,)),
        # Optional packages of other platforms are locked and not installed.
        ({"a": "1", "b": "1"}, {"a": "1"}, ()),
        ({}, {"a": "1"}, (DIFFERS,)),
        ({}, {}, ()),
    ],
)
def test_an_npm_lock_file_is_compared_with_what_npm_installed(
    tmp_path: Path,
    name: str,
    locked: dict[str, str],
    present: dict[str, str],
    expected: tuple[str, ...],
) -> None:
    declare(
        tmp_path,
        installed(
            npm(**{f"node_modules/{key}": version for key, version in locked.items()}),
            npm(**{f"node_modules/{key}": version for key, version in present.items()}),
            name,
        ),
    )
    assert warnings(tmp_path) == expected


def test_a_nested_package_of_another_version_is_seen(tmp_path: Path) -> None:
    deep = "node_modules/a/node_modules/b"
    locked, present = npm(**{deep: "1"}), npm(**{deep: "2"})
    declare(tmp_path, installed(locked, present))
    assert warnings(tmp_path) == (DIFFERS,)


def test_packages_linked_by_a_workspace_are_no_difference(tmp_path: Path) -> None:
    link = {"resolved": "packages/a", "link": True}
    locked = {"packages": {"packages/a": {"version": "1"}, "node_modules/a": link}}
    present = {"packages": {"packages/a": {"version": "0"}, "node_modules/a": link}}
    declare(tmp_path, installed(json.dumps(locked), json.dumps(present)))
    assert warnings(tmp_path) == ()


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"packages": []}',
        '{"packages": {"node_modules/a": 1}}',
        '{"packages": {"node_modules/a": null}}',
        "[" * 100_000,
        b"\xff",
    ],
)
def test_a_lock_file_of_any_kind_never_stops_the_run(tmp_path: Path, odd: str | bytes) -> None:
    whole = npm(node_modules__a="1")
    for name, tree in {
        "lock": {**installed(None, whole), "package-lock.json": odd},
        "copy": {**installed(whole, None), "node_modules": {".package-lock.json": odd}},
    }.items():
        declare(tmp_path / name, tree)
        os.utime(tmp_path / name / "package-lock.json", (1, 1))
        assert warnings(tmp_path / name) == ()


@pytest.mark.parametrize(("copy", "expected"), [("a: 1", ()), ("a: 2", (DIFFERS,))])
def test_a_pnpm_lock_file_is_compared_with_its_copy(
    tmp_path: Path, copy: str, expected: tuple[str, ...]
) -> None:
    declare(
        tmp_path,
        {
            "package.json": "{}",
            "pnpm-lock.yaml": "a: 1",
            "node_modules": {".modules.yaml": "", ".pnpm": {"lock.yaml": copy}},
        },
    )
    assert warnings(tmp_path) == expected


@pytest.mark.parametrize("lock", ["package-lock.json", "yarn.lock", "bun.lock", "pnpm-lock.yaml"])
def test_a_lock_file_newer_than_what_is_installed_is_said(tmp_path: Path, lock: str) -> None:
    """Where the tool left nothing better to compare."""
    declare(tmp_path, {"package.json": "{}", lock: "", "node_modules": {"a": {}}})
    now = (tmp_path / "node_modules").stat().st_mtime
    for later, expected in ((-1000, ()), (5, ()), (1000, (NEWER,))):
        os.utime(tmp_path / lock, (now + later, now + later))
        assert warnings(tmp_path) == expected


# Links.


def test_packages_linked_from_outside_are_named(tmp_path: Path) -> None:
    top = tmp_path / "project"
    declare(tmp_path, {"library": {"index.js": ""}})
    declare(
        top,
        {
            **installed(npm(), npm()),
            "node_modules": {
                ".package-lock.json": npm(),
                "mine": Path("../../library"),
                "absolute": tmp_path / "library",
                "dangling": Path("../../nowhere"),
                "store": {"x": {}},
                "inside": Path("store/x"),
                "real": {},
                "@scope": {"linked": Path("../../../library"), "here": Path("../store/x")},
            },
        },
    )
    assert warnings(top) == ("linked from outside: @scope/linked, absolute, dangling and 1 more",)
    for name in ("absolute", "dangling", "@scope/linked"):
        (top / "node_modules" / name).unlink()
    assert warnings(top) == ("linked from outside: mine",)
    (top / "node_modules/mine").unlink()
    assert warnings(top) == ()


def test_a_whole_scope_may_be_linked(tmp_path: Path) -> None:
    declare(tmp_path, {"scope": {"a": {}}})
    declare(tmp_path / "project", installed(npm(), npm()))
    (tmp_path / "project/node_modules/@scope").symlink_to("../../scope")
    assert warnings(tmp_path / "project") == ("linked from outside: @scope",)


def test_links_into_a_virtual_store_are_inside(tmp_path: Path) -> None:
    store: Declared = {"a@1": {"node_modules": {"a": {}}}}
    declare(
        tmp_path,
        {
            "package.json": "{}",
            "pnpm-lock.yaml": "",
            "node_modules": {
                ".pnpm": {**store, "lock.yaml": ""},
                "a": Path(".pnpm/a@1/node_modules/a"),
            },
        },
    )
    assert warnings(tmp_path) == ()


def test_both_are_said_where_both_are_so(tmp_path: Path) -> None:
    declare(tmp_path / "project", installed(None, npm()))
    (tmp_path / "project/node_modules/x").symlink_to("../../elsewhere")
    assert warnings(tmp_path / "project") == (NO_LOCK, "linked from outside: x")


# Workspaces.


def workspace(lock: str, content: str = "") -> Tree:
    """Return a workspace whose only lock file is at its top."""
    package: Declared = {"package.json": "{}", "node_modules": {"b": {}}}
    return {
        lock: content,
        "package.json": '{"workspaces": ["packages/*"]}',
        "node_modules": {".package-lock.json": npm(), "c": {}},
        "packages": {"a": package},
    }


@pytest.mark.parametrize(
    ("lock", "command"),
    [
        ("package-lock.json", "npm ci"),
        ("pnpm-lock.yaml", "pnpm install --frozen-lockfile"),
        ("yarn.lock", "yarn install"),
        ("bun.lock", "bun install --frozen-lockfile"),
    ],
)
def test_the_lock_file_of_a_workspace_is_found_above(
    run: Run, tmp_path: Path, lock: str, command: str
) -> None:
    declare(tmp_path, workspace(lock, npm() if lock == "package-lock.json" else ""))
    inner = evidence(tmp_path, "packages/a/node_modules")
    assert (inner.regenerate, inner.regenerate_in) == (command, str(tmp_path))
    assert (inner.project, inner.warnings) == (str(tmp_path / "packages/a"), ())
    rows = json.loads(run("--json").stdout)["artifacts"]
    assert {row["regenerate_in"] for row in rows} == {str(tmp_path)}


def test_the_nearest_lock_file_counts(tmp_path: Path) -> None:
    declare(tmp_path, workspace("package-lock.json", npm()))
    declare(tmp_path / "packages/a", {"yarn.lock": ""})
    inner = evidence(tmp_path, "packages/a/node_modules")
    assert inner.regenerate == "yarn install"
    assert inner.regenerate_in == str(tmp_path / "packages/a")


def test_a_lock_file_beyond_the_repository_is_somebody_elses(tmp_path: Path) -> None:
    declare(tmp_path, workspace("package-lock.json", npm()))
    git(tmp_path / "packages/a", "init", "--quiet")
    inner = evidence(tmp_path, "packages/a/node_modules")
    assert (inner.regenerate, inner.warnings) == ("npm install", (NO_LOCK,))
    assert inner.regenerate_in == str(tmp_path / "packages/a")


def test_the_copy_of_a_workspace_speaks_for_every_package(tmp_path: Path) -> None:
    """What lies in a package's own node_modules is in the copy at the top (npm 11)."""
    path = "packages/a/node_modules/b"
    for name, (locked, present) in {"same": ("1", "1"), "other": ("1", "2")}.items():
        top = tmp_path / name
        declare(top, workspace("package-lock.json", npm(**{path: locked})))
        declare(top / "node_modules", {".package-lock.json": npm(**{path: present})})
        os.utime(top / "package-lock.json", (1, 1))
    assert warnings(tmp_path / "same", "packages/a/node_modules") == ()
    assert warnings(tmp_path / "other", "packages/a/node_modules") == (DIFFERS,)
