"""First weights of a trunk: torchvision's for ImageNet, or a file of the user's."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn
from torchvision import models

from harness.errors import CheckpointError
from plugins.weights.fitting import fill
from plugins.weights.reading import read_weights

HOLDING = "tensors by torchvision's names"
INSTEAD = "'imagenet' or 'none'"


def load_trunk(trunk: nn.Module, backbone: str, source: str, *, ignore: tuple[str, ...] = ("fc.",)) -> None:
    """Load weights (``imagenet``, the path of a file, or ``none`` for no change) under torchvision's names.

    Raises:
        CheckpointError: the weights cannot be loaded, would execute code, or are of another network.
    """
    if source == "none":
        return
    state = imagenet(backbone) if source == "imagenet" else read_weights(Path(source), HOLDING, instead=INSTEAD)
    fill(trunk, {name: tensor for name, tensor in state.items() if not name.startswith(ignore)}, source)


def imagenet(backbone: str) -> dict[str, Tensor]:
    """Return torchvision's first ImageNet-1K weights, those of the papers' time, from its cache or the web.

    Raises:
        CheckpointError: they are neither in the cache nor can be downloaded.
    """
    weights = models.get_model_weights(backbone)["IMAGENET1K_V1"]
    try:
        state: dict[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as problem:
        raise CheckpointError(
            f"the ImageNet weights of {backbone} cannot be downloaded",
            where=weights.url,
            found=problem,
            next_step="train from scratch with --set weights=none, or download that file elsewhere and give it "
            "with --set weights=FILE",
        ) from None
    return state
