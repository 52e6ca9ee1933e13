"""What the operating system tells: mounts, processes, accounts, this machine, files by name.

A file by name is opened so that nothing happens that was not meant, whatever it has become by then.
Words: a *mount point* is where a file system is mounted. A *kind* of file system, such as ``nfs``, may
be one that *may fall silent*: somebody else answers for it. A process is *at work* on what it has open.

May import nothing of the package but ``engine``. Whatever is read here has its source in a man page.
What differs between systems is decided here, so that nobody above asks which system it is.
"""
