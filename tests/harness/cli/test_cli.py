import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from harness.cli import main


def bench(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def install(folder, number):
    """Write the files of a distribution with a method and a verb, as an installer does."""
    (folder / f"stranger_{number}.py").write_text("import torch\n")
    (folder / f"verb_{number}.py").write_text("import click\n\n@click.command()\ndef verb():\n    'Be strange.'\n")
    information = folder / f"stranger_{number}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: stranger-{number}\nVersion: 1.0\n")
    points = f"[bench]\nstranger = stranger_{number}\n[bench.commands]\nstranger-{number} = verb_{number}:verb\n"
    (information / "entry_points.txt").write_text(points)


def test_help_imports_nothing_heavy_however_many_plugins_are_installed(tmp_path):
    for number in range(20):
        install(tmp_path, number)
    code = (
        "import sys\n"
        f"sys.path.append({str(tmp_path)!r})\n"
        "from harness.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "heavy = {'torch', 'torchvision', 'pandas', 'numba', 'h5py', 'matplotlib', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603

    assert done.returncode == 0, done.stderr
    assert "Get a number:" in done.stdout
    assert "stranger-19" in done.stdout
    assert "Write a method:" in done.stdout


@pytest.mark.parametrize(
    "verb",
    ["attend", "run", "train", "extract", "eval", "methods", "protocols", "plugins", "leaderboard", "data", "check"],
)
def test_every_verb_has_a_help_text(verb):
    done = bench(verb, "--help")

    assert done.exit_code == 0
    assert len(done.output.splitlines()) > 4


def test_a_misspelt_verb_proposes_the_nearest():
    done = bench("leaderbord")

    assert done.exit_code == 2
    assert "Did you mean 'leaderboard'?" in done.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--method", "strong-basline", "--protocol", "synthetic"), "did you mean 'strong-baseline'"),
        (("--method", "random", "--protocol", "synthetik"), "did you mean 'synthetic'"),
        (("--method", "random", "--protocol", "synthetic/image-to-trak"), "did you mean 'image-to-track'"),
        (("--method", "random/bold", "--protocol", "synthetic"), "unknown variant of random 'bold'"),
        (("--method", "random", "--protocol", "veri776"), "give it with --data DIR"),
        (("--method", "random", "--protocol", "veri776", "--data", "/no/such/folder"), "folder is missing"),
        (("--method", "random", "--protocol", "synthetic", "--set", "epochs"), "expected: --set name=value"),
        (("--method", "strong-baseline", "--protocol", "synthetic", "--set", "epoch=1"), "did you mean 'epochs'"),
        (("--method", "strong-baseline", "--protocol", "synthetic", "--recipe", "quik"), "did you mean 'quick'"),
    ],
)
def test_a_mistake_ends_with_2_and_one_clear_message(words, message, tmp_path, monkeypatch, small_synthetic):
    monkeypatch.chdir(tmp_path)
    if "synthetic" in words and "--data" not in words:
        words = (*words, "--data", small_synthetic)

    done = bench("run", *words)

    assert done.exit_code == 2, done.output
    assert message in done.output
    assert "Traceback" not in done.output


def test_methods_protocols_and_plugins_are_listed_as_tables_and_as_json():
    for verb, column, name in [("methods", "method", "oracle"), ("protocols", "task", "veri776/image-to-track")]:
        assert name in bench(verb).output
        assert name in {row[column] for row in json.loads(bench(verb, "--json").output)}
    assert "vehicle-reid-bench:methods" in bench("plugins").output


@pytest.mark.parametrize("words", [("show", "strong-baseline/resnet18"), ("strong-baseline/resnet18",)])
def test_a_method_shows_its_variants_recipes_options_and_sizes(words):
    shown = bench("methods", *words, "--input", "64", "--vehicles", "7").output

    assert "recipes: paper, quick, report, report-vru, report-vru-20" in shown
    assert "epochs" in shown
    assert "for an image of 3 x 64 x 64 and the classes vehicle 7, camera 20" in shown
    assert json.loads(bench("methods", *words, "--json").output)["parameters"] == {
        "train": 11_176_512 + 2 * 512 + 512 * 576,
        "last_stage": 11_176_512 + 512 + 512 * 576,
        "test": 11_176_512 + 2 * 512,
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("ram", "--input", "0"), "'0' is not a size"),
        (("ram", "--input", "1x2x3"), "'1x2x3' is not a size"),
        (("ram", "--set", "steps"), "an option has no value"),
        (("rma",), "did you mean 'ram'"),
    ],
)
def test_a_method_that_cannot_be_shown_ends_with_2_and_the_reason(words, message):
    done = bench("methods", "show", *words)

    assert done.exit_code == 2, done.output
    assert message in done.output
    assert "Traceback" not in done.output
