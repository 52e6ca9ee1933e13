"""Names the store of a package manager that holds the other ends of what an artifact shares.

Some managers keep one copy of each package in a *store*, and give a project hard links to its files, or clones of them.
What they share does not come back while the store has it. So whoever reads "82 MiB here, 1.7 MiB come back" is told
which store that is, and what empties it. :mod:`.naming` does that for the artifacts of a plan.

A *manager* (:class:`.manager.Manager`) is one entry in :mod:`.javascript` or :mod:`.python`: how it is recognised, where its store is,
and under which names the store may have a file. A store is *proved* if files of the artifact, the *samples*, are in
it: the same inode, or content at the same place on the disk. Settings prove nothing. npm, pip and Poetry have no entry:
they unpack archives, and share nothing.

A new manager is another entry there. May import the model, ``work`` and ``system``, and the engine; decides nothing.
"""

from cleanup_nodemodule.survey.stores.naming import named

__all__ = ("named",)
