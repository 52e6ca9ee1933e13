"""Files that a result is written to: which format they get, where they really are, and that they are whole or not there."""

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cleanup_nodemodule.config.keys import Format
from cleanup_nodemodule.show.output_files import OutputError, OutputFiles, Target, parse, parsed
from cleanup_nodemodule.system import whole_file
from support.accounts import NOBODY, as_account, give
from support.filesystems import Mounts
from support.needs import needs_root
from support.places import COMMAND
from support.processes import execute, execute_text, surroundings
from support.reports import report, row
from support.tool import PROJECT, Tool
from support.trees import declare, listing
from support.waiting import await_condition

# What is typed.


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("a.json", Target(Format.JSON, "a.json")),
        ("a.NDJSON", Target(Format.NDJSON, "a.NDJSON")),
        ("a.jsonl", Target(Format.NDJSON, "a.jsonl")),
        ("/x/a.csv", Target(Format.CSV, "/x/a.csv")),
        ("a.md", Target(Format.MARKDOWN, "a.md")),
        ("a.txt", Target(Format.PLAIN, "a.txt")),
        ("csv:a", Target(Format.CSV, "a")),
        ("json:a.csv", Target(Format.JSON, "a.csv")),
        ("table:a:b", Target(Format.TABLE, "a:b")),
        ("paths:list", Target(Format.PATHS, "list")),
        ("csv:-", Target(Format.CSV, "-")),
        ("markdown:/dev/stdout", Target(Format.MARKDOWN, "-")),
        ("./jsn:a.json", Target(Format.JSON, "./jsn:a.json")),
        ("/x/odd:a.json", Target(Format.JSON, "/x/odd:a.json")),
        ("C:\\a.json", Target(Format.JSON, "C:\\a.json")),
    ],
)
def test_a_format_is_said_before_the_name_or_by_its_ending(text: str, target: Target) -> None:
    assert parse(text) == target


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "--output needs a file, as in: --output audit.json"),
        ("-", "--output - needs a format, as in: --output json:-"),
        ("json:", "--output json: has no file; type for instance: --output json:audit"),
        (
            "audit",
            "--output: the name audit asks for no format; type it before the name, as in: --output json:audit",
        ),
        (
            "jsno:a.json",
            "--output: there is no format jsno; did you mean json? There are "
            + ", ".join(Format)
            + ". For a file of that name type: --output ./jsno:a.json",
        ),
    ],
)
def test_what_says_no_format_is_told_what_to_type(text: str, said: str) -> None:
    with pytest.raises(OutputError) as caught:
        parse(text)
    assert str(caught.value) == said


def test_standard_output_takes_one_format() -> None:
    assert parsed(["csv:-", "a.json", "csv:-"]) == ([Target(Format.JSON, "a.json")], Format.CSV)
    with pytest.raises(OutputError, match="standard output takes one format only"):
        parsed(["csv:-", "json:-"])


# Where it is, and whether it can be written.


def files(*paths: str | Path) -> OutputFiles:
    return OutputFiles([Target(Format.JSON, str(path)) for path in paths])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_look_leaves_nothing_behind(here: Path) -> None:
    files("a.json", here / "b.json")
    assert listing(here) == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (
            "nowhere/a.json",
            "--output: cannot write nowhere/a.json: No such file or directory; type",
        ),
        (
            ".",
            "--output takes a file, and . is a directory; type for instance: --output ./audit.json",
        ),
        ("/dev/full/x", "--output: cannot write /dev/full/x: Not a directory; type"),
        ("a\0b", "--output: cannot write $'a\\x00b': "),
        (f"{'n' * 256}.json", "--output: cannot write n"),
        ("block", "--output: cannot write block: it is no regular file; type"),
    ],
)
def test_what_cannot_be_written_is_said_before_anything_else(
    here: Path, path: str, said: str
) -> None:
    if path == "block":
        needs_root()
        os.mknod(here / "block", 0o660 | stat.S_IFBLK, os.makedev(240, 9))
    with pytest.raises(OutputError) as caught:
        files(path)
    assert str(caught.value).startswith(said)


