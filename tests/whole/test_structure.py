"""What the code promises about its own order: where things are, how long they are, who may import whom."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from support.places import CHECKOUT

PACKAGE: Final = CHECKOUT / "src/cleanup_nodemodule"
MODULES: Final = sorted(PACKAGE.rglob("*.py"))
NATIVE: Final = sorted(PACKAGE.rglob("*.[ch]"))
WINGS: Final = sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))
PARTS: Final = sorted(path.parent for path in PACKAGE.glob("*/*/__init__.py"))
"""Parts of a wing that have a directory of their own, as they are many modules with one job."""

MISNOMERS: Final = frozenset(
    {
        *("apart", "finish", "foreign_too", "links", "look", "lookout", "most", "names"),
        *("paths", "patience", "settle"),
    }
)
"""Names that modules once had, and that meant several things, or something else than they say."""

MAX_FUNCTION: Final = 80
"""Lines of a function that gives no reason for having more."""

REASON: Final = "Long:"
"""Begins the comment above a function that says why it has more."""


def short(path: Path) -> str:
    """Return the path of a file within the package."""
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", [*MODULES, *NATIVE], ids=short)
def test_no_file_is_longer_than_one_can_keep_in_mind(path: Path) -> None:
    most = 400 if path.suffix == ".py" else 500
    assert len(path.read_text().splitlines()) <= most


def test_no_module_has_a_name_that_misleads() -> None:
    named = {path.stem for path in MODULES} | {path.parent.name for path in MODULES}
    assert named & MISNOMERS == set()
    assert [short(path) for path in MODULES if path.stem == "log"] == ["commands/log.py"]


def test_the_package_has_no_more_rooms_than_one_finds_one_s_way_in() -> None:
    rooms = {short(wing) for wing in WINGS} | {path.stem for path in PACKAGE.glob("*.py")}
    assert len(rooms - {"__init__"}) <= 20


def test_every_directory_of_modules_is_a_wing() -> None:
    assert {path.parent for path in MODULES} - {PACKAGE, *WINGS, *PARTS} == set()


@pytest.mark.parametrize("wing", [*WINGS, *PARTS], ids=short)
def test_a_wing_says_what_it_is_for_and_what_it_may_import(wing: Path) -> None:
    told = ast.get_docstring(ast.parse((wing / "__init__.py").read_text())) or ""
    assert 8 <= len(told.splitlines()) <= 16
    assert "May import" in told


def test_every_room_is_a_layer() -> None:
    config = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["importlinter"]
    [contract] = [one for one in config["contracts"] if one["type"] == "layers"]
    assert (contract["containers"], contract["exhaustive"]) == (["cleanup_nodemodule"], True)
    # Only the front door may skip a layer, and nothing is let off from being a layer.
    assert contract["ignore_imports"] == ["cleanup_nodemodule -> cleanup_nodemodule.*"]
    assert "exhaustive_ignores" not in contract
    layers = [name.strip() for layer in contract["layers"] for name in re.split("[|:]", layer)]
    rooms = {short(wing) for wing in WINGS} | {path.stem for path in PACKAGE.glob("*.py")}
    assert sorted(layers) == sorted(rooms - {"__init__"})


def long_functions(path: Path) -> Iterator[tuple[str, str]]:
    """Give the name of each long function in a module, and the comment above it."""
    lines = path.read_text().splitlines()
    for node in ast.walk(ast.parse("\n".join(lines))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        assert node.end_lineno is not None
        if node.end_lineno - node.lineno + 1 > MAX_FUNCTION:
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)]) - 1
            above = first
            while above and lines[above - 1].lstrip().startswith("#"):
                above -= 1
            yield node.name, "\n".join(line.lstrip("# ") for line in lines[above:first])


def long_native_functions(path: Path) -> Iterator[tuple[str, str]]:
    """Give the same of a file in C, where a function begins and ends with a brace at the margin."""
    lines = path.read_text().splitlines()
    start = 0
    for number, line in enumerate(lines):
        if line == "{":
            start = number
        elif line == "}" and number - start + 1 > MAX_FUNCTION:
            above = start
            while above and lines[above - 1]:
                above -= 1
            yield lines[start - 1], "\n".join(one.lstrip("/* ") for one in lines[above:start])


@pytest.mark.parametrize("path", [*MODULES, *NATIVE], ids=short)
def test_a_long_function_says_why(path: Path) -> None:
    functions = long_functions if path.suffix == ".py" else long_native_functions
    silent = [name for name, above in functions(path) if f"\n{REASON}" not in f"\n{above}"]
    assert silent == []


def test_the_search_for_long_functions_finds_them() -> None:
    found = {name for path in MODULES for name, _ in long_functions(path)}
    assert {"measure", "remove"} <= found
    native = [name for path in NATIVE for name, _ in long_native_functions(path)]
    assert any(name.startswith("search_directory(") for name in native)
