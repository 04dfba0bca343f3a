"""Networks as converters of exported programs take them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from lwprof.timing.contract import Source
from lwprof.timing.conversions.tensors import tensors_of, tensors_only


class Mixed(nn.Module):
    """Takes and gives more than tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, pair: dict[str, torch.Tensor], scale: int, *, bias: torch.Tensor | None = None) -> Any:
        total = pair["b"] * scale - pair["a"] * self.weight
        return {"difference": total if bias is None else total + bias, "name": "mixed", "of": [pair["a"] + 1, None]}


def test_tensors_by_position_are_enough() -> None:
    pair = {"b": torch.ones(3), "a": torch.zeros(3)}
    network, given = tensors_only(Source("mixed", Mixed(), (pair, 5)))
    assert len(given) == 2
    difference, added = network(*given)
    assert difference.tolist() == [5, 5, 5]
    assert added.tolist() == [1, 1, 1]


def test_keywords_keep_their_places() -> None:
    values = {"bias": torch.full((3,), 7.0), "scale": 2, "pair": {"a": torch.ones(3), "b": torch.ones(3)}}
    network, given = tensors_only(Source("mixed", Mixed(), values))
    assert [tensor[0].item() for tensor in given] == [7, 1, 1]
    assert network(*given)[0].tolist() == [8, 8, 8]
    other = {"bias": torch.zeros(3), "scale": 2, "pair": {"a": torch.ones(3), "b": torch.ones(3) * 3}}
    assert network(*tensors_of(other))[0].tolist() == [5, 5, 5]


def test_network_is_copied_as_ordinary_tensors() -> None:
    with torch.inference_mode():
        module = Mixed()
        assert module.weight.is_inference()
        network, given = tensors_only(Source("mixed", module, ({"a": torch.ones(3), "b": torch.ones(3)}, 1)))
    assert not any(tensor.is_inference() for tensor in (*network.parameters(), *given))
    assert not network.training
    with torch.no_grad():
        next(iter(network.parameters())).zero_()
    assert module.weight.tolist() == [1, 1, 1]


def test_network_that_cannot_be_copied_is_taken_as_it_is() -> None:
    class Uncopied(nn.Module):
        def __deepcopy__(self, memory: object) -> None:
            raise TypeError("cannot be copied")

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image + 1

    network, given = tensors_only(Source("uncopied", Uncopied(), (torch.ones(1),)))
    assert network(*given)[0].item() == 2
