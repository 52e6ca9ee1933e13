"""Every proof and every protection, broken in turn: nothing proves everything or never fires."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

import pytest

from cleanup_nodemodule.config.settings import SettingsError
from cleanup_nodemodule.model import Candidate, Identity, Reason
from cleanup_nodemodule.proof import installed
from cleanup_nodemodule.proof.evidence import gather
from cleanup_nodemodule.proof.markers import examine
from cleanup_nodemodule.proof.rules import Holds, Proof, Rule, catalogue
from cleanup_nodemodule.proof.sighting import Circumstances
from support.git import git
from support.judges import DELETE, judge, verdicts
from support.needs import needs_root, unable
from support.places import COMMAND
from support.processes import bound, execute, mode
from support.trees import Declared, declare

SIGNATURE: Final = "Signature: 8a477f597d28d172789f06886806bc55"

RULES: Final = {rule.id: rule for rule in catalogue()}
PROOFS: Final = {
    f"{rule.id}-{number}": (rule, proof)
    for rule in catalogue()
    for number, proof in enumerate(rule.proofs, 1)
}
CONDITIONS: Final = {
    f"{name}-{field.name}": (rule, proof, field.name)
    for name, (rule, proof) in PROOFS.items()
    for field in fields(Proof)
    if getattr(proof, field.name)
}
BACK: Final = {
    f"{rule.id}-{number}": (rule, proof)
    for rule in catalogue()
    for number, proof in enumerate(rule.comes_back, 1)
}
NAMES: Final = ("inside", "beside", "above", "depends", "only", "script")


def tame(pattern: str) -> str:
    """Return a name that a pattern with wildcards fits."""
    return re.sub(r"\[(.)[^]]*\]", r"\1", pattern).replace("*", "x").replace("?", "x")


def place(top: Path, rule: Rule) -> Path:
    """Return where under *top* a directory that *rule* fits may be."""
    names = ("my-cache",) if rule.names == ("*",) else tuple(map(tame, rule.names))
    return top.joinpath("group", "project", *names)


def make(directory: Path, marker: str, content: str = "") -> None:
    """Make a marker, whatever it takes: a file, or with a trailing slash a directory."""
    path = Path(os.path.normpath(directory / tame(marker)))
    if marker.endswith("/"):
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_text(content)


def build(top: Path, rule: Rule, proof: Proof, *, lacks: str = "", turn: int = 0) -> Path:
    """Make a directory that satisfies *proof* but for the condition *lacks*; return its path.

    Of several markers, that which *turn* says.
    """

    def one(condition: str) -> str | None:
        names: tuple[str, ...] = getattr(proof, condition)
        return names[turn % len(names)] if names and condition != lacks else None

    directory = place(top, rule)
    directory.mkdir(parents=True)
    project = directory.parent
    wanted = {name: one(name) for name in NAMES}
    if wanted["depends"] is not None:
        make(project, "package.json", json.dumps({"dependencies": {wanted["depends"]: "1"}}))
    if wanted["script"] is not None:
        make(project, "package.json", json.dumps({"scripts": {tame(wanted["script"]): "x"}}))
    if proof.home and lacks != "inside":
        home = project if lacks != "home" else directory
        cache = f"CMAKE_HOME_DIRECTORY:INTERNAL={home}\nCMAKE_CACHEFILE_DIR:INTERNAL={directory}\n"
        make(directory, "CMakeCache.txt", cache)
    if wanted["inside"] is not None:
        make(directory, wanted["inside"])
    if wanted["beside"] is not None:
        make(project, wanted["beside"])
    if wanted["above"] is not None:
        make(top / "group", wanted["above"])
    if proof.only:
        make(directory, wanted["only"] or "something else.txt")
    if proof.holds is not None:
        make(directory, proof.holds.file, "" if lacks == "holds" else proof.holds.text)
    if proof.tagged:
        by = "nobody" if lacks == "maker" else "cargo"
        tag = f"{SIGNATURE}\n# This file is a cache directory tag created by {by}.\n"
        make(directory, "CACHEDIR.TAG", "no signature" if lacks == "tagged" else tag)
    if proof.output is not None and lacks != "output":
        make(directory, "index.js.map")
    if proof.distributions is not None:
        make(project, "pyproject.toml", '[project]\nname = "x"\nversion = "1.0"\n')
        version = "0.9" if lacks == "distributions" else "1.0"
        make(directory, f"x-{version}-py3-none-any.whl")
    if proof.unversioned and lacks == "unversioned":
        make(project, ".git/HEAD")
    if not proof.only:
        make(directory, "whatever.txt", "content")
    return directory


def holds(top: Path, directory: Path, rule: Rule, proof: Proof) -> bool:
    """Whether *proof* alone holds for *directory*, as far as the disk can say."""
    examination = examine(replace(rule, proofs=(proof,)), str(directory), str(top))
    return all(trial.holds for trial in examination.trials)


def decided(top: Path, directory: Path, rule: Rule) -> str:
    """Return the verdict on *directory* by *rule* alone, ``unproven`` if it is not even shown."""
    found = verdicts(top, profiles=(), own_rules=(rule,), simple_rules=False)
    return found.get(str(directory.relative_to(top)), "unproven")


@pytest.mark.parametrize("name", PROOFS)
def test_each_of_several_markers_is_enough(tmp_path: Path, name: str) -> None:
    rule, proof = PROOFS[name]
    for turn in range(max(1, *(len(getattr(proof, condition)) for condition in NAMES))):
        top = tmp_path / str(turn)
        top.mkdir()
        directory = build(top, rule, proof, turn=turn)
        assert holds(top, directory, rule, proof), turn


@pytest.mark.parametrize("name", [n for n in CONDITIONS if not n.endswith("-ignored")])
def test_a_proof_that_lacks_one_condition_is_none(tmp_path: Path, name: str) -> None:
    rule, proof, condition = CONDITIONS[name]
    directory = build(tmp_path, rule, proof, lacks=condition)
    assert not holds(tmp_path, directory, rule, proof)


@pytest.mark.parametrize(
    "name",
    {f"{n}-{c.name}": 0 for n in BACK for c in fields(Proof) if getattr(BACK[n][1], c.name)},
)
def test_what_brings_it_back_has_to_be_there(tmp_path: Path, name: str) -> None:
    which, _, condition = name.rpartition("-")
    rule, back = BACK[which]
    for lacks in ("", condition):
        top = tmp_path / f"lacks {lacks}"
        top.mkdir()
        directory = build(top, rule, back, lacks=lacks)
        assert holds(top, directory, rule, back) == (not lacks)


@pytest.mark.parametrize("name", [n for n in PROOFS if PROOFS[n][1].ignored])
def test_git_has_to_ignore_what_a_proof_wants_ignored(tmp_path: Path, name: str) -> None:
    rule, proof = PROOFS[name]
    directory = build(tmp_path, rule, proof)
    bare = replace(rule, proofs=(proof,), comes_back=(), packages=None, top=())
    git(tmp_path, "init", "--quiet")
    assert decided(tmp_path, directory, bare) == "unproven"
    declare(tmp_path, {".gitignore": f"/{directory.relative_to(tmp_path)}/\n"})
    assert decided(tmp_path, directory, bare) == DELETE


@pytest.mark.parametrize("name", PROOFS)
def test_an_empty_directory_far_from_everything_is_no_artifact(tmp_path: Path, name: str) -> None:
    rule, _ = PROOFS[name]
    directory = place(tmp_path, rule)
    directory.mkdir(parents=True)
    assert decided(tmp_path, directory, rule) == "unproven"


@pytest.mark.parametrize(
    ("name", "marker"), [(rule.id, name) for rule in catalogue() for name in rule.without]
)
def test_what_has_to_be_absent_hinders(tmp_path: Path, name: str, marker: str) -> None:
    rule = RULES[name]
    directory = build(tmp_path, rule, rule.proofs[0])
    for hindered in (False, True):
        if hindered:
            make(directory, marker)
        examination = examine(rule, str(directory), str(tmp_path))
        assert (examination.hindrance is not None) == hindered
        assert (examination.proven_on_disk is None) == hindered


@pytest.mark.parametrize(
    ("name", "marker"), [(rule.id, name) for rule in catalogue() for name in rule.precious]
)
def test_what_is_precious_keeps(tmp_path: Path, name: str, marker: str) -> None:
    rule = replace(RULES[name], comes_back=(), top=())
    directory = build(tmp_path, rule, rule.proofs[0])
    (directory / "whatever.txt").unlink()
    assert decided(tmp_path, directory, rule) == DELETE
    make(directory, marker)
    assert decided(tmp_path, directory, rule) == "precious"


def test_the_proofs_of_own_rules_take_every_wildcard(tmp_path: Path) -> None:
    declare(tmp_path, {"d": {"lib1.txt": "", "sub2": {"mark": ""}}})
    directory = str(tmp_path / "d")
    for marker, fits in {
        "lib*": True,
        "lib?.txt": True,
        "lib[0-9].txt": True,
        "lib[a-z].txt": False,
        "lib??.txt": False,
        "sub?/mark": True,
        "sub[0-9]/mark": True,
        "*/mark": True,
        "*/other": False,
        "sub*/": True,
        "lib*/": False,
    }.items():
        rule = Rule("own/d", "", "d", (Proof(inside=(marker,)),))
        there = examine(rule, directory, str(tmp_path)).proven_on_disk is not None
        assert there == fits, marker


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        # The signature alone is what people copy, to keep their own data out of backups.
        (SIGNATURE, "unproven"),
        (SIGNATURE + "\n# made by a test", "unproven"),
        (SIGNATURE + "\n# This file is a cache directory tag created by pytest.", DELETE),
        (SIGNATURE[:-1] + "\n# created by pytest", None),
        (" " + SIGNATURE + "\n# created by pytest", None),
        (SIGNATURE.lower() + "\n# created by pytest", None),
        ("", None),
    ],
)
def test_a_tag_counts_only_with_its_signature_and_its_maker(
    tmp_path: Path, content: str, expected: str | None
) -> None:
    declare(tmp_path, {"cache": {"CACHEDIR.TAG": content}, "photos": {"CACHEDIR.TAG": content}})
    found = verdicts(tmp_path, profiles=("any",))
    assert found.get("cache") == expected
    assert "photos" not in found


def test_a_tag_that_is_a_symlink_proves_nothing(tmp_path: Path) -> None:
    declare(tmp_path, {"tag": SIGNATURE, "d": {"CACHEDIR.TAG": Path("../tag")}})
    assert verdicts(tmp_path, profiles=("any",)) == {}


def test_a_text_in_a_file_has_to_be_there(tmp_path: Path) -> None:
    rule = Rule("own/d", "", "d", (Proof(holds=Holds("*.cfg", "mark")),))
    declare(tmp_path, {"d": {"a.cfg": "nothing", "b.cfg": "a mark", "c.txt": "mark"}})
    assert decided(tmp_path, tmp_path / "d", rule) == DELETE
    (tmp_path / "d/b.cfg").unlink()
    assert decided(tmp_path, tmp_path / "d", rule) == "unproven"


@pytest.mark.parametrize(
    ("home", "made_in", "expected"),
    [
        ("{project}", "{build}", DELETE),
        ("{top}", "{build}", DELETE),
        ("{build}", "{build}", "unproven"),
        ("{build}/inside", "{build}", "unproven"),
        ("{project}", "{project}/elsewhere", "unproven"),
        ("{top}/another", "{build}", "unproven"),
        ("", "", "unproven"),
    ],
)
def test_a_cmake_build_is_one_of_the_project_around_it(
    tmp_path: Path, home: str, made_in: str, expected: str
) -> None:
    project, directory = tmp_path / "project", tmp_path / "project/build"
    where = {"top": tmp_path, "project": project, "build": directory}
    cache = (
        f"CMAKE_HOME_DIRECTORY:INTERNAL={home.format(**where)}\n"
        f"CMAKE_CACHEFILE_DIR:INTERNAL={made_in.format(**where)}\n"
    )
    declare(project, {"CMakeLists.txt": ""})
    declare(directory, {"CMakeCache.txt": cache})
    assert decided(tmp_path, directory, RULES["cmake/build"]) == expected


# Protections: without it the tree is an artifact, with it it is kept, whatever is named.

PROJECT: Final[Declared] = {
    "package.json": "{}",
    "package-lock.json": "{}",
    "node_modules": {".package-lock.json": "{}", "dep": {"index.js": "x"}},
}
ARTIFACT: Final = "node_modules"


def protected(project: Path, before: str = DELETE, **settings: object) -> str:
    """Return the verdict on the artifact of *project*, the same if it is named."""
    found = verdicts(project, **settings)[ARTIFACT]
    assert verdicts(project, **{**settings, "targets": (ARTIFACT,)})[ARTIFACT] == found
    assert before in {DELETE, found}
    return found


def _tracked(project: Path) -> None:
    git(project, "add", "--force", "node_modules/dep/index.js")


def _git_failed(project: Path) -> None:
    (project / ".git/HEAD").unlink()


def _repository_inside(project: Path) -> None:
    declare(project / ARTIFACT, {"dep/.git": "gitdir: elsewhere"})


def _repository_deep_inside(project: Path) -> None:
    git(project / ARTIFACT / "dep", "init", "--quiet")


def _keep_file_inside(project: Path) -> None:
    declare(project / ARTIFACT, {".cleanup-keep": ""})


def _keep_file_beside(project: Path) -> None:
    declare(project, {".cleanup-keep": ""})


def _bare_repository_inside(project: Path) -> None:
    git(project / ARTIFACT, "init", "--quiet", "--bare", "store.git")


@pytest.mark.parametrize(
    ("protect", "reason"),
    [
        (_tracked, Reason.TRACKED),
        (_git_failed, Reason.GIT_FAILED),
        (_repository_inside, Reason.REPOSITORY_INSIDE),
        (_repository_deep_inside, Reason.REPOSITORY_INSIDE),
        (_bare_repository_inside, Reason.REPOSITORY_INSIDE),
        (_keep_file_inside, Reason.EXCLUDED),
        (_keep_file_beside, Reason.EXCLUDED),
    ],
)
def test_what_protects_a_tree_keeps_it(
    tmp_path: Path, protect: Callable[[Path], None], reason: Reason
) -> None:
    declare(tmp_path, PROJECT)
    git(tmp_path, "init", "--quiet")
    assert protected(tmp_path) == DELETE
    protect(tmp_path)
    assert protected(tmp_path) == reason.value


def test_a_keep_file_above_keeps_within_the_root_or_the_repository(tmp_path: Path) -> None:
    project = tmp_path / "group/project"
    declare(project, PROJECT)
    declare(tmp_path / "group", {".cleanup-keep": ""})
    found = verdicts(tmp_path / "group")
    assert found == {"project/node_modules": "excluded"}
    git(tmp_path, "init", "--quiet")
    assert protected(project) == "excluded"


def test_a_keep_file_that_is_a_directory_keeps_nothing(tmp_path: Path) -> None:
    declare(tmp_path, {**PROJECT, ".cleanup-keep": {}})
    assert protected(tmp_path) == DELETE


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ("{top}/project/node_modules", True),
        ("{top}/project", True),
        ("{top}/project/", True),
        ("{top}/*/node_modules/", True),
        ("{top}/other", False),
        ("project/", True),
        ("node_modules", True),
        ("node_modules/", True),
        ("node_module", False),
        ("/project", False),
        ("~/project", True),
        ("~/projects", False),
        ("**/project/**", True),
        ("project/node_modules/dep", True),
        ("# project", False),
    ],
)
def test_keep_patterns_keep_what_they_match(tmp_path: Path, keep: str, *, kept: bool) -> None:
    project = tmp_path / "project"
    declare(project, PROJECT)
    pattern = keep.format(top=tmp_path)
    expected = "excluded" if kept else DELETE
    assert protected(project, keep=(pattern,), home=str(tmp_path)) == expected


def test_a_later_keep_pattern_may_take_one_back(tmp_path: Path) -> None:
    for name in ("a", "b"):
        declare(tmp_path / name, PROJECT)
    keep = ("node_modules/", f"!{tmp_path}/a/node_modules/")
    assert verdicts(tmp_path, keep=keep) == {"a/node_modules": DELETE, "b/node_modules": "excluded"}
    assert set(verdicts(tmp_path, keep=(*keep, "node_modules/")).values()) == {"excluded"}
    with pytest.raises(SettingsError, match="there is none"):
        verdicts(tmp_path, keep=keep[::-1])


def test_the_current_directory_protects_what_it_lies_in(tmp_path: Path) -> None:
    declare(tmp_path, PROJECT)
    for cwd, expected in {
        tmp_path / "node_modules/dep": "current-directory",
        tmp_path / "node_modules": "current-directory",
        tmp_path: DELETE,
        tmp_path / "node_modules2": DELETE,
    }.items():
        assert protected(tmp_path, cwd=str(cwd)) == expected


INSTALLED: Final = (
    *("node_modules", "site-packages", "dist-packages"),
    *("Program Files", "Program Files (x86)", "AppData", "app.asar.unpacked"),
    *(".next", ".output", ".vercel", ".netlify", ".serverless", ".aws-sam", "cdk.out"),
    *("Editor.app/Contents", "resources/app", "share/resources/app"),
)


@pytest.mark.parametrize("where", INSTALLED)
def test_what_lies_in_installed_software_is_kept(tmp_path: Path, where: str) -> None:
    for name in (where, "plain"):
        declare(tmp_path / name / "x", PROJECT)
    assert protected(tmp_path / "plain/x") == DELETE
    assert protected(tmp_path / where / "x") == "installed"


@pytest.mark.parametrize(
    "where", [".editor/one", ".cache", ".tool/share/x", ".another/x", "snap/x", "Library/x"]
)
def test_what_programs_keep_in_a_home_directory_is_kept(tmp_path: Path, where: str) -> None:
    project = tmp_path / where
    declare(project, PROJECT)
    assert protected(project, home=str(tmp_path)) == "installed"
    assert protected(project, home=str(tmp_path / "nobody")) == DELETE


SHAPES: Final = (
    *(".nvm/versions/node/v20/lib", ".volta/tools/image", ".bun/install/global", ".npm/_npx/1f2e"),
    *(".config/yarn/global", ".local/share/pnpm/global/5", ".config/coc/extensions"),
    *(".vscode-server/extensions/x.y-1", ".cursor-server/bin/1a2b", ".cursor/extensions/x.y-1"),
    *(".cache/pre-commit/repo/node_env", ".cargo/registry/src/x", ".vim/plugged/x"),
    *("Library/pnpm/global/5", "Library/Application Support/Editor/x"),
    *("data/pnpm/global/5", "settings/yarn/global"),  # XDG_DATA_HOME, XDG_CONFIG_HOME
)


@pytest.mark.parametrize("where", SHAPES)
@pytest.mark.parametrize("arguments", [{}, {"targets": (ARTIFACT,)}], ids=["proven", "named"])
def test_what_programs_keep_is_told_by_its_shape_where_nobody_knows_a_home(
    tmp_path: Path, where: str, arguments: dict[str, Any]
) -> None:
    """As in a backup, or in the home of an account that is gone."""
    declare(tmp_path / "copy" / where, PROJECT)
    other = where.replace(".", "dot-").replace("Library", "books").replace("global", "all")
    declare(tmp_path / "copy/x" / other, PROJECT)
    found = verdicts(tmp_path, **arguments)
    assert found.pop(f"copy/{where}/{ARTIFACT}") == "installed"
    # Here it is what it is called only by chance.
    assert found.pop(f"copy/x/{other}/{ARTIFACT}") == DELETE


@pytest.mark.parametrize(
    "marker", [{"pyvenv.cfg": ""}, {"conda-meta": {"history": ""}}], ids=["venv", "conda"]
)
def test_what_lies_in_an_environment_is_kept(tmp_path: Path, marker: Declared) -> None:
    project = tmp_path / "environment/share/x"
    declare(project, PROJECT)
    assert protected(project) == DELETE
    declare(tmp_path / "environment", marker)
    assert protected(project) == "installed"


def test_a_global_npm_prefix_is_kept(tmp_path: Path) -> None:
    declare(tmp_path / "lib", {"node_modules": PROJECT["node_modules"]})
    assert protected(tmp_path / "lib") == DELETE
    (tmp_path / "bin").mkdir()
    assert protected(tmp_path / "lib") == "installed"
    # A project that happens to be called lib has its own package.json.
    declare(tmp_path / "lib", {"package.json": "{}"})
    assert protected(tmp_path / "lib") == DELETE


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/usr/lib/x/node_modules", True),
        ("/usr/local/lib/node_modules", True),
        ("/usr/share/x/node_modules", True),
        ("/usr/src/app/node_modules", False),
        ("/usr/local/src/app/node_modules", False),
        ("/opt/app/node_modules", True),
        ("/lib64/x/node_modules", True),
        ("/var/lib/x/node_modules", True),
        ("/var/www/x/node_modules", False),
        ("/snap/x/node_modules", True),
        ("/nix/store/x/node_modules", True),
        ("/System/x/node_modules", True),
        ("/Applications/x/node_modules", True),
        ("/home/someone/.editor/x/node_modules", True),
        ("/home/someone/code/x/node_modules", False),
        ("/Users/someone/Library/x/node_modules", True),
        ("/Users/someone/code/node_modules", False),
        ("/root/.nvm/x/node_modules", True),
        ("/root/code/node_modules", False),
        ("/srv/app/node_modules", False),
        ("/usrs/app/node_modules", False),
        ("/optional/app/node_modules", False),
    ],
)
def test_what_belongs_to_the_system_is_kept(path: str, *, kept: bool) -> None:
    found = installed.installed(path, None, in_repository=False)
    assert (found is not None) == kept
    assert found is None or found.reason is Reason.INSTALLED


def test_a_repository_in_opt_is_a_project() -> None:
    path = "/opt/app/node_modules"
    assert installed.installed(path, None, in_repository=False) is not None
    assert installed.installed(path, None, in_repository=True) is None
    assert installed.installed("/usr/lib/app/dist", None, in_repository=True) is not None


@pytest.mark.parametrize("where", [ARTIFACT, f"{ARTIFACT}/dep"])
def test_what_is_mounted_at_or_inside_is_kept(tmp_path: Path, where: str) -> None:
    needs_root()
    declare(tmp_path, PROJECT)
    assert protected(tmp_path) == DELETE
    script = f'mount -t tmpfs none \'{where}\' 2>/dev/null || exit 99; exec "$0" "$@"'
    for arguments in ([], ["--targets", ARTIFACT]):
        command = ["unshare", "-m", "sh", "-c", script, COMMAND, "--json", *arguments]
        result = execute(*command, cwd=tmp_path)
        if result.returncode == 99:
            unable("may not mount")
        [row] = json.loads(result.stdout)["artifacts"]
        assert row["reason"] == "mount-point"


def test_what_cannot_be_read_is_kept(tmp_path: Path) -> None:
    declare(tmp_path, PROJECT)
    assert protected(tmp_path) == DELETE
    with mode(tmp_path / ARTIFACT / "dep", 0):
        for arguments in ([], ["--targets", ARTIFACT]):
            command = [*bound(), COMMAND, "--json", *arguments]
            [row] = json.loads(execute(*command, cwd=tmp_path).stdout)["artifacts"]
            assert row["reason"] == "unreadable"


WAIT: Final = "import sys; print(flush=True); sys.stdin.read()"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project, and a neighbour whose name begins with the same letters."""
    declare(tmp_path / "project", PROJECT)
    declare(tmp_path / "project-2", {"src": {"file": "x"}})
    return tmp_path / "project"


