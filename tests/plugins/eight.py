"""Eight vehicles that any method must be able to learn by heart."""

import numpy as np
import torch
from PIL import Image

from harness.boxes import needed_boxes
from harness.compute.compute import Compute
from harness.data.dataset import Dataset
from harness.data.images import ImageTable
from harness.training.prepare import TrainingRequest, prepare


def draw(root, side=32):
    """Write eight images of each vehicle: a coarse pattern a vehicle, under noise and light an image."""
    random = np.random.default_rng(0)
    patterns = random.integers(0, 2, (8, 4, 4, 3)) * 60 + 60
    paths = []
    for vehicle, pattern in enumerate(patterns):
        for number in range(8):
            pixels = np.kron(pattern, np.ones((side // 4, side // 4, 1))) * random.uniform(0.7, 1.3)
            pixels = pixels + random.normal(0, 20, pixels.shape)
            paths.append(f"{vehicle}_{number}.jpg")
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(root / paths[-1], quality=90)
    vehicle = np.repeat(np.arange(8) + 100, 8)
    table = ImageTable(tuple(paths), vehicle, colour=vehicle % 4, type=vehicle % 3)
    return Dataset(root, {"train": table})


def trained(method, dataset, folder):
    """Train the method on all images and return it."""
    session = prepare(
        dataset,
        TrainingRequest(seed=1, folder=folder, compute=Compute(device="cpu"), validate="none"),
        needs=method.needs,
        input_size=method.input_size,
    )
    method.fit(session)
    return method


def cmc_at_1(method, dataset):
    """Return the share of images whose nearest other image is of the same vehicle; boxes go with them where needed."""
    table = dataset.splits["train"]
    opened = [Image.open(dataset.root / path).resize(method.input_size[::-1]) for path in table.paths]
    images = torch.from_numpy(np.stack([np.asarray(image) for image in opened])).permute(0, 3, 1, 2) / 255
    boxes = {
        keyword: [torch.from_numpy(found.of(key, method.input_size)) for key in table.paths]
        for keyword, found in needed_boxes(dataset, method.test_needs).items()
    }
    with torch.inference_mode():
        features = torch.nn.functional.normalize(method.embed(images, **boxes))
    nearest = (features @ features.T).fill_diagonal_(-2).argmax(1).numpy()
    return float((table.vehicle[nearest] == table.vehicle).mean())
