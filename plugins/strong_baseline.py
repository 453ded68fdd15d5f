"""The strong baseline in its two published forms, the reference's and a student report's.

Reference: H. Luo et al., "Bag of Tricks and a Strong Baseline" (2019), also the PGAN paper's baseline, but for a Refine
block. Report: G. Sanfilippo, "Vehicle Re-Identification using CNN-based models". Section numbers are the reference's
unless the report is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import SGD, Optimizer
from torchvision.transforms import v2

from harness.methods.attention import Attention, shares
from harness.methods.network import Stage
from plugins.layers.augment import MEAN, STD, augmentation
from plugins.layers.bnneck import BNNeck, VehicleClassifier
from plugins.layers.cbam import CBAM
from plugins.layers.linear import he_linear
from plugins.layers.losses import Centres, batch_hard_triplet, centre_loss, cross_entropy
from plugins.layers.pretrained import PKOptions, PretrainedMethod
from plugins.layers.resnet import CHANNELS, resnet_trunk


class StrongBaselineOptions(PKOptions):
    """The differences between the two forms; the defaults are the reference's."""

    sources: ClassVar = {
        "backbone": "section 2",
        "weights": "section 2",
        "last_stride": "section 3.4",
        "input_size": "report, R: 256x128; 224 or 256 for vehicles",
        "p": "section 2",
        "k": "section 2",
        "sampler": "report, R: vehicles; R: groups",
        "epochs": "section 2; report, 4: 40 on VeRi-776, 20 on VRU",
        "learning_rate": "section 3.1",
        "weight_decay": "R",
        "warm_up": "section 3.1, R",
        "schedule": "section 2",
        "milestones": "section 3.1, R",
        "flip": "section 2",
        "pad": "section 2",
        "erase": "section 3.2; open: the mean colour, and a ratio whose logarithm is drawn uniformly",
        "margin": "section 2",
    }
    attention: Literal["none", "cbam"] = Field("none", description="attention after the trunk (report, 3.3)")
    width: Annotated[int, Field(ge=1)] | Literal["full"] = Field(
        "full", description="width of the feature, by a linear layer; full: the trunk's width (report)"
    )
    neck: Literal["bnneck", "none"] = Field("bnneck", description="layer between the two losses (section 3.5)")
    triplet_on: Literal["before", "after"] = Field(
        "before", description="triplet loss before or after the neck (section 3.5)"
    )
    triplet_normalised: bool = Field(
        default=False, description="features of length 1 for the triplet loss (report, 4: yes; R: no)"
    )
    label_smoothing: float = Field(0.1, ge=0, lt=1, description="share of the target for all classes (section 3.3)")
    centre: float = Field(
        0.0, ge=0, description="weight of the centre loss on the feature before the neck (section 3.6, R: 0.0005)"
    )
    centre_rate: float = Field(0.5, gt=0, description="learning rate of the centres, by an SGD of their own (R)")
    continued_epochs: int = Field(0, ge=0, description="further epochs with fresh optimisers (report, 4)")
    jitter: float = Field(0.0, ge=0, le=1, description="strength of the colour jitter; the hue has half of it (report)")


REPORT = {
    "last_stride": 2,
    "width": 512,
    "triplet_on": "after",
    "triplet_normalised": True,
    "label_smoothing": 0.0,
    "sampler": "vehicles",
    "epochs": 40,
    "learning_rate": 3e-4,
    "weight_decay": 0.0,
    "warm_up": 0,
    "schedule": "constant",
    "input_size": (256, 128),
    "pad": 0,
    "erase": 0.0,
    "jitter": 0.1,
}
"""The report's own numbers (3.2, 4; the sampler and the input size: R), with its 40 epochs on VeRi-776. Open there: the
weight decay (none, torch's default) and label smoothing (none, as it names cross-entropy only)."""

REPORT_VRU_20 = {**REPORT, "epochs": 20}
"""The report's 20 epochs on VRU."""

REPORT_VRU = {**REPORT_VRU_20, "continued_epochs": 5}
"""The report's 20 + 5 epochs on VRU."""

QUICK = {
    "backbone": "resnet18",
    "weights": "none",
    "last_stride": 2,
    "sampler": "drawn",
    "epochs": 9,
    "learning_rate": 2e-3,
    "warm_up": 2,
    "schedule": "cosine",
    "input_size": 64,
    "pad": 4,
    "erase": 0.0,
}
"""From scratch on the synthetic set, at the 64 pixels of all methods, in a minute on two cores. In image-to-image mAP
over three seeds, 8 epochs reach 46.6 with a learning rate of 1e-3 and 47.5 with 2e-3, and 10 epochs 49.8. Batches of
16 x 4 take a fifth less time for an image than those of 8 x 4."""


