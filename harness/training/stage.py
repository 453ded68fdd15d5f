"""The execution of one training stage: its optimisers, loader, epochs and steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from harness.basics.progress import progress
from harness.basics.seeds import derive
from harness.data.images import IntArray
from harness.errors import PluginError, RunError, UsageError
from harness.extraction.embed import choose_workers
from harness.extraction.samples import Batch, BatchRequest, Loader, Samples, to_unit_range
from harness.extraction.subjects import Subjects
from harness.methods.network import NetworkMethod, Stage
from harness.methods.session import Session
from harness.training.state import State

CHECKED_EVERY = 20
"""Steps between two checks of the losses on a GPU; the processor has to wait for the GPU at each check."""


@dataclass(frozen=True, eq=False)
class Material:
    """The objects shared by all stages of a training run; the network is without wrappers, and on the device."""

    method: NetworkMethod
    session: Session
    fabric: Fabric
    network: nn.Module
    images: Subjects
    labels: Mapping[str, IntArray]

    @cached_property
    def trainable(self) -> Mapping[str, bool]:
        """Whether each parameter is trained, as the method made the network, before any stage froze some."""
        return {name: weight.requires_grad for name, weight in self.network.named_parameters()}


class _Inputs:
    """A network's inputs in a class of their own, which lightning-fabric does not look into."""

    def __init__(self, images: Tensor, boxes: Mapping[str, Sequence[Tensor]]) -> None:
        self.images, self.boxes = images, boxes


