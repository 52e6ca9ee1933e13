"""Carries out a run at the terminal, and says what came of it."""

import signal
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from cleanup_nodemodule.errors import CleanupError, ExitCode
from cleanup_nodemodule.problems import ProblemCode

if TYPE_CHECKING:
    from cleanup_nodemodule.commands.listeners import Accounts
    from cleanup_nodemodule.commands.restraint import Restraint
    from cleanup_nodemodule.run.loop import Runtime
    from cleanup_nodemodule.run.orders import Orders
    from cleanup_nodemodule.run.signals import Interrupts
    from cleanup_nodemodule.run.voice import Ended
    from cleanup_nodemodule.show.terminal import Display, Terminal


def carry_out(
    work: "Callable[[Terminal, Runtime], Awaitable[Ended]]",
    orders: "Orders",
    display: "Display",
    interrupts: "Interrupts",
    accounts: "Accounts",
    restraint: "Restraint | None" = None,
) -> int:
    """Do *work* at the terminal, say what came of it, tell whoever keeps *accounts*, and return the exit code."""
    from cleanup_nodemodule.run import loop
    from cleanup_nodemodule.show.failure import NOT_BEGUN, fail, print_failure, telling, unexpected
    from cleanup_nodemodule.show.terminal import Terminal
    from cleanup_nodemodule.work.tasks import Stopped

    terminal = Terminal(display, orders.mode, interrupts, accounts.log)

    with interrupts:
        try:
            with telling(display.files, orders.mode):
                if restraint is not None:
                    restraint.begin(terminal, interrupts)
                accounts = accounts.begun()
                accounts.of_beginning()
                ended = loop.run(
                    lambda runtime: work(terminal, runtime),
                    interrupts,
                    jobs=orders.jobs,
                    timeout=orders.timeout,
                    max_rate=orders.max_rate,
                    max_runtime=orders.max_runtime,
                )
            code = terminal.finished(ended)
            tell = partial(accounts.of_end, ended)
        except Stopped:
            interrupts.hold()
            print_failure(
                NOT_BEGUN,
                ProblemCode.INTERRUPTED,
                None,
                mode=orders.mode,
                format_=display.format,
            )
            code = 128 + (interrupts.number or signal.SIGINT)
            tell = partial(accounts.of_failure, NOT_BEGUN, orders.mode)
        except CleanupError as error:
            interrupts.hold()
            code = fail(error, mode=orders.mode, format_=display.format)
            # It may have come while the lock was given back, when all was said.
            code = code if interrupts.number is None else 128 + interrupts.number
            tell = partial(accounts.of_failure, str(error), orders.mode)
        except Exception as error:
            tell = partial(accounts.of_failure, unexpected(error), orders.mode)
            _told(tell, ExitCode.UNEXPECTED, interrupts)
            raise
        return _told(tell, code, interrupts)


def _told(tell: Callable[[int], int], code: int, interrupts: "Interrupts") -> int:
    """Tell whoever keeps account of runs, and return the exit code; a signal ends that at once."""
    try:
        with interrupts.raising(again=False):
            code = tell(code)
    except KeyboardInterrupt:
        code = 128 + (interrupts.number or signal.SIGINT)
    interrupts.hold()
    return code
