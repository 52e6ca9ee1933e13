"""What an audit is made of: one run, or those of many machines that were merged. Pure."""

from collections.abc import Callable
from operator import attrgetter

from cleanup_nodemodule.report.rows import ArtifactRow, Report, SourceRow


def sources_of(report: Report) -> list[SourceRow]:
    """Return the runs that an audit is made of; that of one run is its own source."""
    if report.sources:
        return report.sources
    return [
        SourceRow(
            *(report.host, report.started_at, report.mode, list(report.roots), report.complete),
            report.asked,
        )
    ]


def roots_by_host(report: Report) -> dict[str, list[str]]:
    """Return what was searched on each machine, without repetitions."""
    roots: dict[str, dict[str, None]] = {}
    for source in sources_of(report):
        roots.setdefault(source.host, {}).update(dict.fromkeys(source.roots))
    return {host: list(of_host) for host, of_host in roots.items()}


def place_in(report: Report) -> Callable[[ArtifactRow], str]:
    """Return what names the place of a row for people: its path, after its machine if the audit is of several."""
    if len({source.host for source in report.sources}) > 1:
        return lambda row: f"{row.host}:{row.path}"
    return attrgetter("path")
