"""What was edited in an environment, or put among its packages, before something else was installed."""

import os
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.proof.declared import look_of
from cleanup_nodemodule.proof.stat_cache import StatCache
from support.environments import BEGUN, SITE, digest, environment, install
from support.trees import declare

DAY: Final = 86_400
INIT: Final = f"{SITE}/flask/__init__.py"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """An environment in which a second distribution was installed 30 days after the first."""
    declare(tmp_path, {"requirements.txt": "flask\nclick\n"})
    made = environment(tmp_path / ".venv", {"flask-3.1.3": ()})
    install(made, "click-8.5.1")
    for path in (made / SITE).glob("click*/**/*"):
        aged(path, BEGUN + 30 * DAY)
    for path in (made / SITE).glob("click*"):
        aged(path, BEGUN + 30 * DAY)
    return made


def aged(path: Path, when: int) -> None:
    os.utime(path, (when, when), follow_symlinks=False)


def put(top: Path, path: str, text: str, when: int = BEGUN + 20 * DAY) -> None:
    """Write a file between the two installations."""
    place = top / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    aged(place, when)


def modified(top: Path, packages: str = "python") -> tuple[str, ...]:
    project = str(top.parent)
    found = look_of(packages)(str(top), project, project, StatCache())
    assert found.undeclared == ()
    assert found.comes_back is not bool(found.modified)
    return found.modified


def test_what_is_as_it_was_installed_is_not_modified(top: Path) -> None:
    assert modified(top) == ()


@pytest.mark.parametrize("path", [INIT, "bin/flask", f"{SITE}/flask-3.1.3.dist-info/METADATA"])
@pytest.mark.parametrize("when", [0, BEGUN, BEGUN + 20 * DAY, BEGUN + 40 * DAY])
def test_a_file_of_another_size_is_modified(top: Path, path: str, when: int) -> None:
    put(top, path, (top / path).read_text() + "# mine", when)
    assert modified(top) == (path,)


@pytest.mark.parametrize("name", ["is_late", "is_of_the_same_time"])
def test_a_file_of_the_same_size_is_read_if_it_is_late(top: Path, name: str) -> None:
    text = (top / INIT).read_text()
    late = name == "is_late"
    put(top, INIT, "!" * len(text), BEGUN + (61 if late else 60))
    assert modified(top) == ((INIT,) if late else ())


def test_a_file_that_was_only_touched_is_not_modified(top: Path) -> None:
    put(top, INIT, (top / INIT).read_text())
    assert modified(top) == ()


@pytest.mark.parametrize("when", [0, BEGUN, BEGUN + 20 * DAY])
@pytest.mark.parametrize("name", ["mine.py", "__main__.py", ".hidden", "notes.txt"])
def test_a_file_that_was_put_into_a_package_is_named(top: Path, name: str, when: int) -> None:
    put(top, f"{SITE}/flask/{name}", "x", when)
    assert modified(top) == (f"{SITE}/flask/{name}",)


def test_a_directory_that_was_put_into_a_package_is_named_once(top: Path) -> None:
    put(top, f"{SITE}/flask/mine/a.py", "x")
    put(top, f"{SITE}/flask/mine/deeper/b.py", "x")
    assert modified(top) == (f"{SITE}/flask/mine",)


def test_what_tools_write_is_not_modified(top: Path) -> None:
    for path in (
        "flask/__pycache__/__init__.cpython-311.pyc",
        "flask/old/__pycache__/x.cpython-311.pyc",
        "flask/compiled.pyc",
        "flask/parser.out",
        "flask/.DS_Store",
        "flask-3.1.3.dist-info/REQUESTED",
    ):
        put(top, f"{SITE}/{path}", "x")
    (top / SITE / "flask/empty").mkdir()
    put(top, f"{SITE}/flask-3.1.3.dist-info/INSTALLER", "another\n")
    assert modified(top) == ()


