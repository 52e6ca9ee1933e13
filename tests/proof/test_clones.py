"""Clones that a tool made inside an artifact: what can be cloned again can go, and nobody's work does."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.delete import approval, prove_again
from cleanup_nodemodule.delete import carry_out as carrying
from cleanup_nodemodule.model import Outcome, Removed
from cleanup_nodemodule.proof.clones import Verdict, harmless
from cleanup_nodemodule.proof.rules import Proof, Rule
from cleanup_nodemodule.survey import survey
from cleanup_nodemodule.survey.clones import fits, lost_with
from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.work.scheduler import Scheduler
from support.git import git
from support.judges import DELETE, judge, verdict
from support.needs import unable
from support.removals import a_journal
from support.trees import Declared, declare

LIBRARY: Final[Declared] = {
    ".gitignore": "/build\n",
    "lib.c": "int x;\n",
    "src": {"more.c": "int y;\n"},
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a repository with two commits and a tag."""
    top = tmp_path / "source"
    declare(top, LIBRARY)
    git(top, "init", "--quiet", "--initial-branch=main")
    git(top, "add", ".")
    git(top, "commit", "--quiet", "--message=first")
    git(top, "tag", "v1")
    declare(top, {"lib.c": "int z;\n"})
    git(top, "commit", "--quiet", "--all", "--message=second")
    return top


@pytest.fixture
def clone(tmp_path: Path, source: Path) -> Path:
    """Return a clone of it in an artifact."""
    top = tmp_path / "project/deps/library"
    top.parent.mkdir(parents=True)
    git(tmp_path, "clone", "--quiet", source, top)
    return top


def said(clone: Path, artifact: Path | None = None, others: Sequence[str] = ()) -> Verdict:
    """Return what is said of a clone."""

    async def ask() -> Verdict:
        with ThreadPoolExecutor(2) as executor, Scheduler(executor, 2) as scheduler:
            return await harmless(
                *(str(clone), str(artifact or clone.parent), mounts.mounted(), scheduler),
                others=others,
            )

    return asyncio.run(ask())


def lost(artifact: Path, *repositories: str) -> str | None:
    """Return what would be lost with the repositories in an artifact."""

    async def ask() -> str | None:
        with ThreadPoolExecutor(2) as executor, Scheduler(executor, 2) as scheduler:
            paths = [str(artifact / one) for one in repositories]
            return await lost_with(paths, str(artifact), mounts.mounted(), scheduler)

    return asyncio.run(ask())


def commit(top: Path, *arguments: str) -> str:
    """Commit something, and return the commit."""
    declare(top, {"work.c": "my work\n"})
    git(top, "add", "work.c")
    git(top, "commit", "--quiet", "--message=work", *arguments)
    return git(top, "rev-parse", "HEAD").decode().strip()


# What can go.


def detached(clone: Path, _: Path) -> None:
    """As most tools leave it."""
    git(clone, "checkout", "--quiet", "--detach", "v1")


def behind(clone: Path, source: Path) -> None:
    """The remote went on, and was fetched."""
    commit(source)
    git(clone, "fetch", "--quiet")


def pulled(clone: Path, source: Path) -> None:
    """The remote went on, and the branch with it."""
    commit(source)
    git(clone, "pull", "--quiet", "--ff-only")


def built(clone: Path, _: Path) -> None:
    """What the library itself ignores was built in it."""
    declare(clone, {"build": {"lib.o": "x"}})


def packed(clone: Path, _: Path) -> None:
    """After ``git gc``."""
    git(clone, "gc", "--quiet")


def by_commit(clone: Path, source: Path) -> None:
    """A commit was fetched by its name, and is on no branch any more."""
    git(source, "config", "uploadpack.allowAnySHA1InWant", "true")
    name = commit(source)
    git(source, "reset", "--quiet", "--hard", "v1")
    git(clone, "fetch", "--quiet", "origin", name)
    git(clone, "checkout", "--quiet", "--detach", name)


def touched(clone: Path, _: Path) -> None:
    """The files have other times than git remembers, and the same content."""
    for path in clone.glob("*.c"):
        os.utime(path, (1, 1))


