"""The base class of methods with a network, which define the network and its losses; the engine trains them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from pydantic import BaseModel
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from harness.errors import PluginError
from harness.methods.attention import Attention, energy
from harness.methods.batches import Batches
from harness.methods.method import Method, State
from harness.methods.session import Session

USUAL_WIDTH = 4096
"""No side of a tensor is looked at twice up to here."""


@dataclass(frozen=True)
class Stage:
    """One stage of a training schedule, with optimisers of its own.

    A stage is as long as a number of epochs or as a number of iterations; the last epoch of the latter may be cut.

    Attributes:
        name: the name in logs and in the validation table.
        epochs: the number of passes over the training images, or None.
        batches: the sampler of batches: ``PK(16, 4)``, ``Shuffled(64)``, ...
        optimiser: a function from the network to its optimiser, or to several for parts that are moved differently.
        augment: a torchvision.transforms.v2 transform of the resized uint8 image and its boxes, or None; it must use no
            random generator but torch's, which is seeded for every image.
        schedule: a function from the optimiser and the steps per epoch to the learning rate schedule, or None; the
            first of several optimisers has it, the others keep their rates.
        advance: whether the schedule advances by epoch or by step.
        settings: further values for ``losses``.
        iterations: the number of batches, if ``epochs`` is None.
    """

    name: str
    epochs: int | None
    batches: Batches
    optimiser: Callable[[nn.Module], Optimizer | Sequence[Optimizer]]
    augment: Callable[..., Any] | None = None
    schedule: Callable[[Optimizer, int], LRScheduler] | None = None
    advance: Literal["epoch", "step"] = "epoch"
    settings: Mapping[str, Any] = field(default_factory=dict)
    iterations: int | None = None

    def __post_init__(self) -> None:
        if (self.epochs is None) == (self.iterations is None):
            raise PluginError(
                f"stage '{self.name}' must be as long as a number of epochs or of iterations",
                found=f"epochs {self.epochs}, iterations {self.iterations}",
                expected="one of them",
            )

    def optimisers(self, network: nn.Module) -> list[Optimizer]:
        """Return the optimisers of this network, the one with the schedule first.

        Raises:
            PluginError: there is none.
        """
        made = self.optimiser(network)
        found = [made] if isinstance(made, Optimizer) else list(made)
        if not found:
            raise PluginError(f"stage '{self.name}' has no optimiser", expected="one optimiser or several")
        return found

    def is_over(self, epochs: int, iterations: int) -> bool:
        """Return whether nothing is left to do after so many epochs and iterations."""
        return epochs >= self.epochs if self.epochs is not None else iterations >= (self.iterations or 0)


class NetworkMethod(Method):
    """A method that trains one network; subclasses define ``network``, ``stages`` and ``losses``.

    Attributes:
        model: the network without wrappers, available after ``fit`` or ``restore``.
    """

    model: nn.Module

    @abstractmethod
    def network(self, classes: Mapping[str, int]) -> nn.Module:
        """Return the network at the start of training, initialised and with any pretrained weights loaded.

        Args:
            classes: the number of classes of each label in the data set: ``{"vehicle": 576, "colour": 10}``.

        Returns:
            A module whose inputs are images (n, 3, height, width) float32, RGB, 0 to 1, and a keyword argument for each
            needed kind of boxes, as in ``embed``. In training mode it returns a dictionary of tensors with one row per
            image; in evaluation mode it returns the features.
        """

    def architecture(self, classes: Mapping[str, int]) -> nn.Module:
        """Return the network to load a checkpoint into; override it if ``network`` fetches pretrained weights."""
        return self.network(classes)

    @abstractmethod
    def stages(self, classes: Mapping[str, int]) -> Sequence[Stage]:
        """Return the stages of training in order; without stages the network keeps its initial weights."""

    def begin(self, network: nn.Module, stage: Stage) -> None:
        """Prepare the network for a stage before its optimiser is created: enable or freeze parts of it.

        Parameters frozen by an earlier stage are trainable again.
        """

    @abstractmethod
    def losses(self, outputs: Mapping[str, Tensor], labels: Mapping[str, Tensor], stage: Stage) -> Mapping[str, Tensor]:
        """Return the losses by name; the engine minimises their sum.

        Args:
            outputs: the output of the network in training mode, gathered from all processes.
            labels: for each label (n,) int64 class numbers from 0, ``UNKNOWN`` (-1) if an image has none.
            stage: the current stage.
        """

    def fit(self, session: Session) -> None:
        """Train ``network(session.classes)`` through ``stages`` on the session's images."""
        session.engine(self, session)

    def state(self) -> State:
        """Return the parameters and buffers of the network."""
        return self.model.state_dict()

    def restore(self, state: State, classes: Mapping[str, int]) -> None:
        """Build the network for these classes, and load its tensors."""
        self._refuse_larger(state, classes)
        self.model = self.architecture(classes)
        self.model.load_state_dict(state)

    def _refuse_larger(self, state: State, classes: Mapping[str, int]) -> None:
        """Raise a RuntimeError for a description of a network much larger than its tensors, before it takes memory."""
        largest = max([USUAL_WIDTH, *(side for one in state.values() for side in one.shape)])
        options = self.options.model_dump() if isinstance(getattr(self, "options", None), BaseModel) else {}
        if max([0, *classes.values(), *_integers(options)]) <= largest:
            return
        try:
            with torch.random.fork_rng([]), torch.device("meta"):
                wanted = sum(one.numel() for one in self.architecture(classes).state_dict().values())
        except Exception:  # an author's network that cannot be built without numbers; building it says what is wrong
            return
        found = sum(one.numel() for one in state.values())
        if wanted > found:
            raise RuntimeError(f"it describes a network of {wanted:,} numbers and holds {found:,}")

    def embed(self, images: Tensor, **needed: Any) -> Tensor:
        """Return ``model(images)`` in evaluation mode; see ``Method.embed``."""
        features: Tensor = self.model(images, **needed)
        return features.to(torch.float32)

    def attend(self, images: Tensor, **needed: Any) -> Attention:
        """Return the attention of the network, which is in evaluation mode, for ``bench attend``.

        The default is the energy of the last map; override it if the network has an attention of its own.

        Args:
            images: the images, as for ``embed``.
            needed: the other inputs, as for ``embed``.

        Raises:
            UsageError: the network has no map.
        """
        return Attention({"energy": energy(self.model, images, **needed)})


def _integers(value: object) -> Iterator[int]:
    """Yield the integers of options, which may lie in lists and tables."""
    if isinstance(value, int):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _integers(part)
