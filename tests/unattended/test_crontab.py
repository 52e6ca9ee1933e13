"""The text of a crontab: our lines in it, and every other byte as it was."""

import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanup_nodemodule.errors import UsageError
from cleanup_nodemodule.unattended.schedule import crontab
from cleanup_nodemodule.unattended.schedule.calls import Answer
from cleanup_nodemodule.unattended.schedule.cron import Cron
from cleanup_nodemodule.unattended.schedule.scheduler import NotOursError, SchedulerError
from support.scheduled import Calls, a_schedule

OTHERS = [
    b"",
    b"\n",
    b"MAILTO=ops@example.org\n0 5 * * * backup\n",
    b"0 5 * * * backup",
    b"MAILTO=x\r\n0 5 * * * date +\\%F\r\n",
    b"0 5 * * * caf\xe9 \xff\xfe\x01\n",
    b"# a comment\n" * 100_000,
    b"# BEGIN something else\n0 1 * * * x\n# END something else\n",
    b"\n\n# cleanup-nodemodule nightly\n",
    b"SHELL=/bin/bash",
]


@pytest.mark.parametrize("before", OTHERS, ids=range(len(OTHERS)))
def test_what_is_put_in_and_taken_out_leaves_every_byte(before: bytes) -> None:
    one, two = a_schedule(), a_schedule("Mon 04:00", job="weekly")
    with_one = crontab.with_block(before, one)
    assert with_one.startswith(before)
    assert crontab.with_block(with_one, one) == with_one
    with_both = crontab.with_block(with_one, two)
    assert with_both.startswith(with_one)
    assert crontab.without_block(with_both, "weekly") == with_one
    assert crontab.without_block(with_one, "nightly") == before
    assert crontab.without_block(before, "nightly") == before


@given(st.binary(max_size=200), st.lists(st.sampled_from(["nightly", "weekly"]), max_size=6))
@settings(max_examples=60)
def test_whatever_else_there_is_stays(before: bytes, jobs: list[str]) -> None:
    text = before
    for job in jobs:
        text = crontab.with_block(text, a_schedule(job=job))
        assert text.startswith(before)
    for job in ("nightly", "weekly"):
        text = crontab.without_block(text, job)
    assert text in {before, before + b"\n"}


def test_another_time_takes_the_place_of_the_earlier_one() -> None:
    text = crontab.with_block(b"MAILTO=x", a_schedule()) + b"0 6 * * * mine\n"
    changed = crontab.with_block(text, a_schedule("Mon 04:00"))
    assert changed.startswith(b"MAILTO=x\n# BEGIN cleanup-nodemodule nightly. ")
    assert b"\n0 4 * * 1 /opt/cleanup/bin/cleanup-nodemodule run nightly --quiet\n" in changed
    assert changed.endswith(b"\n0 6 * * * mine\n")
    assert changed.count(b"cleanup-nodemodule run") == 1
    # What the user has written since needs the end of the line above.
    assert crontab.without_block(changed, "nightly") == b"MAILTO=x\n0 6 * * * mine\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"# END cleanup-nodemodule nightly\n", b""),
        (b"# END", b"0 4 * * * mine\n# END"),
        (b"job nightly", b"job weekly"),
    ],
    ids=["no end", "another line inside", "another job"],
)
def test_lines_that_somebody_changed_are_left_alone(old: bytes, new: bytes) -> None:
    text = crontab.with_block(b"", a_schedule()).replace(old, new)
    for change in (crontab.with_block, lambda text, _: crontab.without_block(text, "nightly")):
        with pytest.raises(NotOursError, match="crontab -e"):
            change(text, a_schedule())


def test_lines_that_were_copied_are_left_alone() -> None:
    text = crontab.with_block(b"", a_schedule())
    with pytest.raises(NotOursError, match="more than once"):
        crontab.without_block(text + text, "nightly")


