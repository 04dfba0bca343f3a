"""One hand-built result of each kind, with everything in it that a report has to show."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from lwprof.results.audit import (
    Alternative,
    AuditedModel,
    AuditResult,
    Budget,
    Checked,
    CountedGain,
    Finding,
    Form,
    Gain,
    Growth,
    Guideline,
    Ignored,
    Location,
)
from lwprof.results.crosscheck import CrosscheckResult, CrosscheckRow, CrosscheckTerm
from lwprof.results.experiment import Correlation, ExperimentResult, ExperimentRow, MeasuredSpeed, PaperSpeed
from lwprof.results.instructions import Instructions
from lwprof.results.latency import ComparedModel, CompareResult, Counted, Relative, Timing, Untimed
from lwprof.results.layer_times import KindTime, LayerTime, LayerTimes, Span
from lwprof.results.networks import Model, Published, TensorSpec
from lwprof.results.profile import ProfileResult
from lwprof.results.roofline import Ceilings, PlacedLayer, PlacedModel, Probe, RooflineResult
from lwprof.results.structure import Block, Coverage, Fragmentation, Kind, Layer, MemoryAccess, OpCount, Totals

IMAGE = (TensorSpec((1, 3, 224, 224), "float32"),)

MBV1_TOTALS = Totals(
    params=4_231_976, trainable_params=4_231_976, buffers=21_915, param_bytes=16_927_904,
    mult_adds=568_740_352, additions=0, elementwise_ops=10_148_776, launches=85,
    memory_access=MemoryAccess(
        paper_elements=14_396_840, eager_elements=34_624_024, eager_bytes=138_496_096,
        fused_elements=14_556_040, fused_bytes=58_224_160, paper_bytes=57_587_360,
    ),
    peak_activation_bytes=6_422_528, fused_peak_activation_bytes=4_816_896,
)  # fmt: skip
MBV2_TOTALS = Totals(
    params=3_504_872, trainable_params=3_504_872, buffers=34_164, param_bytes=14_019_488,
    mult_adds=300_774_272, additions=0, elementwise_ops=13_000_000, launches=153,
    memory_access=MemoryAccess(
        paper_elements=17_000_000, eager_elements=44_000_000, eager_bytes=176_000_000,
        fused_elements=18_000_000, fused_bytes=72_000_000, paper_bytes=68_000_000,
    ),
    peak_activation_bytes=9_633_792, fused_peak_activation_bytes=6_021_120,
)  # fmt: skip
TINY_TOTALS = Totals(
    params=612, trainable_params=300, buffers=0, param_bytes=2_448,
    mult_adds=56_510, additions=1_024, elementwise_ops=512, launches=4,
    memory_access=MemoryAccess(
        paper_elements=9_408, eager_elements=12_544, eager_bytes=50_176, fused_elements=9_000, fused_bytes=36_000,
    ),
    peak_activation_bytes=980, fused_peak_activation_bytes=980,
)  # fmt: skip

BUSY = "the machine was busy (load 1.9): close other programs"
STEM = ((1, 32, 112, 112),)
SEPARABLE = "SeparableConv"
BLOCKS = tuple(Block(f"features.{index}", SEPARABLE, 2, 1, 2) for index in range(1, 14))
MBV1_COVERAGE = Coverage(83, 2, (), (OpCount("aten::flatten", 1, "a view"), OpCount("aten::dropout", 1, "inactive")))
TINY_COVERAGE = Coverage(3, 0, (OpCount("demo::warp", 3), OpCount("demo::fold", 1)))


def timing(backend: str, median: float, half: float, **other: object) -> Timing:
    """A timing whose median lies in the middle of its interval."""
    values = {
        "backend": backend, "device": "cpu", "threads": 1, "batch": 1, "dtype": "float32", "median_s": median,
        "ci95_s": (median - half, median + half), "p90_s": 1.1 * median,
        "samples_s": (median - half, median, median + half),
        "load_s": 0.0312, "first_call_s": 2 * median, "calls_per_sample": 2, "stopped": "interval",
    }  # fmt: skip
    return Timing(**{**values, **other})  # type: ignore[arg-type]


@pytest.fixture
def profile_result() -> ProfileResult:
    """MobileNetV1: its true totals and kinds, its thirteen blocks in one lump."""
    return ProfileResult(
        model=Model("mbv1", "mbv1:width=1.0", IMAGE),
        totals=MBV1_TOTALS,
        kinds=(
            Kind("pointwise", 3_139_584, 539_492_352, 7_780_864),
            Kind("depthwise", 44_640, 17_385_984, 5_037_152),
            Kind("dense conv", 864, 10_838_016, 552_800),
            Kind("linear", 1_025_000, 1_024_000, 1_026_024),
            Kind("normalisation", 21_888, 0, 0),
        ),
        fragmentation=Fragmentation(2.0, 2, 1, BLOCKS),
        coverage=MBV1_COVERAGE,
        layers=(
            Layer("", "MobileNetV1", 0, 0, 0, 1_024, ((1, 3, 224, 224),), ((1, 1000),)),
            Layer("features.0.0", "Conv2d", 864, 10_838_016, 552_800, 552_800, ((1, 3, 224, 224),), STEM),
            Layer("features.0.1", "BatchNorm2d", 64, 0, 0, 802_880, STEM, STEM),
            Layer("features.1.depthwise", "Conv2d", 44_640, 17_385_984, 5_037_152, 5_037_152, (), ()),
            Layer("features.1.pointwise", "Conv2d", 3_161_408, 539_492_352, 7_780_864, 27_203_944, (), ()),
            Layer("classifier", "Linear", 1_025_000, 1_024_000, 1_026_024, 1_026_024, ((1, 1024),), ((1, 1000),)),
        ),
        published=Published(70.6, 4.2, 569.0, "arXiv:1704.04861, Table 4"),
    )  # fmt: skip


@pytest.fixture
def dubious_profile() -> ProfileResult:
    """A user's network in which everything is missing that can be: blocks, rules, a fixed course."""
    return ProfileResult(
        model=Model("net.py:TinyNet", "net.py:TinyNet", (TensorSpec((1, 8), "float32"), TensorSpec((), "int64"))),
        totals=TINY_TOTALS,
        kinds=(Kind("linear", 612, 56_510, 9_408),),
        fragmentation=Fragmentation(None, None, None, ()),
        coverage=TINY_COVERAGE,
        layers=(Layer("", "TinyNet", 612, 56_510, 9_408, 12_544, ((1, 8), ()), ((1, 2),)),),
        input_dependent=True,
    )


