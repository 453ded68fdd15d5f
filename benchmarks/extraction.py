"""Time extraction in images per second against a plain float32 loop over the same network and images, in one run.

    python benchmarks/extraction.py [--images 96] [--input 256] [--device cuda] [--compile] [--write PAGE]

The plain loop is the obvious first attempt: decode a batch, embed it in float32 in torch's default memory layout, keep
the features. All modes embed the same JPEG files with the same seeded network. The rates leave out the first batch,
during which workers start and compilers run. Compare rates only within one run. The shares in processor time hold on
a busy machine too.

The second table has decoding alone, from bytes to an array of the input size, on one thread: as ``bench`` decodes
(read, check, decode, resize), by Pillow's decoder alone, by torchvision's alone, and with ``--reduce``.
"""

from __future__ import annotations

import argparse
import io
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
import torch
from PIL import Image
from tabulate import tabulate
from torch import Tensor, nn
from torchvision.io import ImageReadMode, decode_jpeg

from harness.compute.compute import Compute
from harness.compute.devices import open_fabric
from harness.data.dataset import Dataset
from harness.data.pictures import decode
from harness.extraction.embed import choose_batch, ready
from harness.extraction.extract import FeatureOutput, extract
from harness.extraction.inference import compile_network, ready_to_embed
from harness.extraction.samples import to_unit_range
from harness.features import FeatureFile, Provenance
from harness.scoring.cost import device_name
from harness.scoring.evaluation import evaluate
from plugins.strong_baseline import StrongBaseline, StrongBaselineOptions
from protocols.synthetic import Synthetic, make

PLAIN_BATCH = 64

SIZES = ((256, 256), (400, 320), (800, 640))
"""Width and height of the JPEGs that are decoded."""


class Clocked(StrongBaseline):
    """ResNet-50 with seeded weights and plausible statistics, which records when each batch arrives."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = self.architecture({"vehicle": 576})
        for part in self.model.modules():
            if isinstance(part, nn.BatchNorm2d):
                nn.init.normal_(part.running_mean, std=0.1)
                nn.init.uniform_(part.running_var, 0.5, 1.5)
        self.arrived: list[tuple[float, float, int]] = []

    def embed(self, images: Tensor, **needed: Any) -> Tensor:
        """Return the features, and record the time, this process's time and the number of images."""
        self.arrived.append((time.perf_counter(), time.process_time(), len(images)))
        return super().embed(images, **needed)


def method_of(words: argparse.Namespace) -> Clocked:
    """Return a new copy of the network."""
    method = Clocked.__new__(Clocked)
    method.options = StrongBaselineOptions(weights="none", input_size=words.input)
    method.__init__()
    return method


def plain(words: argparse.Namespace, data: Dataset, keys: list[str], device: torch.device) -> float:
    """Return the images per second of a plain float32 loop, without its first batch."""
    model = method_of(words).model.to(device).eval()
    count, start = 0, 0.0
    for first in range(0, len(keys), PLAIN_BATCH):
        if first == PLAIN_BATCH:
            start = time.perf_counter()
        batch = [decode(data.root / key, (words.input, words.input)) for key in keys[first : first + PLAIN_BATCH]]
        with torch.no_grad():
            model(torch.from_numpy(np.stack(batch)).to(device).float() / 255).cpu()
        count += len(batch) * (first > 0)
    return count / (time.perf_counter() - start)


def extracted(words: argparse.Namespace, data: Dataset, compute: Compute, out: Path) -> tuple[float, float]:
    """Return the images per second of an extraction, without its first batch, and this process's seconds an image."""
    method = method_of(words)
    tables = [data.splits[name] for name in ("query", "gallery", "train")]
    output = FeatureOutput(out, Provenance(dataset="synthetic", method="clocked"))
    extract(method, data, tables, output, compute=compute)
    end, used = time.perf_counter(), time.process_time()
    most = max(images for *_, images in method.arrived)
    counted = [batch for batch in method.arrived if batch[2] == most][1:]  # smaller ones are tried before the first
    count = sum(images for *_, images in counted)
    return count / (end - counted[0][0]), (used - counted[0][1]) / count


