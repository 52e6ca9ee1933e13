"""The stores of package managers that have the other ends of what an artifact shares."""

import errno
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from cleanup_nodemodule.model import SharedWith
from cleanup_nodemodule.survey.stores import opened
from cleanup_nodemodule.survey.stores.place import Place, Surroundings, said_in
from cleanup_nodemodule.survey.stores.proving import Stores, shared_with
from cleanup_nodemodule.system.extents import CannotTellError
from support.filesystems import Mounts
from support.trees import declare

FILES: Final = {f"p{number}": f"{number} is what is in it\n".encode() * 400 for number in range(8)}
"""What the packages of each installation have in their one file."""


class Case(NamedTuple):
    """How one manager lays files out."""

    artifact: str
    """Where it installs, from the project on."""
    marks: Callable[[Path], Mapping[str | bytes, Any]]
    """What else it leaves in the project; it is given the store."""
    installed: str
    """Where a file is in the artifact: ``{name}`` is the package."""
    stored: Callable[[str, bytes], str]
    """Where it is in the store: of a package's name, and its content."""
    usual: str
    """Where the store is in a home."""
    store: str
    command: str
    elsewhere: str
    """The command where the store is at ``{store}``."""
    variable: str
    """What says where the store is."""
    depth: int = 0
    """How many directories the store is beneath what the variable says."""


def by_digest(algorithm: str, pattern: str) -> Callable[[str, bytes], str]:
    """Return what names a file by its content: ``{0}`` are the first two letters, ``{1}`` is the rest, ``{2}`` all."""

    def name(_package: str, content: bytes) -> str:
        digest = hashlib.new(algorithm, content).hexdigest()
        return pattern.format(digest[:2], digest[2:], digest)

    return name


def by_name(pattern: str) -> Callable[[str, bytes], str]:
    """Return what names a file by its package."""
    return lambda package, _: pattern.format(name=package)