@pytest.fixture
def compare_result() -> CompareResult:
    """Two networks of the catalogue and one of a user."""
    return CompareResult(
        models=(
            ComparedModel(
                Model("mbv1", "mbv1", IMAGE), MBV1_TOTALS, Fragmentation(2.0, 2, 1, BLOCKS), MBV1_COVERAGE,
                Published(70.6, 4.2, 569.0, "arXiv:1704.04861, Table 4"), (timing("torch", 0.0183456, 0.00006),),
                (), False,
            ),
            ComparedModel(
                Model("mbv2", "mbv2", IMAGE), MBV2_TOTALS, Fragmentation(50 / 17, 3, 1, ()), MBV1_COVERAGE,
                Published(72.0, 3.4, 300.0, "arXiv:1801.04381, Table 4"),
                (timing("torch", 0.0135987, 0.00014, warnings=(BUSY,), stopped="budget"),),
                (Relative("torch", "mbv1", 0.741234, (0.7293, 0.7524), "faster"),), True,
            ),
            ComparedModel(
                Model("net.py:TinyNet", "net.py:TinyNet", IMAGE), TINY_TOTALS, Fragmentation(None, None, None, ()),
                TINY_COVERAGE, None, (timing("torch", 0.0183321, 0.00021, p90_s=None, load_s=None),),
                (Relative("torch", "mbv1", 0.99926, (0.9931, 1.0064), "indistinguishable"),), None,
            ),
        ),
        environment={"cpu": "Example CPU", "cores": 2, "governor": None, "torch": "2.13.0"},
    )  # fmt: skip


NO_CONVERSION = "ncnn cannot convert net.py:TinyNet: there is no aten::warp (head.warp)"


def on(setting: str, median: float, **other: object) -> Timing:
    """A timing on one of several settings, with 1 % to each side."""
    backend, _, dtype = setting.partition(" ")
    chosen = {"setting": setting, "dtype": dtype or "float32", "stopped": "budget"} | other
    return timing(backend, median, 0.01 * median, **chosen)


def ratio(setting: str, to: str, value: float, verdict: str = "faster") -> Relative:
    """A ratio with 0.02 to each side."""
    return Relative(setting.partition(" ")[0], to, value, (value - 0.02, value + 0.02), verdict, setting)


