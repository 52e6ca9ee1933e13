"""What git is asked, in repositories of every kind, and what their configuration never runs."""

import hashlib
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from cleanup_nodemodule.proof import git as asking
from cleanup_nodemodule.proof import git_content
from support.accounts import give_away
from support.git import git
from support.judges import DELETE, judge, verdicts
from support.needs import needs_root
from support.tool import Run
from support.trees import Declared, declare

FILES: Final = {"file": "content"}
PROJECT: Final[Declared] = {
    ".gitignore": "/dist\n/node_modules\n",
    "package.json": "{}",
    "dist": FILES,
    "node_modules": FILES,
}
BOTH: Final = {"dist": DELETE, "node_modules": DELETE}
TRACKED: Final = {"dist": "tracked", "node_modules": DELETE}
FAILED: Final = {"dist": "git-failed", "node_modules": "git-failed"}


def repository(top: Path, tree: Declared = PROJECT, *tracked: str) -> Path:
    """Build *tree* as a git repository that tracks what is named, ignored or not."""
    declare(top, tree)
    git(top, "init", "--quiet")
    git(top, "add", "--force", *(tracked or (".gitignore", "package.json")))
    git(top, "commit", "--quiet", "--message=all")
    return top


# Repositories of every kind.


def test_a_worktree_answers_for_itself(tmp_path: Path) -> None:
    main = repository(tmp_path / "main")
    git(main, "worktree", "add", "--quiet", tmp_path / "tree")
    tree = tmp_path / "tree"
    declare(tree, {"dist": FILES, "node_modules": FILES})
    assert verdicts(tree) == BOTH
    git(tree, "add", "--force", "dist")
    assert verdicts(tree) == TRACKED
    assert verdicts(main) == BOTH
    shutil.rmtree(main)
    assert verdicts(tree) == FAILED


def test_a_submodule_answers_for_itself(tmp_path: Path) -> None:
    library = repository(tmp_path / "library")
    top = repository(tmp_path / "top")
    add = ("submodule", "--quiet", "add")
    git(top, *add, library, "sub")
    declare(top / "sub", {"dist": FILES, "node_modules": FILES})
    assert verdicts(top / "sub") == BOTH
    git(top / "sub", "add", "--force", "dist")
    assert verdicts(top / "sub") == TRACKED
    shutil.rmtree(top / ".git/modules")
    assert verdicts(top / "sub") == FAILED
    assert verdicts(top)["node_modules"] == DELETE


def test_an_artifact_next_to_bare_repositories_is_none_of_theirs(tmp_path: Path) -> None:
    declare(tmp_path, PROJECT)
    git(tmp_path, "init", "--quiet", "--bare", "store.git")
    assert verdicts(tmp_path) == {"dist": "unproven", "node_modules": DELETE}


def test_a_repository_that_says_it_is_bare_gives_no_answer(tmp_path: Path) -> None:
    top = repository(tmp_path)
    git(top, "config", "core.bare", "true")
    assert verdicts(top) == FAILED


@pytest.mark.parametrize(
    "damage", ["HEAD", "index", "config", "objects", "refs", "packed index", "link", "loop"]
)
def test_a_broken_repository_keeps_everything(tmp_path: Path, damage: str) -> None:
    outer = repository(tmp_path, {".gitignore": "*\n", "package.json": "{}"})
    top = repository(outer / "inner")
    where = top / ".git"
    assert verdicts(top) == BOTH
    match damage:
        case "HEAD":
            (where / "HEAD").write_text("nonsense")
        case "index":
            (where / "index").write_bytes((where / "index").read_bytes()[:20])
        case "config":
            (where / "config").write_text("[core\n")
        case "objects" | "refs":
            shutil.rmtree(where / damage)
        case "packed index":
            (where / "index").write_bytes(b"DIRC" + bytes(100))
        case _:
            shutil.rmtree(where)
            where.symlink_to(".git" if damage == "loop" else "nowhere")
    assert verdicts(top) == FAILED
    assert verdicts(top, targets=("dist", "node_modules")) == FAILED


@pytest.mark.parametrize("size", [0, 11, 12, 20, 60, 100])
def test_an_index_that_was_cut_off_is_no_answer(tmp_path: Path, size: int) -> None:
    """Git itself does not mind: it answers that nothing is tracked."""
    top = repository(tmp_path, PROJECT, ".gitignore", "dist")
    assert verdicts(top)["dist"] == "tracked"
    os.truncate(top / ".git/index", size)
    assert verdicts(top)["dist"] in {"git-failed", "tracked"}


def test_a_repository_of_somebody_else_is_not_trusted(tmp_path: Path) -> None:
    needs_root()
    top = repository(tmp_path / "r")
    assert verdicts(top) == BOTH
    give_away(top)
    assert verdicts(top) == FAILED
    assert verdicts(top, targets=("dist", "node_modules")) == FAILED


