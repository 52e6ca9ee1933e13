"""Looks at installed packages: whether what lies outside declares everything inside.

A tool that installs packages brings back what its manifest and its lock file declare, and nothing else. So a look
compares the names inside with those. ``answer`` has the types. There is one module for each ecosystem, with a
``look`` and an ``is_part``, and one line for it in ``_MODULES``.

Words: a *package* is what a tool installs under one name. It is *declared* if the manifest, or the lock file that
belongs to it, leads to that name. The *maker* is the tool that installed it. A *mark* is what a tool leaves inside.

May import what ``proof`` may.
"""

import importlib
from collections.abc import Mapping
from typing import Any, Final

from cleanup_nodemodule.proof.declared.answer import Declared, IsPart, Look

_MODULES: Final[Mapping[str, tuple[str, str]]] = {
    "npm": ("javascript", "javascript_parts"),
    "python": ("python", "python"),
}
"""By what ``packages`` of a rule says: the modules with the ``look`` and with the ``is_part`` of its ecosystem."""

NAMES: Final = frozenset(_MODULES)
"""What a rule may say for ``packages``."""


def look_of(packages: str) -> Look:
    """Return the look of an ecosystem. It is imported only when an artifact of that is met."""
    look: Look = _module(_MODULES[packages][0]).look
    return look


def is_part_of(packages: str) -> IsPart:
    """Return what tells an ecosystem's packages from what people put among them."""
    is_part: IsPart = _module(_MODULES[packages][1]).is_part
    return is_part


def _module(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name}")


__all__ = ["NAMES", "Declared", "IsPart", "Look", "is_part_of", "look_of"]
