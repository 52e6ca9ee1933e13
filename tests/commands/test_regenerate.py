"""``regenerate``: the commands bring back what was deleted, and nothing else is run."""

import json
import os
import pwd
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cleanup_nodemodule.model import DeletingMode
from cleanup_nodemodule.proof import rules
from cleanup_nodemodule.record import state_directory
from cleanup_nodemodule.record.entries import Ending, Intent, Run
from cleanup_nodemodule.record.write import Journal
from support.accounts import NOBODY, give
from support.journals import a_run, abandon, intent
from support.needs import needs_root
from support.places import COMMAND
from support.processes import Terminal, execute, start
from support.tool import Run as Command
from support.trees import declare, listing
from support.waiting import TIMEOUT, await_condition

pytestmark = pytest.mark.slow

WEIRD = (
    b"plain",
    b"two words",
    b"it's",
    b'say "hi"',
    b"new\nline",
    b"trailing\n",
    b"\x1b[31mred",
    b"caf\xe9",
    "café".encode(),
    b"$(touch pwned)",
    b"`touch pwned`",
    b"a; touch pwned #",
    b"back\\slash",
    b"$'x'",
    b"-rf",
    b"--",
    b"*",
    b"!!",
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The state directory of the commands that a test runs; it is not there yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return state_directory.directory()


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """For root a directory that nobody else may write in, nor in any around it."""
    if os.geteuid() != 0:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="regenerate-", dir="/run") as directory:
        yield Path(directory)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Where projects are."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs called ``npm`` and ``npx`` that do as a ``Makefile.sh`` beside them says.

    Each call is a line of the file returned: program, arguments, directory.
    """
    calls = tmp_path / "calls"
    for name in ("npm", "npx"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            f"#!/bin/sh\nprintf '%s|%s|%s\\n' {name} \"$*\" \"$(pwd)\" >>'{calls}'\n"
            "if test -e Makefile.sh; then . ./Makefile.sh; else mkdir -p node_modules; fi\n"
        )
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    return calls


def deleted(home: str, *intents: Intent, ending: Ending = Ending.DELETED) -> Run:
    """Write down a run that deleted these."""
    run = a_run()
    with Journal(home, run) as record:
        for number in record.begin(intents):
            record.end(number, ending)
    return run


def modules(project: Path | str, **known: Any) -> Intent:
    return intent(os.path.join(project, "node_modules"), **known)


def document(command: Command, *arguments: str) -> dict[str, Any]:
    result = command("regenerate", "--json", *arguments)
    assert result.stdout.isascii()
    found: dict[str, Any] = json.loads(result.stdout)
    return found


# What is printed.


def test_nothing_deleted_is_said(run: Command, home: str) -> None:
    result = run("regenerate")
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr == "Nothing has been deleted yet.\n"
    assert document(run)["run"] is None
    with Journal(home, a_run()) as record:
        [number] = record.begin([intent("/a/b")])
        record.end(number, Ending.KEPT)
    assert run("regenerate").stderr == "Nothing has been deleted yet.\n"


def test_each_command_is_printed_once_a_directory_installing_before_building(
    run: Command, home: str, work: Path
) -> None:
    declare(work, {"a": {"packages": {"x": {}, "y": {}}}, "b": {}})
    build = {"rule": "js/next", "regenerate": "npx next build"}
    deleted(
        home,
        intent(f"{work}/a/packages/x/.next", **build),
        intent(f"{work}/a/.next", **build),
        modules(work / "a/packages/y", regenerate_in=f"{work}/a"),
        modules(work / "a/packages/x", regenerate_in=f"{work}/a"),
        modules(work / "a"),
        modules(work / "b", regenerate="npm install"),
    )
    result = run("regenerate")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"(cd {work}/a && npm ci)",
        f"(cd {work}/b && npm install)",
        f"(cd {work}/a && npx next build)",
        f"(cd {work}/a/packages/x && npx next build)",
    ]
    [first, *_] = document(run)["steps"]
    assert first == {
        "directory": f"{work}/a",
        "command": "npm ci",
        "known": True,
        "artifacts": [
            f"{work}/{path}/node_modules" for path in ("a", "a/packages/x", "a/packages/y")
        ],
        "user": None,
        "refusal": None,
        "outcome": None,
        "exit_code": None,
    }


def test_what_exists_again_is_left_out_and_said(run: Command, home: str, work: Path) -> None:
    declare(work, {"a": {"node_modules": {}}, "b": {"node_modules": Path("gone")}, "c": {}})
    deleted(home, *(modules(work / name) for name in "abc"))
    result = run("regenerate")
    assert result.stdout == f"(cd {work}/c && npm ci)\n"
    assert result.stderr.splitlines() == [
        f"{work}/{name}/node_modules: is there again" for name in "ab"
    ]
    assert result.returncode == 0
    assert {row["reason"] for row in document(run)["skipped"]} == {"exists"}


def test_what_nobody_knows_a_command_for_is_said(run: Command, home: str, work: Path) -> None:
    declare(work, {"a": {}})
    deleted(home, modules(work / "a", regenerate=None), modules(work / "gone"))
    result = run("regenerate")
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr.splitlines() == [
        f"{work}/a/node_modules: nobody knows a command that brings it back",
        f"{work}/gone/node_modules: the directory that its command is for is gone",
    ]


def test_of_many_that_are_left_out_some_are_named(run: Command, home: str, work: Path) -> None:
    deleted(home, *(modules(work / f"{number:02}") for number in range(25)))
    result = run("regenerate").stderr.splitlines()
    assert len(result) == 21
    assert result[-1] == "5 more: the directory that its command is for is gone"


def test_what_was_inside_another_artifact_comes_with_that(
    run: Command, home: str, work: Path
) -> None:
    inner = work / "node_modules/x"
    deleted(home, modules(work), modules(inner), modules(work.parent / "work-2"))
    assert [step["directory"] for step in document(run)["steps"]] == [str(work)]
    assert [row["path"] for row in document(run)["skipped"]] == [f"{work}-2/node_modules"]
    declare(inner, {})
    assert [step["directory"] for step in document(run)["steps"]] == [str(inner)]


@pytest.mark.parametrize(
    ("ending", "comes_back"),
    [
        *((Ending.DELETED, True), (Ending.TRASHED, True), (Ending.FAILED, True)),
        *((Ending.INTERRUPTED, True), (Ending.KEPT, False), (Ending.GONE, False)),
    ],
)
def test_only_what_this_program_took_away_comes_back(
    run: Command, home: str, work: Path, ending: Ending, *, comes_back: bool
) -> None:
    a = deleted(home, modules(work), ending=ending)
    assert bool(document(run, a.id)["steps"]) is comes_back


def test_what_a_killed_run_took_away_comes_back(run: Command, home: str, work: Path) -> None:
    """What it had never come to is none of that, though it is gone."""
    record = Journal(home, a_run())
    [number, _] = record.begin([modules(work), modules(work / "never")])
    record.turn(number)
    abandon(record)
    assert run("regenerate").stdout == f"(cd {work} && npm ci)\n"


# Which run.


def test_the_last_run_that_deleted_something_is_meant_unless_one_is_named(
    run: Command, home: str, work: Path
) -> None:
    declare(work, {"a": {}, "b": {}, "c": {}})
    first = deleted(home, modules(work / "a"))
    time.sleep(0.002)  # So that one began before the other.
    second = deleted(home, modules(work / "b"))
    time.sleep(0.002)
    deleted(home)
    assert document(run)["run"]["id"] == second.id
    for name in (first.id, first.id[:6], first.id[:6].upper()):
        assert run("regenerate", name).stdout == f"(cd {work}/a && npm ci)\n"


def test_a_misspelt_run_is_wrong_usage_and_the_runs_there_are_are_named(
    run: Command, home: str, work: Path
) -> None:
    assert "nothing was deleted yet" in run("regenerate", "abc").stderr
    first, second = deleted(home, modules(work)), deleted(home, modules(work))
    for name in ("xyz", ""):
        result = run("regenerate", name)
        assert (result.returncode, result.stdout) == (2, "")
        assert f"{first.id} (20" in result.stderr
        assert f"{second.id} (20" in result.stderr
    result = run("regenerate", "xyz", "--json")
    assert "there is no run xyz" in json.loads(result.stdout)["problems"][0]["message"]


def test_a_beginning_of_several_runs_is_wrong_usage(run: Command, home: str) -> None:
    names = []
    for number in range(17):  # Two of which begin with the same digit.
        names.append(a_run().id[:1] + f"{number:011x}")
        Journal(home, replace(a_run(), id=names[-1])).close()
    digit = max("0123456789abcdef", key=lambda digit: sum(name[0] == digit for name in names))
    result = run("regenerate", digit)
    assert result.returncode == 2
    assert f"{digit} is the beginning of several runs: " in result.stderr
    assert [name for name in names if name in result.stderr] == [
        name for name in names if name.startswith(digit)
    ]


# That a shell does no harm.


def paste(lines: bytes, shell: str, cwd: Path) -> None:
    result = execute(shell, cwd=cwd, data=lines)
    assert (result.returncode, result.stderr) == (0, b"")


def weird_projects(work: Path) -> list[bytes]:
    top = os.fsencode(work)
    for name in WEIRD:
        os.mkdir(os.path.join(top, name))
    return [os.path.join(top, name) for name in WEIRD]


@pytest.mark.usefixtures("npm")
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_what_a_pipe_gets_is_for_any_shell_whatever_the_names(
    home: str, work: Path, shell: str
) -> None:
    projects = weird_projects(work)
    deleted(home, *(modules(os.fsdecode(project)) for project in projects))
    printed = execute(COMMAND, "regenerate", cwd=work)
    assert (printed.returncode, printed.stderr) == (0, b"")
    paste(printed.stdout, shell, work)
    assert listing(work) == sorted(
        path for name in WEIRD for path in (name, os.path.join(name, b"node_modules"))
    )


@pytest.mark.usefixtures("npm")
def test_what_a_terminal_shows_can_be_seen_and_pasted(home: str, work: Path) -> None:
    projects = weird_projects(work)
    deleted(home, *(modules(os.fsdecode(project)) for project in projects))
    with Terminal("regenerate", cwd=work, columns=500) as terminal:
        assert terminal.finish() == 0
    lines = [line for line in terminal.screen() if line]
    assert len(lines) == len(WEIRD)
    paste("\n".join(lines).encode(), "bash", work)
    assert listing(work) == sorted(
        path for name in WEIRD for path in (name, os.path.join(name, b"node_modules"))
    )


STRANGE = (
    {"regenerate": "touch pwned"},
    {"regenerate": "npm ci; touch pwned"},
    {"regenerate": "npm ci\ntouch pwned"},
    {"regenerate": "npm ci)\n(touch pwned"},
    {"rule": None},
    {"rule": "js/none"},
    {"rule": "rust/target"},
)


@pytest.mark.parametrize("known", STRANGE)
def test_a_command_that_no_rule_has_is_shown_to_people_and_not_to_a_shell(
    run: Command, home: str, work: Path, npm: Path, known: dict[str, Any]
) -> None:
    """Somebody may have altered the journal."""
    deleted(home, modules(work, **known))
    result = run("regenerate")
    assert result.stdout.startswith(f"# (cd {work} && ")
    assert result.stdout.count("\n") == 1
    assert (
        "this program may not have written this command, so look at it before you run it"
        in result.stderr
    )
    paste(result.stdout.encode(), "sh", work)
    ran = run("regenerate", "--run")
    assert ran.returncode == 3
    assert "Not run: (cd " in ran.stderr
    assert "this program may not have written this command" in ran.stderr
    assert document(run, "--run")["steps"][0]["outcome"] == "refused"
    assert listing(work) == []
    assert not npm.exists()


def test_a_rule_of_the_user_s_own_counts(
    run: Command, home: str, work: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config/cleanup-nodemodule/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(
        '[[rule]]\nid = "own/x"\ndirectory = "x"\nproofs = [{ beside = ["y"] }]\n'
        'regenerate = [{ command = "mkdir x && echo made" }]\n'
    )
    deleted(home, intent(f"{work}/x", rule="own/x", regenerate="mkdir x && echo made"))
    result = run("regenerate", "--run")
    assert (result.returncode, result.stdout) == (0, "made\n")
    assert listing(work) == [b"x"]


def test_every_command_of_the_catalogue_is_one_line_without_quotes_or_variables() -> None:
    """They go to a shell as they are."""
    for rule in rules.catalogue():
        for entry in rule.regenerate:
            # What a shell finds by its ending, and takes for no option.
            said = entry.command.replace(" ./*.", " ./name.")
            assert not set(said) & set("\n'\"$`\\;|<>()#*?~"), entry.command


# Running them.


def calls(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def test_they_are_run_in_order_and_their_output_is_shown(
    run: Command, home: str, work: Path, npm: Path
) -> None:
    declare(work, {"a": {"Makefile.sh": "echo out; echo err >&2; mkdir -p node_modules .next"}})
    deleted(
        home,
        intent(f"{work}/a/.next", rule="js/next", regenerate="npx next build"),
        modules(work / "a"),
    )
    result = run("regenerate", "--run")
    assert calls(npm) == [f"npm|ci|{work}/a", f"npx|next build|{work}/a"]
    assert result.stdout == "out\nout\n"
    assert result.stderr.splitlines() == [
        f"Running: (cd {work}/a && npm ci)",
        "err",
        f"Running: (cd {work}/a && npx next build)",
        "err",
        "2 of 2 commands succeeded.",
    ]
    assert result.returncode == 0


def test_a_failure_does_not_stop_the_others_and_is_the_exit_code(
    run: Command, home: str, work: Path, npm: Path
) -> None:
    declare(work, {"a": {}, "b": {"Makefile.sh": "echo no; exit 7"}, "c": {}})
    deleted(home, *(modules(work / name) for name in "abc"))
    result = run("regenerate", "--run")
    assert result.returncode == 3
    assert result.stdout == "no\n"
    assert result.stderr.splitlines() == [
        f"Running: (cd {work}/a && npm ci)",
        f"Running: (cd {work}/b && npm ci)",
        f"Failed: (cd {work}/b && npm ci): exit code 7",
        f"Running: (cd {work}/c && npm ci)",
        "2 of 3 commands succeeded.",
    ]
    assert calls(npm) == [f"npm|ci|{work}/{name}" for name in "abc"]
    assert (work / "c/node_modules").is_dir()


def test_the_document_says_what_came_of_each_and_is_alone_on_standard_output(
    run: Command, home: str, work: Path, npm: Path
) -> None:
    declare(work, {"a": {"Makefile.sh": "echo out; mkdir node_modules"}, "b": {}})
    declare(work, {"b": {"Makefile.sh": "exit 7"}})
    deleted(home, *(modules(work / name) for name in "ab"))
    result = run("regenerate", "--run", "--json")
    steps = json.loads(result.stdout)["steps"]
    assert [(step["outcome"], step["exit_code"]) for step in steps] == [("done", 0), ("failed", 7)]
    assert result.returncode == 3
    assert "out" in result.stderr.splitlines()
    assert len(calls(npm)) == 2


@pytest.mark.usefixtures("npm")
def test_what_did_not_come_back_by_a_command_that_succeeded_is_said(
    run: Command, home: str, work: Path
) -> None:
    declare(work, {"Makefile.sh": "true"})
    deleted(home, modules(work))
    result = run("regenerate", "--run")
    assert result.stderr.splitlines()[-1] == (
        f"{work}/node_modules: the command succeeded, and it is not there"
    )


def test_names_of_any_bytes_reach_no_shell_when_it_runs_them(
    run: Command, home: str, work: Path, npm: Path
) -> None:
    projects = weird_projects(work)
    deleted(home, *(modules(os.fsdecode(project)) for project in projects))
    assert run("regenerate", "--run").returncode == 0
    assert npm.exists()
    assert listing(work) == sorted(
        path for name in WEIRD for path in (name, os.path.join(name, b"node_modules"))
    )


@pytest.fixture
def own(tmp_path: Path) -> dict[str, str]:
    """A rule of the user's own, whose command says who runs it and how; what is known of its artifacts."""
    config = tmp_path / "config/cleanup-nodemodule/config.toml"
    config.parent.mkdir(parents=True)
    command = "mkdir x && id -un >x/who && env >x/env && pwd -P >x/where"
    config.write_text(
        '[[rule]]\nid = "own/x"\ndirectory = "x"\nproofs = [{ beside = ["y"] }]\n'
        f"regenerate = [{{ command = '{command}' }}]\n"
    )
    # Others may go through, and write nothing.
    tmp_path.chmod(0o755)
    return {"rule": "own/x", "regenerate": command}


