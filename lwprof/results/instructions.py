"""Instructions: what a network executes on an emulated core."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Instructions:
    """Executed instructions of one inference, by class; the classes sum to the total."""

    total: int
    """All of them."""
    vector_fma: int
    """Fused multiply-adds of vectors of floats: each of them does as many mult-adds as it has lanes."""
    vector_load: int
    """Loads into vector registers, of single floats as well."""
    vector_store: int
    """Stores of vector registers, of single floats as well."""
    vector_other: int
    """The rest of what is done with vectors: products, sums, permutations, conversions, and all of integers."""
    scalar: int
    """Arithmetic on general registers and of single floats, fused multiply-adds of these included."""
    branch: int
    """Jumps, calls and returns."""
    load: int
    """Loads into general registers."""
    store: int
    """Stores of general registers."""
    other: int = 0
    """System instructions, and what is none of these."""

    @property
    def not_fma(self) -> float:
        """Share that is no vector FMA."""
        return 1.0 - self.vector_fma / self.total if self.total else 0.0

    def per(self, mult_adds: int) -> float | None:
        """Instructions for each of the network's mult-adds; ``None`` where it has none.

        >>> Instructions(101, 75, 10, 2, 4, 6, 2, 1, 1).per(300), Instructions(8, 0, 4, 4, 0, 0, 0, 0, 0).per(0)
        (0.33666666666666667, None)
        """
        return self.total / mult_adds if mult_adds else None
