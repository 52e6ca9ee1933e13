"""Whether the program knows its own commands again, and no others."""

import os
import shutil
from pathlib import Path
from typing import Final

import pytest

from cleanup_nodemodule.proof.known_commands import is_known
from cleanup_nodemodule.proof.rules import catalogue
from cleanup_nodemodule.proof.stat_cache import StatCache
from support.families import some_slow
from support.judges import judge
from support.rule_trees import TREES
from support.trees import declare

RULES: Final = {rule.id: rule for rule in catalogue()}


def known(rule: str, command: str, artifact: Path, place: Path | None = None) -> bool:
    """Return whether it is a command for *artifact*."""
    where = str(place or artifact.parent)
    return is_known(RULES[rule], command, str(artifact), where, StatCache())


@pytest.mark.parametrize("name", some_slow(TREES, 4))
def test_what_a_run_writes_down_for_each_rule_is_known_again(tmp_path: Path, name: str) -> None:
    """When the artifact is gone, from which much of it was read."""
    tree = TREES[name]
    artifact = tree.build(tmp_path / "project")
    found = judge(tmp_path / "project", profiles=("all",), simple_rules=False)[tree.directory]
    told = found.evidence
    shutil.rmtree(artifact)
    if told.regenerate is None:
        assert told.regenerate_in is None
        return
    assert told.rule is not None
    place = Path(told.regenerate_in or told.project)
    assert known(told.rule, told.regenerate, artifact, place), told.regenerate
    for altered in (
        f"{told.regenerate}; rm -rf x",
        f"{told.regenerate} && rm -rf x",
        f"{told.regenerate}\nrm -rf x",
        f"{told.regenerate} --prefix=/tmp/x",
        f"PATH=/tmp/x {told.regenerate}",
        f"cd /tmp/x && {told.regenerate}",
        f" {told.regenerate}",
    ):
        assert not known(told.rule, altered, artifact, place), altered
    assert not known(told.rule, told.regenerate, artifact, tmp_path / "elsewhere")
    assert not known(told.rule, told.regenerate, artifact, artifact)
    assert not known(told.rule, told.regenerate, place / "x" / ".." / artifact.name, place)


