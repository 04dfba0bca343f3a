"""What happens to networks before they are timed, and that what fails leaves the rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from prepared_networks import IMAGE
from torch import nn

from lwprof.errors import BackendError
from lwprof.timing.backends import Options, named
from lwprof.timing.contract import Conversion, Loaded, Source
from lwprof.timing.conversions import cache
from lwprof.timing.latency import Latencies, Subject, time_subjects
from lwprof.timing.sampling import Rules
from lwprof.timing.targets import Target

QUICK = Rules(budget_s=0.0, single_calls=0)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))


class Runtime:
    """Eager torch behind a conversion, either of which may raise."""

    name, extra, devices, dtypes, layouts, runs_files = "runtime", "", ("cpu",), ("float32",), ("contiguous",), False

    def __init__(self, at: str = "", error: BaseException | None = None) -> None:
        self._at, self._error, self.closed = at, error, 0

    def raises(self, at: str) -> None:
        if at == self._at and self._error is not None:
            raise self._error

    def unavailable(self, device: str) -> None: ...
    def versions(self) -> dict[str, str]:
        return {}

    def is_reference(self, options: Options) -> bool:
        return False

    def settings(self, options: Options) -> Any:
        return named("torch").settings(options)

    def conversion(self, source: Source, options: Options) -> Conversion:
        def write(source: Source, folder: Path) -> None:
            (folder / "file").write_text("half")
            self.raises("convert")

        return Conversion("runtime", {}, write)

    def load(self, source: Source, options: Options, folder: Path | None) -> Loaded:
        self.raises("load")
        loaded = named("torch").load(source, options, None)

        def close() -> None:
            self.closed += 1

        def run() -> None:
            self.raises("run")
            loaded.run()

        return Loaded(run, loaded.outputs, close=close)


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())


def timed(runtime: Any, *modules: Any, **more: Any) -> Latencies:
    subjects = [Subject(f"net{number}", module, IMAGE) for number, module in enumerate(modules or (network(),))]
    return time_subjects(subjects, [Target(named("torch"), Options()), Target(runtime, Options())], rules=QUICK, **more)


@pytest.mark.parametrize("at", ["convert", "load", "run"])
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (BackendError("no operator x, which features.0 runs"), "no operator x, which features.0 runs"),
        (ValueError("too odd\n(details)"), "runtime cannot load net0: ValueError: too odd"),
    ],
)
def test_what_fails_is_said_and_the_rest_is_timed(at: str, error: Exception, reason: str) -> None:
    latencies = timed(Runtime(at, error))
    assert [item.reason for item in latencies.untimed] == [reason]
    assert latencies.untimed[0].failed
    assert [timing.backend for timing in latencies.timings] == ["torch"]
    assert (latencies.failure, latencies.interrupted) == ("", False)


@pytest.mark.parametrize("at", ["convert", "load", "run"])
def test_interruption_leaves_no_half_done_conversion(at: str) -> None:
    module, runtime = network(), Runtime(at, KeyboardInterrupt())
    latencies = timed(runtime, module)
    assert (latencies.interrupted, latencies.timings, latencies.untimed) == (True, (), ())
    assert cache.contents()[0] == (at != "convert")
    assert runtime.closed == (at == "run")
    assert all(part.training for part in module.modules())


@pytest.mark.slow
def test_conversion_load_and_first_call_are_apart() -> None:
    module = network()
    first, second = (timed(Runtime(), module).timings[1] for _ in range(2))
    assert (first.converted_before, second.converted_before) == (False, True)
    for timing in (first, second):
        assert timing.convert_s is not None
        assert timing.load_s is not None
        assert timing.first_call_s is not None
        assert timing.size_bytes == len("half")
    assert first.convert_s == second.convert_s  # what it took when it was made


def test_building_the_module_is_no_part_of_loading_converted_files() -> None:
    subject = Subject("net", network(), IMAGE, build_s=1000.0)
    targets = [Target(backend, Options()) for backend in (named("torch"), Runtime())]
    eager, runtime = time_subjects([subject], targets, rules=QUICK).timings
    assert eager.load_s is not None
    assert runtime.load_s is not None
    assert eager.load_s >= 1000 > runtime.load_s


class Leaning(nn.Module):
    """Its output depends on its input, but by less than int8 may be wrong."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        flat = image.flatten(1)
        return flat + torch.linspace(-10, 10, flat.shape[1])


