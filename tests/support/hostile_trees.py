"""Random trees that mean harm. Each follows from one number, so that a failure can be repeated.

What is in them: every kind of artifact that the catalogue knows, with markers that are what they should be,
or a FIFO, a device, a symlink, a sparse file of a terabyte, or broken; repositories that git chokes on; names
that are no text; chains of a thousand directories; hard links and symlinks to what is not to be touched.
"""

import contextlib
import errno
import os
import random
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from cleanup_nodemodule.proof.rules import Rule, catalogue
from support.accounts import NOBODY, give
from support.git import git

_TERABYTE: Final = 1 << 40
_LONGEST: Final = 3500
"""Bytes of a path at which nothing more is put beneath it, as the tests work by paths."""

_REACH: Final = 3800
"""Bytes of a path that a name can follow: all of it may have 4096 (PATH_MAX, limits.h)."""

_NAMES: Final = (
    *(b"src", b"a b", b"-rf", b"[bold]", b"new\nline", b"\x1b[31m", b"\xff\xfe", b"..."),
    *(b"x" * 255, "\N{SNOWMAN}".encode(), b"$(id)", b"'", b"*", b"~", b"C:\\", b".hidden"),
)

_CONTENTS: Final = (
    b"",
    b"{}",
    b"{",
    b"[" * 100_000,
    b'{"dependencies": {"next": "1"}, "devDependencies": []}',
    b'{"a": ' * 50_000,
    b"\0" * 5000,
    b"gitdir: /x\0y\n",
    b"gitdir: " + b"/x" * 5000,
    b'{"packages": {"": 5, "node_modules/x": {"version": ' + b"9" * 6000 + b"}}}",
    b"CMAKE_HOME_DIRECTORY:INTERNAL=/x\0y\nCMAKE_CACHEFILE_DIR:INTERNAL=\0\n",
    b"Signature: 8a477f597d28d172789f06886806bc55\n",
    b"\xff\xfe\x00\xd8" * 1000,
    b"packages:\n" + b" a:" * 20_000,
)


