import pickle

import numpy as np
import pytest

from harness.boxes import Boxes
from harness.corruptions.applied import Applied, probe
from harness.corruptions.corruption import Corruption, checked, parameters
from harness.errors import DataError, PluginError, UsageError

LEVELS = tuple({"shift": 10 * number} for number in range(1, 6))


class Brighter(Corruption):
    levels = LEVELS

    def corrupt(self, scene, level, chance):
        return np.minimum(scene.pixels.astype(np.int64) + level["shift"], 255).astype(np.uint8)


def corruption(answer):
    """One that does what a function of the scene does."""

    class Made(Corruption):
        levels = LEVELS
        uses_parts = True

        def corrupt(self, scene, level, chance):
            return answer(scene)

    return Applied("made", Made(), 2)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (lambda scene: scene.pixels[:, ::2], "uint8 (96, 64, 3)"),
        (lambda scene: scene.pixels.astype(np.float32), "float32 (96, 128, 3)"),
        (lambda scene: scene.pixels.tolist(), "list"),
        (lambda scene: None, "NoneType"),
    ],
)
def test_another_shape_or_type_is_refused_in_one_message(answer, found):
    with pytest.raises(PluginError) as refused:
        corruption(answer)("a/1.jpg", probe())

    assert str(refused.value).splitlines() == [
        "corruption 'made' returned another kind of picture",
        "  where: severity 2, image a/1.jpg",
        f"  found: {found}",
        "  expected: uint8 (96, 128, 3)",
        "  next: correct the plugin, or leave it out with --corruptions",
    ]


def test_an_exception_is_told_in_one_line_with_the_image():
    with pytest.raises(PluginError, match="corruption 'made' failed") as refused:
        corruption(lambda scene: 1 / 0)("a/1.jpg", probe())

    assert (refused.value.where, refused.value.found) == (
        "severity 2, image a/1.jpg",
        "ZeroDivisionError: division by zero",
    )


def test_the_given_picture_cannot_be_written_to():
    def write(scene):
        scene.pixels[0] = 0
        return scene.pixels

    with pytest.raises(PluginError, match="failed") as refused:
        corruption(write)("a/1.jpg", probe())

    assert "read-only" in refused.value.found


def test_an_error_of_the_data_passes_as_it_is():
    def refuse(scene):
        raise DataError("no such scene")

    with pytest.raises(DataError, match="no such scene"):
        corruption(refuse)("a/1.jpg", probe())


def test_a_severity_out_of_range_is_refused_when_it_is_set_up():
    with pytest.raises(UsageError, match="out of range"):
        Applied("brighter", Brighter(), 0)


def test_it_travels_to_another_process_and_spoils_alike_there():
    one = Applied("brighter", Brighter(), 3)

    assert np.array_equal(pickle.loads(pickle.dumps(one))("k", probe()), one("k", probe()))  # noqa: S301 - our own
    assert int(one("k", probe())[0, 0, 0]) == int(probe()[0, 0, 0]) + 30


def test_boxes_are_in_pixels_of_the_picture_and_by_the_names_of_classes():
    seen = {}

    def look(scene):
        seen.update(scene.parts)
        return scene.pixels.copy()

    rows = np.array([[13, 1, 0.5, 0.25, 1, 0.5]], np.float32)
    made = corruption(look).corruption
    Applied("made", made, 1, parts=Boxes({"k": rows}, {13: "plate", 15: "wheel"}))("k", probe())

    assert seen["plate"].tolist() == [[64, 24, 128, 48]]
    assert seen["wheel"].shape == (0, 4)


def test_the_digest_is_that_of_the_fixed_picture_without_boxes():
    made = Applied("brighter", Brighter(), 1)

    assert made.digest == Applied("brighter", Brighter(), 1, parts=Boxes({}, {})).digest
    assert made.digest != Applied("brighter", Brighter(), 2).digest
    assert len(made.digest) == 64


@pytest.mark.parametrize(
    "levels", [(), LEVELS[:4], tuple({"shift": 0.5} for _ in range(5)), tuple({"on": True} for _ in range(5))]
)
def test_a_corruption_without_five_levels_of_whole_numbers_is_refused(levels):
    class Made(Brighter):
        pass

    Made.levels = levels
    with pytest.raises(PluginError, match="corruption 'made' has no five severities") as refused:
        checked("made", Made)

    assert "five mappings" in str(refused.value.expected)


def test_a_corruption_that_cannot_be_set_up_is_refused():
    class Made(Brighter):
        def __init__(self):
            raise RuntimeError("no weights")

    with pytest.raises(PluginError, match="could not be set up") as refused:
        checked("made", Made)

    assert refused.value.found == "RuntimeError: no weights"


def test_parameters_are_told_in_words():
    assert parameters({"drops": 3, "area_permille": 150}) == "drops 3, area 150 ‰"
