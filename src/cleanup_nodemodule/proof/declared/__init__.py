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

from cleanup_nodemodule.proof.declared import (
    apple,
    bundler,
    cargo,
    composer,
    go,
    mix,
    nuget,
    python,
    shaped,
)
from cleanup_nodemodule.proof.declared.answer import Declared, IsPart, Look

LOOKS: Final[Mapping[str, Look]] = {
    "bundler": bundler.look,
    "cargo": cargo.look,
    "carthage": apple.look_at_carthage,
    "cocoapods": apple.look_at_pods,
    "composer": composer.look,
    "dart": shaped.DART.look,
    "elm": shaped.ELM.look,
    "go": go.look,
    "mix": mix.look,
    "nuget": nuget.look,
    "python": python.look,
    "spago": shaped.look_at_spago,
}
"""The look of each ecosystem, by what ``packages`` of a rule says."""

PARTS: Final[Mapping[str, IsPart]] = {
    "bundler": bundler.is_part,
    "cargo": cargo.is_part,
    "carthage": apple.is_part_of_carthage,
    "cocoapods": apple.is_part_of_pods,
    "composer": composer.is_part,
    "dart": shaped.DART.is_part,
    "elm": shaped.ELM.is_part,
    "go": go.is_part,
    "mix": mix.is_part,
    "nuget": nuget.is_part,
    "python": python.is_part,
    "spago": shaped.is_part_of_spago,
}
"""For each of these ecosystems, what tells its packages from what people put among them."""

__all__ = ["LOOKS", "PARTS", "Declared", "IsPart", "Look"]
