"""What a program that called is told how far a run has come."""

from contextlib import AbstractContextManager, nullcontext
from typing import Final

from cleanup_nodemodule.model import Progress
from cleanup_nodemodule.run.loop import Runtime
from cleanup_nodemodule.run.voice import Silent
from cleanup_nodemodule.work.progress import Watch


class Watched:
    """Tells a program how far a call has come; what the program raises then stops the call.

    It must not be raised where it happens: that is amid the work, which would be left half done.
    """

    def __init__(self, watch: Watch | None, runtime: Runtime) -> None:
        self._watch: Final = watch
        self._runtime: Final = runtime
        self._error: BaseException | None = None

    def tell(self, progress: Progress) -> None:
        """Tell the program, unless it has raised something before."""
        if self._watch is None or self._error is not None:
            return
        try:
            self._watch(progress)
        except BaseException as error:  # noqa: BLE001 - it is raised by check()
            self._error = error
            self._runtime.stop()

    def check(self) -> None:
        """Raise what the program has raised."""
        if self._error is not None:
            raise self._error


class Unasked(Silent):
    """The voice of a deletion that a program watches."""

    def __init__(self, watched: Watched) -> None:
        self._watched: Final = watched

    def watch(self) -> AbstractContextManager[Watch]:
        """Return what tells the program."""
        return nullcontext(self._watched.tell)
