"""Counting on emulated cores: what happens to the process, and what is counted in a real one."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from torch import nn

import lwprof
from lwprof.errors import BackendError
from lwprof.results.instructions import Instructions
from lwprof.results.latency import ComparedModel, Counted
from lwprof.timing import devices
from lwprof.timing.contract import Options, Source
from lwprof.timing.emulation import counting, installation, plugin
from lwprof.timing.emulation.emulator import Emulator

CORE = devices.parse("arm-emulated")

# Takes what QEMU is given, and runs the agent in this machine's own Python.
STAND_IN = """
import os, sys
%s
exec(sys.argv[-1])
"""

READ = Instructions(10, 5, 1, 0, 0, 2, 1, 0, 0, 1)
"""What the plugin is said to have counted."""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a program in the place of QEMU that does something first."""

    def installed(first: str = "", limit_s: float = 60.0) -> None:
        program = tmp_path / "qemu.py"
        program.write_text(STAND_IN % first)
        found = Emulator((sys.executable, str(program)), {}, tmp_path, tmp_path / "python3", tmp_path, {"ncnn": "1.0"})
        monkeypatch.setattr(installation, "found", lambda: found)
        monkeypatch.setattr(counting, "_library", lambda emulator: tmp_path / "arm.so")
        monkeypatch.setattr(counting, "LIMIT_S", limit_s)
        monkeypatch.setattr(plugin, "read", lambda path: [READ])

    return installed


class Files(nn.Module):
    """Stands for a network whose files are given."""


