"""Runs the command again and again and sends it a signal at a system call: any, or one that changes something.

A program of its own, as it forks: it has loaded everything a run needs, so that a run takes
milliseconds. It reads one order a line from standard input and answers each with a line, JSON both
times. What it sees is what the kernel tells a tracer (ptrace(2)), so the calls are counted over all
threads of a run, in the order in which they are begun.
"""

import contextlib
import ctypes
import errno
import json
import os
import signal
import struct
import sys
from typing import Any, Final

from cleanup_nodemodule import engine
from cleanup_nodemodule.__main__ import main

# The last of these are loaded by a run when it needs them: here before it is traced.
from cleanup_nodemodule.commands import (  # noqa: F401 - for being loaded
    clean,
    failures,
    log,
)
from cleanup_nodemodule.delete import remove  # noqa: F401 - for being loaded
from cleanup_nodemodule.record import unfinished  # noqa: F401 - for being loaded
from cleanup_nodemodule.run import cleaning, resuming, undertaking  # noqa: F401 - for being loaded
from cleanup_nodemodule.show import terminal

_CALLS: Final = {
    "x86_64": {
        1: "write",
        18: "pwrite64",
        20: "writev",
        74: "fsync",
        75: "fdatasync",
        76: "truncate",
        77: "ftruncate",
        2: "open",
        82: "rename",
        83: "mkdir",
        84: "rmdir",
        85: "creat",
        86: "link",
        87: "unlink",
        88: "symlink",
        90: "chmod",
        91: "fchmod",
        92: "chown",
        93: "fchown",
        188: "setxattr",
        190: "fsetxattr",
        197: "removexattr",
        199: "fremovexattr",
        257: "openat",
        258: "mkdirat",
        259: "mknodat",
        263: "unlinkat",
        264: "renameat",
        265: "linkat",
        266: "symlinkat",
        268: "fchmodat",
        280: "utimensat",
        316: "renameat2",
    },
    "aarch64": {
        5: "setxattr",
        7: "fsetxattr",
        14: "removexattr",
        16: "fremovexattr",
        34: "mkdirat",
        35: "unlinkat",
        36: "symlinkat",
        37: "linkat",
        38: "renameat",
        45: "truncate",
        46: "ftruncate",
        52: "fchmod",
        53: "fchmodat",
        55: "fchown",
        56: "openat",
        64: "write",
        66: "writev",
        68: "pwrite64",
        82: "fsync",
        83: "fdatasync",
        88: "utimensat",
        276: "renameat2",
    },
}
"""Calls that can change a file system, by the number they have on a kind of machine."""

_WRITING: Final = {"write", "pwrite64", "writev"}

_TRACEME, _CONT, _SETOPTIONS, _GET_SYSCALL_INFO = 0, 7, 0x4200, 0x420E  # ptrace(2)
_TRACEFORK, _TRACEVFORK, _TRACECLONE, _TRACESECCOMP, _EXITKILL = 2, 4, 8, 1 << 7, 1 << 20
_EVENT_SECCOMP: Final = 7
_WALL: Final = 0x40000000  # waitpid(2)
_SET_NO_NEW_PRIVS, _SET_SECCOMP, _MODE_FILTER = 38, 22, 2  # prctl(2)
_LOAD_NUMBER, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # linux/bpf_common.h
_ALLOW, _TRACE = 0x7FFF0000, 0x7FF00000  # linux/seccomp.h


class _Info(ctypes.Structure):
    """``struct ptrace_syscall_info`` of ptrace(2), as far as it is needed here."""

    _fields_ = (
        ("op", ctypes.c_uint8),
        ("pad", ctypes.c_uint8 * 3),
        ("arch", ctypes.c_uint32),
        ("instruction", ctypes.c_uint64),
        ("stack", ctypes.c_uint64),
        ("number", ctypes.c_uint64),
        ("arguments", ctypes.c_uint64 * 6),
    )


