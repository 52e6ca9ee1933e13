"""What ZFS tells of a data set, by its own commands: whether something else may have what lies there, too.

Written from zfsprops(7), zpoolprops(7) and zfs-get(8), and not tried on a ZFS.
"""

import os
import re
import subprocess
from typing import Final

_PATH: Final = "/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin"
"""Where the commands are; nowhere else, as root may run this."""

_SECONDS: Final = 5.0
"""How long one of them may take."""

_NAME: Final = re.compile(r"[A-Za-z][\w.: -]*(?:/[\w.: -]+)*", re.ASCII)
"""A data set (zfsconcepts(7)): no option, whatever a mount says of itself."""


def may_share(dataset: str) -> bool | None:
    """Return whether anything else may have a part of what lies in a data set, such as ``tank/home``.

    That is a snapshot, the data set that it is a clone of, a file that was cloned (``bcloneused``), or a block that was
    written before (``dedup``). None where nobody tells: there are no such commands, or they fail.
    """
    if not _NAME.fullmatch(dataset):
        return None
    own = _properties("zfs", "referenced,written,origin,dedup", dataset)
    # All of them, as a pool may be too old for some.
    pool = _properties("zpool", "all", dataset.partition("/")[0])
    try:
        # What is referenced and was not written since the last snapshot is in that.
        in_snapshots = int(own["referenced"]) > int(own["written"])
        return (
            in_snapshots
            or own.get("origin", "-") != "-"
            or own["dedup"] != "off"
            or int(pool.get("bcloneused", "0").replace("-", "0")) > 0
            or float(pool["dedupratio"].removesuffix("x")) > 1
        )
    except (KeyError, ValueError):
        return None


def _properties(command: str, names: str, of: str) -> dict[str, str]:
    """Return what ``zfs get`` or ``zpool get`` says of something; nothing if it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - a command of the system, by a fixed path
            [command, "get", "-H", "-p", "-o", "property,value", names, of],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=_SECONDS,
            cwd=os.sep,
            env={"PATH": _PATH, "LC_ALL": "C"},
            # Ctrl-C at the terminal is for this program to handle.
            start_new_session=True,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return {}
    pairs = (line.split("\t") for line in done.stdout.decode("utf-8", "replace").splitlines())
    return {pair[0]: pair[1] for pair in pairs if len(pair) == len(("property", "value"))}
