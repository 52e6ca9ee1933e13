"""The sources of the native engine, and the memory it takes."""

import contextlib
import os
import re
import resource
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Final

from cleanup_nodemodule.engine import _python
from cleanup_nodemodule.engine.contract import Watch
from support.children import in_child
from support.engine_calls import (
    NODE_MODULES,
    root_of,
)
from support.needs import unable
from support.openings import (
    BY_KERNEL,
    Way,
)
from support.trees import declare

ENGINE: Final = Path(_python.__file__).parent
PYTHON_H: Final = "#include <Python.h>"
OWN_HEADER: Final = re.compile(r'^\s*#\s*include\s*"([^"]*)".*$', re.MULTILINE)


def kernel_code() -> str:
    """Return the C code of the native engine, its own headers in the places where they are included.

    There are no comments in it, and no line that goes on in the next one.
    """

    def read(name: str) -> str:
        source = (ENGINE / name).read_text().replace("\\\n", " ")
        return re.sub(r"/\*.*?\*/", " ", source, flags=re.DOTALL)

    return OWN_HEADER.sub(lambda include: read(include[1]), read("_kernel.c"))


def test_each_header_of_the_native_engine_is_included_once_on_its_side_of_python() -> None:
    """Headers include no header of the engine, so the order is that of ``_kernel.c``."""
    code = re.sub(r"/\*.*?\*/", " ", (ENGINE / "_kernel.c").read_text(), flags=re.DOTALL)
    before, include, behind = code.partition(PYTHON_H)
    assert include
    walking = [f"native/{header.name}" for header in (ENGINE / "native").glob("*.h")]
    between = [f"native/bridge/{header.name}" for header in (ENGINE / "native/bridge").glob("*.h")]
    assert len(list(ENGINE.rglob("*.h"))) == len(walking) + len(between)
    assert sorted(OWN_HEADER.findall(before)) == sorted(walking)
    assert sorted(OWN_HEADER.findall(behind)) == sorted(between)
    for name in walking + between:
        text = (ENGINE / name).read_text()
        assert OWN_HEADER.findall(text) == []
        assert "Python.h>" not in text


def test_nothing_that_walks_can_call_the_interpreter() -> None:
    """It is not declared there: Python.h comes behind all of that. Where the lock of the interpreter is let go,
    there is one call of what stands above, with nothing of Python's among its arguments but in structures."""
    code = kernel_code()
    assert code.count(PYTHON_H) == 1
    before, _, behind = code.partition(PYTHON_H)
    # Of Python's headers there is only pyconfig.h, which declares nothing.
    lines = re.findall(r"^\s*#\s*include\b.*$", before, re.MULTILINE)
    included = re.findall(r"^\s*#\s*include\s*<([\w/]+\.h)>\s*$", before, re.MULTILINE)
    assert len(included) == len(lines)
    of_python = Path(sysconfig.get_path("include"))
    if not (of_python / "Python.h").exists():
        unable("needs Python's headers, to tell them from the system's")
    assert [name for name in included if (of_python / name).exists()] == ["pyconfig.h"]
    assert "_Py" not in before
    assert re.findall(r"\bPy\w*", before) == []
    unlocked = re.findall(r"Py_BEGIN_ALLOW_THREADS(.*?)Py_END_ALLOW_THREADS", behind, re.DOTALL)
    calls = [
        re.fullmatch(r"\s*(?:\w+ = )?(\w+)\((?:&?\w+(?:, )?)+\);\s*", part) for part in unlocked
    ]
    assert len(calls) == 5
    for call in calls:
        assert call is not None
        assert re.search(rf"^{call[1]}\(", before, re.MULTILINE)


def test_no_macro_counts_references() -> None:
    """Python 3.11's write to objects that all interpreters share from 3.12 on, each with a lock of its own."""
    code = kernel_code()
    assert "Py_DecRef(" in code
    counting = r"\bPy_(?:X?(?:INCREF|DECREF|NewRef)|CLEAR|X?SETREF|RETURN_\w+)\b"
    assert re.findall(counting, code) == []


def resident() -> int:
    """Return the bytes of memory this process has in use."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def _memory_after_many_calls(way: Way, top: str) -> list[int]:
    engine = way.engine()
    root = root_of(top)
    names = NODE_MODULES._replace(
        globs=(b"n*",), markers=frozenset({b"f"}), noticed=frozenset({b"a"})
    )
    watch = Watch(frozenset({b"a", b"l"}), frozenset({b"x"}), (b"n*", b"*g"), 1, frozenset({b"d"}))
    wrong = (*watch[:2], (b"n*", 1), 1)
    stale = root._replace(inode=root.inode + 1)
    taken = []
    for times in (1000, 10_000):
        for _ in range(times):
            for each in (root, stale):
                engine.find(each, [b""], names, 100)
                engine.measure(each, [b""], 3)
                engine.measure(each, [b""], 3, watch)
                engine.remove(each, [b"nowhere//"], 3)
            for stack in ([1], None, [b"", "a"]):
                with contextlib.suppress(TypeError):
                    engine.measure(root, stack, 3)
            with contextlib.suppress(TypeError):
                engine.measure(root, [b""], 3, wrong)
        taken.append(resident())
    return taken


def test_ten_thousand_calls_leak_nothing(native: ModuleType, tmp_path: Path) -> None:
    if not os.path.exists("/proc/self/statm"):
        unable("needs /proc, to know how much memory is taken")
    top = tmp_path / "top"
    declare(top, {"node_modules": {}, "a": {"f": 1, "g": 2, ".git": {}}, "l": Path("a")})
    (top / "h").hardlink_to(top / "a" / "g")
    before, after = in_child(
        _memory_after_many_calls, Way(native.__name__, BY_KERNEL), os.fspath(top)
    )
    # The least that any function could lose is 16 bytes a call.
    assert after - before < 10_000 * 16
