"""Builds the tree that is measured: real packages, installed by npm into several projects.

What is there already is kept, so the first run takes some minutes and the next ones a
second. Needs npm, its registry, and some five gigabytes of disk space.
"""

import argparse
import os
import shutil
import subprocess
import sys
from typing import Final

import places

ENTRIES: Final = 500_000
"""Files, directories and links that make a tree worth measuring."""

PROJECTS: Final = {
    "icons": "@mui/icons-material @mui/material react react-dom",
    "gatsby": "gatsby react react-dom",
    "next": "next react react-dom antd @ant-design/icons",
    "fluent": "@fluentui/react-icons",
    "cloud": "aws-sdk googleapis @aws-sdk/client-s3 @aws-sdk/client-ec2 aws-cdk-lib",
    "angular": "@angular/cli @angular/core @angular/material @angular/compiler-cli",
    "story": "storybook @storybook/react webpack",
    "misc": "react-icons lucide-react @tabler/icons-react date-fns core-js lodash rxjs typescript"
    " monaco-editor",
    "carbon": "@carbon/icons-react @elastic/eui @patternfly/react-icons react react-dom",
    "phosphor": "@phosphor-icons/react @heroicons/react react",
    "docs": "@docusaurus/core @docusaurus/preset-classic react react-dom",
    "icons5": "@mui/icons-material@5 @mui/material@5 react@18 react-dom@18",
    "nest": "@nestjs/cli @nestjs/core @nestjs/common nx jest eslint prettier",
    "aws": "@aws-sdk/client-cloudformation @aws-sdk/client-dynamodb @aws-sdk/client-ecs"
    " @aws-sdk/client-glue @aws-sdk/client-iam @aws-sdk/client-lambda @aws-sdk/client-rds"
    " @aws-sdk/client-sagemaker @aws-sdk/client-ssm",
    "symbols": "@material-symbols/svg-400 @fluentui/svg-icons",
    "icons6": "@mui/icons-material@6 @mui/material@6 react@18 react-dom@18 googleapis@118",
}
"""Projects, in the order they are installed in, and the packages of each. Between them they have
few large directories, many small ones, deep nesting, and everything in between."""

_NPM: Final = (
    "npm",
    "install",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--legacy-peer-deps",
    "--loglevel=error",
)


class TooSmallError(Exception):
    """The tree has not enough entries, and nothing is left to install. The message says why."""


def build(tree: str, wanted: int = ENTRIES) -> int:
    """Install projects below *tree* until it has *wanted* entries; return how many it has.

    Raises TooSmallError if it cannot get that far.
    """
    os.makedirs(tree, exist_ok=True)
    entries = count(tree)
    if entries >= wanted:
        return entries
    if shutil.which("npm") is None:
        raise TooSmallError(
            f"{tree} has {entries:,} entries of {wanted:,}, and npm is not installed to add more"
        )
    failed: list[str] = []
    for name, packages in PROJECTS.items():
        if entries >= wanted:
            break
        project = os.path.join(tree, name)
        if _is_installed(project):
            continue
        _say(f"{entries:,} of {wanted:,} entries; installing {name}: {packages}")
        if not _install(project, packages.split()):
            failed.append(name)
        entries = count(tree)
    # What has not reached the disk may still change its allocated size.
    os.sync()
    if entries < wanted:
        why = f"; npm failed in {', '.join(failed)} (see above)" if failed else ""
        raise TooSmallError(f"{tree} has only {entries:,} entries of {wanted:,}{why}")
    return entries


def merge(tree: str, single: str) -> None:
    """Copy all that is installed in *tree* into one artifact of one project, *single*, once."""
    artifact = os.path.join(single, "node_modules")
    # As in an installed project, written last.
    proof = os.path.join(artifact, ".package-lock.json")
    if os.path.exists(proof):
        return
    shutil.rmtree(single, ignore_errors=True)
    os.makedirs(artifact)
    for project in sorted(os.listdir(tree)):
        modules = os.path.join(tree, project, "node_modules")
        if os.path.isdir(modules):
            _say(f"copying {modules}")
            copy = os.path.join(artifact, project, "node_modules")
            os.mkdir(os.path.dirname(copy))
            duplicate(modules, copy)
    for path in (os.path.join(single, "package.json"), proof):
        with open(path, "w", encoding="utf-8") as file:
            file.write("{}\n")
    os.sync()


def duplicate(directory: str, copy: str) -> None:
    """Copy a directory to *copy*, which does not exist, with all that a file takes on disk."""
    # Where the file system can share what is in both, nothing would be gained by deleting one.
    own = ("--reflink=never",) if sys.platform == "linux" else ()
    subprocess.run(("cp", "-a", *own, directory, copy), check=True)


def count(directory: str) -> int:
    """Return the number of entries beneath *directory*."""
    entries = 0
    left = [directory]
    while left:
        with os.scandir(left.pop()) as listing:
            for entry in listing:
                entries += 1
                if entry.is_dir(follow_symlinks=False):
                    left.append(entry.path)
    return entries


def _is_installed(project: str) -> bool:
    """Whether npm has finished here: it writes this file last."""
    return os.path.exists(os.path.join(project, "node_modules", ".package-lock.json"))


def _install(project: str, packages: list[str]) -> bool:
    """Have npm install *packages* into *project*; return whether it says that it did."""
    os.makedirs(project, exist_ok=True)
    manifest = os.path.join(project, "package.json")
    with open(manifest, "w", encoding="utf-8") as file:
        file.write(f'{{"name": "{os.path.basename(project)}", "private": true}}\n')
    done = subprocess.run([*_NPM, *packages], cwd=project, stdout=sys.stderr, check=False)
    return done.returncode == 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    """Build the tree from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tree", default=places.tree(), help="where (default: %(default)s)")
    parser.add_argument("--entries", type=int, default=ENTRIES, help="default: %(default)s")
    options = parser.parse_args()
    try:
        entries = build(options.tree, options.entries)
    except TooSmallError as error:
        _say(f"build_tree: {error}")
        return 1
    print(f"{options.tree}: {entries:,} entries")
    return 0


if __name__ == "__main__":
    sys.exit(main())
