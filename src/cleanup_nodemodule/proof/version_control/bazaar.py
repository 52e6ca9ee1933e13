"""What Bazaar and Breezy track, by their dirstate.

``bzr`` itself is not asked: it loads the plug-ins that it finds, and takes the place of others from a branch's
configuration.
"""

import zlib
from collections.abc import Callable
from typing import Final

from cleanup_nodemodule.proof.version_control.reading import LARGEST, Unknown, reach, read

_FORMATS: Final = tuple(b"Bazaar Working Tree Format %d " % number for number in (4, 5, 6))
"""The formats with a dirstate (breezy/bzr/workingtree_4.py); those before have an inventory in XML."""

_HEADER: Final = b"#bazaar dirstate flat format 3"

_LINE: Final = b"\0\n\0"
"""What ends an entry and begins the next (breezy/bzr/dirstate.py)."""


def files(top: str, take: Callable[[bytes], None]) -> None:
    """Have *take* be given all that Bazaar tracks in *top*, or has until the next commit.

    Raises Unknown and OSError.
    """
    if reach(top, ".bzr", "checkout") is None:
        return  # A branch or a repository without a working tree.
    if not (read(top, ".bzr", "checkout", "format") or b"").startswith(_FORMATS):
        raise Unknown("the working tree is of another format than 4, 5 or 6")
    dirstate = read(top, ".bzr", "checkout", "dirstate", max_bytes=LARGEST)
    header, checksum, _, body = ((dirstate or b"").split(b"\n", 3) + [b""] * 4)[:4]
    if header != _HEADER or checksum != b"crc32: %d" % zlib.crc32(body):
        raise Unknown("the dirstate is damaged: its checksum is wrong")
    # First the parents, and those of them that are not there.
    for entry in body.split(_LINE)[2:]:
        directory, _, rest = entry.partition(b"\0")
        name, _, rest = rest.partition(b"\0")
        if rest and name:
            take(directory + b"/" + name if directory else name)
