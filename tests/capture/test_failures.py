"""What is said of the place where a forward raised."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import lwprof
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
    [("Net", "(1x8 and 4x2) in 'blocks.2.fc' at net.py:10 (inputs"), ("Own", "nothing passes at net.py:28 (inputs")],
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
    assert "(1x8 and 4x2) in '1' (inputs" in str(caught.value)
    with pytest.raises(InputError) as caught:
        lwprof.profile(lwprof.build("mbv2"), input_size=(1, 32, 32))
    assert ".py" not in str(caught.value)
