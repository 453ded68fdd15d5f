"""Files of TransReID and DMT give the features of the formulas, in every form, or one message."""

import pytest
import torch
from safetensors.torch import save_file

from harness.errors import CheckpointError, UsageError
from harness.methods.method import create
from plugins.released.vit.transreid_network import jigsaw
from tests.plugins.released.vit import reference
from tests.plugins.released.vit.made import TransReID, clip_vit, images, opened, transreid


def close(found, expected):
    unit = expected / expected.norm(dim=1, keepdim=True)
    torch.testing.assert_close(found.double(), unit, rtol=1e-3, atol=1e-6)


def expected(state, pictures, sides=None, **words):
    sides = [None] * len(pictures) if sides is None else sides
    return torch.stack(
        [reference.transreid(state, image, side=side, **words) for image, side in zip(pictures, sides, strict=True)]
    )


@pytest.mark.parametrize("place", ["before", "behind"])
@pytest.mark.parametrize("jigsaw", [False, True])
def test_a_file_gives_the_features_of_the_formulas(tmp_path, jigsaw, place):
    state, pictures = transreid(jigsaw=jigsaw), images()

    method = opened(tmp_path / "w.pth", state, feature=place)

    found = method.embed(pictures)
    assert found.shape == (3, 320 if jigsaw else 64)
    close(found, expected(state, pictures, place=place))
    assert method.test_needs == frozenset()


def test_stride_12_is_found_from_the_number_of_positions(tmp_path):
    state, pictures = transreid(positions=25, jigsaw=True), images()  # (64 - 16) / 12 + 1 = 5 rows, an odd number

    method = opened(tmp_path / "w.pth", state)

    assert method.model.base.patch_embed.proj.stride == (12, 12)
    close(method.embed(pictures), expected(state, pictures, stride=12))


def test_wider_tokens_have_a_head_for_64_numbers(tmp_path):
    state, pictures = transreid(width=128), images(1)

    close(opened(tmp_path / "w.pth", state).embed(pictures), expected(state, pictures, heads=2))


def test_the_small_vit_has_8_heads_and_a_scale_of_its_own(tmp_path):
    state, pictures = transreid(small=True), images(1)

    found = opened(tmp_path / "w.pth", state).embed(pictures)

    close(found, expected(state, pictures, heads=8))


@pytest.mark.parametrize(("options", "shift"), [({"shift": 5}, 5), ({"shift": 1}, 1), ({"shuffle": False}, 0)])
def test_the_jigsaw_branch_follows_its_options(tmp_path, options, shift):
    state, pictures = transreid(jigsaw=True), images(2)

    close(opened(tmp_path / "w.pth", state, **options).embed(pictures), expected(state, pictures, shift=shift))


def test_patches_are_shifted_and_take_turns():
    patches = torch.arange(1.0, 8).reshape(1, 7, 1)

    assert jigsaw(patches, 3).flatten().tolist() == [3, 7, 4, 1, 5, 2, 6, 1]  # 3 4 5 6 | 7 1 2 1


def test_cameras_and_views_are_embedded_three_times(tmp_path):
    state, pictures = transreid(sides=6), images()
    camera, view = torch.tensor([1, 3, 2]), torch.tensor([1, 0, 1])

    method = opened(tmp_path / "w.pth", state, cameras=3)

    assert method.test_needs == {"camera", "view"}
    rows = state["base.sie_embed"][[1, 4, 3], 0].double()
    close(method.embed(pictures, camera=camera, view=view), expected(state, pictures, 3 * rows))


@pytest.mark.parametrize(
    ("options", "needs", "rows"),
    [
        ({"cameras": 6}, {"camera"}, [[0], [5], [2]]),
        ({"views": 6}, {"view"}, [[0], [5], [2]]),
        ({"cameras": 3, "views": 2, "sie": "camera"}, {"camera"}, [[0, 1], [4, 5], [2, 3]]),
    ],
)
def test_cameras_or_views_alone_are_embedded(tmp_path, options, needs, rows):
    state, pictures = transreid(sides=6), images()
    given = {"camera": torch.tensor([1, 6, 3] if options.get("cameras") == 6 else [1, 3, 2])}
    if needs == {"view"}:
        given = {"view": torch.tensor([0, 5, 2])}

    method = opened(tmp_path / "w.pth", state, **options)

    assert method.test_needs == needs
    means = torch.stack([state["base.sie_embed"][row, 0].double().mean(0) for row in rows])
    close(method.embed(pictures, **given), expected(state, pictures, 3 * means))


