"""The help: examples first, everything in it, well laid out at every width."""

import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from cleanup_nodemodule.commands.app import app
from cleanup_nodemodule.commands.examples import EXAMPLES
from cleanup_nodemodule.commands.help_page import EXIT_CODES, first_sentence, page
from cleanup_nodemodule.errors import ExitCode
from support.audits import artifact, audit_of, data
from support.places import COMMAND
from support.processes import execute
from support.screen import Screen
from support.tool import Run
from support.trees import declare, npm_project

PROGRAM: Any = typer.main.get_command(app)
COMMANDS: dict[str, Any] = {"": PROGRAM, **PROGRAM.commands}

SHORT = """\
Find build artifacts such as node_modules, say exactly how much space deleting
them frees, and delete them when told to.

Usage: cleanup-nodemodule [OPTIONS] [PATH]...
       cleanup-nodemodule COMMAND [OPTIONS] [ARGUMENTS]

Examples:
  cleanup-nodemodule ~/work                     # see what can be deleted
  cleanup-nodemodule ~/work --no-dry-run        # delete it, after a question
  cleanup-nodemodule ~/work --no-dry-run --yes  # delete it without a question
  cleanup-nodemodule ~/work --profile python    # in Python projects
  cleanup-nodemodule ~/work --exclude legacy    # leave some alone

Options:
  -p, --path PATH        Search this directory.
      --profile NAME     Look for this ecosystem: js, python, rust, ... or all.
      --targets NAME...  Look for these names instead of the default ones.
  -e, --exclude PATTERN  Leave alone what matches, and do not search it.
      --older-than 30d   Only what is older. --help has more such filters.
      --no-dry-run       Delete, at a terminal after a question.
  -y, --yes              With --no-dry-run: do not ask.
      --trash            With --no-dry-run: move to the trash instead.
  -f, --format FORMAT    How to print the result, such as json or csv.
      --json             Short for --format json.
      --top N            Show the first N directories in the table, 0 for all.
  -q, --quiet            Print nothing unless something went wrong.
  -v, --verbose          Print all that is known about each artifact.
  -V, --version          Print the version and the engine.

Commands:
  run         Carry out a job: a run that a configuration file defines.
  apply       Delete what a saved plan names.
  resume      Finish what interrupted runs left.
  rules       List the directories it knows, and what brings them back.
  explain     Say of one directory whether it can be deleted, and why.
  log         Show what was deleted, and when.
  history     Show past runs, what grows, and when a disk will be full.
  regenerate  Print or run the commands that bring back what was deleted.
  diff        Compare two audits: what has grown, shrunk, come and gone.
  merge       Join the audits of many machines into one.
  doctor      Check what unattended runs need, and say what to do.
  config      Show, make, check or change the configuration.
  schedule    Start a job by itself, for example each night.
  help        Print this help, or that of a command.

cleanup-nodemodule --help shows everything.
"""


def words(name: str, *more: str) -> tuple[str, ...]:
    return (*((name,) if name else ()), *more)


def plain(text: str) -> str:
    return " ".join(text.split())


def test_the_short_help_is_one_screen(run: Run) -> None:
    result = run("-h")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == SHORT
    assert SHORT.count("\n") <= 48


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 120])
@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_well_laid_out_at_every_width(run: Run, name: str, columns: int) -> None:
    for option in ("-h", "--help"):
        result = run(*words(name, option), env={"COLUMNS": str(columns)})
        assert (result.returncode, result.stderr) == (0, "")
        lines = result.stdout.splitlines()
        # What is to be typed is in one piece, however narrow the terminal is.
        whole = (
            "cleanup-nodemodule",
            "Usage:",
            "       cleanup-nodemodule",
            "  cleanup-nodemodule",
        )
        assert [
            line for line in lines if len(line) > min(columns, 100) and not line.startswith(whole)
        ] == []
        assert [line for line in lines if line != line.rstrip()] == []
        assert "\n\n\n" not in result.stdout
        assert "\x1b" not in result.stdout
        titles = re.findall(r"^(Usage(?=: )|[A-Z][a-z ]+(?=:$))", result.stdout, re.MULTILINE)
        assert titles[:2] == ["Usage", "Examples"]
        assert (titles[-2:] == ["Exit codes", "More"]) is (option == "--help")
        # Two columns begin at one place in all groups of options.
        if columns >= 80:
            begins = {
                len(m[0])
                for m in re.finditer(
                    r"^  (?:-\w, |    )?--.*?  +(?=\S)", result.stdout, re.MULTILINE
                )
            }
            assert len(begins) <= 1


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_everything(run: Run, name: str) -> None:
    long, short = (plain(run(*words(name, option)).stdout) for option in ("--help", "-h"))
    command = COMMANDS[name]
    for param in command.params:
        assert param.help
        assert plain(param.help) in long
        for option in param.opts if param.param_type_name == "option" else ():
            assert re.search(rf"(^|[ ,]){option}[ ,]", long), option
        if name:
            assert first_sentence(plain(param.help)) in short
    assert plain(command.help or "") in long
    for what, example in EXAMPLES[name]:
        assert f"cleanup-nodemodule {example} # {what}" in long
    for code in EXIT_CODES if not name else ():
        assert f" {code.value} {EXIT_CODES[code]}" in long
    assert set(EXIT_CODES) == set(ExitCode)
    # Each command that may delete can find another one at work, or more than it may.
    deletes = "--no-dry-run" in long or name == "run"
    assert ("another run is deleting" in long) == (deletes or name == "resume")
    assert ("more than --max-delete" in long) == (deletes or name in {"diff", "merge"})
    assert ("--max-runtime was too short" in long) == deletes
    for word in ("<", "bool", "\\[", "[dim]", "[default"):
        assert word not in long


