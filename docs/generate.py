"""Write the pages of this folder that come from code: networks.md, backends.md, commands.md, json.md and guidelines/.

Run from the top of the repository, after `make test` or `make quick`: .venv/bin/python -P docs/generate.py
Names of pages behind it, such as json.md, write those alone.
A test compares the pages with what would be written.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # which `python -P` leaves out

from pages import PAGES  # noqa: E402
from pages.notice import GENERATED  # noqa: E402


def stale() -> list[Path]:
    """Pages that were written once and come from nothing any more."""
    kept = {HERE / name for name in PAGES}
    written = (page for page in HERE.rglob("*.md") if page.read_text(encoding="utf-8").startswith(GENERATED))
    return sorted(page for page in written if page not in kept)


if __name__ == "__main__":
    for old in stale():
        old.unlink()
    for name in sys.argv[1:] or PAGES:
        (HERE / name).parent.mkdir(exist_ok=True)
        (HERE / name).write_text(PAGES[name](), encoding="utf-8")
