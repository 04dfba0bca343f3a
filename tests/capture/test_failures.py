"""What is said of the place where a forward raised."""

from __future__ import annotations

import weakref
from pathlib import Path

import pytest
import torch
from torch import nn

import lwprof
from lwprof import collector
from lwprof.errors import InputError

NET = """from torch import nn


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(x.mean((2, 3)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), Head())

    def forward(self, x):
        return self.blocks(x)


class Own(Net):
    def forward(self, x):
        return checked(super().forward)(x)


def checked(function):
    raise ValueError("nothing passes")
"""


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("Net", "(1x8 and 4x2) (in 'blocks.2.fc', net.py:10; inputs: (1, 3, 8, 8); name"),
        ("Own", "nothing passes (net.py:28; inputs"),
    ],
)
def test_the_module_and_the_line_are_named(
    name: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        lwprof.profile(f"net.py:{name}", input_size=(3, 8, 8))
    assert place in str(caught.value)
    assert "\n" not in str(caught.value)


def test_lines_of_torch_and_of_lwprof_are_not_the_users() -> None:
    with pytest.raises(InputError) as caught:
        lwprof.profile(nn.Sequential(nn.ReLU(), nn.Linear(4, 2)), inputs=(torch.zeros(1, 8),))
    assert "(1x8 and 4x2) (in '1'; inputs" in str(caught.value)
    with pytest.raises(InputError) as caught:
        lwprof.profile(lwprof.build("mbv2"), input_size=(1, 32, 32))
    assert ".py" not in str(caught.value)


def test_lines_of_other_libraries_are_not_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = NET.replace('raise ValueError("nothing passes")', 'import json\n    return json.loads("{")')
    (tmp_path / "net.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"\(net.py:29; inputs"):
        lwprof.profile("net.py:Own", input_size=(3, 8, 8))


def test_a_deep_network_and_names_of_its_own_hide_nothing() -> None:
    deep: nn.Module = nn.Linear(4, 2)
    for _ in range(1100):
        deep = nn.Sequential(deep)
    with pytest.raises(InputError, match="forward of Sequential raised"):
        lwprof.profile(deep, inputs=(torch.zeros(1, 8),))

    class Nameless(nn.Sequential):
        def named_modules(self, *args: object, **kwargs: object) -> None:
            raise RuntimeError("own")

    with pytest.raises(InputError, match="1x8 and 4x2"):
        lwprof.profile(Nameless(nn.Linear(4, 2)), inputs=(torch.zeros(1, 8),))


def test_what_a_failed_run_made_is_let_go_of() -> None:
    made: list[weakref.ref[torch.Tensor]] = []

    class Failing(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            made.append(weakref.ref(x))
            raise ValueError("no")

    with collector.paused(), pytest.raises(InputError) as caught:
        lwprof.profile(Failing(), inputs=(torch.zeros(1, 8),))
    with collector.paused():
        del caught
        assert [reference() for reference in made] == [None, None]


def test_an_error_without_words_is_named() -> None:
    class SilentError(Exception):
        def __str__(self) -> str:
            raise TypeError("no text")

    class Raising(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise SilentError

    with pytest.raises(InputError, match=r"raised SilentError \("):
        lwprof.profile(Raising(), inputs=(torch.zeros(1, 8),))