@pytest.fixture
def settings_result() -> CompareResult:
    """The same networks on several settings: conversions, int8, what was not timed and why."""
    runtime, int8, fork = "onnxruntime", "onnxruntime int8", "ncnn"
    sizes = {"convert_s": 0.7, "size_bytes": 16_860_000, "difference": 2.12e-07}
    mbv1 = ComparedModel(
        Model("mbv1", "mbv1", IMAGE), MBV1_TOTALS, Fragmentation(2.0, 2, 1, BLOCKS), MBV1_COVERAGE,
        Published(70.6, 4.2, 569.0, "arXiv:1704.04861, Table 4"),
        (
            on("torch", 0.0183, floor_s=0.0133, bound="compute"),
            on(runtime, 0.0081, floor_s=0.0066, bound="memory", warnings=(BUSY,), **sizes),
            on(int8, 0.0051, warnings=(BUSY,), convert_s=3.4, converted_before=True, size_bytes=4_400_000,
               difference=0.0312),
            on(fork, 0.0092, convert_s=1.2, size_bytes=16_900_000, difference=3.4e-06),
        ),
        (), False,
        (ratio(runtime, "torch", 0.443), ratio(int8, "torch", 0.279), ratio(fork, "torch", 0.503)),
    )  # fmt: skip
    mbv2 = ComparedModel(
        Model("mbv2", "mbv2", IMAGE), MBV2_TOTALS, Fragmentation(50 / 17, 3, 1, ()), MBV1_COVERAGE,
        Published(72.0, 3.4, 300.0, "arXiv:1801.04381, Table 4"),
        (on("torch", 0.0136), on(runtime, 0.0049, **sizes), on(fork, 0.0093, convert_s=1.1, size_bytes=14_000_000)),
        (ratio("torch", "mbv1", 0.743), ratio(runtime, "mbv1", 0.605), ratio(fork, "mbv1", 1.01, "indistinguishable")),
        True,
        (ratio(runtime, "torch", 0.36), ratio(fork, "torch", 0.684)),
        (Untimed(runtime, "cpu", int8, f"{int8} computes something else than torch for mbv2: the largest difference "
                 "is 0.61 of the output's range, at most 0.5 is accepted", 0.61),
         Untimed("openvino", "cpu", "openvino", "the backend 'openvino' is not installed")),
    )  # fmt: skip
    tiny = ComparedModel(
        Model("net.py:TinyNet", "net.py:TinyNet", IMAGE), TINY_TOTALS, Fragmentation(None, None, None, ()),
        TINY_COVERAGE, None, (on(runtime, 0.0003), on(int8, 0.00031)),
        (ratio(runtime, "mbv1", 0.037), ratio(int8, "mbv1", 0.061)), None,
        (ratio(int8, "onnxruntime", 1.03, "slower"),),
        (Untimed("torch", "cpu", "torch", "torch does not run ONNX files", failed=False),
         Untimed("openvino", "cpu", "openvino", "the backend 'openvino' is not installed"),
         Untimed(fork, "cpu", fork, NO_CONVERSION)),
    )  # fmt: skip
    mbv1 = replace(mbv1, untimed=(mbv2.untimed[1],))
    return CompareResult(
        (mbv1, mbv2, tiny),
        {"cpu": "Example CPU", "cores": 2, "torch": "2.13.0", "onnxruntime": "1.31.1", "threads": 1},
        settings=("torch", runtime, int8, fork, "openvino"),
    )


@pytest.fixture
def gpu_result() -> CompareResult:
    """One network on a GPU: events, cache and memory; the machine of somebody else."""
    seen = {
        "device": "cuda", "events_s": (0.0011, 0.0012, 0.0013), "median_events_s": 0.0012,
        "layout": "channels_last", "peak_memory_bytes": 61_000_000,
    }  # fmt: skip
    warm, cold = "torch cuda channels_last", "torch cuda channels_last cold L2"
    model = ComparedModel(
        Model("mbv2", "mbv2", IMAGE), MBV2_TOTALS, Fragmentation(50 / 17, 3, 1, ()), MBV1_COVERAGE, None,
        (timing("torch", 0.0014, 0.00001, setting=warm, l2="warm", **seen),
         timing("torch", 0.0016, 0.00002, setting=cold, l2="cold", **seen)),
        across=(Relative("torch", warm, 1.143, (1.13, 1.156), "slower", cold),),
    )  # fmt: skip
    return CompareResult(
        (model,), {"cpu": "Other CPU", "cores": 8, "torch": "2.13.0", "gpu": "Example GPU", "threads": 4},
        settings=(warm, cold),
    )  # fmt: skip


PINNED = {"device": "ssh://pi@raspberrypi:2222/home/pi/venv/bin/python", "cores": "2-3", "size_bytes": 16_900_000}
BOARD = f"ncnn {PINNED['device']}"
A76 = Instructions(150_243_811, 141_904_116, 2_960_211, 1_512_920, 1_102_441, 1_400_733, 903_022, 260_114, 199_804, 450)
FORMS = {
    "mbv1": A76,
    "mbv2": Instructions(101_341_338, 75_178_016, 12_011_442, 3_960_118, 4_630_027, 3_201_775, 1_500_321, 500_112,
                         359_027, 500),
    "net.py:TinyNet": Instructions(301_200, 14_128, 20_400, 10_100, 40_572, 120_500, 60_300, 20_200, 15_000, 0),
}  # fmt: skip
"""Made up but for the totals and FMAs of MobileNetV2."""


