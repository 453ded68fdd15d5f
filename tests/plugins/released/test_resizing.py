"""Pictures come to a released network as its zoo's own test code resizes them, with torchvision and Pillow."""

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import InterpolationMode, Resize

from plugins.released.fast_reid import FastReID
from plugins.released.layumi import Layumi
from plugins.released.strong_baseline import LuoBaseline
from plugins.released.torchreid import Torchreid
from plugins.released.vit.clip_reid import ClipReID
from plugins.released.vit.transreid import TransReID

BICUBIC, BILINEAR = InterpolationMode.BICUBIC, InterpolationMode.BILINEAR


@pytest.mark.parametrize(
    ("method", "released"),
    [
        (FastReID, BICUBIC),  # fastreid/data/transforms/build.py
        (Layumi, BICUBIC),  # test.py
        (Torchreid, BILINEAR),  # torchreid/data/transforms.py
        (LuoBaseline, BILINEAR),  # data/transforms/build.py
        (TransReID, BILINEAR),  # datasets/make_dataloader.py
        (ClipReID, BILINEAR),  # datasets/make_dataloader_clipreid.py
    ],
)
def test_the_interpolation_is_that_of_the_zoo_s_test_code(method, released):
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (51, 72, 3), np.uint8))

    found = method.resizing(picture, (32, 48))

    assert found.tobytes() == Resize((32, 48), released)(picture).tobytes()
