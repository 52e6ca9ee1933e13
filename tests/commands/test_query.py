"""The commands that ask the disk and delete nothing end when it does not answer."""

import json
import signal
from pathlib import Path

import pytest

from cleanup_nodemodule.record.entries import Ending
from cleanup_nodemodule.record.write import Journal
from support.filesystems import Misbehaving, Mounts, ended
from support.journals import a_run, intent
from support.tool import PROJECT, Tool
from support.trees import declare
from support.waiting import TIMEOUT, await_condition

pytestmark = pytest.mark.slow

COMMANDS = (("log", "{}/app"), ("regenerate",), ("regenerate", "--run"))


@pytest.fixture
def dead(tool: Tool, tmp_path: Path, disks: Mounts) -> Misbehaving:
    """A disk of which a part is not answered, with something in the journal that was there, and a project
    on another one."""
    disk = disks.misbehaving(tmp_path / "dead", {"app": PROJECT})
    declare(tmp_path / "alive", {})
    state = tool.home / "state/cleanup-nodemodule"
    state.mkdir(parents=True, mode=0o700)
    run = a_run()
    with Journal(str(state), run) as record:
        intents = [intent(f"{top}/node_modules") for top in (disk.path / "app", tmp_path / "alive")]
        for number in record.begin(intents):
            record.end(number, Ending.DELETED)
    disk.change(mute=["getattr /app*"])
    return disk


@pytest.mark.parametrize("arguments", COMMANDS)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_ends_it(
    tool: Tool, dead: Misbehaving, arguments: tuple[str, ...], number: int, code: int
) -> None:
    words = [word.format(dead.path) for word in arguments]
    with tool.start(*words) as process, ended(dead):
        await_condition(lambda: dead.calls("getattr", "/app") > 0, "it has asked the disk")
        process.send_signal(number)
        output, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, output) == (code, "")
    assert errors == "cleanup-nodemodule: interrupted; nothing was done\n"


def test_a_path_that_does_not_answer_is_given_up_by_log(tool: Tool, dead: Misbehaving) -> None:
    path = dead.path / "app"
    with tool.start("log", path, "--timeout", "2", "--json") as process, ended(dead):
        output, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 3
    assert (
        errors == f"cleanup-nodemodule: {path}: its disk did not answer for 2 seconds (--timeout)\n"
    )
    [problem] = json.loads(output)["problems"]
    assert (problem["path"], problem["errno"]) == (str(path), "ETIMEDOUT")


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_what_does_not_answer_is_left_out_by_regenerate_and_the_rest_is_not(
    tool: Tool, tmp_path: Path, dead: Misbehaving, form: tuple[str, ...]
) -> None:
    with tool.start("regenerate", "--timeout", "2", *form) as process, ended(dead):
        output, errors = process.communicate(timeout=TIMEOUT)
    lost = f"{dead.path}/app/node_modules"
    assert process.returncode == 3
    assert f"{lost}: nobody knows whether it is there, as its disk does not answer" in errors
    if form:
        told = json.loads(output)
        assert told["skipped"] == [{"path": lost, "reason": "no-answer"}]
        assert [step["directory"] for step in told["steps"]] == [f"{tmp_path}/alive"]
    else:
        assert f"(cd {tmp_path}/alive && npm ci)" in output


def test_a_path_is_meant_relative_to_nothing_without_a_current_directory(
    tool: Tool, tmp_path: Path
) -> None:
    for command in ("log", "explain"):
        gone = tmp_path / "gone"
        gone.mkdir()
        prefix = ("sh", "-c", 'rmdir "$PWD" && exec "$@"', "sh")
        with tool.start(command, "app", cwd=gone, prefix=prefix) as process:
            output, errors = process.communicate(timeout=TIMEOUT)
        assert (process.returncode, output) == (2, "")
        assert "Traceback" not in errors
        assert "app" in errors


@pytest.mark.parametrize("command", ["log", "regenerate", "explain"])
def test_a_timeout_that_is_none_is_wrong_usage(tool: Tool, command: str) -> None:
    words = [command, *(["."] if command == "explain" else [])]
    with tool.start(*words, "--timeout", "0") as process:
        _, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 2
    assert "--timeout cannot be 0; type a number of seconds above 0" in errors
