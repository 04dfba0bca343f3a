"""Emulation: real ARM builds of a runtime under QEMU, and the instructions that they execute."""
