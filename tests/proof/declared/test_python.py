"""Each question about a virtual environment, answered and failed in turn."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cleanup_nodemodule.proof.declared import Declared, is_part_of
from cleanup_nodemodule.proof.declared.python import look
from cleanup_nodemodule.proof.stat_cache import StatCache
from support.environments import BEGUN, SITE, VENV, environment, install
from support.trees import declare

FLASK: Mapping[str, tuple[str, ...]] = {
    "flask-3.1.3": ("click>=8", 'greenlet>=1; extra == "async"'),
    "click-8.5.1": (),
}

UV_LOCK = """version = 1

[[package]]
name = "click"
version = "8.5.1"

[[package]]
name = "demo"
version = "0.1"
source = { editable = "." }
dependencies = [{ name = "flask" }]

[[package]]
name = "flask"
version = "3.1.3"
"""


def looked(project: Path, name: str = ".venv", boundary: Path | None = None) -> Declared:
    return look(str(project / name), str(project), str(boundary or project), StatCache())


def test_what_a_requirements_file_leads_to_comes_back(tmp_path: Path) -> None:
    declare(tmp_path, {"requirements.txt": "Flask==3.1.3  # the web\n"})
    environment(tmp_path / ".venv", FLASK)
    found = looked(tmp_path)
    assert found == Declared(
        made_by="venv: pyvenv.cfg inside",
        facts=("2 distributions, all declared by requirements.txt",),
        command="python3 -m venv .venv && .venv/bin/pip install -r requirements.txt",
        command_in=str(tmp_path),
        finished=BEGUN,
    )
    assert found.comes_back


def test_without_its_mark_nobody_made_it(tmp_path: Path) -> None:
    declare(tmp_path, {"requirements.txt": "flask\n"})
    top = environment(tmp_path / ".venv", FLASK)
    (top / "pyvenv.cfg").write_text("[settings]\n")
    assert looked(tmp_path).made_by is None
    (top / "pyvenv.cfg").unlink()
    assert looked(tmp_path).made_by is None


@pytest.mark.parametrize(
    ("settings", "maker"), [("uv = 0.13.9\n", "uv"), ("virtualenv = 21.15\n", "virtualenv")]
)
def test_the_maker_writes_its_name(tmp_path: Path, settings: str, maker: str) -> None:
    environment(tmp_path / ".venv", {}, settings=VENV + settings)
    assert looked(tmp_path).made_by == f"{maker}: pyvenv.cfg inside"


@pytest.mark.parametrize(
    "beside",
    [
        {},
        {"pyproject.toml": "[tool.ruff]\nline-length = 100\n"},
        {"requirements.txt": "# nothing yet\n"},
        {"pyproject.toml": "no [toml"},
    ],
)
def test_what_declares_nothing_brings_nothing_back(
    tmp_path: Path, beside: dict[str | bytes, Any]
) -> None:
    declare(tmp_path, beside)
    environment(tmp_path / ".venv", FLASK)
    assert looked(tmp_path).missing == "no file that declares what is installed"


def test_a_new_environment_needs_nothing_declared(tmp_path: Path) -> None:
    environment(
        tmp_path / "my env",
        {"setuptools-65.5.0": (), "wheel-0.48": ("packaging",), "packaging-26": ()},
    )
    found = looked(tmp_path, "my env")
    assert found.comes_back
    assert found.command == "python3 -m venv 'my env'"


def test_what_no_file_leads_to_is_undeclared(tmp_path: Path) -> None:
    declare(tmp_path, {"requirements-docs.txt": "click\n"})
    environment(tmp_path / ".venv", {**FLASK, "Acme.Tools-1.0": ()})
    assert looked(tmp_path).undeclared == ("acme-tools", "flask")


def test_an_extra_counts_only_if_it_is_asked_for(tmp_path: Path) -> None:
    declare(tmp_path, {"requirements.txt": "flask\n"})
    environment(tmp_path / ".venv", {**FLASK, "greenlet-3.1": ()})
    assert looked(tmp_path).undeclared == ("greenlet",)
    declare(tmp_path, {"requirements.txt": "flask[async]\n"})
    assert looked(tmp_path).comes_back


def test_several_requirements_files_are_named_if_it_takes_them(tmp_path: Path) -> None:
    declare(
        tmp_path,
        {
            "requirements.txt": "flask\n",
            "requirements-dev.txt": "-r requirements.txt\npytest\n",
            "requirements/docs.txt": "sphinx\n",
            "constraints.txt": "acme\n",
        },
    )
    environment(tmp_path / ".venv", {**FLASK, "pytest-9.2.0": ()})
    found = looked(tmp_path)
    assert found.command is not None
    assert found.command.endswith("pip install -r requirements.txt -r requirements-dev.txt")
    declare(tmp_path, {"requirements.txt": "-c constraints.txt\nflask\n"})
    environment(tmp_path / "venv", {**FLASK, "acme-1": ()})
    assert looked(tmp_path, "venv").undeclared == ("acme",)


def test_a_requirements_file_of_powershell_is_read(tmp_path: Path) -> None:
    declare(tmp_path, {"requirements.txt": "flask==3.1.3\r\nclick==8.5.1\r\n".encode("utf-16")})
    environment(tmp_path / ".venv", FLASK)
    assert looked(tmp_path).comes_back


def test_a_lock_file_names_everything(tmp_path: Path) -> None:
    declare(
        tmp_path,
        {"uv.lock": UV_LOCK, "pyproject.toml": '[project]\nname = "demo"\nversion = "0.1"\n'},
    )
    environment(tmp_path / ".venv", FLASK, settings=VENV + "uv = 1\n", installer="uv")
    install(
        tmp_path / ".venv",
        "demo-0.1",
        ["flask"],
        direct={"url": tmp_path.as_uri(), "dir_info": {"editable": True}},
    )
    found = looked(tmp_path)
    assert found.facts == ("3 distributions, all declared by uv.lock",)
    assert found.command == "uv sync --frozen"
    install(tmp_path / ".venv", "acme-1.0")
    assert looked(tmp_path).undeclared == ("acme",)
    declare(tmp_path, {"requirements-local.txt": "acme\n"})
    assert (
        looked(tmp_path).command == "uv sync --frozen && uv pip install -r requirements-local.txt"
    )


def test_another_version_than_in_the_lock_file_is_said(tmp_path: Path) -> None:
    declare(tmp_path, {"uv.lock": UV_LOCK.replace("8.5.1", "8.5.0")})
    environment(tmp_path / ".venv", FLASK, installer="uv")
    assert looked(tmp_path).warnings == ("1 distribution has another version than in uv.lock",)


def test_the_environment_has_its_own_name_in_the_command(tmp_path: Path) -> None:
    declare(tmp_path, {"uv.lock": UV_LOCK})
    environment(tmp_path / "env", FLASK, installer="uv")
    assert looked(tmp_path, "env").command == "UV_PROJECT_ENVIRONMENT=env uv sync --frozen"


def test_groups_that_are_not_installed_by_themselves_are_asked_for(tmp_path: Path) -> None:
    declare(
        tmp_path,
        {
            "uv.lock": UV_LOCK + '\n[[package]]\nname = "sphinx"\n\n[[package]]\nname = "pytest"\n',
            "pyproject.toml": """[project]
