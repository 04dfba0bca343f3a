"""Experiment: a table of the ShuffleNetV2 paper (arXiv 1807.11164), and the same measured here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from lwprof.results.document import Document, Scalar, plain
from lwprof.results.latency import Untimed


@dataclass(frozen=True, slots=True)
class PaperSpeed:
    """What the paper prints."""

    speed: float
    unit: str
    """"batches/s" or "images/s"."""
    relative: float
    """Speed over that of the column's first row."""
    device: str
    """What it was measured on."""


@dataclass(frozen=True, slots=True)
class MeasuredSpeed:
    """What was measured here."""

    median_s: float
    ci95_s: tuple[float, float]
    samples_s: tuple[float, ...] = ()
    """Seconds a call, one a round; samples of one position in a column come from the same round."""
    warnings: tuple[str, ...] = ()
    """Of this network; those of all stand in the result's."""


@dataclass(frozen=True, slots=True)
class ExperimentRow:
    """One network of the table."""

    column: str
    """The part of the table that it belongs to, whose first row the others are relative to: "ARM x2"."""
    setting: str
    """What tells its network from the others: "1:6 (13, 78)"."""
    mult_adds: int | None
    memory_access: int | None
    """In elements, paper view; both ``None`` where Ctrl-C came before they were counted."""
    paper: PaperSpeed | None
    measured: MeasuredSpeed | None
    """``None`` where it could not be timed; ``untimed`` of the result says why."""
    relative: float | None
    """Speed here over that of the column's first row, paired round by round."""
    relative_ci95: tuple[float, float] | None
    verdict: str = ""
    """Of the row against the first: "faster", "slower" or "indistinguishable"."""
    also: PaperSpeed | None = None
    """What the paper prints of the same network on its other device, in Table 8."""
    spec: str = ""
    """Of a network of the catalogue."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """Spearman's rank correlation of speeds here with those that the paper prints."""

    column: str
    """The part of the table; empty for all its networks."""
    paper_device: str
    """"GPU" or "ARM"."""
    rho: float
    ci95: tuple[float, float]
    """By the bootstrap over rounds."""
    networks: int


@dataclass(frozen=True, slots=True)
class ExperimentResult(Document):
    """The paper's table beside this machine's."""

    schema: ClassVar[str] = "lwprof.experiment/1"
    experiment: str
    """"g1", "g2", "g3", "g4" or "table8"."""
    title: str
    source: str
    """The table of the paper."""
    backend: str
    device: str
    threads: int
    dtype: str
    rows: tuple[ExperimentRow, ...]
    holds: Mapping[str, str] = field(default_factory=dict)
    """By column: "yes", "no" or "unclear"."""
    verdict: str = ""
    """In a sentence: whether the guideline holds here, by how much, and with what confidence."""
    choices: tuple[str, ...] = ()
    """What the paper does not print, and was chosen."""
    correlations: tuple[Correlation, ...] = ()
    warnings: tuple[str, ...] = ()
    untimed: tuple[Untimed, ...] = ()
    environment: Mapping[str, Scalar] = field(default_factory=dict)
    interrupted: bool = False
    batch: int = 1
    boards: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)
    """What is known of the board that it ran on, by the name of the device."""

    def to_pandas(self) -> Any:
        """One row a network of the table, nested keys joined by dots, as a :class:`pandas.DataFrame`."""
        import pandas

        return pandas.json_normalize([plain(row) for row in self.rows])
