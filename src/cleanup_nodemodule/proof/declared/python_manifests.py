"""What the files beside a Python environment declare, put together.

Source: pip's "Requirements File Format".
"""

import os
from dataclasses import dataclass, field

from cleanup_nodemodule.proof.declared import python_locks, requirements
from cleanup_nodemodule.proof.declared.distributions import LARGEST
from cleanup_nodemodule.proof.declared.python_commands import REQUIREMENTS
from cleanup_nodemodule.proof.declared.python_locks import LOCKS, Lock
from cleanup_nodemodule.proof.declared.python_projects import Project, project
from cleanup_nodemodule.proof.declared.requirements import Requirement
from cleanup_nodemodule.proof.stat_cache import StatCache


@dataclass(frozen=True, slots=True)
class RequirementsFile:
    """What one requirements file has pip install."""

    file: str
    requirements: tuple[Requirement, ...]
    includes: frozenset[str]
    """Absolute paths of it and of those that it leads to."""


@dataclass(frozen=True, slots=True)
class Manifests:
    """Everything that declares something beside an environment."""

    directory: str
    locks: tuple[Lock, ...]
    files: tuple[RequirementsFile, ...]
    project: Project = field(default_factory=Project)

    @property
    def declares(self) -> bool:
        """Whether there is anything at all."""
        return bool(self.locks or self.files or self.project.file)

    def places(self) -> set[str]:
        """Return all places that something is to be installed from, paths as absolute ones."""
        found = {place for lock in self.locks for place in lock.places}
        asked = [one for file in self.files for one in file.requirements]
        asked += [one for group in self.project.groups for one in group.requirements]
        return found | {self._absolute(one.place) for one in asked if one.place}

    def _absolute(self, place: str) -> str:
        return place if "://" in place else os.path.normpath(os.path.join(self.directory, place))


def manifests(artifact: str, directory: str, boundary: str, cache: StatCache) -> Manifests:
    """Return what *directory*, which *artifact* is in, declares.

    What a third user put there declares nothing. Raises OSError where something could not be looked at.
    """

    def make() -> Manifests:
        def read(name: str) -> bytes | None:
            if not cache.proves(directory, name, artifact):
                return None
            return cache.read(directory, name, LARGEST)

        locks = [
            python_locks.lock(name, directory, content) for name in LOCKS if (content := read(name))
        ]
        names: dict[str, None] = {}
        for pattern in REQUIREMENTS:
            names.update(dict.fromkeys(cache.matches(directory, pattern)))
        files = []
        for name in names:
            if cache.proves(directory, name, artifact):
                found, includes = requirements.from_file(directory, name, boundary, cache)
                if found:
                    files.append(RequirementsFile(name, found, includes))
        metadata = project(read, directory, boundary, cache)
        return Manifests(
            directory, tuple(one for one in locks if one is not None), tuple(files), metadata
        )

    # What is believed depends on whose the environment is.
    return cache.made(f"python {directory} {cache.owner(artifact)}", make)
