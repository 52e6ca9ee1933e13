"""A whole home directory, and for each of its directories the decision that has to come out."""

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from support import corpus
from support.corpus import DELETE, NOTHING, Label
from support.needs import unable
from support.places import COMMAND
from support.processes import bound, execute_text

pytestmark = pytest.mark.slow

Row: TypeAlias = dict[str, Any]
Rows: TypeAlias = Mapping[str, Row]

LABELS: Final = corpus.labels()
ARTIFACTS: Final = frozenset(label.path for label in LABELS if label.expected == DELETE)

COMBINATIONS: Final = (
    (),
    ("--profile", "any"),
    ("--profile", "python", "--profile", "rust"),
    ("--profile", "java", "--profile", "scala", "--profile", "cmake", "--profile", "sites"),
)
"""Besides ``--profile all``; the first is the default."""


@dataclass(frozen=True, slots=True)
class Home:
    """What the runs made of the corpus."""

    path: Path
    planned: Rows
    """Of the dry run with every profile."""
    combinations: Mapping[tuple[str, ...], Rows]
    deleted: Rows
    """Of the run that deletes."""
    before: Mapping[str, str]
    between: Mapping[str, str]
    """After the dry runs."""
    after: Mapping[str, str]
    wrong: list[str]
    """What is not as it was, though it is no artifact and in none."""
    freed: int
    """What the run that deletes says it freed."""
    misspelt: "subprocess.CompletedProcess[str]"
    untouched: bool
    """By the run with the misspelt option."""
    ended: float


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Build the corpus, run the command over it, and look at it before and after."""
    # Permissions are to bind the command even if root runs it, where that can be had.
    prefix = bound() if os.geteuid() != 0 or shutil.which("setpriv") else ()
    path = tmp_path_factory.mktemp("corpus").resolve() / "home"
    corpus.build(path)
    server = subprocess.Popen(
        [*prefix, sys.executable, "-S", "-c", "print('up', flush=True); input()"],
        cwd=path / corpus.SERVED,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return execute_text(
            *prefix,
            COMMAND,
            "-p",
            path,
            *arguments,
            cwd=path / corpus.CURRENT,
            env={**corpus.environment(path), "XDG_STATE_HOME": f"{path}-state"},
        )

    def rows(*arguments: str) -> tuple[Rows, Row]:
        document = json.loads(run("--json", *arguments).stdout)
        found = {os.path.relpath(row["path"], path): row for row in document["artifacts"]}
        return found, document["totals"]

    try:
        assert server.stdout is not None
        server.stdout.readline()
        before = contents(path)
        misspelt = run("--profile", "all", "--no-dry-run", "--dryrun")
        untouched = contents(path) == before
        planned, _ = rows("--profile", "all")
        combinations: dict[tuple[str, ...], Rows] = {
            arguments: rows(*arguments)[0] for arguments in COMBINATIONS
        }
        between = contents(path)
        deleted, totals = rows("--profile", "all", "--no-dry-run")
        after = contents(path)
    finally:
        server.communicate(b"\n")
    made = Home(
        path,
        planned,
        combinations,
        deleted,
        before,
        between,
        after,
        changes(outside(before), outside(after)),
        totals["freed_bytes"],
        misspelt,
        untouched,
        time.time(),
    )
    yield made
    (path / corpus.LOCKED / "dep").chmod(0o755)


def contents(top: Path) -> dict[str, str]:
    """Return a digest of everything beneath *top*, by path relative to it."""
    digests: dict[str, str] = {}
    for directory, directories, files in os.walk(top):
        for name in directories + files:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            digest = stat.filemode(status.st_mode)
            if stat.S_ISLNK(status.st_mode):
                digest += os.readlink(path)
            elif stat.S_ISREG(status.st_mode):
                content = Path(path).read_bytes()
                digest += f"{status.st_mtime_ns} {hashlib.sha256(content).hexdigest()}"
            digests[os.path.relpath(path, top)] = digest
    return digests


def decision(row: Row | None) -> str:
    """Return what a row says, as a label does."""
    if row is None:
        return NOTHING
    return DELETE if row["reason"] is None else f"keep:{row['reason']}"


def named(label: Label) -> str:
    return f"{label.path}={label.expected}"


def misjudged(home: Home, label: Label) -> bool:
    """Whether a directory did not get its decision, or by another rule than its own."""
    row = home.planned.get(label.path)
    if decision(row) != label.expected:
        return True
    return label.rule is not None and row is not None and row["rule"] != label.rule


def test_each_directory_gets_its_decision(home: Home) -> None:
    """All in one test, as the corpus is made, and run on, for each process that has a test of it."""
    assert {
        named(label): (label.story, home.planned.get(label.path))
        for label in LABELS
        if label.path != corpus.LOCKED and misjudged(home, label)
    } == {}


def test_a_directory_that_cannot_be_read_gets_its_decision(home: Home) -> None:
    if os.access(home.path / corpus.LOCKED / "dep", os.R_OK):
        skip_without_setpriv()
    [locked] = [label for label in LABELS if label.path == corpus.LOCKED]
    assert not misjudged(home, locked)


def skip_without_setpriv() -> None:
    """Root reads everything; without setpriv (util-linux) the command cannot be bound."""
    if shutil.which("setpriv") is None:
        unable("permissions do not bind root, and setpriv is not there to change that")


# The whole.


def test_the_corpus_is_what_it_has_to_be() -> None:
    paths = Counter(label.path for label in LABELS)
    assert [path for path, count in paths.items() if count > 1] == []
    assert len(LABELS) >= 170
    assert len(LABELS) >= 2 * len(ARTIFACTS)


def test_every_label_is_there(home: Home) -> None:
    assert [label.path for label in LABELS if label.path not in home.before] == []


def test_every_rule_has_an_artifact_in_the_corpus(home: Home) -> None:
    result = execute_text(COMMAND, "rules", "--json", cwd=home.path)
    rules = {rule["id"] for rule in json.loads(result.stdout)["rules"]}
    found = {label.rule for label in LABELS if label.expected == DELETE and label.rule}
    assert rules - found == set()
    # CMake names its directories after the build.
    assert home.planned["code/native/engine/build"]["rule"] == "cmake/build"
    assert home.planned["code/native/engine/cmake-build-debug"]["rule"] == "cmake/build"


def test_every_kind_of_reason_is_in_the_corpus() -> None:
    reasons = {label.expected.removeprefix("keep:") for label in LABELS} - {DELETE, NOTHING}
    assert reasons == {
        *("unproven", "tracked", "git-failed", "installed", "precious", "excluded"),
        *("undeclared", "current-directory", "in-use", "repository-inside", "unreadable"),
    }


def test_nothing_is_deleted_that_has_to_be_kept(home: Home) -> None:
    chosen = {path for path, row in home.planned.items() if decision(row) == DELETE}
    wrong = chosen - ARTIFACTS
    around = {
        label.path
        for label in LABELS
        if label.expected != DELETE and list(corpus.beneath([label.path], frozenset(chosen)))
    }
    assert (wrong, around) == (set(), set())


def test_the_artifacts_are_found(home: Home) -> None:
    found = {path for path in ARTIFACTS if decision(home.planned.get(path)) == DELETE}
    assert len(found) >= 0.98 * len(ARTIFACTS), sorted(ARTIFACTS - found)


def test_nothing_is_found_that_has_no_label(home: Home) -> None:
    """Or else nobody said what is right for it."""
    assert set(home.planned) - {label.path for label in LABELS} == set()


@pytest.mark.parametrize("arguments", COMBINATIONS, ids=" ".join)
def test_no_profile_deletes_more_than_all_of_them(home: Home, arguments: tuple[str, ...]) -> None:
    chosen = {
        path: row for path, row in home.combinations[arguments].items() if decision(row) == DELETE
    }
    assert set(chosen) - ARTIFACTS == set()
    ecosystems = set(arguments[1::2]) or {"js"}
    expected = {
        label.path
        for label in LABELS
        if label.expected == DELETE and label.rule and label.rule.partition("/")[0] in ecosystems
    }
    # The profile of what tags itself is told by the tag, whoever's rule says more.
    assert expected - set(chosen) == set()


def test_what_deleting_reports_is_what_was_planned(home: Home) -> None:
    assert {path: decision(row) for path, row in home.deleted.items()} == {
        path: decision(row) for path, row in home.planned.items()
    }
    assert {row["decision"] for row in home.deleted.values()} <= {"delete", "keep"}


# What is on the disk.


def test_a_dry_run_changes_nothing(home: Home) -> None:
    assert changes(home.before, home.between) == []


def test_a_misspelt_option_deletes_nothing(home: Home) -> None:
    assert home.misspelt.returncode == 2
    assert "--dryrun" in home.misspelt.stderr
    assert home.untouched


def test_deleting_takes_all_that_it_has_to_take(home: Home) -> None:
    left = ARTIFACTS & set(home.after)
    assert {path: home.deleted[path]["error"] for path in left} == {}


def test_deleting_takes_nothing_else(home: Home) -> None:
    assert home.wrong == []


def test_what_is_kept_is_as_it_was(home: Home) -> None:
    kept = [label.path for label in LABELS if label.expected != DELETE]
    assert [path for path in kept if path not in home.before] == []
    assert list(corpus.beneath(home.wrong, frozenset(kept))) == []


def outside(digests: Mapping[str, str]) -> dict[str, str]:
    """Return those of what is no artifact and in none."""
    inside = set(corpus.beneath(list(digests), ARTIFACTS))
    return {path: digest for path, digest in digests.items() if path not in inside}


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return what is gone, new or different."""
    return sorted(path for path in {*before, *after} if before.get(path) != after.get(path))


