"""Instructions: what a network executes on an emulated core."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Instructions:
    """Executed instructions of one inference, by class; the classes sum to the total."""

    total: int
    vector_fma: int
    """Fused multiply-adds of vectors: each of them as many mult-adds as it has lanes."""
    vector_load: int
    vector_store: int
    vector_other: int
    scalar: int
    """Arithmetic, of integers and of single numbers with fractions."""
    branch: int
    load: int
    """Of scalars, as is ``store``."""
    store: int
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
