"""The recorder: a dispatch mode that writes down every ATen operator a network runs.

With the autograd keys out of the way, composite operators (conv2d, linear, batch_norm, attention, lstm)
arrive whole; a composite without a cost rule is recorded as what it is made of. On meta tensors nothing
is computed: parameters stay where they are, activations have only shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode

from lwprof.capture.answers import Answer
from lwprof.capture.leaves import Leaf, dispatch_is_plain
from lwprof.capture.plans import PLANS, Overload, Plan, plan_for
from lwprof.capture.tensors import META, Stored, distinct_elements, dtype_name, tensors_in
from lwprof.capture.twins import Twins
from lwprof.costs import has_rule
from lwprof.graph import PACKED, GraphBuilder, Value

_HAS_SHAPE = frozenset({Tensor, nn.Parameter, nn.Buffer})
COMPOSITE = torch._C.DispatchKey.CompositeImplicitAutograd
# Marks that profiling and scripting leave in the stream of operators; they compute nothing.
_IGNORED = ("profiler::", "prim::")


class Recorder(TorchDispatchMode):
    """Records operators into a :class:`GraphBuilder` while a network's forward runs under it.

    Args:
        execute: run operators for real; otherwise activations are meta tensors and nothing is computed.
        find: finds a tensor that no recorded operator made among the network's plain attributes.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # otherwise torch wraps the method, and the first call imports torch._dynamo (a second)

    def __init__(self, execute: bool, find: Callable[[Tensor], Stored | None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.builder = GraphBuilder()
        self.call = -1
        """Index of the module call that is running."""
        self.execute = execute
        self._find = find
        self._value_of: dict[int, Value] = {}
        self._dense: dict[int, Value] = {}  # those that the closed list may answer for
        self._lazy: dict[int, Stored] = {}
        self._alive: list[Any] = []  # a freed tensor's id would be given to another one
        self._twins = Twins()
        self._stale: set[int] = set()  # roots of real tensors written only through their meta twin
        self._before_writes: list[tuple[Tensor, Tensor]] = []

    def value(self, tensor: Tensor) -> Value:
        """Return the value that ``tensor`` holds now; a tensor seen for the first time gets one."""
        value = self._value_of.get(id(tensor))
        if value is None:
            if stored := self._lazy.get(id(tensor)) or self._find(tensor):
                self.add_stored(*stored)
            # while activations are meta, no data can have gone into real numbers, nor into an index
            data = self.execute or (tensor.is_meta and tensor.is_floating_point())
            foreign = "unseen" if data else "constant"
            value = self._value_of.get(id(tensor)) or self.add(tensor, foreign)
        return value

    def add(self, tensor: Tensor, source: str) -> Value:
        """Give a tensor that is neither stored nor made by an operator its value."""
        value = self.builder.value(tuple(tensor.shape), dtype_name(tensor.dtype), source, distinct_elements(tensor))
        self._value_of[id(tensor)] = value
        self._alive.append(tensor)
        return value

    def add_stored(self, module: str, source: str, tensors: Mapping[str, Tensor | None]) -> None:
        """Give the tensors that a module stores their values; a lazy one gets it once it has a shape."""
        values, weight = self._value_of, self.builder.weight
        for key, tensor in tensors.items():
            number = id(tensor)
            if tensor is None or number in values:
                continue
            if type(tensor) not in _HAS_SHAPE and is_lazy(tensor):
                self._lazy.setdefault(number, (module, source, {key: tensor}))
                continue
            dtype, trainable, shape, elements = tensor.dtype, tensor.requires_grad, tuple(tensor.shape), tensor.numel()
            name = f"{module}.{key}" if module else key
            value = values[number] = weight(name, module, shape, dtype_name(dtype), source, trainable, elements)
            if source != "constant" and dtype.is_floating_point and tensor.is_contiguous():
                self._dense[number] = value

    def shapes(self, args: Sequence[Any], kwargs: Mapping[str, Any] | None) -> tuple[tuple[int, ...], ...]:
        """Shapes of the tensors in a call's arguments or results."""
        if len(args) == 1 and not kwargs:
            value = self._value_of.get(id(args[0]))
            if value is not None:
                return (value.shape,)
        return tuple(tuple(tensor.shape) for tensor in tensors_in((args, kwargs or {})))

    def restore_written(self) -> None:
        """Undo what a run wrote into tensors that are not its own."""
        with torch.no_grad():
            for tensor, before in reversed(self._before_writes):
                tensor.copy_(before)
        self._before_writes.clear()

    def __torch_dispatch__(
        self, func: Overload, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Record one operator and return what it returns."""
        plan = PLANS.get(func) or plan_for(func)
        if plan.answer is not None and not self.execute:
            answered = self._answer(plan, plan.answer, args, kwargs or {})
            if answered is not None:
                return answered
        return self._ask_torch(func, plan, args, kwargs or {})

    def symbolic(self, x: Any) -> Value | None:
        """The value of ``x`` where layers may be written down without the way through torch."""
        value = self._dense.get(id(x))
        return value if value is not None and x.is_meta and dispatch_is_plain() else None

    def record_leaf(self, leaf: Leaf, layer: nn.Module, x: Value) -> Value | None:
        """Record the operator of a layer whose operator is known; ``None`` where torch has to be asked."""
        try:
            known = leaf(layer, x, self._dense)
        except KeyError:
            return None
        if known is None:
            return None
        plan, arguments, inputs = known
        shape = plan.answer(*arguments.values()) if plan.answer else None
        return None if shape is None else self._made(plan, arguments, inputs, shape)

    def hold(self, tensor: Tensor, value: Value) -> Tensor:
        """Have ``tensor`` hold a value that an answered operator made."""
        self._value_of[id(tensor)] = self._dense[id(tensor)] = value
        return tensor

    def symbol(self, value: Value) -> Tensor:
        """A new tensor that holds a value that an answered operator made."""
        with torch._C._DisableTorchDispatch():
            tensor = torch.empty(value.shape, dtype=getattr(torch, value.dtype), device=META)
        self._alive.append(tensor)
        return self.hold(tensor, value)

    # The way of the closed list: no operator runs, the shape is known.
    def _answer(self, plan: Plan, answer: Answer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
        dense = self._dense
        inputs: list[Value] = []
        given: list[Any] = []
        for item in args:
            value = dense.get(id(item))
            if value is None:
                if not isinstance(item, Tensor):
                    given.append(tuple(item) if type(item) is list else item)
                    continue
                value = self._dense_value(item)
                if value is None:
                    return None
            inputs.append(value)
            given.append(value)
        if not inputs or (plan.effect == "inplace" and not args[0].is_meta):
            return None
        shape = answer(*given, **kwargs)
        if shape is None:
            return None
        arguments = dict(zip(plan.parameters, given, strict=False)) | kwargs
        made = self._made(plan, arguments, tuple(inputs), shape)
        if made is None:
            return None
        return self.hold(args[0], made) if plan.effect == "inplace" else self.symbol(made)

    def _made(
        self, plan: Plan, arguments: dict[str, Any], inputs: tuple[Value, ...], shape: tuple[int, ...]
    ) -> Value | None:
        """Write an answered operator down and return the value it makes."""
        dtype = inputs[0].dtype
        for value in inputs:
            if value.dtype != dtype:
                return None
        output = (shape, dtype, prod(shape), None if plan.effect == "new" else inputs[0])
        made = self.builder.operator(plan.name, arguments, inputs, (output,), plan.effect, self.call, plan.pointwise)
        return made[0]

    def _dense_value(self, tensor: Tensor) -> Value | None:
        """The value of a contiguous floating tensor that is symbolic: an activation, a parameter, a buffer."""
        value = self._value_of.get(id(tensor)) or self.value(tensor)
        if not tensor.is_floating_point() or not tensor.is_contiguous():
            return None
        if not tensor.is_meta and value.source not in ("parameter", "buffer"):
            return None
        self._dense[id(tensor)] = value
        return value

    # The general way: torch runs the operator, on meta tensors or for real.
    def _ask_torch(self, func: Overload, plan: Plan, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if plan.name.startswith(_IGNORED):
            return func(*args, **kwargs)
        if plan.composite and not has_rule(plan.name):
            with self:
                return func._op_dk(COMPOSITE, *args, **kwargs)
        given = dict(zip(plan.parameters, args, strict=False)) | kwargs
        if plan.name == "aten::lift_fresh":  # torch.tensor(…), a list as index: numbers that stand in the code
            result = func(*args, **kwargs)
            # in a real run, floats may also be data that went through NumPy or a list
            computed = self.execute and result.is_floating_point() and result.numel() > 1
            self.add(result, "unseen" if computed else "constant")
            return result
        if plan.name == "aten::_to_copy" and not self.execute and _only_moves(given):
            return given["self"]
        tensors = list(tensors_in([item for name, item in given.items() if name not in plan.out]))
        arguments = {name: self._described(item) for name, item in given.items() if name != "device"}
        inputs = [self._value_of[id(tensor)] for tensor in tensors]
        packed = [value for item in given.values() for value in self._unpacked(item)]
        targets = [tensor for name in plan.targets for tensor in tensors_in(given.get(name))]
        if self.execute:
            if plan.effect == "inplace":
                self._keep_before_write(targets)
            result = func(*args, **kwargs)
        else:
            result = self._on_meta(func, plan, given, args, kwargs, targets)
        outputs = list(tensors_in(result))
        if plan.effect == "inplace":
            outputs = targets
        elif any(output is tensor for output in outputs for tensor in tensors) and plan.effect == "new":
            return result  # a pass-through: nothing ran
        base = self._value_of.get(id(targets[0])) if targets and plan.effect != "new" else None
        made = self.builder.operator(
            plan.name,
            arguments,
            (*inputs, *packed),
            [
                (
                    tuple(output.shape),
                    dtype_name(output.dtype),
                    distinct_elements(output) if plan.effect == "view" else output.numel(),
                    self._value_of[id(output)] if plan.effect == "inplace" else base,
                )
                for output in outputs
            ],
            plan.effect,
            self.call,
            plan.pointwise,
        )
        for output, value in zip(outputs, made, strict=True):
            self._value_of[id(output)] = value
            self._dense.pop(id(output), None)
            self._alive.append(output)
        return result

    def _described(self, item: Any) -> Any:
        """An argument as the graph keeps it: tensors become values, everything else stays plain."""
        if isinstance(item, Tensor):
            return self.value(item)
        if isinstance(item, list | tuple):
            return tuple(self._described(part) for part in item)
        if item is None or isinstance(item, bool | int | float | str | complex):
            return item
        return str(item)

    def _unpacked(self, item: Any) -> list[Value]:
        """Weights inside a packed (quantised) argument."""
        if not isinstance(item, torch.ScriptObject) or not hasattr(item, "unpack"):
            return []
        found = []
        for tensor in tensors_in(item.unpack()):
            self._alive.append(tensor)
            self.add_stored("", "constant", {f"{PACKED}{len(self.builder.weights)}": tensor})
            found.append(self.value(tensor))
        return found

    def _on_meta(
        self,
        func: Overload,
        plan: Plan,
        given: dict[str, Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        targets: list[Tensor],
    ) -> Any:
        """Run ``func`` on meta twins of its arguments; on the arguments themselves where all are constants."""

        def symbolic(tensor: Tensor) -> bool:
            value = self._value_of[id(tensor)]
            root = self.builder.values[value.root]
            return tensor.is_meta or root.source in ("parameter", "buffer") or value.root in self._stale

        if not any(symbolic(tensor) for tensor in tensors_in(list(given.values()))):
            if plan.effect == "inplace":
                self._keep_before_write(targets)
            return func(*args, **kwargs)
        result = self._twins.run(func, plan, given, args, kwargs)
        if plan.effect != "inplace":
            return result
        self._stale.update(self._value_of[id(target)].root for target in targets if not target.is_meta)
        if isinstance(result, Tensor):
            return targets[0]
        return tuple(targets) if isinstance(result, tuple) else [*targets] if isinstance(result, list) else result

    def _keep_before_write(self, targets: list[Tensor]) -> None:
        """Keep a copy of what is not the run's own memory before it is overwritten."""
        for target in targets:
            root = self.builder.values[self._value_of[id(target)].root]
            if root.source != "operator":
                self._before_writes.append((target, target.detach().clone()))


def _only_moves(given: dict[str, Any]) -> bool:
    """Whether a copy of a meta tensor changes nothing but its device, so that a real run makes none."""
    tensor, dtype = given["self"], given.get("dtype")
    return tensor.is_meta and dtype in (None, tensor.dtype) and given.get("memory_format") is None
