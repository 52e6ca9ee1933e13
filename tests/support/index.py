"""An index of Python packages on this machine, as PEP 503 has it, with wheels made in a moment."""

import hashlib
import http.server
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from support.environments import digest


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base
        pass


@contextmanager
def index(top: Path, distributions: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Serve these *distributions*, each with what it requires, and give the URL."""
    for distribution, requires in distributions.items():
        name, _, version = distribution.partition("-")
        wheel = make_wheel(top / "wheels", name, version, requires)
        page = top / "simple" / name.replace("_", "-") / "index.html"
        page.parent.mkdir(parents=True)
        given = hashlib.sha256(wheel.read_bytes()).hexdigest()
        link = f'<a href="../../wheels/{wheel.name}#sha256={given}">{wheel.name}</a>'
        page.write_text(f"<!DOCTYPE html><html><body>{link}</body></html>\n")
    names = "".join(f'<a href="{one.name}/">{one.name}</a>' for one in (top / "simple").iterdir())
    (top / "simple" / "index.html").write_text(
        f"<!DOCTYPE html><html><body>{names}</body></html>\n"
    )
    handler = partial(_Quiet, directory=str(top))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/simple/"
        finally:
            server.shutdown()
            thread.join()


def make_wheel(directory: Path, name: str, version: str, requires: Sequence[str] = ()) -> Path:
    """Make a wheel with one module, a certificate and a program (PyPA, "Binary distribution format")."""
    directory.mkdir(parents=True, exist_ok=True)
    metadata = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    files = {
        f"{name}/__init__.py": f"def main():\n    print('{name}')\n",
        f"{name}/cacert.pem": "-----BEGIN CERTIFICATE-----\n",
        f"{metadata}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}\n",
        f"{metadata}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{metadata}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
    }
    rows = [f"{path},{digest(text)},{len(text)}\n" for path, text in files.items()]
    files[f"{metadata}/RECORD"] = "".join([*rows, f"{metadata}/RECORD,,\n"])
    path = directory / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for inner, text in files.items():
            wheel.writestr(inner, text)
    return path


__all__ = ["index", "make_wheel"]