CASES: Final = {
    "pnpm": Case(
        "node_modules",
        lambda store: {
            "node_modules/.modules.yaml": json.dumps({"storeDir": str(store)}, indent=2)
        },
        ".pnpm/{name}@1.0.0/node_modules/{name}/index.js",
        by_digest("sha512", "files/{0}/{1}"),
        ".local/share/pnpm/store/v10",
        "pnpm store",
        "pnpm store prune",
        "pnpm store prune --store-dir {store}",
        "PNPM_CONFIG_STORE_DIR",
        1,
    ),
    "Bun": Case(
        "node_modules",
        lambda _: {"bun.lock": "{}"},
        "{name}/lib/index.js",
        by_name("{name}@1.0.0@@@1/lib/index.js"),
        ".bun/install/cache",
        "Bun cache",
        "bun pm cache rm",
        "BUN_INSTALL_CACHE_DIR={store} bun pm cache rm",
        "BUN_INSTALL_CACHE_DIR",
    ),
    "Bun, isolated": Case(
        "node_modules",
        lambda _: {},
        ".bun/@s+{name}@1.0.0/node_modules/@s/{name}/index.js",
        by_name("@s/{name}@1.0.0@@@1/index.js"),
        ".bun/install/cache",
        "Bun cache",
        "bun pm cache rm",
        "BUN_INSTALL_CACHE_DIR={store} bun pm cache rm",
        "BUN_INSTALL_CACHE_DIR",
    ),
    "Bun, archives": Case(
        "node_modules",
        lambda _: {"bun.lockb": "{}"},
        "{name}/index.js",
        by_name("@T@0123{name}@@@1/index.js"),
        ".bun/install/cache",
        "Bun cache",
        "bun pm cache rm",
        "BUN_INSTALL_CACHE_DIR={store} bun pm cache rm",
        "BUN_INSTALL_CACHE_DIR",
    ),
    "Yarn 1": Case(
        "node_modules",
        lambda _: {"node_modules/.yarn-integrity": "{}"},
        "@s/{name}/index.js",
        by_name("npm-@s-{name}-1.0.0-0123-integrity/node_modules/@s/{name}/index.js"),
        ".cache/yarn/v6",
        "Yarn cache",
        "yarn cache clean",
        "yarn cache clean --cache-folder {store}",
        "YARN_CACHE_FOLDER",
        1,
    ),
    "Yarn": Case(
        "node_modules",
        lambda _: {"node_modules/.yarn-state.yml": "__metadata:\n  nmMode: hardlinks-global\n"},
        "{name}/index.js",
        by_digest("sha1", "v1/{0}/{1}.dat"),
        ".yarn/berry/store",
        "Yarn store",
        "rm -r {store}",
        "rm -r {store}/store",
        "YARN_GLOBAL_FOLDER",
        1,
    ),
    "Yarn, pnpm linker": Case(
        "node_modules",
        lambda _: {},
        ".store/{name}-npm-1.0.0-0123/package/index.js",
        by_digest("sha1", "{0}/{2}.dat"),
        ".yarn/berry/index",
        "Yarn store",
        "rm -r {store}",
        "rm -r {store}/index",
        "YARN_GLOBAL_FOLDER",
        1,
    ),
    "Deno": Case(
        "node_modules",
        lambda _: {},
        ".deno/{name}@1.0.0/node_modules/{name}/index.js",
        by_name("npm/registry.example/{name}/1.0.0/index.js"),
        ".cache/deno",
        "Deno cache",
        "deno clean",
        "DENO_DIR={store} deno clean",
        "DENO_DIR",
    ),
    "uv": Case(
        ".venv",
        lambda _: {".venv/pyvenv.cfg": "home = /usr/bin\nuv = 0.13.9\n"},
        "lib/python3.11/site-packages/{name}/core.py",
        by_name("archive-v0/{name}0123/{name}/core.py"),
        ".cache/uv",
        "uv cache",
        "uv cache clean",
        "uv cache clean --cache-dir {store}",
        "UV_CACHE_DIR",
    ),
    "uv, into an environment of another": Case(
        ".venv",
        lambda _: {
            ".venv/pyvenv.cfg": "home = /usr/bin\n",
            ".venv/lib/python3.11/site-packages/p0-1.dist-info/INSTALLER": "uv",
        },
        "lib/python3.11/site-packages/{name}.py",
        by_name("archive-v0/{name}0123/{name}.py"),
        ".cache/uv",
        "uv cache",
        "uv cache clean",
        "uv cache clean --cache-dir {store}",
        "UV_CACHE_DIR",
    ),
    "PDM": Case(
        ".venv",
        lambda _: {".pdm-python": "/usr/bin/python3", ".venv/pyvenv.cfg": "home = /usr/bin\n"},
        "lib/python3.11/site-packages/{name}/core.py",
        by_name("0a/{name}-1.0.0-py3-none-any/{name}/core.py"),
        ".cache/pdm/packages",
        "PDM cache",
        "pdm cache clear packages",
        "PDM_CACHE_DIR={store} pdm cache clear packages",
        "PDM_CACHE_DIR",
        1,
    ),
    "PDM, before": Case(
        ".venv",
        lambda _: {
            ".venv/pyvenv.cfg": "home = /usr/bin\n",
            ".venv/lib/python3.11/site-packages/p0-1.dist-info/INSTALLER": "pdm\n",
        },
        "lib/python3.11/site-packages/{name}/core.py",
        by_name("{name}-1.0.0-py3-none-any/lib/{name}/core.py"),
        ".cache/pdm/packages",
        "PDM cache",
        "pdm cache clear packages",
        "PDM_CACHE_DIR={store} pdm cache clear packages",
        "PDM_CACHE_DIR",
        1,
    ),
}


def copy(stored: Path, installed: Path) -> None:
    """Have a file with the same content as another one, and share nothing."""
    installed.write_bytes(stored.read_bytes())


