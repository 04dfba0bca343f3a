from __future__ import annotations

from lwprof.timing.portable.clock import performance_clock


def test_clock_goes_forward_and_knows_its_tick() -> None:
    clock = performance_clock()
    assert clock.now() <= clock.now()
    assert 0 < clock.tick_s < 0.1
