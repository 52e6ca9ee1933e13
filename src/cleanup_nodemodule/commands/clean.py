"""The command without a name: find, and delete what was approved.

Kept light: ``--version`` and ``--help`` import nothing that a run needs.
"""

from typing import Annotated

import typer

from cleanup_nodemodule.commands.at_terminal import carry_out
from cleanup_nodemodule.commands.information import (
    choose_engine,
    show_help,
    show_schema,
    show_version,
)
from cleanup_nodemodule.commands.options import (
    DELETE,
    OTHER,
    OUTPUT,
    SEARCH,
    Color,
    Engine,
    Format,
    Sort,
    agreed_format,
    check_jobs,
    check_timeout,
    nothing_done,
    same_again,
    seconds_of,
    settings_of,
)


# Long: its parameters are its options, as Typer reads them from the signature, each with its help.
def clean(
    ctx: typer.Context,
    path: Annotated[
        list[str] | None,
        typer.Option(
            "--path",
            "-p",
            metavar="PATH",
            help="Directory to search; may be given several times. [dim]\\[default: .][/dim]",
            rich_help_panel=SEARCH,
            show_default=False,
        ),
    ] = None,
    min_depth: Annotated[
        int,
        typer.Option(
            "--min-depth",
            "-d",
            metavar="N",
            help="Leave alone everything above depth N; the children of PATH have depth 0.",
            rich_help_panel=SEARCH,
        ),
    ] = 0,
    targets: Annotated[
        list[str] | None,
        typer.Option(
            "--targets",
            metavar="NAME...",
            help="Names to look for instead of the default ones. By naming one you say that every"
            " directory of that name can be rebuilt: no other proof is needed,"
            " but for packages, which have to be declared.",
            rich_help_panel=SEARCH,
            show_default=False,
        ),
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option(
            "--also",
            metavar="NAME...",
            help="More names to look for. Naming one means the same as with --targets.",
            rich_help_panel=SEARCH,
            show_default=False,
        ),
    ] = None,
    include_unproven: Annotated[
        list[str] | None,
        typer.Option(
            "--include-unproven",
            metavar="PATH...",
            help="Include these directories, which a run keeps as unproven, undeclared, modified or precious.",
            rich_help_panel=SEARCH,
            show_default=False,
        ),
    ] = None,
    profile: Annotated[
        list[str] | None,
        typer.Option(
            "--profile",
            metavar="NAME",
            help="Ecosystem to look for, such as python or rust, or all; may be given several times."
            " [dim]\\[default: js][/dim]",
            rich_help_panel=SEARCH,
            show_default=False,
        ),
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            "--rule",
            metavar="NAME@MARKER",
            help="Look for NAME too: an artifact where MARKER lies beside it, or inside it with"
            " NAME@/MARKER; may be given several times.",
            rich_help_panel=SEARCH,
            show_default=False,
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude",
            "-e",
            metavar="PATTERN",
            help="Leave alone everything that matches, and do not search it: a name, a path or a pattern in"
            " gitignore syntax; may be given several times. A path inside an artifact keeps that artifact.",
            rich_help_panel=SEARCH,
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Only show what could be deleted. This is the default, and stronger than --yes.",
            rich_help_panel=DELETE,
        ),
    ] = False,
    no_dry_run: Annotated[
        bool,
        typer.Option(
            "--no-dry-run",
            help="Delete: at a terminal after one question, elsewhere at once.",
            rich_help_panel=DELETE,
        ),
    ] = False,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes",
            "-y",
            help="With --no-dry-run: do not ask.",
            rich_help_panel=DELETE,
        ),
    ] = False,
    trash: Annotated[
        bool,
        typer.Option(
            "--trash",
            help="With --no-dry-run: move to the desktop's trash instead of deleting. The space comes"
            " back when the trash is emptied.",
            rich_help_panel=DELETE,
        ),
    ] = False,
    max_delete: Annotated[
        str | None,
        typer.Option(
            "--max-delete",
            metavar="SIZE|COUNT",
            help="Delete nothing if it would be more than that, such as 10GB, or 100 artifacts. A dry"
            " run says so too.",
            rich_help_panel=DELETE,
            show_default=False,
        ),
    ] = None,
    include_foreign: Annotated[
        bool,
        typer.Option(
            "--include-foreign",
            help="Include artifacts that only another user may delete, by the sticky bit of a directory"
            " such as /tmp. Only root can.",
            rich_help_panel=DELETE,
        ),
    ] = False,
    assume_unused: Annotated[
        bool,
        typer.Option(
            "--assume-unused",
            help="Assume that nobody uses the artifacts of other users, even if this run may not look at"
            " some processes.",
            rich_help_panel=DELETE,
        ),
    ] = False,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait",
            help="If another run is deleting in the same tree, wait until it has ended.",
            rich_help_panel=DELETE,
        ),
    ] = False,
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format",
            "-f",
            help="How to print the result; [b]paths[/b] prints only paths that would be deleted, or were."
            " [dim]\\[default: table at a terminal, else plain][/dim]",
            rich_help_panel=OUTPUT,
            show_default=False,
        ),
    ] = None,
    json_: Annotated[
        bool,
        typer.Option("--json", help="Short for --format json.", rich_help_panel=OUTPUT),
    ] = False,
    null: Annotated[
        bool,
        typer.Option(
            "--null",
            "-0",
            help="Like --format paths, but each path ends with a NUL instead of a newline.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    sort: Annotated[
        Sort,
        typer.Option(
            "--sort",
            "-s",
            help="Order: largest first, by path, or longest unused first.",
            rich_help_panel=OUTPUT,
        ),
    ] = Sort.SIZE,
    color: Annotated[
        Color,
        typer.Option(
            "--color",
            help="When to use colour; auto: at a terminal, unless NO_COLOR is set.",
            rich_help_panel=OUTPUT,
        ),
    ] = Color.AUTO,
    no_progress: Annotated[
        bool,
        typer.Option(
            "--no-progress",
            help="No live progress line at a terminal.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet",
            "-q",
            help="Print the result and what went wrong, nothing else.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            "-v",
            help="Print everything that is known about each artifact, and every problem.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            metavar="N",
            help="How many threads search, measure and delete at the same time."
            " [dim]\\[default: what suits the engine and the disk][/dim]",
            rich_help_panel=OTHER,
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            help="If the disk of a PATH does not answer for so many seconds, give up that PATH and go on"
            " with the others. [dim]\\[default: 300][/dim]",
            rich_help_panel=OTHER,
            show_default=False,
        ),
    ] = None,
    engine: Annotated[
        Engine,
        typer.Option(
            "--engine",
            help="The engine that walks the trees: in C, in Python, or auto: in C if it was built.",
            callback=choose_engine,
            is_eager=True,
            rich_help_panel=OTHER,
        ),
    ] = "auto",
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            help="Print the version and the engine, and exit.",
            # Not eager: it names the engine, which is chosen by then wherever --engine stands.
            callback=show_version,
            rich_help_panel=OTHER,
        ),
    ] = False,
    json_schema: Annotated[
        bool,
        typer.Option(
            "--json-schema",
            help="Print the JSON Schema of the --json document, and exit.",
            callback=show_schema,
            is_eager=True,
            rich_help_panel=OTHER,
        ),
    ] = False,
    help_: Annotated[
        bool,
        typer.Option(
            "--help",
            "-h",
            help="Show all of this, and exit.",
            callback=show_help,
            is_eager=True,
            rich_help_panel=OTHER,
        ),
    ] = False,
) -> int | None:
    """Find build artifacts and say exactly how much disk space deleting them frees.

    Looks for node_modules, .next, dist and other directories that tools for JavaScript make, or with
    --profile for those of other languages. Deletes only with --no-dry-run, and only what it can prove to
    be rebuildable.
    """
    if ctx.invoked_subcommand is not None:
        return None
    with nothing_done():
        from cleanup_nodemodule.model import Mode
        from cleanup_nodemodule.run.cleaning import clean as work
        from cleanup_nodemodule.run.limits import parse_limit
        from cleanup_nodemodule.run.orders import Orders
        from cleanup_nodemodule.show.terminal import Display

        if dry_run and no_dry_run:
            raise typer.BadParameter("--dry-run and --no-dry-run contradict each other; give one")
        if no_dry_run and "" in (path or []):
            raise typer.BadParameter("-p is empty; to delete in the current directory, type: -p .")
        if quiet and verbose:
            raise typer.BadParameter("--quiet and --verbose contradict each other; give one")
        check_jobs(jobs)
        check_timeout(timeout)
        shown = agreed_format(format_, json_=json_, null=null)
        settings = settings_of(
            roots=tuple(path or ["."]),
            targets=tuple(dict.fromkeys(targets)) if targets else None,
            also=tuple(dict.fromkeys(also or ())),
            include_unproven=tuple(include_unproven or ()),
            min_depth=min_depth,
            excludes=tuple(exclude or ()),
            profiles=tuple(profile or ()),
            own_rules=tuple(rule or ()),
            include_foreign=include_foreign,
            assume_unused=assume_unused,
        )
        limit = None if max_delete is None else parse_limit(max_delete)
        display = Display(
            format=shown.value if shown else None,
            sort=sort.value,
            color=color.value,
            progress=not no_progress,
            quiet=quiet,
            verbose=verbose,
            null=null,
            command=same_again(ctx),
        )
        mode: Mode = "trash" if trash else "delete"
        orders = Orders(
            mode if no_dry_run else "dry-run",
            ask=not yes,
            wait=wait,
            max_delete=limit,
            jobs=jobs,
            timeout=seconds_of(timeout),
        )
        from cleanup_nodemodule.run.signals import Interrupts

        interrupts = Interrupts()
    return carry_out(
        lambda voice, runtime: work(settings, orders, voice, runtime), orders, display, interrupts
    )
