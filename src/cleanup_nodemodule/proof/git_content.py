"""What a file of a git repository has to look like to be whole."""

import os
from typing import BinaryIO, Final

from cleanup_nodemodule.system.files import open_regular
from cleanup_nodemodule.work.conversion import LACKED

_KIBIBYTE: Final = 1024


MEBIBYTE: Final = 1024 * _KIBIBYTE


GIBIBYTE: Final = 1024 * MEBIBYTE


LINE: Final = 64 * _KIBIBYTE
"""Bytes of a file that has one line in it."""


TEXT: Final = 4 * MEBIBYTE
"""Bytes of a file that people write, such as a ``.gitignore``; git itself gives up at 100 MiB."""


LARGEST: Final = GIBIBYTE
"""Bytes of an index, or of all references: ten million files are about that."""


class Unfit(Exception):
    """Git is not to be started. The message says why."""


def reference_in(content: bytes | None) -> bytes:
    """Return what a symbolic reference leads to, nothing if it is none."""
    return content[4:].strip() if content is not None and content.startswith(b"ref:") else b""


def is_whole(index: bytes) -> bool:
    """Whether the index ends with the checksum of what comes before it (gitformat-index(5)).

    A repository without commits has none, and index.skipHash has it end with zeros. Raises OSError where
    there are too few descriptors or too little memory.
    """
    try:
        with open(index, "rb", opener=open_regular) as file:
            size = os.fstat(file.fileno()).st_size
            if size > LARGEST or file.read(4) != b"DIRC":
                return False
            return any(_ends_with_checksum(file, size, name) for name in ("sha1", "sha256"))
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno in LACKED:
            raise
        return False


def _ends_with_checksum(file: BinaryIO, size: int, name: str) -> bool:
    import hashlib  # noqa: PLC0415 - for start-up's sake

    digest = hashlib.new(name, usedforsecurity=False)
    left = size - digest.digest_size
    file.seek(max(0, left))
    end = file.read(digest.digest_size)
    if end == bytes(digest.digest_size):
        return True
    file.seek(0)
    while left > 0:
        piece = file.read(min(left, MEBIBYTE))
        if not piece:
            return False
        digest.update(piece)
        left -= len(piece)
    return end == digest.digest()
