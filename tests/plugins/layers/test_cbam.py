import numpy as np
import pytest
import torch

from plugins.layers.cbam import CBAM, ChannelAttention, SpatialAttention


@pytest.fixture
def maps():
    return torch.randn(2, 32, 9, 11, generator=torch.Generator().manual_seed(1))


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def test_channel_attention_is_equation_2(maps):
    attention = ChannelAttention(32, reduction=16)
    w0 = attention.squeeze.weight.detach().numpy()[:, :, 0, 0].astype(np.float64)
    w1 = attention.excite.weight.detach().numpy()[:, :, 0, 0].astype(np.float64)

    found = attention(maps).detach().numpy()

    assert w0.shape == (2, 32)
    assert found.shape == (2, 32, 1, 1)
    for image, weights in zip(maps.numpy(), found, strict=True):
        average, maximum = image.mean((1, 2)), image.max((1, 2))
        expected = sigmoid(w1 @ np.maximum(w0 @ average, 0) + w1 @ np.maximum(w0 @ maximum, 0))
        np.testing.assert_allclose(weights[:, 0, 0], expected, rtol=1e-5)


def test_spatial_attention_is_equation_3(maps):
    attention = SpatialAttention()
    kernel = attention.mix.weight.detach().numpy()[0].astype(np.float64)

    found = attention(maps).detach().numpy()

    assert kernel.shape == (2, 7, 7)
    assert found.shape == (2, 1, 9, 11)
    pooled = np.stack((maps.numpy().mean(1), maps.numpy().max(1)), axis=1)
    padded = np.pad(pooled, ((0, 0), (0, 0), (3, 3), (3, 3)))
    for image, row, column in ((0, 0, 0), (0, 4, 5), (1, 8, 10), (1, 3, 0)):
        window = padded[image, :, row : row + 7, column : column + 7]
        np.testing.assert_allclose(found[image, 0, row, column], sigmoid((window * kernel).sum()), rtol=1e-5)


def test_cbam_weighs_channels_then_cells_without_a_residual(maps):
    cbam = CBAM(32)

    weighted = cbam.channel(maps) * maps

    torch.testing.assert_close(cbam(maps), cbam.spatial(weighted) * weighted)


def test_cbam_never_makes_a_number_larger(maps):
    assert (CBAM(32)(maps).abs() <= maps.abs()).all()


def test_cbam_has_the_parameters_of_its_layer_list():
    assert sum(tensor.numel() for tensor in CBAM(512).parameters()) == 512 * 32 + 32 * 512 + 2 * 7 * 7
