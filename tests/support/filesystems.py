"""File systems of a test's own, and one that misbehaves.

They are mounted where only the test process and its children see them, so that nothing of them is left
on the machine however a test ends: the kernel unmounts what the last process of a mount namespace
leaves (mount_namespaces(7)), and frees the loop devices behind it.
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from support.needs import needs_root, unable
from support.places import SUPPORT
from support.trees import Declared
from support.waiting import TIMEOUT, await_condition

_CLONE_NEWNS: Final = 0x00020000  # unshare(2)
_MNT_DETACH: Final = 2  # umount2(2)
_PR_SET_PDEATHSIG: Final = 1  # prctl(2)

_LOOP_CTL_ADD: Final = 0x4C80  # loop(4)
_LOOP_CTL_REMOVE: Final = 0x4C81
_AUTOFS_IOC_CATATONIC: Final = 0x9362  # include/uapi/linux/auto_fs.h

_MEBIBYTE: Final = 1024 * 1024

_MAKERS: Final = {
    "ext4": ("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,nodiscard"),
    "xfs": ("mkfs.xfs", "-q", "-f", "-K"),
    "btrfs": ("mkfs.btrfs", "-q", "-f", "-K"),
}
_SMALLEST: Final = {"ext4": 16, "xfs": 320, "btrfs": 128}
"""Mebibytes; the image files are sparse."""

_libc: Final = ctypes.CDLL(None, use_errno=True)


class Mounts:
    """What one test has mounted. Unmounted when it ends, the last one first."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._undo = contextlib.ExitStack()

    def close(self) -> None:
        """Unmount everything."""
        self._undo.close()

    def tmpfs(self, where: Path, options: str = "mode=755") -> Path:
        """Mount an empty file system in memory."""
        return self._mount(where, "-t", "tmpfs", "-o", options, "none")

    def image(
        self, kind: str, where: Path, *making: str, options: str = "", mebibytes: int = 0
    ) -> Path:
        """Make a file system of *kind* in a file, and mount that."""
        maker, *usual = _MAKERS[kind]
        if shutil.which(maker) is None:
            unable(f"needs {maker}")
        file = self._directory / f"{kind}-{len(list(self._directory.iterdir()))}.img"
        with open(file, "wb") as image:
            image.truncate((mebibytes or _SMALLEST[kind]) * _MEBIBYTE)
        made = subprocess.run(
            [maker, *usual, *making, file], capture_output=True, text=True, check=False
        )
        if made.returncode:
            unable(f"cannot make {kind}: {made.stderr.strip()}")
        return self._mount(where, "-o", f"loop,{options}".rstrip(","), file)

    def disk(self, kind: str, where: Path) -> "Disk":
        """Make a disk with a file system of *kind* that can be taken out and put in again."""
        file = self._directory / f"{kind}-{len(list(self._directory.iterdir()))}.img"
        with open(file, "wb") as image:
            image.truncate(_SMALLEST[kind] * _MEBIBYTE)
        where.mkdir(parents=True, exist_ok=True)
        disk = Disk(kind, file, where)
        self._undo.callback(disk.close)
        disk.format()
        disk.put_in()
        return disk

    def bind(self, what: Path, where: Path) -> Path:
        """Have *what*, a directory or a file, show at *where* too."""
        return self._mount(where, "--bind", what)

    def read_only(self, where: Path) -> None:
        """Take the right to write away from what is mounted at *where*."""
        subprocess.run(["mount", "-o", "remount,ro", where], check=True, capture_output=True)

    def overlay(
        self, where: Path, lower: Path, upper: Path, work: Path, *, options: str = ""
    ) -> Path:
        """Lay *upper* over *lower*; what is changed goes to *upper*."""
        options = f"lowerdir={lower},upperdir={upper},workdir={work},{options}".rstrip(",")
        return self._mount(where, "-t", "overlay", "-o", options, "overlay")

    def automount(self, where: Path) -> "Automount":
        """Have something mounted at *where* as soon as somebody goes there."""
        where.mkdir(parents=True, exist_ok=True)
        trigger = Automount(where)
        self._undo.callback(_detach, where)
        self._undo.callback(trigger.close)
        return trigger

    def misbehaving(self, where: Path, tree: Declared, **ways: Any) -> "Misbehaving":
        """Mount a file system that misbehaves in these *ways*; see ``misbehaving.py``."""
        where.mkdir(parents=True, exist_ok=True)
        served = Misbehaving(where, tree, ways)
        # Whoever waits for it to answer is told when it ends that there will be no answer.
        self._undo.callback(_detach, where)
        self._undo.callback(served.kill)
        return served

    def forgetful(self, kind: str, where: Path, witness: Path) -> "Forgetful":
        """Mount a file system on a disk of which is known what it has; see ``power_loss.py``."""
        maker, *usual = _MAKERS[kind]
        if shutil.which(maker) is None:
            unable(f"needs {maker}")
        top = self._directory / f"forgetful-{kind}"
        served = top / "served"
        served.mkdir(parents=True)
        image = top / "image"
        with open(image, "wb") as file:
            file.truncate(_SMALLEST[kind] * _MEBIBYTE)
        subprocess.run([maker, *usual, image], check=True, capture_output=True)
        program = SUPPORT / "power_loss.py"
        process = subprocess.Popen(
            [sys.executable, program, served, image, top / "record", witness],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - one call, made before
        )
        self._undo.callback(process.wait, TIMEOUT)
        self._undo.callback(process.kill)
        self._undo.callback(_detach, served)
        await_condition(
            lambda: process.poll() is not None or os.path.ismount(served), "the disk was there"
        )
        if process.poll() is not None:
            unable("cannot mount FUSE")
        disk = Forgetful(where, top, _LoopDevice())
        self._undo.callback(disk.close)
        where.mkdir(parents=True, exist_ok=True)
        disk.mount(served / "disk")
        return disk

    def sshfs(self, where: Path, what: Path) -> "Served":
        """Have *what* show at *where* by sshfs(1), without a network: the two talk over a socket."""
        server = shutil.which("sftp-server", path="/usr/lib/openssh:/usr/libexec/openssh")
        if server is None or shutil.which("sshfs") is None:
            unable("needs sshfs and sftp-server")
        where.mkdir(parents=True, exist_ok=True)
        served = Served(where, server, what)
        self._undo.callback(_detach, where)
        self._undo.callback(served.close)
        return served

    def _mount(self, where: Path, *arguments: str | Path) -> Path:
        if not where.exists():
            where.mkdir(parents=True)
        mounted = subprocess.run(
            ["mount", *arguments, where], capture_output=True, text=True, check=False
        )
        if mounted.returncode:
            unable(f"cannot mount {' '.join(map(str, arguments))}: {mounted.stderr.strip()}")
        self._undo.callback(_detach, where)
        return where