def converted(folder: Path) -> tuple[Source, Path]:
    """Files of ncnn that give back their input."""
    place = folder / "converted"
    place.mkdir()
    (place / "model.param").write_text("7767517\n2 2\nInput in0 0 1 in0\nReLU relu 1 1 in0 out0\n")
    (place / "model.bin").write_bytes(b"")
    blob = {"batch_index": 0, "shape": [1, 4], "dtype": "float32", "position": 0}
    interface = {"inputs": [blob | {"name": "in0"}], "outputs": [blob | {"name": "out0"}]}
    (place / "interface.json").write_text(json.dumps(interface))
    return Source("relu", Files(), (torch.tensor([[1.0, -2.0, 3.0, -4.0]]),)), place


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_call_that_is_counted_gives_its_outputs_back(stand_in: Any, tmp_path: Path, temporary: Path) -> None:
    stand_in(f"open({str(tmp_path / 'id')!r}, 'w').write(str(os.getpid()))")
    source, folder = converted(tmp_path)
    loaded = counting.load(CORE, "ncnn", source, Options("arm-emulated:cortex-a76", threads=3), folder)
    assert loaded.count is not None
    assert loaded.arrays is not None
    assert numpy.array_equal(loaded.arrays(loaded.run())[0], [[1, 0, 3, 0]])
    assert numpy.array_equal(loaded.outputs((torch.tensor([[-1.0, 2.0, 0.0, 1.0]]),))[0], [[0, 2, 0, 1]])
    assert loaded.count() == READ
    assert loaded.runtime == "ncnn 1.0"
    process = int((tmp_path / "id").read_text())
    assert alive(process)
    assert any(temporary.iterdir())
    loaded.close()
    loaded.close()
    assert not alive(process)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (
            "os.write(2, b'qemu: uncaught target signal 11 (Segmentation fault)'); os.kill(os.getpid(), 11)",
            "arm-emulated:cortex-a76 crashed: segmentation fault (signal 11)",
        ),
        ("os.kill(os.getpid(), 9)", "arm-emulated:cortex-a76 was killed: is there enough memory?"),
        ("os.kill(os.getpid(), 7)", "arm-emulated:cortex-a76 was ended by signal 7"),
        ("sys.exit('qemu-aarch64: Could not open the loader')", "qemu-aarch64: Could not open the loader"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("when", ["at once", "while a network is loaded"])
def test_process_that_ends_is_a_sentence(
    stand_in: Any, tmp_path: Path, temporary: Path, first: str, message: str, when: str
) -> None:
    if when != "at once":
        first = f"""
class Runtime:
    def find_spec(self, name, *others):
        if name == 'ncnn':
            {first}
sys.meta_path.insert(0, Runtime())
"""
    stand_in(first)
    source, folder = converted(tmp_path)
    with pytest.raises(BackendError) as raised:
        counting.load(CORE, "ncnn", source, Options("arm-emulated:cortex-a76"), folder)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert list(temporary.iterdir()) == []


@pytest.mark.slow
def test_process_that_hangs_is_ended(stand_in: Any, tmp_path: Path, temporary: Path) -> None:
    stand_in(f"open({str(tmp_path / 'id')!r}, 'w').write(str(os.getpid())); sys.stdin.read()", limit_s=1.0)
    source, folder = converted(tmp_path)
    with pytest.raises(BackendError, match=r"^arm-emulated:cortex-a76 did not answer for 1 s"):
        counting.load(CORE, "ncnn", source, Options("arm-emulated:cortex-a76"), folder)
    assert not alive(int((tmp_path / "id").read_text()))
    assert list(temporary.iterdir()) == []


@pytest.mark.slow
def test_network_that_the_runtime_refuses_leaves_nothing_behind(stand_in: Any, tmp_path: Path, temporary: Path) -> None:
    stand_in(f"open({str(tmp_path / 'id')!r}, 'w').write(str(os.getpid()))")
    source, folder = converted(tmp_path)
    (folder / "model.param").write_text("7767517\n1 1\nUnheardOf odd 0 1 out0\n")
    with pytest.raises(BackendError, match=r"^arm-emulated:cortex-a76: ncnn .*cannot load"):
        counting.load(CORE, "ncnn", source, Options("arm-emulated:cortex-a76"), folder)
    assert not alive(int((tmp_path / "id").read_text()))
    assert list(temporary.iterdir()) == []


def test_several_networks_share_a_process_until_it_is_closed(stand_in: Any, tmp_path: Path, temporary: Path) -> None:
    stand_in()
    source, folder = converted(tmp_path)
    process = counting.start(CORE, "ncnn")
    options = Options("arm-emulated:cortex-a76")
    first, second = (counting.load(CORE, "ncnn", source, options, folder, process) for _ in range(2))
    first.close()
    assert process.usable
    assert numpy.array_equal(second.run()[0], [[1, 0, 3, 0]])  # type: ignore[index]
    process.close()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("core", ["cortex-a72", "cortex-a53"])
def test_core_without_half_precision_says_so(core: str) -> None:
    reason = counting.unavailable(devices.parse(f"arm-emulated:{core}"), "float16")
    assert reason == (
        f"{core} has no half precision, and ncnn would compute in float32 on it: take cortex-a76, "
        "or float16-weights, which stores the weights alone in float16"
    )


@pytest.mark.slow
def test_missing_emulation_keeps_the_other_rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LWPROF_CACHE", str(tmp_path))
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    result = lwprof.compare([model], input_size=(3, 8, 8), device=("cpu", "arm-emulated"), budget_s=0.1)
    (row,) = result.models
    assert [timing.setting for timing in row.timings] == ["torch"]
    (untimed,) = row.untimed
    assert (untimed.setting, untimed.failed) == ("ncnn arm-emulated:cortex-a76", True)
    assert untimed.reason.endswith("lwprof doctor --install arm-emulated")
    with pytest.raises(BackendError, match=r"lwprof doctor --install arm-emulated$"):
        lwprof.compare([model], input_size=(3, 8, 8), device="arm-emulated")


# ---- In an emulator ------------------------------------------------------------------------------------------------

MBV2 = "mbv2:width=0.35,resolution=96"
emulated = pytest.mark.slow


def counted(network: Any, device: Any = "arm-emulated", **options: Any) -> tuple[ComparedModel, Counted]:
    (row,) = lwprof.compare([network], device=device, **options).models
    assert row.untimed == ()
    (count,) = row.counts
    return row, count


@emulated
def test_two_processes_execute_the_same(arm_emulator: Emulator) -> None:
    row, first = counted(MBV2, threads=2)
    _, second = counted(MBV2)
    assert first.instructions.vector_fma == second.instructions.vector_fma
    assert first.instructions.total == pytest.approx(second.instructions.total, rel=1e-4)
    assert (first.core, first.threads, first.batch, first.dtype) == ("cortex-a76", 1, 1, "float32")
    assert first.runtime == f"ncnn {arm_emulator.versions['ncnn']}"
    assert first.difference is not None
    assert first.difference <= 1e-4
    parts = vars_of(first)
    assert sum(parts.values()) == first.instructions.total
    assert row.timings == ()


def vars_of(count: Counted) -> dict[str, int]:
    names = [name for name in count.instructions.__dataclass_fields__ if name != "total"]
    return {name: getattr(count.instructions, name) for name in names}


@emulated
def test_fmas_of_mobilenetv2_are_its_mult_adds(arm_emulator: Emulator) -> None:
    row, count = counted("mbv2")
    assert row.totals.mult_adds == 300_774_272
    assert 4 * count.instructions.vector_fma == pytest.approx(row.totals.mult_adds, rel=0.01)


@emulated
@pytest.mark.parametrize("spec", [MBV2, "shufflenetv2:resolution=64", "squeezenet:version=1.1,resolution=64"])
def test_catalogue_computes_what_torch_computes(arm_emulator: Emulator, spec: str) -> None:
    row, count = counted(spec)
    assert count.difference is not None
    assert count.difference <= 1e-4
    assert count.instructions.vector_fma > 0.1 * row.totals.mult_adds / 4
    assert count.instructions.total > count.instructions.vector_fma


@emulated
def test_float16_is_half_the_fmas_where_the_core_has_it(arm_emulator: Emulator) -> None:
    result = lwprof.compare(
        ["mbv2:width=0.35,resolution=128"],
        device=("arm-emulated", "arm-emulated:cortex-a72"),
        dtype=("float32", "float16", "float16-weights"),
    )
    (row,) = result.models
    counts = {(count.core, count.dtype): count.instructions for count in row.counts}
    assert set(counts) == {
        ("cortex-a76", "float32"), ("cortex-a76", "float16"), ("cortex-a76", "float16-weights"),
        ("cortex-a72", "float32"), ("cortex-a72", "float16-weights"),
    }  # fmt: skip
    whole, half = counts["cortex-a76", "float32"], counts["cortex-a76", "float16"]
    assert 8 * half.vector_fma == row.totals.mult_adds == pytest.approx(4 * whole.vector_fma, rel=0.1)
    assert half.total < 0.7 * whole.total
    assert counts["cortex-a76", "float16-weights"].vector_fma == whole.vector_fma
    assert [item.setting for item in row.untimed] == ["ncnn arm-emulated:cortex-a72 float16"] * len(row.untimed)


@emulated
def test_layer_that_ncnn_computes_wrongly_in_float16_is_refused(arm_emulator: Emulator) -> None:
    """Its kernel does so in the last columns of an output whose width leaves a remainder of 2 or 3 by 4."""
    layer = nn.Conv2d(16, 16, 3, stride=2, padding=1, groups=16)
    for size, right in ((16, True), (12, False)):
        (row,) = lwprof.compare(
            [layer], device="arm-emulated", dtype=("float32", "float16"), input_size=(16, size, size)
        ).models
        assert [count.dtype for count in row.counts] == ["float32", "float16"][: 1 + right]
        told = "ncnn arm-emulated:cortex-a76 float16 computes something else than torch"
        assert all(item.reason.startswith(told) for item in row.untimed)


@emulated
def test_batch_is_counted_whole(arm_emulator: Emulator) -> None:
    _, one = counted(MBV2)
    _, three = counted(MBV2, batch=3)
    assert three.batch == 3
    assert three.instructions.vector_fma == 3 * one.instructions.vector_fma


@emulated
def test_onnx_file_is_counted(arm_emulator: Emulator, tmp_path: Path) -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=8)).eval()
    file = tmp_path / "net.onnx"
    torch.onnx.export(module, (torch.rand(1, 3, 16, 16),), file, dynamo=False)
    _, from_file = counted(str(file))
    _, from_module = counted(module, input_size=(3, 16, 16))
    assert from_file.instructions.vector_fma == from_module.instructions.vector_fma


@emulated
def test_counts_stand_beside_times(arm_emulator: Emulator) -> None:
    row = lwprof.compare(
        [MBV2], device=("cpu", "arm-emulated"), backend=("torch", "ncnn"), budget_s=0.5
    ).models[0]  # fmt: skip
    assert [timing.setting for timing in row.timings] == ["torch", "ncnn"]
    assert [count.setting for count in row.counts] == ["ncnn arm-emulated:cortex-a76"]
    assert row.untimed == ()


@emulated
def test_interruption_keeps_what_was_counted(arm_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    usual, calls = plugin.read, 0

    def read(path: Path) -> Any:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise KeyboardInterrupt
        return usual(path)

    monkeypatch.setattr(plugin, "read", read)
    layers = [nn.Sequential(nn.Conv2d(3, width, 1)) for width in (4, 8)]
    result = lwprof.compare(layers, input_size=(3, 8, 8), device="arm-emulated")
    assert result.interrupted
    assert [len(row.counts) for row in result.models] == [1, 0]
