"""Table 8: which of the paper's devices this one is more like."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fake_backends import Fake

from lwprof.experiments import experiment
from lwprof.experiments.correlations import ranks
from lwprof.experiments.table8 import TABLE_8
from lwprof.models import catalog, specs
from lwprof.profiling import profile
from lwprof.results.experiment import ExperimentResult
from lwprof.timing import backends
from lwprof.timing.portable.clock import Clock

pytestmark = pytest.mark.slow


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    now = 0.0

    def passes(seconds: float) -> None:
        nonlocal now
        now += seconds

    fake = Fake("made-up", passes)
    monkeypatch.setattr(fake, "is_reference", lambda options: True)  # networks do not run at all
    monkeypatch.setattr(backends, "BACKENDS", (fake,))

    def call(seconds: dict[str, float], **options: Any) -> ExperimentResult:
        fake.seconds = seconds
        return experiment("table8", backend="made-up", clock=Clock(lambda: now, tick_s=1e-7), budget_s=100, **options)

    return call


def test_every_network_is_in_the_catalogue() -> None:
    assert len(TABLE_8) == 22
    for row in TABLE_8:
        assert catalog.find(specs.parse(row.spec).place)


def test_every_network_is_the_papers() -> None:
    """0.15 MobileNet v2 has 30.6 million mult-adds in the catalogue, the paper's 39 million."""
    for row in TABLE_8:
        mult_adds = profile(row.spec).totals.mult_adds / 1e6
        assert mult_adds == pytest.approx(row.mflops, rel=0.1), row.spec


def test_some_speeds_are_the_papers() -> None:
    speeds = {row.spec: (row.batches_per_s, row.images_per_s) for row in TABLE_8}
    assert speeds["shufflenetv2:width=2.0"] == (217, 6.7)
    assert speeds["mbv2:width=1.4"] == (137, 5.4)
    assert speeds["shufflenetv1:width=2.0"] == (133, 6.4)
    assert speeds["xception_light:width=2.0"] == (174, 6.7)
    assert speeds["mbv1"] == (247, 6.5)


def test_a_device_like_the_papers_arm(run: Any) -> None:
    result = run({row.network: 1 / row.images_per_s for row in TABLE_8 if row.group == "40M"}, columns="40M")
    assert {item.paper_device: item.networks for item in result.correlations} == {"GPU": 5, "ARM": 5}
    found = {item.paper_device: item.rho for item in result.correlations}
    assert found["ARM"] == pytest.approx(1)
    # by hand: ranks of the ARM's speeds 5 2 1 4 3, of the GPU's 4 5 1 2 3; squares of differences 1 9 0 4 0
    assert found["GPU"] == pytest.approx(1 - 6 * 14 / (5 * 24))
    assert "ARM does with a rank correlation of 1.000 (1.000–1.000)" in result.verdict
    assert "its GPU with 0.300 (0.300–0.300): it is more like the ARM" in result.verdict
    assert result.holds == {}
    (first, *_) = result.rows
    assert (first.setting, first.spec, first.column) == ("ShuffleNet v2 0.5x", "shufflenetv2:width=0.5", "40M")
    assert (first.paper.speed, first.also.speed) == (57.0, 417)
    assert first.mult_adds == 40_476_448


def test_a_device_like_the_papers_gpu(run: Any) -> None:
    result = run({row.network: 1 / row.batches_per_s for row in TABLE_8 if row.group == "40M"}, columns="40M")
    assert "it is more like the GPU" in result.verdict


def test_a_network_that_fails_is_left_out_of_the_ranks(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (fake,) = backends.BACKENDS
    monkeypatch.setattr(fake, "refuses", {"Xception 0.5x": "no room"})
    result = run({}, columns="40M")
    assert [item.networks for item in result.correlations] == [4, 4]
    assert [item.reason for item in result.untimed] == ["Xception 0.5x: no room"]


def test_rank_correlation_by_hand() -> None:
    samples = [[1.0] * 8, [2.0] * 8, [3.0] * 8, [4.0] * 8]
    found = ranks("", "ARM", [40.0, 10.0, 30.0, 20.0], samples, 0)  # ranks 4 1 3 2 against 4 3 2 1
    assert found is not None
    assert found.rho.median == pytest.approx(1 - 6 * (0 + 4 + 1 + 1) / (4 * 15))


def test_its_interval_is_of_the_noise_of_timing() -> None:
    random = np.random.default_rng(0)
    still = [[float(n + 1)] * 40 for n in range(5)]
    noisy = [(3 + 0.1 * n + random.normal(0, 1, 40)).tolist() for n in range(5)]
    speeds = [5.0, 4.0, 3.0, 2.0, 1.0]
    sure, unsure = ranks("", "ARM", speeds, still, 0), ranks("", "ARM", speeds, noisy, 0)
    assert sure is not None
    assert unsure is not None
    assert sure.rho.high - sure.rho.low == 0
    assert unsure.rho.high - unsure.rho.low > 0.3


def test_two_networks_have_no_rank_correlation() -> None:
    assert ranks("", "ARM", [1.0, 2.0], [[1.0], [2.0]], 0) is None
    assert ranks("", "ARM", [1.0, 2.0, 3.0], [[], [], []], 0) is None


def test_all_alike_is_no_correlation() -> None:
    found = ranks("", "ARM", [1.0, 2.0, 3.0], [[1.0] * 6] * 3, 0)
    assert found is not None
    assert found.rho.median == 0