@pytest.mark.parametrize("how", [detached, behind, pulled, built, packed, by_commit, touched])
def test_a_clone_as_its_tool_left_it_is_harmless(
    clone: Path, source: Path, how: Callable[[Path, Path], None]
) -> None:
    assert said(clone) == Verdict(harmless=True, why=f"a clone of {source} without changes")
    how(clone, source)
    assert said(clone).harmless


def test_a_shallow_clone_is_harmless(tmp_path: Path, source: Path) -> None:
    top = tmp_path / "deps/library"
    top.parent.mkdir()
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{source}", top)
    assert said(top) == Verdict(harmless=True, why=f"a clone of file://{source} without changes")
    commit(top)
    assert not said(top).harmless


@pytest.mark.parametrize(
    "address",
    ["https://example.org/x.git", "git@example.org:x/y.git", "ssh://example.org/x", "host:x"],
)
def test_a_remote_elsewhere_is_not_asked(clone: Path, address: str) -> None:
    git(clone, "remote", "set-url", "origin", address)
    assert said(clone) == Verdict(harmless=True, why=f"a clone of {address} without changes")


# What cannot.


def dangling(clone: Path) -> None:
    """Commit without a branch, and go back."""
    git(clone, "checkout", "--quiet", "--detach")
    commit(clone)
    git(clone, "checkout", "--quiet", "main")


def tagged(clone: Path) -> None:
    """Commit without a branch, and tag it."""
    git(clone, "checkout", "--quiet", "--detach")
    commit(clone)
    git(clone, "tag", "mine")


def branched(clone: Path) -> None:
    """Commit to a branch of one's own, and go back."""
    git(clone, "checkout", "--quiet", "-b", "mine")
    commit(clone)
    git(clone, "checkout", "--quiet", "main")


def stashed(clone: Path) -> None:
    """Put changes away."""
    declare(clone, {"lib.c": "my work\n"})
    git(clone, "stash", "push", "--quiet")


def staged(clone: Path) -> None:
    """Add a file, and do not commit it."""
    declare(clone, {"n.c": "x"})
    git(clone, "add", "n.c")


def hidden(clone: Path) -> None:
    """Have git overlook a change."""
    git(clone, "update-index", "--assume-unchanged", "lib.c")
    declare(clone, {"lib.c": "my work\n"})


def skipped(clone: Path) -> None:
    """Have git overlook a change in another way."""
    git(clone, "update-index", "--skip-worktree", "lib.c")
    declare(clone, {"lib.c": "my work\n"})


def merging(clone: Path) -> None:
    """Be in the middle of a merge."""
    (clone / ".git/MERGE_HEAD").write_bytes(git(clone, "rev-parse", "v1"))


def noted(clone: Path) -> None:
    """Write a note to a commit."""
    git(clone, "notes", "add", "--message=remember")


def ignored(clone: Path) -> None:
    """Have a secret where the library itself ignores it, as its authors do."""
    (clone / ".git/info/exclude").write_text(".env\n")
    declare(clone, {".env": "TOKEN=1"})


def ignored_deeper(clone: Path) -> None:
    """Have a data base in a directory that the library ignores as a whole."""
    (clone / ".git/info/exclude").write_text("build/\n")
    declare(clone, {"build": {"a.o": "x", "data": {"users.sqlite": "x"}}})


def ignored_uploads(clone: Path) -> None:
    """Have a directory with a name that only people's data have."""
    (clone / ".git/info/exclude").write_text("build/\n")
    declare(clone, {"build": {"uploads": {"1": "x"}}})


def excluded(clone: Path) -> None:
    """Have the user's own patterns ignore a file."""
    home = clone.parent / "home"
    declare(home, {".config/git/ignore": "*.local\n"})
    os.environ["HOME"] = str(home)
    declare(clone, {"secret.local": "x"})


