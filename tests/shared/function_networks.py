"""Networks made of one function, for tests: ``from function_networks import Calling, Forward``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn


class Forward(nn.Module):
    """Its forward is a function of the module, whose parts are attributes, and of the inputs."""

    def __init__(self, function: Callable[..., Any], **parts: nn.Module | nn.Parameter) -> None:
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *inputs: Any, **named: Any) -> Any:
        return self.function(self, *inputs, **named)


class Calling(nn.Module):
    """Its forward is a function of its parts and of the inputs."""

    def __init__(self, function: Callable[..., Any], *parts: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.parts = nn.ModuleList(parts)

    def forward(self, *inputs: Any) -> Any:
        return self.function(*self.parts, *inputs)
