"""Files as TransReID, DMT and CLIP-ReID write them, small and random: names and shapes by the formats' rules."""

from __future__ import annotations

import torch

from harness.methods.method import create
from plugins.released.vit.clip_reid import ClipReID
from plugins.released.vit.transreid import TransReID

State = dict[str, torch.Tensor]


def drawn(shapes, seed=0):
    """Return random tensors of some shapes; variances are positive."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.rand(shape, generator=generator) + 0.5
        if name.endswith("running_var")
        else torch.randn(shape, generator=generator) * (0.5 if len(shape) < 2 else shape[-1] ** -0.5)
        for name, shape in shapes.items()
    }


def normalisation(name, width, *, batch=True):
    """Return the shapes of a batch or layer normalisation."""
    words = ("weight", "bias", "running_mean", "running_var") if batch else ("weight", "bias")
    return {f"{name}.{word}": (width,) for word in words}


def linear(name, inner, outer, *, bias=True):
    """Return the shapes of a full layer."""
    return {f"{name}.weight": (outer, inner), **({f"{name}.bias": (outer,)} if bias else {})}


def block(name, width, hidden, *, biased=True):
    """Return the shapes of a block of TransReID."""
    return {
        **normalisation(f"{name}.norm1", width, batch=False),
        **linear(f"{name}.attn.qkv", width, 3 * width, bias=biased),
        **linear(f"{name}.attn.proj", width, width),
        **normalisation(f"{name}.norm2", width, batch=False),
        **linear(f"{name}.mlp.fc1", width, hidden),
        **linear(f"{name}.mlp.fc2", hidden, width),
    }


def transreid(width=64, positions=16, sides=0, *, jigsaw=False, small=False, table="sie_embed"):
    """Return a file of TransReID, for an input of 64 x 64 with stride 16 unless ``positions`` differs.

    ``small`` is the form of the released vit_small, in its full size.
    """
    width, depth, hidden = (768, 8, 2304) if small else (width, 2, 4 * width)
    shapes = {
        "base.cls_token": (1, 1, width),
        "base.pos_embed": (1, 1 + positions, width),
        **({f"base.{table}": (sides, 1, width)} if sides else {}),
        "base.patch_embed.proj.weight": (width, 3, 16, 16),
        "base.patch_embed.proj.bias": (width,),
        **normalisation("base.norm", width, batch=False),
        **linear("base.fc", width, 1000),
        **normalisation("bottleneck", width),
        **linear("classifier", width, 5, bias=False),
    }
    for number in range(depth):
        shapes |= block(f"base.blocks.{number}", width, hidden, biased=not small)
    if jigsaw:
        for branch in ("b1", "b2"):
            shapes |= block(f"{branch}.0", width, hidden, biased=not small)
            shapes |= normalisation(f"{branch}.1", width, batch=False)
        for number in (1, 2, 3, 4):
            shapes |= normalisation(f"bottleneck_{number}", width)
            shapes |= linear(f"classifier_{number}", width, 5, bias=False)
    return {**drawn(shapes), "bottleneck.num_batches_tracked": torch.tensor(7)}


def clip_vit(width=64, projected=24, positions=16, sides=0):
    """Return a file of CLIP-ReID with a ViT, for an input of 64 x 64 with stride 16 unless ``positions`` differs."""
    encoder = {
        "class_embedding": (width,),
        "positional_embedding": (1 + positions, width),
        "proj": (width, projected),
        "conv1.weight": (width, 3, 16, 16),
        **normalisation("ln_pre", width, batch=False),
        **normalisation("ln_post", width, batch=False),
    }
    for number in range(2):
        place = f"transformer.resblocks.{number}"
        encoder |= {f"{place}.attn.in_proj_weight": (3 * width, width), f"{place}.attn.in_proj_bias": (3 * width,)}
        encoder |= linear(f"{place}.attn.out_proj", width, width)
        encoder |= normalisation(f"{place}.ln_1", width, batch=False)
        encoder |= normalisation(f"{place}.ln_2", width, batch=False)
        encoder |= linear(f"{place}.mlp.c_fc", width, 4 * width) | linear(f"{place}.mlp.c_proj", 4 * width, width)
    return _clip(encoder, width, projected, sides)


def clip_resnet(width=8, projected=24, positions=16, sides=0):
    """Return a file of CLIP-ReID with a ResNet of one block a stage, for an input of 64 x 64."""
    half = width // 2
    encoder = {"conv1.weight": (half, 3, 3, 3), "conv2.weight": (half, half, 3, 3), "conv3.weight": (width, half, 3, 3)}
    encoder |= normalisation("bn1", half) | normalisation("bn2", half) | normalisation("bn3", width)
    channels = width
    for number in range(4):
        inner, place = width * 2**number, f"layer{number + 1}.0"
        sides_of_kernel = {
            "conv1": (inner, channels, 1, 1),
            "conv2": (inner, inner, 3, 3),
            "conv3": (4 * inner, inner, 1, 1),
            "downsample.0": (4 * inner, channels, 1, 1),
        }
        encoder |= {f"{place}.{name}.weight": shape for name, shape in sides_of_kernel.items()}
        encoder |= normalisation(f"{place}.bn1", inner) | normalisation(f"{place}.bn2", inner)
        encoder |= normalisation(f"{place}.bn3", 4 * inner) | normalisation(f"{place}.downsample.1", 4 * inner)
        channels = 4 * inner
    encoder["attnpool.positional_embedding"] = (1 + positions, channels)
    for name, outer in (("k_proj", channels), ("q_proj", channels), ("v_proj", channels), ("c_proj", projected)):
        encoder |= linear(f"attnpool.{name}", channels, outer)
    return _clip(encoder, channels, projected, sides)


def _clip(encoder, width, projected, sides):
    shapes = {f"image_encoder.{name}": shape for name, shape in encoder.items()}
    shapes |= normalisation("bottleneck", width) | normalisation("bottleneck_proj", projected)
    shapes |= linear("classifier", width, 5, bias=False) | linear("classifier_proj", projected, 5, bias=False)
    shapes |= {"prompt_learner.cls_ctx": (5, 4, 16), "text_encoder.transformer.resblocks.0.attn.in_proj_bias": (48,)}
    if sides:
        shapes["cv_embed"] = (sides, width)
    return drawn(shapes)


def opened(path, state, method=TransReID, **options):
    """Return a method on a file with these tensors, for an input of 64 x 64 unless ``trained_size`` differs."""
    torch.save(state, path)
    return create(method, method.Options(**{"weights": str(path), "trained_size": 64, **options}))


def images(count=3, size=(64, 64), seed=0):
    """Return random images from 0 to 1."""
    return torch.rand((count, 3, *size), generator=torch.Generator().manual_seed(seed))


__all__ = ["ClipReID", "TransReID", "clip_resnet", "clip_vit", "images", "opened", "transreid"]
