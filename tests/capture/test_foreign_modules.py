"""Compiled, scripted, frozen, quantised and extended modules: counted, or unknown by name, never 0."""

from __future__ import annotations

import sys
import threading

import pytest
import torch
import torch.nn.functional as F
from function_networks import Forward
from torch import nn
from torch.utils.checkpoint import checkpoint

import lwprof
from lwprof.capture import capture
from lwprof.errors import InputError

X = torch.rand(1, 8, 6, 6, generator=torch.Generator().manual_seed(0))


def convs() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(8, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).eval()


def counts(module: nn.Module, *inputs: torch.Tensor) -> tuple[int, int]:
    result = lwprof.profile(module, inputs=inputs or (X,))
    assert result.coverage.unknown == ()
    for rows in (result.layers, result.kinds):
        assert sum(row.params for row in rows) == result.totals.params
        assert sum(row.mult_adds for row in rows) == result.totals.mult_adds
    return result.totals.params, result.totals.mult_adds


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x)
        return F.conv2d(x, weight)

    @staticmethod
    def backward(ctx, grad):
        raise NotImplementedError


# fmt: off
MODULES = {
    "script":            lambda: torch.jit.script(convs()),
    "script inside":     lambda: nn.Sequential(torch.jit.script(convs())),
    "trace":             lambda: torch.jit.trace(convs(), X),
    "trace inside":      lambda: nn.Sequential(torch.jit.trace(convs(), X)),
    "compiled":          lambda: torch.compile(convs(), backend="eager"),
    "compiled inside":   lambda: nn.Sequential(torch.compile(convs(), backend="eager")),
    "data parallel":     lambda: nn.DataParallel(convs()),
    "checkpoint":        lambda: Forward(lambda m, x: checkpoint(m.c, x, use_reentrant=False), c=convs()),
    "old checkpoint":    lambda: Forward(lambda m, x: checkpoint(m.c, x, use_reentrant=True), c=convs()),
    "inference mode":    lambda: Forward(lambda m, x: torch.inference_mode()(m.c)(x), c=convs()),
}
# fmt: on


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODULES)
def test_wrappers_hide_nothing(name: str) -> None:
    assert counts(MODULES[name]()) == (292 + 8, 4608)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [lambda: torch.jit.script(convs()), lambda: torch.jit.trace(convs(), X)])
def test_frozen_scripts_keep_their_weights(make) -> None:
    for frozen in (torch.jit.freeze(make()), nn.Sequential(torch.jit.freeze(make()))):
        params, mult_adds = counts(frozen)
        assert mult_adds == 4608
        assert params == 292  # freezing folds the batch norm into the convolution


def test_vmap_and_autograd_functions() -> None:
    assert counts(Forward(lambda m, x: torch.vmap(m.l)(x), l=nn.Linear(8, 5)), torch.rand(3, 8)) == (45, 120)
    assert counts(Forward(lambda m, x: Double.apply(x, m.c.weight), c=nn.Conv2d(8, 4, 3, bias=False))) == (288, 4608)


@pytest.mark.filterwarnings("ignore")
def test_quantised_layers_keep_their_weights() -> None:
    module = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    quantised = torch.ao.quantization.quantize_dynamic(module, {nn.Linear})
    result = lwprof.profile(quantised, inputs=(torch.rand(2, 8),))
    assert (result.totals.params, result.totals.mult_adds) == (144 + 68, 2 * (128 + 64))
    assert result.totals.param_bytes < 4 * 212  # weights of one byte
    assert sum(kind.params for kind in result.kinds) == 212


def test_a_function_compiles_after_it_was_captured() -> None:
    compiled: list[int] = []

    def backend(graph, _examples):
        compiled.append(1)
        return graph.forward

    module = convs()
    whole = torch.compile(module, backend=backend)
    assert counts(whole) == (300, 4608)
    assert compiled == []
    expected = module(X)
    assert torch.equal(whole(X), expected)
    assert compiled == [1]


