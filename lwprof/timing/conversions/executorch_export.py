"""Export of modules to ExecuTorch programs, with all that XNNPACK can run lowered to it."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path
from typing import Any

from lwprof.errors import BackendError, first_line, missing_memory
from lwprof.timing.contract import Conversion, Source

FILE = "model.pte"

_OPERATOR = re.compile(
    r"Missing out variants: \{'(\w+)::(\w+)"
    r"|Operator torch\._ops\.(\w+)\.(\w+)"  # none that it knows
    r"|Operator: <EdgeOpOverload: (\w+)\.(\w+)"  # not for these dtypes
)


def conversion() -> Conversion:
    """How modules become programs."""
    versions = {package: importlib.metadata.version(package) for package in ("torch", "executorch")}
    return Conversion("executorch-xnnpack", versions, write)


def write(source: Source, folder: Path) -> None:
    """Export a module in ``eval()``; operators that XNNPACK lacks are left to ExecuTorch's portable kernels.

    Raises:
        BackendError: torch cannot export it, or neither has an operator.
    """
    import torch

    from lwprof.timing.conversions import locating
    from lwprof.timing.silence import silence

    with silence(), torch.inference_mode(False), torch.no_grad():
        try:
            lowered = _lowered(source)
            operator = _without_kernel(lowered)
        except Exception as error:
            if missing_memory(error) or isinstance(error, ImportError):
                raise
            if (found := _OPERATOR.search(str(error))) is None:
                raise BackendError(f"ExecuTorch cannot convert {source.label}: {first_line(error)}") from error
            operator = "::".join(filter(None, found.groups()))
        if operator:
            raise BackendError(f"ExecuTorch cannot run {locating.named(source.module, source.values, operator)}")
        with (folder / FILE).open("wb") as opened:
            lowered.write_to_file(opened)


def _lowered(source: Source) -> Any:
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    from lwprof.timing.conversions.tensors import tensors_only

    program = torch.export.export(*tensors_only(source))
    return to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()]).to_executorch()


def _without_kernel(lowered: Any) -> str:
    """The first operator of a program that the installed runtime cannot run; empty where it can run all."""
    from executorch.extension.pybindings import portable_lib

    known = set(portable_lib._get_operator_names())
    for plan in lowered.executorch_program.execution_plan:
        for operator in plan.operators:
            if f"{operator.name}.{operator.overload}".removesuffix(".") not in known:
                return str(operator.name)
    return ""
