from typing import ClassVar

import pytest
from pydantic import Field

from harness.errors import PluginError, UsageError
from harness.methods.method import Method, Options, complete, create, resolve_options, trains, used_needs
from harness.methods.network import NetworkMethod


class Sized(Method):
    class Options(Options):
        epochs: int = Field(default=10, ge=0, description="passes over the training images")
        input_size: int = 224
        backbone: str = "resnet50"

    recipes: ClassVar = {"quick": {"epochs": 2, "input_size": 64}}
    variants: ClassVar = {"small": {"backbone": "resnet18"}}

    def embed(self, images):
        return images.mean((2, 3))


def test_the_users_word_stands_above_the_variant_the_variant_above_the_recipe():
    options = resolve_options("m", Sized, variant="small", recipe="quick", changes={"epochs": "5"})

    assert (options.epochs, options.input_size, options.backbone) == (5, 64, "resnet18")


def test_without_a_word_the_defaults_hold():
    assert resolve_options("m", Sized).epochs == 10


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"variant": "smal"}, "unknown variant of m 'smal'; did you mean 'small'"),
        ({"recipe": "quik"}, "unknown recipe of m 'quik'; did you mean 'quick'"),
        ({"changes": {"epoch": "3"}}, "unknown option of m 'epoch'; did you mean 'epochs'"),
        ({"changes": {"epochs": "many"}}, "option 'epochs' of m does not fit"),
        ({"changes": {"epochs": "-1"}}, "option 'epochs' of m does not fit"),
    ],
)
def test_an_unknown_word_is_refused_with_the_nearest(words, message):
    with pytest.raises(UsageError, match=message):
        resolve_options("m", Sized, **words)


def test_a_method_may_set_itself_up_from_its_options():
    class Own:
        def __init__(self):
            self.side = self.options.input_size if hasattr(self.options, "input_size") else 0

        def embed(self, images):
            return images

    method = complete(Own)

    assert create(method, method.Options()).side == 0
    assert not trains(method)


@pytest.mark.parametrize(
    ("base", "lacking"), [(Method, "define embed"), (NetworkMethod, "define losses, network, stages")]
)
def test_a_method_that_leaves_out_a_part_is_told_which(base, lacking):
    with pytest.raises(PluginError, match=lacking):
        complete(type("Partial", (base,), {}))


def test_an_exception_in_init_is_the_plugins_problem():
    class Fails:
        def __init__(self):
            raise OSError("weights.bin is missing")

        def embed(self, images):
            return images

    method = complete(Fails)

    with pytest.raises(PluginError, match="could not be set up") as caught:
        create(method, method.Options())
    assert "weights.bin is missing" in str(caught.value)


def test_the_input_size_is_the_options_or_224():
    assert create(Sized, Sized.Options(input_size=96)).input_size == (96, 96)
    assert create(complete(type("T", (), {"embed": print})), Options()).input_size == (224, 224)


@pytest.mark.parametrize(
    ("labels", "used"),
    [
        (("type", "model"), {"vehicle", "model"}),
        (("type", "colour"), {"vehicle", "type"}),
        ((), {"vehicle", "model|type"}),
    ],
)
def test_of_labels_that_serve_alike_the_first_that_is_there_is_used(labels, used):
    assert used_needs({"vehicle", "model|type"}, labels) == used


def test_what_a_method_needs_may_follow_from_its_options():
    class Boxed(Method):
        class Options(Options):
            parts: bool = True

        needs = frozenset({"vehicle", "boxes.parts"})

        def __init__(self):
            if not self.options.parts:
                self.needs = frozenset({"vehicle"})

    assert create(Boxed, Boxed.Options()).needs == {"vehicle", "boxes.parts"}
    assert create(Boxed, Boxed.Options(parts=False)).needs == {"vehicle"}
    assert Boxed.needs == {"vehicle", "boxes.parts"}


@pytest.mark.parametrize("kind", ["variants", "recipes"])
@pytest.mark.parametrize("name", ["w/o attention", "../outside", "", "a" * 101, 3])
def test_a_variant_or_a_recipe_that_cannot_name_a_folder_is_refused(kind, name):
    named = type("Named", (), {"embed": lambda self, images: images, kind: {name: {}}})
    with pytest.raises(PluginError, match=f"a name among its {kind} that cannot be used"):
        complete(named)
