"""The zoo of fast-reid (He et al., 2020): ResNets with IBN, non-local blocks and GeM, and BNNeck."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from harness.data.resizing import Resizing
from harness.errors import CheckpointError, UsageError, first_of
from harness.methods.sizes import InputSize
from plugins.released.asked import Auto
from plugins.released.fast_reid_config import Config, read_config
from plugins.released.method import Normalise, ReleasedMethod, ReleasedOptions, normalised, without
from plugins.released.neck import Place, Pool, Pooling
from plugins.released.resnet import Arithmetic, ResNet, Shapes, usual
from plugins.weights.fitting import fill

MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)
"""The mean and deviation of red, green and blue, 0 to 255, where neither weights nor YAML have others."""

IGNORED = ("heads.weight", "heads.classifier.", "heads.cls_layer.", "pixel_mean", "pixel_std")
"""No feature depends on classifiers, which are as large as a data set has vehicles; the colours are taken apart."""

POWER = "heads.pool_layer.p"
"""The learnt power of a generalised mean."""

OTHER_HEADS = ("b1.", "b2.", "b1_head.", "heads.queue")
"""What networks of other kinds hold: MGN's branches, MoCo's queue."""


class FastReIDOptions(ReleasedOptions):
    """The options of fast-reid's weights."""

    input_size: InputSize | Auto = Field(
        "auto", description="input in pixels: a side, or height x width; auto: the YAML's, else 256 as for vehicles"
    )
    config: str = Field("", description="the YAML that the weights were trained with")
    pool: Pool | Literal["auto"] = Field(
        "auto", description="pooling before the neck; auto: gem if its power was learnt, else what the YAML says"
    )
    last_stride: Literal["auto", 1, 2] = Field(
        "auto", description="stride of the last stage; auto: the YAML's, else 1 as in all released configurations"
    )
    feature: Place = Field("behind", description="the feature, behind or before the neck's batch normalisation")


class FastReID(ReleasedMethod):
    """A ResNet of fast-reid; what the names of the tensors do not tell, its YAML or an option does."""

    about = "released weights of fast-reid: ResNets with IBN, non-local blocks, GeM, BNNeck"
    papers = (
        "L. He, X. Liao, W. Liu, X. Liu, P. Cheng, T. Mei: FastReID: A Pytorch Toolbox for General Instance "
        "Re-identification. 2020",
    )
    preprocessing = (
        "RGB from 0 to 255, minus the weights' pixel_mean, over their pixel_std; resized bicubically, to 256 x 256 for "
        "vehicles; the feature behind the batch normalisation, of length 1"
    )
    provenance = (
        "the model zoo of fast-reid (Apache-2.0): a dictionary with 'model'; VeRi-776, VehicleID and VERI-Wild among "
        "others; give --trained-on or the YAML, whose data sets are recorded"
    )
    resizing = Resizing("bicubic")
    Options = FastReIDOptions
    holding = "the 'model' of fast-reid: tensors backbone.* and heads.*"
    options: FastReIDOptions
    size = (256, 256)
    _config: Config | None = None

    def __init__(self) -> None:
        if self.options.config:
            self._config = read_config(Path(self.options.config))
            self.trained_on = self._config.trained_on
            self.size = self._config.input_size or self.size
        super().__init__()

    def assemble(self, state: Mapping[str, Tensor], source: str) -> nn.Module:
        """Return the network of a file.

        Raises:
            CheckpointError: its tensors are of no ResNet of fast-reid.
            UsageError: the YAML contradicts it, or nothing says how it pools.
        """
        if odd := sorted(name for name in state if name.startswith(OTHER_HEADS)):
            raise CheckpointError(
                "the weights are of another network of fast-reid's, which is not known here",
                where=source,
                found=first_of(odd, 3),
                expected="a ResNet with one head: META_ARCHITECTURE Baseline",
            )
        grouped = state.get("backbone.layer1.0.conv2.weight")
        if grouped is not None and grouped.ndim == 4 and grouped.shape[0] != grouped.shape[1]:
            raise CheckpointError(
                "the weights are of a ResNeXt of fast-reid's, which is not known here",
                where=source,
                expected="a ResNet: BACKBONE.NAME build_resnet_backbone",
            )
        own = {name.replace("heads.bnneck.", "heads.bottleneck.0."): tensor for name, tensor in state.items()}
        shapes = Shapes(own, "", source)
        with torch.device("meta"):
            network = FastReIDNetwork(shapes, self._arithmetic, "gem" if POWER in own else "avg", self.options.feature)
        if self._config is not None:
            self._compare(self._config, network, own, source)
        network.heads.pool_layer.kind = self._pool(own, source)
        fill(network, without(own, *IGNORED), source)
        return normalised(network, Normalise(*self._colours(own), 255.0))

    def example(self) -> nn.Module:
        """Return ResNet-50-IBN with a learnt GeM, as released for VeRi-776, but without its non-local blocks."""
        names = usual(ibn=True, prefix="backbone.")
        names |= {POWER: torch.empty(1), "heads.bottleneck.0.weight": torch.empty(2048)}
        network = FastReIDNetwork(Shapes(names, "", ""), self._arithmetic, "gem", self.options.feature)
        return normalised(network, Normalise(MEAN, STD, 255.0))

    @property
    def _arithmetic(self) -> Arithmetic:
        chosen, said = self.options.last_stride, self._config.last_stride if self._config else None
        return Arithmetic(last_stride=(said or 1) if chosen == "auto" else chosen, ceil_pool=True)

    def _pool(self, state: Mapping[str, Tensor], source: str) -> Pool:
        """Return the pooling: the option's, a learnt one, or the YAML's.

        Raises:
            UsageError: the option contradicts the weights, or nothing says it.
        """
        chosen = self.options.pool
        if POWER in state:
            if chosen not in ("auto", "gem"):
                raise UsageError(
                    "the weights have learnt the power of a gem", found=f"pool={chosen}", expected="pool=gem"
                )
            return "gem"
        said = (self._config.pool if self._config else None) if chosen == "auto" else chosen
        if said is None:
            raise UsageError(
                "the weights do not tell how the last map is pooled",
                where=source,
                expected="the YAML that they were trained with, or the pooling",
                next_step="give --set config=FILE, or --set pool=avg, gem, max or avgmax; of the released weights, "
                "those for VehicleID and VERI-Wild have gem",
            )
        return said

    def _colours(self, state: Mapping[str, Tensor]) -> tuple[list[float], list[float]]:
        """Return the mean and the deviation of the colours: the weights', else the YAML's, else ImageNet's."""
        found = []
        for name, usual_one in (("pixel_mean", MEAN), ("pixel_std", STD)):
            own, said = state.get(name), self._config.colours(name.upper()) if self._config else None
            found.append(own.flatten().tolist() if own is not None and own.numel() == 3 else list(said or usual_one))
        return found[0], found[1]

    def _compare(self, config: Config, network: FastReIDNetwork, state: Mapping[str, Tensor], source: str) -> None:
        """Refuse a YAML that says another network than the weights; one message has all contradictions."""
        different = list(config.contradictions(facts(network, state), learnt=POWER in state))
        if different:
            raise UsageError(
                "the YAML and the weights contradict each other",
                where=f"{config.path} and {source}",
                found="; ".join(different),
                next_step="give the YAML that these weights were trained with, or leave it out and set pool, "
                "last_stride and input_size",
            )


