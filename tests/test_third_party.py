"""A method from outside: installed as a distribution, or given as a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

OUTSIDE = Path(__file__).parent / "third_party" / "mean-colour"
REPOSITORY = Path(__file__).parents[1]


def bench(
    python: Path, *words: object, cwd: Path, ok: bool = True, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run ``bench`` in another interpreter."""
    done = subprocess.run(  # noqa: S603 - our own command
        [python, "-m", "harness", *map(str, words)],
        cwd=cwd,
        env={**os.environ, "PYTHONWARNINGS": "default", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not ok or done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Path:
    """A temporary environment with the outside distribution installed; the harness is seen through a path file."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True, with_pip=False)
    python = folder / "bin" / "python"
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    seen = [str(REPOSITORY), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    (site / "harness.pth").write_text("\n".join(dict.fromkeys(seen)) + "\n")
    subprocess.run(  # noqa: S603 - builds and installs the distribution beside this file
        [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "--python",
            python,
            "install",
            "--quiet",
            "--no-index",
            "--no-deps",
            "--no-build-isolation",
            OUTSIDE,
        ],
        check=True,
    )
    return python


def test_an_installed_method_is_listed_and_runs(environment, small_synthetic, tmp_path):
    listed = json.loads(bench(environment, "methods", "--json", cwd=tmp_path).stdout)
    assert {
        "method": "mean-colour",
        "about": "the mean colour of the image",
        "plugin": "mean-colour:mean-colour",
    } in listed

    ran = bench(
        environment,
        "run",
        "--method",
        "mean-colour",
        "--protocol",
        "synthetic",
        "--data",
        small_synthetic,
        "--json",
        cwd=tmp_path,
    )

    results = json.loads(ran.stdout)
    assert [result["task"] for result in results] == ["synthetic/image-to-track", "synthetic/image-to-image"]
    assert all(0 < result["measures"]["ap"] < 1 for result in results)


def test_a_method_in_a_file_runs_without_being_installed(small_synthetic, tmp_path):
    ran = bench(
        Path(sys.executable),
        "run",
        "--plugin",
        OUTSIDE / "mean_colour.py",
        "--method",
        "mean-colour",
        "--protocol",
        "synthetic/image-to-image",
        "--data",
        small_synthetic,
        "--json",
        cwd=tmp_path,
    )

    assert json.loads(ran.stdout)[0]["method"] == "mean-colour"


def install_broken(folder: Path, name: str, body: str) -> None:
    """Write a distribution as an installer would leave it."""
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
    python = Path(sys.executable)

    rows = json.loads(bench(python, "plugins", "--json", cwd=tmp_path, PYTHONPATH=str(site)).stdout)
    problems = {row["plugin"]: row["problem"] for row in rows}

    for name, (_, words) in BROKEN.items():
        assert words in problems[f"{name}:{name}"]
    assert problems["vehicle-reid-bench:methods"] == ""
    listed = {
        row["method"]
        for row in json.loads(bench(python, "methods", "--json", cwd=tmp_path, PYTHONPATH=str(site)).stdout)
    }
    assert {"strong-baseline", "oracle"} <= listed
    asked = {"imports-nothing": "a_module_that_is_not_there", "half-done": "ZeroDivisionError"}
    for name, words in asked.items():
        refused = bench(
            python, "run", "--method", name, "--protocol", "synthetic", cwd=tmp_path, ok=False, PYTHONPATH=str(site)
        )
        assert refused.returncode == 2
        assert words in refused.stderr
        assert "Traceback" not in refused.stderr
