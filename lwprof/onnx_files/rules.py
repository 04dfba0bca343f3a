"""Rules that look at a node's attributes and inputs to say which operator it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lwprof.onnx_files.nodes import Node
from lwprof.onnx_files.shapes import Given
from lwprof.onnx_files.tensors import Known


@dataclass(frozen=True, slots=True)
class Translation:
    """An operator of the graph."""

    name: str
    tensors: Mapping[str, int | tuple[int, ...]]
    """Argument name to the place of the node's input, or places for a list of tensors."""
    plain: Mapping[str, Any] = field(default_factory=dict)
    """Arguments that are no tensors."""
    effect: str = "new"
    """As in :class:`lwprof.graph.Operator`."""
    pointwise: bool = False

    @property
    def places(self) -> tuple[int, ...]:
        """Every input that it reads as a tensor, or as a number."""
        return tuple(
            place for places in self.tensors.values() for place in (places if isinstance(places, tuple) else (places,))
        )


Rule = Callable[[Node, Given], Translation]

REDUCTIONS = {
    "ReduceMean": "mean", "ReduceSum": "sum", "ReduceMax": "amax", "ReduceMin": "amin", "ReduceProd": "prod",
    "ReduceL1": "linalg_vector_norm", "ReduceL2": "linalg_vector_norm", "ReduceLogSumExp": "logsumexp",
    "ReduceSumSquare": "linalg_vector_norm", "ReduceLogSum": "logsumexp",
}  # fmt: skip


def _shape(known: Known | None) -> tuple[int, ...]:
    return () if known is None else tuple(size or 0 for size in known.shape or ())


def _spatial(given: Given) -> int:
    """Number of spatial dimensions of the first input."""
    return max(len(_shape(given[0])) - 2, 1)


def convolution(node: Node, given: Given) -> Translation:
    """A convolution of any rank, also transposed."""
    rank = len(_shape(given[1])) - 2
    name = "conv_transpose" if node.type == "ConvTranspose" else "conv"
    pads = node.attributes.get("pads", [0] * (2 * rank))
    plain = {
        "stride": tuple(node.attributes.get("strides", [1] * rank)),
        "padding": tuple(pads[:rank]),
        "dilation": tuple(node.attributes.get("dilations", [1] * rank)),
        "groups": node.attributes.get("group", 1),
    }
    return Translation(f"aten::{name}{rank}d", {"input": 0, "weight": 1, "bias": 2}, plain)


def gemm(node: Node, given: Given) -> Translation:
    """A linear layer where the second matrix is stored, otherwise a product of two."""
    weight = given[1]
    if weight is not None and weight.fixed and not node.attributes.get("transA", 0):
        return Translation("aten::linear", {"input": 0, "weight": 1, "bias": 2})
    inner = _shape(given[0])[0 if node.attributes.get("transA", 0) else -1]
    return Translation("onnx::Gemm", {"self": 0, "other": 1, "bias": 2}, {"inner": inner})


def matmul(node: Node, given: Given) -> Translation:
    """A linear layer where the second matrix is stored, otherwise a product of two, or of batches of them."""
    right = given[1]
    if right is not None and right.fixed and len(_shape(right)) == 2:
        return Translation("aten::linear", {"input": 0, "weight": 1})
    return Translation("onnx::MatMul", {"self": 0, "other": 1}, {"inner": (_shape(given[0]) or (1,))[-1]})


def batch_norm(node: Node, given: Given) -> Translation:
    """A normalisation with statistics of its own, which it measures only where it is being trained."""
    places = {"input": 0, "weight": 1, "bias": 2, "running_mean": 3, "running_var": 4}
    return Translation("aten::batch_norm", places, {"training": bool(node.attributes.get("training_mode", 0))})


def clip(node: Node, given: Given) -> Translation:
    """Bounds on both sides are a hard tanh (ReLU6 among them), a lower bound of 0 alone is a ReLU."""

    def bound(name: str, place: int) -> float | None:
        known = given[place] if place < len(given) else None
        return node.attributes.get(name) if known is None else known.number

    low, high = bound("min", 1), bound("max", 2)
    if low is not None and high is not None:
        return Translation("aten::hardtanh", {"self": 0}, {"min_val": low, "max_val": high}, pointwise=True)
    if low == 0:
        return Translation("aten::relu", {"self": 0}, pointwise=True)
    return Translation("aten::clamp", {"self": 0, "min": 1, "max": 2}, pointwise=True)


def pool(name: str) -> Rule:
    """Make the rule of a kind of pooling; a global one leaves one element of each map."""

    def rule(node: Node, given: Given) -> Translation:
        rank = _spatial(given)
        if node.type.startswith("Global"):
            return Translation(f"aten::adaptive_{name}_pool{rank}d", {"self": 0}, {"output_size": (1,) * rank})
        pads = node.attributes.get("pads", [0] * (2 * rank))
        plain = {
            "kernel_size": tuple(node.attributes["kernel_shape"]),
            "stride": tuple(node.attributes.get("strides", [1] * rank)),
            "padding": tuple(pads[:rank]),
        }
        return Translation(f"aten::{name}_pool{rank}d", {"self": 0}, plain)

    return rule


