"""Results as documents: they survive the disk, and what is not theirs is refused in one line."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from lwprof.errors import InputError
from lwprof.results import loading
from lwprof.results.latency import ComparedModel, CompareResult, Counted, Relative, Timing
from lwprof.results.networks import Model
from lwprof.results.profile import ProfileResult
from lwprof.results.structure import Coverage, Fragmentation, Layer, MemoryAccess, Totals

SAVED = sorted((Path(__file__).parent / "goldens").glob("*.json"))
NO_TOTALS = Totals(0, 0, 0, 0, 0, 0, 0, 0, MemoryAccess(0, 0, 0, 0, 0), 0, 0)
NO_BLOCKS = Fragmentation(None, None, None, ())


@pytest.fixture
def document() -> dict:
    """A saved comparison, as plain JSON."""
    return json.loads(next(path for path in SAVED if path.name == "compare_result.json").read_text(encoding="utf-8"))


def layer(name: str, params: int = 1) -> Layer:
    """A layer of 1, 2, 3 and 4 units of cost."""
    return Layer(name, name.title(), params, 2, 3, 4, (), ())


def refused(path: Path, match: str) -> None:
    """Loading ``path`` fails with one line that names the file and matches."""
    with pytest.raises(InputError, match=match) as caught:
        loading.load(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_every_document_comes_back_as_it_was_saved(path, tmp_path):
    result = loading.load(path)
    result.save(tmp_path / "again.json")
    assert loading.load(tmp_path / "again.json") == result
    assert (tmp_path / "again.json").read_text(encoding="utf-8") == path.read_text(encoding="utf-8")
    (tmp_path / "again.json").write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")  # as editors may save
    assert loading.load(tmp_path / "again.json") == result


@pytest.mark.slow
def test_every_kind_of_document_is_among_the_saved_ones():
    assert {type(loading.load(path)) for path in SAVED} == set(loading.DOCUMENTS.values())


def test_types_come_back_not_only_values(document, tmp_path):
    document["models"][0]["totals"]["params"] = 7
    document["models"][0]["timings"][0]["median_s"] = 2
    first = loading.from_dict(document).models[0]
    assert isinstance(first.timings[0].median_s, float)
    assert isinstance(first.timings[0].ci95_s, tuple)
    assert first.model.inputs[0].shape == (1, 3, 224, 224)
    assert first.totals.params == 7


def test_a_number_that_json_cannot_hold_is_null(document):
    result = loading.from_dict(document)
    timing = dataclasses.replace(result.models[0].timings[0], p90_s=float("nan"))
    model = dataclasses.replace(result.models[0], timings=(timing,))
    text = dataclasses.replace(result, models=(model,)).to_json()
    assert loading.from_dict(json.loads(text)).models[0].timings[0].p90_s is None


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(share, tmp_path):
    text = SAVED[0].read_text(encoding="utf-8")
    path = tmp_path / "cut.json"
    path.write_text(text[: int(share * len(text))], encoding="utf-8")
    refused(path, "is (empty|not whole JSON .*); save the result again")


@pytest.mark.parametrize(
    "text",
    ["[]", "3", "null", '"lwprof.profile/1"', "{}",
     '{"schema": null}', '{"schema": "coco/1"}', '{"schema": ["lwprof"]}',
     '{"schema": "lwprof.profile"}', '{"schema": "lwprof.profile/one"}', '{"schema": "lwprof.profile/²"}',
     json.dumps({"schema": "x" * 10_000})],
)  # fmt: skip
def test_a_foreign_file_is_refused(text, tmp_path):
    path = tmp_path / "foreign.json"
    path.write_text(text, encoding="utf-8")
    refused(path, "is not a result of lwprof")


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"\x89PNG\r\n", b"[" * 100_000])
def test_a_file_that_is_no_json_is_refused(data, tmp_path):
    path = tmp_path / "binary.json"
    path.write_bytes(data)
    refused(path, "is not whole JSON|is not text, so not a result of lwprof")


@pytest.mark.parametrize("version", ["2", "10"])
def test_a_newer_document_is_refused_with_what_to_do(version, document, tmp_path):
    path = tmp_path / "newer.json"
    path.write_text(json.dumps({**document, "schema": f"lwprof.compare/{version}"}))
    refused(path, f"lwprof.compare/{version}, newer than this lwprof reads .lwprof.compare/1.; update lwprof")


def test_a_missing_key_is_named(document, tmp_path):
    del document["models"][1]["totals"]["mult_adds"]
    path = tmp_path / "damaged.json"
    path.write_text(json.dumps(document))
    refused(path, r"damaged lwprof.compare document: it lacks the key models\[1\].totals.mult_adds$")


def test_keys_of_a_later_lwprof_are_left_alone(document):
    document["models"][0]["totals"]["energy_j"] = 1.5
    document["weather"] = "fair"
    assert loading.from_dict(document).models[0].totals.params == 4_231_976


def test_a_list_where_an_object_belongs_is_refused(document, tmp_path):
    path = tmp_path / "damaged.json"
    path.write_text(json.dumps({**document, "environment": []}))
    refused(path, r"environment must be an object, not \[\]$")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("params", value) for value in (10**400, "many", 1.5, None, True, [1] * 5_000)],
        *[("memory_access", value) for value in (3, None)],
    ],
)
def test_a_value_of_the_wrong_type_is_refused(key, value, document, tmp_path):
    document["models"][0]["totals"][key] = value
    path = tmp_path / "damaged.json"
    path.write_text(json.dumps(document))
    refused(path, rf"damaged lwprof.compare document: models\[0\].totals.{key} ")


def test_a_time_that_is_no_number_is_refused(document, tmp_path):
    path = tmp_path / "damaged.json"
    for median in ("Infinity", "NaN", "1" + "0" * 400):
        document["models"][0]["timings"][0]["median_s"] = "MEDIAN"
        path.write_text(json.dumps(document).replace('"MEDIAN"', median))
        refused(path, r"damaged lwprof.compare document: models\[0\].timings\[0\].median_s ")


@pytest.mark.parametrize("interval", [[1.0], [1.0, 2.0, 3.0], 1.0, None])
def test_an_interval_needs_two_ends(interval, document, tmp_path):
    document["models"][0]["timings"][0]["ci95_s"] = interval
    path = tmp_path / "damaged.json"
    path.write_text(json.dumps(document))
    refused(path, "damaged lwprof.compare document")


@pytest.fixture
def counted() -> dict:
    """A saved comparison with latencies and counts, as plain JSON."""
    return json.loads(next(path for path in SAVED if path.name == "arm_result.json").read_text(encoding="utf-8"))


def test_counts_stand_among_the_timings_and_hold_no_seconds(counted):
    model = counted["models"][0]
    assert "counts" not in model
    items = [item for item in model["timings"] if "instructions" in item]
    assert len(items) == 2
    for item in items:
        assert not [key for key in item if key.endswith("_s")]
        assert item["instructions"]["total"] == sum(item["instructions"].values()) - item["instructions"]["total"]


def test_counts_are_told_from_latencies_wherever_they_stand(counted):
    result = loading.from_dict(counted)
    model = counted["models"][0]
    model["timings"] = [model["timings"][place] for place in (3, 0, 4, 1, 2)]
    assert loading.from_dict(counted) == result
    assert [type(item) for item in result.models[0].counts] == [Counted, Counted]
    assert all(isinstance(item, Timing) for item in result.models[0].timings)


def test_a_key_that_is_none_of_the_document_makes_no_counts(document):
    document["models"][0]["counts"] = [{"anything": 1}]
    assert loading.from_dict(document).models[0].counts == ()


def test_settings_of_latencies_and_counts_are_apart(counted):
    result = loading.from_dict(counted)
    board = "ncnn ssh://pi@raspberrypi:2222/home/pi/venv/bin/python"
    cores = ("ncnn arm-emulated:cortex-a76", "ncnn arm-emulated:cortex-a72")
    assert result.timed_on == ("torch", board, f"{board} float16")
    assert result.counted_on == cores
    assert result.measured_on == result.settings == (*result.timed_on, *cores)
    assert result.pareto_on == "torch"
    bare = dataclasses.replace(
        result, models=tuple(dataclasses.replace(model, timings=()) for model in result.models), settings=()
    )
    assert (bare.timed_on, bare.pareto_on) == ((), cores[0])
    nothing = dataclasses.replace(
        bare, models=tuple(dataclasses.replace(model, counts=()) for model in bare.models)
    )  # fmt: skip
    assert nothing.pareto_on == ""


def test_what_is_missing_on_an_emulated_core_is_a_count(counted):
    result = loading.from_dict(counted)
    missing = {item.device.partition(":")[0]: item.is_count for _, item in result.untimed()}
    assert missing == {"ssh": False, "arm-emulated": True}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"instructions": None}, r"models\[0\]\.timings\[3\]\.instructions must be an object, not None$"),
        ({"instructions": 3}, r"models\[0\]\.timings\[3\]\.instructions must be an object, not 3$"),
        ({"instructions": {"total": 3}}, r"it lacks the key models\[0\]\.timings\[3\]\.instructions\.vector_fma$"),
        ({"core": 76}, r"models\[0\]\.timings\[3\]\.core must be a text, not 76$"),
    ],
)
def test_a_damaged_count_is_named_by_its_place_in_the_file(change, message, counted, tmp_path):
    counted["models"][0]["timings"][3].update(change)
    path = tmp_path / "damaged.json"
    path.write_text(json.dumps(counted))
    refused(path, f"damaged lwprof.compare document: {message}")


def test_a_count_that_is_no_whole_number_is_refused(counted, tmp_path):
    path = tmp_path / "damaged.json"
    for total in (1.5, "many", None, True, 10**40):
        counted["models"][0]["timings"][4]["instructions"]["total"] = total
        path.write_text(json.dumps(counted))
        refused(path, r"models\[0\]\.timings\[4\]\.instructions\.total ")


def test_a_count_without_its_instructions_is_a_damaged_latency(counted, tmp_path):
    del counted["models"][0]["timings"][3]["instructions"]
    path = tmp_path / "damaged.json"
    path.write_text(json.dumps(counted))
    refused(path, r"it lacks the key models\[0\]\.timings\[3\]\.median_s$")


@pytest.mark.parametrize("timings", [None, 3, {"instructions": {}}])
def test_timings_that_are_no_list_are_refused(timings, counted, tmp_path):
    counted["models"][0]["timings"] = timings
    path = tmp_path / "damaged.json"
    path.write_text(json.dumps(counted))
    refused(path, r"models\[0\]\.timings must be a list, not ")


@pytest.mark.parametrize("boards", [[], {"ssh://board": "fast"}])
def test_boards_that_are_no_records_are_refused(boards, counted, tmp_path):
    path = tmp_path / "damaged.json"
    path.write_text(json.dumps({**counted, "boards": boards}))
    refused(path, r"damaged lwprof.compare document: boards.* must be an object, not ")


def test_what_cannot_be_read_is_refused(tmp_path):
    refused(tmp_path / "none.json", "cannot read .*No such file")
    refused(tmp_path, "cannot read .*directory")


def test_subtrees_sum_what_is_inside_them_in_the_order_of_the_tree():
    layers = (layer("a.x"), layer("b"), layer("a.y.z"), layer(""), layer("a"))
    result = ProfileResult(Model("m", "m", ()), NO_TOTALS, (), NO_BLOCKS, Coverage(0, 0, ()), layers)
    rows = [(item.name, item.depth, item.params, item.eager_elements) for item in result.subtrees()]
    assert rows == [
        ("", 0, 5, 20),
        ("a", 1, 3, 12),
        ("a.x", 2, 1, 4),
        ("a.y", 2, 1, 4),
        ("a.y.z", 3, 1, 4),
        ("b", 1, 1, 4),
    ]
    assert [item.layer for item in result.subtrees() if item.name == "a.y"] == [None]


def test_a_ratio_belongs_to_the_timing_of_its_backend():
    timings = tuple(
        Timing(name, "cpu", n, 1, "float32", 1.0, (1.0, 1.0), None, ()) for name, n in (("t", 1), ("o", 1), ("t", 2))
    )
    ratios = tuple(Relative(name, "first", ratio, (ratio, ratio), "slower") for name, ratio in (("t", 2.0), ("t", 3.0)))
    model = ComparedModel(Model("m", "m", ()), NO_TOTALS, NO_BLOCKS, Coverage(0, 0, ()), None, timings, ratios)
    assert [model.relative_of(timing) for timing in timings] == [ratios[0], None, ratios[1]]


def test_results_as_frames(document):
    compared = loading.from_dict(document)
    assert isinstance(compared, CompareResult)
    assert list(compared.to_pandas()["totals.mult_adds"]) == [568_740_352, 300_774_272, 56_510]
    arm = loading.load(next(path for path in SAVED if path.name == "arm_result.json")).to_pandas()
    assert [len(items) for items in arm["timings"]] == [5, 4, 2]
    assert arm["timings"][1][2]["instructions"]["vector_fma"] == 75_178_016
    profile = loading.load(next(path for path in SAVED if path.name == "profile_result.json"))
    assert profile.to_pandas()["mult_adds"].sum() == profile.totals.mult_adds


def test_frames_of_what_can_be_seen():
    timed, roofline, experiment = (
        loading.load(next(path for path in SAVED if path.name == f"{name}.json"))
        for name in ("timed_profile", "roofline_result", "experiment_result")
    )
    frame = timed.to_pandas()
    assert frame["time_s"].sum() == pytest.approx(sum(item.median_s for item in timed.time.layers if item.layers))
    assert frame["time_layers"].tolist().count("") == frame["time_s"].isna().sum() > 0
    model = roofline.models[0]
    rows = roofline.to_pandas().query("name == @model.name and setting == @model.setting")
    assert list(rows["share"]) == [model.share, *(layer.share for layer in model.layers)]
    assert list(rows["layers"])[:2] == ["", " ".join(model.layers[0].layers)]
    assert list(experiment.to_pandas()["paper.relative"]) == [row.paper.relative for row in experiment.rows]


def test_a_roofline_without_its_ceilings_is_damaged():
    document = json.loads((Path(__file__).parent / "goldens" / "roofline_result.json").read_text(encoding="utf-8"))
    document["ceilings"] = {}
    with pytest.raises(InputError, match=r"damaged lwprof.roofline document: it lacks the ceilings of \w+"):
        loading.from_dict(document)


@pytest.mark.parametrize("place", ["rules", "findings"])
def test_a_severity_that_there_is_not_is_refused(place, tmp_path):
    document = json.loads((Path(__file__).parent / "goldens" / "audit_result.json").read_text(encoding="utf-8"))
    (document["models"][0] if place == "findings" else document)[place][0]["severity"] = "fatal"
    path = tmp_path / "damaged.json"
    path.write_text(json.dumps(document))
    refused(path, "damaged lwprof.audit document: severity must be one of error, warning, info, not 'fatal'$")