class Scene:
    """A home and a project with one installation."""

    def __init__(self, top: Path, case: Case, store: Path | None = None) -> None:
        self.case: Final = case
        self.top: Final = top
        self.home: Final = top / "home"
        self.project: Final = top / "work/app"
        self.artifact: Final = self.project / case.artifact
        self.store: Final = store or self.home / case.usual
        self.home.mkdir(parents=True, exist_ok=True)
        declare(self.project, case.marks(self.store))
        self.environment: Final[dict[str, str]] = {"HOME": str(self.home)}
        self.kinds: Final[dict[str, str]] = {"/": "ext4"}

    def install(self, link: Callable[[Path, Path], object] = os.link) -> "Scene":
        """Put the packages into the store, and have each of their files *link*ed into the artifact."""
        for package, content in FILES.items():
            stored = self.store / self.case.stored(package, content)
            stored.parent.mkdir(parents=True, exist_ok=True)
            stored.write_bytes(content)
            installed = self.installed(package)
            installed.parent.mkdir(parents=True, exist_ok=True)
            link(stored, installed)
        return self

    def installed(self, package: str) -> Path:
        """Return where a package's file is in the artifact."""
        return self.artifact / self.case.installed.format(name=package)

    def stored(self, package: str) -> Path:
        """Return where it is in the store."""
        return self.store / self.case.stored(package, FILES[package])

    def found(self) -> SharedWith | None:
        """Look for the store."""
        status = self.artifact.lstat()
        place = Place(
            *(str(self.artifact), str(self.project), str(self.top / "work")),
            status.st_uid,
            Surroundings(self.environment, self.kinds),
        )
        with Stores() as stores:
            return shared_with(place, (status.st_dev, status.st_ino), stores)


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    """Each manager."""
    return CASES[request.param]


def test_the_store_in_a_home_is_named(case: Case, tmp_path: Path) -> None:
    scene = Scene(tmp_path, case).install()
    command = case.command.format(store=scene.store)
    assert scene.found() == SharedWith(case.store, str(scene.store), command, proved=True)


def test_the_store_is_where_the_environment_says(case: Case, tmp_path: Path) -> None:
    said = tmp_path / "far away"
    inner = Path(*Path(case.usual).parts[-case.depth :]) if case.depth else Path()
    scene = Scene(tmp_path, case, said / inner).install()
    scene.environment[case.variable] = str(said)
    command = case.elsewhere.format(store=said)
    # A shell takes it for one word.
    command = command.replace(str(said), f"'{said}'").replace(f"'{said}'/", f"'{said}/")
    if case.store == "Yarn store":
        command = f"rm -r '{scene.store}'"
    assert scene.found() == SharedWith(case.store, str(scene.store), command, proved=True)


def test_the_same_content_proves_nothing_without_a_link(case: Case, tmp_path: Path) -> None:
    scene = Scene(tmp_path, case).install(copy)
    assert scene.found() is None
    # Nor do links to something else.
    for package in FILES:
        os.link(scene.installed(package), tmp_path / package)
    assert scene.found() is None


def test_most_of_the_links_have_to_lead_to_the_store(case: Case, tmp_path: Path) -> None:
    scene = Scene(tmp_path, case).install()
    for package in list(FILES)[1:]:
        scene.stored(package).unlink()
        os.link(scene.installed(package), tmp_path / package)
    assert scene.found() is None


def test_nothing_is_asked_of_a_store_that_may_not_answer(case: Case, tmp_path: Path) -> None:
    scene = Scene(tmp_path, case).install()
    scene.kinds[str(scene.home)] = "nfs"
    assert scene.found() is None
    # Unless the artifact lies there, too.
    scene.kinds[str(tmp_path)] = "nfs"
    del scene.kinds[str(scene.home)]
    assert scene.found() is not None


