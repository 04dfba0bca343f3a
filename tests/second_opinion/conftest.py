"""torchvision and timm need a torch of their own: `make second-opinion` runs this folder in both environments.

A file whose library is not installed is left out; a run in which all are fails, as one without tests.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import pytest

NEEDED = {
    "aliases": ("pytorchcv", "timm", "torchvision"),
    "pytorchcv": ("pytorchcv",),
    "timm": ("timm",),
    "torchvision": ("torchvision",),
    "scores": ("timm", "torchvision"),
}
"""Libraries, by what the file is about."""

collect_ignore = [
    f"test_{subject}.py" for subject, libraries in NEEDED.items() if any(find_spec(name) is None for name in libraries)
]


@pytest.fixture
def counts() -> Callable[[str, tuple[int, ...]], tuple[int, int]]:
    """Params and mult-adds of a model spec, of which nothing may be unknown."""
    import lwprof

    def count(spec: str, input_size: tuple[int, ...]) -> tuple[int, int]:
        result = lwprof.profile(spec, input_size=input_size)
        assert result.coverage.unknown == ()
        return result.totals.params, result.totals.mult_adds

    return count
