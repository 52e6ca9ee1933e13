"""What looks like an artifact, or is one with something in it that no tool makes, and is kept; and the commands that work."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from support.git import git
from support.judges import DELETE, judge, verdict
from support.rule_trees import TAG, TREES
from support.trees import Declared, declare

NOT_MADE: Final[Mapping[str, tuple[str, Declared]]] = {
    "scripts beside Package.swift": (".build", {"Package.swift": "", ".build/release.sh": "x"}),
    "models in a Unity project": (
        "Obj",
        {
            "ProjectSettings/ProjectVersion.txt": "",
            "Assets/a.cs": "",
            "Obj/hero.obj": "v 0 0 0",
        },
    ),
    "results beside Package.swift and CMakeLists.txt": (
        "build",
        {"CMakeLists.txt": "", "build/results/run1.h5": "x"},
    ),
    "a .NET project's scripts": ("bin", {"A.csproj": "", "bin/deploy.sh": "x"}),
    "meshes beside a .NET project": ("obj", {"A.csproj": "", "obj/teapot.obj": "v 0 0 0"}),
    "a site by hand": ("dist", {"package.json": '{"scripts": {"build": "x"}}', "dist/a.html": ""}),
    "a page with a script by hand": (
        "dist",
        {
            "package.json": '{"scripts": {"build": "x"}}',
            "dist/a.js": "function greet() {\n  alert('hello');\n}\n",
        },
    ),
    "a library beside code by hand": (
        "dist",
        {
            "package.json": '{"scripts": {"build": "tsc"}}',
            "dist/jquery-3.7.1.min.js": "/*! jQuery v3.7.1 */\n" + "(()=>{return 1})();" * 200,
            "dist/app.js": "function greet() {\n  alert('hello');\n}\n",
        },
    ),
    "resources of electron-builder": (
        "build",
        {
            "package.json": '{"scripts": {"build": "tsc"}}',
            "build/notarize.js": "exports.default = async () => {\n  await sign();\n};\n",
            "build/icon.png": "x",
            "build/z.js": "(()=>{return 1})();" * 200,
        },
    ),
    "figures": ("out", {"package.json": '{"scripts": {"build": "x"}}', "out/2024.csv": "1,2"}),
    "answers that were paid for": (".cache", {"package.json": "{}", ".cache/answers.json": "[]"}),
    "what is built by hand": ("build", {"setup.py": "", "build/release.sh": "x"}),
    "a program that is called vendor": ("vendor", {"composer.json": "{}", "vendor/lib.php": "x"}),
    "a library in vendor/bundle": ("vendor/bundle", {"Gemfile.lock": "", "vendor/bundle/a.rb": ""}),
    "logs of a game": (
        "Logs",
        {"ProjectSettings/ProjectVersion.txt": "", "Assets/a.cs": "", "Logs/session1.log": "x"},
    ),
    "plans beside a project of Unreal": ("Intermediate", {"G.uproject": "", "Intermediate/a": "x"}),
    "customers beside a crate": ("target", {"Cargo.toml": "", "target/customers.txt": "x"}),
    "customers beside sbt": ("target", {"build.sbt": "", "target/customers.txt": "x"}),
    "a site that nobody generated": ("_site", {"_config.yml": "", "_site/index.html": "by hand"}),
    "bytecode that is the program": ("__pycache__", {"__pycache__/a.py": "x = 1"}),
    **{
        f"tagged to keep it out of backups: {name}": (
            name,
            {f"{name}/CACHEDIR.TAG": TAG, f"{name}/novel": "mine"},
        )
        for name in (
            "templates",
            "temperature-data",
            "ship-building-photos",
            ".private",
            "tmp-cache",
        )
    },
}
"""A directory, and what lies around and in it."""


@pytest.mark.parametrize("name", NOT_MADE)
@pytest.mark.parametrize("ignored", [False, True], ids=["plain", "ignored"])
def test_what_no_tool_made_is_kept(tmp_path: Path, name: str, *, ignored: bool) -> None:
    directory, files = NOT_MADE[name]
    declare(tmp_path, files)
    if ignored:
        declare(tmp_path, {".gitignore": f"/{directory}/\n"})
        git(tmp_path, "init", "--quiet")
    found = judge(tmp_path, profiles=("all",), simple_rules=False)
    assert directory not in found or verdict(found[directory]) != DELETE


BESIDES: Final = {
    "results in a build tree": ("cmake/build", "results/run1.h5"),
    "a data base beside the program": ("dotnet/bin", "Debug/net8.0/app.db"),
    "users": ("js/dist", "data/users.sqlite"),
    "what users uploaded": ("js/dist", "uploads/1"),
    "passwords": ("js/dist", ".env"),
    "a data base beside the server": ("js/next", "standalone/data.db"),
    "credentials of exports": ("godot/godot", "export_credentials.cfg"),
    "the state of components": ("iac/serverless", "Template.dev.json"),
    "the pipeline": ("iac/aws-sam", "pipeline/pipelineconfig.toml"),
    "the project's configuration": ("python/pixi", "config.toml"),
    "what reads crash reports": ("java/gradle-build", "outputs/mapping/release/mapping.txt"),
    "a bundle that was released": ("java/gradle-build", "outputs/bundle/release/app.aab"),
    "an app that was released": ("java/gradle-build", "outputs/apk/release/app-release.apk"),
    "a wheel of an earlier version": ("python/dist", "pk_x-1.1.0-py3-none-any.whl"),
    "a wheel for another system": ("python/dist", "pk_x-1.2.0-cp311-cp311-win_amd64.whl"),
    "a signature": ("python/dist", "pk_x-1.2.0.tar.gz.asc"),
    "an installer": ("python/dist", "setup-x.exe"),
    "a module whose source is gone": ("python/build", "lib/pk/gone.py"),
    "a key pair of a program": ("rust/target", "deploy/program-keypair.json"),
    "the address of a program": ("rust/target", "sbf/deploy/id.json"),
    "scenes after a crash": ("unity/temp", "__Backupscenes/0.backup"),
    "the program in the environment": ("python/venv", "src/main.py"),
    "the link to a team": ("js/turbo", "config.json"),
    "a data base of a Flutter program": ("flutter/dart-tool", "sqflite_common_ffi/databases/a.db"),
    "another version control": ("java/maven-target", "classes/.hg/requires"),
}
"""A tree, and a file in its artifact that no tool makes again."""


@pytest.mark.parametrize("name", BESIDES)
def test_what_no_tool_makes_keeps_the_artifact_and_is_named(tmp_path: Path, name: str) -> None:
    tree, file = TREES[BESIDES[name][0]], BESIDES[name][1]
    artifact = tree.build(tmp_path / "project")
    settings = {"profiles": ("all",), "simple_rules": False}
    before = judge(tmp_path / "project", **settings)[tree.directory]
    assert verdict(before) == DELETE, before.evidence
    declare(artifact, {file: "only here"})
    found = judge(tmp_path / "project", **settings)[tree.directory]
    assert verdict(found) in {"precious", "undeclared"}, found.evidence
    doubt = found.evidence.doubt
    assert doubt is not None
    assert doubt.detail.split(" and ")[0] in {file, *map(str, Path(file).parents)}


COMMANDS: Final[Mapping[str, tuple[str, Mapping[str, str], str | None]]] = {
    "the script that there is": (
        "js/dist",
        {"package.json": '{"scripts": {"build:lib": "tsc", "test": "x"}}'},
        "npm run build:lib",
    ),
    "the first script that builds": (
        "js/dist",
        {
            "package.json": '{"scripts": {"build": "echo x", "prepare": "husky", "build:lib": "tsc"}}'
        },
        "npm run build:lib",
    ),
    "scripts that build nothing": (
        "js/dist",
        {"package.json": '{"scripts": {"build": "node missing.js", "prepare": "husky"}}'},
        None,
    ),
    "no script": ("js/dist", {"package.json": "{}"}, None),
    "bytecode": ("python/pycache", {}, "python3 -m compileall -q ."),
    "options of CMake": (
        "cmake/build",
        {
            "build/CMakeCache.txt": "CMAKE_HOME_DIRECTORY:INTERNAL=@project@\n"
            "CMAKE_CACHEFILE_DIR:INTERNAL=@artifact@\n"
            "CMAKE_GENERATOR:INTERNAL=Ninja\n"
            "//Choose the type of build\nCMAKE_BUILD_TYPE:STRING=Debug\n"
            "//build the tests\nWITH_TESTS:BOOL=OFF\n"
            "//use x\nWITH_X:BOOL=ON\n"
            "//No help, variable specified on the command line.\nNAME:UNINITIALIZED=a b\n"
            "//Path to a program.\nCMAKE_AR:FILEPATH=/usr/bin/ar\nCMAKE_AR-ADVANCED:INTERNAL=1\n",
            "CMakeLists.txt": 'option(WITH_TESTS "build the tests" OFF)\n'
            'option(WITH_X "use x" OFF)\n',
        },
        (
            "cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE:STRING=Debug '-DNAME=a b' -DWITH_X:BOOL=ON"
            " && cmake --build build"
        ),
    ),
    "a preset's directory": ("cmake/any-name", {}, "cmake -S .. -B debug && cmake --build debug"),
    "a build tree of Meson that lies deeper": (
        "meson/any-name",
        {
            "out/release/meson-private/cmd_line.txt": "[options]\n",
            "out/release/meson-info/meson-info.json": '{"directories": {"source": "@project@"}}',
        },
        "meson setup release .. && meson compile -C release",
    ),
    "options of Meson": (
        "meson/builddir",
        {
            "_build/meson-private/cmd_line.txt": "[options]\nbuildtype = release\n\n[properties]\n",
            "_build/meson-info/meson-info.json": '{"directories": {"source": "@project@"}}',
        },
        "meson setup _build -Dbuildtype=release && meson compile -C _build",
    ),
}
"""A tree, what is changed in it, and the command that brings its artifact back."""


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_is_one_that_works_here(tmp_path: Path, name: str) -> None:
    tree, files, command = TREES[COMMANDS[name][0]], COMMANDS[name][1], COMMANDS[name][2]
    project = tmp_path.resolve() / "project"
    tree.build(project)
    for path, content in files.items():
        filled = content.replace("@project@", str(project))
        declare(project, {path: filled.replace("@artifact@", str(project / tree.directory))})
    found = judge(project, profiles=("all",), simple_rules=False)[tree.directory]
    assert found.evidence.regenerate == command
