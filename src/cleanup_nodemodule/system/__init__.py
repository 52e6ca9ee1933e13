"""What the operating system tells: mounts, processes, accounts, this machine, files by name.

``mounts`` is the table of mounts. ``processes`` tells what processes are at work on, and ``places`` translates the
paths of another mount namespace. ``accounts`` and ``machine`` name the user and this machine, ``files`` opens files
that may have become anything.

Words: a *mount point* is where a file system is mounted. A file system *may be silent* if another machine or program answers for
it, such as the server of an NFS mount. A process is *at work* on what it has open.

May import ``engine`` and ``words`` only. What is read here names its source, mostly a man page.
What differs between systems is decided here. A new kind of file system that may be silent is one word in ``mounts``.
"""
