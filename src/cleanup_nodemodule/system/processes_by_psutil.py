"""What processes are at work on, where there is no /proc, by psutil."""

import errno
from collections.abc import Sequence

from cleanup_nodemodule.system.at_work import Work, together
from cleanup_nodemodule.system.places import absolute
from cleanup_nodemodule.system.process_files import asked, helps, until_told


def ask_psutil(run: int, words: Sequence[str]) -> Work:
    """Return what other processes than those of the *run* are at work on. Raises OSError."""
    import psutil  # noqa: PLC0415 - not where there is /proc

    try:
        line = {run, *(parent.pid for parent in psutil.Process(run).parents())}
        running = list(psutil.process_iter())
    except psutil.Error as error:
        raise OSError(errno.ESRCH, str(error)) from error
    own = next(iter(asked(psutil.Process(run).cwd)), None)
    places: set[tuple[str, str]] = set()
    unseen = 0
    for process in running:
        if process.pid in line or helps(run, process, words):
            continue
        try:
            cwd = [process.cwd()]
        except psutil.AccessDenied:
            unseen += 1
            cwd = []
        except (psutil.Error, OSError):
            cwd = []  # It has ended, or is one that works in no directory.
        if own in cwd and together(run, process.pid):
            cwd = []
        found = [*cwd, *asked(process.exe)]
        found += (file.path for files in asked(process.open_files) for file in files)
        for word in until_told(next(iter(asked(process.cmdline)), [])):
            found += absolute(word)
        if any(found):
            who = f"{next(iter(asked(process.name)), 'a process')} ({process.pid})"
            places.update((place, who) for place in found if place)
    return Work(tuple(places), unseen=unseen)
