"""Results: everything lwprof finds, as frozen data in base units (elements, bytes, seconds).

Every document has a ``schema`` name and version, keeps its raw samples, and saves and loads as JSON.
Keys are added, never renamed.
"""

from __future__ import annotations

import dataclasses
import json
import math
import reprlib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Union

from lwprof.errors import InputError
from lwprof.files import write_whole

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Shape and dtype of one input."""

    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class Model:
    """Which network was looked at, and with which inputs."""

    name: str
    spec: str
    inputs: tuple[TensorSpec, ...]


@dataclass(frozen=True, slots=True)
class MemoryAccess:
    """Memory access cost (MAC in the ShuffleNetV2 sense): what is read plus what is written."""

    paper_elements: int
    eager_elements: int
    eager_bytes: int
    fused_elements: int
    fused_bytes: int
    paper_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Totals:
    """The structural numbers of a whole call, batch included."""

    params: int
    trainable_params: int
    buffers: int
    param_bytes: int
    mult_adds: int
    additions: int
    elementwise_ops: int
    launches: int
    memory_access: MemoryAccess
    peak_activation_bytes: int
    fused_peak_activation_bytes: int


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of operator: pointwise, depthwise, grouped, dense conv, linear, attention, …"""

    kind: str
    params: int
    mult_adds: int
    paper_elements: int
    additions: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """One building block."""

    name: str
    type: str
    fragments: int
    branches: int
    depth: int


@dataclass(frozen=True, slots=True)
class Fragmentation:
    """Mean and maxima over the building blocks; ``None`` where a network has no blocks."""

    mean_fragments: float | None
    max_fragments: int | None
    max_branches: int | None
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class OpCount:
    """How often an operator ran, and for a free one why it costs nothing."""

    op: str
    count: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the counts cover: operators counted, free, and unknown by name."""

    counted: int
    free: int
    unknown: tuple[OpCount, ...]
    free_ops: tuple[OpCount, ...] = ()


@dataclass(frozen=True, slots=True)
class Layer:
    """A module's own cost, that of the modules inside it left out."""

    name: str
    type: str
    params: int
    mult_adds: int
    paper_elements: int
    eager_elements: int
    input_shapes: tuple[tuple[int, ...], ...]
    output_shapes: tuple[tuple[int, ...], ...]
    additions: int = 0


@dataclass(frozen=True, slots=True)
class Subtree:
    """A module with everything inside it, as :meth:`ProfileResult.subtrees` sums it."""

    name: str
    depth: int
    """0 for the network itself."""
    layer: Layer | None
    """The module's own cost; ``None`` for one that runs nothing itself."""
    params: int
    mult_adds: int
    paper_elements: int
    eager_elements: int
    additions: int


IMAGENET = "ImageNet"
"""The data set that published accuracies are of unless they say otherwise."""


@dataclass(frozen=True, slots=True)
class Published:
    """What the network's authors print for this variant."""

    top1: float | None
    params_millions: float | None
    mult_adds_millions: float | None
    source: str = ""
    dataset: str = IMAGENET
    """What ``top1`` was measured on."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Latency of one call on one backend; samples are seconds per call, one a round."""

    backend: str
    device: str
    threads: int
    batch: int
    dtype: str
    median_s: float
    ci95_s: tuple[float, float]
    p90_s: float | None
    samples_s: tuple[float, ...]
    warnings: tuple[str, ...] = ()
    load_s: float | None = None
    """Seconds to build and prepare the network."""
    first_call_s: float | None = None
    calls_per_sample: int = 1
    single_calls_s: tuple[float, ...] = ()
    """Calls timed one by one, from which ``p90_s`` comes; empty where a call is too short for that."""
    stopped: str = ""
    """Why sampling ended: "interval" (narrow enough), "budget" (time spent), "interrupted" or "failed"."""


@dataclass(frozen=True, slots=True)
class Relative:
    """Latency against the first network of the comparison, paired round by round: above 1 is slower."""

    backend: str
    to: str
    ratio: float
    ci95: tuple[float, float]
    verdict: str
    """"faster", "slower" or "indistinguishable"."""


