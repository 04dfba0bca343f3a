"""Whether layer times can be believed: what is left unattributed, and whether two runs rank the layers alike.

Each network is profiled with times twice on each backend, one after the other. Of a network's time less than 10 %
may belong to no layer, and Spearman's rank correlation of the layers' times in the two runs is to be 0.9 at least. The
load is printed, since a machine that does other things in between mixes up layers of nearly equal time.
Usage: python benchmarks/layers.py [--network NAME ...] [--backend NAME ...] [--budget SECONDS]
"""

from __future__ import annotations

import argparse
import sys

import pandas

import lwprof
from lwprof.results.layer_times import LayerTimes
from lwprof.timing.environment import load

NETWORKS = ("mbv2", "shufflenetv1")
BACKENDS = ("torch", "onnxruntime")
MOST_UNATTRIBUTED, LEAST_CORRELATION = 0.1, 0.9


def timed(network: str, backend: str, budget_s: float, seed: int) -> LayerTimes:
    """Time a network's layers once."""
    time = lwprof.time_layers(network, backend=backend, budget_s=budget_s, seed=seed).time
    if time is None:
        raise KeyboardInterrupt
    return time


def rank_correlation(first: LayerTimes, second: LayerTimes) -> float:
    """Spearman's, of all layers that either run timed, ties at their mean rank."""
    columns = {
        number: {item.layers: item.median_s for item in run.layers} for number, run in enumerate((first, second))
    }
    ranks = pandas.DataFrame({number: pandas.Series(column) for number, column in columns.items()}).fillna(0.0).rank()
    return float(ranks[0].corr(ranks[1]))


def main() -> int:
    """Print both for every network on every backend, and report whether they held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", action="append", help=f"default: {' and '.join(NETWORKS)}")
    parser.add_argument("--backend", action="append", help=f"default: {' and '.join(BACKENDS)}")
    parser.add_argument("--budget", type=float, default=20.0, help="seconds for each run")
    options = parser.parse_args()
    held = True
    for backend in options.backend or BACKENDS:
        for network in options.network or NETWORKS:
            runs = [timed(network, backend, options.budget, seed) for seed in (0, 1)]
            shares = [run.unattributed.median_s / run.total_s for run in runs]  # as a profile shows it
            alike = rank_correlation(*runs)
            good = max(shares) < MOST_UNATTRIBUTED and alike >= LEAST_CORRELATION
            held &= good
            print(
                f"{network} on {backend}: {len(runs[0].layers)} layers, "
                f"unattributed {' and '.join(f'{100 * share:.1f} %' for share in shares)}, "
                f"rank correlation {alike:.3f}, looking costs "
                f"{' and '.join(f'{100 * (run.observed.ratio - 1):+.1f} %' for run in runs)}, "
                f"{len(runs[0].timing.samples_s)} and {len(runs[1].timing.samples_s)} rounds, load {load()}"
                f"{'' if good else ': missed'}",
                flush=True,
            )
    print("All targets held." if held else "Some targets were missed, see above.")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
