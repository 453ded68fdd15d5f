import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from harness.boxes import Boxes
from harness.boxes.classes import REGIONS
from harness.data.pictures import Pictures
from harness.errors import CheckpointError, DataError, UsageError
from harness.extraction.samples import BatchRequest, Samples
from harness.methods.batches import Shuffled
from harness.methods.checkpoint import CheckpointInfo, load_checkpoint, save_checkpoint
from harness.methods.method import create, resolve_options
from harness.training.prepare import TrainingRequest, prepare
from plugins.pr_reid.method import BRANCHES, PRReID
from tests.plugins.eight import cmc_at_1, trained
from tests.plugins.test_strong_baseline import resnet18, resnet50

VERI = {"vehicle": 576}
TINY = {"backbone": "resnet18", "weights": "none", "width": "16", "input_size": "32", "flip": "0"}
PLACES = [[4.0, 2, 28, 11], [1, 18, 9, 32], [23, 18, 31, 32], [10, 14, 22, 24]]
"""Window, left light, right light and brand in 32 pixels."""


def pr_reid(recipe="", variant="", **changes):
    options = resolve_options("pr-reid", PRReID, recipe=recipe, variant=variant, changes=changes)
    return create(PRReID, options)


def bare(method):
    """The architecture without memory for its weights."""
    with torch.device("meta"):
        return method.architecture(VERI)


def rows(places, device="cpu"):
    """Boxes as a network gets them: label, score and corners."""
    return torch.tensor([[label, 1, *corners] for label, corners in enumerate(places, 1)], device=device)


def branch(channels=2048, width=256, vehicles=576):
    """A 1x1 convolution with biases, and a classifier without."""
    return (channels + 1) * width + width * vehicles


@pytest.mark.parametrize(
    ("variant", "parameters", "branches", "width"),
    [
        ("", resnet50() + 4 * branch(), {"global", "light", "brand", "window"}, 256),
        ("pr-reid", resnet50() + 4 * branch(), {"global", "light", "brand", "window"}, 256),
        ("global-light-brand", resnet50() + 3 * branch(), {"global", "light", "brand"}, 256),
        ("global-light-window", resnet50() + 3 * branch(), {"global", "light", "window"}, 256),
        ("global-window-brand", resnet50() + 3 * branch(), {"global", "window", "brand"}, 256),
        ("global-window", resnet50() + 2 * branch(), {"global", "window"}, 256),
        ("window-light-brand", resnet50() + 3 * branch(), {"light", "brand", "window"}, 3 * 256),
        ("baseline", resnet50() + branch(), {"global"}, 256),
        ("lights-apart", resnet50() + 5 * branch(), {"global", "left light", "right light", "brand", "window"}, 256),
        ("shared-reducers", resnet50() + 2049 * 256 + 4 * 256 * 576, {"global", "light", "brand", "window"}, 256),
    ],
)
def test_each_row_of_table_4_has_its_branches_and_their_parameters(variant, parameters, branches, width):
    network = bare(pr_reid(variant=variant))
    images, boxes = torch.empty(2, 3, 256, 256, device="meta"), [rows(PLACES, "meta")] * 2

    logits = network.train()(images, boxes_regions=boxes)

    assert sum(tensor.numel() for tensor in network.parameters()) == parameters
    assert {name: tuple(tensor.shape) for name, tensor in logits.items()} == dict.fromkeys(branches, (2, 576))
    assert tuple(network.eval()(images, boxes_regions=boxes).shape) == (2, width)


def test_parts_without_reducers_are_classified_by_their_means():
    network = bare(pr_reid(reducers="none"))

    assert sum(tensor.numel() for tensor in network.parameters()) == resnet50() + branch() + 3 * 2048 * 576


@pytest.mark.parametrize(("size", "side"), [("128", 8), ("256", 16), ("512", 32)])
def test_the_named_stages_have_the_papers_shapes(size, side):
    method, found = pr_reid(input_size=size), {}
    network = bare(method)
    for name in ("trunk.maxpool", "trunk.layer3", "trunk.layer4", "reducers.global", "reducers.light"):
        network.get_submodule(name).register_forward_hook(
            lambda _layer, _given, out, name=name: found.update({name: tuple(out.shape)})
        )

    network.train()(torch.empty(2, 3, *method.input_size, device="meta"), [rows(PLACES, "meta")] * 2)

    assert found == {
        "trunk.maxpool": (2, 64, 4 * side, 4 * side),
        "trunk.layer3": (2, 1024, side, side),
        "trunk.layer4": (2, 2048, side, side),
        "reducers.global": (2, 256, 1, 1),
        "reducers.light": (2, 256, 1, 1),
    }


