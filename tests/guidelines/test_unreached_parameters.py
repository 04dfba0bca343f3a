"""D9: parameters that are stored and that no forward reads."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import lwprof
from lwprof.auditing import Policy
from lwprof.results.audit import AuditedModel

ALONE = Policy(select=("D9",))


def audited(network: nn.Module | str, size: tuple[int, ...] | None = (8, 6, 6)) -> AuditedModel:
    """One network by this rule alone."""
    (model,) = lwprof.audit(network, policy=ALONE, input_size=size).models
    assert not model.failure
    return model


class Spare(nn.Module):
    """A convolution that runs, and whatever else is given and does not."""

    def __init__(self, **others: nn.Module) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1)
        for name, module in others.items():
            self.add_module(name, module)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


def test_a_layer_that_is_never_called_is_found_with_its_count_and_bytes() -> None:
    model = audited(Spare(spare=nn.Conv2d(8, 16, 3)))
    (finding,) = model.findings
    assert (finding.module, finding.type, finding.severity) == ("spare", "Conv2d", "warning")
    assert finding.message == "no forward reads 1,168 parameters (4.7 kB): spare.weight, spare.bias"
    assert (finding.measured, finding.threshold, finding.cost) == (1168, 0, 0)
    assert (model.checked[0].candidates, model.checked[0].broken) == (2, 1)


def test_a_head_for_training_is_one_finding_at_its_outermost_module() -> None:
    head = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8), nn.Sequential(nn.Linear(8, 4)))
    (finding,) = audited(Spare(aux=head)).findings
    assert finding.module == "aux"
    assert finding.measured == 72 + 16 + 36
    assert finding.message.endswith("aux.0.weight, aux.0.bias and 4 more")


def test_what_lies_beside_a_layer_that_runs_is_found_by_itself() -> None:
    class Partly(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = nn.ModuleList(nn.Conv2d(8, 8, 1) for _ in range(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.conv2d(self.blocks[0](x), self.blocks[2].weight)

    assert {finding.module: finding.measured for finding in audited(Partly()).findings} == {
        "blocks.1": 72,
        "blocks.2": 8,  # the weight is read, the bias is not
    }


def test_a_network_without_spare_parameters_has_no_finding() -> None:
    model = audited("mbv2", None)
    assert not model.findings
    assert model.checked[0].candidates == 105  # 52 convolutions, 52 batch norms and a linear layer


def test_tied_weights_are_exempt() -> None:
    network = Spare(twin=nn.Conv2d(8, 8, 1))
    network.twin.weight, network.twin.bias = network.conv.weight, network.conv.bias  # type: ignore[union-attr]
    assert not audited(network).findings


def test_weights_that_are_listed_under_a_twin_that_does_not_run_are_exempt() -> None:
    class Reverse(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.twin = nn.Conv2d(8, 8, 1)
            self.conv = nn.Conv2d(8, 8, 1)
            self.conv.weight, self.conv.bias = self.twin.weight, self.twin.bias

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(x)

    assert not audited(Reverse()).findings


def test_parameters_that_are_returned_or_reshaped_are_read() -> None:
    class Queries(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.returned = nn.Parameter(torch.zeros(2, 4))
            self.weight = nn.Parameter(torch.zeros(64))

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return F.conv2d(x, self.weight.view(8, 8, 1, 1)), self.returned.flatten()

    assert not audited(Queries()).findings


def test_buffers_are_exempt() -> None:
    network = Spare()
    network.register_buffer("mask", torch.zeros(100))
    assert not audited(network).findings


def test_parameters_that_another_input_may_reach_are_exempt() -> None:
    class EarlyExit(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.sure, self.unsure = nn.Linear(8, 4), nn.Linear(8, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.sure(x) if x.sum().item() < 1e9 else self.unsure(x)

    assert not audited(EarlyExit(), (8,)).findings


def test_attention_reads_what_its_modules_do_not_call() -> None:
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.attention(x, x, x)[0]

    assert not audited(Attention(), (5, 8)).findings


def test_a_tolerated_number_of_parameters() -> None:
    policy = Policy(select=("D9",), thresholds={"D9": {"parameters": 72}})
    (model,) = lwprof.audit(Spare(spare=nn.Conv2d(8, 8, 1)), policy=policy, input_size=(8, 6, 6)).models
    assert not model.findings


def test_initializers_of_an_onnx_file_that_no_node_uses_are_exempt(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    weights = [helper.make_tensor(name, kind, [8, 8, 1, 1], [0.0] * 64) for name in ("used", "left")]
    ends = [helper.make_tensor_value_info(name, kind, [1, 8, 6, 6]) for name in ("x", "y")]
    nodes = [helper.make_node("Conv", ["x", "used"], ["y"])]
    model = helper.make_model(helper.make_graph(nodes, "spare", ends[:1], ends[1:], weights))
    onnx.save(model, tmp_path / "spare.onnx")
    assert not audited(str(tmp_path / "spare.onnx"), None).findings
