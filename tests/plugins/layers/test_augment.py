import pytest
import torch
from hypothesis import given, settings, strategies as st
from torchvision import tv_tensors

from plugins.layers.augment import MEAN, augmentation

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


def test_erasing_paints_one_rectangle_of_2_to_40_percent_in_imagenets_mean():
    torch.manual_seed(0)
    colour = torch.tensor([round(255 * channel) for channel in MEAN], dtype=torch.uint8)
    transform = augmentation((40, 48), erase=1.0)

    for _ in range(30):
        erased = transform(IMAGE)
        changed = (erased != IMAGE).any(0)
        rows, columns = changed.any(1).nonzero(), changed.any(0).nonzero()
        inside = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
        assert 0.015 * changed.numel() < changed[inside].numel() <= 0.42 * changed.numel()
        assert (erased[:, *inside] == colour[:, None, None]).all()


def test_jitter_changes_colours_and_no_places():
    grey = torch.full((3, 8, 8), 128, dtype=torch.uint8)
    torch.manual_seed(1)

    changed = augmentation((8, 8), jitter=0.1)(grey)

    assert len(changed.flatten(1).unique(dim=1)[0]) == 1
    assert 128 * 0.9 * 0.9 - 2 <= changed.min() <= changed.max() <= 128 * 1.1 * 1.1 + 2


@pytest.mark.parametrize("words", [{"flip": 0.5}, {"pad": 4}, {"erase": 0.5}, {"jitter": 0.1}])
def test_the_same_seed_gives_the_same_image(words):
    transform = augmentation((40, 48), **words)
    results = []
    for _ in range(2):
        torch.manual_seed(5)
        results.append(torch.stack([transform(IMAGE) for _ in range(4)]))

    assert torch.equal(*results)