def test_an_image_without_a_view_gets_the_mean_of_its_camera(tmp_path):
    state, pictures = transreid(sides=6), images(1)
    method = opened(tmp_path / "w.pth", state, cameras=3)

    found = method.embed(pictures, camera=torch.tensor([2]), view=torch.tensor([-1]))

    close(found, expected(state, pictures, 3 * state["base.sie_embed"][2:4, 0].double().mean(0, keepdim=True)))


def test_without_embeddings_the_table_is_left_out(tmp_path):
    state, pictures = transreid(sides=6), images()

    method = opened(tmp_path / "w.pth", state, sie="none")

    assert method.test_needs == frozenset()
    close(method.embed(pictures), expected(state, pictures))


def test_the_scale_and_the_first_camera_are_options(tmp_path):
    state, pictures = transreid(sides=4), images(1)

    method = opened(tmp_path / "w.pth", state, cameras=4, sie_scale=1.5, first_camera=0)

    rows = state["base.sie_embed"][[3], 0].double()
    close(method.embed(pictures, camera=torch.tensor([3])), expected(state, pictures, 1.5 * rows))


def test_a_file_of_dmt_has_another_name_for_the_table(tmp_path):
    state, pictures = transreid(sides=4, table="aux_embed"), images(1)

    method = opened(tmp_path / "w.pth", state, cameras=4, sie_scale=2.5)

    rows = state["base.aux_embed"][[0], 0].double()
    close(method.embed(pictures, camera=torch.tensor([1])), expected(state, pictures, 2.5 * rows))


def test_positions_are_resized_to_another_input(tmp_path):
    state = transreid()
    method = opened(tmp_path / "w.pth", state, input_size=(96, 64))
    pictures = images(2, (96, 64))

    grid = state["base.pos_embed"][0, 1:].reshape(4, 4, 64).permute(2, 0, 1)[None]
    grid = torch.nn.functional.interpolate(grid, (6, 4), mode="bilinear")[0].permute(1, 2, 0).reshape(24, 64)
    moved = {**state, "base.pos_embed": torch.cat([state["base.pos_embed"][0, :1], grid])[None]}
    assert method.input_size == (96, 64)
    close(method.embed(pictures), expected(moved, pictures))


def test_the_input_is_that_of_the_training_unless_another_is_asked_for(tmp_path):
    method = opened(tmp_path / "w.pth", transreid(positions=32), trained_size=(128, 64))

    assert method.input_size == (128, 64)


def test_pixels_may_be_normalised_as_those_of_imagenet(tmp_path):
    state, pictures = transreid(), images(1)
    mean, deviation = (torch.tensor(one).reshape(3, 1, 1) for one in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))

    found = opened(tmp_path / "w.pth", state, mean="imagenet", deviation="imagenet").embed(pictures)

    close(found, expected(state, (pictures - mean) / deviation * 0.5 + 0.5))


@pytest.mark.parametrize("wrap", ["safetensors", "module", "half"])
def test_a_file_may_be_of_safetensors_or_of_several_devices_or_in_half_precision(tmp_path, wrap):
    state, pictures = transreid(), images(1)
    if wrap == "safetensors":
        save_file(state, tmp_path / "w.safetensors")
        options = TransReID.Options(weights=str(tmp_path / "w.safetensors"), trained_size=64)
        close(create(TransReID, options).embed(pictures), expected(state, pictures))
    elif wrap == "module":
        moved = {f"module.{name}": tensor for name, tensor in state.items()}
        close(opened(tmp_path / "w.pth", moved).embed(pictures), expected(state, pictures))
    else:
        half = {name: tensor.half() for name, tensor in state.items()}
        close(opened(tmp_path / "w.pth", half).embed(pictures), expected(half, pictures))


