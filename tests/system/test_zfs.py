"""What ZFS tells, with programs that stand in for its commands."""

import os
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.system import zfs

ALONE: Final = {"referenced": "1000", "written": "1000", "origin": "-", "dedup": "off"}
POOL: Final = {"size": "100000", "bcloneused": "0", "dedupratio": "1.00"}


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands are looked for."""
    monkeypatch.setattr(zfs, "_PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def stand_in(where: Path, name: str, script: str) -> None:
    (where / name).write_text(f"#!/bin/sh\n{script}\n")
    (where / name).chmod(0o755)


def saying(where: Path, name: str, asked: str, values: dict[str, str]) -> None:
    """Have a command say these values if it is asked for just that, as zfs-get(8) has it."""
    said = "".join(f"{key}\\t{value}\\n" for key, value in values.items())
    stand_in(where, name, f'[ "$*" = "{asked}" ] || exit 2\nprintf "{said}"')


def told(where: Path, own: dict[str, str], pool: dict[str, str]) -> bool | None:
    asked = "get -H -p -o property,value referenced,written,origin,dedup tank/home me"
    saying(where, "zfs", asked, own)
    saying(where, "zpool", "get -H -p -o property,value all tank", pool)
    return zfs.may_share("tank/home me")


def test_what_nobody_shares(commands: Path) -> None:
    assert told(commands, ALONE, POOL) is False


@pytest.mark.parametrize(
    ("own", "pool"),
    [
        ({"written": "900"}, {}),
        ({"origin": "tank/base@then"}, {}),
        ({"dedup": "on"}, {}),
        ({"dedup": "sha512,verify"}, {}),
        ({}, {"bcloneused": "4096"}),
        # It was deduplicated once, and stays so.
        ({}, {"dedupratio": "1.37"}),
        ({}, {"dedupratio": "1.37x"}),
    ],
)
def test_what_may_be_shared(commands: Path, own: dict[str, str], pool: dict[str, str]) -> None:
    assert told(commands, ALONE | own, POOL | pool) is True


def test_a_pool_that_is_too_old_to_clone_files(commands: Path) -> None:
    pool = {key: value for key, value in POOL.items() if key != "bcloneused"}
    assert told(commands, ALONE, pool) is False
    assert told(commands, ALONE, pool | {"bcloneused": "-"}) is False


@pytest.mark.parametrize("missing", ["referenced", "written", "dedup", "dedupratio"])
def test_where_something_is_not_told_nothing_is_known(commands: Path, missing: str) -> None:
    own = {key: value for key, value in ALONE.items() if key != missing}
    pool = {key: value for key, value in POOL.items() if key != missing}
    assert told(commands, own, pool) is None


def test_where_the_commands_fail_or_are_not_there_nothing_is_known(commands: Path) -> None:
    assert zfs.may_share("tank/home") is None
    for script in ("exit 1", "echo nonsense", "kill -9 $$"):
        stand_in(commands, "zfs", script)
        stand_in(commands, "zpool", script)
        assert zfs.may_share("tank/home") is None


def test_a_command_that_never_ends_is_ended(
    commands: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zfs, "_SECONDS", 0.1)
    for name in ("zfs", "zpool"):
        stand_in(commands, name, f"echo $$ > {commands}/{name}.pid\nexec sleep 1000")
    assert zfs.may_share("tank/home") is None
    for file in (one for one in commands.glob("*.pid") if one.read_text().strip()):
        with pytest.raises(ProcessLookupError):
            os.kill(int(file.read_text()), 0)


@pytest.mark.parametrize(
    "name", ["", "-o", "/dev/sda1", "tank/", "tank//a", "tank\nrm", "tank@then"]
)
def test_what_is_no_data_set_is_not_asked_for(commands: Path, name: str) -> None:
    for command in ("zfs", "zpool"):
        stand_in(commands, command, f"touch {commands}/asked")
    assert zfs.may_share(name) is None
    assert not (commands / "asked").exists()
