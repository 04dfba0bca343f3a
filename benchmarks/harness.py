"""What lwprof's sampling adds to a call: its blocks beside a bare loop, of one ONNX Runtime session in one process.

Both run the same session on the same input, in turn and in random order. The target is that the median of the paired
ratios is within 1 %. Usage: python benchmarks/harness.py [--network NAME] [--calls N]
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

import onnxruntime
import torch

import lwprof
from lwprof.timing.contract import Source
from lwprof.timing.conversions import onnx_export
from lwprof.timing.portable.blocks import Bench, Contender
from lwprof.timing.portable.clock import performance_clock
from lwprof.timing.statistics import ratio_interval

MOST = 0.01
"""Share by which the ratio may differ from 1."""


def bare(session: onnxruntime.InferenceSession, feed: dict[str, object], calls: int) -> float:
    """Time calls as somebody would without lwprof; seconds of one."""
    start = time.perf_counter()
    for _ in range(calls):
        session.run(None, feed)
    return (time.perf_counter() - start) / calls


def main() -> int:
    """Print the ratio and report whether it held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="mbv2")
    parser.add_argument("--calls", type=int, default=400, help="of each, at least")
    options = parser.parse_args()
    clock = performance_clock()
    with tempfile.TemporaryDirectory() as folder:
        image = torch.randn(1, 3, 224, 224)
        onnx_export.write(Source(options.network, lwprof.build(options.network).eval(), (image,)), Path(folder))
        chosen = onnxruntime.SessionOptions()
        chosen.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(Path(folder, onnx_export.FILE)), chosen)
        feed = {session.get_inputs()[0].name: image.numpy()}
        bench = Bench([Contender(options.network, lambda: session.run(None, feed))], clock)
        bench.start(0)
        track = bench.tracks[0]
        for _ in range(20):
            session.run(None, feed)
        rounds = -(-options.calls // track.calls)
        ours, theirs = [], []
        shuffle = random.Random(0).shuffle
        for _ in range(rounds):
            turns = ["lwprof", "bare"]
            shuffle(turns)
            for turn in turns:
                if turn == "lwprof":
                    ours.append(sum(bench.round([0])[0].calls_s) / track.calls)
                else:
                    theirs.append(bare(session, feed, track.calls))
    ratio = ratio_interval(ours, theirs, 0)
    held = abs(ratio.median - 1) <= MOST
    print(f"{options.network} on onnxruntime, {rounds} rounds of {track.calls} call(s) each, interleaved")
    print(f"  lwprof     {1e3 * statistics.median(ours):8.4f} ms a call")
    print(f"  bare loop  {1e3 * statistics.median(theirs):8.4f} ms a call")
    print(f"  median of the paired ratios {ratio.median:.4f} (95 %: {ratio.low:.4f} to {ratio.high:.4f})")
    print("All targets held." if held else "Some targets were missed, see above.")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
