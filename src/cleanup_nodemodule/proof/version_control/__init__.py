"""What other version control than git says: Mercurial, Subversion, Fossil, Bazaar, Darcs and CVS.

``systems`` knows by which names they are recognised, ``around`` what a directory lies in, ``inside`` which working
copies lie in an artifact. ``ask`` asks what one of them tracks, by a module for each: ``mercurial``, ``databases``
(Subversion and Fossil), ``bazaar``, ``darcs``, ``cvs``. ``reading`` opens their files.

No program is started. Each of these programs runs what a repository's own files name (hooks, extensions, aliases),
and its files are simple enough to read. What cannot be read for sure is no answer. Of the systems that nobody can
read here (Jujutsu, Sapling, Pijul, Perforce and more) it is only said that they are there.

Words: a *mark* is the name by which a system is recognised, a *top* the directory that it lies in.

May import ``proof/git_process.py``, ``proof/memory.py``, ``system`` and ``work``. The next system is one line in
``systems``, and a module that is named in ``ask`` if its files can be read.
"""
