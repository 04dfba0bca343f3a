"""PyTorch in eager mode on the CPU: ``eval()`` and ``inference_mode``, threads pinned."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from lwprof.results import TensorSpec
from lwprof.timing.backends.contract import Inputs, Options

if TYPE_CHECKING:
    import torch


class TorchEager:
    """Eager PyTorch. Networks are timed in place; their training flags are put back."""

    name = "torch"
    devices = ("cpu",)

    def unavailable(self) -> str | None:
        """Say that torch is missing, if it is."""
        return None if importlib.util.find_spec("torch") else "torch is not installed: pip install torch"

    def versions(self) -> dict[str, str]:
        """Version of torch."""
        return {"torch": importlib.metadata.version("torch")}

    @contextmanager
    def session(self, options: Options) -> Iterator[EagerSession]:
        """Pin the threads and enter ``inference_mode`` until the context ends."""
        import torch

        with ExitStack() as stack:
            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(options.threads)
            stack.enter_context(torch.inference_mode())
            yield EagerSession(stack, options.seed)


class EagerSession:
    """Networks in ``eval()`` for as long as the session lasts."""

    def __init__(self, stack: ExitStack, seed: int) -> None:
        self._stack = stack
        self._seed = seed

    def prepare(
        self, module: torch.nn.Module, inputs: tuple[TensorSpec, ...], values: Inputs | None = None
    ) -> Callable[[], object]:
        """Put the network in ``eval()`` and allocate its inputs."""
        self._stack.callback(_put_back, [(part, part.training) for part in module.modules()])
        module.eval()
        if values is None:
            values = random_inputs(inputs, self._seed)
        args, kwargs = ((), values) if isinstance(values, Mapping) else (values, {})
        return lambda: module(*args, **kwargs)


def random_inputs(inputs: tuple[TensorSpec, ...], seed: int) -> tuple[torch.Tensor, ...]:
    """Draw standard normal tensors, and integers of 0 or 1, which index any table."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    tensors = []
    for spec in inputs:
        dtype: torch.dtype = getattr(torch, spec.dtype)
        if dtype.is_complex:
            tensors.append(torch.randn(spec.shape, dtype=torch.complex64, generator=generator).to(dtype))
        elif dtype.is_floating_point:
            tensors.append(torch.randn(spec.shape, generator=generator).to(dtype))
        else:
            tensors.append(torch.randint(0, 2, spec.shape, generator=generator).to(dtype))
    return tuple(tensors)


def _put_back(flags: list[tuple[torch.nn.Module, bool]]) -> None:
    for part, training in flags:
        part.training = training
