"""The looks at packages of Composer, Bundler, Mix, Go, Cargo and others: each question answered, and failed."""

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from cleanup_nodemodule.proof.declared import Declared, is_part_of, look_of
from cleanup_nodemodule.proof.stat_cache import StatCache
from support.environments import BEGUN, aged
from support.trees import declare

Tree = Mapping[str | bytes, Any]


def archive(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return content.getvalue()


class Ecosystem(NamedTuple):
    """A tree that its tool would leave, and what fails each question."""

    artifact: str
    tree: Tree
    command: str
    mark: str
    """What is inside that its tool alone makes: without it nobody made it."""
    manifest: str
    """The file without which nothing comes back."""
    missing: str
    strangers: Mapping[str, str]
    """What somebody put there, and how it is named."""
    part: str
    """A file of a package that is called like something precious."""
    fact: str


def installed_json(*names: str, **more: Any) -> str:
    packages = [{"name": name, "install-path": f"../{name}", "bin": ["bin/log"]} for name in names]
    return json.dumps({"packages": [{**one, **more} for one in packages], "dev": True})


LIB: Final = "x"
SUM: Final = hashlib.sha256(LIB.encode()).hexdigest()
GEMS: Final = "vendor/bundle/ruby/3.1.0"

ECOSYSTEMS: Final = {
    "composer": Ecosystem(
        "vendor",
        {
            "composer.json": '{"require": {"acme/log": "*"}}',
            "composer.lock": '{"packages": [{"name": "acme/log"}], "packages-dev": []}',
            "vendor/composer/installed.json": installed_json("acme/log"),
            "vendor/composer/autoload_real.php": "",
            "vendor/composer/ClassLoader.php": "",
            "vendor/autoload.php": "",
            "vendor/bin/log": "",
            "vendor/acme/log/src/A.php": LIB,
            "vendor/acme/log/tests/a.sqlite": LIB,
        },
        "composer install",
        "composer/installed.json",
        "composer.json",
        "no composer.json",
        {
            "vendor/acme/own/x.php": "acme/own",
            "vendor/mine/x/y.php": "mine",
            "vendor/notes.txt": "notes.txt",
            "vendor/composer/mine.php": "composer/mine.php",
            "vendor/bin/deploy": "bin/deploy",
        },
        "acme/log/tests/a.sqlite",
        "1 package declared by composer.lock",
    ),
    "bundler": Ecosystem(
        "vendor/bundle",
        {
            "Gemfile": "",
            "Gemfile.lock": "GIT\n  remote: https://git.example/web.git\n  revision: f15ed5da4e4e0353\n"
            "  specs:\n    web (1.0)\n\nGEM\n  specs:\n    acme (1.2.0)\n      other\n    nokogiri (1.15.0-x86_64-linux)\n",
            f"{GEMS}/specifications/acme-1.2.0.gemspec": "",
            f"{GEMS}/specifications/nokogiri-1.15.0-x86_64-linux.gemspec": "",
            f"{GEMS}/gems/acme-1.2.0/spec/a.key": LIB,
            f"{GEMS}/gems/nokogiri-1.15.0-x86_64-linux/x.rb": LIB,
            f"{GEMS}/bundler/gems/web-f15ed5da4e4e/x.rb": LIB,
            f"{GEMS}/cache/acme-1.2.0.gem": LIB,
        },
        "BUNDLE_PATH=vendor/bundle bundle install",
        "ruby/3.1.0/specifications",
        "Gemfile.lock",
        "no Gemfile.lock",
        {
            f"{GEMS}/gems/mine-1.0/x.rb": "mine-1.0",
            f"{GEMS}/gems/other-1.0/x.rb": "other-1.0",
            f"{GEMS}/bundler/gems/web-000000000000/x.rb": "web-000000000000",
            f"{GEMS}/notes.txt": "ruby/3.1.0/notes.txt",
            "vendor/bundle/notes.txt": "notes.txt",
        },
        "ruby/3.1.0/gems/acme-1.2.0/spec/a.key",
        "3 gems, all declared by Gemfile.lock",
    ),
    "mix": Ecosystem(
        "deps",
        {
            "mix.exs": "",
            "mix.lock": '%{\n  "jason": {:hex, :jason, "1.4.1", "sum", [:mix], [], "hexpm"},\n'
            '  "acme": {:git, "https://git.example/acme", "f15e", []},\n}\n',
            "deps/jason/.hex": "",
            "deps/jason/hex_metadata.config": '{<<"files">>,[<<"priv/a.db">>]}.',
            "deps/jason/priv/a.db": LIB,
            "deps/acme/mix.exs": "",
        },
        "mix deps.get",
        "jason",
        "mix.exs",
        "no mix.exs",
        {"deps/mine/mix.exs": "mine", "deps/notes.txt": "notes.txt"},
        "jason/priv/a.db",
        "2 dependencies, all declared by mix.lock",
    ),
    "go": Ecosystem(
        "vendor",
        {
            "go.mod": "module x\n\ngo 1.21\n\nrequire (\n\tgit.example/a/b v1.0.0\n\tgit.example/c v1.0.0 // indirect\n)\n",
            "go.sum": "git.example/old v1.0.0 h1:x=\n",
            "vendor/modules.txt": "# git.example/a/b v1.0.0\n## explicit; go 1.21\ngit.example/a/b/pkg\n"
            "# git.example/c v1.0.0\ngit.example/c\n# git.example/old v1.0.0\ngit.example/old\n",
            "vendor/git.example/a/b/pkg/testdata/a.pem": LIB,
            "vendor/git.example/a/b/LICENSE": LIB,
            "vendor/git.example/a/LICENSE.md": LIB,
            "vendor/git.example/c/x.go": LIB,
            "vendor/git.example/old/x.go": LIB,
        },
        "go mod vendor",
        "modules.txt",
        "go.mod",
        "no go.mod",
        {
            "vendor/git.example/a/own/x.go": "git.example/a/own",
            "vendor/mine/x.go": "mine",
            "vendor/notes.txt": "notes.txt",
        },
        "git.example/a/b/pkg/testdata/a.pem",
        "3 modules, all declared by go.mod",
    ),
    "cargo": Ecosystem(
        "vendor",
        {
            "Cargo.toml": "",
            "Cargo.lock": '[[package]]\nname = "itoa"\nversion = "1.0.19"\nsource = "registry+x"\n\n'
            '[[package]]\nname = "mine"\nversion = "0.1.0"\n\n'
            '[[package]]\nname = "syn"\nversion = "1.0.0"\nsource = "registry+x"\n',
            "vendor/itoa/.cargo-checksum.json": json.dumps(
                {"files": {"a.key": SUM}, "package": "x"}
            ),
            "vendor/itoa/a.key": LIB,
            "vendor/syn-1.0.0/.cargo-checksum.json": '{"files": {}}',
        },
        "cargo vendor --locked",
        "itoa/.cargo-checksum.json",
        "Cargo.lock",
        "no Cargo.lock",
        {
            "vendor/mine/.cargo-checksum.json": "mine",
            "vendor/own/src/lib.rs": "own",
            "vendor/notes.txt": "notes.txt",
        },
        "itoa/a.key",
        "2 crates, all declared by Cargo.lock",
    ),
    "cocoapods": Ecosystem(
        "Pods",
        {
            "Podfile": "",
            "Podfile.lock": "PODS:\n  - AFNetworking/NSURLSession (4.0.1)\n  - Firebase (8.0):\n"
            "    - AFNetworking/NSURLSession\n  - Mine (1.0)\n\nDEPENDENCIES:\n  - Other\n",
            "Pods/Manifest.lock": "PODS:\n  - AFNetworking/NSURLSession (4.0.1)\n  - Firebase (8.0):\n"
            "    - AFNetworking/NSURLSession\n  - Mine (1.0)\n\nDEPENDENCIES:\n  - Other\n",
            "Pods/AFNetworking/Tests/a.p12": LIB,
            "Pods/Firebase/x.m": LIB,
            "Pods/Target Support Files/x.plist": "",
            "Pods/Pods.xcodeproj/project.pbxproj": "",
        },
        "pod install",
        "Manifest.lock",
        "Podfile.lock",
        "no Podfile.lock",
        {"Pods/Other/x.m": "Other", "Pods/notes.txt": "notes.txt"},
        "AFNetworking/Tests/a.p12",
        "2 pods, all declared by Podfile.lock",
    ),
    "carthage": Ecosystem(
        "Carthage/Build",
        {
            "Cartfile.resolved": 'github "Alamofire/Alamofire" "5.0"\nbinary "https://x.example/Maps.json" "1"\n',
            "Carthage/Build/.Alamofire.version": '{"iOS": [{"name": "Alamofire", "hash": "x"}]}',
            "Carthage/Build/.Maps.version": "{}",
            "Carthage/Build/iOS/Alamofire.framework/a.db": "x",
            "Carthage/Build/iOS/Alamofire.framework/test/a.db": "x",
            "Carthage/Build/Alamofire.xcframework/x": "x",
            "Carthage/Build/iOS/Alamofire.framework.dSYM/x": "x",
        },
        "carthage bootstrap",
        ".Alamofire.version",
        "Cartfile.resolved",
        "no Cartfile.resolved",
        {
            "Carthage/Build/iOS/Own.framework/x": "iOS/Own.framework",
            "Carthage/Build/.Own.version": "Own",
            "Carthage/Build/notes.txt": "notes.txt",
        },
        "iOS/Alamofire.framework/test/a.db",
        "2 dependencies, all declared by Cartfile.resolved",
    ),
    "nuget": Ecosystem(
        "packages",
        {
            "app/packages.config": '<packages>\n<package id="Acme.Log" version="1.0.0" targetFramework="net48" />\n</packages>',
            "packages/Acme.Log.1.0.0/Acme.Log.1.0.0.nupkg": archive("content/a.mdf"),
            "packages/Acme.Log.1.0.0/content/a.mdf": "x",
            "packages/repositories.config": "x",
        },
        "nuget restore",
        "Acme.Log.1.0.0/Acme.Log.1.0.0.nupkg",
        "app/packages.config",
        "no packages.config",
        {"packages/Own.1.0.0/x.dll": "Own.1.0.0", "packages/notes.txt": "notes.txt"},
        "Acme.Log.1.0.0/content/a.mdf",
        "1 package declared by app/packages.config",
    ),
    "spago": Ecosystem(
        ".spago",
        {
            "spago.lock": '{\n  "packages": {\n    "prelude": {\n      "type": "registry"\n    }\n  }\n}\n',
            ".spago/p/prelude-6.0.1/test/a.key": "x",
            ".spago/run/x.js": "x",
        },
        "spago install",
        "p",
        "spago.lock",
        "no spago.lock",
        {".spago/p/own-1.0.0/x.purs": "p/own-1.0.0", ".spago/notes.txt": "notes.txt"},
        "p/prelude-6.0.1/test/a.key",
        "1 package declared by spago.lock",
    ),
}


@pytest.fixture(params=ECOSYSTEMS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


Looked = Callable[[], Declared]


@pytest.fixture
def looked(kind: str, tmp_path: Path) -> Looked:
    ecosystem = ECOSYSTEMS[kind]
    declare(tmp_path, ecosystem.tree)
    aged(tmp_path)
    artifact = str(tmp_path / ecosystem.artifact)
    return lambda: look_of(kind)(artifact, str(tmp_path), str(tmp_path), StatCache())


def test_what_its_tool_left_comes_back(kind: str, looked: Looked, tmp_path: Path) -> None:
    ecosystem, found = ECOSYSTEMS[kind], looked()
    assert found.made_by is not None
    assert ecosystem.mark in found.made_by
    assert found.comes_back
    assert found.facts == (ecosystem.fact,)
    assert (found.command, found.command_in) == (ecosystem.command, str(tmp_path))
    assert found.finished == BEGUN
    assert found.warnings == ()


@pytest.mark.parametrize("moment", [0, 4e9])
def test_an_odd_time_of_its_mark_does_not_switch_the_look_for_changes_off(
    looked: Looked, tmp_path: Path, moment: float
) -> None:
    for place, directories, files in os.walk(tmp_path):
        for name in directories + files:
            os.utime(os.path.join(place, name), (moment, moment))
    assert looked().finished == 1


def test_without_its_mark_nobody_made_it_either(kind: str, looked: Looked, tmp_path: Path) -> None:
    marked = tmp_path / ECOSYSTEMS[kind].artifact / ECOSYSTEMS[kind].mark
    marked.rename(tmp_path / "elsewhere")
    for other in (
        marked.parent.glob("*/.cargo-checksum.json"),
        marked.parent.parent.glob("*/.cargo-checksum.json"),
    ):
        for file in other:
            file.unlink()
    for file in marked.parent.glob(".*.version"):
        file.unlink()
    assert looked().made_by is None


def test_without_its_manifest_it_does_not_come_back(
    kind: str, looked: Looked, tmp_path: Path
) -> None:
    (tmp_path / ECOSYSTEMS[kind].manifest).unlink()
    found = looked()
    assert found.missing == ECOSYSTEMS[kind].missing
    assert found.made_by is not None


def test_what_somebody_put_there_is_undeclared(kind: str, looked: Looked, tmp_path: Path) -> None:
    for path, name in ECOSYSTEMS[kind].strangers.items():
        declare(tmp_path, {path: "{}"})
        assert name in looked().undeclared, path
    assert len(looked().undeclared) == len(ECOSYSTEMS[kind].strangers)


def test_what_came_with_a_package_is_told_from_what_did_not(
    kind: str, looked: Looked, tmp_path: Path
) -> None:
    del looked
    ecosystem = ECOSYSTEMS[kind]
    top = tmp_path / ecosystem.artifact
    own = f"{Path(ecosystem.part).parent.parent}/users.sqlite".removeprefix("./")
    declare(top, {own: "x", "own/users.sqlite": "x"})
    met = (ecosystem.part, own, "own/users.sqlite")
    assert is_part_of(kind)(str(top), met, (), StatCache()) == ((own, "own/users.sqlite"), ())


def test_what_was_written_late_is_modified(kind: str, looked: Looked, tmp_path: Path) -> None:
    del looked
    top = tmp_path / ECOSYSTEMS[kind].artifact
    declare(top, {ECOSYSTEMS[kind].part: "changed"})
    late = (ECOSYSTEMS[kind].part,)
    assert is_part_of(kind)(str(top), (), late, StatCache()) == ((), late)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("composer", "composer/autoload_classmap.php"),
        ("composer", "autoload.php"),
        ("bundler", "ruby/3.1.0/extensions/x86_64-linux/3.1.0/acme-1.2.0/mkmf.log"),
        ("mix", "jason/ebin/jason.beam"),
        ("cargo", "itoa/a.key"),
        ("cocoapods", "Pods.xcodeproj/xcuserdata/me.xcuserdatad/x.plist"),
        ("go", "modules.txt"),
    ],
)
def test_what_tools_write_late_is_not(kind: str, looked: Looked, tmp_path: Path, path: str) -> None:
    del looked
    top = tmp_path / ECOSYSTEMS[kind].artifact
    if not (top / path).exists():
        declare(top, {path: "x"})
    assert is_part_of(kind)(str(top), (), (path,), StatCache()) == ((), ())