class Head(nn.Module):
    """Pooling, perhaps a smaller width, and batch normalisation, under fast-reid's names."""

    def __init__(self, shapes: Shapes, channels: int, pool: Pool) -> None:
        super().__init__()
        self.pool_layer = Pooling(pool, learnt=POWER in shapes)
        first = shapes.found.get("heads.bottleneck.0.weight")
        layers: list[nn.Module] = []
        if first is not None and len(first) == 4:
            layers.append(nn.Conv2d(channels, first[0], 1, bias=False))
            channels = first[0]
        if f"heads.bottleneck.{len(layers)}.weight" in shapes:
            layers.append(nn.BatchNorm2d(channels))
        self.bottleneck = nn.Sequential(*layers)

    def forward(self, maps: Tensor, place: Place) -> Tensor:
        """Return (n, d) features."""
        found = self.pool_layer(maps)[:, :, None, None]
        for layer in self.bottleneck:
            if not (place == "before" and isinstance(layer, nn.BatchNorm2d)):
                found = layer(found)
        feature: Tensor = found.flatten(1)
        return feature


class FastReIDNetwork(nn.Module):
    """From normalised images (n, 3, h, w) to features (n, d)."""

    def __init__(self, shapes: Shapes, arithmetic: Arithmetic, pool: Pool, place: Place) -> None:
        super().__init__()
        self.backbone = ResNet(shapes.below("backbone."), arithmetic)
        self.heads = Head(shapes, self.backbone.channels, pool)
        self.place: Place = place

    def forward(self, images: Tensor) -> Tensor:
        """Return the features."""
        found: Tensor = self.heads(self.backbone(images), self.place)
        return found


def facts(network: FastReIDNetwork, state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return what the weights say by the names of the YAML."""
    names = network.state_dict().keys()
    layers = list(network.heads.bottleneck)
    depth = network.backbone.depth
    said: dict[str, Any] = {
        "META_ARCHITECTURE": "Baseline",
        "BACKBONE.WITH_IBN": any(".IN." in name for name in names),
        "BACKBONE.WITH_SE": any(".se." in name for name in names),
        "HEADS.WITH_BNNECK": any(isinstance(layer, nn.BatchNorm2d) for layer in layers),
        "HEADS.EMBEDDING_DIM": next((layer.out_channels for layer in layers if isinstance(layer, nn.Conv2d)), 0),
    }
    if depth is None or depth >= 50:  # the smaller ones have no non-local blocks whatever the YAML says
        said["BACKBONE.WITH_NL"] = any(".NL_" in name for name in names)
    if depth is not None:
        said["BACKBONE.DEPTH"] = f"{depth}x"
    for name in ("PIXEL_MEAN", "PIXEL_STD"):
        if (own := state.get(name.lower())) is not None:
            said[name] = own.flatten().tolist()
    return said
