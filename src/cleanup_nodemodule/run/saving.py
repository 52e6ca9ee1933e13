"""Saves a plan in a file (``--save-plan``)."""

import errno
import json
import os
import re
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, replace
from typing import Any, Final

from cleanup_nodemodule import __version__
from cleanup_nodemodule.config.settings import Settings
from cleanup_nodemodule.model import Artifact, Plan
from cleanup_nodemodule.model.plan import UNKNOWN_USE
from cleanup_nodemodule.proof.rules import Rule
from cleanup_nodemodule.run.saved_plan import (
    PLAN_VERSION,
    PlanFileError,
    SavedArtifact,
    SavedPlan,
    SavedSettings,
    SavedTool,
    digest_of,
    document_of,
    moment,
)
from cleanup_nodemodule.system import machine, whole_file
from cleanup_nodemodule.system.accounts import user_name
from cleanup_nodemodule.system.symlinks import resolve
from cleanup_nodemodule.words import PROGRAM, command, printable
from cleanup_nodemodule.work.conversion import absolute

DEFAULT_EXPIRY: Final = 7 * 86400
"""Seconds that a plan counts if nobody says otherwise."""

LONGEST_EXPIRY: Final = 366 * 86400
"""Seconds beyond which nobody knows any more what was looked at."""


class Saving:
    """The file that a plan is to be saved in."""

    def __init__(self, path: str, expires_in: int = DEFAULT_EXPIRY) -> None:
        """Look whether it can be written. Raises PlanFileError where it cannot."""
        self._given: Final = path
        self._expires_in: Final = expires_in
        self._digest: str | None = None
        try:
            self._place: Final = _place(path)
            self._around: Final = whole_file.check(self._place)
            _check_replaces_plan(self._place)
        except (OSError, ValueError) as error:
            raise self._failure(error, "the plan cannot be saved there: ") from error

    def _failure(self, error: OSError | ValueError, before: str = "") -> PlanFileError:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        number = error.errno if isinstance(error, OSError) else None
        return PlanFileError(self._given, f"{before}{why}", number)

    def save(self, plan: Plan, settings: Settings, prints: Mapping[str, str]) -> str:
        """Write what a plan selects, made with these settings; return a sentence about that.

        *prints* are the fingerprints of what it selects, by path.

        Raises PlanFileError, and the old file is as it was.
        """
        saved = saved_of(plan, settings, self._expires_in, prints)
        try:
            whole_file.write(self._place, _pieces(saved), lambda: None, self._around)
        except OSError as error:
            raise self._failure(error) from error
        self._digest = saved.digest
        count = len(saved.artifacts)
        what = "1 directory" if count == 1 else f"{count:,} directories"
        return (
            f"the plan of {what}, {saved.frees}, is saved in {printable(self._given)} until"
            f" {moment(saved.expires_at)}; to look at it again: {command(*self.words())}"
        )

    def words(self) -> tuple[str, ...]:
        """Return the words that apply the plan, whoever could write its file; none before it is saved."""
        if self._digest is None:
            return ()
        return ("apply", self._given, "--digest", self._digest)


def _place(path: str) -> str:
    """Return where a path leads, of which the last name need not be there. Raises OSError and ValueError."""
    if not path or path.endswith(os.sep):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    whole = os.path.abspath(path)
    try:
        return resolve(whole)[0]
    except FileNotFoundError:
        above, name = os.path.split(whole)
        return os.path.join(resolve(above)[0], name)


def _check_replaces_plan(path: str) -> None:
    """Raise ValueError for a file that is no plan: nobody means to lose it by saving one. Raises OSError."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        with open(os.open(path, flags), "rb") as file:
            start = file.read(_PEEK)
    except FileNotFoundError:
        return
    if start and not _BEGINNING.match(start):
        raise ValueError("there is a file that is no plan; type another name, or delete that file")


_BEGINNING: Final = re.compile(rb'\s*\{\s*"plan_version"\s*:')
"""How each plan begins."""

_PEEK: Final = 64
"""Bytes in which a plan has begun."""


def saved_of(
    plan: Plan, settings: Settings, expires_in: int, prints: Mapping[str, str]
) -> SavedPlan:
    """Return what is saved of a plan that was made with these settings, and counts for so many seconds."""
    now = int(time.time())
    saved = SavedPlan(
        PLAN_VERSION,
        SavedTool(PROGRAM, __version__),
        socket.gethostname(),
        machine.machine(),
        machine.boot(),
        user_name(),
        now,
        now + expires_in,
        list(plan.roots),
        SavedSettings(
            list(settings.profiles),
            None if settings.targets is None else list(settings.targets),
            list(settings.also),
            [table_of(rule) for rule in settings.own_rules],
            [absolute(path) for path in settings.include_unproven],
            list(settings.excludes),
            list(settings.keep),
            settings.include_foreign,
            settings.assume_unused,
            settings.filters.older_than,
        ),
        plan.reclaimable_bytes,
        [_saved(artifact, prints.get(artifact.path, "")) for artifact in plan.selected],
        "",
        plan.reclaimable_at_most_bytes,
    )
    return replace(saved, digest=digest_of(document_of(saved)))


def _saved(artifact: Artifact, fingerprint: str) -> SavedArtifact:
    candidate, contents, evidence = artifact.candidate, artifact.contents, artifact.evidence
    return SavedArtifact(
        artifact.path,
        candidate.root,
        artifact.file_system,
        candidate.identity.device,
        candidate.identity.inode,
        candidate.changed,
        contents.apparent_bytes,
        contents.allocated_bytes,
        artifact.size.reclaimable_bytes,
        contents.files,
        contents.directories,
        contents.newest,
        fingerprint,
        evidence.last_used if evidence.last_used < UNKNOWN_USE else 0,
        evidence.rule,
        "named" if evidence.level.value == "named" else "proven",
        [*evidence.made_by, *evidence.comes_back],
        artifact.size.reclaimable_at_most_bytes,
    )


def table_of(rule: Rule) -> dict[str, Any]:
    """Return a rule as a configuration file has it: without what is not said."""
    table = {
        one.name: _plain(getattr(rule, one.name))
        for one in fields(rule)
        if one.name != "own" and getattr(rule, one.name) != one.default
    }
    table["proofs"] = [_told(proof) for proof in rule.proofs]
    for key, several in (("comes_back", rule.comes_back), ("regenerate", rule.regenerate)):
        if several:
            table[key] = [_told(one) for one in several]
    return table


def _told(part: Any) -> dict[str, Any]:
    told = {
        one.name: getattr(part, one.name)
        for one in fields(part)
        if getattr(part, one.name) != one.default
    }
    return {
        key: asdict(value) if hasattr(value, "__dataclass_fields__") else _plain(value)
        for key, value in told.items()
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _pieces(saved: SavedPlan) -> Iterator[bytes]:
    """Give the file piece by piece, with an artifact a line."""
    start = "{"
    for name, value in document_of(saved).items():
        yield f"{start}\n  {json.dumps(name)}: ".encode()
        start = ","
        if name == "artifacts":
            row_start = "["
            for row in value:
                yield f"{row_start}\n    {json.dumps(row)}".encode()
                row_start = ","
            yield b"\n  ]" if value else b"[]"
        else:
            yield json.dumps(value).encode()
    yield b"\n}\n"
