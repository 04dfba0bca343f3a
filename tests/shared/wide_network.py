"""A network that breaks one guideline, as somebody's own file: `(folder / "wide.py").write_text(SOURCE)`."""

from __future__ import annotations

SOURCE = """
import torch
from torch import nn

class Wide(nn.Module):
    def __init__(self, width=256):
        super().__init__()
        self.first = nn.Conv2d(32, width, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x):
        return self.norm(self.first(x)).relu()

class Pressed(Wide):
    def forward(self, x):
        raise KeyboardInterrupt
"""