def test_a_catalogue_that_was_compiled_is_not_modified(top: Path) -> None:
    install(top, "flask-3.1.3", files={"flask/locale/de/x.po": "msgid"})
    put(top, f"{SITE}/flask/locale/de/x.mo", "x")
    put(top, f"{SITE}/flask/locale/de/y.mo", "x")
    assert modified(top) == (f"{SITE}/flask/locale/de/y.mo",)


def test_what_is_gone_is_not_modified(top: Path) -> None:
    (top / INIT).unlink()
    assert modified(top) == ()


def test_symlinks_are_not_followed(top: Path, tmp_path: Path) -> None:
    install(top, "flask-3.1.3", files={"flask/data/a.txt": "a", "flask/b.txt": "b"})
    elsewhere = tmp_path / "elsewhere"
    declare(elsewhere, {"a.txt": "another", "mine.txt": "x"})
    site = top / SITE / "flask"
    (site / "data/a.txt").unlink()
    (site / "data").rmdir()
    (site / "data").symlink_to(elsewhere)
    (site / "b.txt").unlink()
    (site / "b.txt").symlink_to(elsewhere / "a.txt")
    assert modified(top) == ()


def test_names_with_commas_and_quotes_are_read(top: Path) -> None:
    record = top / SITE / "flask-3.1.3.dist-info/RECORD"
    row = f'"flask/a,b.txt",{digest("text")},4\n'
    record.write_text(record.read_text() + row)
    aged(record, BEGUN)
    put(top, f"{SITE}/flask/a,b.txt", "text")
    assert modified(top) == ()
    put(top, f"{SITE}/flask/a,b.txt", "other text")
    assert modified(top) == (f"{SITE}/flask/a,b.txt",)


@pytest.mark.parametrize("text", ["one", "another"])
def test_what_two_distributions_brought_is_as_one_of_them_says(top: Path, text: str) -> None:
    install(top, "flask-3.1.3", files={"shared/x.py": "one"})
    install(top, "click-8.5.1", files={"shared/x.py": "another"})
    put(top, f"{SITE}/shared/x.py", text)
    assert modified(top) == ()
    put(top, f"{SITE}/shared/x.py", "a third one")
    assert modified(top) == (f"{SITE}/shared/x.py",)


def test_of_a_package_without_a_record_nothing_is_known(top: Path) -> None:
    declare(
        top / SITE,
        {
            "click-8.5.1.dist-info/top_level.txt": "click\n",
            "click/sub/x.py": "x",
            "click/y.py": "y",
        },
    )
    (top / SITE / "click-8.5.1.dist-info/RECORD").unlink()
    (top / "bin/click").unlink()
    install(top, "flask-3.1.3", files={"click/of_flask.py": "x"})
    assert modified(top) == ()


def test_several_environments_say_in_which_of_them_it_is(tmp_path: Path) -> None:
    declare(tmp_path, {"noxfile.py": 'session.install("flask")\n'})
    environment(tmp_path / ".nox/tests", {"flask-3.1.3": ()})
    assert modified(tmp_path / ".nox", "nox") == ()
    put(tmp_path / ".nox/tests", f"{SITE}/flask/mine.py", "x")
    assert modified(tmp_path / ".nox", "nox") == (f"tests/{SITE}/flask/mine.py",)


def test_packages_of_pep_582_are_compared_too(tmp_path: Path) -> None:
    declare(tmp_path, {"pyproject.toml": '[project]\nname = "x"\ndependencies = ["flask"]\n'})
    site = tmp_path / "__pypackages__/3.11/lib"
    text = f"flask/__init__.py,{digest('x')},1\nflask-3.1.3.dist-info/RECORD,,\n"
    declare(site, {"flask/__init__.py": "x", "flask-3.1.3.dist-info": {"RECORD": text}})
    artifact = tmp_path / "__pypackages__"

    def found() -> tuple[str, ...]:
        project = str(tmp_path)
        return look_of("pypackages")(str(artifact), project, project, StatCache()).modified

    assert found() == ()
    (site / "flask/__init__.py").write_text("mine")
    assert found() == ("3.11/lib/flask/__init__.py",)
