"""Every message about a command line that is wrong: one sentence that says what to type instead."""

import json
import os
import re
from pathlib import Path

import pytest
import typer

from cleanup_nodemodule.commands import failures, wrong_usage
from cleanup_nodemodule.commands.app import app
from cleanup_nodemodule.errors import ExitCode
from support.tool import PROJECT, Run
from support.trees import declare, listing

Captured = pytest.CaptureFixture[str]

WRONG = [
    # A value that is missing.
    (["-p"], "-p needs a directory, as in: -p ~/work"),
    (["--path"], "--path needs a directory, as in: --path ~/work"),
    (["-d"], "-d needs a number, as in: -d 4"),
    (["--profile"], "--profile needs a profile, as in: --profile python"),
    (["--rule"], "--rule needs a name and a marker, as in: --rule out@Makefile"),
    (["-e"], "-e needs a name, a path or a pattern, as in: -e legacy"),
    (["--max-delete"], "--max-delete needs a size or a number, as in: --max-delete 10GB"),
    (["--timeout"], "--timeout needs a number of seconds, as in: --timeout 60"),
    (["-j"], "-j needs a number, as in: -j 4"),
    (
        ["--format"],
        "--format needs a value: table, plain, json, ndjson, csv, markdown or paths, as in: --format table",
    ),
    (["-s"], "-s needs a value: size, path or age, as in: -s size"),
    (["--color"], "--color needs a value: auto, always or never, as in: --color auto"),
    (["--engine"], "--engine needs a value: auto, native or python, as in: --engine auto"),
    (["--targets"], "--targets needs the name of a directory, as in: --targets node_modules dist"),
    (["--also"], "--also needs the name of a directory, as in: --also dist out"),
    (
        ["--include-unproven"],
        "--include-unproven needs the path of a directory, as in: --include-unproven web/dist docs/out",
    ),
    (["explain"], "explain needs a directory, as in: cleanup-nodemodule explain web/dist"),
    (["explain", "-p"], "-p needs a directory, as in: -p ~/work"),
    (["log", "-n"], "-n needs a number, as in: -n 4"),
    (["rules", "--profile"], "--profile needs a profile, as in: --profile python"),
    (["resume", "--forget"], "--forget needs a directory, as in: --forget ~/work"),
    (["history", "--job"], "--job needs the name of a job, as in: --job nightly"),
    (["schedule", "--every"], "--every needs a time, as in: --every day"),
    (["--log-file"], "--log-file needs a file, as in: --log-file cleanup.log"),
    (["--max-runtime"], "--max-runtime needs a length of time, as in: --max-runtime 2h"),
    (["--delay"], "--delay needs a length of time, as in: --delay 30min"),
    (
        ["run", "--job", "nightly"],
        "run takes the name of the job without --job, as in: cleanup-nodemodule run nightly",
    ),
    (
        ["schedule", "show", "nightly"],
        "schedule takes one ACTION at a time; to name a job, type: --job nightly",
    ),
    # A value that no option takes.
    (["--yes=1"], "--yes takes no value; type --yes alone"),
    (["--json=yes"], "--json takes no value; type --json alone"),
    (["--help=rules"], "--help takes no value; type --help alone"),
    (["regenerate", "--run=3f9a"], "--run takes no value; type --run alone"),
    (["-y=1"], "-y takes no value; type -y alone"),
    (["-p=my work"], "-p takes its value behind a space; type: -p 'my work'"),
    (["log", "-n=3"], "-n takes its value behind a space; type: -n 3"),
    # A value that is none of those there are.
    (
        ["--sort", "colour"],
        "--sort cannot be colour; it takes size, path or age, as in: --sort size",
    ),
    (
        ["--sort", "aeg"],
        "--sort cannot be aeg; did you mean age? It takes size, path or age, as in: --sort age",
    ),
    (
        ["-f", "jsno"],
        (
            "--format cannot be jsno; did you mean json? It takes table, plain, json, ndjson, csv, markdown or paths, as in:"
            " --format json"
        ),
    ),
    (
        ["--format", "xml"],
        "--format cannot be xml; it takes table, plain, json, ndjson, csv, markdown or paths, as in: --format table",
    ),
    (
        ["--color", "nevr"],
        (
            "--color cannot be nevr; did you mean never? It takes auto, always or never, as in:"
            " --color never"
        ),
    ),
    (
        ["--engine", "rust"],
        "--engine cannot be rust; it takes auto, native or python, as in: --engine auto",
    ),
    (
        ["--sort", ""],
        "--sort cannot be ''; it takes size, path or age, as in: --sort size",
    ),
    # A value that is no number, or none that can be.
    (["--jobs", "many"], "--jobs takes a number, as in: --jobs 4; many is none"),
    (["--jobs", "1.5"], "--jobs takes a number, as in: --jobs 4; 1.5 is none"),
    (["-j", ""], "--jobs takes a number, as in: --jobs 4; '' is none"),
    (["-d", "two"], "--min-depth takes a number, as in: --min-depth 4; two is none"),
    (["-d", "-1"], "--min-depth cannot be -1; use 0 for every depth, or a larger number"),
    (
        ["-d", "9" * 6000],
        "--min-depth cannot be so large a number; type for instance: --min-depth 4",
    ),
    (
        ["--timeout", "soon"],
        "--timeout takes a number of seconds, as in: --timeout 60; soon is none",
    ),
    (
        ["--timeout", "nan"],
        "--timeout cannot be nan; type a number of seconds above 0, or leave it out",
    ),
    (["--top", "-1"], "--top cannot be -1; type 0 or more"),
    (["--top", "ten"], "--top takes a number, as in: --top 4; ten is none"),
    (["log", "-n", "all"], "--limit takes a number, as in: --limit 4; all is none"),
    (
        ["log", "--timeout", "x\x1b"],
        r"--timeout takes a number of seconds, as in: --timeout 60; $'x\e' is none",
    ),
    (
        ["--max-delete", "lots"],
        (
            "--max-delete takes a size such as 10GB, 500MiB or 1.5G, or a number of directories such as 100,"
            " and 'lots' is neither"
        ),
    ),
    # An option that is not there, or not there.
    (["--dryrun"], "there is no option --dryrun; did you mean --dry-run?"),
    (["-path", "x"], "there is no option -path; did you mean --path?"),
    (["log", "-limit", "3"], "there is no option -limit; did you mean --limit?"),
    (["log", "--jsno"], "there is no option --jsno; did you mean --json?"),
    (["--zzzzzz"], "there is no option --zzzzzz; cleanup-nodemodule --help lists the options"),
    (
        ["explain", "x", "--zzzzzz"],
        "there is no option --zzzzzz; cleanup-nodemodule explain --help lists the options",
    ),
    (["-P", "x"], "there is no option -P; did you mean -p?"),
    (["-Y"], "there is no option -Y; cleanup-nodemodule --help lists the options"),
    (["--yess"], "there is no option --yess; cleanup-nodemodule --help lists the options"),
    (
        ["log", "--trash"],
        "log takes no --trash; cleanup-nodemodule log -h lists the options that it takes",
    ),
    (
        ["--forget", "x"],
        (
            "there is no option --forget without a command; did you mean:"
            " cleanup-nodemodule resume --forget?"
        ),
    ),
    (["--json", "log"], "--json has to stand after log; type: cleanup-nodemodule log --json"),
    (
        ["-p", "work", "--no-dry-run", "log"],
        "log takes no --path; cleanup-nodemodule log -h lists the options that it takes",
    ),
    # Directories that are not there.
    (
        ["explain", "nowhere"],
        "cannot explain nowhere: No such file or directory; type the path of a directory",
    ),
    (
        ["explain", "a.log"],
        "cannot explain a.log: it is not a directory; type the path of a directory",
    ),
    # Words that nothing takes.
    (["resume", "work"], "resume takes no argument; leave out: work"),
    (["explain", "a", "b c"], "explain takes one PATH at a time; leave out: 'b c'"),
    (["regenerate", "a", "b", "c"], "regenerate takes one RUN at a time; leave out: b c"),
    (["help", "log", "rules"], "help takes one COMMAND at a time; leave out: rules"),
    # Words that are neither a command nor there.
    (
        ["exlpain", "work"],
        "there is no command and no directory exlpain; did you mean: cleanup-nodemodule explain work?",
    ),
    (
        ["nowhere"],
        "there is no command and no directory nowhere; cleanup-nodemodule -h lists the commands",
    ),
    (
        ["work", "log"],
        (
            "there is no directory log; to run the command log, type it first:"
            " cleanup-nodemodule log work"
        ),
    ),
    (
        ["./log"],
        "cannot search ./log: No such file or directory; type the path of a directory that exists",
    ),
    (
        ["-p", "log"],
        "cannot search log: No such file or directory; type the path of a directory that exists",
    ),
    (["help", "lgo"], "there is no command lgo; did you mean log?"),
    (
        ["help", "zzz"],
        (
            "there is no command zzz; there are run, apply, resume, rules, explain, log, history, regenerate, diff, merge, doctor,"
            " config, schedule, help"
        ),
    ),
    # Names that are no names of directories.
    (
        ["--targets", "a.log"],
        (
            "--targets takes names of directories, and a.log is a file. This program deletes directories;"
            " to find files, type: find . -name '*.log'"
        ),
    ),
    (
        ["--also", "*.log"],
        (
            "--also takes names of directories, and '*.log' is a pattern; type each name, as in: --also dist"
            " .cache. This program deletes directories; to find files, type: find . -name '*.log'"
        ),
    ),
    (
        ["--targets", "node*"],
        (
            "--targets takes names of directories, and 'node*' is a pattern; type each name, as in:"
            " --targets dist .cache"
        ),
    ),
    (
        ["--targets", "dist,out"],
        "--targets takes names with spaces between them; type: --targets dist out",
    ),
    (
        ["--profile", "pyhton"],
        "--profile: there is no profile 'pyhton'; did you mean python?",
    ),
    # What other programs call it.
    (["--profile", "JavaScript"], "--profile: there is no profile 'JavaScript'; did you mean js?"),
    (["--node"], "there is no option --node; did you mean --profile js?"),
    (["--rust"], "there is no option --rust; did you mean --profile rust?"),
    (["--delete"], "there is no option --delete; did you mean --no-dry-run?"),
    (["--undo"], "there is no option --undo; did you mean cleanup-nodemodule regenerate?"),
    (
        ["undo"],
        "there is no command and no directory undo; did you mean: cleanup-nodemodule regenerate?",
    ),
    (
        ["delete", "."],
        (
            "there is no command delete; a run deletes with --no-dry-run, as in:"
            " cleanup-nodemodule . --no-dry-run"
        ),
    ),
    # What contradicts itself.
    (["--dry-run", "--no-dry-run"], "--dry-run and --no-dry-run contradict each other; give one"),
    (["-q", "-v"], "--quiet and --verbose contradict each other; give one"),
    (["-0", "--json"], "--json and --null contradict each other; give one"),
    (
        ["", "--no-dry-run"],
        "PATH is empty; to delete in the current directory, type: -p . --no-dry-run",
    ),
    (["log", "--all", "-n", "3"], "--all and --limit contradict each other; give one"),
]
"""What can be typed wrongly, and the whole of what is said about it."""

