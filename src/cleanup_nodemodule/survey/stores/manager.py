"""What is known of one package manager and its store."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar, NamedTuple

from cleanup_nodemodule.survey.stores.opened import Opened
from cleanup_nodemodule.survey.stores.place import Place
from cleanup_nodemodule.words import quoted


class Sample(NamedTuple):
    """A file of an artifact that is looked for in a store."""

    path: str
    """Relative to the artifact, with slashes between names."""
    device: int
    inode: int
    bytes: int
    """How long it is."""
    linked: bool
    """It has several links."""
    mode: int
    """Its permissions (st_mode)."""


class Manager(ABC):
    """A package manager that gives projects what is in its store."""

    store: ClassVar[str]
    """What its store is called in a sentence, such as ``pnpm store``."""

    @abstractmethod
    def made(self, place: Place) -> bool:
        """Whether the artifact looks as if this manager had made it. Being wrong costs time only."""

    @abstractmethod
    def stores(self, place: Place) -> Iterable[str]:
        """Give the absolute paths where its store may be, the likely ones first. Nothing has to be there."""

    @abstractmethod
    def ends(self, sample: Sample, content: "Content", store: Opened) -> Iterator[str] | None:
        """Give what the store may call that file: paths in it, the likely ones first. None for a file that it never has."""

    @abstractmethod
    def command(self, store: str, place: Place) -> str | None:
        """Return the command that frees what is in the *store* and nobody uses, as a line for a shell; None if there is none."""


class Content(ABC):
    """The content of a sample, for managers that name files by it."""

    @abstractmethod
    def digest(self, algorithm: str) -> str | None:
        """Return its digest by an algorithm of :mod:`hashlib`, in hexadecimal; None if it cannot be read."""


def with_setting(variable: str, value: str, command: str) -> str:
    """Return *command* for a shell, to be run with that environment variable."""
    return f"{variable}={quoted(value)} {command}"
