"""Fragments, branches and depth of the papers' building blocks, found in modules and in flat graphs."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import lwprof
from lwprof.analyses.fragments import shape_of
from lwprof.errors import InputError


def conv(i: int, o: int, *args, **options) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(i, o, *args, bias=False, **options), nn.BatchNorm2d(o), nn.ReLU())


class Bottleneck(nn.Module):
    """ResNet, with a projection where the shape changes."""

    def __init__(self, i: int, o: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(i, o // 4, 1), conv(o // 4, o // 4, 3, stride, 1), conv(o // 4, o, 1))
        self.project = conv(i, o, 1, stride) if i != o else nn.Identity()

    def forward(self, x):
        return F.relu(self.body(x) + self.project(x))


class Basic(nn.Module):
    """ResNet-18's block."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(c, c, 3, padding=1), conv(c, c, 3, padding=1))

    def forward(self, x):
        return x + self.body(x)


class Inception(nn.Module):
    """Series of kernels side by side ("p" is a pooling); a split branch ends in a 1x3 beside a 3x1."""

    def __init__(self, *branches: list, split: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(nn.AvgPool2d(3, 1, 1) if k == "p" else conv(4, 4, k, padding="same") for k in branch))
            for branch in branches
        )
        self.ends = nn.ModuleDict(
            {str(place): nn.ModuleList(conv(4, 4, k, padding="same") for k in ((1, 3), (3, 1))) for place in split}
        )

    def forward(self, x):
        out = []
        for place, branch in enumerate(self.branches):
            made = branch(x)
            out += [end(made) for end in self.ends[str(place)]] if str(place) in self.ends else [made]
        return torch.cat(out, 1)


class Dense(nn.Module):
    """DenseNet's layer."""

    def __init__(self, i: int) -> None:
        super().__init__()
        self.narrow, self.wide = conv(i, 8, 1), conv(8, 4, 3, padding=1)

    def forward(self, x):
        return torch.cat([x, self.wide(self.narrow(x))], 1)


class OnMaps(nn.Module):
    """ConvNeXt's block: linear layers on maps are 1x1 convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.dw = nn.Conv2d(4, 4, 7, padding=3, groups=4)
        self.mlp = nn.Sequential(nn.Linear(4, 16), nn.GELU(), nn.Linear(16, 4))

    def forward(self, x):
        return x + self.mlp(self.dw(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


W, H = (1, 7), (7, 1)
# fmt: off
BLOCKS = {
    # name: (block, fragments, branches, depth)
    "basic":               (Basic(4), 2, 1, 2),
    "bottleneck":          (Bottleneck(4, 4), 3, 1, 3),
    "with projection":     (Bottleneck(4, 8), 4, 2, 3),
    "dense layer":         (Dense(4), 2, 1, 2),
    "linear on maps":      (OnMaps(), 3, 1, 3),
    "GoogLeNet inception": (Inception([1], [1, 3], [1, 5], ["p", 1]), 7, 4, 2),
    "Inception-v3 A":      (Inception([1], [1, 5], [1, 3, 3], ["p", 1]), 8, 4, 3),
    "Inception-v3 B":      (Inception([3], [1, 3, 3], ["p"]), 5, 3, 3),
    "Inception-v3 C":      (Inception([1], [1, W, H], [1, H, W, H, W], ["p", 1]), 11, 4, 5),
    "Inception-v3 D":      (Inception([1, 3], [1, W, H, 3], ["p"]), 7, 3, 4),
    "Inception-v3 E":      (Inception([1], [1], [1, 3], ["p", 1], split=(1, 2)), 10, 6, 3),
}
NETWORKS = {
    # spec: fragments/branches, and how many blocks have them
    "mbv1":                        {"2/1": 13},
    "mbv2":                        {"2/1": 1, "3/1": 16},
    "mbv3_large":                  {"2/1": 1, "3/1": 6, "6/1": 8},  # squeeze-and-excite: a pooling, two convolutions
    "shufflenetv1:groups=3":       {"3/1": 13, "4/2": 3},
    "shufflenetv2":                {"3/1": 13, "5/2": 3},
    "shufflenetv2:unit=symmetric": {"3/1": 13, "5/2": 3},
    "squeezenet":                  {"3/2": 8},
}
# fmt: on


def figures(result) -> list[str]:
    return [f"{block.fragments}/{block.branches}" for block in result.fragmentation.blocks]


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_in_modules_and_in_the_graph(name: str) -> None:
    block, *shape = BLOCKS[name]
    in_modules = lwprof.profile(nn.Sequential(nn.Conv2d(4, 4, 3), block), input_size=(4, 16, 16)).fragmentation
    assert [[b.fragments, b.branches, b.depth] for b in in_modules.blocks] == [shape]
    assert (in_modules.blocks[0].name, in_modules.blocks[0].type) == ("1", type(block).__name__)
    assert (in_modules.mean_fragments, in_modules.max_fragments, in_modules.max_branches) == (shape[0], *shape[:2])
    flat = lwprof.profile(block, input_size=(4, 16, 16)).fragmentation  # the network itself is no block
    assert [[b.fragments, b.branches, b.depth] for b in flat.blocks] in ([shape], [])
    if name not in ("basic", "linear on maps"):
        assert len(flat.blocks) == 1


@pytest.mark.parametrize("spec", NETWORKS)
def test_networks(profiled, spec: str) -> None:
    result = profiled(spec)
    assert Counter(figures(result)) == NETWORKS[spec]
    blocks = result.fragmentation.blocks
    assert result.fragmentation.mean_fragments == sum(b.fragments for b in blocks) / len(blocks)
    assert all(b.name for b in blocks)


def flat_mobilenet() -> nn.Sequential:
    layers = [nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU()]
    for stride in (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1):
        layers += [nn.Conv2d(8, 8, 3, stride, 1, groups=8), nn.BatchNorm2d(8), nn.ReLU()]
        layers += [nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))


class Functions(nn.Module):
    """The same as functions of parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Parameter(torch.zeros(8, 3, 3, 3))
        self.dw, self.pw = nn.Parameter(torch.zeros(8, 1, 3, 3)), nn.Parameter(torch.zeros(8, 8, 1, 1))

    def forward(self, x):
        x = F.conv2d(x, self.stem, stride=2).relu()
        for _ in range(13):
            x = F.conv2d(F.conv2d(x, self.dw, padding=1, groups=8).relu(), self.pw).relu()
        return x.mean((2, 3))


