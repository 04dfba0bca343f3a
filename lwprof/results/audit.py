"""Audit: what breaks a guideline or a budget in a network's design, at what price, and what to write instead."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from lwprof.results.document import Document, Scalar
from lwprof.results.instructions import Instructions
from lwprof.results.networks import Model
from lwprof.results.structure import Coverage, Fragmentation, Totals

ERROR, WARNING, INFO = SEVERITIES = ("error", "warning", "info")
"""The gravest first."""


BASELINE = "lwprof.baseline"
"""The schema of baselines, which are no results and stand in files of their own."""


def _check_severity(severity: str) -> None:
    if severity not in SEVERITIES:
        raise ValueError(f"severity must be one of {', '.join(SEVERITIES)}, not {reprlib.repr(severity)}")


@dataclass(frozen=True, slots=True)
class Location:
    """Where the code stands that a finding is about."""

    file: str
    """Relative to the current folder, with ``/``."""
    line: int
    """Counted from 1."""


@dataclass(frozen=True, slots=True)
class Form:
    """One layer by itself, so that it can be built again and timed."""

    type: str
    """The class in ``torch.nn``."""
    settings: Mapping[str, int | list[int]]
    """Its keyword arguments."""
    input_shape: tuple[int, ...]
    """Of what it is called with, batch included."""


@dataclass(frozen=True, slots=True)
class Gain:
    """What an alternative gained when it was timed against the layer, in interleaved rounds."""

    backend: str
    device: str
    threads: int
    before_s: float
    """Median of one call of the layer as it is."""
    after_s: float
    """The same of the alternative."""
    ratio: float
    """Median of alternative over layer, round by round: below 1 the alternative is faster."""
    ci95: tuple[float, float]
    """95 % bootstrap interval of that median."""
    verdict: str
    """Of the alternative: "faster", "slower" or "indistinguishable"."""
    before_samples_s: tuple[float, ...] = ()
    """Every sample of the layer, one a round."""
    after_samples_s: tuple[float, ...] = ()
    """Those of the alternative, from the same rounds."""
    dtype: str = ""
    """What both computed in; empty in documents of earlier versions."""


@dataclass(frozen=True, slots=True)
class CountedGain:
    """What an alternative gained in executed instructions, counted on an emulated core: nothing of time."""

    backend: str
    device: str
    """With the core: "arm-emulated:cortex-a76"."""
    core: str
    runtime: str
    """Name and version of what runs both there."""
    dtype: str
    """What both computed in."""
    before: Instructions
    """Of one call of the layer as it is."""
    after: Instructions
    """The same of the alternative."""
    ratio: float
    """Total of the alternative over that of the layer: below 1 it executes fewer."""
    verdict: str
    """Of the alternative: "fewer", "more", or "the same" where the totals are within 0.01 %, or a thousand."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """What to write instead of a layer, with about the same mult-adds."""

    text: str
    """As Python."""
    mult_adds: int
    """Of one call."""
    instead_of: int
    """Mult-adds of one call of the layer as it is."""
    saves: int
    """Elements of memory access (eager view) that it saves in all calls."""
    before: Form
    after: Form
    gain: Gain | None = None
    """Where it was timed."""
    unmeasured: str = ""
    """Why it was neither timed nor counted, where it was to be."""
    counted: CountedGain | None = None
    """Where instructions were counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a network breaks a guideline."""

    code: str
    slug: str
    severity: str
    """"error", "warning" or "info"."""
    module: str
    """Qualified name of the module; of a network without modules, its operator; empty for the network itself."""
    message: str
    measured: float | None
    """What the guideline measures, such as memory access over its lower bound; ``None`` where it measures nothing."""
    threshold: float | None
    cost: int
    """Memory access in elements (eager view) of the operators that the finding is about, all calls together."""
    cost_share: float
    """That as a share of the network's."""
    suggestion: str
    type: str = ""
    """The module's class."""
    calls: int = 1
    """How often the module was called so."""
    alternative: Alternative | None = None
    location: Location | None = None
    known: bool = False
    """It stands in the baseline, and was no better there."""
    fails: bool = True
    """It alone makes the audit fail."""

    def __post_init__(self) -> None:
        _check_severity(self.severity)


@dataclass(frozen=True, slots=True)
class Ignored:
    """A finding that the settings say to leave out."""

    code: str
    module: str
    reason: str


