"""What the service of a schedule may not do: as much as the job leaves, and never what blinds it. Pure.

The job looks at all processes, to delete nothing that one of them uses. So nothing here hides processes
(``ProtectProc=invisible``, ``ProcSubset=pid``), and nothing gives it a user namespace of its own (``PrivateUsers=``), in
which it may look at no process of another one. The manager of a user makes such a namespace for each setting that
mounts something (systemd.exec(5)), so a user's service has none of those.
"""

from collections.abc import Iterator
from typing import Final

from cleanup_nodemodule.unattended.schedule.scheduler import Schedule
from cleanup_nodemodule.unattended.schedule.systemd_words import path_word
from cleanup_nodemodule.words import PROGRAM

_CAPABILITIES: Final = "CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_SYS_PTRACE"
"""What root needs of its power: to read and delete what others own, and to see what their processes use."""

_CALLS: Final = """\
NoNewPrivileges=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
"""
"""By system call: any service can have these, and a program that needs rights of its own runs in none of them."""

_SYSTEM: Final = """\
PrivateDevices=yes
PrivateMounts=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
"""

_TEMPORARY: Final = ("/tmp", "/var/tmp")  # noqa: S108 - what PrivateTmp= hides
"""What PrivateTmp= puts an empty directory in the place of."""


def hardening(schedule: Schedule) -> Iterator[str]:
    """Give the lines of the service's section that say what it may write and do."""
    access = schedule.access
    if has_state_directory(schedule):
        yield f"StateDirectory={PROGRAM}\n"
        yield "StateDirectoryMode=0700\n"
        yield "Environment=XDG_STATE_HOME=%S\n"
    yield "UMask=0077\n"
    if access.mail:
        yield "# A program that sends mail may need rights of its own, and may write anywhere.\n"
    else:
        yield _CALLS
        families = "AF_UNIX AF_INET AF_INET6 AF_NETLINK" if access.network else "AF_UNIX"
        yield f"RestrictAddressFamilies={families}\n"
    if not schedule.system:
        return
    yield _SYSTEM
    if not access.mail:
        yield f"CapabilityBoundingSet={_CAPABILITIES}\n"
        if not access.network:
            yield "PrivateNetwork=yes\nIPAddressDeny=any\n"
    yield from _writable(schedule)


def has_state_directory(schedule: Schedule) -> bool:
    """Whether systemd makes the state directory, ``/var/lib/cleanup-nodemodule``: for the machine, unless told otherwise.

    For a user's service it would be beneath ``~/.config`` up to version 253, and not where the user's own runs have it.
    """
    return schedule.system and "XDG_STATE_HOME" not in schedule.environment


def _writable(schedule: Schedule) -> Iterator[str]:
    access = schedule.access
    places = (*(access.roots or ()), *access.writes)
    if access.roots is None or access.trash or access.mail:
        why = "the job is told by a list" if access.roots is None else "it moves to the trash"
        yield f"# Only the run finds out where it writes: {'it sends mail' if access.mail else why}.\n"
        yield "ProtectSystem=full\n"
        return
    yield "ProtectSystem=strict\n"
    yield "ProtectHome=read-only\n"
    if not has_state_directory(schedule):
        places = (*places, access.state)
    if not any(_meet(place, hidden) for place in places for hidden in _TEMPORARY):
        yield "PrivateTmp=yes\n"
    for place in dict.fromkeys(places):
        # Without the dash it would not start while a disk is not mounted, and nobody would hear why.
        yield f"ReadWritePaths={path_word(place, '-')}\n"


def _meet(one: str, other: str) -> bool:
    """Whether one of two paths lies in the other, or is it."""
    one, other = (f"{path.rstrip('/')}/" for path in (one, other))
    return one.startswith(other) or other.startswith(one)
