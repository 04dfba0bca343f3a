"""Every alias: the library has the network, and it is counted without a gap."""

from __future__ import annotations

import pytest

import lwprof
from lwprof.models import aliases


@pytest.mark.parametrize("name", aliases.entries())
def test_an_alias_names_a_network_that_is_there(name: str) -> None:
    result = lwprof.profile(name)
    assert result.model.name == name
    assert result.coverage.unknown == ()
    assert not result.input_dependent
    assert result.totals.mult_adds > 0
