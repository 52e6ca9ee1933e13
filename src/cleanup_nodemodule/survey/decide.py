"""Decides what is deleted. Pure: everything it needs is in the evidence and the contents."""

from typing import assert_never

from cleanup_nodemodule.model import Contents, Decision, Delete, Evidence, Keep, Level, Reason


def decide(evidence: Evidence, contents: Contents, *, include_foreign: bool = False) -> Decision:
    """Delete what is proven or named, without a doubt and not protected; keep the rest and say why.

    Protections come first, as they hold whatever the user named; but with *include_foreign* the user has
    said that the owners of things in sticky directories need not be asked.
    """
    if evidence.protection is not None:
        return Keep(evidence.protection)
    if contents.mounts:
        return Keep(Reason.MOUNT_POINT)
    if contents.repositories:
        return Keep(Reason.REPOSITORY_INSIDE)
    if contents.foreign and not include_foreign:
        return Keep(Reason.FOREIGN)
    if not contents.complete:
        return Keep(Reason.UNREADABLE)
    if evidence.doubt is not None:
        return Keep(evidence.doubt.reason)
    match evidence.level:
        case Level.PROVEN | Level.NAMED:
            return Delete()
        case Level.UNPROVEN | Level.NONE:
            return Keep(Reason.UNPROVEN)
        case _:
            assert_never(evidence.level)
