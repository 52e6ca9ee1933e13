"""Deleting: what is done with a plan once the user has approved it, and with what interrupted runs left.

``approval`` makes an :class:`~cleanup_nodemodule.model.Approved`, and ``carry_out`` takes one. It says which
artifacts, and what may be done with them. ``remove`` and ``trash`` do it, ``prove_again`` asks first, and
``leftovers`` finishes what an interrupted run had begun.

Words: to *prove again* is to ask right before the turn of an artifact whether it may still be deleted. To *stage*
is to rename it out of its project. *Empty* is to delete what was staged.

May import ``survey`` and everything below it, never ``run`` or ``show``. It decides nothing: it is told.
Another way to dispose of an artifact is one module here, one value of ``model.DeletingMode`` and one line in
``carry_out``.
"""
