"""Whether anything passes its roof: every network of the catalogue and all of their layers, on two runtimes.

The ceilings are the best that this machine was ever seen to attain, so nothing can pass them. A network above its roof,
or a layer more than 5 % above it without a mark that explains it, shows that a count or a clock is wrong; the exit code
is then 1. Usage: python benchmarks/roofline.py [--network NAME ...] [--backend NAME ...] [--budget SECONDS]
"""

from __future__ import annotations

import argparse
import sys

import lwprof
from lwprof.models import catalog

BACKENDS = ("torch", "onnxruntime")
NEAREST = 3
"""Layers to show of each network."""


def main() -> int:
    """Print how near to their roofs networks and layers come, and report whether nothing passes them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", action="append", help="default: all of the catalogue")
    parser.add_argument("--backend", action="append", help=f"default: {' and '.join(BACKENDS)}")
    parser.add_argument("--budget", type=float, default=1.5, help="seconds for each network on each backend")
    options = parser.parse_args()
    networks = options.network or list(catalog.entries())
    backends = options.backend or BACKENDS
    held = True
    for backend in backends:
        result = lwprof.roofline(networks, backend=backend, budget_s=options.budget * len(networks))
        for setting, roofs in result.ceilings.items():
            print(
                f"{setting}: {roofs.mult_adds_per_s / 1e9:.1f} G mult-adds/s, {roofs.bytes_per_s / 1e9:.1f} GB/s, "
                f"{roofs.cache_bytes_per_s / 1e9:.0f} GB/s in a cache; 3x3 by Winograd: {roofs.winograd}"
            )
        for item in result.untimed:  # adder layers are no operators of ONNX
            print(f"  {item.setting}: {item.reason}")
        held &= bool(result.models)
        for model in result.models:
            held &= model.share <= 1
            nearest = sorted(model.layers, key=lambda layer: layer.share, reverse=True)[:NEAREST]
            shares = ", ".join(f"{layer.layers[0]} {layer.share:.2f}{'!' * layer.is_above}" for layer in nearest)
            print(f"  {model.name:20} {model.share:5.2f} of its roof ({model.bound}); layers: {shares}")
        for model, place in result.above:
            held = False
            print(f"  above its roof: {model.name} {getattr(place, 'layers', '')}: {place.share:.3f} of it")
    print("All targets held." if held else "Some targets were missed, see above.")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
