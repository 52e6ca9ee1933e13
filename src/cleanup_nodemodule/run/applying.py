"""What a saved plan means for a run: its settings, and what of it is still as it was. Pure."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from cleanup_nodemodule.config.filters import Filters
from cleanup_nodemodule.config.settings import Settings, SettingsError
from cleanup_nodemodule.model import Artifact, Keep, Plan, Reason
from cleanup_nodemodule.problems import ProblemCode
from cleanup_nodemodule.proof.rules import RuleError, read_rules
from cleanup_nodemodule.proof.stat_cache import ancestors
from cleanup_nodemodule.run.saved_plan import SavedArtifact, SavedPlan, moment
from cleanup_nodemodule.survey.choose import choose
from cleanup_nodemodule.system import machine
from cleanup_nodemodule.words import printable, shell_command


def settings_for(saved: SavedPlan, own: Settings) -> Settings:
    """Return the settings by which a saved plan is applied.

    What proves is as it was when the plan was saved. What protects by the *own* settings of whoever applies it does so
    too. Raises SettingsError for a rule that this version does not understand.
    """
    said = saved.settings
    try:
        rules = read_rules(said.rules, "the plan", own=True)
    except RuleError as error:
        raise SettingsError(str(error)) from error
    named = {one.path for one in saved.artifacts}
    # Of two roots the innermost counts, so that nothing proves more than it did.
    roots = sorted({one.root for one in saved.artifacts}, key=len, reverse=True)
    return Settings(
        roots=tuple(roots),
        artifacts=tuple(one.path for one in saved.artifacts),
        targets=None if said.targets is None else tuple(said.targets),
        also=tuple(said.also),
        include_unproven=tuple(path for path in said.include_unproven if path in named),
        excludes=own.excludes,
        profiles=tuple(said.profiles),
        own_rules=rules,
        keep=own.keep,
        include_foreign=said.include_foreign,
        assume_unused=said.assume_unused,
        exact=own.exact,
        # It holds again, and is asked again at the turn of each.
        filters=Filters(older_than=said.older_than),
        home=own.home,
        cwd=own.cwd,
    )


def introduction(saved: SavedPlan) -> Iterator[str]:
    """Give what whoever applies a plan has to know before anything happens."""
    count = len(saved.artifacts)
    yield (
        f"the plan of {printable(saved.user)} on {printable(saved.host)} of {moment(saved.made_at)} names"
        f" {_directories(count)}, {saved.frees}"
    )
    weaker = list(_weaker(saved))
    if weaker:
        yield f"the plan asks for less proof than usual: {'; '.join(weaker)}"


def _weaker(saved: SavedPlan) -> Iterator[str]:
    said = saved.settings
    if said.targets is not None:
        yield shell_command("--targets", *map(printable, said.targets))
    if said.also:
        yield shell_command("--also", *map(printable, said.also))
    if said.rules:
        yield f"own rules {', '.join(printable(str(rule.get('id'))) for rule in said.rules)}"
    if said.include_unproven:
        yield f"--include-unproven for {_directories(len(said.include_unproven))}"
    if said.include_foreign:
        yield "--include-foreign"
    if said.assume_unused:
        yield "--assume-unused"


def _directories(count: int) -> str:
    return "1 directory" if count == 1 else f"{count:,} directories"


def held_against(plan: Plan, saved: SavedPlan, prints: Mapping[str, str]) -> Plan:
    """Return *plan*, which was made anew of what *saved* names, without what is not as it was any more.

    *prints* are the fingerprints of what it selects, by path.
    What has changed is kept, and so is whatever lies around it. What is not there any more is no problem.
    """
    known = {one.path: one for one in saved.artifacts}
    here = saved.machine == machine.machine()
    same_start = here and saved.boot is not None and saved.boot == machine.boot()
    changed: dict[str, str] = {}
    for artifact in plan.selected:
        was = known.get(artifact.path)
        why = _change(was, artifact, here=here, same_start=same_start)
        if why is None and was is not None:
            why = _inside(was.fingerprint, prints.get(artifact.path, ""))
        if why is not None:
            changed[artifact.path] = why
    unchanged = frozenset(one.path for one in plan.selected if one.path not in changed)
    narrowed = choose(plan, unchanged, Reason.CHANGED)
    gone = tuple(one.path for one in plan.problems if one.code is ProblemCode.NAMED_GONE)
    return replace(
        narrowed,
        artifacts=_explained(narrowed.artifacts, changed),
        problems=tuple(one for one in plan.problems if one.code is not ProblemCode.NAMED_GONE),
        gone=gone,
    )


def _explained(artifacts: Sequence[Artifact], changed: Mapping[str, str]) -> tuple[Artifact, ...]:
    """Return the artifacts, with what has changed about each."""
    around = {above for path in changed for above in ancestors(os.path.dirname(path), None)}

    def explained(one: Artifact) -> Artifact:
        if one.decision != Keep(Reason.CHANGED):
            return one
        why = changed.get(one.path)
        if why is None and one.path in around:
            why = "something in it has changed"
        return replace(one, decision=Keep(Reason.CHANGED, why))

    return tuple(map(explained, artifacts))


def _inside(was: str, now: str) -> str | None:
    """Return what the fingerprints say of a change inside, None if there was none."""
    if was == now and now:
        return None
    return "something in it was changed" if was and now else "nobody could look through all of it"


def _change(
    was: SavedArtifact | None, now: Artifact, *, here: bool, same_start: bool
) -> str | None:
    """Return what has changed about an artifact since it was saved; None if nothing has."""
    if was is None:
        return "the plan does not name it: the path that it names leads here by a symlink"
    identity = now.candidate.identity
    if was.file_system is not None and now.file_system is not None:
        moved = was.file_system != now.file_system
    else:
        # A device number means nothing on another machine, and when the machine was started again.
        moved = not here or (same_start and was.device != identity.device)
    if moved or was.inode != identity.inode:
        return "another directory is in its place"
    contents = now.contents
    for what, before, there in (
        ("files", was.files, contents.files),
        ("directories", was.directories, contents.directories),
    ):
        if there != before:
            return f"it has {there:,} {what}, and had {before:,}"
    if contents.newest > was.newest:
        return f"a file in it was written at {moment(contents.newest)}"
    if contents.apparent_bytes != was.apparent_bytes:
        return f"it has {contents.apparent_bytes:,} bytes, and had {was.apparent_bytes:,}"
    changed = now.candidate.changed
    if was.changed_ns and changed and was.changed_ns != changed:
        return f"the directory itself was changed at {moment(changed / 1e9)}"
    return None