LOST: Final[dict[str, tuple[Callable[[Path], object], str]]] = {
    "edited": (lambda top: declare(top, {"src": {"more.c": "my work\n"}}), "src/more.c"),
    "deleted": (lambda top: (top / "lib.c").unlink(), "lib.c"),
    "added": (lambda top: declare(top, {"new file.c": "x"}), "new file.c"),
    "added in a directory": (lambda top: declare(top, {"src": {"new.c": "x"}}), "src/new.c"),
    "staged": (staged, "n.c"),
    "renamed": (lambda top: git(top, "mv", "lib.c", "other.c"), "lib.c"),
    "mode": (lambda top: (top / "lib.c").chmod(0o755), "lib.c"),
    "committed": (commit, "its remote does not have"),
    "amended": (lambda top: commit(top, "--amend"), "its remote does not have"),
    "dangling": (dangling, "its remote does not have"),
    "tagged": (tagged, "its remote does not have"),
    "branched": (branched, "its remote does not have"),
    "stashed": (stashed, "its remote does not have"),
    "noted": (noted, "its remote does not have"),
    "hidden": (hidden, "changes to lib.c are hidden"),
    "skipped": (skipped, "changes to lib.c are hidden"),
    "merging": (merging, "somebody is at work in it"),
    "excluded": (excluded, "secret.local"),
    "ignored": (ignored, ".env"),
    "ignored deeper": (ignored_deeper, "build/data/users.sqlite"),
    "ignored uploads": (ignored_uploads, "build/uploads"),
    "worktree": (
        lambda top: git(top, "worktree", "add", "--quiet", "../elsewhere"),
        "a working tree elsewhere",
    ),
    "no remote": (lambda top: git(top, "remote", "remove", "origin"), "no remote"),
    "lost remote": (
        lambda top: git(top, "remote", "set-url", "origin", "/nowhere/x"),
        "not there any more",
    ),
    "helper": (
        lambda top: git(top, "remote", "set-url", "origin", "ext::sh -c true"),
        "no address",
    ),
    "index": (lambda top: (top / ".git/index").unlink(), "not committed"),
    "damaged": (lambda top: (top / ".git/HEAD").write_text("x"), "git gave no answer"),
}


