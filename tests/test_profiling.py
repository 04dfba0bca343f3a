"""The Python front door: what profile() takes, what it refuses, and that its numbers hold together."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import lwprof
from lwprof.errors import InputError
from lwprof.results.loading import from_dict
from lwprof.results.networks import TensorSpec


class TwoInputs(nn.Module):
    """Adds an image's and a vector's features."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.linear = nn.Conv2d(3, 4, 1), nn.Linear(5, 4)

    def forward(self, image, vector):
        return self.conv(image).mean((2, 3)) + self.linear(vector)


def test_input_sizes_leave_the_batch_out() -> None:
    conv = nn.Conv2d(3, 8, 3, padding=1, bias=False)
    for size in ((3, 32, 32), [3, 32, 32], [(3, 32, 32)]):
        result = lwprof.profile(conv, input_size=size)
        assert result.model.inputs == (TensorSpec((1, 3, 32, 32), "float32"),)
        assert (result.totals.params, result.totals.mult_adds) == (216, 221_184)
    assert lwprof.profile(conv).model.inputs[0].shape == (1, 3, 224, 224)
    two = lwprof.profile(TwoInputs(), input_size=[(3, 8, 8), (5,)])
    assert two.totals.mult_adds == 64 * 12 + 20
    assert lwprof.profile(nn.Linear(7, 2), input_size=(7,)).totals.mult_adds == 14


@pytest.mark.slow
def test_specs_and_modules_give_the_same() -> None:
    spec = lwprof.profile("mbv2:width=0.5", input_size=(3, 96, 96))
    module = lwprof.profile(lwprof.build("mbv2", width=0.5), input_size=(3, 96, 96))
    assert spec.totals == module.totals
    assert spec.layers == module.layers
    assert lwprof.profile("mbv2:width=0.5,resolution=96").totals == spec.totals


@pytest.mark.parametrize(("call", "message"), [
    (lambda: lwprof.profile("mobilnet2"), "did you mean"),
    (lambda: lwprof.profile("mbv2", inputs=(torch.zeros(1, 3, 32, 32),), input_size=(3, 32, 32)), "either inputs or"),
    (lambda: lwprof.profile("mbv2", inputs=7), "inputs must be a tensor, .* not a value of type int"),
    (lambda: lwprof.profile(nn.ReLU(), inputs=(torch.zeros(1),), input_size=(1,)), "not both"),
    (lambda: lwprof.profile(nn.Conv2d(4, 4, 1)), "expected input"),
    (lambda: lwprof.profile(nn.Linear(4, 4), inputs=()), "missing"),
])  # fmt: skip
def test_what_it_refuses(call, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_result_survives_its_file() -> None:
    result = lwprof.profile(TwoInputs(), input_size=[(3, 8, 8), (5,)])
    assert from_dict(result.to_dict()) == result


@pytest.mark.parametrize(("module", "inputs"), [
    (nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), (torch.zeros(2, 5, 16),)),
    (nn.LSTM(6, 4, bidirectional=True), (torch.zeros(5, 2, 6),)),
    (nn.Bilinear(3, 4, 5), (torch.zeros(2, 3), torch.zeros(2, 4))),
    (nn.Embedding(10, 4), (torch.zeros(3, dtype=torch.int64),)),
    (nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2, return_indices=True)), (torch.zeros(1, 3, 8, 8),)),
    (TwoInputs(), (torch.zeros(2, 3, 8, 8), torch.zeros(2, 5))),
])  # fmt: skip
def test_layers_and_kinds_sum_to_the_totals_and_every_operator_is_accounted_for(module, inputs) -> None:
    from lwprof.capture import capture

    result = lwprof.profile(module, inputs=inputs)
    totals, coverage = result.totals, result.coverage
    for rows in (result.layers, result.kinds):
        assert sum(row.params for row in rows) == totals.params
        assert sum(row.mult_adds for row in rows) == totals.mult_adds
        assert sum(row.paper_elements for row in rows) == totals.memory_access.paper_elements
    assert sum(layer.eager_elements for layer in result.layers) == totals.memory_access.eager_elements
    operators = len(capture(module, inputs).operators)
    assert coverage.counted + coverage.free + sum(row.count for row in coverage.unknown) == operators
    assert totals.memory_access.fused_elements <= totals.memory_access.eager_elements
    assert totals.fused_peak_activation_bytes <= totals.peak_activation_bytes


@pytest.mark.parametrize("size", [7, (3, -1, 8), "3x8x8", [(3, 8), "x"], (3.5, 8)])
def test_an_impossible_input_size_is_refused_in_a_sentence(size):
    with pytest.raises(InputError, match="is no shape such as"):
        lwprof.profile(nn.ReLU(), input_size=size)


def test_the_default_input_has_the_dtype_of_the_network():
    assert lwprof.profile(nn.Conv2d(3, 4, 1).half()).model.inputs == (TensorSpec((1, 3, 224, 224), "float16"),)
    assert lwprof.profile(nn.Conv2d(3, 4, 1).double(), input_size=(3, 8, 8)).model.inputs[0].dtype == "float64"


def test_what_is_no_network_is_refused_in_a_sentence():
    with pytest.raises(InputError, match=r"^42, of type int, is neither a model spec"):
        lwprof.profile(42)


def test_a_size_without_a_dtype_gets_that_of_the_users_network(tmp_path):
    (tmp_path / "net.py").write_text("from torch import nn\n\ndef half():\n    return nn.Conv2d(3, 4, 1).half()\n")
    result = lwprof.profile(f"{tmp_path}/net.py:half", input_size=(3, 8, 8))
    assert result.model.inputs == (TensorSpec((1, 3, 8, 8), "float16"),)


@pytest.mark.slow
def test_weights_and_batch_go_with_a_spec_as_on_the_command_line(tmp_path):
    module = lwprof.build("mbv1:width=0.25")
    torch.save(module.state_dict(), tmp_path / "weights.pth")
    spec, size = "mbv1:width=0.25", (3, 64, 64)
    result = lwprof.profile(spec, input_size=size, batch=3, weights_file=tmp_path / "weights.pth")
    assert result.model.inputs == (TensorSpec((3, *size), "float32"),)
    assert result.totals.mult_adds == 3 * lwprof.profile(spec, input_size=size).totals.mult_adds
    with pytest.raises(InputError, match="does not fit mbv1"):
        lwprof.profile("mbv1:width=0.5", weights_file=tmp_path / "weights.pth")


def test_a_forward_may_take_no_tensor_at_all():
    class Constant(nn.Module):
        def forward(self):
            return torch.ones(4) + 1

    assert lwprof.profile(Constant(), inputs=()).totals.elementwise_ops == 4


@pytest.mark.parametrize("size", [TensorSpec((3,), "int65"), [(3, 8, 8), TensorSpec((3,), "int65")]])
def test_a_dtype_that_torch_has_not_is_refused_in_a_sentence(size):
    for network in ("mbv1", nn.ReLU()):
        with pytest.raises(InputError, match=r"^input_size .*: unknown dtype 'int65'; did you mean 'u?int"):
            lwprof.profile(network, input_size=size)