@dataclass(frozen=True, slots=True)
class ComparedModel:
    """One row of a comparison."""

    model: Model
    totals: Totals
    fragmentation: Fragmentation
    coverage: Coverage
    published: Published | None = None
    timings: tuple[Timing, ...] = ()
    relative: tuple[Relative, ...] = ()
    pareto: bool | None = None
    """On the front of published top-1 against latency (mult-adds where nothing was timed); ``None``
    without a published top-1, or with too few rounds to tell."""

    def relative_of(self, timing: Timing) -> Relative | None:
        """The ratio that belongs to ``timing``: of the same backend, in order where that was timed several times."""
        same = [other for other in self.timings if other.backend == timing.backend]
        ratios = [ratio for ratio in self.relative if ratio.backend == timing.backend]
        place = next((index for index, other in enumerate(same) if other is timing), len(ratios))
        return ratios[place] if place < len(ratios) else None


@dataclass(frozen=True, slots=True)
class CrosscheckTerm:
    """A named difference between a tool's convention and ours."""

    name: str
    amount: int
    why: str


@dataclass(frozen=True, slots=True)
class CrosscheckRow:
    """One tool's count beside ours: ``ours + sum of terms + unexplained = theirs``."""

    tool: str
    version: str
    ours: int
    theirs: int | None
    """``None`` where the tool could not count the network; ``verdict`` says why."""
    terms: tuple[CrosscheckTerm, ...]
    unexplained: int
    verdict: str
    """In plain words: the same, different by convention, or wrong and where."""


@dataclass(frozen=True, slots=True)
class Document:
    """A result that stands on its own: it has a schema, and a file of its own."""

    schema: ClassVar[str]

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists and scalars, with ``schema`` first."""
        return {"schema": self.schema, **_plain(self)}

    def to_json(self) -> str:
        """JSON text with a final newline."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def save(self, path: str | Path) -> None:
        """Write the result to ``path`` as JSON, whole or not at all."""
        write_whole(path, self.to_json())


@dataclass(frozen=True, slots=True)
class ProfileResult(Document):
    """What one network costs, and which layers cost it."""

    schema: ClassVar[str] = "lwprof.profile/1"
    model: Model
    totals: Totals
    kinds: tuple[Kind, ...]
    fragmentation: Fragmentation
    coverage: Coverage
    layers: tuple[Layer, ...]
    input_dependent: bool = False
    """The network ran on real values: where its control flow reads them, another input may give other counts."""
    published: Published | None = None

    @property
    def params_with_mult_adds(self) -> int:
        """Parameters of the kinds that have mult-adds, or additions in their place.

        Normalisation is left out, as papers do in shares by kind.
        """
        return sum(kind.params for kind in self.kinds if kind.mult_adds or kind.additions)

    def subtrees(self) -> tuple[Subtree, ...]:
        """Sum the layers up the module tree: every module before the modules inside it, siblings in running order."""
        sums: dict[tuple[str, ...], list[int]] = {}
        own: dict[tuple[str, ...], Layer] = {}
        for layer in self.layers:
            path = tuple(layer.name.split(".")) if layer.name else ()
            own[path] = layer
            cost = layer.params, layer.mult_adds, layer.paper_elements, layer.eager_elements, layer.additions
            for depth in range(len(path) + 1):
                sums[path[:depth]] = [a + b for a, b in zip(sums.get(path[:depth], (0,) * 5), cost, strict=True)]
        rank = {path: place for place, path in enumerate(sums)}
        order = sorted(sums, key=lambda path: [rank[path[:depth]] for depth in range(len(path) + 1)])
        return tuple(Subtree(".".join(path), len(path), own.get(path), *sums[path]) for path in order)

    def to_pandas(self) -> Any:
        """One row a layer, as a :class:`pandas.DataFrame`."""
        import pandas

        return pandas.DataFrame([_plain(layer) for layer in self.layers])


@dataclass(frozen=True, slots=True)
class CompareResult(Document):
    """Several networks side by side, timed in the same interleaved rounds."""

    schema: ClassVar[str] = "lwprof.compare/1"
    models: tuple[ComparedModel, ...]
    environment: Mapping[str, Scalar] = field(default_factory=dict)
    interrupted: bool = False
    failure: str = ""
    """What a network raised while it was timed; what was measured before is kept."""

    def to_pandas(self) -> Any:
        """One row a network, nested keys joined by dots, as a :class:`pandas.DataFrame`."""
        import pandas

        return pandas.json_normalize([_plain(model) for model in self.models])


