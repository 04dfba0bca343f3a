"""CUDA without a GPU: stand-ins for torch's modules and for the driver's library."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from lwprof.timing import advice, cuda, nvml
from lwprof.timing.nvml import Reading


class Device:
    """Stands in for ``torch.cuda``: a clock that calls move, an allocator that counts."""

    def __init__(self) -> None:
        self.now_ms = 0.0
        self.log: list[str] = []
        self.allocated, self.peak = 1000, 5000

    def Event(self, enable_timing: bool) -> Any:  # noqa: N802
        device = self

        class Event:
            at = 0.0

            def record(self) -> None:
                self.at = device.now_ms

            def elapsed_time(self, end: Any) -> float:
                assert "synchronize" in device.log[-1:], "an event is asked before the device is done"
                return float(end.at - self.at)

        return Event()

    def synchronize(self) -> None:
        self.log.append("synchronize")

    def reset_peak_memory_stats(self) -> None:
        self.peak = self.allocated

    def memory_allocated(self) -> int:
        return self.allocated

    def max_memory_allocated(self) -> int:
        return self.peak

    def current_device(self) -> int:
        return 0

    def get_device_properties(self, index: int) -> Any:
        return SimpleNamespace(L2_cache_size=50)

    def call(self) -> None:
        """Takes 2 ms and 300 bytes; the first time 1 s and 9,000 bytes, for trying algorithms."""
        first = "call" not in self.log
        self.log.append("call")
        self.now_ms += 1000 if first else 2
        self.peak = max(self.peak, self.allocated + (9000 if first else 300))


def test_every_call_is_waited_for_and_timed_by_events() -> None:
    device = Device()
    calls = cuda.Calls(device.call, device)
    for _ in range(4):
        calls()
        assert device.log[-1] == "synchronize"
    assert calls.events_s == pytest.approx([1.0, 0.002, 0.002, 0.002])


def test_peak_memory_is_of_one_network_after_the_call_that_tries_algorithms() -> None:
    device = Device()
    calls = cuda.Calls(device.call, device, held=70)
    calls()
    assert calls.peak is None
    calls()
    device.peak = 10**6  # another network's
    calls()
    assert calls.peak == 370


def test_known_peak_is_kept() -> None:
    device = Device()
    calls = cuda.Calls(device.call, device, peak=5)
    for _ in range(3):
        calls()
    assert calls.peak == 5


def test_flush_writes_twice_the_l2_cache_and_waits() -> None:
    device, sizes = Device(), []

    def allocate(size: int) -> Any:
        sizes.append(size)
        return SimpleNamespace(zero_=lambda: device.log.append("write"))

    flush = cuda.flush(device, allocate)
    flush()
    flush()
    assert sizes == [100]
    assert device.log == ["write", "synchronize"] * 2


@dataclass
class Switch:
    """A newer switch of torch's, and the older one where there is one."""

    fp32_precision: str = "none"
    mixed: bool = False

    @property
    def allow_tf32(self) -> bool:
        if self.mixed:
            raise RuntimeError("mix of the legacy and new APIs")
        return self.fp32_precision == "tf32"

    @allow_tf32.setter
    def allow_tf32(self, value: bool) -> None:
        self.fp32_precision, self.mixed = ("tf32" if value else "ieee"), False


@dataclass
class Cudnn:
    benchmark: bool = False
    conv: Switch = field(default_factory=lambda: Switch("tf32"))
    rnn: Switch = field(default_factory=lambda: Switch("tf32"))

    @property
    def allow_tf32(self) -> bool:
        if self.conv.fp32_precision != self.rnn.fp32_precision:
            raise RuntimeError("mix of the legacy and new APIs")
        return self.conv.allow_tf32

    @allow_tf32.setter
    def allow_tf32(self, value: bool) -> None:
        self.conv.fp32_precision = self.rnn.fp32_precision = "tf32" if value else "none"


def precisions(backends: Any) -> list[str]:
    return [switch.fp32_precision for switch in (backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn)]


def test_float32_is_multiplied_as_float32_and_tf32_as_tf32_in_turns() -> None:
    backends = SimpleNamespace(cuda=SimpleNamespace(matmul=Switch()), cudnn=Cudnn())
    with cuda.settings(backends):
        for tf32 in (False, True, True, False):
            cuda.multiply(tf32, backends)
            assert [precision == "tf32" for precision in precisions(backends)] == [tf32] * 3


