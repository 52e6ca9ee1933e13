"""The command line as people type it, through the installed command."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cleanup_nodemodule import __version__, engine
from support.places import COMMAND
from support.processes import bound, execute, mode
from support.tool import Run
from support.trees import declare, listing

Completed = subprocess.CompletedProcess[str]

MODULES = {"left-pad": {"index.js": 3000}}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Two projects with proof, and a folder that merely has the name."""
    top = tmp_path / "work"
    declare(
        top,
        {
            "app": {"package.json": "{}", "node_modules": MODULES},
            "site": {"package.json": "{}", ".next": {"BUILD_ID": "abc", "chunk.js": 9000}},
            "notes": {"dist": {"essay.txt": "mine"}},
        },
    )
    return top


def verdicts(result: Completed, top: Path) -> dict[str, tuple[str, str]]:
    """Return verdict and reason of each line, by path relative to *top*."""
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    found = {os.path.relpath(row[5], top): (row[0], row[1]) for row in rows}
    assert len(found) == len(rows), result.stdout
    return found


ALL = {
    "app/node_modules": ("delete", "-"),
    "site/.next": ("delete", "-"),
    "notes/dist": ("keep", "unproven"),
}


# Every form of release 0.1.1.


def test_without_arguments_it_searches_here_and_deletes_nothing(run: Run, work: Path) -> None:
    before = listing(work)
    result = run(cwd=work)
    assert (result.returncode, verdicts(result, work)) == (0, ALL)
    first, *more = result.stderr.splitlines()
    assert re.fullmatch(r"2 of 3 can be deleted, which frees .*\. 1 is kept: unproven\.", first)
    assert more == [
        (
            "unproven: nothing proves that it can be rebuilt. If you know that it can be rebuilt, include it:"
            " cleanup-nodemodule . --include-unproven notes/dist"
        ),
        "To find out why one is kept: cleanup-nodemodule explain PATH",
        "Nothing was deleted, because this was a dry run. To delete: cleanup-nodemodule . --no-dry-run",
    ]
    assert listing(work) == before


@pytest.mark.parametrize("option", [["-p", "work"], ["--path", "work"], ["--path=work"]])
def test_a_path_is_searched(run: Run, work: Path, option: list[str]) -> None:
    assert verdicts(run(*option), work) == ALL


@pytest.mark.parametrize("options", [["--dry-run"], ["--yes"], ["--dry-run", "--yes"]])
def test_nothing_is_deleted_unless_told_to(run: Run, work: Path, options: list[str]) -> None:
    before = listing(work)
    result = run("-p", work, *options)
    assert (result.returncode, verdicts(result, work)) == (0, ALL)
    assert listing(work) == before


def test_no_dry_run_without_a_terminal_deletes_at_once(run: Run, work: Path) -> None:
    result = run("-p", work, "--no-dry-run")
    assert result.returncode == 0
    assert verdicts(result, work) == {
        "app/node_modules": ("deleted", "-"),
        "site/.next": ("deleted", "-"),
        "notes/dist": ("keep", "unproven"),
    }
    assert result.stderr.startswith("Deleted 2 of 2, which freed ")
    assert listing(work) == [
        b"app",
        b"app/package.json",
        b"notes",
        b"notes/dist",
        b"notes/dist/essay.txt",
        b"site",
        b"site/package.json",
    ]


@pytest.mark.parametrize(
    ("option", "found"),
    [
        (["-d", "0"], {"node_modules", "a/node_modules", "a/b/node_modules"}),
        (["-d", "1"], {"a/node_modules", "a/b/node_modules"}),
        (["--min-depth", "2"], {"a/b/node_modules"}),
        (["--min-depth=3"], set()),
    ],
)
def test_nothing_above_the_smallest_depth_is_found(
    run: Run, tmp_path: Path, option: list[str], found: set[str]
) -> None:
    project: dict[str | bytes, Any] = {"package.json": "{}", "node_modules": MODULES}
    declare(tmp_path, {**project, "a": {**project, "b": project}})
    assert set(verdicts(run("-p", ".", *option), tmp_path)) == found


