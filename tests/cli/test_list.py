"""``lwprof list``: which networks it names, and in which order."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from lwprof.models import catalog

ENTRIES = catalog.entries().values()


def listed(run: Any, *arguments: str) -> dict[str, dict[str, Any]]:
    """The rows by name, in their order."""
    return {row["name"]: row for row in json.loads(run("list", "--format", "json", *arguments).out)["networks"]}


def notes(run: Any, *arguments: str) -> list[str]:
    return json.loads(run("list", "--format", "json", *arguments).out)["notes"]


def test_numbers_are_exact_in_csv_and_json(run: Any) -> None:
    mbv2 = listed(run)["mbv2"]
    assert (mbv2["params"], mbv2["mult_adds"], mbv2["top1"], mbv2["year"]) == (3504872, 300774272, 72.0, 2018)
    assert "1801.04381" in mbv2["paper"]
    rows = list(csv.DictReader(io.StringIO(run("list", "--format", "csv").out)))
    assert [row["name"] for row in rows] == list(catalog.entries())


@pytest.mark.parametrize("key", ["params", "mult_adds", "year"])
def test_it_sorts_by_a_number(run: Any, key: str) -> None:
    numbers = [row[key] for row in listed(run, "--sort", key).values()]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) > 1


def test_it_sorts_by_name_family_and_accuracy(run: Any) -> None:
    assert list(listed(run, "--sort", "name")) == sorted(catalog.entries())
    families = [row["family"].lower() for row in listed(run, "--sort", "family").values()]
    assert families == sorted(families)
    best = {name: row["top1"] or 0 for name, row in listed(run, "--sort", "top1").items()}
    imagenet = [top1 for name, top1 in best.items() if catalog.find(name).dataset == "ImageNet"]
    assert imagenet == sorted(imagenet, reverse=True)
    assert list(best.values())[: len(imagenet)] == imagenet, "accuracies of another task come behind"


def test_an_accuracy_on_another_task_than_imagenet_is_marked(run: Any) -> None:
    lines = run("list").out.splitlines()
    assert "91.8 %*" in next(line for line in lines if line.startswith("addernet_resnet20"))
    assert "72.0 % " in next(line for line in lines if line.startswith("mbv2 "))
    assert "- * on CIFAR-10, the others on ImageNet" in lines
    assert not any("CIFAR" in note for note in notes(run, "--family", "MobileNet"))


def test_it_filters_by_family_and_year(run: Any) -> None:
    assert {row["family"] for row in listed(run, "--family", "shufflenet").values()} == {"ShuffleNet"}
    assert {"mbv2", "shufflenetv2"} <= set(listed(run, "--year", "2018"))
    assert {row["year"] for row in listed(run, "--year", "2018").values()} == {2018}
    later = listed(run, "--since", "2018")
    assert set(later) == {entry.name for entry in ENTRIES if entry.year >= 2018}
    assert "mbv1" not in later
    assert listed(run, "--year", "0") == {}


@pytest.mark.parametrize("budget", ["150M", "150m", "0.15G", "150_000_000", "150000k", "1.5e8", "150 M", "150,000,000"])
def test_a_budget_is_held_against_the_defaults(run: Any, budget: str) -> None:
    rows = listed(run, "--max-mult-adds", budget)
    assert set(rows) == {entry.name for entry in ENTRIES if entry.mult_adds <= 150_000_000}
    assert {"shufflenetv2", "mbv3_small"} <= set(rows)
    assert "mbv2" not in rows


def test_a_budget_is_exact_and_includes_itself(run: Any) -> None:
    assert "mbv2" in listed(run, "--max-params", "3.504872M")
    assert "mbv2" not in listed(run, "--max-params", "3.504871M")
    assert "mbv2" not in listed(run, "--max-params", "3.504872M", "--max-mult-adds", "300M")


def test_networks_that_fit_with_other_options_are_named(run: Any) -> None:
    (note,) = [note for note in notes(run, "--max-mult-adds", "150M") if "--variants" in note]
    assert {"mbv1", "mbv2"} <= set(re.findall(r"\w+", note))
    assert "mbv3_small" not in note
    assert not any("--variants" in note for note in notes(run, "--family", "SqueezeNet", "--max-mult-adds", "150M"))
    assert not any("--variants" in note for note in notes(run, "--max-mult-adds", "150M", "--variants"))


def test_every_variant_may_be_listed_and_compared(run: Any) -> None:
    rows = listed(run, "--variants")
    assert list(rows) == [variant.label for entry in ENTRIES for variant in entry.variants]
    small = listed(run, "--variants", "--max-mult-adds", "150M", "--max-params", "2M", "--sort", "top1")
    assert all(row["mult_adds"] <= 150_000_000 and row["params"] <= 2_000_000 for row in small.values())
    assert small["mbv1:width=0.5"]["top1"] == 63.7
    assert small["mbv1:width=0.5,resolution=160"]["mult_adds"] == 76_524_800


def test_networks_of_other_libraries_are_named_on_demand(run: Any) -> None:
    assert "lcnet" not in listed(run)
    assert any(note.endswith("see --all") for note in notes(run))
    rows = listed(run, "--all")
    assert rows["lcnet"]["spec"] == "timm:lcnet_100"
    assert (rows["lcnet"]["params"], rows["lcnet"]["year"]) == (None, 2021)
    assert rows["mbv2"]["params"] == 3504872
    assert "lcnet" in listed(run, "--all", "--family", "lcnet", "--year", "2021", "--sort", "params")
    assert "lcnet" not in listed(run, "--all", "--max-params", "10G")
    assert any("of other libraries" in note for note in notes(run, "--all", "--max-params", "10G"))


def test_a_network_takes_one_line(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    lines = run("list", "--all", "--family", "lcnet").out.splitlines()
    names = listed(run, "--all", "--family", "lcnet")
    assert [line.split()[0] for line in lines[2:] if line[0] != "("] == list(names)


def test_the_projects_own_networks_come_first(run: Any, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.lwprof.networks]\ntiny = "net.py:TinyNet"\n')
    rows = listed(run)
    assert next(iter(rows)) == "tiny"
    assert (rows["tiny"]["spec"], rows["tiny"]["params"], rows["tiny"]["year"]) == ("net.py:TinyNet", None, None)
    assert "tiny" not in listed(run, "--max-params", "1G")
    assert "left out, because only 'lwprof profile' counts them: tiny" in notes(run, "--max-params", "1G")
    for sort in ("name", "family", "top1", "year"):
        assert "tiny" in listed(run, "--sort", sort)


def test_additions_of_adder_layers_stand_beside_the_mult_adds(run: Any) -> None:
    rows = listed(run)
    assert (rows["addernet_resnet20"]["mult_adds"], rows["addernet_resnet20"]["additions"]) == (443_008, 80_740_352)
    assert rows["mbv2"]["additions"] == 0
    assert "additions" not in listed(run, "--family", "SqueezeNet")["squeezenet"]


def test_a_network_that_adds_is_marked_and_named(run: Any) -> None:
    lines = run("list", "--max-mult-adds", "150M").out.splitlines()
    assert "120.1 M†" in next(line for line in lines if line.startswith("addernet_resnet50"))
    assert "141.2 M " in next(line for line in lines if line.startswith("ghostnet"))
    assert "- † and additions, which are no mult-adds: addernet_resnet20 80.7 M, addernet_resnet50 7.938 G" in lines
    assert "†" not in run("list", "--family", "SqueezeNet").out


def test_an_empty_list_says_so(run: Any) -> None:
    assert listed(run, "--year", "1998") == {}
    assert notes(run, "--year", "1998") == ["no network of the list is like that"]
    assert "no network of the list is like that at its defaults" in notes(run, "--max-params", "1k")
    assert "no network of the list is like that" in notes(run, "--max-params", "1k", "--variants")


@pytest.mark.parametrize("budget", ["", "many", "150MB", "-1M", "nan", "inf", "1.2.3M", "M"])
def test_a_budget_that_is_no_number_is_refused(run: Any, budget: str) -> None:
    outcome = run("list", f"--max-params={budget}")
    assert (outcome.code, outcome.out) == (2, "")
    assert f"{budget!r} is not a number such as 150M, 600k or 4000000" in outcome.err
