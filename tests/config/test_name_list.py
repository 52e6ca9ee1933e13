"""Lists of names: what they may look like, and what is none."""

import os
import stat
import threading
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import pytest

from cleanup_nodemodule.config import name_list
from cleanup_nodemodule.config.name_list import NameListError, parted, read_list


def names(content: bytes, *, null: bool = False) -> tuple[str, ...]:
    return parted(content, "--from-file", "LIST", null=null)[0]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", ()),
        (b"\n\n\n", ()),
        (b"a\nb\n", ("a", "b")),
        (b"a\nb", ("a", "b")),
        (b"a\n\n\nb\n", ("a", "b")),
        (b"a\na\nb\na\n", ("a", "b")),
        (b"a\r\nb\r\n", ("a", "b")),
        (b"a\r\n\r\nb\r\n", ("a", "b")),
        # Only some lines end so: it belongs to the name.
        (b"a\r\nb\n", ("a\r", "b")),
        (b"\xef\xbb\xbf/a\n", ("/a",)),
        (b" a \n\tb\n", (" a ", "\tb")),
        (b"# no comment\n-p\n~/a\n", ("# no comment", "-p", "~/a")),
        (b"\xff\xfe\n", ("\udcff\udcfe",)),
    ],
)
def test_a_name_a_line(content: bytes, expected: tuple[str, ...]) -> None:
    assert names(content) == expected


def test_with_nul_a_name_may_have_anything_else_in_it() -> None:
    assert names(b"a\nb\0\r\n\0\0a\nb\0", null=True) == ("a\nb", "\r\n")
    assert names(b"", null=True) == ()


def test_a_list_that_is_cut_off_is_refused_or_known() -> None:
    with pytest.raises(NameListError, match="may have been cut off"):
        names(b"/srv/a\0/sr", null=True)
    assert parted(b"/srv/a\n/sr", "--from-file", "LIST", null=False)[1] is False
    assert parted(b"/srv/a\n/sr\n", "--from-file", "LIST", null=False)[1] is True


def test_a_nul_in_lines_says_what_to_type() -> None:
    with pytest.raises(NameListError, match="add -0"):
        names(b"/srv/a\0/srv/b\0")


@hypothesis.given(st.lists(st.binary(min_size=1).filter(lambda one: b"\0" not in one)))
def test_what_was_written_with_nul_is_read_again(some: list[bytes]) -> None:
    content = b"".join(one + b"\0" for one in some)
    assert [os.fsencode(one) for one in names(content, null=True)] == list(dict.fromkeys(some))


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_bytes(b"/a\n" * 100_000 + b"/b\n"))
    writer.start()
    read = read_list("--from-file", str(fifo), null=False)
    writer.join()
    assert (read.names, read.whole) == (("/a", "/b"), True)


def test_a_file_may_be_cut_off_too(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"/a")
    read = read_list("--from-file", str(tmp_path / "list"), null=False)
    assert (read.names, read.whole) == (("/a",), False)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("missing", "No such file or directory; type the path of a list"),
        (".", "Is a directory"),
        ("a\0b", "null"),
        ("loop", "Too many levels of symbolic links"),
    ],
)
def test_what_is_no_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(NameListError, match=says):
        read_list("--from-file", path, null=False)


def test_what_has_no_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_list, "_LARGEST", 4 * 1024 * 1024)
    assert stat.S_ISCHR(os.stat("/dev/zero").st_mode)
    with pytest.raises(NameListError, match="is no list of directories"):
        read_list("--from-file", "/dev/zero", null=True)


def test_too_many_names_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_list, "_MOST", 3)
    (tmp_path / "list").write_bytes(b"a\nb\nc\nd\n")
    with pytest.raises(NameListError, match="more than 3 names"):
        read_list("--from-file", str(tmp_path / "list"), null=False)
