"""RNN-HA: the coarse-to-fine hierarchical attention of X.-S. Wei et al. (ACCV 2018), and its two ablations.

One recurrent unit first classifies the car model, and then, from the map weighted by the attention of that step, the
vehicle. R marks what the authors' released recipe adds to the paper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from harness.methods.batches import Shuffled
from harness.methods.network import Stage
from plugins.layers.augment import augmentation
from plugins.layers.labels import KIND, kind_among, require_labels
from plugins.layers.losses import cross_entropy
from plugins.layers.pretrained import PretrainedMethod
from plugins.rnn_ha.network import RNNHANetwork
from plugins.rnn_ha.options import BATCH, MILESTONES, QUICK, RNNHAOptions


class RNNHA(PretrainedMethod):
    """VGG-M or ResNet-50, a GRU with a coarse and a fine step, and attention by the coarse state.

    The pixels are those that the release trains on, since the published numbers come from them: RGB from 0 to 1, from
    which it subtracts means without any effect (R). They are not those of VGG-M's ImageNet weights, which the 40
    epochs of the backbone alone have to adapt; ``pixels=pretrained`` spares them that.

    On VehicleID the release trains on the images with a model label alone: 90,168 images of 10,309 vehicles and 228
    models (R). The recipe ``vehicleid`` draws the same images, but its classifiers have an output for every training
    vehicle, also for those without such an image, as the harness numbers them all.
    """

    about = "a GRU names the model, then, with attention, the vehicle (Wei et al., 2018)"
    papers = (
        "X.-S. Wei, C.-L. Zhang, L. Liu, C. Shen, J. Wu: Coarse-to-fine: A RNN-based Hierarchical Attention Model for "
        "Vehicle Re-Identification. ACCV 2018",
    )
    Options = RNNHAOptions
    needs = frozenset({"vehicle", KIND})
    recipes: ClassVar = {"paper": {}, "vehicleid": {"labelled_only": True}, "quick": QUICK}
    variants: ClassVar = {
        "fc-ha": {"unit": "full"},
        "rnn-h": {"attention": False},
        "rnn-ha": {"unit": "gru", "attention": True},
        "resnet": {"backbone": "resnet50"},
        "672": {"input_size": 672},
        "resnet-672": {"backbone": "resnet50", "input_size": 672},
    }
    options: RNNHAOptions

    def architecture(self, classes: Mapping[str, int]) -> RNNHANetwork:
        """Return the network with random weights."""
        return RNNHANetwork(self.options, classes["vehicle"], classes[self._kind(classes)])

    def pretrained(self, model: nn.Module) -> nn.Module:
        """Return the ResNet, or VGG-M without the layers after its fifth convolution."""
        return model.get_submodule("trunk.vgg" if self.options.backbone == "vgg-m" else "trunk")

    def _kind(self, classes: Mapping[str, int]) -> str:
        """Return the label of the coarse level: ``model`` or ``type``.

        Raises:
            DataError: the training images have neither.
        """
        kind = kind_among(classes)
        require_labels(
            classes, (kind,), purpose="rnn-ha", next_step="use a data set with these labels, or another method"
        )
        return kind

    def stages(self, classes: Mapping[str, int]) -> Sequence[Stage]:
        """Return the training of the backbone alone, and that of the whole network in a stage for each rate."""
        kind = self._kind(classes)
        label = kind if self.options.labelled_only else None
        return [stage for stage in (self._backbone(label), *self._together(label)) if stage.epochs]

    def _backbone(self, label: str | None) -> Stage:
        options = self.options
        return Stage(
            name="backbone",
            epochs=options.backbone_epochs,
            batches=Shuffled(options.backbone_batch, label),
            optimiser=lambda network: torch.optim.Adam(
                chain(cast(RNNHANetwork, network).trunk.parameters(), cast(RNNHANetwork, network).alone.parameters()),
                lr=options.backbone_rate,
            ),
            augment=augmentation(self.input_size, flip=options.flip),
            settings={"alone": True},
        )

    def _together(self, label: str | None) -> list[Stage]:
        """Return the stages between the milestones; each begins with a new optimiser, as in the release (R)."""
        options = self.options
        milestones = MILESTONES[options.backbone] if options.milestones == "published" else options.milestones
        batch = BATCH[options.backbone] if options.batch == "published" else options.batch
        starts = sorted({0, *(epoch for epoch in milestones if 0 < epoch < options.epochs)})
        stages = []
        for start, end in zip(starts, [*starts[1:], options.epochs], strict=True):
            rate = options.learning_rate / 10 ** sum(milestone <= start for milestone in milestones)
            stages.append(
                Stage(
                    name=f"coarse to fine at {rate:g}",
                    epochs=end - start,
                    batches=Shuffled(batch, label),
                    optimiser=partial(_rmsprop, rate=rate),
                    settings={"alone": False},
                )
            )
        return stages

    def begin(self, network: nn.Module, stage: Stage) -> None:
        """Classify by the trunk alone, or through the hierarchy."""
        cast(RNNHANetwork, network).by_itself = stage.settings["alone"]

    def losses(self, outputs: Mapping[str, Tensor], labels: Mapping[str, Tensor], stage: Stage) -> Mapping[str, Tensor]:  # noqa: ARG002 - the contract
        """Return the cross-entropies of the model and of the vehicle, 1:1, or of the vehicle by the trunk alone."""
        right = {"kind": labels.get(kind_among(labels)), "vehicle": labels["vehicle"]}
        return {name: cross_entropy(logits, cast(Tensor, right[name])) for name, logits in outputs.items()}


def _rmsprop(network: nn.Module, rate: float) -> torch.optim.RMSprop:
    """Return RMSprop over all parameters but those of the backbone's own classifier."""
    trained = [weight for name, weight in network.named_parameters() if not name.startswith("alone.")]
    return torch.optim.RMSprop(trained, lr=rate)
