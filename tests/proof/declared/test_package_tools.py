"""Packages that real tools installed, deleted and brought back by the printed command: where these tools are."""

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cleanup_nodemodule.proof.declared import look_of
from cleanup_nodemodule.proof.stat_cache import StatCache
from support.trees import declare, listing

pytestmark = pytest.mark.slow


def run(place: Path, *command: str) -> None:
    """Run a program without any network; skip if it is not there."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not here")
    variables = {
        **os.environ,
        "HOME": str(place.parent),
        "COMPOSER_ALLOW_SUPERUSER": "1",
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
        "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", os.path.expanduser("~/.rustup")),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
    }
    done = subprocess.run(
        command, cwd=place, env=variables, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, (command, (done.stdout + done.stderr)[-2000:])


def composer(project: Path) -> str:
    run(project, "composer", "--version")
    package = {"name": "acme/log", "version": "1.0.0", "bin": ["bin/log"]}
    with zipfile.ZipFile(project / "log.zip", "w") as archive:
        archive.writestr("composer.json", json.dumps(package))
        archive.writestr("bin/log", "#!/usr/bin/env php\n<?php\n")
    repositories = [{"type": "artifact", "url": "."}, {"packagist.org": False}]
    manifest = {"repositories": repositories, "require": {"acme/log": "*"}}
    declare(project, {"composer.json": json.dumps(manifest)})
    run(project, "composer", "install", "--no-interaction", "--quiet")
    return "vendor"


def bundler(project: Path) -> str:
    run(project, "bundle", "--version")
    specification = (
        "Gem::Specification.new do |s|\n  s.name = 'acme'\n  s.version = '1.2.0'\n"
        "  s.summary = 'x'\n  s.authors = ['x']\n  s.files = ['lib/acme.rb']\nend\n"
    )
    declare(project / "gem", {"acme.gemspec": specification, "lib/acme.rb": ""})
    run(project / "gem", "gem", "build", "--quiet", "acme.gemspec")
    served = project.parent / "index"
    (served / "gems").mkdir(parents=True)
    shutil.move(project / "gem/acme-1.2.0.gem", served / "gems")
    run(served, "gem", "generate_index", "--quiet", "--directory", ".")
    declare(project, {"Gemfile": f'source "file://{served}"\ngem "acme"\n'})
    run(project, "bundle", "config", "set", "--local", "path", "vendor/bundle")
    run(project, "bundle", "install", "--quiet")
    return "vendor/bundle"


def mix(project: Path) -> str:
    run(project, "mix", "--version")
    module = 'defmodule {0}.MixProject do\n  use Mix.Project\n  def project, do: [app: :{1}, version: "0.1.0", deps: [{2}]]\nend\n'
    other = project.parent / "acme"
    declare(other, {"mix.exs": module.format("Acme", "acme", "")})
    committed(other)
    declare(
        project, {"mix.exs": module.format("Demo", "demo", f'{{:acme, git: "file://{other}"}}')}
    )
    run(project, "mix", "deps.get")
    return "deps"


def go(project: Path) -> str:
    declare(
        project,
        {
            "go.mod": "module demo.example/demo\n\ngo 1.21\n\nrequire acme.example/log v1.0.0\n\n"
            "replace acme.example/log => ./log\n",
            "main.go": 'package main\n\nimport _ "acme.example/log"\n\nfunc main() {}\n',
            "log/go.mod": "module acme.example/log\n\ngo 1.21\n",
            "log/log.go": "package log\n",
        },
    )
    run(project, "go", "mod", "vendor")
    return "vendor"


def cargo(project: Path) -> str:
    other = project.parent / "acme"
    package = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2021"\n'
    declare(other, {"Cargo.toml": package.format("acme"), "src/lib.rs": ""})
    committed(other)
    declare(
        project,
        {
            "Cargo.toml": f'{package.format("demo")}[dependencies]\nacme = {{ git = "file://{other}" }}\n',
            "src/main.rs": "fn main() {}\n",
        },
    )
    run(project, "cargo", "vendor", "--quiet")
    return "vendor"


def committed(place: Path) -> None:
    run(place, "git", "init", "--quiet")
    run(place, "git", "add", "--all")
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    run(place, "git", *who, "commit", "--quiet", "--message", "x")


TOOLS = {"composer": composer, "bundler": bundler, "mix": mix, "go": go, "cargo": cargo}


@pytest.mark.parametrize("kind", TOOLS)
def test_what_it_installs_comes_back_by_the_command(kind: str, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    make: Callable[[Path], str] = TOOLS[kind]
    artifact = project / make(project)

    def look() -> tuple[tuple[str, ...], str | None, str | None]:
        found = look_of(kind)(str(artifact), str(project), str(tmp_path), StatCache())
        assert found.made_by is not None
        assert found.finished > 0
        return found.undeclared, found.missing, found.command

    undeclared, missing, command = look()
    assert (undeclared, missing) == ((), None)
    before = [name for name in listing(artifact) if b".git/" not in name]
    declare(artifact, {"own/notes.txt": "x"})
    assert "own" in look()[0]
    shutil.rmtree(artifact)
    assert command is not None
    run(project, "sh", "-c", command)
    assert [name for name in listing(artifact) if b".git/" not in name] == before
    assert look()[:2] == ((), None)
