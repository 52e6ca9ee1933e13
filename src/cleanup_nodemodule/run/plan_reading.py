"""Reads a saved plan, and refuses one that is not to be applied here and now."""

import json
import os
import re
import time
from collections.abc import Collection
from operator import attrgetter
from typing import Any, Final

from cleanup_nodemodule.model.quantities import duration
from cleanup_nodemodule.run.saved_plan import (
    PLAN_VERSION,
    PlanFileError,
    SavedPlan,
    digest_of,
    moment,
)
from cleanup_nodemodule.system import machine
from cleanup_nodemodule.system.files import read_small
from cleanup_nodemodule.words import printable

_LARGEST: Final = 1 << 30
"""Bytes that a plan may have: that of 200,000 artifacts has about 100 MB."""

_AHEAD: Final = 300
"""Seconds that the clock of a machine may be wrong."""


def read_plan(path: str, digest: str | None = None) -> SavedPlan:
    """Read a saved plan, which is only to be applied if it is what somebody saved, here, and not too long ago.

    If somebody else could write the file, it counts only with the *digest* that was told when it was saved. Raises
    PlanFileError for anything else.
    """
    try:
        content, status = read_small(path, _LARGEST, follow=True)
    except OSError as error:
        raise PlanFileError(
            path,
            f"{error.strerror}; type the path of a file that --save-plan wrote",
            error.errno,
        ) from error
    try:
        document = json.loads(content.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise PlanFileError(path, _NO_PLAN) from error
    if not isinstance(document, dict) or (_ODD.search(content) and not _can_be_names(document)):
        raise PlanFileError(path, _NO_PLAN)
    version = document.get("plan_version")
    if type(version) is not int or version != PLAN_VERSION:
        newer = type(version) is int and version > PLAN_VERSION
        raise PlanFileError(
            path, "a newer version of this program saved it; install that" if newer else _NO_PLAN
        )
    found = digest_of(document)
    if found != document.get("digest"):
        raise PlanFileError(
            path,
            "it was changed after it was saved, or is not whole; look again, and save another one",
        )
    _check_writers(path, status, found, digest)
    saved = _typed(path, document)
    _check_numbers(path, saved)
    _check_place_and_time(path, saved)
    _check_paths(path, saved)
    return saved


_NO_PLAN: Final = "it is no plan; type the path of a file that --save-plan wrote"


_ODD: Final = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")
"""What may stand for a character that no name and no text of a plan has."""


def _can_be_names(document: Any) -> bool:
    """Whether each text could be a name: it has no NUL, and no surrogate that stands for no byte."""
    left = [document]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            left += one.keys()
            left += one.values()
        elif isinstance(one, list):
            left += one
        elif isinstance(one, str):
            try:
                if b"\0" in os.fsencode(one):
                    return False
            except UnicodeEncodeError:
                return False
    return True


def _check_numbers(path: str, saved: SavedPlan) -> None:
    """Raise PlanFileError for a number that no file system and no clock gives."""
    columns: list[tuple[str, int, list[int]]] = [
        ("reclaimable_bytes", 0, [saved.reclaimable_bytes]),
        ("reclaimable_at_most_bytes", 0, [saved.reclaimable_at_most_bytes or 0]),
        ("made_at", 0, [saved.made_at]),
        ("expires_at", 0, [saved.expires_at]),
        ("settings.older_than", 0, [saved.settings.older_than or 0]),
    ]
    # A file may be older than 1970, and macOS has devices below 0.
    columns += [
        (f"artifacts.{name}", least, list(map(attrgetter(name), saved.artifacts)))
        for least, names in ((0, _COUNTS), (-_MOST, _OTHERS))
        for name in names
    ]
    for name, least, column in columns:
        if column and not (least <= min(column) and max(column) <= _MOST):
            raise PlanFileError(path, f"{_NO_PLAN} ({name} is not as it should be)")


_MOST: Final = 2**64 - 1
_COUNTS: Final = (
    *("inode", "apparent_bytes", "allocated_bytes", "reclaimable_bytes", "files", "directories"),
)
_OTHERS: Final = ("device", "changed_ns", "newest", "last_used")


def _check_writers(path: str, status: os.stat_result, found: str, digest: str | None) -> None:
    if digest is not None:
        if digest.strip().lower() != found:
            raise PlanFileError(
                path,
                f"it has another digest ({found}) than you typed, so it is not the plan that you were told of",
            )
        return
    from cleanup_nodemodule.record import trust

    try:
        fault = trust.untrusted_file(path, status)
    except OSError as error:
        raise PlanFileError(path, str(error.strerror), error.errno) from error
    if fault is not None:
        raise PlanFileError(
            path,
            f"somebody else could write it, because {fault}; ask who saved it for the digest, which --save-plan said, and"
            " add: --digest DIGEST",
        )


def _typed(path: str, document: dict[str, Any]) -> SavedPlan:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(SavedPlan).validate_python(document)
    except ValidationError as error:
        where = ".".join(map(str, error.errors(include_input=False)[0]["loc"]))
        raise PlanFileError(path, f"{_NO_PLAN} ({where} is not as it should be)") from error


def _check_place_and_time(path: str, saved: SavedPlan) -> None:
    if saved.machine != machine.machine() and not all(
        _is_shared(one.file_system) for one in saved.artifacts
    ):
        raise PlanFileError(
            path, f"it is a plan for the machine {printable(saved.host)}; apply it there"
        )
    now = time.time()
    if saved.made_at > now + _AHEAD:
        raise PlanFileError(
            path,
            f"it was saved at {moment(saved.made_at)}, and the clock says {moment(now)}; set the clock, or save another"
            " one",
        )
    if now >= saved.expires_at:
        raise PlanFileError(
            path,
            f"it counted until {moment(saved.expires_at)}, for {duration(saved.expires_at - saved.made_at)}; look again,"
            " and save another one",
        )


_SHARED: Final = frozenset({"nfs", "smb", "lustre", "ceph", "glusterfs"})


def _is_shared(file_system: str | None) -> bool:
    """Whether other machines have the same file system, under the same name."""
    return file_system is not None and file_system.partition(":")[0] in _SHARED


def _check_paths(path: str, saved: SavedPlan) -> None:
    roots = frozenset(saved.roots)
    for one in saved.artifacts:
        within = one.path.startswith(os.path.join(one.root, ""))
        plain = os.path.isabs(one.path) and os.path.normpath(one.path) == one.path
        # What is a root itself is decided by the directory around it.
        known = one.path in roots or _is_beneath(one.root, roots)
        if not (within and plain and known):
            raise PlanFileError(
                path, f"it names {printable(one.path)}, which does not lie in what was searched"
            )


def _is_beneath(path: str, roots: Collection[str]) -> bool:
    while path not in roots and (above := os.path.dirname(path)) != path:
        path = above
    return path in roots
