"""The catalogue against itself: published figures agree with the exact counts, or a sentence says why not."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import pytest

from lwprof.errors import InputError
from lwprof.models import catalog
from lwprof.results.networks import Published

ENTRIES = catalog.entries()
ROWS = [
    pytest.param(entry, row, id=f"{name}-{i}")
    for name, entry in ENTRIES.items()
    for i, row in enumerate(entry.published)
]


@pytest.mark.parametrize(("entry", "row"), ROWS)
def test_published_figures_agree_or_say_why_not(entry: catalog.Entry, row: catalog.PublishedRow) -> None:
    variant = entry.variant_for(row.options, row.resolution)
    assert variant is not None, "the exact counts of this row are not listed"
    for figure in ("params", "mult_adds"):
        if figure in row.deviations:
            assert figure in row.disagreements(variant), f"{figure} agree: the deviation is out of date"
        else:
            assert figure not in row.disagreements(variant), f"{row}: {figure} are not those of {variant}"
    assert set(row.deviations) <= {"params", "mult_adds"}
    assert all(reason.endswith(".") for reason in row.deviations.values())


@pytest.mark.parametrize(("printed", "exact", "agrees"), [
    ("4.2", 4_231_976, True),
    ("4.2", 4_300_000, True),
    ("4.2", 4_300_001, False),
    ("569", 568_000_000, True),
    ("569", 567_999_999, False),
    ("3.504872", 3_504_872, True),
    ("3.504872", 3_504_874, False),
])  # fmt: skip
def test_one_unit_of_the_last_printed_digit_is_the_bound(printed: str, exact: int, agrees: bool) -> None:
    variant = catalog.Variant("net", {}, 224, params=exact, mult_adds=exact)
    one, other = (("params",), ("mult_adds",)) if not agrees else ((), ())
    assert catalog.PublishedRow({}, 224, printed, None, None, "a paper").disagreements(variant) == one
    assert catalog.PublishedRow({}, 224, None, printed, None, "a paper").disagreements(variant) == other


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_entry_is_complete(entry: catalog.Entry) -> None:
    assert all(row.source.startswith("arXiv") for row in entry.published[:1]), "the paper's figures come first"
    assert entry.variants[0].label == entry.name
    assert entry.variants[0].resolution == entry.resolution >= entry.min_resolution
    labels = [variant.label for variant in entry.variants]
    assert len(labels) == len(set(labels))
    for text in (entry.title, entry.summary, entry.paper, *(option.help for option in entry.options)):
        assert text
        assert not text.endswith(".")
    for row in entry.published:
        for figure in (row.params_millions, row.mult_adds_millions):
            assert figure is None or Decimal(figure) > 0
        assert row.top1 is None or 0 < row.top1 < 100


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_every_choice_of_an_option_has_its_counts(entry: catalog.Entry) -> None:
    for option in entry.options:
        if option.choices:
            assert option.default in option.choices
            counted = {variant.options.get(option.name, option.default) for variant in entry.variants}
            assert counted == set(option.choices)


def test_names_and_aliases_are_unique() -> None:
    names = [name for entry in ENTRIES.values() for name in (entry.name, *entry.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("asked", "name"), [
    ("mbv1", "mbv1"),
    ("MobileNetV2", "mbv2"),
    ("mobilenet-v3-small", "mbv3_small"),
    ("mbv3", "mbv3_large"),
    ("shufflenet_v2", "shufflenetv2"),
])  # fmt: skip
def test_find_takes_names_and_aliases(asked: str, name: str) -> None:
    assert catalog.find(asked).name == name


@pytest.mark.parametrize(("asked", "message"), [
    ("mobilnet2", "unknown network 'mobilnet2'; did you mean 'mbv2'?"),
    ("shufflenet2", "unknown network 'shufflenet2'; did you mean 'shufflenetv2'?"),
    ("vgg", "unknown network 'vgg'; there are mbv1, mbv2, "),
])  # fmt: skip
def test_an_unknown_name_is_answered_with_the_nearest(asked: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        catalog.find(asked)
    assert str(caught.value).startswith(message)


def test_published_figures_are_found_by_options_and_resolution() -> None:
    mbv1 = ENTRIES["mbv1"]
    assert mbv1.published_for({}, 224) == Published(70.6, 4.2, 569.0, "arXiv 1704.04861, Table 6")
    assert mbv1.published_for({"width": 1, "num_classes": 1000}, 160).mult_adds_millions == 290
    assert mbv1.published_for({"width": 0.75}, 128).top1 == 62.1
    assert mbv1.published_for({"num_classes": 10}, 224) is None
    assert mbv1.published_for({}, 225) is None
    assert mbv1.published_for({"width": 0.6}, 224) is None
    shufflenetv2 = ENTRIES["shufflenetv2"]
    assert shufflenetv2.published_for({}, 224).top1 == 69.4
    assert shufflenetv2.published_for({"unit": "symmetric"}, 224).top1 == 69.362


def test_a_variant_is_labelled_by_its_spec() -> None:
    labels = {variant.label for variant in ENTRIES["mbv2"].variants}
    assert {"mbv2", "mbv2:resolution=96", "mbv2:width=1.4", "mbv2:width=0.75,resolution=160"} <= labels


def test_deviations_of_a_row_are_added_to_those_of_its_source() -> None:
    rows = [row for row in ENTRIES["mbv3_small"].published if "first version" in row.source]
    assert [list(row.deviations) for row in rows] == [["params", "mult_adds"], ["params"]]


@pytest.mark.slow
def test_reading_the_catalogue_does_not_import_the_networks() -> None:
    code = "import sys; from lwprof.models import catalog; catalog.entries(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0
