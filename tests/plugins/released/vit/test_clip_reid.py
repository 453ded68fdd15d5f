"""Files of CLIP-ReID give the features of the formulas, in every form, or one message."""

import pytest
import torch

from harness.errors import CheckpointError, UsageError
from harness.methods.method import create
from tests.plugins.released.vit import reference
from tests.plugins.released.vit.made import ClipReID, clip_resnet, clip_vit, images, opened, transreid


def close(found, expected):
    unit = expected / expected.norm(dim=1, keepdim=True)
    torch.testing.assert_close(found.double(), unit, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("place", ["before", "behind"])
def test_a_vit_gives_the_features_of_the_formulas(tmp_path, place):
    state, pictures = clip_vit(), images()

    found = opened(tmp_path / "w.pth", state, ClipReID, feature=place).embed(pictures)

    assert found.shape == (3, 64 + 24)
    close(found, torch.stack([reference.clip_vit(state, image, place=place) for image in pictures]))


@pytest.mark.parametrize("place", ["before", "behind"])
def test_a_resnet_gives_the_features_of_the_formulas_with_pixels_of_imagenet(tmp_path, place):
    state, pictures = clip_resnet(sides=6), images(2)

    method = opened(tmp_path / "w.pth", state, ClipReID, feature=place)

    assert method.test_needs == frozenset()  # the released code does not use its table
    expected = torch.stack([reference.clip_resnet(state, image, place=place) for image in pictures])
    close(method.embed(pictures), expected)


def test_stride_12_is_found_from_the_number_of_positions(tmp_path):
    state, pictures = clip_vit(positions=25), images(1)

    found = opened(tmp_path / "w.pth", state, ClipReID).embed(pictures)

    close(found, reference.clip_vit(state, pictures[0], stride=12)[None])


def test_cameras_and_views_are_added_to_the_class_token_once(tmp_path):
    state, pictures = clip_vit(sides=6), images(2)

    method = opened(tmp_path / "w.pth", state, ClipReID, cameras=3)

    assert method.test_needs == {"camera", "view"}
    found = method.embed(pictures, camera=torch.tensor([1, 3]), view=torch.tensor([1, 0]))
    rows = [state["cv_embed"][row].double() for row in (1, 4)]
    close(
        found,
        torch.stack([reference.clip_vit(state, image, side=row) for image, row in zip(pictures, rows, strict=True)]),
    )


@pytest.mark.parametrize("make", [clip_vit, clip_resnet])
def test_positions_are_resized_to_another_input(tmp_path, make):
    method = opened(tmp_path / "w.pth", make(), ClipReID, input_size=(96, 64))

    assert method.embed(images(1, (96, 64))).shape[0] == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [({"stride": 12}, "no patches with a stride"), ({"input_size": 72}, "multiples of 16")],
)
def test_what_a_resnet_cannot_do_is_refused(tmp_path, options, said):
    with pytest.raises(UsageError, match=said):
        opened(tmp_path / "w.pth", clip_resnet(), ClipReID, **options)


@pytest.mark.parametrize(
    ("make", "change", "said"),
    [
        (clip_vit, lambda state: state.pop("bottleneck_proj.weight"), "missing: bottleneck_proj.weight"),
        (clip_vit, lambda state: state.pop("image_encoder.conv1.weight"), "no tensor 'image_encoder.conv1.weight'"),
        (clip_vit, lambda state: state.update(extra=torch.zeros(1)), "unknown: extra"),
        (clip_resnet, lambda state: state.pop("image_encoder.attnpool.c_proj.weight"), "no tensor"),
        (
            clip_resnet,
            lambda state: [state.pop(name) for name in list(state) if "layer3" in name],
            "a tensor of another form: 3 stages",
        ),
        (
            clip_vit,
            lambda state: [state.pop(name) for name in list(state) if "resblocks" in name],
            "a tensor of another form",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_the_first_difference(tmp_path, make, change, said):
    state = make()
    change(state)

    with pytest.raises(CheckpointError) as raised:
        opened(tmp_path / "w.pth", state, ClipReID)
    assert said in str(raised.value)


def test_a_file_of_another_format_is_told_with_its_method(tmp_path):
    with pytest.raises(CheckpointError, match="none of CLIP-ReID's") as raised:
        opened(tmp_path / "w.pth", transreid(), ClipReID)
    assert "--method transreid" in str(raised.value)


def test_without_weights_the_release_for_veri_is_described():
    with torch.device("meta"):
        method = create(ClipReID, ClipReID.Options(input_size=32))

    assert method.test_needs == frozenset()
    assert method.model.image_encoder.positional_embedding.shape == (5, 768)