@pytest.mark.parametrize(
    "arguments",
    [
        ["--targets", "dist", "out", "-p", "work"],
        ["-p", "work", "--targets", "dist", "out"],
        ["-p", "work", "--targets", "dist", "--targets", "out"],
        ["-p", "work", "--targets=dist", "--targets=out"],
        ["--targets", "out", "--dry-run", "-p", "work", "--targets", "dist", "dist"],
    ],
)
def test_targets_takes_the_place_of_the_default_names(
    run: Run, work: Path, arguments: list[str]
) -> None:
    declare(work, {"rust": {"out": {"a.o": 100}}})
    result = run(*arguments)
    assert (result.returncode, verdicts(result, work)) == (
        0,
        {"notes/dist": ("delete", "-"), "rust/out": ("delete", "-")},
    )


def test_targets_takes_many_names_and_deletes_those(run: Run, work: Path) -> None:
    result = run("-p", work, "--no-dry-run", "--targets", "dist", "node_modules")
    assert result.returncode == 0
    assert [
        path for path in listing(work) if path.endswith((b"dist", b"node_modules", b".next"))
    ] == [b"site/.next"]


# Several roots.


def test_nested_and_repeated_roots_count_each_artifact_once(run: Run, work: Path) -> None:
    once = json.loads(run("-p", work, "--json").stdout)
    often = json.loads(
        run(
            "-p", work / "app", "-p", work, "-p", "work/../work", "-p", work / "app", "--json"
        ).stdout
    )
    roots = [[row.pop("root") for row in told["artifacts"]] for told in (once, often)]
    assert roots[0] == [str(work)] * len(once["artifacts"])
    assert set(roots[1]) == {str(work), str(work / "app")}
    assert often["artifacts"] == once["artifacts"]
    assert often["totals"] == once["totals"]
    assert often["roots"] == [str(work / "app"), str(work)]


def test_a_root_inside_an_artifact_of_another_root_counts_once(run: Run, work: Path) -> None:
    declare(work / "app/node_modules/left-pad", {"node_modules": {"dep": {"a.js": 10}}})
    inner = work / "app/node_modules/left-pad"
    for arguments in (["-p", work, "-p", inner], ["-p", inner, "-p", work]):
        assert verdicts(run(*arguments), work) == ALL


def test_a_symlink_to_a_root_is_that_root(run: Run, work: Path, tmp_path: Path) -> None:
    declare(tmp_path, {"link": Path("work")})
    assert verdicts(run("-p", "link", "-p", "work"), work) == ALL


def test_an_empty_path_is_the_current_directory(run: Run, work: Path) -> None:
    result = run("-p", "", cwd=work)
    assert (result.returncode, verdicts(result, work)) == (0, ALL)


# What is left out, and in what order the rest comes.


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (["notes/"], {"app/node_modules", "site/.next"}),
        (["/notes/dist"], {"app/node_modules", "site/.next"}),
        (["dist"], {"app/node_modules", "site/.next"}),
        (["*", "!/app", "!/app/node_modules"], {"app/node_modules"}),
        (["/*", "!/site"], {"site/.next"}),
        (["/dist", "# app", "**/node_modules"], {"site/.next", "notes/dist"}),
    ],
)
def test_excluded_is_what_git_would_ignore(
    run: Run, work: Path, patterns: list[str], found: set[str]
) -> None:
    options = [f"--exclude={pattern}" for pattern in patterns]
    result = run("-p", work, *options)
    assert (result.returncode, set(verdicts(result, work))) == (0, found)


def test_what_is_excluded_is_not_deleted(run: Run, work: Path) -> None:
    assert run("-p", work, "-e", "app", "--no-dry-run").returncode == 0
    assert (work / "app/node_modules/left-pad/index.js").stat().st_size == 3000
    assert not (work / "site/.next").exists()


