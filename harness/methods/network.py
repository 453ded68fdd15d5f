"""Methods with a network: they say what to build and what to minimise, the engine does the rest."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from harness.methods.attention import Attention, energy
from harness.methods.batches import Batches
from harness.methods.method import Method, State
from harness.methods.session import Session


@dataclass(frozen=True)
class Stage:
    """One part of a training schedule, with an optimiser of its own.

    Attributes:
        name: shown in logs and in the validation table.
        epochs: passes over the training images.
        batches: how images are drawn: ``PK(16, 4)``, ``Shuffled(64)``, ...
        optimiser: from the network to its optimiser.
        augment: a torchvision.transforms.v2 transform of the resized uint8 image (and its boxes), or None; its
            randomness comes from torch's generator alone, which is seeded for every image.
        schedule: from the optimiser and the steps of an epoch to the learning rate's schedule, or None.
        advance: whether the schedule advances by epoch or by step.
        settings: whatever ``losses`` wants to know of the stage.
    """

    name: str
    epochs: int
    batches: Batches
    optimiser: Callable[[nn.Module], Optimizer]
    augment: Callable[..., Any] | None = None
    schedule: Callable[[Optimizer, int], LRScheduler] | None = None
    advance: Literal["epoch", "step"] = "epoch"
    settings: Mapping[str, Any] = field(default_factory=dict)


class NetworkMethod(Method):
    """A method that trains one network; subclasses write ``network``, ``stages``, ``losses`` and ``embed``.

    Attributes:
        model: the network, bare, once ``fit`` or ``restore`` was called; the engine wraps it where it has to.
    """

    model: nn.Module

    @abstractmethod
    def network(self, classes: Mapping[str, int]) -> nn.Module:
        """Return the network as training finds it: initialised, with weights from elsewhere where it has any.

        Args:
            classes: number of classes of each label the data set has: ``{"vehicle": 576, "colour": 10}``.

        Returns:
            A module of images (n, 3, height, width) float32, RGB, 0 to 1, and of a keyword argument for each kind of
            boxes needed, as ``embed`` takes them. In training mode it returns a dictionary of tensors with one row an
            image; in evaluation mode the features.
        """

    def architecture(self, classes: Mapping[str, int]) -> nn.Module:
        """Return the network for a checkpoint to fill; override it where ``network`` fetches weights."""
        return self.network(classes)

    @abstractmethod
    def stages(self, classes: Mapping[str, int]) -> Sequence[Stage]:
        """Return the training schedule, in order; empty leaves the network as it was initialised."""

    def begin(self, network: nn.Module, stage: Stage) -> None:
        """Prepare the network for a stage, before its optimiser is made: switch parts on, freeze others.

        What an earlier stage froze is free again.
        """

    @abstractmethod
    def losses(self, outputs: Mapping[str, Tensor], labels: Mapping[str, Tensor], stage: Stage) -> Mapping[str, Tensor]:
        """Return the losses by name; the engine minimises their sum.

        Args:
            outputs: what the network returned in training mode, gathered over all processes.
            labels: for each label (n,) int64 class numbers from 0, ``UNKNOWN`` (-1) where an image has none.
            stage: the stage in progress.
        """

    def fit(self, session: Session) -> None:
        """Train ``network(session.classes)`` through ``stages`` on the session's images."""
        from harness.training.engine import train

        train(self, session)

    def state(self) -> State:
        """Return the network's parameters and buffers."""
        return self.model.state_dict()

    def restore(self, state: State, classes: Mapping[str, int]) -> None:
        """Build the network for those classes and load its tensors."""
        self.model = self.architecture(classes)
        self.model.load_state_dict(state)

    def embed(self, images: Tensor, **needed: Any) -> Tensor:
        """Return ``model(images)`` in evaluation mode; see ``Method.embed``."""
        features: Tensor = self.model(images, **needed)
        return features.to(torch.float32)

    def attend(self, images: Tensor, **needed: Any) -> Attention:
        """Return what the network looks at, for ``bench attend``; it is in evaluation mode.

        Here the energy of its last map, which every network with maps has; override it where the network knows more.

        Args:
            images: as ``embed`` takes them.
            needed: likewise.

        Raises:
            UsageError: the network has no map.
        """
        return Attention({"energy": energy(self.model, images, **needed)})
