"""Run the command line in this process, on networks small enough to be quick."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lwprof.cli import main

NET = """
import torch
from torch import nn

class TinyNet(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)

    def forward(self, x):
        return self.conv(x)

class Raising(TinyNet):
    def forward(self, x):
        raise KeyError("no such layer")

class Leaving(TinyNet):
    def forward(self, x):
        raise SystemExit(0)

class Talking(TinyNet):
    def forward(self, x):
        print("the network talks")
        return self.conv(x)

class Weary(TinyNet):
    calls = 0
    def forward(self, x):
        self.calls += not x.is_meta
        if self.calls > 20:
            raise ValueError("too tired")
        return self.conv(x)

class Strange(TinyNet):
    def forward(self, x):
        return torch.fft.fft(self.conv(x))
"""


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    """Run ``lwprof`` with these arguments in an empty folder that holds ``net.py``."""
    (tmp_path / "net.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    for variable in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    path, modules = list(sys.path), set(sys.modules)

    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    yield call
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("_lwprof_"):
            del sys.modules[name]
