"""What a machine attains at best: the best of all probes and of all measurements, kept between them."""

from __future__ import annotations

import importlib.metadata
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from fake_backends import Fake

from lwprof.errors import BackendError
from lwprof.timing import ceilings, kept_ceilings, last_cache, probes
from lwprof.timing.contract import Options
from lwprof.timing.conversions import cache
from lwprof.timing.probes import DENSE, IN_CACHE, IN_MEMORY, MATMUL, POINTWISE, WIDER, Stream
from lwprof.timing.targets import Target

G = 1e9


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "kept"))
    return tmp_path / "kept"


class Made:
    """A made-up machine: mult-adds and bytes per second, by how the probe is called."""

    def __init__(self, machine: Any) -> None:
        self.machine = machine
        self.products = {MATMUL: 40 * G, POINTWISE: 38 * G, DENSE: 42 * G, WIDER: 41 * G}
        self.traffic = {IN_MEMORY: 20 * G, IN_CACHE: 90 * G}
        self.backend = Fake("made-up", self.passes)

    def passes(self, seconds: float) -> None:
        self.machine.now += seconds

    @property
    def target(self) -> Target:
        self.backend.seconds = {
            item.subject.label: item.mult_adds / rate
            for item in probes.products(Options())
            for kind, rate in self.products.items()
            if item.subject.label.startswith(kind)
        }
        return Target(self.backend, Options())  # type: ignore[arg-type]

    def streams(self, options: Options, cache_bytes: int) -> list[Stream]:
        return [
            Stream(self.machine.contender(f"copy of 1 MB, {where}", 1e6 / rate), 1_000_000)
            for where, rate in self.traffic.items()
        ]

    def measure(self) -> Any:
        return ceilings.measure(self.target, clock=self.machine.clock)


@pytest.fixture
def made(machine: Any, monkeypatch: pytest.MonkeyPatch) -> Made:
    found = Made(machine)
    monkeypatch.setattr(probes, "streams", found.streams)
    monkeypatch.setattr(last_cache, "size", lambda *args: 8_000_000)
    monkeypatch.setattr(ceilings, "PRODUCTS_S", 0.1)
    monkeypatch.setattr(ceilings, "STREAMS_S", 0.01)
    return found


def test_ceiling_is_the_best_of_the_probes(made: Made) -> None:
    found = made.measure()
    assert found.mult_adds_per_s == pytest.approx(42 * G)
    assert (found.bytes_per_s, found.cache_bytes_per_s) == (pytest.approx(20 * G), pytest.approx(90 * G))
    assert found.cache_bytes == 8_000_000
    assert (found.winograd, found.winograd_mult_adds_per_s) == (False, None)
    assert (found.setting, found.threads, found.dtype) == ("made-up", 1, "float32")
    assert found.knee == pytest.approx(2.1)
    assert len(found.probes) == 6
    assert {probe.of_bytes for probe in found.probes if "copy" in probe.name} == {True}


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "winograd", "ceiling"), [(52, False, 52), (54, True, 41), (160, True, 41)])
def test_3x3_that_pass_all_others_clearly_are_winograd_and_no_ceiling(
    made: Made, rate: float, winograd: bool, ceiling: float
) -> None:
    made.products[DENSE] = rate * G
    found = made.measure()
    assert found.winograd is winograd
    assert found.mult_adds_per_s == pytest.approx(ceiling * G)
    assert found.winograd_mult_adds_per_s == (pytest.approx(rate * G) if winograd else None)


def test_best_that_was_ever_attained_is_kept(made: Made) -> None:
    made.measure()
    made.products[DENSE], made.products[MATMUL], made.traffic[IN_MEMORY] = 30 * G, 44 * G, 15 * G
    found = made.measure()
    assert found.mult_adds_per_s == pytest.approx(44 * G)
    assert found.bytes_per_s == pytest.approx(20 * G)
    (dense,) = (probe for probe in found.probes if probe.name.startswith(DENSE))
    assert dense.rate == pytest.approx(42 * G)
    assert dense.best_s < min(dense.samples_s)
    assert ceilings.known([made.target]) == {"made-up": found}


