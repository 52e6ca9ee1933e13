"""Looks at installed packages: whether what lies outside declares everything inside.

A tool that installs packages brings back what its manifest and its lock file declare, and nothing else. So a look
compares the names inside with those. ``answer`` has the types. There is one module for each ecosystem, with a
``look`` and an ``is_part``, and one line for it in ``_MODULES``.

Words: a *package* is what a tool installs under one name. It is *declared* if the manifest, or the lock file that
belongs to it, leads to that name. The *maker* is the tool that installed it. A *mark* is what a tool leaves inside.

May import what ``proof`` may.
"""

import functools
import importlib
import operator
from collections.abc import Mapping
from typing import Any, Final

from cleanup_nodemodule.proof.declared.answer import Declared, IsPart, Look

_MODULES: Final[Mapping[str, tuple[str, str]]] = {
    "bundler": ("bundler.look", "bundler.is_part"),
    "bytecode": ("bytecode.look", "bytecode.is_part"),
    "cargo": ("cargo.look", "cargo.is_part"),
    "carthage": ("apple.look_at_carthage", "apple.is_part_of_carthage"),
    "cocoapods": ("apple.look_at_pods", "apple.is_part_of_pods"),
    "composer": ("composer.look", "composer.is_part"),
    "dart": ("shaped.DART.look", "shaped.DART.is_part"),
    "elm": ("shaped.ELM.look", "shaped.ELM.is_part"),
    "go": ("go.look", "go.is_part"),
    "mix": ("mix.look", "mix.is_part"),
    "npm": ("javascript.look", "javascript_parts.is_part"),
    "nuget": ("nuget.look", "nuget.is_part"),
    "python": ("python.look", "python.is_part"),
    "spago": ("shaped.look_at_spago", "shaped.is_part_of_spago"),
}
"""By what ``packages`` of a rule says: where the look of its ecosystem is, and what tells its packages' files."""

NAMES: Final = frozenset(_MODULES)
"""What a rule may say for ``packages``."""


@functools.cache
def look_of(packages: str) -> Look:
    """Return the look of an ecosystem. It is imported only when an artifact of that is met."""
    look: Look = _at(_MODULES[packages][0])
    return look


@functools.cache
def is_part_of(packages: str) -> IsPart:
    """Return what tells an ecosystem's packages from what people put among them."""
    is_part: IsPart = _at(_MODULES[packages][1])
    return is_part


def _at(place: str) -> Any:
    module, _, name = place.partition(".")
    return operator.attrgetter(name)(importlib.import_module(f"{__name__}.{module}"))


__all__ = ["NAMES", "Declared", "IsPart", "Look", "is_part_of", "look_of"]