@pytest.mark.parametrize(
    "before", [["none", "tf32", "tf32"], ["tf32", "none", "none"], ["ieee", "ieee", "tf32"], ["tf32", "tf32", "ieee"]]
)
def test_switches_are_put_back_even_after_a_failure(before: list[str]) -> None:
    matmul, conv, rnn = (Switch(precision) for precision in before)
    matmul.mixed = before[0] == "ieee"
    backends = SimpleNamespace(cuda=SimpleNamespace(matmul=matmul), cudnn=Cudnn(conv=conv, rnn=rnn))

    def interrupted() -> None:
        with cuda.settings(backends):
            assert backends.cudnn.benchmark
            cuda.multiply(True, backends)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert precisions(backends) == before
    assert not backends.cudnn.benchmark


def test_torchs_own_switches_are_put_back() -> None:
    import torch

    before = precisions(torch.backends), torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision()
    with cuda.settings():
        for tf32 in (True, False, True):
            cuda.multiply(tf32)
            assert [precision == "tf32" for precision in precisions(torch.backends)] == [tf32] * 3
            assert torch.backends.cuda.matmul.allow_tf32 is tf32  # the compiler asks the older ones
            assert torch.backends.cudnn.allow_tf32 is tf32
    after = precisions(torch.backends), torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision()
    assert after == before


class NVMLError(Exception):
    pass


class Driver:
    """Stands in for ``pynvml``: a GPU that is held back by heat, and by want of work."""

    NVMLError = NVMLError

    def __init__(self, pids: tuple[int, ...] = (), reasons: int = 0x21, answers: bool = True) -> None:
        self.pids, self.reasons, self.answers, self.open = pids, reasons, answers, 0

    def nvmlInit(self) -> None:  # noqa: N802
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.open -= 1

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802
        if uuid != "GPU-1":
            raise NVMLError("not found")
        return uuid

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:  # noqa: N802
        return "GPU-1"

    def __getattr__(self, name: str) -> Any:
        def answer(*args: Any) -> Any:
            if not self.answers:
                raise NVMLError("not supported")
            return {
                "nvmlDeviceGetCurrentClocksThrottleReasons": self.reasons,
                "nvmlDeviceGetViolationStatus": SimpleNamespace(violationTime=2_500_000_000),
                "nvmlDeviceGetComputeRunningProcesses": [SimpleNamespace(pid=pid) for pid in self.pids],
                "nvmlSystemGetDriverVersion": b"580.1",
                "nvmlDeviceGetClockInfo": 1200,
                "nvmlDeviceGetMaxClockInfo": 1980,
                "nvmlDeviceGetTemperature": 88,
            }[name]

        return answer


def test_gpu_is_read() -> None:
    driver = Driver()
    assert nvml.reading("GPU-1", driver) == Reading(
        "580.1", 1200, 1980, 88, ("heat",), {"its power limit": 2.5, "heat": 2.5}, 0
    )
    assert driver.open == 0


def test_gpu_that_answers_nothing_is_read() -> None:
    assert nvml.reading(None, Driver(answers=False)) == Reading()


def test_unknown_gpu_is_not_read() -> None:
    driver = Driver()
    assert nvml.reading("GPU-2", driver) is None
    assert driver.open == 0


@pytest.mark.parametrize(
    ("pids", "others"),
    [((), 0), ((os.getpid(),), 0), ((os.getpid(), 1), 1), ((7,), 0), ((7, 8), 1)],
    ids=["none", "this", "another", "this in a container", "another in a container"],
)
def test_other_processes_are_counted(pids: tuple[int, ...], others: int) -> None:
    reading = nvml.reading(None, Driver(pids))
    assert reading is not None
    assert reading.others == others


CALM = Reading("580.1", 1980, 1980, 50, slowed_s={"heat": 2.0, "its power limit": 1.0})


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (CALM, CALM, []),
        (
            CALM, Reading("580.1", 1200, 1980, 88, ("heat",), {"heat": 2.0}),
            ["the GPU was slowed down by heat (1200 of 1980 MHz, 88 °C): let it cool down, "
             "or lock its clocks (nvidia-smi --lock-gpu-clocks), and repeat"],
        ),
        (  # it was slow in between only
            CALM, Reading(slowed_s={"heat": 2.1, "its power limit": 1.0}),
            ["the GPU was slowed down by heat: let it cool down, "
             "or lock its clocks (nvidia-smi --lock-gpu-clocks), and repeat"],
        ),
        (CALM, Reading(others=1), ["another process uses the GPU: wait until it is free, and repeat"]),
        (Reading(others=2), CALM, ["2 other processes use the GPU: wait until it is free, and repeat"]),
        (None, None, ["the GPU's clocks were not watched: pip install 'lwprof[cuda]'"]),
    ],
)  # fmt: skip
def test_gpu_that_was_disturbed_is_told_of(before: Reading | None, after: Reading | None, expected: list[str]) -> None:
    assert advice.on_gpu(before, after) == expected
