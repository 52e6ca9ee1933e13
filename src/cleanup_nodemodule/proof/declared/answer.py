"""What a look at an artifact of installed packages says of them."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from cleanup_nodemodule.proof.stat_cache import StatCache


class Declared(NamedTuple):
    """Who installed the packages in an artifact, and whether what is declared brings all of them back."""

    made_by: str | None = None
    """Who made it, by its own mark inside ("pnpm: .modules.yaml inside"); None without a mark and without
    content that only the tool makes."""
    facts: tuple[str, ...] = ()
    """How it comes back, a phrase each ("84 packages, all declared by package-lock.json")."""
    undeclared: tuple[str, ...] = ()
    """Names inside that nothing declares, in order."""
    missing: str | None = None
    """What is missing to bring it back, a short phrase ("no package.json"), else None."""
    command: str | None = None
    """The command that brings it back; None: the one of its rule."""
    command_in: str | None = None
    """Absolute path of the directory to run the command in."""
    finished: int = 0
    """When its installer was through, in seconds since the epoch; 0 if that is not known."""
    warnings: tuple[str, ...] = ()
    """Why what comes back may differ, a phrase each."""
    modified: tuple[str, ...] = ()
    """Files inside that are not as their packages brought them, or were put into one, relative to the artifact:
    what shows without the walk, as they may be older than the last installation."""

    @property
    def comes_back(self) -> bool:
        """Whether all that is inside is declared and as it was installed, and nothing is missing."""
        return self.missing is None and not self.undeclared and not self.modified


class Look(Protocol):
    """Looks at an artifact of one ecosystem."""

    def __call__(self, artifact: str, project: str, boundary: str, cache: StatCache, /) -> Declared:
        """Return who made *artifact*, and whether it comes back.

        *artifact* and *project*, the directory that it belongs to, are absolute and without symlinks.
        Nothing above *boundary* is looked at. Raises OSError where something could not be looked at.
        """


class IsPart(Protocol):
    """Tells what came with the packages of an artifact of one ecosystem from what people put there."""

    def __call__(
        self, artifact: str, paths: Sequence[str], late: Sequence[str], cache: StatCache, /
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return which *paths* are no part of a package, and which *late* ones no tool has written.

        Both are relative to *artifact*: the *paths* have a name that is watched for, the *late* ones are files
        that were written after the installer was through. Raises OSError where something could not be looked at.
        """
