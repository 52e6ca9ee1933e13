"""The command tells whom --notify names, once it is over, and of what went wrong there too."""

import json
from pathlib import Path

import pytest

from cleanup_nodemodule.unattended.notifying.desktop import sequence
from support.processes import Terminal
from support.receivers import answer, web_server
from support.tool import PROJECT, Tool
from support.trees import declare


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A project whose packages can be deleted."""
    declare(tmp_path / "work", {"one": PROJECT})
    return tmp_path / "work"


def test_a_run_that_freed_a_lot_is_told_and_a_dry_run_is_not(one_tool: Tool, work: Path) -> None:
    with web_server() as server:
        telling = ("--notify", server.url(), "--notify-over", "1B")
        assert one_tool.run(work, *telling).code == 0
        assert server.requests == []
        done = one_tool.delete(work, *telling)
        assert (done.code, done.errors.count("was not told")) == (0, 0)
        told = server.document
    totals = done.document["totals"]
    assert (told["event"], told["mode"], told["exit_code"]) == ("freed", "delete", 0)
    assert (told["found"], told["deleted"]) == (totals["found"], totals["deleted"]) == (1, 1)
    assert told["freed_bytes"] == totals["freed_bytes"] > 1
    assert told["host"] == done.document["host"]
    # It is what the log calls the run.
    assert one_tool.tell("log", told["run"]).returncode == 0


def test_a_run_that_failed_is_told_with_its_job_and_the_secret_stays_in_the_file(
    one_tool: Tool, tmp_path: Path
) -> None:
    config = one_tool.home / "config/cleanup-nodemodule/config.toml"
    with web_server() as server:
        config.write_text(
            f'notify = ["{server.url()}"]\n[job.nightly]\npath = "{tmp_path}/nowhere"\n'
        )
        done = one_tool.tell("run", "nightly")
        told = server.document
        shown = (
            one_tool.tell("config", "show", "notify"),
            one_tool.tell(*("config", "show", "notify", "--json")),
        )
    assert done.returncode == told["exit_code"] == 2
    assert (told["job"], told["command"], told["event"]) == ("nightly", "run", "failed")
    assert told["failure"] in done.stderr
    assert (told["found"], told["problems"]) == (None, [])
    for one in shown:
        assert (one.returncode, "SECRET" in one.stdout + one.stderr) == (0, False)
        assert f"http://127.0.0.1:{server.port}/" in one.stdout


def test_a_job_that_cannot_begin_is_told(one_tool: Tool, work: Path) -> None:
    """What is wrong in a file is found out at night, too."""
    config = one_tool.home / "config/cleanup-nodemodule/config.toml"
    with web_server() as server:
        config.write_text(
            f'notify = ["{server.url()}"]\n[job.nightly]\npath = "{work}"\nolder-than = "30"\n'
        )
        assert one_tool.tell("run", "nightly").returncode == 2
        assert "older-than 30 needs a unit" in server.document["failure"]


def test_who_could_not_be_told_is_said_and_the_exit_code_says_so(
    one_tool: Tool, work: Path
) -> None:
    with web_server(answer(404)) as server:
        done = one_tool.delete(work, "--notify", server.url(), "--notify-over", "1B")
        place = f"http://127.0.0.1:{server.port}/…"
    assert done.code == 3
    assert f"{place} was not told: it answered 404 Not Found" in done.errors
    assert "SECRET" not in done.errors
    assert done.document["totals"]["deleted"] == 1


def test_what_could_not_be_written_of_a_run_is_told(one_tool: Tool, work: Path) -> None:
    """Nobody would look for metrics that are missing."""
    (work / "run.prom").mkdir()
    with web_server() as server:
        done = one_tool.run(work, "--metrics", work / "run.prom/x.prom", "--notify", server.url())
        assert (done.code, server.requests) == (0, [])
        (work / "run.prom/x.prom").unlink()
        (work / "run.prom/x.prom").mkdir()
        done = one_tool.run(work, "--metrics", work / "run.prom/x.prom", "--notify", server.url())
        told = server.document
    assert (done.code, told["exit_code"], told["event"]) == (3, 3, "failed")
    assert told["failure"] in done.errors
    assert "run.prom" in told["failure"]


def test_whom_nobody_can_tell_is_refused_before_anything_is_done(
    one_tool: Tool, work: Path
) -> None:
    done = one_tool.delete(work, "--notify", "you@example.org")
    assert (done.code, "type mail:you@example.org" in done.errors) == (2, True)
    done = one_tool.delete(work, "--notify-over", "5GB")
    assert (done.code, "add --notify" in done.errors) == (2, True)
    assert (work / "one/node_modules").exists()


def test_what_the_environment_says_wrongly_is_said_without_the_secret(
    one_tool: Tool, work: Path
) -> None:
    wrong = {"CLEANUP_NODEMODULE_NOTIFY": "https//example.org/SECRET"}
    done = one_tool.run(work, env=wrong)
    assert done.code == 2
    assert "CLEANUP_NODEMODULE_NOTIFY: notify takes mail:" in done.errors
    assert "SECRET" not in done.errors + json.dumps(done.document)


def test_a_file_is_checked_for_it(one_tool: Tool) -> None:
    config = one_tool.home / "config/cleanup-nodemodule/config.toml"
    config.write_text('notify = ["mail:a b"]\n')
    checked = one_tool.tell("config", "check")
    assert (checked.returncode, "names no address" in checked.stderr) == (2, True)


@pytest.mark.parametrize("line", ['history-max-age = "2"', 'notify-over = "5"'])
def test_a_file_is_checked_for_what_only_a_run_would_find(one_tool: Tool, line: str) -> None:
    config = one_tool.home / "config/cleanup-nodemodule/config.toml"
    config.write_text(f"{line}\n")
    checked = one_tool.tell("config", "check")
    assert (checked.returncode, "needs a unit" in checked.stderr) == (2, True)


def test_the_last_words_do_not_repeat_whom_to_tell(one_tool: Tool, work: Path) -> None:
    """They are a command to paste, and others may see it."""
    done = one_tool.run(work, "--notify", "http://127.0.0.1:1/SECRET")
    assert (done.code, "SECRET" in done.errors) == (0, False)
    plain = one_tool.tell("-p", work, "--notify", "http://127.0.0.1:1/SECRET")
    assert (plain.returncode, "SECRET" in plain.stdout + plain.stderr) == (0, False)


@pytest.mark.parametrize(
    ("env", "begins"),
    [
        (("TERM=xterm", "TMUX=/tmp/tmux"), b"\x1bPtmux;\x1b\x1b]9;cleanup-nodemodule on "),
        (("TERM=xterm",), b"\x1b]9;cleanup-nodemodule on "),
        (("TERM=dumb",), None),
        (("TERM=linux",), None),
    ],
)
def test_a_terminal_is_told_in_its_own_words(
    one_tool: Tool, work: Path, env: tuple[str, ...], begins: bytes | None
) -> None:
    told = ("--notify", "desktop", "--notify-over", "1B")
    deleting = (work, "--no-dry-run", "--yes", *told)
    prefix = ("env", "-u", "TMUX", *env)
    with Terminal(*deleting, cwd=work, env=one_tool.env, prefix=prefix) as terminal:
        assert terminal.finish() == 0
        assert (b"]9;" in terminal.output) is (begins is not None)
        if begins is not None:
            shown = terminal.output.partition(begins)[2].partition(b"\x1b\\")[0]
            assert shown.rstrip(b"\x1b").endswith(b": 1 directory deleted")


def test_where_there_is_no_terminal_nobody_is_missed(one_tool: Tool, work: Path) -> None:
    done = one_tool.delete(work, "--notify", "desktop", "--notify-over", "1B")
    assert (done.code, "]9;" in done.errors, "was not told" in done.errors) == (0, False, False)


def test_a_notification_is_text_and_short() -> None:
    assert sequence("a\x1b\\b\x07c\nd") == b"\x1b]9;a\\bcd\x1b\\"
    assert len(sequence("ä" * 1000).decode()) < 270
    assert sequence("\udcff") == b"\x1b]9;\x1b\\"
