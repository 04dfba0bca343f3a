"""Probes: what a machine's ceilings are measured by, large products and plain traffic.

Products run through a backend, as any network does. Traffic is torch's own, on the same threads and cores: what
reads and writes memory there is as good for every runtime.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, repeat

from lwprof.results.networks import TensorSpec
from lwprof.timing.contract import Options
from lwprof.timing.portable.blocks import Contender
from lwprof.timing.preparation import Subject

MATMUL, POINTWISE, DENSE, WIDER = "matmul", "1x1 convolution", "3x3 convolution", "5x5 convolution"
"""How the names of products begin."""

IN_MEMORY, IN_CACHE = "in memory", "in a cache"
"""How the names of traffic end."""

BEYOND, LEAST_BEYOND = 4, 2
"""What is to miss the last cache is so many times as large; where that is much memory, at least so many times."""

LEAST_BYTES, MOST_BYTES = 64 * 2**20, 256 * 2**20
"""Of one array beyond the last cache, if that is large enough."""

PIECES = 16
"""That such an array is gone through in, on a CPU."""

NEAR_BYTES = (256 * 2**10, 2**20)
"""Of arrays that stay in a cache, for each thread."""


@dataclass(frozen=True, slots=True)
class Product:
    """A network with nothing in it but one large product."""

    subject: Subject
    mult_adds: int


@dataclass(frozen=True, slots=True)
class Stream:
    """Plain traffic."""

    contender: Contender
    bytes: int
    """Read plus written."""


def products(options: Options) -> Iterator[Product]:
    """Make the networks: some milliseconds on one core, larger with more threads, and on a GPU.

    They are large enough to be bound by computing, and short enough to be done between two interruptions: of products
    that took 10 to 25 ms on a busy machine, the best of dozens was half as fast as those of 2 ms.
    """
    from torch import nn

    on_gpu = options.device != "cpu"
    images = 32 if on_gpu else -(-options.threads // 2)
    rows, wide = (4096, 4096) if on_gpu else (512 * images, 512)
    linear = nn.Linear(wide, wide, bias=False)
    name = f"{MATMUL} {rows}x{wide}x{wide}"
    yield Product(Subject(name, linear, (TensorSpec((rows, wide), "float32"),)), rows * wide * wide)
    for kind, channels, kernel in ((POINTWISE, 256, 1), (DENSE, 128, 3), (WIDER, 64, 5)):
        module = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=False)
        name = f"{kind} {channels} to {channels} at 28x28" + (f", batch {images}" if images > 1 else "")
        mult_adds = images * 28 * 28 * channels * channels * kernel * kernel
        yield Product(Subject(name, module, (TensorSpec((images, channels, 28, 28), "float32"),)), mult_adds)


def streams(options: Options, cache_bytes: int) -> Sequence[Stream]:
    """Make the traffic, its arrays touched before.

    A copy reads two lines for every one it writes, where the machine fetches what is written over; so an update in
    place and plain reading are tried as well, and the best of them counts.
    """
    import torch

    far = max(min(max(BEYOND * cache_bytes, LEAST_BYTES), MOST_BYTES), LEAST_BEYOND * cache_bytes)
    end = torch.cuda.synchronize if options.device == "cuda" else None
    arrays = [torch.ones(far // 4, device=options.device) for _ in range(2)]
    pieces: list[Iterator[torch.Tensor]]
    if options.device == "cpu":  # by the piece, which is done between two interruptions; all others come in between
        pieces = [cycle(array.chunk(PIECES)) for array in arrays]
        piece = far // PIECES
    else:
        pieces, piece = [repeat(array) for array in arrays], far
    (source, target), name = pieces, f"through {_amount(far)}, {IN_MEMORY}"
    found = [
        _stream(f"copy {name}", 2 * piece, end, lambda: next(target).copy_(next(source))),
        _stream(f"reading {name}", piece, end, lambda: next(source).sum()),
        _stream(f"update {name}", 2 * piece, end, lambda: next(target).neg_()),
    ]
    for size in NEAR_BYTES:
        near, other = (torch.ones(size * options.threads // 4, device=options.device) for _ in range(2))
        name, moved = f"of {_amount(4 * near.numel())}, {IN_CACHE}", 8 * near.numel()
        found += [
            _stream(f"copy {name}", moved, end, partial(other.copy_, near)),
            _stream(f"update {name}", moved, end, near.neg_),
        ]
    return found


def _stream(name: str, size: int, end: Callable[[], object] | None, run: Callable[[], object]) -> Stream:
    def ended() -> None:
        run()
        if end is not None:
            end()

    return Stream(Contender(name, run if end is None else ended), size)


def _amount(size: int) -> str:
    return f"{size // 2**20} MiB" if size >= 2**20 else f"{size // 2**10} KiB"
