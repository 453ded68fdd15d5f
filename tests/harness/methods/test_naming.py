"""The name of a run follows from its options alone."""

from typing import ClassVar, Literal

import pytest
from hypothesis import given, strategies as st
from pydantic import model_validator

from harness.features.provenance import Origin
from harness.methods.method import Method, Options, resolve_options
from harness.methods.naming import Naming, as_set, name_run
from harness.methods.sizes import InputSize

FILE = "/home/somebody/secret project/vggm.pth"


class Parts(Method):
    """A method as a user may write it, with variants, one of which changes nothing under the recipe ``quick``."""

    class Options(Options):
        D: int = 8
        pam: bool = True
        epochs: int = 120
        erase: float = 0.5
        loss: Literal["both", "one"] = "both"
        input_size: InputSize = 224
        milestones: tuple[int, ...] = (40, 70)
        weights: str = "imagenet"
        note: str = ""
        limit: int | None = 5

    recipes: ClassVar = {"paper": {}, "quick": {"epochs": 8, "erase": 0.0, "input_size": 64, "weights": "none"}}
    variants: ClassVar = {
        "d4": {"D": 4},
        "no-erasing": {"erase": 0.0},
        "no-pam": {"pam": False},
        "plain": {"pam": False, "loss": "one"},
        "again": {"D": 4},
    }
    own_files: ClassVar = {"weights": ("imagenet", "none")}

    def embed(self, images):
        return images.mean((2, 3))


def named(variant: str = "", recipe: str = "", method: type[Method] = Parts, **changes: object) -> str:
    """Return the name of a run that is asked for in these words."""
    options = resolve_options("pgan", method, variant=variant, recipe=recipe, changes=changes)
    found = name_run("pgan", method, options, recipe)
    return Origin(method="pgan", variant=found.variant, changes=dict(found.changes)).run_name


@pytest.mark.parametrize(
    ("asked", "recipe", "changes", "name"),
    [
        ("", "", {}, "pgan"),
        ("no-pam", "", {}, "pgan/no-pam"),
        ("", "", {"D": "4"}, "pgan/d4"),
        ("", "", {"D": "5"}, "pgan (D=5)"),
        ("d4", "", {"D": "5"}, "pgan (D=5)"),
        ("d4", "", {"D": "8"}, "pgan"),
        ("no-pam", "", {"loss": "one"}, "pgan/plain"),
        ("", "", {"pam": "false", "loss": "one"}, "pgan/plain"),
        ("no-pam", "", {"epochs": "3", "input_size": "256x128"}, "pgan/no-pam (epochs=3, input_size=256x128)"),
        ("", "", {"pam": "false", "epochs": "3"}, "pgan/no-pam (epochs=3)"),
        ("again", "", {}, "pgan/d4"),
        ("no-erasing", "", {}, "pgan/no-erasing"),
        ("no-erasing", "quick", {}, "pgan"),
        ("no-erasing", "quick", {"epochs": "1"}, "pgan (epochs=1)"),
        ("", "quick", {"erase": "0.5"}, "pgan (erase=0.5)"),
        ("", "quick", {"input_size": "64x64"}, "pgan"),
        ("", "quick", {"epochs": "120", "input_size": "224"}, "pgan (epochs=120, input_size=224)"),
        (
            "",
            "",
            {"milestones": (30, 60), "limit": None, "note": "a b"},
            "pgan (limit=none, milestones=30,60, note=a b)",
        ),
    ],
)
def test_a_run_is_named_after_the_nearest_variant_and_what_differs_from_it(asked, recipe, changes, name):
    assert named(asked, recipe, **changes) == name


@pytest.mark.parametrize(
    ("recipe", "weights", "name"),
    [
        ("paper", FILE, "pgan"),
        ("paper", "C:\\Users\\somebody\\vggm.pth", "pgan"),
        ("paper", "vggm.pth", "pgan"),
        ("paper", "imagenet", "pgan"),
        ("paper", "none", "pgan (weights=none)"),
        ("quick", "none", "pgan"),
        ("quick", "imagenet", "pgan (weights=imagenet)"),
        ("quick", FILE, "pgan (weights=vggm.pth)"),
        ("quick", "folder/vggm.pth", "pgan (weights=vggm.pth)"),
    ],
)
def test_where_the_weights_lie_is_no_change_and_whether_there_are_any_is_one(recipe, weights, name):
    assert named(recipe=recipe, weights=weights) == name


