"""HTML: what the page is made of, before any browser has seen it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from canned_results import CANNED

import lwprof.reports.html
from lwprof.cli import main
from lwprof.reports import render, render_all
from lwprof.reports.contents import Column, Table
from lwprof.reports.html.document import SCRIPTS, read
from lwprof.results.latency import CompareResult
from lwprof.results.networks import Model

FOLDER = Path(lwprof.reports.html.__file__).parent
VENDORED = json.loads((FOLDER / "vendored" / "vendored.json").read_text())


class Outline(HTMLParser):
    """Elements with their attributes, texts of headings, tables and notes, and what scripts hold."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag not in ("meta", "link", "wbr"):
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        for tag in dict.fromkeys(self._open):
            self.texts[tag][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def data(self) -> dict[str, dict[str, object]]:
        """What the charts draw, by section."""
        return json.loads(self.texts["script"][0])


@pytest.mark.parametrize("canned", CANNED)
def test_every_result_is_a_whole_page_of_the_words_of_its_tables(canned, request):
    result = request.getfixturevalue(canned)
    text = render(result, "html")
    page = Outline(text)
    assert text.isascii()
    assert text.startswith("<!doctype html>")
    assert len(text) < 1_000_000
    assert page._open == []
    assert len(page.texts["h1"]) == 1
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {attributes["href"] for attributes in page.all("a")}
    assert targets <= {f"#{name}" for name in ids}
    for attributes in page.all("th"):
        assert attributes["scope"] in ("col", "row")
    assert page.texts["caption"] == [caption for caption in page.texts["caption"] if caption.strip()]
    shown = " ".join(" ".join(page.texts["body"]).split())
    for line in render(result, "markdown").splitlines():
        if line.startswith("- "):
            words = re.sub(r"\\(.)", r"\1", line[2:].strip("*")).replace("&lt;", "<").replace("&gt;", ">")
            assert " ".join(words.replace("&amp;", "&").split()) in shown


@pytest.mark.slow
def test_the_sections_of_several_results_are_in_one_page(
    settings_result, gpu_result, timed_profile, roofline_result, audit_result, experiment_result, table8_result,
    crosscheck_result,
):  # fmt: skip
    named = [
        ("a/pc.json", settings_result), ("gpu.json", gpu_result), ("mbv1.json", timed_profile),
        ("roof.json", roofline_result), ("audit.json", audit_result), ("g1.json", experiment_result),
        ("table8.json", table8_result), ("cross.json", crosscheck_result),
    ]  # fmt: skip
    page = Outline(render_all(named, "html"))
    sections = [attributes["id"] for attributes in page.all("section")]
    assert sections == [
        "tradeoff", "comparison", "layers", "profiles", "roofline", "fragmentation", "audit", "experiment-1",
        "experiment-2", "crosscheck", "method",
    ]  # fmt: skip
    charts = {attributes["data-of"]: attributes["data-chart"] for attributes in page.all("figure")}
    assert charts.keys() == page.data.keys()
    assert set(charts.values()) == {"tradeoff", "layers", "roofline", "fragmentation", "experiment"}
    assert page.texts["h1"] == ["Report of 8 results"]
    assert "networks compared in 2 files" in " ".join(page.texts["h2"])


@pytest.mark.slow
def test_a_section_without_data_is_left_out(compare_result, clean_audit, dubious_profile):
    def sections(result):
        return [attributes["id"] for attributes in Outline(render(result, "html")).all("section")]

    assert sections(clean_audit) == ["audit", "method"]
    assert sections(dubious_profile) == ["layers", "profiles", "method"]
    alone = replace(compare_result, models=compare_result.models[2:], environment={})
    assert sections(alone) == ["comparison", "method"], "one point is no trade-off"
    assert sections(Table.of("t", [Column("a", "a")], [["b"]])) == ["tables"]


@pytest.mark.slow
def test_charts_have_the_numbers_of_the_json_and_no_samples(settings_result, timed_profile):
    data = Outline(render(settings_result, "html")).data["tradeoff"]
    for point, model in zip(data["points"], settings_result.to_dict()["models"], strict=True):
        assert point["values"]["mult_adds"]["value"] == model["totals"]["mult_adds"]
        for timing in model["timings"]:
            drawn = point["values"][f"on::{timing['setting']}"]
            assert [drawn["value"], drawn["low"], drawn["high"]] == [timing["median_s"], *timing["ci95_s"]]
    (network,) = Outline(render(timed_profile, "html")).data["layers"]["networks"]
    times = timed_profile.to_dict()["time"]
    for row, layer in zip(network["layers"], [*times["layers"], times["unattributed"]], strict=True):
        assert row["time"] == [layer["median_s"], *layer["ci95_s"]]
    assert sum(row["time_share"] for row in network["layers"]) == pytest.approx(1)
    assert "samples" not in json.dumps([data, network])


@pytest.mark.slow
def test_several_rows_of_a_network_can_be_sorted_each_by_itself(settings_result):
    text = render(settings_result, "html")
    rows = re.findall(r"<tr><th.*?</tr>", text[text.index('id="comparison-1"') :].partition("</table>")[0], re.DOTALL)
    assert len(rows) == 12
    assert sum("mbv1</th>" in row for row in rows) == 4
    assert sum('data-order="568700000.0">568.7 M' in row for row in rows) == 4


HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    '"onmouseover="alert(1)" x="',
    "</title></style><!--",
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe\u2066\u2028\u2029\x00\x1b[31m",
    "x" * 2_000,
)


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE, ids=["img", "script", "attribute", "title", "template", "bidi", "long"])
def test_a_hostile_name_is_text(name, compare_result, timed_profile, roofline_result, experiment_result):
    network = Model(name, name, compare_result.models[0].model.inputs)
    compared = replace(compare_result, models=(replace(compare_result.models[0], model=network),
                                               *compare_result.models[1:]), environment={name: name})  # fmt: skip
    placed = replace(roofline_result, models=(replace(roofline_result.models[0], name=name, spec=name),))
    ran = replace(experiment_result, title=name, verdict=name,
                  rows=(replace(experiment_result.rows[0], setting=name, column=name),))  # fmt: skip
    named = [(f"{name}.json", compared), ("profile.json", replace(timed_profile, model=network)), ("r", placed),
             ("e", ran)]  # fmt: skip
    text = render_all(named, "html")
    page, plain = Outline(text), Outline(render_all([(n, r) for n, r in named[1:]], "html"))
    assert text.isascii()
    assert len(page.all("script")) == len(plain.all("script")) == 3
    assert not page.all("img")
    assert not [attributes for _, attributes in page.elements if any(key.startswith("on") for key in attributes)]
    shown = page.texts["body"][0].replace(read("vendored/libraries.js"), "").replace(read("vendored/LICENSE"), "")
    assert {letter for letter in shown if not letter.isprintable()} <= {"\n"}, "they are written out"
    assert json.dumps(page.data, ensure_ascii=False).isprintable()
    assert "49" not in page.texts["title"][0]


