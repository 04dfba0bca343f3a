"""Verdicts on the real clock: one network against itself, and against itself with 5 % more work.

Prints how many of 40 comparisons of a network with itself are not "indistinguishable" (two instances,
wanted: 1 at most), and how often a wrapper that runs it 21 times is called slower than one that runs
it 20 times (wanted: 38 in 40 at least). Exits with 1 where either is missed.
"""

from __future__ import annotations

import argparse
import sys
import time

import torch
from torch import nn

from lwprof.comparison import compare
from lwprof.models import build
from lwprof.results import Relative


class Repeated(nn.Module):
    """Run a network several times in one forward."""

    def __init__(self, network: nn.Module, times: int) -> None:
        super().__init__()
        self.network = network
        self.times = times

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Return every output."""
        return [self.network(image) for _ in range(self.times)]


def against_itself(name: str, side: int, budget_s: float, seed: int) -> Relative:
    """Compare two instances of one network."""
    return compare([f"{name}:resolution={side}"] * 2, budget_s=budget_s, seed=seed).models[1].relative[0]


def against_more_work(name: str, side: int, budget_s: float, seed: int) -> Relative:
    """Compare 20 runs with 21."""
    modules = [Repeated(build(name).eval(), times) for times in (20, 21)]
    return compare(modules, input_size=(3, side, side), budget_s=budget_s, seed=seed).models[1].relative[0]


def main() -> int:
    """Run both and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="mbv2")
    parser.add_argument("--comparisons", type=int, default=40)
    parser.add_argument("--resolution", type=int, default=96, help="of the network against itself")
    parser.add_argument("--repeated-resolution", type=int, default=32, help="of 20 runs against 21")
    parser.add_argument("--budget", type=float, default=4.0, help="seconds a comparison")
    parser.add_argument("--verbose", action="store_true", help="print every ratio")
    options = parser.parse_args()
    missed = False
    for title, against, side, wanted, share in (
        ("against itself", against_itself, options.resolution, "indistinguishable", 39 / 40),
        ("21 runs against 20", against_more_work, options.repeated_resolution, "slower", 38 / 40),
    ):
        start = time.perf_counter()
        found = []
        for seed in range(options.comparisons):
            relative = against(options.network, side, options.budget, seed)
            found.append(relative.verdict)
            if options.verbose:
                low, high = relative.ci95
                print(f"  {seed:2} {relative.ratio:.4f} [{low:.4f}, {high:.4f}] {relative.verdict}", flush=True)
        right = found.count(wanted)
        missed |= right < share * len(found)
        print(
            f"{options.network} at {side}x{side} {title}: {right} of {len(found)} {wanted} "
            f"(wanted {share * len(found):g}), {time.perf_counter() - start:.0f} s",
            flush=True,
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
