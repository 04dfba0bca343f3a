"""Which networks of the catalogue are run with weights in the quick part of the tests: one light one of each file."""

from __future__ import annotations

from typing import Any

import pytest

from lwprof.models import catalog

_LIGHT = [entry for entry in catalog.entries().values() if entry.params < 10_000_000]
QUICK = frozenset({entry.builder.partition(":")[0]: entry.name for entry in reversed(_LIGHT)}.values())


def network_cases() -> list[Any]:
    """Every name, for ``parametrize``; those that are not quick are marked slow."""
    return [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in catalog.entries()]
