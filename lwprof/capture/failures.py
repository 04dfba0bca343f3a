"""Failures: where in a network its forward raised."""

from __future__ import annotations

import os
import sysconfig
import traceback
from collections.abc import Mapping
from pathlib import Path

from torch import nn

from lwprof.files import INSTALLED, LIBRARIES, shown

_CALL = nn.Module._call_impl.__code__
_STANDARD = Path(sysconfig.get_path("stdlib"))


def place(error: BaseException, modules: Mapping[nn.Module, str]) -> str:
    """Name the innermost module that was called, and the innermost line of the network's own code.

    That is code of no library, or of the one that defines the network.

    Args:
        error: what the forward raised.
        modules: the network's modules, with their names.

    Returns:
        Such as ``"in 'head.fc', net.py:12"``; what is not known is left out.
    """
    names = {id(module): name for module, name in modules.items()}
    packages = {kind.__module__.partition(".")[0] for kind in set(map(type, modules))} - LIBRARIES
    inside = line = ""
    for frame, number in traceback.walk_tb(error.__traceback__):
        if frame.f_code is _CALL:
            inside = names.get(id(frame.f_locals["self"]), inside)
        file, package = frame.f_code.co_filename, str(frame.f_globals.get("__name__")).partition(".")[0]
        own = package in packages or not (package in LIBRARIES or _of_a_library(Path(file)))
        if own and os.path.isfile(file):
            line = f"{shown(file)}:{number}"
    return ", ".join(filter(None, [inside and f"in {inside!r}", line]))


def _of_a_library(file: Path) -> bool:
    return file.is_relative_to(_STANDARD) or not INSTALLED.isdisjoint(file.parts)
