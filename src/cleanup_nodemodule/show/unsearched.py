"""Which file systems beneath the roots a run did not search."""

from collections.abc import Iterator
from typing import Final

from cleanup_nodemodule.proof.stat_cache import ancestors
from cleanup_nodemodule.report.rows import Report
from cleanup_nodemodule.system import mounts
from cleanup_nodemodule.words import Advice, command, printable

_MAX_MOUNTS: Final = 3
"""Mount points that are named."""

_WITHOUT_PROJECTS: Final = frozenset(
    {
        *("autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts"),
        *("devtmpfs", "efivarfs", "fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore"),
        *("ramfs", "rpc_pipefs", "securityfs", "selinuxfs", "squashfs", "sysfs", "tracefs"),
    }
)
"""Kinds of file systems that the system makes for itself (filesystems(5)), or that are read-only images."""


def not_searched(report: Report) -> Iterator[str]:
    """Say which file systems are mounted beneath the roots, because a run stays on the one on which it begins."""
    artifacts = {row.path for row in report.artifacts}
    beneath = [
        point
        for point, kind in sorted(mounts.mounted().items())
        if kind not in _WITHOUT_PROJECTS
        and point not in report.roots
        and any(mounts.within(point, root) for root in report.roots)
        and artifacts.isdisjoint(ancestors(point, None))
    ]
    more = len(beneath) - _MAX_MOUNTS
    for point in beneath[:_MAX_MOUNTS]:
        yield Advice(
            f"{printable(point)} is another file system and was not searched. To search it",
            command(point),
        )
    if more > 0:
        yield f"{more:,} more file systems beneath were not searched."