def network_alone(words: argparse.Namespace, compute: Compute) -> tuple[float, float]:
    """Return the images per second of the network on images on the device, and this process's seconds an image."""
    fabric, method = open_fabric(compute), method_of(words)
    batch = choose_batch(fabric, (words.input, words.input))
    images = to_unit_range(torch.randint(0, 256, (batch, 3, words.input, words.input)).byte(), fabric.device)
    with ready_to_embed(method, compute), torch.inference_mode(), fabric.autocast():
        ready(method, fabric)
        if compute.compiled:
            compile_network(method)
        given = fabric.strategy.precision.convert_input(images)
        rounds = max(2, words.images // batch)
        for number in range(2 + rounds):
            if number == 2:
                _synchronise(fabric.device)
                start, used = time.perf_counter(), time.process_time()
            method.model(given)
        _synchronise(fabric.device)
        count = batch * rounds
        return count / (time.perf_counter() - start), (time.process_time() - used) / count


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def cosine(one: Path, other: Path) -> float:
    """Return the smallest cosine between the two features of an image."""
    with FeatureFile.open(one) as first, FeatureFile.open(other) as second:
        a, b = first.read().astype(np.float64), second.read().astype(np.float64)
    return float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())


def measure(words: argparse.Namespace, data: Dataset, folder: Path) -> list[dict[str, object]]:
    """Return one row per mode of extraction."""
    modes = {
        "32-true": Compute(device=words.device),
        "bf16-mixed": Compute(device=words.device, precision="bf16-mixed"),
    }
    if words.compile:
        modes["bf16-mixed, compiled"] = Compute(device=words.device, precision="bf16-mixed", compiled=True)
    keys = list(dict.fromkeys(key for table in data.splits.values() for key in table.paths))
    base = plain(words, data, keys[: PLAIN_BATCH + words.images], open_fabric(modes["32-true"]).device)
    rows: list[dict[str, object]] = [{"mode": "plain float32 loop", "images/s": f"{base:.1f}", "speed-up": "1.00"}]
    for name, compute in modes.items():
        out = folder / f"{name.replace(' ', '')}.h5"
        (rate, used), (alone, least) = extracted(words, data, compute, out), network_alone(words, compute)
        decoding = decode_seconds(data.root / keys[0], (words.input, words.input))
        scores = evaluate(out, "synthetic/image-to-image", data=data.root)
        rows.append(
            {
                "mode": name,
                "images/s": f"{rate:.1f}",
                "speed-up": f"{rate / base:.2f}",
                "network alone": f"{alone:.1f}",
                "share of network": f"{100 * rate / alone:.0f} %",
                "in processor time": f"{100 * least / (used + decoding):.0f} %",
                "smallest cosine": f"{cosine(folder / '32-true.h5', out):.5f}",
                "mAP": f"{100 * scores.mean['ap']:.2f}",
            }
        )
        print(rows[-1], flush=True)
    return rows


def decode_seconds(path: Path, size: tuple[int, int]) -> float:
    """Return the processor seconds in which ``bench`` decodes an image."""
    return quickest({"bench": lambda: decode(path, size)})["bench"]


def quickest(ways: dict[str, Callable[[], object]], times: int = 100) -> dict[str, float]:
    """Return the fewest processor seconds of each of some functions, which take turns."""
    found = dict.fromkeys(ways, float("inf"))
    for _ in range(times):
        for name, way in ways.items():
            start = time.thread_time()
            way()
            found[name] = min(found[name], time.thread_time() - start)
    return found


def decoding(side: int, folder: Path) -> list[dict[str, object]]:
    """Return one row per size of picture: the images that one processor decodes in a second, by several decoders."""
    rows = []
    for width, height in SIZES:
        path = folder / f"{width}.jpg"
        drawn(width, height).save(path, quality=90)
        content, to = path.read_bytes(), (side, side)
        given = torch.frombuffer(bytearray(content), dtype=torch.uint8)

        def by_pillow(content: bytes = content) -> np.ndarray:
            with Image.open(io.BytesIO(content)) as image:
                return np.asarray(image)

        ways: dict[str, Callable[[], object]] = {
            "bench": lambda path=path, to=to: decode(path, to),
            "bench, --reduce": lambda path=path, to=to: decode(path, to, reduced=True),
            "Pillow, decoder alone": by_pillow,
            "torchvision, decoder alone": lambda given=given: decode_jpeg(given, ImageReadMode.RGB),
        }
        equal = np.array_equal(decode_jpeg(given, ImageReadMode.RGB).permute(1, 2, 0).numpy(), by_pillow())
        rates = {name: f"{1 / seconds:,.0f}" for name, seconds in quickest(ways).items()}
        rows.append({"JPEG": f"{width} x {height}", **rates, "equal pixels": "yes" if equal else "no"})
    return rows


