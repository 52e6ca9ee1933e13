"""When a project was last used: by git, by whoever edits its sources, and by nobody else."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.model.plan import UNKNOWN_USE
from cleanup_nodemodule.proof import last_used
from support.git import git
from support.judges import judge
from support.tool import Run
from support.trees import Declared, declare

OLD: Final = 1_000_000_000
"""When everything was made that a test says nothing else of."""

PROJECT: Final[Declared] = {
    "package.json": "{}",
    "src": {"index.js": "x", "deep": {"er.js": "y"}},
    "node_modules": {"dep": {"index.js": "x"}},
}


def age(top: Path, times: Mapping[str, int] | None = None) -> None:
    """Make everything beneath *top* old, but for what *times* says."""
    for directory, directories, files in os.walk(top, topdown=False):
        for name in (*files, *directories):
            os.utime(os.path.join(directory, name), (OLD, OLD), follow_symlinks=False)
    os.utime(top, (OLD, OLD))
    for name, when in (times or {}).items():
        os.utime(top / name, (when, when), follow_symlinks=False)


def used(top: Path, **settings: object) -> dict[str, int]:
    """Return when each artifact's project was last used, by path relative to *top*."""
    return {path: row.evidence.last_used for path, row in judge(top, **settings).items()}


def test_the_newest_source_file_says_when(tmp_path: Path) -> None:
    declare(tmp_path, PROJECT)
    age(tmp_path)
    assert used(tmp_path) == {"node_modules": OLD}
    for number, name in enumerate(("package.json", "src/index.js", "src/deep/er.js"), 1):
        os.utime(tmp_path / name, (OLD + number, OLD + number))
        assert used(tmp_path) == {"node_modules": OLD + number}


def test_artifacts_are_no_sources(tmp_path: Path) -> None:
    declare(tmp_path, {**PROJECT, ".next": {"BUILD_ID": ""}, "app": PROJECT})
    artifacts = ("node_modules", "node_modules/dep", ".next", "app/node_modules")
    files = ("node_modules/dep/index.js", ".next/BUILD_ID", "app/node_modules/dep/index.js")
    age(tmp_path, dict.fromkeys((*artifacts, *files), OLD + 50))
    assert set(used(tmp_path).values()) == {OLD}


def test_directories_and_symlinks_are_no_sources(tmp_path: Path) -> None:
    declare(tmp_path / "project", {**PROJECT, "link": Path("../new"), "to": Path("../elsewhere")})
    declare(tmp_path, {"new": "x", "elsewhere": {"new": "x"}})
    age(tmp_path / "project", {"src": OLD + 9, "src/deep": OLD + 9, "link": OLD + 9})
    assert used(tmp_path / "project") == {"node_modules": OLD}


def test_a_project_inside_counts_for_the_one_around_it_only(tmp_path: Path) -> None:
    declare(tmp_path, {**PROJECT, "packages": {"inner": PROJECT, "other": PROJECT}})
    age(tmp_path, {"packages/inner/src/index.js": OLD + 7})
    assert used(tmp_path) == {
        "node_modules": OLD + 7,
        "packages/inner/node_modules": OLD + 7,
        "packages/other/node_modules": OLD,
    }
    age(tmp_path, {"src/index.js": OLD + 8})
    assert used(tmp_path) == {
        "node_modules": OLD + 8,
        "packages/inner/node_modules": OLD,
        "packages/other/node_modules": OLD,
    }


def test_what_git_writes_says_when(tmp_path: Path) -> None:
    declare(tmp_path, PROJECT)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "package.json")
    git(tmp_path, "commit", "--quiet", "--message=one")
    age(tmp_path)
    assert used(tmp_path) == {"node_modules": OLD}
    for number, name in enumerate(("index", "HEAD", "logs/HEAD"), 1):
        os.utime(tmp_path / ".git" / name, (OLD + number, OLD + number))
        assert used(tmp_path) == {"node_modules": OLD + number}
    # Maintenance, which nobody asked for, writes elsewhere.
    age(tmp_path, {".git": OLD + 9, ".git/config": OLD + 9, ".git/objects": OLD + 9})
    assert used(tmp_path) == {"node_modules": OLD}