def test_what_is_excluded_need_not_be_readable(work: Path) -> None:
    declare(work, {"secret": {"inside": {}}})
    with mode(work / "secret", 0):
        command = (*bound(), COMMAND, "-q", "--format", "plain")
        seen = execute(*command, cwd=work)
        spared = execute(*command, "--exclude", "secret", cwd=work)
    assert seen.returncode == 3
    assert seen.stderr.decode() == (
        f"cleanup-nodemodule: could not open {work}/secret: Permission denied\n"
    )
    assert (spared.returncode, spared.stderr) == (0, b"")
    assert spared.stdout == seen.stdout


@pytest.mark.parametrize(
    ("order", "names"),
    [
        (None, ["b", "c", "a"]),
        ("size", ["b", "c", "a"]),
        ("path", ["a", "b", "c"]),
        ("age", ["c", "a", "b"]),
    ],
)
def test_rows_come_in_the_order_asked_for(
    run: Run, tmp_path: Path, order: str | None, names: list[str]
) -> None:
    sizes = {"a": 10_000, "b": 300_000, "c": 90_000}
    used = {"a": 2_000_000, "b": 3_000_000, "c": 1_000_000}
    for name, size in sizes.items():
        declare(tmp_path / name, {"package.json": "{}", "node_modules": {"file": size}})
        for path in ("node_modules/file", "node_modules", "package.json"):
            os.utime(tmp_path / name / path, (used[name], used[name]))
    option = [] if order is None else ["--sort", order]
    rows = json.loads(run(*option, "--json").stdout)["artifacts"]
    assert [os.path.basename(row["project"]) for row in rows] == names


def test_lines_come_in_the_order_of_the_document(run: Run, work: Path) -> None:
    rows = json.loads(run("-p", work, "--sort", "path", "--json").stdout)["artifacts"]
    lines = run("-p", work, "--sort", "path").stdout.splitlines()
    assert [line.split("\t")[5] for line in lines] == [row["path"] for row in rows]


def test_the_number_of_jobs_changes_no_number(run: Run, work: Path) -> None:
    documents = [
        json.loads(run("-p", work, "--json", *jobs).stdout)
        for jobs in ([], ["--jobs", "1"], ["-j", "7"])
    ]
    assert [document["artifacts"] for document in documents] == [documents[0]["artifacts"]] * 3
    assert [document["totals"] for document in documents] == [documents[0]["totals"]] * 3


# How it is shown.


def test_quiet_prints_the_result_that_was_asked_for_and_nothing_else(run: Run, work: Path) -> None:
    loud, quiet = run("-p", work), run("-p", work, "--quiet", "--format", "plain")
    assert (quiet.stdout, quiet.stderr) == (loud.stdout, "")


def test_verbose_says_why(run: Run, work: Path) -> None:
    declare(work / "app", {"package-lock.json": "{}"})
    assert run("-p", work, "--verbose", "--sort", "path").stderr.splitlines()[:3] == [
        f"{work}/app/node_modules: package.json beside it; to get it back: npm ci",
        f"{work}/notes/dist: no proof found; kept, because nothing proves that it can be rebuilt",
        f"{work}/site/.next: BUILD_ID inside; to get it back: npx next build",
    ]


def test_in_a_pipe_lines_are_plain(run: Run, work: Path) -> None:
    plain = run("-p", work)
    assert plain.stdout == run("-p", work, "--format", "plain").stdout
    assert "\x1b" not in plain.stdout + plain.stderr


def test_a_table_in_a_pipe_folds_nothing(run: Run, tmp_path: Path) -> None:
    project = "very-long-project-name-" * 9
    declare(tmp_path / project, {"package.json": "{}", "node_modules": MODULES})
    lines = run("--format", "table").stdout.splitlines()
    assert lines[0] == f"Can be deleted in {tmp_path}:"
    assert [line for line in lines if project in line and "package.json beside it" in line] != []
    assert "\x1b" not in "".join(lines)


def test_paths_are_those_that_would_be_deleted_and_then_those_that_were(
    run: Run, work: Path
) -> None:
    both = f"{work}/app/node_modules\n{work}/site/.next\n"
    asked = run("-p", work, "--sort", "path", "-f", "paths")
    assert asked.stdout == both
    done = run("-p", work, "--sort", "path", "-f", "paths", "--no-dry-run")
    assert done.stdout == both
    assert not (work / "app/node_modules").exists()