@pytest.mark.parametrize("how", sorted(LOST))
def test_a_clone_with_somebody_s_work_is_not(
    clone: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setenv("HOME", os.environ["HOME"])
    assert said(clone).harmless
    work, words = LOST[how]
    work(clone)
    told = said(clone)
    assert not told.harmless
    assert words in told.why


def test_what_is_no_clone_of_its_own_is_not(tmp_path: Path, source: Path, clone: Path) -> None:
    git(source, "worktree", "add", "--quiet", clone.parent / "tree")
    assert "a worktree or a submodule" in said(clone.parent / "tree").why
    git(clone, "submodule", "--quiet", "add", source, "sub")
    git(clone, "reset", "--quiet", "--hard")
    assert said(clone).why == "it has submodules"
    git(tmp_path, "clone", "--quiet", "--bare", source, clone.parent / "bare")
    assert "no mirror" in said(clone.parent / "bare").why
    (clone.parent / "empty").mkdir()
    assert not said(clone.parent / "empty").harmless
    assert not said(clone.parent / "nothing").harmless


# Nothing is run.


@pytest.mark.parametrize(
    "name",
    ["core.fsmonitor", "core.sshCommand", "core.hooksPath", "filter.x.clean", "diff.external"],
)
def test_a_configuration_that_names_a_program_is_enough_to_keep_it(
    tmp_path: Path, clone: Path, name: str
) -> None:
    git(clone, "config", name, f"touch {tmp_path}/ran")
    declare(clone, {".gitattributes": "* filter=x\n"})
    told = said(clone)
    short = name.replace(".x.", ".").lower()
    assert (told.harmless, f"configured it: {short} in" in told.why) == (False, True)
    assert not (tmp_path / "ran").exists()


def test_a_filter_of_the_user_is_not_run(
    tmp_path: Path, source: Path, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of git-lfs: what is in the clone would be given to it."""
    declare(source, {".gitattributes": "*.c filter=x\n"})
    git(source, "add", ".")
    git(source, "commit", "--quiet", "--message=filter")
    git(clone, "pull", "--quiet")
    home = tmp_path / "home"
    declare(home, {".gitconfig": f'[filter "x"]\n\tclean = touch {tmp_path}/ran; cat\n'})
    monkeypatch.setenv("HOME", str(home))
    touched(clone, source)
    (clone / ".git/index").touch()
    assert said(clone).harmless
    assert not (tmp_path / "ran").exists()
    subprocess.run(["git", "status"], cwd=clone, check=True, capture_output=True)
    assert (tmp_path / "ran").exists()  # It is a trap.


@pytest.mark.parametrize("where", ["config", "logs/HEAD", "FETCH_HEAD", "objects/pack/pack-1.idx"])
def test_a_fifo_in_a_clone_holds_nobody_up(clone: Path, where: str) -> None:
    path = clone / ".git" / where
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    assert not said(clone).harmless


# As tools make them.


def swift(tmp_path: Path, source: Path) -> Path:
    """Make what SwiftPM does: a mirror, and a clone of it that shares its objects."""
    build = tmp_path / "project/.build"
    mirror = build / "repositories/library-1a2b"
    mirror.parent.mkdir(parents=True)
    git(tmp_path, "clone", "--quiet", "--mirror", source, mirror)
    git(
        tmp_path,
        "clone",
        "--quiet",
        "--shared",
        "--no-checkout",
        mirror,
        build / "checkouts/library",
    )
    git(build / "checkouts/library", "checkout", "--quiet", "--force", "v1")
    declare(tmp_path / "project", {"Package.swift": ""})
    return build


SWIFT: Final = ("checkouts/library", "repositories/library-1a2b")


def test_a_clone_of_a_mirror_in_the_same_artifact_is_harmless(tmp_path: Path, source: Path) -> None:
    build = swift(tmp_path, source)
    assert lost(build, *SWIFT) is None
    assert said(build / SWIFT[0], build).waits
    # Without the mirror it is a clone of what goes with it.
    why = lost(build, SWIFT[0])
    assert why is not None
    assert "which is not known to be harmless" in why
    commit(build / SWIFT[0])
    assert (lost(build, *SWIFT) or "").startswith("checkouts/library: commits")


def test_a_mirror_with_a_stash_is_not(tmp_path: Path, source: Path) -> None:
    build = swift(tmp_path, source)
    git(build / SWIFT[1], "update-ref", "refs/stash", "v1")
    assert lost(build, *SWIFT) == "repositories/library-1a2b: there is a stash in it"


def test_dependencies_that_mix_has_cloned_are_harmless(tmp_path: Path, source: Path) -> None:
    if shutil.which("mix") is None:
        pytest.skip("needs mix")
    declare(source, {"mix.exs": MIX.format(name="Library", app="library", deps="")})
    git(source, "add", ".")
    git(source, "commit", "--quiet", "--message=mix")
    project = tmp_path / "project"
    deps = f'{{:library, git: "file://{source}"}}'
    declare(project, {"mix.exs": MIX.format(name="Project", app="project", deps=deps)})
    environment = {**os.environ, "HOME": str(tmp_path), "MIX_ENV": "dev"}
    subprocess.run(
        ["mix", "deps.get"], cwd=project, env=environment, check=True, capture_output=True
    )
    assert (project / "deps/library/mix.exs").exists()
    assert lost(project / "deps", "library") is None
    declare(project, {"deps/library": {"lib.c": "my work"}})
    assert lost(project / "deps", "library") == "library: not committed: lib.c"


MIX: Final = """defmodule {name}.MixProject do
  use Mix.Project
  def project, do: [app: :{app}, version: "0.1.0", deps: deps()]
  defp deps, do: [{deps}]
end
"""

CMAKE: Final = """cmake_minimum_required(VERSION 3.14)
project(x NONE)
include(FetchContent)
FetchContent_Declare(library GIT_REPOSITORY file://{source} GIT_TAG v1)
FetchContent_MakeAvailable(library)
"""


def test_what_cmake_has_fetched_is_harmless(tmp_path: Path, source: Path) -> None:
    if shutil.which("cmake") is None or shutil.which("make") is None:
        unable("needs cmake and make")
    project = tmp_path / "project"
    declare(project, {"CMakeLists.txt": CMAKE.format(source=source)})
    subprocess.run(
        ["cmake", "-S", ".", "-B", "build"], cwd=project, check=True, capture_output=True
    )
    assert lost(project / "build", "_deps/library-src") is None
    commit(project / "build/_deps/library-src")
    assert lost(project / "build", "_deps/library-src") is not None


# In a run.


@pytest.mark.parametrize(
    ("path", "expected"),
    [("checkouts/a", True), ("checkouts", False), ("checkouts/a/b", False), ("other/a", False)],
)
def test_clones_are_only_expected_where_the_rule_has_them(path: str, *, expected: bool) -> None:
    assert fits(f"/p/.build/{path}", "/p/.build", ("repositories/*", "checkouts/*")) is expected


RULE: Final = Rule(
    *("own/build", "Build", ".build"),
    (Proof(inside=("workspace-state.json",)),),
    clones=("checkouts/*", "repositories/*"),
    expects=("checkouts/*", "repositories/*"),
)


def carry_out(
    top: Path, rule: Rule, before: Callable[[], object] = lambda: None
) -> tuple[Outcome, list[str]]:
    """Make a plan of *top*, do something, and carry the plan out; return what was selected, too."""
    chosen = Settings(roots=(str(top),), own_rules=(rule,), assume_unused=True)

    async def work() -> tuple[Outcome, list[str]]:
        with ThreadPoolExecutor(2) as executor:
            plan = await survey.make_plan(chosen, Scheduler(executor, 2))
            approved = approval.by_flag(plan, mode="delete")
            assert approved is not None
            before()
            with a_journal() as records:
                scheduler = Scheduler(executor, 1)
                again = partial(prove_again.prepared, chosen, scheduler)
                outcome = await carrying.carry_out(approved, scheduler, records, again)
                return outcome, [one.path for one in plan.selected]

    return asyncio.run(work())


def test_an_artifact_with_harmless_clones_is_deleted_with_them(
    tmp_path: Path, source: Path
) -> None:
    build = swift(tmp_path, source)
    declare(build, {"workspace-state.json": "{}"})
    [found] = judge(tmp_path / "project", own_rules=(RULE,)).values()
    assert verdict(found) == DELETE
    assert [os.path.relpath(path, build) for path in found.contents.clones] == sorted(SWIFT)
    assert "2 clones inside without changes" in found.evidence.also_inside
    # Without the word of the rule they keep it.
    [kept] = judge(tmp_path / "project", own_rules=(replace(RULE, clones=()),)).values()
    assert verdict(kept) == "repository-inside"
    outcome, selected = carry_out(tmp_path / "project", RULE)
    assert selected == [str(build)]
    assert [type(one) for one in outcome.results] == [Removed]
    assert not build.exists()


WORK: Final[dict[str, Callable[[Path], Any]]] = {
    "edited": lambda build: declare(build, {SWIFT[0]: {"lib.c": "my work"}}),
    "committed": lambda build: commit(build / SWIFT[0]),
    "cloned": lambda build: git(build, "clone", "--quiet", SWIFT[1], "checkouts/mine"),
}


@pytest.mark.parametrize("how", sorted(WORK))
def test_work_in_a_clone_since_the_plan_keeps_the_artifact(
    tmp_path: Path, source: Path, how: str
) -> None:
    build = swift(tmp_path, source)
    declare(build, {"workspace-state.json": "{}"})
    outcome, selected = carry_out(tmp_path / "project", RULE, lambda: WORK[how](build))
    assert selected == [str(build)]
    [result] = outcome.results
    assert not isinstance(result, Removed)
    assert (build / SWIFT[0] / "lib.c").exists()


def test_a_clone_with_work_keeps_the_artifact_and_is_named(tmp_path: Path, source: Path) -> None:
    build = swift(tmp_path, source)
    declare(build, {"workspace-state.json": "{}", SWIFT[0]: {"lib.c": "my work"}})
    [found] = judge(tmp_path / "project", own_rules=(RULE,)).values()
    assert verdict(found) == "repository-inside"
    assert found.evidence.also_inside == ("checkouts/library: not committed: lib.c",)


def test_a_repository_elsewhere_in_the_artifact_keeps_it(tmp_path: Path, source: Path) -> None:
    build = swift(tmp_path, source)
    declare(build, {"workspace-state.json": "{}"})
    git(tmp_path, "clone", "--quiet", source, build / "mine")
    [found] = judge(tmp_path / "project", own_rules=(RULE,)).values()
    assert verdict(found) == "repository-inside"
