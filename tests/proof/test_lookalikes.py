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
    "secrets of Hardhat": ("contracts/hardhat-cache", "vars.json"),
    "addresses that were deployed": ("contracts/hardhat-artifacts", "deployed-addresses.json"),
    "a baseline of criterion": ("rust/target", "criterion/sort/v1/estimates.json"),
    "a baseline beneath new": ("rust/target", "criterion/new/before/estimates.json"),
    "what a fuzzer found": ("rust/target", "fuzz/corpus/0a1b"),
    "tables of Mnesia": ("elixir/build", "dev/Mnesia.nonode@nohost/users.DCD"),
    "a table of dets": ("elixir/build", "prod/rel/app/data.dets"),
    "settings of one place": ("dotnet/bin", "Debug/net8.0/appsettings.Production.json"),
    "a class in obj": ("dotnet/obj", "Model.cs"),
    "a class deep in obj": ("dotnet/obj", "Debug/net8.0/Model.cs"),
    "a class in target": ("java/maven-target", "Mine.java"),
    "a class among classes": ("java/maven-target", "classes/a/Mine.java"),
    "a class in Gradle's build": ("java/gradle-build", "Main.java"),
    "a script in .metals": ("scala/metals", "scratch.sc"),
    "a script in .scala-build": ("scala/scala-build", "mine.scala"),
    "a program in .bloop": ("scala/bloop", "Mine.scala"),
    "a program in Mill's out": ("scala/mill", "Mine.scala"),
    "a program in sbt's target": ("scala/target", "Mine.scala"),
    "a program in Symfony's cache": ("php/symfony-cache", "mine.php"),
    "answers in Symfony's cache": ("php/symfony-cache", "answers.json"),
    "a program in Flutter's build": ("flutter/build", "mine.dart"),
    "a program in a build tree": ("cmake/build", "main.c"),
    "a program beside opam's": ("ocaml/opam-switch", "lib/mine.ml"),
    "a script beside opam's programs": ("ocaml/opam-switch", "bin/deploy.sh"),
    "a picture of a telephone": ("js/dist", "IMG-20240101A.jpg"),
    "a thesis with a date": ("js/dist", "thesis-Final2024.pdf"),
    "a film": ("js/dist", "film-AbC12345.mp4"),
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
    assert doubt.detail.split(" and ")[0].rstrip("/") in {file, *map(str, Path(file).parents)}


MADE: Final = {
    "files of Razor, Grpc and generators": (
        "dotnet/obj",
        (
            "Debug/net8.0/A.GlobalUsings.g.cs",
            "Debug/net8.0/Protos/Greet.cs",
            "Debug/net8.0/generated/G/G/Made.cs",
            "Debug/net9.0/compressed/0a-1b.gz",
        ),
    ),
    "criterion's own directories": (
        "rust/target",
        tuple(f"criterion/sort/10/{one}/estimates.json" for one in ("base", "new", "change")),
    ),
    "what cargo's tools write": (
        "rust/target",
        ("wasm-bindgen/release/x.js", "llvm-cov/html/control.js", "release/bundle/dmg/bundle.sh"),
    ),
    "sources of annotation processors": (
        "java/gradle-build",
        (
            "generated/sources/annotationProcessor/java/main/a/B.java",
            "spotless/spotlessJava/A.java",
        ),
    ),
    "the key of debug builds": ("java/gradle-build", ("intermediates/signing/debug.keystore",)),
    "sources that sbt makes": ("scala/target", ("scala-2.13/src_managed/main/B.scala",)),
    "sources that CMake makes": (
        "cmake/build",
        ("config.h", "src/parser.tab.c", "docs/html/a.png"),
    ),
    "what is compressed for a server": ("js/dist", ("assets/index-BdK7x2Qp.js.gz",)),
}
"""A tree, and files that its tool makes in the artifact."""


@pytest.mark.parametrize("name", MADE)
def test_what_the_tool_makes_does_not_keep_it(tmp_path: Path, name: str) -> None:
    tree, files = TREES[MADE[name][0]], MADE[name][1]
    artifact = tree.build(tmp_path / "project")
    declare(artifact, dict.fromkeys(files, "made"))
    found = judge(tmp_path / "project", profiles=("all",), simple_rules=False)[tree.directory]
    assert verdict(found) == DELETE, found.evidence


def test_media_that_were_bundled_are_those_of_the_project(tmp_path: Path) -> None:
    tree = TREES["js/dist"]
    artifact = tree.build(tmp_path / "project")
    declare(artifact, {"assets/film-BdK7x2Qp.mp4": "moving"})
    declare(tmp_path / "project", {"src/media/film.mp4": "moving"})
    settings = {"profiles": ("all",), "simple_rules": False}
    assert verdict(judge(tmp_path / "project", **settings)[tree.directory]) == DELETE
    declare(tmp_path / "project", {"src/media/film.mp4": "another"})
    assert verdict(judge(tmp_path / "project", **settings)[tree.directory]) != DELETE


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