@dataclass(slots=True)
class Tree:
    """What has grown."""

    top: Path
    artifacts: list[bytes] = field(default_factory=list)
    """Paths with the name of an artifact."""
    swaps: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Pairs of paths that another process is to exchange, again and again, while a run is at work."""


def grow(top: Path, canary: Path, seed: int) -> Tree:
    """Grow the tree of this number in *top*, which is made; *canary* is a directory to lead to."""
    top.mkdir()
    return _Grower(top, canary, random.Random(seed)).grow()


@cache
def _rules() -> tuple[Rule, ...]:
    return catalogue()


class _Grower:
    def __init__(self, top: Path, canary: Path, chance: random.Random) -> None:
        self._tree = Tree(top)
        self._canary = os.fsencode(canary)
        self._chance = chance
        self._places = [os.fsencode(top)]
        """Directories that something may be put into."""

    def grow(self) -> Tree:
        actions: list[tuple[int, Callable[[], None]]] = [
            (10, self._project),
            (4, self._repository),
            (4, self._directory),
            (2, self._chain),
            (2, self._link),
            (2, self._sticky),
            (1, self._keep),
            (2, self._pair),
        ]
        weights = [weight for weight, _ in actions]
        for _ in range(self._chance.randint(1, 25)):
            [(_, act)] = self._chance.choices(actions, weights)
            with contextlib.suppress(FileExistsError):
                act()
        if os.geteuid() == 0 and self._chance.random() < 0.3:
            self._give_away()
        return self._tree

    def _place(self) -> bytes:
        return self._chance.choice(self._places)

    def _make(self, path: bytes) -> bytes:
        """Make a directory, with those around it; return its path."""
        os.makedirs(path, exist_ok=True)
        if len(path) < _LONGEST:
            self._places.append(path)
        return path

    def _directory(self) -> None:
        self._make(os.path.join(self._place(), self._chance.choice(_NAMES)))

    def _chain(self) -> None:
        """Make a chain of directories, with a project at its end where a path can still name it."""
        name = self._chance.choice((b"d", b"dist", b"node_modules", b"build"))
        # Of those with an artifact's name each is looked at by its path, and by every rule for that name.
        levels = self._chance.choice((5, 50, 1100, 1700) if name == b"d" else (5, 50, 150))
        start = os.path.join(self._place(), name)
        os.mkdir(start)
        here = os.open(start, os.O_RDONLY | os.O_DIRECTORY)
        marked = self._chance.random() < 0.5
        for _ in range(levels):
            if marked:
                os.close(os.open("package.json", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=here))
            os.mkdir(name, dir_fd=here)
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
            os.close(here)
            here = below
        os.close(here)
        if (path := os.path.join(start, *[name] * levels)) and len(path) < _LONGEST:
            self._places.append(path)

    def _project(self) -> None:
        """Make what a rule looks for, more or less."""
        rule = self._chance.choice(_rules())
        proof = self._chance.choice(rule.proofs)
        names = [self._named(name) for name in rule.names]
        project = self._make(os.path.join(self._place(), self._chance.choice(_NAMES)))
        artifact = self._make(os.path.join(project, *names))
        self._tree.artifacts.append(artifact)
        for marker in (*proof.beside, *proof.above):
            self._marker(os.path.join(project, self._named(marker)))
        for marker in (*proof.inside, *proof.only):
            self._marker(os.path.join(artifact, self._named(marker)))
        if proof.depends:
            content = f'{{"dependencies": {{"{proof.depends[0]}": "1"}}}}'.encode()
            self._marker(os.path.join(project, b"package.json"), content)
        if proof.holds is not None:
            file = os.path.join(artifact, self._named(proof.holds.file))
            self._marker(file, proof.holds.text.encode())
        if proof.tagged:
            self._marker(os.path.join(artifact, b"CACHEDIR.TAG"), _CONTENTS[11])
        for entry in rule.regenerate:
            if entry.lock is not None and self._chance.random() < 0.5:
                self._marker(os.path.join(project, os.fsencode(entry.lock)))
        self._fill(artifact)

    def _named(self, pattern: str) -> bytes:
        """Return a name that fits a rule's pattern, or nearly."""
        for mark in "*?":
            pattern = pattern.replace(mark, "x")
        if "[" in pattern:
            pattern = pattern.partition("[")[0] + "1"
        return os.fsencode(pattern.removeprefix("../")) or b"x"

    def _fill(self, directory: bytes) -> None:
        for number in range(self._chance.randint(0, 6)):
            name = self._chance.choice((*_NAMES, b"%d" % number, b".package-lock.json", b"@scope"))
            with contextlib.suppress(FileExistsError, NotADirectoryError, IsADirectoryError):
                self._anything(os.path.join(directory, name))

    def _marker(self, path: bytes, content: bytes | None = None) -> None:
        """Put something at *path*: most often what is expected there."""
        if path.endswith(b"/"):
            self._make(path.rstrip(b"/"))
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            return
        if self._chance.random() < 0.6:
            _write(path, b"{}" if content is None else content)
        else:
            self._anything(path)

    def _anything(self, path: bytes) -> None:
        """Put whatever may lie somewhere at *path*, unless something does."""
        if os.path.lexists(path):
            return
        chance = self._chance
        kinds: list[Callable[[bytes], object]] = [
            lambda at: _write(at, chance.choice(_CONTENTS)),
            lambda at: _write(at, chance.randbytes(chance.randint(0, 5000))),
            os.mkfifo,
            _listen,
            lambda at: _sparse(at, _TERABYTE),
            lambda at: _sparse(at, 5 << 20),
            lambda at: os.symlink(b"/dev/zero", at),
            lambda at: os.symlink(self._canary, at),
            lambda at: os.symlink(os.path.join(self._canary, b"file"), at),
            lambda at: os.symlink(b"/nowhere", at),
            lambda at: os.symlink(b".", at),
            lambda at: os.symlink(os.path.basename(at), at),
            lambda at: os.link(os.path.join(self._canary, b"file"), at),
            os.mkdir,
            _unreadable,
        ]
        if os.geteuid() == 0:
            kinds.append(lambda at: os.mknod(at, stat.S_IFCHR | 0o666, os.makedev(1, 5)))  # zero
        with contextlib.suppress(FileExistsError, OSError if len(path) > _LONGEST else ValueError):
            chance.choice(kinds)(path)

    def _link(self) -> None:
        """Give an artifact's name to something that is none."""
        rule = self._chance.choice(_rules())
        path = os.path.join(self._place(), self._named(rule.names[-1]))
        if not os.path.lexists(path):
            self._anything(path)

    def _keep(self) -> None:
        name = self._chance.choice((b".cleanup-keep", b"pyvenv.cfg", b".vsixmanifest"))
        path = os.path.join(self._place(), name)
        if not os.path.lexists(path):
            self._anything(path)

    def _sticky(self) -> None:
        """Put a directory as /tmp is one somewhere, with what somebody else keeps there."""
        path = self._make(os.path.join(self._place(), b"shared"))
        os.chmod(path, 0o1777)  # noqa: S103 - as /tmp has it
        kept = os.path.join(path, b"kept")
        if not os.path.lexists(kept):
            _write(kept, b"somebody else's")
            if os.geteuid() == 0:
                os.chown(kept, 12345, 12345)

    def _pair(self) -> None:
        """Have two things change places while the run is at work."""
        here = self._place()
        one, other = os.path.join(here, b"node_modules"), os.path.join(here, b"other")
        for path in (one, other):
            if not os.path.lexists(path):
                if self._chance.random() < 0.5:
                    self._anything(path)
                else:
                    self._fill(self._make(path))
            if not os.path.lexists(path):
                return
        self._tree.swaps.append((one, other))

    def _repository(self) -> None:
        """Make a repository, sound or broken in one of many ways."""
        place = self._place()
        git = os.path.join(place, b".git")
        if os.path.lexists(git):
            return
        chance = self._chance
        if chance.random() < 0.25:
            self._anything(git)
            return
        shutil.copytree(_sound(), os.fsdecode(git), symlinks=True)
        broken = chance.choice(
            (
                *(b"HEAD", b"index", b"commondir", b"config", b"packed-refs", b"info/exclude"),
                *(b"config.worktree", b"shallow", b"objects/info/alternates", b"", b"", b""),
                *(b"../.gitignore", b"../.gitattributes"),
            )
        )
        if broken:
            path = os.path.normpath(os.path.join(git, broken))
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            self._anything(path)
        elif chance.random() < 0.3:
            names = (b"/dev/zero", self._canary + b"/file", b"~/x", b"../../x")
            what = (b"[include]\n\tpath = %s\n", b"[core]\n\texcludesFile = %s\n")
            with open(os.path.join(git, b"config"), "ab") as file:
                file.write(chance.choice(what) % chance.choice(names))

    def _give_away(self) -> None:
        """Make everything that of a user who is not root."""
        for path in everything(self._tree.top):
            with contextlib.suppress(OSError):
                status = os.lstat(path)
                # What has another name in the canary is not this tree's to give.
                if stat.S_ISDIR(status.st_mode) or status.st_nlink == 1:
                    give(NOBODY, path)


