"""The report page in a browser: what a reader does with it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from browsing import PHONE, WIDE, column, hover, texts

from lwprof.results.networks import Model
from lwprof.results.structure import Block, Fragmentation

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ALL = ("settings_result", "timed_profile", "profile_result", "roofline_result", "audit_result", "experiment_result",
       "table8_result", "crosscheck_result")  # fmt: skip


@pytest.fixture
def everything(request):
    """A result of each kind, under the names of files."""
    return [(f"{name}.json", request.getfixturevalue(name)) for name in ALL]


def header(page, key, table="comparison-1"):
    return page.locator(f'#{table} th[data-key="{key}"]')


def wait_until_sorted(page, key, direction):
    page.wait_for_selector(f'#comparison-1 th[data-key="{key}"][aria-sort="{direction}"]')


def test_sorting_by_mouse_and_by_keyboard(opened, settings_result):
    page = opened(("a.json", settings_result))
    written = column(page, "comparison-1", "latency")
    assert header(page, "latency").get_attribute("aria-sort") is None
    header(page, "latency").click()
    wait_until_sorted(page, "latency", "ascending")
    numbers = [text for text in column(page, "comparison-1", "latency") if text != "–"]
    assert numbers == ["0.300 ± 0.003 ms", "0.310 ± 0.003 ms", "4.90 ± 0.05 ms", "5.10 ± 0.05 ms", "8.10 ± 0.08 ms",
                       "9.20 ± 0.09 ms", "9.30 ± 0.09 ms", "13.60 ± 0.14 ms", "18.30 ± 0.18 ms"]  # fmt: skip
    header(page, "latency").locator("[tabindex]").focus()
    page.keyboard.press("Enter")
    wait_until_sorted(page, "latency", "descending")
    assert [text for text in column(page, "comparison-1", "latency") if text != "–"] == numbers[::-1]
    header(page, "mult_adds").click()  # in base units: 56.5 k is less than 300.8 M
    wait_until_sorted(page, "mult_adds", "ascending")
    assert column(page, "comparison-1", "mult_adds")[:4] == ["56.5 k†"] * 4
    assert column(page, "comparison-1", "name")[:4] == ["net.py:TinyNet"] * 4
    assert sorted(written) == sorted(column(page, "comparison-1", "latency"))


def test_filtering_says_how_many_are_left(opened, settings_result):
    page = opened(("a.json", settings_result))
    box = page.get_by_label("Filter").first
    box.fill("onnxruntime mbv2")
    assert column(page, "comparison-1", "name") == ["mbv2"] * 2
    status = page.locator("#comparison-1 [role=status]")
    assert status.inner_text() == "2 of 12 rows"
    box.fill("nothing like it")
    assert status.inner_text() == "0 of 12 rows"
    box.fill("")
    assert len(column(page, "comparison-1", "name")) == 12
    assert status.inner_text() == ""


def test_columns_are_chosen(opened, settings_result):
    page = opened(("a.json", settings_result))
    page.locator("#comparison-1 summary").click()
    box = page.locator("#comparison-1").get_by_label("peak activation", exact=True)
    box.uncheck()
    assert header(page, "peak").count() == 0
    assert not column(page, "comparison-1", "peak")
    box.check()
    assert column(page, "comparison-1", "peak")[0] == "6.42 MB"
    page.keyboard.press("Escape")
    assert not box.is_visible()


def test_axes_are_chosen_and_what_is_pointed_at_has_the_numbers_of_the_json(opened, settings_result):
    page = opened(("a.json", settings_result))
    figure = page.locator('figure[data-of="tradeoff"]')
    mbv1, mbv2, _ = settings_result.to_dict()["models"]
    timing = mbv2["timings"][0]
    found = hover(page, "tradeoff", 1e3 * timing["median_s"], mbv2["published"]["top1"])
    low, high = (1e3 * end for end in timing["ci95_s"])
    assert found == {
        "": "mbv2", "latency, torch": f"{1e3 * timing['median_s']:g} ms", "95 % interval": f"{low:g} to {high:g} ms",
        "published top-1": "72 %", "on the Pareto front": "yes",
    }  # fmt: skip
    figure.get_by_label("Across", exact=True).select_option("FLOPs (mult-adds)")
    figure.get_by_label("Up", exact=True).select_option("params")
    found = hover(page, "tradeoff", mbv1["totals"]["mult_adds"], mbv1["totals"]["params"])
    assert found["FLOPs (mult-adds)"] == f"{mbv1['totals']['mult_adds']:,}"
    assert found["params"] == f"{mbv1['totals']['params']:,}"
    assert found["on the Pareto front"] == "no"
    label = figure.locator(".canvas").get_attribute("aria-label")
    assert label.startswith("Scatter chart of params against FLOPs (mult-adds)")
    assert "net.py:TinyNet" in figure.locator(".said").inner_text()
    figure.get_by_label("Up", exact=True).select_option("published top-1")
    figure.get_by_label("Across", exact=True).select_option("latency, every setting")
    fastest = next(item for item in mbv1["timings"] if item["setting"] == "onnxruntime int8")
    found = hover(page, "tradeoff", 1e3 * fastest["median_s"], 70.6)
    assert found["latency, onnxruntime int8"] == f"{1e3 * fastest['median_s']:g} ms"


def test_layers_are_told_apart_by_their_shares(opened, timed_profile, profile_result):
    other = replace(profile_result, model=Model("other", "other", profile_result.model.inputs))
    page = opened(("a.json", timed_profile), ("b.json", other))
    layer = timed_profile.to_dict()["time"]["layers"][2]
    found = hover(page, "layers", 20.0, 2)
    assert found[""] == "features.1.pointwise"
    assert found["time"].startswith(f"{1e3 * layer['median_s']:g} ms (")
    assert found["mult-adds"].startswith("539,492,352 (")
    figure = page.locator('figure[data-of="layers"]')
    assert "features.0.0" in figure.locator(".said").inner_text(), "the stem takes more than its share"
    figure.get_by_label("Order", exact=True).select_option("by time")
    assert hover(page, "layers", 20.0, 0)[""] == "features.1.pointwise"
    figure.get_by_label("Network", exact=True).select_option("other")
    assert "time" not in hover(page, "layers", 20.0, 0)


def test_roofline_and_experiment_have_the_numbers_of_the_json(opened, roofline_result, experiment_result):
    page = opened(("a.json", roofline_result), ("b.json", experiment_result))
    layer = roofline_result.models[0].layers[1]
    found = hover(page, "roofline", layer.intensity, layer.attained)
    assert found[""] == "mbv1: features.1.depthwise"
    assert found["latency"] == f"{1e3 * layer.latency_s:g} ms"
    assert found["share of the roof"] == f"{100 * layer.share:.6g} %"
    row = experiment_result.rows[2]
    found = hover(page, "experiment-1", 0.5, 2)
    assert found[""] == "ARM x1, 1:6 (13, 78)"
    assert found["this machine (onnxruntime, cpu)"] == f"{row.relative:g}"
    assert found["95 % interval"] == f"{row.relative_ci95[0]:g} to {row.relative_ci95[1]:g}"
    assert found["the paper (Snapdragon 810)"] == f"{row.paper.relative:.6g}"


def test_every_chart_follows_dark_mode(opened, everything):
    page = opened(*everything, color_scheme="light")
    script = "[...document.querySelectorAll('figure text')].map((text) => text.getAttribute('fill'))"
    light, back = set(page.evaluate(script)), "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(back) == "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector('figure[data-of="experiment-2"] text[fill="#e4e8ed"]', state="attached")
    dark = set(page.evaluate(script))
    assert page.evaluate(back) == "rgb(20, 24, 29)"
    assert "#e4e8ed" in dark
    assert "#1b2026" in light


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(scheme, opened, compare_result):
    """By the contrast that WCAG 2.1 asks of text."""
    page = opened(("a.json", compare_result), color_scheme=scheme)
    script = """() => {
      const style = getComputedStyle(document.documentElement);
      return Object.fromEntries(["back", "raised", "text", "quiet", "link", "good", "bad", "warning"]
        .map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    }"""
    colors = page.evaluate(script)

    def luminance(name):
        parts = [int(colors[name][start : start + 2], 16) / 255 for start in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for name in ("text", "quiet", "link", "good", "bad", "warning"):
        for back in ("back", "raised"):
            low, high = sorted([luminance(name), luminance(back)])
            assert (high + 0.05) / (low + 0.05) >= 4.5, f"{name} on {back}"


def test_a_phone_needs_no_scrolling_sideways(opened, everything):
    page = opened(*everything, viewport=PHONE)
    script = "[document.documentElement.scrollWidth, document.body.scrollWidth]"
    assert page.evaluate(script) == [PHONE["width"]] * 2
    box = page.locator("#comparison-1 .box")
    assert box.evaluate("(box) => box.scrollWidth > box.clientWidth"), "the table scrolls in its box"
    card = page.locator("#profile-1-1 .box")
    assert card.evaluate("(box) => box.scrollWidth <= box.clientWidth"), "a table of facts is as wide as the phone"
    captions = page.evaluate("[...document.querySelectorAll('caption span')].map((one) => one.offsetWidth)")
    assert 200 < max(captions) <= PHONE["width"] - 32, "what a table is of can be read without scrolling"
    assert all(width <= PHONE["width"] for width in page.evaluate(
        "[...document.querySelectorAll('figure svg')].map((svg) => svg.getBoundingClientRect().right)"))  # fmt: skip
    page.set_viewport_size(WIDE)
    page.wait_for_selector('figure[data-of="experiment-2"] svg[width^="1"]', state="attached")


def test_paper_is_light_and_shows_all(opened, everything):
    page = opened(*everything, color_scheme="dark")
    closed = page.locator("main section > details:not([open])")
    assert closed.count() > 0
    page.emulate_media(media="print", color_scheme="dark")
    page.wait_for_selector("html.printing", state="attached")
    assert closed.count() == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    fills = page.evaluate("[...document.querySelectorAll('figure text')].map((text) => text.getAttribute('fill'))")
    assert "#1b2026" in fills
    assert "#e4e8ed" not in fills
    for selector in ("nav", ".toolbar", ".controls", "footer"):
        assert not page.locator(selector).first.is_visible(), selector
    assert page.locator("figure svg").first.is_visible()
    heights = page.evaluate("[...document.querySelectorAll('figure')].map((figure) => figure.offsetHeight)")
    assert max(heights) < 182 / 25.4 * 96, "each on one page of A4 across"
    assert page.evaluate(
        "[...document.querySelectorAll('.box')].every((box) => box.scrollWidth <= box.clientWidth + 1)"
    )
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    page.emulate_media(media="screen", color_scheme="dark")
    page.wait_for_selector("html:not(.printing)", state="attached")
    assert closed.count() > 0


def test_everything_is_reached_by_the_keyboard_and_seen_to_be(opened, settings_result, timed_profile):
    page = opened(("a.json", settings_result), ("b.json", timed_profile))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    reached = page.evaluate("""() => {
      const wanted = [...document.querySelectorAll("a, select, input, summary, .dt-column-order")];
      return wanted.filter((one) => one.checkVisibility() && one.tabIndex < 0).map((one) => one.outerHTML);
    }""")
    assert reached == []
    seen = set()
    for _ in range(24):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.tagName + (document.activeElement.className || '')"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"
    assert {"A", "SELECT", "INPUT", "SUMMARYbutton", "DIVdt-column-order"} <= seen


def test_a_screen_reader_has_names_for_everything(opened, everything):
    page = opened(*everything)
    assert page.locator("html[lang=en]").count() == 1
    labels = page.evaluate("[...document.querySelectorAll('select, input')].map((one) => one.labels[0]?.textContent)")
    assert all(labels)
    charts = page.locator('figure .canvas[role="img"]')
    assert charts.count() == 6
    assert all(len(chart.get_attribute("aria-label")) > 30 for chart in charts.all())
    levels = [int(tag[1]) for tag in page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((h) => h.tagName)")]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.locator("table").count() == page.locator("table > caption").count()


HOSTILE = "<img src=x onerror=alert(1)>\"'</script><script>alert(2)</script>\u202e{{7*7}}" + "x" * 2_000


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_hostile_name_does_nothing(
    viewport, opened, settings_result, timed_profile, roofline_result, experiment_result
):
    def renamed(model):
        return replace(model, model=Model(HOSTILE, HOSTILE, model.model.inputs))

    compared = replace(settings_result, models=tuple(map(renamed, settings_result.models)))
    placed = replace(roofline_result, models=(replace(roofline_result.models[0], name=HOSTILE),))
    ran = replace(experiment_result, rows=tuple(replace(row, setting=HOSTILE) for row in experiment_result.rows))
    page = opened((f"{HOSTILE[:9]}.json", compared), ("b", renamed(timed_profile)), ("c", placed), ("d", ran),
                  viewport=viewport)  # fmt: skip
    assert page.locator("img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    shown = hover(page, "tradeoff", 18.3, 70.6)[""]
    assert shown.startswith("<img src=x onerror=alert(1)>")
    assert "\\u202e" in shown
    header(page, "latency").click()
    wait_until_sorted(page, "latency", "ascending")
    page.locator("#comparison-1 input[type=search]").fill("onerror")
    assert len(column(page, "comparison-1", "name")) == 12
    assert page.locator("img").count() == 0


def test_sizes_from_one_to_many(opened, compare_result, timed_profile, dubious_profile, audit_result):
    one, two, tiny = compare_result.models
    page = opened(("one.json", replace(compare_result, models=(one,))))
    assert page.locator("figure[data-of=tradeoff]").count() == 0
    page = opened(("tiny.json", dubious_profile))
    assert page.locator("figure[data-of=layers] svg").count() == 1
    page = opened(("audit.json", audit_result))
    assert page.locator("figure").count() == 0
    models = tuple(
        replace(two, model=Model(f"net{n}", f"net{n}", two.model.inputs), relative=(),
                totals=replace(two.totals, mult_adds=10_000_000 * (n + 1)),
                fragmentation=Fragmentation(2.5, 3, 2, (Block("b", "B", 3, 2, 3),) * 2))
        for n in range(100)
    )  # fmt: skip
    layers = tuple(replace(timed_profile.layers[1], name=f"layer.{n}") for n in range(1_000))
    long = replace(timed_profile, layers=layers, time=None)
    page = opened(("many.json", replace(compare_result, models=(one, *models, tiny))), ("long.json", long))
    assert len(column(page, "comparison-1", "name")) == 102
    page.locator('figure[data-of="layers"]').get_by_label("Show", exact=True).select_option("all layers")
    assert page.locator('figure[data-of="layers"] svg').bounding_box()["height"] > 20_000
    assert "1000 networks" not in " ".join(texts(page, "h2"))
