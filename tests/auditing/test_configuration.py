"""What a project's settings say of its audit, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from lwprof.auditing import configuration
from lwprof.auditing.policy import Exemption
from lwprof.errors import InputError
from lwprof.guidelines import RULES

WHOLE = """
[networks]
tiny = { spec = "nets/net.py:TinyNet", input_size = "3x8x8" }

[audit]
networks = ["tiny", "nets/net.py:TinyNet:width=8", "MobileNet-V2", "pkg.mod:make"]
select = ["G", "costly-stem"]
ignore = ["G4"]
fail_on = "error"
baseline = "audit/baseline.json"
strict = true

[audit.thresholds]
G1 = 1.3
G3.branches = 5

[audit.severities]
costly-stem = "warning"

[[audit.exemptions]]
module = "stage1.*"
codes = ["G1"]
network = "tiny"
reason = "the paper's own widths"

[audit.budgets.tiny]
max_params = "4M"
max_mult_adds = 300_000_000
max_memory_access = { fused = "18M" }
max_latency_ratio = { to = "nets/net.py:TinyNet", ratio = 1.2 }

[audit.budgets.mbv2]
max_memory_access.eager = "50M"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_everything_that_can_be_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "lwprof.toml").write_text(WHOLE)
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    found = configuration.read()
    assert [configuration.name_of(spec) for spec in found.networks] == ["tiny", "TinyNet:width=8", "mbv2", "make"]
    assert [spec.text for spec in found.networks][1] == "nets/net.py:TinyNet:width=8"
    assert found.networks[1].place == str(folder / "nets" / "net.py")
    assert found.networks[3].folder == folder
    assert (found.policy.select, found.policy.ignore, found.policy.fail_on) == (("G", "D2"), ("G4",), "error")
    assert found.policy.thresholds == {"G1": {"ratio": 1.3}, "G3": {"branches": 5}}
    assert found.policy.severities == {"D2": "warning"}
    assert found.policy.exemptions == (Exemption("stage1.*", "the paper's own widths", ["G1"], "tiny"),)
    assert (found.baseline, found.strict) == (folder / "audit" / "baseline.json", True)
    assert found.budgets["tiny"].counts == {
        "max_params": 4_000_000, "max_mult_adds": 300_000_000, "max_memory_access.fused": 18_000_000,
    }  # fmt: skip
    latency = found.budgets["tiny"].latency
    assert latency is not None
    assert (latency.to.place, latency.ratio) == (str(folder / "nets" / "net.py"), 1.2)
    assert found.budgets["mbv2"].counts == {"max_memory_access.eager": 50_000_000}


def test_a_pyproject_toml_says_the_same_below_its_own_table(folder: Path) -> None:
    text = WHOLE.replace("[audit", "[tool.lwprof.audit").replace("[networks]", "[tool.lwprof.networks]")
    (folder / "pyproject.toml").write_text(text)
    (folder / "other.toml").write_text(WHOLE)
    one, other = configuration.read(), configuration.read("other.toml")
    assert [spec.text for spec in one.networks] == [spec.text for spec in other.networks]
    assert (one.policy, one.strict) == (other.policy, other.strict)
    assert one.budgets.keys() == other.budgets.keys()


def test_without_a_list_every_network_with_a_name_is_audited(folder: Path) -> None:
    (folder / "lwprof.toml").write_text('[networks]\na = "net.py:A"\nb = "mbv2:width=0.5"\n[audit]\nselect = ["G"]\n')
    assert [configuration.name_of(spec) for spec in configuration.read().networks] == ["a", "b"]
    (folder / "lwprof.toml").write_text('[networks]\na = "net.py:A"\n[audit]\nnetworks = []\n')
    assert configuration.read().networks == ()


def test_without_settings_every_rule_counts_and_nothing_else() -> None:
    assert configuration.read() == configuration.Configuration()


