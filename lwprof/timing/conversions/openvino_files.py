"""Files that OpenVINO reads: ONNX, and its own with weights in float16."""

from __future__ import annotations

import functools
import importlib.metadata
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lwprof.errors import BackendError, sentence
from lwprof.timing.contract import Conversion, Source
from lwprof.timing.conversions import onnx_export

FILE = "model.xml"
TELEMETRY = "openvino_telemetry"

_LACKING = re.compile(r"No conversion rule found for operations: (.+)")
_REFUSED = re.compile(r"^-- (\S+)-\d+ with a message:\n(.+?)(?:\n\n|\Z)", re.MULTILINE | re.DOTALL)
"""What it says of an operator that it has, but not in this form."""
_NO_NEWS = re.compile(r"Exception from |Check '|FrontEnd API failed|While validating")
"""How lines of its errors begin that say nothing of the network."""


@contextmanager
def no_telemetry() -> Iterator[None]:
    """Have OpenVINO imported without its telemetry, which reports every import unasked where nobody has opted out."""
    known = sys.modules.get(TELEMETRY)
    sys.modules[TELEMETRY] = None  # type: ignore[assignment]  # cannot be imported: OpenVINO has a stub for that
    try:
        yield
    finally:
        del sys.modules[TELEMETRY]
        if known is not None:
            sys.modules[TELEMETRY] = known


def runtime() -> Any:
    """Import OpenVINO."""
    with no_telemetry():
        import openvino
    return openvino


@functools.cache
def count_processors() -> None:
    """Have OpenVINO look at the processors before any thread is pinned: what it finds at first holds for good."""
    with suppress(RuntimeError):  # whatever is wrong with it is said where it loads a network
        runtime().Core().get_property("CPU", "FULL_DEVICE_NAME")


def float16() -> Conversion:
    """How networks become files with weights in float16; what is computed in is settled where they are loaded."""
    versions = {**onnx_export.versions(), "openvino": importlib.metadata.version("openvino")}
    return Conversion("openvino-float16", versions, write_float16)


def write_float16(source: Source, folder: Path) -> None:
    """Export a module to ONNX on the way, or take the ONNX file.

    Raises:
        BackendError: it cannot be exported or written, or has an operator that OpenVINO lacks.
    """
    with tempfile.TemporaryDirectory(prefix="lwprof-") as temporary:
        exported = None if source.module is None else Path(temporary)
        if exported is not None:
            onnx_export.write(source, exported)
        model = read(source, exported)
        try:
            runtime().save_model(model, folder / FILE, compress_to_fp16=True)
        except RuntimeError as error:
            raise BackendError(f"openvino cannot write {source.label}: {said(error)}") from error


def read(source: Source, folder: Path | None) -> Any:
    """Read the files of a conversion, or the source's own file.

    Raises:
        BackendError: OpenVINO cannot read them; the message names an operator that it lacks, and its module.
    """
    if folder is None:
        assert source.file is not None
        file = source.file
    else:
        file = next(path for name in (FILE, onnx_export.FILE) if (path := folder / name).exists())
    try:
        return runtime().Core().read_model(file)
    except RuntimeError as error:
        if lacking := _LACKING.search(str(error)):
            operator = re.sub(r"-\d+$", "", lacking[1].split(",")[0])
            reason = f"it has no operator {_named(operator, file, source)}"
        elif refused := _REFUSED.search(str(error)):
            reason = f"{_named(refused[1], file, source)}: {said(RuntimeError(refused[2]))}"
        else:
            reason = said(error)
        raise BackendError(f"openvino cannot read {source.label}: {reason}") from error


def said(error: Exception) -> str:
    r"""What an error of OpenVINO says, without the places in its source.

    >>> said(RuntimeError("Exception from core.cpp:84:\nCheck 'x' failed at y.cpp:1:\nShapes differ.\n\n"))
    'Shapes differ.'
    """
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines if line and not _NO_NEWS.match(line)), sentence(error))


def _named(operator: str, file: Path, source: Source) -> str:
    """Name an operator of an ONNX file, and what runs it: a module, or a node of the graph."""
    import onnx

    domain, _, kind = operator.rpartition(".")
    nodes = onnx.load(str(file), load_external_data=False).graph.node
    node = next((node.name for node in nodes if node.op_type == kind and domain in (node.domain, "")), "")
    if not node:
        return operator
    path = onnx_export.module_path(node)
    if source.module is not None and path in (path for path, _ in source.module.named_modules()):
        return f"{operator}, which {path or 'the network itself'} runs"
    return f"{operator}, which node {node} is"