# What is said besides.


@pytest.mark.parametrize("path", corpus.REGENERATED)
def test_a_workspace_comes_back_where_its_lock_file_is(home: Home, path: str) -> None:
    command, where = corpus.REGENERATED[path]
    row = home.planned[path]
    assert (row["regenerate"], row["regenerate_in"]) == (command, str(home.path / where))


def test_a_file_that_a_store_links_to_frees_nothing(home: Home) -> None:
    row = home.planned["code/shared/node_modules"]
    assert row["allocated_bytes"] >= corpus.SHARED_BYTES
    assert row["reclaimable_bytes"] < corpus.SHARED_BYTES
    assert home.after[".local/share/pnpm/store/v10/big"].endswith(
        hashlib.sha256(b"x" * corpus.SHARED_BYTES).hexdigest()
    )


def test_what_was_freed_is_what_was_promised(home: Home) -> None:
    assert home.freed == sum(row["reclaimable_bytes"] for row in home.planned.values()) > 0


def test_last_use_is_told_in_seconds(home: Home) -> None:
    used = {
        path: datetime.fromisoformat(row["last_used_at"]).timestamp()
        for path, row in home.planned.items()
        if row["last_used_at"] is not None
    }
    assert used["code/old/node_modules"] >= corpus.OLD
    assert home.ended - 3600 < used["work/golden/crate/target"] <= home.ended
    assert used["code/future/node_modules"] <= home.ended
