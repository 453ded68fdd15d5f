"""RNN-HA: the coarse-to-fine hierarchical attention of X.-S. Wei et al. (ACCV 2018), and its two ablations.

One recurrent unit first classifies the car model, and then, from the map weighted by the attention of that step, the
vehicle. R marks what the authors' released recipe adds to the paper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Annotated, ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional
from torchvision.transforms import v2

from harness.methods.attention import Attention, shares
from harness.methods.batches import Shuffled
from harness.methods.method import Options
from harness.methods.network import Stage
from harness.methods.sizes import InputSize
from plugins.layers.augment import MEAN, STD, augmentation
from plugins.layers.labels import KIND, kind_among, require_labels
from plugins.layers.losses import cross_entropy
from plugins.layers.pretrained import PretrainedMethod
from plugins.layers.resnet import CHANNELS as RESNET_CHANNELS, resnet_trunk
from plugins.layers.schedules import Milestones, Schedule
from plugins.layers.vgg_m import CHANNELS as VGG_CHANNELS, CaffePixels, vgg_m_trunk

HIDDEN = {"vgg-m": 1024, "resnet18": 1024, "resnet50": 2048}
"""Width of the hidden state; ResNet-18, which is not in the paper, has VGG-M's, as it has as many channels."""

BATCH = {"vgg-m": 64, "resnet18": 64, "resnet50": 8}
"""Images in a batch of the joint training (R)."""

FLOOR = 0.1
"""Added to every cell's score, so that no cell is ignored."""


class RNNHAOptions(Options):
    """The paper's numbers are the defaults."""

    backbone: Literal["vgg-m", "resnet18", "resnet50"] = Field("vgg-m", description="trunk (poster)")
    weights: str = Field("imagenet", description="first weights: a file, none, or imagenet for ResNets (R)")
    unit: Literal["gru", "full"] = Field("gru", description="a GRU, or a fully connected layer a level (poster)")
    attention: bool = Field(default=True, description="weight the map for the fine level (poster)")
    divide_by_cells: bool = Field(default=False, description="divide x2 by the number of cells once more (R)")
    hidden: Annotated[int, Field(ge=1)] | Literal["published"] = Field(
        "published", description="width of the hidden state; published: 1024, or 2048 with resnet50 (R)"
    )
    descriptor: Literal["o1", "o2", "both"] = Field("o2", description="state used as the feature (open)")
    input_size: InputSize = Field(224, description="input in pixels: a side, or height x width; 224 or 672 (poster)")
    backbone_epochs: int = Field(40, ge=0, description="epochs of the backbone alone, as a vehicle classifier (R)")
    backbone_batch: int = Field(128, ge=2, description="images in a batch of the backbone's training (R)")
    backbone_rate: float = Field(1e-3, gt=0, description="learning rate of Adam in the backbone's training (R)")
    flip: float = Field(0.5, ge=0, le=1, description="probability of a horizontal flip in the backbone's training (R)")
    epochs: int = Field(19, ge=0, description="epochs of the whole network (R)")
    milestones: Milestones = Field((10,), description="epochs after which the rate is divided by ten (R)")
    batch: Annotated[int, Field(ge=2)] | Literal["published"] = Field(
        "published", description="images in a batch; published: 64, or 8 with resnet50 (R)"
    )
    learning_rate: float = Field(1e-3, gt=0, description="of RMSprop (R)")


QUICK = {
    "backbone": "resnet18",
    "weights": "none",
    "hidden": 512,
    "input_size": 64,
    "backbone_epochs": 3,
    "backbone_batch": 32,
    "epochs": 3,
    "milestones": (2,),
    "batch": 32,
    "learning_rate": 3e-4,
}
"""From scratch on the synthetic set in three minutes on one busy core. With one seed rnn-ha reaches an image-to-image
mAP of 49; its two ablations were not run. The map has 2 x 2 cells, and 3 x 3 from 65 pixels on."""