def drawn(width: int, height: int) -> Image.Image:
    """Return waves under noise, which compress about as a photograph does."""
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([128 + 100 * np.sin(x / 17 + shift) * np.cos(y / 23 + shift) for shift in range(3)], axis=-1)
    noise = np.random.default_rng(0).normal(0, 8, waves.shape)
    return Image.fromarray((waves + noise).clip(0, 255).astype(np.uint8))


def page(rows: list[dict[str, object]], decoded: list[dict[str, object]], words: argparse.Namespace) -> str:
    """Return the page for docs/extraction.md."""
    device = device_name(open_fabric(Compute(device=words.device)))
    python = platform.python_version()
    about = (
        "Generated by `python benchmarks/extraction.py --compile --write docs/extraction.md`. Rates are images per "
        f"second, from JPEG files to features, for a ResNet-50 with seeded weights at {words.input} pixels, all "
        "measured in one run. The plain loop decodes a batch, embeds it in float32 in torch's default memory layout, "
        "and keeps the features. `bench extract` decodes in worker processes, uses the channels-last layout and "
        "writes features while the next batch is embedded. With `--precision bf16-mixed`, it also folds the batch "
        "normalisations into the convolutions and multiplies in bfloat16. On a CPU, `--compile` needs a C++ compiler. "
        "The smallest cosine is that between an image's feature and its float32 feature. The mAP is for untrained "
        "weights on few vehicles. The share in processor time is that of the network alone in what the computing "
        "process takes and decoding takes."
    )
    trained = (
        "For trained weights, measured by hand: `bench run --checkpoint FILE --precision bf16-mixed` changed the mAP "
        "on synthetic/image-to-image from 46.81 to 46.87 (strong-baseline), from 55.79 to 55.79 (pgan) and from 48.54 "
        "to 48.60 (rnn-ha). Each was trained with its recipe `quick` and seed 0 on one thread."
    )
    machine = f"Machine: {device}, {torch.get_num_threads()} threads, torch {torch.__version__}, Python {python}."
    decoders = (
        f"Images that one processor decodes in a second, to the input of {words.input} x {words.input}; the decoders "
        "alone do not resize. `bench` keeps Pillow's, whose refusals of damaged files are known, and with which the "
        "filed records were made. With `--reduce` the decoder itself shrinks a JPEG that is at least twice as large as "
        "the input, which gives other pixels; feature file and record say so."
    )
    return "\n\n".join(
        [
            "# Performance of extraction",
            fill(about, 110),
            machine,
            table(rows),
            fill(trained, 110),
            "## Decoding",
            fill(decoders, 110),
            table(decoded) + "\n",
        ]
    )


def table(rows: list[dict[str, object]]) -> str:
    """Return the rows in Markdown."""
    return tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True)


def main() -> None:
    """Draw the images, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=96, help="images timed in the plain loop")
    parser.add_argument("--input", type=int, default=256)
    parser.add_argument("--vehicles", type=int, default=30, help="vehicles to draw, with about 13 images each")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--decoding", action="store_true", help="measure decoding only")
    parser.add_argument("--write", type=Path, help="the page to write")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "synthetic"
        make(root, vehicles=words.vehicles, image_size=words.input)
        data = Synthetic().load(root)
        decoded = decoding(words.input, Path(folder))
        rows = [] if words.decoding else measure(words, data, Path(folder))
    print(table(rows), table(decoded), sep="\n\n")
    if words.write:
        words.write.write_text(page(rows, decoded, words), encoding="utf-8")


if __name__ == "__main__":
    main()