def test_budgets_may_name_a_network_as_the_list_does_or_as_reports_do(folder: Path) -> None:
    lists = '[audit]\nnetworks = ["net.py:Net:width=8", "mobilenet_v2"]\n'
    for net, mbv2 in (("net.py:Net:width=8", "mobilenet_v2"), ("Net:width=8", "mbv2")):
        budgets = f'[audit.budgets."{net}"]\nmax_params = 1\n[audit.budgets.{mbv2}]\nmax_params = 2\n'
        (folder / "lwprof.toml").write_text(lists + budgets)
        found = configuration.read().budgets
        assert {name: limits.counts["max_params"] for name, limits in found.items()} == {"Net:width=8": 1, "mbv2": 2}


def test_without_networks_budgets_wait_for_those_that_are_named_later(folder: Path) -> None:
    (folder / "lwprof.toml").write_text("[audit.budgets.mobilenet_v2]\nmax_params = 2\n")
    assert list(configuration.read().budgets) == ["mbv2"]


CHOICES = f"there is {', '.join(rule.code for rule in RULES)}"
KEYS = "networks, select, ignore, fail_on, baseline, strict, thresholds, severities, exemptions, budgets"
TWO = '[audit]\nnetworks = ["mbv1", "mbv2"]\n'
WRONG = [
    ("audit = 3", "[audit] must be a table"),
    ("[audit]\nselct = ['G']", "[audit]: unknown setting 'selct'; did you mean 'select'?"),
    ("[audit]\ncolour = 3", f"[audit]: unknown setting 'colour'; there is {KEYS}"),
    ("[audit]\nnetworks = 'mbv2'",
     """[audit]: networks must be a list such as ["mbv2", "net.py:TinyNet"], not 'mbv2'"""),
    ("[audit]\nnetworks = ['mbv2', 3]",
     """[audit]: networks must be a list such as ["mbv2", "net.py:TinyNet"], not ['mbv2', 3]"""),
    ("[audit]\nnetworks = ['net.py:A:width=']",
     "[audit]: networks: 'net.py:A:width=': option 'width' has no value; write width=VALUE"),
    ("[audit]\nnetworks = ['']", "[audit]: networks: a network's name is empty; try 'lwprof list'"),
    ("[audit]\nnetworks = ['mbv2', 'mbv2']", "[audit]: networks: 'mbv2' and 'mbv2' are both called 'mbv2'"),
    ("[audit]\nnetworks = ['a.py:Net', 'b.py:Net']",
     "[audit]: networks: 'a.py:Net' and 'b.py:Net' are both called 'Net'; give one of them a name in [networks]"),
    ("[networks]\nmbv2 = 'a.py:Net'\n[audit]\nnetworks = ['mbv1']",
     "network 'mbv2': that name is a network of the catalogue already; choose another"),
    ("[audit]\nselect = 3", '[audit]: select: write a list of guidelines such as ["G", "D3"], not 3'),
    ("[audit]\nselect = ['X1']", f"[audit]: select: unknown guideline 'X1'; {CHOICES}"),
    ("[audit]\nignore = ['costly-stern']",
     "[audit]: ignore: unknown guideline 'costly-stern'; did you mean 'costly-stem'?"),
    ("[audit]\nfail_on = 'warnings'",
     "[audit]: fail_on: write one of error, warning, info, never, not 'warnings'; did you mean 'warning'?"),
    ("[audit]\nbaseline = 3", "[audit]: baseline must be the name of a file, not 3"),
    ("[audit]\nbaseline = ''", "[audit]: baseline must be the name of a file, not ''"),
    ("[audit]\nstrict = 'yes'", "[audit]: strict must be true or false, not 'yes'"),
    ("[audit]\nthresholds = 3", "[audit.thresholds]: write them by guideline, such as G1 = 1.3, not 3"),
    ("[audit.thresholds]\nG1 = 'high'", "[audit.thresholds]: G1 must be a number from 0 on, not 'high'"),
    ("[audit.thresholds]\nG3.branchs = 3",
     "[audit.thresholds]: G3 has no threshold 'branchs'; did you mean 'branches'?"),
    ("[audit.severities]\nG1 = 'eror'",
     "[audit.severities]: G1 must be one of error, warning, info, not 'eror'; did you mean 'error'?"),
    ("[audit.severities]\nX1 = 'error'", f"[audit.severities]: unknown guideline 'X1'; {CHOICES}"),
    ("[audit.exemptions]\nmodule = 'x'", "[audit.exemptions] must be tables, each below [[audit.exemptions]]"),
    ("[audit]\nexemptions = ['x']", "[audit.exemptions] must be tables, each below [[audit.exemptions]]"),
    ("[[audit.exemptions]]\nmodule = 'x'", "[audit.exemptions] 1: reason is missing"),
    ("[[audit.exemptions]]\nreason = 'x'", "[audit.exemptions] 1: module is missing"),
    ("[[audit.exemptions]]\nmodule = 'x'\nreason = 'y'\n[[audit.exemptions]]\nmodul = 'x'",
     "[audit.exemptions] 2: unknown setting 'modul'; did you mean 'module'?"),
    ("[[audit.exemptions]]\nmodule = 'x'\nreason = ''",
     "[audit.exemptions] 1: exemption of 'x' has no reason; say why it is let pass"),
    ("[[audit.exemptions]]\nmodule = 'x'\nreason = 'y'\ncodes = ['X']",
     f"[audit.exemptions] 1: codes: unknown guideline 'X'; {CHOICES}"),
    ("[audit]\nbudgets = 3", "[audit.budgets] must be a table of networks, not 3"),
    (f"{TWO}[audit.budgets]\nmax_params = 3",
     "[audit.budgets.max_params] must be the table of a network, such as [audit.budgets.mbv1], not 3"),
    (f"{TWO}[audit.budgets.mbv11]\nmax_params = 3",
     "[audit.budgets.mbv11]: no network of that name is audited; did you mean 'mbv1'?"),
    (f"{TWO}[audit.budgets.tiny]\nmax_params = 3",
     "[audit.budgets.tiny]: no network of that name is audited; there is mbv1, mbv2"),
    (f"{TWO}[audit.budgets.mbv2]\nmax_parms = 3",
     "[audit.budgets.mbv2]: unknown budget 'max_parms'; did you mean 'max_params'?"),
    (f"{TWO}[audit.budgets.mbv2]\n[audit.budgets.mobilenet_v2]",
     "[audit.budgets.mobilenet_v2]: mbv2 has budgets already"),
    ("[audit.budgets.mobilnet2]", "[audit.budgets.mobilnet2]: unknown network 'mobilnet2'; did you mean 'mbv2'?"),
    ('[audit.budgets."mbv2:"]',
     "[audit.budgets.\"mbv2:\"]: 'mbv2:' ends with a colon; write NAME=VALUE behind it, or leave it out"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "says"), WRONG, ids=[text.replace("\n", " ") for text, _ in WRONG])
def test_what_is_wrong_names_file_table_and_key(folder: Path, text: str, says: str) -> None:
    (folder / "lwprof.toml").write_text(text)
    with pytest.raises(InputError) as caught:
        configuration.read()
    assert str(caught.value) == f"lwprof.toml: {says}"


def test_the_tables_of_a_pyproject_toml_are_named_as_it_has_them(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.lwprof.audit.thresholds]\nG1 = 'high'\n")
    with pytest.raises(InputError) as caught:
        configuration.read()
    label = "pyproject.toml: [tool.lwprof.audit.thresholds]"
    assert str(caught.value) == f"{label}: G1 must be a number from 0 on, not 'high'"


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["G1", "mbv2", "ratio", ""]), inner),
    max_leaves=6,
)


@pytest.mark.slow
@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(configuration.KEYS), VALUES, max_size=3))
def test_whatever_stands_there_is_taken_or_refused_in_one_line(table: dict[str, Any]) -> None:
    found = configuration.Settings(Path("lwprof.toml"), {"audit": table})
    said = None
    try:
        configuration.configuration(found)
    except InputError as error:
        said = str(error)
    assert said is None or (said.startswith("lwprof.toml: [audit") and "\n" not in said)