class RNNHA(PretrainedMethod):
    """VGG-M or ResNet-50, a GRU with a coarse and a fine step, and attention by the coarse state."""

    about = "a GRU names the model, then, with attention, the vehicle (Wei et al., 2018)"
    papers = (
        "X.-S. Wei, C.-L. Zhang, L. Liu, C. Shen, J. Wu: Coarse-to-fine: A RNN-based Hierarchical Attention Model for "
        "Vehicle Re-Identification. ACCV 2018",
    )
    Options = RNNHAOptions
    needs = frozenset({"vehicle", KIND})
    recipes: ClassVar = {"paper": {}, "quick": QUICK}
    variants: ClassVar = {
        "fc-ha": {"unit": "full"},
        "rnn-h": {"attention": False},
        "rnn-ha": {"unit": "gru", "attention": True},
    }
    options: RNNHAOptions

    def architecture(self, classes: Mapping[str, int]) -> RNNHANetwork:
        """Return the network with random weights."""
        return RNNHANetwork(self.options, classes["vehicle"], self._kinds(classes))

    def pretrained(self, model: nn.Module) -> nn.Module:
        """Return the ResNet, or VGG-M without the layers after its fifth convolution."""
        return model.get_submodule("trunk.vgg" if self.options.backbone == "vgg-m" else "trunk")

    def _kinds(self, classes: Mapping[str, int]) -> int:
        """Return the number of models, or of types.

        Raises:
            DataError: the training images have neither.
        """
        kind = kind_among(classes)
        require_labels(
            classes, (kind,), purpose="rnn-ha", next_step="use a data set with these labels, or another method"
        )
        return classes[kind]

    def stages(self, classes: Mapping[str, int]) -> Sequence[Stage]:
        """Return the training of the backbone alone and that of the whole network, if they have epochs."""
        self._kinds(classes)
        return [stage for stage in (self._backbone(), self._together()) if stage.epochs]

    def _backbone(self) -> Stage:
        options = self.options
        return Stage(
            name="backbone",
            epochs=options.backbone_epochs,
            batches=Shuffled(options.backbone_batch),
            optimiser=lambda network: torch.optim.Adam(
                chain(cast(RNNHANetwork, network).trunk.parameters(), cast(RNNHANetwork, network).alone.parameters()),
                lr=options.backbone_rate,
            ),
            augment=augmentation(self.input_size, flip=options.flip),
            settings={"alone": True},
        )

    def _together(self) -> Stage:
        options = self.options
        schedule = Schedule("steps", options.epochs, milestones=options.milestones)
        batch = BATCH[options.backbone] if options.batch == "published" else options.batch

        def optimiser(network: nn.Module) -> torch.optim.RMSprop:
            trained = [weight for name, weight in network.named_parameters() if not name.startswith("alone.")]
            return torch.optim.RMSprop(trained, lr=options.learning_rate)

        return schedule.stage("coarse to fine", Shuffled(batch), optimiser, alone=False)

    def begin(self, network: nn.Module, stage: Stage) -> None:
        """Classify by the trunk alone, or through the hierarchy."""
        cast(RNNHANetwork, network).by_itself = stage.settings["alone"]

    def losses(self, outputs: Mapping[str, Tensor], labels: Mapping[str, Tensor], stage: Stage) -> Mapping[str, Tensor]:  # noqa: ARG002 - the contract
        """Return the cross-entropies of the model and of the vehicle, 1:1, or of the vehicle by the trunk alone."""
        right = {"kind": labels.get(kind_among(labels)), "vehicle": labels["vehicle"]}
        return {name: cross_entropy(logits, cast(Tensor, right[name])) for name, logits in outputs.items()}


