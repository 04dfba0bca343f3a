"""Failures: where in a network its forward raised."""

from __future__ import annotations

import os
import traceback

import torch
from torch import nn

import lwprof
from lwprof.files import shown

_OTHERS = tuple(os.path.join(os.path.dirname(str(package.__file__)), "") for package in (torch, lwprof))
"""Folders whose code is not a network's own."""


def place(error: BaseException, network: nn.Module) -> str:
    """Name the innermost module that was running, and the innermost line that is neither torch's nor lwprof's.

    Returns:
        Such as ``" in 'head.fc' at net.py:12"``; what is not known is left out.
    """
    names = {id(module): name for name, module in network.named_modules()}
    inside = line = ""
    for frame, number in traceback.walk_tb(error.__traceback__):
        inside = names.get(id(frame.f_locals.get("self"))) or inside
        file = frame.f_code.co_filename
        if not file.startswith(_OTHERS) and os.path.isfile(file):
            line = f" at {shown(file)}:{number}"
    return f" in {inside!r}{line}" if inside else line