@pytest.mark.parametrize("network", [flat_mobilenet(), Functions()], ids=["flat", "functional"])
def test_networks_without_block_modules_are_read_from_the_graph(network: nn.Module) -> None:
    result = lwprof.profile(network, input_size=(3, 64, 64))
    assert figures(result) == ["2/1"] * 13
    assert {block.depth for block in result.fragmentation.blocks} == {2}


def test_a_network_without_blocks_reports_none() -> None:
    vgg = nn.Sequential(conv(3, 4, 3), conv(4, 4, 3), nn.MaxPool2d(2), conv(4, 4, 3), nn.Flatten(), nn.LazyLinear(5))
    for network, size in ((vgg, (3, 32, 32)), (nn.Linear(4, 4), (4,)), (nn.Identity(), (4,))):
        found = lwprof.profile(network, input_size=size).fragmentation
        assert (found.mean_fragments, found.max_fragments, found.max_branches, found.blocks) == (None, None, None, ())


def test_the_block_can_be_named() -> None:
    network = nn.Sequential(conv(3, 4, 3), nn.Sequential(Bottleneck(4, 8), Bottleneck(8, 8)), Basic(8))
    assert figures(lwprof.profile(network, input_size=(3, 16, 16))) == ["4/2", "3/1", "2/1"]
    assert figures(lwprof.profile(network, input_size=(3, 16, 16), block="Basic")) == ["2/1"]
    with pytest.raises(InputError, match=r"Basci.*Basic"):
        lwprof.profile(network, input_size=(3, 16, 16), block="Basci")


@pytest.mark.slow
def test_widths_of_hard_orders() -> None:
    class Net(nn.Module):
        """N layers, each adding up everything before it (a chain), or all reading the input (an antichain)."""

        def __init__(self, layers: int, chain: bool) -> None:
            super().__init__()
            self.conv, self.layers, self.chain = nn.Conv2d(4, 4, 1), layers, chain

        def forward(self, x):
            made = [x]
            for _ in range(self.layers):
                made.append(self.conv(torch.stack(made).sum(0) if self.chain else x))
            return torch.stack(made).sum(0)

    for chain, branches, depth in ((True, 1, 150), (False, 150, 1)):
        result = lwprof.profile(nn.Sequential(Net(150, chain)), input_size=(4, 2, 2))
        (block,) = result.fragmentation.blocks
        assert (block.fragments, block.branches, block.depth) == (150, branches, depth)
        flat = lwprof.profile(Net(150, chain), input_size=(4, 2, 2)).fragmentation
        assert sum(block.fragments for block in flat.blocks) <= 150


def test_a_network_that_calls_itself_is_no_block_of_its_own() -> None:
    class Recursive(nn.Module):
        """A 3x3 convolution, twice."""

        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 3)

        def forward(self, x, depth=3):
            return self.conv(x) if depth == 1 else self(self.conv(x), depth - 1)

    assert lwprof.profile(Recursive(), input_size=(4, 16, 16)).fragmentation.blocks == ()


def test_no_operators_have_no_shape() -> None:
    assert shape_of([], []) == (0, 0, 0)
