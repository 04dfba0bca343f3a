"""One hand-built result of each kind, with everything in it that a report has to show."""

from __future__ import annotations

import pytest

from lwprof.results import (
    Block,
    ComparedModel,
    CompareResult,
    Coverage,
    CrosscheckResult,
    CrosscheckRow,
    CrosscheckTerm,
    Fragmentation,
    Kind,
    Layer,
    MemoryAccess,
    Model,
    OpCount,
    ProfileResult,
    Published,
    Relative,
    TensorSpec,
    Timing,
    Totals,
)

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
