"""A fingerprint changes with what a network computes, and with nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lwprof.timing.conversions import fingerprint

IMAGE = (torch.ones(1, 3, 8, 8),)


class Net(nn.Module):
    def __init__(self, slope: float = 0.1) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.slope = slope

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return nn.functional.leaky_relu(self.norm(self.conv(image)), self.slope)


class Renamed(Net):
    """Another name, another comment, the same operators."""

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        maps = self.norm(self.conv(picture))  # a comment
        return nn.functional.leaky_relu(maps, self.slope)


class Rewritten(Net):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.norm(nn.functional.leaky_relu(self.conv(image), self.slope))


class Twice(Net):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return super().forward(image) + super().forward(image)


def of(module: nn.Module, values: Any = IMAGE) -> str:
    return fingerprint.of_module(module.eval(), values)


def test_renamed_class_and_comments_change_nothing() -> None:
    assert of(Net()) == of(Net()) == of(Renamed())


def test_content_of_inputs_changes_nothing() -> None:
    assert of(Net(), IMAGE) == of(Net(), (torch.zeros(1, 3, 8, 8),))


def weight(net: Any) -> None:
    net.conv.weight.data[3, 2, 1, 0] += 1e-6


def statistics(net: Any) -> None:
    net.norm.running_var[2] = 1.5


def padding(net: Any) -> None:
    net.conv.padding_mode, net.conv._reversed_padding_repeated_twice = "reflect", [1, 1, 1, 1]


def epsilon(net: Any) -> None:
    net.norm.eps = 1e-3


@pytest.mark.parametrize("change", [weight, statistics, padding, epsilon])
def test_changed_network_has_another(change: Callable[[Any], None]) -> None:
    net = Net()
    change(net)
    assert of(net) != of(Net())


@pytest.mark.parametrize("other", [Net(0.2), Rewritten(), Twice()])
def test_changed_code_has_another(other: nn.Module) -> None:
    assert of(other) != of(Net())


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (1, 3, 9, 8)])
def test_other_shapes_have_another(shape: tuple[int, ...]) -> None:
    assert of(Net(), (torch.ones(shape),)) != of(Net())


def test_dtype_counts() -> None:
    assert of(Net().double(), (IMAGE[0].double(),)) != of(Net())


def test_order_of_operands_counts() -> None:
    class Difference(nn.Module):
        def __init__(self, turned: bool) -> None:
            super().__init__()
            self.turned = turned

        def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
            return second - first if self.turned else first - second

    pair = (torch.ones(3), torch.zeros(3))
    assert of(Difference(False), pair) != of(Difference(True), pair)


class Pair(nn.Module):
    """Gives back what it is told to of two tensors that it always computes."""

    def __init__(self, *wanted: int) -> None:
        super().__init__()
        self.wanted = wanted

    def forward(self, image: torch.Tensor) -> Any:
        found = image.relu(), image.relu().exp()
        return tuple(found[place] for place in self.wanted)


def test_what_is_given_back_counts() -> None:
    assert len({of(Pair(*wanted)) for wanted in ((0, 1), (1, 0), (0,), (1,))}) == 4


def test_names_of_inputs_count() -> None:
    (image,) = IMAGE
    assert len({of(Net(), IMAGE), of(Net(), {"image": image}), of(Renamed(), {"picture": image})}) == 3


def test_weights_beside_a_file_count(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    file = tmp_path / "net.onnx"
    weight = onnx.numpy_helper.from_array(torch.ones(1024).numpy(), "weight")
    onnx.save(
        onnx.helper.make_model(onnx.helper.make_graph([], "net", [], [], [weight])),
        str(file),
        save_as_external_data=True,
        location="net.data",
    )
    before = fingerprint.of_file(file)
    assert fingerprint.of_file(file) == before
    weights = bytearray((tmp_path / "net.data").read_bytes())
    weights[0] ^= 1
    (tmp_path / "net.data").write_bytes(weights)
    assert fingerprint.of_file(file) != before


def test_files_by_their_content(tmp_path: Any) -> None:
    files = [tmp_path / name for name in "abc"]
    for file, text in zip(files, ("one", "one", "two"), strict=True):
        file.write_text(text)
    first, second, third = map(fingerprint.of_file, files)
    assert first == second != third