def test_the_shell_gets_each_word_as_it_is(tmp_path: Path) -> None:
    words = ("/opt/my 100% $HOME 'x' \"y\" \\z é/run", "a\udcffb", "%%", "*", "~")
    line = crontab.line_of(a_schedule(command=words, delay=1800))
    fields, _, command = line.partition("'/opt")
    assert fields == "0 3 * * * "
    assert command.count("%") == command.count("\\%") == 3
    shown = subprocess.run(
        [
            b"sh",
            b"-c",
            b"printf '%s\\0' " + crontab.command_in(line).encode(errors="surrogateescape"),
        ],
        capture_output=True,
        check=True,
        cwd=tmp_path,
    ).stdout
    given_words = [word.decode(errors="surrogateescape") for word in shown.split(b"\0")[:-1]]
    assert given_words == [*words, "--delay", "1800s", "--quiet"]


@pytest.mark.parametrize("word", ["a\nb", "a\\%b", "a\\\\b", "x" * 1000])
def test_what_cron_cannot_be_told_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="cron"):
        crontab.line_of(a_schedule(command=(f"/{word}",)))


def test_variables_are_set_whatever_the_shell_is() -> None:
    line = crontab.line_of(
        a_schedule(environment={"XDG_STATE_HOME": "/srv/my state"}, own_delay=True)
    )
    command = shlex.split(crontab.command_in(line))
    assert command[:2] == ["/usr/bin/env", "XDG_STATE_HOME=/srv/my state"]
    # The job would wait by itself.
    assert command[-2:] == ["--no-delay", "--quiet"]


def test_what_a_crontab_sets_above_is_known() -> None:
    text = b"A = 1\nB=' x '\n#C=3\nSHELL=/bin/bash\n0 1 * * * D=4 x\nSHELL=/bin/dash\n"
    found = crontab.settings_above(text, text.index(b"SHELL=/bin/dash"))
    assert found == {"A": "1", "B": " x ", "SHELL": "/bin/bash"}


def test_a_job_that_is_tried_waits_for_no_random_time() -> None:
    line = crontab.command_in(crontab.line_of(a_schedule(delay=1800)))
    assert " --delay 1800s " in line
    assert crontab.at_once(line) == line.replace("--delay 1800s", "--no-delay")


HEADER = b"# DO NOT EDIT THIS FILE - edit the master and reinstall.\n# (- installed on Mon)\n# (Cron version)\n"


def test_what_debian_puts_above_is_no_part_of_it() -> None:
    assert crontab.without_header(HEADER + b"# mine\n") == b"# mine\n"
    assert crontab.without_header(b"# mine\n# 2\n# 3\n# 4\n") == b"# mine\n# 2\n# 3\n# 4\n"


class Crontab(Calls):
    """A crontab(1) that keeps what it is given."""

    def __init__(self, text: bytes | None) -> None:
        self.text = text
        super().__init__(
            {"crontab -l": self._list, "crontab -r": self._forget, "crontab -": self._take}
        )

    def _list(self, _: bytes | None) -> Answer:
        if self.text is None:
            return Answer(1, b"", "no crontab for ann")
        return Answer(0, self.text, "")

    def _forget(self, _: bytes | None) -> Answer:
        self.text = None
        return Answer(0, b"", "")

    def _take(self, text: bytes | None) -> Answer:
        assert text is not None
        if text and not text.endswith(b"\n"):
            return Answer(1, b"", "new crontab file is missing newline before EOF, can't install.")
        self.text = text
        return Answer(0, b"", "")


def test_a_user_without_a_crontab_has_none_afterwards() -> None:
    table = Crontab(None)
    cron = Cron(calls=table, is_at_work=lambda: True)
    assert cron.install(a_schedule()) == "installed"
    assert cron.install(a_schedule()) == "unchanged"
    assert table.made.count("crontab -") == 1
    assert cron.install(a_schedule("hour")) == "replaced"
    [found] = cron.found(system=False)
    assert (found.job, found.every, found.active) == ("nightly", "hour", True)
    assert found.next_run is not None
    assert cron.remove("nightly", system=False) == ["the lines for the job nightly in your crontab"]
    assert table.text is None
    assert cron.remove("nightly", system=False) == []


