"""The system's files, as each run finds them: trusted or refused, in order, and whose jobs they have."""

import shutil
from pathlib import Path
from typing import Final

import pytest

from support.accounts import ANOTHER, SOMEBODY, as_account, give, give_away
from support.needs import needs_root
from support.tool import PROJECT, Told, Tool
from support.trees import Declared, declare

WORK: Final[Declared] = {"shop": PROJECT, "blog": PROJECT, "old": PROJECT}

KNOWN: Final = ("passwd", "group", "nsswitch.conf", "ld.so.cache", "localtime")
"""What programs need of /etc."""

MOUNT: Final = 'mount --bind "$0" /etc && exec "$@"'
"""Puts another directory in the place of /etc, for one process and what it starts (mount_namespaces(7))."""


@pytest.fixture
def etc(place: Path) -> Path:
    """The configuration of all users."""
    needs_root()
    made = place / "etc"
    declare(made, {"cleanup-nodemodule": {"conf.d": {}}})
    for name in KNOWN:
        if Path("/etc", name).exists():
            shutil.copy2(Path("/etc", name), made / name)
    with (made / "passwd").open("a") as file:
        file.write(f"somebody:x:{SOMEBODY}:{SOMEBODY}::/nonexistent:/bin/sh\n")
    made.chmod(0o755)
    return made / "cleanup-nodemodule"


def within(etc: Path, account: int | None = None) -> tuple[str, ...]:
    """Return what to put before the command so that it finds *etc*, and runs for an account."""
    become = () if account is None else as_account(account, anywhere=True)
    return ("unshare", "--mount", "sh", "-c", MOUNT, str(etc.parent), *become)


def decisions(told: Told) -> dict[str, str | None]:
    assert told.code in {0, 4}, told.errors
    return told.reasons


def test_all_files_protect_and_the_last_one_decides(one_tool: Tool, etc: Path, place: Path) -> None:
    work = place / "work"
    declare(work, WORK)
    (etc / "config.toml").write_text('keep = ["shop"]\nprofile = "rust"\n')
    declare(
        etc / "conf.d",
        {
            "10-one.toml": 'keep = ["blog"]\nprofile = ["python"]\nmin-depth = 9\n',
            "20-two.toml": 'profile = ["js"]\nmin-depth = 0\n',
            ".hidden.toml": "what",
            "note.txt": "what",
        },
    )
    told = one_tool.run(work, prefix=within(etc))
    assert decisions(told) == {
        "shop/node_modules": "excluded",
        "blog/node_modules": "excluded",
        "old/node_modules": None,
    }
    # What protects does so even if nothing else is to be read, whoever says what.
    alone = one_tool.run(
        work,
        "--no-config",
        prefix=within(etc),
        env={"CLEANUP_NODEMODULE_MIN_DEPTH": "7", "CLEANUP_NODEMODULE_EXCLUDE": "old"},
    )
    assert decisions(alone) == {"shop/node_modules": "excluded", "blog/node_modules": "excluded"}


@pytest.mark.parametrize("which", ["config.toml", "conf.d/10-one.toml", "named.toml"])
@pytest.mark.parametrize("how", ["owner", "mode", "directory"])
def test_one_that_somebody_else_could_write_ends_the_run(
    one_tool: Tool, etc: Path, place: Path, which: str, how: str
) -> None:
    declare(place / "work", WORK)
    file = place / "own" / which if which == "named.toml" else etc / which
    declare(file.parent, {file.name: ""})
    named = ("--config", file) if which == "named.toml" else ()
    said = file if named else f"/etc/cleanup-nodemodule/{which}"
    match how:
        case "owner":
            give(SOMEBODY, file)
        case "mode":
            file.chmod(0o666)
        case _:
            file.parent.chmod(0o777)
    told = one_tool.delete(place / "work", *named, prefix=within(etc))
    assert told.code == 2
    assert f"{said} says what is deleted, and somebody else could write it" in told.errors
    assert told.errors.count("\n") == 1
    assert (place / "work/shop/node_modules/file").exists()


def job(users: str = "", more: str = "delete = true") -> str:
    return f'[job.nightly]\npath = ["/srv/never"]\n{more}\n{users}\n'


@pytest.mark.parametrize(
    ("account", "users", "typed", "code"),
    [
        (None, "", (), 0),
        (SOMEBODY, "", (), 2),
        (SOMEBODY, 'users = ["root"]', (), 2),
        (SOMEBODY, 'users = ["somebody"]', (), 0),
        (ANOTHER, 'users = ["somebody"]', (), 2),
        (ANOTHER, f'users = ["{ANOTHER}"]', (), 0),
        (SOMEBODY, "", ("--dry-run",), 0),
        (SOMEBODY, "", ("--no-dry-run",), 0),
    ],
)
def test_a_job_of_the_system_deletes_for_root_and_for_those_it_names(
    one_tool: Tool,
    etc: Path,
    place: Path,
    account: int | None,
    users: str,
    typed: tuple[str, ...],
    code: int,
) -> None:
    work = place / "work"
    declare(work, WORK)
    (etc / "config.toml").write_text(job(users))
    if account is not None:
        give_away(work, account=account)
        declare(place / "home", {})
        give_away(place / "home", account=account)
    home = place / "home" if account is not None else one_tool.home
    env = {
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_CONFIG_HOME": str(home / ("config" if account is None else "none")),
    }
    # The rules of the tests, for an account that has no file of its own.
    rules = place / "rules.toml"
    shutil.copy(one_tool.home / "config/cleanup-nodemodule/config.toml", rules)
    if account is not None:
        give(account, rules)
    options: tuple[str | Path, ...] = (
        "run",
        "nightly",
        "--json",
        "-p",
        work,
        "--config",
        rules,
        *typed,
    )
    process = one_tool.start(*options, cwd=place, env=env, prefix=within(etc, account))
    told = one_tool.finish(process, work)
    assert told.code == code, told.errors
    deleted = not (work / "shop/node_modules").exists()
    assert deleted is (code == 0 and "--dry-run" not in typed)
    if code == 2:
        assert "/etc/cleanup-nodemodule/config.toml, line 1: the job nightly deletes" in told.errors
        assert "run nightly --dry-run" in told.errors
