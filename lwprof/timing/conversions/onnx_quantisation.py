"""Static quantisation of ONNX graphs to int8, by ONNX Runtime's own tool.

As ONNX Runtime advises: shapes are inferred and the graph is simplified first, quantised tensors are marked by QDQ
pairs, weights are signed with a scale for each output channel, and their range is kept to 7 bits on x86 processors
without VNNI, whose 16-bit sums would saturate. Activations are unsigned on x86 and signed on ARM. Their ranges are the
extremes over the inputs of the source and a few that are drawn from fixed seeds: enough for speed, for size and to see
that nothing is broken. Accuracy needs calibration on real images.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lwprof.errors import BackendError, sentence
from lwprof.timing.contract import Conversion, Source
from lwprof.timing.conversions import onnx_export
from lwprof.timing.conversions.onnx_feeds import fed
from lwprof.timing.silence import silence

if TYPE_CHECKING:
    from lwprof.inputs import Values

DRAWN = 8
"""Random inputs to calibrate on, beside the source's own."""

PER_CHANNEL = 13
"""First opset whose quantised weights have a scale for each channel; files that cannot be raised to it get one each."""

_X86 = ("x86_64", "amd64", "i386", "i686")


def conversion(source: Source) -> Conversion:
    """How modules and ONNX files become quantised ONNX files."""
    versions = {
        **onnx_export.versions(),
        "onnxruntime": importlib.metadata.version("onnxruntime"),
        "processor": f"{platform.machine()}{' 7 bit' if narrow() else ''}",
        "calibration": _content(source.values),
    }
    return Conversion("onnx-int8", versions, write)


def narrow(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether weights are kept to 7 bits: on x86, unless the processor is known to have VNNI."""
    if platform.machine().lower() not in _X86:
        return False
    try:
        return "_vnni" not in cpuinfo.read_text(encoding="utf-8")
    except OSError:
        return True


def write(source: Source, folder: Path) -> None:
    """Export a module, or take an ONNX file, and quantise it.

    Raises:
        BackendError: it cannot be exported or quantised, or nothing in it was.
    """
    import onnx

    with tempfile.TemporaryDirectory(prefix="lwprof-") as temporary:
        plain = source.file
        if source.module is not None:
            onnx_export.write(source, Path(temporary))
            plain = Path(temporary) / onnx_export.FILE
        assert plain is not None
        simplified, quantised = Path(temporary) / "simplified.onnx", folder / onnx_export.FILE
        try:
            with silence():  # in C++, too: the quantiser makes sessions of its own
                _quantise(source, plain, simplified, quantised)
        except Exception as error:
            raise BackendError(f"{source.label} cannot be quantised to int8: {sentence(error)}") from error
    nodes = onnx.load(str(quantised), load_external_data=False).graph.node
    if not any(node.op_type == "DequantizeLinear" for node in nodes):
        raise BackendError(f"{source.label} has nothing that ONNX Runtime quantises to int8")


def _quantise(source: Source, plain: Path, simplified: Path, quantised: Path) -> None:
    import onnx
    import onnxruntime
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    session = onnxruntime.InferenceSession(str(plain), providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_inputs()]
    quant_pre_process(str(_of_today(plain, simplified)), str(simplified), skip_symbolic_shape=True)
    model = onnx.load(str(simplified))
    for unset in [item for item in model.graph.input if item.name not in names]:  # weights of old files
        model.graph.input.remove(unset)
    signed = platform.machine().lower() not in _X86
    quantize_static(
        model,
        str(quantised),
        _Reader(source, names),
        quant_format=QuantFormat.QDQ,
        per_channel=_opset(model) >= PER_CHANNEL,
        reduce_range=narrow(),
        activation_type=QuantType.QInt8 if signed else QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )


def _of_today(plain: Path, place: Path) -> Path:
    """Raise the opset of an old file, into ``place``, so that weights can have a scale for each channel."""
    import onnx
    from onnx import version_converter

    if _opset(onnx.load(str(plain), load_external_data=False)) >= PER_CHANNEL:
        return plain
    try:
        onnx.save(version_converter.convert_version(onnx.load(str(plain)), PER_CHANNEL), str(place))
    except Exception:  # not every operator can be raised
        return plain
    return place


def _opset(model: Any) -> int:
    return next((int(item.version) for item in model.opset_import if item.domain in ("", "ai.onnx")), 0)


class _Reader:
    """Gives the quantiser one feed after the other."""

    def __init__(self, source: Source, names: list[str]) -> None:
        self._feeds = (fed(names, values, exported=source.module is not None) for values in _inputs(source.values))

    def get_next(self) -> dict[str, Any] | None:
        """The next feed; ``None`` after the last."""
        return next(self._feeds, None)


def _inputs(values: Values) -> Iterator[Values]:
    """The source's own inputs, and some that are drawn; integers and booleans stay, since they may index something."""
    import torch
    from torch.utils._pytree import tree_map_only

    from lwprof.inputs import random_tensor

    yield values
    for number in range(DRAWN):
        generator = torch.Generator().manual_seed(1000 + number)

        def drawn(tensor: torch.Tensor, generator: torch.Generator = generator) -> torch.Tensor:
            return random_tensor(tensor.shape, tensor.dtype, generator) if tensor.is_floating_point() else tensor

        yield tree_map_only(torch.Tensor, drawn, values)


def _content(values: Values) -> str:
    """Hash what is calibrated on."""
    import torch

    found = hashlib.blake2b(digest_size=8)
    for name, tensor in onnx_export.named(values).items():
        found.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        found.update(tensor.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