class _LoopDevice:
    """A loop device that nobody else takes in the meantime: what is on it has the same number again."""

    def __init__(self) -> None:
        self._control = os.open("/dev/loop-control", os.O_RDWR)
        try:
            self._number = fcntl.ioctl(self._control, _LOOP_CTL_ADD, 200 + os.getpid() % 100_000)
        except OSError as error:
            os.close(self._control)
            unable(f"cannot add a loop device: {error.strerror}")
        self.path = Path(f"/dev/loop{self._number}")
        if not self.path.exists():
            os.mknod(self.path, stat.S_IFBLK | 0o600, os.makedev(7, self._number))

    def attach(self, file: Path) -> None:
        subprocess.run(["losetup", self.path, file], check=True)

    def detach(self) -> None:
        subprocess.run(["losetup", "-d", self.path], check=False, capture_output=True)
        used = Path(f"/sys/block/loop{self._number}/loop")
        await_condition(lambda: not used.exists(), "the loop device was free")

    def close(self) -> None:
        self.detach()
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._control, _LOOP_CTL_REMOVE, self._number)
        self.path.unlink(missing_ok=True)
        os.close(self._control)


class Forgetful:
    """A disk whose power may be cut, or that breaks."""

    def __init__(self, where: Path, top: Path, device: _LoopDevice) -> None:
        self.path = where
        self.top = top
        self.record = top / "record"
        self._device = device

    def mount(self, image: Path) -> None:
        """Have what is on *image* there."""
        self._device.attach(image)
        mounted = subprocess.run(
            ["mount", self._device.path, self.path], capture_output=True, text=True, check=False
        )
        if mounted.returncode:
            unable(f"cannot mount {image}: {mounted.stderr.strip()}")

    def unmount(self) -> None:
        """Take it away."""
        subprocess.run(["umount", self.path], check=True)
        self._device.detach()

    def snapshot(self, name: str) -> Path:
        """Return a copy of what the disk has now."""
        copy = self.top / name
        subprocess.run(["cp", "--sparse=always", self.top / "image", copy], check=True)
        return copy

    def breaks(self) -> None:
        """Have it take nothing any more."""
        os.setxattr(self.top / "served", "user.broken", b"1")

    def close(self) -> None:
        _detach(self.path)
        self._device.close()