OTHERS_WORDS = re.compile(
    r"Invalid value|Input should|unexpected extra|Got |Missing |No such option|not a valid|requires an"
    r"|does not take|validation|Usage:|Try "
)
"""How click and pydantic say it."""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a project and a file in it; with no configuration and no journal."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    declare(tmp_path / "here", {"work": PROJECT, "a.log": "x"})
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.mark.parametrize(
    ("arguments", "message"), WRONG, ids=[" ".join(words)[:40] for words, _ in WRONG]
)
def test_what_is_wrong_is_one_sentence_in_our_words(
    work: Path, capfd: Captured, arguments: list[str], message: str
) -> None:
    before = listing(work)
    code = failures.run(arguments)
    output, errors = capfd.readouterr()
    assert (code, output == "") == (ExitCode.USAGE, "--json" not in arguments), errors
    assert errors == f"cleanup-nodemodule: {message}\n"
    assert OTHERS_WORDS.search(errors) is None
    assert listing(work) == before


def test_every_option_with_a_value_has_an_example_of_its_own() -> None:
    root = typer.main.get_command(app)
    for name, one in {"": root, **root.commands}.items():  # type: ignore[attr-defined]
        for param in one.params:
            option = param.opts[-1]
            if getattr(param, "is_flag", True) or wrong_usage.choices_of(param):
                continue
            known = {*wrong_usage._VALUES, *wrong_usage._OF_OPTIONS}  # noqa: SLF001 - what it looks into
            assert {param.metavar, option} & known, (name, option)
            job = wrong_usage.example_of(option, param.metavar) == "nightly"
            assert job == (option == "--job")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["work"],
        ["--", "work"],
        ["work", "-v"],
        ["-v", "work", "--sort", "path"],
        ["-p", "work"],
        ["--sort=path", "work", "-vp", "work"],
        ["-vs", "path", "--", "work"],
        ["-v", "-e", "--", "work"],
    ],
    ids=" ".join,
)
def test_a_path_stands_anywhere_and_means_the_same_as_with_p(
    run: Run, work: Path, arguments: list[str]
) -> None:
    result = run(*arguments, cwd=work)
    assert result.returncode == 0, result.stderr
    assert [line.split("\t")[5] for line in result.stdout.splitlines()] == [
        str(work / "work/node_modules")
    ]


