"""A project as the real npm leaves it, or else the shape of one that was recorded."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from support.processes import execute
from support.tool import Run, facts
from support.trees import Declared, declare, listing, npm_project

pytestmark = pytest.mark.slow

PACKAGES: Final = (
    "chalk@4.1.2",
    "has-flag@5.0.1",
    "is-odd@3.0.1",
    "lodash@4.17.21",
    "semver@7.6.3",
)
"""Small ones that bring what matters: a nested ``node_modules``, a link in ``.bin``, many files."""

MANIFEST: Final = '{"name": "real", "version": "1.0.0", "private": true}\n'


@dataclass(frozen=True, slots=True)
class Installed:
    """A project with its packages, to be copied, never to be changed."""

    path: Path
    real: bool
    """Made by npm; if not, from the recorded shape."""

    def copy(self, to: Path) -> Path:
        """Return a copy that a test may do with as it likes."""
        return Path(shutil.copytree(self.path, to, symlinks=True))


@pytest.fixture(autouse=True)
def rules_of_the_catalogue(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Have no configuration, so that the rules are those that everybody has."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("unconfigured")))


@pytest.fixture(scope="session")
def installed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    """What npm installs: from pytest's cache, from the registry, or as recorded."""
    digest = hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:16]
    cache: pytest.Cache | None = getattr(request.config, "cache", None)
    store = cache.mkdir("npm") if cache else tmp_path_factory.mktemp("npm")
    project = Path(store, digest)
    why = None if project.exists() else install(project)
    if why is None:
        said = f"testing with what npm installed in {project}"
        found = Installed(project, real=True)
    else:
        said = f"testing with the recorded shape, as npm could not install: {why}"
        found = Installed(tmp_path_factory.mktemp("recorded") / "project", real=False)
        declare(found.path, recorded())
    capture: Any = request.config.pluginmanager.get_plugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        print(f"\nnpm: {said}")  # noqa: T201 - whoever reads the log must know which it was
    return found


