"""Names of ARM cores, by the numbers that their main ID register holds."""

from __future__ import annotations

NAMES = {
    0x41: {
        0xC05: "Cortex-A5", 0xC07: "Cortex-A7", 0xC08: "Cortex-A8", 0xC09: "Cortex-A9", 0xC0D: "Cortex-A12",
        0xC0E: "Cortex-A17", 0xC0F: "Cortex-A15",
        0xD01: "Cortex-A32", 0xD03: "Cortex-A53", 0xD04: "Cortex-A35", 0xD05: "Cortex-A55", 0xD07: "Cortex-A57",
        0xD08: "Cortex-A72", 0xD09: "Cortex-A73", 0xD0A: "Cortex-A75", 0xD0B: "Cortex-A76", 0xD0C: "Neoverse-N1",
        0xD0D: "Cortex-A77", 0xD0E: "Cortex-A76AE",
        0xD40: "Neoverse-V1", 0xD41: "Cortex-A78", 0xD42: "Cortex-A78AE", 0xD44: "Cortex-X1", 0xD46: "Cortex-A510",
        0xD47: "Cortex-A710", 0xD48: "Cortex-X2", 0xD49: "Neoverse-N2", 0xD4B: "Cortex-A78C", 0xD4C: "Cortex-X1C",
        0xD4D: "Cortex-A715", 0xD4E: "Cortex-X3", 0xD4F: "Neoverse-V2",
        0xD80: "Cortex-A520", 0xD81: "Cortex-A720", 0xD82: "Cortex-X4", 0xD83: "Neoverse-V3AE", 0xD84: "Neoverse-V3",
        0xD85: "Cortex-X925", 0xD87: "Cortex-A725", 0xD89: "Cortex-A720AE", 0xD8B: "C1-Pro", 0xD8C: "C1-Ultra",
        0xD8E: "Neoverse-N3",
    },
    0x42: {0x100: "Brahma-B53", 0x516: "Vulcan"},
    0x43: {0x0A1: "ThunderX", 0x0A2: "ThunderX 81xx", 0x0A3: "ThunderX 83xx", 0x0AF: "ThunderX2"},
    0x46: {0x001: "A64FX"},
    0x48: {0xD01: "TaiShan v110", 0xD02: "HIP09"},
    0x4E: {0x003: "Denver", 0x004: "Carmel"},
    0x51: {
        0x001: "Oryon", 0x200: "Kryo", 0x800: "Kryo 2xx Gold", 0x801: "Kryo 2xx Silver", 0x802: "Kryo 3xx Gold",
        0x803: "Kryo 3xx Silver", 0x804: "Kryo 4xx Gold", 0x805: "Kryo 4xx Silver", 0xC00: "Falkor",
    },
    0x61: {
        0x022: "M1 Icestorm", 0x023: "M1 Firestorm", 0x024: "M1 Pro Icestorm", 0x025: "M1 Pro Firestorm",
        0x028: "M1 Max Icestorm", 0x029: "M1 Max Firestorm", 0x032: "M2 Blizzard", 0x033: "M2 Avalanche",
        0x034: "M2 Pro Blizzard", 0x035: "M2 Pro Avalanche", 0x038: "M2 Max Blizzard", 0x039: "M2 Max Avalanche",
    },
    0x6D: {0xD49: "Cobalt 100"},
    0xC0: {0xAC3: "AmpereOne", 0xAC4: "AmpereOne A"},
}  # fmt: skip
"""By implementer and part. Source: the Linux kernel, ``arch/arm64/include/asm/cputype.h``, and for the 32-bit cores
(from 0xC05) ``arch/arm/include/asm/cputype.h``."""


def name(implementer: int, part: int) -> str:
    """Name a core; by its numbers where it has no name here.

    >>> name(0x41, 0xD0B), name(0x41, 0xFFF)
    ('Cortex-A76', 'ARM core 0x41/0xfff')
    """
    return NAMES.get(implementer, {}).get(part) or f"ARM core {implementer:#x}/{part:#x}"
