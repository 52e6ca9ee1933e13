"""Repositories to look at, made by git."""

import os
import subprocess
from pathlib import Path
from typing import Final

_OPTIONS: Final = (
    *("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgSign=false"),
    # For submodules, which come from the same disk.
    *("-c", "protocol.file.allow=always"),
)


def git(repository: Path, *arguments: str | Path, data: bytes | None = None) -> bytes:
    """Run git in *repository* with nobody's configuration, and return what it prints.

    *data* is its standard input. Raises CalledProcessError if git fails.
    """
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return subprocess.run(
        ["git", *_OPTIONS, *arguments],
        cwd=repository,
        env={**clean, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
        input=data,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
