"""What is built from the sources: an sdist, a wheel with the native engine, and one without.

The wheel is tried on every CPython that is found here, with nothing installed but what is in it: the
engine needs nothing else.
"""

import glob
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from support.needs import unable
from support.places import CHECKOUT

pytestmark = pytest.mark.slow

SMOKE: Final = """
import os, sys, tempfile
sys.path.insert(0, sys.argv[1])
from cleanup_nodemodule import engine
from cleanup_nodemodule.engine.contract import Names, Root
with tempfile.TemporaryDirectory() as directory:
    top = os.path.realpath(directory)
    os.makedirs(top + "/app/node_modules/x")
    with open(top + "/app/node_modules/x/f", "wb") as file:
        file.write(b"x" * 5000)
    def root_of(path):
        found = os.lstat(path)
        return Root(os.fsencode(path), found.st_dev, found.st_ino)
    names = Names(frozenset({b"node_modules"}), frozenset(), 0)
    found, left, faults = engine.find(root_of(top), [b""], names, 1000)
    assert ([hit.path for hit in found.hits], left, faults) == ([b"app/node_modules"], [], [])
    root = root_of(top + "/app/node_modules")
    usage, left, faults = engine.measure(root, [b""], 1000)
    assert (usage.files, usage.directories, left, faults) == (1, 2, [], [])
    assert usage.apparent == 5000 + 2 * os.lstat(top + "/app/node_modules/x").st_size
    counts, left, faults = engine.remove(root, [b""], 1000)
    assert (counts.files, counts.directories, left, faults) == (1, 2, [], [])
    assert counts.freed == usage.allocated
    assert os.listdir(top + "/app") == []
print(engine.name())
"""


WHICH: Final = """
import sys, sysconfig
if not sysconfig.get_config_var("Py_GIL_DISABLED"):
    print(sys.implementation.name, *sys.version_info[:3])
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, so that nothing is built in it."""
    target = tmp_path_factory.mktemp("sources") / "cleanup"
    names = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md")
    target.mkdir()
    for name in names:
        shutil.copy(CHECKOUT / name, target)
    shutil.copytree(
        CHECKOUT / "src",
        target / "src",
        ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.egg-info"),
    )
    return target


def build(sources: Path, out: Path, kind: str, env: Mapping[str, str] | None = None) -> Path:
    """Build a wheel or an sdist from a copy of *sources*, and return its file."""
    # What one build leaves behind must not be taken for the next one's work.
    copy = out.with_name(f"{out.name}-from")
    shutil.copytree(sources, copy)
    # Not isolated: what is needed to build is in the environment that runs the tests.
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", out, copy],
        env={**os.environ, **(env or {})},
        check=True,
        capture_output=True,
    )
    (made,) = out.iterdir()
    return made


def unpack(sdist: Path, target: Path) -> Path:
    with tarfile.open(sdist) as archive:
        archive.extractall(target, filter="data")
    (top,) = target.iterdir()
    return top