WAYS = ["--run", "| sh"]


def bring_back(run: Command, work: Path, way: str) -> "subprocess.CompletedProcess[str]":
    """Run the commands, in one of the two ways there are."""
    if way == "--run":
        return run("regenerate", "--run")
    printed = run("regenerate")
    shell = execute("sh", cwd=work, data=os.fsencode(printed.stdout))
    assert shell.returncode == 0, shell.stderr
    return printed


@pytest.mark.parametrize("way", WAYS)
def test_root_has_the_owner_run_what_the_owner_can_write(
    run: Command,
    home: str,
    work: Path,
    own: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    needs_root()
    monkeypatch.setenv("SECRET_TOKEN", "root's")
    projects = [os.fsdecode(project) for project in weird_projects(work)]
    declare(work, {"mine": {}})
    give(NOBODY, *projects)
    deleted(home, *(intent(f"{project}/x", **own) for project in (*projects, f"{work}/mine")))
    result = bring_back(run, work, way)
    assert result.returncode == 0, result.stderr
    account = pwd.getpwuid(NOBODY)
    for project in projects:
        made = Path(project, "x")
        assert (made / "who").read_text() == f"{account.pw_name}\n"
        assert (made / "where").read_bytes() == os.fsencode(project) + b"\n"
        variables = (made / "env").read_bytes().splitlines()
        assert os.fsencode(f"HOME={account.pw_dir}") in variables
        assert b"SECRET_TOKEN=root's" not in variables
        assert made.stat().st_uid == NOBODY
    assert (work / "mine/x/who").read_text() == "root\n"
    assert document(run)["steps"] == []


def _everybody(work: Path) -> None:
    work.joinpath("app").chmod(0o777)


def _sticky(work: Path) -> None:
    work.joinpath("app").chmod(0o1777)


def _around(work: Path) -> None:
    work.chmod(0o777)


def _mine_in_another_s(work: Path) -> None:
    give(NOBODY, work)


def _another_s_in_a_third_one_s(work: Path) -> None:
    give(NOBODY, work)
    give(1, work / "app")


def _the_owner_s_and_everybody_s(work: Path) -> None:
    give(NOBODY, work / "app")
    _everybody(work)


def _nobody_s(work: Path) -> None:
    give(4_000_000, work / "app")


def _planted(work: Path) -> None:
    work.chmod(0o1777)
    declare(work, {"package.json": "{}"})
    give(NOBODY, work / "package.json")


def _planted_beside_another_s(work: Path) -> None:
    work.chmod(0o1777)
    declare(work, {"node_modules": {}})
    give(NOBODY, work / "app")
    give(1, work / "node_modules")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_everybody, "others may write to '{}/app' (mode 0777)"),
        (_sticky, "others may write to '{}/app' (mode 1777)"),
        (_around, "others may write to '{}' (mode 0777)"),
        (_mine_in_another_s, "'{}' belongs to another user (nobody)"),
        (_another_s_in_a_third_one_s, "'{}' belongs to another user (nobody)"),
        (_the_owner_s_and_everybody_s, "others may write to '{}/app' (mode 0777)"),
        (_nobody_s, "it belongs to the user id 4000000, which has no account"),
        (_planted, "'{}/package.json' belongs to another user (nobody)"),
        (_planted_beside_another_s, "'{}/node_modules' belongs to another user ("),
    ],
)
def test_root_runs_nothing_that_a_third_one_can_write(
    run: Command,
    home: str,
    work: Path,
    own: dict[str, str],
    make: Callable[[Path], None],
    why: str,
    way: str,
) -> None:
    """Neither itself nor as the owner; and what it prints runs nothing either."""
    needs_root()
    declare(work, {"app": {}})
    deleted(home, intent(f"{work}/app/x", **own))
    make(work)
    result = bring_back(run, work, way)
    assert not (work / "app/x").exists()
    assert why.format(work) in result.stderr
    assert result.returncode == (3 if way == "--run" else 0)
    assert result.stdout == "" or result.stdout.startswith("# (cd ")
    [step] = document(run)["steps"]
    assert why.format(work) in step["refusal"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("owner", [0, NOBODY])
def test_a_sticky_directory_above_is_no_hindrance(
    run: Command, home: str, work: Path, own: dict[str, str], owner: int, way: str
) -> None:
    """As /tmp is, with what others keep there and no tool looks for, and what is root's."""
    needs_root()
    declare(work, {"app": {}, "their.txt": "", ".X11-unix": {}, "package.json": "{}"})
    work.chmod(0o1777)
    give(1, work / "their.txt")
    give(owner, work / "app")
    deleted(home, intent(f"{work}/app/x", **own))
    assert bring_back(run, work, way).returncode == 0
    assert (work / "app/x").stat().st_uid == owner


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_and_says_how_far_it_came(
    home: str, work: Path, npm: Path, number: signal.Signals, code: int
) -> None:
    declare(work, {"a": {}, "b": {"Makefile.sh": "sleep 60; true"}, "c": {}})
    deleted(home, *(modules(work / name) for name in "abc"))
    with start(COMMAND, "regenerate", "--run", cwd=work) as process:
        await_condition(lambda: len(calls(npm)) == 2, "the second command was at work")
        process.send_signal(number)
        _, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == code
    assert errors.splitlines()[-1] == "Interrupted: 1 of 3 commands were run."
    assert len(calls(npm)) == 2


def test_the_journal_is_not_altered_by_it(run: Command, home: str, work: Path, npm: Path) -> None:
    deleted(home, modules(work))
    before = {name: os.stat(os.path.join(home, name)) for name in os.listdir(home)}
    assert run("regenerate", "--run").returncode == 0
    assert npm.exists()
    after = {name: os.stat(os.path.join(home, name)) for name in os.listdir(home)}
    assert [(status.st_mtime_ns, stat.S_IMODE(status.st_mode)) for status in after.values()] == [
        (status.st_mtime_ns, stat.S_IMODE(status.st_mode)) for status in before.values()
    ]


def test_a_run_that_trashed_is_one_like_any_other(run: Command, home: str, work: Path) -> None:
    mode: DeletingMode = "trash"
    with Journal(home, a_run(mode=mode)) as record:
        [number] = record.begin([modules(work)])
        record.end(number, Ending.TRASHED)
    known = document(run)
    assert (known["run"]["mode"], known["trashed"]) == ("trash", [f"{work}/node_modules"])
    result = run("regenerate")
    assert result.stdout == f"(cd {work} && npm ci)\n"
    assert result.stderr == (
        "1 directory is in the trash, unless you have emptied it. You can put it back from there.\n"
    )
    declare(work, {"node_modules": {}})
    assert document(run)["trashed"] == []
