"""A method from outside: installed as a distribution, or given as a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[1]
OUTSIDE = REPOSITORY / "examples" / "third-party"
HERE = Path(sys.executable)


def bench(python: Path, *words: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``bench`` in another interpreter."""
    return subprocess.run(  # noqa: S603 - our own command
        [python, "-m", "harness", *map(str, words)],
        cwd=cwd,
        env={**os.environ, "PYTHONWARNINGS": "default", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def answer(python: Path, *words: object, cwd: Path, **environment: str) -> list[dict[str, Any]]:
    """Return what a ``bench`` command prints as JSON; it must succeed."""
    done = bench(python, *words, "--json", cwd=cwd, **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Path:
    """The Python of an environment with the outside distribution; a path file makes the harness importable there."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True, with_pip=False)
    python = folder / "bin" / "python"
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    seen = [str(REPOSITORY), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    (site / "harness.pth").write_text("\n".join(dict.fromkeys(seen)) + "\n")
    install(python, OUTSIDE)
    return python


def install(python: Path, package: Path) -> None:
    """Build a distribution and install it into an environment."""
    offline = ["--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run(  # noqa: S603 - our own command
        [HERE, "-m", "pip", "--disable-pip-version-check", "--python", python, "install", "--quiet", *offline, package],
        check=True,
    )


def test_an_installed_method_is_listed_runs_and_appears_on_the_leaderboard(environment, small_synthetic, tmp_path):
    listed = answer(environment, "methods", cwd=tmp_path)
    assert {
        "method": "mean-colour",
        "about": "the mean colours of a grid of cells",
        "plugin": "mean-colour:mean-colour",
    } in listed

    words = ["--method", "mean-colour/grid", "--protocol", "synthetic", "--data", small_synthetic]
    results = answer(environment, "run", *words, cwd=tmp_path)

    assert [result["task"] for result in results] == ["synthetic/image-to-track", "synthetic/image-to-image"]
    assert all(0 < result["measures"]["ap"] < 1 for result in results)
    rows = answer(environment, "leaderboard", "--runs", "runs", "--task", "synthetic", cwd=tmp_path)
    own = {row["task"]: row for row in rows if row["method"] == "mean-colour"}
    assert set(own) == {result["task"] for result in results}
    assert own["synthetic/image-to-image"]["variant"] == "grid"
    assert own["synthetic/image-to-image"]["measures"]["ap"] == results[1]["measures"]["ap"]


def own_tests(environment: Path, package: Path, cwd: Path) -> str:
    """Run the tests of a package as its author does; they must succeed."""
    done = subprocess.run(  # noqa: S603 - our own example
        [environment, "-m", "pytest", "-q", "-p", "no:cacheprovider", package / "tests"],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_outside_method_passes_its_own_tests(environment, tmp_path):
    assert "30 passed" in own_tests(environment, OUTSIDE, tmp_path)


@pytest.mark.slow
def test_a_new_method_is_installed_listed_run_and_tested_untouched(environment, small_synthetic, tmp_path):
    bench(environment, "new-method", "brand-new", cwd=tmp_path)
    install(environment, tmp_path / "brand-new")

    assert "brand-new" in {row["method"] for row in answer(environment, "methods", cwd=tmp_path)}
    words = ["--method", "brand-new", "--protocol", "synthetic", "--data", small_synthetic]
    results = answer(environment, "run", *words, cwd=tmp_path)
    assert [0 < result["measures"]["ap"] < 1 for result in results] == [True, True]
    assert "15 passed" in own_tests(environment, tmp_path / "brand-new", tmp_path)


def test_a_method_in_a_file_runs_without_being_installed(small_synthetic, tmp_path):
    task = ["--protocol", "synthetic/image-to-image", "--data", small_synthetic]

    results = answer(
        HERE, "run", "--plugin", OUTSIDE / "mean_colour.py", "--method", "mean-colour", *task, cwd=tmp_path
    )

    assert results[0]["method"] == "mean-colour"


def install_broken(folder: Path, name: str, body: str) -> None:
    """Write the files of a distribution as an installer does."""
    module = name.replace("-", "_")
    (folder / f"{module}.py").write_text(body)
    information = folder / f"{module}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[bench]\n{name} = {module}\n")


HEAD = "import harness\nclass M:\n    def embed(self, images):\n        return images.mean((2, 3))\n@harness.hookimpl\n"
BROKEN = {
    "imports-nothing": ("import a_module_that_is_not_there\n", "a_module_that_is_not_there"),
    "misspells": (HEAD + "def bench_register_metods(register):\n    register('x', M)\n", "bench_register_methods"),
    "takes-a-name": (HEAD + "def bench_register_methods(register):\n    register('oracle', M)\n", "already"),
    "raises": (
        HEAD + "def bench_register_methods(register):\n    register('half-done', M)\n    1 / 0\n",
        "ZeroDivisionError",
    ),
}


def test_broken_plugins_show_their_problem_and_leave_everything_else_working(tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    for name, (body, _) in BROKEN.items():
        install_broken(site, name, body)

    rows = answer(HERE, "plugins", cwd=tmp_path, PYTHONPATH=str(site))
    problems = {row["plugin"]: row["problem"] for row in rows}

    for name, (_, words) in BROKEN.items():
        assert words in problems[f"{name}:{name}"]
    assert problems["vehicle-reid-bench:methods"] == ""
    listed = {row["method"] for row in answer(HERE, "methods", cwd=tmp_path, PYTHONPATH=str(site))}
    assert {"strong-baseline", "oracle"} <= listed
    requested = {"imports-nothing": "a_module_that_is_not_there", "half-done": "ZeroDivisionError"}
    for name, words in requested.items():
        refused = bench(HERE, "run", "--method", name, "--protocol", "synthetic", cwd=tmp_path, PYTHONPATH=str(site))
        assert refused.returncode == 2
        assert words in refused.stderr
        assert "Traceback" not in refused.stderr
