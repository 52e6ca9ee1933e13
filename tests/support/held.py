"""A run that stays where it is until a test lets it go on."""

import os
from pathlib import Path

from support.git import git
from support.trees import declare

PROJECTS = 14
KIBIBYTE = 1024


class Held:
    """A tree with a repository, and a git that answers when it is let go."""

    def __init__(self, directory: Path) -> None:
        self.tree = directory / "tree"
        self._asked = directory / "asked"
        self._answer = directory / "answer"
        for number in range(PROJECTS):
            declare(
                self.tree / f"p{number:02}",
                {
                    "package.json": "{}",
                    "node_modules": {"a.js": 4 * KIBIBYTE * (number + 1)},
                    "dist": {"b.js": 1},
                },
            )
        git(self.tree, "init", "-q")
        wait = f"echo >{self._asked}\nuntil [ -e {self._answer} ]; do sleep 0.02; done"
        declare(directory / "bin", {"git": f'#!/bin/sh\n{wait}\nexec {_git()} "$@"\n'})
        (directory / "bin/git").chmod(0o755)
        self.env = {"PATH": f"{directory}/bin:{os.environ['PATH']}", "HOME": str(directory)}

    def asked(self) -> bool:
        """Whether git was asked."""
        return self._asked.exists()

    def let_go(self) -> None:
        """Have git answer."""
        self._answer.touch()


def _git() -> str:
    found = [f"{place}/git" for place in os.environ["PATH"].split(":")]
    return next(path for path in found if os.access(path, os.X_OK))
