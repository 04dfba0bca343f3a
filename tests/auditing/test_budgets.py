"""Budgets are read as people write them, and held against exact counts."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from onnx import TensorProto, helper, numpy_helper, save
from onnx_nodes import node, weights
from torch import nn

from lwprof.auditing.budgets import NAMES, Limits, check, parse
from lwprof.errors import InputError
from lwprof.profiling import Examination, examine
from lwprof.results.audit import Budget

MBV2 = {
    "max_params": 3_504_872,
    "max_mult_adds": 300_774_272,
    "max_memory_access.paper": 16_916_072,
    "max_memory_access.eager": 43_266_256,
    "max_memory_access.fused": 17_647_280,
    "max_peak_activation.eager": 9_633_792,
    "max_peak_activation.fused": 6_021_120,
    "max_fragments": 3,
    "max_model_bytes": 4 * (3_504_872 + 34_112) + 8 * 52,  # two statistics for each channel, a counter for each norm
}


@pytest.fixture(scope="module")
def mbv2() -> Examination:
    return examine("mbv2")


def held(seen: Examination, **table: Any) -> dict[str, Budget]:
    return {budget.name: budget for budget in check(parse(table, "budgets"), seen.graph, seen.result)}


@pytest.mark.slow
def test_budget_that_is_met_exactly_is_ok(mbv2: Examination) -> None:
    found = held(mbv2, **MBV2)
    assert list(found) == [name for name in NAMES if name in MBV2]
    assert {name: budget.actual for name, budget in found.items()} == MBV2
    assert all(budget.ok and not budget.advisory and not budget.remark for budget in found.values())


def test_budget_that_is_exceeded_by_one_is_not_ok(mbv2: Examination) -> None:
    found = held(mbv2, **{name: number - 1 for name, number in MBV2.items()})
    assert len(found) == 9
    assert not any(budget.ok for budget in found.values())
    assert {name: budget.limit for name, budget in found.items()} == {name: one - 1 for name, one in MBV2.items()}


def test_no_budgets_hold_nothing(mbv2: Examination) -> None:
    assert check(Limits(), mbv2.graph, mbv2.result) == ()


def test_network_without_blocks_has_no_fragments_to_limit() -> None:
    (budget,) = held(examine(nn.Conv2d(3, 4, 1)), max_fragments=1).values()
    assert (budget.actual, budget.ok) == (None, True)
    assert "no building blocks" in budget.remark


def test_model_bytes_are_those_of_every_stored_tensor_in_its_dtype() -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 1).half(), nn.BatchNorm2d(8))
    module[0].weight.requires_grad_(False)
    shared = nn.ModuleList([module, module[0]])
    shared.forward = module.forward  # type: ignore[method-assign]
    seen = examine(shared, inputs=(torch.zeros(1, 3, 4, 4, dtype=torch.half),))
    (budget,) = held(seen, max_model_bytes="1 kB").values()
    assert budget.actual == 2 * (24 + 8) + 4 * 4 * 8 + 8


def test_model_bytes_of_an_onnx_file_are_those_of_its_weights(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 8, 8))
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    stored = {"w": weights(8, 3, 3, 3), "b": weights(8)}
    arrays = [numpy_helper.from_array(array, name) for name, array in stored.items()]
    graph = helper.make_graph([node("Conv", "x w b", "y")], "net", [image], [made], arrays)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), file)
    (budget,) = held(examine(str(file)), max_model_bytes="1 kB").values()
    assert budget.actual == 4 * (8 * 3 * 3 * 3 + 8)


def test_count_that_lacks_operators_says_so() -> None:
    class Sorting(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image.logcumsumexp(1) @ image

    found = held(examine(Sorting(), input_size=(4, 8, 8)), max_mult_adds="1M", max_params=0)
    assert found["max_mult_adds"].ok
    assert found["max_mult_adds"].remark == "without aten::logcumsumexp (1x), which no rule counts"
    assert not found["max_params"].remark


@pytest.mark.parametrize(
    ("name", "written", "read"),
    [
        ("max_params", 4_000_000, 4e6),
        ("max_params", 4.5e6, 4_500_000),
        ("max_params", "4.5M", 4_500_000),
        ("max_params", "18_000_000", 18e6),
        ("max_params", " 600k ", 600_000),
        ("max_params", 0, 0),
        ("max_model_bytes", "10MB", 10e6),
        ("max_model_bytes", "10 M", 10e6),
        ("max_model_bytes", "1.5MiB", 1_572_864),
        ("max_peak_activation.eager", "9.6 MiB", 10_066_329.6),
        ("max_peak_activation.fused", "512 B", 512),
        ("max_peak_activation.fused", "64 kib", 65_536),
        ("max_fragments", "7", 7),
    ],
)
def test_limits_are_numbers_or_texts_with_units(name: str, written: Any, read: float) -> None:
    assert parse({name: written}, "budgets").counts == {name: read}


def test_views_may_be_tables_or_names_with_dots() -> None:
    table = parse({"max_memory_access": {"paper": 1, "fused": 2}, "max_peak_activation": {"eager": 3}}, "budgets")
    dotted = {"max_memory_access.paper": 1, "max_memory_access.fused": 2, "max_peak_activation.eager": 3}
    assert table == parse(dotted, "budgets")
    assert table.counts == dotted


@pytest.mark.slow
def test_later_budgets_go_before_earlier_ones() -> None:
    base = parse({"max_params": 1, "max_fragments": 2, "max_latency_ratio": {"to": "mbv1", "ratio": 2}}, "file")
    both = parse(
        {"max_params": 5, "max_latency_ratio.ratio": "1.5", "max_latency_ratio.enforced": "true"}, "line", base
    )
    assert both.counts == {"max_params": 5, "max_fragments": 2}
    assert base.counts == {"max_params": 1, "max_fragments": 2}
    assert both.latency is not None
    assert (both.latency.to.text, both.latency.ratio, both.latency.enforced) == ("mbv1", 1.5, True)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"max_param": 1}, "unknown budget 'max_param'; did you mean 'max_params'?"),
        ({"size": 1}, "unknown budget 'size'; there is max_params, max_mult_adds, max_memory_access.paper,"),
        ({"max_memory_access": "18M"}, "max_memory_access must name its view: max_memory_access.paper, "
                                       "max_memory_access.eager or max_memory_access.fused"),
        ({"max_peak_activation": 1}, "must name its view: max_peak_activation.eager or max_peak_activation.fused"),
        ({"max_memory_access": {"fusde": 1}}, "did you mean 'max_memory_access.fused'?"),
        ({"max_params": {"fused": 1}}, "unknown budget 'max_params.fused'; did you mean 'max_params'?"),
        ({"max_params": "4 elephants"}, "max_params must be a number such as 4_000_000 or 4M, not '4 elephants'"),
        ({"max_params": True}, "not True"),
        ({"max_params": [4]}, "not [4]"),
        ({"max_params": {}}, "not {}"),
        ({"max_params": math.nan}, "not nan"),
        ({"max_params": "nan"}, "not 'nan'"),
        ({"max_params": math.inf}, "max_params is larger than anything that is counted: inf"),
        ({"max_params": "9" * 40}, "larger than anything"),
        ({"max_params": 10**400}, "max_params is larger than anything that is counted: 1000"),
        ({"max_params": -(10**400)}, "max_params must be 0 or more, not -1000"),
        ({"max_params": -1}, "max_params must be 0 or more, not -1"),
        ({"max_params": "-4M"}, "not '-4M'"),
        ({"max_model_bytes": "10 MBit"}, "max_model_bytes must be a number such as 10 MB or 9.6 MiB, not '10 MBit'"),
        ({"max_memory_access.fused": "18 MB"}, "max_memory_access.fused is no number of bytes; write one such as 18M"),
        ({"max_latency_ratio": 1.2}, 'max_latency_ratio must be a table such as {to = "mbv2", ratio = 1.2}, not 1.2'),
        ({"max_latency_ratio": {"to": "mbv2"}}, "max_latency_ratio lacks 'ratio'"),
        ({"max_latency_ratio": {"ratio": 1.2}}, "max_latency_ratio lacks 'to'"),
        ({"max_latency_ratio": {"to": "mobilnet_v2", "ratio": 1}}, "max_latency_ratio.to: unknown network"),
        ({"max_latency_ratio": {"to": 2, "ratio": 1}}, "to must be a model spec such as 'mbv2', not 2"),
        ({"max_latency_ratio.raito": 1}, "max_latency_ratio: unknown setting 'raito'; did you mean 'ratio'?"),
        ({"max_latency_ratio": {"to": "mbv2", "ratio": 0}}, "max_latency_ratio.ratio must be a number above 0"),
        ({"max_latency_ratio": {"to": "mbv2", "ratio": "nan"}}, "must be a number above 0 such as 1.2, not 'nan'"),
        ({"max_latency_ratio": {"to": "mbv2", "ratio": True}}, "not True"),
        ({"max_latency_ratio": {"to": "mbv2", "ratio": 1, "backend": "tourch"}}, "did you mean 'torch'?"),
        ({"max_latency_ratio": {"to": "mbv2", "ratio": 1, "enforced": 1}}, "enforced must be true or false, not 1"),
    ],
)  # fmt: skip
def test_wrong_budgets_are_refused_in_one_line(table: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(table, "lwprof.toml: [audit.budgets.tiny]")
    message = str(caught.value)
    assert message.startswith("lwprof.toml: [audit.budgets.tiny]: ")
    assert words in message
    assert "\n" not in message


def test_path_of_the_other_network_is_relative_to_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    limits = parse({"max_latency_ratio": {"to": "net.py:Old", "ratio": 1}}, "budgets", folder=tmp_path / "inner" / "x")
    assert limits.latency is not None
    assert limits.latency.to.place == str(Path("x") / "net.py")
