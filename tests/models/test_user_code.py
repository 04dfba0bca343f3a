"""Networks from people's own files: how they are imported, found and built."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from lwprof import models
from lwprof.errors import InputError

NET = """
import torch
from torch import nn

class TinyNet(nn.Module):
    def __init__(self, width=4, act="relu"):
        super().__init__()
        if width > 64:
            raise ValueError("width may be 64 at most")
        self.conv = nn.Conv2d(3, width, 3)
        self.act = act

    def forward(self, x):
        return self.conv(x)

def make_net(width=8):
    return TinyNet(width)

ready = TinyNet(2)
number = 7

def make_number():
    return 7

def leave():
    raise SystemExit(3)

def crash():
    raise RuntimeError("first line\\nsecond line")
"""


@pytest.fixture(autouse=True)
def _same_imports() -> Iterator[None]:
    """Put the import path and the imported modules back."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith(("_lwprof_", "layers", "nets_of_mine")):
            del sys.modules[name]


@pytest.fixture
def net(tmp_path: Path) -> Path:
    file = tmp_path / "net.py"
    file.write_text(NET)
    return file


def width(network: models.Network) -> int:
    return int(network.module.get_parameter("conv.weight").shape[0])


@pytest.mark.parametrize(
    ("name", "channels", "called"),
    [
        ("TinyNet", 4, "TinyNet"),
        ("TinyNet:width=2,act='gelu'", 2, "TinyNet:width=2,act='gelu'"),
        ("make_net", 8, "make_net"),
        ("make_net:width=16", 16, "make_net:width=16"),
        ("ready", 2, "ready"),
    ],
)
def test_a_class_a_function_and_a_ready_module(net: Path, name: str, channels: int, called: str) -> None:
    network = models.resolve(f"{net}:{name}")
    assert width(network) == channels
    assert network.name == called
    assert network.spec == f"{net}:{name}"
    assert [(spec.shape, spec.dtype) for spec in network.inputs] == [((1, 3, 224, 224), "float32")]


def test_a_module_of_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "nets_of_mine"
    package.mkdir()
    (package / "small.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    assert width(models.resolve("nets_of_mine.small:make_net:width=3")) == 3
    assert sys.path[-1] == str(tmp_path)


def test_two_files_with_a_sibling_of_one_name_each_get_their_own(tmp_path: Path) -> None:
    for folder, channels in (("one", 5), ("two", 6)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "layers.py").write_text(f"WIDTH = {channels}\n")
        (tmp_path / folder / "net.py").write_text(NET + "import layers\ndef make(): return TinyNet(layers.WIDTH)\n")
    assert [width(models.resolve(f"{tmp_path}/{folder}/net.py:make")) for folder in ("one", "two", "one")] == [5, 6, 5]


def test_a_file_is_run_again_only_when_it_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "net.py"
    file.write_text(NET + "print('ran')\n")
    models.resolve(f"{file}:TinyNet")
    models.resolve(f"{file}:make_net")
    assert capsys.readouterr().out == "ran\n"
    file.write_text(NET.replace("width=4", "width=9") + "print('ran again')\n")
    assert width(models.resolve(f"{file}:TinyNet")) == 9


def test_weights_are_the_same_each_time_and_the_generator_is_left_alone(net: Path) -> None:
    state = torch.get_rng_state()
    first, second = (models.resolve(f"{net}:TinyNet").module.state_dict() for _ in range(2))
    assert torch.equal(first["conv.weight"], second["conv.weight"])
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("TinyNett", "net.py has no 'TinyNett'; did you mean 'TinyNet'?"),
        ("Whatever", "net.py has no 'Whatever'; it has TinyNet, ready"),
        ("number", "net.py:number is of type int, neither an nn.Module nor a function that makes one"),
        ("make_number", "net.py:make_number makes something of type int, not an nn.Module"),
        ("leave", "net.py:leave cannot be built: SystemExit: 3"),
        ("crash", "net.py:crash cannot be built: RuntimeError: first line"),
        ("ready:width=3", "net.py:ready is a ready module and takes no options such as 'width'"),
        ("TinyNet:width=65", "net.py:TinyNet cannot be built with width=65: width may be 64 at most"),
        ("TinyNet:wide=2", "net.py:TinyNet cannot be built with wide=2: "),
        ("TinyNet:wide=2", "unexpected keyword argument 'wide'"),
        ("TinyNet:width=wide", "net.py:TinyNet cannot be built with width='wide': "),
        ("", "net.py is not a network by itself: write"),
    ],
)
def test_a_name_that_is_no_network_is_refused_in_one_sentence(net: Path, name: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        models.resolve(f"{net}:{name}")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("RuntimeError('[enforce fail] can\\'t allocate memory: you tried to allocate 3456000000000 bytes.')",
         "(a tensor of 3,456 GB)"),
        ("RuntimeError('Storage size calculation overflowed with sizes=[4611686018427387904]\\nmore')",
         "(Storage size calculation overflowed with sizes=[4611686018427387904])"),
        ("MemoryError()", "(MemoryError)"),
        ("RuntimeError('std::bad_alloc')", "(std::bad_alloc)"),
    ],
)  # fmt: skip
def test_a_network_larger_than_the_memory_is_said_to_be(tmp_path: Path, error: str, says: str) -> None:
    file = tmp_path / "net.py"
    file.write_text(f"def make():\n    raise {error}\n")
    with pytest.raises(InputError) as caught:
        models.resolve(f"{file}:make")
    assert str(caught.value) == f"{file}:make is too large for this machine's memory {says}"


