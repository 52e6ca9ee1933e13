"""Takes what git prints apart."""

from collections.abc import Callable
from typing import Final

from cleanup_nodemodule.proof.git_process import NAME, NoAnswer


class Records:
    """Takes an answer apart, piece by piece, into what a byte ends."""

    def __init__(self, each: Callable[[bytes], None], end: bytes = b"\0") -> None:
        self._each: Final = each
        self._end: Final = end
        self._rest = b""

    def __call__(self, piece: bytes) -> None:
        """Take in the next piece. Raises NoAnswer for a record that is too long to be a name."""
        *records, self._rest = (self._rest + piece).split(self._end)
        for record in records:
            self._each(record)
        if len(self._rest) > NAME:
            raise NoAnswer(f"it gave a name of more than {NAME:,} bytes")
