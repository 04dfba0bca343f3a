"""The adder layer beside the form that its definition suggests, forward and backward: time and memory.

The naive form makes a tensor of every filter against every receptive field, as the paper's authors publish it. Both
compute the same layer, 56x56 maps of 64 channels with 3x3 filters, in turn, on one thread; forward must give the same.
Memory is what one call adds to a fresh process, by Linux's account. Usage: python benchmarks/adder.py [--rounds N]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

import torch
import torch.nn.functional as F
from memory import MEASURABLE, added
from torch import Tensor

from lwprof.architectures.adder import adder2d

CHANNELS, SIDE = 64, 56
MEGABYTES = 200
"""What a forward may take at most."""


def naive(x: Tensor, weight: Tensor) -> Tensor:
    """Minus the sum of absolute differences, over a tensor (O, C x 9, positions)."""
    fields = F.unfold(x, 3, padding=1)[0]
    return -(weight.flatten(1).unsqueeze(2) - fields.unsqueeze(0)).abs().sum(1).view(1, -1, SIDE, SIDE)


def ours(x: Tensor, weight: Tensor) -> Tensor:
    """The same through the operator."""
    return adder2d(x, weight, 1, 1)


FORMS = {"naive": naive, "lwprof": ours}


def layer() -> tuple[Tensor, Tensor]:
    """Maps and filters."""
    torch.manual_seed(0)
    return torch.randn(1, CHANNELS, SIDE, SIDE), torch.randn(CHANNELS, CHANNELS, 3, 3)


def seconds(form: str, backward: bool) -> float:
    """Time one forward, or one with its backward."""
    x, weight = (tensor.requires_grad_(backward) for tensor in layer())
    start = time.perf_counter()
    out = FORMS[form](x, weight)
    if backward:
        out.backward(torch.ones_like(out))
    return time.perf_counter() - start


def forward_memory(form: str) -> int:
    """Kilobytes that a forward adds to this process's peak."""
    x, weight = layer()
    adder2d(x[:, :, :4, :4], weight, 1, 1)
    with torch.inference_mode():
        return added(lambda: FORMS[form](x, weight))


def main() -> int:
    """Print both and report whether ours is faster and within its memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--memory", choices=FORMS, help="print what one forward of this form adds, in MB")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.memory:
        print(forward_memory(options.memory) // 1024)
        return 0
    x, weight = layer()
    expected = naive(x, weight)
    held = bool((ours(x, weight) - expected).abs().max() <= 1e-4 * expected.abs().max())
    print(f"Adder layer, {CHANNELS} channels of {SIDE}x{SIDE}, 3x3, one thread, medians of {options.rounds} rounds")
    for backward in (False, True):
        taken: dict[str, list[float]] = {form: [] for form in FORMS}
        for _ in range(options.rounds):
            for form in FORMS:
                taken[form].append(seconds(form, backward))
        medians = {form: statistics.median(values) for form, values in taken.items()}
        ratio = medians["naive"] / medians["lwprof"]
        held &= ratio > 1
        title = "forward and backward" if backward else "forward"
        text = ", ".join(f"{form} {1e3 * median:.0f} ms" for form, median in medians.items())
        print(f"  {title:21} {text}: {ratio:.1f} times faster")
    for form in FORMS if MEASURABLE else ():
        command = [sys.executable, __file__, "--memory", form]
        size = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        held &= form == "naive" or size < MEGABYTES
        print(f"  memory of a forward, {form:6} {size:5d} MB")
    print("All targets held." if held else "Some targets were missed, see above.")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
