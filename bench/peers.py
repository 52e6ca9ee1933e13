"""Gets the programs that the tool is compared with: from Debian, crates.io, npm and PyPI.

What is there already is kept. What cannot be had on this machine is remembered with the reason, so
that the tables can name it. Everything that is not Debian's goes into a directory of its own.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

import places

RELEASE: Final = "0.1.1"
"""The release of this tool that is compared with."""

_DEBIAN: Final = {
    "du": "coreutils",
    "find": "findutils",
    "rm": "coreutils",
    "gdu": "gdu",
    "ncdu": "ncdu",
    "fdfind": "fd-find",
}
"""Debian's package of each program. It has another name for fd, and another version."""

_CRATES: Final = {
    "pdu": "parallel-disk-usage",
    "dua": "dua-cli",
    "dust": "du-dust",
    "diskus": "diskus",
    "kondo": "kondo",
    "rmz": "rmz",
    "fd": "fd-find",
}
"""The crate of each program."""

_NPM: Final = ("npkill", "rimraf")
"""Packages with a program of the same name."""

NAMES: Final = (*_DEBIAN, *_CRATES, *_NPM, "release")
"""All that can be got."""

_LAST_LINES: Final = 3
"""Of what an installer wrote, the part that says why it failed."""

_INDEX: Final = "peers.json"


@dataclass(frozen=True, slots=True)
class Peer:
    """A program that can be had here."""

    name: str
    version: str
    path: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A program that cannot be had here, and why."""

    name: str
    reason: str


Found: TypeAlias = Peer | Missing


class _FailedError(Exception):
    """A program cannot be had. The message says why."""


def get(directory: str, names: Sequence[str] = NAMES) -> dict[str, Found]:
    """Install what is missing of *names*, into *directory* where it is not Debian's; return what there is."""
    os.makedirs(directory, exist_ok=True)
    found = _known(directory) | {
        name: _try(name, attempt) for name, attempt in _attempts(directory).items() if name in names
    }
    index = {
        name: {"version": peer.version, "path": peer.path}
        if isinstance(peer, Peer)
        else {"reason": peer.reason}
        for name, peer in found.items()
    }
    with open(os.path.join(directory, _INDEX), "w", encoding="utf-8") as file:
        json.dump(index, file, indent=2)
    return found


def load(directory: str, names: Sequence[str] = NAMES) -> dict[str, Found]:
    """Return what earlier runs got into *directory*; get what none of them has tried of *names*."""
    found = _known(directory)
    new = [name for name in names if name not in found]
    return get(directory, new) if new else found


def _known(directory: str) -> dict[str, Found]:
    """Return what earlier runs got, or could not."""
    try:
        with open(os.path.join(directory, _INDEX), encoding="utf-8") as file:
            index = json.load(file)
    except FileNotFoundError:
        return {}
    return {
        name: Missing(name, entry["reason"])
        if "reason" in entry
        else Peer(name, entry["version"], entry["path"])
        for name, entry in index.items()
    }


def _attempts(directory: str) -> dict[str, Callable[[], Peer]]:
    """Return how to get each of them."""
    return {
        **{name: partial(_debian, name, package) for name, package in _DEBIAN.items()},
        **{name: partial(_crate, directory, name, crate) for name, crate in _CRATES.items()},
        **{name: partial(_npm, directory, name) for name in _NPM},
        "release": partial(_release, directory),
    }


def _try(name: str, attempt: Callable[[], Peer]) -> Found:
    try:
        peer = attempt()
    except _FailedError as error:
        print(f"{name}: missing: {error}", file=sys.stderr, flush=True)
        return Missing(name, str(error))
    print(f"{name}: {peer.version}", file=sys.stderr, flush=True)
    return peer


