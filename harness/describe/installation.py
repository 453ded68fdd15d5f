"""This installation and this machine in plain words, for a report of a fault: what runs, on what, and what is wrong."""

from __future__ import annotations

import importlib.metadata
import locale
import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from harness.basics.file_lock import SOFT, FileLock
from harness.basics.files import free_bytes
from harness.basics.host import CACHE, cache_folder, free_memory, processor_model, processors
from harness.basics.locks import is_held
from harness.compute.waiting import choose_waiting
from harness.errors import in_one_line
from harness.registry.registry import Registry

DISTRIBUTION = "vehicle-reid-bench"

VARIABLES = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "WORLD_SIZE", "PYTHONUTF8",
    "PYTHONIOENCODING", "LC_ALL", "LC_CTYPE", "LANG", "HDF5_USE_FILE_LOCKING", "CUBLAS_WORKSPACE_CONFIG",
)  # fmt: skip
"""Environment variables that change how a run goes; none of them holds a secret."""

LOCKS = 200
"""How many locks below a folder are looked at."""

Facts = dict[str, Any]


@dataclass(frozen=True)
class Installation:
    """The facts, by their section and their name, and the problems, one sentence each."""

    sections: Mapping[str, Facts]
    problems: tuple[str, ...] = field(default=())


def describe_installation(registry: Registry, runs: Path, console: IO[str]) -> Installation:
    """Return the facts about this installation.

    Each folder is tried with a file that is removed at once; nothing else is written. Home is shown as ``~``, and the
    names of the user and of the machine are left out.

    Args:
        registry: what is installed.
        runs: the folder of the runs.
        console: what the answer is printed to.
    """
    problems: list[str] = []
    folders = {"cache": cache_folder(), "runs": runs, "temporary": Path(tempfile.gettempdir())}
    sections: dict[str, Facts] = {
        "program": _program(),
        "packages": _packages(problems),
        "machine": _machine(),
        "devices": _devices(problems),
        "kernel": _kernel(problems),
        "folders": {word: _folder(word, place, problems) for word, place in folders.items()},
        "console": _console(console, problems),
        "environment": {name: os.environ[name] for name in VARIABLES if name in os.environ},
        "plugins": _plugins(registry, problems),
    }
    return Installation(_private(sections), tuple(_private(problems)))


def _program() -> Facts:
    python, bits = f"{platform.python_implementation()} {platform.python_version()}", sys.maxsize.bit_length() + 1
    return {
        "bench": importlib.metadata.version(DISTRIBUTION),
        "python": f"{python} of {bits} bits",
        "system": " ".join(filter(None, (platform.system(), platform.release(), platform.machine()))),
        "C library": " ".join(filter(None, platform.libc_ver())) or "not told",
    }


def _packages(problems: list[str]) -> Facts:
    """Return the version of each package that is needed, and of those of the extras."""
    found: Facts = {}
    for name, bounds, extra in sorted(_requirements()):
        version = _version(name)
        found[name] = version or (f"not installed (extra {extra})" if extra else "missing")
        if version is None and not extra:
            problems.append(f"the package {name} is missing: python -m pip install {DISTRIBUTION}")
        least = re.search(r">=\s*([0-9][0-9.]*)", bounds)
        if version is not None and least is not None and _numbers(version) < _numbers(least[1]):
            problems.append(f"the package {name} is too old: {version}, where {least[1]} is needed")
    return found


