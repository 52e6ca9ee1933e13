"""Looks at installed packages: whether what lies outside declares everything inside.

A tool that installs packages brings back what its manifest and its lock file declare, and nothing else. So a look
compares the names inside with those. ``answer`` has the types. There is one module for each ecosystem, with a
``look`` and an ``is_part``, and one line for it in ``LOOKS`` and in ``PARTS``.

Words: a *package* is what a tool installs under one name. It is *declared* if the manifest, or the lock file that
belongs to it, leads to that name. The *maker* is the tool that installed it. A *mark* is what a tool leaves inside.

May import what ``proof`` may.
"""

from collections.abc import Mapping
from typing import Final

from cleanup_nodemodule.proof.declared.answer import Declared, IsPart, Look

LOOKS: Final[Mapping[str, Look]] = {}
"""The look of each ecosystem, by what ``packages`` of a rule says."""

PARTS: Final[Mapping[str, IsPart]] = {}
"""For each of these ecosystems, what tells its packages from what people put among them."""

__all__ = ["LOOKS", "PARTS", "Declared", "IsPart", "Look"]
