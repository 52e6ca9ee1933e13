"""What proves an artifact, and what protects it, whatever anybody names."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from support.accounts import give_away
from support.git import git
from support.needs import needs_root
from support.tool import Run, facts
from support.trees import Declared, declare, listing

Row: TypeAlias = dict[str, Any]

FILES: Declared = {"file": "content"}


def judged(
    run: Run, top: Path, *arguments: str | Path, env: dict[str, str] | None = None
) -> dict[str, Row]:
    """Return what the command says of each artifact, by path relative to *top*."""
    result = run("-p", top, "--json", *arguments, env=env)
    document = json.loads(result.stdout)
    return {os.path.relpath(row["path"], top): row for row in document["artifacts"]}


def reasons(rows: dict[str, Row]) -> dict[str, str | None]:
    """Return why each is kept, None if it is not."""
    return {path: row["reason"] for path, row in rows.items()}


def repository(top: Path, tree: Declared, *tracked: str) -> Path:
    """Build *tree* as a git repository that tracks what is named, ignored or not."""
    declare(top, tree)
    git(top, "init", "--quiet")
    if tracked:
        git(top, "add", "--force", *tracked)
        git(top, "commit", "--quiet", "--message=all")
    return top


# Markers.

INSIDE = {
    "node_modules": [".package-lock.json", ".modules.yaml", ".yarn-integrity", ".yarn-state.yml"],
    ".next": ["BUILD_ID", "build-manifest.json"],
}
BESIDE = {
    "node_modules": ["package.json"],
    ".next": ["next.config.js", "next.config.mjs", "next.config.ts"],
    ".turbo": ["turbo.json"],
}


def test_each_marker_inside_proves(run: Run, tmp_path: Path) -> None:
    expected: dict[str, list[str]] = {}
    for name, markers in INSIDE.items():
        for number, marker in enumerate(markers):
            declare(tmp_path / f"{name}{number}" / name, {marker: "", **FILES})
            expected[f"{name}{number}/{name}"] = [f"{marker} inside"]
    declare(tmp_path / "cache/.next", {"cache": FILES})
    expected["cache/.next"] = ["cache/ inside"]
    rows = judged(run, tmp_path)
    assert {path: facts(row) for path, row in rows.items()} == expected
    assert set(reasons(rows).values()) == {None}


def test_each_marker_beside_proves(run: Run, tmp_path: Path) -> None:
    expected: dict[str, list[str]] = {}
    for name, markers in BESIDE.items():
        for number, marker in enumerate(markers):
            declare(tmp_path / f"{name}{number}", {marker: "", name: FILES})
            expected[f"{name}{number}/{name}"] = [f"{marker} beside it"]
    rows = judged(run, tmp_path)
    assert {path: facts(row) for path, row in rows.items()} == expected
    assert set(reasons(rows).values()) == {None}


def test_a_dependency_beside_proves(run: Run, tmp_path: Path) -> None:
    for kind in ("dependencies", "devDependencies"):
        declare(
            tmp_path / kind, {"package.json": json.dumps({kind: {"next": "15"}}), ".next": FILES}
        )
    for kind in ("scripts", "peerDependencies"):
        declare(
            tmp_path / kind, {"package.json": json.dumps({kind: {"next": "15"}}), ".next": FILES}
        )
    rows = judged(run, tmp_path)
    fact = "package.json beside it depends on next"
    assert {path: (row["reason"], facts(row)) for path, row in rows.items()} == {
        "dependencies/.next": (None, [fact]),
        "devDependencies/.next": (None, [fact]),
        "scripts/.next": ("unproven", []),
        "peerDependencies/.next": ("unproven", []),
    }


def test_a_marker_above_proves_within_the_root_searched(run: Run, tmp_path: Path) -> None:
    declare(tmp_path, {"turbo.json": "{}", "packages": {"a": {"b": {".turbo": FILES}}}})
    path = "packages/a/b/.turbo"
    assert facts(judged(run, tmp_path)[path]) == ["turbo.json above it"]
    inner = judged(run, tmp_path / "packages")["a/b/.turbo"]
    assert (inner["reason"], facts(inner)) == ("unproven", [])


def test_a_marker_above_proves_within_the_repository(run: Run, tmp_path: Path) -> None:
    ignore: dict[str | bytes, Any] = {".gitignore": ".turbo\n"}
    tree: Declared = {"turbo.json": "{}", "packages": {"a": {".turbo": FILES}}, **ignore}
    repository(tmp_path / "r", tree)
    repository(tmp_path / "outer", {"turbo.json": "{}"})
    repository(tmp_path / "outer/inner", {".turbo": FILES, **ignore})
    assert reasons(judged(run, tmp_path / "r/packages")) == {"a/.turbo": None}
    assert reasons(judged(run, tmp_path / "outer")) == {"inner/.turbo": "unproven"}


def test_without_a_marker_nothing_is_proven(run: Run, tmp_path: Path) -> None:
    names = ["node_modules", ".next", "dist", ".turbo", ".cache"]
    declare(tmp_path, dict.fromkeys(names, FILES))
    rows = judged(run, tmp_path)
    assert reasons(rows) == dict.fromkeys(names, "unproven")
    assert {path: facts(row) for path, row in rows.items()} == {name: [] for name in names}


def test_a_name_of_the_users_own_is_the_users_word(run: Run, tmp_path: Path) -> None:
    declare(tmp_path, {"out": FILES, "a": {"dist": FILES, "package.json": "{}"}})
    rows = judged(run, tmp_path, "--targets", "out", "dist")
    assert reasons(rows) == {"out": None, "a/dist": None}
    assert (rows["out"]["rule"], rows["a/dist"]["rule"]) == (None, "js/dist")
    assert facts(rows["out"]) == ["named with --targets"]


def test_what_only_looks_like_a_marker_proves_nothing(run: Run, tmp_path: Path) -> None:
    declare(
        tmp_path,
        {
            "real": {"package.json": "{}", "turbo.json": "{}", "BUILD_ID": ""},
            "symlink": {"package.json": Path("../real/package.json"), "node_modules": FILES},
            "directory": {"package.json": {}, "node_modules": FILES},
            "inside": {"node_modules": {".package-lock.json": Path("../../real/package.json")}},
            "next": {".next": {"BUILD_ID": {}}, "next.config.js": Path("../real/package.json")},
            "file": {".next": {"cache": "a file"}},
            "link": {".next": {"cache": Path("../../real")}},
            "turbo": {".turbo": FILES, "turbo.json": Path("../real/turbo.json")},
        },
    )
    assert reasons(judged(run, tmp_path)) == dict.fromkeys(
        [
            *("symlink/node_modules", "directory/node_modules", "inside/node_modules"),
            *("next/.next", "file/.next", "link/.next", "turbo/.turbo"),
        ],
        "unproven",
    )


def test_a_package_json_of_any_kind_never_stops_the_run(run: Run, tmp_path: Path) -> None:
    depends = json.dumps({"dependencies": {"next": "15"}})
    odd: dict[str, str | bytes] = {
        "empty": "",
        "broken": depends[:-1],
        "list": "[]",
        "null": "null",
        "text": '"next"',
        "list-of-dependencies": '{"dependencies": ["next"]}',
        "not-utf8": depends.encode("utf-8").replace(b"15", b"\xff"),
        "deep": "[" * 100_000,
        "long-number": '{"a": ' + "9" * 10_000 + "}",
        "huge": depends[:-1] + " " * (5 << 20) + "}",
    }
    for name, content in odd.items():
        declare(tmp_path / name, {"package.json": content, ".next": FILES})
    declare(tmp_path / "fifo", {".next": FILES, "node_modules": FILES})
    os.mkfifo(tmp_path / "fifo/package.json")
    rows = judged(run, tmp_path)
    assert reasons(rows) == dict.fromkeys(
        [*(f"{name}/.next" for name in odd), "fifo/.next", "fifo/node_modules"], "unproven"
    )


def test_a_symlink_with_the_name_is_no_artifact(run: Run, tmp_path: Path) -> None:
    declare(
        tmp_path,
        {
            "elsewhere": {"precious": "x"},
            "app": {"package.json": "{}", "node_modules": Path("../elsewhere")},
        },
    )
    assert judged(run, tmp_path, "--no-dry-run", "--targets", "node_modules") == {}
    assert (tmp_path / "elsewhere/precious").read_text() == "x"


# How to get it back.


@pytest.mark.parametrize(
    ("lock", "command"),
    [
        ("package-lock.json", "npm ci"),
        ("npm-shrinkwrap.json", "npm ci"),
        ("pnpm-lock.yaml", "pnpm install --frozen-lockfile"),
        ("yarn.lock", "yarn install"),
        ("bun.lock", "bun install --frozen-lockfile"),
        ("other.lock", "npm install"),
    ],
)
def test_the_lock_file_says_how_to_get_it_back(
    run: Run, tmp_path: Path, lock: str, command: str | None
) -> None:
    declare(tmp_path, {"package.json": "{}", lock: "", "node_modules": FILES})
    assert judged(run, tmp_path)["node_modules"]["regenerate"] == command


# Git.

PROJECT: Declared = {
    ".gitignore": "/dist\n/.cache\n",
    "package.json": "{}",
    "dist": FILES,
    ".cache": FILES,
    "src": {"dist": FILES, "package.json": "{}"},
}


def test_dist_and_cache_are_proven_only_if_git_ignores_them(run: Run, tmp_path: Path) -> None:
    repository(tmp_path / "r", PROJECT)
    declare(tmp_path / "outside", PROJECT)
    rows = judged(run, tmp_path)
    outside = "not in a git repository that could ignore it"
    beside = "package.json beside it"
    assert {path: (row["reason"], facts(row)) for path, row in rows.items()} == {
        "r/dist": (None, [beside, "ignored by .gitignore: /dist"]),
        "r/.cache": (None, [beside, "ignored by .gitignore: /.cache"]),
        "r/src/dist": ("unproven", [beside, "not ignored by git"]),
        "outside/dist": ("unproven", [beside, outside]),
        "outside/.cache": ("unproven", [beside, outside]),
        "outside/src/dist": ("unproven", [beside, outside]),
    }


def test_only_the_word_of_the_project_counts_as_ignoring(run: Run, tmp_path: Path) -> None:
    """Not that of a user, nor of a repository that ignores whatever is there."""
    everything: Declared = {**PROJECT, ".gitignore": "/*\n!/src\n!/package.json\n!/.gitignore\n"}
    repository(tmp_path / "everything", everything)
    repository(tmp_path / "user", {**PROJECT, ".gitignore": ""})
    (tmp_path / "user/.git/info/exclude").write_text("dist\n")
    rows = judged(run, tmp_path)
    assert {path: (row["reason"], facts(row)[-1]) for path, row in rows.items()} == {
        "everything/dist": ("unproven", ".gitignore makes git ignore everything there: /*"),
        "everything/.cache": ("unproven", ".gitignore makes git ignore everything there: /*"),
        "everything/src/dist": ("unproven", "not ignored by git"),
        "user/dist": (
            "unproven",
            "only .git/info/exclude makes git ignore it, and no .gitignore of the project",
        ),
        "user/.cache": ("unproven", "not ignored by git"),
        "user/src/dist": (
            "unproven",
            "only .git/info/exclude makes git ignore it, and no .gitignore of the project",
        ),
    }


def test_being_ignored_is_no_proof_by_itself(run: Run, tmp_path: Path) -> None:
    repository(tmp_path, {".gitignore": "dist\n", "dist": FILES, "secrets": {"dist": FILES}})
    rows = judged(run, tmp_path)
    assert reasons(rows) == {"dist": "unproven", "secrets/dist": "unproven"}


def test_ignoring_what_is_in_it_is_not_ignoring_it(run: Run, tmp_path: Path) -> None:
    tree: Declared = {".gitignore": "/dist/*\n!/dist/keep\n", "package.json": "{}", "dist": FILES}
    repository(tmp_path, tree)
    assert reasons(judged(run, tmp_path)) == {"dist": "unproven"}


@pytest.mark.parametrize("arguments", [[], ["--targets", "dist", "node_modules"]])
def test_what_git_tracks_is_kept_whatever_is_named(
    run: Run, tmp_path: Path, arguments: list[str]
) -> None:
    tree: Declared = {
        ".gitignore": "dist\nnode_modules\n",
        "package.json": "{}",
        "dist": {"deep": {"tracked": "x"}, "other": "y"},
        "node_modules": {"patched": {"index.js": "x"}, ".package-lock.json": "{}"},
    }
    top = repository(tmp_path / "r", tree, "dist/deep/tracked", "node_modules/patched/index.js")
    before = listing(top)
    rows = judged(run, top, "--no-dry-run", *arguments)
    assert reasons(rows) == {"dist": "tracked", "node_modules": "tracked"}
    assert listing(top) == before


def test_a_submodule_with_the_name_is_kept(run: Run, tmp_path: Path) -> None:
    library = repository(tmp_path / "library", {"dist": FILES, "package.json": "{}"}, ".")
    top = repository(tmp_path / "r", {"package.json": "{}"})
    add = ("submodule", "--quiet", "add")
    git(top, *add, library, "node_modules")
    assert reasons(judged(run, top, "--targets", "node_modules")) == {"node_modules": "tracked"}


def test_a_submodule_is_a_repository_of_its_own(run: Run, tmp_path: Path) -> None:
    library = repository(
        tmp_path / "library", {".gitignore": "dist\n", "package.json": "{}"}, ".gitignore"
    )
    top = repository(tmp_path / "r", {"a": "b"})
    add = ("submodule", "--quiet", "add")
    git(top, *add, library, "sub")
    declare(top / "sub", {"package.json": "{}", "dist": FILES})
    assert (top / "sub/.git").is_file()
    assert reasons(judged(run, top)) == {"sub/dist": None}


def test_a_worktree_is_a_repository_of_its_own(run: Run, tmp_path: Path) -> None:
    tree: Declared = {".gitignore": "dist\n", "package.json": "{}", "node_modules": FILES}
    main = repository(tmp_path / "main", tree, ".gitignore", "package.json", "node_modules")
    git(main, "worktree", "add", "--quiet", tmp_path / "tree")
    declare(tmp_path / "tree", {"dist": FILES})
    assert (tmp_path / "tree/.git").is_file()
    rows = judged(run, tmp_path / "tree")
    assert reasons(rows) == {"dist": None, "node_modules": "tracked"}


def test_variables_of_another_repository_confuse_nobody(run: Run, tmp_path: Path) -> None:
    other = repository(tmp_path / "other", {"dist": FILES, "node_modules": FILES}, ".")
    top = repository(tmp_path / "r", PROJECT)
    env = {
        "GIT_DIR": f"{other}/.git",
        "GIT_WORK_TREE": str(other),
        "GIT_INDEX_FILE": f"{other}/.git/index",
    }
    rows = judged(run, top, env=env)
    assert reasons(rows) == {"dist": None, ".cache": None, "src/dist": "unproven"}


@pytest.mark.parametrize("arguments", [[], ["--targets", "dist", "node_modules"]])
def test_where_git_gives_no_answer_everything_is_kept(
    run: Run, tmp_path: Path, arguments: list[str]
) -> None:
    tree: Declared = {
        ".gitignore": "dist\n",
        "package.json": "{}",
        "dist": FILES,
        "node_modules": FILES,
    }
    for name in ("index", "head", "gitfile", "nowhere"):
        repository(tmp_path / name, tree, "package.json")
    (tmp_path / "index/.git/index").write_bytes(b"no index")
    (tmp_path / "head/.git/HEAD").unlink()
    for name, content in (("gitfile", "no gitfile"), ("nowhere", "gitdir: /no/where")):
        (tmp_path / name / ".git").rename(tmp_path / name / "git")
        (tmp_path / name / ".git").write_text(content)
    rows = judged(run, tmp_path, *arguments)
    assert reasons(rows) == {
        f"{name}/{artifact}": "git-failed"
        for name in ("index", "head", "gitfile", "nowhere")
        for artifact in ("dist", "node_modules")
    }


def test_a_repository_around_a_broken_one_does_not_answer_for_it(run: Run, tmp_path: Path) -> None:
    """As where somebody keeps a home directory in git, and has git ignore all of it."""
    home = repository(tmp_path / "home", {".gitignore": "*\n"})
    tree: Declared = {"package.json": "{}", "dist": FILES, "node_modules": FILES}
    broken = repository(home / "project", tree, ".")
    (broken / ".git/HEAD").unlink()
    rows = judged(run, home)
    assert reasons(rows) == {
        "project/dist": "git-failed",
        "project/node_modules": "git-failed",
    }


def test_without_git_a_repository_is_left_alone(run: Run, tmp_path: Path) -> None:
    """Any of its artifacts may be committed, and nobody can say."""
    top = repository(tmp_path / "r", {**PROJECT, "node_modules": FILES})
    declare(tmp_path, {"plain": {**PROJECT, "node_modules": FILES}, "empty": {}})
    without = {"PATH": str(tmp_path / "empty")}
    assert reasons(judged(run, tmp_path / "plain", env=without)) == {
        "node_modules": None,
        "dist": "unproven",
        ".cache": "unproven",
        "src/dist": "unproven",
    }
    rows = judged(run, top, env=without)
    assert set(reasons(rows).values()) == {"git-failed"}
    assert facts(rows["dist"]) == [
        "package.json beside it",
        "git is not installed, so nobody can say whether it is ignored",
        f"git gave no answer in {top}",
    ]


def test_no_program_that_a_repository_names_is_run(run: Run, tmp_path: Path) -> None:
    top = repository(tmp_path / "r", {**PROJECT, "node_modules": FILES}, "package.json")
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho ran >>{tmp_path}/ran\n")
    program.chmod(0o755)
    git(top, "config", "core.fsmonitor", str(program))
    git(top, "config", "core.hooksPath", str(tmp_path / "hooks"))
    git(top, "config", "core.pager", str(program))
    git(top, "config", "core.sshCommand", str(program))
    git(top, "config", "filter.f.clean", str(program))
    git(top, "config", "filter.f.process", str(program))
    git(top, "config", "diff.external", str(program))
    declare(tmp_path / "hooks", {"post-index-change": program.read_text()})
    (tmp_path / "hooks/post-index-change").chmod(0o755)
    (top / ".gitattributes").write_text("* filter=f\n")
    (tmp_path / "ran").unlink(missing_ok=True)
    rows = judged(run, top)
    assert reasons(rows)["dist"] is None
    assert not (tmp_path / "ran").exists()
    # Git itself would have run one of them.
    subprocess.run(["git", "status"], cwd=top, capture_output=True, check=False)
    assert (tmp_path / "ran").exists()


def test_a_repository_of_another_owner_is_not_trusted(run: Run, tmp_path: Path) -> None:
    needs_root()
    top = repository(tmp_path / "r", {**PROJECT, "node_modules": FILES})
    give_away(top)
    assert set(reasons(judged(run, top, "--targets", "dist", "node_modules")).values()) == {
        "git-failed"
    }


def test_many_artifacts_of_one_repository_are_all_asked_about(run: Run, tmp_path: Path) -> None:
    """More than fit in one question to git; each hundredth is tracked."""
    project: Declared = {"package.json": "{}", "dist": FILES}
    tree: dict[str | bytes, Any] = {f"p{number:04}": project for number in range(1200)}
    tracked = [f"p{number:04}/dist/file" for number in range(0, 1200, 100)]
    repository(tmp_path, {".gitignore": "dist\n", **tree}, *tracked)
    kept = {path for path, reason in reasons(judged(run, tmp_path)).items() if reason}
    assert kept == {os.path.dirname(path) for path in tracked}


# Protections that need no git.


@pytest.mark.parametrize("inside", ["node_modules", "site-packages", ".next", ".output"])
def test_part_of_what_is_installed_or_deployed_is_kept_whatever_is_named(
    run: Run, tmp_path: Path, inside: str
) -> None:
    package: Declared = {"package.json": "{}", "dist": FILES, "node_modules": FILES}
    root = tmp_path / "app" / inside / "x"
    declare(root, package)
    rows = judged(run, root, "--targets", "dist", "node_modules", "--no-dry-run")
    assert reasons(rows) == {"dist": "installed", "node_modules": "installed"}
    assert (root / "dist/file").read_text() == "content"


def test_a_repository_inside_is_kept_whatever_is_named(run: Run, tmp_path: Path) -> None:
    declare(
        tmp_path,
        {
            "directory": {
                "package.json": "{}",
                "node_modules": {"dep": {"deep": {".git": {"HEAD": "x"}, "work": "mine"}}},
            },
            "file": {"package.json": "{}", "node_modules": {"dep": {".git": "gitdir: elsewhere"}}},
            "top": {"dist": {".git": {}}},
        },
    )
    before = listing(tmp_path)
    for arguments in ([], ["--targets", "node_modules", "dist"]):
        rows = judged(run, tmp_path, "--no-dry-run", *arguments)
        assert reasons(rows) == {
            "directory/node_modules": "repository-inside",
            "file/node_modules": "repository-inside",
            "top/dist": "repository-inside",
        }
    assert listing(tmp_path) == before


def test_git_directories_are_not_searched(run: Run, tmp_path: Path) -> None:
    declare(tmp_path, {".git": {"node_modules": {".package-lock.json": "{}"}}, "a": {}})
    assert judged(run, tmp_path) == {}


def test_what_is_deployed_from_a_build_is_no_project(run: Run, tmp_path: Path) -> None:
    """Next.js (standalone) and Nuxt put a server there, with package.json beside node_modules."""
    server: Declared = {"package.json": "{}", "node_modules": FILES}
    declare(tmp_path, {".output": {"server": server}, "site": {".next": {"standalone": server}}})
    rows = judged(run, tmp_path, "-p", tmp_path, "-p", tmp_path / "site/.next/standalone")
    assert reasons(rows)[".output"] == "unproven"
    assert reasons(rows)[".output/server/node_modules"] == "installed"
    inner = judged(run, tmp_path / ".output/server", "--targets", "node_modules")
    assert reasons(inner) == {"node_modules": "installed"}
    named = judged(run, tmp_path / "site/.next/standalone", "--targets", "node_modules")
    assert reasons(named) == {"node_modules": "installed"}


def test_a_partial_clone_fetches_nothing_with_what_it_names(run: Run, tmp_path: Path) -> None:
    """Git expands a sparse index, and fetches a missing tree with remote.*.uploadpack."""
    tree: Declared = {
        "p": {"package.json": "{}"},
        "other": {"f": "x"},
        ".gitignore": "node_modules",
    }
    top = repository(tmp_path / "r", tree, ".")
    git(top, "sparse-checkout", "init", "--cone", "--sparse-index")
    git(top, "sparse-checkout", "set", "p")
    name = git(top, "rev-parse", "HEAD:other").decode().strip()
    (top / ".git/objects" / name[:2] / name[2:]).unlink()
    declare(top, {"p": {"node_modules": FILES}})
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho ran >>{tmp_path}/ran\n")
    program.chmod(0o755)
    git(top, "config", "core.repositoryformatversion", "1")
    git(top, "config", "extensions.partialClone", "origin")
    git(top, "config", "remote.origin.url", str(top / ".git"))
    git(top, "config", "remote.origin.promisor", "true")
    git(top, "config", "remote.origin.uploadpack", str(program))
    judged(run, top)
    assert not (tmp_path / "ran").exists()
    # Git itself would have run it.
    subprocess.run(["git", "ls-files"], cwd=top, capture_output=True, check=False)
    assert (tmp_path / "ran").exists()


def test_a_working_tree_elsewhere_is_not_taken_for_this_one(run: Run, tmp_path: Path) -> None:
    inner: Declared = {"package.json": "{}", "node_modules": FILES}
    top = repository(tmp_path / "c", {})
    declare(tmp_path / "c/sub", inner)
    git(top, "config", "core.worktree", "../sub")
    git(tmp_path / "c/sub", "add", "--force", ".")
    assert reasons(judged(run, tmp_path / "c")) == {"sub/node_modules": "git-failed"}


def test_bare_repositories_are_kept_and_never_searched(run: Run, tmp_path: Path) -> None:
    """A branch may be called dist/x; a package may bring a bare repository along."""
    declare(tmp_path, {"p": {"package.json": "{}", "node_modules": FILES}})
    for place in ("r.git", "p/node_modules/foo.git"):
        git(tmp_path, "init", "--quiet", "--bare", str(tmp_path / place))
    declare(tmp_path / "r.git/refs/heads", {"dist": {"x": "0" * 40}})
    rows = judged(run, tmp_path, "--targets", "dist", "node_modules")
    assert reasons(rows) == {"p/node_modules": "repository-inside"}


def test_nothing_is_deleted_in_a_directory_that_was_left_empty(run: Run, tmp_path: Path) -> None:
    """As by a variable that is not set."""
    declare(tmp_path, {"p": {"package.json": "{}", "node_modules": FILES}})
    result = run("-p", "", "--no-dry-run")
    assert (result.returncode, (tmp_path / "p/node_modules").exists()) == (2, True)
    assert "-p ." in result.stderr


def test_what_an_outer_repository_tracks_in_an_inner_one_is_kept(run: Run, tmp_path: Path) -> None:
    inner: Declared = {"package.json": "{}", "node_modules": FILES, ".gitignore": "node_modules"}
    outer = repository(tmp_path / "d", {"pkg": inner}, "pkg/node_modules")
    git(outer / "pkg", "init", "--quiet")
    assert reasons(judged(run, outer)) == {"pkg/node_modules": "tracked"}


def test_a_project_that_git_ignores_as_a_whole_has_nothing_ignored(
    run: Run, tmp_path: Path
) -> None:
    """As where a home directory is a repository that ignores everything not added by hand."""
    top = repository(tmp_path / "home", {".gitignore": "*\n", "p": {**PROJECT}})
    assert reasons(judged(run, top))["p/dist"] == "unproven"


def test_a_home_directory_is_never_an_artifact(run: Run, tmp_path: Path) -> None:
    tag = "Signature: 8a477f597d28d172789f06886806bc55"
    declare(tmp_path, {"cache": {"CACHEDIR.TAG": tag, "home": {"letters": "mine"}}})
    home = {"HOME": str(tmp_path / "cache/home")}
    for arguments in (["--profile", "all"], ["--targets", "cache", "home"]):
        rows = judged(run, tmp_path, *arguments, env=home)
        assert reasons(rows)["cache"] == "installed"


@pytest.mark.parametrize("name", [".env", "release.p12", "notes.sqlite"])
def test_what_cannot_be_built_keeps_the_build_it_lies_in(
    run: Run, tmp_path: Path, name: str
) -> None:
    top = repository(tmp_path / "r", {**PROJECT, "package.json": "{}"})
    assert reasons(judged(run, top))["dist"] is None
    declare(top / "dist", {name: "mine"})
    assert reasons(judged(run, top))["dist"] == "precious"
