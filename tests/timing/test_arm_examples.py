"""The figures of docs/arm.md and docs/examples/arm.json, counted and calculated again."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pandas
import pytest

import lwprof
from lwprof.results.latency import ComparedModel, Counted

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "arm.md").read_text(encoding="utf-8")
SAVED = ROOT / "docs" / "examples" / "arm.json"
LAYERS_INPUT = (64, 56, 56)
MOVED = 500
"""Instructions of Python and the allocator by which totals of small layers may differ."""
SHARE = 1e-4
"""The same of larger networks."""


def number(text: str) -> float:
    """The number in a cell of the page."""
    return float(text.replace(",", "").removesuffix("M").removesuffix("%"))


def tables(heading: str) -> list[list[dict[str, str]]]:
    """The tables below a heading of the page, one dict a line."""
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE):
        head, _, *lines = ([cell.strip().strip("`") for cell in line.split("|")[1:-1]] for line in block.splitlines())
        found.append([dict(zip(head, line, strict=True)) for line in lines])
    return found


(EXAMPLES,) = tables("What FLOPs hide")
TABLE_8, CORRELATIONS = tables("Against a measured table")


def counted(spec: str, device: str = "arm-emulated", dtype: str = "") -> tuple[ComparedModel, Counted]:
    """Count a network in an emulated process."""
    is_layer = ".py:" in spec
    result = lwprof.compare(
        [f"{ROOT}/{spec}" if is_layer else spec],
        input_size=LAYERS_INPUT if is_layer else None,
        device=device,
        dtype=dtype,
    )
    (model,) = result.models
    assert not model.untimed
    (count,) = model.counts
    return model, count


def check_runtime(count: Counted) -> None:
    """Name the reason where other kernels were counted."""
    (documented,) = set(re.findall(r"ncnn \d[\d.]+\d", PAGE))
    assert count.runtime == documented, f"docs/arm.md has figures of {documented}: count them anew with {count.runtime}"


@pytest.fixture(scope="module")
def bench():
    """benchmarks/arm.py."""
    spec = importlib.util.spec_from_file_location("benchmarks_arm", ROOT / "benchmarks" / "arm.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example['network']} {example['dtype']}")
def test_example_is_counted_as_the_page_has_it(example, arm_emulator):
    model, count = counted(example["network"], dtype=example["dtype"])
    check_runtime(count)
    assert model.totals.mult_adds == number(example["mult-adds"])
    assert count.instructions.vector_fma == number(example["vector FMAs"])
    assert count.instructions.total == pytest.approx(number(example["instructions"]), rel=SHARE, abs=MOVED)
    per_mult_add = count.instructions.total / model.totals.mult_adds
    assert per_mult_add == pytest.approx(number(example["per mult-add"]), abs=0.005)


def test_what_the_page_says_of_its_examples():
    rows = {f"{row['network'].rpartition('.py:')[2]} {row['dtype']}": row for row in EXAMPLES}

    def ratio(one: str, other: str, column: str) -> float:
        return number(rows[one][column]) / number(rows[other][column])

    three, five, seven = (f"depthwise:kernel={size} float32" for size in (3, 5, 7))
    said = {
        "has 2.8 times the mult-adds": ratio(five, three, "mult-adds"),
        "2.8 times the instructions": ratio(five, three, "instructions"),
        "24 times the instructions": ratio(seven, three, "instructions"),
        "5.4 times the mult-adds": ratio(seven, three, "mult-adds"),
        "3.4 times the instructions": ratio("pointwise float32", "dense float32", "instructions"),
        "SqueezeNet's instructions 55 %": 100 * ratio("squeezenet float16", "squeezenet float32", "instructions"),
        "5x5 depthwise 44 %": 100 * ratio("depthwise:kernel=5 float16", five, "instructions"),
    }
    text = " ".join(PAGE.split())
    for sentence, value in said.items():
        assert sentence in text
        digits = re.search(r"(?<![\dx])[\d.]+(?![\dx])", sentence)[0]
        assert f"{value:.{len(digits.partition('.')[2])}f}" == digits
    assert number(rows[five]["vector FMAs"]) == 0
    assert ratio("pointwise float32", "dense float32", "mult-adds") == 1
    quarter = number(rows["dense float32"]["vector FMAs"]) * 4 / number(rows["dense float32"]["mult-adds"])
    assert quarter == pytest.approx(0.25, abs=0.01)
    for network in ("pointwise", "squeezenet"):
        half = ratio(f"{network} float16", f"{network} float32", "vector FMAs")
        assert half == pytest.approx(0.5, abs=1e-4)


@pytest.mark.slow
def test_the_saved_comparison_is_counted_again(arm_emulator):
    for model in lwprof.load(SAVED).models:
        (then,) = model.counts
        check_runtime(then)
        _, now = counted(model.model.spec, then.device)
        check_runtime(now)
        assert now.instructions.vector_fma == then.instructions.vector_fma
        assert now.instructions.total == pytest.approx(then.instructions.total, rel=SHARE, abs=MOVED)


@pytest.mark.slow
def test_a_row_of_table_8_is_counted_again(arm_emulator):
    row = next(row for row in TABLE_8 if row["network"] == "mbv1:width=0.25")
    _, count = counted(row["network"], "arm-emulated:cortex-a72")
    check_runtime(count)
    assert f"{count.instructions.total / 1e6:.1f}" == row["instructions"]


@pytest.mark.slow
def test_table_8_is_that_of_the_benchmark_and_of_today(bench):
    expected = {row.spec: row for row in bench.TABLE_8}
    assert [row["network"] for row in TABLE_8] == list(expected)
    result = lwprof.compare([row["network"] for row in TABLE_8], timed=False)
    for row, model in zip(TABLE_8, result.models, strict=True):
        totals, paper = model.totals, expected[row["network"]]
        assert (number(row["MFLOPs"]), number(row["images/s"])) == (paper.mflops, paper.images_per_s)
        assert row["mult-adds"] == f"{totals.mult_adds / 1e6:.1f}"
        assert row["memory access"] == f"{totals.memory_access.paper_elements / 1e6:.2f}"


def test_correlations_are_those_of_the_table(bench):
    columns = {"MFLOPs": "mflops", "mult-adds": "mult_adds", "memory access": "paper_elements", "instructions": "total"}
    frame = pandas.DataFrame(TABLE_8).rename(columns={"network": "spec", **columns})
    records = frame.set_index("spec")[["mult_adds", "paper_elements", "total"]].map(number).reset_index()
    found = bench.correlations(records.to_dict("records"), ["mflops", "mult_adds", "paper_elements", "total"])
    names = {"mult-adds, as printed": "mflops", "mult-adds, as built": "mult_adds"}
    names |= {"memory access, paper": "paper_elements", "instructions": "total"}
    for line in CORRELATIONS:
        if line["rank correlation of"] in names:
            key = names[line["rank correlation of"]]
            for part in ("all", "40M", "140M", "300M", "500M"):
                assert line[part] == f"{found.at[key, part]:.2f}", (line, part)
    assert set(names) <= {line["rank correlation of"] for line in CORRELATIONS}
