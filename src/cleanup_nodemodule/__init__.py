"""Find build artifacts, say exactly what deleting them frees, delete them only when told to.

The command is ``cleanup-nodemodule``. A program calls :func:`scan`, :func:`delete` and :func:`explain`:

    from cleanup_nodemodule import Settings, delete, scan

    plan = scan(Settings(roots=("src",)))
    for artifact in plan.selected:
        print(artifact.path, artifact.size.reclaimable_bytes)
    outcome = delete(plan)
    print(outcome.freed_bytes)

:func:`scan` changes nothing. :func:`delete` does what ``--no-dry-run --yes`` does: it locks the trees, keeps a record
that ``cleanup-nodemodule log`` shows, proves everything again, and deletes. It asks nobody. :class:`Cleaner`
serves several calls, and :class:`AsyncCleaner` works in an event loop of your own.

All of them raise :class:`CleanupError` for what the user can mend. The text is a sentence for people. The user's
configuration is not read: a program says what it wants in its :class:`Settings`, or has :func:`load_settings` read it.

Paths are ``str``, and a name that is not UTF-8 has lone surrogates in it (``os.fsdecode``). Sizes are bytes, times
are seconds since 1970. Only what is named here is public: everything else may change in any release.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from cleanup_nodemodule.config.filters import Filters as Filters
    from cleanup_nodemodule.config.settings import Settings as Settings
    from cleanup_nodemodule.errors import CleanupError as CleanupError
    from cleanup_nodemodule.library import (
        AsyncCleaner as AsyncCleaner,
    )
    from cleanup_nodemodule.library import (
        Cleaner as Cleaner,
    )
    from cleanup_nodemodule.library import (
        Plan as Plan,
    )
    from cleanup_nodemodule.library import (
        delete as delete,
    )
    from cleanup_nodemodule.library import (
        explain as explain,
    )
    from cleanup_nodemodule.library import (
        load_settings as load_settings,
    )
    from cleanup_nodemodule.library import (
        scan as scan,
    )
    from cleanup_nodemodule.model import (
        Artifact as Artifact,
    )
    from cleanup_nodemodule.model import (
        Candidate as Candidate,
    )
    from cleanup_nodemodule.model import (
        Contents as Contents,
    )
    from cleanup_nodemodule.model import (
        Delete as Delete,
    )
    from cleanup_nodemodule.model import (
        Evidence as Evidence,
    )
    from cleanup_nodemodule.model import (
        Failed as Failed,
    )
    from cleanup_nodemodule.model import (
        Goal as Goal,
    )
    from cleanup_nodemodule.model import (
        Keep as Keep,
    )
    from cleanup_nodemodule.model import (
        Leftover as Leftover,
    )
    from cleanup_nodemodule.model import (
        Level as Level,
    )
    from cleanup_nodemodule.model import (
        Outcome as Outcome,
    )
    from cleanup_nodemodule.model import (
        Problem as Problem,
    )
    from cleanup_nodemodule.model import (
        Progress as Progress,
    )
    from cleanup_nodemodule.model import (
        Reason as Reason,
    )
    from cleanup_nodemodule.model import (
        Removed as Removed,
    )
    from cleanup_nodemodule.model import (
        Size as Size,
    )
    from cleanup_nodemodule.model import (
        Trashed as Trashed,
    )
    from cleanup_nodemodule.model.quantities import Share as Share
    from cleanup_nodemodule.problems import ProblemCode as ProblemCode
    from cleanup_nodemodule.survey.survey import Explanation as Explanation

_HOMES = {
    **dict.fromkeys(("scan", "delete", "explain", "Cleaner", "AsyncCleaner"), "library"),
    "Settings": "config.settings",
    "load_settings": "library",
    "Filters": "config.filters",
    "Share": "model.quantities",
    "Plan": "library",
    **dict.fromkeys(("Artifact", "Candidate", "Evidence", "Level", "Contents", "Size"), "model"),
    **dict.fromkeys(("Delete", "Keep", "Reason", "Goal"), "model"),
    "Explanation": "survey.survey",
    **dict.fromkeys(("Outcome", "Removed", "Failed", "Trashed", "Leftover", "Progress"), "model"),
    "Problem": "model",
    "ProblemCode": "problems",
    "CleanupError": "errors",
}
"""The module that each name is from, in the order of the documentation. It is imported with the first use, so that
the command starts faster."""

__all__ = [  # noqa: PLE0604 - the keys are the names
    "__version__",
    *_HOMES,
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """The package itself, whose ``delete`` stays the function.

    A wing has the same name, and Python sets the name to the wing when that is first imported (language reference,
    5.4.2, Submodules), which is when the function is first called.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
