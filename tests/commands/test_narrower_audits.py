"""An audit that looked for less has not found less: ``diff`` calls nothing gone or new, and ``merge`` drops nothing."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from support.places import COMMAND
from support.processes import surroundings
from support.trees import declare
from support.waiting import TIMEOUT

FULL: Final = ("--profile", "all", "--also", "stuff")


def tool(*words: str, here: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [COMMAND, *words],
        cwd=here,
        env=surroundings(),
        input=stdin,
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )


def audit(name: str, *words: str, here: Path, stdin: bytes = b"") -> None:
    done = tool("work", *words, "--format", name.partition(".")[2], here=here, stdin=stdin)
    assert done.returncode in {0, 3}, done.stderr
    (here / name).write_bytes(done.stdout)


def compared(*words: str, here: Path) -> tuple[int, Any, str]:
    done = tool("diff", *words, "--json", here=here)
    shown = tool("diff", *words, "--verbose", here=here)
    return done.returncode, json.loads(done.stdout), shown.stderr.decode()


def changed(document: Any) -> dict[str, str]:
    """Return what has become of what is not as it was; --targets may decide otherwise, and that is no change."""
    rows = document["artifacts"]
    return {row["path"]: row["change"] for row in rows if row["change"] != "same"}


def paths(document: Any) -> set[str]:
    return {row["path"] for row in document["artifacts"]}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A directory with a tree, and the audit of all of it."""
    project = {"package.json": "{}", "node_modules": {"x.js": 50_000}, "dist": {"a.js": 9_000}}
    declare(tmp_path / "work", {"a": project, "deep": {"b": {"c": project}}})
    declare(tmp_path / "work", {"d": {"stuff": {"x": 7_000}, ".venv": {"pyvenv.cfg": "x"}}})
    audit("full.json", *FULL, here=tmp_path)
    assert len(paths(json.loads((tmp_path / "full.json").read_bytes()))) == 6
    return tmp_path


@pytest.mark.parametrize(
    ("words", "why", "ending"),
    [
        ((*FULL, "--max-depth", "1"), "max-depth", "json"),
        ((*FULL, "--min-depth", "2"), "min-depth", "json"),
        ((*FULL, "--exclude", "deep"), "excluded", "ndjson"),
        (("--targets", "dist"), "name", "json"),
        (("--profile", "js", "--also", "stuff"), "name", "json"),
        ((*FULL, "--artifacts-from", "-"), "only-listed", "ndjson"),
    ],
)
def test_what_was_not_looked_for_is_neither_new_nor_gone_and_is_not_dropped(
    here: Path, words: tuple[str, ...], why: str, ending: str
) -> None:
    narrow = f"narrow.{ending}"
    audit(narrow, *words, here=here, stdin=b"work/a/node_modules\n")
    audit("later.json", *FULL, here=here)
    everything = paths(json.loads((here / "full.json").read_bytes()))
    code, down, said = compared("full.json", narrow, here=here)
    assert (code, changed(down)) == (0, {})
    assert [one["why"] for one in down["old"]["not_compared_why"]] == [why]
    assert f"{narrow} " in said
    assert "not compared" in said
    code, up, _ = compared(narrow, "later.json", "--fail-if-grown", "1B", here=here)
    assert (code, changed(up), up["gates"]) == (0, {}, [])
    assert up["new"]["found"] + up["new"]["not_compared"] == len(everything)
    for names in (("full.json", narrow), (narrow, "later.json"), (narrow, "full.json")):
        merged = tool("merge", *names, "--json", here=here)
        assert paths(json.loads(merged.stdout)) == everything, names


def test_what_both_looked_for_is_gone_and_is_dropped(here: Path) -> None:
    audit("old.json", *FULL, "--max-depth", "1", here=here)
    shutil.rmtree(here / "work/a/dist")
    shutil.rmtree(here / "work/deep/b/c/dist")
    audit("new.json", *FULL, "--max-depth", "1", here=here)
    gone = {str(here / "work/a/dist")}
    for name in ("full.json", "old.json"):
        _, document, _ = compared(name, "new.json", here=here)
        assert {one["path"] for one in document["artifacts"] if one["change"] == "gone"} == gone
        merged = json.loads(tool("merge", name, "new.json", "--json", here=here).stdout)
        assert paths(merged) == paths(json.loads((here / name).read_bytes())) - gone


def test_merged_audits_are_the_same_as_ndjson(here: Path) -> None:
    audit("narrow.json", *FULL, "--max-depth", "1", here=here)
    for ending in ("json", "ndjson"):
        done = tool("merge", "full.json", "narrow.json", "--format", ending, here=here)
        (here / f"merged.{ending}").write_bytes(done.stdout)
    _, document, _ = compared("merged.json", "merged.ndjson", here=here)
    assert (document["new"]["found"], document["new"]["not_compared"]) == (6, 0)
    assert document["artifacts"] == []
    again = json.loads(tool("merge", "merged.ndjson", "full.json", "--json", here=here).stdout)
    assert (again["totals"]["found"], again["host"]) == (6, document["new"]["hosts"][0])


def test_other_filters_are_said(here: Path) -> None:
    audit("young.json", *FULL, "--older-than", "3d", here=here)
    _, document, said = compared("full.json", "young.json", here=here)
    assert (document["old"]["filters"], document["new"]["filters"]) == ([], ["--older-than 3d"])
    assert "full.json was made with no filter, and young.json with --older-than 3d." in said
