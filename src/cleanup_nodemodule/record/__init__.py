"""What is written down about deletions, and what interrupted runs left.

``write`` and ``read`` are the journal, ``entries`` is what it contains. ``lock`` keeps two runs out of one tree,
``alive`` tells which runs are at work, ``unfinished`` tells what they left, ``mark`` serves where the journal could
not be written. ``trust`` says whether somebody else could have altered any of it.

Words: an *intent* is written before a deletion, an *end* after it. A *leftover* is what a run had taken out of a
project and not deleted. *Staged* is the name it has then.

May import ``work``, ``report``, the model and everything below. It deletes nothing.
A new fact about a deletion is a field of an entry. Old journals do not have it, so it needs a default.
"""
