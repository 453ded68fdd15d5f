import pytest
import torch

from plugins.pr_reid.method import PRReID
from tests.plugins.pr_reid.made import PLACES, TINY, pr_reid, rows
from tests.plugins.test_strong_baseline import resnet18, resnet50
from tests.plugins.veri import bare


def branch(channels=2048, width=256, vehicles=576):
    """A 1x1 convolution with biases, and a classifier without."""
    return (channels + 1) * width + width * vehicles


@pytest.mark.parametrize(
    ("variant", "branches", "width"),
    [
        ("", {"global", "light", "brand", "window"}, 256),
        ("global-light-brand", {"global", "light", "brand"}, 256),
        ("window-light-brand", {"light", "brand", "window"}, 3 * 256),
        ("fused", {"global", "light", "brand", "window"}, 4 * 256),
        ("lights-apart", {"global", "left light", "right light", "brand", "window"}, 256),
    ],
)
def test_every_branch_gives_logits_in_training_and_a_test_one_feature(variant, branches, width):
    network = bare(pr_reid(variant=variant))
    images, boxes = torch.empty(2, 3, 256, 256, device="meta"), [rows(PLACES, "meta")] * 2

    logits = network.train()(images, boxes_regions=boxes)

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


def mean_inside(maps, corners):
    """The mean of (c, 4, 4) maps, of cells of 16 pixels, over the cells that one of the boxes overlaps."""
    inside = [
        maps[:, y, x]
        for y in range(4)
        for x in range(4)
        if any(
            min(x1, 16 * x + 16) > max(x0, 16 * x) and min(y1, 16 * y + 16) > max(y0, 16 * y)
            for x0, y0, x1, y1 in corners
        )
    ]
    return torch.stack(inside).mean(0)


def regions_of(places):
    return {"global": [[0, 0, 64, 64]], "light": places[1:3], "brand": places[3:], "window": places[:1]}


SHIFTED = [[[x + step for x in corners] for corners in PLACES] for step in (0, 7, 20, 32)]


def test_a_branch_classifies_the_mean_of_the_cells_that_its_regions_overlap(small, images):
    network = small.architecture({"vehicle": 5})
    network.load_state_dict(small.model.state_dict())

    with torch.no_grad():
        maps = network.eval().trunk(network.normalise(images))  # (4, 512, 4, 4): cells of 16 pixels
        network.trunk.forward = lambda _images: maps
        logits = network.train()(images, boxes_regions=[rows(places) for places in SHIFTED])

        for image, places in enumerate(SHIFTED):
            for name, corners in regions_of(places).items():
                mean = mean_inside(maps[image], corners)[None, :, None, None]
                expected = network.classifiers[name](network.reducers[name](mean).flatten(1))
                torch.testing.assert_close(logits[name][image], expected[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fusion", ["plain", "unit"])
def test_a_fused_feature_is_that_of_every_branch_side_by_side(small, images, fusion):
    network = pr_reid(variant="fused", fusion=fusion, **TINY).architecture({"vehicle": 5}).eval()
    network.load_state_dict(small.model.state_dict())

    with torch.no_grad():
        maps = network.trunk(network.normalise(images))
        found = network(images, boxes_regions=[rows(places) for places in SHIFTED])
        expected = []
        for image, places in enumerate(SHIFTED):
            features = []
            for name, corners in regions_of(places).items():
                reducer = network.reducers[name]
                feature = reducer.weight[:, :, 0, 0] @ mean_inside(maps[image], corners) + reducer.bias
                features.append(feature / (feature.square().sum().sqrt() if fusion == "unit" else 1))
            expected.append(torch.cat(features))

    assert found.shape == (4, 4 * 16)
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-4, atol=1e-5)
    if fusion == "unit":
        torch.testing.assert_close(found.norm(dim=1), torch.full((4,), 2.0))


def test_a_missing_region_takes_its_mean_place_in_a_fused_test_too(small, images):
    network = pr_reid(variant="fused", **TINY).architecture({"vehicle": 5}).eval()
    network.load_state_dict(small.model.state_dict())
    network.places.copy_(torch.tensor(PLACES) / 64)

    with torch.no_grad():
        found = network(images, boxes_regions=[rows(PLACES)[:2], rows(PLACES)[2:], torch.zeros(0, 6), rows(PLACES)])
        assert torch.equal(found, network(images, boxes_regions=[rows(PLACES)] * 4))


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


@pytest.mark.parametrize(
    ("variant", "fusion"), [("pr-reid", "plain"), ("window-light-brand", "plain"), ("fused", "unit")]
)
def test_without_biases_the_cells_shares_are_the_whole_feature(variant, fusion):
    method = pr_reid(variant=variant, fusion=fusion, **TINY)
    method.model = method.network({"vehicle": 3}).eval()
    with torch.no_grad():
        for reducer in method.model.reducers.values():
            reducer.bias.zero_()
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    boxes = {"boxes_regions": [torch.zeros(0, 6)] * 2} if method.test_needs else {}

    (share,) = method.attend(images, **boxes).maps.values()

    assert share.shape == (2, 4, 4)
    torch.testing.assert_close(share.sum((1, 2)), torch.ones(2))
