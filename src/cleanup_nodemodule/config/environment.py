"""What the environment says about a run: ``CLEANUP_NODEMODULE_OLDER_THAN`` for ``older-than``."""

import difflib
from collections.abc import Mapping

from cleanup_nodemodule.config.keys import KEYS, NO_KEYS, VARIABLES, Kind, Where, variable
from cleanup_nodemodule.config.layers import Given, Layer, Order, Source
from cleanup_nodemodule.config.reading import value_of_words
from cleanup_nodemodule.config.settings import SettingsError
from cleanup_nodemodule.words import printable

_LISTS = frozenset({Kind.TEXTS, Kind.PATHS, Kind.RULES})


def read_environment(environment: Mapping[str, str]) -> Layer:
    """Return what an environment says about a run.

    A list has one value in each line. An empty variable says nothing. Raises SettingsError and SaidWronglyError for
    what makes no sense; also for a variable that begins like ours and is none, as it is misspelt, and for one that
    would order a deletion.
    """
    layer: dict[str, Given] = {}
    keys = {variable(key): key for key in KEYS.values()}
    for name, text in environment.items():
        if not name.startswith(VARIABLES) or name in NO_KEYS or not text:
            continue
        source = Source(Order.ENVIRONMENT, name)
        key = keys.get(name)
        if key is None:
            near = difflib.get_close_matches(name, list(keys), n=1, cutoff=0.8)
            advice = f"did you mean {near[0]}?" if near else "unset it"
            raise SettingsError(
                f"there is no variable {printable(name)} of the environment; {advice}"
            )
        if key.where not in {Where.ANYWHERE, Where.FILES}:
            raise SettingsError(
                f"{name}: {key.name} can only stand {key.where.value}; unset the variable"
            )
        words = [line for line in text.splitlines() if line] if key.kind in _LISTS else [text]
        layer[key.name] = Given(value_of_words(key, words, source), source)
    return layer