def at_work(*command: str | Path, cwd: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Have a process at work until it is closed; give it once it runs."""
    with subprocess.Popen(
        command, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def _in_directory(where: Path) -> tuple[list[str | Path], Path]:
    return [sys.executable, "-c", WAIT], where


def _has_open(where: Path) -> tuple[list[str | Path], Path]:
    file = where / "held"
    file.write_text("x")
    return [sys.executable, "-c", f"f = open({str(file)!r}, 'a'); {WAIT}"], Path("/")


def _executes(where: Path) -> tuple[list[str | Path], Path]:
    cat = shutil.which("cat")
    if cat is None:
        unable("there is no cat")
    program = where / "tool"
    shutil.copy(cat or "", program)
    return ["/bin/sh", "-c", f"echo; exec '{program}'"], Path("/")


@pytest.mark.parametrize("how", [_in_directory, _has_open, _executes])
@pytest.mark.parametrize("where", [".", ARTIFACT, f"{ARTIFACT}/dep"])
def test_what_a_process_is_at_work_in_is_kept(
    project: Path, how: Callable[[Path], tuple[list[str | Path], Path]], where: str
) -> None:
    command, cwd = how(project / where)
    assert protected(project) == DELETE
    for process in at_work(*command, cwd=cwd):
        _until_it_executes(process.pid, how is _executes)
        assert protected(project) == "in-use"
        [artifact] = judge(project).values()
        fact = artifact.evidence.facts[-1]
        assert f"({process.pid}) is at work in {project / where}".removesuffix("/.") in fact
        assert fact.startswith(("python", "tool"))
    assert protected(project) == DELETE


def _until_it_executes(pid: int, wanted: bool) -> None:  # noqa: FBT001 - a parameter of the case, told by its name
    while wanted and os.path.basename(os.readlink(f"/proc/{pid}/exe")) != "tool":
        pass


def test_a_process_at_work_next_door_keeps_nothing(project: Path) -> None:
    command, _ = _in_directory(project)
    for _process in at_work(*command, cwd=project.parent / "project-2/src"):
        assert protected(project) == DELETE
    for _process in at_work(*command, cwd=project.parent):
        assert protected(project) == DELETE


def test_the_shell_that_called_keeps_nothing(project: Path) -> None:
    shell = ["sh", "-c", f"'{COMMAND}' --json; true"]
    [row] = json.loads(execute(*shell, cwd=project).stdout)["artifacts"]
    assert row["reason"] is None


def test_a_candidate_that_is_mounted_on_is_said_to_be(tmp_path: Path) -> None:
    declare(tmp_path, PROJECT)
    path = str(tmp_path / ARTIFACT)
    rules = (RULES["js/node_modules"],)
    for mounted in (False, True):
        candidate = Candidate(path, str(tmp_path), Identity(0, 0), mounted)
        [sighting] = gather([candidate], Circumstances(rules))
        reason = sighting.protection.reason if sighting.protection else None
        assert reason is (Reason.MOUNT_POINT if mounted else None)
