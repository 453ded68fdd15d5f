"""The networks once more, literally and one image at a time, from the papers' formulas and with the files' names."""

import math

import torch
from torch.nn import functional


def layer_norm(state, name, tokens, epsilon):
    mean = tokens.mean(-1, keepdim=True)
    variance = ((tokens - mean) ** 2).mean(-1, keepdim=True)
    return (tokens - mean) / torch.sqrt(variance + epsilon) * state[f"{name}.weight"] + state[f"{name}.bias"]


def batch_norm(state, name, values):
    shape = (-1,) + (1,) * (values.ndim - 1)
    mean, variance, weight, bias = (
        state[f"{name}.{word}"].reshape(shape) for word in ("running_mean", "running_var", "weight", "bias")
    )
    return (values - mean) / torch.sqrt(variance + 1e-5) * weight + bias


def linear(state, name, values):
    return values @ state[f"{name}.weight"].T + state.get(f"{name}.bias", 0)


def attention(query, key, value, heads, scale=None):
    """Return attention of (q, d) to (k, d), one head after another."""
    width = query.shape[1] // heads
    found = []
    for head in range(heads):
        own = slice(head * width, (head + 1) * width)
        weights = torch.softmax(query[:, own] @ key[:, own].T * (scale or 1 / math.sqrt(width)), dim=1)
        found.append(weights @ value[:, own])
    return torch.cat(found, dim=1)


def patches(image, weight, bias, stride):
    """Return (patches, d), row by row."""
    side = weight.shape[-1]
    return torch.stack(
        [
            (weight * image[:, top : top + side, left : left + side]).sum((1, 2, 3)) + bias
            for top in range(0, image.shape[1] - side + 1, stride)
            for left in range(0, image.shape[2] - side + 1, stride)
        ]
    )


def block(state, name, tokens, heads, scale):
    mixed = linear(state, f"{name}.attn.qkv", layer_norm(state, f"{name}.norm1", tokens, 1e-6))
    found = attention(*mixed.chunk(3, dim=1), heads, scale)
    tokens = tokens + linear(state, f"{name}.attn.proj", found)
    hidden = functional.gelu(linear(state, f"{name}.mlp.fc1", layer_norm(state, f"{name}.norm2", tokens, 1e-6)))
    return tokens + linear(state, f"{name}.mlp.fc2", hidden)


def transreid(state, image, *, stride=16, side=None, place="before", shift=8, heads=1):
    """Return the feature of one image from 0 to 1; ``shift`` is 0 where the patches stay in order."""
    scale = 768**-0.5 if heads == 8 else None  # of the small ViT
    state = {name: tensor.double() for name, tensor in state.items()}
    found = patches(
        (image.double() - 0.5) / 0.5,
        state["base.patch_embed.proj.weight"],
        state["base.patch_embed.proj.bias"],
        stride,
    )
    tokens = torch.cat([state["base.cls_token"][0], found]) + state["base.pos_embed"][0]
    if side is not None:
        tokens = tokens + side
    depth = 1 + max(int(name.split(".")[2]) for name in state if name.startswith("base.blocks."))
    jigsaw = "b1.0.norm1.weight" in state
    for number in range(depth - jigsaw):
        tokens = block(state, f"base.blocks.{number}", tokens, heads, scale)
    if not jigsaw:
        feature = layer_norm(state, "base.norm", tokens, 1e-6)[0]
        return feature if place == "before" else batch_norm(state, "bottleneck", feature)

    def branch(name, chosen):
        return layer_norm(state, f"{name}.1", block(state, f"{name}.0", chosen, heads, scale), 1e-6)[0]

    order = list(range(1, len(tokens)))
    if shift:
        order = order[shift - 1 :] + order[: shift - 1]
        if len(order) % 2:
            order.append(order[-2])
        half = len(order) // 2
        order = [place for pair in zip(order[:half], order[half:], strict=True) for place in pair]
    length = (len(tokens) - 1) // 4
    parts = [branch("b1", tokens)]
    parts += [branch("b2", tokens[[0, *order[part * length : (part + 1) * length]]]) for part in range(4)]
    if place == "behind":
        names = ["bottleneck", *(f"bottleneck_{number}" for number in (1, 2, 3, 4))]
        parts = [batch_norm(state, name, part) for name, part in zip(names, parts, strict=True)]
    return torch.cat([parts[0], *(part / 4 for part in parts[1:])])


