"""Whose configuration is read, and what it may be: it says what is deleted."""

import os
from pathlib import Path
from typing import Any, Final

import pytest

from cleanup_nodemodule.record import state_directory
from support.accounts import SOMEBODY, give, give_away
from support.needs import needs_root
from support.tool import Run, Tool
from support.trees import Declared, declare

MADE: Final = '[[rule]]\nid = "own/made"\ndirectory = "made"\nproofs = [{ beside = ["mark"] }]\n'

PROJECT: Final[Declared] = {"made": {"file": "x"}, "mark": ""}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The configuration file of the command that ``tool`` runs."""
    directory = tmp_path / "home/config/cleanup-nodemodule"
    return directory / "config.toml"


def found(tool: Tool, top: Path, **how: Any) -> tuple[int, set[str]]:
    told = tool.run(top, **how)
    return told.code, set(told.rows)


# Root with the HOME of another user.


@pytest.mark.parametrize("kind", ["rules", "fifo", "endless", "directory"])
def test_the_configuration_of_whose_home_it_is_is_not_read(
    tool: Tool, tmp_path: Path, kind: str
) -> None:
    needs_root()
    declare(tmp_path / "work", PROJECT)
    theirs = tmp_path / "theirs/.config/cleanup-nodemodule"
    declare(theirs, {})
    _make(theirs / "config.toml", kind)
    give_away(tmp_path / "theirs", account=SOMEBODY)
    told = tool.run(
        tmp_path / "work",
        env={"HOME": str(tmp_path / "theirs")},
        prefix=("env", "-u", "XDG_CONFIG_HOME"),
    )
    assert (told.code, told.rows) == (0, {})
    # Said by name it is: but then it is somebody else's all the same.
    named = {"XDG_CONFIG_HOME": str(tmp_path / "theirs/.config")}
    told = tool.run(tmp_path / "work", env=named)
    assert told.code == 2
    assert str(theirs / "config.toml") in told.errors


def _make(path: Path, kind: str) -> None:
    match kind:
        case "rules":
            path.write_text(MADE)
        case "fifo":
            os.mkfifo(path)
        case "endless":
            path.symlink_to("/dev/zero")
        case "huge":
            path.touch()
            os.truncate(path, 1 << 40)
        case "directory":
            path.mkdir()
        case _:
            path.symlink_to(path)


# A file that is none.


@pytest.mark.parametrize("kind", ["fifo", "endless", "huge", "directory", "loop"])
def test_what_is_no_small_file_ends_the_run_at_once(
    tool: Tool, tmp_path: Path, config: Path, kind: str
) -> None:
    declare(tmp_path / "work", PROJECT)
    config.unlink()
    _make(config, kind)
    told = tool.run(tmp_path / "work", prefix=("prlimit", "--as=4294967296"))
    assert told.code == 2
    assert told.errors.startswith(f"cleanup-nodemodule: {config}: ")
    assert told.errors.count("\n") == 1


# One that others can write.


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("owner", "it belongs to another user"),
        ("file", "others may write to it"),
        ("directory", "others may write"),
        ("around", "others may write"),
        ("target", "belongs to another user"),
        ("link", "others may write"),
    ],
)
def test_one_that_somebody_else_could_write_is_not_believed(
    tool: Tool, tmp_path: Path, config: Path, given: str, fault: str
) -> None:
    needs_root()
    declare(tmp_path / "work", PROJECT)
    declare(config.parent, {"config.toml": MADE})
    declare(tmp_path / "dotfiles", {"config.toml": MADE})
    match given:
        case "owner":
            give(SOMEBODY, config)
        case "file":
            config.chmod(0o666)
        case "directory":
            config.parent.chmod(0o777)
        case "around":
            config.parent.parent.chmod(0o777)
        case _:
            config.unlink()
            config.symlink_to(tmp_path / "dotfiles/config.toml")
            if given == "target":
                give(SOMEBODY, tmp_path / "dotfiles/config.toml")
            else:
                (tmp_path / "dotfiles").chmod(0o777)
    told = tool.delete(tmp_path / "work")
    assert told.code == 2
    assert f"{config} says what is deleted" in told.errors
    assert fault in told.errors
    assert "set XDG_CONFIG_HOME" in told.errors
    assert (tmp_path / "work/made/file").exists()


@pytest.mark.parametrize("form", ["file", "symlink", "read-only"])
def test_ones_own_is_read_also_by_a_symlink(
    tool: Tool, tmp_path: Path, config: Path, form: str
) -> None:
    declare(tmp_path / "work", PROJECT)
    declare(config.parent, {"config.toml": MADE})
    if form == "symlink":
        declare(tmp_path / "dotfiles", {"config.toml": MADE})
        config.unlink()
        config.symlink_to("../../../dotfiles/config.toml")
    if form == "read-only":
        config.chmod(0o444)
    assert found(tool, tmp_path / "work") == (0, {"made"})


def test_the_directories_follow_one_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs_root()
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    declare(tmp_path / "theirs", {})
    give(SOMEBODY, tmp_path / "theirs")
    monkeypatch.setenv("HOME", str(tmp_path / "theirs"))
    assert not state_directory.directory().startswith(str(tmp_path))
    path = state_directory.of_own_account(f"{tmp_path}/theirs/.config/x", "XDG_CONFIG_HOME")
    assert not path.startswith(str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", f"{tmp_path}/theirs/.config")
    assert state_directory.of_own_account(f"{tmp_path}/theirs/.config/x", "XDG_CONFIG_HOME") == (
        f"{tmp_path}/theirs/.config/x"
    )


def test_all_the_commands_go_by_the_same_file(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "c"))
    declare(tmp_path / "c/cleanup-nodemodule", {})
    os.mkfifo(tmp_path / "c/cleanup-nodemodule/config.toml")
    for words in ([], ["rules"], ["explain", "."], ["resume"], ["regenerate"]):
        done = run(*words)
        assert (done.returncode, done.stdout) == (2, ""), words
        assert "it is no regular file" in done.stderr
