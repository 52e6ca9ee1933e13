"""Where the process starts and ends: ``python -m cleanup_nodemodule`` and the installed command."""

import gc
import os
import sys
from contextlib import suppress


def main() -> None:
    """Run the command line and end the process with its exit code."""
    # What is imported is no garbage; to look for some meanwhile takes a tenth of the time it takes to
    # start. A session enables it.
    gc.disable()
    try:
        from cleanup_nodemodule.commands.failures import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        # While modules were still being loaded.
        from cleanup_nodemodule.commands.failures import interrupted

        interrupted(sys.argv[1:])
        code = 130
    # A thread may still wait for a disk that does not answer, and ending the usual way would wait for the
    # thread. It would take apart, too, one by one, what ends with the process anyway.
    try:
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        if code not in {129, 130, 143}:
            sys.exit(code)  # The interpreter tries again, and says what is wrong.
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()  # Where nobody can be told any more, that is no reason to fail.
    os._exit(code)


if __name__ == "__main__":
    main()