class RNNHANetwork(nn.Module):
    """The representation, the hierarchy and the attention.

    Open, and chosen here: W3 and W4 have as many outputs as the map has channels, and biases; each level of FC-HA is a
    fully connected layer with a ReLU, and only the attention connects them; the classifier of the trunk alone is a
    linear layer on x1.

    Attributes:
        by_itself: the trunk classifies alone, and x1 is the feature.
    """

    def __init__(self, options: RNNHAOptions, vehicles: int, kinds: int) -> None:
        super().__init__()
        channels = VGG_CHANNELS if options.backbone == "vgg-m" else RESNET_CHANNELS[options.backbone]
        hidden = HIDDEN[options.backbone] if options.hidden == "published" else options.hidden
        self.pixels = CaffePixels() if options.backbone == "vgg-m" else v2.Normalize(MEAN, STD)
        self.trunk = _VGGToPool5() if options.backbone == "vgg-m" else resnet_trunk(options.backbone, 2)
        self.alone = nn.Linear(channels, vehicles)
        self.hierarchy = GRULevels(channels, hidden) if options.unit == "gru" else FullLevels(channels, hidden)
        self.attention = CoarseAttention(hidden, channels) if options.attention else None
        self.w1 = nn.Linear(hidden, kinds)
        self.w2 = nn.Linear(hidden, vehicles)
        self.divide_by_cells, self.descriptor = options.divide_by_cells, options.descriptor
        self.by_itself = False

    def forward(self, images: Tensor) -> Tensor | dict[str, Tensor]:
        """Return the descriptor (n, d) of length 1, or in training the logits of the model and the vehicle.

        Args:
            images: (n, 3, h, w) float, RGB, 0 to 1.
        """
        maps = self.trunk(self.pixels(images))  # X: (n, 512, 6, 6), or (n, 2048, 7, 7)
        x1 = maps.mean((2, 3))  # (n, c)
        if self.by_itself:
            return {"vehicle": self.alone(x1)} if self.training else functional.normalize(x1)
        o1, o2 = self._states(maps, x1)
        if self.training:
            return {"kind": self.w1(o1), "vehicle": self.w2(o2)}
        return functional.normalize(self._described(o1, o2))

    @torch.no_grad()
    def attend(self, images: Tensor) -> Attention:
        """Return a (n, 6, 6), or (n, 7, 7), of sum 1; without attention, each cell's share in the feature."""
        maps = self.trunk(self.pixels(images))
        if self.attention is None:
            share = shares(maps, lambda cells: [self._described(*self._states(cells, cells.mean((2, 3))))])
            return Attention({"share": share})
        weights: Tensor = self.attention(maps, self.hierarchy.coarse(maps.mean((2, 3))))
        return Attention({"attention": weights[:, 0]})

    def _states(self, maps: Tensor, x1: Tensor) -> tuple[Tensor, Tensor]:
        """Return o1 and o2, (n, hidden) each."""
        o1 = self.hierarchy.coarse(x1)
        return o1, self.hierarchy.fine(self._attended(maps, x1, o1), o1)

    def _described(self, o1: Tensor, o2: Tensor) -> Tensor:
        """Return the descriptor before normalisation, (n, d)."""
        return torch.cat({"o1": [o1], "o2": [o2], "both": [o1, o2]}[self.descriptor], dim=1)

    def _attended(self, maps: Tensor, x1: Tensor, o1: Tensor) -> Tensor:
        """Return x2 (n, c): the sum over the cells of a_ij X_ij, or x1 without attention (RNN-H)."""
        if self.attention is None:
            return x1
        x2: Tensor = (self.attention(maps, o1) * maps).sum((2, 3))
        return x2 / (maps.shape[2] * maps.shape[3]) if self.divide_by_cells else x2


class CoarseAttention(nn.Module):
    """a_ij = s_ij / sum s, s_ij = softplus(<w, X_ij>) + 0.1, w = W4 relu(W3 o1)."""

    def __init__(self, hidden: int, channels: int) -> None:
        super().__init__()
        self.w3 = nn.Linear(hidden, channels)
        self.w4 = nn.Linear(channels, channels)

    def forward(self, maps: Tensor, o1: Tensor) -> Tensor:
        """Return the weights (n, 1, h, w), positive with a sum of 1, for maps (n, c, h, w) and states (n, hidden)."""
        w = self.w4(torch.relu(self.w3(o1)))  # (n, c)
        scores = functional.softplus((w[:, :, None, None] * maps).sum(1, keepdim=True)) + FLOOR
        weights: Tensor = scores / scores.sum((2, 3), keepdim=True)
        return weights


class GRULevels(nn.Module):
    """Two steps of one GRU: o1 = GRU(x1, 0), o2 = GRU(x2, o1)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.gru = nn.GRUCell(channels, hidden)

    def coarse(self, x1: Tensor) -> Tensor:
        """Return o1 (n, hidden) of x1 (n, c)."""
        state: Tensor = self.gru(x1)
        return state

    def fine(self, x2: Tensor, o1: Tensor) -> Tensor:
        """Return o2 (n, hidden) of x2 (n, c) and o1."""
        state: Tensor = self.gru(x2, o1)
        return state


class FullLevels(nn.Module):
    """FC-HA: o1 = relu(F1 x1), o2 = relu(F2 x2)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.f1 = nn.Linear(channels, hidden)
        self.f2 = nn.Linear(channels, hidden)

    def coarse(self, x1: Tensor) -> Tensor:
        """Return o1 (n, hidden) of x1 (n, c)."""
        state: Tensor = torch.relu(self.f1(x1))
        return state

    def fine(self, x2: Tensor, o1: Tensor) -> Tensor:  # noqa: ARG002 - as GRULevels
        """Return o2 (n, hidden) of x2 (n, c)."""
        state: Tensor = torch.relu(self.f2(x2))
        return state


class _VGGToPool5(nn.Sequential):
    def __init__(self) -> None:
        super().__init__()
        self.add_module("vgg", vgg_m_trunk())
        self.add_module("relu5", nn.ReLU())
        self.add_module("pool5", nn.MaxPool2d(3, 2, ceil_mode=True))
