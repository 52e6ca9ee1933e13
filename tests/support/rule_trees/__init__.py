"""The trees of the rules, each read from its file; the README beside says how they are written."""

import os
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from support.git import git
from support.trees import declare

TAG: Final = "Signature: 8a477f597d28d172789f06886806bc55\n# This file is a cache directory tag.\n"
_WRITTEN: Final = 1_750_000_000
"""When the tools wrote what they made, seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A project in which a rule holds, and how it would have to change for the rule to hold no more."""

    name: str
    directory: str
    around: Mapping[str, str] = field(default_factory=dict)
    inside: Mapping[str, str] = field(default_factory=dict)
    git: bool = False
    unmarked: Mapping[str, str] = field(default_factory=lambda: {"stuff.dat": "only here"})
    lost: Mapping[str, str | bool] = field(default_factory=dict)
    hides: str | None = None

    @property
    def rule(self) -> str:
        """The id of the rule that holds."""
        return self.name.partition("#")[0]

    def build(self, project: Path, *, marked: bool = True) -> Path:
        """Make it in *project* and return the path of the artifact; without *marked*, no tool has been there."""
        artifact = project / self.directory
        content = self.inside if marked else self.unmarked
        artifact.mkdir(parents=True)
        for top, files in ((project, self.around), (artifact, content)):
            declare(top, {name: self._filled(what, name, project) for name, what in files.items()})
        # All of one time: what is written after an installer was through was not written by it.
        for file in filter(Path.is_file, artifact.rglob("*")):
            os.utime(file, (_WRITTEN, _WRITTEN))
        if self.git:
            declare(project, {".gitignore": f"/{self.directory}/\n"})
            git(project, "init", "--quiet")
        return artifact

    def lose(self, project: Path) -> None:
        """Take away what would bring the artifact back."""
        for name, what in self.lost.items():
            if isinstance(what, str):
                declare(project, {name: what})
            elif (project / name).is_dir():
                shutil.rmtree(project / name)
            else:
                (project / name).unlink()

    def _filled(self, content: str, name: str, project: Path) -> Any:
        if name.endswith("/"):
            return {}
        text = content.replace("@tag@", TAG).replace("@project@", str(project))
        return text.replace("@artifact@", str(project / self.directory))


def _all() -> dict[str, Tree]:
    trees: dict[str, Tree] = {}
    for file in sorted(Path(__file__).parent.glob("*.toml")):
        for name, table in tomllib.loads(file.read_text(encoding="utf-8")).items():
            if name in trees:
                raise ValueError(f"{file.name}: there already is a tree {name!r}")
            trees[name] = Tree(name, **table)
    return trees


TREES: Final = _all()
"""By name."""
