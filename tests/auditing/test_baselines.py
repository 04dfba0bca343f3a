"""Baselines remember what there was: only what is new, worse or larger fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import lwprof
from lwprof.auditing import audit, baselines
from lwprof.auditing.baselines import Baseline
from lwprof.auditing.quantities import counts_of
from lwprof.errors import InputError
from lwprof.results import loading
from lwprof.results.audit import AuditedModel, AuditResult, Checked, Finding, Growth, Ignored
from lwprof.results.networks import Model, TensorSpec
from lwprof.results.structure import Block, Coverage, Fragmentation, Layer, MemoryAccess, OpCount, Totals


def finding(module: str, measured: float | None = 1.5, cost: int = 100, code: str = "G1") -> Finding:
    return Finding(code, "slug", "warning", module, "It is so", measured, 1.2, cost, 0.1, "do better")


def layer(name: str, mult_adds: int = 0, params: int = 0, eager: int = 0) -> Layer:
    return Layer(name, "Conv2d", params, mult_adds, 0, eager, (), ())


def model(
    *findings: Finding,
    layers: Sequence[Layer] = (),
    fragments: dict[str, int] | None = None,
    name: str = "net",
    shape: tuple[int, ...] = (1, 3, 8, 8),
    unknown: int = 0,
    **settings: Any,
) -> AuditedModel:
    """A network whose totals are those of its layers."""
    mult_adds, params, eager = (
        sum(getattr(one, part) for one in layers) for part in ("mult_adds", "params", "eager_elements")
    )
    blocks = tuple(Block(block, "Block", number, 1, number) for block, number in (fragments or {}).items())
    most = max((block.fragments for block in blocks), default=None)
    given: dict[str, Any] = {
        "findings": findings,
        "model": Model(name, name, (TensorSpec(shape, "float32"),)),
        "totals": Totals(
            params, params, 0, 4 * params, mult_adds, 0, 0, 7, MemoryAccess(0, eager, 0, eager, 0), 64, 32
        ),
        "coverage": Coverage(3, 0, (OpCount("aten::odd", unknown),) if unknown else ()),
        "fragmentation": Fragmentation(None if most is None else float(most), most, most, blocks),
        "layers": counts_of(layers),
        "checked": (Checked("G1", 9, 9, 2.0), Checked("G4", 9, 0, None)),
    }
    return AuditedModel(name, **{**given, **settings})


def baseline(folder: Path, *models: AuditedModel) -> Baseline:
    file = folder / "baseline.json"
    baselines.write(file, AuditResult(models, ok=False))
    return baselines.read(file)


# Findings


def test_known_finding_does_not_fail(tmp_path: Path) -> None:
    compared = baseline(tmp_path, model(finding("a"), finding("b"))).compared(model(finding("a"), finding("b")))
    assert [(one.known, one.fails) for one in compared.findings] == [(True, False)] * 2
    assert (compared.ok, compared.in_baseline, compared.growth, compared.mended) == (True, True, (), 0)
    assert compared.findings[0].message == "It is so"


def test_new_finding_fails(tmp_path: Path) -> None:
    compared = baseline(tmp_path, model(finding("a"))).compared(model(finding("a"), finding("b", 1.3)))
    assert [(one.module, one.known, one.fails) for one in compared.findings] == [("a", True, False), ("b", False, True)]
    assert not compared.ok


def test_other_guideline_in_the_same_module_is_new(tmp_path: Path) -> None:
    compared = baseline(tmp_path, model(finding("a"))).compared(model(finding("a"), finding("a", code="G4")))
    assert [one.known for one in compared.findings] == [True, False]


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (finding("a", 1.75), "It is so; worse than in the baseline: 1.5 → 1.75"),
        (finding("a", cost=1_101), "It is so; worse than in the baseline: 100 → 1,101 elements"),
        (finding("a", 1.6, 200), "It is so; worse than in the baseline: 1.5 → 1.6, 100 → 200 elements"),
        (finding("a", 1.4, 200), "It is so; worse than in the baseline: 100 → 200 elements"),
    ],
)
def test_worse_finding_fails_and_says_what_it_was(tmp_path: Path, now: Finding, said: str) -> None:
    (found,) = baseline(tmp_path, model(finding("a"))).compared(model(now)).findings
    assert (found.known, found.fails, found.message) == (False, True, said)


@pytest.mark.parametrize("now", [finding("a", 1.4), finding("a", cost=99), finding("a", 1.5 + 1e-9)])
def test_better_finding_is_known(tmp_path: Path, now: Finding) -> None:
    (found,) = baseline(tmp_path, model(finding("a"))).compared(model(now)).findings
    assert (found.known, found.fails) == (True, False)


def test_finding_that_measures_nothing_is_known_by_its_price(tmp_path: Path) -> None:
    known = baseline(tmp_path, model(finding("a", None), finding("b", None)))
    compared = known.compared(model(finding("a", None), finding("b", None, 101)))
    assert [one.known for one in compared.findings] == [True, False]


def test_worse_information_stays_information(tmp_path: Path) -> None:
    told = replace(finding("a"), severity="info", fails=False)
    compared = baseline(tmp_path, model(told)).compared(model(replace(told, cost=200)))
    assert compared.ok
    assert "100 → 200" in compared.findings[0].message


def test_finding_of_a_renamed_module_is_known(tmp_path: Path) -> None:
    old = model(finding("conv"), finding("b"), layers=[layer("conv", 5), layer("b", 6)])
    new = model(finding("stem.conv"), finding("b"), layers=[layer("stem.conv", 5), layer("b", 6)])
    compared = baseline(tmp_path, old).compared(new)
    assert [one.known for one in compared.findings] == [True, True]
    assert (compared.growth, compared.mended) == ((), 0)


def test_findings_behind_an_inserted_layer_are_known(tmp_path: Path) -> None:
    findings = {number: finding(str(number), 1.5 + number / 10, 100 * number) for number in (1, 2, 3)}
    old = model(*findings.values(), layers=[layer(str(number), 9 * number) for number in (1, 2, 3)])
    moved = [replace(one, module=str(number + 1)) for number, one in findings.items()]
    inserted = [layer(str(number + 1), 9 * number) for number in (0, 1, 2, 3)]
    assert all(one.known for one in baseline(tmp_path, old).compared(model(*moved, layers=inserted)).findings)


def test_finding_does_not_move_between_modules_that_kept_their_names(tmp_path: Path) -> None:
    layers = [layer("a", 5), layer("b", 6)]
    compared = baseline(tmp_path, model(finding("a"), layers=layers)).compared(model(finding("b"), layers=layers))
    assert [one.known for one in compared.findings] == [False]
    assert compared.mended == 1


def test_copied_finding_is_new(tmp_path: Path) -> None:
    compared = baseline(tmp_path, model(finding("a"))).compared(model(finding("a"), finding("b")))
    assert [one.known for one in compared.findings] == [True, False]


def test_findings_that_are_gone_are_counted(tmp_path: Path) -> None:
    old = model(finding("a"), finding("b"), finding("c"), finding("d", code="D1"))
    new = model(finding("a"), ignored=(Ignored("G1", "b", "on purpose"),))
    assert baseline(tmp_path, old).compared(new).mended == 1  # "b" is let pass, and nobody asked D1


def test_network_that_the_baseline_lacks_is_all_new(tmp_path: Path) -> None:
    compared = baseline(tmp_path, model(name="other")).compared(model(finding("a"), layers=[layer("a", 9)]))
    assert [one.known for one in compared.findings] == [False]
    assert (compared.in_baseline, compared.growth, compared.ok) == (False, (), False)


def test_network_that_failed_stays_so(tmp_path: Path) -> None:
    failed = AuditedModel("net", failure="no file net.py", failure_code=2)
    assert baseline(tmp_path, model()).compared(failed) == failed


def test_other_inputs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        baseline(tmp_path, model()).compared(model(shape=(1, 3, 16, 16)))
    assert "net was called with 1x3x16x16 float32, with 1x3x8x8 float32 in the baseline" in str(caught.value)


# Growth


def grown(folder: Path, old: AuditedModel, new: AuditedModel) -> tuple[Growth, ...]:
    compared = baseline(folder, old).compared(new)
    assert compared.ok == (not compared.growth)
    return compared.growth


def test_growth_is_told_of_the_network_then_of_the_layers_it_comes_from(tmp_path: Path) -> None:
    old = model(layers=[layer("a", 100), layer("b", 50), layer("c", 20)])
    new = model(layers=[layer("a", 101), layer("b", 80), layer("c", 10)])
    assert grown(tmp_path, old, new) == (
        Growth("mult_adds", "", 170, 191),
        Growth("mult_adds", "b", 50, 80),
        Growth("mult_adds", "a", 100, 101),
    )


def test_every_counted_number_may_grow(tmp_path: Path) -> None:
    old = model(layers=[layer("a", 1, 2, 3)], fragments={"a": 2})
    new = model(layers=[layer("a", 2, 3, 4)], fragments={"a": 3}, unknown=1)
    assert new.totals is not None
    more = {"additions": 1, "elementwise_ops": 1, "launches": 8, "peak_activation_bytes": 65}
    access = MemoryAccess(1, 4, 0, 4, 0)
    totals = replace(new.totals, memory_access=access, fused_peak_activation_bytes=33, **more)
    found = grown(tmp_path, old, replace(new, totals=totals))
    assert [(one.quantity, one.old, one.new) for one in found if not one.module] == [
        ("params", 2, 3),
        ("param_bytes", 8, 12),
        ("mult_adds", 1, 2),
        ("additions", 0, 1),
        ("elementwise_ops", 0, 1),
        ("launches", 7, 8),
        ("memory_access.paper", 0, 1),
        ("memory_access.eager", 3, 4),
        ("memory_access.fused", 3, 4),
        ("peak_activation.eager", 64, 65),
        ("peak_activation.fused", 32, 33),
        ("fragments", 2, 3),
        ("unknown_operators", 0, 1),
    ]
    assert {one.quantity for one in found if one.module} == {"params", "mult_adds", "memory_access.eager", "fragments"}


def test_shrinking_is_fine(tmp_path: Path) -> None:
    assert grown(tmp_path, model(layers=[layer("a", 9, 9, 9)]), model(layers=[layer("a", 8, 7, 6)])) == ()


def test_layer_that_grew_where_the_network_did_not_is_fine(tmp_path: Path) -> None:
    old = model(layers=[layer("a", 100), layer("b", 50)])
    assert grown(tmp_path, old, model(layers=[layer("a", 50), layer("b", 100)])) == ()


def test_new_layer_was_nothing_before(tmp_path: Path) -> None:
    old = model(layers=[layer("0", 100), layer("1", 50), layer("2", 20)])
    new = model(layers=[layer("0", 100), layer("1", 7), layer("2", 50), layer("3", 20)])  # put in before "1"
    assert grown(tmp_path, old, new) == (Growth("mult_adds", "", 170, 177), Growth("mult_adds", "1", 0, 7))


def test_renamed_layer_did_not_grow(tmp_path: Path) -> None:
    old = model(layers=[layer("conv", 100), layer("head", 50)])
    new = model(layers=[layer("stem.conv", 100), layer("head", 60)])
    assert grown(tmp_path, old, new) == (Growth("mult_adds", "", 150, 160), Growth("mult_adds", "head", 50, 60))


def test_layer_that_became_as_large_as_the_next_one_was_grew(tmp_path: Path) -> None:
    old, new = model(layers=[layer("a", 10), layer("b", 20)]), model(layers=[layer("a", 20), layer("b", 40)])
    assert grown(tmp_path, old, new)[1:] == (Growth("mult_adds", "b", 20, 40), Growth("mult_adds", "a", 10, 20))


def test_only_blocks_beyond_the_largest_make_it_grow(tmp_path: Path) -> None:
    old = model(fragments={"a": 2, "b": 3})
    assert grown(tmp_path, old, model(fragments={"a": 3, "b": 3, "c": 3})) == ()
    assert grown(tmp_path, old, model(fragments={"a": 4, "b": 3})) == (
        Growth("fragments", "", 3, 4),
        Growth("fragments", "a", 2, 4),
    )
    assert grown(tmp_path, old, model(fragments={"a": 3, "b": 4}))[1:] == (Growth("fragments", "b", 3, 4),)


def test_network_that_gets_its_first_blocks_did_not_grow(tmp_path: Path) -> None:
    assert grown(tmp_path, model(), model(fragments={"a": 2})) == ()


# Files


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty; save the baseline again"),
        ('{"schema": "lwprof.baseline/1", "networks": {"net": {', "is not whole JSON"),
        ("[]", "is not a baseline (schema None); write one with 'lwprof audit --write-baseline FILE'"),
        ('{"name": "x"}', "is not a baseline (schema None)"),
        ('{"schema": "lwprof.audit/1"}', "is not a baseline (schema 'lwprof.audit/1')"),
        ('{"schema": "lwprof.baseline/2"}', "has schema 'lwprof.baseline/2', this lwprof reads 'lwprof.baseline/1'"),
        ('{"schema": "lwprof.baseline/1"}', "is a damaged baseline: networks must be an object, not None"),
        ('{"schema": "lwprof.baseline/1", "networks": []}', "networks must be an object, not []"),
        ('{"schema": "lwprof.baseline/1", "networks": {"n": 1}}', "networks.n.inputs must be a list, not 1"),
    ],
)
def test_what_is_no_baseline_is_refused_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "b.json"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        baselines.read(file)
    assert "b.json" in str(caught.value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("inputs", [{"shape": [1]}], "networks.net.inputs[0].dtype"),
        ("totals", {"params": "many"}, "networks.net.totals.params must be a whole number, not 'many'"),
        ("totals", {"params": 1.5}, "must be a whole number, not 1.5"),
        ("findings", [{"code": "G1", "module": "a", "measured": "x", "cost": 1}], "must be a number, not 'x'"),
        ("findings", [{"code": "G1"}], "it lacks the key networks.net.findings[0].module"),
        ("layers", {"a": 3}, "networks.net.layers.a must be an object, not 3"),
        ("layers", {"a": {"params": None}}, "networks.net.layers.a.params"),
        ("blocks", 5, "networks.net.blocks must be an object, not 5"),
    ],
)
def test_damaged_baseline_is_refused_by_name(tmp_path: Path, part: str, value: Any, words: str) -> None:
    file = baseline(tmp_path, model(finding("a"), layers=[layer("a", 9)])).file
    data = json.loads(file.read_text())
    data["networks"]["net"][part] = value
    file.write_text(json.dumps(data))
    with pytest.raises(InputError) as caught:
        baselines.read(file)
    assert words in str(caught.value)


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--write-baseline"):
        baselines.read(tmp_path / "none.json")
    with pytest.raises(InputError, match=r"cannot read .* too long"):
        baselines.read(tmp_path / ("b" * 300))
    with pytest.raises(InputError, match="directory"):
        baselines.read(tmp_path)
    with pytest.raises(InputError, match="cannot write"):
        baselines.write(tmp_path / "none" / "b.json", AuditResult((model(),), ok=True))


def test_keys_of_a_later_version_are_passed_over(tmp_path: Path) -> None:
    file = baseline(tmp_path, model(finding("a"))).file
    data = json.loads(file.read_text())
    data["later"] = data["networks"]["net"]["later"] = data["networks"]["net"]["findings"][0]["later"] = 1
    file.write_text(json.dumps(data))
    assert baselines.read(file).compared(model(finding("a"))).ok


def test_quantity_that_the_baseline_lacks_did_not_grow(tmp_path: Path) -> None:
    file = baseline(tmp_path, model()).file
    data = json.loads(file.read_text())
    del data["networks"]["net"]["totals"]["launches"]
    file.write_text(json.dumps(data))
    assert baselines.read(file).compared(model()).growth == ()


def test_incomplete_audit_writes_no_baseline(tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    failed = AuditedModel("gone", failure="no file gone.py")
    with pytest.raises(InputError, match=r"b.json is not written: gone could not be looked at"):
        baselines.write(file, AuditResult((model(), failed), ok=False))
    with pytest.raises(InputError, match="interrupted"):
        baselines.write(file, AuditResult((model(),), ok=True, interrupted=True))
    assert not file.exists()


def test_networks_of_one_name_have_to_be_the_same(tmp_path: Path) -> None:
    assert list(baseline(tmp_path, model(), model()).networks) == ["net"]
    with pytest.raises(InputError, match="two networks are called 'net'"):
        baseline(tmp_path, model(), model(finding("a")))


def test_networks_are_in_the_order_of_their_names(tmp_path: Path) -> None:
    first = baseline(tmp_path, model(name="b"), model(name="a")).file.read_bytes()
    assert list(json.loads(first)["networks"]) == ["a", "b"]
    assert baseline(tmp_path, model(name="a"), model(name="b")).file.read_bytes() == first


def test_findings_stand_in_the_order_of_the_layers_whatever_they_cost(tmp_path: Path) -> None:
    found = [finding("b", cost=300), finding("b", cost=200, code="D1"), finding("z"), finding("a")]
    kept = baseline(tmp_path, model(*found, layers=[layer("z", 1), layer("a"), layer("b", 1)])).networks["net"]
    assert [(one.code, one.module) for one in kept.findings] == [("D1", "b"), ("G1", "z"), ("G1", "a"), ("G1", "b")]


def test_report_says_what_a_baseline_is(tmp_path: Path) -> None:
    file = baseline(tmp_path, model()).file
    with pytest.raises(InputError, match="is a baseline, which 'lwprof audit --baseline"):
        loading.load(file)


def test_a_line_for_each_layer_and_finding(tmp_path: Path) -> None:
    strange = model(finding('a"b'), layers=[layer("a", 9, 2), layer("leer"), layer("größe", 1)], fragments={"a": 2})
    text = baseline(tmp_path, strange).file.read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    assert r'{"code": "G1", "module": "a\"b", "measured": 1.5, "cost": 100}' in lines
    assert '"a": {"params": 2, "mult_adds": 9},' in lines
    assert '"größe": {"mult_adds": 1}' in lines
    assert '"a": 2' in lines
    assert "leer" not in text
    assert text.endswith("}\n")
    assert "\r" not in text
    assert json.loads(text)["schema"] == "lwprof.baseline/1"


# Whole audits


class Tiny(nn.Module):
    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, bias=False)
        self.wide = nn.Conv2d(width, 128, 1, bias=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.wide(self.stem(image))


@pytest.mark.slow
def test_what_an_audit_found_is_known_to_the_next(tmp_path: Path) -> None:
    first = audit(Tiny(), input_size=(3, 16, 16))
    assert not first.ok
    file = tmp_path / "b.json"
    baselines.write(file, first)
    again = audit(Tiny(), input_size=(3, 16, 16), baseline=baselines.read(file))
    assert again.ok
    assert again.models[0].findings
    assert all(one.known for one in again.models[0].findings)
    wider = audit(Tiny(24), input_size=(3, 16, 16), baseline=baselines.read(file))
    assert Growth("params", "", 27 * 16 + 128 * 16, 27 * 24 + 128 * 24) in wider.models[0].growth
    assert Growth("params", "wide", 128 * 16, 128 * 24) in wider.models[0].growth
    assert not wider.ok


@pytest.mark.slow
def test_baseline_written_by_an_audit_with_a_baseline_is_the_same(tmp_path: Path) -> None:
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    baselines.write(first, audit(Tiny(), input_size=(3, 16, 16)))
    baselines.write(second, audit(Tiny(), input_size=(3, 16, 16), baseline=baselines.read(first)))
    assert first.read_bytes() == second.read_bytes()


SCRIPT = """
import sys
from pathlib import Path
import torch
from lwprof.auditing import audit, baselines
threads, file, *networks = sys.argv[1:]
torch.set_num_threads(int(threads))
baselines.write(Path(file), audit(networks))
"""


@pytest.mark.slow
def test_baseline_is_the_same_on_every_machine(tmp_path: Path) -> None:
    """Another folder, other threads, another order of hashing and of networks, and a path written otherwise."""
    net = tmp_path / "project" / "net.py"
    net.parent.mkdir()
    net.write_text(
        "from torch import nn\n"
        "class Net(nn.Sequential):\n"
        "    def __init__(self):\n"
        "        super().__init__(nn.Conv2d(3, 16, 3), nn.SiLU(), nn.Conv2d(16, 128, 1, groups=2))\n"
    )
    written = []
    for seed, threads, folder, networks in (
        ("1", "1", net.parent, ["mbv2:resolution=96", "net.py:Net", "shufflenetv2:resolution=64"]),
        ("2", "2", tmp_path, ["shufflenetv2:resolution=64", f"{net}:Net", "mbv2:resolution=96"]),
    ):
        file = tmp_path / f"{seed}.json"
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(lwprof.__file__).parents[1])}
        command = [sys.executable, "-P", "-c", SCRIPT, threads, str(file), *networks]
        subprocess.run(command, cwd=folder, env=environment, check=True)
        written.append(file.read_bytes())
    assert written[0] == written[1]
    assert str(tmp_path).encode() not in written[0]
    data = json.loads(written[0])
    assert list(data["networks"]) == ["Net", "mbv2:resolution=96", "shufflenetv2:resolution=64"]
    assert set(data) == {"schema", "networks"}
    assert set(data["networks"]["Net"]) == {"inputs", "totals", "findings", "layers", "blocks"}
