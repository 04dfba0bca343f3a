"""What pages in Markdown show: their fenced blocks, the commands in them, and files that a reader is to save."""

from __future__ import annotations

import re
from pathlib import Path

FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
SAVED_AS = re.compile(r"Save this as `([\w.-]+)`[^`\n]*:\n\n$")
"""Ends what stands before a block that the reader saves as a file."""


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """Line number and text of each block of ``language``."""
    text = page.read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, match.start(3)) + 1, match[3]) for match in FENCE.finditer(text) if match[2] == language
    ]


def steps(page: Path) -> list[tuple[int, str, str]]:
    """What a reader does, in the page's order: line number, name of the file to save or "", and the block's text."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        saved = SAVED_AS.search(text, 0, match.start())
        if saved or match[2] == "console":
            found.append((text.count("\n", 0, match.start(3)) + 1, saved[1] if saved else "", match[3]))
    return found


def commands(text: str) -> list[tuple[str, str]]:
    """Split a console block into commands and what each prints."""
    parts = re.split(r"^\$ (.*)\n?", text, flags=re.MULTILINE)
    assert not parts[0].strip(), "a console block begins with a command"
    return list(zip(parts[1::2], parts[2::2], strict=True))


def agrees(printed: str, documented: str) -> bool:
    """Compare line by line, ends of lines and blank lines at the end aside; a line that is only ``…`` is any lines."""
    lines = [line.rstrip() for line in documented.rstrip().splitlines()]
    pattern = "\n".join("(?:.*\n)*?.*" if line == "…" else re.escape(line) for line in lines)
    return re.fullmatch(pattern, "\n".join(line.rstrip() for line in printed.rstrip().splitlines())) is not None
