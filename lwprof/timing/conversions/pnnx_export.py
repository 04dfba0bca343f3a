"""Conversion of modules, and of ONNX files, to the files of ncnn, through pnnx.

A conversion holds ``model.param`` (the layers, as text), ``model.bin`` (their weights) and ``interface.json``: names,
shapes and dtypes of inputs and outputs, and which dimension ncnn takes for the batch.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lwprof.errors import BackendError, LwprofError, first_line, missing_memory
from lwprof.timing.contract import Conversion, Source
from lwprof.timing.conversions import pnnx_program
from lwprof.timing.portable.ncnn_network import BIN, INTERFACE, PARAM

if TYPE_CHECKING:
    from torch import Tensor

    from lwprof.inputs import Values

DTYPES = {"float32": "f32", "int32": "i32", "int64": "i64"}
"""Dtypes of inputs that ncnn takes, in pnnx's words; it holds int64 as int32."""

_FED = re.compile(r'ex\.input\("in(\d+)", ncnn\.Mat\(in\d+\.numpy\(\), batch_index=(\d+)\)')
_GIVEN = re.compile(r"out(\d+)\.numpy\(batch_index=(\d+)\)")
_PREFIX = re.compile(r"^(?:torch|F|Tensor)\.")


@dataclass(frozen=True, slots=True)
class Blob:
    """An input or output of a converted network."""

    name: str
    batch_index: int
    """The dimension that is the batch; pnnx writes 233 where none is."""
    shape: tuple[int, ...] | None = None
    """In torch; ``None`` where it is not known before the network runs."""
    dtype: str = "float32"
    position: int = 0
    """Among the tensors that the network is called with, or gives back."""


@dataclass(frozen=True, slots=True)
class Interface:
    """What a converted network is fed with and what it gives back."""

    inputs: tuple[Blob, ...]
    outputs: tuple[Blob, ...]

    def save(self, folder: Path) -> None:
        """Write it beside the network."""
        (folder / INTERFACE).write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Interface:
        """Read what :meth:`save` wrote."""
        kept = json.loads((folder / INTERFACE).read_text(encoding="utf-8"))
        return cls(*(tuple(_blob(item) for item in kept[side]) for side in ("inputs", "outputs")))


def _blob(item: dict[str, Any]) -> Blob:
    shape = item["shape"]
    return Blob(**item | {"shape": None if shape is None else tuple(shape)})


def conversion(source: Source, half: bool) -> Conversion:
    """How networks become files of ncnn, with weights in float16 if ``half``."""
    versions = {package: importlib.metadata.version(package) for package in ("torch", "pnnx")}
    name = "ncnn-float16" if half else "ncnn"
    if source.module is None:  # the file says nothing of the shapes that it is converted for
        name += f" {_shapes(_tensors(source))}"
    return Conversion(name, versions, partial(write, half=half))


def write(source: Source, folder: Path, half: bool = False) -> None:
    """Convert a module in ``eval()``, or an ONNX file.

    Raises:
        BackendError: torch cannot trace it, pnnx or ncnn lacks an operator, an input cannot be held by ncnn, pnnx is
            killed or hangs, or no space is left.
    """
    tensors = _tensors(source)
    _check(tensors)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        work = Path(temporary)
        try:
            file, shapes = _input_file(source, work)
            options = [f"inputshape={_shapes(tensors)}", f"fp16={int(half)}", "optlevel=2", "device=cpu"]
            pnnx_program.run([file, *options], work, source.label)
            written = [work / "model.ncnn.param", work / "model.ncnn.bin"]
            if not all(path.exists() for path in written):
                raise BackendError(f"pnnx wrote no network of ncnn for {source.label}")
            _check_space(work)
        except pnnx_program.UnknownOperatorError as error:
            raise BackendError(f"pnnx does not know {_located(source, error.operator)}") from error
        except (BackendError, OSError, RuntimeError):
            try:
                _check_space(work)
            except OSError as error:
                raise BackendError(f"no space to convert {source.label} in {folder}: {error.strerror}") from error
            raise
        _check_layers(source, written[0])
        script = (work / "model_ncnn.py").read_text(encoding="utf-8")
        _interface(script, tensors, shapes).save(folder)
        for path, name in zip(written, (PARAM, BIN), strict=True):
            path.replace(folder / name)


def _tensors(source: Source) -> list[Tensor]:
    from lwprof.inputs import tensors

    return tensors(source.values)


