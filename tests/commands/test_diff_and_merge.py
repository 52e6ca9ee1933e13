"""``diff`` and ``merge`` at the command line: what they print, and with which exit code they end."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from cleanup_nodemodule.report.rows import Report
from support.audits import artifact, audit_of, data
from support.places import COMMAND
from support.processes import surroundings
from support.waiting import TIMEOUT

OLD = audit_of(artifact("/srv/a/dist", 1_000_000), artifact("/srv/b/dist", 2_000_000))
NEW = audit_of(
    artifact("/srv/a/dist", 3_000_000, keep="in-use"),
    artifact("/srv/c/node_modules", 500_000),
    day=2,
)


def tool(*words: str, here: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [COMMAND, *words],
        cwd=here,
        env=surroundings(),
        input=stdin,
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A directory with two audits of one machine."""
    write(tmp_path / "old.json", OLD)
    write(tmp_path / "new.json", NEW)
    return tmp_path


def write(path: Path, report: Report) -> None:
    path.write_bytes(data(report))


def test_lines_of_projects_and_of_artifacts(here: Path) -> None:
    done = tool("diff", "old.json", "new.json", here=here)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "grown\t2000000\t+1.9 MiB\t1000000\t3000000\t-\t-\there\t/srv/a",
        "new\t500000\t+488.3 KiB\t-\t500000\t-\t-\there\t/srv/c",
        "gone\t-2000000\t-1.9 MiB\t2000000\t-\t-\t-\there\t/srv/b",
    ]
    assert (
        "2 directories take 3.3 MiB: 488.3 KiB more than on 2026-05-01 at 03:00 UTC" in done.stderr
    )
    done = tool("diff", "old.json", "new.json", "--verbose", here=here)
    assert done.stdout.splitlines() == [
        "grown\t2000000\t+1.9 MiB\t1000000\t3000000\tdelete\tkeep\there\t/srv/a/dist",
        "new\t500000\t+488.3 KiB\t-\t500000\t-\tdelete\there\t/srv/c/node_modules",
        "gone\t-2000000\t-1.9 MiB\t2000000\t-\tdelete\t-\there\t/srv/b/dist",
    ]


