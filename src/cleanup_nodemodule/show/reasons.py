"""Why something is kept, in words, and what to do about it: one sentence and one command for each reason."""

import os
from collections.abc import Sequence
from typing import Final, NamedTuple

from cleanup_nodemodule.proof.in_use import OVERRIDE
from cleanup_nodemodule.words import Advice, command, printable, shell_command

MEANINGS: Final = {
    "unproven": "nothing proves that it can be rebuilt",
    "undeclared": "some packages in it are declared nowhere, so nothing brings them back",
    "modified": "something in it was changed after it was installed",
    "precious": "something in it was not made by its tool",
    "tracked": "version control tracks files in it",
    "git-failed": "git is missing, or could not say whether it tracks files in it",
    "installed": "it is part of installed software",
    "excluded": "a pattern of yours, or a file beside or above it, excludes it",
    "too-recent": "it was used more recently than --older-than says",
    "too-old": "it was not used for longer than --newer-than says",
    "too-small": "it takes less than --min-size says",
    "too-large": "it takes more than --max-size says",
    "not-matched": "no pattern of --only matches it",
    "latest": "its project is one of the latest, which --keep-latest leaves alone",
    "enough": "the goal is reached without it",
    "not-chosen": "you did not choose it",
    "current-directory": "the current directory is inside it",
    "in-use": "a process is at work in it or its project, or may be",
    "repository-inside": "a git repository lies inside it",
    "mount-point": "something is mounted at it or inside it",
    "foreign": "only its owner may delete it, or something in it",
    "unreadable": "not all of it could be read",
    "changed": "it is not as it was when the plan was saved",
    "interrupted": "the run was stopped before it was decided",
}
"""What each reason for keeping means, to be read behind "because"."""

TOLD_BY_DETAIL: Final = {"unproven", "undeclared", "modified", "precious"}
"""Reasons that are one of the three questions: the detail names the file, the package or what is missing."""

FILTERED: Final = {
    *("too-recent", "too-old", "too-small", "too-large", "not-matched", "latest", "enough"),
}
"""Reasons of what can be deleted, and is kept by the user's own filters. The detail says which one, and why."""

UNDECIDED: Final = "interrupted"
"""The reason for keeping what there was no time to decide about."""

UNEXPLAINED: Final = {UNDECIDED, "not-chosen"}
"""Reasons that need no explanation: nothing about the directory keeps it."""

_INCLUDES: Final = {
    "unproven": ("If you know that it can be rebuilt", "If you know that they can be rebuilt"),
    "undeclared": ("If you can do without those packages", "If you can do without such packages"),
    "modified": ("If you can do without that change", "If you can do without such changes"),
    "precious": ("If you can do without that", "If you can do without such files"),
}
"""When to include one, and when to include several."""


class Kept(NamedTuple):
    """A directory that is kept."""

    reason: str
    path: str
    detail: str | None
    """What exactly keeps it."""
    root: bool = False
    """Root runs this."""
    alike: tuple[str, ...] = ()
    """Paths of some others that are kept for the same reason."""
    many: int = 1
    """How many there are that are kept for this reason."""


def what_to_do(
    kept: Kept, again: Sequence[str], included: Sequence[str] = ()
) -> Advice | str | None:
    """Return how to have the directory included, in a sentence; None where nothing includes it.

    *again* are the words of a command line that looks at it once more, and *included* is what this run includes.
    """
    path, detail = kept.path, kept.detail or ""
    as_root = "" if kept.root else " as root"
    match kept.reason:
        case "unproven" | "undeclared" | "modified" | "precious":
            included = command(*again, "--include-unproven", *included, path, *kept.alike)
            one, several = _INCLUDES[kept.reason]
            if not kept.alike:
                return Advice(f"{one}, include it", included)
            named = 1 + len(kept.alike)
            which = "" if named == kept.many else f" (these are the {named} largest)"
            return Advice(f"{several}, include them{which}", included)
        case "tracked" if detail.startswith("git "):
            project, name = os.path.split(path)
            untracked = shell_command("git", "-C", project, "rm", "-r", "--cached", name)
            return Advice("If git should not track it, add it to .gitignore and type", untracked)
        case "tracked":
            return "If it should not be tracked, have your version control forget it"
        case "git-failed" if "type: " in detail or "type `" in detail:
            return None
        case "git-failed":
            return "Mend that, then run the command again"
        case "excluded" if detail.startswith("there is a "):
            return "To include it, delete that file"
        case "excluded" if detail.startswith(".cleanup-nodemodule.toml in "):
            return "To include it, change that file"
        case "excluded" if detail.startswith("--exclude "):
            return "To include it, leave that option out, or take it out of the file that has it"
        case "excluded":
            return "To include it, take that pattern out of the configuration file"
        case "current-directory":
            outside = shell_command("cd", os.path.dirname(os.path.abspath(path)))
            return Advice("Leave it, then run the command again", outside)
        case "in-use" if detail.endswith(OVERRIDE):
            unused = command(*again, "--assume-unused")
            return Advice("To find out, run it as root. To take it for unused", unused)
        case "in-use":
            # No kill: it may be the user's own shell, or an editor with unsaved work.
            return "End it, then run the command again"
        case "repository-inside":
            place = detail if os.path.isabs(detail) else path
            status = shell_command("git", "-C", place, "status")
            return Advice(
                "To include it, move that repository elsewhere. To see what is in it", status
            )
        case "mount-point":
            place = detail if os.path.isabs(detail) else path
            unmounted = shell_command("umount", place)
            return Advice(
                f"To include it, type: {unmounted}. To search what is mounted there",
                command(place),
            )
        case "foreign":
            return Advice(f"To include it, type{as_root}", command(*again, "--include-foreign"))
        case "unreadable" if not kept.root:
            return Advice("To have it read, type as root", command(*again))
        case "interrupted":
            return Advice("Run it again", command(*again))
        case _:
            return None


def why(kept: Kept) -> str:
    """Return what exactly keeps a directory, or else what the reason means."""
    detail = (kept.detail or "").removesuffix(f"; {OVERRIDE}")
    if kept.reason == "repository-inside" and os.path.isabs(detail):
        return f"the git repository {printable(detail)} lies inside it"
    if kept.reason == "mount-point" and os.path.isabs(detail):
        return f"something is mounted on {printable(detail)}"
    if kept.reason == "foreign" and os.path.isabs(detail):
        return f"only its owner may delete {printable(detail)}"
    if not detail or kept.reason in TOLD_BY_DETAIL:
        # An audit that was saved may be of a later program.
        return MEANINGS.get(kept.reason, kept.reason)
    return printable(detail)


def from_here(path: str) -> str:
    """Return *path* as it is typed in the current directory, if it lies there."""
    try:
        here = os.path.join(os.getcwd(), "")
    except OSError:  # It is gone.
        return path
    if os.path.join(path, "") == here:
        return os.curdir
    if not path.startswith(here):
        return path
    beneath = path[len(here) :]
    return os.path.join(os.curdir, beneath) if beneath.startswith("-") else beneath
