"""``bench check`` finds what a method breaks, and says what to change."""

from __future__ import annotations

import json
import sys
import textwrap
from typing import ClassVar

import pytest
import torch
from click.testing import CliRunner
from torch import nn

import harness
from harness.authoring.conformance import Check
from harness.authoring.properties import PROPERTIES
from harness.authoring.trial import Asked
from harness.cli import main
from harness.testing import MethodTests, check_method
from tests.tiny import tiny_dataset


def mean(images):
    return images.mean((2, 3))


class Good:
    input_size = 16

    def embed(self, images):
        return mean(images)


class Sized(harness.Method):
    class Options(harness.Options):
        input_size: int = 16

    variants: ClassVar = {"large": {"input_size": 32}}

    def embed(self, images):
        return mean(images)


class Variant(Sized):
    variants: ClassVar = {"wrong": {"size": 3}}


class Anything(Sized):
    class Options(harness.Options, extra="allow", arbitrary_types_allowed=True):
        input_size: int = 16
        range: int = 3

        def __init__(self, **values):
            super().__init__(**{name: value for name, value in values.items() if name != "range"})


class Double(Good):
    def embed(self, images):
        return mean(images).double()


class Nan(Good):
    def embed(self, images):
        return mean(images) / 0 * 0


class Listed(Good):
    def embed(self, images):
        return mean(images).tolist()


class Short(Good):
    def embed(self, images):
        return mean(images)[1:]


class Meta(Good):
    def embed(self, images):
        return mean(images).to("meta")


class Wide(Good):
    def embed(self, images):
        return torch.cat([mean(images)] * (2 if len(images) > 2 else 1), 1)


class Position(Good):
    def embed(self, images):
        return mean(images) * torch.arange(1, len(images) + 1)[:, None] ** torch.arange(3)


class Batch(Good):
    def embed(self, images):
        return mean(images) - mean(images).mean(0)


class Squeezed(Good):
    def embed(self, images):
        return mean(images).squeeze()


class Contrast(Good):
    def embed(self, images):
        return mean(images) / images.std((2, 3))


class Multiple(Sized):
    def embed(self, images):
        return images.unfold(2, 16, 16).unfold(3, 16, 16).reshape(len(images), *images.shape[1:]).mean((2, 3))


class Training(Good):
    def __init__(self):
        self.parts = {"net": [nn.Sequential(nn.Flatten(), nn.Dropout(0.0), nn.Linear(768, 4))]}

    def embed(self, images):
        return self.parts["net"][0].train()(images)


class Gradients(Good):
    def __init__(self):
        self.net = nn.Linear(3, 4)

    def embed(self, images):
        with torch.inference_mode(False), torch.enable_grad():
            return self.net(mean(images).clone())


class Unsent(harness.NetworkMethod):
    class Options(harness.Options):
        input_size: int = 16

    def network(self, classes):
        return nn.Sequential(nn.AvgPool2d(16), nn.Flatten())

    def stages(self, classes):
        return [
            harness.Stage("first", 1, harness.Shuffled(4), lambda net: [], augment=lambda *given: given),
        ]

    def losses(self, outputs, labels, stage):
        return {}


class Noisy(Good):
    def embed(self, images):
        return mean(images) + torch.rand(3)


class Counting(Good):
    count = 0

    def embed(self, images):
        type(self).count += 1
        return mean(images) + type(self).count


class Unseeded(Good):
    def __init__(self):
        self.net = nn.Linear(3, 4)
        with torch.no_grad():
            self.net.weight += torch.rand(4, 3, generator=torch.Generator().manual_seed(id(self)))

    def embed(self, images):
        return self.net(mean(images))


class Printing(Good):
    def embed(self, images):
        print("embedding")  # noqa: T201 - the fault
        return mean(images)


class Failing(Good):
    def __init__(self):
        raise ValueError("no such layer")


class Lacking(Good):
    def __init__(self):
        import a_module_that_is_not_there  # noqa: F401