def install(project: Path) -> str | None:
    """Have npm install the packages, and all of them appear at once; return why it could not."""
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0")
    with tempfile.TemporaryDirectory(dir=project.parent) as temporary:
        made = os.path.join(temporary, project.name)
        declare(made, {"package.json": MANIFEST})
        try:
            done = subprocess.run(
                ["npm", "install", *options, "--fetch-timeout=10000", *PACKAGES],
                cwd=made,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if done.returncode != 0:
            errors = (line for line in done.stderr.splitlines() if "error" in line)
            return next(errors, "it does not say why")
        try:
            os.rename(made, project)
        except OSError:
            if not project.exists():  # If it does, another session was faster.
                raise
    return None


def test_its_node_modules_is_found_and_proven(run: Run, installed: Installed) -> None:
    document = json.loads(run("-p", installed.path, "--json").stdout)
    row = only(document)
    assert row["path"] == str(installed.path / "node_modules")
    assert_proven(row)
    assert (row["decision"], row["reason"], row["regenerate"]) == ("delete", None, "npm ci")
    assert (document["complete"], document["problems"]) == (True, [])


def test_its_size_is_what_du_says_to_the_byte(
    run: Run, installed: Installed, tmp_path: Path
) -> None:
    modules = installed.path / "node_modules"
    row = only(json.loads(run("-p", installed.path, "--json").stdout))
    assert row["allocated_bytes"] == du(modules)
    assert row["reclaimable_bytes"] == row["allocated_bytes"]
    # From version 9.2 on, du --apparent-size leaves directories out; this program counts them.
    (tmp_path / "empty").mkdir()
    leaves_out = du(tmp_path / "empty", "--apparent-size") == 0
    directories = [modules, *(path for path in modules.rglob("*") if is_directory(path))]
    added = sum(path.lstat().st_size for path in directories) if leaves_out else 0
    assert row["apparent_bytes"] == du(modules, "--apparent-size") + added
    assert (row["directories"], row["files"] + row["directories"]) == (
        len(directories),
        len(listing(modules)) + 1,
    )


def is_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def du(path: Path, *options: str) -> int:
    """Return the bytes that du counts."""
    done = execute("du", "-s", "--block-size=1", *options, path, cwd=path.parent)
    return int(done.stdout.split(b"\t")[0])


def test_deleting_it_leaves_what_npm_needs_to_bring_it_back(
    run: Run, installed: Installed, tmp_path: Path
) -> None:
    project = installed.copy(tmp_path / "project")
    kept = {name: (project / name).read_bytes() for name in ("package.json", "package-lock.json")}
    size = du(project / "node_modules")
    document = json.loads(run("-p", project, "--json", "--no-dry-run").stdout)
    assert (only(document)["outcome"], document["totals"]["freed_bytes"]) == ("deleted", size)
    assert {name: (project / name).read_bytes() for name in os.listdir(project)} == kept


def test_a_dry_run_leaves_it_as_it_is(run: Run, installed: Installed, tmp_path: Path) -> None:
    project = installed.copy(tmp_path / "project")
    before = listing(project)
    assert run("-p", project).returncode == 0
    assert listing(project) == before


def test_a_package_in_it_is_never_taken_for_a_project(
    run: Run, installed: Installed, tmp_path: Path
) -> None:
    project = installed.copy(tmp_path / "project")
    declare(project / "node_modules/chalk", {"dist": {"index.js": "x"}})
    nested = "node_modules/supports-color/node_modules"
    assert (project / nested / "has-flag").is_dir()
    before = listing(project)
    roots = ("-p", project / "node_modules/chalk", "-p", project / "node_modules/supports-color")
    arguments = ("--no-dry-run", "--targets", "dist", "node_modules")
    document = json.loads(run(*roots, "--json", *arguments).stdout)
    assert {row["path"]: row["reason"] for row in document["artifacts"]} == {
        f"{project}/node_modules/chalk/dist": "installed",
        f"{project}/{nested}": "installed",
    }
    assert listing(project) == before


def test_the_recorded_shape_passes_for_the_real_one(run: Run, tmp_path: Path) -> None:
    declare(tmp_path, recorded())
    row = only(json.loads(run("--json").stdout))
    assert_proven(row)
    assert row["regenerate"] == "npm ci"
    assert row["allocated_bytes"] == du(tmp_path / "node_modules")


def assert_proven(row: dict[str, Any]) -> None:
    """Check that it is known who made it, and that all of it comes back."""
    made, comes_back = row["evidence"]["made_by"], row["evidence"]["comes_back"]
    assert made == ["npm: .package-lock.json inside", "package.json beside it"]
    assert comes_back[-1].endswith(" packages, all declared by package-lock.json")
    assert len(facts(row)) == len(made) + len(comes_back)


def only(document: dict[str, Any]) -> dict[str, Any]:
    """Return the one artifact in *document*."""
    rows: list[dict[str, Any]] = document["artifacts"]
    assert len(rows) == 1, rows
    return rows[0]


def recorded() -> Declared:
    """Return the tree that npm 11 made of these packages (lodash left out), contents aside.

    The three files by which it comes back have contents: which packages there are, of any version.
    """
    paths = [entry.partition("/package.json=") for entry in RECORDED.split()]
    top = [name for name, manifest, _ in paths if manifest and "/" not in name]
    tree = npm_project(dict.fromkeys(top, {}))
    tree["package.json"] = json.dumps({**json.loads(MANIFEST), **json.loads(tree["package.json"])})
    noted = tree["node_modules"].pop(".package-lock.json")
    for entry in RECORDED.split():
        path, _, what = entry.partition("=")
        *directories, name = path.split("/")
        place = tree
        for directory in ("node_modules", *directories):
            place = place.setdefault(directory, {})
        place[name] = int(what) if what.isdigit() else Path(what)
    tree["node_modules"][".package-lock.json"] = noted
    return tree


RECORDED: Final = """
.bin/semver=../semver/bin/semver.js .package-lock.json=3333 ansi-styles/index.d.ts=6349
ansi-styles/index.js=4139 ansi-styles/license=1109 ansi-styles/package.json=1054
ansi-styles/readme.md=4327 chalk/index.d.ts=8899 chalk/license=1109 chalk/package.json=1197
chalk/readme.md=13365 chalk/source/index.js=6075 chalk/source/templates.js=3367
chalk/source/util.js=1035 color-convert/CHANGELOG.md=1417 color-convert/LICENSE=1087
color-convert/README.md=2853 color-convert/conversions.js=17040 color-convert/index.js=1708
color-convert/package.json=827 color-convert/route.js=2257 color-name/LICENSE=1085
color-name/README.md=384 color-name/index.js=4617 color-name/package.json=607
has-flag/index.d.ts=738 has-flag/index.js=407 has-flag/license=1117 has-flag/package.json=808
has-flag/readme.md=1222 is-number/LICENSE=1088 is-number/README.md=5766 is-number/index.js=662
is-number/package.json=1444 is-odd/LICENSE=1091 is-odd/README.md=3495 is-odd/index.js=543
is-odd/package.json=1381 semver/LICENSE=765 semver/README.md=24425 semver/bin/semver.js=4690
semver/classes/comparator.js=3617 semver/classes/index.js=129 semver/classes/range.js=14924
semver/classes/semver.js=8751 semver/functions/clean.js=191 semver/functions/cmp.js=947
semver/functions/coerce.js=1990 semver/functions/compare-build.js=267
semver/functions/compare-loose.js=118 semver/functions/compare.js=156
semver/functions/diff.js=1612 semver/functions/eq.js=112 semver/functions/gt.js=110
semver/functions/gte.js=113 semver/functions/inc.js=464 semver/functions/lt.js=110
semver/functions/lte.js=113 semver/functions/major.js=122 semver/functions/minor.js=122
semver/functions/neq.js=114 semver/functions/parse.js=317 semver/functions/patch.js=122
semver/functions/prerelease.js=220 semver/functions/rcompare.js=118 semver/functions/rsort.js=149
semver/functions/satisfies.js=233 semver/functions/sort.js=147 semver/functions/valid.js=162
semver/index.js=2616 semver/internal/constants.js=859 semver/internal/debug.js=226
semver/internal/identifiers.js=410 semver/internal/lrucache.js=788
semver/internal/parse-options.js=324 semver/internal/re.js=7937 semver/package.json=1629
semver/preload.js=69 semver/range.bnf=619 semver/ranges/gtr.js=217 semver/ranges/intersects.js=210
semver/ranges/ltr.js=213 semver/ranges/max-satisfying.js=579 semver/ranges/min-satisfying.js=577
semver/ranges/min-version.js=1500 semver/ranges/outside.js=2190 semver/ranges/simplify.js=1341
semver/ranges/subset.js=7510 semver/ranges/to-comparators.js=268 semver/ranges/valid.js=312
supports-color/browser.js=67 supports-color/index.js=2748 supports-color/license=1109
supports-color/node_modules/has-flag/index.d.ts=684
supports-color/node_modules/has-flag/index.js=330
supports-color/node_modules/has-flag/license=1109
supports-color/node_modules/has-flag/package.json=696
supports-color/node_modules/has-flag/readme.md=1600 supports-color/package.json=817
supports-color/readme.md=2294
"""
"""Path in ``node_modules`` and size of each file, or what a symlink leads to."""


if __name__ == "__main__":  # Prints the shape of a node_modules, to record it anew.
    top = Path(sys.argv[1])
    for path in sorted(top.rglob("*")):
        if path.is_symlink():
            print(f"{path.relative_to(top)}={path.readlink()}")  # noqa: T201 - a program of its own
        elif path.is_file():
            print(f"{path.relative_to(top)}={path.stat().st_size}")  # noqa: T201 - a program of its own
