"""Opens the devices and processes of a run through lightning-fabric, and restores torch's global settings."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache

import torch
import torch.utils.deterministic as filling
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from lightning_fabric.utilities.exceptions import MisconfigurationException

from harness.basics.host import multiplies_bfloat16
from harness.compute.compute import SILENT, Compute
from harness.compute.peers import watch
from harness.errors import RunError, UsageError, in_one_line


@cache
def open_fabric(compute: Compute) -> Fabric:
    """Return the launched fabric of this process; repeated calls return the same one.

    Under torchrun, torchrun decides the number of processes and machines. With several devices and without torchrun,
    lightning-fabric starts the current command again for every further device.

    Raises:
        UsageError: this machine does not have the device, the number of devices or the precision.
        RunError: the processes do not find each other in time.
    """
    devices, nodes = _processes(compute)
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces the precision
    several, wait = devices * nodes > 1, timedelta(seconds=_meeting(compute.timeout))
    try:
        fabric = Fabric(
            accelerator=compute.device,
            devices=devices,
            num_nodes=nodes,
            precision=compute.precision,  # type: ignore[arg-type]  # given by the user; Fabric checks it
            strategy=DDPStrategy(find_unused_parameters=True, timeout=wait) if several else "auto",
        )
    except (ValueError, RuntimeError, TypeError, MisconfigurationException) as problem:
        refused = UsageError(
            f"this machine cannot run on '{compute.device}' with {devices} devices in {compute.precision}",
            found=problem,
            next_step="try --device cpu, fewer processes, or --precision 32-true",
        )
        refused.reported = int(os.environ.get("LOCAL_RANK", "0")) > 0  # every process here raises it
        raise refused from None
    _launch(fabric, compute.timeout)
    if not fabric.is_global_zero:
        logging.getLogger("bench").setLevel(logging.ERROR)  # only the first process logs
    return fabric


def _meeting(timeout: float) -> float:
    """Return the seconds that processes wait for each other at the start: machines do not start a program at once."""
    return max(timeout, SILENT)


def _launch(fabric: Fabric, timeout: float) -> None:
    """Start the other processes, or meet those that a launcher has started, and watch them from then on."""
    if fabric.world_size == 1:
        fabric.launch()
        return
    try:
        fabric.launch()
        watch(fabric, timeout)
    except RuntimeError as problem:  # torch.distributed's errors, of which older releases have no class
        raise RunError(
            "the processes have not found each other",
            where=":".join(os.environ.get(name, "?") for name in ("MASTER_ADDR", "MASTER_PORT")),
            found=in_one_line(problem, 200),
            expected=f"{fabric.world_size} processes within {_meeting(timeout):g} seconds",
            next_step="see whether all of them were started, and whether each machine reaches that address",
        ) from None


def has_bfloat16(device: str) -> bool:
    """Return whether a device, named as in ``Compute``, multiplies bfloat16 in hardware."""
    if device in ("cuda", "gpu") or (device == "auto" and torch.cuda.is_available()):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device in ("auto", "cpu") and multiplies_bfloat16()


def _processes(compute: Compute) -> tuple[int, int]:
    """Return the number of processes on this machine and the number of machines."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        local = int(os.environ["LOCAL_WORLD_SIZE"])
        return local, int(os.environ["WORLD_SIZE"]) // local
    return compute.devices, compute.nodes


@contextmanager
def undisturbed(fabric: Fabric) -> Iterator[None]:
    """Compute deterministically on a processor, and restore torch's flags and generators after the block.

    Raises:
        RunError: the block ran out of the device's memory.
    """
    flags = (torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled())
    fill = filling.fill_uninitialized_memory  # type: ignore[attr-defined]  # a property of the module
    gpus = [fabric.device] if fabric.device.type == "cuda" else []
    with torch.random.fork_rng(gpus), warnings.catch_warnings():
        # lightning-fabric 2.6 gathers with a function that torch 2.15 deprecates.
        warnings.filterwarnings("ignore", message=".*all_gather is deprecated")
        if fabric.device.type == "cpu":
            # Filling uninitialised memory costs time and is not needed for equal digits.
            filling.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # set by the module's class
            torch.use_deterministic_algorithms(True)
        try:
            yield
        except torch.OutOfMemoryError as problem:
            raise RunError(
                "the device's memory is full",
                where=fabric.device,
                found=str(problem).partition(". ")[0],
                next_step="use smaller batches or images, more devices, or --precision bf16-mixed",
            ) from None
        finally:
            torch.use_deterministic_algorithms(flags[0], warn_only=flags[1])
            filling.fill_uninitialized_memory = fill  # type: ignore[attr-defined]  # as above