@dataclass(frozen=True, slots=True)
class Guideline:
    """A rule that was asked, and what its page says."""

    code: str
    slug: str
    title: str
    """Its page in one line."""
    severity: str
    """Of breaking it, as this audit judges."""
    quantity: str
    """What ``measured`` is a number of; empty where the rule measures nothing."""
    page: str
    """All of its documentation, in Markdown."""

    def __post_init__(self) -> None:
        _check_severity(self.severity)


@dataclass(frozen=True, slots=True)
class Checked:
    """How one rule fared in a network."""

    code: str
    candidates: int
    """Places that it looked at."""
    broken: int
    """Those beyond the threshold, ignored ones included."""
    worst: float | None
    """What it measured at the worst of them."""


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit that the network was given, and what it is."""

    name: str
    """Such as "max_params", and "max_memory_access.fused" with its view."""
    limit: float
    actual: float | None
    """``None`` where there is none, or it could not be found out; the remark says why."""
    ok: bool
    """It is within its limit, as far as can be told; not where it could not be found out."""
    advisory: bool = False
    """Being over it does not make the audit fail."""
    remark: str = ""
    """What the numbers alone do not say: an interval, or why there is no number."""
    ci95: tuple[float, float] | None = None
    """95 % bootstrap interval of what was measured."""
    samples_s: tuple[float, ...] = ()
    """Every sample of the network, where it was timed, one a round."""
    other_samples_s: tuple[float, ...] = ()
    """Those of the network that it was compared to, from the same rounds."""
    failure_code: int = 0
    """Exit code that stands for why it was not measured, as that of a network; 0 otherwise."""


@dataclass(frozen=True, slots=True)
class Growth:
    """A number that is larger than in the baseline."""

    quantity: str
    """Such as "mult_adds", and "memory_access.fused" with its view."""
    module: str
    """Qualified name of the module; empty for the whole network."""
    old: int
    new: int


@dataclass(frozen=True, slots=True)
class AuditedModel:
    """One network: what breaks a guideline, and how it stands to its budgets and its baseline."""

    name: str
    findings: tuple[Finding, ...] = ()
    """The costliest first."""
    budgets: tuple[Budget, ...] = ()
    model: Model | None = None
    """``None`` for one that could not be looked at."""
    totals: Totals | None = None
    coverage: Coverage | None = None
    fragmentation: Fragmentation | None = None
    layers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """What each costs by itself, such as "mult_adds", by its name in the order of the module tree; without zeros."""
    checked: tuple[Checked, ...] = ()
    """One entry a rule."""
    ignored: tuple[Ignored, ...] = ()
    growth: tuple[Growth, ...] = ()
    """Against the baseline; the network's own numbers first, then the layers that they come from."""
    mended: int = 0
    """Findings of the baseline that are gone."""
    in_baseline: bool | None = None
    """Whether the baseline knows the network: of one that it does not, every finding is new. ``None`` without one."""
    failure: str = ""
    """Why the network could not be looked at."""
    failure_code: int = 0
    """Exit code that this stands for: 2 a wrong request or input, 3 a library that is missing, 4 an internal error."""

    @property
    def ok(self) -> bool:
        """Whether nothing of it makes the audit fail."""
        over = any(not budget.ok and not budget.advisory for budget in self.budgets)
        return not (self.failure or self.growth or over or any(finding.fails for finding in self.findings))


@dataclass(frozen=True, slots=True)
class AuditResult(Document):
    """What an audit found in each network."""

    schema: ClassVar[str] = "lwprof.audit/1"
    models: tuple[AuditedModel, ...]
    ok: bool
    """Nothing makes the audit fail."""
    settings: str = ""
    """The file that said what to audit."""
    baseline: str = ""
    """The file of what was known before."""
    environment: Mapping[str, Scalar] = field(default_factory=dict)
    """Machine and versions, where something was measured."""
    warnings: tuple[str, ...] = ()
    """What makes the measurements less trustworthy, and what to do."""
    interrupted: bool = False
    """Ctrl-C ended it; what was complete is there."""
    rules: tuple[Guideline, ...] = ()
    """The rules that were asked, in the order of their codes."""
    boards: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)
    """What is known of each board that something was timed on, by the name of its device."""
