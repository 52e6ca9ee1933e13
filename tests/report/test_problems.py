"""Every problem has a code, and every code its words: the table, and what the engines know to say."""

import ast
import errno
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import cleanup_nodemodule
from cleanup_nodemodule import problems
from cleanup_nodemodule.engine.contract import Fault
from cleanup_nodemodule.model import Problem
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.work.conversion import problem_at

SOURCES = Path(cleanup_nodemodule.__file__).parent
ENGINE = SOURCES / "engine"

WORDS = {"open", "read", "stat", "search", "delete", "remove the directory"} | {
    "delete, as only its owner may,"
}
"""What the engines say they were doing."""

SAYING = {"fault_of", "Fault", "refuse"}
"""Functions of the Python engine whose last argument is what was being done."""


def spoken_in_python(source: str) -> Iterator[str]:
    """Give what a module says was being done, wherever it makes a fault."""
    tree = ast.parse(source)
    known = {
        node.target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
            continue
        last = node.args[-1]
        if node.func.id in SAYING and isinstance(last, ast.Constant):
            yield str(last.value)
        elif node.func.id in SAYING and isinstance(last, ast.Name) and last.id in known:
            yield str(known[last.id])


def spoken_in_c(source: str) -> Iterator[str]:
    """Give what a C source says was being done: in calls that make a fault, and where that is kept."""
    yield from re.findall(r'\bfault_(?:here|at)\([^;"]*"([^"]+)"', source)
    yield from re.findall(r'\bdoing = "([^"]+)"', source)
    yield from re.findall(r'#define DELETE\w* "([^"]+)"', source)


def test_every_code_has_words_and_a_number() -> None:
    for code in ProblemCode:
        assert problems.phrase(code).strip()
        assert problems.number(code) in errno.errorcode
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code.value)


def test_no_words_are_without_a_code() -> None:
    assert set(problems._KINDS) == set(ProblemCode)  # noqa: SLF001 - the table itself


def test_every_code_is_used() -> None:
    used = {
        name
        for path in SOURCES.rglob("*.py")
        for name in re.findall(r"\bProblemCode\.([A-Z_]+)", path.read_text())
        if path.name != "problems.py"
    }
    of_engines = {problems.of_engine(words)[0].name for words in WORDS}
    assert used | of_engines == {code.name for code in ProblemCode}


def test_only_one_place_makes_the_sentence() -> None:
    """Whoever else said so would say it otherwise some day."""
    elsewhere = [
        path.name
        for path in SOURCES.rglob("*.py")
        if re.search(r'f".*could not \{', path.read_text())
    ]
    assert elsewhere == ["problems.py"]


@pytest.mark.parametrize(
    "spoken",
    [
        [word for path in ENGINE.rglob("*.py") for word in spoken_in_python(path.read_text())],
        [word for path in ENGINE.rglob("*.[ch]") for word in spoken_in_c(path.read_text())],
    ],
    ids=["python", "native"],
)
def test_an_engine_says_nothing_without_a_code(spoken: list[str]) -> None:
    assert set(spoken) == (WORDS if "search" in spoken else WORDS - {"search"})
    for words in spoken:
        assert problems.of_engine(words)[1] == 0


def test_what_no_engine_says_has_no_code() -> None:
    with pytest.raises(KeyError):
        problems.of_engine("admire")


@pytest.mark.parametrize("words", ["delete", "delete, as only its owner may,"])
def test_many_entries_are_one_problem_of_their_directory(words: str) -> None:
    fault = Fault(b"a/b", errno.EPERM, f"{words} 1,214 more entries of")
    problem = problem_at("/top", fault)
    assert (problem.path, problem.more) == ("/top/a/b", 1214)
    assert problem.doing == "delete 1,214 more entries of"
    assert problem.sentence == f"could not delete 1,214 more entries of /top/a/b: {problem.why}"
    assert ("sticky bit" in problem.why) is (problem.code is ProblemCode.DELETE_FOREIGN)
    assert problem.number == errno.EPERM


def test_the_number_is_of_the_system_or_of_the_code() -> None:
    assert Problem("/a", ProblemCode.RENAME).number == errno.EIO
    assert Problem("/a", ProblemCode.RENAME, errno.EACCES).number == errno.EACCES
    silent = Problem("/a", ProblemCode.DELETE_UNANSWERED)
    assert (silent.errno, silent.number) == (None, errno.ETIMEDOUT)


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [
        (
            Problem("/a", ProblemCode.PROTECTED, detail="in-use", message="node is at work in it"),
            "could not delete /a: a reason to keep it came up after it was shown (in-use): node is at work in it",
        ),
        (
            Problem("/a", ProblemCode.TRASH_REFUSED, detail=repr("no trash")),
            "could not move to the trash /a: the trash did not take it ('no trash')",
        ),
        (
            Problem("/a", ProblemCode.VITAL, detail="a home directory"),
            "could not delete /a: it is a home directory, which is never deleted",
        ),
        (
            Problem("/a", ProblemCode.UNEXPECTED, errno.ENOMEM, detail="MemoryError"),
            "could not finish with /a: this program failed (MemoryError), please report it: Cannot allocate memory",
        ),
    ],
)
def test_the_detail_is_a_part_of_the_sentence(problem: Problem, sentence: str) -> None:
    assert problem.sentence == sentence


def test_what_is_about_no_place_names_none() -> None:
    words = problems.phrase(ProblemCode.USAGE)
    assert problems.sentence(words, None, "no") == "could not understand the command line: no"