class StrongBaseline(PretrainedMethod):
    """ResNet, BNNeck, cross-entropy and batch-hard triplets."""

    about = "ResNet with BNNeck, cross-entropy and batch-hard triplets (Luo et al., 2019)"
    papers = (
        "H. Luo, Y. Gu, X. Liao, S. Lai, W. Jiang: Bag of Tricks and a Strong Baseline for Deep Person "
        "Re-Identification. CVPR Workshops 2019",
        "G. Sanfilippo: Vehicle Re-Identification using CNN-based models. Course report",
    )
    Options = StrongBaselineOptions
    needs = frozenset({"vehicle"})
    recipes: ClassVar = {
        "paper": {},
        "report": REPORT,
        "report-vru-20": REPORT_VRU_20,
        "report-vru": REPORT_VRU,
        "quick": QUICK,
    }
    rows: ClassVar = dict.fromkeys(
        ("report", "report-vru-20", "report-vru"), ("resnet18", "resnet18-cbam", "resnet50", "resnet50-cbam")
    )
    variants: ClassVar = {
        # The rows of the report's tables, with one of its recipes.
        "resnet18": {"backbone": "resnet18"},
        "resnet18-cbam": {"backbone": "resnet18", "attention": "cbam"},
        "resnet50": {"backbone": "resnet50"},
        "resnet50-cbam": {"backbone": "resnet50", "attention": "cbam"},
        # Each trick of Luo et al., table 4, left out.
        "no-warm-up": {"warm_up": 0},
        "no-erasing": {"erase": 0.0},
        "no-smoothing": {"label_smoothing": 0.0},
        "stride-2": {"last_stride": 2},
        "no-bnneck": {"neck": "none"},
        # A control: the same network before its first step.
        "untrained": {"epochs": 0, "continued_epochs": 0},
    }
    options: StrongBaselineOptions

    def architecture(self, classes: Mapping[str, int]) -> StrongBaselineNetwork:
        """Return the network with random weights."""
        return StrongBaselineNetwork(self.options, classes["vehicle"])

    def stages(self, classes: Mapping[str, int]) -> Sequence[Stage]:  # noqa: ARG002 - the contract
        """Return the training, and the continued training with fresh optimisers, if they have epochs."""
        options = self.options
        augment = augmentation(
            self.input_size, flip=options.flip, jitter=options.jitter, pad=options.pad, erase=options.erase
        )
        lengths = {"training": options.epochs, "continued training": options.continued_epochs}
        return [self.pk_stage(name, epochs, augment) for name, epochs in lengths.items() if epochs]

    def optimisers(self, network: nn.Module) -> Sequence[Optimizer]:
        """Return Adam, and plain SGD for the centres if there are any (R)."""
        if not self.options.centre:
            return super().optimisers(network)
        centres = network.get_submodule("centres")
        return [self.adam(network, centres), SGD(centres.parameters(), lr=self.options.centre_rate)]

    def losses(self, outputs: Mapping[str, Tensor], labels: Mapping[str, Tensor], stage: Stage) -> Mapping[str, Tensor]:  # noqa: ARG002 - the contract
        """Return the label-smoothed cross-entropy, the batch-hard triplet and, weighted, the centre loss."""
        vehicles = labels["vehicle"]
        options = self.options
        losses = {
            "cross-entropy": cross_entropy(outputs["logits"], vehicles, options.label_smoothing),
            "triplet": batch_hard_triplet(
                outputs[options.triplet_on], vehicles, options.margin, normalised=options.triplet_normalised
            ),
        }
        if options.centre:
            losses["centre"] = options.centre * centre_loss(outputs["distances"], vehicles)
        return losses


class StrongBaselineNetwork(nn.Module):
    """From images (n, 3, h, w) to features (n, d); in training to both sides of the neck and logits.

    Without a neck the classifier is torch's own linear layer, with biases (R). The first weights of the report's
    512 layer are Kaiming normal (R). Open in the report: biases after its numbers. Here BNNeck and classifier have
    none, as in the reference. The centres are read in training only.
    """

    def __init__(self, options: StrongBaselineOptions, vehicles: int) -> None:
        super().__init__()
        channels = CHANNELS[options.backbone]
        width = channels if options.width == "full" else options.width
        self.normalise = v2.Normalize(MEAN, STD)
        self.trunk = resnet_trunk(options.backbone, options.last_stride)
        self.attention = CBAM(channels) if options.attention == "cbam" else nn.Identity()
        self.reduce = nn.Identity() if options.width == "full" else he_linear(channels, width)
        self.neck = BNNeck(width) if options.neck == "bnneck" else nn.Identity()
        self.classifier = (VehicleClassifier if options.neck == "bnneck" else nn.Linear)(width, vehicles)
        self.centres = Centres(vehicles, width, options.centre) if options.centre else None

    def forward(self, images: Tensor) -> Tensor | dict[str, Tensor]:
        """Return (n, d) of length 1, or in training ``before`` and ``after`` (n, d) and ``logits`` (n, v).

        With centres, also the squared ``distances`` (n, v) of ``before`` to them.

        Args:
            images: (n, 3, h, w) float, RGB, 0 to 1.
        """
        maps = self.trunk(self.normalise(images))  # (n, c, h/16, w/16), or h/32 and w/32 with a last stride of 2
        maps = self.attention(maps)  # (n, c, ., .)
        before = self.reduce(maps.mean((2, 3)))  # (n, c) to (n, d)
        after = self.neck(before)  # (n, d)
        if self.training:
            outputs = {"before": before, "after": after, "logits": self.classifier(after)}
            return {**outputs, "distances": self.centres(before)} if self.centres else outputs
        return functional.normalize(after)

    @torch.no_grad()
    def attend(self, images: Tensor) -> Attention:
        """Return each cell's share in the feature, exact except for biases, and CBAM's weights of the cells."""
        maps = self.trunk(self.normalise(images))  # (n, c, ., .)
        found = {"share": shares(self.attention(maps), lambda cells: [self.neck(self.reduce(cells.mean((2, 3))))])}
        if isinstance(self.attention, CBAM):
            found["cbam"] = self.attention.cells(maps)
        return Attention(found)
