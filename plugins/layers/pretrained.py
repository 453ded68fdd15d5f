"""Methods with a pretrained trunk: how their networks get its weights, and the training that two of them share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from harness.methods.batches import PK
from harness.methods.network import NetworkMethod, Stage
from plugins.layers.schedules import Schedule
from plugins.layers.vgg_m import load_vgg_m
from plugins.layers.weights import load_trunk


class PretrainedMethod(NetworkMethod):
    """A method whose options name a ``backbone`` and its first ``weights``; subclasses write ``architecture``."""

    @abstractmethod
    def architecture(self, classes: Mapping[str, int]) -> nn.Module:
        """Return the network with random weights, which a checkpoint or ``network`` then replaces."""

    def pretrained(self, model: nn.Module) -> nn.Module:
        """Return the part of the network that has pretrained weights, under the names of their file."""
        return model.get_submodule("trunk")

    def network(self, classes: Mapping[str, int]) -> nn.Module:
        """Return the network with pretrained weights in its trunk.

        Raises:
            CheckpointError: the weights cannot be loaded.
        """
        model = self.architecture(classes)
        if self.options.backbone == "vgg-m":
            load_vgg_m(self.pretrained(model), self.options.weights)
        else:
            load_trunk(self.pretrained(model), self.options.backbone, self.options.weights)
        return model

    def pk_stage(self, name: str, epochs: int, augment: Callable[..., Any] | None, *, decay: float = 0.1) -> Stage:
        """Return a stage of P x K batches and Adam, by the options of a method that has them all.

        Args:
            name: of the stage.
            epochs: its length; a longer warm-up is cut to it.
            augment: as ``Stage`` takes it.
            decay: factor of the learning rate at each milestone.
        """
        options = self.options
        warm_up = min(options.warm_up, epochs)
        schedule = Schedule(options.schedule, epochs, warm_up, milestones=options.milestones, decay=decay)
        return Stage(
            name=name,
            epochs=epochs,
            batches=PK(options.p, options.k),
            optimiser=self.adam,
            augment=augment,
            schedule=schedule.attach,
            advance=schedule.advance,
        )

    def adam(self, network: nn.Module) -> torch.optim.Adam:
        """Return Adam over the parameters that are not frozen, with the rate and the weight decay of the options."""
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        return torch.optim.Adam(trained, lr=self.options.learning_rate, weight_decay=self.options.weight_decay)