def test_two_ways_to_one_file_are_one_too_many(here: Path) -> None:
    (here / "link.json").symlink_to("a.json")
    with pytest.raises(OutputError, match=r"--output link\.json is there twice"):
        files("a.json", "link.json")


def test_a_symlink_stays_and_what_it_leads_to_is_written(here: Path) -> None:
    (here / "real").mkdir()
    (here / "link.json").symlink_to("real/a.json")
    for _ in range(2):  # The first time there is nothing at its end.
        assert files("link.json").write(report()) == []
        assert (here / "link.json").is_symlink()
        assert json.loads((here / "real/a.json").read_text())["complete"] is True
    assert listing(here / "real") == [b"a.json"]


@pytest.mark.parametrize("there", ["an old one", ""])
def test_a_symlink_that_somebody_else_has_made_is_not_followed(here: Path, there: str) -> None:
    """Root would write over a file of its own choice, for whoever may put a name into the directory."""
    needs_root()
    (here / "link.json").symlink_to("a.json")
    os.lchown(here / "link.json", NOBODY, NOBODY)
    if there:
        (here / "a.json").write_text("mine")
    with pytest.raises(OutputError, match="leads through a symlink that somebody else has made"):
        files("link.json")


def test_a_directory_that_may_not_be_written_is_said_before_anything_is_deleted(
    tmp_path: Path,
) -> None:
    needs_root()
    top, closed = tmp_path / "top", tmp_path / "closed"
    declare(top, PROJECT)
    closed.mkdir()
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    give(NOBODY, top, top / "node_modules", home)
    done = execute_text(
        *as_account(NOBODY, anywhere=True),
        *(COMMAND, "-p", top, "--no-dry-run", "-o", closed / "a.json"),
        cwd=tmp_path,
        env=surroundings({"HOME": str(home)}),
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        f"cleanup-nodemodule: --output: cannot write {closed}/a.json: Permission denied; type"
    )
    assert (top / "node_modules").is_dir()


# Writing.


def test_a_file_is_new_by_the_umask_and_later_like_the_one_before(here: Path) -> None:
    before = os.umask(0o027)
    try:
        files("a.json").write(report())
        assert stat.S_IMODE((here / "a.json").stat().st_mode) == 0o640
        (here / "a.json").chmod(0o604)
        if os.geteuid() == 0:
            give(NOBODY, here / "a.json")
        old = (here / "a.json").stat()
        files("a.json").write(report())
    finally:
        os.umask(before)
    new = (here / "a.json").stat()
    assert new.st_ino != old.st_ino
    assert (new.st_mode, new.st_uid, new.st_gid) == (old.st_mode, old.st_uid, old.st_gid)
    assert listing(here) == [b"a.json"]


@pytest.mark.parametrize("there", ["an old one", ""])
def test_what_fails_midway_leaves_all_as_it_was(here: Path, there: str) -> None:
    if there:
        (here / "a").write_bytes(b"old")

    def pieces() -> Iterator[bytes]:
        yield b"new" * 1_000_000
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        whole_file.write(str(here / "a"), pieces(), lambda: None)
    assert listing(here) == ([b"a"] if there else [])
    assert not there or (here / "a").read_bytes() == b"old"