class LackingSaid(Good):
    def embed(self, images):
        try:
            import a_module_that_is_not_there  # noqa: F401
        except ImportError:
            raise harness.UsageError("this needs an extra", next_step="install it") from None


class Trained(harness.Method):
    def fit(self, session):
        self.net = nn.Identity()

    def embed(self, images):
        return self.net(mean(images))


class Boxed(Good):
    test_needs = frozenset({"boxes.parts"})

    def embed(self, images, boxes_parts):
        return mean(images)


class Scaled(Good):
    """Divides by the largest number of the batch, which no cosine shows."""

    metric = "euclidean"

    def embed(self, images):
        return mean(images) / mean(images).max()


class ByCamera(Good):
    """Adds the camera of each image."""

    test_needs = frozenset({"camera"})

    def embed(self, images, camera):
        return mean(images) + camera[:, None]


FAULTS = [
    (Failing, "loads", "ValueError: no such layer"),
    (Variant, "options", "variant 'wrong' cannot be used"),
    (Anything, "options", "option 'range' takes 'no-such-value'"),
    (Double, "features", "end embed with .float()"),
    (Nan, "features", "not finite"),
    (Listed, "features", "did not return a tensor"),
    (Short, "features", "a wrong shape"),
    (Meta, "features", "Tensor of torch.float32 on meta"),
    (Wide, "width", "3 numbers among 1 images, 6 numbers among 8 images"),
    (Position, "order", "in the opposite order"),
    (Batch, "batch size", "in batches of 2"),
    (Scaled, "one image", "lengths of"),
    (Squeezed, "one image", "a wrong shape"),
    (Contrast, "picture sizes", "not finite"),
    (Multiple, "input sizes", "refuse such sizes where the option is declared"),
    (Training, "evaluation mode", "Sequential, Flatten, Dropout, Linear"),
    (Gradients, "gradients", "features with requires_grad"),
    (Unsent, "workers", "no lambdas"),
    (Noisy, "twice the same", "draw nothing at random in embed"),
    (Counting, "twice the same", "other features the second time"),
    (Unseeded, "twice the same", "the weights are others each time"),
    (Printing, "output", "'embedding'"),
]


def check(method, small_synthetic, **words):
    return Check(Asked(method, data=small_synthetic, **words))


@pytest.mark.parametrize("method", [Good, Sized, ByCamera])
def test_a_good_method_passes_every_check(method, small_synthetic):
    found = check_method(method, data=small_synthetic)

    assert [finding.check for finding in found] == list(PROPERTIES)
    assert {finding.check: finding.result for finding in found if finding.result != "passed"} == {"cost": "measured"}
    assert "ms and" in found[-1].detail
    assert "MB of tensors an image" in found[-1].detail


@pytest.mark.parametrize(("method", "name", "said"), FAULTS, ids=[f"{fault[0].__name__}" for fault in FAULTS])
def test_a_fault_is_found_and_the_message_says_what_to_change(method, name, said, small_synthetic):
    found = check(method, small_synthetic).finding(name)

    assert found.result == "failed", found
    assert said in found.detail


def test_nothing_else_is_checked_on_a_method_that_cannot_be_set_up(small_synthetic):
    found = check_method(Failing, data=small_synthetic)

    assert [finding.result for finding in found] == ["failed"] + ["skipped"] * (len(PROPERTIES) - 1)


@pytest.mark.parametrize(
    ("method", "name", "step"), [(Lacking, "loads", ""), (LackingSaid, "features", "; install it")]
)
def test_a_missing_optional_dependency_is_a_skip_with_its_name(method, name, step, small_synthetic):
    found = check(method, small_synthetic).finding(name)

    assert found.result == "skipped"
    assert found.detail == f"needs a_module_that_is_not_there, which is not installed{step}"