def _requirements() -> Iterator[tuple[str, str, str]]:
    """Yield the name, the bounds and the extra of each required package; the extras of developers are left out."""
    seen: set[str] = set()
    for line in importlib.metadata.requires(DISTRIBUTION) or ():
        match = re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*([^;]*)", line)
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)", line)
        word = "" if extra is None else extra[1]
        if match is not None and match[1] not in (DISTRIBUTION, *seen) and word not in ("test", "docs"):
            seen.add(match[1])
            yield match[1], match[2], word


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with, without zeros at the end: ``2.15.0+cu126`` is (2, 15)."""
    numbers = [int(number) for number in re.findall(r"[0-9]+", version.partition("+")[0])]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _machine() -> Facts:
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    wide = sorted(
        name for name, there in features.items() if there and re.match(r"avx|amx|fma|f16c|neon|sve|bf16", name)
    )
    return {
        "processor": processor_model() or platform.processor() or "not told",
        "kind": binding.get_host_cpu_name(),
        "processors": f"{processors()} of {os.cpu_count()}",
        "features": " ".join(wide) or "none that the kernel knows",
        "free memory": _bytes(free_memory(0)),
    }


def _devices(problems: list[str]) -> Facts:
    import torch

    cuda = torch.version.cuda
    found: Facts = {"torch": f"built for CUDA {cuda}" if cuda else "built for processors"}
    found["threads"] = torch.get_num_threads()
    found["they wait"] = choose_waiting()
    try:
        for number in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(number)
            free, total = torch.cuda.mem_get_info(number)
            found[f"cuda:{number}"] = f"{about.name}, {_bytes(free)} of {_bytes(total)} free"
    except RuntimeError as problem:  # a driver that is too old, or a GPU that another process holds alone
        problems.append(f"the GPU cannot be used: {in_one_line(problem)}")
    if torch.backends.mps.is_available():
        found["mps"] = "there"
    return found


def _kernel(problems: list[str]) -> Facts:
    import numba

    from harness.kernel.native.order import by_bucket
    from harness.kernel.products import fastest

    kept = by_bucket.stats.cache_path  # type: ignore[attr-defined]  # numba's
    if not kept:
        problems.append(
            f"compiled loops cannot be kept, and every process compiles them again: name a folder in {CACHE}"
        )
    # Asking numba itself would start its threads, and give torch as many.
    threads = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]  # set when numba is imported
    return {"first pass": fastest(), "threads": threads, "compiled loops are kept": bool(kept)}


def _folder(word: str, place: Path, problems: list[str]) -> Facts:
    """Return what is known of a folder; it is tried with a file that is removed at once."""
    facts: Facts = {"path": str(place), "there": place.is_dir(), "writable": False, "locks": "not tried"}
    nearest = next((folder for folder in (place, *place.absolute().parents) if folder.exists()), None)
    free = free_bytes(place)
    facts["free"] = "not told" if free is None else _bytes(free)
    if nearest is not None:
        try:
            with tempfile.TemporaryDirectory(dir=nearest, prefix=".bench-doctor-") as folder:
                facts["writable"] = True
                facts["locks"] = _locks(Path(folder))
        except OSError as problem:
            problems.append(f"the {word} folder {place} cannot be written: {problem.strerror}")
    ours = [] if word == "temporary" else _lock_files(place)  # others' locks lie there too
    facts["held"] = sorted(path.parent.name for path in ours if is_held(path))
    return facts


def _locks(folder: Path) -> str:
    with FileLock(folder / "lock"):
        return "a file stands for each, since the drive has none" if (folder / f"lock{SOFT}").exists() else "yes"


def _lock_files(folder: Path) -> list[Path]:
    """Return the locks of this program below a folder: empty files, as ours are, since trying a lock may empty it."""
    try:
        found = sorted(path for pattern in ("*.lock", "*/.lock", "*/*/.lock") for path in folder.glob(pattern))
        return [path for path in found if path.is_file() and path.stat().st_size == 0][:LOCKS]
    except OSError:
        return []


def _console(console: IO[str], problems: list[str]) -> Facts:
    encoding = str(getattr(console, "encoding", None))
    facts = {
        "standard output": encoding,
        "names of files": sys.getfilesystemencoding(),
        "text files": locale.getpreferredencoding(do_setlocale=False),
        "locale": ".".join(filter(None, locale.getlocale())) or "C",
        "terminal": console.isatty(),
    }
    try:
        "Škoda 车".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        problems.append(
            f"the console prints {encoding}, which lacks letters: they are shown by their numbers; "
            "PYTHONUTF8=1 lets Python write UTF-8"
        )
    return facts


def _plugins(registry: Registry, problems: list[str]) -> Facts:
    """Return the plugins, and what is wrong with those of third parties, all of which are imported."""
    registry.try_all()
    problems += [f"plugin {one.name}: {in_one_line(one.problem)}" for one in registry.plugins if one.problem]
    return {one.name: one.version or "a file" for one in registry.plugins}


def _bytes(number: int) -> str:
    return f"{number / (1 << 30):.1f} GiB"


def _private(value: Any) -> Any:
    """Return a value of texts, lists and mappings with home as ``~``, without the names of user and machine."""
    if isinstance(value, str):
        for word, stands in _names():
            value = re.sub(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])", stands, value)
        return value
    if isinstance(value, Mapping):
        return {_private(key): _private(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_private(item) for item in value)
    return value


def _names() -> Iterable[tuple[str, str]]:
    """Return what must not be shown, and what stands for it."""
    import getpass

    found = []
    try:
        home = str(Path.home())
        found += [(home, "~"), (str(Path(home).resolve()), "~")] if len(home) > 1 else []
        found.append((getpass.getuser(), "USER"))
    except (RuntimeError, KeyError, ImportError, OSError):  # no home, or a user without a name
        pass
    found.append((platform.node(), "HOST"))
    found.append((platform.node().partition(".")[0], "HOST"))
    return [(word, stands) for word, stands in found if len(word) > 1]
