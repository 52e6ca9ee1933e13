"""The examples of the help, by command: what for, and what to type after the program's name."""

from typing import Final

EXAMPLES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "": (
        ("see what can be deleted", "~/work"),
        ("delete it, after a question", "~/work --no-dry-run"),
        ("delete it without a question", "~/work --no-dry-run --yes"),
        ("in Python projects", "~/work --profile python"),
        ("leave some alone", "~/work --exclude legacy"),
    ),
    "run": (
        ("carry out a job", "run nightly"),
        ("only show what it would do", "run nightly --dry-run"),
        ("list the jobs", "run --list"),
    ),
    "apply": (
        ("what it would delete", "apply plan.json"),
        ("delete it, after a question", "apply plan.json --no-dry-run"),
    ),
    "resume": (
        ("finish it", "resume"),
        ("only show what it is", "resume --dry-run"),
    ),
    "rules": (
        ("all rules", "rules"),
        ("all about one rule", "rules node_modules"),
        ("all about one ecosystem", "rules --profile python"),
    ),
    "explain": (
        ("why it is kept, or not", "explain web/dist"),
        ("which rules were tried, too", "explain web/dist --verbose"),
        ("what a run in ~/work decides", "explain web/dist -p ~/work"),
    ),
    "log": (
        ("the last runs", "log"),
        ("what was deleted there", "log ~/work/shop"),
        ("what a run deleted", "log 3f9a"),
        ("all deletions", "log --all"),
    ),
    "history": (
        ("the last runs", "history"),
        ("those of a job", "history --job nightly"),
        ("what grows fastest", "history --by project"),
        ("what a project had", "history ~/work/shop"),
        ("for a spreadsheet", "history --since 1y --csv"),
    ),
    "regenerate": (
        ("how to undo the last run", "regenerate"),
        ("undo it", "regenerate --run"),
        ("undo another run, as log names it", "regenerate 3f9a"),
    ),
    "diff": (
        ("what grew since yesterday", "diff old.json new.json"),
        ("each artifact", "diff old.json new.json --verbose"),
        ("fail if it grew by 1 GB", "diff old.json new.json --fail-if-grown 1GB"),
    ),
    "merge": (
        ("one audit of all machines", "merge web-*.json --json"),
        ("the largest of all", "merge web-*.json --top 50"),
        ("fail over 100 GB in all", "merge web-*.json --fail-over 100GB"),
    ),
    "doctor": (
        ("what a nightly run would lack", "doctor"),
        ("the same for a program", "doctor --json"),
    ),
    "config": (
        ("what counts, and where it was said", "config show"),
        ("begin a file of your own", "config init"),
        ("look for mistakes in all files", "config check"),
        ("say something for all runs", "config set exclude legacy vendor"),
        ("say something for a job", "config set job.nightly.path ~/work"),
    ),
    "schedule": (
        ("what would be installed", "schedule show --every day --job nightly"),
        ("have a job start each night", "schedule install --every day --job nightly"),
        ("what is installed", "schedule list"),
        ("start it now, to test it", "schedule run --job nightly"),
        ("take it out again", "schedule remove --job nightly"),
    ),
    "help": (("the whole help of a command", "help explain"),),
}
