"""``--save-plan`` and ``--expires-in``: where a plan is saved, and how long it counts."""

from typing import TYPE_CHECKING

from cleanup_nodemodule.errors import UsageError

if TYPE_CHECKING:
    from cleanup_nodemodule.config.layers import Values
    from cleanup_nodemodule.run.orders import Orders
    from cleanup_nodemodule.run.saving import Saving


def saving_of(values: "Values", orders: "Orders") -> "Saving | None":
    """Return what saves the plan of a run, None where none is to be saved.

    Raises UsageError for what makes no sense, and for a file that cannot be written: before anything is searched.
    """
    path, text = values.text("save-plan"), values.text("expires-in")
    if path is None:
        if text is not None and values.source("expires-in").order.value == "command line":
            raise UsageError("--expires-in is for a plan that is saved; add --save-plan plan.json")
        return None
    if orders.deletes:
        with values.blaming():
            raise UsageError(
                "--save-plan is for a dry run, and this run deletes; leave out one of save-plan and delete"
                if values.source("save-plan").order.value == "job"
                else "--save-plan is for a dry run, and --no-dry-run deletes at once; leave one out"
            )
    from cleanup_nodemodule.model.quantities import QuantityError, read_duration
    from cleanup_nodemodule.run.saving import DEFAULT_EXPIRY, LONGEST_EXPIRY, Saving

    with values.blaming():
        try:
            seconds = DEFAULT_EXPIRY if text is None else read_duration(text, "--expires-in")
        except QuantityError as error:
            raise UsageError(str(error)) from error
        if not 0 < seconds <= LONGEST_EXPIRY:
            raise UsageError(f"--expires-in cannot be {text}; type 1s to 1y, such as 7d")
        return Saving(path, seconds)