def everything(top: Path) -> Iterator[bytes]:
    """Give *top* and the path of all beneath it, as far as a path reaches (os.walk is recursive)."""
    stack = [os.fsencode(top)]
    yield stack[0]
    while stack:
        try:
            with os.scandir(stack.pop()) as entries:
                for entry in entries:
                    yield entry.path
                    if entry.is_dir(follow_symlinks=False) and len(entry.path) < _REACH:
                        stack.append(entry.path)
        except OSError:
            continue


_kept: Final[list[tempfile.TemporaryDirectory[str]]] = []
"""What lives as long as this process."""


@cache
def _sound() -> str:
    """Return a git directory to copy."""
    _kept.append(tempfile.TemporaryDirectory())
    top = Path(_kept[0].name)
    (top / "tracked").write_text("x", encoding="ascii")
    for arguments in (("init", "-q"), ("add", "tracked"), ("commit", "-q", "-m", "first")):
        git(top, *arguments)
    return os.path.join(top, ".git")


def _write(path: bytes, content: bytes) -> None:
    with open(path, "xb") as file:
        file.write(content)


def _sparse(path: bytes, size: int) -> None:
    with open(path, "xb") as file:
        file.truncate(size)


def _unreadable(path: bytes) -> None:
    _write(path, b"{}")
    os.chmod(path, 0)


def _listen(path: bytes) -> None:
    """Leave a socket behind."""
    here, name = os.path.split(path)
    before = os.open(".", os.O_RDONLY)
    try:
        os.chdir(here)  # A socket's path may have 108 bytes (unix(7)).
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(name[:100])
    except OSError as error:
        if error.errno == errno.EADDRINUSE:  # What it says of any name that is taken (unix(7)).
            raise FileExistsError(error.errno, error.strerror, path) from error
        raise
    finally:
        os.fchdir(before)
        os.close(before)