def test_the_quick_recipe_is_a_resnet_18():
    total = resnet18() + 4 * branch(512)
    assert sum(tensor.numel() for tensor in bare(pr_reid("quick")).parameters()) == total


@pytest.fixture(scope="module")
def small():
    """A small network in evaluation mode, with its method; tests leave it as it is."""
    torch.manual_seed(0)
    method = pr_reid(**TINY)
    method.model = method.network({"vehicle": 5}).eval()
    return method


@pytest.fixture(scope="module")
def images():
    return torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(2))


def test_a_branch_classifies_the_mean_of_the_cells_that_its_regions_overlap(small, images):
    network = small.architecture({"vehicle": 5})
    network.load_state_dict(small.model.state_dict())
    shifted = [[[x + step for x in corners] for corners in PLACES] for step in (0, 7, 20, 32)]

    with torch.no_grad():
        maps = network.eval().trunk(network.normalise(images))  # (4, 512, 4, 4): cells of 16 pixels
        network.trunk.forward = lambda _images: maps
        logits = network.train()(images, boxes_regions=[rows(places) for places in shifted])

        for image, places in enumerate(shifted):
            regions = {"window": places[:1], "light": places[1:3], "brand": places[3:], "global": [[0, 0, 64, 64]]}
            for name, corners in regions.items():
                inside = [
                    maps[image, :, y, x]
                    for y in range(4)
                    for x in range(4)
                    if any(
                        min(x1, 16 * x + 16) > max(x0, 16 * x) and min(y1, 16 * y + 16) > max(y0, 16 * y)
                        for x0, y0, x1, y1 in corners
                    )
                ]
                mean = torch.stack(inside).mean(0)[None, :, None, None]
                expected = network.classifiers[name](network.reducers[name](mean).flatten(1))
                torch.testing.assert_close(logits[name][image], expected[0], rtol=1e-4, atol=1e-5)


def test_the_feature_is_the_global_branchs_and_looks_at_no_box(small, images):
    nowhere = [torch.full((4, 6), torch.nan)] * 4
    with torch.no_grad():
        found = small.embed(images)
        assert torch.equal(small.model(images, boxes_regions=nowhere), found)
        mean = small.model.trunk(small.model.normalise(images)).mean((2, 3), keepdim=True)
        torch.testing.assert_close(found, small.model.reducers["global"](mean).flatten(1))
    assert (small.metric, small.test_needs) == ("euclidean", frozenset())


def test_a_region_that_a_crop_cut_away_takes_its_mean_place(small, images):
    network = small.architecture({"vehicle": 5})
    network.load_state_dict(small.model.state_dict())
    network.places.copy_(torch.tensor(PLACES) / 64)
    boxes = [rows(PLACES)] * 4
    without = [found[torch.arange(4) != cut] for cut, found in enumerate(boxes)]

    with torch.no_grad():
        assert torch.equal(
            torch.cat(list(network.train()(images, boxes_regions=boxes).values())),
            torch.cat(list(network.train()(images, boxes_regions=without).values())),
        )


