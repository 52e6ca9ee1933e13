"""What starts a run by itself: timers of systemd, crontabs, launchd, the Task Scheduler of Windows.

Each system is one module that makes the text of what would be installed, says how that is put in and taken out, and
recognises its own. Making the text is pure.

Words: a *schedule* is a job with a time. A *scheduler* is what the system starts it with.

May import ``record`` and everything below it, and nothing of a run.
The next system is one module here.
"""
