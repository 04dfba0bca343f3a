"""D1: activations on the narrow projection that ends a block."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from rule_audits import asked
from torch import Tensor, nn
from torch.nn import functional as F


class Inverted(nn.Module):
    """The block of MobileNetV2, with what stands behind its projection and behind its addition."""

    def __init__(
        self,
        before: nn.Module | None = None,
        after: nn.Module | None = None,
        channels: int = 8,
        inside: int = 48,
        shortcut: bool = True,
    ) -> None:
        super().__init__()
        self.expand = nn.Sequential(nn.Conv2d(channels, inside, 1, bias=False), nn.BatchNorm2d(inside), nn.ReLU6())
        self.depthwise = nn.Sequential(nn.Conv2d(inside, inside, 3, 1, 1, groups=inside), nn.BatchNorm2d(inside))
        self.project = nn.Conv2d(inside, channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.before = before or nn.Identity()
        self.after = after or nn.Identity()
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        out = self.before(self.norm(self.project(F.relu6(self.depthwise(self.expand(x))))))
        return self.after(x + out if self.shortcut else out)


def network(make: Callable[[], nn.Module], channels: int = 8, blocks: int = 2) -> nn.Module:
    """Blocks between a stem and a last layer."""
    stem, last = nn.Conv2d(3, channels, 3), nn.Conv2d(channels, 4, 1)
    return nn.Sequential(stem, *(make() for _ in range(blocks)), last)


def test_a_block_with_a_linear_projection_is_looked_at_and_is_fine() -> None:
    findings, checked = asked("D1", network(Inverted), 3, 16, 16)
    assert (findings, checked.candidates, checked.worst) == ((), 2, None)


@pytest.mark.parametrize(
    ("activation", "name"),
    [
        (nn.ReLU(), "ReLU"),
        (nn.ReLU(inplace=True), "ReLU"),
        (nn.ReLU6(), "ReLU6"),
        (nn.ReLU6(inplace=True), "ReLU6"),
        (nn.Hardswish(), "hard-swish"),
        (nn.SiLU(), "SiLU"),
        (nn.GELU(), "GELU"),
        (nn.Mish(), "Mish"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("shortcut", [True, False])
def test_an_activation_behind_the_projection_is_found(activation: nn.Module, name: str, shortcut: bool) -> None:
    findings, checked = asked("D1", network(lambda: Inverted(activation, shortcut=shortcut)), 3, 16, 16)
    assert [finding.module for finding in findings] == ["1.project", "2.project"]
    assert findings[0].message == f"{name} on the projection from 48 to 8 channels that ends its block"
    assert (findings[0].measured, findings[0].threshold, findings[0].severity) == (6, 1.5, "warning")
    assert findings[0].cost == 2 * 8 * 14 * 14  # the activation reads and writes the map
    assert checked.worst == 6


def test_an_activation_behind_the_addition_is_found_too() -> None:
    findings, _ = asked("D1", network(lambda: Inverted(after=nn.ReLU())), 3, 16, 16)
    assert [finding.module for finding in findings] == ["1.project", "2.project"]


def test_the_blocks_of_a_wide_resnet_have_their_relu_behind_an_expanding_convolution() -> None:
    findings, checked = asked("D1", network(lambda: Inverted(after=nn.ReLU(), channels=32, inside=8), 32), 3, 16, 16)
    assert (findings, checked.candidates, checked.worst) == ((), 2, 0.25)


@pytest.mark.parametrize("activation", [nn.LeakyReLU(), nn.PReLU(), nn.Sigmoid(), nn.Hardsigmoid()], ids=repr)
def test_activations_that_lose_nothing_and_gates_are_exempt(activation: nn.Module) -> None:
    assert asked("D1", network(lambda: Inverted(activation)), 3, 16, 16)[0] == ()


def test_a_projection_to_no_fewer_channels_is_exempt() -> None:
    class Separable(nn.Sequential):
        def __init__(self, channels: int, out: int) -> None:
            depthwise = nn.Conv2d(channels, channels, 3, 1, 1, groups=channels)
            super().__init__(depthwise, nn.ReLU(), nn.Conv2d(channels, out, 1), nn.BatchNorm2d(out), nn.ReLU())

    widths = (24, 24), (24, 48), (48, 32), (32, 16)
    body = nn.Sequential(*(Separable(*width) for width in widths), nn.Conv2d(16, 4, 3))
    findings, _ = asked("D1", body, 24, 16, 16)
    assert [(finding.module, finding.measured) for finding in findings] == [("3.2", 2)]  # 48 to 32 is at the limit
    findings, _ = asked("D1", body, 24, 16, 16, thresholds={"narrowing": 1.0})
    assert [finding.module for finding in findings] == ["2.2", "3.2"]
    assert asked("D1", body, 24, 16, 16, thresholds={"narrowing": 2.0})[0] == ()


def test_the_squeeze_layer_of_a_fire_module_is_not_its_last() -> None:
    assert asked("D1", "squeezenet")[1].candidates == 0


class Branches(nn.Module):
    """An inception block of two branches, which ends in a concatenation or in a convolution of it."""

    def __init__(self, merged: bool) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(32, 8, 1)
        self.wide = nn.Conv2d(32, 24, 3, padding=1)
        self.merge = nn.Conv2d(32 + 32, 32, 1) if merged else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        parts = [F.relu(self.narrow(x)), F.relu(self.wide(x))]
        if isinstance(self.merge, nn.Identity):
            return torch.cat(parts, 1)
        return F.relu(self.merge(torch.cat([x, *parts], 1)))


@pytest.mark.parametrize("merged", [False, True], ids=["concatenated", "merged"])
def test_branches_and_the_convolution_of_their_concatenation_are_exempt(merged: bool) -> None:
    assert asked("D1", network(lambda: Branches(merged), 32), 3, 16, 16)[1].candidates == 0


class Decoder(nn.Module):
    """A residual block that halves the channels, its shortcut by a 1x1 convolution."""

    def __init__(self, channels: int, ends_in: nn.Module) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(channels, channels // 2, 3, padding=1), ends_in
        self.shortcut = nn.Sequential(nn.Conv2d(channels, channels // 2, 1), nn.BatchNorm2d(channels // 2))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.last(F.relu(self.first(x))) + self.shortcut(x))


def test_the_convolution_of_a_shortcut_is_exempt() -> None:
    network = nn.Sequential(
        Decoder(64, nn.Conv2d(32, 32, 3, padding=1)), Decoder(32, nn.Conv2d(16, 16, 3, padding=1)), nn.Conv2d(16, 8, 3)
    )
    assert asked("D1", network, 64, 8, 8)[1].candidates == 0


def test_a_projection_is_found_beside_a_convolution_on_the_shortcut() -> None:
    class Widened(Decoder):
        def __init__(self, channels: int) -> None:
            super().__init__(channels, nn.Sequential(nn.Conv2d(channels // 2, channels * 2, 1), nn.ReLU(),
                                                     nn.Conv2d(channels * 2, channels // 2, 1)))  # fmt: skip

    findings, _ = asked("D1", nn.Sequential(Widened(64), Widened(32), nn.Conv2d(16, 8, 3)), 64, 8, 8)
    assert {finding.module for finding in findings} == {"0.last.2", "1.last.2"}


def test_a_classifier_is_exempt() -> None:
    class Head(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.depthwise = nn.Conv2d(32, 32, 3, groups=32)
            self.scores = nn.Conv2d(32, 10, 1)

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(self.scores(self.depthwise(x)))

    network = nn.Sequential(nn.Conv2d(3, 32, 3), Head(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert asked("D1", network, 3, 16, 16)[1].candidates == 0
    assert len(asked("D1", network.append(nn.Linear(10, 10)), 3, 16, 16)[0]) == 1


def test_a_value_that_another_layer_reads_before_the_activation_ends_there() -> None:
    class Tapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = Inverted(shortcut=False), Inverted(shortcut=False)
            self.last = nn.Conv2d(8, 8, 3)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            linear = self.second(self.first(x))
            return linear, self.last(F.relu(linear))

    findings, checked = asked("D1", Tapped(), 8, 16, 16)
    assert (findings, checked.candidates) == ((), 2)


def test_a_shared_block_is_one_finding_with_its_calls() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block, self.last = Inverted(nn.ReLU()), nn.Conv2d(8, 8, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(self.block(self.block(x)))

    ((finding,), checked) = asked("D1", Twice(), 8, 16, 16)
    assert (finding.module, finding.calls, checked.candidates) == ("block.project", 2, 2)
    assert finding.cost == 2 * 2 * 8 * 16 * 16


def test_linear_layers_on_maps_are_the_1x1_convolutions_that_they_are() -> None:
    class Last(nn.Module):
        def __init__(self, activation: nn.Module) -> None:
            super().__init__()
            self.depthwise = nn.Conv2d(16, 16, 7, padding=3, groups=16)
            self.widen, self.narrow, self.activation = nn.Linear(16, 64), nn.Linear(64, 16), activation

        def forward(self, x: Tensor) -> Tensor:
            out = self.depthwise(x).permute(0, 2, 3, 1)
            return x + self.activation(self.narrow(F.gelu(self.widen(out)))).permute(0, 3, 1, 2)

    assert [f.module for f in asked("D1", network(lambda: Last(nn.GELU()), 16), 3, 16, 16)[0]] == [
        "1.narrow",
        "2.narrow",
    ]
    assert asked("D1", network(lambda: Last(nn.Identity()), 16), 3, 16, 16)[0] == ()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "blocks"), [("mbv1", 13), ("mbv2", 17), ("mbv3_large", 15), ("shufflenetv1", 13)])
def test_published_networks_have_none(name: str, blocks: int) -> None:
    findings, checked = asked("D1", name)
    assert (findings, checked.candidates) == ((), blocks)
