"""The kernel in processes of its own: its imports, its cache folder, and several processes together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]

RANK = """
import numpy as np
from harness.kernel.ranking import rank
from harness.tasks.relevance import Relevance, RowLists
own = RowLists(np.array([0, 1]), np.array([1]))
nothing = RowLists(np.array([0, 0]), np.array([], dtype=np.int64))
(answer,) = rank(np.ones((1, 3), np.float32), np.eye(2, 3, dtype=np.float32), Relevance(1, 2, own, nothing))
print(answer.ranks.tolist())
"""

TOGETHER = """
import sys
from pathlib import Path
from lightning_fabric import Fabric
from harness.kernel.ranking import rank
from harness.compute.machine import Machine
from tests.harness.kernel.problems import random_problem, same

fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp")
fabric.launch()
problem = random_problem(21)
alone = rank(problem.queries, problem.gallery, problem.relevance)
both = rank(problem.queries, problem.gallery, problem.relevance, machine=Machine.of(fabric))
Path(sys.argv[1], str(fabric.global_rank)).write_text("the same" if same(alone, both) else "different")
"""


def run(*words, **environment):
    """Run an interpreter in the repository and return its output."""
    done = subprocess.run(  # noqa: S603 - our own scripts
        [sys.executable, *words],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_kernel_imports_neither_torch_nor_numba():
    assert run("-c", "import sys, harness.kernel; print({'torch', 'numba'} & set(sys.modules))") == "set()\n"


def test_a_small_problem_is_ranked_without_torch_or_what_compiling_imports():
    program = f"{RANK}\nimport sys; print({{'torch', 'scipy.linalg'}} & set(sys.modules))"
    run("-c", program)  # compiles the loops where they are not

    assert run("-c", program) == "[2]\nset()\n"


def test_two_processes_find_the_ranks_of_one(tmp_path):
    script = tmp_path / "together.py"
    script.write_text(TOGETHER)

    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    run(*launch, str(script), str(tmp_path), OMP_NUM_THREADS="1")

    # In a file each, since the output of two processes at once may be mixed up.
    assert {rank: (tmp_path / rank).read_text() for rank in "01"} == {"0": "the same", "1": "the same"}
