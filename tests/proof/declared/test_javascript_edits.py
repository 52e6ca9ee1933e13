"""What was edited in a package of npm before something else was installed."""

import json
import os
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.proof.declared import look_of
from cleanup_nodemodule.proof.stat_cache import StatCache
from support import installed
from support.installed import MANIFEST, Tree
from support.trees import declare

UNPACKED: Final = 1_700_000_000
DAY: Final = 86_400
FINISHED: Final = UNPACKED + 30 * DAY
"""When something else was installed."""


def project(top: Path, tree: Tree) -> Path:
    """Make a project whose packages were unpacked long before npm was last through; return its ``node_modules``."""
    declare(top, tree)
    for path, directories, files in os.walk(top):
        for name in directories + files:
            os.utime(os.path.join(path, name), (UNPACKED, UNPACKED), follow_symlinks=False)
    modules = top / "node_modules"
    os.utime(modules / ".package-lock.json", (FINISHED, FINISHED))
    return modules


def put(modules: Path, path: str, when: int) -> None:
    (modules / path).write_text("mine")
    os.utime(modules / path, (when, when))


def modified(modules: Path) -> tuple[str, ...]:
    place = str(modules.parent)
    return look_of("npm")(str(modules), place, place, StatCache()).modified


@pytest.mark.parametrize("name", ["index.js", "mine.js", "license"])
@pytest.mark.parametrize("package", ["chalk", "@sindresorhus/is"])
def test_an_edit_before_the_last_installation_is_seen(
    tmp_path: Path, name: str, package: str
) -> None:
    modules = project(tmp_path, installed.npm())
    assert modified(modules) == ()
    put(modules, f"{package}/{name}", UNPACKED + 20 * DAY)
    assert modified(modules) == (f"{package}/{name}",)


def test_what_was_unpacked_within_a_minute_is_not_modified(tmp_path: Path) -> None:
    modules = project(tmp_path, installed.npm())
    put(modules, "chalk/index.js", UNPACKED + 60)
    put(modules, "chalk/.DS_Store", UNPACKED + DAY)
    assert modified(modules) == ()
    put(modules, "chalk/index.js", UNPACKED + 61)
    assert modified(modules) == ("chalk/index.js",)


def test_packages_of_the_last_installation_are_left_to_the_walk(tmp_path: Path) -> None:
    modules = project(tmp_path, installed.npm())
    put(modules, "chalk/index.js", UNPACKED + 3599)
    os.utime(modules / ".package-lock.json", (UNPACKED + 3600 - 1, UNPACKED + 3600 - 1))
    assert modified(modules) == ()
    os.utime(modules / ".package-lock.json", (UNPACKED + 3600, UNPACKED + 3600))
    assert modified(modules) == ("chalk/index.js",)


def test_what_scripts_of_the_package_wrote_is_not_modified(tmp_path: Path) -> None:
    tree = installed.npm()
    manifest = json.loads(tree["node_modules"]["chalk"]["package.json"])
    manifest["scripts"] = {"postinstall": "node install.js"}
    tree["node_modules"]["chalk"]["package.json"] = json.dumps(manifest)
    modules = project(tmp_path, tree)
    put(modules, "chalk/index.js", UNPACKED + 300)
    assert modified(modules) == ()
    put(modules, "chalk/index.js", UNPACKED + DAY)
    assert modified(modules) == ("chalk/index.js",)


@pytest.mark.parametrize("when", [UNPACKED + 100, FINISHED - 100, FINISHED + 100])
def test_what_scripts_of_the_project_wrote_is_not_modified(tmp_path: Path, when: int) -> None:
    tree = installed.npm()
    modules = project(tmp_path, tree)
    put(modules, "chalk/index.js", when)
    assert modified(modules) == ("chalk/index.js",)
    declare(tmp_path, {"package.json": json.dumps({**MANIFEST, "scripts": {"prepare": "x"}})})
    assert modified(modules) == ()
    put(modules, "chalk/index.js", UNPACKED + DAY)
    assert modified(modules) == ("chalk/index.js",)


def test_what_a_patch_changed_is_not_modified(tmp_path: Path) -> None:
    modules = project(tmp_path, installed.npm())
    put(modules, "chalk/index.js", UNPACKED + DAY)
    declare(tmp_path, {"patches": {"chalk+4.1.2.patch": "diff"}})
    assert modified(modules) == ()


def test_yarn_1_keeps_the_times_that_packages_were_packed_with(tmp_path: Path) -> None:
    declare(tmp_path, installed.yarn_1())
    modules = tmp_path / "node_modules"
    for place in modules.rglob("package.json"):
        os.utime(place, (UNPACKED, UNPACKED))
    put(modules, "chalk/index.js", UNPACKED + DAY)
    os.utime(modules / ".yarn-integrity", (FINISHED, FINISHED))
    assert modified(modules) == ()
