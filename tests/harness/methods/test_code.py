import sys

import pytest

from harness.methods.code import code_digest
from harness.methods.method import complete

METHOD = """
import {package}.layers
from .deep import inner

class M:
    version = {version}
    def embed(self, images):
        return images
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of four modules, three of which the method depends on."""
    name = "code_digest_example"
    folder = tmp_path / name
    (folder / "deep").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "method.py").write_text(METHOD.format(package=name, version=1))
    (folder / "layers.py").write_text("WIDTH = 1\n")
    (folder / "deep" / "__init__.py").write_text("")
    (folder / "deep" / "inner.py").write_text("DEPTH = 1\n")
    (folder / "other.py").write_text("OTHER = 1\n")
    monkeypatch.syspath_prepend(tmp_path)

    def digest() -> str:
        for module in [module for module in sys.modules if module.startswith(name)]:
            del sys.modules[module]
        module = __import__(f"{name}.method", fromlist=["M"])
        return code_digest(complete(module.M))

    yield folder, digest
    for module in [module for module in sys.modules if module.startswith(name)]:
        del sys.modules[module]


@pytest.mark.parametrize("changed", ["method.py", "layers.py", "deep/inner.py"])
def test_a_change_in_any_module_it_depends_on_changes_the_digest(package, changed):
    folder, digest = package
    before = digest()

    (folder / changed).write_text((folder / changed).read_text() + "# changed\n")

    assert digest() != before


def test_a_change_elsewhere_leaves_the_digest(package):
    folder, digest = package
    before = digest()

    (folder / "other.py").write_text("OTHER = 2\n")

    assert digest() == before


def test_the_version_is_part_of_the_digest(package):
    folder, digest = package
    before = digest()

    (folder / "method.py").write_text(METHOD.format(package=folder.name, version=2))

    assert digest() != before