@pytest.mark.parametrize("length", [1, 250, 255])
def test_a_name_may_be_as_long_as_a_name_can_be(here: Path, length: int) -> None:
    name = ("名" * 85)[: length // 3] + "n" * (length - length // 3 * 3)
    OutputFiles([Target(Format.CSV, name)]).write(report([row()]))
    assert listing(here) == [os.fsencode(name)]


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    """As a shell makes one for ``>(command)``."""
    declare(tmp_path / "top", PROJECT)
    script = f"{COMMAND} -q top -o json:>(cat > told) > shown"
    subprocess.run(["bash", "-c", script], check=True, cwd=tmp_path, env=surroundings())
    told = tmp_path / "told"
    await_condition(lambda: told.read_bytes().endswith(b"}\n"), "the document was read")
    assert json.loads((tmp_path / "told").read_text())["totals"]["found"] == 1
    done = execute(COMMAND, "-q", "top", "-o", "csv:/dev/null", cwd=tmp_path)
    assert done.returncode == 0
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_several_files_and_standard_output_each_have_their_own_format(
    one_tool: Tool, tmp_path: Path
) -> None:
    top = tmp_path / "top"
    declare(top, PROJECT)
    names = ["a.json", "b.ndjson", "c.csv", "d.md", "e.txt", "table:f", "paths:g"]
    outputs = [word for name in names for word in ("-o", name)]
    done = one_tool.tell(top, *outputs)
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)
    home = one_tool.home
    assert done.stdout == (home / "e.txt").read_text()
    assert json.loads((home / "a.json").read_text())["totals"]["found"] == 1
    assert (home / "b.ndjson").read_text().startswith('{"record":"run"')
    assert (home / "c.csv").read_bytes().startswith(b'"path","name"')
    assert (home / "d.md").read_text().startswith("## 1 of 1 directory can be deleted")
    assert (home / "f").read_text().startswith(f"Can be deleted in {top}:\n")
    assert (home / "g").read_text() == f"{top}/node_modules\n"
    done = one_tool.tell(top, "--output", "csv:-", "--output", "json:a.json")
    assert done.stdout.replace("\r\n", "\n") == (home / "c.csv").read_text()


@pytest.mark.parametrize(
    ("words", "code"), [(("--profile", "nope"), 2), (("-p", "/nowhere"), 2), (("--top", "x"), 2)]
)
def test_what_ends_a_command_is_told_in_its_files(
    one_tool: Tool, words: tuple[str, ...], code: int
) -> None:
    """An old one would pass for the result of this run. What cannot be understood leaves it alone."""
    old = one_tool.home / "a.json"
    old.write_text("old")
    done = one_tool.tell(*words, "-o", "a.json", "-o", "b.ndjson")
    assert done.returncode == code
    if "--top" in words:
        assert old.read_text() == "old"
        return
    document = json.loads(old.read_text())
    [problem] = document["problems"]
    assert document["complete"] is False
    assert problem["message"] in done.stderr
    last = (one_tool.home / "b.ndjson").read_text().splitlines()[-1]
    assert json.loads(last)["complete"] is False


def test_a_full_disk_under_a_file_hides_no_deletion_and_keeps_the_old_file(
    one_tool: Tool, tmp_path: Path, disks: Mounts
) -> None:
    small = disks.tmpfs(tmp_path / "small", "size=32k,mode=755")
    (small / "a.json").write_text("old")
    top = tmp_path / "top"
    declare(top, {f"project-{number:03}": PROJECT for number in range(60)})
    words = ("-p", top, "--no-dry-run", "-o", small / "a.json", "-o", tmp_path / "b.csv")
    done = execute_text(*one_tool.command, *words, cwd=one_tool.home, env=one_tool.env)
    assert done.returncode == 1
    assert done.stdout.count("deleted\t") == 60
    assert (
        f"could not write {small}/a.json: No space left on device; the old file is as it was"
        in done.stderr
    )
    assert "Deleted 60 of 60" in done.stderr
    assert listing(small) == [b"a.json"]
    assert (small / "a.json").read_text() == "old"
    assert (tmp_path / "b.csv").read_text().count("deleted") == 60


# One file for two purposes.


@pytest.mark.parametrize("option", ["--save-plan", "--from-file", "--artifacts-from", "--config"])
def test_a_file_that_the_run_needs_otherwise_is_not_replaced(
    one_tool: Tool, tmp_path: Path, option: str
) -> None:
    top, file = tmp_path / "top", tmp_path / "file"
    declare(top, PROJECT)
    content = {"--config": "verbose = true\n", "--save-plan": ""}.get(option, f"{top}\n")
    file.write_text(content)
    (tmp_path / "link").symlink_to("file")
    done = one_tool.tell(option, file, "-o", f"csv:{tmp_path}/link")
    assert done.returncode == 2
    assert "is the file of" in done.stderr
    assert file.read_text() == content


