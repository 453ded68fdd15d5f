"""Small files in the formats of the zoos, built from the formats' rules: names, shapes and nesting."""

from itertools import pairwise

import torch
from torch.nn import functional
from torchvision.models.resnet import BasicBlock, Bottleneck

from harness.methods.method import create


def made(method, **options):
    """Return a method with these options, ready to embed."""
    return create(method, method.Options(**options))


def images(size=(64, 48), count=2):
    """Return images (n, 3, h, w) from 0 to 1."""
    return torch.rand((count, 3, *size), generator=torch.Generator().manual_seed(5))


def saved(path, content):
    """Write a file of torch.save, and return its path as an option has it."""
    torch.save(content, path)
    return str(path)


class Narrow(torch.nn.Module):
    """torchvision's ResNet of narrow blocks, under the same names: the last map has 128 channels, or 32."""

    def __init__(self, counts, block):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 8, 7, 2, padding=3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(8)
        channels = 8
        for stage, count in enumerate(counts, 1):
            width, blocks = 2 << stage, torch.nn.Sequential()
            for number in range(count):
                stride = 2 if number == 0 and stage > 1 else 1
                smaller = None
                if stride > 1 or channels != width * block.expansion:
                    smaller = torch.nn.Sequential(
                        torch.nn.Conv2d(channels, width * block.expansion, 1, stride, bias=False),
                        torch.nn.BatchNorm2d(width * block.expansion),
                    )
                blocks.append(block(channels, width, stride, smaller))
                channels = width * block.expansion
            setattr(self, f"layer{stage}", blocks)
        self.width = channels

    def forward(self, given):
        maps = functional.max_pool2d(functional.relu(self.bn1(self.conv1(given))), 3, 2, padding=1)
        return self.layer4(self.layer3(self.layer2(self.layer1(maps)))).mean((2, 3))


def resnet(counts=(1, 1, 1, 1), *, deep=True, last_stride=1, seed=0):
    """Return a narrow ResNet in evaluation mode, its statistics not those of a fresh one."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        network = Narrow(counts, Bottleneck if deep else BasicBlock)
        first = network.layer4[0]
        (first.conv2 if deep else first.conv1).stride = first.downsample[0].stride = (last_stride, last_stride)
        for part in network.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                unusual(part)
    return network.eval()


def unusual(norm):
    """Give a batch normalisation numbers that no fresh one has."""
    for tensor, low, high in ((norm.weight, 0.5, 1.5), (norm.bias, -0.2, 0.2)):
        torch.nn.init.uniform_(tensor, low, high)
    if norm.running_mean is not None:
        norm.running_mean.uniform_(-0.3, 0.3)
        norm.running_var.uniform_(0.5, 2.0)
    return norm


def below(prefix, state):
    """Return a state dict under a prefix."""
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def norm(name, channels, *, instance=False):
    """Return the tensors of a normalisation; an instance normalisation has no statistics."""
    numbers = torch.Generator().manual_seed(channels + len(name))
    drawn = lambda: torch.rand(channels, generator=numbers) + 0.5  # noqa: E731 - short
    found = {f"{name}.weight": drawn(), f"{name}.bias": drawn() - 1}
    if not instance:
        found |= {f"{name}.running_mean": drawn() - 1, f"{name}.running_var": drawn()}
        found[f"{name}.num_batches_tracked"] = torch.tensor(7)
    return found


def conv(name, outputs, inputs, side=1, *, bias=False):
    """Return the tensors of a convolution."""
    numbers = torch.Generator().manual_seed(outputs + inputs + len(name))
    spread = (2 / (inputs * side * side)) ** 0.5
    found = {f"{name}.weight": torch.randn(outputs, inputs, side, side, generator=numbers) * spread}
    return found | ({f"{name}.bias": torch.zeros(outputs)} if bias else {})


def linear(name, outputs, inputs):
    """Return the tensors of a linear layer."""
    return {
        f"{name}.weight": conv(name, outputs, inputs)[f"{name}.weight"].flatten(1),
        f"{name}.bias": torch.zeros(outputs),
    }


def osnet(form="plain", channels=(8, 16, 24, 32), width=512):
    """Return the tensors of an OSNet of torchreid: ``plain``, ``ibn`` or ``ain``; any width is a valid one."""
    state = conv("conv1.conv", channels[0], 3, 7) | norm("conv1.bn", channels[0], instance=form != "plain")
    for stage, (inputs, outputs) in zip((2, 3, 4), pairwise(channels), strict=True):
        state |= os_block(f"conv{stage}.0", inputs, outputs, form, stage)
        state |= os_block(f"conv{stage}.1", outputs, outputs, form, stage)
        if stage < 4:
            place = f"pool{stage}.0" if form == "ain" else f"conv{stage}.2.0"
            state |= conv(f"{place}.conv", outputs, outputs) | norm(f"{place}.bn", outputs)
    state |= conv("conv5.conv", channels[3], channels[3]) | norm("conv5.bn", channels[3])
    return state | linear("fc.0", width, channels[3]) | norm("fc.1", width) | linear("classifier", 5, width)


def os_block(at, inputs, outputs, form, stage):
    """Return the tensors of one block, whose streams are named by letters, or by numbers in the AIN form."""
    middle = outputs // 4
    inside = form == "ain" and (stage == 2 or at.endswith("3.1"))
    state = conv(f"{at}.conv1.conv", middle, inputs) | norm(f"{at}.conv1.bn", middle)
    for number in range(4):
        for step in range(number + 1):
            if form == "ain":
                place = f"{at}.conv2.{number}.layers.{step}"
            else:
                place = f"{at}.conv2{'abcd'[number]}" + (f".{step}" if number else "")
            state |= conv(f"{place}.conv1", middle, middle) | conv(f"{place}.conv2", middle, 1, 3)
            state |= norm(f"{place}.bn", middle)
    hidden = max(1, middle // 16)
    state |= conv(f"{at}.gate.fc1", hidden, middle, bias=True) | conv(f"{at}.gate.fc2", middle, hidden, bias=True)
    state |= conv(f"{at}.conv3.conv", outputs, middle) | ({} if inside else norm(f"{at}.conv3.bn", outputs))
    if inputs != outputs:
        state |= conv(f"{at}.downsample.conv", outputs, inputs) | norm(f"{at}.downsample.bn", outputs)
    if inside or (form == "ibn" and stage == 2):
        state |= norm(f"{at}.IN", outputs, instance=True)
    return state
