"""PyTorch's CUDA graphs: one forward is captured, and a call replays it.

The kernels are those of eager mode; what they leave out is launching them one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lwprof.errors import BackendError, first_line
from lwprof.timing import cuda
from lwprof.timing.backends.torch_eager import TorchEager, placed
from lwprof.timing.contract import Loaded, Options, Source

if TYPE_CHECKING:
    from lwprof.inputs import Values

WARMUPS = 3
"""Calls before the capture, on a stream beside, in which libraries allocate and try algorithms."""


class TorchCudaGraphs(TorchEager):
    """Eager PyTorch's kernels, replayed."""

    name = "torch-cudagraphs"
    devices = ("cuda",)

    def is_reference(self, options: Options) -> bool:
        """Never."""
        return False

    def observes(self, device: str) -> bool:
        """Never: a graph is launched as a whole."""
        return False

    def load(self, source: Source, options: Options, folder: Path | None) -> Loaded:
        """Capture a forward on inputs that stay where they are.

        Raises:
            BackendError: it cannot be copied, or captured.
        """
        import torch
        from torch.utils._pytree import tree_leaves

        network, held = placed(source, options)
        cuda.multiply(options.dtype == cuda.TF32)
        device = torch.cuda
        beside = device.Stream()
        beside.wait_stream(device.current_stream())
        with device.stream(beside):
            for _ in range(WARMUPS):
                network.run()
        device.current_stream().wait_stream(beside)
        device.synchronize()
        device.reset_peak_memory_stats()
        others = device.memory_allocated()
        graph = device.CUDAGraph()
        try:
            with device.graph(graph):
                result = network.run()
        except RuntimeError as error:
            reason = f"{source.label} cannot be captured in a CUDA graph: {first_line(error)}"
            raise BackendError(reason) from error
        peak = held + device.max_memory_allocated() - others

        def fed(*args: Any, **kwargs: Any) -> Any:
            place = network.placement.values
            given = tree_leaves((tuple(place(args)), place(kwargs)))
            for kept, new in zip(tree_leaves((tuple(network.args), network.kwargs)), given, strict=True):
                if isinstance(kept, torch.Tensor):
                    kept.copy_(new)
            graph.replay()
            return result

        def outputs(values: Values) -> Sequence[Any]:
            from lwprof.timing import forwards

            found = forwards.outputs(fed, values)
            forwards.outputs(fed, source.values)  # what is timed runs on the source's inputs
            return found

        calls = cuda.Calls(graph.replay, device, peak=peak)
        return cuda.loaded(calls, outputs, options)
