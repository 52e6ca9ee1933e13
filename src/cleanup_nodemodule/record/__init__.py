"""What is written down about deletions, and what is found again when a run was ended in the middle.

``write`` and ``read`` are the journal, ``entries`` what stands in it. ``lock`` keeps two runs out of one
tree, ``alive`` tells which runs are at work, ``unfinished`` what they left. ``trust`` says whether
somebody else could have altered any of it.

Words: a *run* is one process that deletes. An *intent* is written before, an *end* after. A *leftover* is
what a run had taken out of a project and not deleted. *Staged* is the name it has then.

May import ``work``, the model and ``system``. Deletes nothing but its own files.
A new fact about a deletion is a field of an entry: old journals do not have it.
"""
