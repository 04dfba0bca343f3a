"""How instructions on an emulated core rank networks, against speeds that were measured on a real one.

Table 8 of the ShuffleNetV2 paper (arXiv 1807.11164) has images per second of many networks on a Snapdragon 810, one
thread. Its big cores are Cortex-A57; cortex-a72, their successor, stands in for them. For those of the networks that
the catalogue has, this prints mult-adds, memory access and executed instructions, and the rank correlation of each
with the paper's time for an image: over all, and inside each of the table's groups of like mult-adds. The aims are 0.97
over all for instructions, more than mult-adds have inside the groups, and less than a minute of processor time for
each of them. Then the rest of the catalogue is counted, at its defaults.

Usage: python benchmarks/arm.py [--core CORE] [--dtype DTYPE] [--jobs N] [--table-8] [--anew]
Results are written down one by one in build/arm.jsonl; what stands there already, counted by the same versions, is
not counted again. Load does not change a count, so two networks are counted at a time.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import pandas

import lwprof
from lwprof.experiments.table8 import TABLE_8, Row
from lwprof.models import catalog
from lwprof.timing.devices import CORES

RESULTS = Path(__file__).resolve().parents[1] / "build" / "arm.jsonl"
MOST_SECONDS = 60

PRINTED = "mflops"
NUMBERS = {
    "mult_adds": "mult-adds",
    "paper_elements": "memory access, paper",
    "eager_elements": "memory access, eager",
    "fused_elements": "memory access, fused",
    "total": "instructions",
}
"""What is correlated, and what it is called."""
CLASSES = {
    "vector_fma": "FMA", "vector_load": "v load", "vector_store": "v store", "vector_other": "v other",
    "scalar": "scalar", "branch": "branch", "load": "load", "store": "store",
}  # fmt: skip
Record = dict[str, Any]


class Counter:
    """Counts networks, each by a command of its own, and writes down what came of them."""

    def __init__(self, core: str, dtype: str, results: Path = RESULTS) -> None:
        self.results = results
        versions = {"lwprof": lwprof.__version__, "ncnn": importlib.metadata.version("ncnn")}
        self.made_by = {"core": core, "dtype": dtype} | versions

    def known(self) -> dict[str, Record]:
        """What was counted before, by network; a line that was cut off is none."""
        found: dict[str, Record] = {}
        for line in self.results.read_text().splitlines() if self.results.exists() else ():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if self.made_by.items() <= record.items():
                found[record["spec"]] = record
        return found

    def count(self, spec: str) -> Record:
        """Count one network; the record of one that cannot be counted has a reason and no numbers."""
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            file, said = Path(folder) / "result.json", Path(folder) / "errors.txt"
            device, dtype = f"arm-emulated:{self.made_by['core']}", self.made_by["dtype"]
            command = [sys.executable, "-P", "-m", "lwprof", "compare", spec, "--device", device, "--dtype", dtype]
            with said.open("w") as errors:
                process = subprocess.Popen(
                    [*command, "-o", str(file)],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
                )  # fmt: skip
                _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            record: Record = self.made_by | {
                "spec": spec,
                "seconds": round(time.perf_counter() - start, 1),
                "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
            }
            if not file.exists():
                return record | {"reason": (said.read_text().strip().splitlines() or ["no result"])[-1]}
            (model,) = lwprof.load(file).to_dict()["models"]
        if not model["timings"]:
            reason = next((item["reason"] for item in model["untimed"]), f"exit code {process.returncode}")
            return record | {"reason": reason}
        (counted,) = model["timings"]
        totals = {"mult_adds": model["totals"]["mult_adds"], **model["totals"]["memory_access"]}
        record |= {name: totals[name] for name in NUMBERS if name in totals} | counted["instructions"]
        with self.results.open("a") as lines:
            lines.write(json.dumps(record) + "\n")
        return record

    def counted(self, specs: Sequence[str], jobs: int) -> Iterator[Record]:
        """Count networks side by side; what was counted before comes first."""
        self.results.parent.mkdir(exist_ok=True)
        known = self.known()
        yield from (known[spec] for spec in specs if spec in known)
        with ThreadPoolExecutor(jobs) as pool:
            work = [pool.submit(self.count, spec) for spec in specs if spec not in known]
            try:
                for item in as_completed(work):
                    yield item.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


def table(records: Sequence[Mapping[str, Any]], rows: Mapping[str, Row]) -> str:
    """Lay records out, in millions."""
    columns = [
        "network",
        "MFLOPs",
        "mult-adds",
        "paper",
        "eager",
        "fused",
        "instructions",
        *CLASSES.values(),
        "images/s",
    ]
    lines = []
    for record in records:
        row = rows.get(record["spec"])
        numbers = [f"{record[name] / 1e6:.1f}" for name in (*NUMBERS, *CLASSES)]
        mflops, speed = (str(row.mflops), f"{row.images_per_s:.1f}") if row else ("", "")
        lines.append([record["spec"], mflops, *numbers, speed])
    widths = [max(len(line[place]) for line in [columns, *lines]) for place in range(len(columns))]
    return "\n".join(
        "  ".join(cell.rjust(width) if place else cell.ljust(width)
                  for place, (cell, width) in enumerate(zip(line, widths, strict=True))).rstrip()
        for line in [columns, *lines]
    )  # fmt: skip


def correlations(records: Sequence[Mapping[str, Any]], numbers: Sequence[str]) -> pandas.DataFrame:
    """Spearman's rank correlation of numbers with the paper's time for an image, ties at their mean rank.

    One line a number, one column for all networks and one for each group of the paper.
    """
    frame = pandas.DataFrame([dict(record) for record in records]).set_index("spec")
    frame = frame.join(pandas.DataFrame(TABLE_8).set_index("spec"), how="inner")
    frame["seconds_per_image"] = 1 / frame["images_per_s"]
    parts = {"all": frame} | {str(group): part for group, part in frame.groupby("group", sort=False)}
    columns = [*numbers, "seconds_per_image"]
    found = {name: part[columns].rank().corr()["seconds_per_image"] for name, part in parts.items()}
    return pandas.DataFrame(found).drop("seconds_per_image")


def main() -> int:
    """Count, print, and report whether the aims were reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--core", default="cortex-a72", choices=CORES)
    parser.add_argument("--dtype", default="float32", choices=["float32", "float16"])
    parser.add_argument("--jobs", type=int, default=2, help="networks that are counted at a time")
    parser.add_argument("--table-8", action="store_true", help="leave out the rest of the catalogue")
    parser.add_argument("--anew", action="store_true", help="count everything again")
    options = parser.parse_args()
    start = time.perf_counter()
    counter = Counter(options.core, options.dtype)
    if options.anew:
        RESULTS.unlink(missing_ok=True)
    rows = {row.spec: row for row in TABLE_8}
    rest = [] if options.table_8 else [name for name in catalog.entries() if name not in rows]
    records: dict[str, Record] = {}
    interrupted = False
    try:
        for record in counter.counted([*rows, *rest], options.jobs):
            records[record["spec"]] = record
            if "reason" in record:
                print(f"  {record['spec']}: {record['reason']}", flush=True)
            else:
                took = f"{record['seconds']:.0f} s, of a processor {record['cpu_seconds']:.0f} s"
                print(f"  {record['spec']}: {record['total']:,} instructions, {took}", flush=True)
    except KeyboardInterrupt:
        interrupted = True
    made_by = ", ".join(counter.made_by.values())
    held = _show(
        [records[spec] for spec in rows if spec in records], [records[n] for n in rest if n in records], made_by
    )
    print(f"{time.perf_counter() - start:.0f} s, {len(records)} networks")
    if interrupted:
        print(f"Interrupted: what was counted is in {RESULTS}, and the rest is counted by the next run.")
        return 130
    print("All aims were reached." if held else "Some aims were missed, see above.")
    return 0 if held else 1


