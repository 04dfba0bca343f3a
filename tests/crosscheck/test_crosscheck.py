"""Every network of the catalogue closes to the unit with every tool; nothing is changed by counting."""

from __future__ import annotations

import importlib.metadata
import logging
from functools import cache

import pytest
import torch
from torch import nn

from lwprof import models
from lwprof.crosscheck import TOOLS, crosscheck
from lwprof.errors import InputError
from lwprof.models import catalog
from lwprof.results.crosscheck import CrosscheckResult
from lwprof.results.loading import from_dict
from lwprof.results.networks import TensorSpec

SIDE = 33
"""A small image whose sides no stride divides: what closes there closes everywhere."""


def _variants():
    """Every variant of every network but those at their defaults, which run at their own resolution."""
    specs = []
    for entry in catalog.entries().values():
        assert entry.min_resolution <= SIDE
        for chosen in list(dict.fromkeys(tuple(variant.options.items()) for variant in entry.variants))[1:]:
            options = ",".join(f"{key}={value}" for key, value in (*chosen, ("resolution", SIDE)))
            specs.append(f"{entry.name}:{options}")
    return specs


@cache
def _checked(spec):
    return crosscheck(models.resolve(spec))


@pytest.mark.slow
@pytest.mark.parametrize("spec", _variants())
def test_every_variant_closes(spec):
    for row in _checked(spec).rows:
        assert (row.unexplained, row.verdict.partition(":")[0]) == (0, "differs by convention"), row


@pytest.mark.slow
@pytest.mark.parametrize("name", catalog.entries())
def test_every_network_closes_at_its_resolution(name):
    result = _checked(name)
    assert [row.tool for row in result.rows] == ["torch", "fvcore", "thop"]
    for row in result.rows:
        assert row.ours == catalog.entries()[name].mult_adds
        assert row.theirs == row.ours + sum(term.amount for term in row.terms)
        assert (row.unexplained, row.verdict.partition(":")[0]) == (0, "differs by convention"), row


def test_the_three_counts_of_mobilenet_v2():
    rows = {row.tool: row for row in _checked("mbv2").rows}
    named = {tool: {term.name: term.amount for term in row.terms} for tool, row in rows.items()}
    assert named["torch"] == {"two operations per mult-add": 300_774_272}
    assert rows["torch"].theirs == 601_548_544
    assert named["fvcore"] == {"batch norm": 13_356_224, "adaptive pooling": 62_720}
    assert rows["fvcore"].theirs == 314_193_216
    assert named["thop"] == {"batch norm": 26_712_448, "adaptive pooling": 64_000}
    assert rows["thop"].theirs == 327_550_720
    assert rows["thop"].verdict == "differs by convention: batch norm and adaptive pooling"
    assert all(row.version for row in rows.values())


@pytest.mark.slow
def test_a_batch_counts_whole():
    one, four = (crosscheck(models.resolve("mbv3_small:resolution=32", batch=batch)) for batch in (1, 4))
    for single, batch in zip(one.rows, four.rows, strict=True):
        assert (batch.ours, batch.theirs, batch.unexplained) == (4 * single.ours, 4 * single.theirs, 0)


@pytest.mark.slow
def test_a_spec_a_module_and_a_network_are_one():
    network = models.resolve("mbv2:resolution=32")
    rows = crosscheck(network).rows
    assert crosscheck("mbv2:resolution=32").rows == crosscheck("mbv2", input_size=(3, 32, 32)).rows == rows
    assert crosscheck(network.module, input_size=(3, 32, 32)).rows == rows
    assert crosscheck(network.module, inputs=torch.zeros(1, 3, 32, 32)).rows == rows
    assert crosscheck(network.module, inputs={"x": torch.zeros(1, 3, 32, 32)}).rows == rows
    assert crosscheck("mbv2", inputs=lambda: torch.zeros(1, 3, 32, 32)).rows == rows
    result = crosscheck(nn.Conv2d(3, 4, 1).double(), input_size=[(3, 8, 8)])
    assert result.model.name == "Conv2d"
    assert result.model.inputs == (TensorSpec((1, 3, 8, 8), "float64"),)


class ByKeyword(nn.Module):
    def forward(self, *, x):
        return x


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"network": "mobilnet2"}, "did you mean 'mbv2'?"),
        ({"network": models.resolve("mbv2"), "inputs": (torch.zeros(1),)}, "has inputs of its own; leave out"),
        ({"network": nn.ReLU(), "inputs": (torch.zeros(1),), "input_size": (1,)}, "not both"),
        ({"network": nn.ReLU(), "inputs": {"x": torch.zeros(1)}}, "the forward of ReLU does not take these inputs"),
        ({"network": ByKeyword(), "inputs": {"x": torch.zeros(1)}}, "and 'x' can only be given by keyword"),
        ({"network": 42}, "42, of type int, is neither a model spec nor an nn.Module"),
    ],
)
def test_what_cannot_be_crosschecked_is_refused_in_a_sentence(arguments, says):
    with pytest.raises(InputError) as caught:
        crosscheck(**arguments)
    assert says in str(caught.value)


@pytest.mark.slow
def test_the_result_names_the_model_and_survives_json():
    result = crosscheck(models.resolve("mbv2:width=0.75,resolution=32"))
    assert result.model.spec == "mbv2:width=0.75,resolution=32"
    assert result.model.inputs == (TensorSpec((1, 3, 32, 32), "float32"),)
    assert from_dict(result.to_dict()) == result
    assert isinstance(result, CrosscheckResult)


