"""Files changed at random, by a seed: bits, blocks, lengths and words that readers believe."""

import random

BELIEVED = (b"storage", b"data.pkl", b"FloatStorage", b"_rebuild_tensor_v2", b"collections", b"OrderedDict", b"F32")
REPLACED_BY = (b"posix", b"system", b"eval", b"..", b"\x00", b"\xff" * 8, b"9" * 20)


def mutated(content: bytes, seed: int) -> bytes:
    """Return the bytes after one to four changes; equal seeds give equal bytes."""
    drawn = random.Random(seed)  # noqa: S311 - a test
    for _ in range(drawn.randint(1, 4)):
        content = drawn.choice(CHANGES)(bytearray(content), drawn) or b"\x00"
    return content


def _flip(content, drawn):
    for _ in range(drawn.choice([1, 1, 8, 64])):
        content[drawn.randrange(len(content))] ^= 1 << drawn.randrange(8)
    return bytes(content)


def _cut(content, drawn):
    return bytes(content[: drawn.randrange(len(content))])


def _lose(content, drawn):
    start = drawn.randrange(len(content))
    return bytes(content[:start] + content[start + drawn.choice([1, 2, 8, 100]) :])


def _repeat(content, drawn):
    start, size = drawn.randrange(len(content)), drawn.choice([1, 4, 64, 1000])
    return bytes(content[: start + size] + content[start:])


def _overwrite(content, drawn):
    start, size = drawn.randrange(len(content)), drawn.choice([1, 2, 4, 8, 32])
    content[start : start + size] = drawn.randbytes(size)
    return bytes(content)


def _extreme(content, drawn):
    start, size = drawn.randrange(len(content)), drawn.choice([2, 4, 8])
    content[start : start + size] = drawn.choice([b"\x00", b"\xff", b"\x7f"]) * size
    return bytes(content)


def _reword(content, drawn):
    word = drawn.choice(BELIEVED)
    found = [place for place in range(len(content)) if content[place : place + len(word)] == word]
    if found:
        place, other = drawn.choice(found), drawn.choice(REPLACED_BY)
        content[place : place + len(other)] = other
    return bytes(content)


def _head(content, drawn):
    """Change the first bytes, which say what a file is."""
    content[drawn.randrange(min(16, len(content)))] = drawn.randrange(256)
    return bytes(content)


CHANGES = (_flip, _flip, _cut, _lose, _repeat, _overwrite, _extreme, _reword, _head)
