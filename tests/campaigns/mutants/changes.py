"""Changes of a file by a seed: those of the older tests of weights and features, and for texts what parsers fail on."""

from __future__ import annotations

import random

import numpy as np

from tests.harness.exchange.mutants import mutant
from tests.plugins.weights.mutations import mutated

ODD = (
    b"9" * 5000,
    b"-9" + b"9" * 40,
    b"1e400",
    b"NaN",
    b"Infinity",
    b"\x00",
    b"\x1b[2J\x07",
    "\u202eevil\u2066".encode(),
    b"\xed\xa0\x80",
    b"\\ud800",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"[" * 3000,
    b"{" * 3000,
    b'{"a":' * 700,
    b"[" * 600 + b"]" * 600,
    b'"' + b"x" * 200_000,
    b"x" * 200_000,
    b"../../../outside",
    b"C:\\outside",
    b"/etc/passwd",
    b"\r",
    b"\n\n\n",
    b'""',
    b"null",
    b"true",
    b"-1",
    b"0",
    b"2147483648",
    b"9223372036854775808",
    b"1000000000",
    b"10000000",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"&b;&#0;&#xD800;",
    b"<a>" * 5000,
    "\uff11\u0661".encode(),  # digits that are not ASCII
)
"""What is put into texts."""


def changed(content: bytes, seed: int, *, text: bool) -> bytes:
    """Return the bytes after some changes; equal seeds give equal bytes."""
    drawn = random.Random(f"change {seed}")  # noqa: S311 - a test
    if text and drawn.random() < 0.6:
        return _reworded(content, drawn)
    if drawn.random() < 0.5:
        return mutated(content, seed)
    return mutant(content, np.random.default_rng(seed))


def _reworded(content: bytes, drawn: random.Random) -> bytes:
    """Return a text after one or two changes of its words or lines."""
    for _ in range(drawn.randint(1, 2)):
        content = drawn.choice((_word, _word, _inserted, _lines))(content, drawn)
    return content


def _word(content: bytes, drawn: random.Random) -> bytes:
    """Replace a word or a number."""
    kept = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
    start = drawn.randrange(len(content) + 1)
    while start < len(content) and content[start] not in kept:
        start += 1
    while 0 < start <= len(content) and content[start - 1] in kept:
        start -= 1
    stop = start
    while stop < len(content) and content[stop] in kept:
        stop += 1
    return content[:start] + drawn.choice(ODD) + content[stop:]


def _inserted(content: bytes, drawn: random.Random) -> bytes:
    place = drawn.randrange(len(content) + 1)
    return content[:place] + drawn.choice(ODD) + content[place:]


def _lines(content: bytes, drawn: random.Random) -> bytes:
    """Lose, repeat, swap or empty a line, or join two."""
    lines = content.split(b"\n")
    one, other = drawn.randrange(len(lines)), drawn.randrange(len(lines))
    kind = drawn.randrange(5)
    if kind == 0:
        del lines[one]
    elif kind == 1:
        lines.insert(other, lines[one])
    elif kind == 2:
        lines[one], lines[other] = lines[other], lines[one]
    elif kind == 3:
        lines[one] = b""
    else:
        lines[one : one + 2] = [b"".join(lines[one : one + 2])]
    return b"\n".join(lines)
