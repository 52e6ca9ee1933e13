"""Starting up costs what is imported: nothing is that a command does not use."""

from pathlib import Path

import pytest

from support.places import COMMAND
from support.processes import Terminal, execute
from support.trees import declare

PROFILE = {"PYTHONPROFILEIMPORTTIME": "1"}
"""Makes the interpreter of the installed command name each module it imports (python(1))."""


def modules(log: bytes) -> set[str]:
    """Return the modules in a profile of imports."""
    lines = (line for line in log.decode().splitlines() if line.startswith("import time:"))
    return {line.rsplit("|", 1)[1].strip() for line in lines}


def imported(*arguments: str, cwd: Path) -> set[str]:
    """Return the modules that the command imports in a run."""
    result = execute(COMMAND, *arguments, cwd=cwd, env=PROFILE)
    assert result.returncode == 0, result.stderr
    assert result.stdout != b""
    names = modules(result.stderr)
    assert {"cleanup_nodemodule.commands.clean", "typer"} <= names
    return names


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A project with proof."""
    declare(tmp_path, {"package.json": "{}", "node_modules": {"a": "b"}})
    return tmp_path


NEVER = {
    # On Linux there is /proc.
    "psutil",
    # Nobody has asked for them.
    "cleanup_nodemodule.unattended.metrics",
    "cleanup_nodemodule.report.comparison",
}
RUN_ONLY = {
    *("asyncio", "pathspec", "humanize", "tomllib"),
    *("rich.live", "rich.progress", "rich.spinner"),
    *(
        "cleanup_nodemodule.run.cleaning",
        "cleanup_nodemodule.survey.survey",
        "cleanup_nodemodule.report.build",
    ),
}
DELETION_ONLY = {
    *("filelock", "cleanup_nodemodule.record.lock", "cleanup_nodemodule.record.write"),
    *("cleanup_nodemodule.show.deletions", "cleanup_nodemodule.show.ways_back"),
    *(
        "cleanup_nodemodule.run.undertaking",
        "cleanup_nodemodule.record.unfinished",
        "cleanup_nodemodule.delete.remove",
    ),
    *("cleanup_nodemodule.delete.carry_out", "cleanup_nodemodule.delete.prove_again"),
    "send2trash",
}
HISTORY_ONLY = {
    *("sqlite3", "hashlib", "cleanup_nodemodule.record.history.keeping"),
    "cleanup_nodemodule.record.state_directory",
}


def test_version_imports_nothing_that_a_run_needs(tmp_path: Path) -> None:
    names = imported("--version", cwd=tmp_path)
    assert names & {*RUN_ONLY, *DELETION_ONLY, *HISTORY_ONLY, "rich", "rich.table"} == set()


def test_help_imports_nothing_that_a_run_needs(tmp_path: Path) -> None:
    for words in (["-h"], ["--help"], ["log", "-h"], ["help"]):
        names = imported(*words, cwd=tmp_path)
        assert names & {*RUN_ONLY, *DELETION_ONLY, *HISTORY_ONLY, "rich", "pydantic"} == set()


@pytest.mark.parametrize("arguments", [[], ["--json"], ["-0"], ["--format", "table"]])
def test_a_dry_run_imports_nothing_of_locks_and_the_journal(
    work: Path, arguments: list[str]
) -> None:
    names = imported(*arguments, cwd=work)
    assert names & {*DELETION_ONLY, *NEVER} == set()
    assert names >= HISTORY_ONLY


def test_a_run_without_history_imports_nothing_of_it(work: Path) -> None:
    assert imported("--no-history", cwd=work) & {*DELETION_ONLY, *NEVER, *HISTORY_ONLY} == set()


def test_what_is_for_programs_imports_nothing_for_people(work: Path) -> None:
    for arguments in (["--json"], ["-0", "-q"]):
        assert imported(*arguments, cwd=work) & {"humanize", "rich", "pickle"} == set()


@pytest.mark.parametrize("arguments", [[], ["--json"], ["-0"], ["--no-dry-run"]])
def test_a_run_in_a_pipe_imports_nothing_for_terminals_or_patterns(
    work: Path, arguments: list[str]
) -> None:
    names = imported(*arguments, cwd=work)
    assert "cleanup_nodemodule.survey.survey" in names
    unused = {
        *NEVER,
        "pathspec",
        "rich",
        "rich.table",
        "rich.live",
        "cleanup_nodemodule.show.progress",
    }
    assert names & unused == set()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--json"],
        ["-p", "."],
        ["-f", "plain", "-s", "age"],
        ["--engine", "auto", "--no-dry-run"],
    ],
)
def test_what_is_text_or_a_choice_is_converted_without_pydantic(
    work: Path, arguments: list[str]
) -> None:
    assert "pydantic" not in imported(*arguments, cwd=work)


def test_only_who_has_patterns_imports_pathspec(work: Path) -> None:
    names = imported("--exclude", "x", cwd=work)
    assert "pathspec" in names
    assert names & {"rich.table", "rich.live"} == set()


def test_a_table_imports_no_progress_line(work: Path) -> None:
    names = imported("--format", "table", cwd=work)
    assert "cleanup_nodemodule.show.table" in names
    assert (
        names & {"rich.live", "rich.table", "cleanup_nodemodule.show.progress", "pathspec"} == set()
    )


def test_a_terminal_imports_the_progress_line_only_if_it_is_wanted(work: Path) -> None:
    for option, wanted in (("--color=auto", True), ("--no-progress", False)):
        with Terminal(option, cwd=work, env=PROFILE) as terminal:
            assert terminal.finish() == 0
        assert ("cleanup_nodemodule.show.progress" in modules(terminal.output)) is wanted
