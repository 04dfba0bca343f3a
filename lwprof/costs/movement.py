"""Operators that only move or make data: copies, joins, look-ups, fills, constants."""

from __future__ import annotations

from lwprof.costs.cost import Cost, Rule, elements, free, numel, width
from lwprof.graph import Operator

_COPIES = (
    "clone _to_copy cat stack constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d "
    "replication_pad1d replication_pad2d replication_pad3d repeat repeat_interleave roll flip rot90 pixel_shuffle "
    "pixel_unshuffle channel_shuffle im2col col2im unfold_copy tril triu split_with_sizes_copy view_copy expand_copy "
    "permute_copy narrow_copy slice_copy select_copy block_diag max_unpool2d max_unpool3d _pack_padded_sequence"
).split()

_LOOKUPS = "index index_select gather take embedding masked_select".split()

_PLACEMENTS = (
    "index_put _index_put_impl index_copy index_fill scatter slice_scatter select_scatter masked_scatter"
).split()

_SUMS_IN_PLACE = "index_add scatter_add scatter_reduce index_reduce".split()

_FILLS = (
    "zero_ fill_ normal_ uniform_ bernoulli_ random_ exponential_ zeros ones full empty empty_strided arange linspace "
    "logspace eye rand randn randint randperm bernoulli scalar_tensor zeros_like ones_like full_like "
    "empty_like rand_like randn_like randint_like new_zeros new_ones new_full new_empty new_empty_strided "
    "tril_indices triu_indices"
).split()

_QUESTIONS = "_local_scalar_dense item is_nonzero equal _assert_async _assert_scalar _linalg_check_errors".split()


def copy(_operator: Operator) -> Cost:
    """A copy computes nothing: it reads what it is given and writes what it returns.

    >>> from lwprof.graph import operator
    >>> copy(operator("aten::clone", (32, 14, 14), self=(32, 14, 14))).kind
    'copy'
    """
    return Cost("copy")


def overwrite(operator: Operator) -> Cost:
    """``y.copy_(x)`` reads only ``x``; ``y`` is written without being read."""
    source = operator.inputs[1:]
    return Cost("copy", reads=elements(source), read_bytes=width(source))


def lookup(operator: Operator) -> Cost:
    """A look-up reads its indices and the elements that it returns, not the whole table.

    >>> from lwprof.graph import operator
    >>> lookup(operator("aten::embedding", (4, 16), weight=(1000, 16), indices=(4,))).reads
    68
    """
    read = (*operator.inputs[1:], *operator.outputs)
    return Cost("lookup", reads=elements(read), read_bytes=width(read))


def bag(operator: Operator) -> Cost:
    """A bag of look-ups reads one row of the table for every index, and sums or averages them.

    >>> from lwprof.graph import operator
    >>> found = bag(operator("aten::embedding_bag", (2, 16), weight=(1000, 16), indices=(10,), offsets=(2,)))
    >>> found.reads, found.elementwise_ops  # 10 rows of 16, 10 indices, 2 offsets
    (172, 160)
    """
    table, *read = operator.inputs
    rows = numel(read[0]) * table.shape[-1]
    row_bytes = rows * table.bytes // max(table.elements, 1)
    return Cost("lookup", elementwise_ops=rows, reads=elements(read) + rows, read_bytes=width(read) + row_bytes)


def placement(operator: Operator) -> Cost:
    """Values put into a tensor at given places: in place only the places and the values are read.

    The tensor counts as written whole, as everything that is written in place. With ``accumulate`` it is read as
    well, and every value is an addition.

    >>> from lwprof.graph import operator
    >>> made = operator("aten::index_put_", (100, 16), self=(100, 16), indices=[(4,)], values=(4, 16))
    >>> made.effect = "inplace"
    >>> placement(made).reads  # 4 indices, 4*16 values
    68
    """
    if operator.arguments.get("accumulate"):
        return sum_at_places(operator)
    read = operator.inputs[1:] if operator.effect == "inplace" else operator.inputs
    return Cost("copy", reads=elements(read), read_bytes=width(read))


def sum_at_places(operator: Operator) -> Cost:
    """Values added to a tensor at given places: one operation per value.

    >>> from lwprof.graph import operator
    >>> made = operator("aten::index_add_", (100, 16), self=(100, 16), dim=0, index=(4,), source=(4, 16))
    >>> sum_at_places(made).elementwise_ops
    64
    """
    return Cost("arithmetic", elementwise_ops=numel(operator.inputs[-1]))


RULES: dict[str, Rule] = {
    "aten::copy_": overwrite,
    **{f"aten::{name}": copy for name in _COPIES},
    **{f"aten::{name}{suffix}": placement for name in _PLACEMENTS for suffix in ("", "_")},
    **{f"aten::{name}{suffix}": sum_at_places for name in _SUMS_IN_PLACE for suffix in ("", "_")},
    **{f"aten::{name}": lookup for name in _LOOKUPS},
    **dict.fromkeys(("aten::embedding_bag", "aten::_embedding_bag"), bag),
    **{f"aten::{name}": free("makes a constant: no data of the network is read") for name in _FILLS},
    **{f"aten::{name}": free("reads a value for the control flow") for name in _QUESTIONS},
}
