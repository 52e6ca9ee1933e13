"""What people type to leave something alone: lines in gitignore syntax, and what they match.

``patterns`` reads the lines of ``--exclude`` and ``keep`` and knows where each of them holds. ``globs`` translates
one for pathspec, which does the matching.

Words: a *pattern* is one line that the user typed. It is *negated* if it begins with ``!``. It *meets* what it
matches.

May import ``errors`` and everything below. It asks the disk only where a pattern names a place.
The next kind of pattern goes into ``patterns``, with the sentence for one that cannot be right.
"""
