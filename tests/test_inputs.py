from __future__ import annotations

import pytest
import torch
from torch import nn

from lwprof.inputs import floating_dtype, random_tensor


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.complex64, torch.bool])
def test_drawn_tensors_vary_and_come_again(dtype: torch.dtype) -> None:
    tensor = random_tensor((50,), dtype)
    assert (tensor.dtype, tensor.shape) == (dtype, (50,))
    assert len(set(tensor.tolist())) > 1
    assert torch.equal(tensor, random_tensor((50,), dtype))


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8])
def test_integers_index_a_table_of_one_row(dtype: torch.dtype) -> None:
    nn.Embedding(1, 4)(random_tensor((50,), dtype).long())


def test_a_generator_gives_another_tensor_each_time() -> None:
    generator, state = torch.Generator().manual_seed(0), torch.get_rng_state()
    first, second = (random_tensor((50,), torch.float32, generator) for _ in range(2))
    assert not torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)


def test_floating_dtype_is_that_of_the_first_parameter_with_fractions() -> None:
    assert floating_dtype(nn.Sequential(nn.ReLU(), nn.Linear(2, 2)).half()) is torch.float16
    assert floating_dtype(nn.ReLU()) is torch.float32
