"""One thing has one option name and one set of words, whatever zoo the weights come from."""

import pytest

from harness.errors import UsageError
from harness.methods.method import resolve_options
from plugins.released.built.method import Built
from plugins.released.fast_reid import FastReID
from plugins.released.graphs.torchscript import TorchScript
from plugins.released.hubs.timm import Timm
from plugins.released.layumi import Layumi
from plugins.released.strong_baseline import LuoBaseline
from plugins.released.torchreid import Torchreid
from plugins.released.vit.clip_reid import ClipReID
from plugins.released.vit.transreid import TransReID


def options(method, **changes):
    return resolve_options("zoo", method, changes=changes)


@pytest.mark.parametrize("method", [FastReID, Layumi, LuoBaseline, TransReID, ClipReID])
def test_the_feature_is_behind_or_before_the_neck(method):
    assert options(method, feature="behind").feature == "behind"
    assert options(method, feature="before").feature == "before"
    with pytest.raises(UsageError, match="unknown option of zoo 'neck'"):
        options(method, neck="after")


@pytest.mark.parametrize("method", [FastReID, Layumi, LuoBaseline, Torchreid])
def test_the_stride_of_a_resnet_s_last_stage_has_one_name(method):
    assert options(method, last_stride=2).last_stride == 2


@pytest.mark.parametrize("method", [TransReID, ClipReID, Timm, TorchScript, Built])
def test_colours_have_the_same_words(method):
    found = options(method, mean="imagenet", deviation="0.5")

    assert found.mean == (0.485, 0.456, 0.406)
    assert found.deviation == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("method", [FastReID, TransReID, ClipReID, Timm, TorchScript])
def test_a_size_that_something_else_knows_is_auto(method):
    assert method.Options.model_fields["input_size"].default == "auto"
    assert options(method, input_size="256x128").input_size == (256, 128)
