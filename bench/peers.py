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
from collections.abc import Callable, Iterator
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


def get(directory: str) -> dict[str, Found]:
    """Install what is missing, into *directory* where it is not Debian's; return what there is."""
    os.makedirs(directory, exist_ok=True)
    found = dict(_attempts(directory))
    index = {
        name: {"version": peer.version, "path": peer.path}
        if isinstance(peer, Peer)
        else {"reason": peer.reason}
        for name, peer in found.items()
    }
    with open(os.path.join(directory, _INDEX), "w", encoding="utf-8") as file:
        json.dump(index, file, indent=2)
    return found


def load(directory: str) -> dict[str, Found]:
    """Return what an earlier run got into *directory*; get it if there was none."""
    try:
        with open(os.path.join(directory, _INDEX), encoding="utf-8") as file:
            index = json.load(file)
    except FileNotFoundError:
        return get(directory)
    return {
        name: Missing(name, entry["reason"])
        if "reason" in entry
        else Peer(name, entry["version"], entry["path"])
        for name, entry in index.items()
    }


def _attempts(directory: str) -> Iterator[tuple[str, Found]]:
    for name, package in _DEBIAN.items():
        yield name, _try(name, partial(_debian, name, package))
    for name, crate in _CRATES.items():
        yield name, _try(name, partial(_crate, directory, name, crate))
    for name in _NPM:
        yield name, _try(name, partial(_npm, directory, name))
    yield "release", _try("release", partial(_release, directory))


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
        _install(sys.executable, "-m", "venv", environment)
        python = os.path.join(environment, "bin", "python")
        _install(python, "-m", "pip", "install", "--quiet", f"cleanup-nodemodule=={RELEASE}")
    return Peer("release", RELEASE, path)


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
