"""Isolation: another tool runs, and the network, the random state and the logs stay as they were."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

from lwprof.capture.preservation import preserved, random_state, room_for_calls, unchanged_content


@contextmanager
def isolated(module: nn.Module) -> Iterator[None]:
    """Put ``module`` in eval mode, without gradients, warnings or log lines, and everything back afterwards.

    Compiled modules run eagerly and fused transformer layers one operator at a time, so that a tool
    which follows operators can see them.
    """
    modules = list(module.modules())
    with ExitStack() as stack:
        for kept in (random_state(), unchanged_content(modules), room_for_calls(), torch.no_grad(), _silence()):
            stack.enter_context(kept)
        stack.enter_context(preserved(modules))
        if "torch._dynamo" in sys.modules:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        stack.callback(torch.backends.mha.set_fastpath_enabled, fast)
        for part in modules:
            if hasattr(part, "training"):
                part.training = False
        yield


@contextmanager
def _silence() -> Iterator[None]:
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