def test_a_method_that_trains_by_itself_is_not_embedded_before(small_synthetic):
    found = {finding.check: finding for finding in check_method(Trained, data=small_synthetic)}

    assert found["loads"].result == found["options"].result == "passed"
    assert found["features"].result == "skipped"
    assert "trains by itself" in found["features"].detail


def bench(*words):
    return CliRunner().invoke(main, list(map(str, words)))


def test_the_command_prints_a_table_and_each_failure_in_full_and_exits_with_1(small_synthetic, tmp_path):
    body = """
        import harness
        print("imported")

        class Mine(harness.Method):
            class Options(harness.Options):
                input_size: int = 16
                double: bool = True

            def embed(self, images):
                found = images.mean((2, 3))
                return found.double() if self.options.double else found

        @harness.hookimpl
        def bench_register_methods(register):
            register("mine", Mine)
        """
    (tmp_path / "plugin.py").write_text(textwrap.dedent(body))
    about = ["check", "mine", "--plugin", tmp_path / "plugin.py", "--data", small_synthetic]

    shown, found, other = bench(*about), bench(*about, "--json"), bench(*about, "--set", "double=false")

    assert shown.exit_code == found.exit_code == 1
    assert "| features        | failed   | embed does not return float32 " in shown.stdout
    assert "next: end embed with .float()" in shown.stdout
    rows = {row["check"]: row["result"] for row in json.loads(found.stdout)}
    assert rows["features"] == "failed"
    assert [name for name, result in rows.items() if result == "failed"] == ["features"]
    assert other.exit_code == 0, other.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["oracel"], "did you mean 'oracle'"),
        (["oracle", "--protocol", "synthetik"], "did you mean 'synthetic'"),
        (["oracle", "--device", "nonsense"], "cannot run on 'nonsense'"),
        (["oracle", "--set", "input_size"], "an option has no value"),
        (["oracle", "--data", "nowhere"], "the data set's folder is missing"),
        (["oracle", "--protocol", "veri776"], "the data set of protocol 'veri776' is not given"),
        (["oracle", "--plugin", "nowhere.py"], "the plugin file is missing"),
    ],
)
def test_what_cannot_be_asked_is_a_users_mistake(words, said):
    done = bench("check", *words)

    assert done.exit_code == 2
    assert said in done.stderr


def test_images_of_ones_own_can_be_tried_and_missing_boxes_are_no_fault_of_the_method(tmp_path):
    table = tiny_dataset(tmp_path, vehicles=1).split("gallery")
    rows = [f"{path},{vehicle}" for path, vehicle in zip(table.paths, table.vehicle.tolist(), strict=True)]
    lines = ["path,vehicle,split", *(f"{row},query" for row in rows[::3]), *(f"{row},gallery" for row in rows)]
    (tmp_path / "images.csv").write_text("\n".join(lines))
    (tmp_path / "own.toml").write_text('table = "images.csv"\n[tasks.main]\n')

    found = bench("check", "oracle", "--protocol", f"{tmp_path}/own.toml/main")

    assert found.exit_code == 0, found.output
    with pytest.raises(harness.DataError, match="boxes"):
        check_method(Boxed, protocol=f"{tmp_path}/own.toml")


class TestOfAnAuthor(MethodTests):
    """The tests that an author gets, collected here as in the author's suite."""

    method = Good


@pytest.fixture(autouse=True, scope="module")
def small_images(small_synthetic):
    TestOfAnAuthor.data = small_synthetic


def test_a_failure_in_an_authors_suite_says_what_to_change_and_a_missing_dependency_skips(small_synthetic):
    class Wrong(MethodTests):
        method = Double
        data = small_synthetic

    class Lost(MethodTests):
        method = Lacking
        data = small_synthetic

    with pytest.raises(pytest.fail.Exception, match=r"end embed with \.float"):
        Wrong().test_features()
    with pytest.raises(pytest.skip.Exception, match="a_module_that_is_not_there"):
        Lost().test_loads()
    Wrong().test_batch_size()
    assert "a_module_that_is_not_there" not in sys.modules
