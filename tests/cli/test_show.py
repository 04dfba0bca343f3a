"""``lwprof show``: the card of a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lwprof.cli import network_file
from lwprof.models import catalog

every_network = pytest.mark.parametrize("entry", catalog.entries().values(), ids=catalog.entries())


def card(run: Any, name: str) -> dict[str, Any]:
    return json.loads(run("show", name, "--format", "json").out)


def test_it_is_the_whole_card(run: Any) -> None:
    text = run("show", "shufflenetv2").out
    for part in ("1807.11164", "symmetric", "2,278,604", "144,907,992", "69.4 %", "Tables 5 and 8"):
        assert part in text
    options = card(run, "MobileNet-v2")["options"]
    assert {key: options[1][key] for key in ("option", "default")} == {"option": "width", "default": 1.0}
    assert card(run, "mbv2")["variants"][0] == {"spec": "mbv2", "params": 3504872, "mult_adds": 300774272}


@pytest.mark.slow
def test_figures_that_disagree_are_marked_and_explained(run: Any) -> None:
    lines = run("show", "mbv2").out.splitlines()
    paper = next(line for line in lines if "72.0 %" in line)
    assert paper.split()[2:5] == ["≠", "3.4", "300"]
    number = paper.split()[-1]
    assert any(line.startswith(f"- ({number}) params: Without the scale and shift") for line in lines)
    rows = card(run, "mbv2")["published"]
    assert [(row["params_millions"], len(row["remarks"])) for row in rows[:2]] == [("3.4", 1), ("6.9", 2)]


def test_block_and_deviations_are_those_of_the_networks_file(run: Any) -> None:
    facts = {row["fact"]: row["value"] for row in card(run, "mbv2")["facts"]}
    assert facts["building block"] == "InvertedResidual"
    assert facts["block layout"].startswith("1x1 expansion, 3x3 depthwise, 1x1 linear projection")
    assert facts["in Python"] == "from lwprof.architectures import mbv2"
    deviations = [row["deviation"] for row in card(run, "mbv2")["deviations"]]
    assert deviations[0] == "The paper's 6.9M parameters at width 1.4 are out of reach: its own table gives 6.1M."
    assert deviations[-1].startswith("Padding is symmetric, where")
    assert any("last 1x1 convolution keeps its 1280 channels below width 1, and widths" in text for text in deviations)


def test_additions_of_adder_layers_are_shown(run: Any) -> None:
    (variant,) = card(run, "resnet20")["variants"]
    assert variant == {"spec": "addernet_resnet20", "params": 272_484, "mult_adds": 443_008, "additions": 80_740_352}


def test_an_accuracy_is_on_imagenet_unless_another_data_set_is_named(run: Any) -> None:
    assert "top-1 on CIFAR-10" in run("show", "effnet").out
    assert "top-1 on" not in run("show", "mbv2").out


def test_a_network_of_another_library_says_what_builds_it(run: Any) -> None:
    shown = card(run, "lcnet")
    facts = {row["fact"]: row["value"] for row in shown["facts"]}
    assert (facts["stands for"], facts["year"], facts["family"]) == ("timm:lcnet_100", "2021", "LCNet")
    assert "arXiv 2109.15099" in facts["paper"]
    assert any("pip install timm" in note for note in shown["notes"])


def test_a_network_of_the_project_says_where_it_is_named(run: Any, tmp_path: Path) -> None:
    settings = (
        '[tool.lwprof.networks]\ntiny = { spec = "net.py:TinyNet", input_size = "3x32x32", title = "A tiny one" }\n'
    )
    (tmp_path / "pyproject.toml").write_text(settings)
    facts = {row["fact"]: row["value"] for row in card(run, "tiny")["facts"]}
    assert facts["stands for"] == "net.py:TinyNet"
    assert facts["named in"] == str(tmp_path / "pyproject.toml")
    assert facts["input size"] == "3×32×32"
    assert run("show", "tiny").out.startswith("tiny: A tiny one\n")


@every_network
def test_every_network_says_how_it_deviates_and_what_its_block_is(entry: catalog.Entry) -> None:
    deviations = network_file.deviations(entry)
    assert deviations
    assert all(text.endswith(".") for text in deviations)
    assert network_file.block_summary(entry)


@pytest.mark.slow
@every_network
def test_every_network_has_a_card(run: Any, entry: catalog.Entry) -> None:
    shown = card(run, entry.name)
    assert [row["spec"] for row in shown["variants"]] == [variant.label for variant in entry.variants]
    assert len(shown.get("published", [])) == len(entry.published)
    text = run("show", entry.name).out
    assert text.startswith(f"{entry.name}: {entry.title}")
    disagreeing = [row.disagreements(entry.variant_for(row.options, row.resolution)) for row in entry.published]
    assert text.count("≠") == sum(map(len, disagreeing)) + any(disagreeing)  # the legend has one more
