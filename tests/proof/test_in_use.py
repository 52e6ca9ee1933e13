"""What is in use, whatever path, namespace or user it is in use by; and what is not."""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from cleanup_nodemodule.model import Identity
from cleanup_nodemodule.proof import git_process, protections
from cleanup_nodemodule.proof.in_use import Whose
from cleanup_nodemodule.system import mounts
from support import simple
from support.accounts import ANOTHER, NOBODY, SOMEBODY, as_account, give, give_away
from support.filesystems import Mounts
from support.git import git as run_git
from support.needs import needs_root, unable
from support.places import COMMAND
from support.processes import execute
from support.tool import PROJECT, Tool, facts
from support.trees import declare

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.path.exists("/proc/self/fdinfo"), reason="there is no /proc"),
]

ARTIFACT: Final = "node_modules"
WAIT: Final = "print('', flush=True); import sys; sys.stdin.read()"


@contextlib.contextmanager
def at_work(*command: str | Path, cwd: Path = Path("/"), **how: Any) -> Iterator[int]:
    """Have a process at work, which says when it has begun; give its number."""
    with subprocess.Popen(
        command, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **how
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.kill()


def kept(tool: Tool, top: Path, reason: str = "in-use", *arguments: str, **how: Any) -> str:
    """See that the artifact is kept for *reason*, by a dry run and by one that deletes; return the fact."""
    for told in (tool.run(top, *arguments, **how), tool.delete(top, *arguments, **how)):
        assert told.reasons == {ARTIFACT: reason}
    assert (top / ARTIFACT).exists()
    return str(facts(told.rows[ARTIFACT])[-1])


def deleted(tool: Tool, top: Path, *arguments: str, **how: Any) -> None:
    """See that the artifact is deleted."""
    assert tool.run(top, *arguments, **how).reasons == {ARTIFACT: None}
    assert tool.delete(top, *arguments, **how).outcomes == {ARTIFACT: "deleted"}


@pytest.fixture
def tool(one_tool: Tool) -> Tool:
    """The command with one engine, as none decides who is at work where."""
    return one_tool


@pytest.fixture
def project(tmp_path: Path) -> Path:
    declare(tmp_path / "srv/app", {**PROJECT, "server.js": "x"})
    return tmp_path / "srv/app"


# A service that works elsewhere.


@pytest.mark.parametrize(
    "argument",
    [
        "{0}/server.js",
        "--config={0}/server.js",
        "-I{0}/src",
        "/usr/share:{0}/server.js",
        "file://{0}/server.js",
        "node {0}/server.js",
        "/../{0}//server.js",
        "{0}/../current/server.js",
        "{0}",
    ],
)
def test_an_argument_tells_where_a_service_is_at_work(
    tool: Tool, project: Path, argument: str
) -> None:
    (project.parent / "current").symlink_to("app")
    if "current" in argument:
        argument = argument.format(project.parent / "x")
    with at_work(sys.executable, "-c", WAIT, argument.format(project)) as number:
        assert f"({number}) is at work in {project}" in kept(tool, project)


def test_a_relative_argument_is_one_of_the_current_directory(tool: Tool, project: Path) -> None:
    words = (sys.executable, "-c", WAIT, "srv/app/server.js")
    with at_work(*words, cwd=project.parent.parent) as number:
        assert f"({number}) is at work in {project}/server.js" in kept(tool, project)
    deleted(tool, project)


def test_arguments_that_only_sound_like_it_keep_nothing(tool: Tool, project: Path) -> None:
    words = (f"{project}-2/x", f"http:/{project}/x", "app", f"{project.parent}")
    with at_work(sys.executable, "-c", WAIT, *words, cwd=project.parent):
        deleted(tool, project)


def test_what_another_run_is_told_to_search_is_no_work(tool: Tool, project: Path) -> None:
    """It may be waiting until this one has ended."""
    words = (f"{project.parent}/bin/cleanup-nodemodule", "-p", str(project))
    with at_work(sys.executable, "-c", WAIT, *words):
        deleted(tool, project)


def test_a_program_out_of_an_environment_is_at_work_in_its_project(
    tool: Tool, project: Path
) -> None:
    """Its interpreter lies elsewhere, and is a symlink in the environment."""
    (project / "venv/bin").mkdir(parents=True)
    (project / "venv/bin/python").symlink_to(os.path.realpath(sys.executable))
    with at_work(project / "venv/bin/python", "-c", WAIT):
        kept(tool, project)


@pytest.mark.parametrize("where", ["node_modules/native", "lib"])
def test_a_file_that_is_mapped_is_in_use(tool: Tool, project: Path, where: str) -> None:
    """As a module in machine code is, after it has been loaded and closed."""
    file = project / where / "addon.node"
    file.parent.mkdir()
    file.write_bytes(b"x" * 5000)
    program = f"""if True:
        import mmap, os
        os.chdir({str(project)!r})
        with open("{where}/addon.node", "rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        os.chdir("/")
        # What maps a file in Python keeps it open, which loading one does not.
        os.closerange(3, 100)
        {WAIT}
    """
    script = project.parent / "script"
    script.write_text(program)
    with at_work(sys.executable, script) as number:
        assert f"({number}) is at work in {file}" in kept(tool, project)


def test_a_process_in_what_is_mounted_at_another_place_too(
    tool: Tool, project: Path, disks: Mounts, tmp_path: Path
) -> None:
    """Whichever of the two the process, and whichever the tool, goes by."""
    other = disks.bind(project.parent, tmp_path / "other") / "app"
    for mine, theirs in ((project, other), (other, project)):
        with at_work(sys.executable, "-c", WAIT, cwd=theirs) as number:
            assert f"({number}) is at work in {mine}" in kept(tool, mine)
    deleted(tool, project)


def test_a_process_in_an_overlay_is_at_work_in_its_layers(
    tool: Tool, project: Path, disks: Mounts, tmp_path: Path
) -> None:
    disks.tmpfs(tmp_path / "layers")
    for name in ("upper", "work"):
        (tmp_path / "layers" / name).mkdir()
    merged = disks.overlay(
        tmp_path / "merged",
        project.parent,
        tmp_path / "layers/upper",
        tmp_path / "layers/work",
    )
    with at_work(sys.executable, "-c", WAIT, cwd=merged / "app") as number:
        assert f"({number}) is at work in {project}" in kept(tool, project)


# Other mount namespaces.


def test_a_process_in_an_overlay_of_a_container_is_at_work_in_its_layers(
    tool: Tool, project: Path, tmp_path: Path
) -> None:
    for name in ("layers", "merged"):
        (tmp_path / name).mkdir()
    layers = f"{tmp_path}/layers"
    script = (
        f"mount -t tmpfs none '{layers}'; mkdir '{layers}/upper' '{layers}/work';"
        f" mount -t overlay -o 'lowerdir={project.parent},upperdir={layers}/upper,workdir={layers}/work'"
        f" overlay '{tmp_path}/merged'; cd '{tmp_path}/merged/app'"
    )
    with at_work(*container(script)) as number:
        assert f"({number}) is at work in {project}" in kept(tool, project)


def container(script: str, *more: str | Path) -> tuple[str | Path, ...]:
    """Return a command that runs in a mount namespace of its own, in which *script* mounts things first."""
    needs_root()
    return (
        *("unshare", "--mount", "--propagation", "private", "sh", "-ec"),
        f'{script}; exec "$@"',
        *("sh", sys.executable, "-c", WAIT, *more),
    )


def test_a_process_in_a_container_that_calls_the_project_otherwise(
    tool: Tool, project: Path, tmp_path: Path
) -> None:
    (project / "src").mkdir()
    (tmp_path / "inside").mkdir()
    for where in (".", "src"):
        script = f"mount --bind '{project}' '{tmp_path}/inside'; cd '{tmp_path}/inside/{where}'"
        with at_work(*container(script)) as number:
            assert f"({number}) is at work in" in kept(tool, project)
    deleted(tool, project)


def test_a_process_whose_root_directory_is_another(
    tool: Tool, project: Path, tmp_path: Path
) -> None:
    """As a container has it; its arguments start from there."""
    (tmp_path / "root").mkdir()
    python = os.path.realpath(sys.executable)
    script = (
        f"mount --rbind / '{tmp_path}/root'; mount --bind '{project}' '{tmp_path}/root/mnt';"
        f" exec chroot '{tmp_path}/root' '{python}' -c \"$3\" /mnt/server.js"
    )
    with at_work(*container(script)) as number:
        assert f"({number}) is at work in {project}/server.js" in kept(tool, project)
    deleted(tool, project)


def test_a_process_is_known_by_its_directory_alone(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the mount table says: here it says nothing."""
    (project / "src").mkdir()
    (tmp_path / "inside").mkdir()
    monkeypatch.setattr(mounts.Table, "origin", lambda *_: None)
    script = f"mount --bind '{project}' '{tmp_path}/inside'; cd '{tmp_path}/inside/src'"
    with at_work(*container(script)) as number:
        seen = protections.running_processes(os.getpid())
    identities = {}
    for path in (project, project / ARTIFACT):
        status = path.stat()
        identities[path] = Identity(status.st_dev, status.st_ino)

    def asked(*paths: Path) -> str | None:
        whose = Whose(frozenset(identities[path] for path in paths))
        found = seen.at_work_in("/nowhere", "/nowhere/x", whose)
        return None if found is None else found.detail

    assert asked(project / ARTIFACT) is None
    assert f"({number}) is at work" in str(asked(project, project / ARTIFACT))


def test_what_is_a_mount_point_in_a_container_is_kept(
    tool: Tool, project: Path, tmp_path: Path
) -> None:
    """A volume for node_modules over the project's directory, as many a compose file has it."""
    (tmp_path / "inside").mkdir()
    (tmp_path / "volume").mkdir()
    shutil.rmtree(project / ARTIFACT)
    (project / ARTIFACT).mkdir()
    script = (
        f"mount --bind '{project}' '{tmp_path}/inside';"
        f" mount --bind '{tmp_path}/volume' '{tmp_path}/inside/node_modules'"
    )
    with at_work(*container(script)) as number:
        fact = kept(tool, project, "mount-point")
        assert f"something is mounted on {project}/node_modules" in fact
        assert f"({number})" in fact
    deleted(tool, project)


@pytest.mark.parametrize(("mounting", "reason"), [("", "in-use"), (ARTIFACT, "mount-point")])
def test_what_the_owner_of_a_project_does_in_a_container_of_their_own_keeps_it(
    tool: Tool, project: Path, tmp_path: Path, mounting: str, reason: str
) -> None:
    """By a user namespace, as podman and rootless docker have it, while root cleans up."""
    needs_root()
    for name in ("inside", "volume"):
        (project.parent / name).mkdir()
    give_away(project.parent)
    for around in tmp_path.parents:
        if around.stat().st_mode & 0o001:
            break
        around.chmod(0o711)
    tmp_path.chmod(0o711)
    script = "mount --bind app inside; cd inside"
    if mounting:
        script = f"mount --bind app inside; mount --bind volume inside/{mounting}; cd /"
    command = (
        *as_account(NOBODY),
        *("unshare", "--user", "--map-root-user", "--mount", "sh", "-ec"),
        f"{script}; echo; exec cat",
    )
    with at_work(*command, cwd=project.parent):
        kept(tool, project, reason)
    deleted(tool, project)


def test_what_is_mounted_deep_inside_only_in_a_container_is_kept(tool: Tool, project: Path) -> None:
    script = f"mount -t tmpfs none '{project}/node_modules/pkg/deep'"
    with at_work(*container(script)):
        kept(tool, project, "mount-point", "--targets", ARTIFACT)


@pytest.mark.parametrize("where", [".", "pkg"])
def test_what_is_a_mount_point_by_another_path_is_kept(
    tool: Tool, project: Path, tmp_path: Path, disks: Mounts, where: str
) -> None:
    other = disks.bind(project, tmp_path / "other")
    disks.tmpfs(project / ARTIFACT / where)
    fact = kept(tool, other, "mount-point")
    place = os.path.normpath(other / ARTIFACT / where)
    assert f"{place}, by the path {project}" in fact


THREAD: Final = """
import ctypes, os, sys, threading
system = ctypes.CDLL(None)
def work():
    if {apart}:
        assert system.unshare({apart}) == 0
        {does}
    print(flush=True)
    sys.stdin.read()
threading.Thread(target=work).start()
if {ends}:
    system.syscall({exit}, 0)
"""
CLONE_FS: Final = 0x200
CLONE_NEWNS: Final = 0x20000


def threads(apart: int = 0, does: str = "pass", *, ends: bool = False) -> tuple[str, ...]:
    """Return a program in which a thread does something of its own; its first one may end."""
    needs_root()
    number = {"x86_64": 60, "aarch64": 93}.get(os.uname().machine)
    if number is None:
        unable("needs to know the number of exit(2)")
    text = THREAD.format(apart=apart, does=does, ends=ends, exit=number)
    return (sys.executable, "-c", text)


def test_a_thread_with_a_current_directory_of_its_own_is_at_work_there(
    tool: Tool, project: Path
) -> None:
    command = threads(CLONE_FS, "os.chdir(os.environ['PLACE'])")
    with at_work(*command, env={**os.environ, "PLACE": str(project)}):
        assert f"is at work in {project}" in kept(tool, project)
    deleted(tool, project)


def test_a_process_whose_first_thread_has_ended_is_at_work(tool: Tool, project: Path) -> None:
    with at_work(*threads(ends=True), cwd=project):
        assert f"is at work in {project}" in kept(tool, project)
    deleted(tool, project)


def test_what_only_a_thread_has_mounted_is_kept(tool: Tool, project: Path) -> None:
    mount = (
        "assert system.mount(b'none', b'/', None, 0x44000, None) == 0;"
        " assert system.mount(b'none', os.environb[b'PLACE'], b'tmpfs', 0, None) == 0"
    )
    env = {**os.environ, "PLACE": str(project / ARTIFACT)}
    with at_work(*threads(CLONE_FS | CLONE_NEWNS, mount), env=env):
        kept(tool, project, "mount-point")
    deleted(tool, project)


def test_a_container_somewhere_else_keeps_nothing(
    tool: Tool, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "inside").mkdir()
    declare(tmp_path / "srv/app-2", PROJECT)
    script = (
        f"mount --bind '{project.parent}/app-2' '{tmp_path}/inside';"
        f" mount -t tmpfs none '{tmp_path}/inside/node_modules'; cd '{tmp_path}/inside'"
    )
    with at_work(*container(script)):
        deleted(tool, project)


def test_a_disk_that_does_not_answer_in_a_container_holds_up_nothing(
    tool: Tool, project: Path, disks: Mounts, tmp_path: Path
) -> None:
    served = disks.misbehaving(tmp_path / "net", {"app": {"f": 1}})
    words = (f"{tmp_path}/net/app/server.js", f"{tmp_path}/link/server.js")
    (tmp_path / "link").symlink_to("net/app")
    with at_work(*container(f"cd '{tmp_path}/net/app'", *words)):
        served.change(silent=["/"])
        asked = served.calls("getattr", "/app")
        deleted(tool, project, "--timeout", "20")
        assert served.calls("getattr", "/app") == asked


# Processes that may not be looked at.

BLIND: Final = ("setpriv", "--bounding-set=-sys_ptrace")
"""Root as in a container, which may not look at what others run."""


@contextlib.contextmanager
def somebody(*command: str | Path, user: int = ANOTHER, cwd: Path = Path("/")) -> Iterator[int]:
    """Have a process of another user at work."""
    needs_root()
    with at_work(*command, cwd=cwd, user=user, group=user, extra_groups=[]) as number:
        yield number


SLEEPER: Final = ("sh", "-c", "echo; exec sleep 600")


def test_what_belongs_to_somebody_else_is_in_use_where_nobody_can_say(
    tool: Tool, project: Path
) -> None:
    give_away(project, account=SOMEBODY)
    with somebody(*SLEEPER):
        fact = kept(tool, project, prefix=BLIND)
        assert "could not be looked at" in fact
        assert "--assume-unused" in fact
        words = execute(*BLIND, *tool.command, "-p", project, cwd=tool.home, env=tool.env)
        again = f"cleanup-nodemodule {project} --engine {tool.engine} --assume-unused"
        assert f"To take it for unused: {again}\n".encode() in words.stderr
        deleted(tool, project, "--assume-unused", prefix=BLIND)


@pytest.mark.parametrize("what", [".", ARTIFACT])
def test_it_is_enough_that_the_artifact_or_its_project_is_somebody_elses(
    tool: Tool, project: Path, what: str
) -> None:
    give(SOMEBODY, project / what)
    with somebody(*SLEEPER):
        kept(tool, project, prefix=BLIND)
    deleted(tool, project)


def test_for_ones_own_it_is_said_and_nothing_is_kept(tool: Tool, project: Path) -> None:
    with somebody(*SLEEPER):
        told = tool.run(project, prefix=BLIND)
        assert told.reasons == {ARTIFACT: None}
        assert told.document["unseen_processes"] >= 1
        words = execute(*BLIND, *tool.command, "-p", project, cwd=tool.home, env=tool.env)
        assert b"could not be looked at (no permission), so nobody knows what " in words.stderr
        assert b"--assume-unused" not in words.stderr
        deleted(tool, project, prefix=BLIND)


def test_where_all_can_be_looked_at_nothing_is_said(tool: Tool, project: Path) -> None:
    give_away(project, account=SOMEBODY)
    with somebody(*SLEEPER):
        told = tool.run(project)
        assert (told.reasons, told.document["unseen_processes"]) == ({ARTIFACT: None}, 0)
        words = execute(*tool.command, "-p", project, cwd=tool.home, env=tool.env)
        assert b"looked at" not in words.stderr


def test_what_anybody_may_read_of_a_process_still_counts(
    tool: Tool, project: Path, tmp_path: Path
) -> None:
    """Its arguments, and what is mounted where it runs."""
    with somebody("sh", "-c", "echo; exec sleep 600 | sleep 600", str(project / "server.js")):
        kept(tool, project, prefix=BLIND)
    script = (
        f"mount -t tmpfs none '{project}/node_modules/pkg'; echo;"
        f" exec setpriv --reuid={ANOTHER} --clear-groups sleep 600"
    )
    mounting = ("unshare", "--mount", "--propagation", "private", "sh", "-ec", script)
    needs_root()
    with at_work(*mounting, cwd=tmp_path):
        kept(tool, project, "mount-point", prefix=BLIND)


@pytest.mark.parametrize("mode", ["noaccess", "invisible", "ptraceable"])
def test_where_proc_hides_processes_that_is_said(tool: Tool, project: Path, mode: str) -> None:
    """proc(5), hidepid: the processes of others are not even listed."""
    needs_root()
    give_away(project, account=SOMEBODY)
    mount = f'mount -t proc -o hidepid={mode} proc /proc && exec "$@"'
    prefix = (
        *("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "sh", "-c"),
        # Somebody else's process is in there, and root may not look at others.
        f"setpriv --reuid={ANOTHER} --clear-groups sleep 600 & {mount}",
        *("sh", *BLIND),
    )
    fact = kept(tool, project, prefix=prefix)
    told = tool.run(project, "--assume-unused", prefix=prefix)
    assert told.reasons == {ARTIFACT: None}
    if mode == "noaccess":
        assert "1 process could not be looked at" in fact
        assert told.document["unseen_processes"] == 1
    else:
        assert "the system hides the processes of other users" in fact
        assert told.document["unseen_processes"] is None
    # With the right to look at them nothing is hidden.
    assert tool.run(project, prefix=prefix[:-2]).reasons == {ARTIFACT: None}


def test_an_ordinary_user_can_clean_up_what_is_theirs(tmp_path: Path, project: Path) -> None:
    """With processes of root and others around that may not be looked at."""
    needs_root()
    user = tmp_path / "user"
    user.mkdir()
    give_away(project, account=SOMEBODY)
    simple.install(user / "config")
    give_away(user, account=SOMEBODY)
    for directory in (tmp_path, *tmp_path.parents):
        if not directory.stat().st_mode & 0o001:
            directory.chmod(0o711)  # It is one that pytest made.
    if subprocess.run(
        ["setpriv", f"--reuid={SOMEBODY}", "--clear-groups", sys.executable, "-c", "0"],
        capture_output=True,
        check=False,
    ).returncode:
        unable("another user cannot run the interpreter of these tests")
    with somebody(*SLEEPER):
        done = execute(
            *as_account(SOMEBODY),
            COMMAND,
            *("-p", project, "--no-dry-run", "--yes"),
            cwd=user,
            env={
                "HOME": str(user),
                "XDG_STATE_HOME": str(user / "state"),
                "XDG_CONFIG_HOME": str(user / "config"),
            },
        )
    assert b"Deleted 1 of 1" in done.stderr
    assert b"could not be looked at" in done.stderr


# The reader of one's own output.


def piped(tool: Tool, project: Path, script: str, *options: str) -> bool:
    """Have a shell in the project run *script*, in which ``tool`` is the command; tell whether it deleted."""
    words = " ".join(
        f"'{word}'" for word in (*tool.command, "-p", project, "--no-dry-run", "--yes", *options)
    )
    script = f'tool() {{ {words} "$@"; }}\n{script}'
    done = execute("bash", "-c", script, cwd=project, env=tool.env)
    assert b"Traceback" not in done.stderr
    return not (project / ARTIFACT).exists()


READERS: Final = [
    "tool | sh -c 'cat; :'",
    "tool --json | jq .artifacts",
    "tool | less",
    "tool --format paths | xargs -0 sh -c ':'",
    "tool | grep -v node_modules",
    "tool | tee report.txt",
    "tool 2>&1 | tee -a report.txt | tee other.txt | cat",
    "(tool; :) | (tee report.txt; :)",
    "tool > >(tee report.txt)",
    "set -m; tool | tee report.txt",
    "sleep 600 & tool; kill $!",
    # sudo has what it runs in a session of its own.
    'setsid --wait sh -c \'"$@"; :\' sh "${words[@]}" | tee report.txt',
]


@pytest.mark.parametrize("script", READERS)
def test_who_reads_the_output_is_not_at_work(tool: Tool, project: Path, script: str) -> None:
    words = (*tool.command, "-p", project, "--no-dry-run", "--yes")
    quoted = " ".join(f"'{word}'" for word in words)
    assert piped(tool, project, f"words=({quoted}); {script}")


AT_WORK: Final = [
    # In the same script, without job control: its argument names a file.
    "python3 server.py & tool; kill $!",
    # In the same session, as an interactive shell starts it.
    "set -m; sleep 600 & tool; kill $!",
    # It reads the output, but is a program of the project.
    "tool | ./cat",
    "tool | python3 server.py",
    # It reads something else in the project, too.
    "tool | cat - server.py",
    "cd /; tool | (cd - >/dev/null; exec cat 0<&0 3<server.py)",
    # It is where the run was not started.
    "cd /; tool | (cd - >/dev/null; cat)",
    # It has nothing to do with what is printed but that it prints to the same place.
    "{ setsid sleep 600 & tool; kill $!; } | cat",
]


@pytest.mark.parametrize("script", AT_WORK)
def test_what_is_started_beside_it_is_at_work(tool: Tool, project: Path, script: str) -> None:
    shutil.copy(shutil.which("cat") or unable("there is no cat"), project)
    (project / "server.py").write_text("import sys, time\nsys.stdin.read()\ntime.sleep(600)\n")
    if script.endswith("server.py"):
        (project / "server.py").write_text("import sys\nsys.stdin.read()\n")
    assert not piped(tool, project, script)


def test_the_git_that_a_run_asks_is_not_at_work_in_the_repository(
    tmp_path: Path,
) -> None:
    """One artifact is looked at while git is asked about another one of the same repository."""
    run_git(tmp_path, "init")
    places: list[str] = []

    async def asked() -> None:
        limits = git_process.Limits(30.0, 1 << 30)
        arguments = [b"-C", os.fsencode(tmp_path), b"cat-file", b"--batch"]
        running = await git_process._start(arguments, dict(os.environ), limits)  # noqa: SLF001 - as a run starts it
        try:
            for _ in range(20):
                work = protections.running_processes(os.getpid(), assume_unused=False)
                if work.at_work_in(str(tmp_path), str(tmp_path / "dist"), Whose()) is not None:
                    places.append("at work")
                await asyncio.sleep(0)
        finally:
            await running.end()

    asyncio.run(asked())
    assert places == []