@pytest.mark.slow
def test_shortest_sample_counts(made: Made, machine: Any) -> None:
    machine.speed = lambda now: 1.0
    slow = iter([5.0, 1.0] * 10_000)
    made.backend.passes = lambda seconds: made.passes(seconds * next(slow))
    assert made.measure().mult_adds_per_s == pytest.approx(42 * G)


@pytest.mark.slow
def test_what_is_kept_is_of_one_setting(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    made.measure()
    target = made.target
    assert set(ceilings.known([target])) == {"made-up"}
    for other in (Options(threads=2), Options(dtype="int8"), Options(cores="0")):
        assert ceilings.known([replace(target, options=other)]) == {}
    assert ceilings.known([replace(target, unusable="it is gone")]) == {}
    assert ceilings.known([replace(target, options=Options(device="arm-emulated:cortex-a76"))]) == {}
    monkeypatch.setattr(Fake, "versions", lambda self: {self.name: "2.0"})
    assert ceilings.known([target]) == {}
    monkeypatch.undo()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "name", "found"),
    [
        (kept_ceilings, "cpu_model", "Another CPU"),
        (os, "cpu_count", 1000),
        (last_cache, "size", 9_000_000),
        (importlib.metadata, "version", "another torch"),
    ],
)
def test_another_machine_or_torch_has_ceilings_of_its_own(
    made: Made, monkeypatch: pytest.MonkeyPatch, where: Any, name: str, found: object
) -> None:
    target = made.target
    made.measure()
    assert ceilings.known([target]) != {}
    monkeypatch.setattr(where, name, lambda *args: found)
    assert ceilings.known([target]) == {}


def emptied(entry: dict[str, Any]) -> None:
    entry["probes"] = "none"


def stopped(entry: dict[str, Any]) -> None:
    entry["bytes_per_s"] = 0.0


@pytest.mark.slow
@pytest.mark.parametrize("damage", [emptied, stopped, dict.clear])
def test_damaged_entry_is_measured_anew(made: Made, folder: Path, damage: Callable[[dict[str, Any]], None]) -> None:
    found = made.measure()
    file = folder / cache.CEILINGS
    entries = json.loads(file.read_text())
    for entry in entries.values():
        damage(entry)
    file.write_text(json.dumps(entries))
    assert ceilings.known([made.target]) == {}
    assert made.measure().mult_adds_per_s == pytest.approx(found.mult_adds_per_s)
    assert ceilings.known([made.target]) != {}


@pytest.mark.slow
@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"a": 1}', "\xff"])
def test_damaged_file_is_ignored_and_replaced(made: Made, folder: Path, text: str) -> None:
    folder.mkdir()
    (folder / cache.CEILINGS).write_bytes(text.encode("latin-1"))
    assert ceilings.known([made.target]) == {}
    made.measure()
    assert set(ceilings.known([made.target])) == {"made-up"}


@pytest.mark.slow
def test_cache_that_cannot_be_written_costs_nothing_else(made: Made, folder: Path) -> None:
    folder.write_text("a file")
    assert made.measure().mult_adds_per_s == pytest.approx(42 * G)
    assert ceilings.known([made.target]) == {}


@pytest.mark.slow
def test_clearing_the_cache_forgets_them(made: Made, folder: Path) -> None:
    made.measure()
    size = (folder / cache.CEILINGS).stat().st_size
    assert cache.contents() == (0, size)
    assert cache.clear() == (0, size)
    assert ceilings.known([made.target]) == {}


@pytest.mark.parametrize("device", ["ssh://pi@board", "arm-emulated:cortex-a76"])
def test_elsewhere_there_are_no_ceilings(made: Made, device: str) -> None:
    target = replace(made.target, options=Options(device=device))
    with pytest.raises(BackendError, match=f"ceilings are measured on this machine alone, not on {device}"):
        ceilings.measure(target)


