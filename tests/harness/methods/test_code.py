import sys
from importlib.machinery import EXTENSION_SUFFIXES

import pytest

from harness.methods import code
from harness.methods.code import code_digest, source_files
from harness.methods.method import complete
from harness.registry import kinds
from harness.registry.registry import load

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


def test_a_base_class_outside_the_harness_is_covered_though_its_package_begins_like_the_harness(tmp_path, monkeypatch):
    (tmp_path / "harness_like.py").write_text("class M:\n    def embed(self, images):\n        return images\n")
    monkeypatch.syspath_prepend(tmp_path)
    module = __import__("harness_like")

    assert set(source_files(complete(module.M))) == {"harness_like"}
    del sys.modules["harness_like"]


@pytest.mark.parametrize("kind", [kinds.METHOD, kinds.DETECTOR])
def test_a_built_in_digest_covers_modules_of_the_plugins_and_none_of_the_harness(kind):
    registry = load()
    for name in registry.names(kind):
        found = registry.get(kind, name)

        files = source_files(found)

        assert found.__module__ in files, name
        assert {module.partition(".")[0] for module in files} == {"plugins"}, name


def test_the_digest_of_a_built_in_method_covers_the_layers_that_it_imports():
    assert {"plugins.strong_baseline", "plugins.layers.resnet"} <= source_files(load().method("strong-baseline")).keys()


def test_the_packages_of_another_environment_count_by_their_version(package, tmp_path, monkeypatch):
    folder, digest = package
    shared = tmp_path / "lib" / "site-packages"
    shared.mkdir(parents=True)
    (shared / "shared_by_all.py").write_text("WIDTH = 1\n")
    about = shared / "shared_by_all-1.0.dist-info" / "METADATA"
    about.parent.mkdir()
    about.write_text("Metadata-Version: 2.1\nName: shared-by-all\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(shared)
    for name in ("_installed_folders", "_version"):  # without what they remember
        monkeypatch.setattr(code, name, getattr(code, name).__wrapped__)
    (folder / "layers.py").write_text("import shared_by_all\n")
    before = digest()

    (shared / "shared_by_all.py").write_text("WIDTH = 2\n")

    assert digest() == before
    about.write_text(about.read_text().replace("1.0", "1.1"))
    assert digest() != before
    monkeypatch.delitem(sys.modules, "shared_by_all")


def test_an_installed_module_of_no_distribution_counts_by_its_content(package, tmp_path, monkeypatch):
    folder, digest = package
    shared = tmp_path / "lib" / "site-packages"
    shared.mkdir(parents=True)
    (shared / "copied_by_hand.py").write_text("WIDTH = 1\n")
    monkeypatch.syspath_prepend(shared)
    monkeypatch.setattr(code, "_installed_folders", code._installed_folders.__wrapped__)
    (folder / "layers.py").write_text("import copied_by_hand\n")
    before = digest()

    (shared / "copied_by_hand.py").write_text("WIDTH = 2\n")

    assert digest() != before
    monkeypatch.delitem(sys.modules, "copied_by_hand")


def test_a_compiled_module_of_the_package_counts_by_its_content(package):
    folder, digest = package
    compiled = folder / f"kernels{EXTENSION_SUFFIXES[0]}"
    compiled.write_bytes(b"one")
    (folder / "layers.py").write_text("def later():\n    from . import kernels\n")
    before = digest()

    compiled.write_bytes(b"two")

    assert digest() != before


def test_a_module_that_cannot_be_parsed_is_not_followed(package):
    folder, digest = package
    (folder / "deep" / "old.py").write_text("print 'of another Python'\n")
    (folder / "layers.py").write_text("def later():\n    from .deep import old\n")

    assert len(digest()) == 64


def test_a_module_that_fails_when_its_package_is_imported_is_left_out(package):
    folder, digest = package
    (folder / "broken").mkdir()
    (folder / "broken" / "__init__.py").write_text("assert False, 'not on this machine'\n")
    (folder / "layers.py").write_text("def later():\n    import code_digest_example.broken.inside\n")

    assert len(digest()) == 64