class Disk:
    """A block device of its own, with a file system that is mounted while the disk is in."""

    def __init__(self, kind: str, file: Path, where: Path) -> None:
        self.path = where
        self._kind = kind
        self._file = file
        self._devices = [self._attach()]

    def format(self) -> None:
        """Make a new file system on the device, which is not mounted: another disk under its number."""
        maker, *usual = _MAKERS[self._kind]
        if shutil.which(maker) is None:
            unable(f"needs {maker}")
        subprocess.run([maker, *usual, self._devices[-1]], check=True, capture_output=True)

    def put_in(self) -> None:
        """Mount it."""
        subprocess.run(["mount", self._devices[-1], self.path], check=True)

    def take_out(self) -> None:
        """Unmount it."""
        subprocess.run(["umount", self.path], check=True)

    def move(self) -> None:
        """Have another device, with another number, stand for the very same disk, which is not mounted."""
        self._devices.append(self._attach())

    def close(self) -> None:
        """Leave nothing of it."""
        _detach(self.path)
        for device in self._devices:
            subprocess.run(["losetup", "-d", device], check=False)

    def _attach(self) -> str:
        shown = subprocess.run(
            ["losetup", "-f", "--show", self._file], capture_output=True, text=True, check=False
        )
        if shown.returncode:
            unable(f"cannot have a block device: {shown.stderr.strip()}")
        return shown.stdout.strip()


def _detach(where: Path) -> None:
    _libc.umount2(os.fsencode(where), _MNT_DETACH)


class Automount:
    """A place where something is mounted when somebody goes there: a direct autofs mount, without the
    daemon that would do it (Documentation/filesystems/autofs.rst)."""

    def __init__(self, where: Path) -> None:
        self._asked: int | None
        self._asked, write = os.pipe()
        # Only processes of this group may go there without asking: none but this one's.
        options = f"fd={write},pgrp={os.getpgrp()},minproto=5,maxproto=5,direct".encode()
        result = _libc.mount(b"automount", os.fsencode(where), b"autofs", 0, options)
        number = ctypes.get_errno()
        os.close(write)
        self._top: int | None = None
        if result:
            self.close()
            unable(f"cannot mount autofs: {os.strerror(number)}")
        self._top = os.open(where, os.O_RDONLY | os.O_DIRECTORY)

    @property
    def triggered(self) -> bool:
        """Whether somebody went there, and the kernel asked for the mount."""
        assert self._asked is not None
        return bool(select.select([self._asked], [], [], 0)[0])

    def close(self) -> None:
        """Have whoever waits there wait no more."""
        if self._top is not None:
            fcntl.ioctl(self._top, _AUTOFS_IOC_CATATONIC, 0)
            os.close(self._top)
        if self._asked is not None:
            os.close(self._asked)
        self._top = self._asked = None


