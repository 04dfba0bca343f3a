"""Verdicts on the real clock: one network against itself, and against itself with 5 % more work.

Prints how many of 40 comparisons of two instances of mbv2 at 224x224 are "indistinguishable", wanted:
39 at least; and how many of 40 comparisons of a wrapper that runs SqueezeNet 1.1 20 times with one that
runs it 21 times say "slower", wanted: 38 at least. Exits with 1 where either is missed. Takes up to 25 minutes of
a machine that does nothing else; the load at the end of each part is printed. With more to do than
there are cores, a difference of 5 % is missed more often.

A verdict of 5 % needs an interval that ends above the margin of 1 %, so narrower than 4 % on either
side, and for 38 times of 40 a standard error of about 1 %. Ratios on a shared machine scatter by 10 %:
that is some two hundred rounds. 41 runs of mbv2 take about a second at 224x224, and two hundred rounds of
40 comparisons more than two hours. The wrappers therefore run a network with few operators at 64x64.

Usage: python benchmarks/verdicts.py [--quick], which compares mbv2 at 96x96 with itself and gives each
comparison less time: seven minutes.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from dataclasses import replace

import torch
from torch import nn

from lwprof.comparison import compare
from lwprof.models import Network, resolve
from lwprof.results.latency import Relative
from lwprof.timing.environment import load


class Repeated(nn.Module):
    """Run a network several times in one forward."""

    def __init__(self, network: nn.Module, times: int) -> None:
        super().__init__()
        self.network = network
        self.times = times

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Return every output."""
        return [self.network(image) for _ in range(self.times)]


def against_itself(network: Network, budget_s: float, seed: int) -> Relative:
    """Compare two instances of one network."""
    pair = [replace(network, module=copy.deepcopy(network.module)) for _ in range(2)]
    return compare(pair, budget_s=budget_s, seed=seed).models[1].relative[0]


def against_more_work(network: Network, budget_s: float, seed: int) -> Relative:
    """Compare 20 runs with 21, of one instance each."""
    pair = [replace(network, module=Repeated(copy.deepcopy(network.module), times)) for times in (20, 21)]
    return compare(pair, budget_s=budget_s, seed=seed).models[1].relative[0]


def main() -> int:
    """Run both and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comparisons", type=int, default=40)
    parser.add_argument("--quick", action="store_true", help="less time for each comparison")
    parser.add_argument("--verbose", action="store_true", help="print every ratio")
    options = parser.parse_args()
    alone, alone_s = ("mbv2:resolution=96", 3.0) if options.quick else ("mbv2", 10.0)
    repeated, repeated_s = "squeezenet:version=1.1,resolution=64", 8.0 if options.quick else 25.0
    missed = False
    for spec, title, against, budget_s, wanted, share in (
        (alone, "against itself", against_itself, alone_s, "indistinguishable", 39 / 40),
        (repeated, "21 times against 20 times", against_more_work, repeated_s, "slower", 38 / 40),
    ):
        start = time.perf_counter()
        network = resolve(spec)
        found = []
        for seed in range(options.comparisons):
            relative = against(network, budget_s, seed)
            found.append(relative.verdict)
            if options.verbose:
                low, high = relative.ci95
                print(f"  {seed:2} {relative.ratio:.4f} [{low:.4f}, {high:.4f}] {relative.verdict}", flush=True)
        right = found.count(wanted)
        missed |= right < share * len(found)
        print(
            f"{spec} {title}: {right} of {len(found)} {wanted} "
            f"(wanted {share * len(found):g}), {time.perf_counter() - start:.0f} s, load {load()}",
            flush=True,
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
