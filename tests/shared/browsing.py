"""Browsing: how chromium is started, and what a test asks of a report page in it."""

from __future__ import annotations

import re
from typing import Any

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--no-first-run")  # fmt: skip
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


def texts(page: Any, selector: str) -> list[str]:
    """The texts of all that a selector finds, without line breaks."""
    return [re.sub(r"\s+", " ", text).strip() for text in page.locator(selector).all_inner_texts()]


def column(page: Any, table: str, key: str) -> list[str]:
    """A column of a table as it stands, by its key."""
    script = """([table, key]) => {
      const header = document.querySelector(`#${table} th[data-key="${key}"]`);
      if (!header) return [];
      const rows = [...document.querySelectorAll(`#${table} tbody tr`)];
      return rows.map((row) => row.cells[header.cellIndex]?.textContent.trim());
    }"""
    return list(page.evaluate(script, [table, key]))


def hover(page: Any, figure: str, x: float, y: float) -> dict[str, str]:
    """Point at a place of a chart, in its axes' units; what stands there then, by its names, with the heading as ""."""
    canvas = page.locator(f'figure[data-of="{figure}"] .canvas')
    canvas.scroll_into_view_if_needed()
    left, top = canvas.evaluate("(canvas, at) => canvas.chart.convertToPixel('grid', at)", [x, y])
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + left - 40, box["y"] + top + 1)
    page.mouse.move(box["x"] + left, box["y"] + top)
    page.wait_for_selector(f'figure[data-of="{figure}"] .tip')
    found = canvas.locator(".tip")
    names, values = found.locator("dt").all_inner_texts(), found.locator("dd").all_inner_texts()
    return {"": found.locator("b").inner_text(), **dict(zip(names, values, strict=True))}
