import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from harness.boxes import Boxes
from harness.data.part_classes import REGIONS
from harness.data.pictures import Pictures
from harness.errors import CheckpointError, DataError
from harness.extraction.samples import BatchRequest, Samples
from harness.methods.checkpoint import CheckpointInfo, load_checkpoint, save_checkpoint
from harness.training.prepare import TrainingRequest, prepare
from tests.plugins.eight import cmc_at_1, trained
from tests.plugins.pr_reid.made import PLACES, TINY, pr_reid, rows
from tests.plugins.veri import VERI, bare


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


def test_images_are_flipped_with_their_boxes_and_not_cropped():
    (stage,) = pr_reid("paper").stages(VERI)
    assert [type(step).__name__ for step in stage.augment.transforms] == ["_Mirror"]


def test_no_epoch_is_no_stage_and_adam_can_be_chosen():
    assert pr_reid(epochs="0").stages(VERI) == []
    method = pr_reid(optimiser="adam")
    optimiser = method.stages(VERI)[0].optimiser(bare(method))
    (group,) = optimiser.param_groups
    assert isinstance(optimiser, torch.optim.Adam)
    assert (group["lr"], group["weight_decay"], group["fused"]) == (0.01, 5e-4, True)


def test_a_test_needs_boxes_only_to_fuse_the_features_of_parts():
    assert pr_reid().test_needs == pr_reid(variant="baseline", test="fused").test_needs == set()
    assert pr_reid(branches="global,window", test="fused").test_needs == {"boxes.regions"}
    assert pr_reid(branches="window", test="fused").test_needs == {"boxes.regions"}


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

    pr_reid(branches="window,brand", test="fused").arrange_boxes(given, {"a": 1})
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


@pytest.mark.slow
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
