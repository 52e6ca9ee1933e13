"""How file systems are accounted of which only the documentation was read."""

import pytest

from cleanup_nodemodule.engine.contract import AS_COUNTED, EXTENTS
from cleanup_nodemodule.model.plan import How
from cleanup_nodemodule.survey.accounting import accounted
from cleanup_nodemodule.system import accounting, mounts, zfs
from cleanup_nodemodule.system.accounting import Facts


def test_bcachefs_is_asked_for_what_is_shared_and_has_no_chunks() -> None:
    found = accounted(Facts("/b", "bcachefs"), 7, exact=None)
    assert (found.how, found.exact, found.doubtful, found.inode) == ("untested", True, False, 0)
    assert (found.accounting.kind, found.accounting.all) == (EXTENTS, True)
    assert found.devices == {7}


@pytest.mark.parametrize(
    ("shares", "how", "doubtful"),
    [(False, "untested", False), (True, "untested", True), (None, "as du counts", False)],
)
def test_zfs_is_known_as_far_as_it_tells(*, shares: bool | None, how: How, doubtful: bool) -> None:
    found = accounted(Facts("/z", "zfs", shares=shares), 7, exact=None)
    assert (found.how, found.doubtful, found.accounting.kind) == (how, doubtful, AS_COUNTED)


@pytest.mark.parametrize("kind", ["bcachefs", "zfs"])
def test_neither_is_asked_where_nothing_is(kind: str) -> None:
    found = accounted(Facts("/z", kind, shares=True), 7, exact=False)
    assert (found.how, found.doubtful, found.accounting.kind) == ("as du counts", False, AS_COUNTED)


def test_a_data_set_is_asked_by_its_name_and_not_at_all_if_only_that_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = mounts.parse(b"30 1 0:50 / / rw - zfs tank/home rw")
    monkeypatch.setattr(mounts, "here", lambda: mounts.Table(table))
    asked: list[str] = []

    def may_share(dataset: str) -> bool:
        asked.append(dataset)
        return True

    monkeypatch.setattr(zfs, "may_share", may_share)
    assert accounting.ask(50, ["/work"], True) == Facts("/", "zfs")  # noqa: FBT003 - by position
    assert asked == []
    assert accounting.ask(50, ["/work"]) == Facts("/", "zfs", shares=True)
    assert asked == ["tank/home"]