def test_a_store_may_be_reached_by_a_symlink_but_none_in_it_is_followed(
    case: Case, tmp_path: Path
) -> None:
    scene = Scene(tmp_path, case).install()
    moved = tmp_path / "disk"
    scene.store.rename(moved)
    scene.store.symlink_to(moved)
    found = scene.found()
    assert found is not None
    assert found.proved
    [first, *_] = [one for one in moved.iterdir() if one.is_dir()]
    for one in [one for one in moved.iterdir() if one.is_dir()]:
        one.rename(tmp_path / one.name)
        one.symlink_to(tmp_path / one.name)
    assert first.is_symlink()
    assert scene.found() is None


@pytest.mark.parametrize("name", ["pnpm", "Yarn", "uv", "Bun"])
def test_what_is_no_file_in_a_store_holds_nobody_up(name: str, tmp_path: Path) -> None:
    scene = Scene(tmp_path, CASES[name]).install(copy)
    for package in FILES:
        scene.stored(package).unlink()
        os.mkfifo(scene.stored(package))
    assert scene.found() is None


@pytest.mark.parametrize("kind", ["fifo", "symlink", "huge", "directory", "noise"])
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("pnpm", "node_modules/.modules.yaml"),
        ("pnpm", ".npmrc"),
        ("Yarn", "node_modules/.yarn-state.yml"),
        ("Yarn", ".yarnrc.yml"),
        ("Bun", "bunfig.toml"),
        ("uv", ".venv/pyvenv.cfg"),
        ("uv", "pyproject.toml"),
    ],
)
def test_settings_that_are_no_settings_say_nothing(
    name: str, file: str, kind: str, tmp_path: Path
) -> None:
    scene = Scene(tmp_path, CASES[name]).install()
    path = scene.project / file
    path.unlink(missing_ok=True)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "symlink":
        path.symlink_to("/dev/zero")
    elif kind == "huge":
        with open(path, "wb") as made:
            made.truncate(1 << 40)
    elif kind == "directory":
        path.mkdir()
    else:
        path.write_bytes(b"\xff\0[[[" * 1000 + b"\nstoreDir: /\0\xff\ncache-dir = [1\n")
    found = scene.found()
    if found is not None:
        assert found.path == str(scene.store)


@pytest.mark.parametrize(
    "store", ["/proc/self/fd", "/dev", "/", "", "relative", "/nul\0", "/x\udcff"]
)
def test_a_project_may_name_anything_as_its_store(store: str, tmp_path: Path) -> None:
    scene = Scene(tmp_path, CASES["pnpm"]).install()
    shutil.rmtree(scene.home)
    mark = scene.artifact / ".modules.yaml"
    mark.write_text(f"storeDir: {store}\n", errors="surrogateescape")
    for package in FILES:
        os.link(scene.installed(package), tmp_path / package)
    assert scene.found() is None


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".npmrc", "store-dir={store}\n"),
        ("../.npmrc", "# where\nstore-dir = '{store}'\n"),
        ("pnpm-workspace.yaml", 'packages: ["a"]\nstoreDir: "{store}"\n'),
        ("pnpm-workspace.yaml", "storeDir: ../../elsewhere\n"),
        ("../../home/.config/pnpm/rc", "store-dir={store}\n"),
        ("../../home/.config/pnpm/config.yaml", "storeDir: ~/../elsewhere\n"),
    ],
)
def test_pnpm_is_told_where_its_store_is(file: str, text: str, tmp_path: Path) -> None:
    said = tmp_path / "elsewhere"
    scene = Scene(tmp_path, CASES["pnpm"], said / "v10").install()
    # As in an image that was made somewhere else.
    (scene.artifact / ".modules.yaml").write_text("layoutVersion: 5\nstoreDir: /gone/v10\n")
    assert scene.found() is None
    path = scene.project / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.format(store=said))
    found = scene.found()
    assert found is not None
    assert found.path == str(said / "v10")