class _Entrance(nn.Module):
    """Passes the inputs on to the network; else lightning-fabric would round boxes to the precision of the images."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: _Inputs) -> object:
        """Return the output of the network."""
        return self.network(inputs.images, **inputs.boxes)


class RunningStage:
    """A stage with its optimisers, schedule and loader; stages are numbered from 0.

    Attributes:
        epoch: the number of finished epochs.
        step: the number of finished iterations.
    """

    def __init__(self, material: Material, stage: Stage, number: int) -> None:
        self.material = material
        self.stage = stage
        self.number = number
        self.epoch, self.step = 0, 0
        fabric, session, pictures = material.fabric, material.session, material.images.pictures
        for name, weight in material.network.named_parameters():
            weight.requires_grad_(material.trainable[name])
        material.method.begin(material.network, stage)
        self.optimisers = stage.optimisers(material.network)
        steps = stage.batches.steps(material.labels)
        self.schedule: LRScheduler | None = stage.schedule(self.optimisers[0], steps) if stage.schedule else None
        self._checked_every = 1 if fabric.device.type == "cpu" else CHECKED_EVERY
        self._module = fabric.setup_module(_Entrance(material.network), move_to_device=False)
        self._steppers: list[Any] = [fabric.setup_optimizers(optimiser) for optimiser in self.optimisers]
        self._loader = Loader(
            Samples(pictures, material.images.boxes, stage.augment, session.seed),
            choose_workers(session.compute.workers, fabric, cached=pictures.cached),
            pinned=fabric.device.type == "cuda",
        )

    @property
    def finished(self) -> bool:
        """Whether no epoch is left."""
        return self.stage.is_over(self.epoch, self.step)

    @property
    def progress(self) -> str:
        """How far the stage is: ``epoch 3/8``, or ``epoch 3, iteration 1770/60000``."""
        if self.stage.iterations is None:
            return f"epoch {self.epoch}/{self.stage.epochs}"
        return f"epoch {self.epoch}, iteration {self.step}/{self.stage.iterations}"

    def describe(self, state: State) -> None:
        """Store everything that the next epoch needs, except the network, in the state."""
        state.epoch, state.step = self.epoch, self.step
        state.optimisers = [optimiser.state_dict() for optimiser in self.optimisers]
        state.schedule = self.schedule.state_dict() if self.schedule else {}
        state.precision = self.material.fabric.strategy.precision.state_dict()

    def resume(self, state: State) -> None:
        """Restore what ``describe`` stored."""
        self.epoch, self.step = state.epoch, state.step
        for optimiser, saved in zip(self.optimisers, state.optimisers, strict=True):
            optimiser.load_state_dict(saved)
        if self.schedule is not None:
            self.schedule.load_state_dict(state.schedule)
        self.material.fabric.strategy.precision.load_state_dict(state.precision)

    def run_epoch(self) -> tuple[dict[str, float], int]:
        """Train for one epoch, and return its initial learning rate and mean losses, and the number of images.

        Raises:
            RunError: a loss is not finite.
        """
        fabric, seed, stage, epoch = self.material.fabric, self.material.session.seed, self.stage, self.epoch + 1
        random = np.random.default_rng(derive(seed, "batches", self.number, epoch))
        batches = stage.batches.draw(self.material.labels, random)
        if stage.iterations is not None:
            batches = batches[: stage.iterations - self.step]
        torch.manual_seed(derive(seed, "epoch", self.number, epoch, fabric.global_rank))
        rate = float(self.optimisers[0].param_groups[0]["lr"])
        self._module.train()
        sums: dict[str, Tensor] = {}
        loaded = self._loader.serve(self._requests(batches, epoch))
        of = f"{epoch}" if stage.epochs is None else f"{epoch}/{stage.epochs}"
        with progress(f"{stage.name} {of}", shown=fabric.is_global_zero) as advance:
            for step, (batch, rows) in enumerate(zip(loaded, batches, strict=True), 1):
                for name, loss in self._step(batch, rows).items():
                    sums[name] = sums[name] + loss if name in sums else loss
                if step % self._checked_every == 0 or step == len(batches):
                    self._check_finite(sums, epoch, step)
                advance(step, len(batches))
        if self.schedule is not None and stage.advance == "epoch":
            self.schedule.step()
        self.epoch, self.step = epoch, self.step + len(batches)
        means = {name: float(total) / len(batches) for name, total in sums.items()}
        return {"learning_rate": rate, **means}, sum(map(len, batches))

    def _requests(self, batches: Sequence[IntArray], epoch: int) -> list[BatchRequest]:
        """Return the requests for this process's share of each batch."""
        world, rank = self.material.fabric.world_size, self.material.fabric.global_rank
        requests, place = [], 0
        for rows in batches:
            share = len(rows) // world
            own = slice(rank * share, (rank + 1) * share)
            requests.append(BatchRequest(rows[own], ("augment", self.number, epoch), place + rank * share))
            place += len(rows)
        return requests

    def _step(self, batch: Batch, rows: IntArray) -> dict[str, Tensor]:
        losses = self._losses(batch, rows)
        total = torch.stack([loss.float() for loss in losses.values()]).sum()
        self.material.fabric.backward(total)
        self._update()
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        if self.schedule is not None and self.stage.advance == "step":
            self.schedule.step()
        return {name: loss.detach() for name, loss in {**losses, "loss": total}.items()}

    def _update(self) -> None:
        """Move the weights by their gradients."""
        scaler = getattr(self.material.fabric.strategy.precision, "scaler", None)
        if scaler is None:
            for stepper in self._steppers:
                stepper.step()
            return
        for optimiser in self.optimisers:
            scaler.step(optimiser)
        scaler.update()  # once for all of them, where Fabric would after each and so change the scale between them

    def _losses(self, batch: Batch, rows: IntArray) -> Mapping[str, Tensor]:
        """Return the method's losses over the batches of all processes."""
        fabric, method = self.material.fabric, self.material.method
        if batch.broken:
            raise next(iter(batch.broken.values()))  # the image was readable when training began
        needed = {name: [boxes.to(fabric.device) for boxes in found] for name, found in batch.boxes.items()}
        images = fabric.strategy.precision.convert_input(to_unit_range(batch.images, fabric.device))
        outputs = self._module(_Inputs(images, needed))
        if not isinstance(outputs, Mapping):
            raise PluginError(
                f"the network of {type(method).__name__} did not return a dictionary in training mode",
                found=type(outputs).__name__,
                expected="a dictionary of tensors",
            )
        gathered = {name: self._gather(name, output, len(batch.images)) for name, output in outputs.items()}
        labels = {
            name: torch.from_numpy(column[rows]).to(fabric.device) for name, column in self.material.labels.items()
        }
        losses = method.losses(gathered, labels, self.stage)
        named = losses if isinstance(losses, Mapping) else {}
        shapes = {name: getattr(loss, "shape", loss) for name, loss in named.items()}
        if not shapes or any(shape != () for shape in shapes.values()):
            raise PluginError(
                f"{type(method).__name__}.losses must return a dictionary with one number per loss",
                found=shapes or type(losses).__name__,
            )
        return losses

    def _gather(self, name: str, output: Tensor, images: int) -> Tensor:
        """Return an output gathered from all processes in the order of the whole batch, with gradients."""
        if output.ndim == 0 or len(output) != images:
            raise PluginError(
                f"the network's output '{name}' does not have one row per image",
                found=tuple(output.shape),
                expected=f"({images}, ...)",
            )
        if self.material.fabric.world_size == 1:
            return output
        whole: Tensor = self.material.fabric.all_gather(output, sync_grads=True)  # type: ignore[assignment]  # a tensor for a tensor
        return whole.flatten(0, 1)

    def _check_finite(self, sums: Mapping[str, Tensor], epoch: int, step: int) -> None:
        values = {name: float(total) / step for name, total in sums.items()}
        wrong = [name for name, value in values.items() if not np.isfinite(value)]
        if wrong:
            raise RunError(
                f"the training diverged: the loss is not finite in epoch {epoch} of '{self.stage.name}'",
                where=f"step {step} of the epoch" + (", or shortly before" if self._checked_every > 1 else ""),
                found=", ".join(f"{name} {values[name]}" for name in wrong),
                next_step="lower the learning rate, or train in 32-true",
            )


def check_batches(stage: Stage, labels: Mapping[str, IntArray], processes: int) -> None:
    """Raise an error if there is no batch, images cannot fill one, or processes cannot share one evenly."""
    batches = stage.batches.draw(labels, np.random.default_rng(0))
    if not len(batches):
        raise PluginError(f"stage '{stage.name}' has no batches", found=stage.batches)
    for rows in batches:
        if len(rows) % processes:
            raise UsageError(
                f"a batch of {len(rows)} images cannot be shared evenly by {processes} processes",
                where=f"stage '{stage.name}'",
                next_step="choose a batch size that is a multiple of the number of devices",
            )
