import pytest
import torch
from hypothesis import given, settings, strategies as st
from torchvision import tv_tensors

from plugins.layers.augment import MEAN, MEAN_ERASING, PGAN_ERASING, STD, augmentation

IMAGE = torch.randint(0, 256, (3, 40, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_nothing_asked_is_no_transform():
    assert augmentation((40, 48)) is None


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1), st.floats(0, 0.5), st.integers(0, 10), st.floats(0, 1), st.integers(0, 9))
def test_size_and_type_stay(flip, jitter, pad, erase, seed):
    torch.manual_seed(seed)
    transform = augmentation((40, 48), flip=flip, jitter=jitter, pad=pad, erase=erase)

    changed = transform(IMAGE) if transform else IMAGE

    assert changed.shape == IMAGE.shape
    assert changed.dtype == torch.uint8


def test_a_flip_mirrors_left_and_right():
    assert torch.equal(augmentation((40, 48), flip=1.0)(IMAGE), IMAGE.flip(2))


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_a_flip_keeps_the_rows_of_left_and_right_boxes_left_and_right(flip):
    boxes = torch.tensor([[10.0, 5, 30, 15], [2, 20, 8, 40], [40, 20, 48, 40]])
    transform = augmentation((40, 48), flip=flip, pad=1 - int(flip), mirrored=(0, 2, 1))
    given = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=(40, 48))

    found = transform({"image": tv_tensors.Image(IMAGE), "boxes": given})["boxes"]

    assert isinstance(found, tv_tensors.BoundingBoxes)
    if flip:
        assert found.tolist() == [[18, 5, 38, 15], [0, 20, 8, 40], [40, 20, 46, 40]]
    assert found[1, 0] < found[2, 0]


def test_a_crop_moves_the_image_over_black():
    torch.manual_seed(3)
    moved = augmentation((40, 48), pad=10)(IMAGE)
    padded = torch.zeros(3, 60, 68, dtype=torch.uint8)
    padded[:, 10:50, 10:58] = IMAGE

    windows = padded.unfold(1, 40, 1).unfold(2, 48, 1)  # (3, 21, 21, 40, 48)
    assert sum(torch.equal(windows[:, y, x], moved) for y in range(21) for x in range(21)) == 1


PAINTED = {
    "ImageNet's mean": (MEAN_ERASING, [124, 116, 104]),
    "0.485, 0.456 and 0.406 after normalisation": (PGAN_ERASING, [152, 142, 127]),
}


@pytest.mark.parametrize(("erasing", "colour"), PAINTED.values(), ids=PAINTED)
def test_erasing_paints_one_rectangle_of_2_to_40_percent_in_its_colour(erasing, colour):
    torch.manual_seed(0)
    transform = augmentation((40, 48), erase=1.0, erasing=erasing)

    for _ in range(30):
        erased = transform(IMAGE)
        changed = (erased != IMAGE).any(0)
        rows, columns = changed.any(1).nonzero(), changed.any(0).nonzero()
        inside = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
        assert 0.015 * changed.numel() < changed[inside].numel() <= 0.42 * changed.numel()
        assert (erased[:, *inside] == torch.tensor(colour)[:, None, None]).all()


def test_the_colour_of_pgans_erasing_is_imagenets_mean_after_normalisation_to_half_a_step():
    painted = torch.tensor(PGAN_ERASING.painted) / 255

    after = (painted - torch.tensor(MEAN)) / torch.tensor(STD)

    assert (after - torch.tensor([0.485, 0.456, 0.406])).abs().max() < 0.5 / 255 / 0.224


def sides(erasing, count=4000):
    """The area's share and the ratio of many rectangles on an image so large that rounding is nothing."""
    transform = augmentation((3000, 3000), erase=1.0, erasing=erasing).transforms[0]
    torch.manual_seed(0)
    drawn = [
        transform.make_params([tv_tensors.Image(torch.zeros(3, 1, 1).expand(3, 3000, 3000))]) for _ in range(count)
    ]
    height, width = torch.tensor([(one["h"], one["w"]) for one in drawn], dtype=torch.float64).T
    return height * width / 3000**2, height / width


def test_pgans_erasing_draws_area_and_ratio_uniformly():
    area, ratio = sides(PGAN_ERASING)
    small = area < 0.25  # the largest and longest rectangles do not fit, and are drawn again

    for drawn, low, high in ((area[ratio < 2], 0.02, 0.4), (ratio[small], 0.3, 3.3)):
        quartiles = torch.quantile(drawn, torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0], dtype=torch.float64))
        expected = [low + (high - low) * share for share in (0, 0.25, 0.5, 0.75, 1)]
        assert quartiles.tolist() == pytest.approx(expected, abs=0.03 * (high - low))


def test_the_others_erasing_draws_the_logarithm_of_the_ratio_uniformly():
    area, ratio = sides(MEAN_ERASING)

    assert ratio[area < 0.25].log().quantile(0.75).item() == pytest.approx(
        torch.tensor(1 / 0.3).log().item() / 2, abs=0.07
    )


def test_erasing_leaves_an_image_in_which_no_rectangle_fits():
    pixel = torch.zeros(3, 1, 1, dtype=torch.uint8)

    assert torch.equal(augmentation((1, 1), erase=1.0, erasing=PGAN_ERASING)(pixel), pixel)


def test_jitter_changes_colours_and_no_places():
    grey = torch.full((3, 8, 8), 128, dtype=torch.uint8)
    torch.manual_seed(1)

    changed = augmentation((8, 8), jitter=0.1)(grey)

    assert len(changed.flatten(1).unique(dim=1)[0]) == 1
    assert 128 * 0.9 * 0.9 - 2 <= changed.min() <= changed.max() <= 128 * 1.1 * 1.1 + 2


@pytest.mark.parametrize(
    "words", [{"flip": 0.5}, {"pad": 4}, {"erase": 0.5}, {"erase": 0.5, "erasing": PGAN_ERASING}, {"jitter": 0.1}]
)
def test_the_same_seed_gives_the_same_image(words):
    transform = augmentation((40, 48), **words)
    results = []
    for _ in range(2):
        torch.manual_seed(5)
        results.append(torch.stack([transform(IMAGE) for _ in range(4)]))

    assert torch.equal(*results)
