"""Export of modules to ONNX, through torch's own exporters.

The graph takes every tensor among the inputs by a name, and gives back every tensor among the outputs in order:
dicts, lists and other values around them stay behind. Inputs that nothing reads may be missing from the graph.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lwprof.errors import BackendError, LwprofError, missing_memory, sentence
from lwprof.timing.contract import Conversion, Source
from lwprof.timing.silence import silence

if TYPE_CHECKING:
    from torch import Tensor

    from lwprof.inputs import Values

FILE = "model.onnx"
OPSET = 18

_LACKING = re.compile(r"operator '(\w+::\w+)|unrecognized namespace (\w+::\w+)")
"""What tracing says of an operator that it has no translation for."""


def conversion() -> Conversion:
    """How modules become ONNX files."""
    return Conversion("onnx", versions(), write)


def versions() -> dict[str, str]:
    """Versions of what writes ONNX files; torch's newer exporter needs onnxscript."""
    packages = ("torch", "onnx", "onnxscript")
    return {package: importlib.metadata.version(package) for package in packages if importlib.util.find_spec(package)}


def named(values: Values) -> dict[str, Tensor]:
    """Tensors that a network is called with, by the names of the exported graph's inputs.

    >>> import torch
    >>> list(named((torch.ones(1), {"mask": torch.ones(1)})))
    ['input_0', 'input_1_mask']
    >>> list(named({"image": torch.ones(1)}))
    ['image']
    """
    import torch
    from torch.utils._pytree import tree_flatten_with_path

    leaves, _ = tree_flatten_with_path(values if isinstance(values, Mapping) else tuple(values))
    prefix = () if isinstance(values, Mapping) else ("input",)
    found: dict[str, Tensor] = {}
    for path, leaf in leaves:
        if isinstance(leaf, torch.Tensor):
            parts = (str(getattr(key, "key", getattr(key, "idx", key))) for key in path)
            name = "_".join((*prefix, *parts))
            found[name if name not in found else f"{name}_{len(found)}"] = leaf
    return found


def write(source: Source, folder: Path) -> None:
    """Export a module in ``eval()``: by tracing, and where that fails by torch's newer exporter, if it can run.

    Above 2 GB the weights lie in files beside the graph's.

    Raises:
        BackendError: it cannot be exported.
    """
    import torch

    from lwprof.preservation import open_operators, preserved, random_state
    from lwprof.timing.conversions import locating

    module: Any = source.module
    with torch.inference_mode(False), random_state(), preserved(list(module.modules())), open_operators(), silence():
        try:
            _export(source, folder / FILE, dynamo=False)
            return
        except LwprofError:
            raise
        except Exception as error:
            if missing_memory(error):
                raise
            first = error
        lacking = _LACKING.search(str(first))
        operator = lacking[1] or lacking[2] if lacking else ""
        _clear(folder)
        known_to_torch = not operator or operator.startswith("aten::")
        if known_to_torch and importlib.util.find_spec("onnxscript") is not None:
            try:
                _export(source, folder / FILE, dynamo=True)
                return
            except Exception:  # what tracing said of it is nearer to the network
                _clear(folder)
        if operator:
            operator = locating.named(module, source.values, operator)
    reason = f"ONNX has no operator {operator}" if operator else sentence(first)
    raise BackendError(f"{source.label} cannot be converted to ONNX: {reason}") from first


def _export(source: Source, file: Path, *, dynamo: bool) -> None:
    import torch

    from lwprof.timing.conversions.tensors import TensorsOnly, tensors_of

    torch.onnx.export(
        TensorsOnly(source.module, source.values),  # type: ignore[arg-type]
        tuple(tensors_of(source.values)),
        str(file),
        input_names=list(named(source.values)),
        opset_version=OPSET,
        dynamo=dynamo,
        external_data=False,  # beyond 2 GB it is so all the same
        verbose=False,
    )


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def module_path(node: str) -> str:
    """Path of the module that a node of an exported graph comes from, by the scopes in the node's name.

    >>> module_path("/network/body/body.1/body.1.0/act/Relu")
    'body.1.0.act'
    >>> module_path("/network/network.2/Relu")
    '2'
    """
    scopes = node.strip("/").split("/")[:-1]
    return ".".join(scope.removeprefix(f"{above}.") for above, scope in pairwise(scopes))
