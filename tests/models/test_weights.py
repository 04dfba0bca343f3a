"""Weights from files: what is read, what is refused, and what does not fit."""

from __future__ import annotations

import pickle
import sys
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import lwprof
from lwprof import models
from lwprof.architectures import conversion
from lwprof.errors import BackendError, InputError
from lwprof.models import weights

NET = """
from torch import nn

def make(width=4):
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width))
"""


def network(width: int = 4) -> nn.Module:
    """Trained, so to speak: with other weights than those that a spec is built with."""
    made = nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width))
    nn.init.constant_(made[0].weight, 0.5)
    return made


@pytest.fixture
def spec(tmp_path: Path) -> str:
    (tmp_path / "net.py").write_text(NET)
    return f"{tmp_path}/net.py:make"


def conv(module: nn.Module) -> Tensor:
    return module.get_parameter("0.weight")


@pytest.mark.parametrize("suffix", ["pth", "pt", "bin"])
@pytest.mark.parametrize("wrapper", ["", "state_dict", "model_state_dict", "model"])
def test_a_state_dict_is_loaded_also_out_of_a_checkpoint(tmp_path: Path, spec: str, suffix: str, wrapper: str) -> None:
    trained = network()
    state: Any = trained.state_dict()
    torch.save({wrapper: state, "epoch": 3} if wrapper else state, tmp_path / f"w.{suffix}")
    loaded = models.resolve(spec, weights_file=tmp_path / f"w.{suffix}").module
    assert torch.equal(conv(loaded), conv(trained))
    assert not torch.equal(conv(models.resolve(spec).module), conv(trained))


def test_safetensors_are_loaded(tmp_path: Path, spec: str) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    trained = network()
    safetensors.save_file(trained.state_dict(), tmp_path / "w.safetensors")
    loaded = models.resolve(spec, weights_file=tmp_path / "w.safetensors").module
    assert torch.equal(conv(loaded), conv(trained))
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"broken\.safetensors is no file of weights"):
        weights.load(tmp_path / "broken.safetensors")


def test_safetensors_that_are_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.delitem(sys.modules, "safetensors.torch", raising=False)
    (tmp_path / "w.safetensors").write_bytes(b"")
    with pytest.raises(BackendError, match="needs safetensors, which is not installed: pip install safetensors"):
        weights.load(tmp_path / "w.safetensors")


def test_weights_of_a_parallel_network_lose_their_prefix(tmp_path: Path, spec: str) -> None:
    state = {f"module.{key}": value for key, value in network().state_dict().items()}
    torch.save(state, tmp_path / "w.pth")
    assert torch.equal(conv(models.resolve(spec, weights_file=tmp_path / "w.pth").module), state["module.0.weight"])


def test_old_files_need_not_count_batches(tmp_path: Path, spec: str) -> None:
    state = OrderedDict((k, v) for k, v in network().state_dict().items() if not k.endswith("num_batches_tracked"))
    torch.save(state, tmp_path / "w.pth")
    models.resolve(spec, weights_file=tmp_path / "w.pth")


class Spy:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (Path.touch, (self.mark,))


def test_nothing_but_tensors_is_unpickled(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    torch.save({"state_dict": network().state_dict(), "args": Spy(mark)}, tmp_path / "w.pth")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Spy(mark)))
    for name in ("w.pth", "plain.pt"):
        with pytest.raises(InputError) as caught:
            weights.load(tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="anything else would have to be unpickled, which can run any code"):
        weights.load(tmp_path / "w.pth")
    assert not mark.exists()


def test_a_whole_network_is_refused(tmp_path: Path) -> None:
    torch.save(network(), tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"torch\.save\(model\.state_dict\(\), FILE\)"):
        weights.load(tmp_path / "w.pth")


def test_what_is_no_state_dict_is_refused(tmp_path: Path) -> None:
    for content, says in (
        ([torch.zeros(1)], "holds no state_dict but something of type list"),
        ({}, "holds an empty state_dict"),
        ({"lr": 0.1}, "'lr' is of type float, not a tensor"),
        ({1: torch.zeros(1)}, "the key 1 is of type int, not a name"),
    ):
        torch.save(content, tmp_path / "w.pth")
        with pytest.raises(InputError, match=says):
            weights.load(tmp_path / "w.pth")
    (tmp_path / "text.pth").write_text("no weights")
    for name, says in (("text.pth", "is not a state_dict alone"), ("no.pth", "^no file "), (".", "is a folder")):
        with pytest.raises(InputError, match=says):
            weights.load(tmp_path / name)


def test_a_file_that_is_cut_off_is_said_to_be(tmp_path: Path) -> None:
    torch.save({"weight": torch.rand(5000)}, tmp_path / "whole.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "whole.pth").read_bytes()[:5000])
    with pytest.raises(InputError, match="is no whole file of weights"):
        weights.load(tmp_path / "cut.pth")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_script_is_refused_without_the_advice_to_run_it(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.trace(nn.ReLU(), torch.rand(1)), tmp_path / "script.pt")
    with pytest.raises(InputError, match="is a TorchScript archive, not a state_dict") as raised:
        weights.load(tmp_path / "script.pt")
    assert "weights_only" not in str(raised.value)


def test_what_does_not_fit_is_named(tmp_path: Path, spec: str) -> None:
    state = network().state_dict()
    renamed = {key.replace("0.", "conv.", 1) if key.startswith("0.") else key: value for key, value in state.items()}
    for given, says in (
        ({k: v for k, v in state.items() if k != "1.bias"}, "does not fit make: '1.bias' is missing"),
        (renamed, "'0.weight' and 1 more are missing; it has 'conv.weight', which the network has not"),
        ({**state, "head.weight": torch.zeros(1)}, "the network has no 'head.weight'"),
        ({**state, "1.bias": state["1.bias"].to("meta")}, "does not fit make: While copying the parameter named"),
        (network(8).state_dict(), "'0.weight' has shape (8, 3, 3, 3) in the file and (4, 3, 3, 3) in the network"),
    ):
        torch.save(given, tmp_path / "w.pth")
        with pytest.raises(InputError) as caught:
            models.resolve(spec, weights_file=tmp_path / "w.pth")
        assert says in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_the_catalogue_says_which_conversions_a_network_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = lwprof.build("mbv1", width=0.25)
    nn.init.constant_(trained.get_parameter("stem.conv.weight"), 0.5)
    torch.save({f"theirs.{key}": value for key, value in trained.state_dict().items()}, tmp_path / "w.pth")

    def ours(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {key.removeprefix("theirs."): value for key, value in state.items()}

    monkeypatch.setattr(conversion, "CONVERSIONS", {"mbv1": (ours,)})
    loaded = models.resolve("mobilenet:width=0.25", weights_file=tmp_path / "w.pth").module
    assert torch.equal(loaded.get_parameter("stem.conv.weight"), trained.get_parameter("stem.conv.weight"))


def test_a_conversion_gives_weights_of_another_library_the_right_keys() -> None:
    def other(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        raise ValueError("not mine")

    def prefixed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {key.removeprefix("net."): value for key, value in state.items()}

    trained, fresh = network(), network()
    state = {f"net.{key}": value for key, value in trained.state_dict().items()}
    weights.fit(fresh, state, "w.pth", "net", (other, prefixed))
    assert torch.equal(conv(fresh), conv(trained))
    with pytest.raises(InputError, match=r"^w\.pth does not fit net: '0\.weight' and"):
        weights.fit(fresh, state, "w.pth", "net", (other,))
