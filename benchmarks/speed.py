"""Speed of lwprof itself: beside the counters people use now, with depth, with resolution, at start-up.

Everything is measured in one run; ratios, not times, carry over to other machines.
Usage: python benchmarks/speed.py [--rounds N]
"""

from __future__ import annotations

import argparse
import logging
import random
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from memory import MEASURABLE, added
from torch import nn

import lwprof
from lwprof.architectures import mbv2

BLOCK_S = 0.15
TARGETS = {"torchinfo": 5.0, "thop": 6.0, "fvcore": 13.0}


def counters() -> dict[str, Callable[[], object]]:
    """Every tool as a call on a ready MobileNetV2 of its own at 1x3x224x224: thop leaves 176 buffers in its network."""
    import fvcore.nn
    import thop
    import torchinfo

    logging.getLogger("fvcore").setLevel(logging.ERROR)
    image = torch.zeros(1, 3, 224, 224)
    tools: dict[str, Callable[[nn.Module], object]] = {
        "lwprof": lambda model: lwprof.profile(model, inputs=(image,)),
        "torchinfo": lambda model: torchinfo.summary(model, input_data=image, verbose=0),
        "thop": lambda model: thop.profile(model, inputs=(image,), verbose=False),
        "fvcore": lambda model: fvcore.nn.FlopCountAnalysis(model, image).total(),
    }
    return {name: partial(tool, mbv2().eval()) for name, tool in tools.items()}


def beside_other_tools(rounds: int) -> bool:
    """Interleave all tools, a block of calls of each a round in random order; ratios are taken round by round.

    Blocks are equally long, so that each tool pays for as much of what the one before it left in the caches.
    A call that comes straight after another tool's, which meets nothing in the caches, is shown beside them.
    """
    tools = counters()
    for run in tools.values():
        run(), run()
    first: dict[str, list[float]] = {name: [] for name in tools}
    steady: dict[str, list[float]] = {name: [] for name in tools}
    orders = random.Random(0)
    for _ in range(rounds):
        for name in orders.sample(list(tools), len(tools)):
            first[name].append(seconds(tools[name]))
            calls, start = 0, time.perf_counter()
            while (spent := time.perf_counter() - start) < BLOCK_S:
                tools[name]()
                calls += 1
            steady[name].append(spent / calls)
    print(f"Profiling a ready MobileNetV2, medians of {rounds} rounds (in brackets: the call after another tool's)")
    passed = True
    for name in tools:
        ratio, first_ratio = (
            statistics.median(theirs / ours for theirs, ours in zip(taken[name], taken["lwprof"], strict=True))
            for taken in (steady, first)
        )
        target = TARGETS.get(name)
        verdict = "" if target is None else f"  (at least {target:g}: {'yes' if ratio >= target else 'NO'})"
        passed &= target is None or ratio >= target
        cold = f"({statistics.median(first[name]) * 1e3:.2f} ms, {first_ratio:.2f} x)"
        print(f"  {name:10} {statistics.median(steady[name]) * 1e3:8.2f} ms   {ratio:6.2f} x{verdict}  {cold}")
    return passed


def with_depth() -> bool:
    """Time networks of 100 to 3,000 layers; the time per layer should stay the same."""
    print("Growth with depth")
    per_layer = {}
    for depth in (100, 300, 1000, 3000):
        parts = [nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()) for _ in range(depth // 3)]
        model = nn.Sequential(*parts)
        lwprof.profile(model, input_size=(8, 16, 16))
        taken = min(seconds(lambda model=model: lwprof.profile(model, input_size=(8, 16, 16))) for _ in range(5))
        per_layer[depth] = taken / depth
        print(f"  {depth:5d} layers {taken * 1e3:8.2f} ms   {taken / depth * 1e6:6.1f} µs a layer")
    growth = per_layer[3000] / per_layer[300]
    print(f"  time per layer, 3000 against 300: {growth:.2f} x")
    return growth < 1.5


def memory_at(resolution: int) -> tuple[int, int]:
    """Kilobytes that one profile adds to this process's peak, and its mult-adds."""
    model = mbv2()
    lwprof.profile(model)
    results = []
    size = added(lambda: results.append(lwprof.profile(model, input_size=(3, resolution, resolution))))
    return size, results[0].totals.mult_adds


def with_resolution() -> bool:
    """Peak memory that a profile adds, at 224 and at 4096, each in a fresh process."""
    if not MEASURABLE:
        print("Peak memory added by one profile: measured on Linux only")
        return True
    print("Peak memory added by one profile")
    sizes = {}
    for resolution in (224, 4096):
        argv = [sys.executable, __file__, "--memory", str(resolution)]
        run = subprocess.run(argv, capture_output=True, text=True, check=True)
        sizes[resolution], mult_adds = map(int, run.stdout.split())
        print(f"  {resolution:4d} x {resolution:<4d} {sizes[resolution]:6d} kB   ({mult_adds:,} mult-adds)")
    return sizes[4096] <= sizes[224] + 1024


def at_start() -> bool:
    """Whole-process time of the light commands against ``import torch``, interleaved."""
    command = str(Path(sys.executable).with_name("lwprof"))
    runs = {
        "import torch": [sys.executable, "-c", "import torch"],
        "lwprof --help": [command, "--help"],
        "lwprof list": [command, "list"],
        "lwprof show mbv2": [command, "show", "mbv2"],
    }
    samples: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(8):
        for name, argv in runs.items():
            samples[name].append(seconds(lambda argv=argv: subprocess.run(argv, capture_output=True, check=True)))
    whole = statistics.median(samples["import torch"])
    print("Start-up against importing torch (at most 15 %)")
    passed = True
    for name, taken in samples.items():
        part = statistics.median(taken) / whole
        passed &= name == "import torch" or part <= 0.15
        print(f"  {name:18} {statistics.median(taken) * 1e3:8.1f} ms   {100 * part:5.1f} %")
    return passed


def seconds(run: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> int:
    """Run all parts and report whether every target held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--memory", type=int, metavar="RESOLUTION", help="print what one profile adds there, in kB")
    options = parser.parse_args()
    if options.memory:
        print(*memory_at(options.memory))
        return 0
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    held = [beside_other_tools(options.rounds), with_depth(), with_resolution(), at_start()]
    print("All targets held." if all(held) else "Some targets were missed, see above.")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
