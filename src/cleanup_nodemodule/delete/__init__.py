"""Deleting: what is done with a plan once the user has approved it, and with what interrupted runs left.

Nothing here decides. It takes an :class:`~cleanup_nodemodule.model.Approved`, which says which artifacts and
what may be done with them: delete them for good, or move them to the trash. The record of the run is written,
and never asked.

Words: to *prove again* is to ask once more, right before an artifact's turn, whether it may still be deleted;
a *leftover* is what an interrupted run had taken out of a project and not deleted yet.

May import ``survey``, ``config``, ``proof``, ``record``, ``work`` and what is below. It may not import what shows
something. It is handed what proves again, and does not make a survey. Another way to dispose of an artifact gets a module
of its own here, a value of :data:`~cleanup_nodemodule.model.DeletingMode`, and a line in ``carry_out.py``.
"""