def test_the_table_fits_and_says_what_is_kept_now(here: Path) -> None:
    long = artifact(f"/srv/{'x' * 200}/dist", 10_000_000)
    write(here / "new.json", replace(NEW, artifacts=[*NEW.artifacts, long]))
    done = subprocess.run(
        [COMMAND, "diff", "old.json", "new.json", "--format", "table", "--top", "2"],
        cwd=here,
        env={**surroundings(), "COLUMNS": "60"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 60
    assert "Takes more:" in lines
    assert "and 1 more, +488.3 KiB" in done.stdout
    assert "Could be deleted, and is kept now:" in lines
    assert any(line.split() == ["2.9", "MiB", "in-use", "/srv/a/dist"] for line in lines)


def test_the_document_is_what_its_schema_says(here: Path) -> None:
    done = tool("diff", "old.json", "new.json", "--json", "--fail-if-grown", "1kB", here=here)
    assert done.returncode == 4
    document = json.loads(done.stdout)
    schema = json.loads(tool("diff", "--json-schema", here=here).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    assert document["totals"]["change_bytes"] == 500_000
    assert [one["path"] for one in document["artifacts"]] == [
        *("/srv/a/dist", "/srv/c/node_modules", "/srv/b/dist")
    ]
    [gate] = document["gates"]
    assert (gate["option"], gate["limit"], gate["actual"]) == ("--fail-if-grown", 1000, 500_000)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--fail-if-grown", "500kB"], 0, ""),
        (
            ["--fail-if-grown", "499999B"],
            4,
            "it has grown by 488.3 KiB (500,000 bytes), 1 B (1 bytes) more",
        ),
        (["--fail-if-grown", "0B"], 4, "more than --fail-if-grown 0B allows"),
        (["--fail-if-grown", "1,5GB"], 2, "has a comma"),
        (["--fail-if-grown", "7"], 2, "needs a unit"),
        (["--fail-over", "1"], 0, ""),
        (["--fail-over", "0"], 4, "1 directory can be deleted, 1 more than --fail-over 0 allows"),
        (
            ["--fail-over", "400kB"],
            4,
            "97.7 KiB (100,000 bytes) more than --fail-over 400kB allows",
        ),
        (["--fail-over", "lots"], 2, "--fail-over takes a size such as 10GB"),
    ],
)
def test_gates(here: Path, words: list[str], code: int, said: str) -> None:
    done = tool("diff", "old.json", "new.json", *words, here=here)
    assert done.returncode == code, done.stderr
    assert said in done.stderr


def test_what_cannot_be_read_ends_a_comparison(here: Path) -> None:
    (here / "cut.json").write_bytes(data(NEW)[:700])
    for words, said in (
        (("old.json", "cut.json"), "cut.json is cut short"),
        (("none.json", "new.json"), "none.json cannot be read: No such file or directory"),
        ((".", "new.json"), ". is a directory; name the documents in it, as in ./*.json"),
        (("-", "-"), "can be read only once"),
        (("old.json",), "diff needs two audits, as in: cleanup-nodemodule diff"),
        (("old.json", "new.json", "x"), "diff takes OLD and NEW and nothing else; leave out: x"),
    ):
        done = tool("diff", *words, here=here)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_an_audit_that_is_not_complete_shows_in_the_exit_code(here: Path) -> None:
    write(here / "new.json", replace(NEW, complete=False))
    done = tool("diff", "old.json", "new.json", here=here)
    assert done.returncode == 3
    assert "new.json is not complete" in done.stderr
    assert tool("diff", "old.json", "new.json", "--fail-over", "0", here=here).returncode == 4


def test_standard_input(here: Path) -> None:
    done = tool("diff", "old.json", "-", here=here, stdin=data(NEW))
    assert done.stdout == tool("diff", "old.json", "new.json", here=here).stdout
    merged = tool("merge", "-", "--json", here=here, stdin=data(NEW))
    assert json.loads(merged.stdout)["artifacts"] == json.loads(data(NEW))["artifacts"]


def test_names_that_would_harm_a_terminal(here: Path) -> None:
    row = artifact("/srv/\x1b[31m\n\udcff/dist", 9_000_000, host="h\tost")
    write(here / "new.json", audit_of(row, host="h\tost"))
    for name in ("table", "plain"):
        done = tool("diff", "old.json", "new.json", "-v", "--format", name, here=here)
        assert done.returncode == 0
        assert "\x1b" not in done.stdout + done.stderr
        assert "\\e[31m\\n\\xff" in done.stdout


@pytest.mark.parametrize("name", ["table", "plain", "csv", "markdown", "json"])
def test_a_surrogate_that_stands_for_no_byte_costs_nobody_the_rest(here: Path, name: str) -> None:
    """JSON may have any, and os.fsencode takes only those of names that are not UTF-8."""
    for host, file in (("here", "new.json"), ("two", "two.json")):
        rows = (artifact(f"/srv/{one}/dist", 9_000_000, host=host) for one in ("\ud800", "rest"))
        write(here / file, audit_of(*rows, host=host))
    for words in (("diff", "old.json", "new.json", "-v"), ("merge", "old.json", "two.json")):
        done = tool(*words, "--format", name, here=here)
        assert done.returncode == 0, done.stderr
        assert "/srv/rest" in done.stdout
        assert ("\\ud800" if name == "json" else "x80") in done.stdout


# merge


def test_what_is_merged_is_an_audit_again(here: Path) -> None:
    write(here / "two.json", audit_of(artifact("/srv/a/dist", 10_000_000), host="two"))
    merged = tool("merge", "new.json", "two.json", "--json", here=here)
    assert merged.returncode == 0, merged.stderr
    (here / "all.json").write_text(merged.stdout)
    schema = json.loads(tool("--json-schema", here=here).stdout)
    jsonschema.validate(json.loads(merged.stdout), schema)
    again = tool("merge", "all.json", "old.json", "--json", here=here)
    assert json.loads(again.stdout)["totals"] == json.loads(merged.stdout)["totals"]
    done = tool("diff", "old.json", "all.json", here=here)
    assert done.stdout == tool("diff", "old.json", "new.json", here=here).stdout
    assert "old.json did not search all of two:/srv" in done.stderr


def test_merge_says_what_counts_once(here: Path) -> None:
    done = tool("merge", "old.json", "new.json", here=here)
    assert done.returncode == 0
    assert done.stderr.splitlines()[1] == (
        "2 directories of old.json are not counted, because a later audit of the same machine has"
        " searched there again."
    )
    assert [line.split("\t")[5] for line in done.stdout.splitlines()] == [
        *("/srv/a/dist", "/srv/c/node_modules")
    ]


def test_machines_stand_before_the_paths(here: Path) -> None:
    write(here / "two.json", audit_of(artifact("/srv/a/dist", 10_000_000), host="two"))
    done = tool("merge", "new.json", "two.json", here=here)
    assert done.stdout.splitlines()[0].endswith("\ttwo:/srv/a/dist")
    assert "2 audits of 2 machines: 3 directories take 12.9 MiB" in done.stderr


def test_a_document_that_cannot_be_read_is_a_problem_of_the_rest(here: Path) -> None:
    (here / "cut.json").write_bytes(data(NEW)[:700])
    done = tool("merge", "new.json", "cut.json", "--json", here=here)
    assert done.returncode == 3
    document = json.loads(done.stdout)
    assert not document["complete"]
    assert [one["code"] for one in document["problems"]] == ["read-document"]
    assert "cut.json is cut short" in done.stderr
    assert done.stderr.count("cut.json") == 1
    alone = tool("merge", "cut.json", here=here)
    assert alone.returncode == 2


def test_merge_has_a_gate(here: Path) -> None:
    assert tool("merge", "new.json", "--fail-over", "1", here=here).returncode == 0
    done = tool("merge", "new.json", "--fail-over", "0", "--json", here=here)
    assert done.returncode == 4
    assert json.loads(done.stdout)["gates"][0]["actual"] == 1
    assert "1 directory can be deleted, 1 more than --fail-over 0 allows" in done.stderr


def test_merge_prints_no_paths_for_other_programs(here: Path) -> None:
    done = tool("merge", "new.json", "--format", "paths", here=here)
    assert done.returncode == 2
    assert "merge prints no list of paths" in done.stderr


def test_a_file_that_the_shell_has_emptied_for_the_result(here: Path) -> None:
    (here / "all.json").write_bytes(data(OLD))
    with open(here / "all.json", "wb") as output:
        done = subprocess.run(
            [COMMAND, "merge", "all.json", "new.json", "--json"],
            cwd=here,
            stdout=output,
            stderr=subprocess.PIPE,
            env=surroundings(),
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    assert done.returncode == 2
    assert "all.json is read and written at once" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the free memory is asked of Linux here")
def test_a_document_that_does_not_fit_into_the_memory_is_not_read(here: Path) -> None:
    with open(here / "huge.json", "wb") as file:
        os.truncate(file.fileno(), 1 << 42)  # It has no blocks.
    done = tool("diff", "huge.json", "new.json", here=here)
    assert done.returncode == 2
    assert "huge.json has 4.0 TiB, and reading it takes 6 times as much memory" in done.stderr


def test_what_a_run_deleted_cannot_be_deleted_again(here: Path) -> None:
    assert "What a run deleted" not in tool("merge", "old.json", here=here).stderr
    rows = [replace(OLD.artifacts[0], outcome="deleted"), OLD.artifacts[1]]
    write(here / "deleted.json", replace(OLD, mode="delete", artifacts=rows))
    done = tool("merge", "deleted.json", "--fail-over", "1", here=here)
    assert done.returncode == 0
    assert "What a run deleted is still listed" in done.stderr
    assert "and 1.9 MiB in 1 directory can be deleted" in done.stderr
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["delete", "deleted"]
    for words, over in (
        (("merge", "deleted.json"), ("1", "0")),
        (("diff", "old.json", "deleted.json"), ("2MB", "1999999B")),
    ):
        codes = [tool(*words, "--fail-over", most, here=here).returncode for most in over]
        assert codes == [0, 4]


def test_what_was_made_again_after_it_was_deleted_has_grown(here: Path) -> None:
    rows = [replace(row, outcome="deleted") for row in OLD.artifacts]
    write(here / "deleted.json", replace(OLD, mode="delete", artifacts=rows))
    done = tool("diff", "deleted.json", "old.json", "--fail-if-grown", "2999999B", here=here)
    assert done.returncode == 4
    assert "deleted.json is of a run that deleted. What it deleted counts as gone." in done.stderr
    done = tool("diff", "old.json", "deleted.json", here=here)
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["gone", "gone"]


def test_a_merged_audit_that_is_not_complete_shows_in_the_exit_code(here: Path) -> None:
    write(here / "two.json", replace(audit_of(host="two"), complete=False))
    done = tool("merge", "new.json", "two.json", here=here)
    assert done.returncode == 3
    assert "Not everything could be read on two, or the run was stopped." in done.stderr
    assert tool("merge", "new.json", "two.json", "--fail-over", "0", here=here).returncode == 4