@pytest.mark.parametrize("kind", ["composer"])
def test_certificates_that_everybody_trusts_are_expected(
    kind: str, looked: Looked, tmp_path: Path
) -> None:
    del looked
    top = tmp_path / "vendor"
    begin = "-----BEGIN CERTIFICATE-----\n"
    declare(
        top / "acme/log", {"cacert.pem": begin, "own.pem": f"{begin}-----BEGIN PRIVATE KEY-----\n"}
    )
    met = ("acme/log/cacert.pem", "acme/log/own.pem")
    assert is_part_of(kind)(str(top), met, (), StatCache()) == ((met[1],), ())


@pytest.mark.parametrize("kind", ["composer"])
def test_without_a_lock_file_the_requirements_lead_to_all(looked: Looked, tmp_path: Path) -> None:
    (tmp_path / "composer.lock").unlink()
    assert looked().facts == ("1 package declared by composer.json",)
    declare(tmp_path, {"composer.json": '{"require": {"php": "*"}}'})
    assert looked().undeclared == ("acme/log",)


@pytest.mark.parametrize("kind", ["composer"])
def test_a_package_of_the_project_has_to_be_there_still(looked: Looked, tmp_path: Path) -> None:
    content = installed_json("acme/log", dist={"type": "path", "url": "libs/log"})
    declare(tmp_path, {"vendor/composer/installed.json": content})
    assert looked().missing == "no libs/log, where acme/log came from"
    declare(tmp_path, {"libs/log": {}})
    assert looked().missing is None
    content = installed_json("acme/log", dist={"type": "path", "url": "../log"})
    declare(tmp_path, {"vendor/composer/installed.json": content})
    assert looked().missing == "../log, where acme/log came from, lies outside"


