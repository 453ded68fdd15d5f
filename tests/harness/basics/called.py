"""What the processes of ``test_child.py`` call."""

import os
import sys
import time
from pathlib import Path

from harness.errors import DataError


def tell(words):
    print("a library says something")  # noqa: T201 - on purpose
    os.system("echo so does a program")  # noqa: S605, S607 - on purpose
    return {"words": words, "environment": sorted(os.environ), "path": sys.path}


def refuse(words):
    raise DataError("a row is wrong", where=Path(words[0]), found=3, next_step="correct it")


def fill(words):
    return {"bytes": len(bytes(int(words[0])))}


def write(words):
    Path(words[0]).write_bytes(bytes(int(words[1])))
    return {}


def loop(_words):
    while True:
        pass


def wait(_words):
    time.sleep(60)


def crash(_words):
    os.abort()