def test_a_last_line_without_an_end_gets_one_only_where_crontab_wants_it() -> None:
    table = Crontab(b"0 5 * * * backup")
    cron = Cron(calls=table)
    cron.install(a_schedule())
    cron.remove("nightly", system=False)
    assert table.text == b"0 5 * * * backup\n"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(1, b"", "You (ann) are not allowed to use this program (crontab)"),
        Answer(1, b"0 5 * * * half of", "no crontab for ann"),
        Answer(2, b"", "no crontab for ann"),
        Answer(1, b"", ""),
        Answer(137, b"0 5 * * *", ""),
    ],
)
def test_a_crontab_that_cannot_be_read_is_not_written(answer: Answer) -> None:
    calls = Calls({"crontab -l": answer})
    cron = Cron(calls=calls)
    with pytest.raises(SchedulerError, match="left as it is"):
        cron.install(a_schedule())
    with pytest.raises(SchedulerError, match="left as it is"):
        cron.remove("nightly", system=False)
    with pytest.raises(SchedulerError, match="left as it is"):
        cron.found(system=False)
    assert {*calls.made} == {"crontab -l"}


@pytest.mark.parametrize(
    "told", ["no crontab for ann", "crontab: can't open 'ann': No such file or directory"]
)
def test_there_is_no_crontab_in_the_words_of_each_cron(told: str) -> None:
    assert Cron(calls=Calls({"crontab -l": Answer(1, b"", told)})).found(system=False) == []


def test_it_is_said_if_somebody_else_writes_at_the_same_time() -> None:
    table = Crontab(b"")
    table.answers["crontab -"] = Answer(0, b"", "")
    table.answers = {"crontab -l": Answer(0, b"# theirs\n", ""), "crontab -": Answer(0, b"", "")}
    with pytest.raises(SchedulerError, match="something else wrote it"):
        Cron(calls=table).install(a_schedule())


@pytest.mark.parametrize(
    "text", [b"0 1 * * * x\r\n0 2 * * * y\r\n", b"0 1 * * * printf \\r\n", b"a\rb\\r\r\n"]
)
@pytest.mark.parametrize("above", [b"", b"# 1\n# 2\r\n# 3\n"])
def test_carriage_returns_stay_though_debian_lists_them_otherwise(
    text: bytes, above: bytes
) -> None:
    calls = Calls(
        {
            "crontab -l": Answer(0, (above + text).replace(b"\r", rb"\r"), ""),
            # It gives an editor no comments of the first three lines.
            "crontab -e": Answer(0, text, "No modification made"),
        }
    )
    written: list[bytes] = []

    def take(told: bytes) -> Answer:
        written.append(told)
        return Answer(0, b"", "")

    calls.answers["crontab -"] = take
    with pytest.raises(SchedulerError, match="something else"):  # It lists what it did before.
        Cron(calls=calls).install(a_schedule())
    assert written[0].startswith(above + text)


def test_the_machine_s_jobs_are_files_that_cron_reads(tmp_path: Path) -> None:
    tables = tmp_path / "cron.d"
    tables.mkdir(mode=0o755)
    calls = Calls()
    cron = Cron(tables=str(tables), calls=calls, is_at_work=lambda: False)
    schedule = a_schedule(job="nightly.1", system=True)
    assert cron.install(schedule) == "installed"
    assert cron.install(schedule) == "unchanged"
    # A name with a dot is passed over, and so is a file that others may write.
    [path] = tables.iterdir()
    assert path.name == "cleanup-nodemodule-nightly_1"
    assert path.stat().st_mode & 0o7777 == 0o644
    assert path.read_text().splitlines()[1] == (
        "0 3 * * * root /opt/cleanup/bin/cleanup-nodemodule run nightly --quiet"
    )
    [found] = cron.found(system=True)
    assert (found.job, found.place, found.active, found.next_run) == (
        "nightly.1",
        str(path),
        False,
        None,
    )
    with pytest.raises(NotOursError, match="another name"):
        cron.install(a_schedule(job="nightly_1", system=True))
    assert cron.remove("nightly.1", system=True) == [str(path)]
    assert list(tables.iterdir()) == []
    assert calls.made == []
