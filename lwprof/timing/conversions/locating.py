"""Locating: the module that runs an operator, for what to say where a runtime lacks it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch.nn.modules import module as modules
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from lwprof.inputs import Values
from lwprof.preservation import open_operators
from lwprof.timing.forwards import called


def where(module: Any, values: Values, operator: str) -> str | None:
    """Path of the first module that runs ``operator``, such as ``aten::relu``; ``None`` if none is seen to.

    The path of the network itself is empty.

    >>> import torch
    >>> where(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.ReLU()), (torch.ones(1, 2, 2),), "aten::relu")
    '1'
    """
    paths = {part: path for path, part in module.named_modules()}
    running: list[str] = []
    dispatched, calls = _Dispatched(operator, running), _Calls(operator, running)
    args, kwargs = called(values)
    with open_operators(), _followed(paths, running), calls, dispatched:
        try:
            module(*args, **kwargs)
        except Exception:  # it is seen as far as it runs
            running.clear()
    return dispatched.path if dispatched.path is not None else calls.path


def named(module: Any, values: Values, operator: str) -> str:
    """Name an operator and the module that runs it.

    >>> import torch
    >>> named(torch.nn.Sequential(torch.nn.ReLU()), (torch.ones(1),), "aten::relu")
    'aten::relu, which 0 runs'
    """
    path = where(module, values, operator)
    if path is None:
        return operator
    return f"{operator}, which {path or 'the network itself'} runs"


@contextmanager
def _followed(paths: Mapping[Any, str], running: list[str]) -> Iterator[None]:
    """Keep the paths of the modules that are running in ``running``, the innermost last."""

    def entered(part: Any, args: Any) -> None:
        running.append(paths[part] if part in paths else running[-1] if running else "")

    def left(part: Any, args: Any, result: Any) -> None:
        running.pop()

    before = modules.register_module_forward_pre_hook(entered)
    after = modules.register_module_forward_hook(left)
    try:
        yield
    finally:
        before.remove()
        after.remove()


class _Dispatched(TorchDispatchMode):
    """Looks for an operator below autograd, where every registered one comes along."""

    def __init__(self, operator: str, running: list[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.path: str | None = None
        self._operator, self._running = operator, running

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self.path is None and func.name().split(".")[0] == self._operator:
            self.path = self._running[-1] if self._running else ""
        return func(*args, **(kwargs or {}))


class _Calls(TorchFunctionMode):
    """Looks for a function of torch that is made of several operators, such as ``aten::einsum``."""

    def __init__(self, operator: str, running: list[str]) -> None:
        super().__init__()
        self.path: str | None = None
        self._name, self._running = operator.removeprefix("aten::"), running

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self.path is None and getattr(func, "__name__", "") == self._name:
            self.path = self._running[-1] if self._running else ""
        return func(*args, **(kwargs or {}))
