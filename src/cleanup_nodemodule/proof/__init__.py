"""What speaks for a directory being an artifact, and what protects it.

``rules`` and ``catalogue/`` say what proves which name. ``markers`` looks for that on disk, ``git`` asks git.
``protections``, ``installed``, ``in_use`` and ``homes`` say what is kept whatever proves it. ``evidence`` puts
together what the disk says, ``weigh`` adds what git says.

Words: a *candidate* has a name that is looked for. A *marker* is a file or directory that proves something.
*Evidence* is everything that was found, a *protection* is what keeps a candidate, a *project* is the directory
that it belongs to.

May import ``record``, ``work`` and everything below. It decides nothing: ``survey`` does.
The next ecosystem is one file in ``catalogue/`` and one name in ``rules``. The next reason to keep is one function in
``protections`` and one member of ``model.Reason``.
"""