def test_null_ends_each_path_with_a_null(run: Run, work: Path) -> None:
    for option in ("-0", "--null"):
        result = run("-p", work, "--sort", "path", option)
        assert result.stdout == f"{work}/app/node_modules\0{work}/site/.next\0"


@pytest.mark.parametrize("option", [["--json"], ["--format", "json"]])
def test_json_is_one_document_and_nothing_else(run: Run, work: Path, option: list[str]) -> None:
    result = run("-p", work, *option)
    document = json.loads(result.stdout)
    assert [row["path"] for row in document["artifacts"]] == [
        f"{work}/{path}" for path in ("site/.next", "app/node_modules", "notes/dist")
    ]
    assert (result.returncode, result.stderr) == (0, "")


def test_nothing_found_is_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = run("-p", "empty")
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr == (
        f"Nothing was found in {tmp_path}/empty. This run looked for node_modules, .next, .nuxt and 59 others (profile js).\n"
        "To look for what the tools of other languages make: cleanup-nodemodule empty --profile all\n"
    )


# Wrong usage: says what to type instead, and touches nothing.

WRONG = [
    (["--dryrun"], "there is no option --dryrun; did you mean --dry-run?"),
    (["--no-dryrun"], "there is no option --no-dryrun; did you mean --no-dry-run?"),
    (["--dry_run"], "there is no option --dry_run; did you mean --dry-run?"),
    (["--target", "dist"], "there is no option --target; did you mean --targets?"),
    (["--zzzzzz"], "there is no option --zzzzzz; cleanup-nodemodule --help lists the options"),
    (
        ["-p", "nowhere"],
        "cannot search nowhere: No such file or directory; type the path of a directory",
    ),
    (["-p", "work/app/package.json"], "cannot search work/app/package.json: Not a directory"),
    (["-p", "nowhere", "-p", "there"], "cannot search nowhere: No such file or directory"),
    (["-p", "work/no\x1bwhere"], r"cannot search $'work/no\ewhere': No such file or directory"),
    (["--jobs", "0"], "--jobs cannot be 0; type a number from 1 to 1024, or leave it out"),
    (["--jobs", "-3"], "--jobs cannot be -3; type a number from 1 to 1024, or leave it out"),
    (
        ["--timeout", "0"],
        "--timeout cannot be 0; type a number of seconds above 0, or leave it out",
    ),
    (["--timeout", "nan"], "--timeout cannot be nan; type a number of seconds above 0"),
    (["--min-depth", "-1"], "--min-depth cannot be -1; use 0 for every depth, or a larger number"),
    (["--e\x1bsc"], r"there is no option $'--e\esc'"),
    (["--targets"], "--targets needs the name of a directory, as in: --targets node_modules dist"),
    (["--targets", "a/b"], "--targets takes names of directories, not paths, and 'a/b' is none"),
    (
        ["--targets", "dist", ".."],
        "--targets takes names of directories, and .. is a path; put the",
    ),
    (["--targets", ""], "--targets takes names of directories, not paths, and '' is none"),
    (["--targets", "."], "--targets takes names of directories, not paths, and '.' is none"),
    (["--targets", ".git"], "--targets .git would delete repositories; that is never done"),
    (["--dry-run"], "--dry-run and --no-dry-run contradict each other; give one"),
    (["--quiet", "--verbose"], "--quiet and --verbose contradict each other; give one"),
    (["-0"], "--json and --null contradict each other; give one"),
    (["--format", "plain"], "--format and --json contradict each other; give one"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=[" ".join(w[0]) for w in WRONG])
def test_wrong_usage_says_what_to_type_and_touches_nothing(
    run: Run, work: Path, arguments: list[str], message: str
) -> None:
    before = listing(work)
    result = run("--json", "--no-dry-run", *arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("cleanup-nodemodule: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    document = json.loads(result.stdout)
    assert (document["complete"], document["artifacts"]) == (False, [])
    assert [f"cleanup-nodemodule: {problem['message']}\n" for problem in document["problems"]] == [
        result.stderr
    ]
    assert listing(work) == before


def test_wrong_usage_prints_no_result_unless_json_was_asked_for(run: Run, work: Path) -> None:
    before = listing(work)
    for arguments in (["--dryrun"], ["-p", "nowhere"], ["--jobs", "0"]):
        result = run("--no-dry-run", *arguments)
        assert (result.returncode, result.stdout) == (2, "")
    assert listing(work) == before


# Version.


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version_names_the_engine(run: Run, option: str) -> None:
    result = run(option)
    assert result.stdout == f"cleanup-nodemodule {__version__} (engine: {engine.name()})\n"


def test_the_module_runs_like_the_command(run: Run, work: Path) -> None:
    module = execute(sys.executable, "-m", "cleanup_nodemodule", "--json", cwd=work)
    document: dict[str, Any] = json.loads(module.stdout)
    assert document["artifacts"] == json.loads(run("--json", cwd=work).stdout)["artifacts"]
    wrong = execute(sys.executable, "-m", "cleanup_nodemodule", "--dryrun", cwd=work)
    assert wrong.returncode == 2
    message = b"cleanup-nodemodule: there is no option --dryrun; did you mean --dry-run?\n"
    assert wrong.stderr == message


# The command that the last line gives.

WEIRD = (
    b"plain",
    b"two words",
    b"it's",
    b'say "hi"',
    b"new\nline",
    b"\x1b[31mred",
    b"caf\xe9",
    "café".encode(),
    b"$(touch pwned)",
    b"`touch pwned`",
    b"back\\slash",
    b"$'x'",
    b"-rf",
    b"--no-dry-run",
    b"--",
    b"--targets",
    b"--path=x",
    b"-d",
    b"*",
    "zero\u200bwidth".encode(),
)


def paste(line: str, cwd: Path) -> "subprocess.CompletedProcess[bytes]":
    """Give what a line says to a shell, as somebody would who read it."""
    label, _, command = line.removeprefix("unproven: ").partition(": ")
    assert label.startswith("nothing proves that it can be rebuilt. If you know that ")
    assert "--no-dry-run" not in command.split()
    path = f"{os.path.dirname(COMMAND)}:{os.environ['PATH']}"
    return execute("bash", "-c", command, cwd=cwd, env={"PATH": path, "LC_ALL": "C.UTF-8"})


def batches() -> list[tuple[bytes, ...]]:
    """Put names together, as many as one command includes."""
    return [WEIRD[start : start + 3] for start in range(0, len(WEIRD), 3)]


def including(errors: str) -> str:
    """Return the line that tells how to include what was unproven."""
    [line] = [line for line in errors.splitlines() if " --include-unproven " in line]
    return line


@pytest.mark.parametrize("names", batches())
def test_the_command_in_the_last_words_includes_what_was_unproven(
    tmp_path: Path, names: tuple[bytes, ...]
) -> None:
    roots: list[bytes] = []
    for name in names:
        # What was proven stays, and what was never shown is not included.
        tree: dict[str | bytes, Any] = {"dist": {"a": "b"}, "build": {"src": "x"}}
        tree |= {"node_modules": {"x": ""}, "package.json": "{}"}
        declare(os.path.join(os.fsencode(tmp_path), name), tree)
        roots.append(b"--path=" + name)
    shown = execute(COMMAND, *roots, "--no-dry-run", "--max-delete", "0", cwd=tmp_path)
    assert shown.returncode == 4
    assert shown.stdout.count(b"keep\tunproven\t") == 2 * len(names)
    shown = execute(COMMAND, *roots, "-e", "build", "--no-dry-run", cwd=tmp_path)
    assert shown.stdout.count(b"deleted\t-\t") == len(names)
    assert shown.stdout.count(b"keep\tunproven\t") == len(names)
    shown = execute(COMMAND, *roots, "-e", "build", cwd=tmp_path)
    last = including(shown.stderr.decode())
    assert last.isprintable()
    pasted = paste(last, tmp_path)
    assert pasted.returncode == 0, pasted.stderr
    assert pasted.stdout.count(b"delete\t-\t") == len(names)
    assert pasted.stdout.count(b"\n") == len(names)
    for name in names:
        assert listing(os.path.join(os.fsencode(tmp_path), name)) == [
            *(b"build", b"build/src", b"dist", b"dist/a", b"package.json"),
        ]


def test_the_command_in_the_last_words_says_what_this_one_said(run: Run, work: Path) -> None:
    declare(work, {"own": {"made": {"x": ""}, "mark": ""}, "deep": {"er": {"dist": {"a": ""}}}})
    said = (
        *("-p", "app", "-p", "notes", "-p", "own", "-p", "deep", "-d", "0", "--rule", "made@mark"),
        *("--profile", "js", "--profile", "rust", "-e", "e?", "--max-delete", "100"),
        *("--also", "er", "--engine", "python", "-j", "2", "--timeout", "60"),
    )
    result = run(*said, "--no-dry-run", "--yes", "--wait", "-v", cwd=work)
    last = including(result.stderr)
    again = (word for word in said if word != "-p")
    words = " ".join("'e?'" if word == "e?" else word for word in again)
    command = last.rpartition(": ")[2].split()
    assert sorted(command) == sorted(
        f"cleanup-nodemodule {words} --include-unproven notes/dist".split()
    )
    pasted = paste(last, work)
    assert (pasted.returncode, pasted.stdout.count(b"delete\t-\t")) == (0, 1), pasted.stderr


def test_the_command_in_the_last_words_names_paths_that_are_taken_for_nothing_else(
    run: Run, tmp_path: Path
) -> None:
    names = ("log", "-x", "--yes", "plain")
    for name in names:
        declare(tmp_path / name, {"dist": {"a": "b"}})
    last = including(run("--", *names, cwd=tmp_path).stderr)
    assert " ./log ./-x ./--yes plain --include-unproven " in last
    assert paste(last, tmp_path).stdout.count(b"delete\t-\t") == 3


def test_the_command_in_the_last_words_names_the_largest_of_many(run: Run, tmp_path: Path) -> None:
    declare(tmp_path, {f"p{number}": {"dist": {"a": 5000 * number}} for number in range(8)})
    for here, before in ((tmp_path, ""), (tmp_path / "p1", f"{tmp_path}/")):
        last = including(run("-p", tmp_path, cwd=here).stderr)
        assert "include them (these are the 3 largest): " in last
        assert last.rpartition("--include-unproven ")[2].split() == [
            f"{before}p{number}/dist" for number in (7, 6, 5)
        ]


def test_no_command_includes_anything_where_nothing_is_unproven(run: Run, work: Path) -> None:
    assert "--include-unproven" not in run("-p", work / "app").stderr
    assert "--include-unproven" not in run("-p", work, "--targets", "dist").stderr


def test_the_last_line_of_a_dry_run_deletes_exactly_that(run: Run, work: Path) -> None:
    said = (
        "-p",
        "app",
        "-p",
        "notes",
        "--include-unproven",
        "notes/dist",
        "--max-delete",
        "9",
        "-e",
        "x*",
    )
    planned = run(*said, "--format", "paths", "--sort", "path", cwd=work)
    line = planned.stderr.splitlines()[-1]
    label, _, command = line.rpartition(": ")
    assert label == "Nothing was deleted, because this was a dry run. To delete"
    assert "--format" not in command
    path = f"{os.path.dirname(COMMAND)}:{os.environ['PATH']}"
    done = execute("bash", "-c", f"{command} -f paths --sort path", cwd=work, env={"PATH": path})
    assert (done.returncode, done.stdout.decode()) == (0, planned.stdout)
    assert not (work / "notes/dist").exists()
    assert (work / "site/.next").exists()


def test_a_misspelt_profile_is_told_the_nearest_one(run: Run) -> None:
    result = run("--profile", "pyhton")
    assert result.returncode == 2
    assert "there is no profile 'pyhton'; did you mean python?" in result.stderr
