"""What the user asked for, in words that the last words of a run say again."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import typer

from cleanup_nodemodule.commands.lists import is_listed
from cleanup_nodemodule.commands.options import same_again
from cleanup_nodemodule.words import printable

if TYPE_CHECKING:
    from cleanup_nodemodule.config.files import Job
    from cleanup_nodemodule.config.layers import Values
    from cleanup_nodemodule.config.settings import Settings
    from cleanup_nodemodule.run.saving import Saving
    from cleanup_nodemodule.show.last_words import Asked


def asked_for(
    ctx: typer.Context,
    values: "Values",
    settings: "Settings",
    job: "Job | None" = None,
    saving: "Saving | None" = None,
) -> "Asked":
    """Return what this command line asks for, with what is said elsewhere and in a *job*."""
    from cleanup_nodemodule.show.last_words import Asked
    from cleanup_nodemodule.show.promising import promising_by

    begins = () if job is None else ("run", job.name)
    listed = is_listed(values)
    elsewhere = values.is_given("path") or listed
    # What is advised is to be looked at first, and such a job would delete it at once.
    looks = ("--dry-run",) if job is not None and job.deletes else ()
    return Asked(
        again=(*begins, *same_again(ctx, elsewhere=elsewhere), *looks),
        exactly=(*begins, *same_again(ctx, exactly=True, elsewhere=elsewhere)),
        included=tuple(ctx.params.get("include_unproven") or ()),
        promising=promising_by(settings),
        looked_for=_looked_for(settings),
        listed=listed,
        plan=tuple if saving is None else saving.words,
        root=hasattr(os, "geteuid") and os.geteuid() == 0,
    )


def _looked_for(settings: "Settings") -> str:
    if settings.targets is not None:
        return f"directories called {_listed(settings.targets)}"
    profiles = settings.profiles
    if "all" in profiles:
        what = "the directories of all profiles"
    else:
        names = list(dict.fromkeys(rule.directory for rule in settings.rules if rule.directory))
        some, more = ", ".join(map(printable, names[:_NAMED])), len(names) - _NAMED
        others = f" and {more} others" if more > 0 else ""
        what = f"{some}{others} (profile{'' if len(profiles) == 1 else 's'} {_listed(profiles)})"
    return f"{what}, and for directories called {_listed(settings.also)}" if settings.also else what


_NAMED: Final = 3
"""Names of directories that are named."""


def _listed(names: Sequence[str]) -> str:
    *first, last = map(printable, names)
    return f"{', '.join(first)} or {last}" if first else last
