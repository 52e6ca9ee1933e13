"""A package as registries have it, made here, so that package managers install it without a network."""

import io
import json
import tarfile
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path


def for_node(directory: Path, files: Mapping[str, bytes]) -> Path:
    """Pack *files* as npm does; return where."""
    path = directory / "dep-1.0.0.tgz"
    manifest = {"package.json": json.dumps({"name": "dep", "version": "1.0.0"}).encode()}
    with tarfile.open(path, "w:gz") as packed:
        for name, content in {**manifest, **files}.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size, entry.mode = len(content), 0o644
            packed.addfile(entry, io.BytesIO(content))
    return path


def for_python(directory: Path, files: Mapping[str, bytes]) -> Path:
    """Pack *files* as a wheel; return where."""
    path = directory / "dep-1.0.0-py3-none-any.whl"
    about = "dep-1.0.0.dist-info"
    packed = {f"dep/{name}": content for name, content in files.items()}
    packed[f"{about}/METADATA"] = b"Metadata-Version: 2.1\nName: dep\nVersion: 1.0.0\n"
    packed[f"{about}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = "".join(
        f"{name},sha256={_digest(content)},{len(content)}\n" for name, content in packed.items()
    )
    packed[f"{about}/RECORD"] = f"{record}{about}/RECORD,,\n".encode()
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in packed.items():
            wheel.writestr(name, content)
    return path


def _digest(content: bytes) -> str:
    return urlsafe_b64encode(sha256(content).digest()).decode().rstrip("=")
