"""Builds a tree of source code without artifacts: what searching costs where nothing is found.

Copies of the installed projects, every directory renamed that has a name the tool looks for, so that
the shapes are those of real trees. What is there already is kept.
"""

import argparse
import os
import shutil
import sys
from typing import Final

import build_tree
import places
from cleanup_nodemodule.proof.rules import of_profiles
from cleanup_nodemodule.survey.search import wanted_names

DIRECTORIES: Final = 100_000
"""Directories that make a tree worth searching."""

_ENTRIES_A_DIRECTORY: Final = 20
"""Projects with more, such as collections of icons, are not what source trees look like."""


def names() -> tuple[str, ...]:
    """Return the directory names that the tool looks for unless told otherwise, sorted."""
    return tuple(
        sorted(os.fsdecode(name) for name in wanted_names(of_profiles(["js"]), (), 0).wanted)
    )


def build(installed: str, tree: str, wanted: int = DIRECTORIES) -> int:
    """Copy what is in *installed* below *tree* until it has *wanted* directories.

    Returns how many it has.
    """
    os.makedirs(tree, exist_ok=True)
    unfinished = os.path.join(tree, "unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    directories = count(tree)
    if directories >= wanted:
        return directories
    projects = [
        entry.path
        for entry in sorted(os.scandir(installed), key=lambda entry: entry.name)
        if entry.is_dir()
        and build_tree.count(entry.path) <= _ENTRIES_A_DIRECTORY * count(entry.path)
    ]
    if not projects:
        raise build_tree.TooSmallError(f"{installed} has no project to copy")
    number = 0
    while directories < wanted:
        turn, place = divmod(number, len(projects))
        number += 1
        copy = os.path.join(tree, f"{os.path.basename(projects[place])}-{turn}")
        if os.path.exists(copy):
            continue
        print(f"{directories:,} of {wanted:,} directories; copying {copy}", file=sys.stderr)
        build_tree.duplicate(projects[place], unfinished)
        rename(unfinished)
        directories += count(unfinished)
        os.rename(unfinished, copy)
    os.sync()
    return directories


def count(directory: str) -> int:
    """Return the number of directories, *directory* itself included."""
    return sum(1 for _ in os.walk(directory))


def rename(directory: str) -> None:
    """Give each directory beneath *directory* that the tool would look at another name."""
    wanted = frozenset(names())
    for parent, directories, _files in os.walk(directory, topdown=False):
        for name in wanted.intersection(directories):
            os.rename(os.path.join(parent, name), os.path.join(parent, f"{name}_"))


def main() -> int:
    """Build the tree from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tree", default=places.tree(), help="to copy from (default: %(default)s)")
    options = parser.parse_args()
    tree = f"{options.tree}-source"
    try:
        directories = build(options.tree, tree)
    except build_tree.TooSmallError as error:
        print(f"source_tree: {error}", file=sys.stderr)
        return 1
    print(f"{tree}: {directories:,} directories")
    return 0


if __name__ == "__main__":
    sys.exit(main())
