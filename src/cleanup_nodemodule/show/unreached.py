"""What is missing to the goals that a selection was to reach."""

from collections.abc import Iterator

from cleanup_nodemodule.report.rows import Report
from cleanup_nodemodule.words import printable, size


def unreached(report: Report) -> Iterator[str]:
    """Say what is missing to the goals that all that can be deleted does not reach."""
    for row in report.goals:
        where = printable(row.file_system)
        if row.missing_bytes is None:
            yield f"{row.option}: nobody can say how much {where} has available, so nothing there was selected for it."
        elif row.missing_bytes:
            yield (
                f"{row.option} is not reached on {where}: {size(row.missing_bytes)} are missing, because nothing else"
                " can be deleted."
            )
