"""Auditing from Python: what is audited, how it is judged, and what happens where that is not possible."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from wide_network import SOURCE

import lwprof
from lwprof import auditing
from lwprof.auditing import Configuration, Exemption, Measuring, Policy, baselines, subjects
from lwprof.errors import BackendError, InputError
from lwprof.guidelines import RULES
from lwprof.models import prepare

NET = f"""{SOURCE}
class Raising(Wide):
    def forward(self, x):
        raise KeyError("no such layer")

class Leaving(Wide):
    def forward(self, x):
        raise SystemExit(3)

class Strange(Wide):
    def forward(self, x):
        return torch.fft.fft(self.first(x))
"""
SETTINGS = """
[networks]
wide = { spec = "net.py:Wide", input_size = "32x56x56" }
narrow = { spec = "net.py:Wide:width=32", input_size = "32x56x56" }

[audit]
networks = ["wide", "narrow"]
select = ["G1"]

[audit.budgets.narrow]
max_params = 1000
"""
SIZE = (32, 56, 56)
ONLY_G1 = Policy(select=["G1"])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "net.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    path = list(sys.path)
    yield tmp_path
    sys.path[:] = path


def found(result: Any) -> dict[str, list[tuple[str, str]]]:
    return {model.name: [(each.code, each.module) for each in model.findings] for model in result.models}


def test_a_module_a_spec_and_a_network_are_audited_alike() -> None:
    module = nn.Sequential(nn.Conv2d(32, 256, 1, bias=False), nn.ReLU())
    for network in (module, "net.py:Wide", prepare("net.py:Wide", input_size=SIZE)):
        size = None if not isinstance(network, str | nn.Module) else SIZE
        (model,) = lwprof.audit(network, policy=ONLY_G1, input_size=size).models
        (finding,) = model.findings
        assert (finding.code, finding.module in ("0", "first")) == ("G1", True)
        assert finding.cost == 56 * 56 * (32 + 256) + 32 * 256
        assert not model.ok


def test_without_networks_the_settings_say_what_and_how(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "lwprof.toml").write_text(SETTINGS)
    (folder / "below").mkdir()
    for place, settings in ((folder, "lwprof.toml"), (folder / "below", "../lwprof.toml")):
        monkeypatch.chdir(place)
        result = lwprof.audit()
        assert found(result) == {"wide": [("G1", "first")], "narrow": []}
        assert (result.ok, result.settings) == (False, settings)
        assert [rule.code for rule in result.rules] == ["G1"]
        wide, narrow = result.models
        assert wide.budgets == ()
        ((budget,), model) = narrow.budgets, narrow.model
        assert (budget.name, budget.limit, budget.actual, budget.ok) == ("max_params", 1000, 32 * 32 + 64, False)
        assert model is not None
        assert model.inputs[0].shape == (1, *SIZE)


def test_networks_that_are_named_are_judged_by_the_rules_alone(folder: Path) -> None:
    (folder / "lwprof.toml").write_text(SETTINGS)
    result = lwprof.audit("narrow")
    assert [rule.code for rule in result.rules] == [rule.code for rule in RULES]
    assert (result.settings, result.models[0].budgets) == ("", ())
    chosen = lwprof.audit("narrow", config="lwprof.toml")
    assert [rule.code for rule in chosen.rules] == ["G1"]
    assert (chosen.settings, len(chosen.models[0].budgets)) == ("lwprof.toml", 1)


def test_a_file_that_is_named_gives_the_networks_their_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "part").mkdir()
    (folder / "part" / "audit.toml").write_text(SETTINGS.replace("net.py", "../net.py"))
    (folder / "lwprof.toml").write_text('[networks]\nwide = "net.py:Strange"\n')
    assert found(lwprof.audit(config="part/audit.toml")) == {"wide": [("G1", "first")], "narrow": []}
    assert lwprof.audit("wide", input_size=SIZE).models[0].coverage.unknown  # type: ignore[union-attr]


def test_a_module_is_found_beside_the_file_that_names_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = folder / "part" / "configured_nets"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(NET)
    (folder / "part" / "lwprof.toml").write_text('[audit]\nnetworks = ["configured_nets:Wide"]\nselect = ["G1"]\n')
    result = lwprof.audit(config="part/lwprof.toml", input_size=SIZE)
    assert found(result) == {"Wide": [("G1", "first")]}
    assert result.models[0].model.spec == "configured_nets:Wide"  # type: ignore[union-attr]


def test_what_is_given_goes_before_what_the_settings_say(folder: Path) -> None:
    (folder / "lwprof.toml").write_text(SETTINGS)
    result = lwprof.audit(config="lwprof.toml", policy=Policy(select=["D1"]), budgets={"max_params": "2k"})
    assert [rule.code for rule in result.rules] == ["D1"]
    assert [[(budget.limit, budget.ok) for budget in model.budgets] for model in result.models] == [
        [(2000, False)],
        [(2000, True)],
    ]


@pytest.mark.parametrize("batch", [1, 3])
def test_inputs_are_as_for_a_profile(batch: int) -> None:
    (model,) = lwprof.audit("net.py:Wide", input_size=SIZE, batch=batch, policy=ONLY_G1).models
    profile = lwprof.profile("net.py:Wide", input_size=SIZE, batch=batch)
    assert (model.totals, model.model) == (profile.totals, profile.model)
    assert list(model.layers) == [layer.name for layer in profile.layers]
    assert model.layers["first"]["mult_adds"] == profile.totals.mult_adds
    assert "mult_adds" not in model.layers["norm"]
    assert sum(counts.get("params", 0) for counts in model.layers.values()) == profile.totals.params
    (given,) = lwprof.audit("net.py:Wide", inputs=(torch.zeros(batch, *SIZE),), policy=ONLY_G1).models
    assert given.totals == model.totals


def test_weights_are_loaded_one_file_for_each_network(folder: Path) -> None:
    torch.save({"nonsense": torch.zeros(1)}, folder / "bad.pth")
    good, bad = lwprof.audit(["net.py:Wide"] * 2, weights_files=[None, "bad.pth"], input_size=SIZE).models
    assert good.failure == ""
    assert "bad.pth" in bad.failure
    with pytest.raises(InputError) as caught:
        lwprof.audit(["mbv1", "mbv2"], weights_files=["bad.pth"])
    assert str(caught.value) == "1 file of weights for 2 networks; give one for each in their order, or none"


def test_a_network_that_fails_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    specs = ["nope", "no.py:Net", "net.py:Raising", "net.py:Leaving", "lcnet", "net.py:Wide"]
    errors: list[BaseException] = []
    result = lwprof.audit(specs, policy=ONLY_G1, input_size=SIZE, failed=errors.append)
    assert not result.ok
    assert [(model.name, model.failure_code) for model in result.models] == [
        ("nope", 2), ("Net", 2), ("Raising", 2), ("Leaving", 2), ("lcnet", 3), ("Wide", 0)
    ]  # fmt: skip
    assert [model.failure.partition(";")[0].partition(" (")[0] for model in result.models] == [
        "unknown network 'nope'",
        "no file no.py",
        "the forward of Raising raised KeyError: 'no such layer'",
        "Leaving: a network's own code ended the program: SystemExit: 3",
        "lcnet: timm is not installed: pip install timm",
        "",
    ]
    assert all(model.model is None and not model.ok for model in result.models[:5])
    assert result.models[5].findings
    assert [type(error) for error in errors] == [InputError] * 3 + [SystemExit, BackendError]


def test_a_failure_names_the_network_though_its_name_is_a_letter(folder: Path) -> None:
    (folder / "lwprof.toml").write_text('[networks]\nn = { spec = "net.py:Raising", input_size = "32x56x56" }\n')
    (model,) = lwprof.audit().models
    assert model.failure.startswith("n: the forward of Raising raised KeyError")


def test_a_mistake_of_ours_is_an_internal_error_and_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def raise_it(*_: Any) -> None:
        raise ZeroDivisionError("a\nb")

    broken = lwprof.audit("net.py:Wide", input_size=SIZE)
    assert broken.models[0].failure == ""
    monkeypatch.setattr(auditing, "check", raise_it)
    (model,) = lwprof.audit("net.py:Wide", input_size=SIZE).models
    assert (model.failure, model.failure_code) == ("Wide: internal error: ZeroDivisionError: a", 4)


def test_ctrl_c_shows_what_was_found_until_then() -> None:
    result = lwprof.audit(["net.py:Wide", "net.py:Pressed", "net.py:Wide"], policy=ONLY_G1, input_size=SIZE)
    assert found(result) == {"Wide": [("G1", "first")]}
    assert (result.interrupted, result.ok) == (True, False)
    clean = lwprof.audit(["net.py:Wide:width=32", "net.py:Pressed"], policy=ONLY_G1, input_size=SIZE)
    assert (clean.interrupted, clean.ok, clean.models[0].ok) == (True, False, True)
    with pytest.raises(KeyboardInterrupt):
        lwprof.audit("net.py:Pressed", input_size=SIZE)


@pytest.mark.slow
def test_strict_is_a_budget_of_no_unknown_operators(folder: Path) -> None:
    specs, quiet = ["net.py:Strange", "net.py:Wide"], Policy(fail_on="never")
    assert lwprof.audit(specs, policy=quiet, input_size=SIZE).ok
    result = lwprof.audit(specs, policy=quiet, input_size=SIZE, strict=True)
    assert not result.ok
    (strange,), wide = (model.budgets for model in result.models)
    assert (strange.name, strange.limit, strange.actual, strange.ok) == ("max_unknown_operators", 0, 1, False)
    assert strange.remark == "no rule counts aten::_fft_r2c (1x)"
    assert wide == ()
    (folder / "lwprof.toml").write_text('[audit]\nnetworks = ["net.py:Strange"]\nstrict = true\nfail_on = "never"\n')
    assert not lwprof.audit(input_size=SIZE).ok
    assert lwprof.audit(input_size=SIZE, strict=False).ok


def test_exemptions_pass_with_their_reason() -> None:
    policy = Policy(select=["G1"], exemptions=[Exemption("first", "the paper's own widths", ["G"], "Wi*")])
    result = lwprof.audit("net.py:Wide", policy=policy, input_size=SIZE)
    (ignored,) = result.models[0].ignored
    assert (ignored.code, ignored.module, ignored.reason) == ("G1", "first", "the paper's own widths")
    assert result.ok


def test_severities_and_the_gravest_that_passes() -> None:
    for severity, fail_on, ok in (("info", "warning", True), ("info", "info", False), ("error", "never", True)):
        policy = Policy(select=["G1"], severities={"G1": severity}, fail_on=fail_on)
        result = lwprof.audit("net.py:Wide", policy=policy, input_size=SIZE)
        assert (result.models[0].findings[0].severity, result.ok) == (severity, ok)


def test_a_baseline_is_read_from_a_file_or_given(folder: Path) -> None:
    result = lwprof.audit("net.py:Wide", policy=ONLY_G1, input_size=SIZE)
    baselines.write(folder / "known.json", result)
    for known in ("known.json", folder / "known.json", baselines.read(Path("known.json"))):
        again = lwprof.audit("net.py:Wide", policy=ONLY_G1, input_size=SIZE, baseline=known)
        assert (again.ok, again.baseline, again.models[0].findings[0].known) == (True, "known.json", True)
    (folder / "part").mkdir()
    text = '[audit]\nnetworks = ["../net.py:Wide"]\nselect = ["G1"]\nbaseline = "../known.json"\n'
    (folder / "part" / "lwprof.toml").write_text(text)
    assert lwprof.audit(config="part/lwprof.toml", input_size=SIZE).baseline == "known.json"


def test_the_same_audit_is_the_same_document(folder: Path) -> None:
    (folder / "lwprof.toml").write_text(SETTINGS)
    first = lwprof.audit().to_json()
    assert lwprof.audit().to_json() == first
    assert str(folder) not in first


@pytest.mark.slow
def test_no_network_is_kept_once_it_is_audited(monkeypatch: pytest.MonkeyPatch) -> None:
    import gc
    import weakref

    alive: list[int] = []
    modules: list[weakref.ref[nn.Module]] = []
    examine = subjects.profiling.examine

    def watched(*given: Any, **named: Any) -> Any:
        gc.collect()
        alive.append(sum(reference() is not None for reference in modules))
        seen = examine(*given, **named)
        assert seen.network.module is not None
        modules.append(weakref.ref(seen.network.module))
        return seen

    monkeypatch.setattr(subjects.profiling, "examine", watched)
    lwprof.audit([f"net.py:Wide:width={width}" for width in (8, 16, 24, 32)], input_size=SIZE)
    assert alive == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"networks": []}, "nothing to audit; name a network such as 'mbv2'"),
        ({"networks": ["mbv2", 3]}, "3, of type int, is neither a model spec nor an nn.Module"),
        ({"networks": "mbv2", "policy": {"select": ["G1"]}}, "policy must be a Policy, not {'select': ['G1']}"),
        ({"networks": "mbv2", "measuring": True}, "measuring must be a Measuring, not True"),
        ({"networks": "mbv2", "budgets": ["max_params=4M"]}, "budgets must be a Mapping, not ['max_params=4M']"),
        ({"networks": 3}, "3, of type int, is neither a model spec nor an nn.Module"),
        ({"networks": nn.Identity}, ", of type type, is neither"),
        ({"networks": b"mbv2"}, "b'mbv2', of type bytes, is neither"),
        ({"networks": {}}, "{}, of type dict, is neither"),
        ({"networks": "mbv2", "budgets": {"max_parms": 3}},
         "budgets: unknown budget 'max_parms'; did you mean 'max_params'?"),
        ({"networks": "mbv2", "config": "none.toml"}, "no file none.toml"),
        ({"networks": "mbv2", "measuring": Measuring(threads=0)}, "threads"),
        ({}, "nothing to audit: neither lwprof.toml nor a pyproject.toml with [tool.lwprof] is here or above; name a "
             'network, or write networks = ["mbv2"] below [audit] in lwprof.toml'),
        ({"config": Configuration()}, "nothing to audit: neither lwprof.toml nor"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_refused_before_the_work(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as caught:
        lwprof.audit(**given)
    assert says in str(caught.value)


@pytest.mark.parametrize(("measuring", "threads"), [(None, 1), (Measuring(threads=2, seed=5), 2)])
def test_latency_budgets_are_timed_as_alternatives_are(
    measuring: Measuring | None, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(auditing.latencies, "held", lambda *given, **_: asked.append(given) or given[0])
    budgets = {"max_latency_ratio": {"to": "net.py:Wide:width=32", "ratio": 2}}
    lwprof.audit("net.py:Wide:width=32", input_size=SIZE, policy=ONLY_G1, budgets=budgets, measuring=measuring)
    ((_, (pair,), options),) = asked
    assert (options.threads, options.seed) == (threads, 5 if measuring else 0)
    assert pair.build_other().inputs == pair.build().inputs


def test_what_measuring_needs_is_looked_for_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subjects.profiling, "examine", None)
    with pytest.raises((InputError, BackendError)):
        lwprof.audit("mbv2", measuring=Measuring(device="cuda:99"))


@pytest.mark.parametrize("text", ["", "[audit]\nselect = ['G']\n", "[networks]\n", "[audit]\nnetworks = []\n"])
def test_settings_that_name_nothing(folder: Path, text: str) -> None:
    (folder / "lwprof.toml").write_text(text)
    with pytest.raises(InputError) as caught:
        lwprof.audit()
    says = 'names nothing to audit; write networks = ["mbv2"] there, or name a network'
    assert str(caught.value) == f"lwprof.toml: [audit] {says}"
