"""Files of darknet's weights, written here value by value, reach the layers that they belong to, or are refused."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from harness.detection.detect import make
from harness.errors import CheckpointError
from plugins.detectors import localnet
from plugins.detectors.darknet import load_darknet
from plugins.detectors.localnet import LAYERS, YOLO, LocalNet

Shape = tuple[int, int, int]

# Outputs, inputs and side of YOLO's first 20 convolutions, figure 3.
FIRST_20: list[Shape] = [
    (64, 3, 7), (192, 64, 3), (128, 192, 1), (256, 128, 3), (256, 256, 1), (512, 256, 3), (256, 512, 1), (512, 256, 3),
    (256, 512, 1), (512, 256, 3), (256, 512, 1), (512, 256, 3), (256, 512, 1), (512, 256, 3), (512, 512, 1),
    (1024, 512, 3), (512, 1024, 1), (1024, 512, 3), (512, 1024, 1), (1024, 512, 3),
]  # fmt: skip
SMALL: localnet.Layers = ((3, 4, 2), localnet.POOL, (1, 6, 1), (3, 5, 1))
FIRST_2: list[Shape] = [(4, 3, 3), (6, 4, 1)]
BYTES_2 = 16 + 4 * ((4 * 4 + 4 * 3 * 9) + (4 * 6 + 6 * 4))


def written(path: Path, shapes: Sequence[Shape]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Write random values; return for each convolution (4, outputs) biases, scales, means, variances, and weights."""
    random, layers = np.random.default_rng(0), []
    with path.open("wb") as file:
        file.write(np.array([0, 1, 0, 32_000], "<i4").tobytes())
        for outputs, inputs, side in shapes:
            about = random.standard_normal((4, outputs), np.float32)
            about[3] = np.abs(about[3]) + 0.5
            weights = random.standard_normal((outputs, inputs, side, side), np.float32)
            for row in (*about, weights):
                file.write(row.astype("<f4").tobytes())
            layers.append((about, weights))
    return layers


def small(*, norm: bool) -> nn.Sequential:
    torch.manual_seed(1)
    return YOLO(SMALL, 8, 4, (32, 32), 1, norm=norm).trunk.eval()


def of_kind(trunk: nn.Sequential, kind: type[nn.Module]) -> list[nn.Module]:
    return [module for module in trunk if isinstance(module, kind)]


