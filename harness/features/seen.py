"""The data that given weights have seen, in words: names of protocols, and of data that no protocol is of."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from harness.errors import UsageError

NOTHING = "nothing"
"""The data that random weights have seen."""

JOINED = "+"
"""Stands between the data sets that a method was trained on together: ``veri776+vric``."""

SAFE = re.compile(r"[a-z0-9][a-z0-9._+-]{0,59}")
SIMILAR = 0.85
"""From this likeness on, two words with the same digits are one and its misspelling."""


def trained_sets(train_on: str | None) -> tuple[str, ...]:
    """Return the data sets of a training, each by the name of its protocol.

    Example:
        >>> trained_sets("veri776+vric")
        ('veri776', 'vric')
    """
    return tuple(train_on.split(JOINED)) if train_on else ()


def apart(words: Iterable[str], protocols: Iterable[str]) -> tuple[str, ...]:
    """Return words for data, each once, with the name of joined data sets taken apart if a protocol is among them.

    Example:
        >>> apart(["veri776+vric", "laion2b+coco"], ["veri776"])
        ('veri776', 'vric', 'laion2b+coco')
    """
    known, found = set(protocols), list[str]()
    for word in words:
        sets = trained_sets(word)
        found += sets if known.intersection(sets) else [word]
    return tuple(dict.fromkeys(found))


def seen_word(word: str, protocols: Iterable[str]) -> str:
    """Return a word for data, in small letters unless a protocol is called so.

    Raises:
        UsageError: it is no word that fits in a table, or nearly the name of a protocol, which would hide that weights
            have seen the evaluated data.

    Example:
        >>> seen_word("ImageNet", ["veri776"])
        'imagenet'
    """
    known = sorted(protocols)
    if word in known:
        return word
    small = word.lower()
    if not SAFE.fullmatch(small):
        raise UsageError(
            "the data that weights have seen needs a short word",
            found=word[:100],
            expected="letters, digits, and . _ + - between them: imagenet, msmt17",
            next_step="give --trained-on one word for each data set, with commas between them",
        )
    near = [name for name in known if _is_meant(small, name)]
    if near:
        raise UsageError(
            f"no protocol is called '{word}'; did you mean '{near[0]}'?",
            found=f"--trained-on {word}",
            expected=f"{' or '.join(near)}, or a word for other data",
        )
    return small


def _is_meant(word: str, protocol: str) -> bool:
    """Return whether a word may stand for a protocol: the same letters, its beginning, or a misspelling."""
    one, other = (re.sub(r"[^a-z0-9]", "", text.lower()) for text in (word, protocol))
    if one == other or (len(one) >= 4 and other.startswith(one)):
        return True
    same_digits = re.findall(r"\d", one) == re.findall(r"\d", other)
    return same_digits and difflib.SequenceMatcher(None, one, other).ratio() >= SIMILAR