@pytest.mark.parametrize("kind", ["bundler"])
def test_where_the_gems_go_may_be_written_down(looked: Looked, tmp_path: Path) -> None:
    declare(tmp_path, {".bundle/config": '---\nBUNDLE_PATH: "vendor/bundle"\n'})
    assert looked().command == "bundle install"
    declare(tmp_path, {".bundle/config": '---\nBUNDLE_PATH: "elsewhere"\n'})
    assert looked().command == "BUNDLE_PATH=vendor/bundle bundle install"


@pytest.mark.parametrize("kind", ["go"])
def test_a_module_of_the_project_has_to_be_there_still(looked: Looked, tmp_path: Path) -> None:
    listed = (tmp_path / "vendor/modules.txt").read_text()
    (tmp_path / "vendor/modules.txt").write_text(
        listed.replace("a/b v1.0.0\n", "a/b v1.0.0 => ./b\n")
    )
    assert looked().missing == "no ./b, where git.example/a/b came from"
    (tmp_path / "b").mkdir()
    assert looked().missing is None


@pytest.mark.parametrize("kind", ["go"])
def test_a_module_that_is_required_no_more_is_undeclared(looked: Looked, tmp_path: Path) -> None:
    declare(tmp_path, {"go.mod": "module x\nrequire git.example/a/b v1.0.0\n"})
    assert looked().undeclared == ("git.example/c",)


