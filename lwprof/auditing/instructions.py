"""Instructions: what one inference executes on an emulated ARM core, against what it may."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from lwprof.auditing.instruction_limits import NAME, TOLERANCE, TOTAL, InstructionLimit
from lwprof.auditing.latencies import INTERRUPTED, Missing, missing
from lwprof.errors import described
from lwprof.models import Network
from lwprof.results.audit import AuditedModel, AuditResult, Budget
from lwprof.results.latency import Counted
from lwprof.timing.environment import environment
from lwprof.timing.latency import time_subjects
from lwprof.timing.sampling import Progress, part


class Limited(NamedTuple):
    """A network that is built to be counted, and what it may execute."""

    build: Callable[[], Network]
    limit: InstructionLimit


CHOSEN = ("backend", "device", "threads", "seed")
"""What a record of measurements says of them: a count is the same whatever else was measured, and its remark says it.
"""


def held(
    result: AuditResult, limited: Sequence[Limited | None], *, seed: int = 0, progress: Progress | None = None
) -> AuditResult:
    """Count what networks execute that have a budget for it, one after the other.

    Whatever goes wrong is the remark of the budgets that it goes wrong for; Ctrl-C ends the counting, with
    ``interrupted`` set.

    Args:
        result: what was audited.
        limited: one for each network of it, in the same order; ``None`` where it has no such budget.
        seed: of the inputs.
        progress: called with what is going on and the share of it that is done.
    """
    interrupted, record = result.interrupted, dict(result.environment)
    machine = environment() if any(limited) else {}
    models: list[AuditedModel] = []
    counted, networks = 0, sum(item is not None for item in limited)
    for model, item in zip(result.models, limited, strict=True):
        if item is None or model.failure:
            models.append(model)
            continue
        found: Counted | Missing = INTERRUPTED
        if not interrupted:
            try:
                target = item.limit.target(seed)
                shown = part(progress, counted, networks)
                latencies = time_subjects([item.build().subject()], [target], machine=machine, progress=shown)
                record |= {key: value for key, value in latencies.environment.items() if key not in CHOSEN}
                interrupted = latencies.interrupted
                whole = latencies.counts and not latencies.failure
                found = latencies.counts[0] if whole else missing(latencies)
            except KeyboardInterrupt:
                interrupted = True
            except (Exception, SystemExit) as error:
                found = Missing(*described(error))
        counted += 1
        models.append(replace(model, budgets=(*model.budgets, *_budgets(item.limit, found))))
    return replace(
        result,
        models=tuple(models),
        ok=all(model.ok for model in models),
        environment=record,
        interrupted=interrupted,
    )


def _budgets(limit: InstructionLimit, found: Counted | Missing) -> Iterator[Budget]:
    """One for each class that is limited, the total first."""
    for kind, most in limit.most.items():
        name = NAME if kind == TOTAL else f"{NAME}.{kind}"
        if isinstance(found, Missing):
            yield Budget(name, most, None, ok=False, remark=f"not counted: {found.reason}", failure_code=found.code)
            continue
        actual = float(getattr(found.instructions, kind))
        allowed = most * (1 + TOLERANCE) if kind == TOTAL else most
        remark = f"{found.runtime}, {found.dtype}, on an emulated {found.core}"
        remark += f"; up to {100 * TOLERANCE:g} % more is kept" if kind == TOTAL else ""
        yield Budget(name, most, actual, ok=actual <= allowed, remark=remark)