@pytest.mark.parametrize("kind", ["fifo", "device", "directory"])
def test_an_index_that_is_no_file_is_no_answer_and_holds_nobody_up(
    tmp_path: Path, kind: str
) -> None:
    """Unpacked from an archive, say: a FIFO would wait for ever, and /dev/zero has no end."""
    index = tmp_path / "index"
    match kind:
        case "fifo":
            os.mkfifo(index)
        case "device":
            index.symlink_to("/dev/zero")
        case _:
            index.mkdir()
    assert not git_content.is_whole(os.fsencode(index))


def test_a_sparse_index_is_understood(tmp_path: Path) -> None:
    tree: Declared = {
        ".gitignore": "dist\n",
        "a": {"package.json": "{}", "dist": FILES},
        "b": {"package.json": "{}", "dist": FILES},
    }
    top = repository(tmp_path, tree, ".gitignore", "a", "b/package.json")
    git(top, "sparse-checkout", "set", "--cone", "--sparse-index", "b")
    assert b"a/\n" in git(top, "ls-files", "--sparse")
    declare(top, {"a": {"package.json": "{}", "dist": {"new": "x"}}, "b": {"dist": FILES}})
    assert verdicts(top) == {"a/dist": "tracked", "b/dist": DELETE}


def test_a_split_index_is_understood(tmp_path: Path) -> None:
    top = repository(tmp_path)
    git(top, "update-index", "--split-index")
    assert verdicts(top) == BOTH
    git(top, "add", "--force", "dist")
    assert list((top / ".git").glob("sharedindex.*"))
    assert verdicts(top) == TRACKED


@pytest.mark.slow
def test_a_huge_index_is_answered_rightly(tmp_path: Path) -> None:
    """200,000 tracked files; what is asked about is printed, and not the rest."""
    top = repository(tmp_path)
    blob = git(top, "hash-object", "-w", "package.json").decode().strip()
    lines = [f"100644 {blob}\tsrc/{n % 500}/{n}.js\n" for n in range(200_000)]
    lines.append(f"100644 {blob}\tdist/deep/tracked.js\n")
    git(top, "update-index", "--index-info", data="".join(lines).encode())
    assert len(git(top, "ls-files").splitlines()) > 200_000
    assert verdicts(top) == TRACKED


def test_an_artifact_with_very_many_tracked_files_is_tracked(tmp_path: Path) -> None:
    top = repository(tmp_path)
    blob = git(top, "hash-object", "-w", "package.json").decode().strip()
    lines = (f"100644 {blob}\tnode_modules/{n}/a/b/c/d/e.js\n" for n in range(100_000))
    git(top, "update-index", "--index-info", data="".join(lines).encode())
    assert verdicts(top) == {"dist": DELETE, "node_modules": "tracked"}


def test_without_git_a_repository_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = repository(tmp_path / "r")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert verdicts(top) == FAILED


