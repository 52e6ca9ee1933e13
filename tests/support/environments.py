"""Virtual environments as the tools leave them, made in a moment."""

import base64
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

SITE: Final = "lib/python3.11/site-packages"

BEGUN: Final = 1_700_000_000
"""When everything in a made environment was written, in seconds since the epoch."""

VENV: Final = "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.7\n"


def environment(
    top: Path,
    distributions: Mapping[str, Sequence[str]],
    *,
    settings: str = VENV,
    installer: str = "pip",
) -> Path:
    """Make an environment with these *distributions*, each with what it requires.

    ``name-version`` is what a distribution is called. It has a module of its own, and a program.
    """
    site = top / SITE
    site.mkdir(parents=True)
    (top / "bin").mkdir()
    (top / "include").mkdir()
    os.symlink("lib", top / "lib64")
    (top / "pyvenv.cfg").write_text(settings)
    for name in ("activate", "activate.fish", "Activate.ps1"):
        (top / "bin" / name).write_text("VIRTUAL_ENV=x\n")
    os.symlink("/usr/bin/python3", top / "bin/python")
    for distribution, requires in {"pip-26.3": (), **distributions}.items():
        install(top, distribution, requires, installer=installer)
    aged(top)
    return top


def install(
    top: Path,
    distribution: str,
    requires: Sequence[str] = (),
    *,
    installer: str = "pip",
    direct: Mapping[str, Any] | None = None,
    files: Mapping[str, str] | None = None,
) -> None:
    """Install a distribution as pip does, with *files* besides its module and its program."""
    site = top / SITE
    name, _, version = distribution.partition("-")
    package = name.lower().replace("-", "_")
    metadata = f"{name}-{version}.dist-info"
    content = {
        f"{package}/__init__.py": f"# {name}\n",
        f"../../../bin/{package}": f"#!python\nimport {package}\n",
        f"{metadata}/METADATA": "".join(
            (
                f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
                *(f"Requires-Dist: {one}\n" for one in requires),
            )
        )
        + "\nAbout it.\n",
        f"{metadata}/INSTALLER": f"{installer}\n",
        **(files or {}),
    }
    if direct is not None:
        content[f"{metadata}/direct_url.json"] = json.dumps(direct)
    rows = []
    for path, text in sorted(content.items()):
        place = site / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        rows.append(f"{path},{digest(text)},{len(text)}")
    (site / metadata / "RECORD").write_text("\n".join([*rows, f"{metadata}/RECORD,,", ""]))


def digest(text: str) -> str:
    """Return the hash of a file as a RECORD writes it."""
    given = hashlib.sha256(text.encode()).digest()
    return f"sha256={base64.urlsafe_b64encode(given).rstrip(b'=').decode()}"


def aged(top: Path, when: int = BEGUN) -> None:
    """Give everything in *top* the same time."""
    for directory, directories, files in os.walk(top):
        for name in (*directories, *files, "."):
            os.utime(os.path.join(directory, name), (when, when), follow_symlinks=False)