def test_whole_numbers_as_inputs(calling):
    network = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 3))
    resolved = models.Network("words", "words", network, (TensorSpec((2, 5), "int64"),))
    assert [row.theirs for row in crosscheck(resolved).rows] == [240, 120, 120]


def test_a_rest_is_said_loudly(calling):
    network = calling(lambda x: torch.linalg.multi_dot([x, x, x]))
    row = crosscheck(network, inputs=(torch.randn(4, 4),)).rows[1]
    assert (row.ours, row.theirs, row.unexplained) == (128, 0, -128)
    assert row.verdict == "differs by 128 too few that no known rule of it explains"


def test_a_rest_that_may_be_ours_says_so(calling):
    with torch.library._scoped_library("crosscheck_test", "DEF") as library:
        library.define("odd(Tensor x) -> Tensor")
        library.impl("odd", lambda x: torch.mm(x, x), "CPU")
        library.impl("odd", torch.empty_like, "Meta")
        network = calling(lambda x: torch.linalg.multi_dot([x, torch.ops.crosscheck_test.odd(x)]))
        row = crosscheck(network, inputs=(torch.randn(4, 4),)).rows[1]
    assert row.unexplained
    assert row.verdict.endswith("; lwprof has no rule for crosscheck_test::odd")


def test_a_tool_that_raises_is_one_row(calling):
    network = calling(lambda x: x @ x[0])
    torch_row, fvcore_row, thop_row = crosscheck(network, inputs=(torch.randn(4, 4),)).rows
    assert (fvcore_row.theirs, fvcore_row.terms, fvcore_row.unexplained) == (None, (), 0)
    assert fvcore_row.verdict == "failed: IndexError: list index out of range"
    assert fvcore_row.ours == torch_row.ours == 16
    assert torch_row.theirs == thop_row.theirs == 0


def test_a_tool_that_is_missing_says_how_to_install_it(calling, monkeypatch):
    known = importlib.metadata.version

    def version(package):
        if package == "thop":
            raise importlib.metadata.PackageNotFoundError(package)
        return known(package)

    monkeypatch.setattr(importlib.metadata, "version", version)
    *_, row = crosscheck(calling(lambda x: x @ x), inputs=(torch.randn(4, 4),)).rows
    assert (row.tool, row.theirs, row.verdict) == ("thop", None, "not installed: pip install thop")


def test_a_network_that_raises_is_an_input_error():
    with pytest.raises(InputError, match="forward of Conv2d raised"):
        crosscheck(nn.Conv2d(4, 4, 3), inputs=(torch.zeros(1, 3, 8, 8),))


class Untidy(nn.Module):
    """Has everything that a tool could leave changed."""

    def __init__(self) -> None:
        super().__init__()
        shared = nn.Conv2d(3, 3, 3, padding=1)
        self.left, self.right = nn.Sequential(shared, nn.BatchNorm2d(3)), nn.Sequential(shared, nn.Dropout(0.5))
        self.up = nn.Upsample(scale_factor=2, mode="nearest-exact")
        self.seen: list[int] = []
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x):
        self.seen.append(x.shape[0])
        self.calls.add_(1)
        x.clamp_(min=0)
        x = self.left(x) + self.right(x)
        return (self.up(x).flatten(1) * torch.rand(1)).mean(1) @ torch.ones(x.shape[0])


def _state(network):
    return {
        "training": [(name, module.training) for name, module in network.named_modules()],
        "attributes": [(name, sorted(vars(module))) for name, module in network.named_modules()],
        "keys": list(network.state_dict()),
        "hooks": [
            (name, len(module._forward_hooks), len(module._forward_pre_hooks))
            for name, module in network.named_modules()
        ],
        "requires_grad": [parameter.requires_grad for parameter in network.parameters()],
        "seen": list(network.seen),
    }


def test_nothing_is_changed_or_printed(capfd, recwarn, monkeypatch):
    monkeypatch.setattr(logging.root, "handlers", [])
    network = Untidy()
    network.right.eval()
    network.left[1].register_forward_hook(lambda *_: None)
    image = torch.randn(2, 3, 6, 6)
    before, weights = _state(network), {key: tensor.clone() for key, tensor in network.state_dict().items()}
    pixels, random = image.clone(), torch.get_rng_state()
    result = crosscheck(network, inputs=(image,))
    assert [row.theirs is None for row in result.rows] == [False, True, False]  # fvcore raises at the end
    assert _state(network) == before
    assert all(torch.equal(tensor, weights[key]) for key, tensor in network.state_dict().items())
    assert torch.equal(image, pixels)
    assert torch.equal(torch.get_rng_state(), random)
    assert logging.root.handlers == []
    assert logging.root.manager.disable == logging.NOTSET
    assert torch.backends.mha.get_fastpath_enabled()
    assert torch.is_grad_enabled()
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


def test_a_tool_logs_nothing(caplog):
    crosscheck(nn.Upsample(scale_factor=2, mode="nearest-exact"), inputs=(torch.randn(1, 3, 4, 4),))
    assert caplog.records == []


def test_the_order_of_tools_is_the_order_of_rows():
    assert [tool.name for tool in TOOLS] == ["torch", "fvcore", "thop"]
