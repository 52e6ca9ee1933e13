"""What each reason for keeping means, in words."""

from typing import Final

MEANINGS: Final = {
    "unproven": "nothing proves that it can be rebuilt",
    "tracked": "version control tracks files in it",
    "git-failed": "git is missing, or could not say whether it tracks files in it",
    "installed": "part of installed software",
    "undeclared": "nothing declares a package in it, so nothing brings it back",
    "modified": "something in it was changed after it was installed",
    "precious": "something in it was not made by its tool",
    "kept": "you said so",
    "current-directory": "the current directory is inside",
    "in-use": "a process is at work in it or its project, or may be",
    "repository-inside": "a git repository lies inside it",
    "mount-point": "something is mounted at it or inside it",
    "foreign": "only its owner may delete it or something in it",
    "unreadable": "not all of it could be read",
    "interrupted": "the run was stopped before it was decided",
}
"""What each reason for keeping means."""

TOLD_BY_DETAIL: Final = {"unproven", "undeclared", "modified", "precious"}
"""Reasons that are one of the three questions: the detail names the file, the package or what is missing."""

UNDECIDED: Final = "interrupted"
"""The reason for keeping what there was no time to decide about."""