def test_a_width_that_no_machine_has_memory_for() -> None:
    with pytest.raises(InputError, match=r"^mbv2:width=1e15 is too large for this machine's memory"):
        models.resolve("mbv2:width=1e15")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("x = 1\ny = x / 0\n", "net.py, line 2: ZeroDivisionError: division by zero"),
        ("def broken(:\n", "net.py, line 1: SyntaxError: invalid syntax"),
        ("import json\njson.loads('{')\n", "net.py, line 2: JSONDecodeError"),
        ("import no_such_module_anywhere\n", "net.py, line 1: ModuleNotFoundError: No module named"),
        ("raise SystemExit\n", "net.py, line 1: SystemExit"),
        ("\0", "SyntaxError"),
    ],
)
def test_a_file_that_raises_on_import(tmp_path: Path, source: str, says: str) -> None:
    file = tmp_path / "net.py"
    file.write_text(source)
    before = set(sys.modules)
    with pytest.raises(InputError) as caught:
        models.resolve(f"{file}:TinyNet")
    assert str(caught.value).startswith(f"cannot import {file}: ")
    assert says in str(caught.value)
    assert not [name for name in set(sys.modules) - before if name.startswith("_lwprof_net_")]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("no/such.py:Net", "no file no/such.py"),
        ("{folder}/folder.py:Net", "folder.py is a folder, not a Python file"),
        ("no_such_package.mod:net", "no module 'no_such_package' here"),
        ("torch.no_such_part:net", "no module 'torch.no_such_part' here"),
    ],
)
def test_a_file_or_module_that_is_not_there(tmp_path: Path, spec: str, says: str) -> None:
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(InputError) as caught:
        models.resolve(spec.format(folder=tmp_path))
    assert says in str(caught.value)


def test_input_sizes_and_batch(net: Path) -> None:
    from lwprof.results.networks import TensorSpec

    network = models.resolve(f"{net}:TinyNet", input_sizes=[(3, 32, 16), TensorSpec((7,), "int64")], batch=4)
    assert network.inputs == (TensorSpec((4, 3, 32, 16), "float32"), TensorSpec((4, 7), "int64"))
    with pytest.raises(InputError, match="batch of 0"):
        models.resolve(f"{net}:TinyNet", batch=0)
