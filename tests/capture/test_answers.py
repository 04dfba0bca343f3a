"""Every direct answer against torch's own: the same shape, or torch is asked and words the error."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from function_networks import Forward
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from lwprof.capture import capture
from lwprof.capture.answers import ANSWERS
from lwprof.errors import InputError

few = settings(max_examples=60)
shapes = st.lists(st.integers(0, 5), min_size=1, max_size=4).map(tuple)
maps = st.tuples(st.integers(0, 2), st.integers(1, 6), st.integers(1, 9), st.integers(1, 9))
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


def check(function, *inputs: tuple[int, ...], **parameters: tuple[int, ...]) -> None:
    """Capture on meta tensors must give the shape that computing gives, or fail as computing fails."""
    module = Forward(function, **{name: nn.Parameter(torch.zeros(shape)) for name, shape in parameters.items()})
    given_tensors = tuple(torch.zeros(shape) for shape in inputs)
    try:
        with torch.no_grad():
            expected = tuple(module(*(tensor.clone() for tensor in given_tensors)).shape)
    except Exception as error:
        with pytest.raises(InputError, match=type(error).__name__):
            capture(module, given_tensors)
        return
    graph = capture(module, given_tensors)
    assert graph.outputs[0].shape == expected
    assert not graph.input_dependent


@few
@given(maps, st.integers(1, 6), st.sampled_from([1, 2, 3]), pairs, pairs, st.integers(-1, 3), pairs, st.booleans())
def test_conv2d(shape, out, groups, kernel, stride, padding, dilation, bias) -> None:
    weight = (out * groups, max(shape[1] // groups, 1), *kernel)
    check(
        lambda m, x: F.conv2d(x, m.w, m.b if bias else None, stride, padding, dilation, groups),
        shape, w=weight, b=(out * groups,),
    )  # fmt: skip


@pytest.mark.parametrize(
    "call",
    [
        lambda m, x: F.conv2d(x, m.w, stride=0),
        lambda m, x: F.conv2d(x, m.w, dilation=0),
        lambda m, x: F.conv2d(x, m.w, padding=-1),
        lambda m, x: F.conv2d(x, m.w, m.long),
        lambda m, x: F.conv2d(x, m.w, groups=2),
        lambda m, x: F.conv2d(x, m.odd, groups=2),
        lambda m, x: F.conv2d(x[:, :2], m.w),
        lambda m, x: F.conv2d(x[:, :, :2], m.w),
        lambda m, x: F.linear(x, m.w[..., 0, 0], m.b),
        lambda m, x: F.linear(x[..., :4], m.w[..., 0, 0], m.long),
        lambda m, x: F.batch_norm(x, m.b, m.b, m.long, m.b),
        lambda m, x: F.batch_norm(x, m.long, m.long),
        lambda m, x: nn.BatchNorm1d(4)(x),
        lambda m, x: x + m.long[:, None, None],
        lambda m, x: x.add_(m.long),
        lambda m, x: x.mul_(x[None]),
        lambda m, x: x[:1].add_(torch.ones(2, 4, 6, 6)),
        lambda m, x: x.view(-1, -1),
        lambda m, x: x.view(-2, -144),
        lambda m, x: x.view(5, -1),
        lambda m, x: x.transpose(1, 2).view(-1),
        lambda m, x: F.adaptive_avg_pool2d(x, (-1, 2)),
    ],
)
def test_errors_are_torchs_own(call) -> None:
    check(call, (2, 4, 6, 6), w=(4, 4, 3, 3), odd=(5, 2, 1, 1), b=(4,), long=(5,))


@few
@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.integers(1, 4), st.booleans(), st.booleans())
def test_linear(shape, out, bias, fits) -> None:
    check(
        lambda m, x: F.linear(x, m.w, m.b if bias else None),
        tuple(shape), w=(out, shape[-1] + (not fits)), b=(out,),
    )  # fmt: skip


@few
@given(shapes, st.sampled_from([0, 1]), st.integers(1, 5))
def test_batch_norm(shape, wrong, channels) -> None:
    assume(shape[1:2] != (0,))
    channels = channels if wrong or len(shape) < 2 else shape[1]
    check(lambda m, x: F.batch_norm(x, m.v, m.v.abs(), m.v, m.v), shape, v=(channels,))


@few
@given(
    st.sampled_from(["add", "sub", "mul", "div", "add_", "mul_"]),
    shapes,
    st.lists(st.sampled_from(["same", "one", "more"]), min_size=4, max_size=4),
    st.integers(0, 4),
)
def test_arithmetic(name, shape, kinds, dropped) -> None:
    other = tuple({"same": n, "one": 1, "more": n + 1}[kind] for n, kind in zip(shape, kinds, strict=False))
    check(lambda m, x, y: getattr(x * 1, name)(y), shape, other[dropped:] if dropped < len(other) else other)


@few
@given(st.sampled_from(["add", "sub", "mul", "div"]), shapes, st.sampled_from([2, 2.5, True, 1j]))
def test_arithmetic_with_numbers(name, shape, number) -> None:
    if name == "sub" and number is True:
        number = 1
    module = Forward(lambda m, x: getattr(x, name)(number))
    x = torch.ones(shape)
    (value,) = capture(module, (x,)).outputs
    expected = module(x)
    assert (value.shape, value.dtype) == (tuple(expected.shape), str(expected.dtype).removeprefix("torch."))


SAME = [
    name.removeprefix("aten::") for name, answer in ANSWERS.items() if answer.__name__ == "same" and "norm" not in name
]


@pytest.mark.parametrize("name", SAME)
def test_activations_keep_their_shape(name: str) -> None:
    for shape in ((), (0,), (3,), (2, 3, 4), (1, 2, 3, 4, 5)):
        check(lambda m, x: getattr(torch.ops.aten, name)(x * 1), shape)


@few
@given(shapes, st.lists(st.integers(-2, 6), min_size=1, max_size=4))
def test_view(shape, size) -> None:
    check(lambda m, x: x.view(size), shape)


@few
@given(maps, st.tuples(st.integers(0, 4), st.integers(0, 4)))
def test_adaptive_average_pooling(shape, size) -> None:
    check(lambda m, x: F.adaptive_avg_pool2d(x, size), shape)


def test_the_list_is_tested_whole() -> None:
    tested = {"conv2d", "linear", "batch_norm", "view", "adaptive_avg_pool2d"}
    tested |= {"add", "sub", "mul", "div", "add_", "mul_", *SAME}
    assert {name.removeprefix("aten::") for name in ANSWERS} == tested


@pytest.mark.parametrize("layout", ["transposed", "channels last", "expanded", "sliced"])
def test_tensors_that_are_not_contiguous_keep_their_layout(layout: str) -> None:
    def laid_out(x):
        return {
            "transposed": lambda: x.transpose(2, 3),
            "channels last": lambda: x.contiguous(memory_format=torch.channels_last),
            "expanded": lambda: x[:, :1].expand(2, 4, 6, 6),
            "sliced": lambda: x[:, :, ::2],
        }[layout]()

    def forward(m, x):
        return F.conv2d(laid_out(x), m.w).relu().flatten(2).transpose(1, 2).reshape(-1).view(-1)

    x, module = torch.zeros(2, 4, 6, 6), Forward(forward, w=nn.Parameter(torch.zeros(4, 4, 1, 1)))
    meta, real = capture(module, (x,)), capture(module, (x,), real=True)
    assert meta.operators == real.operators
