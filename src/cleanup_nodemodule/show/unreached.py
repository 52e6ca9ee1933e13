"""What is missing to the goals that a selection was to reach."""

from collections.abc import Iterator

from cleanup_nodemodule.report.rows import Report
from cleanup_nodemodule.show.reasons import FILTERED
from cleanup_nodemodule.words import printable, size


def unreached(report: Report) -> Iterator[str]:
    """Say which goals are not reached and why, and which were reached without a deletion."""
    filtered = any(row.reason in FILTERED - {"enough"} for row in report.artifacts)
    tried = any(row.outcome or row.error for row in report.artifacts)
    totals = report.totals
    undone = tried and totals.deleted + totals.trashed < totals.selected
    for row in report.goals:
        where = printable(row.file_system)
        if row.missing_bytes is None:
            yield f"{row.option}: nobody can say how much {where} has available, so nothing there was selected for it."
        elif row.missing_bytes:
            if undone:
                why = "not everything was deleted that was selected"
            elif any(row.reason == "not-chosen" for row in report.artifacts):
                why = "you did not choose everything"
            elif filtered:
                why = "the other filters let nothing else go"
            else:
                why = "nothing else can be deleted"
            yield f"{row.option} is not reached on {where}: {size(row.missing_bytes)} are missing, because {why}."
        elif undone:
            yield f"{row.option} may not be reached on {where}, because not everything was deleted that was selected."
        elif not totals.selected and report.artifacts:
            yield f"{row.option} is reached on {where} without a deletion."