@pytest.mark.parametrize("variant", PRReID.variants)
def test_gradients_reach_every_parameter_of_every_variant(images, variant):
    method = pr_reid(variant=variant, **TINY)
    network = method.network({"vehicle": 4}).train()
    (stage,) = method.stages({"vehicle": 4})
    given = {"boxes_regions": [rows(PLACES)] * 4} if "boxes.regions" in method.needs else {}

    sum(method.losses(network(images, **given), {"vehicle": torch.arange(4)}, stage).values()).backward()

    assert not [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    (group,) = stage.optimiser(network).param_groups
    assert len(group["params"]) == len(list(network.parameters()))


def test_the_loss_is_equation_3():
    method = pr_reid(lights="apart", lambda_light="0.5", lambda_brand="2", lambda_window="0.25")
    random = torch.Generator().manual_seed(0)
    weights = {"global": 1, "left light": 0.5, "right light": 0.5, "brand": 2, "window": 0.25}
    outputs = {name: torch.randn(3, 4, generator=random) for name in weights}
    vehicles = torch.tensor([3, 0, 1])

    losses = method.losses(outputs, {"vehicle": vehicles}, method.stages(VERI)[0])

    assert losses.keys() == weights.keys()
    for name, logits in outputs.items():
        expected = -np.mean([logits[row].log_softmax(0)[vehicles[row]].item() for row in range(3)])
        assert losses[name].item() == pytest.approx(weights[name] * expected, rel=1e-5)


def test_sgd_starts_at_a_hundredth_and_decays_exponentially_to_a_hundredth_of_that():
    method = pr_reid("paper")
    (stage,) = method.stages(VERI)
    optimiser = stage.optimiser(bare(method))
    (group,) = optimiser.param_groups
    scheduler = stage.schedule(optimiser, 7)
    rates = []
    for _ in range(stage.epochs + 1):
        rates.append(scheduler.get_last_lr()[0])
        optimiser.step()
        scheduler.step()

    assert (stage.batches, stage.advance, stage.epochs) == (Shuffled(64), "epoch", 60)
    assert (type(optimiser), group["momentum"], group["weight_decay"]) == (torch.optim.SGD, 0.9, 5e-4)
    np.testing.assert_allclose(rates, np.geomspace(0.01, 1e-4, 61))
    assert [type(step).__name__ for step in stage.augment.transforms] == ["_Mirror"]


def test_no_epoch_is_no_stage_and_adam_can_be_chosen():
    assert pr_reid(epochs="0").stages(VERI) == []
    method = pr_reid(optimiser="adam")
    assert isinstance(method.stages(VERI)[0].optimiser(bare(method)), torch.optim.Adam)


@pytest.mark.parametrize(
    ("variant", "needs", "test_needs"),
    [
        ("pr-reid", {"vehicle", "boxes.regions"}, set()),
        ("global-window", {"vehicle", "boxes.regions"}, set()),
        ("baseline", {"vehicle"}, set()),
        ("window-light-brand", {"vehicle", "boxes.regions"}, {"boxes.regions"}),
    ],
)
def test_boxes_are_needed_by_parts_in_training_and_at_test_without_the_global_branch(variant, needs, test_needs):
    method = pr_reid(variant=variant)

    assert (method.needs, method.test_needs) == (needs, test_needs)


def test_branches_are_a_set_in_one_order():
    assert pr_reid(branches="window, global").options.branches == ("global", "window")
    assert pr_reid(branches="brand,brand").options.branches == ("brand",)
    assert pr_reid().options.branches == BRANCHES


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("branches", ""),
        ("branches", "global,wheel"),
        ("lights", "both"),
        ("reducers", "two"),
        ("lambda_light", "-1"),
        ("rate_left", "0"),
        ("input_size", "16"),
        ("batch", "1"),
        ("backbone", "vgg"),
    ],
)
def test_an_option_that_does_not_fit_is_named(option, value):
    with pytest.raises(UsageError, match=f"option '{option}.* of pr-reid does not fit"):
        pr_reid(**{option: value})


def found_boxes(**places):
    arrays = {key: np.array(found, np.float32).reshape(-1, 6) for key, found in places.items()}
    return {"boxes_regions": Boxes(arrays, dict(enumerate(REGIONS, 1)))}


def test_training_boxes_are_completed_within_the_vehicle_and_test_boxes_are_not():
    window, moved, other = ([1, 1, x, 0.25, x + 0.5, 0.5] for x in (0.0, 0.25, 0.5))
    method = pr_reid(branches="global,window")
    given = found_boxes(a=[window], b=[], c=[moved], d=[other])

    training = method.arrange_boxes(given, {"a": 1, "b": 1, "c": 1, "d": 2, "e": 3})["boxes_regions"]
    test = method.arrange_boxes(given, None)["boxes_regions"]

    assert [training.of_image[key][0, 2].item() for key in "abcde"] == [0, 0.125, 0.25, 0.5, 0.25]
    assert all(found.shape == (4, 6) for found in training.of_image.values())
    assert [len(test.of_image[key]) for key in "abcd"] == [1, 0, 1, 1]
    assert method.architecture(VERI).places[0].tolist() == [0.25, 0.25, 0.75, 0.5]
    assert method.arrange_boxes({}, None) == {}


def test_a_region_without_a_box_stops_the_training_only_where_a_branch_needs_it():
    given = found_boxes(a=[[1, 1, 0, 0, 0.5, 0.5], [4, 1, 0, 0.5, 0.5, 1]])

    pr_reid(branches="window,brand").arrange_boxes(given, {"a": 1})
    with pytest.raises(DataError, match="region 'left light'") as caught:
        pr_reid().arrange_boxes(given, {"a": 1})
    assert "brand, window" in str(caught.value)


