"""Find build artifacts, say exactly what deleting them frees, delete them only when told to.

The command is ``cleanup-nodemodule``. For programs there are :func:`scan`, :func:`delete` and
:func:`explain`, and the types they take and return. Whatever is not named here may change in any release.

    from cleanup_nodemodule import Settings, delete, scan

    plan = scan(Settings(roots=("src",)))
    for artifact in plan.selected:
        print(artifact.path, artifact.size.reclaimable_bytes)
    outcome = delete(plan)
    print(outcome.freed_bytes)

:class:`Cleaner` serves several calls, :class:`AsyncCleaner` does so in an event loop of the program's own.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from cleanup_nodemodule.config.settings import Settings as Settings
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
        scan as scan,
    )
    from cleanup_nodemodule.model import (
        Artifact as Artifact,
    )
    from cleanup_nodemodule.model import (
        Delete as Delete,
    )
    from cleanup_nodemodule.model import (
        Failed as Failed,
    )
    from cleanup_nodemodule.model import (
        Keep as Keep,
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
    from cleanup_nodemodule.survey.survey import Explanation as Explanation

_HOMES = {
    **dict.fromkeys(("AsyncCleaner", "Cleaner", "Plan", "delete", "explain", "scan"), "library"),
    **dict.fromkeys(("Artifact", "Delete", "Failed", "Keep", "Outcome", "Problem"), "model"),
    **dict.fromkeys(("Progress", "Reason", "Removed", "Size", "Trashed"), "model"),
    "Explanation": "survey.survey",
    "Settings": "config.settings",
}
"""The module that each name is from. It is imported with the first use: the command starts faster so."""

__all__ = [  # noqa: PLE0604 - of the names above
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


class _FrontDoor(ModuleType):
    """Keeps the function ``delete`` from being replaced by the wing of that name.

    Python binds each submodule in its package as soon as it is imported, and a deletion imports that wing.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if name not in _HOMES or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _FrontDoor
