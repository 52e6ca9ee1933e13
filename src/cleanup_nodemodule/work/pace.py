"""How many directory entries a call is to handle."""

from typing import Final


class Pace:
    """How many entries a call is to handle so that it takes about as long as it should.

    Disks differ a thousandfold: in the time that one needs for a hundred entries another does ten
    thousand, and what is too few for that spends more time on handing over than on the work.
    """

    def __init__(self, seconds: float, first: int, max_entries: int) -> None:
        """Begin with *first* entries; aim at *seconds* a call, with *max_entries* entries at the most."""
        self._seconds: Final = seconds
        self._max_entries: Final = max_entries
        self._taken = 0.0
        self.entries = first
        """For the next call, at least 1."""

    def took(self, seconds: float) -> None:
        """Take in how long a call was at work; what it did is to be said by :meth:`did`, at once."""
        self._taken = seconds

    def did(self, entries: int, *, of: int) -> None:
        """Take in how many *entries* that call has handled *of* those it might have."""
        taken = self._taken
        if not entries or (entries < of and taken < self._seconds):
            # It came to the end of what there was, most of its time being that of handing over.
            return
        fitting = int(entries * self._seconds / taken) if taken > 0 else self._max_entries
        # One call that went fast says little of the next one; one that went slowly is taken at its word.
        self.entries = max(1, min(fitting, 2 * self.entries, self._max_entries))
