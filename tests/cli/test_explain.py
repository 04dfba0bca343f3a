"""``lwprof explain``: the pages of the guidelines, and their reckoning on a network."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from lwprof import profiling
from lwprof.auditing.explaining import explanation
from lwprof.cli import output
from lwprof.guidelines import RULES, Rule

NET = """
from torch import nn

def even():
    return nn.Sequential(nn.Conv2d(64, 64, 1), nn.ReLU())

def plain():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())

def uneven():
    return nn.Sequential(nn.Conv2d(8, 96, 1, bias=False), nn.Conv2d(96, 64, 1, bias=False))
"""

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)


class Terminal(io.StringIO):
    """A standard output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def nets(run: Any, tmp_path: Path) -> Any:
    """``lwprof``, in a folder that holds ``nets.py``."""
    (tmp_path / "nets.py").write_text(NET)
    return run


def tables(outcome: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """What stands where, the reckoning by its steps, and the verdict."""
    assert outcome.code == 0, outcome.err
    page = json.loads(outcome.out)
    facts = [{row["fact"]: row["value"] for row in page.get(name, ())} for name in ("place", "verdict")]
    return facts[0], {row["what"]: row["value"] for row in page.get("steps", ())}, facts[1]


def test_the_list_has_every_guideline(run: Any) -> None:
    rows = json.loads(run("explain", "--format", "json").out)["guidelines"]
    assert [(row["code"], row["slug"], row["severity"]) for row in rows] == [
        (rule.code, rule.slug, rule.severity) for rule in RULES
    ]
    assert rows[0]["thresholds"] == {"ratio": 1.2}
    text = run("explain").out
    assert all(rule.title.rstrip(".") in text for rule in RULES)


@each_rule
def test_a_page_is_plain_markdown_in_a_pipe(run: Any, rule: Rule) -> None:
    by_code, by_slug = run("explain", rule.code.lower()), run("explain", rule.slug)
    assert by_code == by_slug
    assert by_code.out.startswith(f"# {rule.code} {rule.slug}\n")
    assert rule.page in by_code.out
    assert rule.severity in by_code.out.splitlines()[2]
    assert run("explain", rule.code, "--format", "markdown").out == by_code.out


def test_a_page_is_one_row_for_machines(run: Any) -> None:
    (row,) = json.loads(run("explain", "G1", "--format", "json").out)["guideline"]
    assert (row["code"], row["thresholds"]) == ("G1", {"ratio": 1.2})
    assert row["page"] == RULES[0].page
    assert run("explain", "G1", "--format", "csv").out.startswith("code,slug,")


def test_a_page_is_written_to_a_file(run: Any, tmp_path: Path) -> None:
    outcome = run("explain", "G1", "-o", "g1.md")
    assert (outcome.code, outcome.out) == (0, "")
    assert (tmp_path / "g1.md").read_text() == run("explain", "G1").out


def shown(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    """What a terminal gets to see of a page."""
    from lwprof.cli import main

    for name, value in {"COLUMNS": "60", "TERM": "xterm-256color", **environment}.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    monkeypatch.setattr(output.sys, "stdout", terminal)
    assert main(["explain", "G1"]) == 0
    return terminal.getvalue()


@pytest.mark.slow
def test_a_terminal_shows_a_page_laid_out(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, NO_COLOR="1")
    assert max(map(len, text.splitlines())) <= 60
    assert "What it measures" in text
    assert not any(mark in text for mark in ("##", "```", "\x1b[", "**"))
    assert "hw(c1 + c2) + c1c2/g" in text
    assert max(map(len, shown(monkeypatch, NO_COLOR="1", COLUMNS="300").splitlines())) <= 100


@pytest.mark.slow
def test_a_terminal_has_colour_unless_it_is_told_not_to(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" in shown(monkeypatch, NO_COLOR="")
    assert "\x1b[" not in shown(monkeypatch, NO_COLOR="", TERM="dumb")


def test_the_worst_place_is_reckoned_through(nets: Any) -> None:
    place, steps, verdict = tables(nets("explain", "G1", "--on", "nets.py:uneven", "--input-size", "8x10x20",
                                        "--format", "json"))  # fmt: skip
    assert place == {
        "network": "uneven", "input": "1×8×10×20 float32", "looks at": RULES[0].places, "places": 2,
        "of which break it": 1, "the worst": "0", "its class": "Conv2d",
    }  # fmt: skip
    assert {
        letter: steps[what]
        for letter, what in {"hw": "pixels of the output", "c1": "channels in", "c2": "channels out"}.items()
    } == {"hw": 200, "c1": 8, "c2": 96}
    assert steps["memory access"] == 200 * (8 + 96) + 8 * 96
    assert steps["lower bound"] == pytest.approx(2 * 200 * (8 * 96) ** 0.5 + 8 * 96)
    assert verdict["memory access over its lower bound"] == steps["ratio"] == pytest.approx(1.8196, abs=1e-4)
    assert (verdict["threshold"], verdict["verdict"]) == (1.2, "breaks")
    assert verdict["as Python"].startswith("nn.Conv2d(")


@pytest.mark.slow
def test_the_costliest_place_is_the_worst_where_nothing_is_measured(run: Any) -> None:
    place, _, _ = tables(run("explain", "D7", "--on", "mbv2_cbam", "--format", "json"))
    assert place["the worst"].startswith("blocks.1.")
    findings = json.loads(run("audit", "mbv2_cbam", "--select", "D7", "--format", "json").out)["models"][0]["findings"]
    assert place["the worst"] == findings[0]["module"]


@pytest.mark.slow
def test_the_catalogue_and_the_batch_are_taken(run: Any) -> None:
    place, steps, _ = tables(run("explain", "unequal-channel-widths", "--on", "mbv2", "--batch", "2",
                                 "--format", "json"))  # fmt: skip
    assert (place["places"], place["of which break it"]) == (34, 24)  # one more than for one image: weights weigh less
    assert place["the worst"] == "blocks.1.expand.conv"
    assert (steps["channels in"], steps["channels out"], steps["pixels of the output"]) == (16, 96, 2 * 112 * 112)


@pytest.mark.slow
def test_where_nothing_breaks_it_the_worst_place_is_shown_and_holds(nets: Any) -> None:
    arguments = ("explain", "G1", "--on", "nets.py:even", "--input-size", "64x8x8")
    place, steps, verdict = tables(nets(*arguments, "--format", "json"))
    assert (place["of which break it"], place["the worst"]) == (0, "0")
    assert steps["ratio"] == verdict["memory access over its lower bound"] == 1
    assert verdict["verdict"] == "holds"
    assert "instead" not in verdict
    assert "G1 holds: there is nothing to change" in nets(*arguments).out


def test_a_guideline_without_a_place_to_look_at_holds(nets: Any) -> None:
    arguments = ("explain", "G1", "--on", "nets.py:plain", "--input-size", "3x8x8")
    place, steps, verdict = tables(nets(*arguments, "--format", "json"))
    assert (place["verdict"], steps, verdict) == ("holds", {}, {})
    assert f"G1 holds: this network has no {RULES[0].places}" in nets(*arguments).out


def test_thresholds_are_those_of_an_audit_in_this_folder(nets: Any, tmp_path: Path) -> None:
    (tmp_path / "lwprof.toml").write_text("[audit.thresholds]\nG1 = 2.0\n")
    arguments = ("explain", "G1", "--on", "nets.py:uneven", "--input-size", "8x10x20")
    place, _, verdict = tables(nets(*arguments, "--format", "json"))
    assert (place["of which break it"], verdict["verdict"], verdict["threshold, by the settings"]) == (0, "holds", 2)


@pytest.mark.slow
def test_only_the_first_of_many_operators_are_shown(run: Any) -> None:
    page = json.loads(run("explain", "G4", "--on", "mbv2_triplet", "--format", "json").out)
    assert len(page["operators"]) == 12
    assert page["notes"][0] == "and 4 more operators with 399,840 elements"


def test_operators_that_repeat_are_one_row(run: Any, tmp_path: Path) -> None:
    (tmp_path / "deep.py").write_text(
        "from torch import nn\ndef deep():\n    return nn.Sequential(*(nn.Conv2d(10, 10, 1) for _ in range(31)))\n"
    )
    arguments = ("explain", "D3", "--on", "deep.py:deep", "--input-size", "10x8x8")
    (row,) = json.loads(run(*arguments, "--format", "json").out)["operators"]  # without the last: its width is given
    assert (row["operator"], row["times"], row["eager_elements"]) == ("conv2d", 30, 10 * 64 * 2 + 10 * 10 + 10)
    assert "more operators" not in run(*arguments).out


@each_rule
@pytest.mark.parametrize("spec", ["mbv2", "mbv3_small", "shufflenetv1", "xception_light", "squeezenet"])
def test_every_guideline_can_be_walked_through(rule: Rule, spec: str, seen: Any) -> None:
    found = explanation(seen(spec), rule)
    assert found.broken <= found.looked_at
    assert (found.worst is None) == (found.looked_at == 0)
    if found.broken:
        assert found.worst is not None
        assert found.worst.breaks
        assert found.advice is not None
    if found.advice is not None and found.advice.steps and rule.code[0] == "G":
        assert found.worst is not None
        assert found.worst.measured in [pytest.approx(step.value) for step in found.advice.steps]


@pytest.fixture(scope="module")
def seen() -> Any:
    """Networks, each profiled once."""
    known: dict[str, profiling.Examination] = {}

    def examine(spec: str) -> profiling.Examination:
        if spec not in known:
            known[spec] = profiling.examine(spec)
        return known[spec]

    return examine


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("G99",), "unknown guideline 'G99'"),
        (("unequal-chanel-widths",), "did you mean 'unequal-channel-widths'?"),
        (("",), "unknown guideline ''"),
        (("G1", "--on", "mobilnet"), "unknown network 'mobilnet'"),
        (("G1", "--on", "nets.py:even"), "name others with --input-size"),
        (("--on", "mbv2"), "name the guideline to explain, such as G1"),
        (("G1", "--batch", "2"), "--batch needs a network: --on SPEC"),
        (("--input-size", "3x8x8"), "--input-size needs a network: --on SPEC"),
        (("G1", "-o", "g1.xyz"), "g1.xyz"),
    ],
)
def test_bad_requests_are_one_clear_line(nets: Any, arguments: tuple[str, ...], said: str) -> None:
    outcome = nets("explain", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err
    assert len(outcome.err.splitlines()) == 1