def counted(name: str, core: str = "cortex-a76", dtype: str = "", percent: int = 100, **other: object) -> Counted:
    """A count of one of ``FORMS``, each class times ``percent`` and rounded down, in float32 where nobody asked."""
    found = {field.name: getattr(FORMS[name], field.name) * percent // 100 for field in fields(Instructions)[1:]}
    device = f"arm-emulated:{core}"
    values = {
        "backend": "ncnn", "device": device, "core": core, "runtime": "ncnn 1.0.20261020", "batch": 1,
        "dtype": dtype or "float32", "instructions": Instructions(sum(found.values()), **found),
        "setting": " ".join(filter(None, ("ncnn", device, dtype))),
    }  # fmt: skip
    return Counted(**{**values, **other})  # type: ignore[arg-type]


def on_board(median: float, setting: str = BOARD, **other: object) -> Timing:
    """A timing on the board, in float32 where nothing else is said."""
    return on(setting, median, **{**PINNED, "threads": 2, "dtype": "float32", **other})


@pytest.fixture
def arm_result(compare_result: CompareResult) -> CompareResult:
    """A CPU, a board and two emulated cores: latencies and counts, and what was neither."""
    device, half, guessed = str(PINNED["device"]), f"{BOARD} float16", "the classes of 12 instructions are guessed"
    a76, a72 = (f"ncnn arm-emulated:{core}" for core in ("cortex-a76", "cortex-a72"))
    mbv1, mbv2, tiny = (
        replace(model, timings=(replace(model.timings[0], setting="torch"),),
                relative=tuple(replace(item, setting="torch") for item in model.relative))
        for model in compare_result.models
    )  # fmt: skip
    mbv1 = replace(
        mbv1, timings=(*mbv1.timings, on_board(0.0402), on_board(0.0321, half, dtype="float16")),
        across=(Relative("ncnn", BOARD, 0.799, (0.78, 0.81), "faster", half),),
        counts=(counted("mbv1", warnings=(guessed,)), counted("mbv1", "cortex-a72", percent=101)),
    )  # fmt: skip
    mbv2 = replace(
        mbv2, timings=(*mbv2.timings, on_board(0.0281, warnings=("the board was throttled: cool it",))),
        relative=(*mbv2.relative, ratio(BOARD, "mbv1", 0.699)),
        untimed=(Untimed("ncnn", device, half, "the connection to the board was lost"),),
        counts=(counted("mbv2"), counted("mbv2", "cortex-a72", percent=101)),
    )  # fmt: skip
    tiny = replace(
        tiny, counts=(counted("net.py:TinyNet"),),
        untimed=(Untimed("ncnn", device, BOARD, "there is no layer Warp"),
                 Untimed("ncnn", "arm-emulated:cortex-a72", a72, "ncnn cannot load net.py:TinyNet: there is no Warp")),
    )  # fmt: skip
    return CompareResult(
        (mbv1, mbv2, tiny), {**compare_result.environment, "backend": "torch, ncnn", "threads": 1},
        settings=("torch", BOARD, half, a76, a72),
        boards={device: {"cpu": "Cortex-A76", "cores": 4, "governor": "ondemand", "ncnn": "1.0.20261020"}},
    )  # fmt: skip


@pytest.fixture
def counted_result(compare_result: CompareResult) -> CompareResult:
    """Instructions on one core in two dtypes, and nothing that was timed."""
    single, half = (f"ncnn arm-emulated:cortex-a76 {dtype}" for dtype in ("float32", "float16"))
    model: dict[str, object] = {"size_bytes": 14_000_000, "difference": 1.3e-07}
    smaller: dict[str, object] = {"percent": 54, "size_bytes": 7_000_000, "difference": 6.3e-04}
    mbv1, mbv2, tiny = (
        replace(compared, timings=(), relative=(), counts=(counted(name, dtype="float32", **model),))
        for compared, name in zip(compare_result.models, FORMS, strict=True)
    )
    mbv1, mbv2 = (
        replace(compared, counts=(*compared.counts, counted(compared.model.name, dtype="float16", **smaller)))
        for compared in (mbv1, mbv2)
    )
    reason = f"{half} computes something else than torch for net.py:TinyNet: the largest difference is 0.61"
    tiny = replace(tiny, untimed=(Untimed("ncnn", "arm-emulated:cortex-a76", half, reason, 0.61),))
    return CompareResult((mbv1, mbv2, tiny), compare_result.environment, settings=(single, half))


@pytest.fixture
def crosscheck_result() -> CrosscheckResult:
    """A tool that agrees, one that counts more, one that leaves a rest, one that fails."""
    network = Model("mbv2", "mbv2", IMAGE)
    ours = 300_774_272
    norm = CrosscheckTerm("batch norm", 13_356_224, "fvcore counts two per element")
    pool = CrosscheckTerm("adaptive pooling", -62_720, "made up: a term that takes away")
    return CrosscheckResult(
        network,
        (
            CrosscheckRow("torch", "2.13.0", ours, 300_774_272, (), 0, "the same once halved"),
            CrosscheckRow("fvcore", "0.1.5", ours, 314_067_776, (norm, pool), 0, "different by convention"),
            CrosscheckRow("thop", "0.1.1", ours, 314_130_600, (norm,), 104, "a rest of 104 has no explanation"),
            CrosscheckRow("other", "", ours, None, (), 0, "it could not run the network: ValueError"),
        ),
    )


HOSTILE_NAME = 'a|b<b>"\n::error'
PAGE = """A made-up guideline: {}.

## What it measures

How much of `it` there is,
over how much there might be.

## Why it costs

Because of *this*.
"""
RULES = tuple(
    Guideline(code, slug, f"A made-up guideline: {slug}.", severity, quantity, PAGE.format(slug))
    for code, slug, severity, quantity in (
        ("G1", "unequal-channel-widths", "warning", "memory access over its lower bound"),
        ("G2", "costly-group-convolution", "error", "memory access over that without groups"),
        ("G4", "element-wise-traffic", "warning", "element-wise elements over those of the block"),
        ("D6", "fixed-size-pooling", "warning", ""),
        ("D9", "narrow-channels", "info", "channels off a multiple of 8"),
    )
)
LAYER = Form("Conv2d", {"in_channels": 24, "out_channels": 144, "kernel_size": 1}, (1, 24, 56, 56))


def finding(code: str, module: str, measured: float | None, cost: int, **other: object) -> Finding:
    """A finding of one of ``RULES`` in a network of 44 million elements."""
    rule = next(rule for rule in RULES if rule.code == code)
    threshold = {"G1": 1.2, "G2": 2.0, "G4": 8.0, "D9": 0.0}.get(code)
    values = {
        "code": code, "slug": rule.slug, "severity": rule.severity, "module": module,
        "message": f"it is {measured} where {threshold} would do", "measured": measured, "threshold": threshold,
        "cost": cost, "cost_share": round(cost / 44_000_000, 9), "suggestion": "write it otherwise", "type": "Conv2d",
        "fails": rule.severity != "info",
    }  # fmt: skip
    return Finding(**{**values, **other})  # type: ignore[arg-type]


def alternative(saves: int, **other: object) -> Alternative:
    """Two widths that are equal."""
    return Alternative("nn.Conv2d(59, 59, 1, bias=False)", 10_916_416, 10_838_016, saves, LAYER, LAYER, **other)  # type: ignore[arg-type]


FASTER = Gain("torch", "cpu", 1, 1e-3, 8e-4, 0.758, (0.73, 0.781), "faster", dtype="float32")
NO_DIFFERENCE = Gain("torch", "cpu", 1, 1e-3, 1e-3, 1.0, (0.98, 1.02), "indistinguishable")


@pytest.fixture
def audit_result() -> AuditResult:
    """An audit with everything: each severity, known and ignored findings, budgets, growth, a failure, odd names."""
    mbv2 = AuditedModel(
        name="mbv2",
        model=Model("mbv2", "mbv2", IMAGE),
        totals=MBV2_TOTALS,
        coverage=MBV1_COVERAGE,
        findings=(
            finding("G4", "features.2", 19.54321, 9_000_000, message="6 of 8 operators are element-wise",
                    suggestion="fold the batch norms", type="InvertedResidual"),
            finding("G1", "features.2.conv.0", 1.384615, 2_257_920, message="24 to 144 channels: 1.38 times the least",
                    suggestion="59 to 59 channels do the same work",
                    alternative=alternative(611_520, gain=FASTER), calls=2),
            finding("G1", "features.3.conv.0", 1.25, 2_000_000, known=True, fails=False),
            finding("G2", "features.4.conv.1", 2.5, 1_500_000, alternative=alternative(700_000, gain=NO_DIFFERENCE)),
            finding("D9", "features.5", 3.0, 900_000),
            finding("D9", "features.6", 5.0, 800_000, known=True),
            finding("G1", "features.7.conv.0", 1.3, 700_000,
                    alternative=alternative(1_000, unmeasured="this backend times no groups")),
        ),
        checked=(
            Checked("G1", 34, 4, 1.384615), Checked("G2", 3, 1, 2.5), Checked("G4", 17, 1, 19.54321),
            Checked("D6", 1, 0, None), Checked("D9", 52, 3, 5.0),
        ),
        ignored=(
            Ignored("G1", "features.17.conv.0", "the last convolution widens on purpose"),
            Ignored("D9", "classifier.1", "there are 1001 classes"),
            Ignored("D9", "classifier.2", "there are 1001 classes"),
        ),
        budgets=(
            Budget("max_params", 4_000_000.0, 3_504_872.0, True),
            Budget("max_memory_access.fused", 17_500_000.0, 18_000_000.0, False),
            Budget("max_latency_ratio", 1.2, 1.31, False, advisory=True, remark="to mbv1 on torch: 1.28 to 1.34"),
            Budget("max_fragments", 3.0, None, True, remark="it has no building blocks"),
        ),
        growth=(
            Growth("mult_adds", "", 300_774_272, 305_000_000),
            Growth("mult_adds", "features.2.conv.0", 10_838_016, 15_063_744),
        ),
        mended=2,
    )  # fmt: skip
    tiny = AuditedModel(
        name="net.py:TinyNet",
        model=Model("net.py:TinyNet", "net.py:TinyNet", (TensorSpec((1, 8), "float32"),)),
        totals=TINY_TOTALS,
        coverage=TINY_COVERAGE,
        findings=(
            finding("D6", "head.pool", None, 9_408, location=Location("nets/a b.py", 12), type="AvgPool2d",
                    message="kernel 7 fits one resolution only", suggestion="nn.AdaptiveAvgPool2d(1)"),
            finding("G1", HOSTILE_NAME, 1.5, 1_024, location=Location("nets/a b.py", 7), type=HOSTILE_NAME,
                    message=f"100 % of {HOSTILE_NAME}", suggestion="see [this](http://x) {0}"),
            finding("D9", "", 1.0, 512, type="TinyNet"),
        ),
        checked=(Checked("G1", 1, 1, 1.5), Checked("D6", 1, 1, None), Checked("D9", 1, 1, 1.0)),
    )  # fmt: skip
    clean = AuditedModel(
        name="shufflenetv2", model=Model("shufflenetv2", "shufflenetv2", IMAGE), totals=MBV1_TOTALS,
        coverage=MBV1_COVERAGE, checked=(Checked("G1", 36, 0, 1.01),),
    )  # fmt: skip
    broken = AuditedModel("broken.py:Net", failure="broken.py, line 3: ValueError: no such layer")
    return AuditResult(
        (mbv2, tiny, clean, broken), False, settings="lwprof.toml", baseline="baseline.json",
        environment={"cpu": "Example CPU", "torch": "2.13.0"}, warnings=(BUSY,), rules=RULES,
    )  # fmt: skip


@pytest.fixture
def clean_audit() -> AuditResult:
    """An audit of one network that found nothing."""
    network = AuditedModel(
        "mbv1", model=Model("mbv1", "mbv1", IMAGE), totals=MBV1_TOTALS, coverage=MBV1_COVERAGE,
        checked=(Checked("G1", 13, 0, 1.06),),
    )  # fmt: skip
    return AuditResult((network,), True, rules=RULES[:1])


def executed(total: int) -> Instructions:
    """Six of ten of them vector FMAs, the others scalar."""
    return Instructions(total, total * 6 // 10, 0, 0, 0, total - total * 6 // 10, 0, 0, 0)


def counted_gain(before: int, after: int, verdict: str) -> CountedGain:
    """Totals of a layer and of its alternative."""
    on = "ncnn", "arm-emulated:cortex-a76", "cortex-a76", "ncnn 1.0", "float32"
    return CountedGain(*on, executed(before), executed(after), after / before, verdict)


@pytest.fixture
def counted_audit() -> AuditResult:
    """An audit whose alternatives and budgets were counted on an emulated core, as far as that was possible."""

    def priced(number: int, cost: int, **measured: object) -> Finding:
        return finding("G1", f"features.{number}.conv", 1.3, cost, alternative=alternative(cost // 4, **measured))

    on = "ncnn 1.0, float32, on an emulated cortex-a76"
    missing = "not counted: arm-emulated is not installed: lwprof doctor --install arm-emulated"
    name = "max_arm_instructions"
    mbv2 = AuditedModel(
        "mbv2", model=Model("mbv2", "mbv2", IMAGE), totals=MBV2_TOTALS, coverage=MBV1_COVERAGE,
        checked=(Checked("G1", 36, 5, 1.3),),
        findings=(
            priced(1, 9_000_000, counted=counted_gain(8_153_395, 7_246_885, "fewer")),
            priced(2, 8_000_000, counted=counted_gain(8_153_395, 7_246_885, "fewer")),
            priced(3, 7_000_000, counted=counted_gain(3_716_291, 3_823_845, "more")),
            priced(4, 6_000_000, counted=counted_gain(2_549_301, 2_549_501, "the same")),
            priced(5, 5_000_000, unmeasured="ncnn has no such layer"),
        ),
        budgets=(
            Budget(name, 102e6, 101_341_338.0, ok=True, remark=f"{on}; up to 0.01 % more is kept"),
            Budget(f"{name}.vector_fma", 75_178_015.0, 75_178_016.0, ok=False, remark=on),
        ),
    )  # fmt: skip
    small = AuditedModel(
        "mbv2:width=0.5", model=Model("mbv2", "mbv2:width=0.5", IMAGE), totals=MBV2_TOTALS, coverage=MBV1_COVERAGE,
        checked=(Checked("G1", 36, 0, 1.1),),
        budgets=(Budget(name, 35e6, None, ok=False, remark=missing, failure_code=3),),
    )  # fmt: skip
    return AuditResult((mbv2, small), False, environment={"ncnn": "1.0"}, rules=RULES[:1])


def layer_time(kind: str, milliseconds: float, *layers: str) -> LayerTime:
    """Time of layers that run as one, with 2 % to each side."""
    seconds = milliseconds / 1e3
    samples = (0.98 * seconds, seconds, 1.02 * seconds)
    return LayerTime(layers, kind, seconds, (samples[0], samples[-1]), samples)


@pytest.fixture
def timed_profile(profile_result: ProfileResult) -> ProfileResult:
    """MobileNetV1 on a runtime that fuses: 8 ms, of which 0.4 belong to no layer."""
    layers = (
        layer_time("dense conv", 0.9, "features.0.0", "features.0.1"),
        layer_time("depthwise", 2.1, "features.1.depthwise"),
        layer_time("pointwise", 4.4, "features.1.pointwise"),
        layer_time("linear", 0.2, "classifier"),
    )
    spans = tuple(
        Span(item.layers, start / 1e3, item.median_s) for item, start in zip(layers, (0.1, 1.1, 3.3, 7.8), strict=True)
    )
    kinds = tuple(
        KindTime(item.kind, item.median_s, item.ci95_s) for item in sorted(layers, key=lambda item: -item.median_s)
    )
    time = LayerTimes(
        on("onnxruntime", 0.008), Relative("onnxruntime", "mbv1", 1.03, (1.02, 1.04), "slower", "onnxruntime"),
        layers, kinds, layer_time("", 0.4), spans, {"cpu": "Example CPU", "onnxruntime": "1.31.1"},
    )  # fmt: skip
    return replace(profile_result, time=time)


CEILING, MEMORY_BYTES, CACHE_BYTES = 40e9, 10e9, 50e9
"""Mult-adds and bytes a second, and bytes a second in the cache."""


def place(mult_adds: int, size: int, latency: float, *marks: str) -> dict[str, object]:
    """Something under those roofs."""
    moved = size / (CACHE_BYTES if "cached" in marks else MEMORY_BYTES)
    floor = max(mult_adds / CEILING, moved)
    return {
        "mult_adds": mult_adds, "bytes": size, "latency_s": latency, "ci95_s": (0.99 * latency, 1.01 * latency),
        "intensity": mult_adds / size, "attained": mult_adds / latency, "roof": mult_adds / floor, "floor_s": floor,
        "share": floor / latency, "bound": "memory" if floor == moved else "compute", "marks": marks,
    }  # fmt: skip


@pytest.fixture
def roofline_result() -> RooflineResult:
    """Two networks under one machine's roofs, one with its layers; a third that could not be timed."""
    ceilings = Ceilings(
        "onnxruntime", "cpu", 1, "float32", "onnxruntime", CEILING, MEMORY_BYTES, CACHE_BYTES, 33_554_432, True,
        (Probe("matmul 1024x1024x1024", 1_073_741_824, 1_073_741_824 / CEILING),
         Probe("1x1 convolution 256 to 256 at 56x56", 205_520_896, 205_520_896 / 38e9),
         Probe("3x3 convolution 256 to 256 at 56x56", 1_849_688_064, 1_849_688_064 / 61e9),
         Probe("copy of 128 MB", 268_435_456, 268_435_456 / MEMORY_BYTES, of_bytes=True),
         Probe("copy of 4 MB", 8_388_608, 8_388_608 / CACHE_BYTES, of_bytes=True)),
        measured="2026-01-02T03:04:05+00:00", winograd_mult_adds_per_s=61e9,
    )  # fmt: skip
    layers = (
        PlacedLayer(
            layers=("features.0.0", "features.0.1"),
            kind="dense conv",
            **place(10_838_016, 2_211_200, 9e-4, "cached", "winograd"),
        ),  # type: ignore[arg-type]
        PlacedLayer(layers=("features.1.depthwise",), kind="depthwise", **place(17_385_984, 20_148_608, 2.1e-3)),  # type: ignore[arg-type]
        PlacedLayer(layers=("features.1.pointwise",), kind="pointwise", **place(539_492_352, 31_123_456, 1.55e-2)),  # type: ignore[arg-type]
        PlacedLayer(layers=("classifier",), kind="linear", **place(1_024_000, 4_104_096, 2e-4, "cached")),  # type: ignore[arg-type]
        PlacedLayer(layers=("features.0.2",), kind="activation", **place(0, 3_211_264, 3e-4, "cached")),  # type: ignore[arg-type]
    )
    return RooflineResult(
        {"onnxruntime": ceilings},
        (PlacedModel(name="mbv1", spec="mbv1", setting="onnxruntime", layers=layers, unattributed_s=4e-4,
                     **place(568_740_352, 58_224_160, 0.0194)),  # type: ignore[arg-type]
         PlacedModel(name="net.py:TinyNet", spec="net.py:TinyNet", setting="onnxruntime",
                     **place(56_510, 36_000, 3e-4, "cached"))),  # type: ignore[arg-type]
        {"cpu": "Example CPU", "onnxruntime": "1.31.1"},
        (Untimed("onnxruntime", "cpu", "onnxruntime", "onnxruntime cannot convert broken: there is no aten::warp"),),
    )  # fmt: skip


def experiment_row(
    column: str, setting: str, speed: float, first: float, seconds: float, ratio: float
) -> ExperimentRow:
    """A row of the ARM side, 1 % to each side."""
    measured = MeasuredSpeed(seconds, (0.99 * seconds, 1.01 * seconds), (0.99 * seconds, seconds, 1.01 * seconds))
    verdict = "indistinguishable" if ratio > 0.99 else "slower"
    paper = PaperSpeed(speed, "images/s", speed / first, "Snapdragon 810")
    return ExperimentRow(column, setting, 64_225_280, 4_177_920, paper, measured, ratio,
                         (ratio - 0.01, ratio + 0.01), verdict if seconds != 0.004 else "")  # fmt: skip


@pytest.fixture
def experiment_result() -> ExperimentResult:
    """A guideline that holds in one column, and is unclear in the other; a row that could not be timed."""
    rows = (
        experiment_row("ARM x1", "1:1 (32, 32)", 76.2, 76.2, 0.004, 1.0),
        experiment_row("ARM x1", "1:2 (22, 44)", 72.9, 76.2, 0.0042, 0.95),
        experiment_row("ARM x1", "1:6 (13, 78)", 69.1, 76.2, 0.005, 0.8),
        experiment_row("ARM x2", "1:1 (64, 64)", 21.7, 21.7, 0.004, 1.0),
        experiment_row("ARM x2", "1:2 (44, 88)", 20.5, 21.7, 0.00401, 0.998),
    )
    paper = PaperSpeed(17.9, "images/s", 17.9 / 21.7, "Snapdragon 810")
    missing = replace(rows[-1], setting="1:6 (26, 156)", paper=paper, measured=None, relative=None, relative_ci95=None,
                      verdict="")  # fmt: skip
    return ExperimentResult(
        "g1", "G1: equal channel widths minimise memory access", "arXiv:1807.11164, Table 1", "onnxruntime", "cpu", 1,
        "float32", (*rows, missing), {"ARM x1": "yes", "ARM x2": "unclear"},
        "G1 holds here in 1 of 2 columns.", ("batch 1: the paper states none",),
        warnings=(BUSY,),
        untimed=(Untimed("onnxruntime", "cpu", "onnxruntime", "out of memory"),),
        environment={"cpu": "Example CPU", "onnxruntime": "1.31.1"},
    )  # fmt: skip


@pytest.fixture
def table8_result(experiment_result: ExperimentResult) -> ExperimentResult:
    """Networks of the catalogue, with the rank correlations."""
    rows = tuple(
        replace(
            row, column="40M", setting=name, spec=spec, paper=replace(row.paper, speed=arm, relative=arm / 57.0),  # type: ignore[type-var]
            also=PaperSpeed(gpu, "batches/s", gpu / 417.0, "GTX 1080Ti"),
        )
        for row, name, spec, gpu, arm in zip(
            experiment_result.rows[:3], ("ShuffleNet v2 0.5x", "0.25 MobileNet v1", "Xception 0.5x"),
            ("shufflenetv2:width=0.5", "mbv1:width=0.25", "xception_light:width=0.5"),
            (417.0, 502.0, 384.0), (57.0, 36.4, 52.9), strict=True,
        )
    )  # fmt: skip
    return replace(
        experiment_result, experiment="table8", title="Speeds of networks", source="arXiv:1807.11164, Table 8",
        rows=rows, holds={}, verdict="This device ranks 3 networks more like the paper's ARM than like its GPU.",
        correlations=(Correlation("", "GPU", -0.5, (-0.5, 0.5), 3), Correlation("", "ARM", 0.5, (0.5, 1.0), 3)),
        warnings=(), untimed=(),
    )  # fmt: skip
