"""Verdicts on the real clock: one network against itself, and against itself with 5 % more work.

Prints how many of 40 comparisons of mbv2 with itself (two instances) are "indistinguishable", wanted:
39 at least, and how often a wrapper that runs a network 21 times is called slower than one that runs it
20 times, wanted: 38 in 40 at least. Exits with 1 where either is missed. The wrappers run SqueezeNet at
32x32, which is so quick that a few seconds hold over a hundred rounds.
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


def against_itself(network: Network, options: argparse.Namespace, seed: int) -> Relative:
    """Compare two instances of one network."""
    pair = [replace(network, module=copy.deepcopy(network.module)) for _ in range(2)]
    return compare(pair, budget_s=options.budget, seed=seed).models[1].relative[0]


def against_more_work(network: Network, options: argparse.Namespace, seed: int) -> Relative:
    """Compare 20 runs with 21, of one instance each."""
    pair = [replace(network, module=Repeated(copy.deepcopy(network.module), times)) for times in (20, 21)]
    return compare(pair, budget_s=options.repeated_budget, seed=seed).models[1].relative[0]


def main() -> int:
    """Run both and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--comparisons", type=int, default=40)
    parser.add_argument("--network", default="mbv2:resolution=96", help="to compare with itself")
    parser.add_argument("--budget", type=float, default=3.0, help="seconds for one such comparison")
    parser.add_argument("--repeated", default="squeezenet:version=1.1,resolution=32", help="to run 20 and 21 times")
    parser.add_argument("--repeated-budget", type=float, default=8.0, help="seconds for one such comparison")
    parser.add_argument("--verbose", action="store_true", help="print every ratio")
    options = parser.parse_args()
    missed = False
    for spec, title, against, wanted, share in (
        (options.network, "against itself", against_itself, "indistinguishable", 39 / 40),
        (options.repeated, "21 times against 20 times", against_more_work, "slower", 38 / 40),
    ):
        start = time.perf_counter()
        network = resolve(spec)
        found = []
        for seed in range(options.comparisons):
            relative = against(network, options, seed)
            found.append(relative.verdict)
            if options.verbose:
                low, high = relative.ci95
                print(f"  {seed:2} {relative.ratio:.4f} [{low:.4f}, {high:.4f}] {relative.verdict}", flush=True)
        right = found.count(wanted)
        missed |= right < share * len(found)
        print(
            f"{spec} {title}: {right} of {len(found)} {wanted} "
            f"(wanted {share * len(found):g}), {time.perf_counter() - start:.0f} s",
            flush=True,
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