name = "demo"
dependencies = ["flask"]
[project.optional-dependencies]
unused = ["numpy"]
[dependency-groups]
dev = ["pytest"]
docs = [{include-group = "dev"}, "sphinx"]
""",
        },
    )
    environment(tmp_path / ".venv", {**FLASK, "sphinx-9": (), "pytest-9": ()}, installer="uv")
    assert looked(tmp_path).command == "uv sync --frozen --group docs"


def test_a_project_that_is_installed_declares_what_it_needs(tmp_path: Path) -> None:
    declare(
        tmp_path,
        {
            "setup.py": 'from setuptools import setup\nDEV = ["pytest"]\n'
            'setup(name="demo", install_requires=["flask"], extras_require={"dev": DEV})\n'
        },
    )
    environment(tmp_path / "venv", {**FLASK, "pytest-9": ()})
    install(tmp_path / "venv", "demo-0.1", direct={"url": tmp_path.as_uri(), "dir_info": {}})
    assert (
        looked(tmp_path, "venv").command
        == "python3 -m venv venv && venv/bin/pip install -e '.[dev]'"
    )


def test_what_is_linked_from_outside_is_undeclared(tmp_path: Path) -> None:
    declare(tmp_path, {"app/requirements.txt": "flask\nacme\n", "acme/setup.py": ""})
    project = tmp_path / "app"
    environment(project / ".venv", FLASK)
    direct = {"url": (tmp_path / "acme").as_uri(), "dir_info": {"editable": True}}
    install(project / ".venv", "acme-1.0", direct=direct)
    assert looked(project).undeclared == ("acme",)
    assert looked(project, boundary=tmp_path).undeclared == ("acme",)
    declare(project, {"requirements.txt": "flask\n-e ../acme\n"})
    assert looked(project, boundary=tmp_path).comes_back
    assert looked(project).undeclared == ("acme",)


def test_a_place_that_is_gone_is_missing(tmp_path: Path) -> None:
    declare(tmp_path, {"requirements.txt": "flask\n./wheels/acme-1.0-py3-none-any.whl\n"})
    environment(tmp_path / ".venv", FLASK)
    wheel = tmp_path / "wheels/acme-1.0-py3-none-any.whl"
    install(tmp_path / ".venv", "acme-1.0", direct={"url": wheel.as_uri(), "archive_info": {}})
    assert looked(tmp_path).missing == "no wheels/acme-1.0-py3-none-any.whl, where acme came from"
    declare(tmp_path, {"wheels/acme-1.0-py3-none-any.whl": "x"})
    assert looked(tmp_path).comes_back


def test_a_fork_has_to_be_declared_by_where_it_lies(tmp_path: Path) -> None:
    declare(tmp_path, {"requirements.txt": "flask\nacme\n"})
    environment(tmp_path / ".venv", FLASK)
    direct = {"url": "https://git.example/me/acme.git", "vcs_info": {"vcs": "git"}}
    install(tmp_path / ".venv", "acme-1.0", direct=direct)
    assert looked(tmp_path).undeclared == ("acme",)
    declare(tmp_path, {"requirements.txt": "flask\nacme @ git+ssh://git@git.example/me/acme\n"})
    assert looked(tmp_path).comes_back


@pytest.mark.parametrize(
    ("put", "named"),
    [
        ("src/main.py", "src"),
        ("manage.py", "manage.py"),
        ("myproject/settings.py", "myproject"),
        ("bin/deploy.sh", "bin/deploy.sh"),
        ("bin/python-run.sh", "bin/python-run.sh"),
        ("bin/wheel-of-time.txt", "bin/wheel-of-time.txt"),
        ("lib/python-work/x.py", "lib/python-work"),
        (f"{SITE}/~mine/x.py", "~mine"),
        ("lib/node_modules/x/index.js", "lib/node_modules"),
        ("lib/python3.11/sitecustomize.py", "lib/python3.11/sitecustomize.py"),
        (f"{SITE}/mymodule.py", "mymodule.py"),
        (f"{SITE}/acme/__init__.py", "acme"),
        (f"{SITE}/mine.pth", "mine.pth"),
        ("share/photos/1.jpg", "share/photos"),
        ("etc/app.conf", "etc/app.conf"),
    ],
)
def test_what_nobody_installed_is_undeclared(tmp_path: Path, put: str, named: str) -> None:
    declare(tmp_path, {"requirements.txt": "flask\n"})
    top = environment(tmp_path / "venv", FLASK)
    declare(top, {put: "x"})
    found = looked(tmp_path, "venv")
    assert found.undeclared == (named,)
    assert not found.comes_back


def test_what_tools_leave_is_no_stranger(tmp_path: Path) -> None:
    declare(tmp_path, {"requirements.txt": "flask\n"})
    top = environment(tmp_path / "venv", FLASK)
    files = {
        "../../../share/man/man1/x.1": "x",
        "../../../etc/x/x.conf": "x",
        "zz.py": "x",
        "a b,c/d.py": "x",
    }
    install(
        top,
        "flask-3.1.3",
        ["click"],
        files={name: text for name, text in files.items() if "," not in name},
    )
    declare(
        top,
        {
            "src": {},
            ".lock": "",
            ".project": str(tmp_path),
            f"{SITE}/__pycache__/zz.cpython-311.pyc": "x",
            f"{SITE}/_virtualenv.py": "x",
            f"{SITE}/pip-26.3.virtualenv": "",
            f"{SITE}/~lask/x.py": "x",
            f"{SITE}/gone/sub/__pycache__/x.cpython-311.pyc": "x",
            "bin/demo": "#!python\n# EASY-INSTALL-DEV-SCRIPT: 'demo==1','demo'\n",
            "bin/python3.11": "x",
        },
    )
    assert looked(tmp_path, "venv").undeclared == ()


def test_records_that_are_in_no_order_count_too(tmp_path: Path) -> None:
    declare(tmp_path, {"requirements.txt": "flask\n"})
    top = environment(tmp_path / ".venv", FLASK)
    site = top / SITE
    (site / "middle.py").write_text("x")
    record = site / "flask-3.1.3.dist-info/RECORD"
    record.write_text(f"flask/a.py,,\nmiddle.py,,\n{record.read_text()}")
    assert looked(tmp_path).undeclared == ()


def test_an_environment_of_windows_gets_its_own_command(tmp_path: Path) -> None:
    declare(
        tmp_path,
        {
            "requirements.txt": "flask\n",
            "venv/pyvenv.cfg": VENV,
            "venv/Scripts/python.exe": "x",
            "venv/Scripts/flask.exe": "x",
            "venv/Lib/site-packages/flask/__init__.py": "x",
            "venv/Lib/site-packages/flask-3.dist-info/RECORD": "../../Scripts/flask.exe,,\r\nflask/__init__.py,,\r\n",
        },
    )
    found = looked(tmp_path, "venv")
    assert found.undeclared == ()
    assert found.command == "py -m venv venv && venv\\Scripts\\pip install -r requirements.txt"


def parts(
    top: Path, *paths: str, late: tuple[str, ...] = ()
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return is_part_of("python")(str(top), paths, late, StatCache())


def test_what_came_with_a_distribution_is_part_of_it(tmp_path: Path) -> None:
    top = environment(tmp_path / "venv", {})
    install(
        top, "certifi-2026", files={"certifi/cacert.pem": "-----", "certifi/data/test.sqlite": "x"}
    )
    declare(top, {f"{SITE}/certifi/users.sqlite": "x", "data/app.db": "x"})
    assert parts(
        top,
        f"{SITE}/certifi/cacert.pem",
        f"{SITE}/certifi/data",
        f"{SITE}/certifi/users.sqlite",
        "data/app.db",
    ) == ((f"{SITE}/certifi/users.sqlite", "data/app.db"), ())


def test_what_was_edited_is_modified(tmp_path: Path) -> None:
    top = environment(tmp_path / "venv", FLASK)
    late = (
        f"{SITE}/flask/__init__.py",
        f"{SITE}/click/__init__.py",
        f"{SITE}/click/__pycache__/__init__.cpython-311.pyc",
        f"{SITE}/click/new.py",
        "bin/activate",
        "bin/activate.fish",
        "pyvenv.cfg",
    )
    (top / SITE / "flask/__init__.py").write_text("# mine\n")
    os.utime(top / "bin/activate")
    assert parts(top, late=late) == (
        (),
        (f"{SITE}/flask/__init__.py", f"{SITE}/click/new.py", "bin/activate"),
    )


@pytest.mark.parametrize(
    ("mark", "distributions", "finished"),
    [(4e9, BEGUN, BEGUN), (BEGUN, 4e9, BEGUN), (4e9, 4e9, 1), (0, 0, 1), (0, 1e9, 10**9)],
)
def test_times_in_the_future_or_of_1970_do_not_switch_the_look_for_changes_off(
    tmp_path: Path, mark: float, distributions: float, finished: int
) -> None:
    top = environment(tmp_path / ".venv", FLASK)
    os.utime(top / "pyvenv.cfg", (mark, mark))
    for one in (top / SITE).glob("*.dist-info"):
        os.utime(one, (distributions, distributions))
    assert looked(tmp_path).finished == finished