PAGES = Path(__file__).parent / "help_pages"
"""How the help looks. ``python tests/commands/test_help.py`` writes it anew: read what has changed before it is kept."""


def drawn(*, short: bool, width: int) -> str:
    """Return the help of all commands, one below the other."""
    option = "-h" if short else "--help"
    return (
        "\n\n\n".join(
            f"$ {' '.join(words('cleanup-nodemodule', *words(name, option)))}\n{page(command, short=short, width=width)}"
            for name, command in COMMANDS.items()
        )
        + "\n"
    )


SCREENS = {
    f"{'short' if short else 'long'}-{width}.txt": (short, width)
    for short in (True, False)
    for width in (60, 80, 100, 120)
}


@pytest.mark.parametrize("name", SCREENS)
def test_help_looks_as_somebody_has_seen_it(name: str) -> None:
    short, width = SCREENS[name]
    assert drawn(short=short, width=width) == (PAGES / name).read_text(encoding="utf-8")


def test_help_is_a_command_too(run: Run) -> None:
    assert run("help").stdout == run("--help").stdout
    for name in PROGRAM.commands:
        assert run("help", name).stdout == run(name, "--help").stdout
    assert {"", *PROGRAM.commands} == EXAMPLES.keys()


JOB = '[job.nightly]\npath = "~/work"\n'

EXAMPLE_LINES = [example for examples in EXAMPLES.values() for _, example in examples]


@pytest.mark.parametrize("example", EXAMPLE_LINES)
def test_the_examples_work(tmp_path: Path, example: str) -> None:
    home = tmp_path / "home"
    declare(home, {"work": {"shop": npm_project({"a": {"b": "c"}}), "web": {"dist": {"a": "b"}}}})
    for name in ("old.json", "new.json", "web-1.json", "web-2.json"):
        (home / "work" / name).write_bytes(data(audit_of(artifact("/srv/a/dist"), host=name[:5])))
    if example != "config init":
        declare(tmp_path / "config/cleanup-nodemodule", {"config.toml": JOB})
    env = {
        "HOME": str(home),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    if example.startswith("apply"):
        execute(COMMAND, "--save-plan", "plan.json", cwd=home / "work", env=env)
    result = execute(
        *("bash", "-c", f"{shlex.quote(COMMAND)} {example}"), cwd=home / "work", env=env
    )
    if example == "regenerate 3f9a":
        assert b"there is no run 3f9a" in result.stderr
        return
    if example.startswith("schedule install"):
        assert b"there is no terminal to ask at" in result.stderr
        return
    if example.startswith("schedule run"):
        assert b"there is no schedule of the job nightly" in result.stderr
        return
    assert result.returncode == 0, result.stderr
    deletes = "--no-dry-run" in example
    assert os.path.exists(home / "work/shop/node_modules") is not deletes


def test_at_a_terminal_headings_are_bold_and_it_is_as_wide_as_that(tmp_path: Path) -> None:
    with Screen(60, 100) as screen:
        lines = screen.run("explain", "-h", cwd=tmp_path)
        assert screen.code == 0
        assert max(map(len, lines)) <= 60
        assert screen.colour("Examples:")[1]
        assert not screen.colour("web/dist")[1]
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        with Screen(60, 100) as screen:
            assert screen.run("-h", cwd=tmp_path, env=env) != []
            assert b"\x1b" not in screen.output


def test_help_stands_before_whatever_else_is_wrong(run: Run) -> None:
    assert run("--sort", "colour", "-h").stdout == SHORT
    assert run("explain", "-h").returncode == 0
    assert run("no-such-directory", "--help").returncode == 0


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Ask. And go on.", "Ask."),
        ("Take a, b, ... or all. More.", "Take a, b, ... or all."),
        ("Such as 1.5 GB. More.", "Such as 1.5 GB."),
        ("No full stop", "No full stop."),
        ("Of (many). More.", "Of (many)."),
    ],
)
def test_the_first_sentence_is_the_short_help(text: str, first: str) -> None:
    assert first_sentence(text) == first


if __name__ == "__main__":
    for screen, (is_short, columns_) in SCREENS.items():
        (PAGES / screen).write_text(drawn(short=is_short, width=columns_), encoding="utf-8")
