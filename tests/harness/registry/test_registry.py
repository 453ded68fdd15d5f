import sys
from pathlib import Path
from types import ModuleType

import pytest

import harness
from harness.errors import PluginError, UsageError
from harness.methods.method import Method
from harness.registry.kinds import METHOD, PROTOCOL
from harness.registry.registry import Registry, load


class Tiny:
    def embed(self, images):
        return images.mean((2, 3))


def module_with(**hooks) -> ModuleType:
    module = ModuleType("example")
    vars(module).update(hooks)
    return module


def methods_of(*names, target=Tiny, fail=None):
    @harness.hookimpl
    def bench_register_methods(register):
        for name in names:
            register(name, target, about="tiny")
        if fail is not None:
            raise fail

    return module_with(bench_register_methods=bench_register_methods)


def registry_of(**plugins) -> Registry:
    registry = Registry()
    for name, plugin in plugins.items():
        registry.add(name, "1", lambda plugin=plugin: plugin)
    return registry


def problem_of(registry: Registry, name: str) -> str:
    return next(plugin.problem for plugin in registry.plugins if plugin.name == name)


def test_a_class_with_embed_becomes_a_whole_method():
    method = registry_of(good=methods_of("tiny")).method("tiny")

    assert issubclass(method, Method)
    assert issubclass(method, Tiny)
    assert method.metric == "cosine"


def test_an_import_error_shows_as_the_problem_and_leaves_the_others_working():
    def broken():
        raise ImportError("no module named frobnicate")

    registry = Registry()
    registry.add("bad:bad", "1", broken)
    registry.add("good", "1", lambda: methods_of("tiny"))

    assert registry.names(METHOD) == ["tiny"]
    assert problem_of(registry, "bad:bad") == "ImportError: no module named frobnicate"
    with pytest.raises(PluginError, match="cannot be used") as caught:
        registry.method("bad")
    assert "frobnicate" in str(caught.value)


def test_a_plugin_that_exits_while_it_is_imported_does_not_take_bench_down():
    def leaves():
        sys.exit(3)

    registry = Registry()
    registry.add("leaver", "1", leaves)

    assert problem_of(registry, "leaver") == "SystemExit: 3"


def test_a_misspelt_hook_is_named_with_the_nearest_one():
    @harness.hookimpl
    def bench_register_method(register):
        register("tiny", Tiny)

    registry = registry_of(bad=module_with(bench_register_method=bench_register_method))

    assert "bench_register_method" in problem_of(registry, "bad")
    assert "did you mean 'bench_register_methods'" in problem_of(registry, "bad")
    assert registry.names(METHOD) == []


def test_a_hook_with_a_wrong_argument_is_named():
    @harness.hookimpl
    def bench_register_methods(registre):
        registre("tiny", Tiny)

    registry = registry_of(bad=module_with(bench_register_methods=bench_register_methods))

    assert "registre" in problem_of(registry, "bad")


def test_a_plugin_without_a_hook_says_what_is_expected():
    assert "no hook is implemented" in problem_of(registry_of(empty=module_with()), "empty")


def test_an_exception_while_registering_takes_back_what_the_plugin_registered():
    registry = registry_of(bad=methods_of("half", fail=RuntimeError("the database is away")), good=methods_of("tiny"))

    assert registry.names(METHOD) == ["tiny"]
    with pytest.raises(PluginError, match="'half' cannot be used") as caught:
        registry.method("half")
    assert "the database is away" in str(caught.value)


def test_a_name_that_two_third_parties_take_serves_neither_and_says_so():
    registry = registry_of(first=methods_of("tiny", "one"), second=methods_of("tiny", "two"))

    assert registry.names(METHOD) == ["one", "two"]
    with pytest.raises(PluginError, match="cannot be used") as caught:
        registry.method("tiny")
    assert "both first and second" in str(caught.value)
    assert "second" in problem_of(registry, "first")
    assert "first" in problem_of(registry, "second")


def test_a_built_in_name_cannot_be_taken_away():
    registry = Registry()
    registry.add("vehicle-reid-bench:methods", "1", lambda: methods_of("tiny"))
    registry.add("other", "1", lambda: methods_of("tiny"))

    assert registry.entry(METHOD, "tiny").plugin == "vehicle-reid-bench:methods"
    assert "already registered by vehicle-reid-bench:methods" in problem_of(registry, "other")


@pytest.mark.parametrize("name", ["", "../up", "a|b", "Upper", "<b>", "-x", "x" * 65, "a\nb"])
def test_a_name_that_could_leave_its_folder_or_break_a_page_is_refused(name):
    assert "cannot name a method" in problem_of(registry_of(bad=methods_of(name)), "bad")


def test_a_lazy_target_is_imported_only_when_asked_for():
    registry = registry_of(lazy=methods_of("missing", target="no_such_module:Nothing"))

    assert registry.names(METHOD) == ["missing"]
    with pytest.raises(PluginError, match="could not be imported") as caught:
        registry.method("missing")
    assert "no_such_module" in str(caught.value)


@pytest.mark.parametrize(("target", "reason"), [(Tiny(), "must be a class"), (Path, "must have embed")])
def test_a_target_that_is_no_method_is_refused(target, reason):
    with pytest.raises(PluginError, match=reason):
        registry_of(odd=methods_of("odd", target=target)).method("odd")


def test_a_protocol_that_is_none_is_refused():
    @harness.hookimpl
    def bench_register_protocols(register):
        register("odd", Tiny)

    registry = registry_of(odd=module_with(bench_register_protocols=bench_register_protocols))

    with pytest.raises(PluginError, match="is not a protocol"):
        registry.protocol("odd")


def test_an_unknown_name_proposes_the_nearest_and_mentions_broken_plugins():
    registry = registry_of(good=methods_of("strong"), empty=module_with())

    with pytest.raises(UsageError, match="did you mean 'strong'") as caught:
        registry.method("stron")
    assert "1 could not be loaded" in str(caught.value)


def test_a_plugin_file_works_as_if_it_were_installed(tmp_path):
    file = tmp_path / "my-method.py"
    file.write_text(
        "import harness\n"
        "class Mine:\n"
        "    def embed(self, images):\n"
        "        return images.mean((2, 3))\n"
        "@harness.hookimpl\n"
        "def bench_register_methods(register):\n"
        "    register('mine', Mine)\n"
    )

    assert "mine" in load([file]).names(METHOD)


def test_a_broken_plugin_file_is_an_error_since_it_was_asked_for(tmp_path):
    file = tmp_path / "broken.py"
    file.write_text("import no_such_module_at_all\n")

    with pytest.raises(PluginError, match="the plugin cannot be used") as caught:
        load([file])
    assert "no_such_module_at_all" in str(caught.value)
    with pytest.raises(PluginError, match="the plugin file is missing"):
        load([tmp_path / "missing.py"])


def test_the_built_in_protocols_and_methods_come_through_the_entry_points():
    registry = load()

    assert {"synthetic", "veri776"} <= set(registry.names(PROTOCOL))
    assert {"strong-baseline", "random", "oracle", "colour-histogram"} <= set(registry.names(METHOD))
    assert [plugin.problem for plugin in registry.plugins if plugin.name.startswith("vehicle-reid-bench:")] == [
        "",
        "",
        "",
    ]