def _debian(name: str, package: str) -> Peer:
    path = shutil.which(name)
    if path is None:
        if shutil.which("apt-get") is None:
            raise _FailedError(
                f"no {name} is installed, and there is no apt-get to install it with"
            )
        if os.geteuid() != 0:
            raise _FailedError(f"no {name} is installed; as root: apt-get install {package}")
        _install("apt-get", "install", "-y", "-qq", "--no-install-recommends", package)
        path = shutil.which(name)
        if path is None:
            raise _FailedError(f"Debian's {package} has no program {name}")
    said = subprocess.run((path, "--version"), capture_output=True, text=True, check=False).stdout
    version = re.search(r"\d+(?:\.\d+)+", said)
    return Peer(name, version[0] if version else "of unknown version", path)


def _crate(directory: str, name: str, crate: str) -> Peer:
    path = os.path.join(directory, "bin", name)
    if not os.path.exists(path):
        if shutil.which("cargo") is None:
            raise _FailedError(f"there is no cargo to build {crate} with")
        _install("cargo", "install", "--quiet", "--locked", "--root", directory, crate)
    # What cargo keeps about the programs in a root.
    with open(os.path.join(directory, ".crates.toml"), "rb") as file:
        installed = tomllib.load(file)["v1"]
    for line in installed:
        package, version, *_source = line.split()
        if package == crate:
            return Peer(name, version, path)
    raise _FailedError(f"cargo does not say which {crate} is in {directory}")


def _npm(directory: str, name: str) -> Peer:
    prefix = os.path.join(directory, "npm")
    package = os.path.join(prefix, "node_modules", name)
    path = os.path.join(prefix, "node_modules", ".bin", name)
    if not os.path.exists(path):
        if shutil.which("npm") is None:
            raise _FailedError("there is no npm to install it with")
        os.makedirs(prefix, exist_ok=True)
        options = ("--no-audit", "--no-fund", "--loglevel=error")
        _install("npm", "install", "--prefix", prefix, *options, name)
    with open(os.path.join(package, "package.json"), encoding="utf-8") as file:
        return Peer(name, json.load(file)["version"], path)


def _release(directory: str) -> Peer:
    """Install the first release of this tool into an environment of its own."""
    environment = os.path.join(directory, "release")
    path = os.path.join(environment, "bin", "cleanup-nodemodule")
    if not os.path.exists(path):
        _environment(environment, f"cleanup-nodemodule=={RELEASE}")
    return Peer("release", RELEASE, path)


def built(commit: str, directory: str) -> str:
    """Have a *commit* of this tool in *directory*, in an environment of its own in its ``.venv``; return *directory*.

    Raises subprocess.CalledProcessError where there is no such commit.
    """
    environment = os.path.join(directory, ".venv")
    done = os.path.join(directory, "installed")
    if not os.path.exists(done):
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        archive = ("git", "-C", os.path.dirname(places.SCRIPTS), "archive", commit)
        packed = subprocess.run(archive, stdout=subprocess.PIPE, check=True).stdout
        subprocess.run(("tar", "-x", "-C", directory), input=packed, check=True)
        _environment(environment, "--editable", directory)
        python = os.path.join(environment, "bin", "python")
        sources = os.path.join(directory, "src")
        subprocess.run((python, "-m", "compileall", "-q", sources), check=True)
        with open(done, "w", encoding="utf-8"):
            pass
    return directory


def _environment(directory: str, *packages: str) -> None:
    """Make an environment of Python with some packages."""
    _install(sys.executable, "-m", "venv", directory)
    python = os.path.join(directory, "bin", "python")
    _install(python, "-m", "pip", "install", "--quiet", *packages)


def _install(*command: str) -> None:
    """Run an installer. Raises _FailedError with the end of what it says."""
    print(f"$ {' '.join(command)}", file=sys.stderr, flush=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-_LAST_LINES:]
        raise _FailedError(f"{os.path.basename(command[0])} failed: {' '.join(said)}")


def described(found: dict[str, Found]) -> list[str]:
    """Return the names and versions of those that there are."""
    there = (peer for peer in found.values() if isinstance(peer, Peer))
    return [f"{peer.name} {peer.version}" for peer in there]


def main() -> int:
    """Get the peers from the command line; exit with 1 if one is missing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peers", default=places.peers(), help="where (default: %(default)s)")
    found = get(os.path.abspath(parser.parse_args().peers))
    return 1 if any(isinstance(peer, Missing) for peer in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
