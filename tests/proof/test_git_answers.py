"""What git's answer says: what is tracked without an index, and what ignores a directory."""

import asyncio
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from cleanup_nodemodule.proof import git as asking
from cleanup_nodemodule.proof import git_process
from cleanup_nodemodule.proof.git_content import ignoring_themselves, looked_at
from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.work.scheduler import Scheduler
from support.git import git
from support.judges import DELETE, verdicts
from support.trees import Declared, declare

FILES: Final = {"file": "content"}
PROJECT: Final[Declared] = {
    ".gitignore": "/node_modules\n",
    "package.json": "{}",
    "node_modules": FILES,
    "dist": FILES,
}


def repository(top: Path, *tracked: str, tree: Declared = PROJECT) -> Path:
    """Build *tree* as a repository that tracks what is named, and nothing else."""
    declare(top, tree)
    git(top, "init", "--quiet")
    git(top, "add", "--force", *tracked)
    git(top, "commit", "--quiet", "--message=all")
    return top


def answer(top: Path, *names: str) -> asking.Answer | asking.Refusal:
    """Return git's answer about directories in *top*."""

    async def ask() -> asking.Answer | asking.Refusal:
        with ThreadPoolExecutor(2) as executor, Scheduler(executor, 2) as scheduler:
            paths = [str(top / name) for name in names]
            return await asking.Asker(scheduler).ask(str(top), paths, mounts.mounted())

    return asyncio.run(ask())


def answered(top: Path, *names: str) -> asking.Answer:
    """Return git's answer, where it gives one."""
    said = answer(top, *names)
    assert isinstance(said, asking.Answer), said
    return said


def inside(top: Path, paths: frozenset[str]) -> set[str]:
    """Return *paths* relative to *top*."""
    return {os.path.relpath(path, top) for path in paths}


# HEAD and the index.


LOST: Final = {"removed": None, "detached": ("checkout", "--detach"), "packed": ("gc",)}


@pytest.mark.parametrize("how", sorted(LOST))
def test_a_commit_without_an_index_is_no_answer(tmp_path: Path, how: str) -> None:
    top = repository(tmp_path / "r", ".gitignore", "package.json", "node_modules")
    assert verdicts(top)["node_modules"] == "tracked"
    before = LOST[how]
    if before is not None:
        git(top, *before, "--quiet")
    (top / ".git/index").unlink()
    said = answer(top, "node_modules")
    assert isinstance(said, asking.Refusal)
    assert "there is no index" in said.why
    assert "git reset" in said.why
    assert verdicts(top)["node_modules"] == "git-failed"
    git(top, "reset", "--quiet")
    assert verdicts(top)["node_modules"] == "tracked"


def test_a_clone_without_a_checkout_is_no_answer(tmp_path: Path) -> None:
    source = repository(tmp_path / "source", ".gitignore", "package.json", "node_modules")
    git(tmp_path, "clone", "--quiet", "--no-checkout", source, "clone")
    declare(tmp_path / "clone", {"package.json": "{}", "node_modules": FILES})
    assert verdicts(tmp_path / "clone")["node_modules"] == "git-failed"


def test_a_clone_whose_checkout_failed_is_no_answer(tmp_path: Path) -> None:
    """As where git-lfs is not installed: the filter is required, and git gives up."""
    source = repository(tmp_path / "source", ".gitignore", "package.json", "node_modules")
    (source / ".gitattributes").write_text("node_modules/** filter=gone\n")
    git(source, "add", ".gitattributes")
    git(source, "commit", "--quiet", "--message=filter")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--no-checkout", source, clone)
    git(clone, "config", "filter.gone.smudge", "false")
    git(clone, "config", "filter.gone.required", "true")
    with pytest.raises(Exception, match="checkout"):
        git(clone, "checkout", "--quiet")
    declare(clone, {"package.json": "{}", "node_modules": FILES})
    assert verdicts(clone)["node_modules"] == "git-failed"


def test_a_repository_without_commits_tracks_nothing(tmp_path: Path) -> None:
    declare(tmp_path, PROJECT)
    git(tmp_path, "init", "--quiet")
    said = answered(tmp_path, "node_modules", "dist")
    assert (said.tracked, inside(tmp_path, said.ignored)) == (frozenset(), {"node_modules"})
    assert inside(tmp_path, said.neither) == {"dist"}
    # A new branch without commits has an index all the same.
    git(tmp_path, "add", "--force", "dist")
    assert inside(tmp_path, answered(tmp_path, "node_modules", "dist").tracked) == {"dist"}


EMPTIED: Final = {
    "read-tree": ("read-tree", "--empty"),
    "rm": ("rm", "-r", "--quiet", "--cached", "."),
    "one": ("rm", "-r", "--quiet", "--cached", "node_modules"),
}


