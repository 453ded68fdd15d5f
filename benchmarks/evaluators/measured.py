"""Measure one evaluator on one problem in this process, which should be a fresh one, and write what was found as JSON.

python -m benchmarks.evaluators.measured NAME FOLDER ANSWER [--queries N] [--memory BYTES] [--checkout DIR]
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

WORDS = ("allocate", "bad_alloc", "out of memory", "not enough memory")
"""What the errors of torch and of C++ say when memory is full; NumPy's are MemoryErrors."""


TIMES, LONG = 3, 2
"""A quick evaluation is repeated so often, until so many seconds are spent, and the smallest figures count."""


def limit(memory: int) -> None:
    """Let this process use so many bytes of its own, and let it be the first that a system without memory ends."""
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    score = Path("/proc/self/oom_score_adj")
    if score.exists():
        score.write_text("1000")


def full(problem: Exception) -> bool:
    """Return whether an exception says that memory is full."""
    return isinstance(problem, MemoryError) or any(word in str(problem).lower() for word in WORDS)


def measure(name: str, folder: Path, queries: int | None, checkout: Path | None) -> dict[str, object]:
    """Return the answer, its seconds of the clock and of the processor, and its bytes above the features."""
    from benchmarks.evaluators.memory import peak, reset_peak
    from benchmarks.evaluators.peers import prepared
    from benchmarks.evaluators.problem import read

    evaluate = prepared(name, checkout)
    problem = read(folder)
    asked = len(problem.query)
    evaluate(problem.little())  # compiles what is compiled at the first call, and starts threads
    problem = problem.first(queries or asked)
    began = reset_peak()
    took: list[tuple[float, float]] = []
    while len(took) < TIMES and sum(seconds for seconds, _ in took) < LONG:
        clock, processor = time.perf_counter(), time.process_time()
        answer = evaluate(problem)
        took.append((time.perf_counter() - clock, time.process_time() - processor))
    seconds, processors = zip(*took, strict=True)
    return {
        "seconds": min(seconds),
        "processor": min(processors),
        "again": sum(seconds[1:]),
        "above": peak() - began,
        "queries": len(problem.query),
        "of": asked,
        **asdict(answer),
    }


def main() -> None:
    """Write the answer, or that memory was full, or that the evaluator is not at hand."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("name")
    words.add_argument("folder", type=Path)
    words.add_argument("answer", type=Path)
    words.add_argument("--queries", type=int)
    words.add_argument("--memory", type=int)
    words.add_argument("--checkout", type=Path)
    given = words.parse_args()
    if given.memory:
        limit(given.memory)
    try:
        found = measure(given.name, given.folder, given.queries, given.checkout)
    except ModuleNotFoundError as problem:
        found = {"missing": problem.name}
    except Exception as problem:
        if not full(problem):
            raise
        found = {"full": True}
    given.answer.write_text(json.dumps(found, default=np.ndarray.tolist), encoding="utf-8")


if __name__ == "__main__":
    main()