class _Program(ctypes.Structure):
    """``struct sock_fprog`` of seccomp(2)."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request: int, process: int, address: int = 0, data: int = 0) -> None:
    if _libc.ptrace(request, process, address, data) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Run:
    """One run, traced or not."""

    def __init__(self, order: dict[str, Any], names: dict[int, str]) -> None:
        self._at = order["at"]
        self._signal = order["signal"]
        self._quiet = (order["stdout"], order["stderr"])
        self._names = names
        self._every = order["every"]
        self._info = _Info()
        self._traced = order["traced"]
        self.calls: list[str] = []
        """Those that are looked for, each with the end of the path of what it writes to."""
        self.status = 0
        self._process = os.fork()
        if self._process == 0:
            try:
                _be_the_command(order, names)
            finally:
                os._exit(120)

    def follow(self) -> None:
        """Wait for its end."""
        if not self._traced:
            _, self.status = os.waitpid(self._process, 0)
            return
        os.waitpid(self._process, 0)
        options = _TRACESECCOMP | _TRACEFORK | _TRACEVFORK | _TRACECLONE | _EXITKILL
        _ptrace(_SETOPTIONS, self._process, 0, options)
        self._go_on(self._process)
        known = {self._process}
        while True:
            try:
                thread, status = os.waitpid(-1, _WALL)
            except ChildProcessError:
                return
            if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                if thread == self._process:
                    self.status = status
                continue
            passed_on = 0
            stop = os.WSTOPSIG(status)
            if status >> 16 == _EVENT_SECCOMP:
                self._at_call(thread)
            elif stop != signal.SIGTRAP and (thread in known or stop != signal.SIGSTOP):
                passed_on = stop
            known.add(thread)
            self._go_on(thread, passed_on)

    def _at_call(self, thread: int) -> None:
        size = ctypes.sizeof(self._info)
        try:
            _ptrace(_GET_SYSCALL_INFO, thread, size, ctypes.addressof(self._info))
        except ProcessLookupError:
            return
        name = self._names.get(self._info.number, str(self._info.number))
        arguments = self._info.arguments
        what = ""
        if self._every:
            pass
        elif name in _WRITING | {"fsync", "fdatasync", "ftruncate"}:
            what = os.readlink(f"/proc/{thread}/fd/{arguments[0]}")
            if not what.startswith("/") or what == os.devnull or what in self._quiet:
                return
        elif name in {"open", "openat"} and not arguments[2 - (name == "open")] & (
            os.O_CREAT | os.O_TRUNC
        ):
            return
        self.calls.append(f"{name} {os.path.basename(what)}".rstrip())
        if len(self.calls) == self._at:
            # What it has started may still be at work when it is gone.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process, self._signal)

    def _go_on(self, thread: int, passed_on: int = 0) -> None:
        try:
            _ptrace(_CONT, thread, 0, passed_on)
        except OSError as error:
            if error.errno != errno.ESRCH:  # It was killed.
                raise


def _stop_at(numbers: list[int], *, every: bool) -> None:
    """Have the tracer told of these system calls and of no other, or of *every* one (seccomp(2))."""
    steps = [(_LOAD_NUMBER, 0, 0, 0)]
    steps += [(_EQUAL, len(numbers) - place, 0, call) for place, call in enumerate(numbers)]
    steps += [(_RETURN, 0, 0, _TRACE if every else _ALLOW), (_RETURN, 0, 0, _TRACE)]
    program = b"".join(struct.pack("HBBI", *step) for step in steps)
    _libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if _libc.prctl(_SET_SECCOMP, _MODE_FILTER, ctypes.byref(_Program(len(steps), program))):
        raise OSError(ctypes.get_errno(), "seccomp")


def _be_the_command(order: dict[str, Any], names: dict[int, str]) -> None:
    """Do what the installed command does, in a process that is its own."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for number, path in ((1, order["stdout"]), (2, order["stderr"])):
        os.dup2(os.open(path, flags, 0o600), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(order["cwd"])
    os.environ.update(order["env"])
    engine.choose(order["engine"])
    # It is looked at what is said, not how soon.
    vars(terminal)["GRACE"] = 60.0
    sys.argv = ["cleanup-nodemodule", *order["arguments"]]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if order["traced"]:
        _ptrace(_TRACEME, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        # Not before there is a tracer, as without one these calls fail (ENOSYS, seccomp(2)).
        _stop_at(list(names), every=order["every"])
    try:
        main()
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)


def _answer(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def serve() -> None:
    """Carry out orders until there are no more."""
    # And what else it would load.
    answers = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    failures.run(["-p", sys.argv[1], "--json"])
    failures.run(["log"])
    os.dup2(answers, 1)
    names = _CALLS.get(os.uname().machine)
    _answer({"ready": names is not None})
    for line in sys.stdin:
        run = Run(json.loads(line), names or {})
        run.follow()
        code = os.waitstatus_to_exitcode(run.status)
        _answer({"code": code, "calls": run.calls})


if __name__ == "__main__":
    serve()
