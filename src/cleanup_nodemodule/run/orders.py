"""What a run is to do with what it finds."""

from typing import TYPE_CHECKING, NamedTuple

from cleanup_nodemodule.model import Mode
from cleanup_nodemodule.run.loop import DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from cleanup_nodemodule.run.limits import Limit


class Orders(NamedTuple):
    """What a run is to do with what it finds."""

    mode: Mode
    ask: bool = False
    """Ask before anything is deleted, if somebody is there to ask."""
    wait: bool = False
    """Wait for another run that deletes in the same tree, rather than give up."""
    max_delete: "Limit | None" = None
    """Delete nothing, what interrupted runs left included, if it would be more than this."""
    jobs: int | None = None
    """Calls at a time; None for as many as suit the engine and the disk."""
    timeout: float = DEFAULT_TIMEOUT
    """Seconds that a disk may take to answer before a root on it is given up."""
    needs: tuple[str, ...] = ()
    """Roots that have to be there. If one is not, nothing is deleted in the others either."""

    @property
    def deletes(self) -> bool:
        """Whether the run may delete, or move to the trash."""
        return self.mode != "dry-run"