def test_the_page_asks_for_nothing_and_runs_only_what_it_has(compare_result):
    page = Outline(render(compare_result, "html"))
    (policy,) = [item["content"] for item in page.all("meta") if item.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert "unsafe" not in rules["script-src"]
    _, *scripts = page.texts["script"]
    import base64

    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert rules["script-src"] == " ".join(f"'sha256-{item}'" for item in hashes)
    assert not [item for _, item in page.elements if "src" in item or str(item.get("href", "#"))[:1] not in "#d"]


def test_libraries_are_those_that_are_written_down():
    hashes = {
        name: hashlib.sha256((FOLDER / "vendored" / name).read_bytes()).hexdigest() for name in VENDORED["sha256"]
    }
    assert hashes == VENDORED["sha256"], "run reports/html/vendored/refresh.sh"
    pinned = json.loads((FOLDER / "vendored" / "package.json").read_text())["dependencies"]
    assert {item["name"]: item["version"] for item in VENDORED["of"]} == pinned
    licences = read("vendored/LICENSE")
    for words in (
        "Apache License",
        "MIT License",
        "BSD 3-Clause",
        "Permission to use, copy, modify, and/or distribute",
    ):
        assert words in licences


@pytest.mark.parametrize("name", [*SCRIPTS, "vendored/libraries.js"])
def test_scripts_run_no_text_and_end_no_element(name):
    script = read(name)
    assert script.isascii()
    assert not re.search(r"\beval\(|new Function\b|document\.write|</script|<!--", script)
    if "/" not in name:
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|fetch\(|XMLHttp", script)


@pytest.mark.slow
def test_the_command_writes_one_page_of_all_files(compare_result, audit_result, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    compare_result.save("compare.json")
    audit_result.save("audit.json")
    assert main(["report", "compare.json", "audit.json", "-o", "report.html"]) == 0
    page = Outline((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert {"comparison", "audit"} <= {attributes["id"] for attributes in page.all("section")}
    capsys.readouterr()
    assert main(["report", "compare.json", "audit.json", "--format", "html"]) == 0
    assert capsys.readouterr().out == (tmp_path / "report.html").read_text(encoding="utf-8")


def test_nothing_measured_is_said_to_be_so(compare_result):
    models = tuple(replace(model, published=None, timings=(), relative=()) for model in compare_result.models)
    data = Outline(render(CompareResult(models), "html")).data["tradeoff"]
    assert (data["x"], data["y"]) == ("mult_adds", "paper_elements")
    assert data["lacks"].startswith("No network here has a published top-1")


def test_accuracies_on_other_data_sets_have_an_axis_of_their_own(compare_result):
    one, two, three = compare_result.models
    figures = replace(two.published, top1=93.1, dataset="CIFAR-10")
    models = one, two, replace(three, published=figures)
    data = Outline(render(replace(compare_result, models=models), "html")).data["tradeoff"]
    names = [axis["name"] for axis in data["axes"].values() if axis["kind"] == "percent"]
    assert names == ["published top-1", "published top-1 on CIFAR-10"]
    placed = [data["y"] in point["values"] for point in data["points"]]
    assert placed == [True, True, False]


@pytest.mark.slow
def test_what_is_said_once_is_not_said_again(experiment_result, settings_result):
    timings = [item for model in settings_result.models for item in model.timings]
    warnings = {text for item in timings for text in item.warnings}
    for result, texts in ((experiment_result, [experiment_result.verdict]), (settings_result, warnings)):
        shown = " ".join(" ".join(Outline(render(result, "html")).texts["body"]).split())
        assert [shown.count(text) for text in texts] == [1] * len(texts) != []


def test_two_networks_of_one_name_are_told_apart_under_a_roof(roofline_result):
    one = roofline_result.models[0]
    both = replace(roofline_result, models=(replace(one, spec="a.py:mbv1"), replace(one, spec="b.py:mbv1")))
    page = Outline(render(both, "html"))
    (roof,) = page.data["roofline"]["roofs"]
    assert [model["name"] for model in roof["models"]] == ["a.py:mbv1", "b.py:mbv1"]
    captions = [caption for caption in page.texts["caption"] if caption.startswith("Layers of")]
    assert [caption.split()[2] for caption in captions] == ["a.py:mbv1", "b.py:mbv1"]


@pytest.mark.slow
def test_names_and_intervals_are_folded_where_they_have_parts(timed_profile, experiment_result):
    assert "<span>0.80 &#215;</span> <span>[0.79, 0.81]</span>" in render(experiment_result, "html")
    assert ">features.1.<wbr>pointwise<" in render(timed_profile, "html")


@pytest.mark.slow
def test_profiles_of_one_network_are_told_apart_by_what_its_layers_were_timed_on(profile_result, timed_profile):
    assert timed_profile.time is not None
    eager = replace(timed_profile.time, timing=replace(timed_profile.time.timing, backend="torch", setting="torch"))
    named = [("a.json", timed_profile), ("b.json", replace(timed_profile, time=eager)), ("c.json", profile_result)]
    charts = Outline(render_all(named, "html")).data
    assert [network["name"] for network in charts["layers"]["networks"]] == [
        "mbv1 on onnxruntime", "mbv1 on torch", "mbv1"
    ]  # fmt: skip
