"""Bytecode without its source is found, whatever wrote it."""

from pathlib import Path

import pytest

from cleanup_nodemodule.proof.declared.bytecode import orphans
from cleanup_nodemodule.proof.stat_cache import StatCache
from support.trees import declare


@pytest.mark.parametrize(
    "name",
    [
        "x.cpython-311.pyc",
        "x.cpython-311.opt-1.pyc",
        "x.cpython-311-pytest-8.1.1.pyc",
        "x.cpython-39.pyo",
        "x.pypy310.pyc",
        "x.graalpy231-310.pyc",
        "x.pyc",
    ],
)
def test_it_is_an_orphan_until_its_source_is_there(tmp_path: Path, name: str) -> None:
    declare(tmp_path, {f"__pycache__/{name}": "x", "other.py": "", "x": {}})

    def found() -> tuple[str, ...]:
        return orphans(str(tmp_path / "__pycache__"), str(tmp_path), StatCache())

    assert found() == (name,)
    declare(tmp_path, {"x.py": ""})
    assert found() == ()


def test_a_script_without_an_ending_is_a_source_too(tmp_path: Path) -> None:
    declare(
        tmp_path,
        {
            "__pycache__": {"deploy.cpython-311.pyc": "x", "notes.txt": ""},
            "deploy": "#!/usr/bin/env python3\n",
        },
    )
    assert orphans(str(tmp_path / "__pycache__"), str(tmp_path), StatCache()) == ()


def test_what_only_has_the_name_of_a_source_is_none(tmp_path: Path) -> None:
    declare(
        tmp_path,
        {
            "__pycache__": {"deploy.cpython-311.pyc": "x", "pack.cpython-311.pyc": "x"},
            "deploy": "a text",
            "pack.py": {"readme": "a directory"},
        },
    )
    assert orphans(str(tmp_path / "__pycache__"), str(tmp_path), StatCache()) == (
        "deploy.cpython-311.pyc",
        "pack.cpython-311.pyc",
    )


def test_a_name_with_dots_keeps_them(tmp_path: Path) -> None:
    declare(tmp_path, {"__pycache__/a.b.cpython-311.pyc": "x", "a.b.py": ""})
    assert orphans(str(tmp_path / "__pycache__"), str(tmp_path), StatCache()) == ()