def test_a_git_that_cannot_be_run_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = repository(tmp_path / "r")
    declare(tmp_path / "bin", {"git": "#!/nowhere/at/all\n"})
    (tmp_path / "bin/git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert verdicts(top) == FAILED


def test_a_git_that_hangs_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = repository(tmp_path / "r")
    fine = repository(tmp_path / "fine")
    os.mkfifo(tmp_path / "fifo")
    git(top, "config", "core.excludesFile", str(tmp_path / "fifo"))
    monkeypatch.setattr(asking, "_TIMEOUT", 1)
    assert verdicts(top) == FAILED
    assert verdicts(fine) == BOTH


@pytest.mark.parametrize(
    "name",
    [
        *(" ", "a b", "new\nline", "tab\t", '"quoted"', "back\\slash", "caf\u00e9", "\udcff"),
        *("-dash", "--help", ":colon", ":(top)x", ":!x", ":/x", "*", "[a]", "?", "!x", "#x"),
    ],
)
def test_a_project_of_any_name_is_asked_about(tmp_path: Path, name: str) -> None:
    project: dict[str | bytes, Any] = {"package.json": "{}", "dist": FILES}
    tree: dict[str | bytes, Any] = {
        ".gitignore": "dist\n",
        os.fsencode(name): project,
        "a": project,
    }
    top = repository(tmp_path, tree, ".gitignore")
    assert verdicts(top) == {f"{name}/dist": DELETE, "a/dist": DELETE}
    git(top, "--literal-pathspecs", "add", "--force", "--", f"./{name}/dist")
    assert verdicts(top) == {f"{name}/dist": "tracked", "a/dist": DELETE}


@pytest.mark.parametrize(
    "name", ["-dist", ":dist", ":(top)dist", "a\nb", "--stdin", "(x)", "!x", "#x", " dist "]
)
def test_an_artifact_of_any_name_is_asked_about(tmp_path: Path, name: str) -> None:
    top = repository(tmp_path, {name: FILES, "package.json": "{}", "x": FILES}, "package.json")
    assert verdicts(top, targets=(name,)) == {name: DELETE}
    git(top, "--literal-pathspecs", "add", "--", f"./{name}")
    assert verdicts(top, targets=(name,)) == {name: "tracked"}


# What a repository's configuration names is never run.


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A program that leaves a trace when it is run, whatever it is called with."""
    program = tmp_path / "canary"
    program.write_text(f'#!/bin/sh\necho "$0" "$@" >>"{tmp_path}/ran"\nexit 1\n')
    program.chmod(0o755)
    return program


def ran(canary: Path) -> bool:
    """Return whether the canary was run since it was last asked."""
    trace = canary.parent / "ran"
    if trace.exists():
        trace.unlink()
        return True
    return False


def ask(top: Path, canary: Path) -> dict[str, str]:
    """Return the verdicts; fail if anything was run."""
    ran(canary)
    found = verdicts(top)
    trace = canary.parent / "ran"
    assert not trace.exists(), trace.read_text()
    return found


@pytest.mark.parametrize("version", ["1", "2", None])
def test_no_file_system_monitor_is_run(tmp_path: Path, canary: Path, version: str | None) -> None:
    top = repository(tmp_path / "r")
    if version:
        git(top, "config", "core.fsmonitorHookVersion", version)
    git(top, "config", "core.fsmonitor", str(canary))
    git(top, "status")
    assert ran(canary)
    assert ask(top, canary) == BOTH


def test_no_file_system_monitor_of_gits_own_is_started(tmp_path: Path) -> None:
    top = repository(tmp_path)
    git(top, "config", "core.fsmonitor", "true")
    assert verdicts(top) == BOTH
    assert not list((top / ".git").glob("fsmonitor*"))


def test_no_hook_is_run(tmp_path: Path, canary: Path) -> None:
    top = repository(tmp_path / "r")
    hooks = ("post-index-change", "fsmonitor-watchman", "reference-transaction", "post-checkout")
    for directory in (top / ".git/hooks", tmp_path / "hooks"):
        directory.mkdir(exist_ok=True)
        for hook in hooks:
            shutil.copy(canary, directory / hook)
    # Git compares whole seconds only, so each time gets one of its own.
    for path, second in ((None, 1), (tmp_path / "hooks", 3)):
        if path:
            git(top, "config", "core.hooksPath", path)
        os.utime(top / "package.json", (second, second))
        subprocess.run(["git", "status"], cwd=top, capture_output=True, check=False)
        assert ran(canary)
        os.utime(top / "package.json", (2, 2))
        assert ask(top, canary) == BOTH


def test_no_filter_or_driver_is_run(tmp_path: Path, canary: Path) -> None:
    top = repository(tmp_path / "r")
    for key in (
        *("filter.f.clean", "filter.f.smudge", "filter.f.process", "diff.d.textconv"),
        *("diff.d.command", "diff.external", "merge.m.driver", "core.pager", "core.editor"),
        *(
            "core.gitProxy",
            "gpg.program",
            "uploadpack.packObjectsHook",
            "core.alternateRefsCommand",
        ),
    ):
        git(top, "config", key, str(canary))
    git(top, "config", "filter.f.required", "true")
    declare(top, {".gitattributes": "* filter=f diff=d merge=m\n"})
    (top / "package.json").write_text("{ }")
    # Whether git status reads a file of another size depends on the second it was written in.
    subprocess.run(["git", "add", "package.json"], cwd=top, capture_output=True, check=False)
    assert ran(canary)
    assert ask(top, canary) == BOTH


@pytest.mark.parametrize("condition", ["include", "includeIf.gitdir:/**", "includeIf.onbranch:**"])
def test_what_is_included_runs_nothing_either(tmp_path: Path, canary: Path, condition: str) -> None:
    top = repository(tmp_path / "r")
    declare(tmp_path, {"included": f"[core]\n\tfsmonitor = {canary}\n\tpager = {canary}\n"})
    git(top, "config", f"{condition}.path", str(tmp_path / "included"))
    git(top, "status")
    assert ran(canary)
    assert ask(top, canary) == BOTH


def test_the_configuration_of_a_worktree_runs_nothing(tmp_path: Path, canary: Path) -> None:
    top = repository(tmp_path / "r")
    git(top, "config", "extensions.worktreeConfig", "true")
    git(top, "config", "--worktree", "core.fsmonitor", str(canary))
    git(top, "status")
    assert ran(canary)
    assert ask(top, canary) == BOTH


@pytest.mark.parametrize(
    "remote", ["ext::{canary} %S", "ssh://host/x", "host:x", "{tmp}/origin", "canary::x"]
)
def test_nothing_is_fetched_that_a_partial_clone_lacks(
    tmp_path: Path, canary: Path, remote: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ignore file that is not checked out is read from the objects, which a promise stands for."""
    repository(tmp_path / "origin")
    top = repository(tmp_path / "r")
    shutil.copy(canary, tmp_path / "git-remote-canary")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    blob = git(top, "rev-parse", ":.gitignore").decode().strip()
    git(top, "update-index", "--skip-worktree", ".gitignore")
    (top / ".gitignore").unlink()
    (top / ".git/objects" / blob[:2] / blob[2:]).unlink()
    for key, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.url": remote.format(canary=canary, tmp=tmp_path),
        "remote.origin.promisor": "true",
        "remote.origin.partialCloneFilter": "blob:none",
        "remote.origin.uploadpack": str(canary),
        "core.sshCommand": str(canary),
        "credential.helper": str(canary),
        "core.askPass": str(canary),
        "protocol.allow": "always",
        "protocol.ext.allow": "always",
        "protocol.ssh.allow": "always",
        "protocol.file.allow": "always",
        "protocol.canary.allow": "always",
    }.items():
        git(top, "config", key, value)
    subprocess.run(["git", "check-ignore", "dist"], cwd=top, capture_output=True, check=False)
    assert ran(canary), "git itself would have"
    assert set(ask(top, canary).values()) <= {"git-failed", "unproven", DELETE}


