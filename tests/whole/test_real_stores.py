"""The real package managers, offline: what they install shares with their stores, and their commands free that."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import zipfile
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any, Final

import pytest

from support.needs import unable
from support.tool import Tool

FILES: Final = {f"part{number}": f"# {number}\n".encode() * 100_000 for number in range(8)}
"""What the package has, by name: 400,000 bytes each."""


def archive(directory: Path) -> Path:
    """Make a package as npm packs it; return where."""
    path = directory / "dep-1.0.0.tgz"
    manifest = {"package.json": json.dumps({"name": "dep", "version": "1.0.0"}).encode()}
    with tarfile.open(path, "w:gz") as packed:
        for name, content in {**manifest, **{f"{one}/a.js": FILES[one] for one in FILES}}.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size, entry.mode = len(content), 0o644
            packed.addfile(entry, io.BytesIO(content))
    return path


def wheel(directory: Path) -> Path:
    """Make a package as Python installs it; return where."""
    path = directory / "dep-1.0.0-py3-none-any.whl"
    about = "dep-1.0.0.dist-info"
    files = {f"dep/{name}.py": content for name, content in FILES.items()}
    files[f"{about}/METADATA"] = b"Metadata-Version: 2.1\nName: dep\nVersion: 1.0.0\n"
    files[f"{about}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = "".join(
        f"{name},sha256={urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip('=')},{len(content)}\n"
        for name, content in files.items()
    )
    files[f"{about}/RECORD"] = f"{record}{about}/RECORD,,\n".encode()
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return path


def program(name: str) -> str:
    """Return where a package manager is; skip the test if there is none."""
    found = shutil.which(name)
    if found is None:
        unable(f"needs {name}")
    return found


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, with no settings of anybody's."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    for name in [*os.environ]:
        if name.startswith(("XDG_DATA", "XDG_CACHE", "PNPM_", "UV_", "npm_config_", "VIRTUAL_ENV")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    return home


def do(directory: Path, *words: str | Path) -> None:
    """Run a command there, which has to succeed."""
    subprocess.run(words, cwd=directory, check=True, capture_output=True, timeout=120)


def told(tool: Tool, top: Path, *options: str) -> dict[str, Any]:
    """Return the one row that a run has."""
    [row] = tool.run(top, *options).rows.values()
    return row


def taken(directory: Path) -> int:
    """Return the bytes that the files of that package take in a directory, each inode once."""
    return sum(
        {
            status.st_ino: status.st_size
            for path in directory.rglob("*")
            if path.is_file() and (status := path.stat()).st_size == len(FILES["part0"])
        }.values()
    )


def test_what_pnpm_installs_is_shared_with_its_store(
    plain: Tool, tmp_path: Path, home: Path
) -> None:
    pnpm = program("pnpm")
    top = tmp_path / "work"
    project = top / "app"
    project.mkdir(parents=True)
    where = os.path.relpath(archive(tmp_path), project)
    manifest = {"name": "app", "version": "1.0.0", "dependencies": {"dep": f"file:{where}"}}
    (project / "package.json").write_text(json.dumps(manifest))
    do(project, pnpm, "install", "--offline", "--config.package-import-method=hardlink")
    row = told(plain, top, "--include-unproven", str(project / "node_modules"))
    found = row["shared_with"]
    assert found["store"] == "pnpm store"
    assert found["proved"]
    assert found["command"].startswith("pnpm store prune")
    assert found["path"].startswith(str(home))
    assert row["shared_bytes"] >= taken(home) == 8 * len(FILES["part0"])
    shutil.rmtree(project / "node_modules")
    do(tmp_path, "sh", "-c", found["command"].replace("pnpm", pnpm, 1))
    assert taken(home) == 0


def test_what_uv_installs_is_shared_with_its_cache(plain: Tool, tmp_path: Path, home: Path) -> None:
    uv = program("uv")
    top = tmp_path / "work"
    project = top / "app"
    project.mkdir(parents=True)
    do(project, uv, "venv", "--offline", "--python-preference=only-system", ".venv")
    packed = wheel(tmp_path)
    install = ("pip", "install", "--offline", "--no-index", "--link-mode=hardlink")
    do(project, uv, *install, "--python", ".venv/bin/python", packed)
    options = ("--profile", "python", "--include-unproven", str(project / ".venv"))
    row = told(plain, top, *options)
    found = row["shared_with"]
    assert (found["store"], found["proved"]) == ("uv cache", True)
    assert found["path"] == str(home / ".cache/uv")
    assert row["shared_bytes"] >= taken(home) == 8 * len(FILES["part0"])
    shutil.rmtree(project / ".venv")
    # It leaves what can be installed again.
    do(tmp_path, uv, "cache", "prune")
    assert taken(home) == 8 * len(FILES["part0"])
    do(tmp_path, "sh", "-c", found["command"].replace("uv", uv, 1))
    assert taken(home) == 0