def test_every_project_of_a_repository_is_used_when_that_is(tmp_path: Path) -> None:
    declare(tmp_path, {"a": PROJECT, "b": PROJECT})
    git(tmp_path, "init", "--quiet")
    age(tmp_path, {".git/HEAD": OLD + 3, "b/src/index.js": OLD + 5})
    assert used(tmp_path) == {"a/node_modules": OLD + 3, "b/node_modules": OLD + 5}


def test_a_worktree_has_a_history_of_its_own(tmp_path: Path) -> None:
    main, tree = tmp_path / "main", tmp_path / "tree"
    declare(main, {"package.json": "{}"})
    git(main, "init", "--quiet")
    git(main, "add", ".")
    git(main, "commit", "--quiet", "--message=one")
    git(main, "worktree", "add", "--quiet", tree)
    for top in (main, tree):
        declare(top, {"node_modules": {"x": "x"}})
        age(top)
    mine = main / ".git/worktrees/tree"
    for name in ("index", "HEAD", "logs/HEAD"):
        os.utime(mine / name, (OLD + 4, OLD + 4))
    assert used(main) == {"node_modules": OLD}
    assert used(tree) == {"node_modules": OLD + 4}
    # The gitfile may say it relative to where it is (gitrepository-layout(5)).
    (tree / ".git").write_text("gitdir: ../main/.git/worktrees/tree\n")
    age(tree)
    assert used(tree) == {"node_modules": OLD + 4}


def test_git_that_is_broken_says_nothing(tmp_path: Path) -> None:
    for number, content in enumerate(("", "gitdir:", "gitdir: nowhere", "no gitfile", "\0")):
        top = tmp_path / str(number)
        declare(top, {".git": content})
        age(top)
        assert last_used.last_git_activity(str(top)) == 0, content
    assert last_used.last_git_activity(str(tmp_path)) == 0


def test_a_project_without_sources_is_as_old_as_what_was_installed(
    run: Run, tmp_path: Path
) -> None:
    declare(tmp_path, {"node_modules": {".package-lock.json": "{}", "x": "y"}})
    age(tmp_path, {"node_modules/x": OLD + 2})
    assert used(tmp_path) == {"node_modules": 0}
    [row] = json.loads(run("--json").stdout)["artifacts"]
    assert row["last_used_at"] == datetime.fromtimestamp(OLD + 2, UTC).isoformat()


def test_a_time_in_the_future_counts_as_now(run: Run, tmp_path: Path) -> None:
    declare(tmp_path, PROJECT)
    age(tmp_path, {"src/index.js": 4_000_000_000})
    document = json.loads(run("--json").stdout)
    started = datetime.fromisoformat(document["started_at"]).replace(microsecond=0)
    [row] = document["artifacts"]
    assert datetime.fromisoformat(row["last_used_at"]).replace(microsecond=0) == started


def test_the_oldest_project_comes_first_by_age(run: Run, tmp_path: Path) -> None:
    for name, when in {"a": 5, "b": 1, "c": 3}.items():
        declare(tmp_path / name, PROJECT)
        age(tmp_path / name, {"src/index.js": OLD + when})
    rows = json.loads(run("--sort", "age", "--json").stdout)["artifacts"]
    assert [os.path.basename(row["project"]) for row in rows] == ["b", "c", "a"]


def test_nobody_knows_when_a_project_was_used_that_is_too_large_to_look_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    declare(project, {"src": {f"{n}": {} for n in range(300)}, "recent.js": "x"})
    age(project, {"recent.js": OLD + 6})
    monkeypatch.setattr(last_used, "_MAX", 302)
    assert last_used.newest_source(str(project), lambda _path: False, {}) == OLD + 6
    monkeypatch.setattr(last_used, "_MAX", 301)
    assert last_used.newest_source(str(project), lambda _path: False, {}) == UNKNOWN_USE


@pytest.mark.parametrize("error", [PermissionError, FileNotFoundError])
def test_nobody_knows_when_a_project_was_used_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[OSError]
) -> None:
    """What is gone is no source any more."""
    declare(tmp_path, PROJECT)
    age(tmp_path)
    scandir = os.scandir

    def refused(path: str) -> object:
        if path.endswith("/deep"):
            raise error(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    found = last_used.newest_source(str(tmp_path), lambda path: path.endswith("modules"), {})
    assert found == (UNKNOWN_USE if error is PermissionError else OLD)