@pytest.mark.slow
def test_capture_does_not_load_the_compiler() -> None:
    import subprocess

    code = (
        "import sys, torch, lwprof; lwprof.profile(torch.nn.Conv2d(3, 4, 1));sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def operators():
    @torch.library.custom_op("lwtest::doubled", mutates_args=())
    def doubled(x: torch.Tensor) -> torch.Tensor:
        return x * 2

    @torch.library.custom_op("lwtest::faked", mutates_args=())
    def faked(x: torch.Tensor) -> torch.Tensor:
        return x * 2

    faked.register_fake(torch.empty_like)
    return {"doubled": doubled, "faked": faked}


@pytest.mark.parametrize("name", ["doubled", "faked"])
def test_custom_operators_are_unknown_until_a_rule_is_registered(operators, name: str) -> None:
    from lwprof import costs

    module = Forward(lambda m, x: operators[name](m.c(x)), c=nn.Conv2d(8, 4, 3))
    result = lwprof.profile(module, inputs=(X,))
    assert [(row.op, row.count) for row in result.coverage.unknown] == [(f"lwtest::{name}", 1)]
    assert (result.totals.params, result.totals.mult_adds) == (292, 4608)
    lwprof.register_rule(f"lwtest::{name}", lambda op: costs.Cost("adder", additions=op.outputs[0].elements))
    result = lwprof.profile(module, inputs=(X,))
    assert result.coverage.unknown == ()
    assert result.totals.additions == 64
    assert result.totals.mult_adds == 4608


def test_what_numpy_made_is_unknown() -> None:
    module = Forward(lambda m, x: m.c(torch.from_numpy(x.numpy() * 2)), c=nn.Conv2d(8, 4, 3))
    result = lwprof.profile(module, inputs=(X,))
    assert result.input_dependent
    assert [row.op for row in result.coverage.unknown] == ["tensor made outside torch operators"]
    assert result.totals.mult_adds == 4608
    module = Forward(lambda m, x: torch.from_numpy(x.numpy() * 2))  # nothing but NumPy
    assert lwprof.profile(module, inputs=(X,)).coverage.unknown


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # the thread of the meta run
def test_what_another_thread_made_is_unknown() -> None:
    def forward(m, x):
        made = []
        worker = threading.Thread(target=lambda: made.append(m.c(x)))
        worker.start()
        worker.join()
        return made[0] * 2

    module = Forward(forward, c=convs())
    result = lwprof.profile(module, inputs=(X,))
    assert [row.op for row in result.coverage.unknown] == ["tensor made outside torch operators"]
    assert [call.module for call in capture(module, (X,)).calls] == [""]  # calls of other threads are not ours


@pytest.mark.parametrize("forward", [
    lambda m, x: m.c(x) if x.sum().item() > -1 else x,
    lambda m, x: m.c(x) if x.sum() > -1 else x,
    lambda m, x: m.c(x) * float(x.max()),
    lambda m, x: m.c(x)[x[:, :4, 1:5, 1:5] > 0],
    lambda m, x: m.c(x)[:, : int(x[0, 0].argmax()) + 1],
    lambda m, x: m.c(torch.tensor(x.tolist())),
])  # fmt: skip
def test_networks_that_read_values_are_run_for_real(forward) -> None:
    result = lwprof.profile(Forward(forward, c=nn.Conv2d(8, 4, 3)), inputs=(X,))
    assert result.input_dependent
    assert result.totals.mult_adds == 4608


def test_constants_may_be_read_without_a_real_run() -> None:
    def forward(m, x):
        return m.c(x) * torch.linspace(0, 1, 4)[2].item() if torch.arange(3).sum() == 3 else x

    result = lwprof.profile(Forward(forward, c=nn.Conv2d(8, 4, 3)), inputs=(X,))
    assert not result.input_dependent
    assert result.totals.mult_adds == 4608


def test_a_forward_that_fails_says_why_in_one_line() -> None:
    def fail(m, x):
        raise ValueError("7 channels are not possible\nand more")

    with pytest.raises(InputError, match="forward of Forward raised ValueError: 7 channels are not possible") as caught:
        lwprof.profile(Forward(fail), inputs=(X,))
    assert "\n" not in str(caught.value)
    assert "(1, 8, 6, 6)" in str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_dict_that_is_the_one_argument_belongs_in_a_tuple() -> None:
    net, batch = Forward(lambda m, x: x["image"] * 2), {"image": X}
    with pytest.raises(InputError, match=r"unexpected keyword argument 'image' .*belongs in a tuple"):
        lwprof.profile(net, inputs=batch)
    assert lwprof.profile(net, inputs=(batch,)).totals.elementwise_ops == X.numel()


def test_a_network_in_quantisation_aware_training_needs_values() -> None:
    observed = torch.ao.quantization.FusedMovingAvgObsFakeQuantize()
    result = lwprof.profile(nn.Sequential(nn.Conv2d(8, 4, 1), observed), inputs=(X,))  # on meta tensors torch crashes
    assert (result.totals.mult_adds, result.input_dependent) == (6 * 6 * 8 * 4, True)


def test_memory_is_not_needed() -> None:
    graph = capture(nn.Sequential(nn.Conv2d(3, 64, 1), nn.ReLU()), (torch.empty(64, 3, 65536, 4096, device="meta"),))
    assert graph.outputs[0].bytes == 4 * 64 * 64 * 65536 * 4096


def test_numbers_that_stand_in_the_code_are_known() -> None:
    class Scaled(nn.Module):
        def forward(self, x):
            return (x * torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1) + torch.tensor(1.0))[:, [0, 2, 1]]

    result = lwprof.profile(Scaled(), input_size=(3, 4, 4))
    assert (result.coverage.unknown, result.input_dependent) == ((), False)