@pytest.mark.parametrize(
    ("name", "file", "text"),
    [
        ("Bun", "bunfig.toml", '[install.cache]\ndir = "{store}"\n'),
        ("Bun", "../../home/.bunfig.toml", '[install]\ncache.dir = "{store}"\n'),
        ("uv", "uv.toml", 'cache-dir = "{store}"\n'),
        ("uv", "../pyproject.toml", '[tool.uv]\ncache-dir = "../elsewhere"\n'),
        ("uv", "../../home/.config/uv/uv.toml", 'cache-dir = "{store}"\n'),
        ("PDM", "pdm.toml", 'cache_dir = "{store}"\n'),
        ("PDM", "../../home/.config/pdm/config.toml", 'cache_dir = "{store}"\n'),
    ],
)
def test_others_are_told_where_their_stores_are(
    name: str, file: str, text: str, tmp_path: Path
) -> None:
    said = tmp_path / "elsewhere"
    scene = Scene(tmp_path, CASES[name], said / "packages" if name == "PDM" else said).install()
    assert scene.found() is None
    path = scene.project / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.format(store=said))
    found = scene.found()
    assert found is not None
    assert found.path.startswith(str(said))


@pytest.mark.parametrize(
    ("name", "file", "text", "inner"),
    [
        ("Yarn 1", ".yarnrc", 'cache-folder "{store}"\n', "v6"),
        ("Yarn 1", "../../home/.yarnrc", "cache-folder ./cache\n", "../home/cache/v6"),
        ("Yarn", ".yarnrc.yml", 'nmMode: hardlinks-global\nglobalFolder: "{store}"\n', "store"),
        ("Yarn", "../.yarnrc.yml", "globalFolder: ../elsewhere\n", "store"),
    ],
)
def test_yarn_is_told_where_its_stores_are(
    name: str, file: str, text: str, inner: str, tmp_path: Path
) -> None:
    said = tmp_path / "elsewhere"
    store = Path(os.path.normpath(said / inner))
    scene = Scene(tmp_path, CASES[name], store).install()
    assert scene.found() is None
    path = scene.project / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.format(store=said))
    found = scene.found()
    assert found is not None
    assert found.path == str(store)


def test_a_store_of_pnpm_that_its_version_of_today_leaves_alone_is_pruned_by_the_one_of_then(
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path, CASES["pnpm"]).install()
    (scene.store.parent / "v11/files").mkdir(parents=True)
    mark = scene.artifact / ".modules.yaml"
    # Written by hand: nothing of it becomes a part of the command but a number.
    mark.write_text(f"packageManager: 'pnpm@; x'\nstoreDir: {scene.store}\n")
    assert scene.found() == SharedWith(
        "pnpm store", str(scene.store), "pnpm store prune", proved=True
    )
    mark.write_text(f"packageManager: pnpm@10.34.9\nstoreDir: {scene.store}\n")
    found = scene.found()
    assert found is not None
    assert found.command == "npx pnpm@10 store prune"


def test_the_store_of_pnpm_at_the_top_of_a_file_system_is_found(
    disks: Mounts, tmp_path: Path
) -> None:
    disk = disks.tmpfs(tmp_path / "disk")
    scene = Scene(disk, CASES["pnpm"], disk / ".pnpm-store/v10").install()
    (scene.artifact / ".modules.yaml").write_text("layoutVersion: 5\n")
    scene.kinds[str(disk)] = "tmpfs"
    command = f"pnpm store prune --store-dir {disk}/.pnpm-store"
    assert scene.found() == SharedWith("pnpm store", str(scene.store), command, proved=True)


def test_what_can_be_executed_is_found_by_its_other_name(tmp_path: Path) -> None:
    scene = Scene(tmp_path, CASES["pnpm"]).install()
    for package in FILES:
        stored = scene.stored(package)
        stored.chmod(0o755)
        stored.rename(f"{stored}-exec")
    assert scene.found() is not None
    index = Scene(tmp_path / "two", CASES["Yarn, pnpm linker"]).install()
    for package in FILES:
        stored = index.stored(package)
        stored.chmod(0o755)
        stored.rename(stored.with_name(f"{stored.stem}755.dat"))
    assert index.found() is not None