@pytest.mark.parametrize(
    ("positions", "options", "said"),
    [
        (441, {}, "--set trained_size=256x256 --set stride=12"),
        (324, {"trained_size": 256}, "--set trained_size=256x256 --set stride=14, or --set trained_size=224x224"),
        (128, {}, "--set trained_size=256x128 --set stride=16"),
        (16, {"stride": 12}, "--set trained_size=64x64 --set stride=16"),
        (7919, {}, "--set trained_size=HxW --set stride=N"),
    ],
)
def test_positions_of_another_training_are_told_with_what_would_fit(tmp_path, positions, options, said):
    with pytest.raises(CheckpointError, match="another input size or stride") as raised:
        opened(tmp_path / "w.pth", transreid(positions=positions), **options)
    assert said in str(raised.value)


def test_an_ambiguous_stride_is_asked_for(tmp_path):
    state = transreid(positions=4)  # two rows and columns in 32 pixels with stride 12 and with stride 16

    with pytest.raises(CheckpointError, match="the stride cannot be told from 4 positions") as raised:
        opened(tmp_path / "w.pth", state, trained_size=32)
    assert "strides 12 and 16 fit an input of 32 x 32" in str(raised.value)
    assert opened(tmp_path / "w.pth", state, trained_size=32, stride=16).embed(images(1, (32, 32))).shape == (1, 64)


@pytest.mark.parametrize(
    ("sides", "options", "said"),
    [
        (6, {}, "the weights embed 6 cameras, views or pairs of both"),
        (6, {"cameras": 4}, "a table of 6 rows"),
        (6, {"cameras": 3, "views": 3}, "3 cameras and 3 views"),
        (6, {"cameras": 12}, "12 cameras"),
        (6, {"views": 6, "sie": "camera"}, "the weights embed no cameras"),
        (0, {"view_list": "views.txt"}, "no view is embedded"),
        (6, {"cameras": 6, "view_list": "views.txt"}, "embed cameras alone"),
    ],
)
def test_numbers_of_cameras_and_views_that_do_not_fit_are_refused(tmp_path, sides, options, said):
    with pytest.raises((CheckpointError, UsageError)) as raised:
        opened(tmp_path / "w.pth", transreid(sides=sides), **options)
    assert said in str(raised.value)


def test_a_table_of_160_rows_is_that_of_veri(tmp_path):
    method = opened(tmp_path / "w.pth", transreid(sides=160))

    assert (method.sides.cameras, method.sides.views) == (20, 8)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("base.norm.weight"), "missing: base.norm.weight"),
        (lambda state: state.update(extra=torch.zeros(1)), "unknown: extra"),
        (lambda state: state.update({"bottleneck.weight": torch.zeros(3)}), "bottleneck.weight (3,) in place of (64,)"),
        (lambda state: state.pop("base.pos_embed"), "no tensor 'base.pos_embed'"),
        (lambda state: state.update({"base.pos_embed": torch.zeros(0, 17, 64)}), "a tensor of another form"),
        (lambda state: state.update({"base.pos_embed": torch.zeros(17, 64)}), "a tensor of another form"),
        (lambda state: state.update({"base.sie_embed": torch.tensor(1.0)}), "a tensor of another form"),
        (lambda state: state.update({"base.patch_embed.proj.weight": torch.zeros(64, 3, 0, 0)}), "another form"),
        (lambda state: state.update({"base.blocks.999999999.norm1.weight": torch.zeros(64)}), "missing: base.blocks.2"),
        (lambda state: state.pop("base.blocks.0.norm1.weight"), "missing: base.blocks.0.norm1.weight"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_the_first_difference(tmp_path, change, said):
    state = transreid()
    change(state)

    with pytest.raises(CheckpointError) as raised:
        opened(tmp_path / "w.pth", state)
    assert said in str(raised.value)


def test_a_file_of_another_format_is_told_with_its_method(tmp_path):
    with pytest.raises(CheckpointError, match="none of TransReID's") as raised:
        opened(tmp_path / "w.pth", clip_vit())
    assert "--method clip-reid" in str(raised.value)


def test_without_weights_the_release_for_veri_is_described_and_none_can_be_scored():
    with torch.device("meta"):
        method = create(TransReID, TransReID.Options())

    assert method.test_needs == {"camera", "view"}
    with pytest.raises(UsageError, match="no weights were given"):
        create(TransReID, TransReID.Options())


def test_a_shift_beyond_the_patches_is_refused(tmp_path):
    with pytest.raises(UsageError, match="larger than the number of patches"):
        opened(tmp_path / "w.pth", transreid(jigsaw=True), shift=17)
