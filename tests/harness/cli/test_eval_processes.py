"""``bench eval`` and ``bench run`` under torchrun: the digits of one process, printed once; an error printed once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

import harness
from harness.cli import main
from harness.features.layout import BLOCK, StoredKeys, checksum
from harness.features.storage import Storage
from tests.harness.cli.test_rerank import PLUGIN

ROOT = Path(__file__).parents[3]
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
GALLERY = 3 * BLOCK
WHERE = ("f.h5", "--protocol", "listed", "--data", ".", "--plugin", "plugin.py", "--device", "cpu")


@pytest.fixture
def features(tmp_path, monkeypatch):
    """A feature file of three blocks, of which the second of two shards alone needs the last."""
    monkeypatch.chdir(tmp_path)
    Path("plugin.py").write_text(PLUGIN.replace('"gallery", 40', f'"gallery", {GALLERY}'))
    keys = [f"{name}/{row}.jpg" for name, number in (("query", 10), ("gallery", GALLERY)) for row in range(number)]
    table = np.random.default_rng(3).standard_normal((len(keys), 6)).astype(np.float32)
    return harness.write_features("f.h5", keys, table, dataset="listed", method="mine")


def bench(verb, *words, processes=1):
    launcher = TORCHRUN if processes > 1 else ()
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, *launcher, "-m", "harness", verb, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )


def evaluate(*words, processes=1):
    return bench("eval", *WHERE, *words, processes=processes)


def break_last_row(path):
    """Write a feature that is not a number, under checksums that say that it was meant."""
    with h5py.File(path, "r+") as file:
        last = (len(file["features"]) - 1) // BLOCK
        file["features"][-1, 0] = np.nan
        file["checksums"][last] = checksum(file["features"][last * BLOCK :])
        features = file["features"]
        storage = Storage(features.dtype.name, features.shape[1])
        digest = storage.digest(StoredKeys(file["keys"][:]), file["checksums"][:])
        file.attrs["digest"] = np.bytes_(digest)


def test_two_processes_print_and_write_what_one_does(features):
    one = CliRunner().invoke(main, ["eval", *WHERE, "--json", "--record", "of-1"])
    two = evaluate("--json", "--record", "of-2", processes=2)

    assert two.returncode == 0, two.stderr
    assert two.stdout == one.stdout
    tasks = [row["task"].partition("/")[2] for row in json.loads(two.stdout)]
    assert tasks == ["image-to-image", "image-to-track", "drawn", "by-mean"]
    records = [{path.name: path.read_bytes() for path in Path(f"of-{count}").iterdir()} for count in (1, 2)]
    assert records[0] == records[1]
    assert len(records[0]) == 2 * len(tasks)


@pytest.mark.slow
def test_what_the_second_process_alone_finds_is_said_once_and_ends_both(features):
    break_last_row(features)

    ended = evaluate("--record", "records", processes=2)

    assert ended.returncode != 0
    assert ended.stdout == ""
    assert ended.stderr.count("bench: 1 features are not finite") == 1
    assert ended.stderr.count(f"found: gallery/{GALLERY - 1}.jpg") == 1
    assert "harness/kernel" not in ended.stderr, "a traceback"
    assert not Path("records").exists()


@pytest.mark.slow
def test_the_first_of_two_processes_ranks_again(features):
    one, two = (evaluate("--json", "--rerank", processes=count) for count in (1, 2))

    assert two.returncode == 0, two.stderr
    assert two.stdout == one.stdout
    assert len(json.loads(two.stdout)) == 2


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
def test_a_run_of_two_processes_prints_once(tmp_path, monkeypatch, small_synthetic, devices):
    monkeypatch.chdir(tmp_path)
    words = ("--method", "colour-histogram", "--protocol", "synthetic", "--data", str(small_synthetic))
    machine = ("--device", "cpu", "--devices", str(devices))

    done = bench("run", *words, *machine, "--json", processes=3 - devices)

    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) == 2
    assert done.stderr.count("run folder: ") == 1
    (features,) = Path("runs").rglob("features.h5")
    again = bench("eval", str(features), *words[2:], "--json")
    assert again.stdout == done.stdout


@pytest.mark.slow
def test_a_word_that_nobody_knows_is_refused_once(tmp_path, monkeypatch, small_synthetic):
    monkeypatch.chdir(tmp_path)
    words = ("--method", "nobody", "--protocol", "synthetic", "--data", str(small_synthetic), "--device", "cpu")

    ended = bench("run", *words, processes=2)

    assert ended.returncode != 0
    assert ended.stderr.count("unknown method 'nobody'") == 1
    assert not Path("runs").exists()


def test_an_evaluation_by_one_process_leaves_lightning_alone(features):
    script = (
        "import sys; from harness.cli import main\n"
        "main(sys.argv[1:], standalone_mode=False)\n"
        "print('lightning_fabric' in sys.modules, sys.modules['torch'].distributed.is_initialized())\n"
    )
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", script, "eval", *WHERE[:-1], "auto"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.splitlines()[-1] == "False False", done.stderr


def test_a_fresh_process_writes_the_same_without_any_large_library(features):
    """Alone in a fresh process NumPy multiplies, in this one torch does, which the tests have imported."""
    here = CliRunner().invoke(main, ["eval", *WHERE, "--json", "--record", "here"])
    large = {"torch", "torchvision", "lightning_fabric", "pandas", "matplotlib", "scipy.linalg", "scipy.stats"}
    program = (
        "import sys\nfrom harness.cli import main\ntry: main(sys.argv[1:])\n"
        f"finally: print('large:', sorted({large} & set(sys.modules)), file=sys.stderr)"
    )

    words = ("eval", *WHERE, "--json", "--record", "fresh")
    fresh = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )

    assert fresh.returncode == 0, fresh.stderr
    assert fresh.stdout == here.stdout
    assert "large: []" in fresh.stderr
    records = [{path.name: path.read_bytes() for path in Path(folder).iterdir()} for folder in ("here", "fresh")]
    assert records[0] == records[1]