@pytest.fixture(scope="module")
def unpacked(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, made where the native engine is not built: what is in it must not depend on that."""
    out = tmp_path_factory.mktemp("sdist")
    sdist = build(sources, out, "sdist", {"CLEANUP_NODEMODULE_NATIVE": "0"})
    return unpack(sdist, tmp_path_factory.mktemp("unpacked"))


@pytest.fixture(scope="module")
def wheel(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel with the native engine, which fails if it does not compile."""
    out = tmp_path_factory.mktemp("wheel")
    return build(unpacked, out, "wheel", {"CLEANUP_NODEMODULE_NATIVE": "1"})


INTERPRETERS: Final = """
import sys
try:
    import _interpreters as interpreters  # Python 3.13
except ImportError:
    import _xxsubinterpreters as interpreters
ids = [interpreters.create() for _ in range(3)]
for _ in range(2):
    for each in ids:
        went_wrong = interpreters.run_string(each, f"import sys\\nsys.argv = {sys.argv!r}\\n" + SMOKE)
        assert went_wrong is None, went_wrong.formatted
for each in ids:
    interpreters.destroy(each)
"""
"""An interpreter from 3.12 on has a lock of its own, and takes only modules that say they can bear it."""


def smoke(wheel: Path, target: Path, python: str = sys.executable, script: str = SMOKE) -> str:
    """Try what is in *wheel*, and return what the script printed: the engines that did it."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)  # noqa: S202 - it was built here
    done = subprocess.run(
        [python, "-I", "-c", script, target],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def c_sources(top: Path) -> dict[str, bytes]:
    """Return what the native engine is built from, by its path beneath *top*."""
    engine = top / "src/cleanup_nodemodule/engine"
    files = [*engine.rglob("*.c"), *engine.rglob("*.h")]
    return {os.fspath(file.relative_to(top)): file.read_bytes() for file in files}


@pytest.mark.parametrize("wanted", ["1", "0"])
def test_the_sdist_holds_what_the_native_engine_is_built_from(
    sources: Path, tmp_path: Path, wanted: str
) -> None:
    sdist = build(sources, tmp_path / "out", "sdist", {"CLEANUP_NODEMODULE_NATIVE": wanted})
    top = unpack(sdist, tmp_path / "unpacked")
    assert (top / "setup.py").exists()
    expected = c_sources(CHECKOUT)
    assert "src/cleanup_nodemodule/engine/native/stack.h" in expected
    assert c_sources(top) == expected


def test_a_change_to_a_header_builds_the_native_engine_again(
    unpacked: Path, tmp_path: Path
) -> None:
    top = tmp_path / "top"
    shutil.copytree(unpacked, top)

    def compilations() -> int:
        done = subprocess.run(
            [sys.executable, "setup.py", "build_ext", "--inplace"],
            cwd=top,
            # How well it is compiled does not matter here, and how long that takes does.
            env={**os.environ, "CLEANUP_NODEMODULE_NATIVE": "1", "CFLAGS": "-O0"},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.count("-c src/cleanup_nodemodule/engine/_kernel.c")

    assert (compilations(), compilations()) == (1, 0)
    headers = [top / name for name in c_sources(top) if name.endswith(".h")]
    for header in headers:
        (built,) = (top / "src/cleanup_nodemodule/engine").glob("*.so")
        later = built.stat().st_mtime + 1
        os.utime(header, (later, later))
        assert compilations() == 1
        os.utime(header, (0, 0))


def limited() -> bool:
    """Whether the Python that runs this has the limited API, which a build without the GIL has not."""
    return not sysconfig.get_config_var("Py_GIL_DISABLED")


def test_the_wheel_is_for_every_python_on_this_platform(wheel: Path) -> None:
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    expected = f"cp311-abi3-{platform}" if limited() else platform
    assert wheel.name.endswith(f"{expected}.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    suffix = ".abi3.so" if limited() else str(sysconfig.get_config_var("EXT_SUFFIX"))
    assert f"cleanup_nodemodule/engine/_kernel{suffix}" in names
    assert "cleanup_nodemodule/engine/_kernel.pyi" in names
    assert "cleanup_nodemodule/py.typed" in names
    assert not [name for name in names if name.endswith((".c", ".h"))]


def pythons() -> dict[str, str]:
    """Return every CPython from 3.11 up that is found here, by version."""
    versions = os.path.join(
        os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv")), "versions"
    )
    places = [*os.get_exec_path(), *glob.glob(os.path.join(versions, "*", "bin"))]
    found = {}
    for place in places:
        for python in glob.glob(os.path.join(place, "python3*")):
            if not os.path.basename(python).removeprefix("python3").strip(".0123456789"):
                said = subprocess.run(
                    [python, "-I", "-c", WHICH], check=False, capture_output=True, text=True
                ).stdout.split()
                if said and said[0] == "cpython" and tuple(map(int, said[1:4])) >= (3, 11):
                    found[".".join(said[1:4])] = python
    return found


def test_the_wheel_works_on_every_python_here(wheel: Path, tmp_path: Path) -> None:
    if not limited():
        unable("a Python without the GIL builds for itself only")
    tried = pythons()
    assert ".".join(map(str, sys.version_info[:3])) in tried
    engines = {
        version: smoke(wheel, tmp_path / version, python) for version, python in tried.items()
    }
    assert engines == dict.fromkeys(tried, "native")


def test_the_wheel_works_in_interpreters_of_their_own(wheel: Path, tmp_path: Path) -> None:
    if not limited():
        unable("a Python without the GIL builds for itself only")
    script = f"SMOKE = {SMOKE!r}\n{INTERPRETERS}"
    for version, python in pythons().items():
        said = smoke(wheel, tmp_path / version, python, script)
        assert said.splitlines() == ["native"] * 6


@pytest.mark.parametrize(
    "env",
    [{"CC": "/bin/false"}, {"CLEANUP_NODEMODULE_NATIVE": "0"}],
    ids=["no compiler", "not wanted"],
)
def test_without_a_compiler_there_is_a_wheel_in_python_alone(
    unpacked: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    settings = {"CLEANUP_NODEMODULE_NATIVE": "", **env}
    made = build(unpacked, tmp_path / "out", "wheel", settings)
    assert made.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(made) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".so")]
    assert smoke(made, tmp_path / "site") == "python"


def test_a_native_engine_that_is_asked_for_and_does_not_compile_is_an_error(
    unpacked: Path, tmp_path: Path
) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        build(
            unpacked,
            tmp_path / "out",
            "wheel",
            {"CC": "/bin/false", "CLEANUP_NODEMODULE_NATIVE": "1"},
        )
    assert b"_kernel" in failed.value.stdout + failed.value.stderr
