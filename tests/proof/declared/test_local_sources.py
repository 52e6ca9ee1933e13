"""What was installed from this machine, and is not there any more, does not come back."""

import json
from pathlib import Path
from typing import Any

import pytest

from cleanup_nodemodule.proof.declared import Declared, look_of
from cleanup_nodemodule.proof.declared.javascript_lines import pnpm, yarn
from cleanup_nodemodule.proof.declared.local_sources import path_in
from cleanup_nodemodule.proof.stat_cache import StatCache
from support.environments import environment
from support.installed import Tree, package
from support.trees import declare


def look(top: Path, packages: str, artifact: str) -> Declared:
    """Look at an artifact of ``project`` beneath *top*."""
    project = top / "project"
    return look_of(packages)(str(project / artifact), str(project), str(top), StatCache())


def javascript(top: Path, wanted: str, lock: dict[str, Any] | None = None, **more: Any) -> None:
    """Make a project that asks for "acme" as *wanted*, and what npm installs for it."""
    manifest = {"dependencies": {"acme": wanted}, **more}
    modules: Tree = {
        "acme": package("acme"),
        ".package-lock.json": json.dumps({"packages": {"node_modules/acme": {}}}),
    }
    tree: Tree = {"package.json": json.dumps(manifest), "node_modules": modules}
    if lock is not None:
        entries = {"": manifest, "node_modules/acme": lock}
        tree["package-lock.json"] = json.dumps({"lockfileVersion": 3, "packages": entries})
    declare(top / "project", tree)


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ("file:../gone", "../gone"),
        ("link:../gone", "../gone"),
        ("portal:../gone", "../gone"),
        ("workspace:../gone", "../gone"),
        ("../gone", "../gone"),
        ("./acme-1.0.tgz", "./acme-1.0.tgz"),
        ("acme-1.0.tgz", "acme-1.0.tgz"),
    ],
)
def test_what_a_manifest_takes_from_a_path_has_to_be_there(
    tmp_path: Path, wanted: str, path: str
) -> None:
    javascript(tmp_path, wanted)
    told = f"acme comes from {path}, which is not there"
    assert look(tmp_path, "npm", "node_modules").missing == told
    (tmp_path / "project" / path).mkdir()
    assert look(tmp_path, "npm", "node_modules").missing is None


@pytest.mark.parametrize(
    "wanted",
    ["~1.2", "^1", "*", "https://x.example/a.tgz", "user/acme", "npm:other@1", "catalog:", "1.x"],
)
def test_what_is_no_path_is_not_looked_for(tmp_path: Path, wanted: str) -> None:
    javascript(tmp_path, wanted)
    assert look(tmp_path, "npm", "node_modules").missing is None


def test_what_lies_outside_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    javascript(tmp_path / "top", "file:../../acme")
    told = "acme comes from ../../acme, which lies outside"
    assert look(tmp_path / "top", "npm", "node_modules").missing == told


def test_without_a_workspace_nothing_comes_from_one(tmp_path: Path) -> None:
    javascript(tmp_path, "workspace:*")
    told = "acme comes from a workspace, which is not there"
    assert look(tmp_path, "npm", "node_modules").missing == told
    javascript(tmp_path, "workspace:*", workspaces=["packages/*"])
    assert look(tmp_path, "npm", "node_modules").missing is None


def test_a_project_of_the_workspace_that_is_gone_does_not_come_back(tmp_path: Path) -> None:
    javascript(tmp_path, "workspace:*", workspaces=["packages/*"])
    modules = tmp_path / "project/node_modules"
    (modules / "acme").rename(tmp_path / "project/elsewhere")
    (modules / "acme").symlink_to("../packages/acme")
    told = "acme comes from a workspace, which is not there"
    assert look(tmp_path, "npm", "node_modules").missing == told
    declare(tmp_path / "project/packages/acme", {"package.json": '{"name": "acme"}'})
    assert look(tmp_path, "npm", "node_modules").missing is None


@pytest.mark.parametrize(
    "lock", [{"resolved": "file:../gone/acme-1.0.0.tgz"}, {"resolved": "../gone", "link": True}]
)
def test_what_a_lock_file_takes_from_a_path_has_to_be_there(
    tmp_path: Path, lock: dict[str, Any]
) -> None:
    javascript(tmp_path, "^1.0.0", lock)
    path = lock["resolved"].removeprefix("file:")
    told = f"acme comes from {path}, which is not there"
    assert look(tmp_path, "npm", "node_modules").missing == told
    (tmp_path / "project" / path).mkdir(parents=True)
    assert look(tmp_path, "npm", "node_modules").missing is None