def _show(in_paper: Sequence[Record], rest: Sequence[Record], made_by: str) -> bool:
    """Print all tables; whether the aims were reached."""
    rows = {row.spec: row for row in TABLE_8}
    held = True
    done = [record for record in in_paper if "reason" not in record]
    if done:
        print(f"\nTable 8 of arXiv 1807.11164, in millions ({made_by}); MFLOPs and images/s are the paper's")
        print(table(done, rows))
        names = {PRINTED: "mult-adds, as printed", **NUMBERS, "without_fma": "instructions without FMAs"}
        done = [record | {"without_fma": record["total"] - record["vector_fma"]} for record in done]
        found = correlations(done, list(names))
        print(f"\nRank correlation with the paper's time for an image, {len(done)} networks")
        print(found.rename(index=names).to_string(float_format="{:.3f}".format))
        groups = found.drop(columns="all").mean(axis=1)
        print("inside the groups, mean: " + ", ".join(f"{names[name]} {value:.3f}" for name, value in groups.items()))
        held &= bool(found.at["total", "all"] >= 0.97 and groups["total"] > groups[[PRINTED, "mult_adds"]].max())
    counted = [record for record in rest if "reason" not in record]
    if counted:
        print("\nThe rest of the catalogue, in millions")
        print(table(counted, {}))
    for record in [*in_paper, *rest]:
        if "reason" in record:
            print(f"{record['spec']} was not counted: {record['reason']}")
        elif record["cpu_seconds"] > MOST_SECONDS:
            held &= record not in in_paper  # others may be larger: Xception has 8.4 thousand million mult-adds
            print(f"{record['spec']} took {record['cpu_seconds']:.0f} s of a processor, more than {MOST_SECONDS}")
    return held and len(done) == len(TABLE_8)


if __name__ == "__main__":
    sys.exit(main())