def reduction(node: Node, given: Given) -> Translation:
    """A reduction over some dimensions, or over all."""
    axes = node.attributes.get("axes")
    chosen = given[1] if len(given) > 1 else None
    if axes is None and chosen is not None and chosen.data is not None:
        axes = [int(axis) for axis in chosen.data.reshape(-1)]
    if not axes and node.attributes.get("noop_with_empty_axes", 0):
        return Translation("aten::alias", {"self": 0}, effect="view")
    plain = {"dim": axes or list(range(len(_shape(given[0])))), "keepdim": bool(node.attributes.get("keepdims", 1))}
    return Translation(f"aten::{REDUCTIONS[node.type]}", {"self": 0}, plain)


def transpose(node: Node, given: Given) -> Translation:
    """A transposition writes, unless it only moves dimensions of size 1."""
    sizes = _shape(given[0])
    order = node.attributes.get("perm") or list(range(len(sizes)))[::-1]
    moved = [place for place in order if sizes[place] != 1]
    if moved == sorted(moved):
        return Translation("aten::permute", {"self": 0}, {"dims": order}, "view")
    return Translation("aten::clone", {"self": 0}, {"dims": order})


def pad(node: Node, given: Given) -> Translation:
    """A padding, unless it adds nothing."""
    pads = node.attributes.get("pads") or node.attributes.get("paddings")
    chosen = given[1] if len(given) > 1 else None
    if pads is None and chosen is not None and chosen.data is not None:
        pads = [int(side) for side in chosen.data.reshape(-1)]
    if pads is not None and not any(pads):
        return Translation("aten::alias", {"self": 0}, effect="view")
    kind = {"reflect": "reflection", "edge": "replication"}.get(node.attributes.get("mode", "constant"))
    name = f"{kind}_pad{min(_spatial(given), 3)}d" if kind else "constant_pad_nd"
    return Translation(f"aten::{name}", {"self": 0}, {"pad": pads})


def gather(node: Node, given: Given) -> Translation:
    """One index is a view; a stored table is an embedding; anything else is a look-up."""
    table, indices = given[0], given[1]
    axis = node.attributes.get("axis", 0)
    if indices is not None and indices.fixed and indices.shape == ():
        return Translation("aten::select", {"self": 0}, {"dim": axis, "index": indices.number}, "view")
    if table is not None and table.fixed and axis == 0:
        return Translation("aten::embedding", {"weight": 0, "indices": 1})
    return Translation("aten::index_select", {"self": 0, "index": 1}, {"dim": axis})


def part(node: Node, given: Given) -> Translation:
    """A part is a view, unless it runs backwards."""
    steps = given[4] if len(given) > 4 else None
    if steps is not None and (steps.data is None or (steps.data < 0).any()):
        return Translation("aten::flip", {"self": 0})
    return Translation("aten::slice", {"self": 0}, effect="view")


def resize(node: Node, given: Given) -> Translation:
    """A resampling, by its mode and the number of spatial dimensions."""
    rank = _spatial(given)
    mode = str(node.attributes.get("mode", "nearest"))
    if mode == "cubic":
        return Translation("aten::upsample_bicubic2d", {"self": 0})
    linear = {1: "linear1d", 2: "bilinear2d", 3: "trilinear3d"}.get(rank, "bilinear2d")
    return Translation(f"aten::upsample_{linear if 'linear' in mode else f'nearest{rank}d'}", {"self": 0})


def cast(node: Node, given: Given) -> Translation:
    """A copy in another type; in the same type it is nothing."""
    same = given[0] is not None and node.attributes.get("to") == given[0].type
    return Translation("aten::alias" if same else "aten::_to_copy", {"self": 0}, {}, "view" if same else "new")


def recurrent(node: Node, given: Given) -> Translation:
    """A recurrent layer as one operator."""
    tensors = {
        "input": 0,
        "weight": 1,
        "recurrent_weight": 2,
        "bias": 3,
        "initial_h": 5,
        "initial_c": 6,
        "peepholes": 7,
    }
    return Translation(f"onnx::{node.type}", tensors, {"hidden_size": node.attributes["hidden_size"]})


def _every(node: Node) -> tuple[int, ...]:
    return tuple(range(len(node.inputs)))


def concatenation(node: Node, given: Given) -> Translation:
    """Any number of tensors joined."""
    return Translation("aten::cat", {"tensors": _every(node)}, {"dim": node.attributes.get("axis", 0)})


def einsum(node: Node, given: Given) -> Translation:
    """Any number of tensors and an equation."""
    return Translation("aten::einsum", {"tensors": _every(node)}, {"equation": node.attributes["equation"]})


def named(name: str, *arguments: str, pointwise: bool = False, effect: str = "new") -> Rule:
    """One ATen operator; ``arguments`` name the inputs in order."""
    tensors = {argument: place for place, argument in enumerate(arguments)}

    def rule(node: Node, given: Given) -> Translation:
        return Translation(name, tensors, {}, effect, pointwise)

    return rule
