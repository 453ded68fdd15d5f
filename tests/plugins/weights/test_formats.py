import pytest

from plugins.weights.formats import nearest


@pytest.mark.parametrize(
    ("names", "use"),
    [
        (["backbone.conv1.weight", "heads.bottleneck.0.weight", "pixel_mean"], "--method fast-reid"),
        (["base.cls_token", "base.blocks.0.norm1.weight", "bottleneck.weight"], "--method transreid"),
        (["image_encoder.conv1.weight", "bottleneck_proj.weight"], "--method clip-reid"),
        (["base.conv1.weight", "bottleneck.weight"], "--method reid-strong-baseline"),
        (["model.conv1.weight", "classifier.add_block.0.weight"], "--method layumi"),
        (["conv1.conv.weight", "conv2.0.conv2a.conv1.weight", "conv5.conv.weight"], "--method torchreid"),
        (["conv1.conv.weight", "conv2.0.conv2.0.layers.0.conv1.weight"], "--method torchreid"),
        (["layer4.0.conv1.weight", "classifier.weight"], "--method torchreid"),
        (["layer4.0.conv1.weight", "fc.weight"], "--method torch --set network=torchvision:NAME"),
        (["visual.conv1.weight", "logit_scale"], "--method open-clip"),
        (["embeddings.cls_token", "encoder.layer.0.norm1.weight"], "--method transformers"),
        (["cls_token", "patch_embed.proj.weight", "blocks.0.norm1.weight"], "--method timm --set model=NAME"),
    ],
)
def test_a_format_is_told_by_its_names(names, use):
    assert nearest(names).use == use


def test_names_of_no_known_format_are_of_none():
    assert nearest(["weight", "bias"]) is None