# Inspection changes nothing, and asks little.


def state(directory: Path) -> dict[str, tuple[int, int, str]]:
    """Return mode, time of change and content of everything in *directory*."""
    found: dict[str, tuple[int, int, str]] = {}
    for path in sorted((directory, *directory.rglob("*"))):
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = (status.st_mode, status.st_mtime_ns, content)
    return found


def test_inspection_changes_nothing_in_a_repository(run: Run, tmp_path: Path) -> None:
    top = repository(tmp_path)
    git(top, "config", "core.untrackedCache", "true")
    git(top, "config", "core.splitIndex", "true")
    git(top, "config", "gc.auto", "1")
    # The index no longer knows the times of the files, so that git would like to refresh it.
    for name in (".gitignore", "package.json"):
        os.utime(top / name, (1, 1))
    before = state(top / ".git")
    assert verdicts(top) == BOTH
    assert run("-p", top, "--json").returncode == 0
    assert run("explain", top / "dist").returncode == 0
    assert state(top / ".git") == before
    git(top, "status")
    assert state(top / ".git") != before


def logging_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have every call of git leave a line; return the file."""
    real, log = shutil.which("git"), tmp_path / "log"
    declare(tmp_path / "bin", {"git": f'#!/bin/sh\necho "$@" >>"{log}"\nexec "{real}" "$@"\n'})
    (tmp_path / "bin/git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return log


QUESTIONS = ("rev-parse", "ls-files", "check-ignore")


def test_each_repository_is_asked_each_question_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project: Declared = {"package.json": "{}", "dist": FILES, "node_modules": FILES}
    projects: dict[str | bytes, Any] = {f"p{number}": project for number in range(40)}
    top = tmp_path / "top"
    for name in ("r1", "r2", "r3"):
        repository(top / name, {".gitignore": "dist\n", **projects}, ".gitignore")
    log = logging_git(tmp_path, monkeypatch)
    assert len(judge(top)) == 240
    asked: Counter[tuple[str, str]] = Counter()
    for line in log.read_text().splitlines():
        words = line.split()
        question = next(word for word in words if word in QUESTIONS)
        asked[words[words.index("-C") + 1], question] += 1
    assert asked == {
        (str(top / name), question): 1 for name in ("r1", "r2", "r3") for question in QUESTIONS
    }


def test_git_is_not_called_where_there_is_no_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path / "top"
    declare(top, PROJECT)
    log = logging_git(tmp_path, monkeypatch)
    assert verdicts(top) == {"dist": "unproven", "node_modules": DELETE}
    assert not log.exists()


def test_no_variable_of_the_caller_changes_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = repository(tmp_path / "other", PROJECT, "dist")
    top = repository(tmp_path / "r")
    for key, value in {
        "GIT_DIR": other / ".git",
        "GIT_WORK_TREE": other,
        "GIT_INDEX_FILE": other / ".git/index",
        "GIT_COMMON_DIR": other / ".git",
        "GIT_OBJECT_DIRECTORY": other / ".git/objects",
        "GIT_CEILING_DIRECTORIES": tmp_path,
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_ICASE_PATHSPECS": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.bare",
        "GIT_CONFIG_VALUE_0": "true",
        "GIT_TRACE": tmp_path / "trace",
    }.items():
        monkeypatch.setenv(key, str(value))
    assert verdicts(top) == BOTH
    assert not (tmp_path / "trace").exists()
