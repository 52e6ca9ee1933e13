"""Working copies to look at, made by the programs of version control themselves."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from support.needs import unable


@dataclass(frozen=True)
class System:
    """A version control system, and how a working copy of it is made and filled."""

    program: str
    mark: str
    """The name by which its working copies are recognised."""
    make: Callable[[Path, Path], None]
    """Makes an empty working copy of the first path, with what it needs besides in the second."""
    add: tuple[str, ...]
    """Arguments with which paths are added that are committed with the next commit."""
    commit: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, top: Path, *arguments: str) -> bytes:
        """Run the program in a working copy."""
        return run(top, self.program, *arguments, **self.environment)

    def track(self, top: Path, *names: str) -> None:
        """Have it track what is called so in a working copy."""
        self.run(top, *self.add, *names)
        self.run(top, *self.commit)


def run(top: Path, program: str, *arguments: str | Path, **environment: str) -> bytes:
    """Run a program in *top*, with nobody's configuration, and return what it prints.

    Skips the test if the program is not there. Raises CalledProcessError if it fails.
    """
    if shutil.which(program) is None:
        unable(f"needs {program}")
    home = top.parent / "home of version control"
    home.mkdir(exist_ok=True)
    clean = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        [program, *arguments],
        cwd=top,
        env={**clean, "HOME": str(home), "USER": "t", "LC_ALL": "C.UTF-8", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"{program} {arguments}: {done.stdout!r} {done.stderr!r}")
    return done.stdout


def _mercurial(top: Path, _: Path) -> None:
    run(top, "hg", "init")


def _subversion(top: Path, store: Path) -> None:
    run(store, "svnadmin", "create", store / "svn")
    run(top, "svn", "checkout", "--quiet", f"file://{store}/svn", ".")


def _fossil(top: Path, store: Path) -> None:
    run(store, "fossil", "new", store / "of.fossil")
    run(top, "fossil", "open", "--force", store / "of.fossil")


def _bazaar(top: Path, _: Path) -> None:
    run(top, "brz", "init", "--quiet")


def _darcs(top: Path, _: Path) -> None:
    run(top, "darcs", "initialize")


def _cvs(top: Path, store: Path) -> None:
    root = store / "cvs"
    run(store, "cvs", "-d", root, "init")
    (root / "module").mkdir()
    run(store, "cvs", "-Q", "-d", root, "checkout", "module")
    shutil.move(store / "module/CVS", top / "CVS")


SYSTEMS: Final = {
    "Mercurial": System(
        *("hg", ".hg", _mercurial, ("add", "--quiet"), ("commit", "--user=t", "--message=all")),
        {"HGPLAIN": "1"},
    ),
    "Subversion": System(
        *("svn", ".svn", _subversion),
        *(("add", "--quiet", "--force", "--parents"), ("commit", "--quiet", "--message=all")),
    ),
    "Fossil": System(
        *("fossil", ".fslckout", _fossil),
        *(("add", "--force", "--dotfiles"), ("commit", "--no-warnings", "-m", "all")),
    ),
    "Bazaar": System(
        *("brz", ".bzr", _bazaar, ("add", "--quiet"), ("commit", "--quiet", "--message=all")),
        {"BRZ_EMAIL": "t <t@example.org>", "BZR_EMAIL": "t <t@example.org>"},
    ),
    "Darcs": System(
        *(
            "darcs",
            "_darcs",
            _darcs,
            ("add", "--recursive", "--boring"),
            ("record", "--all", "--name=all"),
        ),
        {"DARCS_EMAIL": "t@example.org"},
    ),
}
"""Those that track trees, by name."""


def working_copy(name: str, top: Path, store: Path) -> System:
    """Make an empty working copy, and return the system it is of."""
    system = SYSTEMS[name]
    top.mkdir(parents=True, exist_ok=True)
    store.mkdir(parents=True, exist_ok=True)
    system.make(top, store)
    return system


def cvs(top: Path, store: Path, *names: str) -> None:
    """Make *top* a working copy of CVS that tracks the files called so, each with its directory."""
    store.mkdir(parents=True, exist_ok=True)
    _cvs(top, store)
    for name in names:
        around = [str(one) for one in reversed(Path(name).parents) if str(one) != "."]
        for one in (*around, name):
            if not (top / one / "CVS").exists():
                run(top, "cvs", "-Q", "add", one)
    run(top, "cvs", "-Q", "commit", "-m", "all")
