"""Nothing that was published or committed is selected, and what real tools made is.

The shapes are those of real packages and real installs: see ``tests/corpora/README.md``.
"""

import os
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from support.engines import NATIVE
from support.git import git
from support.shapes import INSTALLED, SHIPPED, Limits, Shape, is_told, lay, read, record
from support.tool import Tool

pytestmark = pytest.mark.slow

AGE: Final = 86400
"""Seconds since the files were written."""

LARGEST: Final = 4096
"""Bytes of a file that git has to read."""


STILL_WRONG: Final = Counter({"php/vendor": 2, "js/node_modules": 1})
"""How many of each rule are selected outside of a repository though they were published, for now.

Composer and npm really installed these, and bring them back.
"""


@pytest.fixture
def real(tool: Tool) -> Tool:
    """The command with the rules of the catalogue and no others."""
    (tool.home / "config/cleanup-nodemodule/config.toml").unlink()
    return tool


def lay_all(shapes: list[Shape], top: Path, *, largest: int | None = None) -> None:
    for shape in shapes:
        lay(shape, top / shape.name, now=time.time() - AGE, largest=largest)


def selected(tool: Tool, top: Path) -> set[str]:
    return {
        path for path, reason in tool.run(top, "--profile", "all").reasons.items() if reason is None
    }


# What git says does not depend on the engine.
@pytest.mark.parametrize(
    ("tool", "with_git"),
    [
        pytest.param(NATIVE, False, id="native, without git"),
        pytest.param(NATIVE, True, id="native, in a repository"),
        pytest.param("python", False, id="python, without git"),
    ],
    indirect=["tool"],
)
def test_nothing_that_was_shipped_is_selected(real: Tool, tmp_path: Path, with_git: bool) -> None:  # noqa: FBT001
    top = tmp_path / "shipped"
    lay_all(read(SHIPPED), top, largest=LARGEST if with_git else None)
    if with_git:
        git(top, "init", "--quiet", "--template=")
        git(top, "add", "--all", "--force")
        git(
            top,
            "-c",
            "gc.auto=0",
            "-c",
            "maintenance.auto=false",
            "commit",
            "--quiet",
            "--message=all",
        )
    told = real.run(top, "--profile", "all")
    wrong = Counter(row["rule"] for row in told.rows.values() if row["decision"] == "delete")
    assert wrong - (Counter() if with_git else STILL_WRONG) == Counter(), [
        path for path, reason in told.reasons.items() if reason is None
    ]
    # What is kept was found: nobody looked away.
    assert len(told.reasons) > 200


def test_what_real_tools_made_is_selected(real: Tool, tmp_path: Path) -> None:
    top = tmp_path / "installed"
    shapes = read(INSTALLED)
    lay_all(shapes, top)
    assert selected(real, top) >= {
        f"{shape.name}/{path}"
        for shape in shapes
        for path in shape.artifacts
        if is_told(f"{shape.name}/{path}")
    }


def test_the_corpora_are_as_large_as_their_page_says() -> None:
    shapes = read(SHIPPED)
    assert len(shapes) >= 60
    assert len({shape.origin for shape in shapes}) >= 6
    assert len(read(INSTALLED)) >= 10
    assert sum(file.stat().st_size for file in (SHIPPED, INSTALLED)) < 1_500_000


def test_a_shape_is_what_was_recorded(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "node_modules/a/deep").mkdir(parents=True)
    (project / "package.json").write_text(
        '{"name": "p", "dependencies": {"a": "1"}, "author": "somebody"}'
    )
    (project / "node_modules/a/index.js").write_text("secret()")
    (project / "node_modules/a/deep/run").write_text("text")
    (project / "node_modules/a/deep/run").chmod(0o755)
    (project / "node_modules/link").symlink_to("a")
    os.utime(project / "node_modules/a/index.js", (1000, 1000))
    os.utime(project / "node_modules/a/deep/run", (1000, 1000))
    shape = record("made", "p", "1", project, Limits())
    assert shape is not None
    assert shape.artifacts == ("node_modules",)

    lay(shape, tmp_path / "laid", now=5000)
    again = tmp_path / "laid/node_modules"
    assert (again / "a/index.js").read_bytes() == b"\n"
    assert (again / "a/deep/run").read_bytes() == bytes(4)
    assert (again / "a/index.js").stat().st_mtime == 5000
    assert os.access(again / "a/deep/run", os.X_OK)
    assert os.readlink(again / "link") == "a"
    # What is declared is there, and nothing else of what somebody wrote.
    assert (tmp_path / "laid/package.json").read_text() == '{"name":"p","dependencies":{"a":"1"}}'
    kept = subprocess.run(
        ["grep", "-r", "secret", tmp_path / "laid"], check=False, capture_output=True
    )
    assert kept.returncode == 1
