"""The formats of released weights, told apart by the names of their tensors."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

Names = Collection[str]


@dataclass(frozen=True)
class Format:
    """A format of released weights.

    Attributes:
        name: as people call it.
        use: what a user writes to score such a file.
        holds: whether tensors of these names are of this format.
    """

    name: str
    use: str
    holds: Callable[[Names], bool]


def nearest(names: Names) -> Format | None:
    """Return the format that tensors of these names are of; None if no known one."""
    return next((one for one in FORMATS if one.holds(names)), None)


def resemblance(names: Names) -> str | None:
    """Return what tensors of these names look like, and how to score them, for messages; None if nothing is known."""
    found = nearest(names)
    return f"this looks like {found.name}: use {found.use}" if found else None


def _all(*wanted: str) -> Callable[[Names], bool]:
    """Return whether each of some names or prefixes, which end in a dot, occurs."""

    def holds(names: Names) -> bool:
        return all(
            any(name.startswith(word) for name in names) if word.endswith(".") else word in names for word in wanted
        )

    return holds


def _either(*tests: Callable[[Names], bool]) -> Callable[[Names], bool]:
    return lambda names: any(test(names) for test in tests)


FORMATS = (
    Format("fast-reid", "--method fast-reid", _all("backbone.", "heads.")),
    Format("CLIP-ReID", "--method clip-reid", _all("image_encoder.")),
    Format("TransReID", "--method transreid", _all("base.cls_token", "base.blocks.")),
    Format(
        "reid-strong-baseline",
        "--method reid-strong-baseline",
        _either(_all("base.conv1.weight"), _all("base.layer0.")),
    ),
    Format("layumi's Person_reID_baseline_pytorch", "--method layumi", _all("model.", "classifier.add_block.")),
    Format(
        "torchreid (OSNet)",
        "--method torchreid",
        _either(_all("conv1.conv.weight", "conv5.conv.weight", "conv2.0.conv2a."), _all("conv2.0.conv2.0.layers.")),
    ),
    Format("torchreid (ResNet)", "--method torchreid", _all("layer4.0.conv1.weight", "classifier.weight")),
    Format("open_clip", "--method open-clip", _all("visual.", "logit_scale")),
    Format("transformers", "--method transformers", _all("embeddings.", "encoder.layer.")),
    Format("torchvision", "--method torch --set network=torchvision:NAME", _all("layer4.0.conv1.weight", "fc.weight")),
    Format("timm (ViT)", "--method timm --set model=NAME", _all("patch_embed.", "blocks.0.")),
)
"""All that are known; the first that holds is told."""
