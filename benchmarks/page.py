"""The report page at the size that people make: ten networks on two backends, with layers, audit and roofline.

Everything is measured first, with little time for each, in a minute or two. Wanted: a page below 5 MB, opened by
chromium without an error, a warning or a request besides the file itself, with the first paint within a second, the
median of five openings in new browsers. Usage: python benchmarks/page.py [--keep FILE.html]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import lwprof
from lwprof import reports
from lwprof.results.loading import Result

NETWORKS = (
    "mbv1", "mbv2", "mbv3_small", "mbv3_large", "mobilenext", "shufflenetv1", "shufflenetv2", "squeezenet", "effnet",
    "ghostnet",
)  # fmt: skip
BACKENDS = ("torch", "onnxruntime")
LARGEST, SLOWEST_S, OPENINGS = 5_000_000, 1.0, 5
BROWSER = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
           "--disable-sync", "--no-first-run")  # fmt: skip
PAINT = "performance.getEntriesByName('first-contentful-paint').map(entry => entry.startTime)[0]"


def measured(budget_s: float) -> list[tuple[str, Result]]:
    """Results as somebody would save them, under the names of their files."""
    networks = list(NETWORKS)
    parts: dict[str, Callable[[], Result]] = {
        "compare": lambda: lwprof.compare(networks, backend=BACKENDS, budget_s=budget_s * len(networks)),
        "audit": lambda: lwprof.audit(networks),
        "roofline": lambda: lwprof.roofline(networks[:2], budget_s=budget_s),
        **{name: lambda name=name: lwprof.time_layers(name, budget_s=budget_s)
           for name in networks},
    }  # fmt: skip
    found = []
    for name, measure in parts.items():
        start = time.perf_counter()
        found.append((f"{name}.json", measure()))
        print(f"  {name:12} {time.perf_counter() - start:5.1f} s", file=sys.stderr)
    return found


def opened(file: Path, browser: str) -> tuple[list[float], list[str]]:
    """Seconds to the first paint, of some openings, and everything that went wrong."""
    from playwright.sync_api import sync_playwright

    at = file.as_uri()
    paints, wrong = [], []
    with sync_playwright() as playwright:
        for _ in range(OPENINGS):
            chromium = playwright.chromium.launch(executable_path=browser, args=list(BROWSER))
            page = chromium.new_page()
            page.on("console", lambda message: wrong.append(f"console: {message.text}"))
            page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
            page.on("request", lambda request: wrong.append(f"request: {request.url}") if request.url != at else None)
            page.goto(at)
            page.wait_for_selector("html[data-ready]", state="attached")
            paints.append(page.evaluate(PAINT) / 1e3)
            chromium.close()
    return paints, wrong


def main() -> int:
    """Build the page, open it, and report whether it held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=float, default=1.0, metavar="SECONDS", help="to time each network")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write the page there, too")
    options = parser.parse_args()
    results = measured(options.budget)
    start = time.perf_counter()
    text = reports.render_all(results, "html")
    written_s = time.perf_counter() - start
    size = len(text.encode())
    print(f"The page of {len(NETWORKS)} networks on {' and '.join(BACKENDS)}, with layers, audit and roofline")
    print(f"  size {size / 1e6:.2f} MB (wanted: below {LARGEST / 1e6:g}), written in {written_s:.1f} s")
    held = size < LARGEST
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "report.html").resolve()
        file.write_text(text, encoding="utf-8")
        if options.keep:
            options.keep.write_text(text, encoding="utf-8")
        browser = shutil.which("chromium") or shutil.which("chromium-browser")
        if browser is None:
            print("  not opened: there is no chromium")
            return 0 if held else 1
        paints, wrong = opened(file, browser)
    paint = statistics.median(paints)
    every = ", ".join(f"{1e3 * seconds:.0f}" for seconds in paints)
    print(f"  first paint after {1e3 * paint:.0f} ms (wanted: below {1e3 * SLOWEST_S:.0f}; all: {every})")
    print(f"  errors, warnings and requests: {'none' if not wrong else '; '.join(wrong)}")
    return 0 if held and paint < SLOWEST_S and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
