"""What the shells offer when somebody presses the tabulator key: bash, zsh and fish themselves are asked."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import shellingham  # type: ignore[import-untyped]

from cleanup_nodemodule.commands import failures
from cleanup_nodemodule.config.keys import Format
from cleanup_nodemodule.proof.rules import profiles
from cleanup_nodemodule.record import state_directory
from cleanup_nodemodule.record.entries import Ending
from cleanup_nodemodule.record.write import Journal
from support.journals import a_run, intent
from support.needs import unable
from support.places import COMMAND
from support.processes import execute
from support.screen import Screen
from support.trees import declare

Asked = Callable[[str], list[str]]

COMMANDS = ["explain", "help", "history", "log", "regenerate", "resume", "rules"]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory of the shells, with directories in it; the command is the first in PATH."""
    monkeypatch.setenv("PATH", f"{os.path.dirname(COMMAND)}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    declare(tmp_path / "work", {"shop": {"web": {}}, "notes": {}})
    return tmp_path / "work"


def with_bash(work: Path) -> Asked:
    """Call the function that bash calls."""

    def ask(line: str) -> list[str]:
        script = """
            source <(cleanup-nodemodule --show-completion)
            read -r -a COMP_WORDS <<<"$0"
            [[ $0 == *' ' ]] && COMP_WORDS+=('')
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _cleanup_nodemodule_completion cleanup-nodemodule
            printf '%s\\n' "${COMPREPLY[@]}"
        """
        result = execute("bash", "-c", script, line, cwd=work, env={"SHELL": "bash"})
        assert result.stderr == b""
        return sorted(filter(None, result.stdout.decode().splitlines()))

    return ask


def with_fish(work: Path) -> Asked:
    """Have fish complete a line; it knows the names of files too."""

    def ask(line: str) -> list[str]:
        script = f"cleanup-nodemodule --show-completion | source; complete -C '{line}'"
        result = execute("fish", "--no-config", "-c", script, cwd=work)
        assert result.stderr == b""
        return sorted(each.partition("\t")[0] for each in result.stdout.decode().splitlines())

    return ask


@pytest.fixture(params=["bash", "fish"])
def ask(request: pytest.FixtureRequest, work: Path) -> Asked:
    """Ask a shell what it offers for a line."""
    shell: str = request.param
    if shutil.which(shell) is None:
        unable(f"there is no {shell}")
    return {"bash": with_bash, "fish": with_fish}[shell](work)


def test_shells_offer_commands_and_options(ask: Asked) -> None:
    assert {*COMMANDS} <= {*ask("cleanup-nodemodule ")}
    assert ask("cleanup-nodemodule --no-") == [
        "--no-config",
        "--no-dry-run",
        "--no-history",
        "--no-progress",
    ]
    assert ask("cleanup-nodemodule re") == ["regenerate", "resume"]
    assert ask("cleanup-nodemodule log --li") == ["--limit"]
    assert ask("cleanup-nodemodule shop --json-s") == ["--json-schema"]
    assert ask("cleanup-nodemodule help ex") == ["explain"]


def test_shells_offer_the_values_of_options(ask: Asked) -> None:
    assert ask("cleanup-nodemodule --profile ") == sorted(profiles())
    assert ask("cleanup-nodemodule shop --profile py") == ["python"]
    assert ask("cleanup-nodemodule --format ") == sorted(one.value for one in Format)
    assert ask("cleanup-nodemodule --engine n") == ["native"]
    assert ask("cleanup-nodemodule rules node_m") == ["node_modules"]
    assert "js/next" in ask("cleanup-nodemodule rules js/n")


def test_shells_offer_the_runs_there_were(ask: Asked) -> None:
    ids = []
    for number in range(3):
        one = a_run(f"/srv/{number}")
        with Journal(state_directory.directory(), one) as record:
            [entry] = record.begin([intent(f"/srv/{number}/x")])
            record.end(entry, Ending.DELETED)
        ids.append(one.id)
    assert {*ids} <= {*ask("cleanup-nodemodule regenerate ")}
    assert ids[1] in ask(f"cleanup-nodemodule log {ids[1][:3]}")


def test_fish_offers_paths_where_paths_are_meant(work: Path) -> None:
    if shutil.which("fish") is None:
        unable("there is no fish")
    ask = with_fish(work)
    for line in ("-p ", "explain ", "--include-unproven ", "resume --forget ", "shop "):
        assert ask(f"cleanup-nodemodule {line}") == ["notes/", "shop/"], line
    assert ask("cleanup-nodemodule sh") == ["shop/"]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("--no-", ["--no-dry-run", "--no-progress", "Delete, at a terminal after a question."]),
        ("re", ["regenerate", "resume", "Finish what interrupted runs left."]),
        ("--profile py", ["--profile python"]),
        ("explain sh", ["explain shop/"]),
        ("no", ["notes/"]),
    ],
    ids=["options", "commands", "profiles", "paths of explain", "paths"],
)
def test_zsh_offers_it_at_its_prompt(work: Path, typed: str, offered: list[str]) -> None:
    if shutil.which("zsh") is None:
        unable("there is no zsh")
    with Screen(100, 30) as screen:
        screen.start(cwd=work, command=("zsh", "-f", "-i"), env={"PS1": "ready> "})
        screen.wait_for("ready>")
        screen.type(
            "autoload -U compinit; compinit -u -D; source <(cleanup-nodemodule --show-completion);"
            " echo 'now 'ready\n"
        )
        screen.wait_for("now ready")
        screen.type(f"cleanup-nodemodule {typed}\t")
        for words in offered:
            screen.wait_for(words)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_taught_for_good(work: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        unable(f"there is no {shell}")
    line = (
        "cleanup-nodemodule --install-completion; exit $status"
        if shell == "fish"
        else ("cleanup-nodemodule --install-completion; exit $?")
    )
    result = execute(shell, "-c", line, cwd=work)
    assert result.returncode == 0, result.stderr
    text = " ".join(result.stdout.decode().split())
    assert text.startswith(f"Completion for {shell} is installed in {work.parent}/")
    assert text.endswith("Open a new terminal to use it.")
    place = text.partition(" is installed in ")[2].partition(". Open")[0]
    assert "_CLEANUP_NODEMODULE_COMPLETE" in Path(place).read_text()


@pytest.mark.parametrize("found", ["csh", None])
def test_who_uses_no_shell_that_is_known_is_told_what_to_type(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], found: str | None
) -> None:
    def detect() -> tuple[str, str]:
        if found is None:
            raise shellingham.ShellDetectionFailure
        return found, f"/bin/{found}"

    monkeypatch.setattr(shellingham, "detect_shell", detect)
    for option in ("--install-completion", "--show-completion"):
        assert failures.run([option]) == 2
        assert capfd.readouterr() == (
            "",
            (
                "cleanup-nodemodule: cannot tell which shell you use, or it cannot complete; start bash, zsh"
                f" or fish, and type there: cleanup-nodemodule {option}\n"
            ),
        )


def test_a_journal_that_cannot_be_read_offers_nothing_and_says_nothing(work: Path) -> None:
    home = Path(state_directory.directory())
    home.mkdir(parents=True)
    home.chmod(0o777)
    assert with_bash(work)("cleanup-nodemodule regenerate ") == []
