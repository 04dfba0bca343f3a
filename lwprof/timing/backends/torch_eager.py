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
    """Eager PyTorch. Networks are timed in place, and put back as they were."""

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

        from lwprof.preservation import random_state

        with ExitStack() as stack:
            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(options.threads)
            stack.enter_context(random_state())
            torch.default_generator.manual_seed(options.seed)
            kept = stack.enter_context(ExitStack())  # networks are put back last, as ordinary tensors
            stack.enter_context(torch.inference_mode())
            yield EagerSession(kept, options.seed)


class EagerSession:
    """Networks in ``eval()`` for as long as the session lasts; then they are as they were."""

    def __init__(self, kept: ExitStack, seed: int) -> None:
        self._kept = kept
        self._seed = seed

    def prepare(
        self, module: torch.nn.Module, inputs: tuple[TensorSpec, ...], values: Inputs | None = None
    ) -> Callable[[], object]:
        """Put the network in ``eval()`` and allocate its inputs: copies of ``values`` where given."""
        import torch
        from torch.utils._pytree import tree_map_only

        from lwprof.inputs import random_tensors
        from lwprof.preservation import evaluated

        modules = list(module.modules())
        with torch.inference_mode(False):  # what is kept goes back into ordinary tensors
            self._kept.enter_context(evaluated(modules))
            if values is None:
                values = random_tensors(inputs, self._seed)
            else:
                values = tree_map_only(torch.Tensor, lambda tensor: tensor.detach().clone(), values)
        args, kwargs = ((), values) if isinstance(values, Mapping) else (values, {})
        return lambda: module(*args, **kwargs)