@pytest.mark.parametrize("kind", ["cocoapods"])
def test_another_lock_file_than_was_installed_is_said(looked: Looked, tmp_path: Path) -> None:
    (tmp_path / "Pods/Manifest.lock").write_text("PODS:\n")
    assert looked().warnings == ("what is installed differs from the lock file",)


@pytest.mark.parametrize(
    ("kind", "name", "tree", "command"),
    [
        (
            "dart",
            ".dart_tool",
            {".dart_tool/package_config.json": "{}", "pubspec.yaml": "", ".dart_tool/version": ""},
            "dart pub get",
        ),
        (
            "elm",
            "elm-stuff",
            {"elm-stuff/0.19.1/d.dat": "x", "elm.json": "{}"},
            "elm make src/Main.elm",
        ),
    ],
)
def test_what_one_tool_fills_holds_nothing_else(
    tmp_path: Path, kind: str, name: str, tree: Tree, command: str
) -> None:
    def look() -> Declared:
        return look_of(kind)(str(tmp_path / name), str(tmp_path), str(tmp_path), StatCache())

    (tmp_path / name).mkdir()
    assert (look().made_by, look().comes_back) == (None, False)
    declare(tmp_path, tree)
    assert look().made_by is not None
    assert look().comes_back
    assert look().command == command
    declare(tmp_path / name, {"notes.txt": "x"})
    assert look().undeclared == ("notes.txt",)
    assert is_part_of(kind)(str(tmp_path / name), ("a.db",), ("x",), StatCache()) == (("a.db",), ())
