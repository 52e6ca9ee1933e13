"""The state directory is one that nobody else can lead, read or write."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pyfakefs.fake_filesystem import FakeFilesystem, OSType

from cleanup_nodemodule.record import state_directory, trust
from cleanup_nodemodule.system import machine
from support.accounts import NOBODY, give
from support.needs import needs_root, unable


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_made_is_for_the_user_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        state_directory.prepare(str(tmp_path / "a/b/c"))
    finally:
        os.umask(before)
    assert [mode(tmp_path / path) for path in ("a", "a/b", "a/b/c")] == [0o700] * 3


def test_what_is_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a").chmod(0o755)
    state_directory.prepare(str(tmp_path / "a"))
    assert mode(tmp_path / "a") == 0o755


@pytest.mark.parametrize("permissions", [0o777, 0o1777, 0o702])
def test_one_that_everybody_may_write_is_refused(tmp_path: Path, permissions: int) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a").chmod(permissions)
    with pytest.raises(trust.StateError, match=r"others may write .*set XDG_STATE_HOME"):
        state_directory.prepare(str(tmp_path / "a"))


def test_one_in_a_directory_that_others_may_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a").chmod(0o777)
    for path in ("a/b", "a/b/c"):
        with pytest.raises(trust.StateError, match=r"others may write to '.*/a'"):
            state_directory.prepare(str(tmp_path / path))
    assert os.listdir(tmp_path / "a/b") == []


def test_one_in_a_sticky_directory_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a").chmod(0o1777)
    state_directory.prepare(str(tmp_path / "a/b"))
    assert mode(tmp_path / "a/b") == 0o700


def test_one_that_a_group_may_write_is_refused_unless_the_owner_is_alone_in_it(
    tmp_path: Path,
) -> None:
    needs_root()
    (tmp_path / "a").mkdir()
    (tmp_path / "a").chmod(0o770)
    state_directory.prepare(str(tmp_path / "a"))  # Of root's group, in which there is nobody else.
    os.chown(tmp_path / "a", -1, 12)
    with pytest.raises(trust.StateError, match="others may write"):
        state_directory.prepare(str(tmp_path / "a"))


def test_a_symlink_is_followed_to_a_directory_that_can_be_trusted(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(0o700)
    (tmp_path / "real/inner").mkdir(0o700)
    (tmp_path / "two").symlink_to(tmp_path / "real/inner")
    (tmp_path / "one").symlink_to("./two/../.")
    trust.check(str(tmp_path / "one"))
    state_directory.prepare(str(tmp_path / "one/new"))
    assert mode(tmp_path / "real/new") == 0o700
    (tmp_path / "real").chmod(0o777)  # Where one leads, and not what stands before the "..".
    with pytest.raises(trust.StateError, match=r"others may write to '.*/real'"):
        trust.check(str(tmp_path / "one"))


def test_a_symlink_to_somewhere_others_may_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shared/inner").mkdir(parents=True)
    (tmp_path / "shared").chmod(0o777)
    (tmp_path / "link").symlink_to("shared/inner")
    with pytest.raises(trust.StateError, match=r"others may write to '.*/shared'"):
        state_directory.prepare(str(tmp_path / "link"))


def test_a_loop_of_symlinks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(trust.StateError, match="too many symlinks"):
        trust.check(str(tmp_path / "a"))


def test_a_symlink_of_somebody_else_is_refused(tmp_path: Path) -> None:
    needs_root()
    (tmp_path / "real").mkdir(0o700)
    (tmp_path / "link").symlink_to("real")
    os.chown(tmp_path / "link", NOBODY, -1, follow_symlinks=False)
    with pytest.raises(trust.StateError, match=r"/link' belongs to another user \(nobody\)"):
        state_directory.prepare(str(tmp_path / "link"))


def test_root_does_not_use_a_directory_in_another_user_s_home(tmp_path: Path) -> None:
    needs_root()
    (tmp_path / "home/.local/state").mkdir(parents=True)
    give(NOBODY, tmp_path / "home")
    for path in ("home/.local/state", "home/.local/state/new"):
        with pytest.raises(trust.StateError, match=r"/home' belongs to another user \(nobody\)"):
            state_directory.prepare(str(tmp_path / path))
    assert os.listdir(tmp_path / "home/.local/state") == []


def test_root_s_directory_is_not_a_user_s_own_but_can_be_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_root()
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    with pytest.raises(trust.StateError, match=r"it belongs to another user \(root\)"):
        trust.check(str(tmp_path))
    trust.check(str(tmp_path), own=False)
    assert trust.untrusted(str(tmp_path)) is None


def test_in_a_user_namespace_what_belongs_to_no_account_of_it_may_lie_above(
    tmp_path: Path,
) -> None:
    """There the root directory itself may belong to nobody (user_namespaces(7))."""
    needs_root()
    (tmp_path / "a/b").mkdir(parents=True)
    os.chown(tmp_path / "a", 1234, 1234)
    check = "import sys; from cleanup_nodemodule.record import state_directory; state_directory.check(sys.argv[1])"
    command = [sys.executable, "-c", check, f"{tmp_path}/a/b"]
    outside = subprocess.run(command, capture_output=True, check=False)
    assert b"belongs to another user (1234)" in outside.stderr
    inside = subprocess.run(["unshare", "-Ur", *command], capture_output=True, check=False)
    if b"unshare failed" in inside.stderr:
        unable("there are no user namespaces")
    assert (inside.returncode, inside.stderr) == (0, b"")


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    for path in ("a", "a/b"):
        with pytest.raises(trust.StateError, match=r"[Nn]ot a directory"):
            state_directory.prepare(str(tmp_path / path))


@pytest.mark.parametrize("path", ["", "a", "a/b", "../a"])
def test_a_path_that_is_not_absolute_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(trust.StateError, match="it is not an absolute path"):
        state_directory.prepare(path)
    assert os.listdir(tmp_path / "here") == []


def test_what_somebody_else_could_alter_is_told_of_any_directory(tmp_path: Path) -> None:
    assert trust.untrusted(str(tmp_path)) is None
    (tmp_path / "a").mkdir()
    (tmp_path / "a").chmod(0o1777)
    assert "others may write" in (trust.untrusted(str(tmp_path / "a")) or "")
    with pytest.raises(FileNotFoundError):
        trust.untrusted(str(tmp_path / "nowhere"))


# Which one it is.


def where(env: dict[str, str]) -> str:
    """Return the state directory in an environment, as a process of its own finds it."""
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from cleanup_nodemodule.record import state_directory; print(state_directory.directory())",
        ],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.rstrip("\n")


def test_it_is_where_the_specification_of_base_directories_has_it(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert where(home) == f"{tmp_path}/.local/state/cleanup-nodemodule"
    assert where({**home, "XDG_STATE_HOME": "/srv/x"}) == "/srv/x/cleanup-nodemodule"
    # "If an implementation encounters a relative path in any of these variables it should consider
    # the path invalid and ignore it."
    assert where({**home, "XDG_STATE_HOME": "x"}) == f"{tmp_path}/.local/state/cleanup-nodemodule"


def test_a_home_of_somebody_else_is_not_used_but_the_account_s_own(tmp_path: Path) -> None:
    needs_root()
    own = os.path.expanduser("~root")
    give(NOBODY, tmp_path)
    for home in (str(tmp_path), f"{tmp_path}/nowhere"):
        assert where({"HOME": home}) == f"{own}/.local/state/cleanup-nodemodule"
    named = {"HOME": str(tmp_path), "XDG_STATE_HOME": f"{tmp_path}/x"}
    assert where(named) == f"{tmp_path}/x/cleanup-nodemodule"


def test_macos_has_it_where_programs_keep_such_things(
    fs: FakeFilesystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    import platformdirs.macos  # noqa: PLC0415 - before the disk is another one

    monkeypatch.setenv("HOME", "/Users/me")
    fs.os = OSType.MACOS
    fs.create_dir("/Users/me")
    os.chown("/Users/me", os.geteuid(), -1)
    monkeypatch.setattr(platformdirs, "PlatformDirs", platformdirs.macos.MacOS)
    assert state_directory.directory() == "/Users/me/Library/Application Support/cleanup-nodemodule"


def test_windows_has_it_where_programs_keep_such_things(monkeypatch: pytest.MonkeyPatch) -> None:
    import platformdirs.windows  # noqa: PLC0415 - which no other test needs

    local = r"C:\Users\me\AppData\Local"
    monkeypatch.setattr(platformdirs, "PlatformDirs", platformdirs.windows.Windows)
    monkeypatch.setattr(platformdirs.windows, "get_win_folder", lambda _: local)
    monkeypatch.delattr(os, "geteuid")
    found = state_directory.directory()
    assert (found.startswith(local), found.endswith("cleanup-nodemodule")) == (True, True)


def test_the_name_of_the_machine_is_fit_for_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"a.example.org": "a.example.org", "../../x": "_.._x", "": "localhost", "Jo's": "Jo_s"}
    for name, fit in names.items():
        monkeypatch.setattr("socket.gethostname", lambda name=name: name)
        assert machine.host_name() == fit
