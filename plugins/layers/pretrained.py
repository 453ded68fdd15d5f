"""Methods with a pretrained trunk: how their networks get its weights, and the training that two of them share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.optim import Optimizer

from harness.methods.attention import Attention
from harness.methods.batches import PK, Epoch
from harness.methods.method import Options
from harness.methods.network import NetworkMethod, Stage
from harness.methods.sizes import InputSize
from plugins.layers.resnet import Backbone
from plugins.layers.schedules import Augment, Milestones, Schedule
from plugins.layers.vgg_m import load_vgg_m
from plugins.layers.weights import load_trunk


class PKOptions(Options):
    """The options of a ResNet and of its training by ``pk_stage``, with the defaults of Luo et al.

    Attributes:
        sources: those of the defaults that a subclass takes over, which end the descriptions of its options.
    """

    sources: ClassVar[Mapping[str, str]] = {}

    backbone: Backbone = Field("resnet50", description="trunk: resnet18 or resnet50")
    weights: str = Field("imagenet", description="first weights of the trunk: imagenet, none or a file")
    last_stride: int = Field(1, ge=1, le=2, description="stride of the trunk's last stage")
    input_size: InputSize = Field(224, description="input in pixels: a side, or height x width")
    p: int = Field(16, ge=2, description="vehicles in a batch")
    k: int = Field(4, ge=2, description="images of each vehicle in a batch")
    sampler: Epoch = Field(
        "groups",
        description="an epoch: groups uses each image at most once, vehicles each vehicle once, drawn draws the "
        "vehicles of each batch anew",
    )
    epochs: int = Field(120, ge=0, description="epochs, as the sampler defines one")
    learning_rate: float = Field(3.5e-4, gt=0, description="of Adam, after the warm-up")
    weight_decay: float = Field(5e-4, ge=0, description="of Adam")
    warm_up: int = Field(
        10, ge=0, description="epochs of linear warm-up; epoch e of 10 has the factor 0.01 + 0.99 e / 10"
    )
    schedule: Literal["steps", "cosine", "constant"] = Field("steps", description="how the rate changes")
    milestones: Milestones = Field(
        (40, 70), description="epochs, counted from 1, from which on the rate is divided by ten"
    )
    flip: float = Field(0.5, ge=0, le=1, description="probability of a horizontal flip")
    pad: int = Field(10, ge=0, description="pixels of padding before a random crop")
    erase: float = Field(0.5, ge=0, le=1, description="probability of random erasing")
    margin: float = Field(0.3, ge=0, description="margin of the batch-hard triplets")

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Add the sources to the descriptions."""
        super().__pydantic_init_subclass__(**kwargs)
        for name, source in vars(cls).get("sources", {}).items():
            cls.model_fields[name].description = f"{cls.model_fields[name].description} ({source})"


class PretrainedMethod(NetworkMethod):
    """A method whose options name a ``backbone`` and its first ``weights``; subclasses write ``architecture``."""

    precisions: ClassVar = {"quick": "bf16-mixed"}
    own_files: ClassVar = {"weights": ("imagenet", "none")}

    @abstractmethod
    def architecture(self, classes: Mapping[str, int]) -> nn.Module:
        """Return the network with random weights, which a checkpoint or ``network`` then replaces."""

    def pretrained(self, model: nn.Module) -> nn.Module:
        """Return the part of the network that has pretrained weights, under the names of their file."""
        return model.get_submodule("trunk")

    def pretrained_full(self, model: nn.Module) -> Mapping[str, nn.Linear]:  # noqa: ARG002 - for subclasses
        """Return the layers that start from VGG-M's fully connected ones, by the names of those: ``fc6``, ``fc7``."""
        return {}

    def network(self, classes: Mapping[str, int]) -> nn.Module:
        """Return the network with pretrained weights in its trunk and, from VGG-M, in its first full layers.

        Raises:
            CheckpointError: the weights cannot be loaded.
        """
        model = self.architecture(classes)
        if self.options.backbone == "vgg-m":
            load_vgg_m(self.pretrained(model), self.options.weights, self.pretrained_full(model))
        else:
            load_trunk(self.pretrained(model), self.options.backbone, self.options.weights)
        return model

    def attend(self, images: Tensor, **needed: Any) -> Attention:
        """Return the attention of the network, which defines it."""
        found: Attention = cast(Any, self.model).attend(images, **needed)
        return found

    def pk_stage(self, name: str, epochs: int, augment: Augment, *, decay: float = 0.1) -> Stage:
        """Return a stage of P x K batches and Adam, by the options; a warm-up is cut to ``epochs``.

        The released recipes of Luo et al. and of PGAN count epochs from 1: the warm-up has risen by a tenth in the
        first of ten epochs, and a milestone holds in the epoch of its number (R).
        """
        options = self.options
        schedule = Schedule(
            options.schedule,
            epochs,
            warm_up=min(options.warm_up, epochs),
            milestones=options.milestones,
            decay=decay,
            first=0 if options.schedule == "cosine" else 1,
        )
        return schedule.stage(name, PK(options.p, options.k, epoch=options.sampler), self.optimisers, augment)

    def optimisers(self, network: nn.Module) -> Sequence[Optimizer]:
        """Return the optimisers of ``pk_stage``; override it if some parameters are not Adam's."""
        return [self.adam(network)]

    def adam(self, network: nn.Module, *others: nn.Module) -> torch.optim.Adam:
        """Return Adam with the rate and the weight decay of the options.

        It moves the parameters of the network that are not frozen and that belong to none of its parts ``others``.
        """
        apart = {parameter for part in others for parameter in part.parameters()}
        trained = [
            parameter for parameter in network.parameters() if parameter.requires_grad and parameter not in apart
        ]
        options = self.options
        return torch.optim.Adam(trained, lr=options.learning_rate, weight_decay=options.weight_decay, fused=True)
