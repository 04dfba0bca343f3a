"""Pages: the documentation that comes from code."""

from __future__ import annotations

from collections.abc import Callable

from pages import commands, conversions, guidelines, json_keys, networks

PAGES: dict[str, Callable[[], str]] = {
    "networks.md": networks.page,
    "backends.md": conversions.page,
    "commands.md": commands.page,
    "json.md": json_keys.page,
    **guidelines.PAGES,
}
"""What writes each page, by its name in docs."""