def test_a_plan_is_not_replaced_when_it_is_applied(one_tool: Tool, tmp_path: Path) -> None:
    declare(tmp_path / "top", PROJECT)
    plan = tmp_path / "plan.json"
    assert one_tool.tell(tmp_path / "top", "--save-plan", plan).returncode == 0
    before = plan.read_bytes()
    done = one_tool.tell("apply", plan, "-o", plan)
    assert done.returncode == 2
    assert "is the file of apply, too" in done.stderr
    assert plan.read_bytes() == before


def test_a_file_in_what_is_deleted_is_refused_before_anything_is(
    one_tool: Tool, tmp_path: Path
) -> None:
    top = tmp_path / "top"
    declare(top, {"a": PROJECT, "b": PROJECT})
    inside = top / "a/node_modules/pkg/audit.csv"
    words = (*one_tool.command, top, "--no-dry-run", "--yes", "-o", inside)
    done = execute_text(*words, cwd=one_tool.home, env=one_tool.env)
    assert done.returncode == 2, done.stdout + done.stderr
    assert f"--output {inside} lies in {top}/a/node_modules, which this run deletes" in done.stderr
    assert (top / "b/node_modules").is_dir()
    assert (top / "a/node_modules").is_dir()
    assert one_tool.tell(top, "-o", inside).returncode == 0  # A dry run deletes nothing.


# What contradicts itself.


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--output", "csv:-", "--format", "json"),
            "--output csv:- and --format json contradict each other; give one",
        ),
        (
            ("--by", "age", "--format", "paths"),
            "--by prints sums, and the format paths has only paths; give one of both",
        ),
        (
            ("--by", "age", "--output", "paths:x"),
            "--by prints sums, and the format paths has only paths; give one of both",
        ),
        (
            ("--by", "sise"),
            "--by cannot be sise; it takes ecosystem, project, root, owner, age or host, as in: --by ecosystem",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(
    one_tool: Tool, words: tuple[str, ...], said: str
) -> None:
    done = one_tool.tell(*words)
    assert done.returncode == 2
    assert done.stderr == f"cleanup-nodemodule: {said}\n"


# What happens meanwhile.


def test_a_directory_that_was_exchanged_since_gets_nothing(tmp_path: Path) -> None:
    declare(tmp_path, {"out": {}, "rootonly": {"a.json": "root's own"}})
    files = OutputFiles([Target(Format.JSON, str(tmp_path / "out/a.json"))])
    (tmp_path / "out").rename(tmp_path / "old")
    (tmp_path / "out").symlink_to("rootonly")
    [why] = files.write(report([row("/a")]))
    assert "could not write" in why
    (tmp_path / "out").unlink()
    (tmp_path / "rootonly").rename(tmp_path / "out")
    [why] = files.write(report([row("/a")]))
    assert "another directory is in the place of the one around it" in why
    assert (tmp_path / "out/a.json").read_text() == "root's own"
    assert listing(tmp_path / "old") == []


def test_a_pipe_that_became_a_file_or_a_symlink_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("theirs")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    files = OutputFiles([Target(Format.JSON, str(pipe))])
    for make in (os.symlink, os.link):
        pipe.unlink()
        make(tmp_path / "theirs", pipe)
        [why] = files.write(report([row("/a")]))
        assert "could not write" in why
        assert (tmp_path / "theirs").read_text() == "theirs"


def test_what_cannot_say_that_the_run_was_stopped_is_not_written(tmp_path: Path) -> None:
    names = {"a.csv", "a.paths", "a.md", "a.json"}
    declare(tmp_path, dict.fromkeys(names, "yesterday"))
    formats = (Format.CSV, Format.PATHS, Format.MARKDOWN, Format.JSON)
    files = OutputFiles(
        Target(format_, str(tmp_path / name))
        for format_, name in zip(formats, ("a.csv", "a.paths", "a.md", "a.json"), strict=True)
    )
    said = files.write(report([row("/a")]), stopped=True)
    assert len(said) == 3
    assert all("the run was interrupted; the old file is as it was" in one for one in said)
    assert {name for name in names if (tmp_path / name).read_text() == "yesterday"} == {
        *("a.csv", "a.paths", "a.md")
    }
