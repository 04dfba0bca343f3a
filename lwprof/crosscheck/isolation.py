"""Isolation: another tool runs, and the network, the random state and the logs stay as they were."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from lwprof.preservation import evaluated, open_operators, random_state, room_for_calls


@contextmanager
def isolated(module: nn.Module) -> Iterator[None]:
    """Put ``module`` in eval mode, without gradients, warnings or log lines, and everything back afterwards.

    Compiled modules run eagerly and fused transformer layers one operator at a time, so that a tool
    which follows operators can see them.
    """
    modules = list(module.modules())
    with random_state(), room_for_calls(), open_operators(), silence(), evaluated(modules):
        yield


@contextmanager
def silence() -> Iterator[None]:
    """Hold back warnings and log records; a tool that logs to a bare root logger adds no handler to it."""
    disabled = logging.root.manager.disable
    handler = logging.NullHandler()
    logging.root.addHandler(handler)
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        logging.root.removeHandler(handler)
