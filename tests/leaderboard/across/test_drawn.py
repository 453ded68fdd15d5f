"""Three drawn data sets in the layouts of real ones, with everything that a matrix can be asked for."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from tests.harness.sweeps.made import ENGINE

MATRIX = """
on = ["veri776/image-to-image", "vric", "synthetic/image-to-image"]
leave-one-out = true
plugin = ["engine.py"]
data = { veri776 = "VeRi", vric = "VRIC", synthetic = "drawn" }
defaults = { device = "cpu", workers = 0 }

[[row]]
method = "strong-baseline"
recipe = "quick"
set = { epochs = 1, input_size = 32, p = 4 }

[[row]]
method = "pgan"
recipe = "quick"
set = { epochs = 1, input_size = 32, p = 4 }

[[row]]
method = "colour-histogram"
"""


def bench(*words):
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, f"{done.output}\n{done.exception!r}"
    return done


@pytest.mark.slow
def test_methods_with_and_without_boxes_are_trained_across_drawn_data_sets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("engine.py").write_text(ENGINE)
    Path("matrix.toml").write_text(MATRIX)
    for seed, (name, folder) in enumerate((("veri776", "VeRi"), ("vric", "VRIC"), ("synthetic", "drawn"))):
        size = ("--vehicles", "12", "--image-size", "48", "--seed", str(seed))
        bench("data", "make", name, folder, *size)

    found = json.loads(bench("matrix", "matrix.toml", "--engine", "here", "--json").stdout)

    trained = ["veri776", "vric", "synthetic", "all others"]
    assert [row["training"] for row in found["rows"]] == [*trained, *trained, ""]
    for row in found["rows"]:
        for place, cell in enumerate(row["cells"]):
            assert cell["state"] == "done", cell["note"]
            assert cell["seeds"] == [0]
            others = sorted({"veri776", "vric", "synthetic"} - {found["on"][place]["protocol"]})
            assert row["training"] != "all others" or cell["train_on"] == others
            assert all(one["low"] <= one["mean"] <= one["high"] for one in cell["measures"].values())
