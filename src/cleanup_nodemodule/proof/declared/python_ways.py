"""Which of the files beside a Python environment bring back what is installed in it, and how."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from cleanup_nodemodule.proof.declared import local_sources, python_commands
from cleanup_nodemodule.proof.declared.distributions import Direct, Distribution, Installed
from cleanup_nodemodule.proof.declared.python_commands import Place
from cleanup_nodemodule.proof.declared.python_locks import Lock
from cleanup_nodemodule.proof.declared.python_manifests import Manifests, RequirementsFile
from cleanup_nodemodule.proof.declared.python_projects import Group, Project
from cleanup_nodemodule.proof.declared.requirements import Requirement
from cleanup_nodemodule.proof.stat_cache import StatCache

SEEDS: Final = ("pip", "setuptools", "wheel", "distribute", "pkg-resources", "pkg_resources")
"""What a new environment has in it (venv, virtualenv, ``virtualenv --seeder``; Debian's pip showed the last as
``pkg-resources==0.0.0``)."""

_OWN_LOCK: Final = {
    "uv": "uv.lock",
    "poetry": "poetry.lock",
    "pdm": "pdm.lock",
    "pipenv": "Pipfile.lock",
}


@dataclass(frozen=True, slots=True)
class Way:
    """One way back."""

    command: str
    files: tuple[str, ...]
    """The files that declare what it brings."""
    undeclared: tuple[str, ...]
    """Names of distributions that it does not bring, in order."""
    differing: int = 0
    """Distributions that it brings in another version."""


class Ways:
    """The ways back of one environment."""

    def __init__(
        self,
        installed: Installed,
        declared: Manifests,
        place: Place,
        boundary: str,
        cache: StatCache,
    ) -> None:
        self._installed = installed
        self._declared = declared
        self._project = declared.project
        self._place = place
        self._boundary = boundary
        self._cache = cache
        self.own: set[str] = set()
        """Names under which the project itself is installed."""
        self.gone: list[str] = []
        """Phrases that say what was installed from a place that is gone."""
        self._placed: set[str] = set()
        self._lost: set[str] = set()
        self._origins()
        self.wanted: Final = set(installed.by_name) - self._seeds
        """Names of all that has to come back."""

    @cached_property
    def _seeds(self) -> set[str]:
        return self._installed.reached(Requirement(name) for name in SEEDS)

    def _origins(self) -> None:
        """Look where each distribution came from that did not come from an index."""
        for one in self._installed.distributions:
            direct = self._installed.direct(one)
            if direct is None:
                if one.name == self._project.name:
                    self.own.add(one.name)
            elif direct.path:
                self._local(one, direct)
            elif not self._is_written(direct):
                self._lost.add(one.name)

    def _local(self, one: Distribution, direct: Direct) -> None:
        directory, path = self._declared.directory, direct.path
        if not f"{path}/".startswith(f"{self._boundary.rstrip('/')}/"):
            # Not even looked at: it may be on a disk that does not answer.
            self._lost.add(one.name)
            return
        around, name = os.path.split(path)
        if not self._cache.exists(around, name if direct.archive else f"{name}/"):
            self.gone.append(f"{os.path.relpath(path, directory)}, where {one.name} came from")
            self._placed.add(one.name)
        elif path == directory:
            self.own.add(one.name)
        elif path in self._places:
            self._placed.add(one.name)
        else:
            self._lost.add(one.name)

    def source_gone(self, way: Way) -> str | None:
        """Say what the files of *way* take from a path that is gone; None if all are there. Raises OSError.

        pip takes nothing from a requirements file of which one path is not there. Of what has a name only that counts
        which is installed: other groups and other machines have some too.
        """
        asked = [(os.path.basename(place), place) for place in self._of_locks(way)]
        listed = [
            one
            for file in self._declared.files
            if file.file in way.files
            for one in file.requirements
        ]
        if self._project.file in way.files:
            listed += (one for group in self._project.groups for one in group.requirements)
        asked += (
            (one.name or os.path.basename(one.place), one.place)
            for one in listed
            if not one.name or one.name in self._installed.by_name
        )
        directory = self._declared.directory
        for name, place in asked:
            path = local_sources.path_in(place)
            if path is None or "git+" in path:
                continue
            path = os.path.relpath(os.path.join(directory, path), directory)
            told = local_sources.gone(name, path, directory, self._boundary, self._cache)
            if told is not None:
                return told
        return None

    def _of_locks(self, way: Way) -> Iterator[str]:
        for lock in self._declared.locks:
            if lock.file in way.files:
                yield from sorted(lock.places)

    @cached_property
    def _places(self) -> set[str]:
        return self._declared.places()

    def _is_written(self, direct: Direct) -> bool:
        """Whether a manifest names the URL, told by its last two names: how it is written differs."""
        parts = direct.url.partition("#")[0].partition("?")[0].rstrip("/").removesuffix(".git")
        end = "/".join(parts.replace(":", "/").split("/")[-2:])
        if not end.strip("/"):
            return False
        return any(end.encode() in lock.text for lock in self._declared.locks) or any(
            end in place for place in self._places
        )

    def best(self, maker: str | None) -> Way:
        """Return the way that brings everything back, as far as there is one, and by the *maker* before others."""
        first = _OWN_LOCK.get(maker or "")
        locks = sorted(self._declared.locks, key=lambda lock: lock.file != first)
        found: list[Way] = []
        for way in self._alone(locks, pip_first=maker == "pip"):
            if not way.undeclared:
                return way
            found.append(way)
        for lock in locks:
            after = self._by_lock(lock)
            together = self._by_pip(set(after.undeclared), after=after)
            if together is not None:
                found.append(together)
        if not found:
            return Way(self._place.made, (), tuple(sorted(self.wanted)))
        return min(found, key=lambda way: len(way.undeclared))

    def _alone(self, locks: Sequence[Lock], *, pip_first: bool) -> Iterator[Way]:
        """Give each way that needs no other, those first that are to be tried first."""
        without = (self._by_project, self._by_pip)
        for ask in without if pip_first else ():
            if (way := ask()) is not None:
                yield way
        for lock in locks:
            yield self._by_lock(lock)
        for ask in () if pip_first else without:
            if (way := ask()) is not None:
                yield way

    def _by_lock(self, lock: Lock) -> Way:
        brought = set(lock.versions) | lock.members | self._placed
        if lock.file != "pylock.toml":
            brought |= self.own
        left = (self.wanted - brought) | self._lost
        options = self._options(lock, self.wanted & brought)
        differing = sum(
            bool(one.version)
            and one.name in lock.versions
            and one.name not in self._placed | self.own
            and not any(_same(one.version, version) for version in lock.versions[one.name])
            for one in self._installed.distributions
        )
        command = self._place.by_lock(lock.file, options)
        return Way(command, (lock.file,), tuple(sorted(left)), differing)

    def _options(self, lock: Lock, brought: set[str]) -> list[str]:
        """Return the options for what the tool leaves out unless it is told."""
        if lock.file == "Pipfile.lock":
            return ["--dev"] if brought & lock.develop else []
        if lock.file == "pylock.toml":
            return []
        options, left = self._chosen(lock.file, brought)
        if (
            lock.file == "uv.lock"
            and len(lock.members) > 1
            and (left or brought & lock.members - {self._project.name})
        ):
            options.append("--all-packages")
        return options

    def _chosen(self, file: str, brought: set[str]) -> tuple[list[str], set[str]]:
        """Return the options that add what is *brought* and belongs to an extra or a group, and what none adds."""
        groups = self._project.groups
        # Most often none of what they ask for is there: then nothing has to be followed.
        named = [
            group
            for group in groups
            if group.kind
            and file not in group.default
            and any(
                one.name in self._installed.by_name or one.name == self._project.name
                for one in group.requirements
            )
        ]
        if not named:
            return [], set()
        default = [group for group in groups if not group.kind or file in group.default]
        left = brought - self._installed.reached(self._all(default)) - self.own
        options = []
        for group in named:
            added = self._installed.reached(self._all([group]))
            if left & added:
                left -= added
                options.append(python_commands.option(file, group.kind, group.name))
        return list(dict.fromkeys(options)), left

    def _all(self, groups: Iterable[Group]) -> list[Requirement]:
        """Return what *groups* ask for, with that of the extras of the project that they ask for."""
        found: list[Requirement] = []
        stack = list(groups)
        seen: set[str] = set()
        while stack:
            for one in stack.pop().requirements:
                found.append(one)
                if one.name == self._project.name:
                    named = one.extras - seen
                    seen |= named
                    stack += (
                        group
                        for group in self._project.groups
                        if group.kind == "extra" and group.name in named
                    )
        return found

    def _by_project(self) -> Way | None:
        """Return the way by a tool that the project is for, where it has no lock file."""
        project = self._project
        tools = set(project.tools)
        if project.file == "Pipfile":
            tools.add("Pipfile")
        if self._place.with_uv and project.installable:
            tools.add("uv")
        if not project.file or not tools & {"poetry", "pdm", "uv", "Pipfile"}:
            return None
        lock = next(
            (f"{tool}.lock" for tool in ("poetry", "pdm", "Pipfile") if tool in tools), "uv.lock"
        )
        every = self._all(project.groups)
        brought = self._installed.reached([*every, *self._of_own()]) | self.own | self._placed
        options, _ = self._chosen(lock, self.wanted & brought)
        command = self._place.by_project(frozenset(tools), options)
        left = (self.wanted - brought) | self._lost
        return None if command is None else Way(command, (project.file,), tuple(sorted(left)))

    def _of_own(self) -> list[Requirement]:
        """Return what the project itself asked for when it was installed, which its files may only compute."""
        extras = frozenset(g.name for g in self._project.groups if g.kind == "extra")
        return [Requirement(name, extras) for name in self.own]

    def _by_pip(self, wanted: set[str] | None = None, after: Way | None = None) -> Way | None:
        """Return the way by requirements files and the project itself, each only if it brings something.

        *after* is a way that has left what is *wanted*.
        """
        left = set(self.wanted if wanted is None else wanted) - self._placed
        arguments: list[str] = []
        files: list[str] = []
        covered: set[str] = set()
        for file in self._in_order():
            if file.includes <= covered:
                continue
            brought = self._brought(file.requirements, left)
            if brought or not (arguments or after or self.own):
                covered |= file.includes
                left -= brought
                arguments.append(python_commands.required(file.file))
                files.append(file.file)
        # One that asks for nothing declares itself.
        asks = self._project.file not in {"", "Pipfile"}
        alone = not (self._project.file or self._declared.locks or files)
        if self._project.installable and (asks or (alone and self.own)):
            self._add_project(left, arguments, files)
        if not files:
            return None
        command = self._place.by_pip(arguments, made=after is None)
        undeclared = tuple(sorted(left | self._lost))
        if after is None:
            return Way(command, tuple(files), undeclared)
        return Way(
            f"{after.command} && {command}", (*after.files, *files), undeclared, after.differing
        )

    def _in_order(self) -> Sequence[RequirementsFile]:
        """Return the requirements files, and those first that are made of others."""
        files = self._declared.files
        return sorted(files, key=lambda one: (one.file != "requirements.txt", -len(one.includes)))

    def _brought(self, asked: Sequence[Requirement], left: set[str]) -> set[str]:
        names = {one.name for one in asked}
        # What a file names is not looked up: most of them name everything.
        if left <= names:
            return set(left)
        return left & self._installed.reached(asked)

    def _add_project(self, left: set[str], arguments: list[str], files: list[str]) -> None:
        project = self._project
        default = [group for group in project.groups if not group.kind]
        asked = [*self._all(default), *(Requirement(name) for name in self.own)]
        brought = (left & self._installed.reached(asked)) | (left & self.own)
        after = left - brought
        extras: list[str] = []
        groups: list[str] = []
        for group in project.groups:
            if group.kind:
                added = after & self._installed.reached(self._all([group]))
                after -= added
                if added:
                    (extras if group.kind == "extra" else groups).append(group.name)
        if after != left:
            arguments.append(python_commands.editable(extras))
            arguments += (f"--group {name}" for name in groups)
            files.append(project.file or "pyproject.toml")
            left &= after


def _same(first: str, second: str) -> bool:
    return _plain(first) == _plain(second)


def _plain(version: str) -> list[str]:
    """Return what of a version is the same however it is written (PEP 440), roughly."""
    public = version.lower().lstrip("v").partition("+")[0].replace("_", "-").replace("-", ".")
    parts = [part.lstrip("0") or "0" for part in public.split(".")]
    while len(parts) > 1 and parts[-1] == "0":
        parts.pop()
    return parts


__all__ = ["SEEDS", "Project", "Way", "Ways"]