def test_several_paths_are_searched_with_those_of_p(run: Run, work: Path) -> None:
    declare(work, {"a": PROJECT, "b": PROJECT, "-c": PROJECT, "log": PROJECT})
    words = ("a", "-p", "b", "--json", "./log", "--", "-c")
    roots = json.loads(run(*words, cwd=work).stdout)["roots"]
    assert [os.path.relpath(root, work) for root in roots] == ["a", "b", "log", "-c"]
    # Behind a path or two dashes it is no command any more.
    for other in (["a", "log", "--json"], ["--json", "--", "log"]):
        assert str(work / "log") in json.loads(run(*other, cwd=work).stdout)["roots"]


def test_names_go_on_taking_all_words_that_follow(run: Run, work: Path) -> None:
    declare(work, {"x": {"dist": {"a": "b"}, "out": {"a": "b"}}})
    result = run("x", "--targets", "dist", "out", "-v", cwd=work)
    assert len(result.stdout.splitlines()) == 2


def test_a_root_that_is_not_there_is_not_taken_for_what_is_to_be_explained(
    run: Run, work: Path
) -> None:
    result = run("explain", "work", "-p", "nowhere", cwd=work)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"cleanup-nodemodule: cannot search {work}/nowhere: No such file or directory; -p takes a directory"
        f" around {work}/work\n"
    )


def test_wrong_usage_is_a_document_too(run: Run, work: Path) -> None:
    for word, code, path in (("exlpain", "usage", None), ("zz", "search-root", str(work / "zz"))):
        result = run(word, "--json", cwd=work)
        [problem] = json.loads(result.stdout)["problems"]
        assert (problem["code"], problem["path"]) == (code, path)
        assert f"cleanup-nodemodule: {problem['message']}\n" == result.stderr


def test_a_directory_that_is_called_almost_like_a_command_is_searched(run: Run, work: Path) -> None:
    declare(work, {"rule": PROJECT})
    assert run("rule", "-v", cwd=work).stdout.count("\n") == 1
