"""The types that every wing shares, one frozen type a stage.

    Settings ─▶ find ─▶ prove ─▶ size ─▶ decide ─▶ Plan ─▶ (approve) ─▶ remove ─▶ Outcome

``plan`` has what is found and what would be done with it, ``outcome`` what is approved and what came of it,
``reasons`` why something is kept, ``problem`` what could not be read or done. Import them from here. ``quantities``
reads lengths of time and sizes.

Words: a path is ``str`` as ``os.fsdecode`` makes it: a name that is not UTF-8 keeps its bytes as lone surrogates. Sizes
are bytes, times are seconds since the epoch.

May import ``problems`` and the types of the engine, and nothing else: the model does nothing.
The next reason to keep is a member of ``Reason``. The next fact about an artifact is a field of ``Evidence``.
"""

from cleanup_nodemodule.model.outcome import (
    Approved,
    DeletingMode,
    Difference,
    Failed,
    Leftover,
    Mode,
    Observed,
    Outcome,
    Progress,
    Removed,
    Result,
    Trashed,
)
from cleanup_nodemodule.model.plan import (
    Accounted,
    Artifact,
    Candidate,
    Contents,
    Decision,
    Delete,
    Doubt,
    Evidence,
    Goal,
    Identity,
    Keep,
    Plan,
    Records,
    SharedWith,
    Size,
)
from cleanup_nodemodule.model.problem import Problem
from cleanup_nodemodule.model.reasons import Level, Reason

__all__ = [
    "Accounted",
    "Approved",
    "Artifact",
    "Candidate",
    "Contents",
    "Decision",
    "Delete",
    "DeletingMode",
    "Difference",
    "Doubt",
    "Evidence",
    "Failed",
    "Goal",
    "Identity",
    "Keep",
    "Leftover",
    "Level",
    "Mode",
    "Observed",
    "Outcome",
    "Plan",
    "Problem",
    "Progress",
    "Reason",
    "Records",
    "Removed",
    "Result",
    "SharedWith",
    "Size",
    "Trashed",
]