VENV: Final = "python3 -m venv .venv"
PIP: Final = ".venv/bin/pip install"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with files that pip takes."""
    declare(
        tmp_path,
        {
            "pyproject.toml": "",
            "requirements.txt": "",
            "dev requirements.txt": "",
            "requirements": {"dev.txt": ""},
            "notes.txt": "",
            "requirements-link.txt": Path("/etc/passwd"),
        },
    )
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        VENV,
        f"{VENV} && {PIP} -r requirements.txt",
        f"{VENV} && {PIP} -r requirements.txt -r requirements/dev.txt -r 'dev requirements.txt'",
        f"{VENV} && {PIP} -e .",
        f"{VENV} && {PIP} -e '.[dev]'",
        f"{VENV} && {PIP} -r requirements.txt -e '.[dev,test]'",
        f"{VENV} && {PIP} --upgrade pip && {PIP} -e . --group dev",
        f"python3 -m venv --system-site-packages .venv && {PIP} -e .",
        "py -m venv .venv && .venv\\Scripts\\pip install -e .",
        "uv venv .venv && uv pip install -r requirements.txt",
        "uv venv --system-site-packages .venv && uv pip install -e '.[dev]'",
        "uv sync --frozen --extra dev --group test --all-packages",
        "uv sync",
        "uv venv .venv && uv pip sync --python .venv pylock.toml",
        "POETRY_VIRTUALENVS_IN_PROJECT=true poetry install --extras dev --with test",
        "pdm sync -G dev",
        "PIPENV_VENV_IN_PROJECT=1 pipenv sync --dev",
        f"uv sync --frozen && {PIP} -r requirements.txt",
    ],
)
def test_the_commands_for_a_python_environment_are_known(project: Path, command: str) -> None:
    assert known("python/venv", command, project / ".venv")


@pytest.mark.parametrize(
    "command",
    [
        f"{VENV} && {PIP} -r requirements.txt; rm -rf x",
        f"{VENV} && {PIP} -r requirements.txt && rm -rf x",
        f"{VENV} && {PIP} -r requirements.txt & rm -rf x",
        f"{VENV} && {PIP} -r requirements.txt\nrm -rf x",
        f"{VENV} && {PIP} -r requirements.txt || rm -rf x",
        f"{VENV} && {PIP} -r requirements.txt > x",
        f"{VENV} && {PIP} -r $(rm -rf x)",
        f"{VENV} && {PIP} -r `rm -rf x`",
        f"{VENV} && {PIP} -r requirements.txt evil",
        f"{VENV} && {PIP} evil",
        f"{VENV} && {PIP} -e /tmp/evil",
        f"{VENV} && {PIP} -e ../evil",
        f"{VENV} && {PIP} -e '.[dev]' evil",
        f"{VENV} && {PIP} -e '.[$(rm -rf x)]'",
        f"{VENV} && {PIP} -r /tmp/requirements.txt",
        f"{VENV} && {PIP} -r ../requirements.txt",
        f"{VENV} && {PIP} -r requirements/../requirements/dev.txt",
        f"{VENV} && {PIP} -r requirements-gone.txt",
        f"{VENV} && {PIP} -r requirements-link.txt",
        f"{VENV} && {PIP} -r notes.txt",
        f"{VENV} && {PIP} --index-url=http://evil -r requirements.txt",
        f"{VENV} && {PIP} -i http://evil -r requirements.txt",
        f"{VENV} && {PIP} --target /tmp -r requirements.txt",
        f"{VENV} && {PIP} --group -x",
        f"{VENV} && {PIP}",
        f"{PIP} -r requirements.txt",
        "python3 -m venv venv && venv/bin/pip install -r requirements.txt",
        f"python3 -m venv /tmp/x && {PIP} -r requirements.txt",
        f"{VENV} && /tmp/pip install -r requirements.txt",
        f"python3 -m venv --upgrade .venv && {PIP} -e .",
        "python3 -m evil .venv",
        "uv sync --frozen --index http://evil",
        "uv sync --extra $(evil)",
        "uv sync --extra -x",
        "uv sync --extra",
        "pdm sync --project /tmp",
        "poetry install --dev 'x",
        "UV_INDEX=http://evil uv sync",
        "",
        "'",
        "&&",
    ],
)
def test_an_altered_command_for_a_python_environment_is_not(project: Path, command: str) -> None:
    assert not known("python/venv", command, project / ".venv")


def test_a_rule_makes_no_command_for_what_is_called_otherwise(project: Path) -> None:
    assert known("python/venv", "python3 -m venv venv", project / "venv")
    assert not known("python/venv", "python3 -m venv x", project / "x")


@pytest.mark.parametrize(
    "options",
    [
        "",
        "-G Ninja",
        "-G 'Eclipse CDT4 - Ninja'",
        "-DCMAKE_BUILD_TYPE:STRING=Release -DWITH_TESTS:BOOL=ON -DNAME=word",
        "'-DCMAKE_CXX_FLAGS:STRING=-O2 -g -Wall -std=c++20 -DNDEBUG -march=native'",
        "-DCMAKE_INSTALL_PREFIX:PATH=/usr -DCMAKE_TOOLCHAIN_FILE:FILEPATH=cmake/arm.cmake",
        "-DCMAKE_C_COMPILER=clang-18 -DCMAKE_CXX_STANDARD=20",
        "'-DLLVM_ENABLE_PROJECTS:STRING=clang;lld'",
    ],
)
def test_cmake_with_options_is_known(tmp_path: Path, options: str) -> None:
    declare(tmp_path, {"CMakeLists.txt": ""})
    command = f"cmake -S . -B build {options}".rstrip() + " && cmake --build build"
    assert known("cmake/build", command, tmp_path / "build")


@pytest.mark.parametrize(
    "options",
    [
        "-DCMAKE_C_COMPILER=/tmp/evil",
        "-DCMAKE_C_COMPILER=rm",
        "'-DCMAKE_C_COMPILER_LAUNCHER=rm;-rf'",
        "-DCMAKE_PROJECT_INCLUDE=evil.cmake",
        "-DCMAKE_TOOLCHAIN_FILE=/tmp/evil.cmake",
        "-DCMAKE_TOOLCHAIN_FILE=../evil.cmake",
        "-DCMAKE_PREFIX_PATH=/tmp/evil",
        "'-DCMAKE_PREFIX_PATH=/usr;/tmp/evil'",
        "-DCMAKE_C_FLAGS=-fplugin=/tmp/evil.so",
        "-DCMAKE_C_FLAGS=-B/tmp/evil",
        "-DCMAKE_C_FLAGS=-wrapper,rm",
        "-DGIT_EXECUTABLE=rm",
        "-DFETCHCONTENT_SOURCE_DIR_X=/tmp/evil",
        "-D",
        "-DX",
        "-DX=$(evil)",
        "'-DX=$(evil)'",
        "-P /tmp/evil.cmake",
        "-C /tmp/evil.cmake",
        "--toolchain /tmp/evil.cmake",
        "-G /tmp/evil",
        "-G",
    ],
)
def test_cmake_with_options_that_run_something_else_is_not(tmp_path: Path, options: str) -> None:
    declare(tmp_path, {"CMakeLists.txt": "", "other": {}})
    command = f"cmake -S . -B build {options} && cmake --build build"
    assert not known("cmake/build", command, tmp_path / "build")
    if options.startswith(("-DX=$", "-D", "'-D")):
        assert not known(
            "meson/builddir",
            f"meson setup build {options} && meson compile -C build",
            tmp_path / "build",
        )


def test_cmake_and_meson_build_only_from_sources_around_the_artifact(tmp_path: Path) -> None:
    declare(tmp_path, {"app": {"CMakeLists.txt": "", "meson.build": ""}, "CMakeLists.txt": ""})
    build = tmp_path / "app/build"
    for source, fine in ((".", True), ("..", True), ("../..", False), ("/usr", False), ("", False)):
        command = f"cmake -S {source} -B build -DX=1 && cmake --build build"
        assert known("cmake/build", command, build) is fine, command
        command = f"meson setup build {source} -DX=1 && meson compile -C build"
        # Where it is the project itself, it is not named.
        assert not known("meson/builddir", command, build), command


@pytest.mark.parametrize(
    ("options", "fine"),
    [
        ("", True),
        ("-Dbuildtype=release -Dsub:feature=enabled -Dprefix=/usr", True),
        ("'-Dc_args=['\"'\"'-O2'\"'\"', '\"'\"'-DX=1'\"'\"']'", True),
        ("-Dc_args=-B/tmp/evil", False),
        ("-Dpkg_config_path=/tmp/evil", False),
        ("--cross-file /tmp/evil", False),
        ("--native-file evil", False),
    ],
)
def test_meson_with_options_is_known_if_they_run_nothing_else(
    tmp_path: Path, options: str, *, fine: bool
) -> None:
    declare(tmp_path, {"meson.build": ""})
    command = f"meson setup build {options}".rstrip() + " && meson compile -C build"
    assert known("meson/builddir", command, tmp_path / "build") is fine


def test_a_script_counts_only_if_package_json_has_it(tmp_path: Path) -> None:
    declare(
        tmp_path, {"package.json": '{"scripts": {"build": "tsc", "build:a b": "x", "evil": ""}}'}
    )
    rule = next(
        rule.id
        for rule in catalogue()
        if rule.directory == "dist" and rule.ecosystem == "js" and rule.regenerate
    )
    artifact = tmp_path / "dist"
    assert known(rule, "npm run build", artifact)
    assert known(rule, "npm run 'build:a b'", artifact)
    for command in (
        "npm run evil",
        "npm run build:gone",
        "npm run build -- --x",
        "npm run build:a b",
    ):
        assert not known(rule, command, artifact), command
    os.unlink(tmp_path / "package.json")
    assert not known(rule, "npm run build", artifact)


@pytest.mark.parametrize("name", ["data", "build", "target", "dist", "venv", "node_modules"])
def test_no_command_is_made_up_for_what_no_rule_proves(tmp_path: Path, name: str) -> None:
    """Though the user says that the directory may go."""
    declare(tmp_path, {name: {"a.csv": "1,2", "b.csv": "3"}})
    found = judge(tmp_path, targets=(name,), profiles=("all",), simple_rules=False)[name]
    assert (found.evidence.regenerate, found.evidence.regenerate_in) == (None, None)
