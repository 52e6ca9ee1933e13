"""What a run passes by: the artifacts of other profiles, and installed packages that nobody asked for."""

from pathlib import Path
from typing import Any, Final

from support.tool import PROJECT, Tool
from support.trees import declare

BYTECODE: Final[dict[str | bytes, Any]] = {"x.py": "", "__pycache__/x.cpython-311.pyc": "code"}


def test_other_ecosystems_are_said_in_one_line_and_in_the_document(
    tool: Tool, tmp_path: Path
) -> None:
    top = tmp_path / "work"
    declare(
        top,
        {
            "site": PROJECT,
            "tool": {".venv": {"pyvenv.cfg": "home = /usr/bin\n", "lib": BYTECODE}, **BYTECODE},
            "crate": {"target": {"CACHEDIR.TAG": "x"}},
            "photos": {"target": {"me.jpg": "x"}, "venv": {"wine.txt": "x"}},
        },
    )
    told = tool.run(top)
    assert set(told.rows) == {"site/node_modules"}
    # What lies in the environment is a part of that.
    assert told.document["other_ecosystems"] == [
        {"ecosystem": "python", "directories": 2},
        {"ecosystem": "rust", "directories": 1},
    ]
    said = tool.tell("-p", top).stderr.splitlines()
    [line] = [one for one in said if one.startswith("Other profiles ")]
    assert "2 of python, 1 of rust" in line
    assert line.endswith("--profile python --profile rust")
    assert tool.run(top, "--profile", "all").document["other_ecosystems"] == []


def test_another_profile_does_not_look_into_installed_packages(plain: Tool, tmp_path: Path) -> None:
    top = tmp_path / "work"
    declare(top, {"app": {"package.json": "{}", "node_modules": {"gyp": BYTECODE}, **BYTECODE}})
    assert set(plain.run(top, "--profile", "python").rows) == {"app/__pycache__"}


def test_what_is_kept_as_unproven_may_be_known_to_another_profile(
    plain: Tool, tmp_path: Path
) -> None:
    top = tmp_path / "work"
    declare(
        top,
        {
            "app": {"package.json": "{}", "dist/tiny-1.0-py3-none-any.whl": "x"},
            "web": {"package.json": "{}", "dist/notes": "x"},
        },
    )
    told = plain.run(top)
    assert told.reasons == {"app/dist": "unproven", "web/dist": "unproven"}
    assert told.document["other_ecosystems"] == [{"ecosystem": "python", "directories": 1}]
    said = plain.tell("-p", top).stderr.splitlines()
    [other] = [at for at, line in enumerate(said) if "--profile python" in line]
    [include] = [at for at, line in enumerate(said) if "--include-unproven" in line]
    assert other < include