@pytest.mark.slow
def test_backend_that_runs_no_product_says_why(made: Made) -> None:
    target = made.target
    made.backend.refuses = {item.subject.label: "it is full" for item in probes.products(Options())}
    with pytest.raises(BackendError, match="the ceilings of made-up cannot be measured: it is full"):
        ceilings.measure(target, clock=made.machine.clock)
    with pytest.raises(BackendError, match="it is gone"):
        ceilings.measure(replace(target, unusable="it is gone"))


@pytest.mark.slow
def test_probe_that_cannot_run_is_left_out(made: Made) -> None:
    target = made.target
    (label,) = (item.subject.label for item in probes.products(Options()) if item.subject.label.startswith(DENSE))
    made.backend.refuses = {label: "no convolutions"}
    found = ceilings.measure(target, clock=made.machine.clock)
    assert found.mult_adds_per_s == pytest.approx(41 * G)
    assert len(found.probes) == 5


def test_products_are_what_they_say() -> None:
    from lwprof.profiling import profile

    for threads in (1, 4):
        for item in probes.products(Options(threads=threads)):
            shape = item.subject.inputs[0].shape
            counted = profile(item.subject.module, input_size=shape[1:], batch=shape[0]).totals.mult_adds
            assert counted == item.mult_adds


@pytest.mark.slow
def test_traffic_moves_what_it_says() -> None:
    found = {item.contender.label: item for item in probes.streams(Options(), 1_000_000)}
    assert [label.split()[0] for label in found] == ["copy", "reading", "update", *["copy", "update"] * 2]
    for label, item in found.items():
        times = 1 if label.startswith("reading") else 2
        pieces = probes.PIECES if label.endswith(IN_MEMORY) else 1
        whole = int(label.split()[2]) * (2**20 if "MiB" in label else 2**10)
        assert item.bytes == times * whole // pieces
        made = item.contender.run()
        assert isinstance(made, torch.Tensor)
        assert label.startswith("reading") or made.numel() * 4 == whole // pieces


@pytest.mark.parametrize(("last", "array"), [(2**20, 64), (32 * 2**20, 128), (100 * 2**20, 256), (384 * 2**20, 768)])
def test_traffic_in_memory_misses_the_last_cache(monkeypatch: pytest.MonkeyPatch, last: int, array: int) -> None:
    monkeypatch.setattr(torch, "ones", lambda size, device: torch.empty(size, device="meta"))
    labels = [item.contender.label for item in probes.streams(Options(), last)]
    assert f"copy through {array} MiB, {IN_MEMORY}" in labels


def tree(folder: Path, caches: dict[int, list[tuple[int, str, str, str]]]) -> Path:
    """Processors with their caches: level, size, type and who shares it."""
    for number, found in caches.items():
        for index, (level, size, kind, shared) in enumerate(found):
            place = folder / f"devices/system/cpu/cpu{number}/cache/index{index}"
            place.mkdir(parents=True)
            for name, text in (("level", str(level)), ("size", size), ("type", kind), ("shared_cpu_list", shared)):
                (place / name).write_text(text + "\n")
    return folder


def test_last_cache_is_counted_once_for_all_that_share_it(tmp_path: Path) -> None:
    def core(number: int, shared: str) -> list[tuple[int, str, str, str]]:
        return [(1, "32K", "Data", f"{number}"), (1, "64M", "Instruction", f"{number}"), (3, "16M", "Unified", shared)]

    sys = tree(tmp_path, {number: core(number, "0-1" if number < 2 else "2-3") for number in range(4)})
    assert last_cache.size(1, (0, 1, 2, 3), sys) == 16 * 2**20
    assert last_cache.size(2, (0, 1, 2, 3), sys) == 32 * 2**20
    assert last_cache.size(2, (0, 1), sys) == 16 * 2**20
    assert last_cache.size(1, (9,), sys) == last_cache.ASSUMED
