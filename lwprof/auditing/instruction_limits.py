"""Instruction limits: how many instructions of ARM one inference may execute, as settings and command lines give it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from lwprof.auditing import amounts
from lwprof.errors import InputError, about
from lwprof.results.instructions import Instructions
from lwprof.settings import check_keys
from lwprof.timing.backends import Options, check
from lwprof.timing.devices import CORES, EMULATED, parse
from lwprof.timing.targets import Target, find_targets

NAME = "max_arm_instructions"
TOTAL = "total"
CLASSES = tuple(item.name for item in fields(Instructions))
"""What can be limited, :data:`TOTAL` first; the others are its parts."""

TOLERANCE = 1e-4
"""Share of a total that it may be over its limit: two runs of one network agree within a few millionths."""


@dataclass(frozen=True, slots=True)
class InstructionLimit:
    """How many instructions one inference may execute on an emulated core."""

    most: Mapping[str, float]
    """By class: those of :data:`CLASSES` that are limited."""
    core: str = CORES[0]
    dtype: str = ""
    """What to compute in; empty for what the network is built in."""

    def target(self, seed: int = 0) -> Target:
        """What the network is counted on.

        Raises:
            BackendError: the backend is not installed, or does not compute in that dtype.
        """
        (target,) = find_targets([], [Options(f"{EMULATED}:{self.core}", seed=seed, dtype=self.dtype)])
        return target


def limit(table: Mapping[str, Any], label: str, base: InstructionLimit | None = None) -> InstructionLimit:
    """Read a budget of instructions as settings and command lines give it.

    >>> found = limit({"total": "102M", "vector_fma": 75_178_016}, "max_arm_instructions")
    >>> found.most["total"], found.most["vector_fma"], found.core
    (102000000.0, 75178016.0, 'cortex-a76')

    Args:
        table: its settings.
        label: what messages call them.
        base: the limit that holds where ``table`` says nothing.

    Raises:
        InputError: an unknown setting, a wrong value, or nothing that is limited.
    """
    check_keys(table, (*CLASSES, *_READERS), label)
    most = {key: amounts.limit(table[key], f"{label}.{key}", "102M") for key in CLASSES if key in table}
    chosen = {key: _READERS[key](table[key], f"{label}.{key}") for key in _READERS if key in table}
    base = base or InstructionLimit({})
    most = {key: {**base.most, **most}[key] for key in CLASSES if key in base.most or key in most}
    if not most:
        raise InputError(f'{label} limits nothing; write {{total = "102M"}}')
    return replace(base, most=most, **chosen)


def _core(value: Any, label: str) -> str:
    with about(label):
        return parse(f"{EMULATED}:{_text(value)}").core


def _dtype(value: Any, label: str) -> str:
    with about(label):
        check(Options(dtype=_text(value)))
    return str(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise InputError(f"it must be a name, not {value!r}")
    return value


_READERS = {"core": _core, "dtype": _dtype}