class Constant(Runtime):
    """Gives back what torch makes of its first input, whatever the input is."""

    dtypes = ("float32", "int8")

    def load(self, source: Source, options: Options, folder: Path | None) -> Loaded:
        loaded = super().load(source, replace(options, dtype=""), folder)
        kept = loaded.outputs(source.values)
        loaded.outputs = lambda values: kept
        return loaded


def test_runtime_that_does_not_look_at_its_input_is_noticed_however_much_is_tolerated() -> None:
    targets: Any = [Target(named("torch"), Options()), Target(Constant(), Options(dtype="int8"))]  # type: ignore[arg-type]
    (untimed,) = time_subjects([Subject("net", Leaning(), IMAGE)], targets, rules=QUICK).untimed
    assert untimed.reason == (
        "runtime int8 computes something else than torch for net: its output does not follow the input"
    )
    assert untimed.difference is not None
    assert 0.1 < untimed.difference <= 0.5


def test_settings_that_cannot_be_made_cost_their_own_rows_only() -> None:
    class Unset(Runtime):
        def settings(self, options: Options) -> Any:
            raise AttributeError("no pool of threads")

    latencies = timed(Unset())
    assert [item.reason for item in latencies.untimed] == [
        "backend runtime cannot be set up (AttributeError: no pool of threads)"
    ]
    assert [timing.backend for timing in latencies.timings] == ["torch"]


@pytest.mark.slow
def test_loaded_networks_are_closed() -> None:
    runtime = Runtime()
    timed(runtime, network(), network())
    assert runtime.closed == 2


def test_network_that_torch_cannot_run_leaves_the_others() -> None:
    latencies = timed(Runtime(), nn.Conv2d(7, 7, 3), network())
    assert latencies.failure.startswith("net0 cannot be timed: RuntimeError: ")
    assert [len(row) for row in latencies.outcomes] == [0, 2]


def test_missing_memory_is_a_failure_of_the_network() -> None:
    error = RuntimeError("can't allocate memory: you tried to allocate 60211200000 bytes.")
    latencies = timed(Runtime("load", error))
    assert latencies.failure == "net0 or its input is too large for this machine's memory (a tensor of 60 GB)"


def test_backend_that_cannot_be_used_says_so() -> None:
    targets: Any = [Target(named("torch"), Options()), Target(Runtime(), Options(), "runtime is broken")]  # type: ignore[arg-type]
    latencies = time_subjects([Subject("net", network(), IMAGE)], targets, rules=QUICK)
    assert [item.reason for item in latencies.untimed] == ["runtime is broken"]


def test_module_less_network_is_no_error_of_a_backend_that_takes_modules(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(b"")
    targets: Any = [Target(named("torch"), Options())]
    latencies = time_subjects([Subject("net", None, IMAGE, file=str(file))], targets, rules=QUICK)
    (untimed,) = latencies.untimed
    assert (untimed.reason, untimed.failed) == ("torch does not run ONNX files", False)


@pytest.mark.slow
def test_progress_names_what_is_done() -> None:
    said: list[tuple[str, float]] = []
    timed(Runtime(), network(), network(), progress=lambda what, share: said.append((what, share)))
    assert said[:6] == [
        ("check net0", 0.0),
        ("load net0 on torch", 0.0),
        ("load net0 on runtime", 0.25),
        ("check net1", 0.5),
        ("load net1 on torch", 0.5),
        ("load net1 on runtime", 0.75),
    ]
    assert all(0 <= share <= 1 for _, share in said)


def test_network_is_built_with_gradients_again() -> None:
    module = network()
    timed(Runtime(), module)
    module(torch.ones(1, 3, 8, 8)).sum().backward()
    assert module[0].weight.grad is not None
