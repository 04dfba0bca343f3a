"""Timing: latency of networks on a backend, by interleaved rounds against a clock.

Nothing here knows graphs, and only the files of :mod:`lwprof.timing.backends` know a runtime.
"""
