"""Directories of several environments, as tox, Nox and PDM leave them: each question answered, and failed."""

import json
from pathlib import Path

import pytest

from cleanup_nodemodule.proof.declared import Declared, is_part_of, look_of
from cleanup_nodemodule.proof.stat_cache import StatCache
from support.environments import BEGUN, SITE, aged, environment, install
from support.trees import declare

TAG = "Signature: 8a477f597d28d172789f06886806bc55\n"


def looked(kind: str, artifact: Path) -> Declared:
    project = artifact.parent
    return look_of(kind)(str(artifact), str(project), str(project), StatCache())


def info(*requirements: str) -> str:
    return json.dumps({"PythonRun": {"deps": {"requirements": requirements}}})


@pytest.fixture
def tox(tmp_path: Path) -> Path:
    """What tox made for a project that is installed into one of two environments."""
    declare(tmp_path, {"tox.ini": "[tox]\n", "setup.cfg": "[metadata]\nname = demo\n"})
    top = tmp_path / ".tox"
    environment(top / "py311", {"pytest-9.2": ("pluggy",), "pluggy-1.7": ()})
    install(
        top / "py311",
        "demo-0.1",
        ["pluggy"],
        direct={"url": (top / ".pkg/dist/demo-0.1.tar.gz").as_uri(), "archive_info": {}},
    )
    environment(top / "lint", {"ruff-1.0": ()})
    environment(top / ".pkg", {"setuptools-80": ()})
    declare(
        top,
        {
            "CACHEDIR.TAG": TAG,
            ".gitignore": "*\n",
            ".tmp": {},
            "py311/.tox-info.json": info("pytest>=9"),
            "py311/log/1-commands[0].log": "x",
            "py311/tmp": {},
            "lint/.tox-info.json": info("ruff"),
        },
    )
    aged(top)
    return top


def test_what_tox_noted_is_declared(tox: Path) -> None:
    found = looked("tox", tox)
    assert found.made_by == "tox: lint/.tox-info.json inside"
    assert (found.undeclared, found.missing) == ((), None)
    assert found.command == "tox --notest -e lint,py311"
    assert found.finished == BEGUN


def test_what_tox_did_not_note_is_undeclared(tox: Path) -> None:
    install(tox / "lint", "acme-1.0")
    declare(tox, {"notes.txt": "x", "py311/src/main.py": "x", f"lint/{SITE}/mine.py": "x"})
    assert looked("tox", tox).undeclared == ("notes.txt", "lint/acme", "lint/mine.py", "py311/src")


def test_without_what_declares_them_tox_brings_nothing_back(tox: Path) -> None:
    (tox.parent / "tox.ini").unlink()
    assert looked("tox", tox).missing == "no tox.ini"
    declare(tox.parent, {"pyproject.toml": "[tool.tox]\n"})
    assert looked("tox", tox).missing is None


def test_without_its_notes_tox_did_not_make_it(tox: Path) -> None:
    for note in tox.glob("*/.tox-info.json"):
        note.unlink()
    assert looked("tox", tox).made_by is None


def test_parts_are_told_within_each_environment(tox: Path) -> None:
    install(tox / "lint", "certifi-2026", files={"certifi/cacert.pem": "x"})
    declare(tox, {f"lint/{SITE}/ruff/__init__.py": "changed", "lint/tmp/result.db": "x"})
    met = (f"lint/{SITE}/certifi/cacert.pem", "lint/tmp/result.db", "users.sqlite")
    late = (
        f"lint/{SITE}/ruff/__init__.py",
        f"py311/{SITE}/pytest/__init__.py",
        "py311/log/1-x.log",
        "notes.txt",
    )
    assert is_part_of("tox")(str(tox), met, late, StatCache()) == (met[1:], (late[0], late[3]))


@pytest.mark.parametrize("kind", ["tox", "nox"])
def test_caches_in_an_environment_are_no_packages(tox: Path, kind: str) -> None:
    """But what only has the name of one may be anything."""
    if kind == "nox":
        declare(tox.parent, {"noxfile.py": "s.install('pytest>=9', 'ruff')\n"})
    before = looked(kind, tox)
    written = (".gitignore", "v/cache/lastfailed")
    for name in (".pytest_cache", ".mypy_cache", ".ruff_cache"):
        declare(tox / "py311" / name, {"CACHEDIR.TAG": TAG, **dict.fromkeys(written, "x")})
    declare(tox / "lint/.mypy_cache", {"essay": "x"})
    assert set(looked(kind, tox).undeclared) == {*before.undeclared, "lint/.mypy_cache"}
    late = (*(f"py311/.pytest_cache/{one}" for one in written), "lint/.mypy_cache/essay")
    met = ("py311/.pytest_cache/users.sqlite",)
    assert is_part_of(kind)(str(tox), met, late, StatCache()) == (met, late[-1:])


def test_what_a_noxfile_writes_out_is_declared(tmp_path: Path) -> None:
    noxfile = "import nox\n@nox.session\ndef tests(session):\n    session.install('pytest', '-r', 'dev.txt')\n"
    declare(tmp_path, {"noxfile.py": noxfile, "dev.txt": "ruff\n"})
    top = tmp_path / ".nox"
    environment(top / "tests", {"pytest-9.2": ("pluggy",), "pluggy-1.7": (), "ruff-1": ()})
    declare(top, {"CACHEDIR.TAG": TAG, ".gitignore": "*\n", "tests/tmp": {}})
    found = looked("nox", top)
    assert found.made_by == "Nox: tests/pyvenv.cfg inside"
    assert found.comes_back
    assert found.command == "nox --install-only"
    install(top / "tests", "acme-1.0")
    assert looked("nox", top).undeclared == ("tests/acme",)
    (tmp_path / "noxfile.py").unlink()
    assert looked("nox", top).missing == "no noxfile.py"


def test_packages_of_pep_582_are_declared_by_the_lock_file(tmp_path: Path) -> None:
    lock = '[[package]]\nname = "flask"\nversion = "3.1.3"\n'
    top = tmp_path / "__pypackages__"
    declare(
        tmp_path,
        {
            "pdm.lock": lock,
            "__pypackages__/3.11/lib/flask/__init__.py": "x",
            "__pypackages__/3.11/lib/flask-3.1.3.dist-info/RECORD": "../bin/flask,,\nflask/__init__.py,,\n",
            "__pypackages__/3.11/lib/flask-3.1.3.dist-info/INSTALLER": "pdm",
            "__pypackages__/3.11/bin/flask": "x",
            "__pypackages__/3.11/include": {},
        },
    )
    found = looked("pypackages", top)
    assert found.made_by == "PDM: INSTALLER of each distribution inside 3.11"
    assert (found.comes_back, found.command) == (True, "pdm sync")
    declare(top, {"3.11/lib/mine.py": "x", "notes.txt": "x"})
    assert looked("pypackages", top).undeclared == ("mine.py", "notes.txt")
    (tmp_path / "pdm.lock").unlink()
    declare(tmp_path, {"requirements.txt": "flask\n"})
    assert looked("pypackages", top).missing == "no pdm.lock"
