"""Tells what came with the distributions of an environment from what people put among them.

Sources: PyPA's "Recording installed projects" (RECORD and its hashes); PEP 3147; and, for what is written later, the
source of the tool that is named with each pattern.
"""

import base64
import hashlib
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from cleanup_nodemodule.proof.declared import placed
from cleanup_nodemodule.proof.declared.distributions import LARGEST, Installed
from cleanup_nodemodule.proof.stat_cache import StatCache

_SECONDS: Final = 5
"""How far apart the files are that one run of venv writes."""

LATER: Final = (
    # Bytecode (PEP 3147), of numba (numba/core/caching.py), of cffi (cffi/verifier.py).
    *(
        "*/__pycache__/*.pyc",
        "*/__pycache__/*.pyo",
        "*/__pycache__/*.nb[ic]",
        "*/__pycache__/_cffi__*",
    ),
    # Tables of PLY (ply/yacc.py), grammars of lib2to3 and its copies (lib2to3/driver.py).
    *("*/parser.out", "*/parsetab.py", "*/yacctab.py", "*/lextab.py", "*lib2to3*/*.pickle"),
    # Caches that belong to a package: twisted/plugin.py, tldextract/cache.py, comtypes/client/_code_cache.py,
    # win32com/client/gencache.py, playwright's browsers with PLAYWRIGHT_BROWSERS_PATH=0.
    *("*/twisted/plugins/dropin.cache", "*/tldextract/.suffix_cache/*", "*/tldextract/.tld_set*"),
    *("*/comtypes/gen/*", "*/win32com/gen_py/*", "*/playwright/driver/package/.local-browsers/*"),
    # What installers keep of themselves.
    *(
        "*.dist-info/INSTALLER",
        "*.dist-info/REQUESTED",
        "*.dist-info/RECORD",
        "*.dist-info/direct_url.json",
    ),
    *("*.dist-info/uv_cache.json", "*.dist-info/uv_build.json", "*/easy-install.pth"),
    *(".lock", ".gitignore", "CACHEDIR.TAG", "pyvenv.cfg", "pip-selfcheck.json"),
    # Of file managers.
    *("*.DS_Store", "*/Thumbs.db", "*/desktop.ini"),
)
"""What tools write into an environment after its installer was through."""

_ALWAYS: Final = frozenset(
    {".lock", ".gitignore", "CACHEDIR.TAG", "pyvenv.cfg", "pip-selfcheck.json"}
)


def is_part(
    artifact: str,
    paths: Sequence[str],
    late: Sequence[str],
    cache: StatCache,
    sites: Iterable[str] | None = None,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """See :class:`cleanup_nodemodule.proof.declared.answer.IsPart`.

    *sites* are the directories that distributions are in, if they are known.
    """
    asked = [path for path in late if not placed.fits(path, LATER)]
    if not paths and not asked:
        return (), ()
    installed = Installed(artifact, cache, sites)
    files = installed.files({_first(path, installed) for path in (*paths, *asked)})
    directories = _directories(files)
    met = tuple(
        path
        for path in paths
        if path not in files and path not in directories and path not in _ALWAYS
    )
    modified = tuple(
        path for path in asked if not _is_as_installed(artifact, path, files, set(asked), cache)
    )
    return met, modified


def _first(path: str, installed: Installed) -> str:
    """Return the first names of *path* by which a distribution is known to have it."""
    for site in installed.sites:
        if path.startswith(f"{site}/"):
            return f"{site}/{path[len(site) + 1 :].partition('/')[0]}"
    return "/".join(path.split("/")[:2])


def _directories(files: Mapping[str, str]) -> set[str]:
    found: set[str] = set()
    for path in files:
        above = os.path.dirname(path)
        while above and above not in found:
            found.add(above)
            above = os.path.dirname(above)
    return found


def _is_as_installed(
    artifact: str, path: str, files: Mapping[str, str], late: set[str], cache: StatCache
) -> bool:
    recorded = files.get(path)
    if recorded is not None:
        return not recorded or has(artifact, path, recorded, cache)
    if path.startswith(("bin/", "Scripts/")):
        return _is_of_environment(artifact, path)
    # A catalogue of messages is compiled from what lies beside it (django-admin compilemessages).
    source = f"{path[:-3]}.po"
    return path.endswith(".mo") and source in files and source not in late


def has(artifact: str, path: str, recorded: str, cache: StatCache) -> bool:
    """Whether a file has the hash that its record says it had."""
    algorithm, _, wanted = recorded.partition("=")
    if algorithm not in hashlib.algorithms_guaranteed:
        return False
    content = cache.read(artifact, path, LARGEST)
    if content is None:
        return False
    given = hashlib.new(algorithm, content).digest()
    return base64.urlsafe_b64encode(given).rstrip(b"=").decode() == wanted.rstrip("=")


def _is_of_environment(artifact: str, path: str) -> bool:
    """Whether a program was written with ``pyvenv.cfg``, or is a link to the interpreter."""
    name = os.path.basename(path)
    try:
        status = os.lstat(os.path.join(artifact, path))
        made = os.lstat(os.path.join(artifact, "pyvenv.cfg"))
    except OSError:
        return False
    if name.startswith(("python", "pypy")) and stat.S_ISLNK(status.st_mode):
        return True
    activates = name.lower().startswith(("activate", "deactivate", "python"))
    return activates and abs(status[stat.ST_MTIME] - made[stat.ST_MTIME]) <= _SECONDS