class Misbehaving:
    """The file system of ``misbehaving.py`` in a process of its own."""

    def __init__(self, where: Path, tree: Declared, ways: Mapping[str, Any]) -> None:
        self.path = where
        program = SUPPORT / "misbehaving.py"
        device = os.stat(where).st_dev
        self._process = subprocess.Popen(
            [sys.executable, program, where, json.dumps({"tree": tree, "ways": ways})],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd="/",
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - one call, made before
        )

        def mounted() -> bool:
            if self._process.poll() is not None:
                assert self._process.stderr is not None
                unable(f"cannot mount FUSE: {self._process.stderr.read().decode()}")
            return os.stat(where).st_dev != device

        try:
            await_condition(mounted, "the misbehaving file system was mounted")
        except BaseException:  # That it cannot be mounted is no reason to leave something open.
            self.kill()
            raise

    def change(self, **ways: Any) -> None:
        """Misbehave in these ways from now on."""
        os.setxattr(self.path, "user.ways", json.dumps(ways).encode())

    def calls(self, operation: str, path: str) -> int:
        """Return how often it was asked for *operation* on *path*."""
        made = json.loads(os.getxattr(self.path, "user.calls"))
        return int(made.get(f"{operation} {path}", 0))

    def kill(self) -> None:
        """Leave the mount behind without anything to answer it."""
        self._process.kill()
        self._process.wait(TIMEOUT)
        if self._process.stderr is not None:
            self._process.stderr.close()


@contextlib.contextmanager
def ended(disk: Misbehaving) -> Iterator[None]:
    """Have whoever waits for the disk at the end wait no longer, or a test that fails would hang."""
    try:
        yield
    finally:
        disk.kill()


class Served:
    """What sshfs shows of a directory; ``sftp-server`` is at the other end."""

    def __init__(self, where: Path, server: str, what: Path) -> None:
        self.path = where
        device = os.stat(where).st_dev
        here, there = socket.socketpair()
        with here, there:
            self._server = subprocess.Popen([server], stdin=there.fileno(), stdout=there.fileno())
            self._client = subprocess.Popen(
                ["sshfs", "-f", "-o", "passive", f":{what}", str(where)],
                stdin=here.fileno(),
                stdout=here.fileno(),
            )

        def mounted() -> bool:
            if self._client.poll() is not None:
                unable("cannot mount by sshfs")
            return os.stat(where).st_dev != device

        await_condition(mounted, "sshfs had mounted it")

    def is_alive(self) -> bool:
        """Whether there is still somebody to answer."""
        return self._client.poll() is None and not is_dead(self.path)

    def close(self) -> None:
        """End both."""
        for process in (self._client, self._server):
            process.kill()
            process.wait(TIMEOUT)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@pytest.fixture(scope="session")
def private_mounts() -> None:
    """Let this process have mounts that no other sees, from now to its end."""
    needs_root()
    if _libc.unshare(_CLONE_NEWNS):
        unable(f"cannot have mounts of its own: {os.strerror(ctypes.get_errno())}")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


@pytest.fixture
def disks(private_mounts: None, tmp_path: Path) -> Iterator[Mounts]:  # noqa: ARG001 - wanted for what it does
    """File systems that end with the test."""
    images = tmp_path / "images"
    images.mkdir()
    mounts = Mounts(images)
    try:
        yield mounts
    finally:
        mounts.close()


@pytest.fixture
def at_once(disks: Mounts, tmp_path: Path, state_directory: Path) -> None:
    """Have all that the test makes, and the journal, in memory, where nothing waits for a disk.

    For tests of a short time limit: a disk that other tests write to may take longer than that to say
    that it has written something (fsync(2)), and would be taken for the one that does not answer.
    """
    disks.tmpfs(tmp_path)
    disks.tmpfs(state_directory.parent, "mode=700")


def is_dead(path: Path) -> bool:
    """Whether *path* is on a mount that nothing answers for any more."""
    try:
        os.stat(path)
    except OSError as error:
        return error.errno in {errno.ENOTCONN, errno.ECONNABORTED}
    return False