@pytest.mark.parametrize("how", sorted(EMPTIED))
@pytest.mark.parametrize("kind", ["loose", "packed", "many"])
def test_what_the_last_commit_has_is_tracked_though_the_index_lacks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, kind: str
) -> None:
    top = repository(tmp_path, ".gitignore", "package.json", "node_modules")
    if kind == "packed":
        git(top, "gc", "--quiet")
    if kind == "many":  # More than fit on a command line.
        monkeypatch.setattr(asking, "_PATHS_AT_ONCE", 1)
    git(top, *EMPTIED[how])
    assert inside(top, answered(top, "node_modules", "dist").tracked) == {"node_modules"}
    assert verdicts(top)["node_modules"] == "tracked"
    if how == "one":
        # An index with a tree of its own, as a commit leaves it that a hook has refused.
        git(top, "write-tree")
        assert inside(top, answered(top, "node_modules", "dist").tracked) == {"node_modules"}
        git(top, "commit", "--quiet", "--message=untracked")
        assert verdicts(top)["node_modules"] == DELETE


def test_a_staged_removal_counts_as_tracked_for_the_repository_around(tmp_path: Path) -> None:
    outer = repository(tmp_path, "sub/node_modules", tree={"sub": PROJECT})
    git(outer, "rm", "-r", "--quiet", "--cached", ".")
    inner = tmp_path / "sub"
    git(inner, "init", "--quiet")
    assert verdicts(outer)["sub/node_modules"] == "tracked"


def test_a_reference_that_a_power_cut_emptied_is_no_answer(tmp_path: Path) -> None:
    top = repository(tmp_path, ".gitignore", "package.json", "node_modules")
    [branch] = (top / ".git/refs/heads").iterdir()
    branch.write_bytes(b"")
    (top / ".git/index").unlink()
    assert verdicts(top)["node_modules"] == "git-failed"


def test_a_commit_that_is_missing_is_no_answer(tmp_path: Path) -> None:
    top = repository(tmp_path, ".gitignore", "package.json", "node_modules")
    shutil.rmtree(top / ".git/objects")
    (top / ".git/objects").mkdir()
    assert verdicts(top)["node_modules"] == "git-failed"


def test_objects_that_lie_elsewhere_are_no_reason_for_doubt(tmp_path: Path) -> None:
    """As Android's ``repo`` has them, which many working trees share."""
    top = repository(tmp_path / "r", ".gitignore", "package.json")
    shutil.move(top / ".git/objects", tmp_path / "objects")
    (top / ".git/objects").symlink_to(tmp_path / "objects")
    assert verdicts(top)["node_modules"] == DELETE


@pytest.mark.parametrize(
    "where", ["objects/pack/pack-1.idx", "objects/info/commit-graph", "commit"]
)
def test_an_object_that_is_a_fifo_holds_nobody_up(tmp_path: Path, where: str) -> None:
    top = repository(tmp_path, ".gitignore", "package.json")
    commit = git(top, "rev-parse", "HEAD").decode().strip()
    path = top / ".git" / (f"objects/{commit[:2]}/{commit[2:]}" if where == "commit" else where)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    said = answer(top, "node_modules")
    assert isinstance(said, asking.Refusal)
    assert "is a FIFO and not a regular file" in said.why


def test_a_replaced_commit_is_not_taken_for_the_one_that_head_names(tmp_path: Path) -> None:
    top = repository(tmp_path, ".gitignore", "package.json", "node_modules")
    git(top, "rm", "-r", "--quiet", "--cached", "node_modules")
    git(top, "commit", "--quiet", "--amend", "--message=other")
    other = git(top, "rev-parse", "HEAD").decode().strip()
    git(top, "reset", "--quiet", "--soft", "HEAD@{1}")
    head = git(top, "rev-parse", "HEAD").decode().strip()
    git(top, "replace", head, other)
    assert verdicts(top)["node_modules"] == "tracked"


def test_an_index_as_committed_costs_no_further_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []
    real = git_process.git

    async def counted(top: str, arguments: list[bytes], *more: Any, **named: Any) -> None:
        asked.append(arguments[0])
        await real(top, arguments, *more, **named)

    monkeypatch.setattr(asking, "git", counted)
    top = repository(tmp_path, ".gitignore", "package.json")
    answered(top, "node_modules")
    assert asked == [b"rev-parse", b"ls-files", b"check-ignore"]
    asked.clear()
    (top / "new").touch()
    git(top, "add", "new")
    answered(top, "node_modules")
    assert asked == [b"rev-parse", b"ls-files", b"ls-tree", b"check-ignore"]