@pytest.mark.parametrize(
    "path", [FILE, "~/vggm.pth", "../vggm.pth", "./vggm.pth", "D:\\data\\vggm.pth", "\\\\host\\share\\vggm.pth"]
)
def test_no_folder_of_a_machine_is_in_a_name_whatever_the_option(path):
    assert named(note=path) == "pgan (note=vggm.pth)"


def test_a_text_with_a_slash_is_no_path():
    assert named(note="1/2") == "pgan (note=1/2)"


def test_long_values_are_cut_and_many_changes_counted():
    assert named(note="x" * 500) == f"pgan (note={'x' * 37}...)"
    many = {f"option_{number:02}": "x" * 30 for number in range(20)}
    assert Origin(method="pgan", changes=many).run_name == (
        f"pgan (option_00={'x' * 30}, option_01={'x' * 30}, 18 more)"
    )
    assert Origin(method="pgan", changes={"x" * 200: "y"}).run_name == "pgan (1 more)"


def test_a_variant_that_does_not_fit_a_recipe_is_passed_over():
    class Fitting(Parts):
        class Options(Parts.Options):
            @model_validator(mode="after")
            def _fits(self):
                if self.D == 4 and self.epochs < 10:
                    raise ValueError("four parts need ten epochs")
                return self

    assert named("no-pam", "quick", Fitting) == "pgan/no-pam"
    assert named("d4", "paper", Fitting) == "pgan/d4"


def test_a_method_whose_recipe_fits_only_with_a_change_is_named_by_all_its_options():
    class Demanding(Parts):
        class Options(Options):
            weights: str = ""
            D: int = 8

            @model_validator(mode="after")
            def _given(self):
                if not self.weights:
                    raise ValueError("give a file of weights")
                return self

        recipes: ClassVar = {}
        variants: ClassVar = {}

    assert named(method=Demanding, weights=FILE) == "pgan (D=8, weights=vggm.pth)"


def test_a_method_without_options_has_its_name():
    class Bare(Method):
        def embed(self, images):
            return images

    assert name_run("bare", Bare, Bare.Options()) == Naming("", {})


SIDE = st.integers(32, 600)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "D": st.integers(2, 10),
        "pam": st.booleans(),
        "epochs": st.sampled_from([3, 8, 120]),
        "erase": st.sampled_from([0.0, 0.5, 3.5e-4]),
        "loss": st.sampled_from(["both", "one"]),
        "input_size": st.one_of(SIDE, st.tuples(SIDE, SIDE)),
        "weights": st.sampled_from(["imagenet", "none"]),
    },
)
VARIANT, RECIPE = st.sampled_from(["", *Parts.variants]), st.sampled_from(["", *Parts.recipes])


@given(VARIANT, RECIPE, CHANGES)
def test_a_name_read_back_as_a_command_gives_the_same_options(variant, recipe, changes):
    options = resolve_options("pgan", Parts, variant=variant, recipe=recipe, changes=changes)

    own, differing, _ = name_run("pgan", Parts, options, recipe)

    assert resolve_options("pgan", Parts, variant=own, recipe=recipe, changes=differing) == options
    assert len(differing) <= len(changes)


@given(VARIANT, VARIANT, RECIPE, CHANGES)
def test_equal_options_have_one_name_whatever_was_asked_for(variant, other, recipe, changes):
    options = resolve_options("pgan", Parts, variant=variant, recipe=recipe, changes=changes)
    asked_otherwise = {name: as_set(name, value) for name, value in options.model_dump().items() if name in CHANGED}

    assert named(other, recipe, **asked_otherwise) == named(variant, recipe, **changes)


CHANGED = {"D", "pam", "epochs", "erase", "loss", "input_size", "weights"}


@given(st.text(max_size=300))
def test_any_text_as_a_value_gives_a_short_name(text):
    assert len(named(note=text)) <= len("pgan (note=)") + 40


def test_a_run_knows_the_variants_that_change_nothing():
    quick = resolve_options("pgan", Parts, recipe="quick")
    d4 = resolve_options("pgan", Parts, variant="again")

    assert name_run("pgan", Parts, quick, "quick") == Naming("", {}, ("no-erasing",))
    assert name_run("pgan", Parts, d4) == Naming("d4", {}, ("again",))
    assert Origin(method="pgan", variant="d4", aliases=("again", "")).alias_names == ("pgan/again", "pgan")