def with_boxes(dataset, folder, unseen=()):
    """The data set with the regions of PLACES in every image, but for the lights of some."""
    images, annotations = [], []
    for number, key in enumerate(dataset.splits["train"].paths):
        images.append({"id": number, "file_name": key, "width": 32, "height": 32})
        for label, (x0, y0, x1, y1) in enumerate(PLACES, 1):
            if number not in unseen or label not in (2, 3):
                box = [x0, y0, x1 - x0, y1 - y0]
                annotations.append({"image_id": number, "category_id": label, "bbox": box})
    categories = [{"id": number, "name": name} for number, name in enumerate(REGIONS, 1)]
    path = folder / "regions.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return replace(dataset, boxes={"regions": path})


def test_boxes_flip_with_their_image_and_left_stays_left(eight):
    keys = eight.splits["train"].paths[:1]
    method = pr_reid(**{**TINY, "flip": "1"})
    shares = [[label, 1, *(edge / 32 for edge in corners)] for label, corners in enumerate(PLACES, 1)]
    boxes = method.arrange_boxes(found_boxes(**{keys[0]: shares}), {keys[0]: 1})
    pictures = Pictures(eight.root, keys, (32, 32))
    (stage,) = method.stages(VERI)

    plain = Samples(pictures, boxes)[BatchRequest(np.array([0]))]
    flipped = Samples(pictures, boxes, stage.augment)[BatchRequest(np.array([0]))]

    assert torch.equal(flipped.images, plain.images.flip(3))
    mirrored = [[32 - x1, y0, 32 - x0, y1] for x0, y0, x1, y1 in (PLACES[number] for number in (0, 2, 1, 3))]
    torch.testing.assert_close(flipped.boxes["boxes_regions"][0], rows(mirrored))


def test_without_boxes_only_the_baseline_can_be_trained(eight, tmp_path):
    request = TrainingRequest(seed=0, folder=tmp_path, validate="none")

    assert prepare(eight, request, needs=pr_reid(variant="baseline").needs, input_size=(32, 32))
    with pytest.raises(DataError, match="boxes of kind 'regions'"):
        prepare(eight, request, needs=pr_reid().needs, input_size=(32, 32))


@pytest.mark.parametrize("variant", ["pr-reid", "baseline"])
def test_eight_vehicles_are_learnt_by_heart_and_told_without_boxes(eight, tmp_path, variant):
    method = pr_reid(variant=variant, **TINY, batch="16", epochs="8", learning_rate="0.02", rate_left="0.1")
    dataset = with_boxes(eight, tmp_path, unseen=(3, 11)) if variant == "pr-reid" else eight

    assert cmc_at_1(trained(method, dataset, tmp_path / "run"), eight) == 1.0


def test_a_checkpoint_gives_the_same_features_and_mean_places(small, images, tmp_path):
    info = CheckpointInfo(method="pr-reid", classes={"vehicle": 5})
    places = torch.full((4, 4), 0.5)
    save_checkpoint(tmp_path / "c.safetensors", {**small.state(), "places": places}, info)
    state, read = load_checkpoint(tmp_path / "c.safetensors")
    again = pr_reid(**{**TINY, "weights": "/nowhere/weights.pth"})

    again.restore(state, read.classes)

    again.model.eval()
    with torch.no_grad():
        assert torch.equal(again.embed(images), small.embed(images))
    assert torch.equal(again.model.places, places)


def test_a_missing_weights_file_stops_before_training():
    with pytest.raises(CheckpointError, match="no such weights file"):
        pr_reid(**{**TINY, "weights": "/nowhere/weights.pth"}).network({"vehicle": 5})


@pytest.mark.parametrize("variant", ["pr-reid", "window-light-brand"])
def test_without_biases_the_cells_shares_are_the_whole_feature(variant):
    method = pr_reid(variant=variant, **TINY)
    method.model = method.network({"vehicle": 3}).eval()
    with torch.no_grad():
        for reducer in method.model.reducers.values():
            reducer.bias.zero_()
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    boxes = {"boxes_regions": [torch.zeros(0, 6)] * 2} if method.test_needs else {}

    (share,) = method.attend(images, **boxes).maps.values()

    assert share.shape == (2, 4, 4)
    torch.testing.assert_close(share.sum((1, 2)), torch.ones(2))
