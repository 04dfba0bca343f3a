"""How much faster networks run on the runtimes that people deploy with, and that these order them otherwise.

Everything is timed in the same interleaved rounds, by `lwprof compare`. The target is that ONNX Runtime is at least
twice as fast as eager torch for mbv2 and shufflenetv2, and faster for mbv1.
Usage: python benchmarks/backends.py [--budget SECONDS]
"""

from __future__ import annotations

import argparse
import sys

import lwprof

NETWORKS = ("mbv1", "mbv2", "shufflenetv2")
BACKENDS = ("torch", "onnxruntime", "ncnn")
LEAST = {"mbv1": 1.0, "mbv2": 2.0, "shufflenetv2": 2.0}
"""Eager torch's time in times of ONNX Runtime's."""


def main() -> int:
    """Print the ratios and report whether they held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=float, default=30.0)
    options = parser.parse_args()
    result = lwprof.compare(list(NETWORKS), backend=BACKENDS, budget_s=options.budget)
    held = not result.failure
    print(
        f"Times that eager torch takes, one thread, in those of the same network on another backend ({BACKENDS[0]} = 1)"
    )
    for model in result.models:
        name = model.model.name
        for untimed in model.untimed:
            held = False
            print(f"  {name:13} {untimed.setting}: {untimed.reason}")
        for timing in model.timings:
            ratio = model.across_of(timing)
            median = f"{1e3 * timing.median_s:8.2f} ms"
            if ratio is None:
                print(f"  {name:13} {timing.setting:12} {median}")
                continue
            faster = 1 / ratio.ratio
            low, high = (1 / bound for bound in reversed(ratio.ci95))
            print(
                f"  {name:13} {timing.setting:12} {median}  {faster:5.2f} times faster (95 %: {low:.2f} to {high:.2f})"
            )
            if timing.backend == "onnxruntime":
                held &= faster >= LEAST[name] and low > 1
    print("All targets held." if held else "Some targets were missed, see above.")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
