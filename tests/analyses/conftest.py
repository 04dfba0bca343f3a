"""Every network of the catalogue is profiled once for all tests, without filling weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
import torch

import lwprof
from lwprof.results.profile import ProfileResult


@pytest.fixture(scope="session")
def profiled() -> Callable[[str], ProfileResult]:
    @cache
    def profile(spec: str) -> ProfileResult:
        with torch.device("meta"):
            return lwprof.profile(spec)

    return profile
