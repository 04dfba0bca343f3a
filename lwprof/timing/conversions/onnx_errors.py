"""What ONNX Runtime says of a graph that it cannot load."""

from __future__ import annotations

import re

from lwprof.timing.conversions import onnx_export

_LACKING = re.compile(r"Could not find an implementation for (\w+)\(\d+\) node with name '([^']*)'")
"""What a session says of an operator that it cannot run with these types."""

_PLACE = re.compile(
    r"^(?:\w+: )?\[ONNXRuntimeError\] : \d+ : \w+ : (?:Load model from .+? failed: ?)?"
    r"(?:Fatal error: )?(?:/\S+:\d+ .+?\) (?=\w))?"
)
"""What stands before it: a code, the file, and the function in its source."""


def reason(said: str, exported: bool) -> str:
    """Say it without its codes.

    Args:
        said: the first line of it.
        exported: whether the graph is that of an exported module.

    >>> reason("[ONNXRuntimeError] : 1 : FAIL : Load model from a/net.onnx failed: no graph was found", False)
    'no graph was found'
    """
    if lacking := _LACKING.search(said):
        if exported:
            where = onnx_export.module_path(lacking[2]) or "the network itself"
        else:
            where = lacking[2] or "a node without a name"
        return f"it has no {lacking[1]} for numbers of this type, which {where} runs"
    return _PLACE.sub("", said)
