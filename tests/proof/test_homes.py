"""What is in a home directory, wherever that is and by whatever path it is found."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from support.filesystems import Mounts
from support.needs import unable
from support.tool import FULL, PROJECT, Tool
from support.trees import declare

OWNER: Final = 70001

HOME: Final[dict[str | bytes, Any]] = {
    ".tool": {"global": PROJECT},
    "code": {"app": PROJECT},
}
"""A home directory with what a program keeps there, and a project."""

INSTALLED: Final = ".tool/global/node_modules"
ARTIFACT: Final = "code/app/node_modules"


def accounts(disks: Mounts, tmp_path: Path, *homes: Path) -> None:
    """Have the system know accounts with these homes too."""
    file = tmp_path / "passwd"
    lines = [f"somebody{number}:x:{OWNER}:1::{home}:/bin/sh\n" for number, home in enumerate(homes)]
    file.write_text(Path("/etc/passwd").read_text() + "".join(lines))
    disks.bind(file, Path("/etc/passwd"))


def check(tool: Tool, home: Path, **how: Any) -> None:
    """Have the command search a home and then delete there; see it spare what a program keeps."""
    declare(home, HOME)
    for told in (tool.run(home, **how), tool.delete(home, **how)):
        assert told.reasons == {INSTALLED: "installed", ARTIFACT: None}
    assert (home / INSTALLED).exists()
    assert not (home / ARTIFACT).exists()


def test_a_home_is_where_the_accounts_have_it(tool: Tool, disks: Mounts, tmp_path: Path) -> None:
    home = tmp_path / "data/users/x"
    accounts(disks, tmp_path, home)
    check(tool, home)


def test_a_home_that_the_accounts_call_by_a_symlink(
    tool: Tool, disks: Mounts, tmp_path: Path
) -> None:
    (tmp_path / "users").symlink_to("data")
    accounts(disks, tmp_path, tmp_path / "users/x")
    check(tool, tmp_path / "data/x")


@pytest.mark.parametrize("mounted", ["x", "."])
def test_a_home_that_is_mounted_at_another_place_too(
    tool: Tool, disks: Mounts, tmp_path: Path, mounted: str
) -> None:
    home = tmp_path / "data/x"
    home.mkdir(parents=True)
    accounts(disks, tmp_path, home)
    disks.bind(tmp_path / "data" / mounted, tmp_path / "other")
    check(tool, tmp_path / "other" if mounted == "x" else tmp_path / "other/x")


def test_a_part_of_a_home_that_is_mounted_at_another_place_too(
    tool: Tool, disks: Mounts, tmp_path: Path
) -> None:
    declare(tmp_path / "data/x", HOME)
    accounts(disks, tmp_path, tmp_path / "data/x")
    other = disks.bind(tmp_path / "data/x/.tool", tmp_path / "other")
    told = tool.delete(other)
    assert told.reasons == {"global/node_modules": "installed"}
    assert (other / "global/node_modules").exists()


def test_the_home_of_who_runs_it_by_another_name(tool: Tool, disks: Mounts, tmp_path: Path) -> None:
    disks.bind(tool.home, tmp_path / "other")
    check(tool, tmp_path / "other")


_SERVICE: Final = """
#include <nss.h>
#include <pwd.h>
#include <errno.h>

enum nss_status _nss_directory_getpwuid_r(uid_t uid, struct passwd *account, char *buffer, size_t size,
                                          int *error)
{
    if (uid != 70001)
        return NSS_STATUS_NOTFOUND;
    *account = (struct passwd){"x", "x", uid, uid, "", HOME, "/bin/sh"};
    return NSS_STATUS_SUCCESS;
}
"""
"""A directory service which tells of an account that is asked for, and lists none."""


def test_a_home_that_only_a_directory_service_knows(
    tool: Tool, disks: Mounts, tmp_path: Path
) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        unable("needs a compiler, for a directory service")
    home = tmp_path / "data/DOMAIN/x"
    source, switch = tmp_path / "service.c", tmp_path / "nsswitch.conf"
    source.write_text(_SERVICE)
    library = tmp_path / "libnss_directory.so.2"
    subprocess.run(
        [compiler or "", f'-DHOME="{home}"', "-shared", "-fPIC", "-w", "-o", library, source],
        check=True,
    )
    switch.write_text("passwd: files directory\n")
    disks.bind(switch, Path("/etc/nsswitch.conf"))
    home.mkdir(parents=True)
    os.chown(home, OWNER, OWNER)
    check(tool, home, env={"LD_LIBRARY_PATH": str(tmp_path)})


@pytest.mark.parametrize("name", ["x", "users", "again", "other"])
def test_a_home_and_what_holds_it_are_never_artifacts(
    tool: Tool, disks: Mounts, tmp_path: Path, name: str
) -> None:
    top = tmp_path / "top"
    declare(top, {"data": {"users": {"x": HOME}}, "app": {name: FULL}})
    accounts(disks, tmp_path, top / "data/users/x")
    disks.bind(top / "data/users/x", top / "again/twice")
    disks.bind(top / "data", tmp_path / "mounted/other")
    for where in (top, tmp_path / "mounted"):
        told = tool.delete(where, "--targets", name)
        kept = {reason for path, reason in told.reasons.items() if path != f"app/{name}"}
        assert kept <= {"installed", "mount-point"}
    assert (top / "data/users/x" / INSTALLED).exists()
    assert (top / "data/users/x" / ARTIFACT).exists()
    assert not (top / "app" / name).exists()


def test_a_directory_around_a_home_is_none_by_another_name(
    tool: Tool, disks: Mounts, tmp_path: Path
) -> None:
    declare(tmp_path / "top", {"data": {"users": {"x": HOME}}})
    accounts(disks, tmp_path, tmp_path / "top/data/users/x")
    other = disks.bind(tmp_path / "top", tmp_path / "other")
    for name in ("data", "users", "x"):
        told = tool.delete(other, "--targets", name)
        assert set(told.reasons.values()) == {"installed"}
    assert (other / "data/users/x" / ARTIFACT).exists()


def test_a_home_that_is_mounted_only_when_somebody_goes_there_is_not_looked_at(
    tool: Tool, disks: Mounts, tmp_path: Path
) -> None:
    """Its server may not answer, and there may be thousands of them."""
    trigger = disks.automount(tmp_path / "net")
    (tmp_path / "users").symlink_to("net")
    accounts(disks, tmp_path, tmp_path / "net/x", tmp_path / "users/y")
    declare(tmp_path / "code", PROJECT)
    told = tool.delete(tmp_path / "code")
    assert told.outcomes == {"node_modules": "deleted"}
    assert not trigger.triggered


def test_a_home_on_a_disk_that_may_not_answer_is_known_by_all_its_names(
    tool: Tool, disks: Mounts, tmp_path: Path
) -> None:
    served = disks.misbehaving(tmp_path / "net", {"x": {".tool": {"global": PROJECT}}})
    other = disks.bind(served.path / "x", tmp_path / "other")
    accounts(disks, tmp_path, served.path / "x")
    for where in (served.path / "x", other):
        assert tool.run(where).reasons == {INSTALLED: "installed"}
    # Nothing is asked of it for what lies elsewhere.
    served.change(silent=["/"])
    declare(tmp_path / "code", PROJECT)
    assert tool.delete(tmp_path / "code").outcomes == {"node_modules": "deleted"}