def test_a_store_that_others_may_write_is_named_without_a_command_that_deletes_it(
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path, CASES["Yarn"]).install()
    scene.store.chmod(0o777)
    found = scene.found()
    assert found is not None
    assert found.command is None


def clone(stored: Path, installed: Path) -> None:
    """Have a file share the content of another one, which is not written to the disk yet."""
    subprocess.run(["cp", "--reflink=always", stored, installed], check=True)


@pytest.mark.parametrize("kind", ["xfs", "btrfs"])
def test_clones_are_found_by_their_place_on_the_disk(
    kind: str, disks: Mounts, tmp_path: Path
) -> None:
    disk = disks.image(kind, tmp_path / "disk")
    for number, case in enumerate(CASES.values()):
        Scene(disk / f"cloned{number}", case).install(clone)
        Scene(disk / f"copied{number}", case).install(copy)
    subprocess.run(["sync", "-f", disk], check=True)
    for number, (name, case) in enumerate(CASES.items()):
        cloned = Scene(disk / f"cloned{number}", case)
        found = cloned.found()
        assert found is not None, name
        assert (found.path, found.proved) == (str(cloned.store), True)
        assert Scene(disk / f"copied{number}", case).found() is None, name


def test_a_clone_may_lie_in_another_subvolume(disks: Mounts, tmp_path: Path) -> None:
    disk = disks.image("btrfs", tmp_path / "disk")
    for name in ("home", "work"):
        subprocess.run(["btrfs", "-q", "subvolume", "create", disk / name], check=True)
    (disk / "home").rename(disk / "kept")
    scene = Scene(disk, CASES["uv"], disk / "kept/uv")
    scene.environment["UV_CACHE_DIR"] = str(disk / "kept/uv")
    scene.install(clone)
    subprocess.run(["sync", "-f", disk], check=True)
    found = scene.found()
    assert found is not None
    assert found.proved
    assert (disk / "kept").stat().st_dev != scene.project.stat().st_dev


@pytest.fixture
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that does not tell where content lies."""

    def first_of(_descriptor: int) -> int:
        raise CannotTellError(errno.EOPNOTSUPP, "not told")

    monkeypatch.setattr(opened, "first_of", first_of)


@pytest.mark.usefixtures("untold")
def test_where_nobody_can_tell_the_same_content_makes_it_likely(case: Case, tmp_path: Path) -> None:
    scene = Scene(tmp_path, case).install(copy)
    found = scene.found()
    assert found is not None
    assert (found.path, found.proved) == (str(scene.store), False)
    for package in FILES:
        path = scene.installed(package)
        path.write_bytes(path.read_bytes()[::-1])
    assert scene.found() is None


def test_settings_are_read_from_lines() -> None:
    assert said_in('{\n  "storeDir": "/a b/c",\n', "storeDir") == "/a b/c"
    assert said_in("storeDir: /a # why\n", "storeDir") == "/a"
    assert said_in("x-store-dir=/b\nstore-dirs=/c\nstore-dir = /a\n", "store-dir") == "/a"
    assert said_in("store-dir\n", "store-dir") == ""
    assert said_in("uv = 0.1\n", "uv") == "0.1"


def test_few_files_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(tmp_path, CASES["Bun"]).install()
    for number in range(3000):
        (scene.artifact / f"q{number}").mkdir()
        (scene.artifact / f"q{number}/x").write_bytes(b"x")
    scanned = 0
    scan = opened.Opened.scan

    def count(self: opened.Opened, path: str, names: int, files: int) -> Any:
        nonlocal scanned
        result = scan(self, path, names, files)
        scanned += 1
        return result

    monkeypatch.setattr(opened.Opened, "scan", count)
    scene.found()
    assert 1 < scanned < 100
