"""A program of a few AArch64 instructions, whose counts are known: what a plugin that works says of it."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from lwprof.results.instructions import Instructions
from lwprof.timing.portable.agent import BEGIN, END, MARK

_ADDRESS = 0x10000
_MOVZ, _MOVK_16 = 0xD2800000, 0xF2A00000
_SVC = 0xD4000001
_PRCTL, _EXIT = 167, 94

BODY = (
    0x4E22CC20,  # fmla v0.4s, v1.4s, v2.4s
    0x4F821020,  # fmla v0.4s, v1.4s, v2.s[0]
    0x3DC003E0,  # ldr q0, [sp]
    0x3C9F0FE0,  # str q0, [sp, #-16]!
    0x6E22DC20,  # fmul v0.4s, v1.4s, v2.4s
    0x91000400,  # add x0, x0, #1
    0xF94003E2,  # ldr x2, [sp]
    0xF90003E2,  # str x2, [sp]
    0x14000001,  # b, to the next
    0xD503201F,  # nop
)
COUNTS = Instructions(
    total=14, vector_fma=2, vector_load=1, vector_store=1, vector_other=1, scalar=4, branch=1, load=1, store=1, other=2
)
"""Of :data:`BODY` as a region, with the four instructions that close it."""


def program(*regions: Sequence[int]) -> bytes:
    """Make a static program that runs each of these sequences of instructions as a counted region.

    Registers ``x0``, ``x1`` and ``x8`` are changed between them.
    """
    code: list[int] = []
    for body in regions:
        code += [*mark(BEGIN), *body, *mark(END)]
    code += [_MOVZ, _set(8, _EXIT), _SVC]
    return executable(code)


def mark(kind: int) -> list[int]:
    """The instructions of a mark; ``x8`` is set by that which opens."""
    number = [_set(8, _PRCTL)] if kind == BEGIN else []
    return [*number, _set(0, MARK & 0xFFFF), _MOVK_16 | (MARK >> 16) << 5, _set(1, kind), _SVC]


def _set(register: int, value: int) -> int:
    return _MOVZ | value << 5 | register


def executable(code: Sequence[int]) -> bytes:
    """Make a static ELF file of instructions, which begins with the first of them."""
    head, segment = 64, 56
    size = head + segment + 4 * len(code)
    entry = _ADDRESS + head + segment
    kind, machine, version = 2, 183, 1  # a program, for AArch64
    header = (kind, machine, version, entry, head, 0, 0, head, segment, 1, 0, 0, 0)
    readable_and_executable = 5
    return (
        struct.pack("<4s4B8xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, *header)
        + struct.pack("<IIQQQQQQ", 1, readable_and_executable, 0, _ADDRESS, _ADDRESS, size, size, 0x1000)
        + struct.pack(f"<{len(code)}I", *code)
    )
