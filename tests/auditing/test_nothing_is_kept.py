"""What an audit leaves of the networks that it looked at: its result, and nothing else."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

import lwprof
from lwprof.auditing import Policy
from lwprof.results.audit import AuditResult

NETWORK = """
import weakref
from torch import nn

BUILT = []

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(64, 256, 1)
        self.activation = nn.SiLU()
        self.spare = nn.Linear(8, 8)
        BUILT.append(weakref.ref(self))
        BUILT.append(weakref.ref(self.conv.weight))

    def forward(self, x):
        return self.activation(self.conv(x))

class Fails(Net):
    def forward(self, x):
        raise ValueError(f"no, not {tuple(x.shape)}")
"""


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    """What goes without the collector's help goes at once, however many networks come after."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def net() -> nn.Module:
    """A network that several rules find something in."""
    return nn.Sequential(
        nn.Conv2d(64, 256, 1), nn.BatchNorm2d(256), nn.SiLU(), nn.AvgPool2d(8), nn.Flatten(), nn.Linear(256, 100)
    )


def test_a_module_lives_no_longer_than_its_owner_wants() -> None:
    module = net()
    alive = [weakref.ref(module), *map(weakref.ref, module.parameters())]
    result = lwprof.audit(module, input_size=(64, 8, 8))
    assert result.models[0].findings
    del module
    assert not any(one() is not None for one in alive)


def test_networks_that_an_audit_builds_are_gone_with_it(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(NETWORK + "\nimport sys\nsys.modules['_kept_by_the_test'] = sys.modules[__name__]\n")
    result = lwprof.audit([f"{file}:Net", f"{file}:Fails", f"{file}:Net"], input_size=(64, 8, 8))
    assert [bool(model.failure) for model in result.models] == [False, True, False]
    built = sys.modules.pop("_kept_by_the_test").BUILT
    assert len(built) >= 6
    assert not any(one() is not None for one in built)


@pytest.mark.slow
def test_a_result_holds_no_tensor_and_no_module() -> None:
    result = lwprof.audit(net(), policy=Policy(), input_size=(64, 8, 8))
    assert not [one for one in _reachable(result) if isinstance(one, (torch.Tensor, nn.Module))]


def _reachable(result: AuditResult) -> list[object]:
    """Everything that a result refers to, classes and modules of code apart."""
    found: dict[int, object] = {}
    waiting: list[object] = [result]
    while waiting:
        one = waiting.pop()
        if id(one) not in found and not isinstance(one, (type, type(gc))):
            found[id(one)] = one
            waiting.extend(gc.get_referents(one))
    return list(found.values())