def _check(tensors: Sequence[Tensor]) -> None:
    """Refuse inputs that ncnn cannot hold."""
    for tensor in tensors:
        dtype, rank = str(tensor.dtype).removeprefix("torch."), tensor.dim()
        if dtype not in DTYPES:
            raise BackendError(f"ncnn takes no inputs of {dtype}, but of {', '.join(DTYPES)}")
        if not 1 <= rank <= 5:
            raise BackendError(f"ncnn takes no inputs of {rank} dimensions, but of 1 to 5, the batch included")


def _shapes(tensors: Sequence[Tensor]) -> str:
    """Shapes as pnnx reads them: ``[1,3,224,224]f32``."""
    return ",".join(
        f"[{','.join(map(str, tensor.shape))}]{DTYPES.get(str(tensor.dtype).removeprefix('torch.'), '')}"
        for tensor in tensors
    )


def _input_file(source: Source, work: Path) -> tuple[str, list[tuple[int, ...]] | None]:
    """Put what pnnx reads into its folder; also the shapes of the outputs, where they are known."""
    if source.module is None:
        assert source.file is not None
        _whole(source.file, work / "model.onnx")
        return "model.onnx", None
    try:
        traced, shapes = _traced(source.module, source.values)
    except LwprofError:
        raise
    except Exception as error:
        if missing_memory(error):
            raise
        raise BackendError(f"torch cannot trace {source.label}: {first_line(error)}") from error
    (work / "model.pt").write_bytes(traced.save_to_buffer())  # save() ends the process where the disk is full
    return "model.pt", shapes


def _traced(module: Any, values: Values) -> tuple[Any, list[tuple[int, ...]]]:
    """Trace a module in ``eval()``; also the shapes of its outputs."""
    import torch

    from lwprof.preservation import open_operators, random_state
    from lwprof.timing.conversions.tensors import TensorsOnly, tensors_of

    with warnings.catch_warnings(action="ignore"), torch.inference_mode(False), random_state(), open_operators():
        network, given = TensorsOnly(module, values), tensors_of(values)
        script = torch.jit.trace(network, tuple(given), check_trace=False)
        return script, [tuple(result.shape) for result in network(*given)]


def _whole(file: Path, copy: Path) -> None:
    """Copy an ONNX file, with weights that lie beside it; pnnx takes those that old files list as inputs for such."""
    import onnx

    model = onnx.load(file)
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [item for item in model.graph.input if item.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    onnx.save(model, copy)


def _check_space(folder: Path) -> None:
    """Write a little more: pnnx does not notice that a disk is full.

    Raises:
        OSError: it cannot be written.
    """
    probe = folder / "probe"
    with probe.open("wb") as opened:
        opened.write(bytes(1 << 16))
    probe.unlink()


def _check_layers(source: Source, param: Path) -> None:
    """Refuse a network with layers that ncnn lacks: pnnx passes on what it cannot translate."""
    import ncnn

    layers = [line.split()[:2] for line in param.read_text(encoding="utf-8").splitlines()[2:] if line.strip()]
    missing = [kind for kind, _ in layers if ncnn.layer_to_index(kind) < 0]
    if missing:
        kind = next((kind for kind in missing if not kind.startswith("pnnx.")), missing[0])
        raise BackendError(f"ncnn does not have {_located(source, _in_torch(kind))}")


def _in_torch(kind: str) -> str:
    """Name in torch of a layer that pnnx has passed on.

    >>> _in_torch("torch.fft.rfft"), _in_torch("aten::cdist"), _in_torch("nn.PReLU")
    ('aten::fft_rfft', 'aten::cdist', 'nn.PReLU')
    """
    shortened = _PREFIX.sub("", kind)
    return kind if shortened == kind else f"aten::{shortened.replace('.', '_')}"


def _located(source: Source, operator: str) -> str:
    """Name an operator and the module that runs it."""
    from lwprof.timing.conversions import locating

    if source.module is None:
        return f"{operator}, which {source.label} holds"
    if operator.startswith("nn."):
        paths = [path for path, part in source.module.named_modules() if type(part).__name__ == operator[3:]]
        return f"{operator}, which {paths[0]} is" if paths and paths[0] else operator
    return locating.named(source.module, source.values, operator)


def _interface(script: str, tensors: Sequence[Tensor], shapes: Sequence[tuple[int, ...]] | None) -> Interface:
    """Read from pnnx's example script what it takes for the batch."""
    inputs = tuple(
        Blob(
            f"in{number}",
            int(batch),
            tuple(tensors[int(number)].shape),
            str(tensors[int(number)].dtype).removeprefix("torch."),
            int(number),
        )
        for number, batch in _FED.findall(script)
    )
    outputs = tuple(
        Blob(f"out{number}", int(batch), None if shapes is None else shapes[int(number)], position=int(number))
        for number, batch in _GIVEN.findall(script)
    )
    return Interface(inputs, outputs)