@pytest.mark.parametrize("kind", ["plain", "sha256", "split", "version 4", "skipped checksum"])
def test_the_tree_that_an_index_notes_is_the_one_that_git_has(tmp_path: Path, kind: str) -> None:
    declare(tmp_path, PROJECT)
    git(tmp_path, "init", "--quiet", f"--object-format={'sha256' if kind == 'sha256' else 'sha1'}")
    index = os.fsencode(tmp_path / ".git/index")
    assert looked_at(index).tree is None
    git(tmp_path, "add", "--force", ".")
    assert looked_at(index).tree is None
    git(tmp_path, "commit", "--quiet", "--message=all")
    match kind:
        case "split":
            git(tmp_path, "update-index", "--split-index")
        case "version 4":
            git(tmp_path, "update-index", "--index-version=4")
    tree = git(tmp_path, "rev-parse", "HEAD^{tree}").decode().strip()
    if kind == "skipped checksum":
        content = (tmp_path / ".git/index").read_bytes()
        (tmp_path / ".git/index").write_bytes(content[:-20] + bytes(20))
        # Nothing vouches for what is in it.
        assert looked_at(index).tree is None
    else:
        assert looked_at(index).tree == tree
    assert looked_at(index).whole


# What ignores a directory.


def test_it_says_which_file_and_which_pattern_ignores_a_directory(tmp_path: Path) -> None:
    top = repository(
        tmp_path,
        ".gitignore",
        tree={
            ".gitignore": "# built\nbuild/\n",
            "sub": {".gitignore": "out\n", "out": FILES},
            "build": FILES,
            "mine": FILES,
            "global": FILES,
            "free": FILES,
        },
    )
    (top / ".git/info/exclude").write_text("mine\n")
    (tmp_path / "ignore").write_text("global\n")
    git(top, "config", "core.excludesFile", tmp_path / "ignore")
    said = answered(top, "build", "sub/out", "mine", "global", "free")
    by = {os.path.relpath(path, top): one for path, one in said.ignored_by.items()}
    assert by["build"] == (".gitignore", 2, "build/")
    assert by["sub/out"] == ("sub/.gitignore", 1, "out")
    assert (by["mine"].source, by["mine"].own) == (".git/info/exclude", False)
    assert (by["global"].source, by["global"].own) == (str(tmp_path / "ignore"), False)
    assert by["build"].own
    assert by["sub/out"].own
    assert inside(top, said.ignored) == {"build", "sub/out", "mine", "global"}
    assert inside(top, said.neither) == {"free"}
    assert said.blanket == frozenset()


@pytest.mark.parametrize(
    "pattern", ["*", "/*", "*/", "/*/", "**", "**/", "/**", "**/*", "?*", ".*", "sub/*", "sub/**"]
)
def test_a_pattern_that_ignores_everything_is_told_apart(tmp_path: Path, pattern: str) -> None:
    top = repository(
        tmp_path,
        ".gitignore",
        tree={".gitignore": f"{pattern}\n!/src\n", "sub": {".cache": FILES}, "src": FILES},
    )
    said = answered(top, "sub/.cache", "src")
    assert inside(top, said.ignored) == inside(top, said.blanket) == {"sub/.cache"}
    assert inside(top, said.neither) == {"src"}


@pytest.mark.parametrize("pattern", ["dist", "dist/", "/dist", "**/dist", "d*", "[d]ist/", "*.d"])
def test_a_pattern_with_a_name_in_it_is_no_blanket(tmp_path: Path, pattern: str) -> None:
    name = "x.d" if pattern == "*.d" else "dist"
    top = repository(tmp_path, ".gitignore", tree={".gitignore": f"{pattern}\n", name: FILES})
    said = answered(top, name)
    assert inside(top, said.ignored) == {name}
    assert said.blanket == frozenset()


@pytest.mark.parametrize(
    "name", ["!x", "#x", ":(top)x", "-x", "*x", " x ", 'a"b', "a\tb", "é", "a\nb"]
)
def test_directories_of_any_name_are_told_apart(tmp_path: Path, name: str) -> None:
    top = repository(
        tmp_path, ".gitignore", tree={".gitignore": "\\*\n*x*\na?b\né\n", name: FILES, "y": FILES}
    )
    said = answered(top, name, "y")
    assert inside(top, said.ignored) == {name}
    assert inside(top, said.neither) == {"y"}


def test_what_ignores_itself_is_no_work_that_waits_for_a_commit(tmp_path: Path) -> None:
    top = repository(
        tmp_path,
        "package.json",
        tree={
            "package.json": "{}",
            ".venv": {".gitignore": "# Created by venv\n*\n", "x": "1"},
            "some": {".gitignore": "*\n!precious\n", "precious": "1"},
            "part": {".gitignore": "*.o\n", "x": "1"},
            "free": FILES,
        },
    )
    assert b".venv" not in git(top, "status", "--porcelain")
    said = answered(top, ".venv", "some", "part", "free")
    assert said.ignored == frozenset()
    assert inside(top, said.neither) == {"some", "part", "free"}


def test_a_gitignore_that_is_a_fifo_says_nothing_and_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".gitignore")
    assert ignoring_themselves([str(tmp_path), str(tmp_path / "none")]) == frozenset()
