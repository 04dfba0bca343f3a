"""Wheels: Python packages for another processor, fetched by pip as this machine has it configured."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from lwprof import units
from lwprof.errors import BackendError
from lwprof.timing.emulation import programs
from lwprof.timing.emulation.packages import Report

PIP = (sys.executable, "-P", "-m", "pip")
OLDEST_GLIBC = 17
"""Minor version of the oldest C library for which there are wheels."""


def install(requirements: Sequence[str], python: str, glibc: str, target: Path, report: Report) -> int:
    """Unpack wheels for Linux on ARM into a folder, without what they require; the bytes that were downloaded.

    Args:
        requirements: what to install.
        python: version of the Python that is to import them, such as ``3.11``.
        glibc: version of the C library there, such as ``2.36``.
        target: a folder that is made.
        report: takes a line on every download.

    Raises:
        BackendError: there is no pip, no such wheel or no connection.
    """
    newest = int(glibc.split(".")[1])
    tags = [f"manylinux_2_{minor}_aarch64" for minor in range(newest, OLDEST_GLIBC - 1, -1)]
    cpython = "cp" + "".join(python.split(".")[:2])
    arguments: list[str | Path] = [
        "install", "--target", target, "--no-user", "--no-deps", "--no-compile", "--no-input", "--progress-bar", "off",
        "--disable-pip-version-check", "--only-binary", ":all:", "--python-version", python, "--implementation", "cp",
        *("--abi", cpython, "--abi", "abi3", "--abi", "none"),
        *(part for tag in [*tags, "manylinux2014_aarch64", "any"] for part in ("--platform", tag)),
        *requirements,
    ]  # fmt: skip

    def follow(line: str) -> None:
        if (text := line.strip()).startswith("Downloading "):
            report(f"  {text[0].lower()}{text[1:]}")

    try:
        written = programs.run([*PIP, *arguments], line=follow)
    except BackendError as error:
        if "No module named pip" in str(error):
            raise BackendError("pip is missing here: python -m ensurepip") from error
        raise
    sizes = re.findall(r"^ *Downloading \S+\.whl(?:\.metadata)? \(([\d.]+ \w+)\)", written, re.MULTILINE)
    return sum(int(units.amount(size, of_bytes=True) or 0) for size in sizes)


def versions(folder: Path) -> dict[str, str]:
    """Read which packages lie in a folder."""
    found = (path.name.removesuffix(".dist-info").rpartition("-") for path in folder.glob("*.dist-info"))
    return {name: version for name, _, version in found}