def clip_vit(state, image, *, stride=16, side=None, place="before", heads=1):
    """Return the feature of one image from 0 to 1."""
    state = {name: tensor.double() for name, tensor in state.items()}
    inner = {name.removeprefix("image_encoder."): tensor for name, tensor in state.items()}
    first = inner["class_embedding"][None]
    if side is not None:
        first = first + side
    found = patches((image.double() - 0.5) / 0.5, inner["conv1.weight"], 0, stride)
    tokens = layer_norm(inner, "ln_pre", torch.cat([first, found]) + inner["positional_embedding"], 1e-5)
    for number in range(2):
        name = f"transformer.resblocks.{number}"
        mixed = layer_norm(inner, f"{name}.ln_1", tokens, 1e-5) @ inner[f"{name}.attn.in_proj_weight"].T
        mixed = mixed + inner[f"{name}.attn.in_proj_bias"]
        tokens = tokens + linear(inner, f"{name}.attn.out_proj", attention(*mixed.chunk(3, dim=1), heads))
        hidden = linear(inner, f"{name}.mlp.c_fc", layer_norm(inner, f"{name}.ln_2", tokens, 1e-5))
        hidden = hidden / (1 + torch.exp(-1.702 * hidden))
        tokens = tokens + linear(inner, f"{name}.mlp.c_proj", hidden)
    feature = layer_norm(inner, "ln_post", tokens, 1e-5)[0]
    return _necks(state, feature, feature @ inner["proj"], place)


def clip_resnet(state, image, *, place="before", heads=4):
    """Return the feature of one image from 0 to 1, of a ResNet with one block a stage."""
    state = {name: tensor.double() for name, tensor in state.items()}
    inner = {name.removeprefix("image_encoder."): tensor for name, tensor in state.items()}
    mean, deviation = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    maps = (image.double() - torch.tensor(mean).double()[:, None, None]) / torch.tensor(deviation).double()[
        :, None, None
    ]

    def convolved(name, normalisation, values, stride=1):
        weight = inner[f"{name}.weight"]
        found = functional.conv2d(values[None], weight, stride=stride, padding=weight.shape[-1] // 2)[0]
        return batch_norm(inner, normalisation, found)

    for number, stride in ((1, 2), (2, 1), (3, 1)):
        maps = convolved(f"conv{number}", f"bn{number}", maps, stride).relu()
    maps = functional.avg_pool2d(maps, 2)
    for stage, stride in ((1, 1), (2, 2), (3, 2), (4, 1)):
        name = f"layer{stage}.0"
        found = convolved(f"{name}.conv1", f"{name}.bn1", maps).relu()
        found = functional.avg_pool2d(convolved(f"{name}.conv2", f"{name}.bn2", found).relu(), stride)
        found = convolved(f"{name}.conv3", f"{name}.bn3", found)
        kept = functional.avg_pool2d(maps, stride)
        maps = (found + convolved(f"{name}.downsample.0", f"{name}.downsample.1", kept)).relu()
    cells = maps.flatten(1).T
    tokens = torch.cat([cells.mean(0, keepdim=True), cells]) + inner["attnpool.positional_embedding"]
    query, key, value = (linear(inner, f"attnpool.{word}_proj", tokens) for word in "qkv")
    pooled = linear(inner, "attnpool.c_proj", attention(query[:1], key, value, heads))[0]
    return _necks(state, cells.mean(0), pooled, place)


def _necks(state, feature, projected, place):
    if place == "behind":
        feature = batch_norm(state, "bottleneck", feature)
        projected = batch_norm(state, "bottleneck_proj", projected)
    return torch.cat([feature, projected])