def darknets(maps: Tensor, about: np.ndarray, weights: np.ndarray, stride: int) -> Tensor:
    """Darknet's layer in a test: a convolution, the norm with its own epsilon, the bias, leaky ReLU."""
    bias, scale, mean, variance = (torch.from_numpy(row).double()[:, None, None] for row in about)
    maps = nn.functional.conv2d(maps, torch.from_numpy(weights).double(), None, stride, weights.shape[-1] // 2)
    maps = (maps - mean) / (variance.sqrt() + 1e-6) * scale + bias
    return torch.where(maps > 0, maps, 0.1 * maps)


@pytest.mark.parametrize("norm", [True, False])
def test_the_filled_layers_compute_what_darknets_do(tmp_path: Path, norm: bool):
    layers = written(tmp_path / "w", FIRST_2)
    trunk = small(norm=norm)
    last = of_kind(trunk, nn.Conv2d)[-1].weight.clone()

    load_darknet(trunk, tmp_path / "w", 2)

    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    maps = nn.functional.max_pool2d(darknets(images.double(), *layers[0], 2), 2)
    expected = darknets(maps, *layers[1], 1)
    filled = trunk[: len(trunk) - (3 if norm else 2)]
    with torch.no_grad():
        # Torch adds 1e-5 to a variance of at least 0.5, a relative difference below 1e-5 a layer.
        torch.testing.assert_close(filled(images).double(), expected, rtol=1e-4, atol=1e-4 if norm else 1e-5)
    assert torch.equal(of_kind(trunk, nn.Conv2d)[-1].weight, last)


def test_the_files_20_convolutions_fill_localnets_first_20_of_24(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(localnet, "HIDDEN", 1)  # the fully connected layers take a gigabyte
    path = tmp_path / "extraction.conv.weights"
    layers = written(path, FIRST_20)
    assert path.stat().st_size == 16 + 4 * (22_394_048 + 4 * 9_088) == 89_721_616

    network = make(LocalNet, LocalNet.Options(weights=str(path))).network({})

    convolutions, norms = of_kind(network.trunk, nn.Conv2d), of_kind(network.trunk, nn.BatchNorm2d)
    assert (len(convolutions), len(norms)) == (24, 24)
    for (about, weights), convolution, norm in zip(layers, convolutions, norms, strict=False):
        assert np.array_equal(convolution.weight.detach().numpy(), weights)
        found = (norm.bias.detach(), norm.weight.detach(), norm.running_mean, norm.running_var)
        assert [np.array_equal(values.numpy(), row) for values, row in zip(found, about, strict=True)] == [True] * 4
        assert convolution.bias is None
    for norm in norms[20:]:
        assert (norm.bias == 0).all()
        assert (norm.weight == norm.running_var).all()


def test_without_norm_scales_means_and_variances_become_weights_and_biases(tmp_path: Path):
    layers = written(tmp_path / "w", FIRST_2)
    trunk = small(norm=False)
    load_darknet(trunk, tmp_path / "w", 2)
    for (about, weights), convolution in zip(layers, of_kind(trunk, nn.Conv2d), strict=False):
        bias, scale, mean, variance = about.astype(np.float64)
        factor = scale / (np.sqrt(variance) + 0.000001)
        np.testing.assert_allclose(convolution.weight.detach(), weights * factor[:, None, None, None], rtol=1e-6)
        np.testing.assert_allclose(convolution.bias.detach(), bias - mean * factor, rtol=1e-5, atol=1e-6)


def test_the_trunk_sees_red_green_and_blue_from_0_to_1_as_darknet_does():
    network = YOLO(SMALL, 8, 4, (32, 32), 1, norm=True).eval()
    seen = []
    network.trunk.register_forward_hook(lambda _module, given, _out: seen.append(given[0]))
    images = torch.rand(2, 3, 32, 32)
    network(images)
    assert torch.equal(seen[0], images)


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[:-1], f"found: {BYTES_2 - 1} bytes"),
        (lambda content: content + b"\0" * 4, f"found: {BYTES_2 + 4} bytes"),
        (lambda content: content[:10], "found: 10 bytes"),
        (lambda content: b"", "found: 0 bytes"),
        (lambda content: pickle.dumps(print), "bytes"),
        (lambda content: content[:-4] + np.float32(np.nan).tobytes(), "convolution 2"),
        (lambda content: content[:16] + np.float32(np.inf).tobytes() + content[20:], "convolution 1"),
        (lambda content: content[:64] + np.float32(-1).tobytes() + content[68:], "variances below zero"),
    ],
)
def test_a_file_of_another_size_or_with_impossible_values_is_refused_and_nothing_filled(
    tmp_path: Path, norm: bool, change, message: str
):
    path = tmp_path / "w"
    written(path, FIRST_2)
    assert path.stat().st_size == BYTES_2
    path.write_bytes(change(path.read_bytes()))
    trunk = small(norm=norm)
    before = {name: values.clone() for name, values in trunk.state_dict().items()}

    with pytest.raises(CheckpointError) as caught:
        load_darknet(trunk, path, 2)

    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert all(torch.equal(values, before[name]) for name, values in trunk.state_dict().items())


def test_a_short_file_is_told_with_both_sizes(tmp_path: Path):
    (tmp_path / "w").write_bytes(b"\0" * 100)
    with torch.device("meta"):
        trunk = YOLO(LAYERS, 1, 4, (448, 448), 1, norm=True).trunk
    with pytest.raises(CheckpointError, match="found: 100 bytes") as caught:
        load_darknet(trunk, tmp_path / "w")
    assert "expected: 89,721,616 bytes" in str(caught.value)


def test_a_missing_file_is_named_with_the_option_that_gives_it(tmp_path: Path):
    with pytest.raises(CheckpointError, match="no such weights file") as caught:
        load_darknet(small(norm=True), tmp_path)
    assert "--set weights=FILE" in str(caught.value)