@dataclass(frozen=True, slots=True)
class CrosscheckResult(Document):
    """Our count beside other tools', and the terms that turn one into the other."""

    schema: ClassVar[str] = "lwprof.crosscheck/1"
    model: Model
    rows: tuple[CrosscheckRow, ...]


Result = ProfileResult | CompareResult | CrosscheckResult
DOCUMENTS: dict[str, type[Result]] = {
    kind.schema.partition("/")[0]: kind for kind in (ProfileResult, CompareResult, CrosscheckResult)
}


def load(path: str | Path) -> Result:
    """Read a saved result.

    Raises:
        InputError: the file is missing, truncated, not lwprof's, or written by a newer lwprof.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text, so not a result of lwprof") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not whole JSON ({error}); save the result again") from error
    return from_dict(data, str(path))


def from_dict(data: Any, origin: str = "result") -> Result:
    """Rebuild a result from :meth:`Document.to_dict`; ``origin`` names it in errors.

    Raises:
        InputError: the document is not lwprof's, is newer, or lacks a key.
    """
    schema = data.get("schema") if isinstance(data, dict) else None
    name, _, version = str(schema).partition("/")
    if name not in DOCUMENTS or not (version.isascii() and version.isdigit()):
        raise InputError(f"{origin} is not a result of lwprof (schema {reprlib.repr(schema)})")
    kind = DOCUMENTS[name]
    newest = int(kind.schema.partition("/")[2])
    if int(version) > newest:
        raise InputError(f"{origin} has schema {schema}, newer than this lwprof reads ({kind.schema}); update lwprof")
    try:
        return typing.cast(Result, _rebuild(kind, data))
    except (TypeError, ValueError) as error:
        raise InputError(f"{origin} is a damaged {name} document: {error}") from error


def _plain(item: Any) -> Any:
    if dataclasses.is_dataclass(item):
        return {f.name: _plain(getattr(item, f.name)) for f in dataclasses.fields(item)}
    if isinstance(item, Mapping):
        return {key: _plain(value) for key, value in item.items()}
    if isinstance(item, tuple | list):
        return [_plain(value) for value in item]
    return None if isinstance(item, float) and not math.isfinite(item) else item


LARGEST = 2**127
"""No count is larger; what is comes from a damaged file."""
WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def _rebuild(kind: Any, data: Any, place: str = "") -> Any:
    """Make ``data`` an instance of the annotation ``kind``; keys it does not know are left alone.

    ``place`` names the data within its document.
    """
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(data, Mapping):
            raise TypeError(f"{place or 'it'} must be an object, not {reprlib.repr(data)}")
        return kind(**_rebuilt_fields(kind, data, place))
    if origin in (Union, types.UnionType):
        if data is None and type(None) in args:
            return None
        return (
            _rebuild(next(arg for arg in args if arg is not type(None)), data, place)
            if args[-1] is type(None) and len(args) == 2
            else data
        )
    if origin is tuple:
        if not isinstance(data, list | tuple):
            raise TypeError(f"{place} must be a list, not {reprlib.repr(data)}")
        if args[-1] is Ellipsis:
            return tuple(_rebuild(args[0], item, f"{place}[{index}]") for index, item in enumerate(data))
        if len(args) != len(data):
            raise ValueError(f"{place} must have {len(args)} items, not {len(data)}")
        return tuple(_rebuild(arg, item, place) for arg, item in zip(args, data, strict=True))
    if isinstance(data, int | float) and not abs(data) <= LARGEST:
        raise ValueError(f"{place} is no number that can be counted or measured: {reprlib.repr(data)}")
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if isinstance(kind, type) and (not isinstance(data, kind) or (kind is int and isinstance(data, bool))):
        raise TypeError(f"{place} must be {WORDS.get(kind, kind.__name__)}, not {reprlib.repr(data)}")
    return dict(data) if origin is not None else data


def _rebuilt_fields(kind: Any, data: Mapping[str, Any], place: str) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    values = {}
    for field_ in dataclasses.fields(kind):
        inside = f"{place}.{field_.name}" if place else field_.name
        if field_.name in data:
            values[field_.name] = _rebuild(hints[field_.name], data[field_.name], inside)
        elif field_.default is dataclasses.MISSING and field_.default_factory is dataclasses.MISSING:
            raise ValueError(f"it lacks the key {inside}")
    return values