def test_lock_files_of_all_kinds_tell_paths() -> None:
    read = yarn(b'acme@^1:\n  version "1.0.0"\n  resolved "file:../a.tgz#0123"\n')
    assert read is not None
    assert read.local == {"node_modules/acme": "../a.tgz"}
    begin = b"lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      acme:\n        specifier: '*'\n"
    read = pnpm(begin + b"packages:\n  acme@file:../a.tgz:\n    version: 1.0.0\n")
    assert read is not None
    assert read.local == {"node_modules/acme": "../a.tgz"}
    read = pnpm(begin + b"packages:\n  file:../b(x@1.0.0):\n    name: b\n    version: 1.0.0\n")
    assert read is not None
    assert read.local == {"node_modules/b": "../b"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("requirements.txt", "acme @ file://{top}/gone\n"),
        ("requirements.txt", "acme\n-e ../gone\n"),
        ("requirements.txt", "acme\n../gone[dev]\n"),
        ("requirements.txt", "acme @ git+file://{top}/gone@v1\n"),
        ("pyproject.toml", '[project]\nname = "x"\ndependencies = ["acme @ file://{top}/gone"]\n'),
        (
            "poetry.lock",
            '[[package]]\nname = "acme"\nversion = "1.0"\nsource = {{ url = "../gone" }}\n',
        ),
        (
            "uv.lock",
            '[[package]]\nname = "acme"\nversion = "1.0"\nsource = {{ directory = "../gone" }}\n',
        ),
    ],
)
def test_what_an_environment_takes_from_a_path_has_to_be_there(
    tmp_path: Path, name: str, content: str
) -> None:
    declare(tmp_path / "project", {name: content.format(top=tmp_path)})
    environment(tmp_path / "project/.venv", {"acme-1.0": ()})
    missing = look(tmp_path, "python", ".venv").missing
    assert missing is not None
    assert missing.endswith(" comes from ../gone, which is not there")
    (tmp_path / "gone").mkdir()
    assert look(tmp_path, "python", ".venv").missing is None


def test_a_wheel_that_is_gone_does_not_come_back(tmp_path: Path) -> None:
    wheel = "wheels/acme-1.0-py3-none-any.whl"
    declare(tmp_path / "project", {"requirements.txt": f"./{wheel}\n"})
    environment(tmp_path / "project/.venv", {"acme-1.0": ()})
    told = f"acme comes from {wheel}, which is not there"
    assert look(tmp_path, "python", ".venv").missing == told
    declare(tmp_path / "project", {wheel: "x"})
    assert look(tmp_path, "python", ".venv").missing is None


@pytest.mark.parametrize(
    "line",
    [
        "other @ file:///gone",
        "acme @ https://x.example/acme.whl",
        "acme @ git+ssh://git@x.example/acme",
        "-e .",
        "acme @ file://${HOME}/gone",
    ],
)
def test_what_is_not_installed_or_comes_from_elsewhere_is_not_looked_for(
    tmp_path: Path, line: str
) -> None:
    declare(tmp_path / "project", {"requirements.txt": f"acme\n{line}\n"})
    environment(tmp_path / "project/.venv", {"acme-1.0": ()})
    assert look(tmp_path, "python", ".venv").missing is None


def composer(top: Path, manifest: dict[str, Any], lock: dict[str, Any] | None) -> str | None:
    """Return what is missing of what Composer installed."""
    installed = {"packages": [{"name": "acme/log", "install-path": "../acme/log"}]}
    tree: Tree = {
        "composer.json": json.dumps({"require": {"acme/log": "*"}, **manifest}),
        "vendor": {"composer/installed.json": json.dumps(installed), "acme/log/a.php": ""},
    }
    if lock is not None:
        tree["composer.lock"] = json.dumps({"packages": [lock]})
    declare(top / "project", tree)
    return look(top, "composer", "vendor").missing


def test_what_composer_s_lock_file_takes_from_a_path_has_to_be_there(tmp_path: Path) -> None:
    lock = {"name": "acme/log", "dist": {"type": "path", "url": "../gone"}}
    assert composer(tmp_path, {}, lock) == "no ../gone, where acme/log came from"
    (tmp_path / "gone").mkdir()
    assert composer(tmp_path, {}, lock) is None


@pytest.mark.parametrize("named", [False, True], ids=["list", "object"])
def test_a_repository_of_composer_has_to_be_there(tmp_path: Path, *, named: bool) -> None:
    one = {"type": "path", "url": "../gone"}
    manifest = {"repositories": {"mine": one} if named else [one, {"packagist.org": False}]}
    told = "a repository comes from ../gone, which is not there"
    assert composer(tmp_path, manifest, None) == told
    assert composer(tmp_path, manifest, {"name": "acme/log"}) is None
    (tmp_path / "gone").mkdir()
    (tmp_path / "project/composer.lock").unlink()
    assert composer(tmp_path, manifest, None) is None


@pytest.mark.parametrize(
    "source",
    [":path: ../gone", ':path: "../gone"', ":podspec: ../gone", ":path: ../gone\n    :x: y"],
)
def test_a_pod_from_a_path_that_is_gone_does_not_come_back(tmp_path: Path, source: str) -> None:
    lock = (
        "PODS:\n  - Acme (1.0)\n\nEXTERNAL SOURCES:\n  Web:\n    :git: https://x.example/web.git\n"
        f"  Acme:\n    {source}\n\nCOCOAPODS: 1.15.2\n"
    )
    tree: Tree = {
        "Podfile": "",
        "Podfile.lock": lock,
        "Pods": {"Manifest.lock": lock, "Acme/x": ""},
    }
    declare(tmp_path / "project", tree)
    told = "Acme comes from ../gone, which is not there"
    assert look(tmp_path, "cocoapods", "Pods").missing == told
    (tmp_path / "gone").mkdir()
    assert look(tmp_path, "cocoapods", "Pods").missing is None


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("file:///a/b%20c.whl#sha256=1", "/a/b c.whl"),
        ("file://localhost/a/b", "/a/b"),
        ("file:../a?x", "../a"),
        ("git+file:///a/b.git@v1#egg=b", "/a/b.git"),
        ("../a", "../a"),
        ("https://x.example/a.whl", None),
        ("git+ssh://git@x.example/a", None),
        ("${HOME}/a", None),
        ("", None),
    ],
)
def test_the_path_in_a_place(place: str, path: str | None) -> None:
    assert path_in(place) == path
