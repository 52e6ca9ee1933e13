"""Something that could not be read or done."""

import os
from dataclasses import dataclass

from cleanup_nodemodule import problems
from cleanup_nodemodule.problems import ProblemCode


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be read or done."""

    path: str
    code: ProblemCode
    errno: int | None = None
    """What the system said (errno(3)); None where only this program knows why."""
    message: str | None = None
    """Why it failed and what to do about it, where that says more than the error number."""
    detail: str | None = None
    """A word that the sentence of some codes needs, such as the reason that keeps it."""
    more: int = 0
    """How many more entries of the path this is about, which have no problem of their own; 0 if it is about the path
    itself."""

    @property
    def doing(self) -> str:
        """What was being done, as a verb phrase: ``open``, ``read``, ``delete``."""
        return problems.phrase(self.code, self.more)

    @property
    def number(self) -> int:
        """The error number to show: the system's, or else what comes nearest to the code (errno(3))."""
        return self.errno or problems.number(self.code)

    @property
    def why(self) -> str:
        """Why it failed, in words."""
        known = None
        if self.errno is None or self.detail is not None:
            known = problems.why(self.code, self.detail)
        said = self.message or (None if self.errno is None else os.strerror(self.errno))
        return ": ".join(filter(None, (known, said))) or os.strerror(self.number)

    @property
    def sentence(self) -> str:
        """What could not be done, where, and why."""
        return problems.sentence(self.doing, self.path, self.why)
